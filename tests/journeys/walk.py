"""Every page of the site with the one who may see it, on the demonstration edition."""

import datetime as dt
import json
from typing import Any

from django.urls import reverse

from tests.ground.site import Site

FIND = """
import datetime as dt
import json
import uuid
from django.db.models import Count, F, Q
from django.utils import timezone
from django.core import signing
from accounts.models import User
from events import models as m
from events.links import broadcasts_token, desk_mails_token, reminders_token
from events.links import follow_token, follows_off_token, follows_token
from events import hosting
from events.exchange.entries import Problem
from events.exchange.faults import Fault
from events.mail.compose import compose
from events.mail.outbox import owe
from events.mail.transport import KeepOnSite
from events.scheduling import managers
from events.partners import issue_token
from events.registration.address import write_token
from events.views.ballot import RECEIPT_SALT
from events.views.tickets import write_receipt
from events.webhooks.tell import ping
demo, is_demo = dict(activity__festival__is_demo=True), dict(festival__is_demo=True)
visitor = (
    m.Visitor.objects.alias(
        held=Count("registrations", filter=Q(registrations__status="confirmed")),
        waits=Count("registrations", filter=Q(registrations__status="waiting")),
    )
    .filter(waits__gt=0)
    .order_by("-held", "pk")[0]
)
ticket = visitor.registrations.filter(status="confirmed").order_by("pk")[0]
host = m.Host.objects.get(slug="les-robots-du-canal")
full = m.Slot.objects.filter(activity__host=host, waiting__gt=0).order_by("pk")[0]
open_ = m.Slot.objects.filter(activity__host=host, waiting=0).order_by("pk")[0]
submitted = m.Activity.objects.filter(state="submitted", territory__slug="toulouse").order_by("pk")[0]
room = m.Room.objects.filter(venue__slug="la-cantine").order_by("pk")[0]
entry = m.BallotEntry.objects.filter(ballot__territory__slug="toulouse").order_by("pk")[0]
hook, is_new = m.Webhook.objects.get_or_create(
    territory=full.activity.territory, name="Ville", url="https://ville.example/", is_active=False, failures=9
)
if is_new:
    ping(hook, now=timezone.now())
    issue_token(name="Office de tourisme", territory=hook.territory)
now = timezone.now()
kept, is_new = m.Visitor.objects.get_or_create(email="gardee@example.org")
if is_new:
    roomy = Q(activity__mode="first_come", capacity__gt=F("taken") + F("held") + 5)
    free = list(m.Slot.objects.published().upcoming(now).filter(roomy).order_by("pk"))
    there, beside = next(
        (one, other) for one in free for other in free
        if one.activity_id != other.activity_id and one.starts_at <= other.starts_at < one.ends_at
    )
    offered, unsure = [slot for slot in free if slot.day != there.day][:2]
    long = m.Slot.objects.filter(waiting__gt=0).exclude(pk=full.pk).order_by("-pk")[0]
    until = dict(status="held", held_until=now + dt.timedelta(hours=2))
    for slot, counter, by, state in (
        (there, "taken", 3, dict(status="confirmed", confirmed_at=now)),
        (beside, "held", 3, dict(hold="choice", **until)),
        (offered, "held", 3, dict(hold="offer", waiting_since=now, **until)),
        (unsure, "held", 3, dict(hold="address", **until)),
        (long, "waiting", 1, dict(status="waiting", waiting_since=now)),
    ):
        m.Slot.objects.filter(pk=slot.pk).update(**{counter: F(counter) + by})
        m.Registration.objects.create(
            slot=slot, visitor=kept, submission_id=uuid.uuid4(), submission_hash="0" * 64, party_size=3,
            created_at=now, **state
        )
there = full.activity.territory
by = there.team.order_by("pk")[0].user
follower, is_new = m.Follower.objects.get_or_create(
    email="suit@example.org", defaults=dict(mailbox="suit@example.org", created_at=now)
)
city = m.Topic.objects.get_or_create(key=f"territory:{there.pk}", defaults=dict(territory=there))[0]
theirs = m.Topic.objects.get_or_create(key=f"host:{host.pk}", defaults=dict(host=host))[0]
words = dict(words="Un message.", page="/villes/toulouse/", asked_at=now)
follow = m.Follow.objects.get_or_create(
    follower=follower, topic=city, defaults=dict(confirmed_at=now, **words)
)[0]
asked = m.Follow.objects.get_or_create(follower=follower, topic=theirs, defaults=words)[0]
greeter, is_new = m.HostPerson.objects.get_or_create(host=host, name="Camille Fictive", role="Fondatrice")
if is_new:
    later = now + dt.timedelta(days=1)
    m.Absence.objects.create(person=greeter, starts_at=now, ends_at=later, reason="Salon")
    m.Appearance.objects.create(person=greeter, slot=full, starts_at=full.starts_at, ends_at=full.ends_at)
    m.RoomRequest.objects.create(
        room=room, label="Répétition", starts_at=full.starts_at, ends_at=full.ends_at,
        asked_by=by, asked_at=now,
    )
    agenda = m.AgendaSource.objects.create(
        territory=there, url="https://agenda.example/toulouse/events.v2.json?size=300", next_check_at=later,
        checked_at=now, held_at=now, held_gone=43, held_known=60,
    )
    m.AgendaRun.objects.create(
        source=agenda, outcome="imported", at=now, last_at=now, created=12, slots_created=60, refused=1,
        problems=[Problem(4, Fault.OTHER_TERRITORY.of(commune="Lyon"), of_event=True).kept],
    )
    m.AgendaRun.objects.create(
        source=agenda, outcome="held", at=now, last_at=later, times=3, gone=43, known=60
    )
    was = dict(
        starts_at=full.starts_at.isoformat(), ends_at=full.ends_at.isoformat(), timezone=full.timezone,
        room="Salle Canal", venue="La Cantine",
    )
    release = m.Release.objects.create(
        territory=there, festival=full.activity.festival, number=1, name="Grandes salles", released_at=now,
        released_by=by, note="Une salle plus grande.",
        snapshot=[
            {"slot": full.pk, "title": full.activity.title_fr, "title_en": "", "host": host.name, **was}
        ],
    )
    m.ReleaseChange.objects.create(
        release=release, slot=full, kind="room", title_fr=full.activity.title_fr, host_name=host.name,
        before=was, after={**was, "room": "Grande salle"},
    )
    m.Broadcast.objects.create(
        festival=full.activity.festival, territory=there, segment={"who": "attente", "part": ""}, counted=40,
        subject="Une place de plus", text="Bonne nouvelle.", created_by=by, created_at=now,
    )
    owe(
        kind="confirmation", dedupe_key=f"confirm:walk:{now}", recipient=visitor.email, locale="fr", now=now,
        registration=ticket, territory=there, send_at=now + dt.timedelta(hours=9),
    )
    m.Job.objects.create(
        kind="message", territory=there, asked_by=by, asked_at=now, started_at=now, state="running", total=40,
        done=10, lease_token=uuid.uuid4(), lease_until=now + dt.timedelta(hours=9),
    )
    twin = m.Venue.objects.create(territory=there, slug="la-cantine-numerique", name="La cantine numérique")
    m.VenuePicture.objects.create(venue=room.venue, image="venues/none.webp", caption_fr="La verrière")
confirmed = there.messages.filter(kind="confirmation", registration__isnull=False).order_by("pk")[0]
letter = compose(confirmed, now=now)
KeepOnSite(lambda: now).send(letter, about_to_give=lambda: None)
mail = m.KeptMail.objects.get(message_id=letter.extra_headers["Message-ID"])
wishes = [slot.pk for slot in m.Slot.objects.filter(activity__ballot=entry.ballot).order_by("pk")[:2]]
kept_as = {one.hold or one.status: one.reference for one in kept.registrations.all()}
print(json.dumps({
    "kept": kept.token,
    "choice": kept_as["choice"],
    "offer": kept_as["offer"],
    "unconfirmed": kept_as["address"],
    "waiting": kept_as["waiting"],
    "new_address": write_token(visitor=kept, email="nouvelle@example.org"),
    "token": visitor.token,
    "receipt": write_receipt(slot_id=full.pk, party_size=2, is_waiting=True, email="camille@example.org"),
    "outbox": mail.pk,
    "ballot_receipt": signing.dumps([entry.ballot_id, wishes, 2, "c…@example.org"], salt=RECEIPT_SALT),
    "host_join": signing.dumps({"host": host.pk, "email": "hote@demo.example"}, salt=hosting.INVITATION),
    "room_join": signing.dumps(
        {"room": room.pk, "email": "organisation@demo.example"}, salt=managers.INVITATION
    ),
    "stop": reminders_token(visitor.pk),
    "leave": desk_mails_token(by.pk, "digests"),
    "follow": follow_token(follow.pk),
    "follow_asked": follow_token(asked.pk),
    "follow_off": follows_off_token(follower.pk, [follow.pk]),
    "follows": follows_token(follower.pk),
    "no_broadcasts": broadcasts_token(visitor.email),
    "mail": there.messages.filter(kind="confirmation").order_by("pk")[0].pk,
    "broadcast": there.broadcasts.order_by("pk")[0].pk,
    "reference": ticket.reference,
    "day": ticket.slot.day.isoformat(),
    "activity": open_.activity.slug,
    "activity_pk": open_.activity_id,
    "full": full.pk,
    "open": open_.pk,
    "cancelled": m.Slot.objects.filter(state="cancelled", **demo).order_by("pk")[0].pk,
    "drop_in": m.Slot.objects.filter(activity__mode="drop_in", **demo).order_by("pk")[0].pk,
    "past": m.Activity.objects.filter(festival__slug="agenda-de-la-communaute").order_by("pk")[0].slug,
    "submitted": submitted.pk,
    "room": room.pk,
    "hook": hook.pk,
    "greeter": greeter.pk,
    "release": there.releases.order_by("pk")[0].number,
    "picture": room.venue.pictures.order_by("pk")[0].pk,
    "twin": "la-cantine-numerique",
    "commune": there.communes.order_by("pk")[0].pk,
    "job": there.jobs.order_by("pk")[0].pk,
    "ballot": entry.ballot.slug,
    "entrant": entry.visitor.token,
    "code": str(entry.code),
    "star": ".".join(
        str(pk)
        for pk in m.Activity.objects.published().filter(territory=there, **is_demo).values_list(
            "pk", flat=True
        )[:9]
    ),
}))
"""

Page = tuple[str, str]
"""The name of a route and an address of it."""

HOST, TERRITORY, VENUE = "les-robots-du-canal", "toulouse", "la-cantine"

NOT_WALKED = {
    "editions": "leads on to history",
}
"""Pages of the site that this walk leaves out, and why."""

ACTIONS = {
    *("host_activity_delete", "host_activity_reopen", "host_activity_submit", "host_slot_delete"),
    *("host_member_remove", "organiser_decide", "organiser_registration_cancel", "organiser_slot_capacity"),
    *("organiser_slot_move", "organiser_slot_unplace", "organiser_slot_withdraw", "organiser_team_remove"),
    *("organiser_slot_restore", "host_slot_restore"),
    *("organiser_block", "organiser_unblock", "host_desk", "organiser_desk"),
    *("organiser_token_new", "organiser_token_revoke", "organiser_webhook_pause", "organiser_webhook_try"),
    *("organiser_agenda_new", "organiser_agenda_try", "organiser_agenda_pause", "organiser_agenda_allow"),
    "organiser_agenda_remove",
    *("organiser_webhook_delete", "organiser_delivery_again", "forget_me", "host_slot_pools"),
    *("organiser_quiet_hours", "organiser_reminder_rule"),
    *("organiser_opening_drop", "organiser_slot_pools", "organiser_slot_overbook"),
    *("organiser_ballot_attach", "organiser_ballot_draw"),
    *("host_room_withdraw", "host_greeter_remove", "host_absence_remove", "organiser_autoplan_undo"),
    *("organiser_timetable_change", "organiser_venue_apart", "organiser_days", "organiser_days_drop"),
    *("organiser_room_block", "organiser_room_manager", "organiser_room_manager_remove"),
    *("organiser_room_calendar", "organiser_venue_verify", "organiser_venue_look_up"),
    *("organiser_venue_picture_order", "organiser_venue_picture_drop", "organiser_job_stop"),
    *("organiser_request_answer", "host_absence_add", "mail_returns", "stars"),
    *("organiser_mail_again", "organiser_mail_cancel", "organiser_broadcast_stop"),
}
"""Buttons, and doors that lead on."""

FILES = {
    *("programme_ics", "programme_rss", "programme_json", "programme_csv", "programme_geojson", "robots"),
    *(
        "sitemap",
        "sitemap_part",
        "share_picture",
        "my_visits_calendar",
        "my_visit_calendar",
        "host_people_csv",
        "host_slot_csv",
    ),
    *("organiser_csv", "organiser_slot_csv", "outbox_letter", "outbox_file", "ballot_file"),
    *("changes_rss", "venue_calendar", "room_calendar", "manager_calendar", "organiser_timetable_state"),
    *("gadget_script", "gadget_json", "map_points", "map_doors"),
    *("organiser_bulk_csv", "organiser_occupation_csv", "organiser_exchange_json", "my_day_calendar"),
    "slot_calendar",
}


def find(site: Site) -> dict[str, Any]:
    """Tokens and keys of rows worth looking at."""
    found: dict[str, Any] = json.loads(site.python(FIND).stdout.strip().splitlines()[-1])
    return found


def _at(name: str, *arguments: object, query: str = "") -> Page:
    return name, reverse(f"events:{name}", args=arguments) + query


def public_pages(found: dict[str, Any]) -> list[Page]:
    """What anybody may read."""
    return [
        _at("home"),
        _at("programme"),
        _at("programme", query="?q=xylophone&acces=mi"),
        _at("programme", query="?q=robotiqe"),
        _at("agenda"),
        _at("map"),
        _at("map", query="?ville=toulouse"),
        _at("map", query="?cadre=43.5,1.4,43.7,1.6"),
        _at("territories"),
        _at("territory", TERRITORY),
        _at("venue", VENUE),
        _at("room", VENUE, found["room"]),
        _at("changes", TERRITORY),
        _at("host", HOST),
        _at("operation", "start-up-assembly"),
        _at("operation", "start-up-assembly-2014"),
        _at("activity", found["activity"]),
        _at("activity", found["past"]),
        _at("slot", found["open"]),
        _at("slot", found["full"]),
        _at("slot", found["cancelled"]),
        _at("slot", found["drop_in"]),
        _at("ballot", found["ballot"]),
        _at("edition", "festival-french-tech-2014"),
        _at("history"),
        _at("accessibility"),
        _at("privacy"),
        _at("legal"),
        _at("feeds"),
        _at("gadget", query="?ville=toulouse&nombre=8"),
        _at("gadget", query="?ville=nulle-part&hl=en&theme=dark"),
        _at("gadget_guide", query=f"?ville=toulouse&hote={HOST}&nombre=3"),
        _at("status"),
        _at("my_day"),
        _at("my_day", query=f"?choix={found['star']}&dejeuner=45"),
        _at("star", found["activity_pk"]),
        _at("outbox"),
        _at("outbox_mail", found["outbox"]),
        ("404", "/nulle-part/"),
    ]


def visitor_pages(found: dict[str, Any]) -> list[Page]:
    """A visitor's own, behind the link that came by mail."""
    mine = (found["token"], found["reference"])
    return [
        _at("slot_register", found["open"]),
        _at("slot_register", found["full"]),
        _at("slot_register", found["drop_in"]),
        _at("slot_register", found["cancelled"]),
        _at("ballot_enter", found["ballot"]),
        _at("ballot_receipt", found["ballot"], found["ballot_receipt"]),
        ("ballot_receipt gone", f"/tirages/{found['ballot']}/recu/rien/"),
        _at("my_ballot_entry", found["entrant"], found["code"]),
        _at("find_my_visits"),
        _at("my_visits", found["token"]),
        ("my_visits gone", "/mes-visites/rien/"),
        _at("my_visit_ticket", *mine),
        _at("my_visit_give_back", *mine),
        _at("my_visit_coming", *mine),
        _at("my_visit_move", *mine),
        _at("my_address", found["token"]),
        _at("receipt", found["receipt"]),
        _at("my_day_ticket", found["token"], dt.date.fromisoformat(found["day"])),
        # known on this device by now
        _at("slot_register", found["full"]),
        _at("reminders_off", found["stop"]),
        _at("broadcasts_off", found["no_broadcasts"]),
        _at("follow", query="?ville=toulouse"),
        _at("follow", query="?ville=toulouse&envoi=1"),
        _at("follow_confirm", found["follow_asked"]),
        _at("follow_confirm", found["follow"]),
        ("follow_confirm gone", "/suivre/oui/rien/"),
        _at("follows_off", found["follow_off"]),
        _at("my_follows", found["follows"]),
        _at("my_visits", found["kept"]),
        _at("my_visit_offer", found["kept"], found["offer"]),
        _at("my_visit_offer", found["kept"], found["waiting"]),
        _at("my_visit_confirm", found["kept"], found["unconfirmed"]),
        _at("my_visit_choose", found["kept"], found["choice"]),
        _at("my_day_confirm", found["kept"]),
        _at("my_visit_claim", found["kept"], found["waiting"]),
        _at("my_visit_split", found["kept"], found["waiting"]),
        _at("new_address", found["new_address"]),
        ("new_address gone", "/nouvelle-adresse/rien/"),
    ]


def host_pages(found: dict[str, Any]) -> list[Page]:
    """The desk of a host."""
    activity, slot = (HOST, found["activity_pk"]), (HOST, found["full"])
    return [
        _at("desk"),
        _at("desk_mails"),
        _at("desk_mails_off", found["leave"]),
        _at("host_new"),
        _at("host_join", found["host_join"]),
        ("host_join gone", "/hote/rejoindre/rien/"),
        _at("host_overview", HOST),
        _at("host_overview", HOST, query="?passes=1"),
        _at("host_profile", HOST),
        _at("host_members", HOST),
        _at("host_activities", HOST),
        _at("host_activity_new", HOST),
        _at("host_activity", *activity),
        _at("host_activity_edit", *activity),
        _at("host_activity_cancel", *activity),
        _at("host_slots_add", *activity),
        _at("host_slot_edit", *slot),
        _at("host_slot_capacity", *slot),
        _at("host_slot_withdraw", *slot),
        _at("host_people", HOST),
        _at("host_slot", *slot),
        _at("host_door_list", *slot),
        _at("host_room_ask", *slot),
        _at("host_greeters", HOST),
        _at("host_greeter", HOST, found["greeter"]),
        _at("host_slot_greeters", *slot),
    ]


def organiser_pages(found: dict[str, Any]) -> list[Page]:
    """The desk of a territory."""
    here = TERRITORY
    return [
        _at("organiser_territory", here),
        _at("room_join", found["room_join"]),
        _at("organiser_moderation", here),
        _at("organiser_review", here, found["submitted"]),
        _at("organiser_board", here),
        _at("organiser_board", here, query="?lieu=tic-valley"),
        _at("organiser_openings", here),
        _at("organiser_reminders", here),
        _at("organiser_slot_reminders", here, found["full"]),
        _at("organiser_slots", here),
        _at("organiser_slot", here, found["full"]),
        _at("organiser_venues", here),
        _at("organiser_venue", here, VENUE),
        _at("organiser_venue_new", here),
        _at("organiser_venue_edit", here, VENUE),
        _at("organiser_room_new", here, VENUE),
        _at("organiser_room", here, VENUE, found["room"]),
        _at("organiser_hosts", here),
        _at("organiser_messages", here),
        _at("organiser_mail_addresses", here),
        _at("organiser_status", here),
        _at("organiser_messages", here, query="?etat=failed&q=rien+de+tel"),
        _at("organiser_mail", here, found["mail"]),
        _at("organiser_broadcasts", here),
        _at("organiser_broadcast_new", here, query=f"?ou=creneau:{found['full']}"),
        _at("organiser_broadcast", here, found["broadcast"]),
        _at("organiser_partners", here),
        _at("organiser_webhook", here, found["hook"]),
        _at("organiser_webhook_edit", here, found["hook"]),
        _at("organiser_webhook_new", here),
        _at("organiser_ballots", here),
        _at("organiser_ballot_new", here),
        _at("organiser_ballot", here, found["ballot"]),
        _at("organiser_ballot_edit", here, found["ballot"]),
        _at("organiser_team", here),
        _at("organiser_timetable", here),
        _at("organiser_timetable", here, query="?lieu=tic-valley"),
        _at("organiser_timetable_slot", here, found["full"]),
        _at("organiser_slot_wish", here, found["full"]),
        _at("organiser_autoplan", here),
        _at("organiser_release", here),
        _at("organiser_releases", here),
        _at("organiser_release_seen", here, found["release"]),
        _at("organiser_room_edit", here, VENUE, found["room"]),
        _at("organiser_venue_pictures", here, VENUE),
        _at("organiser_venue_picture", here, VENUE, found["picture"]),
        _at("organiser_venue_twins", here),
        _at("organiser_venue_merge", here, VENUE, found["twin"]),
        _at("organiser_city", here),
        _at("organiser_communes", here),
        _at("organiser_commune", here, found["commune"]),
        _at("organiser_bulk", here),
        _at("organiser_bulk_preview", here, query="?creneaux=tout&action=decaler&sens=tard&minutes=30"),
        _at("organiser_jobs", here),
        _at("organiser_job", here, found["job"]),
        _at("organiser_requests", here),
        _at("organiser_occupation", here),
        _at("organiser_exchange", here),
    ]


def national_pages(found: dict[str, Any]) -> list[Page]:
    """What the national team alone sets."""
    return [
        _at("organiser_rules", TERRITORY),
        _at("organiser_levels", TERRITORY),
        _at("organiser_wordings", TERRITORY),
        _at("organiser_wording", TERRITORY, "confirmation", "fr"),
        _at("organiser_operation", TERRITORY, "start-up-assembly"),
    ]


PAGES = {
    "public": public_pages,
    "visitor": visitor_pages,
    "host": host_pages,
    "organiser": organiser_pages,
    "national": national_pages,
}
ACCOUNTS = {
    "host": "hote@demo.example",
    "organiser": "organisation@demo.example",
    "national": "equipe@demo.example",
}

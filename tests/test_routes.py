"""Who may open what: every route of the site, for own, foreign and absent objects, by role.

A route that is not in the table fails. So does a row whose route is gone.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core import signing
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import User
from events.links import (
    broadcasts_token,
    desk_mails_token,
    follow_token,
    follows_off_token,
    follows_token,
    reminders_token,
)
from events.models import (
    Absence,
    Activity,
    AgendaSource,
    ApiToken,
    BallotEntry,
    Broadcast,
    Commune,
    FestivalTeam,
    HostMember,
    HostPerson,
    Job,
    KeptMail,
    Message,
    Opening,
    Programme,
    Registration,
    Release,
    ReminderRule,
    Room,
    RoomManager,
    RoomOccupancy,
    RoomRequest,
    Slot,
    SpecialDays,
    TerritoryTeam,
    VenueManager,
    VenuePicture,
    Visitor,
    Webhook,
)
from events.scheduling.managers import renew_calendar_link
from events.webhooks.tell import ping
from tests import factories as f

# The world below is made once for all; the mark has the database made where these tests run alone.
pytestmark = pytest.mark.django_db

EVERYBODY = frozenset(
    [
        *("anonymous", "stranger", "host", "other_host", "organiser", "other_organiser"),
        *("manager", "room_manager", "national"),
    ]
)
SIGNED_IN = EVERYBODY - {"anonymous"}
HOST = frozenset({"host"})
ORGANISERS = frozenset({"organiser", "national"})
VENUE = ORGANISERS | {"manager"}
ROOM = VENUE | {"room_manager"}
NATIONAL = frozenset({"national"})

# name: (who may, what the address names)
TABLE: dict[str, tuple[frozenset[str], str]] = {
    # the public site
    "events:home": (EVERYBODY, ""),
    "events:programme": (EVERYBODY, ""),
    "events:agenda": (EVERYBODY, ""),
    "events:map": (EVERYBODY, ""),
    "events:map_points": (EVERYBODY, ""),
    "events:map_doors": (EVERYBODY, "public venue"),
    "events:activity": (EVERYBODY, "public activity"),
    "events:slot": (EVERYBODY, "public slot"),
    "events:slot_calendar": (EVERYBODY, "public slot"),
    "events:ballot": (EVERYBODY, "public ballot"),
    "events:ballot_file": (EVERYBODY, "public drawn ballot"),
    "events:territories": (EVERYBODY, ""),
    "events:territory": (EVERYBODY, "public territory"),
    "events:changes": (EVERYBODY, "public territory"),
    "events:my_day": (EVERYBODY, ""),
    "events:my_day_calendar": (EVERYBODY, ""),
    "events:stars": (EVERYBODY, ""),
    "events:star": (EVERYBODY, "public activity key"),
    "events:changes_rss": (EVERYBODY, "public territory"),
    "events:venue": (EVERYBODY, "public venue"),
    "events:venue_calendar": (EVERYBODY, "public venue"),
    "events:room": (EVERYBODY, "public room"),
    "events:room_calendar": (EVERYBODY, "public room"),
    "events:manager_calendar": (EVERYBODY, "room calendar"),
    "events:host": (EVERYBODY, "public host"),
    "events:operation": (EVERYBODY, "operation"),
    "events:editions": (EVERYBODY, ""),
    "events:edition": (EVERYBODY, "edition"),
    "events:history": (EVERYBODY, ""),
    "events:accessibility": (EVERYBODY, ""),
    "events:privacy": (EVERYBODY, ""),
    "events:legal": (EVERYBODY, ""),
    "events:feeds": (EVERYBODY, ""),
    "events:status": (EVERYBODY, ""),
    "events:gadget": (EVERYBODY, ""),
    "events:gadget_script": (EVERYBODY, ""),
    "events:gadget_json": (EVERYBODY, ""),
    "events:gadget_guide": (EVERYBODY, ""),
    "events:share_picture": (EVERYBODY, "picture"),
    "events:robots": (EVERYBODY, ""),
    "events:sitemap": (EVERYBODY, ""),
    "events:sitemap_part": (EVERYBODY, "sitemap part"),
    "events:programme_ics": (EVERYBODY, ""),
    "events:programme_rss": (EVERYBODY, ""),
    "events:programme_json": (EVERYBODY, ""),
    "events:programme_csv": (EVERYBODY, ""),
    "events:programme_geojson": (EVERYBODY, ""),
    # the visitor: whoever holds the link
    "events:slot_register": (EVERYBODY, "public slot"),
    "events:receipt": (EVERYBODY, "receipt"),
    "events:find_my_visits": (EVERYBODY, ""),
    "events:my_visits": (EVERYBODY, "link"),
    "events:my_visits_calendar": (EVERYBODY, "link"),
    "events:my_visit_ticket": (EVERYBODY, "visit"),
    "events:my_visit_give_back": (EVERYBODY, "visit"),
    "events:my_visit_coming": (EVERYBODY, "visit"),
    "events:my_visit_calendar": (EVERYBODY, "visit"),
    "events:my_visit_move": (EVERYBODY, "visit"),
    "events:my_address": (EVERYBODY, "link"),
    "events:my_day_ticket": (EVERYBODY, "day"),
    "events:my_day_confirm": (EVERYBODY, "link"),
    "events:forget_me": (EVERYBODY, ""),
    "events:my_visit_offer": (EVERYBODY, "visit"),
    "events:my_visit_confirm": (EVERYBODY, "visit"),
    "events:my_visit_choose": (EVERYBODY, "visit"),
    "events:my_visit_claim": (EVERYBODY, "visit"),
    "events:my_visit_split": (EVERYBODY, "visit"),
    "events:new_address": (EVERYBODY, "new address"),
    "events:ballot_enter": (EVERYBODY, "public ballot"),
    "events:ballot_receipt": (EVERYBODY, "ballot receipt"),
    "events:my_ballot_entry": (EVERYBODY, "entry"),
    "events:reminders_off": (EVERYBODY, "no reminders"),
    "events:broadcasts_off": (EVERYBODY, "no broadcasts"),
    "events:follow": (EVERYBODY, ""),
    "events:follow_confirm": (EVERYBODY, "follow asked"),
    "events:follows_off": (EVERYBODY, "follow off"),
    "events:my_follows": (EVERYBODY, "follows"),
    # mails kept on the site, in the embedded mode
    "events:outbox": (EVERYBODY, ""),
    "events:outbox_mail": (EVERYBODY, "kept mail"),
    "events:outbox_letter": (EVERYBODY, "kept mail"),
    "events:outbox_file": (EVERYBODY, "kept file"),
    # what the mail provider reports: the secret is the key
    "events:mail_returns": (EVERYBODY, "mail provider"),
    # desks
    "events:desk": (SIGNED_IN, ""),
    "events:desk_mails": (SIGNED_IN, ""),
    "events:desk_mails_off": (EVERYBODY, "desk mails"),
    "events:host_desk": (SIGNED_IN, ""),
    "events:host_new": (SIGNED_IN, ""),
    "events:host_join": (SIGNED_IN, "invitation"),
    "events:host_overview": (HOST, "host"),
    "events:host_profile": (HOST, "host"),
    "events:host_members": (HOST, "host"),
    "events:host_member_remove": (HOST, "host member"),
    "events:host_activities": (HOST, "host"),
    "events:host_activity_new": (HOST, "host"),
    "events:host_activity": (HOST, "host activity"),
    "events:host_activity_edit": (HOST, "host activity"),
    "events:host_activity_submit": (HOST, "host activity"),
    "events:host_activity_reopen": (HOST, "host activity"),
    "events:host_activity_cancel": (HOST, "host activity"),
    "events:host_activity_delete": (HOST, "host draft"),
    "events:host_slots_add": (HOST, "host activity"),
    "events:host_slot_edit": (HOST, "host slot"),
    "events:host_slot_capacity": (HOST, "host slot"),
    "events:host_slot_pools": (HOST, "host slot"),
    "events:host_slot_withdraw": (HOST, "host slot"),
    "events:host_slot_restore": (HOST, "host slot"),
    "events:host_room_ask": (HOST, "host slot"),
    "events:host_room_withdraw": (HOST, "host request"),
    "events:host_slot_delete": (HOST, "host slot"),
    "events:host_greeters": (HOST, "host"),
    "events:host_greeter": (HOST, "host greeter"),
    "events:host_greeter_remove": (HOST, "host greeter"),
    "events:host_absence_add": (HOST, "host greeter"),
    "events:host_absence_remove": (HOST, "host absence"),
    "events:host_slot_greeters": (HOST, "host slot"),
    "events:host_people": (HOST, "host"),
    "events:host_people_csv": (HOST, "host"),
    "events:host_slot": (HOST, "host slot"),
    "events:host_door_list": (HOST, "host slot"),
    "events:host_slot_csv": (HOST, "host slot"),
    "events:organiser_desk": (ROOM | {"other_organiser"}, ""),
    "events:room_join": (SIGNED_IN, "invitation"),
    "events:organiser_territory": (ORGANISERS, "territory"),
    "events:organiser_moderation": (ORGANISERS, "territory"),
    "events:organiser_review": (ORGANISERS, "territory activity"),
    "events:organiser_decide": (ORGANISERS, "territory activity"),
    "events:organiser_board": (VENUE, "territory"),
    "events:organiser_timetable": (ORGANISERS, "territory"),
    "events:organiser_timetable_state": (ORGANISERS, "territory"),
    "events:organiser_timetable_change": (ORGANISERS, "territory"),
    "events:organiser_timetable_slot": (ORGANISERS, "territory slot"),
    "events:organiser_autoplan": (ORGANISERS, "territory"),
    "events:organiser_autoplan_undo": (ORGANISERS, "territory job"),
    "events:organiser_slot_wish": (ORGANISERS, "territory slot"),
    "events:organiser_release": (ORGANISERS, "territory"),
    "events:organiser_releases": (ORGANISERS, "territory"),
    "events:organiser_release_seen": (ORGANISERS, "territory release"),
    "events:organiser_slots": (ORGANISERS, "territory"),
    "events:organiser_csv": (ORGANISERS, "territory"),
    "events:organiser_slot": (ORGANISERS, "territory slot"),
    "events:organiser_slot_csv": (ORGANISERS, "territory slot"),
    "events:organiser_slot_capacity": (ORGANISERS, "territory slot"),
    "events:organiser_slot_pools": (ORGANISERS, "territory slot"),
    "events:organiser_slot_overbook": (ORGANISERS, "territory slot"),
    "events:organiser_bulk": (ORGANISERS, "territory"),
    "events:organiser_bulk_preview": (ORGANISERS, "territory"),
    "events:organiser_bulk_csv": (ORGANISERS, "territory job"),
    "events:organiser_jobs": (ORGANISERS, "territory"),
    "events:organiser_job": (ORGANISERS, "territory job"),
    "events:organiser_job_stop": (ORGANISERS, "territory job"),
    "events:organiser_openings": (ORGANISERS, "territory"),
    "events:organiser_opening_drop": (ORGANISERS, "territory opening"),
    "events:organiser_reminders": (ORGANISERS, "territory"),
    "events:organiser_quiet_hours": (NATIONAL, "territory"),
    "events:organiser_reminder_rule": (ORGANISERS, "territory rule"),
    "events:organiser_slot_reminders": (ORGANISERS, "territory slot"),
    "events:organiser_rules": (NATIONAL, "territory"),
    "events:organiser_levels": (NATIONAL, "territory"),
    "events:organiser_slot_move": (ORGANISERS, "territory slot"),
    "events:organiser_slot_unplace": (ORGANISERS, "territory slot"),
    "events:organiser_slot_withdraw": (ORGANISERS, "territory slot"),
    "events:organiser_slot_restore": (ORGANISERS, "territory slot"),
    "events:organiser_registration_cancel": (ORGANISERS, "territory registration"),
    "events:organiser_venues": (VENUE, "territory"),
    "events:organiser_venue_new": (ORGANISERS, "territory"),
    "events:organiser_venue": (VENUE, "territory venue"),
    "events:organiser_venue_edit": (VENUE, "territory venue"),
    "events:organiser_venue_verify": (ORGANISERS, "territory venue"),
    "events:organiser_venue_look_up": (VENUE, "territory venue"),
    "events:organiser_venue_pictures": (VENUE, "territory venue"),
    "events:organiser_venue_picture": (VENUE, "territory picture"),
    "events:organiser_venue_picture_order": (VENUE, "territory picture"),
    "events:organiser_venue_picture_drop": (VENUE, "territory picture"),
    "events:organiser_venue_twins": (ORGANISERS, "territory"),
    "events:organiser_venue_merge": (ORGANISERS, "territory twins"),
    "events:organiser_venue_apart": (ORGANISERS, "territory twins"),
    "events:organiser_city": (ORGANISERS, "territory"),
    "events:organiser_operation": (NATIONAL, "territory operation"),
    "events:organiser_communes": (ORGANISERS, "territory"),
    "events:organiser_commune": (ORGANISERS, "territory commune"),
    "events:organiser_room_new": (VENUE, "territory venue"),
    "events:organiser_room": (ROOM, "territory room"),
    "events:organiser_room_edit": (VENUE, "territory room"),
    "events:organiser_room_block": (ROOM, "territory room"),
    "events:organiser_room_calendar": (ROOM, "territory room"),
    "events:organiser_room_manager": (VENUE, "territory room"),
    "events:organiser_room_manager_remove": (VENUE, "territory room manager"),
    "events:organiser_days": (VENUE, "territory venue"),
    "events:organiser_days_drop": (VENUE, "territory special"),
    "events:organiser_requests": (ROOM, "territory"),
    "events:organiser_request_answer": (ROOM, "territory request"),
    "events:organiser_exchange": (ORGANISERS, "territory"),
    "events:organiser_exchange_json": (ORGANISERS, "territory"),
    "events:organiser_agenda_new": (ORGANISERS, "territory"),
    "events:organiser_agenda_try": (ORGANISERS, "territory agenda"),
    "events:organiser_agenda_pause": (ORGANISERS, "territory agenda"),
    "events:organiser_agenda_allow": (ORGANISERS, "territory agenda"),
    "events:organiser_agenda_remove": (ORGANISERS, "territory agenda"),
    "events:organiser_occupation": (VENUE, "territory"),
    "events:organiser_occupation_csv": (VENUE, "territory"),
    "events:organiser_block": (VENUE, "territory venue"),
    "events:organiser_unblock": (ROOM, "territory blocking"),
    "events:organiser_ballots": (ORGANISERS, "territory"),
    "events:organiser_ballot_new": (ORGANISERS, "territory"),
    "events:organiser_ballot": (ORGANISERS, "territory ballot"),
    "events:organiser_ballot_edit": (ORGANISERS, "territory ballot"),
    "events:organiser_ballot_attach": (ORGANISERS, "territory ballot"),
    "events:organiser_ballot_draw": (ORGANISERS, "territory ballot"),
    "events:organiser_hosts": (ORGANISERS, "territory"),
    "events:organiser_messages": (ORGANISERS, "territory"),
    "events:organiser_mail_addresses": (ORGANISERS, "territory"),
    "events:organiser_mail": (ORGANISERS, "territory mail"),
    "events:organiser_mail_again": (ORGANISERS, "territory mail"),
    "events:organiser_mail_cancel": (ORGANISERS, "territory mail"),
    "events:organiser_wordings": (NATIONAL, "territory"),
    "events:organiser_wording": (NATIONAL, "territory wording page"),
    "events:organiser_broadcasts": (ORGANISERS, "territory"),
    "events:organiser_broadcast_new": (ORGANISERS, "territory"),
    "events:organiser_broadcast": (ORGANISERS, "territory broadcast"),
    "events:organiser_broadcast_stop": (ORGANISERS, "territory broadcast"),
    "events:organiser_partners": (ORGANISERS, "territory"),
    "events:organiser_token_new": (ORGANISERS, "territory"),
    "events:organiser_token_revoke": (ORGANISERS, "territory key"),
    "events:organiser_webhook_new": (ORGANISERS, "territory"),
    "events:organiser_webhook": (ORGANISERS, "territory webhook"),
    "events:organiser_webhook_edit": (ORGANISERS, "territory webhook"),
    "events:organiser_webhook_pause": (ORGANISERS, "territory webhook"),
    "events:organiser_webhook_try": (ORGANISERS, "territory webhook"),
    "events:organiser_webhook_delete": (ORGANISERS, "territory webhook"),
    "events:organiser_delivery_again": (ORGANISERS, "territory delivery"),
    "events:organiser_status": (ORGANISERS, "territory"),
    "events:organiser_team": (ORGANISERS, "territory"),
    "events:organiser_team_remove": (NATIONAL, "territory member"),
    # the account and the machine room
    "accounts:profile": (SIGNED_IN, ""),
    "healthz": (EVERYBODY, ""),
    "readyz": (EVERYBODY, ""),
    "metrics": (EVERYBODY, ""),
    "set_language": (EVERYBODY, ""),
    "media": (EVERYBODY, "file"),
}

# The back office (staff alone), allauth's pages and the API have tests of their own.
THEIRS = ("admin/", "compte/", "api/")


@dataclass
class World:
    """Two of everything: ``own`` belongs to host, organiser and manager, ``foreign`` to the others."""

    people: dict[str, User | None] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    foreign: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: dict[str, dict[str, Any]] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    fingerprint: list[Any] = field(default_factory=list)


def side(festival: Any, letter: str, now: dt.datetime) -> dict[str, Any]:
    """One territory with its host, venue, room, slots and a booking."""
    territory = f.TerritoryFactory(name=f"Ville {letter}", slug=f"ville-{letter}")
    festival.territories.add(territory)
    venue = f.VenueFactory(territory=territory, slug=f"lieu-{letter}")
    twin = f.VenueFactory(territory=territory, slug=f"jumeau-{letter}")
    commune = Commune.objects.create(territory=territory, name=f"Commune {letter}")
    room = f.RoomFactory(venue=venue)
    picture = VenuePicture.objects.create(venue=venue, image="venues/x.webp", caption_fr="La façade")
    blocking = RoomOccupancy.objects.create(
        room=room, label="travaux", starts_at=now, ends_at=now + dt.timedelta(hours=1)
    )
    host = f.HostFactory(territory=territory, slug=f"hote-{letter}")
    day = timezone.localdate() + dt.timedelta(days=30)
    greeter = f.HostPersonFactory(host=host)
    absence = Absence.objects.create(person=greeter, starts_at=now, ends_at=now + dt.timedelta(hours=1))
    activity = f.ActivityFactory(festival=festival, host=host, slug=f"activite-{letter}", venue=venue)
    draft = f.ActivityFactory(
        festival=festival, host=host, slug=f"brouillon-{letter}", state=Activity.State.DRAFT
    )
    slot = f.SlotFactory(activity=activity, day=day, venue=venue, taken=1)
    draft_slot = f.SlotFactory(activity=draft, day=day, state=Slot.State.DRAFT)
    release = Release.objects.create(
        festival=festival, territory=territory, number=ord(letter), name="v1", released_at=now
    )
    opening = Opening.objects.create(
        festival=festival, territory=territory, opens_at=now + dt.timedelta(days=20)
    )
    visitor = f.VisitorFactory(link_expires_at=now + dt.timedelta(days=90))
    registration = f.RegistrationFactory(slot=slot, visitor=visitor, created_at=now, confirmed_at=now)
    follow = f.FollowFactory(topic=f.topic_of(territory=territory))
    key = ApiToken.objects.create(name="Ville", territory=territory, token_hash=letter * 64)
    hook = Webhook.objects.create(territory=territory, name="Ville", url="https://partner.example/")
    delivery = ping(hook, now=now)
    agenda = AgendaSource.objects.create(
        territory=territory, url=f"https://agenda.example/{letter}.json", next_check_at=now
    )
    job = Job.objects.create(kind=Job.Kind.BULK, territory=territory, asked_at=now)
    ballot = f.BallotFactory(
        festival=festival,
        territory=territory,
        slug=f"tirage-{letter}",
        opens_at=now - dt.timedelta(days=1),
        closes_at=now + dt.timedelta(days=1),
    )
    drawn = f.BallotFactory(
        festival=festival,
        territory=territory,
        slug=f"tire-{letter}",
        drawn_at=now,
        places_at_draw={"seed": "", "most_per_day": None, "slots": {}, "limits": {}},
    )
    entry = BallotEntry.objects.create(
        ballot=ballot,
        visitor=visitor,
        submission_id=uuid.uuid4(),
        submission_hash="",
        party_size=1,
        created_at=now,
    )
    broadcast = Broadcast.objects.create(
        festival=festival,
        territory=territory,
        segment={"who": "inscrits", "part": ""},
        subject="Bonjour",
        text="À demain",
        created_at=now,
    )
    mail = Message.objects.create(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key=f"confirm:{letter}",
        recipient=visitor.email,
        registration=registration,
        territory=territory,
        message_id=f"<{letter}@site.example>",
        next_attempt_at=now,
        created_at=now,
    )
    special = SpecialDays.objects.create(venue=venue, first_day=day, last_day=day, reason="Fête")
    asked = RoomRequest.objects.create(
        room=room, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at, asked_at=now
    )
    room_token = renew_calendar_link(room_id=room.pk)
    rule = ReminderRule.objects.create(festival=festival, slot=slot, name="H-1", lead_hours=1)
    operation = Programme.objects.create(festival=festival, name="Opération", slug=f"operation-{letter}")
    return locals()


def addresses(at: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each kind of address in the table needs, for one side of the world."""
    territory, host, slug = at["territory"].slug, at["host"].slug, at["activity"].slug
    return {
        "": {},
        "public activity": {"slug": slug},
        "public slot": {"pk": at["slot"].pk},
        "public activity key": {"pk": at["activity"].pk},
        "public ballot": {"slug": at["ballot"].slug},
        "public drawn ballot": {"slug": at["drawn"].slug},
        "ballot receipt": {"slug": at["ballot"].slug, "token": "unsigned"},
        "entry": {"token": at["visitor"].token, "code": str(at["entry"].code)},
        "territory ballot": {"territory": territory, "slug": at["ballot"].slug},
        "public territory": {"slug": territory},
        "public venue": {"slug": at["venue"].slug},
        "public room": {"slug": at["venue"].slug, "pk": at["room"].pk},
        "room calendar": {"pk": at["room"].pk, "token": at["room_token"]},
        "public host": {"slug": host},
        "edition": {"slug": at["festival"].slug},
        "operation": {"slug": at["operation"].slug},
        "territory operation": {"territory": territory, "slug": at["operation"].slug},
        "picture": {"kind": "ville", "key": territory},
        "sitemap part": {"name": "activites", "number": 1},
        "link": {"token": at["visitor"].token},
        "no broadcasts": {"token": broadcasts_token(at["visitor"].email)},
        "no reminders": {"token": reminders_token(at["visitor"].pk)},
        "follow asked": {"token": follow_token(at["follow"].pk)},
        "follow off": {"token": follows_off_token(at["follow"].follower_id, [at["follow"].pk])},
        "follows": {"token": follows_token(at["follow"].follower_id)},
        "day": {"token": at["visitor"].token, "date": at["day"]},
        "visit": {"token": at["visitor"].token, "reference": at["registration"].reference},
        "host": {"slug": host},
        "host member": {"slug": host, "pk": at["host"].members.get().pk},
        "host activity": {"slug": host, "pk": at["activity"].pk},
        "host draft": {"slug": host, "pk": at["draft"].pk},
        "host slot": {"slug": host, "pk": at["slot"].pk},
        "host greeter": {"slug": host, "pk": at["greeter"].pk},
        "host absence": {"slug": host, "pk": at["greeter"].pk, "absence": at["absence"].pk},
        "host request": {"slug": host, "pk": at["slot"].pk, "asked": at["asked"].pk},
        "territory": {"territory": territory},
        "territory activity": {"territory": territory, "pk": at["activity"].pk},
        "territory slot": {"territory": territory, "pk": at["slot"].pk},
        "territory registration": {
            "territory": territory,
            "pk": at["slot"].pk,
            "reference": at["registration"].reference,
        },
        "territory venue": {"territory": territory, "venue": at["venue"].slug},
        "territory room": {"territory": territory, "venue": at["venue"].slug, "pk": at["room"].pk},
        "territory picture": {"territory": territory, "venue": at["venue"].slug, "pk": at["picture"].pk},
        "territory twins": {
            "territory": territory,
            "venue": at["venue"].slug,
            "other": at["twin"].slug,
        },
        "territory commune": {"territory": territory, "pk": at["commune"].pk},
        "territory blocking": {"territory": territory, "venue": at["venue"].slug, "pk": at["blocking"].pk},
        "territory room manager": {
            "territory": territory,
            "venue": at["venue"].slug,
            "pk": at["room"].pk,
            "manager": at["room"].managers.get().pk,
        },
        "territory special": {"territory": territory, "venue": at["venue"].slug, "pk": at["special"].pk},
        "territory request": {"territory": territory, "pk": at["asked"].pk},
        "territory mail": {"territory": territory, "pk": at["mail"].pk},
        "territory wording page": {"territory": territory, "kind": "confirmation", "locale": "fr"},
        "territory broadcast": {"territory": territory, "pk": at["broadcast"].pk},
        "territory key": {"territory": territory, "pk": at["key"].pk},
        "territory job": {"territory": territory, "pk": at["job"].pk},
        "territory webhook": {"territory": territory, "pk": at["hook"].pk},
        "territory agenda": {"territory": territory, "pk": at["agenda"].pk},
        "territory delivery": {
            "territory": territory,
            "pk": at["hook"].pk,
            "delivery": at["delivery"].pk,
        },
        "territory release": {"territory": territory, "number": at["release"].number},
        "territory rule": {"territory": territory, "pk": at["rule"].pk},
        "territory opening": {"territory": territory, "pk": at["opening"].pk},
        "territory member": {"territory": territory, "pk": at["territory"].team.get().pk},
    }


def absent_twin(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The same kind of address, of something that does not exist."""
    nowhere: dict[str, Any] = dict.fromkeys(
        ("pk", "number", "delivery", "asked", "manager", "absence"), 987654
    )
    nowhere["date"] = dt.date(1999, 12, 31)
    return {key: nowhere.get(key, f"nowhere-{key}") for key in kwargs}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Built once: nothing here may change it, and each test looks whether something did."""
    with django_db_blocker.unblock(), override_settings(KEEP_MAILS_ON_SITE=True), transaction.atomic():
        yield build_world()
        transaction.set_rollback(True)


def build_world() -> World:
    now = timezone.now()
    festival = f.FestivalFactory(slug="edition")
    mine, theirs = side(festival, "a", now), side(festival, "b", now)
    people: dict[str, User | None] = {"anonymous": None}
    for name in sorted(EVERYBODY - {"anonymous"}):
        people[name] = f.UserFactory(email=f"{name}@example.org")
    HostMember.objects.create(host=mine["host"], user=people["host"])
    HostMember.objects.create(host=theirs["host"], user=people["other_host"])
    TerritoryTeam.objects.create(territory=mine["territory"], user=people["organiser"])
    TerritoryTeam.objects.create(territory=theirs["territory"], user=people["other_organiser"])
    VenueManager.objects.create(venue=mine["venue"], user=people["manager"])
    RoomManager.objects.create(room=mine["room"], user=people["room_manager"])
    RoomManager.objects.create(room=theirs["room"], user=people["other_organiser"])
    elsewhere = f.FestivalFactory(slug="autre", state="draft")
    elsewhere.territories.add(mine["territory"])
    FestivalTeam.objects.create(festival=elsewhere, user=people["national"])
    national = Programme.objects.create(festival=elsewhere, name="Opération", slug="operation-autre")
    kept = KeptMail.objects.create(recipient="a@example.org", subject="Bonjour", source=MAIL, kept_at=now)

    world = World(people, addresses(mine), addresses(theirs))
    world.own |= {
        "territory operation": {"territory": mine["territory"].slug, "slug": national.slug},
        "kept mail": {"pk": kept.pk},
        "mail provider": {"provider": "brevo"},
        "kept file": {"pk": kept.pk, "number": 0},
        "desk mails": {"token": desk_mails_token(people["host"].pk, "digests")},  # type: ignore[union-attr]
        "receipt": {"token": "unsigned"},
        "new address": {"token": "unsigned"},
        "invitation": {"token": "unsigned"},
        "file": {"path": "nothing.png"},
    }
    world.clients = {role: client_of(person) for role, person in people.items()}
    world.absent = {kind: absent_twin(kwargs) for kind, kwargs in world.own.items() if kwargs}
    world.fingerprint = fingerprint()
    return world


MAIL = """\
From: festival@example.org
To: a@example.org
Subject: Bonjour
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain; charset="utf-8"

Bonjour
--x
Content-Type: text/html; charset="utf-8"

<p>Bonjour</p>
--x
Content-Type: text/calendar; charset="utf-8"
Content-Disposition: attachment; filename="visite.ics"

BEGIN:VCALENDAR
END:VCALENDAR
--x--
"""

# What only a true token of the site opens: each has tests of its own, with true ones.
SIGNED = ("receipt", "ballot receipt", "new address", "invitation", "file")


def routes() -> dict[str, str]:
    """Every route of the URLconf: its path, and its name with the namespace ("" when it has none)."""
    found: dict[str, str] = {}

    def walk(resolver: URLResolver, path: str, namespace: str) -> None:
        for entry in resolver.url_patterns:
            here = path + str(entry.pattern)
            if isinstance(entry, URLResolver):
                walk(entry, here, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
            elif isinstance(entry, URLPattern):
                found[here] = f"{namespace}{entry.name}" if entry.name else ""

    walk(get_resolver(), "", "")
    return found


def test_every_route_is_in_the_table() -> None:
    ours = {
        name for path, name in routes().items() if not path.startswith(THEIRS) or name.startswith("accounts:")
    }
    assert ours == set(TABLE)


def client_of(person: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person)
    return client


REASONS = {"reason": "Parce que", "capacity": "1", "decision": "accept"}


def answers(client: Client, url: str) -> list[Any]:
    """What GET and POST get. A method the page does not know (405) says nothing of the object: left out."""
    both = [client.get(url), client.post(url, REASONS)]
    return [answer for answer in both if answer.status_code != 405]


def refused(client: Client, url: str) -> bool:
    """Both methods, as far as the page knows them, find nothing or ask to sign in."""
    found = answers(client, url)
    return bool(found) and all(a.status_code == 404 or sent_to_sign_in(a) for a in found)


def missing(client: Client, url: str) -> bool:
    """Both methods, as far as the page knows them, find nothing."""
    return {answer.status_code for answer in answers(client, url)} == {404}


def sent_to_sign_in(response: Any) -> bool:
    return response.status_code == 302 and "/compte/" in response.headers["Location"]


ROWS = sorted((name, sorted(who), kind) for name, (who, kind) in TABLE.items())


@pytest.mark.parametrize(("name", "allowed", "kind"), ROWS, ids=[row[0] for row in ROWS])
def test_a_route_opens_to_those_of_its_row(world: World, name: str, allowed: list[str], kind: str) -> None:
    own = reverse(name, kwargs=world.own[kind])
    for role in allowed:
        response = world.clients[role].get(own)
        if kind in SIGNED:
            assert response.status_code in (404, 410), f"{role}: {response.status_code}"
        else:
            assert response.status_code in (200, 302, 405), f"{role}: {response.status_code}"
            assert not sent_to_sign_in(response), role
    assert fingerprint() == world.fingerprint


NOT_FOR_ALL = [row for row in ROWS if set(row[1]) != EVERYBODY]


# Who is refused meets the querysets that both engines try above, and below for what is another's.
@pytest.mark.once
@pytest.mark.parametrize(("name", "allowed", "kind"), NOT_FOR_ALL, ids=[row[0] for row in NOT_FOR_ALL])
def test_a_route_opens_to_nobody_else(world: World, name: str, allowed: list[str], kind: str) -> None:
    own = reverse(name, kwargs=world.own[kind])
    for role in sorted(EVERYBODY - set(allowed)):
        if role == "anonymous":
            assert refused(world.clients[role], own), role
        else:
            assert missing(world.clients[role], own), role
    assert fingerprint() == world.fingerprint


PRIVATE = [row for row in ROWS if row[2].split(" ")[0] in ("host", "territory")]


@pytest.mark.parametrize(("name", "allowed", "kind"), PRIVATE, ids=[row[0] for row in PRIVATE])
def test_what_is_anothers_does_not_exist(world: World, name: str, allowed: list[str], kind: str) -> None:
    foreign = reverse(name, kwargs=world.foreign[kind])
    for role in allowed:
        assert missing(world.clients[role], foreign), role
    assert fingerprint() == world.fingerprint


MIXED = [row for row in PRIVATE if len(row[2].split(" ")) == 2]


@pytest.mark.once
@pytest.mark.parametrize(("name", "allowed", "kind"), MIXED, ids=[row[0] for row in MIXED])
def test_anothers_object_is_not_reached_through_ones_own_address(
    world: World, name: str, allowed: list[str], kind: str
) -> None:
    """The desk is mine, the object in it is not: /hote/mine/creneaux/<theirs>/."""
    kwargs = {
        **world.foreign[kind],
        **{
            k: v
            for k, v in world.own[kind].items()
            if k == ("slug" if kind.startswith("host") else "territory")
        },
    }
    for role in allowed:
        assert missing(world.clients[role], reverse(name, kwargs=kwargs)), role
    assert fingerprint() == world.fingerprint


NAMED = [row for row in ROWS if row[2]]


@pytest.mark.parametrize(("name", "allowed", "kind"), NAMED, ids=[row[0] for row in NAMED])
def test_what_is_absent_is_not_found(world: World, name: str, allowed: list[str], kind: str) -> None:
    absent = reverse(name, kwargs=world.absent[kind])
    for role in allowed:
        assert world.clients[role].get(absent).status_code in (404, 405, 410), role


def test_a_number_no_database_can_hold_is_no_address(world: World) -> None:
    for name, allowed, kind in NAMED:
        nowhere = reverse(name, kwargs=world.absent[kind])
        if "987654" in nowhere:
            found = answers(world.clients[allowed[0]], nowhere.replace("987654", "9" * 22))
            assert {answer.status_code for answer in found} == {404}, name


def test_a_sign_no_database_takes_for_text_is_no_address(world: World) -> None:
    tried = 0
    for name, allowed, kind in NAMED:
        for key in {"token", "reference", "code"} & set(world.own[kind]):
            url = reverse(name, kwargs={**world.own[kind], key: "987654"}).replace("987654", "%00")
            found = answers(world.clients[allowed[0]], url)
            assert {answer.status_code for answer in found} <= {403, 404}, (name, key)
            tried += 1
    assert tried > 30, "a test of nothing proves nothing"


# Signs that are digits to Python and no number of any script (str.isdigit() is true, int() refuses).
LOOKS_LIKE_A_NUMBER = dict.fromkeys(("apres", "creneau", "salle", "jour", "lieux", "vu", "avec", "q"), "²")


def test_a_sign_that_only_looks_like_a_number_is_read_as_none(world: World) -> None:
    for name, allowed, kind in ROWS:
        url = reverse(name, kwargs=world.own[kind])
        assert world.clients[allowed[-1]].get(url, LOOKS_LIKE_A_NUMBER).status_code < 500, name
    assert fingerprint() == world.fingerprint


def test_drafts_are_hidden_from_the_public(world: World) -> None:
    draft = Activity.objects.get(slug="brouillon-a")
    for client in world.clients.values():
        assert client.get(reverse("events:activity", args=[draft.slug])).status_code == 404
        assert client.get(reverse("events:slot", args=[draft.slots.get().pk])).status_code == 404
        assert client.get(reverse("events:slot_register", args=[draft.slots.get().pk])).status_code == 404


def test_a_link_opens_its_own_visits_only(world: World) -> None:
    kwargs = {"token": world.own["visit"]["token"], "reference": world.foreign["visit"]["reference"]}
    names = [name for name, (_who, kind) in TABLE.items() if kind == "visit"]
    assert "events:my_visit_give_back" in names
    for name in names:
        assert Client().get(reverse(name, kwargs=kwargs)).status_code in (404, 405), name
        assert Client().post(reverse(name, kwargs=kwargs)).status_code in (404, 405), name
    assert Registration.objects.confirmed().count() == 2


def test_a_token_signed_for_another_purpose_opens_nothing(world: World) -> None:
    token = signing.dumps({"slot": 1}, salt="another purpose")
    assert Client().get(reverse("events:receipt", args=[token])).status_code in (404, 410)


def fingerprint() -> list[Any]:
    """What a stranger might have changed."""
    return [
        list(
            Slot.objects.order_by("pk").values_list(
                "pk", "state", "capacity", "overbook", "reserved", "taken", "waiting", "room", "day"
            )
        ),
        list(Activity.objects.order_by("pk").values_list("pk", "state", "title_fr", "moderation_note")),
        list(Registration.objects.order_by("pk").values_list("pk", "status", "party_size")),
        sorted(HostMember.objects.values_list("host", "user")),
        sorted(HostPerson.objects.values_list("pk", "name")),
        sorted(Absence.objects.values_list("pk", "starts_at")),
        sorted(TerritoryTeam.objects.values_list("territory", "user")),
        sorted(Opening.objects.values_list("pk", "opens_at")),
        sorted(RoomOccupancy.objects.values_list("pk", "active", "starts_at")),
        sorted(Job.objects.values_list("pk", "state", "stop_asked_at")),
        sorted(RoomRequest.objects.values_list("pk", "state", "answer")),
        sorted(RoomManager.objects.values_list("room", "user")),
        sorted(Room.objects.values_list("pk", "calendar_nonce")),
        SpecialDays.objects.count(),
        Visitor.objects.count(),
    ]


def test_the_world_has_something_that_could_leak(world: World) -> None:
    """The control of all the above: with the right person, what is refused to others is really there."""
    slot = Slot.objects.get(pk=world.own["host slot"]["pk"])
    page = world.clients["host"].get(reverse("events:host_slot", kwargs=world.own["host slot"]))
    assert slot.registrations.get().reference in page.content.decode()
    assert uuid.UUID(str(slot.registrations.get().submission_id))

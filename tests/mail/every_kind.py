"""One mail of each kind, composed from true rows: what the audit reads and the screens show."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from events.broadcasts import Segment, Words, count_audience, run_broadcast, start_broadcast
from events.hosting import invite_member
from events.longwork import work_on
from events.mail.bulk_facts import Who
from events.mail.outbox import owe
from events.models import (
    AgendaSource,
    BallotEntry,
    FullSpell,
    HostMember,
    Job,
    Message,
    Mode,
    Release,
    RoomManager,
)
from events.registration.ballot import enter_ballot
from events.registration.drawing import draw_ballot
from events.scheduling.requests import accept_request, ask_for_slot
from tests import factories as f
from tests.factories import NOW

Kind = Message.Kind
HOUR = dt.timedelta(hours=1)
READER = "camille@example.org"
Facts = dict[str, Any]
Maker = Callable[[SimpleNamespace], Facts]


def owed(kind: str, visit: SimpleNamespace, *, locale: str = "fr") -> tuple[Message, dt.datetime]:
    """A message of that kind, and an instant at which it leaves."""
    visit.locale = locale
    facts = MAKERS[kind](visit)
    now = facts.pop("now", NOW)
    if (ready := facts.pop("message", None)) is not None:
        Message.objects.filter(pk=ready.pk).update(locale=locale)
        return Message.objects.get(pk=ready.pk), now
    key = facts.pop("dedupe_key", f"{kind}:1:0")
    facts.setdefault("recipient", READER)
    owe(kind=kind, dedupe_key=key, locale=locale, now=facts.pop("owed_at", now), **facts)
    return Message.objects.get(dedupe_key=key), now


def _of_a_visit(**changes: Any) -> Maker:
    """About the registration, once it stands as ``changes`` say."""

    def make(visit: SimpleNamespace) -> Facts:
        context = changes.get("context", {})
        for name, value in changes.items():
            if name != "context":
                setattr(visit.registration, name, value)
        visit.registration.save()
        return {"registration": visit.registration, "context": context}

    return make


def _slot_cancelled(visit: SimpleNamespace) -> Facts:
    visit.slot.state, visit.slot.cancelled_at = "cancelled", NOW
    visit.slot.save()
    made = _of_a_visit(status="cancelled", cancelled_at=NOW, cancelled_by="organiser")(visit)
    return {**made, "context": {"reason": visit.typed("La salle est inondée.")}}


def _day(**more: Any) -> Maker:
    """A mail about the visited day, with a second visit in it."""

    def make(visit: SimpleNamespace) -> Facts:
        later = f.SlotFactory(activity=visit.activity, start_time=dt.time(17), venue=visit.venue)
        second = f.RegistrationFactory(slot=later, visitor=visit.visitor, reference="TK2M-99QX")
        tells = [[one.pk, one.slot_id, one.slot.revision] for one in (visit.registration, second)]
        context = {"rule": "D-1", "day": "2027-06-10", "tells": tells}
        rule = more.get("rule")
        if rule:
            made = visit.festival.reminder_rules.create(name="S", lead_hours=2, is_after=True, **rule)
            context |= {"rule": "S", "rule_id": made.pk}
        facts = {"registration": visit.registration, "visitor": visit.visitor, "context": context}
        return {**facts, "now": more["now"]}

    return make


def _booked_day(**changes: Any) -> Maker:
    """A day booked at once, of two visits."""

    def make(visit: SimpleNamespace) -> Facts:
        later = f.SlotFactory(activity=visit.activity, start_time=dt.time(17), venue=visit.venue)
        second = f.RegistrationFactory(slot=later, visitor=visit.visitor, reference="TK2M-99QX")
        for one in (visit.registration, second):
            for name, value in changes.items():
                setattr(one, name, value)
            one.save()
        keys = [visit.registration.pk, second.pk]
        return {"registration": visit.registration, "context": {"registrations": keys}}

    return make


def _visitor(visit: SimpleNamespace) -> Facts:
    return {"visitor": visit.visitor, "context": {"nonce": visit.visitor.link_nonce[:8]}}


def _activity(visit: SimpleNamespace) -> Facts:
    return {"activity": visit.activity, "context": {"reason": visit.typed("Précisez l’âge minimum.")}}


def _ballot(kind: str) -> Maker:
    def make(visit: SimpleNamespace) -> Facts:
        ballot = f.BallotFactory(
            name_fr="Les ateliers rares", name_en="The rare workshops", slug="rares", festival=visit.festival
        )
        activity = f.ActivityFactory(
            festival=visit.festival,
            host=visit.host,
            ballot=ballot,
            mode=Mode.BALLOT,
            title_fr=visit.activity.title_fr,
            title_en=visit.activity.title_en,
            venue=visit.venue,
        )
        slot = f.SlotFactory(activity=activity, start_time=dt.time(14), capacity=1)
        for email in ("sacha@example.org", READER):
            enter_ballot(
                ballot_id=ballot.pk,
                email=email,
                party_size=1,
                wishes=[slot.pk],
                submission_id=uuid.uuid4(),
                now=NOW,
                locale="fr",
            )
        if kind != Kind.BALLOT_ENTERED:
            draw_ballot(ballot_id=ballot.pk, now=NOW + 24 * HOUR)
        entry = BallotEntry.objects.filter(messages__kind=kind).order_by("pk").last()
        assert entry is not None
        return {"message": entry.messages.get(kind=kind), "now": NOW + 24 * HOUR}

    return make


def _request(answered: bool) -> Maker:
    def make(visit: SimpleNamespace) -> Facts:
        room = f.RoomFactory(venue=visit.venue, name="Grande salle", by_request=True)
        asking, deciding = f.UserFactory(name="Sacha Martin"), f.UserFactory(name="Dominique Martin")
        RoomManager.objects.create(room=room, user=deciding)
        asked = ask_for_slot(
            room_id=room.pk, slot_id=visit.slot.pk, by=asking, now=NOW, message=visit.typed("Avec un écran.")
        )
        if answered:
            accept_request(request_id=asked.pk, answer=visit.typed("Clés à l’accueil."), by=deciding, now=NOW)
        kind = Kind.ROOM_ANSWERED if answered else Kind.ROOM_ASKED
        return {"message": Message.objects.filter(kind=kind).latest("pk")}

    return make


def _moved_slots(visit: SimpleNamespace) -> Facts:
    release = Release.objects.create(
        territory=visit.territory, festival=visit.festival, number=1, name="Un", released_at=NOW
    )
    here = {"timezone": "Europe/Paris", "room": None, "venue": visit.venue.name}
    change = release.changes.create(
        slot=visit.slot,
        kind="moved",
        host_name=visit.host.name,
        title_fr=visit.activity.title_fr,
        title_en=visit.activity.title_en,
        before={"starts_at": "2027-06-09T12:00:00+00:00", "ends_at": "2027-06-09T12:45:00+00:00", **here},
        after={"starts_at": "2027-06-10T12:00:00+00:00", "ends_at": "2027-06-10T12:45:00+00:00", **here},
    )
    return {"activity": visit.activity, "context": {"changes": [change.pk], "host": visit.host.name}}


def _desk(kind: str) -> Maker:
    """To somebody of the host's desk, or of the territory's."""

    def make(visit: SimpleNamespace) -> Facts:
        reader = f.UserFactory(email=READER, name="Camille Martin")
        is_host = kind in (Kind.HOST_DIGEST, Kind.DOOR_LIST, Kind.NAG_DRAFT)
        whose = {"host": visit.host.pk} if is_host else {"territory": visit.territory.pk}
        span = {"since": (NOW - 24 * HOUR).isoformat(), "until": (NOW + HOUR).isoformat()}
        about: Facts = {**whose, "festival": visit.festival.pk, "reader": reader.pk, **span}
        names = {"title_fr": visit.activity.title_fr, "title_en": visit.activity.title_en}
        if kind in (Kind.HOST_DIGEST, Kind.ORGANISER_DIGEST):
            f.RegistrationFactory(slot=visit.slot, party_size=2, confirmed_at=NOW, created_at=NOW)
        elif kind == Kind.DOOR_LIST:
            visit.activity.ask_name = True
            visit.activity.save()
            return {"context": {**about, "day": "2027-06-10"}, "now": DAY_BEFORE + 9 * HOUR}
        elif kind == Kind.NAG_DRAFT:
            draft = f.ActivityFactory(host=visit.host, festival=visit.festival, state="draft", **names)
            about["activities"] = [draft.pk]
        elif kind == Kind.NAG_SLOTS:
            about["slots"] = [f.SlotFactory(activity=visit.activity, state="draft", start_time=dt.time(9)).pk]
        else:
            about["late"] = 12
        return {"context": about}

    return make


def _agenda(visit: SimpleNamespace) -> Facts:
    """To an organiser: an agenda would take too much away."""
    source = AgendaSource.objects.create(
        territory=visit.territory,
        url="https://api.agenda.example/v2/events?key=secret",
        next_check_at=NOW,
        held_at=NOW - HOUR,
        held_gone=43,
        held_known=60,
    )
    reader = f.UserFactory(email=READER, name="Camille Martin")
    about = {"agenda": source.pk, "cause": "held", "festival": visit.festival.pk, "reader": reader.pk}
    return {"context": {**about, "territory": visit.territory.pk}}


def _broadcast(visit: SimpleNamespace) -> Facts:
    """As its organiser wrote it in both languages, owed by the work that was asked for."""
    words = Words(
        "Une place de plus",
        "Bonne nouvelle\u00a0: la salle est plus grande.\nVenez avec une amie.",
        "One more place",
        "Good news: the room is larger.\nBring a friend.",
    )
    segment = Segment(visit.festival, visit.territory, Who.COMING)
    counted = count_audience(segment=segment, words=words, now=NOW)
    by = f.UserFactory()
    sent = start_broadcast(segment=segment, words=words, fingerprint=counted.fingerprint, by=by, now=NOW)
    work_on({Job.Kind.MESSAGE: run_broadcast}, clock=lambda: NOW)
    return {"message": sent.messages.get()}


def _follow(kind: str) -> Maker:
    """To somebody who follows the territory and the host, or is asked."""

    def make(visit: SimpleNamespace) -> Facts:
        who = f.FollowerFactory(email=READER)
        follow = f.FollowFactory(follower=who, topic=f.topic_of(territory=visit.territory))
        host = f.FollowFactory(follower=who, topic=f.topic_of(host=visit.host))
        context = {"follower": who.pk, "follows": [follow.pk, host.pk], "festival": visit.festival.pk}
        if kind == Kind.FOLLOW_CONFIRM:
            host.confirmed_at = None
            host.save()
            return {"context": {"follow": host.pk}}
        f.SlotFactory(activity=visit.activity, start_time=dt.time(16), capacity=12)
        if kind == Kind.FOLLOW_FREE:
            FullSpell.objects.create(activity=visit.activity, full_since=NOW - HOUR, freed_at=NOW)
        return {"context": context}

    return make


def _account(visit: SimpleNamespace) -> Facts:
    by = f.UserFactory(name="Dominique Martin", locale=visit.locale)
    HostMember.objects.create(host=visit.host, user=by)
    invite_member(host_id=visit.host.pk, email=READER, by=by, now=NOW)
    return {"message": Message.objects.get(kind=Kind.ACCOUNT)}


OLD_TIME = {"old_starts_at": "2027-06-09T12:00:00+00:00", "old_ends_at": "2027-06-09T12:45:00+00:00"}
HELD: Facts = {"status": "held", "held_until": NOW + HOUR, "confirmed_at": None}
WAITS: Facts = {"status": "waiting", "waiting_since": NOW, "confirmed_at": None}
GONE: Facts = {"status": "cancelled", "cancelled_at": NOW}
DAY_BEFORE = dt.datetime(2027, 6, 9, 7, 0, tzinfo=dt.UTC)
DAY_AFTER = dt.datetime(2027, 6, 11, 8, 0, tzinfo=dt.UTC)

MAKERS: dict[str, Maker] = {
    Kind.CONFIRMATION: _of_a_visit(),
    Kind.DAY: _booked_day(),
    Kind.CONFIRM_DAY: _booked_day(**HELD, hold="address"),
    Kind.WAITING: _of_a_visit(**WAITS),
    Kind.CONFIRM_ADDRESS: _of_a_visit(**HELD, hold="address"),
    Kind.CHOOSE: _of_a_visit(**HELD, hold="choice"),
    Kind.OFFER: _of_a_visit(**HELD, hold="offer"),
    Kind.OFFER_OVER: _of_a_visit(**GONE, cancelled_by="expiry", confirmed_at=None),
    Kind.PASSED: _of_a_visit(**WAITS, context={"places": 1}),
    Kind.LAST_CALL: _of_a_visit(**WAITS),
    Kind.MOVED: _of_a_visit(context=OLD_TIME),
    Kind.NEW_ADDRESS: _visitor,
    Kind.ADDRESS_CHANGED: _visitor,
    Kind.LINK: _visitor,
    Kind.BALLOT_ENTERED: _ballot(Kind.BALLOT_ENTERED),
    Kind.BALLOT_WON: _ballot(Kind.BALLOT_WON),
    Kind.BALLOT_LOST: _ballot(Kind.BALLOT_LOST),
    Kind.ALREADY_REGISTERED: _of_a_visit(),
    Kind.REDUCED: _of_a_visit(context={"given_back": 1}),
    Kind.CANCELLATION: _of_a_visit(**GONE, cancelled_by="visitor"),
    Kind.SLOT_CANCELLED: _slot_cancelled,
    Kind.SLOT_MOVED: _of_a_visit(context={**OLD_TIME, "old_place": "Quai des Savoirs"}),
    Kind.HOST_SLOTS_CHANGED: _moved_slots,
    Kind.ROOM_ASKED: _request(answered=False),
    Kind.ROOM_ANSWERED: _request(answered=True),
    Kind.REMINDER: _day(now=DAY_BEFORE),
    Kind.THANKS: _day(now=DAY_AFTER, rule={"purpose": "thanks"}),
    Kind.SURVEY: _day(
        now=DAY_AFTER, rule={"purpose": "survey", "survey_url": "https://enquete.example/festival"}
    ),
    Kind.BROADCAST: _broadcast,
    Kind.FOLLOW_CONFIRM: _follow(Kind.FOLLOW_CONFIRM),
    Kind.FOLLOW_OPEN: _follow(Kind.FOLLOW_OPEN),
    Kind.FOLLOW_FREE: _follow(Kind.FOLLOW_FREE),
    Kind.SUBMITTED: _activity,
    Kind.PUBLISHED: _activity,
    Kind.CHANGES_REQUESTED: _activity,
    Kind.REJECTED: _activity,
    Kind.ACCOUNT: _account,
    **{
        kind: _desk(kind)
        for kind in (
            *(Kind.HOST_DIGEST, Kind.ORGANISER_DIGEST, Kind.DOOR_LIST),
            *(Kind.NAG_DRAFT, Kind.NAG_SLOTS, Kind.MAIL_STUCK),
        )
    },
    Kind.AGENDA_STUCK: _agenda,
}

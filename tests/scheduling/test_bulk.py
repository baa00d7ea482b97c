"""Many slots changed in one confirmed step: which, in which order, who is told, what stays and why."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.longwork import ask_to_stop, work_on
from events.models import (
    Absence,
    Appearance,
    Commune,
    HostPerson,
    Job,
    JournalEntry,
    Message,
    OpeningHours,
    Registration,
    RoomOccupancy,
    Slot,
    Visitor,
)
from events.refusals import Reason, Refused
from events.scheduling.blocking import block_room
from events.scheduling.bulk import run_bulk, start_bulk
from events.scheduling.bulk_plan import Action, Choice, Plan, Scope, plan_bulk
from events.scheduling.place import move_slot, place_slot
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    HostFactory,
    RegistrationFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
    VisitorFactory,
)

pytestmark = pytest.mark.django_db

NEXT_DAY = DAY + dt.timedelta(days=1)


@pytest.fixture
def place() -> SimpleNamespace:
    territory = TerritoryFactory(timezone="Europe/Paris")
    venue = VenueFactory(territory=territory, name="La Cantine")
    return SimpleNamespace(
        territory=territory,
        venue=venue,
        room=RoomFactory(venue=venue, name="Grande salle"),
        by=UserFactory(),
        host=HostFactory(territory=territory),
    )


def a_slot(place: Any, at: str, *, room: Any = None, day: dt.date = DAY, **fields: Any) -> Slot:
    """An hour long, of an activity of its own, in its room if it has one."""
    activity = fields.pop("activity", None) or ActivityFactory(host=fields.pop("host", place.host))
    slot = SlotFactory(
        activity=activity, day=day, start_time=dt.time.fromisoformat(at), duration=60, **fields
    )
    if room is not None:
        place_slot(slot_id=slot.pk, room_id=room.pk, by=place.by, now=NOW)
        slot.refresh_from_db()
    return slot


def booked(slot: Slot, email: str, **fields: Any) -> Registration:
    visitor = Visitor.objects.filter(email=email).first() or VisitorFactory(email=email)
    return RegistrationFactory(slot=slot, visitor=visitor, **fields)


def shift(minutes: int = 0, *, days: int = 0, scope: Scope = Scope.ALL, what: str = "") -> Choice:
    return Choice(scope, what, Action.SHIFT, days=days, minutes=minutes)


def plan(place: Any, choice: Choice) -> Plan:
    return plan_bulk(territory=place.territory, choice=choice, now=NOW)


def start(place: Any, choice: Choice, **more: Any) -> Job:
    more.setdefault("fingerprint", plan(place, choice).fingerprint)
    return start_bulk(territory=place.territory, choice=choice, by=place.by, now=NOW, **more)


def done(place: Any, choice: Choice, **more: Any) -> Job:
    job = start(place, choice, **more)
    work_on({"bulk": run_bulk}, clock=lambda: NOW)
    job.refresh_from_db()
    assert job.state == "done", job.report
    assert job.done == job.total
    return job


def times(*slots: Slot) -> list[str]:
    found = {slot.pk: slot for slot in Slot.objects.filter(pk__in=[slot.pk for slot in slots])}
    return [f"{found[slot.pk].local_start:%d %H:%M}" for slot in slots]


def not_done(job: Job) -> dict[int, str]:
    """Why, by slot."""
    return {job.params["lines"][one["line"]]["slot"]: one["why"] for one in job.report.get("not_done", [])}


# Which slots ------------------------------------------------------------------------------------------------


def found(place: Any, scope: Scope, what: object = "", action: Action = Action.SHIFT) -> set[int]:
    choice = Choice(scope, str(what), action, days=0, minutes=5)
    return {line.slot.pk for line in plan(place, choice).lines}


def test_each_scope_finds_its_slots_and_no_others(place: Any) -> None:
    commune = Commune.objects.create(territory=place.territory, name="Labège")
    elsewhere = VenueFactory(territory=place.territory, commune=commune)
    their_room = RoomFactory(venue=elsewhere)
    other_host = HostFactory(territory=place.territory)
    mine = a_slot(place, "10:00", room=place.room)
    theirs = a_slot(place, "10:00", room=their_room, host=other_host, day=NEXT_DAY)
    nowhere = a_slot(place, "15:00", activity=ActivityFactory(host=place.host, venue=elsewhere))
    a_slot(place, "10:00", host=HostFactory())

    assert found(place, Scope.ALL) == {mine.pk, theirs.pk, nowhere.pk}
    assert found(place, Scope.DAY, NEXT_DAY.isoformat()) == {theirs.pk}
    assert found(place, Scope.HOST, place.host.pk) == {mine.pk, nowhere.pk}
    assert found(place, Scope.VENUE, place.venue.pk) == {mine.pk}
    assert found(place, Scope.VENUE, elsewhere.pk) == {theirs.pk, nowhere.pk}
    assert found(place, Scope.ROOM, their_room.pk) == {theirs.pk}
    assert found(place, Scope.CITY, commune.pk) == {theirs.pk, nowhere.pk}


def test_a_room_takes_along_the_halls_it_is_part_of(place: Any) -> None:
    wing, hall = RoomFactory(venue=place.venue), RoomFactory(venue=place.venue, name="Les deux")
    hall.parts.set([place.room, wing])
    whole = a_slot(place, "10:00", room=hall)
    a_slot(place, "14:00", room=wing)

    assert found(place, Scope.ROOM, place.room.pk) == {whole.pk}


def test_what_is_over_under_way_withdrawn_or_not_submitted_is_left_out(place: Any) -> None:
    today = NOW.date()
    a_slot(place, "08:00", day=today)
    under_way = a_slot(place, "09:30", day=today)
    a_slot(place, "10:00", state="cancelled", cancelled_at=NOW)
    a_slot(place, "11:00", activity=ActivityFactory(host=place.host, state="draft"), state="draft")
    ready = a_slot(place, "12:00", activity=ActivityFactory(host=place.host, state="ready"), state="draft")

    assert found(place, Scope.ALL) == {ready.pk}
    assert found(place, Scope.ALL, action=Action.CANCEL) == {under_way.pk}


def test_who_already_is_as_asked_is_left_out(place: Any) -> None:
    a_slot(place, "10:00", day=NEXT_DAY)
    slot = a_slot(place, "10:00")

    asked = Choice(Scope.ALL, "", Action.SHIFT, to_day=NEXT_DAY)

    assert [line.slot.pk for line in plan(place, asked).lines] == [slot.pk]
    assert plan(place, shift(0)).lines == []


# Shifting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "expected"), [(30, "10:30"), (-30, "09:30")])
def test_slots_one_after_the_other_in_one_room_do_not_stand_in_each_other_s_way(
    place: Any, minutes: int, expected: str
) -> None:
    slots = [a_slot(place, f"{hour}:00", room=place.room) for hour in (10, 11, 12, 13)]

    job = done(place, shift(minutes))

    assert not_done(job) == {}
    assert times(*slots)[0] == f"10 {expected}"
    assert RoomOccupancy.objects.active().count() == 4


def test_a_host_s_activity_keeps_its_starts_apart(place: Any) -> None:
    activity = ActivityFactory(host=place.host)
    slots = [a_slot(place, f"{hour}:00", activity=activity) for hour in (10, 11, 12)]

    job = done(place, shift(60))

    assert not_done(job) == {}
    assert times(*slots) == ["10 11:00", "10 12:00", "10 13:00"]


def test_a_day_is_shifted_onto_the_next_one_which_is_shifted_too(place: Any) -> None:
    slots = [a_slot(place, "10:00", room=place.room, day=day) for day in (DAY, NEXT_DAY)]

    done(place, shift(days=1))

    assert times(*slots) == ["11 10:00", "12 10:00"]


def test_a_day_goes_to_another_at_the_same_times(place: Any) -> None:
    slots = [a_slot(place, "10:00"), a_slot(place, "15:00")]

    done(place, Choice(Scope.DAY, DAY.isoformat(), Action.SHIFT, to_day=DAY + dt.timedelta(days=4)))

    assert times(*slots) == ["14 10:00", "14 15:00"]


def test_days_are_counted_on_the_wall_whatever_the_clocks_do(place: Any) -> None:
    slot = a_slot(place, "10:00", day=dt.date(2027, 10, 30))

    done(place, shift(days=1))

    assert times(slot) == ["31 10:00"]


def test_a_time_that_the_clock_skips_or_shows_twice_is_told_before(place: Any) -> None:
    spring = a_slot(place, "02:30", day=dt.date(2028, 3, 25))
    autumn = a_slot(place, "02:30", day=dt.date(2027, 10, 30))

    lines = plan(place, shift(days=1)).lines

    assert {line.slot.pk: line.hindrance.reason for line in lines if line.hindrance} == {
        spring.pk: Reason.NO_SUCH_TIME,
        autumn.pk: Reason.TIME_TWICE,
    }


def test_what_stands_in_the_way_is_told_before_and_in_the_report(place: Any) -> None:
    block_room(
        room_id=place.room.pk,
        starts_at=dt.datetime(2027, 6, 10, 12, tzinfo=dt.UTC),  # 14 h in Paris
        ends_at=dt.datetime(2027, 6, 10, 14, tzinfo=dt.UTC),
        label="travaux",
        by=place.by,
        now=NOW,
    )
    first, last = a_slot(place, "12:00", room=place.room), a_slot(place, "13:00", room=place.room)
    booked(last, "ada@example.org")

    seen = plan(place, shift(60))
    job = done(place, shift(60))

    assert [line.slot.pk for line in seen.staying] == [last.pk, first.pk]
    assert (seen.mails, seen.people) == (0, 0)
    assert not_done(job) == {last.pk: "room_occupied", first.pk: "room_occupied"}
    assert job.report["not_done"][0]["in_the_way"] == [
        {
            "label": "travaux",
            "title_fr": "",
            "title_en": "",
            "room": "Grande salle, La Cantine",
            "starts_at": "2027-06-10T12:00:00+00:00",
            "ends_at": "2027-06-10T14:00:00+00:00",
        }
    ]
    assert times(first, last) == ["10 12:00", "10 13:00"]
    assert Message.objects.count() == 0


def test_closed_hours_and_what_is_past_are_told_before(place: Any) -> None:
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
    closed = a_slot(place, "17:00", room=place.room)
    soon = a_slot(place, "12:00", day=NOW.date())

    later, earlier = plan(place, shift(30)), plan(place, shift(-180))

    assert [(line.slot, line.hindrance.reason) for line in later.staying if line.hindrance] == [
        (closed, Reason.ROOM_CLOSED)
    ]
    assert [(line.slot, line.hindrance.reason) for line in earlier.staying if line.hindrance] == [
        (soon, Reason.IN_THE_PAST)
    ]


def test_somebody_of_the_host_who_is_elsewhere_is_in_the_way(place: Any) -> None:
    person = HostPerson.objects.create(host=place.host, name="Ada")
    one, other = a_slot(place, "10:00"), a_slot(place, "11:00", host=HostFactory(territory=place.territory))
    for slot in (one, other):
        Appearance.objects.create(person=person, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)
    mine = shift(60, scope=Scope.HOST, what=str(place.host.pk))

    job = done(place, mine)

    assert not_done(job) == {one.pk: "person_busy"}
    assert job.report["not_done"][0]["in_the_way"][0]["label"] == "Ada"
    assert not_done(done(place, shift(60))) == {}
    assert times(one, other) == ["10 11:00", "10 12:00"]


@pytest.mark.parametrize("when", ["before", "after it was confirmed"])
def test_what_a_rule_of_the_edition_forbids_is_told_in_its_words(place: Any, when: str) -> None:
    person = HostPerson.objects.create(host=place.host, name="Ada")
    slot = a_slot(place, "10:00")
    Appearance.objects.create(person=person, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)
    away = Absence(person=person, starts_at=slot.ends_at, ends_at=slot.ends_at + dt.timedelta(hours=1))
    if when == "before":
        away.save()
    job = start(place, shift(30))
    away.save()

    work_on({"bulk": run_bulk}, clock=lambda: NOW)

    job.refresh_from_db()
    words = [word.replace("\xa0", " ").replace("\u202f", " ") for word in job.report["not_done"][0]["words"]]
    assert not_done(job) == {slot.pk: "rule_broken"}
    assert bool(job.params["lines"][0]["why"]) == (when == "before")
    assert words == ["Ada n’est pas disponible de 11 h à 12 h."]


def test_somebody_busy_only_since_it_was_confirmed_is_reported(place: Any) -> None:
    person = HostPerson.objects.create(host=place.host, name="Ada")
    slot, other = a_slot(place, "10:00"), a_slot(place, "15:00")
    Appearance.objects.create(person=person, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)
    job = start(place, shift(60, scope=Scope.ALL))
    late = a_slot(place, "11:30", host=HostFactory(territory=place.territory))
    Appearance.objects.create(person=person, slot=late, starts_at=late.starts_at, ends_at=late.ends_at)

    work_on({"bulk": run_bulk}, clock=lambda: NOW)

    job.refresh_from_db()
    assert not_done(job) == {slot.pk: "person_busy"}
    assert job.report["not_done"][0]["in_the_way"][0]["label"] == "Ada"
    assert times(other) == ["10 16:00"]


def test_each_visitor_is_told_once_with_the_old_and_the_new_time(place: Any) -> None:
    slots = [a_slot(place, "10:00", room=place.room), a_slot(place, "11:00", room=place.room)]
    booked(slots[0], "ada@example.org")
    booked(slots[0], "bob@example.org", status="waiting", waiting_since=NOW)
    booked(slots[1], "ada@example.org")
    booked(slots[1], "eve@example.org", status="cancelled", cancelled_at=NOW)

    seen = plan(place, shift(30))
    done(place, shift(30))

    mails = Message.objects.order_by("registration")
    assert (seen.mails, seen.people) == (3, 2)
    assert [(mail.recipient, mail.kind) for mail in mails] == [
        ("ada@example.org", "slot_moved"),
        ("bob@example.org", "slot_moved"),
        ("ada@example.org", "slot_moved"),
    ]
    assert [mail.context["old_starts_at"] for mail in mails] == [
        slots[0].starts_at.isoformat(),
        slots[0].starts_at.isoformat(),
        slots[1].starts_at.isoformat(),
    ]
    assert len({mail.dedupe_key for mail in mails}) == 3


# Moving -----------------------------------------------------------------------------------------------------


def to_venue(venue: Any, *, scope: Scope = Scope.ALL, what: object = "") -> Choice:
    return Choice(scope, str(what), Action.MOVE, venue_id=venue.pk)


def rooms_of(*slots: Slot) -> list[int | None]:
    found = dict(Slot.objects.filter(pk__in=[slot.pk for slot in slots]).values_list("pk", "room"))
    return [found[slot.pk] for slot in slots]


def test_a_venue_s_slots_move_into_another_s_rooms_that_suit(place: Any) -> None:
    wing = RoomFactory(venue=place.venue, name="Salle Canal", comfort_capacity=60, safety_capacity=80)
    there = VenueFactory(territory=place.territory)
    small = RoomFactory(venue=there, comfort_capacity=10, safety_capacity=12)
    large = RoomFactory(venue=there, comfort_capacity=60, safety_capacity=80)
    few = [a_slot(place, at, room=place.room, capacity=8) for at in ("10:00", "11:00")]
    many = a_slot(place, "10:00", room=wing, capacity=50)
    booked(many, "ada@example.org")

    seen = plan(place, to_venue(there, scope=Scope.VENUE, what=place.venue.pk))
    job = done(place, to_venue(there, scope=Scope.VENUE, what=place.venue.pk))

    assert not_done(job) == {}
    assert rooms_of(*few, many) == [small.pk, small.pk, large.pk]
    assert (seen.mails, Message.objects.count()) == (1, 1)
    assert Message.objects.get().context["old_place"] == "Salle Canal, La Cantine"


def test_what_finds_no_room_stays_and_says_what_is_in_the_way(place: Any) -> None:
    there = VenueFactory(territory=place.territory)
    only = RoomFactory(venue=there, name="La seule")
    wing = RoomFactory(venue=place.venue)
    one, other = a_slot(place, "10:00", room=place.room), a_slot(place, "10:00", room=wing)

    job = done(place, to_venue(there))

    assert rooms_of(one, other) == [only.pk, wing.pk]
    assert not_done(job) == {other.pk: "room_occupied"}
    assert job.report["not_done"][0]["in_the_way"][0]["title_fr"] == one.activity.title_fr


def test_slots_move_into_one_room_and_those_too_large_stay(place: Any) -> None:
    small = RoomFactory(venue=place.venue, comfort_capacity=5, safety_capacity=9)
    fits, large = a_slot(place, "10:00", capacity=8), a_slot(place, "12:00", capacity=20)

    job = done(place, Choice(Scope.ALL, "", Action.MOVE, room_id=small.pk))

    assert rooms_of(fits, large) == [small.pk, None]
    assert not_done(job) == {large.pk: "room_too_small"}


def test_a_first_room_in_the_venue_it_is_known_for_is_no_news(place: Any) -> None:
    known = a_slot(place, "10:00", venue=place.venue)
    booked(known, "ada@example.org")

    choice = Choice(Scope.ALL, "", Action.MOVE, room_id=place.room.pk)
    seen = plan(place, choice)
    done(place, choice)

    assert (seen.mails, Message.objects.count()) == (0, 0)
    assert rooms_of(known) == [place.room.pk]


def test_a_room_of_another_territory_is_no_room_here(place: Any) -> None:
    a_slot(place, "10:00")
    foreign = RoomFactory()

    assert plan(place, Choice(Scope.ALL, "", Action.MOVE, room_id=foreign.pk)).to_do == []


# Withdrawing ------------------------------------------------------------------------------------------------

CANCEL = Choice(Scope.ALL, "", Action.CANCEL)


def test_withdrawn_slots_tell_everybody_why_and_free_their_rooms(place: Any) -> None:
    slots = [a_slot(place, "10:00", room=place.room), a_slot(place, "11:00", room=place.room)]
    for slot in slots:
        booked(slot, f"ada{slot.pk}@example.org")

    done(place, CANCEL, reason="  La salle est inondée. ")

    assert set(Slot.objects.values_list("state", "cancel_reason", "cancelled_by_host")) == {
        ("cancelled", "La salle est inondée.", False)
    }
    assert [(mail.kind, mail.context["reason"]) for mail in Message.objects.all()] == [
        ("slot_cancelled", "La salle est inondée.")
    ] * 2
    assert RoomOccupancy.objects.active().count() == 0
    assert JournalEntry.objects.filter(verb="withdraw_slot", actor=place.by).count() == 2


# Asking -----------------------------------------------------------------------------------------------------


def refusal(place: Any, choice: Choice, **more: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        start(place, choice, **more)
    assert Job.objects.count() == 0
    return caught.value


def test_to_withdraw_one_says_why(place: Any) -> None:
    a_slot(place, "10:00")

    assert refusal(place, CANCEL, reason=" ").reason == Reason.REASON_NEEDED


def test_where_no_slot_is_concerned_nothing_is_asked(place: Any) -> None:
    assert refusal(place, shift(30)).reason == Reason.NOTHING_TO_CHANGE


@pytest.mark.parametrize("what", ["booked", "moved", "added"])
def test_what_changed_since_it_was_read_is_told_and_asked_again(place: Any, what: str) -> None:
    slot = a_slot(place, "10:00")
    read = plan(place, shift(30)).fingerprint
    if what == "booked":
        booked(slot, "ada@example.org")
    elif what == "added":
        a_slot(place, "15:00")
    else:
        move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(11), duration=60, by=place.by, now=NOW)

    refused = refusal(place, shift(30), fingerprint=read)

    assert refused.reason == Reason.CHANGED_MEANWHILE
    assert refused.facts["plan"].fingerprint == plan(place, shift(30)).fingerprint
    assert start(place, shift(30), fingerprint=refused.facts["plan"].fingerprint)


def test_a_button_pressed_twice_asks_once(place: Any) -> None:
    a_slot(place, "10:00")
    read = plan(place, shift(30)).fingerprint

    first, second = (start(place, shift(30), fingerprint=read) for _time in range(2))

    assert first == second
    assert Job.objects.count() == 1


# Doing ------------------------------------------------------------------------------------------------------


def test_a_slot_changed_after_it_was_confirmed_is_left_alone(place: Any) -> None:
    slot, other = a_slot(place, "10:00"), a_slot(place, "12:00")
    job = start(place, shift(30))
    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(16), duration=60, by=place.by, now=NOW)

    work_on({"bulk": run_bulk}, clock=lambda: NOW)

    job.refresh_from_db()
    assert not_done(job) == {slot.pk: "changed_meanwhile"}
    assert times(slot, other) == ["10 16:00", "10 12:30"]


def test_a_slot_that_already_is_as_asked_is_done_and_nobody_is_told_again(place: Any) -> None:
    slot = a_slot(place, "10:00")
    booked(slot, "ada@example.org")
    job = start(place, shift(30))
    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(10, 30), duration=60, by=place.by, now=NOW)

    work_on({"bulk": run_bulk}, clock=lambda: NOW)

    job.refresh_from_db()
    assert not_done(job) == {}
    assert Message.objects.count() == 1


def test_a_room_taken_after_it_was_confirmed_is_reported(place: Any) -> None:
    slot = a_slot(place, "10:00", room=place.room)
    job = start(place, shift(90))
    taker = a_slot(place, "12:00", room=place.room)

    work_on({"bulk": run_bulk}, clock=lambda: NOW)

    job.refresh_from_db()
    assert not_done(job) == {slot.pk: "room_occupied"}
    assert job.report["not_done"][0]["in_the_way"][0]["title_fr"] == taker.activity.title_fr
    json.dumps(job.report)


def test_a_stop_comes_between_two_slots(place: Any) -> None:
    slots = [a_slot(place, f"{hour}:00") for hour in (10, 12, 14)]
    job = start(place, shift(30))

    def stop_at_once(work: Any) -> Any:
        ask_to_stop(job_id=job.pk, now=NOW)
        return run_bulk(work)

    work_on({"bulk": stop_at_once}, clock=lambda: NOW)

    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("stopped", 1, 3)
    assert sorted(times(*slots)) == ["10 10:00", "10 12:00", "10 14:30"]


def test_it_goes_on_where_it_rested(place: Any) -> None:
    slots = [a_slot(place, f"{hour}:00", room=place.room) for hour in (10, 11, 12)]
    job = start(place, shift(30))

    for _turn in range(3):
        rested = iter([False, True, True, True])
        work_on({"bulk": run_bulk}, clock=lambda: NOW, is_ending=lambda rested=rested: next(rested))

    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 3)
    assert times(*slots) == ["10 10:30", "10 11:30", "10 12:30"]


def test_a_preview_asks_as_much_for_many_as_for_few(place: Any) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            plan(place, shift(30))
        return len(queries)

    a_slot(place, "10:00", room=place.room)
    few = asked()
    for hour in range(11, 20):
        booked(a_slot(place, f"{hour}:00", room=place.room), f"v{hour}@example.org")

    assert asked() == few

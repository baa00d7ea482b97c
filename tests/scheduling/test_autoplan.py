"""The automatic timetable of a territory: what it reads of the draft, and what it puts there."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.longwork import ask_to_stop, work_on
from events.models import (
    Absence,
    DraftChange,
    Job,
    Level,
    OpeningHours,
    Placement,
    PlacingRule,
    PlannedStay,
    RuleLevel,
    SlotWish,
)
from events.refusals import Reason
from events.scheduling import autoplan
from events.scheduling.autoplan import Choice, as_json, build, from_json, run_autoplan, start_autoplan
from events.scheduling.blocking import block_room
from events.scheduling.draft import pin_slot, plan_slot, undo_last
from events.scheduling.following import sync_draft
from events.scheduling.place import When, place_slot
from events.scheduling.plan_many import plan_many
from events.scheduling.solving.problem import Weights
from tests.factories import (
    DAY,
    NOW,
    AppearanceFactory,
    FestivalFactory,
    HostPersonFactory,
    RoomFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)

from .places import a_slot, refusal_of

pytestmark = pytest.mark.django_db


def choice(**more) -> Choice:
    return Choice(**{"days": (DAY,), "earliest": dt.time(9), "latest": dt.time(12), **more})


def problem(territory, **more):
    sync_draft(territory=territory, now=NOW)
    return build(territory=territory, choice=choice(**more), now=NOW).problem


def the_visit(slot, asked):
    (found,) = [one for one in asked.visits if one.key == str(slot.pk)]
    return found


def run(territory, organiser, **more) -> Job:
    job = start_autoplan(territory=territory, choice=choice(**more), by=organiser, now=NOW)
    work_on({Job.Kind.TIMETABLE: run_autoplan}, clock=lambda: NOW)
    job.refresh_from_db()
    return job


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(autoplan, "LEAST_SECONDS", 0.3)


# What is read -----------------------------------------------------------------------------------------------


def test_only_what_has_no_room_is_placed_unless_all_is_asked_for(territory, room, organiser):
    one, other = a_slot(territory, at=dt.time(10)), a_slot(territory, at=dt.time(11))
    place_slot(slot_id=one.pk, room_id=room.pk, by=organiser, now=NOW)
    assert [visit.key for visit in problem(territory).to_place] == [str(other.pk)]
    assert {visit.key for visit in problem(territory, moves_all=True).to_place} == {
        str(one.pk),
        str(other.pk),
    }


def test_pinned_slots_stay(territory, room, organiser):
    slot = a_slot(territory, at=dt.time(10))
    plan_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    pin_slot(slot_id=slot.pk, is_pinned=True, by=organiser, now=NOW)
    visit = the_visit(slot, problem(territory, moves_all=True))
    assert (visit.pinned.room, visit.pinned.start) == (str(room.pk), 600)


def test_booked_slots_stay_unless_asked_otherwise(territory, room):
    slot = a_slot(territory, at=dt.time(10), taken=1, capacity=10)
    assert the_visit(slot, problem(territory)).pinned is not None
    assert the_visit(slot, problem(territory, moves_booked=True)).pinned is None


def test_slots_of_other_days_and_of_venues_without_rooms_stay(territory, room):
    later = a_slot(territory, at=dt.time(10), day=DAY + dt.timedelta(days=1))
    office = VenueFactory(territory=territory)
    at_home = a_slot(territory, at=dt.time(10))
    at_home.activity.venue = office
    at_home.activity.save()
    asked = problem(territory)
    assert the_visit(later, asked).pinned is not None
    assert the_visit(at_home, asked).pinned.room is None


def test_a_venue_of_its_own_keeps_a_visit_there(territory, room):
    elsewhere = RoomFactory(venue=VenueFactory(territory=territory))
    slot = a_slot(territory, at=dt.time(10))
    slot.activity.venue = room.venue
    slot.activity.save()
    assert the_visit(slot, problem(territory)).rooms == frozenset({str(room.pk)})
    assert len(problem(territory).rooms) == 2
    assert elsewhere.pk


def test_opening_hours_blockings_parts_and_minutes_between_are_read(territory, venue, room, organiser):
    OpeningHours.objects.create(venue=venue, weekday=DAY.isoweekday(), opens=dt.time(9), closes=dt.time(17))
    part = RoomFactory(venue=venue, name="B", setup_minutes=5, turnover_minutes=20, safety_capacity=40)
    hall = RoomFactory(
        venue=venue, name="A+B", turnover_minutes=10, safety_capacity=None, comfort_capacity=None
    )
    hall.parts.set([room, part])
    at = dt.datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=dt.UTC)
    block_room(
        room_id=part.pk,
        starts_at=at,
        ends_at=at + dt.timedelta(hours=1),
        label="Ménage",
        by=organiser,
        now=NOW,
    )
    a_slot(territory, at=dt.time(10))
    asked = problem(territory, earliest=dt.time(7), latest=dt.time(20))
    (read,) = [one for one in asked.rooms if one.key == str(hall.pk)]
    assert read.open == ((540, 1020),)
    assert [(one.key, one.setup, one.turnover) for one in read.parts] == [
        (str(room.pk), room.setup_minutes, max(10, room.turnover_minutes)),
        (str(part.pk), 5, 20),
    ]
    # 12:00 UTC is 14:00 in Toulouse, in June and in May.
    assert asked.blocked == {str(part.pk): ((840, 900),)}


def test_people_their_absences_and_the_hosts_wish_are_read(territory, room):
    slot = a_slot(territory, at=dt.time(10))
    ada = HostPersonFactory(host=slot.activity.host)
    AppearanceFactory(person=ada, slot=slot)
    at = dt.datetime(DAY.year, DAY.month, DAY.day, 7, 0, 30, tzinfo=dt.UTC)
    Absence.objects.create(person=ada, starts_at=at, ends_at=at + dt.timedelta(minutes=30))
    SlotWish.objects.create(slot=slot, days=[DAY.isoformat()], earliest=dt.time(10), room=room)
    asked = problem(territory)
    visit = the_visit(slot, asked)
    assert visit.people == (str(ada.pk),)
    assert asked.absences == {str(ada.pk): ((540, 571),)}  # outwards, to whole minutes
    assert (visit.wish.days, visit.wish.hours, visit.wish.room) == (
        ((0, 1440),),
        ((600, 1440),),
        str(room.pk),
    )


def test_a_rule_the_edition_ignores_is_no_rule(territory, room):
    slot = a_slot(territory, at=dt.time(10))
    slot.activity.needs = ["screen"]
    slot.activity.save()
    assert the_visit(slot, problem(territory)).needs == frozenset({"screen"})
    RuleLevel.objects.create(festival=slot.activity.festival, rule=PlacingRule.EQUIPMENT, level=Level.IGNORE)
    assert the_visit(slot, problem(territory)).needs == frozenset()


def test_reading_asks_as_much_for_three_as_for_one(territory, room):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            build(territory=territory, choice=choice(), now=NOW)
        return len(seen)

    festival = FestivalFactory()
    for hour in (9, 10, 11):
        slot = a_slot(territory, at=dt.time(hour))
        slot.activity.festival = festival
        slot.activity.save()
        AppearanceFactory(person=HostPersonFactory(host=slot.activity.host), slot=slot)
        sync_draft(territory=territory, now=NOW)
        if hour == 9:
            for_one = queries()
    RoomFactory(venue=room.venue)
    assert queries() == for_one


def test_what_was_chosen_is_the_same_after_a_journey_through_json():
    asked = choice(moves_all=True, step=5, weights=Weights(0, 1, 2, 3), seed=9)
    assert from_json(as_json(asked)) == asked


def test_a_night_on_which_the_clocks_change_is_as_long_as_it_is(territory, room):
    spring = dt.date(2027, 3, 28)
    autumn = dt.date(2027, 10, 31)
    for day, hours in ((spring, 23), (autumn, 25)):
        built = build(
            territory=territory,
            choice=Choice(days=(day,), earliest=dt.time(0), latest=dt.time(23, 59)),
            now=NOW - dt.timedelta(days=365),
        )
        assert built.problem.rooms[0].open == ((0, hours * 60),)


# What is done -----------------------------------------------------------------------------------------------


def test_slots_find_a_room_in_the_draft_and_nothing_is_public(territory, room, organiser):
    slots = [a_slot(territory, at=dt.time(10)) for _ in range(3)]
    job = run(territory, organiser)
    assert job.state == Job.State.DONE
    placed = list(Placement.objects.filter(slot__in=slots).order_by("starts_at"))
    assert [one.room for one in placed] == [room] * 3
    assert all(one.ends_at <= other.starts_at for one, other in itertools.pairwise(placed))
    for slot in slots:
        slot.refresh_from_db()
        assert slot.room is None
    assert (job.report["placed"], job.report["unplaced"], job.report["asked"]) == (3, [], 3)
    assert [goal["name"] for goal in job.report["goals"]] == ["wishes", "rooms", "themes", "gaps"]


def test_the_day_a_host_proposed_is_kept_where_nothing_speaks_against_it(territory, room, organiser):
    days = [DAY + dt.timedelta(days=number) for number in range(3)]
    slots = [a_slot(territory, at=dt.time(10), day=day) for day in days for _ in range(2)]
    job = run(territory, organiser, days=tuple(days))
    gaps = next(goal for goal in job.report["goals"] if goal["name"] == "gaps")
    assert (gaps["cost"], job.report["total"]) == (0, 100.0)
    assert [Placement.objects.get(slot=slot).day for slot in slots] == [slot.day for slot in slots]


def test_one_undo_takes_all_of_it_back(territory, room, organiser):
    for _ in range(3):
        a_slot(territory, at=dt.time(10))
    job = run(territory, organiser)
    assert set(DraftChange.objects.values_list("batch", flat=True)) == {uuid.UUID(job.report["batch"])}
    undo_last(territory=territory, by=organiser, now=NOW)
    assert not PlannedStay.objects.exists()
    assert not Placement.objects.filter(is_changed=True).exists()


def test_who_finds_no_place_is_told_why(territory, room, organiser):
    too_large = a_slot(territory, capacity=5_000, at=dt.time(10))
    job = run(territory, organiser)
    (found,) = job.report["unplaced"]
    assert (found["slot"], found["rules"]) == (too_large.pk, ["capacity"])
    assert found["ways"][0]["kind"] == "smaller"


def test_nothing_to_place_is_refused(territory, room, organiser):
    assert refusal_of(lambda: run(territory, organiser)).reason == Reason.NOTHING_TO_CHANGE


def test_asked_twice_it_is_one_job(territory, room, organiser):
    a_slot(territory, at=dt.time(10))
    asked = [start_autoplan(territory=territory, choice=choice(), by=organiser, now=NOW).pk for _ in range(2)]
    assert asked[0] == asked[1]


def test_stopped_it_changes_nothing(territory, room, organiser, monkeypatch):
    monkeypatch.setattr(autoplan, "TELL_EVERY", 0.0)
    a_slot(territory, at=dt.time(10))
    a_slot(territory, at=dt.time(10))
    job = start_autoplan(territory=territory, choice=choice(), by=organiser, now=NOW)

    def stops_meanwhile(work):
        ask_to_stop(job_id=job.pk, now=NOW)
        return run_autoplan(work)

    work_on({Job.Kind.TIMETABLE: stops_meanwhile}, clock=lambda: NOW)
    job.refresh_from_db()
    assert job.state == Job.State.STOPPED
    assert not PlannedStay.objects.exists()


def test_what_somebody_changes_meanwhile_is_left_to_them(territory, room, organiser, monkeypatch):
    mine, theirs = a_slot(territory, at=dt.time(9)), a_slot(territory, at=dt.time(10))
    solve = autoplan.solve

    def solves_while_somebody_works(asked, **more):
        found = solve(asked, **more)
        plan_slot(
            slot_id=theirs.pk,
            room_id=room.pk,
            when=When(DAY, dt.time(9), 120),
            by=UserFactory(),
            now=NOW,
        )
        return found

    monkeypatch.setattr(autoplan, "solve", solves_while_somebody_works)
    job = run(territory, organiser)
    assert job.state == Job.State.DONE
    assert theirs.pk in job.report["dropped"]
    placement = Placement.objects.get(slot=theirs)
    assert (placement.start_time, placement.duration) == (dt.time(9), 120)
    assert mine.pk


def test_the_same_seed_gives_the_same_draft(territory, room, organiser):
    for _ in range(5):
        a_slot(territory, at=dt.time(10), duration=30)

    def drafted():
        run(territory, organiser, seed=4)
        found = list(Placement.objects.order_by("slot").values_list("slot", "room", "starts_at"))
        undo_last(territory=territory, by=organiser, now=NOW)
        return found

    assert drafted() == drafted()


# Many at once -----------------------------------------------------------------------------------------------


def test_a_fixed_number_of_queries_plans_them_all(territory, room, organiser):
    def queries(count: int) -> int:
        slots = [a_slot(territory, at=dt.time(10)) for _ in range(count)]
        sync_draft(territory=territory, now=NOW)
        begins = dt.datetime.combine(DAY, dt.time(9))
        free = RoomFactory(venue=room.venue)
        plans = {
            slot.pk: (
                free.pk,
                When(DAY, (begins + dt.timedelta(hours=2 * number)).time(), 60),
            )
            for number, slot in enumerate(slots)
        }
        with CaptureQueriesContext(connection) as seen:
            plan_many(territory=territory, plans=plans, by=organiser, now=NOW, batch=uuid.uuid4())
        return len(seen)

    assert queries(1) == queries(5)


def test_a_room_planned_twice_is_refused_whole(territory, room, organiser):
    slots = [a_slot(territory, at=dt.time(10)), a_slot(territory, at=dt.time(10))]
    sync_draft(territory=territory, now=NOW)
    plans = {slot.pk: (room.pk, When(DAY, dt.time(10), 60)) for slot in slots}
    refused = refusal_of(
        lambda: plan_many(territory=territory, plans=plans, by=organiser, now=NOW, batch=uuid.uuid4())
    )
    assert refused.reason == Reason.CHANGED_MEANWHILE
    assert not PlannedStay.objects.exists()
    assert not DraftChange.objects.exists()


def test_nobody_is_planned_in_two_places(territory, room, organiser):
    slots = [a_slot(territory, at=dt.time(9)), a_slot(territory, at=dt.time(14))]
    ada = HostPersonFactory(host=slots[0].activity.host)
    for slot in slots:
        AppearanceFactory(person=ada, slot=slot)
    sync_draft(territory=territory, now=NOW)
    refused = refusal_of(
        lambda: plan_many(
            territory=territory,
            plans={slots[1].pk: (room.pk, When(DAY, dt.time(9, 30), 60))},
            by=organiser,
            now=NOW,
            batch=uuid.uuid4(),
        )
    )
    assert (refused.reason, refused.facts["slot_id"]) == (Reason.CHANGED_MEANWHILE, slots[1].pk)


def test_an_activity_never_begins_twice_at_once(territory, room, organiser):
    one = a_slot(territory, at=dt.time(9))
    other = SlotFactory(activity=one.activity, day=DAY, start_time=dt.time(14), duration=60)
    sync_draft(territory=territory, now=NOW)
    refused = refusal_of(
        lambda: plan_many(
            territory=territory,
            plans={other.pk: (room.pk, When(DAY, dt.time(9), 60))},
            by=organiser,
            now=NOW,
            batch=uuid.uuid4(),
        )
    )
    assert refused.reason == Reason.CHANGED_MEANWHILE

"""Slots out of one sentence: « every 45 minutes from 9 h to 12 h on these days »."""

from __future__ import annotations

import datetime as dt

import pytest

from events.models import Activity, JournalEntry, Opening, Slot
from events.refusals import Reason, Refused
from events.scheduling.repeat import PlannedSlot, add_slots, repetition, with_problems
from tests.factories import DAY, NOW, ActivityFactory, SlotFactory, TerritoryFactory, UserFactory

PARIS = "Europe/Paris"


def plan(*, days=(DAY,), first="09:00", last="12:00", every=45, duration=45, timezone=PARIS, fold=None):
    return repetition(
        days=days,
        first=dt.time.fromisoformat(first),
        last=dt.time.fromisoformat(last) if last else None,
        every=every,
        duration=duration,
        timezone=timezone,
        fold=fold,
    )


def wall(planned: list[PlannedSlot]) -> list[str]:
    return [f"{slot.wall_start:%d %H:%M}" for slot in planned]


class TestRepetition:
    def test_every_45_minutes_from_9_to_12_makes_four_visits(self):
        assert wall(plan()) == ["10 09:00", "10 09:45", "10 10:30", "10 11:15"]

    def test_the_last_visit_is_over_by_the_end(self):
        assert wall(plan(duration=60)) == ["10 09:00", "10 09:45", "10 10:30"]

    def test_a_pause_between_visits_is_a_longer_every(self):
        assert wall(plan(every=60)) == ["10 09:00", "10 10:00", "10 11:00"]

    def test_without_an_end_there_is_one_a_day(self):
        days = (dt.date(2027, 6, 12), DAY)

        assert wall(plan(days=days, last=None)) == ["10 09:00", "12 09:00"]

    def test_a_day_said_twice_counts_once(self):
        assert wall(plan(days=(DAY, DAY), last=None)) == ["10 09:00"]

    def test_nothing_fits_in_too_short_a_time(self):
        assert plan(last="09:30") == []

    def test_an_evening_runs_past_midnight_into_the_next_day(self):
        assert wall(plan(first="22:30", last="01:00")) == ["10 22:30", "10 23:15", "11 00:00"]

    def test_two_nights_that_meet_say_each_time_once(self):
        planned = plan(days=(DAY, dt.date(2027, 6, 11)), first="00:00", last="00:00", every=720, duration=720)

        assert wall(planned) == ["10 00:00", "10 12:00", "11 00:00", "11 12:00"]

    def test_the_instant_is_that_of_the_territory(self):
        assert plan(last=None)[0].starts_at == dt.datetime(2027, 6, 10, 7, 0, tzinfo=dt.UTC)
        assert plan(last=None, timezone="Indian/Reunion")[0].starts_at == dt.datetime(
            2027, 6, 10, 5, 0, tzinfo=dt.UTC
        )

    def test_times_that_the_spring_skips_are_named_line_by_line(self):
        night = (dt.date(2027, 3, 28),)

        planned = plan(days=night, first="01:00", last="04:00")

        assert [(f"{slot.start_time:%H:%M}", slot.problem) for slot in planned] == [
            ("01:00", None),
            ("01:45", None),
            ("02:30", Reason.NO_SUCH_TIME),
            ("03:15", None),
        ]
        assert planned[2].starts_at is None

    def test_times_that_the_autumn_shows_twice_are_asked_about(self):
        night = (dt.date(2027, 10, 31),)

        planned = plan(days=night, first="01:30", last="03:00")
        first = plan(days=night, first="01:30", last="03:00", fold=0)
        second = plan(days=night, first="01:30", last="03:00", fold=1)

        assert [slot.problem for slot in planned] == [None, Reason.TIME_TWICE]
        assert [slot.problem for slot in first + second] == [None] * 4
        assert first[1].starts_at == dt.datetime(2027, 10, 31, 0, 15, tzinfo=dt.UTC)
        assert second[1].starts_at == dt.datetime(2027, 10, 31, 1, 15, tzinfo=dt.UTC)

    def test_reunion_knows_no_such_nights(self):
        nights = (dt.date(2027, 3, 28), dt.date(2027, 10, 31))

        planned = plan(days=nights, first="02:15", last=None, timezone="Indian/Reunion")

        assert [slot.problem for slot in planned] == [None, None]

    @pytest.mark.parametrize("wrong", [{"every": 4}, {"duration": 4}, {"duration": 1441}, {"every": 0}])
    def test_lengths_out_of_bounds_are_a_programming_error(self, wrong):
        with pytest.raises(ValueError, match="minutes"):
            plan(**wrong)


@pytest.mark.django_db
class TestAddSlots:
    def test_slots_of_a_draft_are_drafts(self):
        activity = ActivityFactory(state=Activity.State.DRAFT)

        slots = add_slots(activity_id=activity.pk, planned=plan(), capacity=12, by=UserFactory(), now=NOW)

        saved = Slot.objects.filter(activity=activity).in_order()
        assert [slot.pk for slot in saved] == [slot.pk for slot in slots]
        assert {(slot.state, slot.capacity, slot.duration) for slot in saved} == {("draft", 12, 45)}
        assert [slot.starts_at for slot in saved] == [slot.starts_at for slot in plan()]
        assert not JournalEntry.objects.exists()

    def test_slots_of_a_published_activity_are_published_at_once_and_told_in_the_journal(self):
        activity, by = ActivityFactory(), UserFactory()

        add_slots(activity_id=activity.pk, planned=plan(last="10:30"), capacity=None, by=by, now=NOW)

        assert set(activity.slots.values_list("state", "capacity")) == {("published", None)}
        entry = JournalEntry.objects.get()
        assert (entry.verb, entry.actor, entry.text) == (
            "slots_added",
            by,
            "10/06/2027 09:00, 10/06/2027 09:45",
        )

    def test_they_take_the_place_and_the_opening_of_their_activity(self):
        opens = dt.datetime(2027, 5, 20, 10, 0, tzinfo=dt.UTC)
        activity = ActivityFactory()
        Opening.objects.create(festival=activity.festival, opens_at=opens)

        (slot,) = add_slots(
            activity_id=activity.pk, planned=plan(last=None), capacity=5, by=UserFactory(), now=NOW
        )

        slot.refresh_from_db()
        assert (slot.opens_at, slot.venue_id) == (opens, activity.venue_id)

    @pytest.mark.parametrize("state", ["submitted", "ready", "rejected", "cancelled"])
    def test_refused_while_the_activity_is_not_in_the_hosts_hands(self, state):
        activity = ActivityFactory(state=state)

        with pytest.raises(Refused) as refused:
            add_slots(activity_id=activity.pk, planned=plan(), capacity=5, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE
        assert not Slot.objects.exists()

    def test_refused_without_a_line(self):
        with pytest.raises(Refused) as refused:
            add_slots(activity_id=ActivityFactory().pk, planned=[], capacity=5, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.NO_SLOT

    def test_one_time_that_is_taken_refuses_all_and_is_named(self):
        activity = ActivityFactory()
        SlotFactory(activity=activity, start_time=dt.time(10, 30))

        with pytest.raises(Refused) as refused:
            add_slots(activity_id=activity.pk, planned=plan(), capacity=5, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.SAME_START
        assert wall(refused.value.facts["lines"]) == ["10 10:30"]
        assert activity.slots.count() == 1

    def test_a_withdrawn_slot_leaves_its_time_free(self):
        activity = ActivityFactory()
        SlotFactory(activity=activity, start_time=dt.time(9), state=Slot.State.CANCELLED, cancelled_at=NOW)

        slots = add_slots(
            activity_id=activity.pk, planned=plan(last=None), capacity=5, by=UserFactory(), now=NOW
        )

        assert len(slots) == 1

    def test_a_past_time_refuses_all(self):
        late = dt.datetime(2027, 6, 10, 8, 0, tzinfo=dt.UTC)

        with pytest.raises(Refused) as refused:
            add_slots(
                activity_id=ActivityFactory().pk, planned=plan(), capacity=5, by=UserFactory(), now=late
            )

        assert refused.value.reason == Reason.IN_THE_PAST
        assert wall(refused.value.facts["lines"]) == ["10 09:00", "10 09:45"]

    def test_a_skipped_time_refuses_all(self):
        planned = plan(days=(dt.date(2028, 3, 26),), first="01:30", last="04:00", every=60, duration=30)

        with pytest.raises(Refused) as refused:
            add_slots(
                activity_id=ActivityFactory().pk, planned=planned, capacity=5, by=UserFactory(), now=NOW
            )

        assert refused.value.reason == Reason.NO_SUCH_TIME
        assert wall(refused.value.facts["lines"]) == ["26 02:30"]
        assert not Slot.objects.exists()

    def test_the_second_of_two_equal_hours_is_kept_as_the_second(self):
        activity = ActivityFactory(host__territory=TerritoryFactory())
        planned = plan(days=(dt.date(2027, 10, 31),), first="02:15", last=None, fold=1)

        add_slots(activity_id=activity.pk, planned=planned, capacity=5, by=UserFactory(), now=NOW)

        slot = Slot.objects.get()
        assert (slot.fold, slot.starts_at) == (1, dt.datetime(2027, 10, 31, 1, 15, tzinfo=dt.UTC))

    def test_what_the_preview_says_is_what_the_rule_refuses(self):
        activity = ActivityFactory()
        SlotFactory(activity=activity, start_time=dt.time(9, 45))

        shown = with_problems(activity=activity, planned=plan(), now=NOW)

        assert [slot.problem for slot in shown] == [None, Reason.SAME_START, None, None]

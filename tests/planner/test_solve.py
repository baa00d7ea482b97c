"""A day's plan is always livable, and up to twelve candidates the best there is."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.planner.check import faults
from events.planner.problem import Candidate, Day, Impossible, Option, Plan, Stop
from events.planner.reasons import MOST_EXPLAINED, Why, left_out
from events.planner.solve import heaviest, plan_day

pytestmark = pytest.mark.once

NINE, SIX = 9 * 60, 18 * 60


def slot(key, place, starts, minutes=30, **more):
    return Candidate(key, (Option(place, starts, starts + minutes, minutes),), **more)


def line(*kilometres):
    """Places along a road, 12 minutes a kilometre."""
    return tuple(tuple(abs(a - b) * 12 for b in kilometres) for a in kilometres)


def keys(day: Day, plan: Plan):
    return [day.candidates[stop.candidate].key for stop in plan.stops]


def test_visits_come_in_the_order_of_time_with_the_ways_between():
    day = Day((slot("b", 2, 660), slot("a", 1, 600)), line(0, 1, 2), NINE, SIX, start_place=0)

    plan = plan_day(day)

    assert keys(day, plan) == ["a", "b"]
    assert plan.stops[0] == Stop(1, 0, begins=600, ends=630, way=17, leaves=583, spare=43)
    assert plan.stops[1] == Stop(0, 0, begins=660, ends=690, way=17, leaves=643, spare=13)
    assert plan.is_best


def test_two_at_once_leave_the_heavier():
    day = Day((slot("light", 0, 600), slot("heavy", 0, 615, weight=2)), line(0), NINE, SIX)
    assert keys(day, plan_day(day)) == ["heavy"]


def test_what_is_booked_stays_whatever_else_is_wanted():
    booked = slot("booked", 0, 600, 60, is_fixed=True)
    day = Day((booked, slot("wanted", 0, 630, weight=9)), line(0), NINE, SIX)

    plan = plan_day(day)

    assert keys(day, plan) == ["booked"]
    assert [(out.candidate, out.why, out.instead_of) for out in left_out(day, plan)] == [(1, Why.FIXED, (0,))]


def test_another_time_of_the_same_visit_makes_room():
    twice = Candidate("twice", (Option(0, 600, 630, 30), Option(0, 700, 730, 30)))
    day = Day((twice, slot("once", 0, 600)), line(0), NINE, SIX)
    assert keys(day, plan_day(day)) == ["once", "twice"]


def test_a_drop_in_waits_for_what_cannot():
    drop_in = Candidate("open", (Option(0, NINE, SIX, 30),))
    day = Day((drop_in, slot("tour", 1, NINE + 20)), line(0, 1), NINE, SIX)
    assert keys(day, plan_day(day)) == ["tour", "open"]


def test_a_lunch_is_eaten_wherever_one_is():
    lunch = Candidate("lunch", (Option(None, 690, 840, 45),))
    day = Day((slot("late", 1, 780), lunch, slot("early", 0, 660)), line(0, 1), NINE, SIX)

    plan = plan_day(day)

    assert keys(day, plan) == ["early", "lunch", "late"]
    assert plan.stops[1].way == 0
    assert plan.stops[2].way == 17


def test_the_way_home_is_no_part_of_it_but_the_end_of_the_day_is():
    day = Day((slot("late", 0, SIX - 20),), line(0), NINE, SIX)
    plan = plan_day(day)
    assert plan.stops == ()
    assert [out.why for out in left_out(day, plan)] == [Why.OUTSIDE]


def test_what_others_outweigh_says_instead_of_what():
    day = Day((slot("a", 0, 600, weight=3), slot("b", 0, 610), slot("c", 0, 700)), line(0), NINE, SIX)
    plan = plan_day(day)
    assert keys(day, plan) == ["a", "c"]
    assert [(out.candidate, out.why, out.instead_of) for out in left_out(day, plan)] == [
        (1, Why.OTHERS, (0,))
    ]


def test_of_many_left_out_the_first_say_instead_of_what():
    day = Day(
        (slot("a", 0, 600, weight=9), *(slot(n, 0, 605) for n in range(MOST_EXPLAINED + 2))),
        line(0),
        NINE,
        SIX,
    )
    said = [out.instead_of for out in left_out(day, plan_day(day))]
    assert said == [(0,)] * MOST_EXPLAINED + [()] * 2


def test_bookings_that_do_not_fit_together_are_named():
    booked = [slot(n, n, 600 + 40 * n, is_fixed=True) for n in range(3)]
    with pytest.raises(Impossible) as said:
        plan_day(Day(tuple(booked), line(0, 0, 5), NINE, SIX))
    assert said.value.candidates == (1, 2)


@pytest.mark.parametrize("change", [{"begins": 590}, {"ends": 640}, {"way": 0}, {"spare": 99}, {"leaves": 1}])
def test_the_check_sees_a_plan_that_is_not_true(change):
    day = Day((slot("a", 1, 600),), line(0, 1), NINE, SIX, start_place=0)
    (stop,) = plan_day(day).stops
    fields = {name: getattr(stop, name) for name in Stop.__slots__}
    assert faults(day, Plan((Stop(**{**fields, **change}),), 1, is_best=True))


def test_the_check_sees_what_is_missing_or_done_twice():
    day = Day((slot("a", 0, 600, is_fixed=True),), line(0), NINE, SIX)
    (stop,) = plan_day(day).stops
    assert faults(day, Plan((), 0, is_best=True))
    assert faults(day, Plan((stop, stop), 2, is_best=True))


@st.composite
def days(draw, most):
    """Doors in a town of two kilometres, slots and open hours between nine and six."""
    number = draw(st.integers(0, most))
    at = st.tuples(st.integers(0, 2000), st.integers(0, 2000))
    doors = [draw(at) for _ in range(number + 1)]
    travel = tuple(tuple(math.ceil(math.dist(a, b) / 60) for b in doors) for a in doors)
    candidates = []
    for n in range(number):
        place = draw(st.sampled_from([n + 1, n + 1, n + 1, None]))
        options = []
        for _ in range(draw(st.integers(1, 2))):
            stay = draw(st.sampled_from([15, 30, 45, 90]))
            opens = draw(st.integers(16, 64)) * 15
            options.append(Option(place, opens, opens + stay + draw(st.sampled_from([0, 0, 60, 300])), stay))
        weight, is_fixed = draw(st.integers(1, 4)), draw(st.integers(0, 6)) == 0
        candidates.append(Candidate(n, tuple(options), weight, is_fixed))
    starts = draw(st.sampled_from([NINE, 11 * 60]))
    start_place = draw(st.sampled_from([0, None]))
    return Day(tuple(candidates), travel, starts, draw(st.sampled_from([SIX, 14 * 60])), start_place)


def by_hand(day: Day) -> int | None:
    """By trying every order of every choice: None where what is fixed does not fit."""
    best = None
    numbers = range(len(day.candidates))
    for size in range(len(day.candidates) + 1):
        for order in itertools.permutations(numbers, size):
            if any(day.candidates[n].is_fixed and n not in order for n in numbers):
                continue
            weight = sum(day.candidates[n].weight for n in order)
            if (best is None or weight > best) and can_be_lived(day, order):
                best = weight
    return best


def can_be_lived(day: Day, order) -> bool:
    """Whether some choice of times makes this order possible."""
    for options in itertools.product(*(day.candidates[n].options for n in order)):
        now, here = day.starts, day.start_place
        for option in options:
            there = here if option.place is None else option.place
            if here is not None and there not in (None, here):
                now += day.travel[here][there] + day.margin
            now, here = max(now, option.opens) + option.stay, there
            if now > min(option.closes, day.ends):
                break
        else:
            return True
    return False


@pytest.mark.slow
@settings(max_examples=1000)
@given(days(most=5))
def test_no_order_tried_by_hand_weighs_more(day):
    best = by_hand(day)
    if best is None:
        with pytest.raises(Impossible):
            plan_day(day)
        return
    plan = plan_day(day)
    assert faults(day, plan) == []
    assert (plan.weight, plan.is_best) == (best, True)
    assert heaviest(day) == best


def by_clock(day: Day) -> Plan | None:
    """The plan with nothing left behind; None where what is fixed does not fit."""
    try:
        return plan_day(day, width=10**6)
    except Impossible:
        return None


@settings(max_examples=40)
@given(days(most=8))
def test_what_is_measured_by_is_found_whichever_way_one_searches(day):
    """A narrow search first, then everything that could be better."""
    if by_clock(day) is None:
        with pytest.raises(Impossible):
            plan_day(day, width=1)
        return
    narrow = plan_day(day, width=1)
    assert faults(day, narrow) == []
    assert narrow.weight <= heaviest(day) == plan_day(day).weight


@pytest.mark.slow
@settings(max_examples=60)
@given(days(most=18))
def test_no_plan_is_ever_impossible_to_live(day):
    try:
        plan = plan_day(day)
    except Impossible:
        return
    assert faults(day, plan) == []
    assert plan == plan_day(day)
    assert {out.candidate for out in left_out(day, plan)} == set(range(len(day.candidates))) - plan.chosen

"""Why a visit has no place: a set of which nothing can be left out, and what would let it in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.scheduling.solving.masks import Fixed
from events.scheduling.solving.problem import Assignment, Freed, Part, Place, Problem, RoomSpec, Rule, Visit
from events.scheduling.solving.solve import solve
from events.scheduling.solving.why import explain

from .instances import cut

pytestmark = pytest.mark.once

WINDOWS = ((0, 1440),)
A = RoomSpec("a", (Part("a"),), ((540, 720),), capacity=30, has=frozenset({"screen"}))
B = RoomSpec("b", (Part("b"),), ((540, 720),), capacity=60)


def visit(key: str, duration: int = 60, **more) -> Visit:
    return Visit(key, duration, windows=more.pop("windows", WINDOWS), **more)


def why(problem: Problem, *placed: Assignment):
    (found,) = explain(problem, placed)
    return found


def kinds(found):
    return [way.kind for way in found.ways_in]


def test_too_large_for_every_room():
    found = why(Problem((visit("1", size=90),), (A, B)))
    assert found.rules == (Rule.CAPACITY,)
    assert found.largest == 60
    assert found.visits == ()
    (way,) = found.ways_in
    assert (way.kind, way.amount, way.place.room) == (Freed.SMALLER, 60, "b")


def test_equipment_no_room_has():
    found = why(Problem((visit("1", needs=frozenset({"stage", "screen"})),), (A, B)))
    assert found.rules == (Rule.EQUIPMENT,)
    (way,) = found.ways_in
    assert (way.kind, way.what, way.place.room) == (Freed.WITHOUT_EQUIPMENT, "stage", "a")


def test_longer_than_any_room_is_open():
    found = why(Problem((visit("1", 240),), (A, B)))
    assert found.rules == (Rule.OPEN,)
    assert kinds(found) == [Freed.SHORTER, Freed.OPEN_LONGER]
    assert found.ways_in[0].amount == 180


def test_its_people_are_away():
    problem = Problem((visit("1", people=("ada",)),), (A,), absences={"ada": ((600, 720),)})
    found = why(replace(problem, visits=(visit("1", 90, people=("ada",)),)))
    assert found.rules == (Rule.ABSENCE, Rule.OPEN)
    assert found.people == ("ada",)
    assert Freed.OTHER_PERSON in kinds(found)


def test_other_visits_hold_the_only_room():
    first, last, other = visit("first"), visit("last"), visit("other")
    problem = Problem((first, last, other, visit("1", 180, needs=frozenset({"screen"}))), (A, B))
    found = why(
        problem, Assignment("first", "a", 540), Assignment("last", "a", 660), Assignment("other", "b", 540)
    )
    assert Rule.EQUIPMENT in found.rules
    # Either of the two is enough to keep three hours out: a minimal set names one.
    assert len(found.visits) == 1
    assert found.visits[0] in {"first", "last"}


def test_the_pinned_visit_in_the_way_is_named_and_its_leaving_would_help():
    pinned = visit("fixed", 180, pinned=Place("a", 540))
    problem = Problem((pinned, visit("1", needs=frozenset({"screen"}))), (A,))
    found = why(problem, Assignment("fixed", "a", 540))
    assert found.visits == ("fixed",)
    assert [way.what for way in found.ways_in if way.kind == Freed.VISIT_MOVES] == ["fixed"]


def test_a_visit_that_might_come_on_another_day_says_so():
    problem = Problem((visit("1", windows=((0, 500),)),), (A,))
    found = why(problem)
    assert set(found.rules) == {Rule.WINDOW, Rule.OPEN}
    assert Freed.OTHER_TIME in kinds(found)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_a_clashing_set_can_be_left_out_and_the_set_is_enough(seed: int):
    problem, _known = cut(seed, rooms=2, days=1, people=0.8)
    more = tuple(replace(one, key=f"{one.key} again") for one in problem.visits[:3])
    problem = replace(problem, visits=problem.visits + more)
    outcome = solve(problem, seed=seed, seconds=1, may_use_exact=False)
    assert outcome.unplaced
    at = {one.visit: one for one in outcome.assignments}
    visits = {one.key: one for one in problem.visits}
    all_rules = {Rule.WINDOW, Rule.ABSENCE, Rule.OPEN, Rule.BLOCKED, Rule.ROOM, Rule.EQUIPMENT, Rule.CAPACITY}

    def finds_a_place(one: Visit, others: set[str], rules: set[Rule]) -> bool:
        standing = tuple(replace(visits[key], pinned=Place(at[key].room, at[key].start)) for key in others)
        fixed = Fixed(replace(problem, visits=(*standing, one)))
        without = frozenset(all_rules - rules)
        when = fixed.of_visit(one, without)
        return any(
            fixed.fits(one, room, without) and when & fixed.of_room(room, one.duration, without)
            for room in problem.rooms
        )

    for found in outcome.unplaced:
        one, others, rules = visits[found.visit], set(found.visits), set(found.rules)
        assert not finds_a_place(one, others, rules)
        assert all(finds_a_place(one, others - {key}, rules) for key in others)
        assert all(finds_a_place(one, others, rules - {rule}) for rule in rules)
        for way in found.ways_in:
            if way.kind == Freed.VISIT_MOVES:
                assert finds_a_place(one, set(at) - {way.what}, all_rules)

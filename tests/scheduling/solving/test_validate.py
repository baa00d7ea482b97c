"""The validator sees every hard rule broken: by hand, and by solvers that do not know the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from events.scheduling.solving import exact, greedy
from events.scheduling.solving.greedy import Effort
from events.scheduling.solving.problem import Assignment, Part, Place, Problem, RoomSpec, Rule, Visit
from events.scheduling.solving.validate import validate
from tests.ground import needs

pytestmark = pytest.mark.once

DAY = 24 * 60
OPEN = ((540, 720),)
ANYWHEN = ((0, DAY),)


def room(key: str = "a", *, parts: tuple[Part, ...] = (), **more) -> RoomSpec:
    return RoomSpec(key, parts or (Part(key),), more.pop("open", OPEN), **more)


def visit(key: str, duration: int = 60, **more) -> Visit:
    return Visit(key, duration, windows=more.pop("windows", ANYWHEN), **more)


HALVES = (Part("a"), Part("b"))

# By rule: a problem, and the same as one sees it who does not know the rule.
BLIND: dict[Rule, tuple[Problem, Callable[[Problem], Problem]]] = {
    Rule.OPEN: (
        Problem((visit("1", 90), visit("2", 90), visit("3", 90)), (room(),)),
        lambda problem: replace(problem, rooms=(room(open=((0, DAY),)),)),
    ),
    Rule.WINDOW: (
        Problem((visit("1", 90, windows=((540, 660),)), visit("2", 90, windows=((540, 660),))), (room(),)),
        lambda problem: replace(
            problem, visits=tuple(replace(one, windows=ANYWHEN) for one in problem.visits)
        ),
    ),
    Rule.BLOCKED: (
        Problem((visit("1", 90), visit("2", 90)), (room(),), blocked={"a": ((600, 615),)}),
        lambda problem: replace(problem, blocked={}),
    ),
    Rule.OVERLAP: (
        # Hall and half share a part; seen as rooms apart, both are used at once.
        Problem(
            (visit("1", 180, rooms=frozenset({"hall"})), visit("2", 180, rooms=frozenset({"a"}))),
            (room("hall", parts=HALVES), room("a")),
        ),
        lambda problem: replace(problem, rooms=(room("hall"), room("a"))),
    ),
    Rule.PEOPLE: (
        Problem((visit("1", 120, people=("ada",)), visit("2", 120, people=("ada",))), (room("a"), room("b"))),
        lambda problem: replace(problem, visits=tuple(replace(one, people=()) for one in problem.visits)),
    ),
    Rule.ABSENCE: (
        Problem((visit("1", 180, people=("ada",)),), (room(),), absences={"ada": ((600, 610),)}),
        lambda problem: replace(problem, absences={}),
    ),
    Rule.CAPACITY: (
        Problem((visit("1", size=40),), (room(capacity=30),)),
        lambda problem: replace(problem, rooms=(room(),)),
    ),
    Rule.EQUIPMENT: (
        Problem((visit("1", needs=frozenset({"screen"})),), (room(has=frozenset({"sound"})),)),
        lambda problem: replace(
            problem, visits=tuple(replace(one, needs=frozenset()) for one in problem.visits)
        ),
    ),
    Rule.ROOM: (
        Problem((visit("1", 180, rooms=frozenset({"b"})),), (room("a"), room("b", open=((540, 600),)))),
        lambda problem: replace(problem, visits=tuple(replace(one, rooms=None) for one in problem.visits)),
    ),
    Rule.SERIES: (
        Problem(
            (visit("1", 180, series="tour"), visit("2", 180, series="tour")),
            (room("a"), room("b")),
        ),
        lambda problem: replace(problem, visits=tuple(replace(one, series="") for one in problem.visits)),
    ),
    Rule.STEP: (
        Problem((visit("1", 20), visit("2", 20), visit("3", 20)), (room(open=((540, 600),)),), step=30),
        lambda problem: replace(problem, step=5),
    ),
    Rule.PINNED: (
        Problem(
            (visit("1", 180, pinned=Place("a", 540)), visit("2", 180, pinned=Place("a", 540))), (room(),)
        ),
        lambda problem: replace(
            problem,
            visits=tuple(replace(one, pinned=None) for one in problem.visits),
        ),
    ),
}
SOLVERS = ["greedy", "exact"]


def solved(problem: Problem, solver: str) -> tuple[Assignment, ...]:
    if solver == "greedy":
        return greedy.solve(problem, seed=1, effort=Effort(0.2, clock=60)).assignments
    needs.solver()
    found = exact.solve(problem, seed=1, seconds=2, effort=Effort(2, clock=60))
    assert found is not None
    return found.assignments


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rule", BLIND, ids=lambda rule: rule.value)
def test_a_solver_that_does_not_know_a_rule_is_found_out(rule: Rule, solver: str):
    problem, blinded = BLIND[rule]
    assert validate(problem, solved(problem, solver)) == []
    broken = validate(problem, solved(blinded(problem), solver))
    assert {one.rule for one in broken} == {rule}


def test_every_rule_has_a_solver_that_does_not_know_it():
    assert set(Rule) - set(BLIND) == {Rule.ONCE}  # which no problem can leave out: see the next


def test_a_visit_placed_twice_or_unknown_is_seen():
    problem = Problem((visit("1"),), (room("a"), room("b")))
    twice = [Assignment("1", "a", 540), Assignment("1", "b", 540)]
    assert [one.rule for one in validate(problem, twice)] == [Rule.ONCE]
    assert [one.rule for one in validate(problem, [Assignment("x", "a", 540)])] == [Rule.ONCE]


def test_a_room_nobody_has_heard_of_is_seen():
    problem = Problem((visit("1"),), (room("a"),))
    assert [one.rule for one in validate(problem, [Assignment("1", "cellar", 540)])] == [Rule.ROOM]
    assert [one.rule for one in validate(problem, [Assignment("1", None, 540)])] == [Rule.ROOM]


def test_set_up_and_turnover_count_between_visits_and_not_at_the_door():
    tight = room(parts=(Part("a", setup=15, turnover=15),))
    problem = Problem((visit("1"), visit("2")), (tight,))
    assert validate(problem, [Assignment("1", "a", 540), Assignment("2", "a", 630)]) == []
    too_near = validate(problem, [Assignment("1", "a", 540), Assignment("2", "a", 615)])
    assert [one.rule for one in too_near] == [Rule.OVERLAP]


def test_something_put_in_the_way_of_a_pinned_visit_is_seen():
    problem = Problem((visit("1", pinned=Place("a", 540)), visit("2")), (room(),))
    both = [Assignment("1", "a", 540), Assignment("2", "a", 570)]
    assert [one.rule for one in validate(problem, both)] == [Rule.OVERLAP]


def test_a_pinned_visit_that_is_missing_is_seen():
    problem = Problem((visit("1", pinned=Place("a", 540)),), (room(),))
    assert [one.rule for one in validate(problem, [])] == [Rule.PINNED]

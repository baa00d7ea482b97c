"""What the soft goals count, on timetables small enough to count by hand."""

from __future__ import annotations

import pytest

from events.scheduling.solving.problem import (
    Assignment,
    GoalName,
    Part,
    Place,
    Problem,
    RoomSpec,
    Visit,
    Weights,
    Wish,
)
from events.scheduling.solving.score import score, stretches
from events.scheduling.solving.solve import solve

pytestmark = pytest.mark.once

WINDOWS = ((0, 2880),)
OPEN = ((540, 780), (840, 1080))
SMALL = RoomSpec("small", (Part("small", 0, 15),), OPEN, capacity=20)
LARGE = RoomSpec("large", (Part("large"),), OPEN, capacity=200, comfort=100)


def visit(key: str, duration: int = 60, **more) -> Visit:
    return Visit(key, duration, windows=WINDOWS, **more)


def costs(problem: Problem, *placed: Assignment) -> dict[str, tuple[int, int]]:
    return {goal.name.value: (goal.cost, goal.worst) for goal in score(problem, placed).goals}


def test_each_part_of_a_wish_counts_alone():
    wish = Wish(days=((0, 1440),), hours=((540, 660),), room="large")
    problem = Problem((visit("1", wish=wish),), (SMALL, LARGE))
    assert costs(problem, Assignment("1", "large", 540))["wishes"] == (0, 3)
    assert costs(problem, Assignment("1", "large", 660))["wishes"] == (1, 3)
    assert costs(problem, Assignment("1", "small", 660))["wishes"] == (2, 3)
    assert costs(problem)["wishes"] == (3, 3)


def test_a_wanted_visit_in_a_small_room_leaves_people_without_a_seat():
    problem = Problem((visit("1", wanted=150), visit("2", size=10)), (SMALL, LARGE))
    assert costs(problem, Assignment("1", "large", 540), Assignment("2", "small", 540))["rooms"] == (50, 160)
    assert costs(problem, Assignment("1", "small", 540), Assignment("2", "large", 540))["rooms"] == (130, 160)


def test_two_visits_of_one_theme_at_once_count_and_one_after_the_other_do_not():
    problem = Problem(
        (visit("1", theme="ai"), visit("2", theme="ai"), visit("3", theme="food")), (SMALL, LARGE)
    )
    at_once = (Assignment("1", "small", 540), Assignment("2", "large", 570), Assignment("3", "large", 540))
    assert costs(problem, *at_once)["themes"] == (1, 1)
    in_turn = (Assignment("1", "small", 540), Assignment("2", "large", 600))
    assert costs(problem, *in_turn)["themes"] == (0, 1)


def test_two_pinned_visits_of_one_theme_are_nobodys_fault():
    pinned = [visit(str(n), theme="ai", pinned=Place(room, 540)) for n, room in enumerate(["small", "large"])]
    problem = Problem((*pinned, visit("2", theme="ai")), (SMALL, LARGE))
    there = (Assignment("0", "small", 540), Assignment("1", "large", 540))
    assert costs(problem, *there)["themes"] == (0, 2)


def test_a_gap_is_what_stands_empty_between_two_visits_of_one_opening():
    problem = Problem((visit("1"), visit("2"), visit("3")), (SMALL,))
    # 9:00-10:00 and clearing until 10:15, then 11:00: three quarters of an hour; lunch is no gap.
    placed = (Assignment("1", "small", 540), Assignment("2", "small", 660), Assignment("3", "small", 900))
    assert costs(problem, *placed)["gaps"] == (45, 180)


def test_what_blocks_a_room_cuts_its_opening():
    problem = Problem((), (SMALL,), blocked={"small": ((600, 630),)})
    assert stretches(problem)["small"] == ((540, 600), (630, 780), (840, 1080))


def test_the_total_follows_the_weights():
    problem = Problem(
        (visit("1", wish=Wish(room="large"), size=10),),
        (SMALL, LARGE),
        weights=Weights(wishes=3, rooms=1, themes=0, gaps=0),
    )
    assert score(problem, [Assignment("1", "large", 540)]).total == 100
    assert score(problem, [Assignment("1", "small", 540)]).total == 25


def test_a_goal_that_weighs_nothing_is_not_pursued():
    wish = Wish(hours=((840, 900),))
    asked = Problem((visit("1", wish=wish),), (LARGE,), weights=Weights(wishes=1, rooms=0, themes=0, gaps=0))
    (kept,) = solve(asked, seed=1, seconds=1).assignments
    assert kept.start == 840
    goals = {goal.name: goal.share for goal in score(asked, [kept]).goals}
    assert goals[GoalName.WISHES] == 1


def test_gaps_between_pinned_visits_are_nobodys_fault_and_filling_one_is_none_either():
    pinned = tuple(visit(f"p{start}", pinned=Place("large", start)) for start in (540, 720))
    problem = Problem((*pinned, visit("1")), (SMALL, LARGE))
    there = [Assignment("p540", "large", 540), Assignment("p720", "large", 720)]
    filled = score(problem, (*there, Assignment("1", "large", 600)))
    aside = score(problem, (*there, Assignment("1", "small", 540)))
    assert (filled.total, aside.total) == (100.0, 100.0)
    assert costs(problem, *there, Assignment("1", "small", 540))["gaps"][0] == 0

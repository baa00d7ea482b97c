"""Whether a timetable keeps the hard rules. Shares no code with what makes one, so as to see its mistakes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from .problem import Assignment, Problem, RoomSpec, Rule, Visit


@dataclass(frozen=True, slots=True)
class Violation:
    """``other``: the visit, part, person or equipment it is broken with."""

    rule: Rule
    visit: str
    other: str = ""


def validate(problem: Problem, assignments: Iterable[Assignment]) -> list[Violation]:
    """Every hard rule that is broken; none: the timetable may be used. A visit may have no place.

    What is pinned is taken as it is: only that it has not moved, and that nothing was put in its way.
    """
    placed = list(assignments)
    visits = {visit.key: visit for visit in problem.visits}
    rooms = {room.key: room for room in problem.rooms}
    found: list[Violation] = []
    seen: set[str] = set()
    for one in placed:
        if one.visit in seen or one.visit not in visits:
            found.append(Violation(Rule.ONCE, one.visit))
        seen.add(one.visit)
    placed = [one for one in placed if one.visit in visits]
    for visit in problem.visits:
        if visit.pinned is not None:
            where = [(one.room, one.start) for one in placed if one.visit == visit.key]
            if where != [(visit.pinned.room, visit.pinned.start)]:
                found.append(Violation(Rule.PINNED, visit.key))
    for one in placed:
        visit = visits[one.visit]
        if visit.pinned is None:
            room = rooms.get(one.room or "")
            found += _alone(problem, visit, room, one.start) if room else [Violation(Rule.ROOM, visit.key)]
    found += _together(visits, rooms, placed)
    return found


def _alone(problem: Problem, visit: Visit, room: RoomSpec, start: int) -> list[Violation]:
    """What is wrong with a place whatever else is placed."""
    end = start + visit.duration
    found = []
    if not [1 for opens, closes in room.open if opens <= start and closes >= end]:
        found.append(Violation(Rule.OPEN, visit.key, room.key))
    if not [1 for first, last in visit.windows if first <= start and last >= end]:
        found.append(Violation(Rule.WINDOW, visit.key))
    if start % problem.step != 0:
        found.append(Violation(Rule.STEP, visit.key))
    if visit.rooms is not None and room.key not in visit.rooms:
        found.append(Violation(Rule.ROOM, visit.key, room.key))
    if room.capacity is not None and visit.size > room.capacity:
        found.append(Violation(Rule.CAPACITY, visit.key, room.key))
    found += [
        Violation(Rule.EQUIPMENT, visit.key, code) for code in sorted(visit.needs) if code not in room.has
    ]
    for part in room.parts:
        for first, last in problem.blocked.get(part.key, ()):
            if start - part.setup < last and first < end + part.turnover:
                found.append(Violation(Rule.BLOCKED, visit.key, part.key))
    for person in visit.people:
        for first, last in problem.absences.get(person, ()):
            if start < last and first < end:
                found.append(Violation(Rule.ABSENCE, visit.key, person))
    return found


def _together(
    visits: dict[str, Visit], rooms: dict[str, RoomSpec], placed: list[Assignment]
) -> list[Violation]:
    """What two visits do to each other; of two pinned ones nothing is said."""
    found: list[Violation] = []
    held: dict[str, list[tuple[int, int, Visit]]] = {}
    busy: dict[str, list[tuple[int, int, Visit]]] = {}
    begun: dict[tuple[str, int], list[tuple[int, int, Visit]]] = {}
    for one in placed:
        visit = visits[one.visit]
        end = one.start + visit.duration
        room = rooms.get(one.room or "")
        for part in room.parts if room else ():
            held.setdefault(part.key, []).append((one.start - part.setup, end + part.turnover, visit))
        for person in visit.people:
            busy.setdefault(person, []).append((one.start, end, visit))
        if visit.series:
            begun.setdefault((visit.series, one.start), []).append((0, 1, visit))
    for rule, groups in ((Rule.OVERLAP, held), (Rule.PEOPLE, busy), (Rule.SERIES, begun)):
        for rows in groups.values():
            for (start, end, visit), (other_start, other_end, other) in combinations(rows, 2):
                both_pinned = visit.pinned is not None and other.pinned is not None
                if start < other_end and other_start < end and not both_pinned and visit.key != other.key:
                    found.append(Violation(rule, visit.key, other.key))
    return found

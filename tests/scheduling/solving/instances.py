"""Timetables cut into pieces: first a full one is drawn, so that the problem is known to have a solution."""

from __future__ import annotations

import random
from dataclasses import replace

from events.scheduling.solving.problem import Assignment, Part, Place, Problem, RoomSpec, Visit, Weights, Wish

DAY = 24 * 60
MORNING, EVENING = 9 * 60, 18 * 60
THEMES = ["software", "ai", "health", "climate", "food", "mobility", "space"]
CODES = ["screen", "sound", "wifi", "tables"]


def cut(
    seed: int,
    *,
    rooms: int = 3,
    days: int = 2,
    fill: float = 1.0,
    durations: tuple[int, ...] = (30, 45, 60, 90),
    hours: tuple[int, int] = (MORNING, EVENING),
    turnover: int = 0,
    step: int = 15,
    halls: bool = False,
    wishes: float = 0.3,
    people: float = 0.5,
    pinned: float = 0.0,
    most: int | None = None,
    weights: Weights = Weights(),  # noqa: B008
) -> tuple[Problem, list[Assignment]]:
    """A problem and the timetable it was cut from.

    :param fill: the share of the pieces that is kept; 1: the rooms are full to the last minute.
    :param halls: the first two rooms also make one hall together.
    """
    chance = random.Random(seed)
    specs = [
        RoomSpec(
            key=f"room-{number}",
            parts=(Part(f"room-{number}", 0, turnover),),
            open=tuple((day * DAY + hours[0], day * DAY + hours[1] + turnover) for day in range(days)),
            capacity=chance.choice([20, 30, 50, 80, 120]),
            comfort=None,
            has=frozenset(code for code in CODES if chance.random() < 0.6),
        )
        for number in range(rooms)
    ]
    if halls:
        one, other = specs[:2]
        specs.append(
            RoomSpec(
                "hall",
                (*one.parts, *other.parts),
                one.open,
                (one.capacity or 0) + (other.capacity or 0),
                has=one.has | other.has,
            )
        )
    busy: dict[str, list[tuple[int, int]]] = {}
    visits: list[Visit] = []
    known: list[Assignment] = []

    def piece(room: RoomSpec, start: int, duration: int) -> None:
        if chance.random() > fill:
            return
        end = start + duration
        who: tuple[str, ...] = ()
        if chance.random() < people:
            name = f"person-{chance.randrange(rooms * 4)}"
            if not any(a < end and start < b for a, b in busy.get(name, [])):
                busy.setdefault(name, []).append((start, end))
                who = (name,)
        wish = None
        if chance.random() < wishes:
            day = start // DAY
            wish = Wish(
                days=((day * DAY, day * DAY + DAY),) if chance.random() < 0.5 else (),
                hours=((start - 30, end + 30),) if chance.random() < 0.5 else (),
                room=room.key if chance.random() < 0.3 else None,
            )
        visits.append(
            Visit(
                key=f"visit-{len(visits)}",
                duration=duration,
                size=chance.randint(5, room.capacity or 50),
                needs=frozenset(code for code in sorted(room.has) if chance.random() < 0.3),
                people=who,
                theme=chance.choice(THEMES),
                wanted=chance.randint(5, 150),
                wish=wish,
                windows=tuple((day * DAY, day * DAY + DAY) for day in range(days)),
            )
        )
        known.append(Assignment(visits[-1].key, room.key, start))

    for day in range(days):
        shut = 0
        if halls:
            piece(specs[-1], day * DAY + hours[0], 60)
            shut = 60 + turnover
        for number, room in enumerate(specs[:rooms]):
            at = day * DAY + hours[0] + (shut if number < 2 else 0)
            end = day * DAY + hours[1] + turnover
            while at < end:
                left = end - at - turnover
                fitting = [d for d in durations if d == left or d <= left - min(durations) - turnover]
                if not fitting:
                    break
                duration = chance.choice(fitting)
                piece(room, at, duration)
                at += duration + turnover
    order = list(range(len(visits)))
    chance.shuffle(order)
    if most is not None:
        order = sorted(order[:most])
    visits, known = [visits[i] for i in order], [known[i] for i in order]
    for index, at_home in enumerate(known):
        if chance.random() < pinned:
            visits[index] = replace(visits[index], pinned=Place(at_home.room, at_home.start))
    return Problem(tuple(visits), tuple(specs), step=step, weights=weights), known

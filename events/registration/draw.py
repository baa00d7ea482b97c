"""The draw itself: who wins what, from the published file alone. No database, no clock, no network.

One random order decides: entries sorted by SHA-256 of the seed and their code. Each in its turn takes what it
wishes most of what is still there, walking down its own list: the whole party fits, no two wins at one time,
at most ``most_wins`` of them. This is random serial dictatorship (Abdulkadiroğlu and Sönmez, "Random serial
dictatorship and the core from random endowments in house allocation problems", Econometrica 66, 1998). It is
strategy-proof: neither the order (the code is drawn by the site) nor what others took before depends on what
one writes, and the walk down the true list takes the first wish that can be had, then the next, so no other
list gives a better first win, nor, with the same first, a better second. What that does not cover: a list cut
short by ``most_wishes`` (Haeringer and Klijn 2009), and people to whom two low wishes outweigh one high.

What else must be known to replay is written down with the draw (``Limit``): visits held elsewhere and the
edition's limits for one person block wishes, and an entrant who has been erased takes nothing.

``python draw.py tirage.json`` replays a published file on any machine with Python 3.11.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = "festival-ballot/1"
MOST_PEOPLE = 100
NO_LIMIT = 10**9


class Unreadable(ValueError):
    """This is no file of a draw; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``wishes``: keys of slots, the most wanted first."""

    code: str
    party: int
    wishes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A slot as it stood at the draw. ``places`` None: no limit. ``day``: on the clock of its territory."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    day: str
    places: int | None

    def overlaps(self, other: Place) -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Limit:
    """What one entry may not win: ``blocked`` wishes, more than ``most`` in all, more than ``days`` says a
    day.
    """

    blocked: frozenset[str] = frozenset()
    most: int = NO_LIMIT
    days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draw:
    """Everything that decides the outcome."""

    seed: str
    most_wins: int
    most_per_day: int | None
    places: Mapping[str, Place]
    entries: Sequence[Entry]
    limits: Mapping[str, Limit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``rank`` in the drawn order, from 1; ``won`` in the order of the entry's wishes."""

    code: str
    rank: int
    won: tuple[str, ...]


NOTHING_MORE = Limit()


def draw(it: Draw) -> list[Outcome]:
    """Who wins what, in the drawn order."""
    left = {key: NO_LIMIT if place.places is None else place.places for key, place in it.places.items()}
    outcomes = []
    for rank, entry in enumerate(in_drawn_order(it.entries, it.seed), 1):
        won = _walk(entry, it, left)
        for key in won:
            left[key] -= entry.party
        outcomes.append(Outcome(entry.code, rank, tuple(won)))
    return outcomes


def in_drawn_order(entries: Iterable[Entry], seed: str) -> list[Entry]:
    """By SHA-256 of « seed:code » in UTF-8, written in hexadecimal, the smallest first."""
    return sorted(entries, key=lambda entry: (_sha256(f"{seed}:{entry.code}"), entry.code))


def _walk(entry: Entry, it: Draw, left: Mapping[str, int]) -> list[str]:
    limit = it.limits.get(entry.code, NOTHING_MORE)
    won: list[str] = []
    days: Counter[str] = Counter()
    for key in entry.wishes:
        place = it.places.get(key)
        if len(won) >= min(it.most_wins, limit.most):
            break
        if place is None or key in limit.blocked or left[key] < entry.party:
            continue
        most = NO_LIMIT if it.most_per_day is None else it.most_per_day
        if days[place.day] >= limit.days.get(place.day, most):
            continue
        if any(place.overlaps(it.places[other]) for other in won):
            continue
        won.append(key)
        days[place.day] += 1
    return won


# What is committed to ---------------------------------------------------------------------------------------


def hash_of_entries(entries: Iterable[Entry]) -> str:
    """SHA-256 of the list fixed at the closing: JSON without spaces, ``[code, party, [slots]]`` by code."""
    rows = [[entry.code, entry.party, list(entry.wishes)] for entry in sorted(entries, key=lambda e: e.code)]
    return _sha256(json.dumps(rows, separators=(",", ":"), ensure_ascii=True))


def hash_of_seed(seed: str) -> str:
    return _sha256(seed)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The published file -----------------------------------------------------------------------------------------


def to_file(it: Draw, *, seed_hash: str, entries_hash: str, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """What is published after a draw, as JSON takes it: codes, no person."""
    return {
        "format": FORMAT,
        "seed_hash": seed_hash,
        "entries_hash": entries_hash,
        "seed": it.seed,
        "most_wins": it.most_wins,
        "most_per_day": it.most_per_day,
        "slots": {key: place_to_file(place) for key, place in it.places.items()},
        "entries": [[entry.code, entry.party, list(entry.wishes)] for entry in it.entries],
        "limits": {code: limit_to_file(limit) for code, limit in it.limits.items()},
        "outcome": [[one.rank, one.code, list(one.won)] for one in outcomes],
    }


def place_to_file(place: Place) -> dict[str, Any]:
    return {
        "starts_at": place.starts_at.astimezone(dt.UTC).isoformat(),
        "ends_at": place.ends_at.astimezone(dt.UTC).isoformat(),
        "day": place.day,
        "places": place.places,
    }


def limit_to_file(limit: Limit) -> dict[str, Any]:
    return {
        "blocked": sorted(limit.blocked),
        "most": None if limit.most == NO_LIMIT else limit.most,
        "days": dict(limit.days),
    }


def place_of(said: Mapping[str, Any]) -> Place:
    return Place(
        dt.datetime.fromisoformat(said["starts_at"]),
        dt.datetime.fromisoformat(said["ends_at"]),
        str(said["day"]),
        None if said["places"] is None else int(said["places"]),
    )


def limit_of(said: Mapping[str, Any]) -> Limit:
    most = said.get("most")
    days = {str(day): int(number) for day, number in said.get("days", {}).items()}
    return Limit(frozenset(map(str, said.get("blocked", []))), NO_LIMIT if most is None else int(most), days)


@dataclass(frozen=True, slots=True)
class Published:
    """A file as it was read: the input of the draw, what was committed to, what is said to have come out."""

    draw: Draw
    seed_hash: str
    entries_hash: str
    outcomes: list[Outcome]


def from_file(said: Any) -> Published:
    """Raises ``Unreadable``."""
    try:
        if said["format"] != FORMAT:
            raise Unreadable(f"format {said['format']!r} is not {FORMAT!r}")
        return Published(
            Draw(
                seed=str(said["seed"]),
                most_wins=int(said["most_wins"]),
                most_per_day=None if said["most_per_day"] is None else int(said["most_per_day"]),
                places={str(key): place_of(place) for key, place in said["slots"].items()},
                entries=[
                    Entry(str(code), int(party), tuple(map(str, wishes)))
                    for code, party, wishes in said["entries"]
                ],
                limits={str(code): limit_of(limit) for code, limit in said["limits"].items()},
            ),
            str(said["seed_hash"]),
            str(said["entries_hash"]),
            [Outcome(str(code), int(rank), tuple(map(str, won))) for rank, code, won in said["outcome"]],
        )
    except Unreadable:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def differences(published: Published) -> list[str]:
    """What the replay finds otherwise than the file says; empty when all agrees."""
    it, found = published.draw, []
    if hash_of_seed(it.seed) != published.seed_hash:
        found.append("seed: its SHA-256 is not the one published before the draw")
    if hash_of_entries(it.entries) != published.entries_hash:
        found.append("entries: their SHA-256 is not the one fixed at the closing")
    codes = Counter(entry.code for entry in it.entries)
    found += [f"entry {code}: {number} times in the list" for code, number in codes.items() if number > 1]
    if odd := [entry.code for entry in it.entries if not 1 <= entry.party <= MOST_PEOPLE]:
        return [*found, *(f"entry {code}: a party of an impossible size" for code in odd)]
    said = {one.code: one for one in published.outcomes}
    replayed = draw(it)
    for one in replayed:
        other = said.pop(one.code, None)
        if other is None:
            found.append(f"entry {one.code}: drawn {one.rank}, missing from the outcome")
        elif other != one:
            found.append(f"entry {one.code}: replayed {_told(one)}, published {_told(other)}")
    found += [f"entry {code}: in the outcome, not in the list" for code in said]
    return found


def _told(one: Outcome) -> str:
    return f"rank {one.rank}, won {', '.join(one.won) or 'nothing'}"


def main(path: str) -> int:
    """Replay one file; 0 when it agrees, 1 when it does not or cannot be read."""
    try:
        published = from_file(json.loads(Path(path).read_text("utf-8")))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{path}: {error}\n")
        return 1
    found = differences(published)
    number = len(published.draw.entries)
    sys.stdout.write("\n".join(found) + "\n" if found else f"The draw of {number} entries agrees.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Fictional visitors and their bookings, in bulk, with the counters of the slots in step.

Addresses end in ``visiteurs.example.org``, a name that no mail can reach (RFC 2606).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from events.folding import fold
from events.links import ALPHABET, hash_of, mailbox_of
from events.models import Registration, Slot, Visitor

DOMAIN = "visiteurs.example.org"
GIVEN_NAMES = (
    "Camille", "Sacha", "Alix", "Charlie", "Dominique", "Claude", "Morgane", "Yann", "Inès", "Nour", "Léa",
    "Thomas", "Aïcha", "Émile", "Zoé", "Malik", "Jeanne", "Loïc", "Fatou", "Gaël", "Mina", "Paul", "Salomé",
    "Anaïs", "Bastien", "Chloé", "Driss", "Élise", "Félix", "Hélène", "Ivan", "Kim", "Louison", "Maëlle",
    "Noé", "Océane", "Rayan", "Soizic", "Théo", "Violette",
)  # fmt: skip
FAMILY_NAMES = (
    "Martin", "Bernard", "Petit", "Durand", "Moreau", "Fournier", "Girard", "Lefèvre", "Mercier", "Dupuy",
    "Hoarau", "Payet", "Rivière", "Le Goff", "Kervella", "Castan", "Delmas", "Faure", "Nguyen", "Traoré",
    "Benali", "Da Silva", "Schmitt", "Rossi", "Lacaze", "Caussade", "Boyer", "Chevallier", "Roux", "Blanc",
)  # fmt: skip
PARTIES = (1, 1, 1, 2, 2, 2, 3, 4)


@dataclass
class Wish:
    """How full a slot is to be: places taken, people on its waiting list, bookings given back."""

    slot: Slot
    taken: int
    waiting: int = 0
    ask_name: bool = False
    given_back: int = 0


@dataclass
class Crowd:
    """Rows to write in this order: visitors, then registrations. The slots' counters are set already."""

    visitors: list[Visitor] = field(default_factory=list)
    registrations: list[Registration] = field(default_factory=list)
    tag: str = ""
    references: set[str] = field(default_factory=set)


def wish_for(slot: Slot, spec: str, *, rng: random.Random) -> tuple[int, int]:
    """Places taken and people waiting, of « 40 » (per cent), « nearly », « full » or « full+3 » (3 wait)."""
    capacity = slot.capacity or 0
    if spec.startswith("full"):
        return capacity, int(spec.partition("+")[2] or 0)
    if spec == "nearly":
        return max(0, capacity - rng.randint(1, min(2, capacity))), 0
    return capacity * int(spec) // 100, 0


def new_visitors(
    number: int, *, rng: random.Random, now: dt.datetime, tag: str = "", first: int = 1
) -> list[Visitor]:
    """Rows with addresses all different, numbered from ``first`` within a ``tag``; nothing is written."""
    made = []
    for index in range(first, first + number):
        given, family = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
        local = f"{fold(given)}.{fold(family)}".replace(" ", "-")
        visitor = Visitor(
            email=f"{local}.{index}{tag and '.' + tag}@{DOMAIN}",
            locale="en" if rng.random() < 0.12 else "fr",
            link_nonce=f"{rng.getrandbits(128):032x}",
            created_at=now,
        )
        visitor.link_hash, visitor.mailbox = hash_of(visitor.token), mailbox_of(visitor.email)
        made.append(visitor)
    return made


def book_in_bulk(
    wishes: Sequence[Wish],
    *,
    rng: random.Random,
    now: dt.datetime,
    visits_each: float = 2.2,
    tag: str = "",
    references: set[str] | None = None,
) -> Crowd:
    """Fill the slots as wished. Nobody is in two slots at once, nor twice in one.

    :param tag: keeps the addresses of one call apart from those of another.
    :param references: those already given; new ones are added.
    """
    expected = sum(wish.taken for wish in wishes) / (sum(PARTIES) / len(PARTIES)) + sum(
        wish.waiting + wish.given_back for wish in wishes
    )
    crowd = Crowd(tag=tag, references=set() if references is None else references)
    crowd.visitors = new_visitors(max(30, int(expected / visits_each)), rng=rng, now=now, tag=tag)
    diaries: dict[int, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
    for wish in wishes:
        slot, left = wish.slot, wish.taken
        while left:
            party = min(left, rng.choice(PARTIES))
            left -= party
            crowd.registrations.append(_booking(crowd, wish, diaries, party, rng, now))
        for _ in range(wish.waiting):
            one = _booking(crowd, wish, diaries, rng.choice((1, 1, 2)), rng, now)
            one.status, one.waiting_since, one.confirmed_at = one.Status.WAITING, one.created_at, None
            crowd.registrations.append(one)
        for _ in range(wish.given_back):
            one = _booking(crowd, wish, diaries, rng.choice((1, 2)), rng, now)
            one.status, one.cancelled_by = one.Status.CANCELLED, "visitor"
            one.cancelled_at = one.created_at + dt.timedelta(hours=rng.randint(1, 20))
            one.revision = 1
            crowd.registrations.append(one)
        slot.taken, slot.waiting = wish.taken, wish.waiting
    return crowd


def _booking(
    crowd: Crowd,
    wish: Wish,
    diaries: dict[int, list[tuple[dt.datetime, dt.datetime]]],
    party: int,
    rng: random.Random,
    now: dt.datetime,
) -> Registration:
    slot = wish.slot
    visitor = _somebody_free(crowd, diaries, slot, rng, now)
    submission = uuid.UUID(int=rng.getrandbits(128), version=4)
    reference = _reference(crowd.references, rng)
    created_at = now - dt.timedelta(minutes=rng.randint(24 * 60, 20 * 24 * 60))
    name = ""
    if wish.ask_name:
        name = f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)[0]}."
    return Registration(
        slot=slot,
        visitor=visitor,
        reference=reference,
        submission_id=submission,
        submission_hash=hashlib.sha256(submission.bytes).hexdigest(),
        party_size=party,
        name=name,
        locale=visitor.locale,
        status=Registration.Status.CONFIRMED,
        created_at=created_at,
        confirmed_at=created_at,
    )


def _somebody_free(
    crowd: Crowd,
    diaries: dict[int, list[tuple[dt.datetime, dt.datetime]]],
    slot: Slot,
    rng: random.Random,
    now: dt.datetime,
) -> Visitor:
    """Somebody who is nowhere else at that time; a new person when a few tries meet only busy ones."""
    span = (slot.starts_at, slot.ends_at)
    for _ in range(40):
        index = rng.randrange(len(crowd.visitors))
        diary = diaries[index]
        if not any(start < span[1] and end > span[0] for start, end in diary):
            break
    else:
        index = len(crowd.visitors)
        crowd.visitors += new_visitors(1, rng=rng, now=now, tag=crowd.tag, first=index + 1)
    diary = diaries[index]
    diary.insert(bisect_left(diary, span), span)
    return crowd.visitors[index]


def _reference(taken: set[str], rng: random.Random) -> str:
    while True:
        signs = "".join(rng.choices(ALPHABET, k=8))
        reference = f"{signs[:4]}-{signs[4:]}"
        if reference not in taken:
            taken.add(reference)
            return reference

"""One ballot to look at: a workshop that far more people want than can come, with entries still open."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from typing import Any

from events.demo.edition import Edition
from events.links import hash_of
from events.models import Activity, Ballot, BallotEntry, BallotWish, Host, Mode, Slot, Territory, Visitor

NAME_FR, NAME_EN = "L’atelier du robot jardinier", "The workshop of the gardening robot"
HOURS = (10, 14, 16)
ENTRIES = 14


def show_ballot(
    edition: Edition, territory: Territory, *, now: dt.datetime, rng: random.Random
) -> Ballot | None:
    """A ballot of this territory, open until a week before the edition; none when that is too near.

    Fictional as all of the demonstration: the activity says so, as every other of it does.
    """
    opens = dt.datetime.combine(edition.days[0], dt.time(10), tzinfo=dt.UTC)
    closes_at = max(opens - dt.timedelta(days=7), now + dt.timedelta(days=3))
    host = Host.objects.filter(territory=territory).order_by("pk").first()
    if host is None or closes_at >= opens:
        return None
    ballot = Ballot(
        festival=edition.festival,
        territory=territory,
        slug=f"atelier-du-robot-{edition.festival.slug}"[:80],
        name_fr=f"{NAME_FR} (démonstration)",
        name_en=f"{NAME_EN} (demonstration)",
        opens_at=now - dt.timedelta(days=2),
        closes_at=closes_at,
        most_wishes=len(HOURS),
    )
    ballot.seed_hash = hash_of(ballot.seed)
    ballot.save()
    slots = _slots(ballot, edition, host)
    _entries(ballot, slots, territory, now=now, rng=rng)
    return ballot


def _slots(ballot: Ballot, edition: Edition, host: Host) -> list[Slot]:
    """Their places are few on purpose; no room is taken, so no other slot has to make way."""
    spoken: Any = ["fr"]
    activity = Activity.objects.create(
        festival=edition.festival,
        programme=edition.programme,
        territory=host.territory,
        host=host,
        slug=ballot.slug,
        title_fr=NAME_FR,
        title_en=NAME_EN,
        description_fr="Montez, réglez et conduisez un robot qui désherbe. Quatre places à la fois.",
        description_en="Build, tune and drive a robot that weeds. Four places at a time.",
        format="workshop",
        theme=host.theme,
        mode=Mode.BALLOT,
        ballot=ballot,
        languages=spoken,
        state=Activity.State.PUBLISHED,
        published_at=ballot.opens_at,
        source="Démonstration",
    )
    slots = []
    for hour in HOURS:
        slot = Slot(activity=activity, capacity=4, state=Slot.State.PUBLISHED)
        slot.set_time(
            day=edition.days[0], start_time=dt.time(hour), duration=60, timezone=host.territory.timezone
        )
        slot.save()
        slots.append(slot)
    return slots


def _entries(
    ballot: Ballot, slots: list[Slot], territory: Territory, *, now: dt.datetime, rng: random.Random
) -> None:
    here = Visitor.objects.filter(registrations__slot__activity__territory=territory)
    for visitor in here.distinct().order_by("pk")[:ENTRIES]:
        entry = BallotEntry.objects.create(
            ballot=ballot,
            visitor=visitor,
            submission_id=uuid.UUID(int=rng.getrandbits(128), version=4),
            submission_hash="0" * 64,
            party_size=rng.choice((1, 1, 2, 2, 3)),
            created_at=now - dt.timedelta(hours=rng.randint(1, 40)),
        )
        wished = rng.sample(slots, rng.randint(1, len(slots)))
        BallotWish.objects.bulk_create(
            BallotWish(entry=entry, slot=slot, rank=rank) for rank, slot in enumerate(wished, 1)
        )

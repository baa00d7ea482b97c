"""The draw of a ballot on the site: the list is fixed, the lot decides (``draw``), places are given, all are
told.

Two transactions: the closing fixes the list of entries by its hash; then all the rest happens, or nothing.
Both have the ballot's row alone, so a second draw waits and finds that it is done.

What is not in the entries but decides who can win what is written into ``places_at_draw`` and published with
the outcome: the places and times of the slots as they were found, and for each entry what stood in its way
(``draw.Limit``). A wish is blocked that overlaps a visit held elsewhere, or of a slot where the person stands
already; the edition's limits for one person count what is held. An entry whose person was erased after the
closing, or whose address was not confirmed where the edition asks for it, has all its wishes blocked.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Prefetch, Q

from accounts.models import User
from events.links import hash_of, new_reference
from events.mail.outbox import owe_all
from events.models import (
    Activity,
    Ballot,
    BallotEntry,
    BallotWish,
    Festival,
    JournalEntry,
    Message,
    Mode,
    Registration,
    Slot,
    Visitor,
)
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .draw import (
    NO_LIMIT,
    Draw,
    Entry,
    Limit,
    Outcome,
    Place,
    draw,
    from_file,
    hash_of_entries,
    limit_of,
    limit_to_file,
    place_of,
    place_to_file,
    to_file,
)
from .draw import differences as differences_in
from .locks import lock_slots
from .patience import patient

log = logging.getLogger(__name__)
CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)
BATCH = 500
Thing = TypeVar("Thing")


def draw_ballot(*, ballot_id: int, now: dt.datetime, by: User | None = None) -> Ballot:
    """Draw a ballot that is closed, once; who won has confirmed visits, who won nothing waits in the drawn
    order.

    Raises ``Refused``: NOT_YET (before the closing), WRONG_STATE (drawn before, or of an edition that is not
    published), SEED_LOST, ENTRIES_CHANGED (the list is not the one fixed at the closing).
    """
    fix_entries(ballot_id=ballot_id, now=now)
    return _draw(ballot_id, now, by)


def draw_due(*, now: dt.datetime) -> int:
    """Every ballot whose closing is past; how many were drawn. Safe beside itself."""
    due = Ballot.objects.filter(
        drawn_at__isnull=True, closes_at__lte=now, festival__state=Festival.State.PUBLISHED
    )
    drawn = 0
    for pk in list(due.order_by("closes_at", "pk").values_list("pk", flat=True)):
        try:
            draw_ballot(ballot_id=pk, now=now)
            drawn += 1
        except Refused as refused:
            if refused.reason != Reason.WRONG_STATE:  # drawn by another hand meanwhile
                log.warning("ballot %s is not drawn: %s", pk, refused.reason.value)
    return drawn


@patient
@transaction.atomic
def fix_entries(*, ballot_id: int, now: dt.datetime) -> Ballot:
    """Commit to the list of entries once the closing is past. Raises ``Refused``: NOT_YET, WRONG_STATE."""
    ballot = _lock(ballot_id, now)
    if not ballot.entries_hash:
        ballot.entries_hash = hash_of_entries(map(_entry_of, entries_at_closing(ballot)))
        ballot.save(update_fields=["entries_hash"])
    return ballot


def _lock(ballot_id: int, now: dt.datetime) -> Ballot:
    ballot = Ballot.objects.select_for_update(of=("self",)).select_related("festival").get(pk=ballot_id)
    if ballot.drawn_at is not None or ballot.festival.state != Festival.State.PUBLISHED:
        raise Refused(Reason.WRONG_STATE)
    if ballot.closes_at > now:
        raise Refused(Reason.NOT_YET)
    return ballot


def entries_at_closing(ballot: Ballot) -> list[BallotEntry]:
    """Who took part when the ballot closed, by code, with wishes and visitor; whoever has gone since too."""
    then = Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=ballot.closes_at)
    ranked = Prefetch("wishes", BallotWish.objects.order_by("rank"))
    entries = ballot.entries.filter(then).select_related("visitor").prefetch_related(ranked)
    return sorted(entries, key=lambda entry: str(entry.code))


def _entry_of(entry: BallotEntry) -> Entry:
    wishes = tuple(str(wish.slot_id) for wish in entry.wishes.all())
    return Entry(str(entry.code), entry.party_size, wishes)


@patient
@transaction.atomic
def _draw(ballot_id: int, now: dt.datetime, by: User | None) -> Ballot:
    ballot = _lock(ballot_id, now)
    seed = ballot.seed
    if hash_of(seed) != ballot.seed_hash:
        raise Refused(Reason.SEED_LOST)
    _lock_people(ballot)
    entries = entries_at_closing(ballot)
    listed = [_entry_of(entry) for entry in entries]
    if hash_of_entries(listed) != ballot.entries_hash:
        raise Refused(Reason.ENTRIES_CHANGED)
    wished = {wish.slot_id for entry in entries for wish in entry.wishes.all()}
    offered = Slot.objects.filter(activity__ballot=ballot).values_list("pk", flat=True)
    slots = lock_slots(wished | set(offered))
    it = Draw(
        seed=seed,
        most_wins=ballot.most_wins,
        most_per_day=ballot.festival.most_bookings_per_day,
        places={str(pk): _place_of(slot, now) for pk, slot in slots.items()},
        entries=listed,
        limits=_limits(ballot, entries, slots),
    )
    outcomes = draw(it)
    _write(ballot, it, outcomes, entries, slots, now)
    JournalEntry.objects.create(at=now, actor=by, verb="draw_ballot", text=ballot.slug)
    return ballot


def _lock_people(ballot: Ballot) -> None:
    """Everybody who entered, under each of their addresses, so that nobody books elsewhere meanwhile."""
    mailboxes = Visitor.objects.filter(ballot_entries__ballot=ballot).values("mailbox")
    people = Visitor.objects.filter(mailbox__in=mailboxes).order_by("pk").select_for_update(no_key=True)
    list(people.values_list("pk", flat=True))


def _place_of(slot: Slot, now: dt.datetime) -> Place:
    """No place in a slot that is withdrawn or has begun."""
    places: int | None = 0
    if _is_on(slot, now):
        places = slot.places_left
    return Place(slot.starts_at, slot.ends_at, slot.day.isoformat(), places)


def _is_on(slot: Slot, now: dt.datetime) -> bool:
    activity = slot.activity
    on = slot.state == Slot.State.PUBLISHED and activity.state == Activity.State.PUBLISHED
    return on and slot.starts_at > now


# What one person may not win --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    slot_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    day: str
    is_sure: bool


def _limits(ballot: Ballot, entries: Sequence[BallotEntry], slots: dict[int, Slot]) -> dict[str, Limit]:
    held = _held_elsewhere(ballot)
    limits = {}
    for entry in entries:
        wishes = [slots[wish.slot_id] for wish in entry.wishes.all()]
        if not _takes_part(ballot, entry):
            limits[str(entry.code)] = Limit(frozenset(str(slot.pk) for slot in wishes))
        elif entry.visitor is not None and (visits := held.get(entry.visitor.mailbox)):
            limit = _limit_of(ballot, wishes, visits)
            if limit != Limit():
                limits[str(entry.code)] = limit
    return limits


def _takes_part(ballot: Ballot, entry: BallotEntry) -> bool:
    if entry.visitor is None or entry.withdrawn_at is not None:
        return False
    return not ballot.festival.confirms_addresses or entry.visitor.verified_at is not None


def _held_elsewhere(ballot: Ballot) -> dict[str, list[Held]]:
    """By mailbox, as ``conduct`` counts: what is confirmed or kept; who waits stands in a slot, no more."""
    mailboxes = Visitor.objects.filter(ballot_entries__ballot=ballot).values("mailbox")
    rows = (
        Registration.objects.active()
        .filter(visitor__mailbox__in=mailboxes, slot__activity__festival=ballot.festival)
        .order_by("slot__starts_at", "pk")
        .values_list(
            *("visitor__mailbox", "status", "hold", "slot_id"),
            *("slot__starts_at", "slot__ends_at", "slot__day"),
        )
    )
    held: dict[str, list[Held]] = defaultdict(list)
    for mailbox, status, hold, slot_id, starts_at, ends_at, day in rows:
        is_sure = status != WAITING and hold != Registration.Hold.CHOICE
        held[mailbox].append(Held(slot_id, starts_at, ends_at, day.isoformat(), is_sure))
    return held


def _limit_of(ballot: Ballot, wishes: Iterable[Slot], held: Sequence[Held]) -> Limit:
    festival = ballot.festival
    sure = {one.slot_id: one for one in held if one.is_sure}
    stands = {one.slot_id for one in held}
    most, days = NO_LIMIT, {}
    if festival.most_bookings is not None:
        most = max(0, festival.most_bookings - len(sure))
    if festival.most_bookings_per_day is not None:
        that_day = Counter(one.day for one in sure.values())
        days = {day: max(0, festival.most_bookings_per_day - number) for day, number in that_day.items()}
    blocked = {
        str(slot.pk)
        for slot in wishes
        if slot.pk in stands
        or most == 0
        or days.get(slot.day.isoformat()) == 0
        or any(one.starts_at < slot.ends_at and slot.starts_at < one.ends_at for one in sure.values())
    }
    return Limit(frozenset(blocked), most if most < ballot.most_wins else NO_LIMIT, days)


# What comes of it -------------------------------------------------------------------------------------------


def _write(
    ballot: Ballot,
    it: Draw,
    outcomes: Sequence[Outcome],
    entries: Sequence[BallotEntry],
    slots: dict[int, Slot],
    now: dt.datetime,
) -> None:
    by_code = {str(entry.code): entry for entry in entries}
    won: list[BallotEntry] = []
    lost: list[BallotEntry] = []
    rows: list[Registration] = []
    wins: list[int] = []
    places: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    for outcome in outcomes:
        entry = by_code[outcome.code]
        entry.rank = outcome.rank
        wins += [wish.pk for wish in entry.wishes.all() if str(wish.slot_id) in outcome.won]
        for key in outcome.won:
            rows.append(_visit(entry, int(key), now))
            places[int(key)] += entry.party_size
        if outcome.won:
            won.append(entry)
        elif entry.visitor is not None and entry.withdrawn_at is None:
            lost.append(entry)
            lists = _lists_for(ballot, entry, it, slots, now)
            rows += _request(entry, lists, now)
            waiting.update(lists)
    BallotEntry.objects.bulk_update(entries, ["rank"], batch_size=BATCH)
    for some in _in_batches(wins):
        BallotWish.objects.filter(pk__in=some).update(won=True)
    _give_references(rows)
    Registration.objects.bulk_create(rows, batch_size=BATCH)
    for booked in _in_batches(row.pk for row in rows):
        tell_registrations(Event.BOOKED, booked, now=now)
    for slot_id in sorted({*places, *waiting}):
        counters.award(slot_id=slot_id, places=places[slot_id], waiting=waiting[slot_id])
    Activity.objects.filter(ballot=ballot, mode=Mode.BALLOT).update(mode=Mode.FIRST_COME)
    ballot.drawn_at = now
    ballot.places_at_draw = {
        "seed": it.seed,
        "most_per_day": it.most_per_day,
        "slots": {key: place_to_file(place) for key, place in it.places.items()},
        "limits": {code: limit_to_file(limit) for code, limit in it.limits.items()},
    }
    ballot.save(update_fields=["drawn_at", "places_at_draw"])
    owe_all(
        kind=Message.Kind.BALLOT_WON, owed=[(f"ballot_drawn:{entry.pk}", entry) for entry in won], now=now
    )
    owe_all(
        kind=Message.Kind.BALLOT_LOST, owed=[(f"ballot_drawn:{entry.pk}", entry) for entry in lost], now=now
    )


def _visit(entry: BallotEntry, slot_id: int, now: dt.datetime) -> Registration:
    return Registration(
        slot_id=slot_id,
        visitor=entry.visitor,
        submission_id=uuid.uuid5(entry.submission_id, f"won {slot_id}"),
        submission_hash=entry.submission_hash,
        party_size=entry.party_size,
        name=entry.name,
        locale=entry.locale,
        status=CONFIRMED,
        ballot_entry=entry,
        created_at=now,
        confirmed_at=now,
    )


def _lists_for(
    ballot: Ballot, entry: BallotEntry, it: Draw, slots: dict[int, Slot], now: dt.datetime
) -> list[int]:
    """The slots to wait for: wishes that nothing of one's own stands against, and that could hold the
    party.
    """
    if not _takes_part(ballot, entry):
        return []
    limit = it.limits.get(str(entry.code), Limit())
    free = [slots[wish.slot_id] for wish in entry.wishes.all() if str(wish.slot_id) not in limit.blocked]
    return [
        slot.pk
        for slot in free
        if _is_on(slot, now)
        and slot.waiting_list_open
        and slot.capacity is not None
        and entry.party_size <= slot.capacity + slot.overbook
    ]


def _request(entry: BallotEntry, slot_ids: Sequence[int], now: dt.datetime) -> Iterator[Registration]:
    """One request for any of the slots, behind whoever was drawn before."""
    for slot_id in slot_ids:
        yield Registration(
            slot_id=slot_id,
            visitor=entry.visitor,
            submission_id=uuid.uuid5(entry.submission_id, f"waits {slot_id}"),
            submission_hash=entry.submission_hash,
            party_size=entry.party_size,
            name=entry.name,
            locale=entry.locale,
            status=WAITING,
            any_of=entry.code if len(slot_ids) > 1 else None,
            ballot_entry=entry,
            created_at=now,
            waiting_since=now + dt.timedelta(microseconds=entry.rank or 0),
        )


def _give_references(rows: Sequence[Registration]) -> None:
    """References nobody has: of so many at once two may well be alike."""
    used: set[str] = set()
    pending = list(rows)
    while pending:
        for row in pending:
            row.reference = new_reference()
        known: set[str] = set()
        for some in _in_batches([row.reference for row in pending]):
            taken = Registration.objects.filter(reference__in=some).values_list("reference", flat=True)
            known.update(taken)
        again = []
        for row in pending:
            if row.reference in known or row.reference in used:
                again.append(row)
            else:
                used.add(row.reference)
        pending = again


def _in_batches(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, BATCH)):
        yield some


# What is published ------------------------------------------------------------------------------------------


def published_file(ballot: Ballot) -> dict[str, Any]:
    """The file of a drawn ballot, read from the rows: codes, no person. Raises ``Refused(NOT_YET)``."""
    if ballot.drawn_at is None:
        raise Refused(Reason.NOT_YET)
    kept, entries = ballot.places_at_draw, entries_at_closing(ballot)
    it = Draw(
        seed=kept["seed"],
        most_wins=ballot.most_wins,
        most_per_day=kept["most_per_day"],
        places={key: place_of(place) for key, place in kept["slots"].items()},
        entries=[_entry_of(entry) for entry in entries],
        limits={code: limit_of(limit) for code, limit in kept["limits"].items()},
    )
    outcomes = [
        Outcome(
            str(entry.code),
            entry.rank or 0,
            tuple(str(wish.slot_id) for wish in entry.wishes.all() if wish.won),
        )
        for entry in sorted(entries, key=lambda entry: (entry.rank or 0, str(entry.code)))
    ]
    said = to_file(it, seed_hash=ballot.seed_hash, entries_hash=ballot.entries_hash, outcomes=outcomes)
    return {"ballot": ballot.slug, "drawn_at": ballot.drawn_at.isoformat(), **said}


def differences(ballot: Ballot) -> list[str]:
    """What a replay finds otherwise than the rows of a drawn ballot say. Raises ``Refused(NOT_YET)``."""
    return differences_in(from_file(published_file(ballot)))

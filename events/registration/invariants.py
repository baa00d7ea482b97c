"""What must always hold, recomputed from the ledger: counters, occupancies, guards, messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.functions import Coalesce

from events import guards
from events.models import Appearance, Message, PlannedStay, Pool, Registration, RoomOccupancy, Slot, Visitor

LEASE_OVERDUE = dt.timedelta(minutes=10)
"""A lease this long past its end was never given back: the sweeps do not run."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that does not hold. ``where`` names the row, ``expected`` is what the ledger says."""

    rule: str
    where: str
    expected: str
    found: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def find_drift(*, now: dt.datetime) -> list[Drift]:
    """Everything that does not hold, worst first; empty when all is well. Reads, never writes."""
    checks = (
        _guards,
        _counters,
        _capacities,
        _pools,
        _holds,
        _registrations,
        _overlaps,
        _occupancies_beside_their_slot,
        _appearances_beside_their_slot,
        lambda: _messages(now),
    )
    return [drift for check in checks for drift in check()]


def _guards() -> Iterator[Drift]:
    names = {
        guards.ROOMS: "guard_of_rooms",
        guards.DRAFT: "guard_of_drafts",
        guards.PEOPLE: "guard_of_people",
    }
    for guard, name in names.items():
        if not guards.present(connection, guard):
            yield Drift(name, guard.table, "present", "missing")
    if not guards.tied(connection):
        yield Drift("ties_to_the_time_of_a_slot", "events_slot, events_appearance", "present", "missing")


def _counters() -> Iterator[Drift]:
    """``taken`` and ``held`` count places, ``waiting`` registrations; erased ones remain as numbers."""
    places, status = "registrations__party_size", "registrations__status"
    slots = Slot.objects.annotate(
        was_erased=Coalesce(F("erased__places"), 0),
        true_taken=Coalesce(Sum(places, filter=Q(**{status: Registration.Status.CONFIRMED})), 0),
        true_held=Coalesce(Sum(places, filter=Q(**{status: Registration.Status.HELD})), 0),
        true_waiting=Count("registrations", filter=Q(**{status: Registration.Status.WAITING})),
    ).exclude(taken=F("true_taken") + F("was_erased"), held=F("true_held"), waiting=F("true_waiting"))
    for slot in slots.order_by("pk"):
        truth = {
            "taken": slot.true_taken + slot.was_erased,
            "held": slot.true_held,
            "waiting": slot.true_waiting,
        }
        for counter, expected in truth.items():
            found = getattr(slot, counter)
            if found != expected:
                yield Drift(f"slot_{counter}", f"slot {slot.pk}", str(expected), str(found))


def _capacities() -> Iterator[Drift]:
    """The CHECK constraints say the same; a restored or altered database may have lost them."""
    over = Slot.objects.filter(capacity__lt=F("taken") + F("held") + F("reserved") - F("overbook"))
    for slot in over.order_by("pk"):
        most = f"≤ {(slot.capacity or 0) + slot.overbook}"
        found = str(slot.taken + slot.held + slot.reserved)
        yield Drift("never_a_place_too_many", f"slot {slot.pk}", most, found)
    unsafe = Slot.objects.filter(safety_capacity__lt=F("capacity") + F("overbook"))
    for slot in unsafe.order_by("pk"):
        found = str((slot.capacity or 0) + slot.overbook)
        yield Drift(
            "never_more_than_the_building_may_hold", f"slot {slot.pk}", f"≤ {slot.safety_capacity}", found
        )


def _pools() -> Iterator[Drift]:
    """What is kept in pools, from their rows; what is taken of each, from the registrations that name it."""
    kept = F("pools__places") - F("pools__taken")
    slots = Slot.objects.annotate(
        true_reserved=Coalesce(Sum(kept, filter=Q(pools__released_at__isnull=True)), 0),
        true_release=Min("pools__releases_at", filter=Q(pools__released_at__isnull=True)),
    )
    for slot in slots.exclude(reserved=F("true_reserved")).order_by("pk"):
        yield Drift("slot_reserved", f"slot {slot.pk}", str(slot.true_reserved), str(slot.reserved))
    late = slots.filter(true_release__isnull=False).exclude(next_release_at=F("true_release"))
    late |= slots.filter(true_release__isnull=True, next_release_at__isnull=False)
    for slot in late.order_by("pk"):
        found = str(slot.next_release_at)
        yield Drift("slot_next_release_at", f"slot {slot.pk}", str(slot.true_release), found)
    for pool in Pool.objects.filter(slot__erased__isnull=True).order_by("slot", "kind"):
        of_it = Registration.objects.filter(slot=pool.slot_id, pool=pool.kind)
        of_it = of_it.filter(status__in=[Registration.Status.CONFIRMED, Registration.Status.HELD])
        taken = of_it.aggregate(n=Sum("party_size"))["n"] or 0
        if taken != pool.taken:
            yield Drift("pool_taken", f"slot {pool.slot_id}, {pool.kind}", str(taken), str(pool.taken))


def _holds() -> Iterator[Drift]:
    """One offer at a time for one request, and nobody passed on a list without a reason in writing."""
    offers = Registration.objects.filter(
        status=Registration.Status.HELD, hold=Registration.Hold.OFFER, any_of__isnull=False
    )
    for row in offers.values("any_of").annotate(n=Count("pk")).filter(n__gt=1).order_by("any_of"):
        where = f"request {row['any_of']}"
        yield Drift("one_offer_at_a_time_for_any_of_several_slots", where, "1", str(row["n"]))
    offered = Registration.objects.filter(status=Registration.Status.HELD, hold=Registration.Hold.OFFER)
    for offer in offered.order_by("pk"):
        before = Q(waiting_since__lt=offer.waiting_since) | Q(
            waiting_since=offer.waiting_since, pk__lt=offer.pk
        )
        passed = Registration.objects.waiting().filter(before, slot=offer.slot_id, overtakings__isnull=True)
        for pk in passed.values_list("pk", flat=True):
            yield Drift("who_is_passed_is_told_why", f"registration {pk}", "a reason", "none")


def _registrations() -> Iterator[Drift]:
    whole = Registration.objects.active().filter(part_of__isnull=True)
    doubles = whole.values("slot", "visitor").annotate(n=Count("pk")).filter(n__gt=1)
    for row in doubles.order_by("slot", "visitor"):
        where = f"slot {row['slot']}, visitor {row['visitor']}"
        yield Drift("one_active_registration_per_email_and_slot", where, "1", str(row["n"]))
    stray = Registration.objects.active().filter(slot__state=Slot.State.CANCELLED)
    for pk, status in stray.order_by("pk").values_list("pk", "status"):
        yield Drift("nobody_is_left_in_a_withdrawn_slot", f"registration {pk}", "cancelled", status)
    for pk in Visitor.objects.exclude(email__regex=r"^[^A-Z]*$").order_by("pk").values_list("pk", flat=True):
        yield Drift("addresses_are_lower_case", f"visitor {pk}", "lower case", "capitals")


def _overlaps() -> Iterator[Drift]:
    """No room in two uses at once, in none of the drafts either, and nobody in two places."""
    occupancies, appearances = RoomOccupancy.objects.active(), Appearance.objects.filter(active=True)
    yield from _neighbours(occupancies, guards.GUARD, "room", "occupancies")
    yield from _neighbours(PlannedStay.objects.all(), guards.DRAFT_GUARD, "room", "planned stays")
    yield from _neighbours(appearances, guards.PERSON_GUARD, "person", "appearances")


def _neighbours(rows: Any, rule: str, key: str, called: str) -> Iterator[Drift]:
    """Two neighbours in time are enough to look at: where more overlap, a pair of neighbours does."""
    previous: Any = None
    ordered: Iterable[Any] = rows.order_by(key, "starts_at", "ends_at", "pk").iterator()
    for row in ordered:
        of = getattr(row, f"{key}_id")
        is_same = previous is not None and getattr(previous, f"{key}_id") == of
        if is_same and previous.ends_at > row.starts_at:
            where = f"{key} {of}, {called} {previous.pk} and {row.pk}"
            found = f"{row.starts_at:%Y-%m-%d %H:%M} < {previous.ends_at:%H:%M}"
            yield Drift(rule, where, "one after the other", found)
        previous = previous if is_same and previous.ends_at > row.ends_at else row


def _appearances_beside_their_slot() -> Iterator[Drift]:
    """An appearance has its slot's times, and counts while the slot takes place."""
    rows = Appearance.objects.annotate(
        true_start=F("slot__starts_at"), true_end=F("slot__ends_at"), state=F("slot__state")
    )
    times = ~Q(starts_at=F("true_start")) | ~Q(ends_at=F("true_end"))
    for row in rows.filter(times).order_by("pk"):
        where = f"appearance {row.pk}, slot {row.slot_id}"
        expected, found = (
            f"{start:%Y-%m-%d %H:%M}-{end:%H:%M}"
            for start, end in ((row.true_start, row.true_end), (row.starts_at, row.ends_at))
        )
        yield Drift("an_appearance_has_the_time_of_its_slot", where, expected, found)
    over = Q(active=True, state=Slot.State.CANCELLED)
    for row in rows.filter(over | Q(active=False) & ~Q(state=Slot.State.CANCELLED)).order_by("pk"):
        where, is_on = f"appearance {row.pk}, slot {row.slot_id}", row.state != Slot.State.CANCELLED
        said = ("active", "inactive") if is_on else ("inactive", "active")
        yield Drift("an_appearance_counts_while_its_slot_takes_place", where, *said)


def _occupancies_beside_their_slot() -> Iterator[Drift]:
    """A slot in a room occupies it while it lasts; a withdrawn slot and one without room occupy none."""
    placed = Slot.objects.exclude(state=Slot.State.CANCELLED).filter(room__isnull=False)
    covering = Q(occupancies__active=True, occupancies__starts_at__lte=F("starts_at")) & Q(
        occupancies__ends_at__gte=F("ends_at")
    )
    for pk in (
        placed.annotate(n=Count("occupancies", filter=covering))
        .filter(n=0)
        .order_by("pk")
        .values_list("pk", flat=True)
    ):
        yield Drift("a_placed_slot_occupies_its_room", f"slot {pk}", "an occupancy", "none that covers it")
    stray = RoomOccupancy.objects.active().filter(slot__isnull=False)
    stray = stray.filter(Q(slot__state=Slot.State.CANCELLED) | Q(slot__room__isnull=True))
    for pk, slot in stray.order_by("pk").values_list("pk", "slot"):
        yield Drift("only_placed_slots_occupy_rooms", f"occupancy {pk}, slot {slot}", "inactive", "active")


def _messages(now: dt.datetime) -> Iterator[Drift]:
    known = set(Message.Status.values)
    for status, n in Message.objects.values_list("status").annotate(n=Count("pk")).order_by("status"):
        if status not in known:
            yield Drift("messages_have_a_known_state", f"{n} messages", "one of the states", status)
    unleased = Message.objects.filter(status=Message.Status.SENDING).filter(
        Q(lease_token__isnull=True) | Q(lease_until__isnull=True) | Q(lease_until__lt=now - LEASE_OVERDUE)
    )
    for key in unleased.order_by("pk").values_list("dedupe_key", flat=True):
        yield Drift("what_is_being_sent_is_leased", f"message {key}", "a live lease", "none")
    undated = Message.objects.filter(status=Message.Status.SENT, sent_at__isnull=True)
    for key in undated.order_by("pk").values_list("dedupe_key", flat=True):
        yield Drift("a_sent_message_says_when", f"message {key}", "a time", "none")

"""What must always hold, recomputed from the ledger: counters, occupancies, guards, messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django.db import connection
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from events import guards
from events.models import Message, Registration, RoomOccupancy, Slot, Visitor

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
        _registrations,
        _overlapping_occupancies,
        _occupancies_beside_their_slot,
        lambda: _messages(now),
    )
    return [drift for check in checks for drift in check()]


def _guards() -> Iterator[Drift]:
    if not guards.present(connection):
        yield Drift("guard_of_rooms", guards.TABLE, "present", "missing")


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
    over = Slot.objects.filter(capacity__lt=F("taken") + F("held") - F("overbook"))
    for slot in over.order_by("pk"):
        most = f"≤ {(slot.capacity or 0) + slot.overbook}"
        yield Drift("never_a_place_too_many", f"slot {slot.pk}", most, str(slot.taken + slot.held))
    unsafe = Slot.objects.filter(safety_capacity__lt=F("capacity") + F("overbook"))
    for slot in unsafe.order_by("pk"):
        found = str((slot.capacity or 0) + slot.overbook)
        yield Drift(
            "never_more_than_the_building_may_hold", f"slot {slot.pk}", f"≤ {slot.safety_capacity}", found
        )


def _registrations() -> Iterator[Drift]:
    doubles = Registration.objects.active().values("slot", "visitor").annotate(n=Count("pk")).filter(n__gt=1)
    for row in doubles.order_by("slot", "visitor"):
        where = f"slot {row['slot']}, visitor {row['visitor']}"
        yield Drift("one_active_registration_per_email_and_slot", where, "1", str(row["n"]))
    stray = Registration.objects.active().filter(slot__state=Slot.State.CANCELLED)
    for pk, status in stray.order_by("pk").values_list("pk", "status"):
        yield Drift("nobody_is_left_in_a_withdrawn_slot", f"registration {pk}", "cancelled", status)
    for pk in Visitor.objects.exclude(email__regex=r"^[^A-Z]*$").order_by("pk").values_list("pk", flat=True):
        yield Drift("addresses_are_lower_case", f"visitor {pk}", "lower case", "capitals")


def _overlapping_occupancies() -> Iterator[Drift]:
    """Two neighbours in time are enough to look at: where more overlap, a pair of neighbours does."""
    previous: RoomOccupancy | None = None
    for row in RoomOccupancy.objects.active().order_by("room", "starts_at", "ends_at", "pk").iterator():
        if previous and previous.room_id == row.room_id and previous.ends_at > row.starts_at:
            where = f"room {row.room_id}, occupancies {previous.pk} and {row.pk}"
            found = f"{row.starts_at:%Y-%m-%d %H:%M} < {previous.ends_at:%H:%M}"
            yield Drift(guards.GUARD, where, "one after the other", found)
        longer = previous and previous.room_id == row.room_id and previous.ends_at > row.ends_at
        previous = previous if longer else row


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

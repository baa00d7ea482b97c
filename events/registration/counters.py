"""The slot's counters, moved by conditional updates only: each says in its WHERE what must be true at that
instant.

The conditions stand on the slot's own columns. PostgreSQL reads them again after waiting for the row
(READ COMMITTED); a condition inside a join or a subquery on the slot itself would be judged on the old row.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from events.models import Activity, Festival, Message, Mode, Slot
from events.models.slot import SlotQuerySet

from .wish import Wish


class Unmoved(Exception):
    """The update changed no row: its conditions did not hold. Whoever catches it rolls back and reads why."""


TAKE = """
UPDATE events_slot SET taken = taken + %(places)s
WHERE id = %(slot)s
  AND state = 'published'
  AND starts_at > %(now)s
  AND (opens_at IS NULL OR opens_at <= %(now)s)
  AND (capacity IS NULL OR taken + held + %(places)s <= capacity + overbook)
  AND EXISTS (SELECT 1 FROM events_activity activity JOIN events_festival festival
                  ON festival.id = activity.festival_id
              WHERE activity.id = events_slot.activity_id
                AND activity.state = 'published' AND activity.mode = 'first_come'
                AND (%(name)s <> '' OR NOT activity.ask_name)
                AND festival.state = 'published' AND festival.most_places >= %(places)s)
  AND NOT EXISTS (SELECT 1 FROM events_message WHERE dedupe_key = %(answered)s)
"""


def take(wish: Wish) -> None:
    """Take the places of a wish while the slot can be booked and has them. Raises ``Unmoved``.

    Written out, because this is the statement everything hangs on; the ORM's way of putting it together
    took a quarter of a booking's time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "slot": wish.slot_id,
                "places": wish.party_size,
                "name": wish.name,
                "now": connection.ops.adapt_datetimefield_value(wish.now),
                "answered": f"again:{wish.submission_id}",
            },
        )
        _move(cursor.rowcount)


def queue_up(wish: Wish) -> None:
    """Join the list of a slot that can be booked, is too full, and could hold the party. Raises
    ``Unmoved``."""
    could_hold = Q(capacity__gte=wish.party_size - F("overbook"))
    full = _bookable(wish).filter(could_hold, waiting_list_open=True).exclude(_room_for(wish.party_size))
    _move(full.update(waiting=F("waiting") + 1))


def give_back(*, slot_id: int, places: int) -> None:
    """Raises ``Unmoved`` when fewer were taken: the books would be wrong."""
    _move(Slot.objects.filter(pk=slot_id, taken__gte=places).update(taken=F("taken") - places))


def let_go(*, slot_id: int, places: int) -> None:
    """Places held for an offer that is declined. Raises ``Unmoved`` when fewer were held."""
    _move(Slot.objects.filter(pk=slot_id, held__gte=places).update(held=F("held") - places))


def leave_queue(*, slot_id: int) -> None:
    """Raises ``Unmoved`` when nobody was waiting: the books would be wrong."""
    _move(Slot.objects.filter(pk=slot_id, waiting__gte=1).update(waiting=F("waiting") - 1))


def seat_from_queue(*, slot_id: int, places: int) -> None:
    """From the list into the slot. Raises ``Unmoved`` when it does not fit."""
    slot = Slot.objects.filter(_room_for(places), pk=slot_id, waiting__gte=1)
    _move(slot.update(taken=F("taken") + places, waiting=F("waiting") - 1))


def _move(rows: int) -> None:
    if rows != 1:
        raise Unmoved


def _room_for(places: int) -> Q:
    return Q(capacity__isnull=True) | Q(capacity__gte=F("taken") + F("held") - F("overbook") + places)


def _bookable(wish: Wish) -> SlotQuerySet:
    """The slot, if this wish may be granted there now; whether places are left is for the caller to add."""
    activity = Activity.objects.filter(
        pk=OuterRef("activity_id"),
        state=Activity.State.PUBLISHED,
        mode=Mode.FIRST_COME,
        festival__state=Festival.State.PUBLISHED,
        festival__most_places__gte=wish.party_size,
    )
    if not wish.name:
        activity = activity.filter(ask_name=False)
    answered = Message.objects.filter(dedupe_key=f"again:{wish.submission_id}")
    return Slot.objects.filter(
        Q(opens_at__isnull=True) | Q(opens_at__lte=wish.now),
        Exists(activity),
        ~Exists(answered),
        pk=wish.slot_id,
        state=Slot.State.PUBLISHED,
        starts_at__gt=wish.now,
    )

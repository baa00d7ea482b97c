"""The slot's counters, moved by conditional updates only: each says in its WHERE what must be true at that
instant.

The conditions stand on the slot's own columns. PostgreSQL reads them again after waiting for the row
(READ COMMITTED); a condition inside a join or a subquery on the slot itself would be judged on the old row.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from events.models import Activity, Festival, Message, Mode, Pool, Slot
from events.models.slot import SlotQuerySet
from events.rows import ask

from .wish import Wish


class Unmoved(Exception):
    """The update changed no row: its conditions did not hold. Whoever catches it rolls back and reads why."""


TAKE = """
UPDATE events_slot SET {counter} = {counter} + %(places)s, reserved = reserved - %(from_pool)s
WHERE id = %(slot)s
  AND state = 'published'
  AND starts_at > %(now)s
  AND (opens_at IS NULL OR opens_at <= %(now)s)
  AND (capacity IS NULL OR taken + held + reserved + %(places)s <= capacity + overbook + %(from_pool)s)
  AND reserved >= %(from_pool)s
  AND EXISTS (SELECT 1 FROM events_activity activity JOIN events_festival festival
                  ON festival.id = activity.festival_id
              WHERE activity.id = events_slot.activity_id
                AND activity.state = 'published' AND activity.mode = 'first_come'
                AND (%(name)s <> '' OR NOT activity.ask_name)
                AND festival.state = 'published'
                AND (festival.most_places >= %(places)s OR %(from_pool)s > 0)
                AND (%(sure)s OR NOT festival.confirms_addresses))
  AND NOT EXISTS (SELECT 1 FROM events_message WHERE dedupe_key = %(answered)s)
RETURNING EXISTS (SELECT 1 FROM events_webhook webhook JOIN events_activity activity
                      ON activity.territory_id = webhook.territory_id
                  WHERE activity.id = events_slot.activity_id AND webhook.is_active)
"""


TAKE_CONFIRMED, TAKE_HELD = TAKE.format(counter="taken"), TAKE.format(counter="held")


def take(wish: Wish, *, is_held: bool = False, is_sure: bool = True) -> bool:
    """Take the places of a wish while the slot can be booked and has them. Raises ``Unmoved``.

    Says whether a partner's webhook listens in the slot's territory: so a booking pays for telling only
    where somebody is told.

    ``is_held`` keeps them until something is settled. Unless ``is_sure``, an edition that has addresses
    confirmed does not move either. Written out, because this is the statement everything hangs on; the ORM's
    way of putting it together took a quarter of a booking's time.
    """
    found = ask(
        TAKE_HELD if is_held else TAKE_CONFIRMED,
        {
            "slot": wish.slot_id,
            "places": wish.party_size,
            "from_pool": wish.party_size if wish.takes_from else 0,
            "sure": is_held or is_sure,
            "name": wish.name,
            "now": connection.ops.adapt_datetimefield_value(wish.now),
            "answered": f"again:{wish.submission_id}",
        },
    )
    _move(1 if found else 0)
    if wish.takes_from:
        _take_from_pool(slot_id=wish.slot_id, kind=wish.takes_from, places=wish.party_size)
    return bool(found and found[0])


def queue_up(wish: Wish, *, slot_id: int | None = None) -> None:
    """Join the list of a slot that can be booked, is too full, and could hold the party. Raises
    ``Unmoved``."""
    could_hold = Q(capacity__gte=wish.party_size - F("overbook"))
    bookable = _bookable(wish, wish.slot_id if slot_id is None else slot_id)
    full = bookable.filter(could_hold, waiting_list_open=True).exclude(_room_for(wish.party_size))
    _move(full.update(waiting=F("waiting") + 1))


def give_back(*, slot_id: int, places: int, pool: str = "") -> None:
    """Raises ``Unmoved`` when fewer were taken: the books would be wrong."""
    _move(Slot.objects.filter(pk=slot_id, taken__gte=places).update(taken=F("taken") - places))
    _give_back_to_pool(slot_id, pool, places)


def let_go(*, slot_id: int, places: int, pool: str = "") -> None:
    """Places held that are not taken in the end. Raises ``Unmoved`` when fewer were held."""
    _move(Slot.objects.filter(pk=slot_id, held__gte=places).update(held=F("held") - places))
    _give_back_to_pool(slot_id, pool, places)


def offer(*, slot_id: int, places: int) -> None:
    """From the list into what is held. Raises ``Unmoved`` when it does not fit."""
    slot = Slot.objects.filter(_room_for(places), pk=slot_id, waiting__gte=1)
    _move(slot.update(held=F("held") + places, waiting=F("waiting") - 1))


def settle(*, slot_id: int, places: int) -> None:
    """What was held is taken. Raises ``Unmoved`` when fewer were held."""
    slot = Slot.objects.filter(pk=slot_id, held__gte=places)
    _move(slot.update(held=F("held") - places, taken=F("taken") + places))


def take_in(*, slot_id: int, places: int, pool: str = "") -> None:
    """Take places in a slot whose row is locked and was found bookable. Raises ``Unmoved`` when it is
    full.
    """
    if pool:
        slot = Slot.objects.filter(pk=slot_id, reserved__gte=places)
        _move(slot.update(taken=F("taken") + places, reserved=F("reserved") - places))
        _take_from_pool(slot_id=slot_id, kind=pool, places=places)
    else:
        _move(Slot.objects.filter(_room_for(places), pk=slot_id).update(taken=F("taken") + places))


def award(*, slot_id: int, places: int, waiting: int) -> None:
    """Places drawn by lot, and those who wait for more. Raises ``Unmoved`` when they do not fit."""
    slot = Slot.objects.filter(_room_for(places), pk=slot_id, state=Slot.State.PUBLISHED)
    _move(slot.update(taken=F("taken") + places, waiting=F("waiting") + waiting))


def _take_from_pool(*, slot_id: int, kind: str, places: int) -> None:
    """Raises ``Unmoved`` when the pool is released or holds fewer. After the slot, whose row stands before
    its pools in the order of locks."""
    pool = Pool.objects.filter(
        slot=slot_id, kind=kind, released_at__isnull=True, places__gte=F("taken") + places
    )
    _move(pool.update(taken=F("taken") + places))


def _give_back_to_pool(slot_id: int, kind: str, places: int) -> None:
    """Kept again for the pool's people; everybody's once the pool is released."""
    if not kind:
        return
    pool = Pool.objects.filter(slot=slot_id, kind=kind)
    _move(pool.filter(taken__gte=places).update(taken=F("taken") - places))
    if pool.filter(released_at__isnull=True).exists():
        Slot.objects.filter(pk=slot_id).update(reserved=F("reserved") + places)


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
    return Q(capacity__isnull=True) | Q(
        capacity__gte=F("taken") + F("held") + F("reserved") - F("overbook") + places
    )


def _bookable(wish: Wish, slot_id: int) -> SlotQuerySet:
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
        pk=slot_id,
        state=Slot.State.PUBLISHED,
        starts_at__gt=wish.now,
    )

"""What a door says: how many places are left, in words and by its opening.

The drawing never speaks alone: each symbol comes with its words. Pure functions over a slot already fetched;
``now`` is an argument; the words are in the active language.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from events.clock import on_the_wall
from events.wording import say_day, say_moment, say_number

OPEN, AJAR, SHUT = "porte-ouverte", "porte-entrouverte", "porte-fermee"
WAITING, FREE, SOON, BOARDED = "porte-attente", "porte-libre", "porte-bientot", "porte-annulee"

LAST_PLACES = 3
LAST_SHARE = 0.2


class SlotLike(Protocol):
    """What a door needs to know of a slot."""

    state: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    timezone: str
    capacity: int | None
    waiting: int
    waiting_list_open: bool
    opens_at: dt.datetime | None
    next_release_at: dt.datetime | None
    next_places: int | None
    cancelled_at: dt.datetime | None
    cancelled_by_host: bool

    @property
    def mode(self) -> str: ...
    @property
    def draws_at(self) -> dt.datetime | None: ...
    @property
    def places_left(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Door:
    """``symbol`` is drawn; ``words`` say it in one line; ``main`` and ``note`` say the same in two."""

    symbol: str
    words: str
    main: str
    note: str = ""
    is_bookable: bool = False
    can_wait: bool = False


def read_door(slot: SlotLike, *, now: dt.datetime) -> Door:
    """How the door of a slot stands at ``now``."""
    if slot.state == "cancelled":
        return _boarded(slot)
    if slot.state == "draft":
        return Door(SOON, _("Draft"), _("Draft"))
    if slot.ends_at <= now:
        return Door(SHUT, pgettext("slot", "Over"), pgettext("slot", "Over"))
    if slot.mode == "drop_in":
        return Door(FREE, _("Drop-in"), _("Drop-in"), _("no booking"))
    if slot.starts_at <= now:
        return Door(SHUT, _("Booking closed"), _("Booking closed"), _("already begun"))
    if slot.mode == "ballot":
        return _drawn(slot, now)
    if slot.opens_at is not None and slot.opens_at > now:
        return _soon(slot, slot.opens_at)
    return _by_places(slot, now)


def _by_places(slot: SlotLike, now: dt.datetime) -> Door:
    left, capacity = slot.places_left, slot.capacity
    if left is None or capacity is None:
        return Door(OPEN, _("Places for everyone"), _("Places for everyone"), is_bookable=True)
    if left <= 0 and slot.next_release_at and not slot.waiting:
        if slot.next_release_at > now:
            return _full_for_now(slot, slot.next_release_at)
        left = slot.next_places or 0  # due: whoever asks first has them released
    if left <= 0:
        if not slot.waiting_list_open:
            return Door(SHUT, _("Full, list closed"), _("Full"), _("list closed"))
        if not slot.waiting:
            return Door(WAITING, _("Full, waiting list"), _("Full"), _("waiting list"), can_wait=True)
        waiting = ngettext("%(number)s waiting", "%(number)s waiting", slot.waiting) % {
            "number": say_number(slot.waiting)
        }
        words = _("Full, %(waiting)s") % {"waiting": waiting}
        return Door(WAITING, words, _("Full"), waiting, can_wait=True)
    return with_places(left, capacity)


def with_places(left: int, capacity: int) -> Door:
    """The door of a slot that is open to everybody and has so many places left."""
    left = min(left, capacity)  # more may book than there are places: that is the organisers' affair
    of = _("out of %(number)s") % {"number": say_number(capacity)}
    if left <= LAST_PLACES or left <= capacity * LAST_SHARE:
        words = ngettext("Last place", "Last places: %(number)s", left) % {"number": say_number(left)}
        return Door(AJAR, words, words, of, is_bookable=True)
    return Door(OPEN, _places(left), _places(left), of, is_bookable=True)


def _full_for_now(slot: SlotLike, at: dt.datetime) -> Door:
    """All that is released is taken, and more is to come: when, and how many."""
    moment = say_moment(on_the_wall(at, slot.timezone))
    if slot.next_places:
        coming = _("%(places)s on %(moment)s") % {"places": _places(slot.next_places), "moment": moment}
    else:
        coming = _("more places on %(moment)s") % {"moment": moment}
    words = _("Full for now, %(coming)s") % {"coming": coming}
    return Door(SOON, words, _("Full for now"), coming, can_wait=slot.waiting_list_open)


def _places(number: int | None) -> str:
    if number is None:
        return ""
    return ngettext("%(number)s place", "%(number)s places", number) % {"number": say_number(number)}


def _soon(slot: SlotLike, opens_at: dt.datetime) -> Door:
    moment = say_moment(on_the_wall(opens_at, slot.timezone))
    words = pgettext("registration", "Opens on %(moment)s") % {"moment": moment}
    note = pgettext("registration, after a number of places", "opens on %(moment)s") % {"moment": moment}
    return (
        Door(SOON, words, _places(slot.capacity), note)
        if slot.capacity is not None
        else Door(SOON, words, words)
    )


def _drawn(slot: SlotLike, now: dt.datetime) -> Door:
    """« Tirage au sort le 3 juin à 12 h »."""
    if slot.draws_at is None:
        return Door(SOON, _("Ballot"), _("Ballot"), _places(slot.capacity))
    if slot.draws_at <= now:
        return Door(SOON, _("Ballot being drawn"), _places(slot.capacity), _("ballot being drawn"))
    moment = say_moment(on_the_wall(slot.draws_at, slot.timezone))
    words = _("Ballot on %(moment)s") % {"moment": moment}
    if slot.capacity is None:
        return Door(SOON, words, words)
    note = pgettext("after a number of places", "ballot on %(moment)s") % {"moment": moment}
    return Door(SOON, words, _places(slot.capacity), note)


def _boarded(slot: SlotLike) -> Door:
    words = pgettext("slot", "Cancelled")
    if slot.cancelled_at is None:
        return Door(BOARDED, words, words)
    day = say_day(on_the_wall(slot.cancelled_at, slot.timezone).date(), weekday=False)
    note = (_("by the host, on %(day)s") if slot.cancelled_by_host else _("on %(day)s")) % {"day": day}
    return Door(BOARDED, words, words, note)

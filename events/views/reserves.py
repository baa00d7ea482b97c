"""What both desks show of a slot's reserved places: the bar, and the words of what was done or refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.models import User
from events.forms.openings import LABELS, PoolsForm
from events.models import Pool, Slot
from events.refusals import Reason, Refused
from events.registration.pools import set_pools, set_pools_of_visit
from events.wording import say_number

WIDTH = 600
"""Of the bar, in the units of its drawing."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the bar: ``places`` for ``kind``, of which ``taken`` are confirmed or held."""

    kind: str
    label: str
    places: int
    taken: int
    x: float
    width: float
    pool: Pool | None = None

    @property
    def taken_width(self) -> float:
        return round(self.width * self.taken / self.places, 1) if self.places else 0

    @property
    def said(self) -> str:
        """« Groupes : 4 places, 3 prises »."""
        places = ngettext("%(number)s place", "%(number)s places", self.places)
        words = {"kind": self.label, "places": places % {"number": say_number(self.places)}}
        if not self.taken:
            return _("%(kind)s: %(places)s") % words
        taken = ngettext("%(number)s taken", "%(number)s taken", self.taken)
        return _("%(kind)s: %(places)s, %(taken)s") % (
            words | {"taken": taken % {"number": say_number(self.taken)}}
        )


def parts_of(slot: Slot) -> list[Part]:
    """Everybody's places and each reserve: together always what may be booked. None without a limit."""
    if slot.capacity is None:
        return []
    total = slot.capacity + slot.overbook
    kept = [pool for pool in slot.pools.all() if pool.released_at is None and pool.places]
    everybody = total - sum(pool.places for pool in kept)
    taken = slot.taken + slot.held - sum(pool.taken for pool in kept)
    lengths: list[tuple[str, str, int, int, Pool | None]] = [
        ("public", pgettext("reserve", "For everybody"), everybody, taken, None),
        *((one.kind, str(LABELS[Pool.Kind(one.kind)]), one.places, one.taken, one) for one in kept),
    ]
    parts, x = [], 0.0
    for kind, label, places, mine, pool in lengths:
        width = round(WIDTH * places / total, 1)
        parts.append(Part(kind, label, places, mine, round(x, 1), width, pool))
        x += width
    return parts


def save_pools(form: PoolsForm, *, by: User, now: dt.datetime) -> int:
    """Ask the rule for this slot or for all of its visit; how many slots. Raises ``Refused``."""
    shares, kinds = form.shares, form.kinds
    if form.cleaned_data["everywhere"]:
        visit = form.slot.activity_id
        return set_pools_of_visit(activity_id=visit, shares=shares, kinds=kinds, by=by, now=now)
    set_pools(slot_id=form.slot.pk, shares=shares, kinds=kinds, by=by, now=now)
    return 1


def say_kept(number: int) -> str:
    said = ngettext(
        "The places of the slot are divided.", "The places of %(number)s slots are divided.", number
    )
    return said % {"number": say_number(number)}


def say_refused(refused: Refused) -> str:
    """Why a slot cannot have so few or so many: with the numbers that stand in its way."""
    facts = refused.facts
    if refused.reason == Reason.PLACES_TAKEN and facts.get("kept"):
        words = {"taken": say_number(facts["taken"]), "kept": say_number(facts["kept"])}
        return (
            _("%(taken)s places are taken and %(kept)s are kept in reserves: give those free first.") % words
        )
    return str(refused.reason.label)

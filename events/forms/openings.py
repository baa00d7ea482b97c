"""What organisers type about openings, reserved places and the rules of an edition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from events.clock import NoSuchTime, instant, on_the_wall
from events.models import Festival, Pool, Programme, Slot
from events.refusals import Reason, Refused
from events.registration.overbooking import Choice
from events.registration.pools import Share
from events.wording import say_moment, say_number, say_percent

from .fields import ClockField, DayField

MOST_PLACES = 5000

SAY_BOTH = _("Say the day and the time.")
SAY_SHARE = _("Say how many per cent wait for the second wave.")


def _moment(form: forms.Form, day: str, time: str, zone: str) -> dt.datetime | None:
    """Two fields as one instant, the second of two where the clocks show a time twice; errors at the time."""
    on, at = form.cleaned_data.get(day), form.cleaned_data.get(time)
    if on is None or at is None:
        return None
    try:
        return instant(on, at, zone, fold=1)
    except (NoSuchTime, OverflowError):
        form.add_error(time, Reason.NO_SUCH_TIME.label)
        return None


# Openings -------------------------------------------------------------------------------------------------


class OpeningForm(forms.Form):
    """When booking opens for a part of the edition, on the clock of the desk's territory.

    ``cleaned_data`` holds ``opens_at``, ``second_opens_at`` and ``second_share`` as the rule takes them.
    """

    part = forms.ChoiceField(label=_("For"))
    day = DayField(label=_("Opens on"))
    time = ClockField(label=_("At"))
    second_day = DayField(label=_("Second wave, on"), required=False)
    second_time = ClockField(label=_("At"), required=False)
    second_share = forms.IntegerField(
        label=_("Places kept for it (%)"),
        required=False,
        min_value=1,
        max_value=90,
        help_text=_("Of each slot, rounded down. Empty: everything opens at once."),
    )

    def __init__(self, *args: Any, parts: Iterable[tuple[str, str]], zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.fields["part"].choices = list(parts)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["opens_at"] = _moment(self, "day", "time", self.zone)
        typed = [cleaned.get(name) for name in ("second_day", "second_time", "second_share")]
        cleaned["second_opens_at"] = None
        if any(value is not None for value in typed):
            self._clean_second(cleaned)
        return cleaned

    def _clean_second(self, cleaned: dict[str, Any]) -> None:
        names = ("second_day", "second_time", "second_share")
        for name in names:
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, SAY_SHARE if name == "second_share" else SAY_BOTH)
        if any(name in self.errors for name in names):
            return
        second = cleaned["second_opens_at"] = _moment(self, "second_day", "second_time", self.zone)
        if second and cleaned["opens_at"] and second <= cleaned["opens_at"]:
            self.add_error("second_day", _("The second wave comes after the first."))

    @property
    def announcement(self) -> dict[str, Any]:
        names = ("opens_at", "second_opens_at", "second_share")
        return {name: self.cleaned_data.get(name) for name in names}


class RulesForm(forms.ModelForm):
    """What holds for every visitor of an edition. The rule writes it, not the form."""

    class Meta:
        model = Festival
        fields: ClassVar = [
            *("most_places", "most_bookings_per_day", "most_bookings"),
            *("confirms_addresses", "shield", "expected_absence"),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, least, most in (
            ("most_places", 1, 100),
            ("most_bookings_per_day", 1, 100),
            ("most_bookings", 1, 1000),
            ("expected_absence", 0, 90),
        ):
            self.fields[name].validators += [MinValueValidator(least), MaxValueValidator(most)]

    def _post_clean(self) -> None:
        """The rule changes the edition."""


# Reserved places ------------------------------------------------------------------------------------------

LEADS = (
    ("", pgettext_lazy("reserve", "never: kept until the visit")),
    ("2", _("2 hours before")),
    ("24", _("the day before, at the same time")),
    ("48", _("2 days before")),
    ("72", _("3 days before")),
    ("168", _("a week before")),
)
KEEP = "keep"
HOSTS = (Pool.Kind.ACCESS, Pool.Kind.GROUP)
"""What hosts divide themselves; waves and the door are the organisers'."""

LABELS = {
    Pool.Kind.ACCESS: _("Access needs and companion"),
    Pool.Kind.GROUP: _("Groups (a class, an association)"),
    Pool.Kind.WALK_IN: _("At the door, without booking"),
    Pool.Kind.LATER: _("Second wave"),
}


class PoolsForm(forms.Form):
    """Places of one slot kept for some people, and when the rest of each goes to everybody.

    A release is said as a time before the visit, so that it fits every slot of an activity; that of the
    second wave as a moment. ``kinds``: those that may be changed.
    """

    everywhere = forms.BooleanField(
        label=_("The same for every slot of this visit to come"),
        required=False,
        help_text=_("All of them or none: if it does not fit one, nothing is changed."),
    )

    def __init__(
        self, *args: Any, slot: Slot, kinds: Iterable[str] = Pool.Kind.values, **kwargs: Any
    ) -> None:
        self.slot, self.kinds = slot, [kind for kind in Pool.Kind.values if kind in set(kinds)]
        self.pools = {pool.kind: pool for pool in slot.pools.all()}
        self.released = [pool for pool in self.pools.values() if pool.released_at is not None]
        kwargs["initial"] = self._present() | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        for kind in self.kinds:
            pool = self.pools.get(kind)
            if pool is None or pool.released_at is None:
                self._add(Pool.Kind(kind), pool)
        self.order_fields([*[name for name in self.fields if name != "everywhere"], "everywhere"])

    def _add(self, kind: Pool.Kind, pool: Pool | None) -> None:
        self.fields[kind] = forms.IntegerField(
            label=LABELS[kind], required=False, min_value=0, max_value=MOST_PLACES
        )
        if kind == Pool.Kind.LATER:
            self.fields["later_day"] = DayField(label=_("Opens on"), required=False)
            self.fields["later_time"] = ClockField(label=_("At"), required=False)
            return
        choices: list[Any] = list(LEADS)
        if pool is not None and self.initial.get(f"{kind}_until") == KEEP and pool.releases_at:
            choices.append((KEEP, say_moment(on_the_wall(pool.releases_at, self.slot.timezone))))
        self.fields[f"{kind}_until"] = forms.ChoiceField(
            label=_("Then for everybody"), choices=choices, required=False
        )

    def _present(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, pool in self.pools.items():
            found[kind] = pool.places
            if pool.releases_at is None:
                continue
            wall = on_the_wall(pool.releases_at, self.slot.timezone)
            found |= {f"{kind}_day": wall.date(), f"{kind}_time": wall.time().replace(second=0)}
            lead = (self.slot.starts_at - pool.releases_at).total_seconds() / 3600
            found[f"{kind}_until"] = next((code for code, _l in LEADS if code and float(code) == lead), KEEP)
        return found

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("later"):
            for name in ("later_day", "later_time"):
                if cleaned.get(name) is None and name not in self.errors:
                    self.add_error(name, SAY_BOTH)
            cleaned["later_at"] = _moment(self, "later_day", "later_time", self.slot.timezone)
        return cleaned

    @property
    def shares(self) -> list[Share]:
        return [
            self._share(kind) for kind in self.kinds if kind in self.fields and self.cleaned_data.get(kind)
        ]

    def _share(self, kind: str) -> Share:
        places = self.cleaned_data[kind]
        if kind == Pool.Kind.LATER:
            return Share(kind, places, self.cleaned_data["later_at"])
        until = self.cleaned_data[f"{kind}_until"]
        if until == KEEP:
            return Share(kind, places, self.pools[kind].releases_at)
        return Share(kind, places, before=dt.timedelta(hours=int(until)) if until else None)

    def refuse(self, refused: Refused) -> None:
        """The rule's refusal at the field it speaks of."""
        facts, where = refused.facts, ""
        said: str = str(refused.reason.label)
        if refused.reason == Reason.POOL_TAKEN:
            where, said = (
                facts["kind"],
                _("%(number)s places of it are already taken.") % {"number": say_number(facts["taken"])},
            )
        elif refused.reason == Reason.PLACES_TAKEN:
            where = max(self.shares, key=lambda share: share.places).kind if self.shares else ""
            said = _("%(number)s places can be kept in this slot, not more.") % {
                "number": say_number(max(0, facts["left"]))
            }
        elif refused.reason == Reason.IN_THE_PAST:
            kind = facts["kind"]
            where = "later_day" if kind == Pool.Kind.LATER else f"{kind}_until"
            said = str(_("That moment has passed, or comes after the visit begins."))
        other = facts.get("slot")
        if other is not None and other != self.slot:
            moment = say_moment(other.local_start)
            said = _("%(moment)s: %(problem)s") % {"moment": moment, "problem": said}
        self.add_error(where if where in self.fields else None, said)


class OverbookForm(forms.Form):
    """How many people more than places may book."""

    overbook = forms.TypedChoiceField(
        label=_("People who may book"), coerce=int, widget=forms.RadioSelect, choices=()
    )

    def __init__(self, *args: Any, slot: Slot, found: Iterable[Choice], **kwargs: Any) -> None:
        self.slot, self.found = slot, list(found)
        kwargs["initial"] = {"overbook": slot.overbook}
        super().__init__(*args, **kwargs)
        self.fields["overbook"].choices = [  # type: ignore[attr-defined]
            (str(one.extra), say_choice(one)) for one in self.found if self.fits(one)
        ]

    def fits(self, choice: Choice) -> bool:
        """Whether the building may hold so many."""
        return self.slot.safety_capacity is None or choice.booked <= self.slot.safety_capacity

    @property
    def too_many(self) -> list[str]:
        """What is not to be chosen, in words."""
        return [say_choice(one) for one in self.found if not self.fits(one)]


def say_choice(choice: Choice) -> str:
    """« 14 pour 12 : 6 % de risque de devoir refuser quelqu’un »."""
    if not choice.extra:
        return str(_("As many as places: nobody is turned away"))
    risk = (
        say_percent(choice.risk)
        if choice.risk >= 0.005
        else _("less than %(risk)s") % {"risk": say_percent(0.01)}
    )
    words = {"booked": say_number(choice.booked), "places": say_number(choice.capacity), "risk": risk}
    return str(_("%(booked)s for %(places)s: %(risk)s risk of having to turn somebody away") % words)


def parts_of(
    *, territory: str, programmes: Iterable[Programme], edition: str, is_national: bool
) -> list[tuple[str, str]]:
    """What an opening can be announced for: ``t`` this territory, ``t5`` programme 5 in it; ``e`` and ``e5``
    all of the edition and programme 5 everywhere, for the national team.
    """
    programmes = list(programmes)
    here = [("t", territory)]
    here += [
        (f"t{one.pk}", _("%(programme)s, in %(territory)s") % {"programme": one, "territory": territory})
        for one in programmes
    ]
    if not is_national:
        return here
    whole = [("e", _("All of %(edition)s") % {"edition": edition})]
    whole += [(f"e{one.pk}", _("%(programme)s, everywhere") % {"programme": one}) for one in programmes]
    return [*here, *whole]

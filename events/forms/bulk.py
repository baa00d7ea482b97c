"""Which slots, and what to do with them: what an organiser chooses before the preview of a bulk change."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from events.models import Commune, Host, Room, Slot, Territory, Venue
from events.scheduling.bulk_plan import Action, Choice, Scope
from events.wording import say_day

from .fields import DayField, PlainTextMixin

CODES = {
    "tout": Scope.ALL,
    "jour": Scope.DAY,
    "hote": Scope.HOST,
    "lieu": Scope.VENUE,
    "salle": Scope.ROOM,
    "ville": Scope.CITY,
}
"""What stands in the address before the colon."""

ACTIONS = {"decaler": Action.SHIFT, "deplacer": Action.MOVE, "retirer": Action.CANCEL}
FIELDS = {Action.SHIFT: ("sens", "jours", "minutes", "au"), Action.MOVE: ("vers",)}
MOST_DAYS = 60


class BulkForm(PlainTextMixin, forms.Form):
    """Fields of the address of the preview; those of another action than the chosen one count for nothing."""

    creneaux = forms.ChoiceField(label=_("Which slots"))
    action = forms.ChoiceField(
        label=_("What to do"),
        widget=forms.RadioSelect,
        choices=[(code, action.label) for code, action in ACTIONS.items()],
        initial="decaler",
    )
    sens = forms.ChoiceField(
        label=_("Which way"), choices=[("tard", _("Later")), ("tot", _("Earlier"))], required=False
    )
    jours = forms.IntegerField(label=_("Days"), min_value=0, max_value=MOST_DAYS, required=False)
    minutes = forms.IntegerField(label=_("Minutes"), min_value=0, max_value=1439, required=False)
    au = DayField(
        label=_("Or to this day, at the same times"),
        required=False,
        help_text=_("Leave the days and minutes empty then."),
    )
    vers = forms.ChoiceField(
        label=_("Into"),
        required=False,
        help_text=_("A venue: each slot gets the free room that suits it best."),
    )

    def __init__(self, *args: Any, territory: Territory, slots: Any, **kwargs: Any) -> None:
        """``slots``: those of the territory in editions that are not history."""
        super().__init__(*args, **kwargs)
        groups = _Groups(territory, slots)
        self.fields["creneaux"].choices = groups.which()  # type: ignore[attr-defined]
        self.fields["vers"].choices = groups.where()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        action = ACTIONS.get(cleaned.get("action", ""))
        for name in {name for other, names in FIELDS.items() if other != action for name in names}:
            self.errors.pop(name, None)
            cleaned[name] = None
        if action == Action.SHIFT:
            by_time = bool(cleaned.get("jours") or cleaned.get("minutes"))
            if by_time and cleaned.get("au"):
                self.add_error("au", _("Either by days and minutes, or to a day."))
            elif not by_time and not cleaned.get("au") and not self.errors:
                self.add_error("minutes", _("Say by how much."))
        elif action == Action.MOVE and not cleaned.get("vers") and "vers" not in self.errors:
            self.add_error("vers", _("Say where to."))
        return cleaned

    @property
    def choice(self) -> Choice:
        """What was chosen, once it is valid."""
        cleaned = self.cleaned_data
        code, _colon, what = cleaned["creneaux"].partition(":")
        scope, action = CODES[code], ACTIONS[cleaned["action"]]
        if action == Action.SHIFT:
            sign = -1 if cleaned["sens"] == "tot" else 1
            days, minutes = sign * (cleaned["jours"] or 0), sign * (cleaned["minutes"] or 0)
            return Choice(scope, what, action, days=days, minutes=minutes, to_day=cleaned["au"])
        if action == Action.MOVE:
            kind, _colon, pk = cleaned["vers"].partition(":")
            return Choice(
                scope,
                what,
                action,
                venue_id=int(pk) if kind == "lieu" else None,
                room_id=int(pk) if kind == "salle" else None,
            )
        return Choice(scope, what, action)

    @property
    def into(self) -> str:
        """Where to, as it was chosen."""
        return _flat(self.fields["vers"].choices)[self.cleaned_data["vers"]]  # type: ignore[attr-defined]

    @property
    def label(self) -> str:
        """The slots as they were chosen: « La Cantine »."""
        return _flat(self.fields["creneaux"].choices)[self.cleaned_data["creneaux"]]  # type: ignore[attr-defined]


def _flat(choices: Any) -> dict[str, str]:
    """Choices with and without groups, by their value."""
    found: dict[str, str] = {}
    for value, label in choices:
        found |= dict(label) if isinstance(label, (list, tuple)) else {value: str(label)}
    return found


class _Groups:
    """The select boxes: everything of the territory that has slots to come."""

    def __init__(self, territory: Territory, slots: Any) -> None:
        self.territory = territory
        self.slots = slots.exclude(state=Slot.State.CANCELLED)

    def which(self) -> list[tuple[Any, Any]]:
        slots = self.slots.order_by()
        days = sorted(set(slots.values_list("day", flat=True).distinct()))
        hosts = Host.objects.filter(pk__in=slots.values("activity__host")).order_by("name", "pk")
        at = Q(pk__in=slots.values("venue")) | Q(
            pk__in=slots.filter(venue__isnull=True).values("activity__venue")
        )
        venues = Venue.objects.filter(at, territory=self.territory).order_by("sort_name", "pk")
        communes = Commune.objects.filter(venues__in=venues).distinct().order_by("folded_name", "pk")
        groups = [
            (_("Days"), [(f"jour:{day.isoformat()}", say_day(day)) for day in days]),
            (_("Hosts"), [(f"hote:{pk}", name) for pk, name in hosts.values_list("pk", "name")]),
            (_("Venues"), [(f"lieu:{pk}", name) for pk, name in venues.values_list("pk", "name")]),
            (_("Rooms"), self._rooms()),
            (_("Cities"), [(f"ville:{pk}", name) for pk, name in communes.values_list("pk", "name")]),
        ]
        filled = [(name, rows) for name, rows in groups if rows]
        return [("", _("Choose")), ("tout", Scope.ALL.label), *filled]

    def where(self) -> list[tuple[Any, Any]]:
        with_rooms = Count("rooms", filter=Q(rooms__is_active=True))
        venues = Venue.objects.filter(territory=self.territory).annotate(n=with_rooms).filter(n__gt=0)
        names = venues.order_by("sort_name", "pk").values_list("pk", "name")
        groups = [(_("Venues"), [(f"lieu:{pk}", name) for pk, name in names]), (_("Rooms"), self._rooms())]
        return [("", _("Choose")), *((name, rows) for name, rows in groups if rows)]

    def _rooms(self) -> list[tuple[str, str]]:
        rooms = Room.objects.filter(venue__territory=self.territory, is_active=True)
        rows = rooms.order_by("venue__sort_name", "sort_name", "pk").values_list("pk", "name", "venue__name")
        return [(f"salle:{pk}", f"{name}, {venue}") for pk, name, venue in rows]

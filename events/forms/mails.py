"""What organisers type for mails: an edition's own words, a message to many. Views ask the rules."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from events.broadcasts import Segment, Words
from events.mail.bulk_facts import Who
from events.mail.wordings import PLACEHOLDERS, unknown_placeholders
from events.models import Activity, Commune, Festival, Host, Message, Slot, Territory
from events.wording import say_day, say_list, say_times

from .fields import PlainTextMixin

LINK = re.compile(r"://|\bwww\.", re.I)


class WordingForm(PlainTextMixin, forms.Form):
    """Subject and opening of a kind; both empty: the site's words."""

    subject = forms.CharField(
        label=_("Subject"), max_length=200, required=False, help_text=_("Empty: the site’s own.")
    )
    text = forms.CharField(
        label=_("Opening"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("Plain text; a line for each paragraph. Empty: the site’s own."),
    )

    def __init__(self, *args: Any, kind: Message.Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("subject", "text"):
            typed = cleaned.get(name, "")
            for unknown in unknown_placeholders(self.kind, typed):
                self.add_error(name, self._say_unknown(unknown.typed, unknown.nearest))
            if LINK.search(typed):
                self.add_error(name, _("No link here: the links of a mail are the site’s own."))
        return cleaned

    def _say_unknown(self, typed: str, nearest: str) -> str:
        if nearest:
            return _t("{%(typed)s} is not known here. Did you mean {%(nearest)s}?") % {
                "typed": typed,
                "nearest": nearest,
            }
        known = say_list(f"{{{name}}}" for name in PLACEHOLDERS[self.kind])
        return _t("{%(typed)s} is not known here. Known are %(known)s.") % {"typed": typed, "known": known}


class BroadcastForm(PlainTextMixin, forms.Form):
    """To whom, of which part, and what. The choices are what there is in the territory."""

    qui = forms.ChoiceField(label=_("To whom"), choices=Who.choices)
    ou = forms.ChoiceField(label=_("Of which part"))
    objet = forms.CharField(label=_("Subject"), max_length=200)
    texte = forms.CharField(
        label=_("Text"),
        max_length=6000,
        widget=forms.Textarea(attrs={"rows": 9}),
        help_text=_("Plain text; a line for each paragraph. Greeting, signature and links are added."),
    )
    objet_en = forms.CharField(label=_("Subject in English"), max_length=200, required=False)
    texte_en = forms.CharField(
        label=_("Text in English"),
        max_length=6000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("For who reads English. Empty: everybody reads the French text."),
    )

    def __init__(
        self,
        *args: Any,
        territory: Territory,
        edition: Festival,
        slots: Any,
        is_national: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.territory, self.edition = territory, edition
        asked = (self.data if self.is_bound else self.initial).get("ou", "")
        parts = _Parts(territory, edition, slots.filter(activity__festival=edition))
        self.fields["ou"].choices = parts.choices(asked=str(asked), is_national=is_national)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and bool(cleaned["objet_en"]) != bool(cleaned["texte_en"]):
            missing = "texte_en" if cleaned["objet_en"] else "objet_en"
            self.add_error(missing, _("English needs both its subject and its text."))
        return cleaned

    @property
    def segment(self) -> Segment:
        """Who it is for, once it is valid."""
        part = self.cleaned_data["ou"]
        territory = None if part == "edition" else self.territory
        return Segment(
            self.edition,
            territory,
            Who(self.cleaned_data["qui"]),
            "" if part in ("edition", "tout") else part,
        )

    @property
    def words(self) -> Words:
        cleaned = self.cleaned_data
        # However the browser ends its lines, the words are the same.
        texts = ("\n".join(cleaned[name].splitlines()) for name in ("texte", "texte_en"))
        return Words(cleaned["objet"], next(texts), cleaned["objet_en"], next(texts))

    @property
    def label(self) -> str:
        """« Qui attend une place · La Cantine »."""
        return f"{Who(self.cleaned_data['qui']).label} · {label_of_part(self, self.cleaned_data['ou'])}"


def label_of_part(form: BroadcastForm, value: str) -> str:
    for code, label in form.fields["ou"].choices:  # type: ignore[attr-defined]
        inner = label if isinstance(label, (list, tuple)) else [(code, label)]
        for key, words in inner:
            if key == value:
                return str(words)
    return ""


class _Parts:
    """The parts of an edition in a territory that have slots."""

    def __init__(self, territory: Territory, edition: Festival, slots: Any) -> None:
        self.territory, self.edition = territory, edition
        self.slots = slots.exclude(state=Slot.State.DRAFT).order_by()

    def choices(self, *, asked: str, is_national: bool) -> list[tuple[Any, Any]]:
        slots = self.slots
        days = sorted(set(slots.values_list("day", flat=True).distinct()))
        hosts = Host.objects.filter(pk__in=slots.values("activity__host")).order_by("sort_name", "pk")
        activities = Activity.objects.filter(pk__in=slots.values("activity")).order_by("title_fr", "pk")
        at = Q(venues__slots__in=slots.values("pk")) | Q(
            venues__activities__slots__in=slots.filter(venue__isnull=True).values("pk")
        )
        communes = Commune.objects.filter(at, territory=self.territory).distinct()
        groups = [
            (_("Slot"), self._slot(asked)),
            (_("Days"), [(f"jour:{day.isoformat()}", say_day(day)) for day in days]),
            (_("Cities"), [(f"ville:{one.pk}", one.name) for one in communes.order_by("folded_name", "pk")]),
            (_("Hosts"), [(f"hote:{pk}", name) for pk, name in hosts.values_list("pk", "name")]),
            (_("Activities"), [(f"activite:{one.pk}", one.title) for one in activities]),
        ]
        whole = [("tout", _t("All of %(territory)s") % {"territory": self.territory})]
        if is_national:
            whole.append(("edition", _t("All of %(edition)s") % {"edition": self.edition}))
        return [*whole, *((name, rows) for name, rows in groups if rows)]

    def _slot(self, asked: str) -> list[tuple[str, str]]:
        """The one slot from whose page one comes: there are too many to choose from."""
        kind, _colon, pk = asked.partition(":")
        if kind != "creneau" or not pk.isdecimal() or len(pk) > 18:
            return []
        found = self.slots.filter(pk=int(pk)).select_related("activity")
        return [
            (
                f"creneau:{slot.pk}",
                f"{slot.activity.title}, {say_day(slot.day)}, {say_times(slot.local_start, slot.local_end)}",
            )
            for slot in found
        ]

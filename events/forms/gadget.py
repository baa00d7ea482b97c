"""What the gadget of another site shows, chosen in a form: it makes the tag to copy."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from events.models import Host
from events.programme import Facets
from events.wording import say_day

MOST_HOSTS = 400


class GadgetForm(forms.Form):
    """Read by GET: nothing chosen is the whole programme."""

    ville = forms.ChoiceField(label=gettext_lazy("City"), required=False)
    hote = forms.ChoiceField(label=gettext_lazy("Host"), required=False)
    jour = forms.ChoiceField(label=gettext_lazy("Day"), required=False)
    nombre = forms.IntegerField(
        label=gettext_lazy("Number of slots"), required=False, min_value=1, max_value=20, initial=5
    )
    affichage = forms.ChoiceField(
        label=gettext_lazy("Language of the gadget"),
        required=False,
        choices=[("fr", gettext_lazy("French")), ("en", gettext_lazy("English"))],
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        required=False,
        choices=[
            ("", gettext_lazy("those of your page")),
            ("light", pgettext_lazy("colours", "light")),
            ("dark", pgettext_lazy("colours", "dark")),
            ("auto", gettext_lazy("those of the reader’s device")),
        ],
    )

    def __init__(self, data: Any, choices: Facets) -> None:
        super().__init__(data or None, auto_id="g-%s")
        self._offer("ville", _("All over France"), [(c.code, c.name) for c in choices.territories])
        self._offer("jour", _("Every day"), [(d.isoformat(), say_day(d)) for d in choices.days])
        city = (data.get("ville") or "") if data else ""
        hosts = list(self._hosts(city, (data.get("hote") or "") if data else ""))
        self._offer("hote", _("Every host"), hosts)
        if not city:
            self.fields["hote"].help_text = _("Choose a city first and show it: its hosts are listed then.")

    def _offer(self, name: str, nothing: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = [("", nothing), *choices]  # type: ignore[attr-defined]

    @staticmethod
    def _hosts(city: str, chosen: str) -> list[tuple[str, str]]:
        """The hosts of a city; without one, the chosen host alone."""
        public = Host.objects.public().order_by("sort_name")
        found = public.filter(territory__slug=city) if city else public.filter(slug=chosen)
        return list(found.values_list("slug", "name")[:MOST_HOSTS])

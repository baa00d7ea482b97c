"""What organisers type about partners: who gets a key, where a webhook goes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from events.models import Webhook

from .fields import PlainTextMixin, web_address


class TokenForm(PlainTextMixin, forms.Form):
    name = forms.CharField(
        label=_("Partner"), max_length=120, help_text=_("Who books with it: the key is one partner’s alone.")
    )


class WebhookForm(PlainTextMixin, forms.Form):
    name = forms.CharField(label=_("Partner"), max_length=120)
    url = forms.URLField(
        label=_("Address of its server"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Given by the partner. It begins with https://."),
    )
    events = forms.MultipleChoiceField(
        label=_("Told of"),
        choices=Webhook.Event.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing to be told of.")},
    )

    def clean_url(self) -> str:
        """What can be seen of an address; where it leads is looked at each time something is sent."""
        url = web_address(self.cleaned_data["url"], private=settings.WEBHOOK_ALLOW_PRIVATE)
        if "@" in urlsplit(url).netloc:
            raise ValidationError(
                _("An address with a user name in it is not accepted: the signature says who writes."),
                code="userinfo",
            )
        return url

    @property
    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "url", "events")}

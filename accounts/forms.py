"""What people type about themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User


def _clean_name(name: str) -> str:
    return " ".join("".join(sign for sign in name if sign.isprintable()).split())


class NameForm(forms.Form):
    """The part of the sign-up form that is ours: how colleagues and hosts will read you."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("As your colleagues know you: it signs your messages."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["email", "name", "password1"]

    def clean_name(self) -> str:
        name = _clean_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Please write a name."), code="required")
        return name

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the account exists."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class ProfileForm(forms.ModelForm):
    """Name and language of the person signed in."""

    class Meta:
        model = User
        fields = ("name", "locale")
        labels: ClassVar = {"name": _("Your name"), "locale": _("Language of our messages")}
        help_texts: ClassVar = {
            "locale": _(
                "For the e-mails about your desk; the site itself keeps the language you choose above."
            )
        }
        widgets: ClassVar = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "locale": forms.RadioSelect,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True

    def clean_name(self) -> str:
        name = _clean_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Please write a name."), code="required")
        return name

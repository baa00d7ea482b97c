"""An address that wants to hear of something, and from which page it was asked."""

from __future__ import annotations

from django import forms

from .booking import AddressField
from .fields import PlainTextMixin


class FollowForm(PlainTextMixin, forms.Form):
    """One field. ``page``: the path on which the form stood, kept with the consent."""

    email = AddressField()
    page = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_page(self) -> str:
        page: str = self.cleaned_data["page"]
        return page[:200] if page.startswith("/") else ""

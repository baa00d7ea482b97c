"""A picture of a venue and the words beside it."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from .fields import PlainTextMixin
from .pictures import PictureField


class CaptionForm(PlainTextMixin, forms.Form):
    caption_fr = forms.CharField(
        label=_("What it shows, in French"),
        max_length=200,
        help_text=_("Read out to those who do not see it: “The hall seen from the street, two steps.”"),
    )
    caption_en = forms.CharField(label=_("What it shows, in English"), max_length=200, required=False)
    credit = forms.CharField(label=_("Who took it"), max_length=120, required=False)


class VenuePictureForm(CaptionForm):
    image = PictureField(
        label=_("Picture"),
        longest=1600,
        help_text=_("JPEG, PNG or WebP, 4 MB at most. The place where it was taken is removed."),
    )

    field_order = ("image", "caption_fr", "caption_en", "credit")

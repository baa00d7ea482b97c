"""Pictures people send: only what Pillow itself has read and written again is kept."""

from __future__ import annotations

import io
import secrets
import warnings
from typing import IO, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 4 * 1024 * 1024
MOST_PIXELS = 24_000_000
"""Told from the header, before a pixel is decoded: a small file may unfold into gigabytes."""


def read_picture(upload: IO[bytes], *, longest: int) -> ContentFile:
    """The picture, drawn again as WebP with at most ``longest`` pixels a side, without its metadata.

    Turned upright first, since the camera's note of it goes with the rest (Exif 2.3, tag 274). The file gets
    a random name. Raises ``ValidationError`` for anything but JPEG, PNG and WebP, for one too large and for a
    broken one.
    """
    source = upload.read(MOST_BYTES + 1)
    if len(source) > MOST_BYTES:
        raise ValidationError(_("This file is too large: 4 MB at most."), code="too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                picture.draft("RGB", (longest, longest))
                upright = ImageOps.exif_transpose(picture)
                drawn = upright.convert("RGBA" if _has_alpha(upright) else "RGB")
    except UnidentifiedImageError as error:
        raise ValidationError(_("Send a JPEG, PNG or WebP picture."), code="unknown") from error
    except Image.DecompressionBombError as error:
        raise ValidationError(
            _("This picture has too many pixels: 24 million at most."), code="too_large"
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise ValidationError(_("This picture cannot be read: it seems damaged."), code="broken") from error
    drawn.thumbnail((longest, longest))
    clean = Image.new(drawn.mode, drawn.size)
    clean.paste(drawn)
    kept = io.BytesIO()
    clean.save(kept, format="WEBP", quality=88, method=4)
    return ContentFile(kept.getvalue(), name=f"{secrets.token_hex(8)}.webp")


def _has_alpha(picture: Image.Image) -> bool:
    return "A" in picture.getbands() or "transparency" in picture.info


class PictureField(forms.FileField):
    """A picture, clean: what comes out is a ``ContentFile`` as ``read_picture`` gives it."""

    widget = forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})

    def __init__(self, *args: Any, longest: int = 800, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.longest = longest

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        return read_picture(upload, longest=self.longest) if data else None

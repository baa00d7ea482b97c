"""Further pictures of a venue, in an order, each with what it shows.

Who may is decided where they are fetched.
"""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.db import transaction

from events.models import Venue, VenuePicture
from events.refusals import Reason, Refused

MOST_PICTURES = 12


@transaction.atomic
def add_picture(
    *, venue_id: int, image: ContentFile, caption_fr: str, caption_en: str = "", credit: str = ""
) -> VenuePicture:
    """Put a picture behind the others. ``image`` is clean: ``events.forms.pictures``.

    Raises ``Refused``: TOO_MANY_PICTURES beyond ``MOST_PICTURES``.
    """
    venue = Venue.objects.select_for_update(no_key=True).get(pk=venue_id)
    positions = list(venue.pictures.values_list("position", flat=True))
    if len(positions) >= MOST_PICTURES:
        raise Refused(Reason.TOO_MANY_PICTURES, most=MOST_PICTURES)
    picture = VenuePicture(
        venue=venue,
        caption_fr=caption_fr,
        caption_en=caption_en,
        credit=credit,
        position=max(positions, default=0) + 1,
    )
    picture.image.save(image.name or "", image, save=False)
    picture.save()
    return picture


def change_picture(*, picture_id: int, caption_fr: str, caption_en: str, credit: str) -> None:
    VenuePicture.objects.filter(pk=picture_id).update(
        caption_fr=caption_fr, caption_en=caption_en, credit=credit
    )


@transaction.atomic
def move_picture(*, picture_id: int, up: bool) -> bool:
    """Change places with the one before (``up``) or behind. False at the end of the row."""
    venue_id = VenuePicture.objects.values_list("venue_id", flat=True).get(pk=picture_id)
    venue = Venue.objects.select_for_update(no_key=True).get(pk=venue_id)
    row = list(venue.pictures.all())
    here = next(index for index, picture in enumerate(row) if picture.pk == picture_id)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(row):
        return False
    row[here], row[there] = row[there], row[here]
    for position, picture in enumerate(row, start=1):
        picture.position = position
    VenuePicture.objects.bulk_update(row, ["position"])
    return True


@transaction.atomic
def drop_picture(*, picture_id: int) -> None:
    """Take a picture away, and its file once that holds."""
    picture = VenuePicture.objects.select_for_update().get(pk=picture_id)
    storage, name = picture.image.storage, picture.image.name
    picture.delete()
    if name:
        transaction.on_commit(lambda: storage.delete(name))

"""Two venues that are one: what hangs on the one moves to the other, which keeps the better of both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction

from accounts.models import User
from events.folding import fold
from events.models import (
    JournalEntry,
    NotTheSame,
    Room,
    Slot,
    Venue,
    VenueMerge,
    VenuePicture,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .venues import find_by_its_words, look_again

CHOICES: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "address": ("address", "postcode", "commune_id"),
    "position": ("latitude", "longitude", "position_from", "geocoded_at", "geocoded_label"),
    "website": ("website",),
    "picture": ("picture",),
    "is_totem": ("is_totem",),
    "access": ("step_free", "access"),
    "access_text": ("access_text_fr", "access_text_en"),
    "safety_capacity": ("safety_capacity",),
    "contact": ("contact_name", "contact_email", "contact_phone"),
    "hours": (),
}
"""What is taken from one of the two as a whole: fields that mean something together alone."""


@patient
@transaction.atomic
def merge_venues(
    *, keep_id: int, drop_id: int, take: Collection[str] = (), by: User, now: dt.datetime
) -> list[Slot]:
    """Make ``drop_id`` a part of ``keep_id``, which takes those ``CHOICES`` from it that ``take`` names.

    Rooms, slots, activities, the archive, managers, pictures and special days move; a room whose name is
    taken gets a number. Occupancies hang on rooms and go with them. The address of the page that is gone
    leads to the other one (``VenueMerge``). Returns the slots to come that have too many places for what the
    building may now hold; nothing is done to them. Raises ``Refused``: WRONG_STATE for one and the same,
    VENUE_ELSEWHERE across territories, BUSY.
    """
    if keep_id == drop_id:
        raise Refused(Reason.WRONG_STATE)
    # Whoever writes a row that points at one of the two waits, and finds its rooms moved.
    both = Venue.objects.select_for_update().filter(pk__in=[keep_id, drop_id]).order_by("pk")
    found = {venue.pk: venue for venue in both}
    list(Room.objects.select_for_update().filter(venue__in=found).order_by("pk"))
    keep, drop = found[keep_id], found[drop_id]
    if keep.territory_id != drop.territory_id:
        raise Refused(Reason.VENUE_ELSEWHERE)
    was = what_it_was(drop)
    _take_fields(keep, drop, take)
    for move in MOVES.values():
        move(keep, drop)
    if "hours" in take or not keep.opening_hours.exists():
        keep.opening_hours.all().delete()
        drop.opening_hours.update(venue=keep)
    drop.delete()
    VenueMerge.objects.update_or_create(
        slug=drop.slug,
        defaults={"into": keep, "name": was["name"], "was": was, "merged_at": now, "merged_by": by},
    )
    keep.save()
    find_by_its_words(keep)
    JournalEntry.objects.create(
        at=now, actor=by, verb="venues_merged", text=f"« {was['name']} » → « {keep.name} »"
    )
    return look_again(Room.objects.filter(venue=keep), now)


@transaction.atomic
def tell_apart(*, one_id: int, other_id: int) -> None:
    """Somebody has looked: these two are not the same."""
    if one_id == other_id:
        raise Refused(Reason.WRONG_STATE)
    NotTheSame.objects.get_or_create(one_id=min(one_id, other_id), other_id=max(one_id, other_id))


def differing(keep: Venue, drop: Venue) -> list[str]:
    """Those ``CHOICES`` about which two venues do not say the same."""
    return [
        choice
        for choice, fields in CHOICES.items()
        if (
            _week(keep) != _week(drop)
            if choice == "hours"
            else any(getattr(keep, name) != getattr(drop, name) for name in fields if name != "geocoded_at")
        )
    ]


def better_taken(keep: Venue, drop: Venue) -> list[str]:
    """Those choices about which the venue that stays says nothing and the other one something."""
    return [
        choice for choice in differing(keep, drop) if is_silent(keep, choice) and not is_silent(drop, choice)
    ]


def is_silent(venue: Venue, choice: str) -> bool:
    if choice == "hours":
        return not _week(venue)
    return not any(getattr(venue, name) not in (None, "", [], False) for name in CHOICES[choice])


def what_it_was(venue: Venue) -> dict[str, Any]:
    """A venue as plain data: its fields, the names of its rooms, its hours, the ids of its managers."""
    said: dict[str, Any] = {}
    for field in venue._meta.concrete_fields:
        value = getattr(venue, field.attname)
        if isinstance(value, dt.datetime):
            value = value.isoformat()
        said[field.attname] = (
            value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)
        )
    said["rooms"] = [room.name for room in venue.rooms.order_by("pk")]
    said["hours"] = [[day, str(opens), str(closes)] for day, opens, closes in _week(venue)]
    said["managers"] = list(venue.managers.order_by("user_id").values_list("user_id", flat=True))
    return said


def _week(venue: Venue) -> list[tuple[int, dt.time, dt.time]]:
    return [(row.weekday, row.opens, row.closes) for row in venue.opening_hours.all()]


def _take_fields(keep: Venue, drop: Venue, take: Collection[str]) -> None:
    """Write what is taken onto the venue that stays. The picture that is not chosen joins the others."""
    left_over = keep.picture.name if "picture" in take else drop.picture.name
    if left_over and left_over != (drop if "picture" in take else keep).picture.name:
        name = (keep if "picture" in take else drop).name
        VenuePicture.objects.create(venue=drop, image=left_over, caption_fr=name[:200], position=0)
    for choice in take:
        for field in CHOICES[choice]:
            setattr(keep, field, getattr(drop, field))
    keep.sources = [*keep.sources, *(source for source in drop.sources if source not in keep.sources)]
    keep.external_id = keep.external_id or drop.external_id


def _move_rooms(keep: Venue, drop: Venue) -> None:
    """« Grande salle » becomes « Grande salle (2) » where there is one already."""
    taken = {room.sort_name for room in keep.rooms.all()}
    for room in drop.rooms.order_by("pk"):
        stem, number = room.name, 1
        while fold(room.name)[:120] in taken:
            number += 1
            room.name = f"{stem[:110]} ({number})"
        room.venue = keep
        room.save()
        taken.add(room.sort_name)


def _move_managers(keep: Venue, drop: Venue) -> None:
    there = keep.managers.values("user")
    drop.managers.exclude(user__in=there).update(venue=keep)


def _move_pictures(keep: Venue, drop: Venue) -> None:
    row = [*keep.pictures.all(), *drop.pictures.all()]
    for position, picture in enumerate(row, start=1):
        picture.venue, picture.position = keep, position
    VenuePicture.objects.bulk_update(row, ["venue", "position"])


def _move_differences(keep: Venue, drop: Venue) -> None:
    """What was told apart from the one is told apart from the other."""
    for field, other_field in (("one", "other"), ("other", "one")):
        for row in NotTheSame.objects.filter(**{field: drop}):
            other_id = getattr(row, f"{other_field}_id")
            row.delete()
            if other_id != keep.pk:
                tell_apart(one_id=keep.pk, other_id=other_id)


def _move(relation: str, field: str = "venue") -> Callable[[Venue, Venue], None]:
    def move(keep: Venue, drop: Venue) -> None:
        getattr(drop, relation).update(**{field: keep})

    return move


def _stay(_keep: Venue, _drop: Venue) -> None:
    """Moved elsewhere in the rule, or goes with the venue."""


MOVES: dict[tuple[str, str], Callable[[Venue, Venue], None]] = {
    ("Room", "venue"): _move_rooms,
    ("Slot", "venue"): _move("slots"),
    ("Activity", "venue"): _move("activities"),
    ("ArchiveEntry", "venue"): _move("archive"),
    ("VenueManager", "venue"): _move_managers,
    ("VenuePicture", "venue"): _move_pictures,
    ("SpecialDays", "venue"): _move("special_days"),
    ("VenueMerge", "into"): _move("merges", "into"),
    ("NotTheSame", "one"): _move_differences,
    ("NotTheSame", "other"): _stay,  # with the line above
    ("OpeningHours", "venue"): _stay,  # chosen as a whole
}
"""Every foreign key to a venue, as (model, field): a test asks Django for them, so that none is forgotten."""

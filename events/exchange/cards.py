"""What a page says where it is passed on: title, one line, a picture (https://ogp.me).

A card changes when its words do, never by the minute: places left are on the page. The address of its
picture carries a digest of all that is drawn, so that a picture may be kept for ever.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from events.models import Activity, Festival, Host, Mode, Programme, Slot, Territory, Venue
from events.models.host import paint_of
from events.wording import language, say_day, say_day_range, say_days, say_list, say_time, with_capital

from .card_drawing import EDITION, HEIGHT, WIDTH, Words

SITE_NAME = "Festival French Tech"
MOST_SAID = 200


@dataclass(frozen=True, slots=True)
class Card:
    """``kind`` and ``key`` name the picture; ``said`` is the line under the title where a link is shown."""

    kind: str
    key: str
    title: str
    said: str
    words: Words
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def digest(self) -> str:
        drawn = (EDITION, *(getattr(self.words, one.name) for one in fields(self.words)))
        return hashlib.sha256(repr(drawn).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def picture(self) -> str:
        path = reverse("events:share_picture", args=[self.kind, self.key])
        return f"{settings.SITE_URL}{path}?{urlencode({'hl': language(), 'v': self.digest})}"

    @property
    def alt(self) -> str:
        """What the picture shows, for who does not see it."""
        said = ". ".join(part for part in (self.words.title, self.words.above, self.words.below) if part)
        return _("A door on a dark wall, with the words: %(words)s") % {"words": said}


def card_of_site(festival: Festival | None) -> Card:
    title = _("Push the door.")
    said = _("Start-ups open their doors: free visits, booked without an account in under a minute.")
    above = say_day_range(festival.starts_on, festival.ends_on) if festival else ""
    below = festival.name if festival else SITE_NAME
    return Card("festival", "accueil", below, said, Words(title, above, below))


def card_of_city(shown: Territory, festival: Festival | None) -> Card:
    communes = say_list(commune.name for commune in shown.communes.all())
    said = _read(shown, "about") or _(
        "The start-ups that open their doors, %(name)s: free visits, booked without an account."
    ) % {"name": shown.name}
    above = say_day_range(festival.starts_on, festival.ends_on) if festival else ""
    words = Words(shown.name, above or communes, _foot(festival), paint_of(shown.slug))
    return Card("ville", shown.slug, shown.name, said, words)


def card_of_host(shown: Host, festival: Festival | None) -> Card:
    where = shown.city or shown.territory.name
    said = _read(shown, "tagline") or _read(shown, "description") or where
    return Card("hote", shown.slug, shown.name, said, Words(shown.name, where, _foot(festival), shown.paint))


def card_of_venue(shown: Venue) -> Card:
    parts = [shown.address, f"{shown.postcode} {shown.city}".strip()]
    where = ", ".join(part for part in parts if part)
    words = Words(shown.name, where, SITE_NAME, paint_of(shown.slug))
    return Card("lieu", shown.slug, shown.name, where, words)


def card_of_activity(shown: Activity, days: Iterable[dt.date], venue: Venue | None) -> Card:
    """``days`` on which it happens, ``venue`` of its first slot, or its own."""
    when = say_days(list(days), year=False)
    where = f"{venue.name}, {venue.city}" if venue else shown.territory.name
    above = " · ".join(part for part in (when, where) if part)
    words = Words(shown.title, above, f"{shown.host.name} · {SITE_NAME}", shown.host.paint, _door_of(shown))
    return Card("activite", shown.slug, shown.title, _read(shown, "description") or above, words)


def days_and_venue(shown: Activity) -> tuple[list[dt.date], Venue | None]:
    """As the page of the activity has them, where only its picture is asked for."""
    slots = list(
        Slot.objects.visible()
        .filter(activity=shown)
        .in_order()
        .select_related("venue__commune", "venue__territory")
    )
    return [slot.day for slot in slots], next((slot.venue for slot in slots if slot.venue), shown.venue)


def card_of_slot(shown: Slot) -> Card:
    activity, start = shown.activity, shown.local_start
    where = f"{shown.venue.name}, {shown.venue.city}" if shown.venue else activity.territory.name
    when = f"{with_capital(say_day(start.date()))}, {say_time(start)}"
    words = Words(
        activity.title,
        f"{when} · {where}",
        f"{activity.host.name} · {SITE_NAME}",
        activity.host.paint,
        "past" if shown.is_cancelled else _door_of(activity),
    )
    said = f"{when}. {where}. {_read(activity, 'description')}"[:MOST_SAID].strip()
    return Card("creneau", str(shown.pk), activity.title, said, words)


def card_of_operation(shown: Programme) -> Card:
    is_past = shown.festival.state == Festival.State.ARCHIVED
    when = say_day_range(shown.starts_on, shown.ends_on) if shown.starts_on and shown.ends_on else ""
    said = _read(shown, "tagline") or _read(shown, "description") or when or shown.festival.name
    words = Words(shown.name, when, shown.festival.name, "wagon", "past" if is_past else "open")
    return Card("operation", shown.slug, shown.name, said, words)


def card_of_edition(shown: Festival) -> Card:
    when = say_day_range(shown.starts_on, shown.ends_on)
    is_past = shown.state == Festival.State.ARCHIVED
    words = Words(shown.name, when, SITE_NAME, "ardoise", "past" if is_past else "open")
    return Card("edition", shown.slug, shown.name, shown.tagline or _read(shown, "about") or when, words)


def _door_of(shown: Activity) -> str:
    if shown.festival.state == Festival.State.ARCHIVED or shown.state == Activity.State.CANCELLED:
        return "past"
    return "frame" if shown.mode == Mode.DROP_IN else "open"


def _foot(festival: Festival | None) -> str:
    return festival.name if festival else SITE_NAME


def _read(shown: object, name: str) -> str:
    """The first words of a text in the reader's language, or nothing: no other can be marked here."""
    return _plain(getattr(shown, f"{name}_{language()}"))


def _plain(text: str) -> str:
    """The first words of a text of the public, without its marks."""
    bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    bare = " ".join(re.sub(r"[*_`#>~]+", "", bare).split())
    if len(bare) <= MOST_SAID:
        return bare
    return bare[: MOST_SAID - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"

"""Where an address is: asked of the geocoder that GEOCODER_URL names, by a sweep, never within a request.

The Géoplateforme's search (`data.geopf.fr/geocodage/search`): `?q=…&postcode=…&limit=1`, answered by GeoJSON
features with `geometry.coordinates` [longitude, latitude] and `properties` label, score, citycode (INSEE).
What somebody put by hand is never overwritten, and a geocoder that is absent or down keeps nobody from work.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from events.models import Commune, Venue
from events.outside import Unreachable, ask_service

logger = logging.getLogger(__name__)

LONGEST = 10.0
"""Seconds for all of it, however slowly the bytes drip."""
MOST_READ = 64 * 1024
"""Bytes of an answer; one feature has about a thousand."""
LEAST_SCORE = 0.6
"""Below it (of 1) the geocoder is guessing: the position is then put by hand."""
AT_ONCE = 40
"""Addresses in one sweep; the Géoplateforme allows 50 a second."""
SWEEP_LASTS = 10.0
"""Seconds after which a sweep asks no more: mails wait behind it where there is no worker of its own."""

INSEE_CODE = re.compile(r"(?:\d{2}|2[AB])\d{3}")


@dataclass(frozen=True, slots=True)
class Found:
    """``label``: what the geocoder took the address for; ``insee_code``: its commune's, or empty."""

    latitude: float
    longitude: float
    label: str
    insee_code: str


def is_set() -> bool:
    """Whether this site asks a geocoder at all."""
    return bool(settings.GEOCODER_URL)


def due() -> Any:
    """Venues to ask for: with an address not asked for yet, without a position put by hand or imported."""
    return Venue.objects.filter(
        Q(latitude__isnull=True) | Q(position_from=Venue.PositionFrom.GEOCODER), geocoded_at__isnull=True
    ).exclude(address="")


def geocode_due(*, now: dt.datetime, limit: int = AT_ONCE) -> int:
    """Ask for up to ``limit`` venues; how many were answered, known or not.

    The first trouble ends the sweep: who is down is left alone until the next one.
    """
    if not is_set():
        return 0
    answered, until = 0, time.monotonic() + SWEEP_LASTS
    # In no order: an address that the geocoder chokes on does not stand in the way of the others.
    for venue in due().select_related("commune", "territory").order_by("?")[:limit]:
        if time.monotonic() > until:
            break
        try:
            found = ask(address=venue.address, postcode=venue.postcode, city=venue.city)
        except Unreachable as trouble:
            logger.warning("The geocoder gave no answer: %s", trouble)
            break
        answered += settle(venue=venue, found=found, now=now)
    return answered


@transaction.atomic
def settle(*, venue: Venue, found: Found | None, now: dt.datetime) -> bool:
    """Write down what was answered for ``venue`` as it then was; False when it changed meanwhile.

    An address that is not known loses the position that an earlier address had. A venue without a commune
    takes the one of its territory that has the INSEE code.
    """
    still = due().filter(
        pk=venue.pk, address=venue.address, postcode=venue.postcode, commune=venue.commune_id
    )
    position = (found.latitude, found.longitude) if found else (None, None)
    written: int = still.update(
        latitude=position[0],
        longitude=position[1],
        position_from=Venue.PositionFrom.GEOCODER if found else "",
        geocoded_at=now,
        geocoded_label=found.label if found else "",
    )
    if written and found and venue.commune_id is None:
        codes = {found.insee_code, whole_commune(found.insee_code)} - {""}
        commune = (
            Commune.objects.filter(territory=venue.territory_id, insee_code__in=codes).order_by("pk").first()
        )
        if commune is not None and Venue.objects.filter(pk=venue.pk, commune=None).update(commune=commune):
            venue.refresh_from_db(fields=["commune"])
            venue.save(update_fields=["search_text"])
            for activity in venue.activities.select_related("host", "territory", "venue__commune"):
                activity.save(update_fields=["search_text"])
    return bool(written)


def whole_commune(insee_code: str) -> str:
    """The commune of a municipal arrondissement of Paris, Lyon or Marseille; any other code as it is."""
    for first, last, whole in (("75101", "75120", "75056"), ("69381", "69389", "69123")):
        if first <= insee_code <= last:
            return whole
    return "13055" if "13201" <= insee_code <= "13216" else insee_code


def ask(*, address: str, postcode: str, city: str) -> Found | None:
    """Where an address is, or None when the geocoder does not know it well enough. Raises ``Unreachable``."""
    asked = {"q": f"{address}, {city}"[:200], "limit": "1"}
    if postcode:
        asked["postcode"] = postcode
    joint = "&" if "?" in settings.GEOCODER_URL else "?"
    status, body = ask_service(
        f"{settings.GEOCODER_URL}{joint}{urlencode(asked)}",
        agent="festival-geocoding/1",
        seconds=LONGEST,
        most=MOST_READ,
    )
    if status in (400, 422):  # this question, not the service
        return None
    if status != 200:
        raise Unreachable(f"HTTP {status}")
    return _read(body)


def _read(body: bytes) -> Found | None:
    """The first feature, when it is sure enough and no mere commune. Raises ``Unreachable`` on all else."""
    try:
        features = json.loads(body)["features"]
        if features == []:
            return None
        longitude, latitude = features[0]["geometry"]["coordinates"][:2]
        properties = features[0]["properties"]
        score, label = properties["score"], properties["label"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise Unreachable(f"this is no answer: {type(error).__name__}") from error
    numbers = (longitude, latitude, score)
    if not all(type(one) in (int, float) and math.isfinite(one) for one in numbers):
        raise Unreachable("this is no position")
    if abs(latitude) > 90 or abs(longitude) > 180 or not isinstance(label, str):
        raise Unreachable("this is no position")
    # The middle of a town is not where its street is.
    if score < LEAST_SCORE or properties.get("type") == "municipality":
        return None
    code = str(properties.get("citycode", ""))
    return Found(
        latitude=float(latitude),
        longitude=float(longitude),
        label=label.replace("\x00", "")[:250],
        insee_code=code if INSEE_CODE.fullmatch(code) else "",
    )

"""Who opens a door, by the register of companies: asked of the service that COMPANY_REGISTRY_URL names, by a
sweep, never within a request.

The State's search (`recherche-entreprises.api.gouv.fr/search?q=<SIREN>`, from INSEE's directory Sirene)
answers `{"results": [{"siren", "nom_complet", "etat_administratif": "A" or "C", "siege": {"adresse"}}]}`.
What it says is shown to the team of the territory and to the host; nothing hangs on it, and a service that is
absent or down keeps nobody from work.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet

from events.models import Company
from events.outside import Unreachable, ask_service

logger = logging.getLogger(__name__)

LONGEST = 10.0
"""Seconds for one answer."""
MOST_READ = 512 * 1024
"""Bytes of an answer: a company with a thousand branches lists those that match."""
AT_ONCE = 20
"""Numbers in one sweep; the State's service takes seven questions a second."""
SWEEP_LASTS = 10.0
"""Seconds after which a sweep asks no more: mails wait behind it where there is no worker of its own."""
LASTS = dt.timedelta(days=30)
"""How long an answer stands before it is asked for again."""
STANDINGS = {"A": Company.Standing.ACTIVE, "C": Company.Standing.CLOSED}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the register says of a number."""

    standing: str
    name: str = ""
    address: str = ""


def is_set() -> bool:
    """Whether this site asks a register at all."""
    return bool(settings.COMPANY_REGISTRY_URL)


def due(now: dt.datetime) -> QuerySet[Company]:
    """Companies that were never asked for, or so long ago that the answer may have changed."""
    return Company.objects.filter(Q(asked_at=None) | Q(asked_at__lte=now - LASTS))


def look_up_due(*, now: dt.datetime, limit: int = AT_ONCE) -> int:
    """Ask for up to ``limit`` companies; how many were answered, known or not.

    The first trouble ends the sweep: who is down is left alone until the next one. A host that corrects its
    number meanwhile is asked for again.
    """
    if not is_set():
        return 0
    answered, until = 0, time.monotonic() + SWEEP_LASTS
    # In no order: a number that the service chokes on does not stand in the way of the others.
    for company in due(now).order_by("?")[:limit]:
        if time.monotonic() > until:
            break
        try:
            said = ask(company.siren)
        except Unreachable as trouble:
            logger.warning("The register of companies gave no answer: %s", trouble)
            break
        answered += Company.objects.filter(pk=company.pk, siren=company.siren).update(
            standing=said.standing, name=said.name, address=said.address, asked_at=now
        )
    return answered


def ask(siren: str) -> Entry:
    """What the register says of a number, UNKNOWN when it has no such one. Raises ``Unreachable``."""
    joint = "&" if "?" in settings.COMPANY_REGISTRY_URL else "?"
    status, body = ask_service(
        f"{settings.COMPANY_REGISTRY_URL}{joint}{urlencode({'q': siren, 'per_page': 1})}",
        agent="festival-companies/1",
        seconds=LONGEST,
        most=MOST_READ,
    )
    if status in (400, 404, 422):  # this number, not the service
        return Entry(Company.Standing.UNKNOWN)
    if status != 200:
        raise Unreachable(f"HTTP {status}")
    return _read(siren, body)


def _read(siren: str, body: bytes) -> Entry:
    """The result that has the number: a search may find what only resembles it. Raises ``Unreachable``."""
    try:
        results = json.loads(body)["results"]
        found = next((result for result in results if result["siren"] == siren), None)
        if found is None:
            return Entry(Company.Standing.UNKNOWN)
        return Entry(
            STANDINGS[found["etat_administratif"]],
            _told(found["nom_complet"]),
            _told((found.get("siege") or {}).get("adresse")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreachable(f"this is no answer: {type(error).__name__}") from error


def _told(words: Any) -> str:
    """One line of the answer. Raises ``TypeError`` when it is none."""
    if words is None:
        return ""
    if not isinstance(words, str):
        raise TypeError
    return " ".join(words.replace("\x00", "").split())[:250]

"""The picture of a page that is passed on: ``/partage/<kind>/<key>.png``.

Drawn when first asked for and kept on disk under the digest of what it shows. Its address carries that
digest, so whoever has it may keep it for ever; an address without it, or with an old one, gives today's
picture for a while. One is drawn at a time in a process: while many are asked for, the wall without words is
given, and nobody waits.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from events.exchange import cards
from events.exchange.card_drawing import draw_card, empty_card
from events.exchange.cards import Card
from events.models import Activity, Festival, Host, Slot, Territory, Venue
from events.views.context import current_festival
from events.views.operation import public_operations

FOR_EVER, A_WHILE, PATIENCE = 31_536_000, 300, 2.0
"""Seconds."""
MOST_KEPT, SWEPT_ONCE_IN = 4_000, 100
"""Pictures (of 25 kB each); writings."""

_drawing: Final = threading.BoundedSemaphore(1)


@require_safe
def share_picture(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    find = FINDERS.get(kind)
    if find is None:
        raise Http404
    card = find(request, key)
    etag = f'"{card.digest}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    picture = _kept(card)
    if picture is None:
        response = HttpResponse(empty_card(), content_type="image/png")
        patch_cache_control(response, no_store=True)
        return response
    response = HttpResponse(picture, content_type="image/png", headers={"ETag": etag})
    if request.GET.get("v") == card.digest:
        patch_cache_control(response, public=True, max_age=FOR_EVER, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=A_WHILE)
    return response


def _kept(card: Card) -> bytes | None:
    """The picture from disk, or drawn now; None where another one is being drawn for too long."""
    path = _folder() / f"{card.digest}.png"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    if not _drawing.acquire(timeout=PATIENCE):
        return None
    try:
        drawn = draw_card(card.words)
    finally:
        _drawing.release()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(drawn)
        os.replace(file.name, path)
        if random.randrange(SWEPT_ONCE_IN) == 0:  # noqa: S311 - spreads, hides nothing
            _sweep(path.parent)
    return drawn


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "partage"


def _sweep(folder: Path) -> None:
    """The oldest go, so that the folder stays a folder."""
    by_age = sorted((path.stat().st_mtime, path) for path in folder.iterdir())
    for _age, path in by_age[:-MOST_KEPT]:
        with contextlib.suppress(OSError):
            path.unlink()


# What is public, by kind: as its page finds it --------------------------------------------


def _site(request: HttpRequest, key: str) -> Card:
    if key != "accueil":
        raise Http404
    return cards.card_of_site(current_festival(request))


def _city(request: HttpRequest, key: str) -> Card:
    shown = get_object_or_404(Territory.objects.prefetch_related("communes"), slug=key)
    return cards.card_of_city(shown, current_festival(request))


def _venue(_request: HttpRequest, key: str) -> Card:
    return cards.card_of_venue(
        get_object_or_404(Venue.objects.select_related("territory", "commune"), slug=key)
    )


def _host(request: HttpRequest, key: str) -> Card:
    public = Host.objects.filter(pk__in=Activity.objects.published().values("host"))
    shown = get_object_or_404(public.select_related("territory"), slug=key)
    return cards.card_of_host(shown, current_festival(request))


def _activity(_request: HttpRequest, key: str) -> Card:
    shown = get_object_or_404(
        Activity.objects.published().select_related(
            "festival", "territory", "host__territory", "venue__commune", "venue__territory"
        ),
        slug=key,
    )
    return cards.card_of_activity(shown, *cards.days_and_venue(shown))


def _slot(_request: HttpRequest, key: str) -> Card:
    if not key.isdecimal() or len(key) > 18:
        raise Http404
    return cards.card_of_slot(get_object_or_404(Slot.objects.visible().for_showing(), pk=int(key)))


def _operation(_request: HttpRequest, key: str) -> Card:
    shown = public_operations().filter(slug=key).order_by("-festival__state", "-festival__starts_on").first()
    if shown is None:
        raise Http404
    return cards.card_of_operation(shown)


def _edition(_request: HttpRequest, key: str) -> Card:
    return cards.card_of_edition(
        get_object_or_404(Festival.objects.exclude(state=Festival.State.DRAFT), slug=key)
    )


FINDERS: Final[dict[str, Callable[[HttpRequest, str], Card]]] = {
    "festival": _site,
    "ville": _city,
    "lieu": _venue,
    "hote": _host,
    "activite": _activity,
    "creneau": _slot,
    "operation": _operation,
    "edition": _edition,
}

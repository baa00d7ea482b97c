"""What one reads: past editions with their sources, accessibility, what is kept of whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from events.exchange import sitemap as sitemaps
from events.exchange.cards import card_of_edition
from events.exchange.schema_org import festival_as_event
from events.models import Activity, ArchiveEntry, Festival, Programme
from events.views.crumbs import crumbs_of_edition
from events.views.history import growth, kin
from events.wording import language

XML = "application/xml; charset=utf-8"


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Since 2012: the editions, their figures, and where each was read."""
    editions = Festival.objects.archived().prefetch_related("territories").order_by("-starts_on")
    return render(
        request,
        "events/public/history.html",
        {"growth": growth(), "kin": kin(), "editions": list(editions)},
    )


@require_safe
def edition(request: HttpRequest, slug: str) -> HttpResponse:
    """A past edition, read-only; a coming one is its programme."""
    shown = get_object_or_404(
        Festival.objects.exclude(state=Festival.State.DRAFT).prefetch_related(
            Prefetch("programmes", Programme.objects.order_by("starts_on", "name"))
        ),
        slug=slug,
    )
    if shown.state == Festival.State.PUBLISHED:
        return redirect("events:programme")
    entries = list(shown.archive.select_related("programme", "territory", "venue"))
    activities = list(
        Activity.objects.published().filter(festival=shown).select_related("host", "territory")[:500]
    )
    return render(
        request,
        "events/public/edition.html",
        {
            "festival": shown,
            "edition": shown,
            "card": card_of_edition(shown),
            "linked": [festival_as_event(shown), crumbs_of_edition(shown)],
            "days": _by_start(entries),
            "cities": sorted({entry.city for entry in entries if entry.city}),
            "entries": entries,
            "activities": activities,
            "sources": _sources([shown.sources, *(entry.sources for entry in entries)]),
        },
    )


def _by_start(entries: Iterable[ArchiveEntry]) -> list[dict[str, Any]]:
    """Entries under what is known of when: the day they begin, or that nobody knows it any more."""
    groups: dict[Any, list[ArchiveEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.starts_on, []).append(entry)
    return [
        {"day": day, "entries": groups[day]}
        for day in sorted(groups, key=lambda day: (day is None, day or 0))
    ]


def _sources(lists: Iterable[list[dict[str, str]]]) -> list[dict[str, str]]:
    """Every source once, in the order met."""
    seen: dict[str, dict[str, str]] = {}
    for sources in lists:
        for source in sources or []:
            if isinstance(source, dict):
                seen.setdefault(str(source.get("key") or source.get("id") or source.get("title")), source)
    return list(seen.values())


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """The statement that RGAA 4.1 asks for (loi n° 2005-102, article 47)."""
    return _in_reader_language(request, "accessibility")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept, why and how long (RGPD, article 13)."""
    return _in_reader_language(request, "privacy")


@require_safe
def legal(request: HttpRequest) -> HttpResponse:
    return _in_reader_language(request, "legal")


def _in_reader_language(request: HttpRequest, name: str) -> HttpResponse:
    """A long text has one template for each language: ``<name>_fr.html``, ``<name>_en.html``."""
    return render(request, f"events/public/{name}_{language()}.html")


@require_safe
@cache_control(public=True, max_age=86_400)
def robots(_request: HttpRequest) -> HttpResponse:
    closed = (
        "/compte/",
        "/admin/",
        "/bureau/",
        "/hote/",
        "/organisation/",
        "/mes-visites/",
        "/inscriptions/",
        "/accueil/",
        "/nouvelle-adresse/",
        "/sans-envoi/",
        "/sans-rappel/",
    )
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in closed),
        "Disallow: /*/inscription/",
        "Disallow: /*/participer/",
    ]
    lines += ["", f"Sitemap: {settings.SITE_URL}{reverse('events:sitemap')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=3600)
def sitemap(_request: HttpRequest) -> StreamingHttpResponse:
    """Every public page; beyond one part's worth, the index of the parts."""
    now = timezone.now()
    known = sitemaps.counts(now)
    is_small = sum(known.values()) <= sitemaps.PAGES_A_PART
    lines = sitemaps.whole(now) if is_small else sitemaps.index(known)
    return StreamingHttpResponse(lines, content_type=XML)


@require_safe
@cache_control(public=True, max_age=3600)
def sitemap_part(_request: HttpRequest, name: str, number: int) -> StreamingHttpResponse:
    lines = sitemaps.part(name, number, timezone.now())
    if lines is None:
        raise Http404
    return StreamingHttpResponse(lines, content_type=XML)

"""What has changed since one last looked: each release of a territory in words, and its feed."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.changes import say_stay
from events.models import Festival, Release, ReleaseChange, Territory, in_reader_language

MOST_RELEASES = 20


@require_safe
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    territory = get_object_or_404(Territory, slug=slug)
    context = {"territory": territory, "releases": _releases(territory), "now": timezone.now()}
    return render(request, "events/public/changes.html", context)


@require_safe
def changes_rss(request: HttpRequest, slug: str) -> HttpResponse:
    """RSS 2.0, one item for each change (https://www.rssboard.org/rss-specification)."""
    territory = get_object_or_404(Territory, slug=slug)
    page = settings.SITE_URL + reverse("events:changes", args=[slug])
    title = _("Changes of the programme, %(place)s") % {"place": territory.name}
    items = "".join(
        _item(release["release"], said, page)
        for release in _releases(territory)
        for said in release["changes"]
    )
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{escape(title)}</title><link>{escape(page)}</link>"
        f'<atom:link href={quoteattr(settings.SITE_URL + request.path)} rel="self" '
        'type="application/rss+xml"/>'
        f"<description>{escape(_('Visits that move, change rooms or will not take place.'))}</description>"
        f"<language>{get_language() or 'fr'}</language><ttl>15</ttl>{items}</channel></rss>\n"
    )
    return HttpResponse(feed, content_type="application/rss+xml; charset=utf-8")


def _item(release: Release, said: dict[str, Any], page: str) -> str:
    change = said["change"]
    link = settings.SITE_URL + change.slot.get_absolute_url() if change.slot else page
    after = _("Will not take place.") if said["is_cancelled"] else said["after"]
    words = _("Before: %(stay)s") % {"stay": said["before"]} + f" — {after}"
    return (
        f"<item><title>{escape(said['title'])}</title><link>{escape(link)}</link>"
        f'<guid isPermaLink="false">{release.territory_id}-{release.number}-{change.pk}</guid>'
        f"<pubDate>{format_datetime(release.released_at)}</pubDate>"
        f"<description>{escape(words)}</description></item>"
    )


def _releases(territory: Territory) -> list[dict[str, Any]]:
    """The last releases with what the public may read of them; those that told the public nothing are left
    out.
    """
    public = ReleaseChange.objects.filter(
        release__in=territory.releases.exclude(festival__state=Festival.State.DRAFT), is_public=True
    )
    rows = (
        public.select_related("release", "slot").defer("release__snapshot").order_by("-release__number", "pk")
    )
    shown: dict[int, dict[str, Any]] = {}
    for change in rows:
        if change.release_id not in shown and len(shown) == MOST_RELEASES:
            break
        release = shown.setdefault(change.release_id, {"release": change.release, "changes": []})
        release["changes"].append(
            {
                "change": change,
                "title": in_reader_language(change.title_fr, change.title_en),
                "before": say_stay(change.before) if change.before else "",
                "after": say_stay(change.after),
                "is_cancelled": change.kind == ReleaseChange.Kind.CANCELLED,
            }
        )
    return list(shown.values())

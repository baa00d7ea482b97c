"""What the frame of every page needs: the current edition, the navigation, the way to one's desk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from events.models import Festival

SITE_NAME = "Festival French Tech"
DESK_URL = "/bureau/"

# Pages that belong to a navigation entry without lying below its address.
BELONGS = {
    "/programme/": ("/activites/", "/creneaux/", "/villes/", "/lieux/", "/hotes/"),
    "/mes-visites/": ("/inscriptions/",),
}


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    links: list[Link]


def current_festival(request: HttpRequest) -> Festival | None:
    """The published edition, asked of the database once a request."""
    if not hasattr(request, "_current_festival"):
        request._current_festival = Festival.objects.current()  # type: ignore[attr-defined]
    return request._current_festival  # type: ignore[attr-defined,no-any-return]


@cache
def _exists(url: str) -> bool:
    try:
        resolve(url)
    except Resolver404:
        return False
    return True


def _links(*entries: tuple[str, str]) -> list[Link]:
    """Only what leads somewhere: a page that this site does not have is not shown."""
    return [Link(label, url) for label, url in entries if _exists(url.partition("#")[0])]


def _main_links(path: str) -> list[Link]:
    links = _links(
        (_("Programme"), "/programme/"),
        (_("Agenda"), "/programme/agenda/"),
        (_("My day"), "/ma-journee/"),
        (_("My visits"), "/mes-visites/"),
    )
    here = [
        link.url
        for link in links
        if any(path.startswith(start) for start in (link.url, *BELONGS.get(link.url, ())))
    ]
    current = max(here, key=len, default="")
    return [Link(link.label, link.url, link.url == current) for link in links]


def _foot_columns() -> list[Column]:
    columns = [
        Column(
            pgettext("verb", "Visit"),
            _links(
                (_("The programme"), "/programme/"),
                (_("The agenda by venue"), "/programme/agenda/"),
                (_("Find my visits"), "/mes-visites/"),
                (_("Calendar, feeds and data"), "/flux/"),
            ),
        ),
        Column(
            _("The festival"),
            _links(
                (_("The cities"), "/villes/"),
                (_("Since 2012"), "/depuis-2012/"),
                (_("Accessibility: partially compliant"), "/accessibilite/"),
                (_("Personal data"), "/donnees-personnelles/"),
                (_("Legal notice"), "/mentions-legales/"),
                (_("State of the site"), "/etat/"),
                (_("Hosts and teams: sign in"), "/compte/login/"),
            ),
        ),
    ]
    return [column for column in columns if column.links]


def _outbox_url() -> str:
    """Where the embedded mode shows its mails; in production they are for superusers, who know the way."""
    shown = settings.KEEP_MAILS_ON_SITE and not settings.PRODUCTION
    return "/courriels/" if shown and _exists("/courriels/") else ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. A view that shows another edition passes its own ``festival``, which wins."""
    return {
        "festival": SimpleLazyObject(lambda: current_festival(request)),
        "site_name": SITE_NAME,
        "site_line": "Start-up Assembly",
        "main_links": _main_links(request.path),
        "foot_columns": _foot_columns(),
        "desk_url": DESK_URL,
        "outbox_url": _outbox_url(),
        "privacy_url": "/donnees-personnelles/" if _exists("/donnees-personnelles/") else "",
        "host_url": "/hote/" if _exists("/hote/") else "/compte/signup/",
    }

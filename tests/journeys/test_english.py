"""English pages are English throughout: no French sentence but what hosts and cities wrote, marked as such.

And what a machine can tell of RGAA 4.1 on the markup alone: a title for each page, tables with a caption and
headers, a way past the menu.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import User
from events import models as m
from events.typography import set_in_french
from tests.ground.templates import TrapClient
from tests.journeys.conftest import Demonstration
from tests.journeys.walk import ACCOUNTS, PAGES

pytestmark = pytest.mark.slow

FRENCH = frozenset(
    re.findall(
        r"\w+",
        "le la les des une du aux au vous votre vos nous notre est sont être pour dans avec sans cette ces "
        "qui que pas ne plus sur mais ou où et elle il leur chaque tous toutes aucun aucune déjà encore "
        "créneau créneaux inscription inscriptions lieu lieux ville villes jour jours heure places "
        "hôte hôtes",
    )
)
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
SILENT = frozenset(("script", "style", "code", "pre", "kbd", "textarea"))
SAID = ("aria-label", "alt", "title", "placeholder", "data-asking", "data-refused", "content")
RECORDS = ("edition", "history")
"""Past editions, in the words of the press and of those who made them."""
LEAST = 2
"""French words of one sentence, different ones, from which on it is a French sentence."""


class Page(HTMLParser):
    """What a page says, each piece with the language it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str]] = [("", "")]
        self.said: list[tuple[str, str]] = []
        self.named: list[tuple[str, str]] = []
        """What attributes say: they cannot mix languages, and a control is named after a title."""
        self.tables: list[dict[str, int]] = []
        self.titles: list[str] = []
        self.focusable: list[str] = []
        self.open_lang = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        lang = found.get("lang", self.open[-1][1])
        if found.get("name") not in ("viewport", "theme-color", "color-scheme", "htmx-config", "robots"):
            said = (found.get(name, "") for name in SAID)
            self.named += [(lang, one) for one in said if one and not one.startswith("http")]
        if tag not in VOID:
            self.open.append((tag, lang))
        if tag == "html":
            self.open_lang = lang
        if tag == "table":
            self.tables.append(
                {"role": found.get("role") == "presentation", "caption": 0, "th": 0, "bare": 0}
            )
        elif self.tables and tag == "caption":
            self.tables[-1]["caption"] += 1
        elif self.tables and tag == "th":
            self.tables[-1]["th"] += 1
            self.tables[-1]["bare"] += "scope" not in found
        if tag in ("a", "button", "input", "select"):
            self.focusable.append(found.get("href", tag))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _lang in self.open]
        if tag in names[1:]:
            del self.open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        tag, lang = self.open[-1]
        if tag == "title":
            self.titles.append(data)
        if not {name for name, _lang in self.open} & SILENT and data.strip():
            self.said.append((lang, data))


def french_in(pieces: list[tuple[str, str]], names: re.Pattern[str]) -> list[str]:
    """Sentences of an English page that are French, once known names are taken out of them."""
    found = []
    for lang, said in pieces:
        words = set(re.findall(r"[a-zà-ÿœ]+", names.sub(" ", " ".join(said.split())).lower()))
        if lang.startswith("en") and len(words & FRENCH) >= LEAST:
            found.append(" ".join(said.split())[:120])
    return found


Names = Callable[[bool], re.Pattern[str]]


@pytest.fixture
def names(demonstration: Demonstration, django_db_blocker: DjangoDbBlocker, settings: Any) -> Iterator[Names]:
    """How people and places call themselves, the same in every language, and for desks what was typed there.

    Inside, this process works on the site's database with the site's own secret.
    """
    settings.SECRET_KEY = (demonstration.site.var_dir / "secret_key").read_text().strip()
    named = [
        *((m.Host, "name"), (m.Venue, "name"), (m.Venue, "address"), (m.Territory, "name"), (User, "name")),
        *((m.Commune, "name"), (m.Room, "name"), (m.Programme, "name"), (m.Festival, "name")),
        *((m.HostPerson, "name"), (m.HostPerson, "role"), (m.Figure, "source_name")),
    ]
    typed = [
        *((m.Activity, "title_fr"), (m.JournalEntry, "text"), (m.Broadcast, "subject"), (m.Release, "note")),
        *((User, "email"), (m.Venue, "slug"), (m.Host, "contact_email")),
    ]

    def known(on_a_desk: bool) -> re.Pattern[str]:
        lists = [
            model._default_manager.values_list(name, flat=True)
            for model, name in (*named, *(typed if on_a_desk else ()))
        ]
        lists.append(["Journées du patrimoine des startups"])
        found = {" ".join(text.split()) for one in lists for text in one if text}
        found |= {" ".join(set_in_french(text).split()) for text in found}
        return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))), re.IGNORECASE)

    with django_db_blocker.unblock(), demonstration.site.connected():
        yield known


@pytest.mark.parametrize("who", PAGES)
def test_english_pages_are_english_and_well_made(
    who: str, names: Names, demonstration: Demonstration
) -> None:
    client: Client = TrapClient(headers={"accept-language": "en"})
    if who in ACCOUNTS:
        client.force_login(User.objects.get(email=ACCOUNTS[who]), backend=BACKEND)
    known, typed = names(who in ACCOUNTS), names(True)
    faults, titles = [], dict[str, str]()
    for route, address in PAGES[who](demonstration.found):
        response = client.get(address, follow=True)
        page = Page(response.content.decode())
        assert route == "gadget" or page.open_lang == "en", address
        if route not in RECORDS:
            faults += [f"{address}: « {said} »" for said in french_in(page.said, known)]
        faults += [f"{address}: « {said} »" for said in french_in(page.named, typed)]
        title = "".join(page.titles)
        if title.partition(" · ")[0].strip() in ("", "Festival French Tech"):
            faults.append(f"{address}: the title says nothing: {title!r}")
        asked = response.status_code == 200 and not response.redirect_chain
        if asked and titles.setdefault(title, route) != route:
            faults.append(f"{address}: the title of {titles[title]} too: {title!r}")
        for table in page.tables:
            if not table["role"] and not (table["caption"] and table["th"] and not table["bare"]):
                faults.append(f"{address}: a table without caption, headers or scope: {table}")
        if route != "gadget" and page.focusable[0] != "#contenu":
            faults.append(f"{address}: the first stop of the keyboard is {page.focusable[0]}")
    assert not faults, "\n".join(faults)


BACKEND = "django.contrib.auth.backends.ModelBackend"


def test_a_french_page_would_be_found(names: Names, demonstration: Demonstration) -> None:
    """Negative control: the French page under an English flag."""
    for address in ("/", "/programme/", "/accessibilite/", f"/creneaux/{demonstration.found['open']}/"):
        text = TrapClient(headers={"accept-language": "fr"}).get(address).content.decode()
        page = Page(text.replace('<html lang="fr"', '<html lang="en"'))
        assert len(french_in([*page.said, *page.named], names(False))) > 3, address

"""A page is found under one address for each language, and says so; the sitemap names them all."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from django.test import Client
from django.urls import reverse

from events.exchange import sitemap
from events.models import Activity, Slot
from events.views import quick_pages
from tests.factories import NOW, ActivityFactory, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db

Read = Callable[..., str]
ENGLISH = {"Accept-Language": "en"}
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(autouse=True)
def _a_known_address(settings: Any) -> None:
    settings.SITE_URL = "https://festival.example"


def canonical(page: str) -> list[str]:
    return re.findall(r'<link rel="canonical" href="([^"]+)">', page)


def alternates(page: str) -> dict[str, str]:
    return dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', page))


def language_of(page: str) -> str:
    return re.findall(r'<html lang="(\w+)"', page)[0]


# One address for each language ---------------------------------------------------------------------


def test_hl_speaks_one_language_whoever_asks(client: Client) -> None:
    slot = SlotFactory(activity__title_fr="L’atelier", activity__title_en="The workshop")
    path = slot.get_absolute_url()

    for asked, accepted, chosen, spoken in [
        ("fr", "en", "", "fr"),
        ("en", "fr", "", "en"),
        ("EN", "fr", "fr", "en"),
        ("fr", "fr", "en", "fr"),
        # what the site does not speak is not asked for
        ("de", "en", "", "en"),
        ("", "en", "", "en"),
        ("<b>", "", "", "fr"),
    ]:
        client.cookies.clear()
        if chosen:
            client.cookies["django_language"] = chosen
        response = client.get(
            path, {"hl": asked}, headers={"Accept-Language": accepted} if accepted else None
        )
        page = response.content.decode()
        assert (language_of(page), response["Content-Language"]) == (spoken, spoken), (
            asked,
            accepted,
            chosen,
        )
        assert ("The workshop</h1>" in page) == (spoken == "en")
        assert "Accept-Language" in response["Vary"]


def test_the_next_page_speaks_the_language_that_was_followed(client: Client) -> None:
    """And no cookie is set where nothing would change, on a feed, or inside another site."""
    SlotFactory()

    assert not client.get("/?hl=fr").cookies.get("django_language")
    assert not client.get("/programme.json?hl=en").cookies.get("django_language")
    framed = client.get("/?hl=en", headers={"Sec-Fetch-Dest": "iframe"})
    assert language_of(framed.content.decode()) == "en"
    assert "django_language" not in framed.cookies
    assert language_of(client.get("/").content.decode()) == "fr"

    followed = client.get("/?hl=en")

    assert followed.cookies["django_language"].value == "en"
    assert language_of(client.get("/villes/").content.decode()) == "en"
    assert language_of(client.get("/villes/?hl=fr").content.decode()) == "fr"


def test_the_buttons_of_the_languages_lead_out_of_the_asked_one(client: Client) -> None:
    """Negative control: with ``hl`` left in the address to go back to, FR would change nothing."""
    page = client.get("/programme/?q=a&hl=en&jour=2027-06-10").content.decode()

    assert 'name="next" value="/programme/?q=a&amp;jour=2027-06-10"' in page
    back = client.post("/langue/setlang/", {"language": "fr", "next": "/programme/?q=a"})
    assert language_of(client.get(back["Location"]).content.decode()) == "fr"


def test_a_page_drawn_for_everybody_is_never_the_one_of_the_other_language(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.QUICK_PAGE_SECONDS, settings.VAR_DIR = 600.0, tmp_path
    quick_pages._pages.clear()
    form = reverse("events:slot_register", args=[SlotFactory().pk])
    try:
        for query, spoken in [("", "fr"), ("?hl=en", "en"), ("", "fr"), ("?hl=en", "en"), ("?hl=fr", "fr")]:
            client.cookies.clear()
            assert language_of(client.get(form + query).content.decode()) == spoken
        client.cookies.clear()
        assert language_of(client.get(form, headers=ENGLISH).content.decode()) == "en"
    finally:
        quick_pages._pages.clear()


# canonical and hreflang ----------------------------------------------------------------------------


def test_every_public_page_names_itself_and_its_other_languages(read: Read) -> None:
    slot = SlotFactory(venue=VenueFactory())
    activity = slot.activity
    paths = [
        *("/", "/programme/", "/villes/", "/depuis-2012/", "/accessibilite/", "/programme/carte/"),
        *(
            thing.get_absolute_url()
            for thing in (slot, activity, activity.host, activity.territory, slot.venue)
        ),
    ]

    for path in paths:
        bare = f"https://festival.example{path}"
        versions = {"fr": f"{bare}?hl=fr", "en": f"{bare}?hl=en", "x-default": bare}
        for asked, own in [("", bare), ("?hl=fr", versions["fr"]), ("?hl=en", versions["en"])]:
            page = read(path + asked)
            assert (canonical(page), alternates(page)) == ([own], versions), path + asked
        for code in ("fr", "en"):
            assert language_of(read(f"{path}?hl={code}", **ENGLISH)) == code


def test_filters_are_part_of_an_address_and_cursors_and_noise_are_not(read: Read) -> None:
    SlotFactory()

    page = read(
        "/programme/?utm_source=lettre&jour=2027-06-10&ville=toulouse&apres=rien&hl=en&q=%22%3E%3Cb%3E"
    )

    address = "https://festival.example/programme/?q=%22%3E%3Cb%3E&amp;ville=toulouse&amp;jour=2027-06-10"
    assert canonical(page) == [f"{address}&amp;hl=en"]
    assert alternates(page)["x-default"] == address
    assert canonical(read("/villes/?page=2&utm_source=x")) == ["https://festival.example/villes/"]


def test_what_is_private_or_wrong_has_no_address_to_pass_on(client: Client) -> None:
    slot = SlotFactory()

    for path in (reverse("events:slot_register", args=[slot.pk]), "/mes-visites/", "/compte/login/"):
        assert canonical(client.get(path).content.decode()) == [], path
    missing = client.get("/activites/nulle-part/")
    assert (missing.status_code, canonical(missing.content.decode())) == (404, [])


# The sitemap ---------------------------------------------------------------------------------------


def entries(client: Client, path: str = "/sitemap.xml") -> Iterator[Any]:
    response = client.get(path)
    assert response.status_code == 200, path
    yield from fromstring(b"".join(response.streaming_content))  # type: ignore[attr-defined]


def test_the_sitemap_names_every_page_in_every_language_with_its_alternates(client: Client) -> None:
    coming = SlotFactory(venue=VenueFactory())
    over = SlotFactory(day=NOW.date() - dt.timedelta(days=2))
    draft = SlotFactory(state=Slot.State.DRAFT)
    hidden = ActivityFactory(state=Activity.State.DRAFT)
    activity = coming.activity

    found = {entry.findtext(f"{SITEMAP}loc"): entry for entry in entries(client)}

    for thing in (coming, activity, activity.host, activity.territory, coming.venue):
        if thing == activity.territory:
            activity.festival.territories.add(thing)
            found = {entry.findtext(f"{SITEMAP}loc"): entry for entry in entries(client)}
        bare = f"https://festival.example{thing.get_absolute_url()}"
        versions = {"fr": f"{bare}?hl=fr", "en": f"{bare}?hl=en", "x-default": bare}
        for address in versions.values():
            links = {link.get("hreflang"): link.get("href") for link in found[address].iter(f"{XHTML}link")}
            assert links == versions
    changed = found[f"https://festival.example{activity.get_absolute_url()}"].findtext(f"{SITEMAP}lastmod")
    assert changed == activity.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    for thing in (over, draft, hidden):
        assert f"https://festival.example{thing.get_absolute_url()}" not in found
    for address in found:
        assert client.get(address.removeprefix("https://festival.example")).status_code == 200, address


def test_a_long_sitemap_is_an_index_of_parts_that_hold_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _n in range(3):
        SlotFactory()
    whole = {entry.findtext(f"{SITEMAP}loc") for entry in entries(client)}
    monkeypatch.setattr(sitemap, "PAGES_A_PART", 2)

    parts = [
        entry.findtext(f"{SITEMAP}loc").removeprefix("https://festival.example") for entry in entries(client)
    ]

    assert parts[0] == "/sitemap-pages-1.xml"
    assert {"/sitemap-creneaux-1.xml", "/sitemap-creneaux-2.xml"} <= set(parts)
    in_parts = [entry.findtext(f"{SITEMAP}loc") for part in parts for entry in entries(client, part)]
    assert len(in_parts) == len(set(in_parts))
    assert set(in_parts) == whole
    for nowhere in ("pages-2", "creneaux-3", "creneaux-0", "rien-1", f"creneaux-{10**30}"):
        assert client.get(f"/sitemap-{nowhere}.xml").status_code == 404, nowhere

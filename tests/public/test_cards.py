"""What is shown where a page is passed on: title, line, a picture drawn by the site, whatever the name."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image, ImageChops

from events.exchange import card_drawing
from events.exchange.card_drawing import Words, draw_card, drawable
from events.exchange.cards import card_of_city, card_of_venue
from events.models import Activity, Festival, Programme
from events.models.host import paint_of
from events.views import share
from tests.factories import (
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)
from tests.ground.needs import missing

Read = Callable[..., str]


@pytest.fixture(autouse=True)
def _pictures_of_this_test(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.SITE_URL = "https://festival.example"


def card_of(page: str) -> dict[str, str]:
    return {
        name: html.unescape(value).replace("\u00a0", " ")
        for name, value in re.findall(
            r'<meta (?:property|name)="((?:og|twitter):[\w:]+)" content="([^"]*)">', page
        )
    }


def picture_at(client: Client, address: str) -> tuple[Any, Image.Image]:
    parts = urlsplit(address)
    response = client.get(f"{parts.path}?{parts.query}")
    assert response.status_code == 200, address
    assert response["Content-Type"] == "image/png"
    return response, Image.open(io.BytesIO(response.content))


@pytest.mark.django_db
def test_every_page_worth_passing_on_has_a_card_and_its_picture(read: Read, client: Client) -> None:
    city = TerritoryFactory(name="Toulouse et Labège", slug="toulouse")
    archived = FestivalFactory(
        name="Festival 2014",
        slug="festival-2014",
        state=Festival.State.ARCHIVED,
        starts_on=dt.date(2014, 6, 4),
    )
    archived.ends_on = dt.date(2014, 6, 28)
    archived.save()
    festival = FestivalFactory(name="Festival 2027")
    operation = Programme.objects.create(festival=festival, name="Assembly", slug="assembly")
    slot = SlotFactory(
        activity=ActivityFactory(
            title_fr="L’atelier « bleu »",
            title_en="The workshop",
            description_fr="Des **robots** [ici](https://x.example).",
            host=HostFactory(name="Les Robots & Cie", territory=city, city="Labège"),
            festival=festival,
            programme=operation,
        ),
        venue=VenueFactory(name="La Cantine", territory=city),
    )
    activity = slot.activity
    expected = {
        "/": ("Festival 2027", "Poussez la porte."),
        city.get_absolute_url(): ("Toulouse et Labège", "10, 11 et 12 juin 2027"),
        activity.host.get_absolute_url(): ("Les Robots & Cie", "Labège"),
        slot.venue.get_absolute_url(): ("La Cantine", "27 rue d’Aubuisson, Toulouse et Labège"),
        activity.get_absolute_url(): ("L’atelier « bleu »", "10 juin · La Cantine, Toulouse et Labège"),
        slot.get_absolute_url(): ("L’atelier « bleu »", "Jeudi 10 juin, 8 h · La Cantine"),
        operation.get_absolute_url(): ("Assembly", "Festival 2027"),
        archived.get_absolute_url(): ("Festival 2014", "4 au 28 juin 2014"),
    }
    seen = set()
    for path, (title, on_the_picture) in expected.items():
        card = card_of(read(path))
        assert card["og:title"] == title, path
        assert on_the_picture in card["og:image:alt"].replace("\u00a0", " "), path
        assert (card["og:image:width"], card["og:image:height"]) == ("1200", "630")
        assert (card["og:url"], card["og:locale"]) == (f"https://festival.example{path}", "fr_FR")
        assert card["twitter:card"] == "summary_large_image"
        assert card["og:image"].startswith("https://festival.example/partage/")
        response, picture = picture_at(client, card["og:image"])
        assert (picture.size, response["Cache-Control"]) == (
            (1200, 630),
            "public, max-age=31536000, immutable",
        )
        seen.add(response.content)
    assert len(seen) == len(expected)
    assert card_of(read(activity.get_absolute_url()))["og:description"] == "Des robots ici."
    english = card_of(read(f"{activity.get_absolute_url()}?hl=en"))
    assert (english["og:title"], english["og:locale"]) == ("The workshop", "en_GB")
    assert english["og:url"].endswith("?hl=en")
    assert "hl=en" in english["og:image"]
    assert picture_at(client, english["og:image"])[0].content not in seen


@pytest.mark.django_db
def test_a_picture_is_kept_and_gets_a_new_address_when_its_words_change(
    read: Read, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity = SlotFactory().activity
    drawn: list[Words] = []
    monkeypatch.setattr(share, "draw_card", lambda words: drawn.append(words) or draw_card(words))
    first = card_of(read(activity.get_absolute_url()))["og:image"]

    for _n in range(3):
        response, _picture = picture_at(client, first)
    etag = response["ETag"]
    again = client.get(urlsplit(first).path + "?" + urlsplit(first).query, headers={"If-None-Match": etag})

    assert (len(drawn), again.status_code, again.content) == (1, 304, b"")
    SlotFactory(activity=activity, taken=3)  # the same day: nothing of what is drawn has changed
    assert card_of(read(activity.get_absolute_url()))["og:image"] == first
    activity.title_fr = "Autre chose"
    activity.save()
    second = card_of(read(activity.get_absolute_url()))["og:image"]
    assert second != first
    assert picture_at(client, second)[0]["Cache-Control"].endswith("immutable")
    assert picture_at(client, first)[0]["Cache-Control"] == "public, max-age=300"
    assert len(drawn) == 2


@pytest.mark.django_db
def test_a_city_and_a_venue_wear_the_same_paint_in_the_picture_as_on_their_page(client: Client) -> None:
    slot = SlotFactory(activity__territory__slug="quimper")
    page = client.get("/villes/").content.decode()

    assert f"paint-{card_of_city(slot.activity.territory, None).words.paint}" in page
    assert card_of_venue(VenueFactory(slug="le-port")).words.paint == paint_of("le-port")


@pytest.mark.django_db
def test_what_is_not_public_has_no_picture(client: Client) -> None:
    hidden = ActivityFactory(state=Activity.State.DRAFT)
    draft = FestivalFactory(state=Festival.State.DRAFT)
    for path in (
        f"activite/{hidden.slug}",
        f"hote/{hidden.host.slug}",
        f"edition/{draft.slug}",
        *(
            "creneau/1",
            "creneau/x",
            f"creneau/{'9' * 40}",
            "ville/rien",
            "operation/rien",
            "rien/rien",
            "festival/x",
        ),
    ):
        assert client.get(f"/partage/{path}.png").status_code == 404, path
    assert card_of(client.get("/mes-visites/").content.decode()) == {}


@pytest.mark.django_db
def test_nobody_waits_while_another_picture_is_drawn(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "PATIENCE", 0.01)
    city = TerritoryFactory()
    with share._drawing:
        response = client.get(f"/partage/ville/{city.slug}.png")

    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert Image.open(io.BytesIO(response.content)).size == (1200, 630)
    assert client.get(f"/partage/ville/{city.slug}.png")["Cache-Control"] == "public, max-age=300"


ODD = [
    "",
    " ",
    "🍻🎉",
    "تولوز",
    "株式会社",
    "\x00\u202e\ud800",
    "a" * 2000,
    "mot " * 500,
    "Anticonstitutionnellement" * 3,
    "é\u0301\u0301\u0301\u0301",
    "\n\n\n",
    "<svg onload=alert(1)>",
]


@pytest.mark.once
@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_no_name_stops_the_pen(name: str) -> None:
    picture = Image.open(io.BytesIO(draw_card(Words(name, name, name or "Festival", "rien", "rien"))))

    assert picture.size == (1200, 630)


@pytest.mark.once
def test_words_stay_on_the_wall() -> None:
    """Whatever its length nothing is written on the door: its pixels are those of an empty card."""
    for title in ("Un", "Dans l’atelier d’un robot jardinier", "mot " * 200, "W" * 300):
        drawn = Image.open(io.BytesIO(draw_card(Words(title, "i" * 300, "Festival")))).convert("RGB")
        empty = Image.open(io.BytesIO(card_drawing.empty_card())).convert("RGB")
        door = (840, 0, 1200, 500)
        apart = ImageChops.difference(drawn.crop(door), empty.crop(door))
        far = max(most for _least, most in apart.getextrema())
        assert far < 60, title
        wall = (72, 100, 780, 520)
        assert drawn.crop(wall).tobytes() != empty.crop(wall).tobytes()


@pytest.mark.once
def test_letters_of_neighbours_are_written_and_foreign_ones_left_out() -> None:
    if not finders.find(card_drawing.DISPLAY.format("latin")):
        missing("the faces of the site are not installed")
    assert drawable("Œuvre : Şişli Łódź, « l’été » – 12 €") == "Œuvre : Şişli Łódź, « l’été » – 12 €"
    assert drawable("Tech 🍻 تولوز ﬁn") == "Tech fin"


@pytest.mark.once
def test_without_the_faces_of_the_site_the_picture_is_drawn_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_faces = draw_card(Words("L’été", "à Labège", "Festival"))
    monkeypatch.setattr(card_drawing, "_font", lambda *_any: None)

    without = draw_card(Words("L’été", "à Labège", "Festival"))

    assert Image.open(io.BytesIO(without)).size == (1200, 630)
    assert without != with_faces or not finders.find(card_drawing.DISPLAY.format("latin"))

"""The programme on other sites' pages: what it says, to whom, and what it never does."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from typing import Any

import pytest
from django.test import Client

from events.views.gadget import drawings
from tests.factories import DAY, ActivityFactory, HostFactory, SlotFactory, TerritoryFactory, VenueFactory

pytestmark = pytest.mark.django_db

NB = "\u00a0"


def ask(client: Client, **asked: Any) -> dict[str, Any]:
    response = client.get("/gadget.json", asked)
    assert response.status_code == 200
    told: dict[str, Any] = response.json()
    return told


def titles(told: dict[str, Any]) -> list[str]:
    return [row["title"] for day in told["days"] for row in day["rows"]]


@pytest.fixture
def two_cities() -> None:
    """Six slots in Toulouse, one of them of another host and one on the next day; one in Lyon."""
    toulouse, lyon = (TerritoryFactory(name=name, slug=name.lower()) for name in ("Toulouse", "Lyon"))
    robots = HostFactory(territory=toulouse, name="Les Robots", slug="les-robots")
    cantine = VenueFactory(territory=toulouse, name="La Cantine")
    visit = ActivityFactory(
        host=robots, territory=toulouse, title_fr="L’atelier <b>des</b> robots", title_en=""
    )
    for hour in (9, 10, 11, 14):
        SlotFactory(activity=visit, venue=cantine, start_time=dt.time(hour), capacity=12, taken=0)
    other = ActivityFactory(territory=toulouse, host=HostFactory(territory=toulouse), title_fr="Ailleurs")
    SlotFactory(activity=other, start_time=dt.time(15))
    SlotFactory(activity=other, day=DAY + dt.timedelta(days=1), start_time=dt.time(9))
    far = ActivityFactory(territory=lyon, host=HostFactory(territory=lyon), title_fr="À Lyon")
    SlotFactory(activity=far, start_time=dt.time(8))


@pytest.mark.usefixtures("two_cities")
def test_it_shows_what_the_tag_asks_for(client: Client) -> None:
    everything = ask(client, nombre=20)
    assert len(titles(everything)) == 7
    assert [day["label"] for day in everything["days"]] == [f"Jeudi{NB}10{NB}juin", f"Vendredi{NB}11{NB}juin"]

    toulouse = ask(client, ville="toulouse")
    assert "À Lyon" not in titles(toulouse)
    assert toulouse["title"] == "À Toulouse"
    assert toulouse["said"] == "Les 5 prochains créneaux sur 6"
    assert toulouse["more"] == {"url": "/programme/?ville=toulouse", "label": "Voir le programme"}

    one = ask(client, hote="les-robots", nombre=1)
    assert one["title"] == "Les Robots"
    assert one["more"]["url"] == "/hotes/les-robots/"
    (row,) = one["days"][0]["rows"]
    assert row["time"] == f"9{NB}h"
    assert row["title"] == "L’atelier <b>des</b> robots", "plain text: who shows it never reads markup"
    assert row["url"].startswith("/creneaux/")
    assert row["places"] == f"12{NB}places"
    assert row["where"].startswith("Les Robots, La Cantine, ")
    assert one["doors"] == json.loads(json.dumps({"porte-ouverte": drawings()["porte-ouverte"]}))

    assert len(titles(ask(client, jour="2027-06-11"))) == 1


@pytest.mark.usefixtures("two_cities")
def test_it_speaks_english_and_marks_what_is_not(client: Client) -> None:
    told = ask(client, hote="les-robots", hl="en", nombre=1)
    (row,) = told["days"][0]["rows"]
    assert (row["time"], row["lang"], told["said"]) == ("09:00", "fr", "The next of 4 slots")
    assert row["url"].endswith("?hl=en")
    assert client.get("/gadget.json?hl=en")["Content-Language"] == "en"
    assert client.get("/gadget.json", headers={"Accept-Language": "en"})["Content-Language"] == "fr"


@pytest.mark.usefixtures("two_cities")
@pytest.mark.parametrize(
    "asked",
    [
        {"nombre": "0"},
        {"nombre": "999999"},
        {"nombre": "beaucoup"},
        {"hote": "a/../b"},
        {"jour": "hier"},
        {"format": "<script>"},
        {"places": "-1"},
    ],
)
def test_what_it_cannot_read_it_leaves_out_and_names(client: Client, asked: dict[str, str]) -> None:
    told = ask(client, **asked)
    assert told["unread"] == list(asked)
    assert 1 <= len(titles(told)) <= 20
    assert client.get("/gadget/", asked).status_code == 200


@pytest.mark.usefixtures("two_cities")
@pytest.mark.parametrize("asked", [{"ville": "nulle-part"}, {"hote": "personne"}, {"q": "introuvable"}])
def test_nothing_found_is_said_and_leads_on(client: Client, asked: dict[str, str]) -> None:
    told = ask(client, **asked)
    assert told["days"] == []
    assert told["empty"] == "Aucune porte n’est ouverte pour ce choix en ce moment."
    assert told["more"] == {"url": "/programme/", "label": "Tout le programme"}
    assert told["empty"] in client.get("/gadget/", asked).content.decode()


@pytest.mark.usefixtures("two_cities")
@pytest.mark.parametrize("path", ["/gadget.js", "/gadget.json?hl=en", "/gadget/", "/gadget/?hl=en"])
def test_anybody_may_read_it_and_caches_keep_it(client: Client, path: str) -> None:
    response = client.get(path)
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert re.fullmatch(r"max-age=\d+, public|public, max-age=\d+", response["Cache-Control"])
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    again = client.get(path, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again["Access-Control-Allow-Origin"]) == (304, "*")


@pytest.mark.usefixtures("two_cities")
def test_only_the_frame_may_be_framed(client: Client) -> None:
    frame = client.get("/gadget/?ville=toulouse&theme=dark")
    policy = frame["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "X-Frame-Options" not in frame
    page = frame.content.decode()
    assert page.count("<h1") == 1
    assert "<form" not in page
    assert "<script" not in page
    assert 'data-theme="dark"' in page
    assert "L’atelier &lt;b&gt;des&lt;/b&gt; robots" in page
    assert all('target="_top"' in link for link in re.findall(r"<a [^>]+>", page))
    for path in ("/", "/programme/", "/gadget/mode-d-emploi/"):
        other = client.get(path)
        assert "frame-ancestors 'none'" in other["Content-Security-Policy"]
        assert other["X-Frame-Options"] == "DENY"


@pytest.mark.usefixtures("two_cities")
def test_it_is_light(client: Client) -> None:
    script, told = (client.get(path).content for path in ("/gadget.js", "/gadget.json?nombre=5"))
    assert len(gzip.compress(script)) + len(gzip.compress(told)) < 15_000


def test_the_script_writes_no_markup_and_keeps_nothing(client: Client) -> None:
    script = client.get("/gadget.js").content.decode()
    for never in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "cookie"):
        assert never not in script
    for never in ("localStorage", "sessionStorage", "indexedDB", ".style", "{{", "{%"):
        assert never not in script
    assert 'credentials: "omit"' in script


@pytest.mark.usefixtures("two_cities")
def test_the_guide_makes_the_tags(client: Client) -> None:
    page = client.get(
        "/gadget/mode-d-emploi/?ville=toulouse&hote=les-robots&nombre=3&affichage=en&theme=dark"
    ).content.decode()
    tag = re.search(r'<pre class="to-copy"[^>]*><code>(.*?)</code>', page, re.DOTALL)
    assert tag is not None
    assert (
        "/gadget.js&quot; data-ville=&quot;toulouse&quot; data-hote=&quot;les-robots&quot; "
        "data-nombre=&quot;3&quot; data-langue=&quot;en&quot; data-theme=&quot;dark&quot; async&gt;"
    ) in tag[1]
    assert "/hotes/les-robots/?hl=en" in tag[1]
    assert "/gadget/?ville=toulouse&amp;amp;hote=les-robots&amp;amp;nombre=3" in page
    assert '<script src="/gadget.js" data-ville="toulouse"' in page, "and shows it live"

    refused = client.get("/gadget/mode-d-emploi/?nombre=200&ville=%3Cb%3E")
    assert refused.status_code == 400
    assert refused.content.decode().count('aria-invalid="true"') == 2

"""The timetable is the list by the hours of its days: nothing left out, nothing twice."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from events.models import Slot
from events.views import public_agenda
from events.views.public_agenda import CALM_HOUR, DayPlace
from tests.factories import (
    DAY,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    VenueFactory,
)
from tests.public.test_map import QUESTIONS, cities, listed  # noqa: F401 - a fixture
from tests.public.test_pages import NB, Read, words_of


def hours_of(page: str) -> str:
    return page[page.index('id="heures"') : page.index("<footer")].split('id="tableau"')[0]


def slots_in(page: str) -> list[int]:
    """The slots of the hours, in the order of the page."""
    return (
        [int(pk) for pk in re.findall(r'href="/creneaux/(\d+)/"', hours_of(page))]
        if 'id="heures"' in page
        else []
    )


def whole_agenda(client: Client, query: str) -> list[int]:
    """Every day that has a tab, every page of each."""
    first = client.get(f"/programme/agenda/?{query}").content.decode()
    tabs = (
        re.findall(r'<a href="([^"]+)"', first.split('class="tabs"')[1].split("</nav>")[0])
        if 'class="tabs"' in first
        else []
    )
    if "jour=" in query:
        tabs = [f"/programme/agenda/?{query}"]
    found: list[int] = []
    for address in tabs:
        following: str | None = address
        while following:
            page = client.get(following.replace("&amp;", "&")).content.decode()
            found += slots_in(page)
            onward = re.search(r'<a class="btn btn--line" href="([^"]+)" rel="next"', page)
            following = onward[1] if onward else None
    return found


@pytest.mark.usefixtures("cities")
def test_list_and_timetable_have_the_same_slots(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_agenda, "MOST_ON_PAGE", 3)
    for query in QUESTIONS:
        found = whole_agenda(client, query)
        assert sorted(found) == sorted(slot.pk for slot in listed(query)), query
    assert len(whole_agenda(client, "")) == 12  # else nothing was compared


@pytest.mark.usefixtures("cities")
def test_the_three_views_count_alike_and_hand_the_question_on(client: Client) -> None:
    for query in (
        "ville=toulouse&jour=2027-06-10",
        "jour=2027-06-11&format=demo",
        "jour=2027-06-10&cadre=43,1,44,2",
    ):
        counts = set()
        for view in ("/programme/", "/programme/agenda/", "/programme/carte/"):
            page = client.get(f"{view}?{query}").content.decode()
            said = re.search(r'class="row between count"><p[^>]*><strong>([^<]+)</strong>', page)
            assert said, (view, query)
            counts.add(said[1])
            others = page.split('class="row views"')[1].split("</ul>")[0]
            asked = escape(f"?{query}".replace(",", "%2C"))
            for part in asked[1:].split("&amp;"):
                assert others.count(part) == 3, (view, part)
        assert len(counts) == 1, (query, counts)


def eighty(read: Read, **of: Any) -> str:
    """Eighty doors between 14 and 15 h, one at 9 h: twenty in one venue, sixty in a venue each."""
    festival, host = FestivalFactory(), HostFactory()
    venues = [VenueFactory(territory=host.territory, name=f"Lieu {n:02d}") for n in range(61)]
    activities = ActivityFactory.create_batch(81, festival=festival, host=host, **of)
    like = SlotFactory(activity=activities[80], venue=venues[60], start_time=dt.time(9))
    slots = []
    for n in range(80):
        slot = Slot(
            activity=activities[n], venue=venues[0 if n < 20 else n - 19], capacity=10, state=like.state
        )
        slot.set_time(day=DAY, start_time=dt.time(14, 15 * (n % 4)), duration=45, timezone=like.timezone)
        slots.append(slot)
    Slot.objects.bulk_create(slots)
    return read("/programme/agenda/")


def test_eighty_doors_in_one_hour_stay_readable(read: Read) -> None:
    page = eighty(read)
    said = words_of(page)
    hours = hours_of(page)

    assert "14 h 80 créneaux, 800 places libres" in said
    assert re.findall(r'href="#(h\d\d)" aria-label="([^"]+)"', page) == [
        ("h09", f"9{NB}h, 1{NB}créneau"),
        ("h14", f"14{NB}h, 80{NB}créneaux"),
    ]
    open_ = re.sub(r"<details.*?</details>", "", hours, flags=re.S)
    assert open_.count('class="tick"') == 1 + 8
    assert re.findall(r"<summary><b>([^<]+)</b> <span>([^<]+)<", hours) == [
        ("Lieu 00", f"20{NB}créneaux, 200{NB}places libres"),
        (f"Les autres à 14{NB}h", f"52{NB}créneaux, 520{NB}places libres"),
    ]
    assert len(slots_in(page)) == len(set(slots_in(page))) == 81

    board = page.split('<table class="board')[1].split("</table>")[0]
    assert board.count('<th scope="colgroup"') <= 6
    assert "et 17 autres" in words_of(board)
    assert "Lieux 1 à 4 sur 61" in said
    onward = re.search(r'href="([^"]+)" rel="next">\s*Lieux suivants', page)
    assert onward
    turned = read(onward[1].split("#")[0].replace("&amp;", "&"))
    assert "Lieux 5 à 10 sur 61" in words_of(turned)


def test_a_quiet_hour_folds_nothing(read: Read) -> None:
    host = HostFactory()
    for n in range(CALM_HOUR):
        SlotFactory(activity=ActivityFactory(host=host), start_time=dt.time(14, n))
    page = read("/programme/agenda/")
    assert "<details" not in hours_of(page)
    assert page.count('class="tick"') == CALM_HOUR


def test_an_empty_programme_says_so_instead_of_blaming_the_hour(db: None, read: Read) -> None:
    for page in ("/programme/agenda/", "/programme/carte/"):
        assert "dès sa publication" in words_of(read(page)), page


def test_an_empty_day_leads_on(read: Read) -> None:
    SlotFactory()
    elsewhere = read("/programme/agenda/?jour=2027-06-12&moment=soir")
    said = words_of(elsewhere)
    assert "Aucune porte" in said
    assert '"/programme/agenda/?jour=2027-06-10&amp;moment=soir"' not in elsewhere, "nothing is there either"
    assert '"/programme/agenda/"' in elsewhere
    assert words_of(read("/programme/agenda/?jour=2027-06-13")).count("Jeudi 10 juin") == 1
    nothing = words_of(read("/programme/agenda/?q=nulle+part"))
    assert "1 créneau sans les mots" in nothing.replace("\u00a0", " ")
    for bad in (
        "depuis=ici",
        "depuis=2560.1",
        "lieux=x",
        "lieux=999",
        "lieux=-1",
        "jour=hier",
        "depuis=1400.99999999999999999999",
    ):
        page = words_of(read(f"/programme/agenda/?{bad}"))
        assert ("laissée de côté" in page) == (not bad.startswith("lieux")), bad


@pytest.mark.once
def test_a_place_in_the_day_is_read_as_it_was_written() -> None:
    place = DayPlace(dt.time(14, 30), 512)
    assert DayPlace.read(str(place)) == place
    for bad in ("", "1430", "2400.1", "1460.1", "14:30.1", "1430.-1", "1430.x"):
        with pytest.raises(ValueError):
            DayPlace.read(bad)

"""On a phone, from the home page to a booked afternoon of four visits, told by one mail."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.factories import ActivityFactory, HostFactory, SlotFactory, VenueFactory
from tests.ground.site import Site
from tests.journeys.conftest import Edition, Enter
from tests.journeys.postbox import Postbox, link, words

EMAIL = "apresmidi@example.org"
VISITS = {
    "Le robot jardinier": (dt.time(13), 43.6049, 1.4500),
    "La serre sur le toit": (dt.time(14, 15), 43.6030, 1.4470),
    "Le four solaire": (dt.time(15, 30), 43.6010, 1.4440),
    "La voix des machines": (dt.time(17), 43.5990, 1.4460),
}
MOST_TAPS = 14
"""Two for each choice of the sentence (open, choose), one for each button, star and field."""


class Finger:
    """Taps, and counts them."""

    def __init__(self) -> None:
        self.taps = 0

    def tap(self, here: Locator) -> None:
        here.tap()
        self.taps += 1

    def choose(self, here: Locator, value: str) -> None:
        here.select_option(value)
        self.taps += 2

    def type(self, here: Locator, text: str) -> None:
        here.fill(text)
        self.taps += 1


def four_doors(edition: Edition) -> None:
    for title, (time, latitude, longitude) in VISITS.items():
        venue = VenueFactory(territory=edition.territory, latitude=latitude, longitude=longitude)
        host = HostFactory(territory=edition.territory)
        activity = ActivityFactory(
            festival=edition.festival, host=host, title_fr=title, title_en="", venue=venue
        )
        for day in (edition.day, edition.day + dt.timedelta(days=1)):
            SlotFactory(
                activity=activity,
                day=day,
                start_time=time,
                duration=45,
                venue=venue,
                capacity=8,
                timezone=edition.territory.timezone,
            )


@pytest.mark.lengthy
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_from_the_home_page_to_a_booked_afternoon_of_four_visits(
    whole_site: Site, edition: Edition, postbox: Postbox, enter: Enter
) -> None:
    four_doors(edition)
    page, finger = enter(width=390, has_touch=True), Finger()

    ask_for_the_afternoon(page, finger, edition)
    star_all_four(page, finger)
    assert f"jour={second_day(edition)}" in page.url, "the day that was asked for is the one that is planned"
    book_the_day(page, finger)

    assert finger.taps <= MOST_TAPS
    read_the_one_mail(page, postbox, whole_site)
    whole_site.manage("check_invariants")


def second_day(edition: Edition) -> dt.date:
    return edition.day + dt.timedelta(days=1)


def ask_for_the_afternoon(page: Page, finger: Finger, edition: Edition) -> None:
    page.goto("/")
    sentence = page.get_by_role("search").first
    finger.choose(sentence.get_by_label("Jour"), second_day(edition).isoformat())
    finger.choose(sentence.get_by_label("Moment"), "apres-midi")
    finger.tap(sentence.get_by_role("button", name="Montrer les portes"))
    page.wait_for_url("**/programme/?**")
    fits(page)


def star_all_four(page: Page, finger: Finger) -> None:
    for title in VISITS:
        finger.tap(page.get_by_role("button", name=re.compile(f"^Étoile.*{title}")))
    bar = page.get_by_role("link", name="Composer ma journée")
    expect(bar).to_contain_text("4")
    expect(bar).to_be_in_viewport()
    finger.tap(bar)
    page.wait_for_url("**/ma-journee/?**")


def book_the_day(page: Page, finger: Finger) -> None:
    steps = page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("heading", level=3))
    for title in VISITS:
        expect(steps.filter(has_text=title)).to_be_visible()
    fits(page)
    expect(page.get_by_role("heading", name="Réserver ces 4 visites d’un coup")).to_be_visible()
    finger.type(page.get_by_label("Votre adresse e-mail"), EMAIL)
    finger.tap(page.get_by_role("button", name="Réserver ma journée"))
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    expect(page.get_by_role("button", name="Réserver ma journée")).to_have_count(0)
    fits(page)


def read_the_one_mail(page: Page, postbox: Postbox, site: Site) -> None:
    mail = postbox.read(EMAIL, "quatre visites réservées")
    said = words(mail)
    assert sorted(VISITS, key=said.index) == list(VISITS)
    assert [part.get_filename() for part in mail.iter_attachments()] == ["visite.ics"]
    assert postbox.count(EMAIL, "") == 1
    page.goto(link(mail, r"/mes-visites/[\w-]+/jour/"))
    expect(page.get_by_role("img", name="Code de toute la journée")).to_be_visible()
    fits(page)


def fits(page: Page) -> None:
    """Nothing stands out of the page, with letters of twice the size neither (WCAG 2.2, 1.4.4)."""
    letters = page.context.new_cdp_session(page)
    for size in (32, 16):
        letters.send("Page.setFontSizes", {"fontSizes": {"standard": size}})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"letters of {size} px"

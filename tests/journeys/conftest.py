"""The whole site for the journeys: web, worker, beat, broker and relay, and several people's browsers."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from accounts.models import User
from events import models as m
from tests.factories import FestivalFactory, RoomFactory, TerritoryFactory, UserFactory, VenueFactory
from tests.ground.databases import Databases
from tests.ground.nursery import Nursery
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.journeys.postbox import Postbox
from tests.journeys.walk import find

PASSWORD = "porte-ouverte-31"
PATIENCE = 30_000
"""Milliseconds, for a machine that has other things to do."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def whole_site(database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink) -> Site:
    """Everything that runs in production, each in a process of its own."""
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url, "RATE_LIMIT_FACTOR": "100"}
    database.celery("worker", "-c", "1", "--without-gossip", "--without-mingle")
    database.celery("beat")
    database.serve()
    return database


@pytest.fixture
def postbox(smtp_sink: SmtpSink) -> Postbox:
    return Postbox(smtp_sink)


@dataclass(frozen=True)
class Edition:
    """A published edition of three days, its territory with a venue of two rooms, and who organises it."""

    festival: m.Festival
    territory: m.Territory
    venue: m.Venue
    organiser: User

    @property
    def day(self) -> dt.date:
        return self.festival.starts_on


def where_it_is_day() -> str:
    """A French time zone whose clocks show between 9 and 20 h now: at night nobody is offered a place."""
    zones = ("Europe/Paris", "America/Cayenne", "Pacific/Tahiti", "Pacific/Noumea")
    return next(zone for zone in zones if 9 <= timezone.now().astimezone(ZoneInfo(zone)).hour < 20)


@pytest.fixture
def edition(database: Site) -> Edition:
    """What a national team has set up before anybody comes: ninety days ahead of the day of the test."""
    day = timezone.localdate() + dt.timedelta(days=90)
    territory = TerritoryFactory(name="Toulouse", slug="toulouse", timezone=where_it_is_day())
    festival = FestivalFactory(starts_on=day, ends_on=day + dt.timedelta(days=2))
    festival.territories.add(territory)
    venue = VenueFactory(territory=territory, name="La Cantine", slug="la-cantine", is_totem=True)
    RoomFactory(venue=venue, name="Grande salle")
    RoomFactory(venue=venue, name="Atelier", comfort_capacity=12, safety_capacity=16)
    organiser = UserFactory(email="organisation@example.org", name="Dominique")
    organiser.set_password(PASSWORD)
    organiser.save()
    EmailAddress.objects.create(user=organiser, email=organiser.email, verified=True, primary=True)
    m.TerritoryTeam.objects.create(territory=territory, user=organiser)
    return Edition(festival, territory, venue, organiser)


class Enter(Protocol):
    """Opens the browser of one more person: `enter(width=390, java_script_enabled=False)`."""

    def __call__(self, *, width: int = 1280, **options: Any) -> Page: ...


@pytest.fixture
def enter(browser: Browser, browser_context_args: dict[str, Any], whole_site: Site) -> Iterator[Enter]:
    """Each person has cookies of their own. At the end no page may have complained on the console."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(*, width: int = 1280, **options: Any) -> Page:
        asked = {
            **browser_context_args,
            "base_url": whole_site.url,
            "viewport": {"width": width, "height": 844},
            **options,
        }
        context = browser.new_context(**asked)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_browser
    for context in contexts:
        context.close()
    assert complaints == []


def complaint(message: ConsoleMessage) -> list[str]:
    """A warning or an error of the page; an answer 4xx that the test asked for is none."""
    if message.type not in ("error", "warning") or "status of 4" in message.text:
        return []
    return [f"{urlsplit(message.location['url']).path}: {message.text}"]


# The demonstration edition, read by many tests --------------------------------------------------------------


@dataclass(frozen=True)
class Demonstration:
    """The site on the demonstration edition, and what is worth looking at in it."""

    site: Site
    password: str
    found: dict[str, Any]


@pytest.fixture(scope="session")
def demonstration(databases: Databases, nursery: Nursery) -> Iterator[Demonstration]:
    """Loaded once. Who changes something changes it for those who come after."""
    url = databases.fresh("sqlite")
    site = Site(url, nursery)
    try:
        site.environment["RATE_LIMIT_FACTOR"] = "100"
        site.manage("load_demo")
        password = (site.var_dir / "demonstration-password").read_text().strip()
        found = find(site)
        site.serve()
        yield Demonstration(site, password, found)
    finally:
        site.close()
        databases.drop(url)


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the form, as everybody."""
    page.goto("/compte/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    page.wait_for_url(lambda url: "login" not in url)

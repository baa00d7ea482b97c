"""What every test may ask for. The machinery behind it is in tests/ground/."""

import gc
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation
from factory.django import DjangoModelFactory
from pytest_django import DjangoDbBlocker

from tests import factories
from tests.ground.databases import Databases
from tests.ground.flushed import empty_the_marks_last
from tests.ground.migrated import keep, lend
from tests.ground.needs import chromium
from tests.ground.nursery import Nursery
from tests.ground.pace import Pace, mark_slow
from tests.ground.scheduling import FromBothEnds, OneByOne
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink
from tests.ground.templates import TrapClient
from tests.ground.valkey import ValkeyServer

gc.disable()  # until all is loaded: see pytest_collection_finish

# Tests are for truth, benchmarks for speed: a busy machine is no fault of the code.
hypothesis.settings.register_profile(
    "site", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("site")

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    # Read in tests/settings.py, before any of this; declared here so that pytest knows the word.
    parser.addoption(
        "--engine", choices=["sqlite", "postgres"], default="sqlite", help="database of the tests"
    )
    parser.addoption("--note-slow", action="store_true", help="write tests/slow.txt anew from this run")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("note_slow") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Pace())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "page" in fixtures or "browser" in fixtures:
            item.add_marker(pytest.mark.browser)
            # Playwright's own loop runs in this thread, and Django would take every query for an accident.
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    mark_slow(items)
    items.sort(key=lambda item: item.get_closest_marker("lengthy") is None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadscope` or `loadfile`; otherwise xdist's own."""
    ours = {"loadscope": OneByOne, "loadfile": FromBothEnds}.get(config.getoption("dist"))
    return ours and ours(config, log)


def pytest_report_header() -> str:
    from django.conf import settings

    return f"database: {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


def pytest_collection_finish() -> None:
    """What is loaded stays: to go through it again and again took the collector a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Where a migrated database lies ready, the everyday tests begin with a copy of it."""
    lend(connection)
    empty_the_marks_last(connection)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The same, left to the next run where none lay ready."""
    with django_db_blocker.unblock():
        keep(connection)


@pytest.fixture
def client() -> Client:
    """Django's client with a trap for leftover template tags."""
    return TrapClient()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders, one for each test that asks. Made by whoever first keeps a file: few do."""
    root = tmp_path_factory.mktemp("media")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _media_of_this_test(settings: Any, media: Iterator[Path]) -> None:
    settings.MEDIA_ROOT = next(media)


@pytest.fixture(autouse=True)
def _factories_count_from_nothing() -> None:
    """A test sees the same hours and names whichever tests ran before it in the same process."""
    for factory in vars(factories).values():
        if isinstance(factory, type) and issubclass(factory, DjangoModelFactory) and factory._meta.model:
            factory.reset_sequence(force=True)


@pytest.fixture(autouse=True)
def _no_page_of_the_test_before() -> Iterator[None]:
    """Numbers of slots begin anew in each test, and what one has drawn would be shown to the next."""
    yield
    if pages := sys.modules.get("events.views.quick_pages"):
        pages._pages.clear()
        pages._things.clear()


@pytest.fixture(scope="session", autouse=True)
def _a_busy_machine_is_no_absent_database() -> None:
    from festival import health

    health.PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _language_of_the_site() -> None:
    """An English page read by the test before leaves its thread in English."""
    translation.deactivate()


@pytest.fixture
def clean_limits(db: None) -> None:
    """Sign-in limits start from nothing (they are kept in the database, which the test rolls back)."""
    cache.clear()


# ── Real processes on a real database, both engines ───────────────────────────────────────────────────────


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """The database engine. A test that asks for it, or for what stands on it, runs once on each."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where the site's processes come from that need not load it."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def databases(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, nursery: Nursery
) -> Iterator[Databases]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    made = Databases(tmp_path_factory.mktemp("databases"), worker, nursery)
    yield made
    made.close()


@pytest.fixture
def database_url(engine: str, databases: Databases) -> Iterator[str]:
    """A database of this test alone, migrated and empty, as DATABASE_URL takes it."""
    url = databases.fresh(engine)
    yield url
    databases.drop(url)


@pytest.fixture
def site(database_url: str, nursery: Nursery) -> Iterator[Site]:
    """The site on `database_url`: `site.manage(…)`, `site.python(…)`, `site.serve()` and so on."""
    made = Site(database_url, nursery)
    yield made
    made.close()


@pytest.fixture
def database(site: Site, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """The same, with the ORM and the factories of this process working on it too."""
    with django_db_blocker.unblock(), site.connected():
        yield site


@pytest.fixture
def live_site(database: Site) -> Site:
    """The same, with the web server running at `live_site.url`."""
    database.serve()
    return database


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """A broker of this test alone. Put its address into `site.environment["REDIS_URL"]`."""
    server = ValkeyServer()
    yield server
    server.remove()


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """A mail relay of this test alone. Put its address into `site.environment["EMAIL_URL"]`."""
    sink = SmtpSink()
    yield sink
    sink.stop()


# ── A real browser (pytest-playwright's `page`) ───────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, which may not call anybody."""
    return {**browser_type_launch_args, "executable_path": chromium(), "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A visitor from France, on a desktop."""
    return {
        **browser_context_args,
        "locale": "fr-FR",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 1280, "height": 900},
    }

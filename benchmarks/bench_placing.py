"""Placing a slot among few and among many occupancies; the editor's page for a full day.

Two databases on one PostgreSQL, asked in turns, each by a process of its own: what is compared is the time
of a placement in the round that other work on the machine disturbed least. The editor is
opened in a real browser.
"""

from __future__ import annotations

import datetime as dt
import statistics

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import sync_playwright

from accounts.models import User
from benchmarks.ground import Ground, Ratio, Report
from events.mail.watch import look_after_mail
from events.models import RoomOccupancy, TerritoryTeam
from events.scheduling.place import place_slot
from tests.factories import (
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)
from tests.ground.needs import chromium
from tests.ground.site import Site

FEW, MANY = 100, 5_000
ROUNDS, PLACED = 7, 60
ROOMS, SLOTS = 20, 200
PASSWORD = "porte-ouverte-31"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

PLACE = """
import datetime as dt, sys, time
from django.utils import timezone
from accounts.models import User
from events.models import Slot
from events.scheduling.place import place_slot, unplace_slot
room, slots, by = int(sys.argv[1]), [int(pk) for pk in sys.argv[2].split(",")], User.objects.get()
def turn(place, free):
    begun = time.perf_counter()
    for pk in slots:
        place(pk)
    spent = time.perf_counter() - begun
    for pk in slots:
        free(pk)
    return spent
now = timezone.now
live = lambda pk: place_slot(slot_id=pk, room_id=room, by=by, now=now())
free = lambda pk: unplace_slot(slot_id=pk, by=by, now=now())
turn(live, free)
print(turn(live, free))
"""

SIGN_IN = """
import sys
from importlib import import_module
from django.conf import settings
from accounts.models import User
user = User.objects.get(email=sys.argv[1])
session = import_module(settings.SESSION_ENGINE).SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
session["_auth_user_hash"] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""


def run(ground: Ground) -> Report:
    """Time of a placement, many against few; the editor's queries and its first paint."""
    with ground.site(lambda site: _occupy(FEW)) as small:
        few = _to_place()
        with ground.site(lambda site: _occupy(MANY)) as large:
            many = _to_place()
            turns = _in_turns({FEW: (small, few), MANY: (large, many)})
    cost = {number: min(costs) for number, costs in turns.items()}
    with ground.site() as site:
        address, email = _full_day()
        queries = _queries_of(email, address)
        site.serve()
        paint, drawn = _open_in_a_browser(site, email, address)
    return Report(
        [
            Ratio(
                f"time of a placement at {MANY:,} occupancies against {FEW}",
                cost[MANY] / cost[FEW],
                at_most=1.10,
            ),
            Ratio(f"queries of the editor's page for {ROOMS} rooms and {SLOTS} slots", queries, at_most=10),
            Ratio("the same: seconds to the first contentful paint", paint, at_most=1),
            Ratio("the same: seconds until every slot stands in the grid", drawn),
        ],
        {
            "ms_a_placement": {
                str(number): [round(1000 * one, 3) for one in costs] for number, costs in turns.items()
            },
        },
    )


# Placing ----------------------------------------------------------------------------------------------------


def _occupy(number: int) -> None:
    """So many occupancies of sixty rooms, an hour each, back to back on the days before the one measured."""
    territory = TerritoryFactory(name="Toulouse")
    venue = VenueFactory(territory=territory)
    rooms = [RoomFactory(venue=venue, name=f"Salle {number}") for number in range(60)]
    first = timezone.now() + dt.timedelta(days=30)
    RoomOccupancy.objects.bulk_create(
        RoomOccupancy(
            room=rooms[at % 60],
            label="Occupée",
            starts_at=first + dt.timedelta(hours=at // 60),
            ends_at=first + dt.timedelta(hours=at // 60 + 1),
        )
        for at in range(number)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _to_place() -> tuple[int, list[int]]:
    """A room that is free, and slots an hour apart to put into it."""
    UserFactory()
    room = RoomOccupancy.objects.select_related("room__venue__territory").order_by("pk")[0].room
    activity = ActivityFactory(host=HostFactory(territory=room.venue.territory))
    day = (timezone.now() + dt.timedelta(days=200)).date()
    slots = [
        SlotFactory(
            activity=activity,
            day=day + dt.timedelta(days=at // 12),
            start_time=dt.time(9 + at % 12),
            duration=60,
        ).pk
        for at in range(PLACED)
    ]
    return room.pk, slots


def _in_turns(sites: dict[int, tuple[Site, tuple[int, list[int]]]]) -> dict[int, list[float]]:
    """Seconds for one placement, by round; the first does not count."""
    costs: dict[int, list[float]] = {number: [] for number in sites}
    for turn in range(ROUNDS + 1):
        for number, (site, (room, slots)) in sites.items():
            done = site.python(PLACE, str(room), ",".join(map(str, slots)))
            if turn:
                costs[number].append(float(done.stdout.split()[-1]) / len(slots))
    return costs


# The editor -------------------------------------------------------------------------------------------------


def _full_day() -> tuple[str, str]:
    """Twenty rooms, ten slots in each; the editor's address and who may open it."""
    territory = TerritoryFactory(name="Toulouse", slug="toulouse")
    festival = FestivalFactory()
    festival.territories.add(territory)
    by = UserFactory(email="organisation@example.org")
    TerritoryTeam.objects.create(territory=territory, user=by)
    day = (timezone.now() + dt.timedelta(days=60)).date()
    for number in range(4):
        venue = VenueFactory(territory=territory, name=f"Lieu {number}")
        for at in range(ROOMS // 4):
            room = RoomFactory(venue=venue, name=f"Salle {number}.{at}")
            host = HostFactory(territory=territory)
            activity = ActivityFactory(host=host, festival=festival)
            for hour in range(SLOTS // ROOMS):
                slot = SlotFactory(activity=activity, day=day, start_time=dt.time(9 + hour), duration=45)
                place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=timezone.now())
    return f"/organisation/toulouse/horaire/?jour={day.isoformat()}", by.email


def _queries_of(email: str, address: str) -> int:
    look_after_mail(timezone.now())  # as the sweep does every half minute
    client = Client()
    client.force_login(User.objects.get(email=email))
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return len(captured)


def _open_in_a_browser(site: Site, email: str, address: str) -> tuple[float, float]:
    """Seconds to the first contentful paint and until the grid holds every slot, median of five."""
    key = site.python(SIGN_IN, email).stdout.strip()
    paints, drawn = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        context = browser.new_context(
            base_url=site.url, viewport={"width": 1280, "height": 900}, locale="fr-FR"
        )
        context.add_cookies([{"name": "sessionid", "value": key, "url": site.url}])
        for _turn in range(6):
            page = context.new_page()
            page.goto(address)
            page.locator(".ec-event[data-slot]").nth(SLOTS - 1).wait_for(state="attached")
            drawn.append(float(page.evaluate("performance.now()")) / 1000)
            paints.append(float(page.evaluate(FIRST_PAINT)) / 1000)
            page.close()
        browser.close()
    return statistics.median(paints[1:]), statistics.median(drawn[1:])


FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

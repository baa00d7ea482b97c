"""17,000 venues with 200,000 slots, written by the database itself: always the same rows."""

from __future__ import annotations

from django.db import connection

from events.models import Territory
from events.views.cities import COMMUNES
from tests.factories import SlotFactory, VenueFactory

VENUES, SLOTS = 17_000, 200_000
DAYS = 3


def fill(venues: int = VENUES, slots: int = SLOTS) -> None:
    """A third of the venues in the first five cities, the others all over France and beyond.

    The slots begin on 10, 11 and 12 June 2027, from 9 to 18 h, an activity for each venue.
    """
    like = SlotFactory(capacity=20, venue=VenueFactory(latitude=48.85, longitude=2.35))
    for number, name in enumerate(COMMUNES):
        Territory.objects.create(name=name.title(), slug=f"ville-{number}")
    first = Territory.objects.get(slug="ville-0").pk
    points = ", ".join(f"({lat}, {lon})" for lat, lon in COMMUNES.values())
    city = f"CASE WHEN n % 3 = 0 THEN n % 5 ELSE n % {len(COMMUNES)} END"
    with connection.cursor() as cursor:
        # The rows are right: checking each foreign key would take longer than writing them.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "CREATE TEMP TABLE city AS SELECT row_number() OVER () - 1 AS at, * "
            f"FROM (VALUES {points}) p(lat, lon)"
        )
    _copy(
        "events_venue",
        like.venue_id,
        venues - 1,
        {
            "name": "'Lieu ' || n",
            "sort_name": "'lieu ' || n",
            "slug": "'lieu-' || n",
            "territory_id": f"{first} + {city}",
            "latitude": f"(SELECT lat FROM city WHERE city.at = {city}) + (hashint4(n) % 1000) * 0.00012",
            "longitude": f"(SELECT lon FROM city WHERE city.at = {city}) + (hashint4(-n) % 1000) * 0.00017",
        },
    )
    _copy(
        "events_activity",
        like.activity_id,
        venues - 1,
        {"slug": "'visite-' || n", "title_fr": "'Visite ' || n"},
    )
    per_venue = -(-slots // venues)
    starts = f"starts_at + (k % {DAYS}) * interval '1 day' + (n % 2 + k / {DAYS} * 2) * interval '30 minutes'"
    _copy(
        "events_slot",
        like.pk,
        venues - 1,
        {
            "venue_id": f"{like.venue_id} + n",
            "activity_id": f"{like.activity_id} + n",
            "day": f"day + k % {DAYS}",
            "starts_at": starts,
            "ends_at": f"{starts} + interval '45 minutes'",
            "start_time": f"start_time + (n % 2 + k / {DAYS} * 2) * interval '30 minutes'",
            "taken": "(n + k) % 21",
        },
        f"CROSS JOIN generate_series(0, {per_venue - 1}) k",
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM (ANALYZE)")


def _copy(table: str, like: int, number: int, changed: dict[str, str], more: str = "") -> None:
    """Rows 1 to ``number`` after the row ``like``, equal to it but for some columns, given as SQL of n."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = %s AND column_name <> 'id'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
        chosen = ", ".join(changed.get(name, f"one.{name}") for name in columns)
        names = ", ".join(columns)
        numbered = "" if more else "id, "
        own = "" if more else f"{like} + n, "
        cursor.execute(
            f"INSERT INTO {table} ({numbered}{names}) SELECT {own}{chosen} FROM {table} one "
            f"CROSS JOIN generate_series(1, {number}) n {more} WHERE one.id = {like}"
        )

"""Large demonstrations, for weight rather than charm: invented hosts in fifty real cities, city by city.

Each host receives in a place of its own, one visit after another, so that no room can be held twice.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from events.demo.cities import CITIES, City
from events.demo.crowd import Wish, book_in_bulk
from events.demo.edition import Edition
from events.demo.phrases import FICTION, OPENINGS, TEXTS, host_name, title
from events.demo.progress import Progress
from events.demo.rows import write
from events.demo.small import build_small
from events.folding import fold
from events.models import (
    Access,
    Activity,
    Commune,
    Host,
    Mode,
    Registration,
    Room,
    RoomOccupancy,
    Slot,
    Territory,
    Theme,
    Venue,
    Visitor,
)

CAPACITIES = (12, 15, 20, 25, 30, 40, 60)
MINUTES = (30, 45, 60, 90)
OPENS, CLOSES, PAUSE = 9 * 60, 19 * 60, 15
"""Minutes of the day at which the doors open and close, and between two visits."""
DROP_IN_SHARE = 0.44
MEAN_PARTY = 2.1


@dataclass(frozen=True, slots=True)
class Size:
    """How much is built in all, what the small demonstration already brings included."""

    hosts: int
    activities: int
    slots: int
    registrations: int


NATIONAL = Size(hosts=1_000, activities=1_600, slots=5_000, registrations=40_000)
HERITAGE = Size(hosts=17_000, activities=26_000, slots=200_000, registrations=100_000)


def build_national(*, today: dt.date, now: dt.datetime, seed: int, progress: Progress) -> Edition:
    """1,000 hosts and 5,000 slots in fifty cities, about 40,000 registrations."""
    return _build("national", NATIONAL, today=today, now=now, seed=seed, progress=progress)


def build_heritage(*, today: dt.date, now: dt.datetime, seed: int, progress: Progress) -> Edition:
    """26,000 activities and 200,000 slots: the size of the heritage days."""
    return _build("heritage", HERITAGE, today=today, now=now, seed=seed, progress=progress)


def _build(
    scale: str, size: Size, *, today: dt.date, now: dt.datetime, seed: int, progress: Progress
) -> Edition:
    edition = build_small(today=today, now=now, seed=seed, progress=progress, scale=scale)
    there = Activity.objects.filter(festival=edition.festival)
    slots_there = Slot.objects.filter(activity__in=there)
    left = Size(
        hosts=size.hosts - Host.objects.filter(activities__in=there).distinct().count(),
        activities=size.activities - there.count(),
        slots=size.slots - slots_there.count(),
        registrations=size.registrations - Registration.objects.filter(slot__in=slots_there).count(),
    )
    rng = random.Random(f"{seed} {scale}")  # noqa: S311
    names: set[str] = set(Host.objects.values_list("name", flat=True))
    references: set[str] = set(Registration.objects.values_list("reference", flat=True))
    shares = [_shares(number, len(CITIES)) for number in (left.hosts, left.activities, left.slots)]
    people = _shares(left.registrations, len(CITIES))
    for index, city in enumerate(progress.over(CITIES, label="villes")):
        city_size = Size(shares[0][index], shares[1][index], shares[2][index], people[index])
        _fill_city(city, city_size, edition, rng=rng, now=now, names=names, references=references)
    return edition


def _shares(total: int, parts: int) -> list[int]:
    """A number in nearly equal parts that add up to it."""
    return [total // parts + (index < total % parts) for index in range(parts)]


def _fill_city(
    city: City,
    size: Size,
    edition: Edition,
    *,
    rng: random.Random,
    now: dt.datetime,
    names: set[str],
    references: set[str],
) -> None:
    quiet = Progress(None, quiet=True)
    territory, communes = _territory(city)
    edition.festival.territories.add(territory)
    hosts, venues = _hosts_and_venues(city, size.hosts, territory, communes, rng, names)
    write(Host, hosts, progress=quiet, label="")
    write(Venue, venues, progress=quiet, label="")
    rooms = [
        Room(
            venue=venue,
            name="Accueil",
            sort_name="accueil",
            comfort_capacity=max(CAPACITIES),
            safety_capacity=80,
            turnover_minutes=PAUSE,
            step_free=venue.step_free,
        )
        for venue in venues
    ]
    write(Room, rooms, progress=quiet, label="")
    activities = [
        _activity(edition, hosts[n % len(hosts)], venues[n % len(hosts)], n // len(hosts), rng, now)
        for n in range(size.activities)
    ]
    write(Activity, activities, progress=quiet, label="")
    slots = _slots(activities, rooms, edition.days, size.slots, rng)
    wishes = _wishes(slots, size.registrations, rng)
    crowd = book_in_bulk(
        wishes, rng=rng, now=now, tag=slugify(territory.slug), references=references, visits_each=2.5
    )
    write(Slot, slots, progress=quiet, label="")
    pause = dt.timedelta(minutes=PAUSE)
    occupancies = [
        RoomOccupancy(room=slot.room, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at + pause)
        for slot in slots
    ]
    write(RoomOccupancy, occupancies, progress=quiet, label="")
    write(Visitor, crowd.visitors, progress=quiet, label="")
    write(Registration, crowd.registrations, progress=quiet, label="")


def _territory(city: City) -> tuple[Territory, list[Commune]]:
    name = city.territory or city.name
    territory, _made = Territory.objects.get_or_create(
        slug=city.slug or slugify(name),
        defaults={
            "name": name,
            "timezone": city.timezone,
            "relay": f"Relais de démonstration\u00a0: {name}",
            "about_fr": "Relais local fictif de la démonstration.",
            "about_en": "A fictional local relay of the demonstration.",
        },
    )
    for commune, code in ((city.name, city.insee), *((other, "") for other in city.others)):
        Commune.objects.get_or_create(
            territory=territory,
            folded_name=fold(commune)[:80],
            defaults={"name": commune, "insee_code": code},
        )
    return territory, list(territory.communes.order_by("pk"))


def _hosts_and_venues(
    city: City,
    number: int,
    territory: Territory,
    communes: list[Commune],
    rng: random.Random,
    names: set[str],
) -> tuple[list[Host], list[Venue]]:
    hosts, venues = [], []
    for _ in range(number):
        name = host_name(rng, names, city.name)
        theme = rng.choice(Theme.values)
        commune = rng.choice(communes)
        place = f"{name}, lieu fictif"
        slug = slugify(f"{name} {territory.slug}")[:95]
        hosts.append(
            Host(
                territory=territory,
                name=name,
                sort_name=fold(name)[:120],
                slug=slug,
                city=commune.name,
                theme=theme,
                tagline_fr=rng.choice(TEXTS),
                description_fr=FICTION,
            )
        )
        venues.append(
            Venue(
                territory=territory,
                commune=commune,
                name=place,
                sort_name=fold(place)[:160],
                slug=slug,
                latitude=round(city.latitude + rng.uniform(-0.03, 0.03), 5),
                longitude=round(city.longitude + rng.uniform(-0.03, 0.03), 5),
                step_free=rng.random() < 0.6,
                access_text_fr="Lieu fictif de la démonstration, sans adresse.",
            )
        )
        venues[-1].search_text = venues[-1].what_is_searched()
    return hosts, venues


def _activity(
    edition: Edition, host: Host, venue: Venue, number: int, rng: random.Random, now: dt.datetime
) -> Activity:
    format_ = rng.choice(list(OPENINGS))
    theme = host.theme if rng.random() < 0.7 else rng.choice(Theme.values)
    languages: Any = ["fr", "en"] if rng.random() < 0.2 else ["fr"]
    access: Any = rng.sample(Access.values, rng.randint(0, 3))
    activity = Activity(
        festival=edition.festival,
        programme=edition.programme,
        territory=host.territory,
        host=host,
        venue=venue,
        slug=f"{host.slug}-{number + 1}",
        title_fr=title(rng, format_, theme),
        description_fr=rng.choice(TEXTS),
        format=format_,
        theme=theme,
        mode=Mode.DROP_IN if rng.random() < DROP_IN_SHARE else Mode.FIRST_COME,
        languages=languages,
        access=access,
        ask_name=rng.random() < 0.2,
        state=Activity.State.PUBLISHED,
        submitted_at=now - dt.timedelta(days=30),
        published_at=now - dt.timedelta(days=29),
        source="Démonstration",
        created_at=now,
        updated_at=now,
    )
    activity.search_text = activity.what_is_searched()
    return activity


def _slots(
    activities: list[Activity], rooms: list[Room], days: list[dt.date], total: int, rng: random.Random
) -> list[Slot]:
    """As many slots as asked, one after another in each host's own room, over the days of the edition."""
    clocks: dict[tuple[int, int], int] = {}
    per_host: dict[int, Room] = {room.venue_id: room for room in rooms}
    counts = _shares(total, len(activities))
    slots: list[Slot] = []
    for activity, count in zip(activities, counts, strict=True):
        room = per_host[activity.venue_id or 0]
        minutes, capacity = rng.choice(MINUTES), rng.choice(CAPACITIES)
        first_day = rng.randrange(len(days))
        for index in range(count):
            for turn in range(len(days)):
                day = (first_day + index + turn) % len(days)
                minute = clocks.get((room.pk, day), OPENS + 15 * rng.randrange(8))
                length = minutes if minute + minutes <= CLOSES else 30
                if minute + length <= CLOSES + 4 * 60:
                    break
            clocks[room.pk, day] = -(-(minute + length + PAUSE) // 15) * 15
            slot = Slot(
                activity=activity,
                venue=activity.venue,
                room=room,
                capacity=None if activity.mode == Mode.DROP_IN else capacity,
                safety_capacity=room.safety_capacity,
                state=Slot.State.PUBLISHED,
            )
            slot.set_time(
                day=days[day],
                start_time=dt.time(minute // 60, minute % 60),
                duration=length,
                timezone=activity.territory.timezone,
            )
            slots.append(slot)
    return slots


def _wishes(slots: list[Slot], registrations: int, rng: random.Random) -> list[Wish]:
    """How full each slot is to be, so that about so many registrations come of it; one in twelve is full."""
    open_ones = [slot for slot in slots if slot.capacity]
    room_for = sum(slot.capacity or 0 for slot in open_ones)
    share = min(1.0, registrations * MEAN_PARTY / room_for) if room_for else 0
    wishes = []
    for slot in open_ones:
        capacity = slot.capacity or 0
        taken = min(capacity, round(capacity * share * rng.uniform(0.6, 1.4)))
        wishes.append(
            Wish(
                slot,
                taken,
                waiting=rng.randint(1, 5) if taken == capacity else 0,
                ask_name=slot.activity.ask_name,
            )
        )
    return wishes

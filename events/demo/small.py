"""The demonstration of `make run`: three territories, about forty hosts, 150 slots, every state."""

from __future__ import annotations

import datetime as dt
import random
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import F
from django.utils.text import slugify

from events.clock import instant
from events.demo.crowd import Wish, book_in_bulk, wish_for
from events.demo.edition import Edition, create_edition
from events.demo.lots import show_ballot
from events.demo.places import Site, get_site, get_territory
from events.demo.progress import Progress
from events.demo.rows import write
from events.demo.timetable import Timetable
from events.models import (
    Activity,
    Host,
    JournalEntry,
    Mode,
    Registration,
    RoomOccupancy,
    Slot,
    Territory,
    Visitor,
)
from events.registration.openings import announce_opening
from events.registration.pools import Share, set_pools
from events.registration.withdraw import change_overbook

PLANS = Path(__file__).parent / "territories"
FILES = ("toulouse.toml", "nantes.toml", "la-reunion.toml")
MODERATED = {
    "draft": Activity.State.DRAFT,
    "submitted": Activity.State.SUBMITTED,
    "changes_requested": Activity.State.CHANGES_REQUESTED,
}


@dataclass
class _Made:
    """A slot not yet written, what it is to look like, and the room it was given."""

    slot: Slot
    said: dict[str, Any]
    fill: str
    atoms: tuple[int, ...] = ()
    setup: int = 0
    turnover: int = 0


def build_small(
    *, today: dt.date, now: dt.datetime, seed: int, progress: Progress, scale: str = "small"
) -> Edition:
    """Write the small demonstration; the same seed and the same ``now`` give the same edition."""
    rng = random.Random(seed)  # noqa: S311
    plans = [tomllib.loads((PLANS / name).read_text("utf-8")) for name in FILES]
    territories = [get_territory(plan) for plan in plans]
    edition = create_edition(scale=scale, today=today, territories=territories)
    made: list[_Made] = []
    for plan, territory in zip(plans, territories, strict=True):
        made += _fill_territory(plan, territory, edition, rng=rng, now=now, progress=progress)
    _write_slots(made, now=now, rng=rng, progress=progress)
    _open_in_two_waves(edition, today=today, now=now)
    _divide_places(edition, now=now)
    show_ballot(edition, territories[0], now=now, rng=rng)
    return edition


def _open_in_two_waves(edition: Edition, *, today: dt.date, now: dt.datetime) -> None:
    """Tomorrow at noon the doors of one operation can be booked, a quarter of their places a week later."""
    noon = instant(today + dt.timedelta(days=1), dt.time(12), "Europe/Paris")
    evening = instant(today + dt.timedelta(days=8), dt.time(18), "Europe/Paris")
    announce_opening(
        festival=edition.festival,
        programme=edition.programmes["les-coulisses"],
        territory=None,
        opens_at=noon,
        second_opens_at=evening,
        second_share=25,
        by=None,
        now=now,
    )


def _divide_places(edition: Edition, *, now: dt.datetime) -> None:
    """One slot keeps places for access needs, groups and the door; one lets two more book than it has
    places.
    """
    slots = Slot.objects.filter(activity__festival=edition.festival, activity__mode=Mode.FIRST_COME)
    slots = slots.filter(state=Slot.State.PUBLISHED, starts_at__gt=now, waiting=0, opens_at=None)
    quiet = slots.filter(capacity__gte=F("taken") + F("held") + 8).in_order().first()
    if quiet is not None:
        week = dt.timedelta(days=7)
        kept = [Share("access", 2, before=dt.timedelta(days=1)), Share("group", 4, before=week)]
        wanted = [share for share in kept if quiet.starts_at - (share.before or week) > now]
        set_pools(slot_id=quiet.pk, shares=[*wanted, Share("walk_in", 1)], by=None, now=now)
    busy = slots.filter(capacity__gte=10, safety_capacity__gte=F("capacity") + 2, taken__gte=5)
    if other := busy.exclude(pk=quiet.pk if quiet else 0).in_order().first():
        change_overbook(slot_id=other.pk, overbook=2, by=None, now=now)


def _fill_territory(
    plan: dict[str, Any],
    territory: Territory,
    edition: Edition,
    *,
    rng: random.Random,
    now: dt.datetime,
    progress: Progress,
) -> list[_Made]:
    sites = {said["slug"]: get_site(said, territory=territory, days=edition.days) for said in plan["venue"]}
    table = Timetable(rng)
    made: list[_Made] = []
    for said in progress.over(plan["host"], label=territory.name):
        host = _host(said, territory)
        for activity_said in said["activity"]:
            activity = _activity(activity_said, host, sites, edition, rng=rng, now=now)
            made += _slots(activity_said, activity, sites, table, edition, now=now)
    return made


def _host(said: dict[str, Any], territory: Territory) -> Host:
    return Host.objects.create(
        territory=territory,
        name=said["name"],
        slug=_free_slug(Host, said["name"]),
        city=said["city"],
        theme=said["theme"],
        tagline_fr=said["tagline_fr"],
        tagline_en=said.get("tagline_en", ""),
        description_fr=said["description_fr"],
        description_en=said.get("description_en", ""),
        contact_email=f"{slugify(said['name'])}@demo.example",
    )


def _activity(
    said: dict[str, Any],
    host: Host,
    sites: dict[str, Site],
    edition: Edition,
    *,
    rng: random.Random,
    now: dt.datetime,
) -> Activity:
    state = MODERATED.get(said.get("state", ""), Activity.State.PUBLISHED)
    submitted_at = now - dt.timedelta(hours=rng.randint(30, 60 if state != Activity.State.PUBLISHED else 900))
    activity = Activity.objects.create(
        festival=edition.festival,
        programme=edition.programmes[said.get("programme", "start-up-assembly")],
        territory=host.territory,
        host=host,
        venue=sites[said["venue"]].venue if "venue" in said else None,
        slug=_free_slug(Activity, said["title_fr"]),
        title_fr=said["title_fr"],
        title_en=said.get("title_en", ""),
        description_fr=said["description_fr"],
        description_en=said.get("description_en", ""),
        format=said["format"],
        theme=said.get("theme", host.theme),
        mode=said.get("mode", Mode.FIRST_COME),
        audience=said.get("audience", "everyone"),
        minimum_age=said.get("minimum_age"),
        languages=said.get("languages", ["fr"]),
        access=said.get("access", []),
        ask_name=said.get("ask_name", False),
        state=state,
        moderation_note=said.get("note", ""),
        submitted_at=None if state == Activity.State.DRAFT else submitted_at,
        published_at=submitted_at + dt.timedelta(hours=20) if state == Activity.State.PUBLISHED else None,
        source="Démonstration",
    )
    if said.get("note"):
        JournalEntry.objects.create(
            at=now - dt.timedelta(hours=15), verb="changes_requested", activity=activity, text=said["note"]
        )
    return activity


def _slots(
    said: dict[str, Any],
    activity: Activity,
    sites: dict[str, Site],
    table: Timetable,
    edition: Edition,
    *,
    now: dt.datetime,
) -> Iterator[_Made]:
    """As many slots as the plan asks for: in a room, waiting for one in the tray, or not yet published."""
    site = sites.get(said.get("venue", ""))
    published = activity.state == Activity.State.PUBLISHED
    drop_in = activity.mode == Mode.DROP_IN
    fills = said.get("fill", ["0"])
    places = None if drop_in else said["places"]
    for index in range(said["slots"]):
        slot = Slot(
            activity=activity,
            venue=site.venue if site else None,
            capacity=places,
            state=Slot.State.PUBLISHED if published else Slot.State.DRAFT,
        )
        one = _Made(slot, said, fills[index % len(fills)])
        first_day = (index + len(activity.title_fr)) % len(edition.days)
        seat = None
        if site and published and not said.get("tray"):
            seat = table.seat(
                host=activity.host_id,
                places=site.rooms_for(places or 1)[:3] if not drop_in else site.rooms_for(1)[-2:],
                minutes=said["minutes"],
                evening=said.get("evening", False),
                first_day=first_day,
            )
        if seat:
            room = site.rooms[seat.place.key]  # type: ignore[union-attr]
            slot.room, slot.safety_capacity = room, room.safety_capacity
            one.atoms, one.setup, one.turnover = seat.place.atoms, seat.place.setup, seat.place.turnover
            day, minute = seat.day, seat.minute
        else:
            free = table.hour(
                host=activity.host_id,
                minutes=said["minutes"],
                days=len(edition.days),
                spans=((10 * 60, 17 * 60),),
            )
            if free is None:
                continue
            day, minute = free
        slot.set_time(
            day=edition.days[day],
            start_time=dt.time(minute // 60, minute % 60),
            duration=said["minutes"],
            timezone=activity.territory.timezone,
        )
        if said.get("cancelled") == index:
            slot.state, slot.cancelled_at = Slot.State.CANCELLED, now - dt.timedelta(days=2)
            slot.cancelled_by_host, slot.cancel_reason, slot.revision = True, said["cancel_reason"], 1
            slot.room, one.atoms = None, ()
        yield one


def _write_slots(made: list[_Made], *, now: dt.datetime, rng: random.Random, progress: Progress) -> None:
    """Slots with their counters, then who holds which room, then who comes."""
    wishes: dict[Territory, list[Wish]] = defaultdict(list)
    for one in made:
        if one.slot.capacity is None or one.slot.state != Slot.State.PUBLISHED:
            continue
        if one.said.get("programme"):  # its booking opens tomorrow
            continue
        taken, waiting = wish_for(one.slot, one.fill, rng=rng)
        if one.fill == "full":
            one.slot.waiting_list_open = rng.random() < 0.5
        given_back = 1 if taken and rng.random() < 0.2 else 0
        wishes[one.slot.activity.territory].append(
            Wish(
                one.slot,
                taken,
                waiting=waiting,
                ask_name=one.slot.activity.ask_name,
                given_back=given_back,
            )
        )
    # Nobody flies from Nantes to La Réunion between two visits: each territory has visitors of its own.
    references: set[str] = set()
    crowds = [
        book_in_bulk(wanted, rng=rng, now=now, tag=territory.slug, references=references)
        for territory, wanted in wishes.items()
    ]
    write(Slot, [one.slot for one in made], progress=progress, label="créneaux")
    occupancies = [
        RoomOccupancy(
            room_id=atom,
            slot=one.slot,
            starts_at=one.slot.starts_at - dt.timedelta(minutes=one.setup),
            ends_at=one.slot.ends_at + dt.timedelta(minutes=one.turnover),
        )
        for one in made
        for atom in one.atoms
    ]
    write(RoomOccupancy, occupancies, progress=progress, label="salles tenues")
    visitors = [visitor for crowd in crowds for visitor in crowd.visitors]
    write(Visitor, visitors, progress=progress, label="visiteurs")
    registrations = [registration for crowd in crowds for registration in crowd.registrations]
    write(Registration, registrations, progress=progress, label="inscriptions")


def _free_slug(model: type[Host] | type[Activity], name: str) -> str:
    """A slug nobody has yet."""
    stem = slugify(name)[:90]
    slug, number = stem, 2
    while model.objects.filter(slug=slug).exists():
        slug, number = f"{stem}-{number}", number + 1
    return slug

"""Territories, venues and rooms of the demonstration, found again or made, from a plan read from a file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from events.data import any_fact, sources, sources_of, venue_fact
from events.demo.timetable import Place, Span
from events.models import Commune, EcosystemEntry, Figure, OpeningHours, Room, Territory, Venue

POSTCODE = re.compile(r"^(?P<street>.*?),?\s*(?P<postcode>\d{5})?\s*(?P<city>[^,\d]*)$")


@dataclass(frozen=True, slots=True)
class Site:
    """A venue of the demonstration and its rooms as the timetable knows them."""

    venue: Venue
    rooms: dict[int, Room]
    places: tuple[Place, ...]

    def rooms_for(self, people: int) -> list[Place]:
        """Rooms that hold that many, the tightest that are enough first."""
        fitting = [place for place in self.places if place.holds >= people]
        return sorted(fitting, key=lambda place: (place.holds, place.key))


def get_territory(plan: dict[str, Any]) -> Territory:
    """The territory of a plan with its communes; texts of one already there are left as they are."""
    said = plan["territory"]
    territory, _made = Territory.objects.get_or_create(
        slug=said["slug"],
        defaults={
            "name": said["name"],
            "timezone": said["timezone"],
            "relay": said["relay"],
            "about_fr": said["about_fr"],
            "about_en": said["about_en"],
            "contact_email": f"{said['slug']}@demo.example",
        },
    )
    _tell(territory, said)
    for name, code in said["communes"]:
        if not territory.communes.filter(name=name).exists():
            Commune.objects.create(territory=territory, name=name, insee_code=code)
    return territory


def _tell(territory: Territory, said: dict[str, Any]) -> None:
    """Figures and names of its page, where its team has written none."""
    if not territory.figures.exists():
        write_figures(said.get("figures", ()), territory=territory)
    if not territory.ecosystem.exists():
        EcosystemEntry.objects.bulk_create(
            EcosystemEntry(territory=territory, position=n, **entry)
            for n, entry in enumerate(said.get("names", ()))
        )


def write_figures(figures: Iterable[dict[str, Any]], **of: Any) -> None:
    """``as_of``: a day; ``exact``: how much of it is known, a day where nothing is said."""
    Figure.objects.bulk_create(
        Figure(
            **of,
            position=n,
            **{key: value for key, value in figure.items() if key not in ("exact", "source", "fact")},
            **_source_of(figure),
            as_of_exact=figure.get("exact", "day"),
        )
        for n, figure in enumerate(figures)
    )


def _source_of(figure: dict[str, Any]) -> dict[str, str]:
    """``source`` names one of the sources of ``events.data``, ``fact`` a fact with all of its sources, which
    are then named without a link; else the figure says its own.
    """
    if "fact" in figure:
        names = [_publisher(source.title) for source in sources_of(any_fact(figure["fact"]))]
        return {"source_name": ", ".join(dict.fromkeys(names))[:160]}
    if "source" not in figure:
        return {}
    source = sources()[figure["source"]]
    url = source.url if source.url.startswith(("https://", "http://")) else ""
    return {"source_name": _publisher(source.title)[:160], "source_url": url[:200]}


def _publisher(title: str) -> str:
    """« Le Journal des Entreprises » of « Le Journal des Entreprises: Iron Hack à la TIC Valley »."""
    return re.split(r": |, | \(", title)[0]


def get_site(said: dict[str, Any], *, territory: Territory, days: list[dt.date]) -> Site:
    """A venue, real when it names a fact, with its rooms and hours."""
    fields: dict[str, Any] = {"name": said.get("name", ""), "commune": said.get("commune", "")}
    if "fact" in said:
        fields |= _from_fact(said["fact"])
    if "address" in said:
        fields["address"] = said["address"]
    if "position" in said:  # of a fictional venue, somewhere in its city
        fields["latitude"], fields["longitude"] = said["position"]
    commune = territory.communes.get(name=fields.pop("commune"))
    venue, made = Venue.objects.get_or_create(
        slug=said["slug"],
        defaults={
            **fields,
            "territory": territory,
            "commune": commune,
            "is_totem": said.get("totem", False),
            "step_free": said.get("step_free", False),
            "access": said.get("access", []),
            "access_text_fr": said.get("access_fr", ""),
            "access_text_en": said.get("access_en", ""),
            "safety_capacity": said.get("safety"),
            "is_verified": "fact" in said,
        },
    )
    if made:
        _open(venue, said["hours"])
    rooms = _get_rooms(venue, said["rooms"])
    hours = _hours_of(venue, days)
    return Site(
        venue,
        {room.pk: room for room in rooms},
        tuple(
            Place(
                key=room.pk,
                atoms=tuple(sorted(part.pk for part in room.parts.all())) or (room.pk,),
                hours=hours,
                holds=room.comfort_capacity or room.safety_capacity or 0,
                setup=room.setup_minutes,
                turnover=max([room.turnover_minutes, *(part.turnover_minutes for part in room.parts.all())]),
            )
            for room in rooms
        ),
    )


def _from_fact(identifier: str) -> dict[str, Any]:
    """Name, commune, street, postcode and position of a real venue, with its sources."""
    fact = venue_fact(identifier)
    address = fact.get("address", "")
    found = POSTCODE.match(address)
    street = found["street"].strip(" ,") if found else address
    return {
        "name": {"ven-003": "TIC Valley", "ven-001": "La Cantine", "ven-002": "Quai des Savoirs"}.get(
            identifier, fact["name"]
        ).replace(" (des startups)", ""),
        "commune": fact["city"],
        "address": street.replace("'", "’"),
        "postcode": (found["postcode"] if found else "") or "",
        "latitude": fact.get("lat"),
        "longitude": fact.get("lng"),
        "sources": [source.as_json() for source in sources_of(fact)],
        "external_id": identifier,
    }


def _open(venue: Venue, hours: dict[str, list[str]]) -> None:
    """``{"1-5": ["09:00-19:00"], "6": […]}``: ISO weekdays and spans on the local clock."""
    rows = []
    for weekdays, spans in hours.items():
        first, _dash, last = weekdays.partition("-")
        for weekday in range(int(first), int(last or first) + 1):
            for span in spans:
                opens, closes = (dt.time.fromisoformat(end) for end in span.split("-"))
                rows.append(OpeningHours(venue=venue, weekday=weekday, opens=opens, closes=closes))
    OpeningHours.objects.bulk_create(rows)


def _get_rooms(venue: Venue, said: list[dict[str, Any]]) -> list[Room]:
    rooms: dict[str, Room] = {}
    for one in said:
        room, made = Room.objects.get_or_create(
            venue=venue,
            name=one["name"],
            defaults={
                "comfort_capacity": one["comfort"],
                "safety_capacity": one["safety"],
                "turnover_minutes": one.get("turnover", 0),
                "setup_minutes": one.get("setup", 0),
                "equipment": one.get("equipment", ""),
                "step_free": venue.step_free,
            },
        )
        if made and one.get("parts"):
            room.parts.set([rooms[part] for part in one["parts"]])
        rooms[one["name"]] = room
    return list(rooms.values())


def _hours_of(venue: Venue, days: list[dt.date]) -> tuple[tuple[Span, ...], ...]:
    """For each day of the edition, when the venue is open, in minutes; 9 to 18 h when nobody says."""
    rows = list(venue.opening_hours.all())
    if not rows:
        return (((9 * 60, 18 * 60),),) * len(days)
    return tuple(
        tuple(
            (row.opens.hour * 60 + row.opens.minute, row.closes.hour * 60 + row.closes.minute)
            for row in rows
            if row.weekday == day.isoweekday()
        )
        for day in days
    )

"""Where an imported event belongs: its commune, its venue and room, its host. Found, else made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from events.folding import fold
from events.hosting import free_slug
from events.models import Commune, Festival, Host, Room, Territory, Venue

from .entries import Entry, Problem
from .faults import Fault

OVERSEAS = {
    "971": "America/Guadeloupe", "972": "America/Martinique", "973": "America/Cayenne",
    "974": "Indian/Reunion", "975": "America/Miquelon", "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy", "978": "America/Marigot", "986": "Pacific/Wallis",
    "987": "Pacific/Tahiti", "988": "Pacific/Noumea",
}  # fmt: skip
"""Postcode's first three digits → IANA time zone, where it is not that of Paris."""
STREETS = {
    "all": "allee", "allees": "allee", "av": "avenue", "bd": "boulevard", "bld": "boulevard",
    "blvd": "boulevard", "boul": "boulevard", "chem": "chemin", "imp": "impasse", "pl": "place", "r": "rue",
    "rte": "route", "sq": "square",
}  # fmt: skip
LINKS = {"a", "d", "de", "des", "du", "la", "le", "les", "rue", "route", "avenue"}
"""After one of these, the commune's name is that of the street."""
POSTCODE = re.compile(r"\b\d{5}\b")


@dataclass(slots=True)
class Destinations:
    """Finds and makes, remembering what it found; ``notes`` say what was made or guessed.

    ``home`` takes every commune that nobody knows; without it, see ``_territory_for``.
    """

    festival: Festival
    home: Territory | None = None
    notes: list[Problem] = field(default_factory=list)
    _communes: dict[str, list[Commune]] = field(default_factory=dict)
    _territories: list[Territory] = field(default_factory=list)
    _chosen: dict[tuple[str, str], tuple[Territory, Commune]] = field(default_factory=dict)
    _usual: Territory | None = None
    _hosts: dict[tuple[int, str], Host] = field(default_factory=dict)
    _venues: dict[int, list[Venue]] = field(default_factory=dict)

    def learn(self, entries: Iterable[Entry]) -> None:
        """Look at the whole file first: the territory most of it lies in takes the communes nobody knows."""
        self._territories = list(Territory.objects.order_by("pk"))
        for commune in Commune.objects.select_related("territory").order_by("pk"):
            self._communes.setdefault(commune.folded_name, []).append(commune)
        known = Counter(
            found[0].territory_id for entry in entries if (found := self._communes.get(fold(entry.commune)))
        )
        if known:
            most = known.most_common(1)[0][0]
            self._usual = next(one for one in self._territories if one.pk == most)

    def commune(self, entry: Entry) -> tuple[Territory, Commune]:
        """The territory and the commune of an event, known or made."""
        key = (fold(entry.commune), entry.postcode[:3] if entry.postcode[:2] in ("97", "98") else "")
        if key not in self._chosen:
            self._chosen[key] = self._find_commune(entry) or self._make_commune(entry)
            territory = self._chosen[key][0]
            self.festival.territories.add(territory)
            self._usual = self._usual or territory
        return self._chosen[key]

    def host(self, entry: Entry, territory: Territory) -> Host:
        """The host of that name in the territory, marks and case aside."""
        key = (territory.pk, fold(entry.host)[:120])
        if key not in self._hosts:
            found = Host.objects.filter(territory=territory, sort_name=key[1]).order_by("pk").first()
            self._hosts[key] = found or Host.objects.create(
                territory=territory, name=entry.host, slug=free_slug(Host, entry.host), city=entry.commune
            )
        return self._hosts[key]

    def venue(self, entry: Entry, territory: Territory, commune: Commune) -> Venue | None:
        """The venue of that name in the commune, or at that number of that street; else a new one."""
        if not entry.venue:
            return None
        if commune.pk not in self._venues:
            self._venues[commune.pk] = list(
                Venue.objects.filter(commune=commune).select_related("commune", "territory").order_by("pk")
            )
        known = self._venues[commune.pk]
        name, street = name_key(entry.venue, entry.commune), street_key(entry.address, entry.commune)
        for venue in known:
            if name_key(venue.name, entry.commune) == name:
                return venue
        for venue in known:
            if street and street_key(venue.address, entry.commune) == street:
                return venue
        made = Venue.objects.create(
            territory=territory,
            commune=commune,
            name=entry.venue,
            slug=free_slug(Venue, entry.venue),
            address=tidy_address(entry.address, entry.commune),
            postcode=entry.postcode if len(entry.postcode) == 5 else postcode_in(entry.address),
            latitude=entry.latitude,
            longitude=entry.longitude,
            position_from="" if entry.latitude is None else Venue.PositionFrom.IMPORT,
        )
        known.append(made)
        return made

    def room(self, name: str, venue: Venue) -> Room:
        """The room of that name in the venue."""
        wanted = fold(name)[:120]
        found = Room.objects.filter(venue=venue, sort_name=wanted).order_by("pk").first()
        return found or Room.objects.create(venue=venue, name=name)

    def _find_commune(self, entry: Entry) -> tuple[Territory, Commune] | None:
        """A commune known by this name: of a territory of the edition rather than of another."""
        found = self._communes.get(fold(entry.commune), [])
        zone = OVERSEAS.get(entry.postcode[:3])
        if zone:
            found = [commune for commune in found if commune.territory.timezone == zone]
        if not found:
            return None
        taking_part = set(self.festival.territories.values_list("pk", flat=True))
        best = sorted(found, key=lambda commune: commune.territory_id not in taking_part)[0]
        return best.territory, best

    def _make_commune(self, entry: Entry) -> tuple[Territory, Commune]:
        territory, made = self._territory_for(entry)
        commune = Commune.objects.create(territory=territory, name=entry.commune)
        self._communes.setdefault(commune.folded_name, []).append(commune)
        if made:
            said = Fault.NEW_TERRITORY.of(territory=territory.name, zone=territory.timezone)
        else:
            said = Fault.NEW_COMMUNE.of(commune=commune.name, territory=territory.name)
        self.notes.append(entry.problem(said))
        return territory, commune

    def _territory_for(self, entry: Entry) -> tuple[Territory, bool]:
        """For a commune nobody knows: its namesake, the edition's only one, the file's usual, else new."""
        if self.home is not None:
            return self.home, False
        zone = OVERSEAS.get(entry.postcode[:3])
        for territory in self._territories:
            if territory.sort_name == fold(entry.commune):
                return territory, False
        if zone is None:
            only = list(self.festival.territories.all()[:2])
            if len(only) == 1:
                return only[0], False
            if self._usual is not None:
                return self._usual, False
        territory = Territory.objects.create(
            name=entry.commune,
            slug=free_slug(Territory, entry.commune),
            timezone=entry.timezone or zone or "Europe/Paris",
        )
        self._territories.append(territory)
        return territory, True


def name_key(name: str, commune: str) -> str:
    """A venue's name to compare: « La Cantine Toulouse » and « la cantine » are one."""
    folded, end = fold(name), f" {fold(commune)}"
    return folded.removesuffix(end) or folded


def street_key(address: str, commune: str) -> str:
    """A number and a street to compare: « 39 all. J. Guesde, 31000 X » → « 39 allee j guesde »; else empty.

    What follows the commune (region, country, a landmark) says nothing of the street.
    """
    words = fold(POSTCODE.sub(" ", address)).split()
    here = fold(commune).split()
    for at in range(2, len(words) - len(here) + 1):
        if words[at : at + len(here)] == here and words[at - 1] not in LINKS:
            words = words[:at]
            break
    if len(words) < 3 or not words[0].isdigit():
        return ""
    return " ".join(STREETS.get(word, word) for word in words)


def tidy_address(address: str, commune: str) -> str:
    """The street without the postcode and the commune that are kept beside it."""
    tidy = address.strip(" ,")
    end = re.compile(rf"[\s,]*(?:\b\d{{5}}\s+)?{re.escape(commune)}\s*$", re.IGNORECASE)
    while (shorter := end.sub("", tidy)) != tidy and shorter.strip(" ,"):
        tidy = shorter.strip(" ,")
    return tidy.replace("'", "’")


def postcode_in(address: str) -> str:
    found = POSTCODE.findall(address)
    return found[-1] if found else ""

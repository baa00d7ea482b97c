"""The Festival French Tech 2014 from its sources: an archived edition, by venue and day, nothing added.

The facts are those of ``events.data``; here are only their French words, where a fact was noted in English,
and which operation each event belonged to. What sources disagree about is said in a note.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from events.data import facts, sources_of
from events.folding import fold
from events.models import ArchiveEntry, Commune, Festival, Programme, Territory

SLUG = "festival-french-tech-2014"
EDITION, OPEN_DOORS = "edi-005", "edi-003"
LAST_OF_2014 = 16
"""fes-001 to fes-016 belong to this edition; the events after them are of other years and other festivals."""

ABOUT_FR = (
    "Annoncé le 26 mai 2014, le premier festival de la French Tech réunit en juin des rendez-vous de dix "
    "villes, dont Start-up Assembly, les 12, 13 et 14 juin. La presse le termine le 28 juin (Newzilla, "
    "Softonic) ou le 27 (Le Mag Numérique, ToutMontpellier).\n\nLe programme de Start-up Assembly, start-up "
    "par start-up, est perdu\u00a0: on ne le connaît que par lieu et par jour. Rien n’a été "
    "inventé pour combler les vides."
)
ABOUT_EN = (
    "Announced on 26 May 2014, the first French Tech festival brings together events of ten cities in June, "
    "among them Start-up Assembly on 12, 13 and 14 June. The press has it end on 28 June (Newzilla, "
    "Softonic) or 27 June (Le Mag Numérique, ToutMontpellier).\n\nThe programme of Start-up Assembly, "
    "start-up by start-up, is lost: it is known by venue and by day only. Nothing was invented to fill the "
    "gaps."
)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the edition: its events, and what is known of it."""

    name: str
    slug: str
    events: tuple[str, ...]
    organiser: str = ""
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    said_fr: str = ""
    said_en: str = ""
    fact: str = ""


OPERATIONS = (
    Operation(
        "Start-up Assembly 2014",
        "start-up-assembly-2014",
        ("fes-011", "fes-012"),
        starts_on=dt.date(2014, 6, 12),
        ends_on=dt.date(2014, 6, 14),
        said_fr="Troisième édition des portes ouvertes, la première sous ce nom. Près de 600 hôtes "
        "inscrits. "
        "L’organisation comptait doubler les 3\u00a0000 visites de 2013\u00a0; aucun décompte final n’a été "
        "retrouvé.",
        said_en="Third edition of the open doors, the first under this name. Nearly 600 hosts "
        "registered. The organiser expected to double the 3,000 visits of 2013; no final count was found.",
        fact=OPEN_DOORS,
    ),
    Operation(
        "Web2Day",
        "web2day-2014",
        ("fes-002", "fes-003"),
        organiser="Atlantic 2.0",
        starts_on=dt.date(2014, 6, 4),
        ends_on=dt.date(2014, 6, 6),
    ),
    Operation(
        "Futur en Seine",
        "futur-en-seine-2014",
        ("fes-009", "fes-010"),
        organiser="Cap Digital",
        starts_on=dt.date(2014, 6, 12),
        ends_on=dt.date(2014, 6, 22),
    ),
    Operation(
        "Festival de la French Tech à Montpellier",
        "montpellier-2014",
        ("fes-006", "fes-007", "fes-013", "fes-015"),
        starts_on=dt.date(2014, 6, 4),
        ends_on=dt.date(2014, 6, 27),
    ),
)
NAMES = {
    "fes-003": "Web2Day\u00a0: passage du secrétariat d’État, candidature de Nantes au label",
    "fes-010": "Futur en Seine\u00a0: village des innovations",
    "fes-011": "Start-up Assembly, étape de Toulouse",
    "fes-012": "Start-up Assembly, étape de Labège",
}
FORMATS = {"fes-002": "festival, conférences, concours de start-up"}
WHEN = {
    "fes-003": "mercredi matin",
    "fes-005": "14\u00a0h",
    "fes-012": "entre le 12 et le 14 juin 2014",
    "fes-014": "en juin 2014, jour inconnu",
    "fes-016": "fin juin 2014",
}
NOTES = {
    "fes-001": "Annonce datée du 26 mai (La Tribune)\u00a0; Le Monde Informatique écrit "
    "«\u00a0hier soir au Numa\u00a0».",
    "fes-006": "Le 5 juin selon La Tribune, le 6 juin selon Le Monde Informatique.",
    "fes-013": "D’abord annoncée place du Marché aux fleurs\u00a0; déplacée par une mise à jour du 12 juin, "
    "deux jours avant.",
}
FIGURES = {
    "fes-002": {
        "conférences": "70",
        "intervenants": "130",
        "participants": "1\u00a0850 (Comet) ou environ 1\u00a0800 (Le Mag Numérique)",
    },
    "fes-006": {"visites attendues": "1\u00a0600"},
    "fes-010": {"projets": "160"},
    "fes-015": {"événements": "plus de 30", "participants": "plus de 1\u00a0000"},
}


@transaction.atomic
def load_archive() -> Festival:
    """The archived edition with its operations and events; a second call brings it up to date."""
    edition = _fact("editions", EDITION)
    festival, _made = Festival.objects.update_or_create(
        slug=SLUG,
        defaults={
            "name": "Festival French Tech 2014",
            "tagline_fr": "Dix villes, un mois de juin.",
            "tagline_en": "Ten cities, one June.",
            "about_fr": ABOUT_FR,
            "about_en": ABOUT_EN,
            "starts_on": dt.date.fromisoformat(edition["dates_from"]),
            "ends_on": dt.date.fromisoformat(edition["dates_to"]),
            "state": Festival.State.ARCHIVED,
            "is_demo": False,
            "sources": _sources(edition),
        },
    )
    programmes = {
        event: programme
        for operation in OPERATIONS
        for programme in [_programme(festival, operation)]
        for event in operation.events
    }
    territories = {
        commune.folded_name: commune.territory for commune in Commune.objects.select_related("territory")
    }
    kept = []
    for fact in facts()["festival_events"]:
        if int(fact["id"].removeprefix("fes-")) <= LAST_OF_2014:
            _entry(festival, fact, programmes.get(fact["id"]), territories.get(fold(fact["city"])))
            kept.append(fact["id"])
    festival.archive.exclude(external_id__in=kept).delete()
    return festival


def _programme(festival: Festival, operation: Operation) -> Programme:
    facts_of = [_fact("festival_events", event) for event in operation.events]
    if operation.fact:
        facts_of.insert(0, _fact("editions", operation.fact))
    programme, _made = Programme.objects.update_or_create(
        festival=festival,
        slug=operation.slug,
        defaults={
            "name": operation.name,
            "organiser": operation.organiser,
            "description_fr": operation.said_fr,
            "description_en": operation.said_en,
            "starts_on": operation.starts_on,
            "ends_on": operation.ends_on,
            "sources": _sources(*facts_of),
        },
    )
    return programme


def _entry(
    festival: Festival, fact: dict[str, Any], programme: Programme | None, territory: Territory | None
) -> None:
    """One event. No link to a venue of today: a name in 2014 need not have been at today's address."""
    key = fact["id"]
    first = fact.get("date") or fact.get("date_from")
    last = fact.get("date") or fact.get("date_to")
    ArchiveEntry.objects.update_or_create(
        festival=festival,
        external_id=key,
        defaults={
            "programme": programme,
            "territory": territory,
            "name": NAMES.get(key, fact["name"]).replace("'", "’"),
            "city": fact["city"],
            "venue_name": fact.get("venue", "").replace("'", "’"),
            "starts_on": dt.date.fromisoformat(first) if first else None,
            "ends_on": dt.date.fromisoformat(last) if last else None,
            "when_text": WHEN.get(key, ""),
            "organiser": fact.get("organiser", ""),
            "format_text": FORMATS.get(key, fact["format"]),
            "note": NOTES.get(key, ""),
            "figures": FIGURES.get(key, {}),
            "sources": _sources(fact),
        },
    )


def _fact(kind: str, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = next(fact for fact in facts()[kind] if fact["id"] == identifier)
    return found


def _sources(*several: dict[str, Any]) -> list[dict[str, str]]:
    """The sources of one or more facts, each once."""
    by_key = {source.key: source.as_json() for fact in several for source in sources_of(fact)}
    return list(by_key.values())

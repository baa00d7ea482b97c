"""The demonstration edition itself: which days, under which name, with which rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from events.data import any_fact, sources_of
from events.demo.places import write_figures
from events.models import Festival, Programme, Territory
from events.reminders import default_reminder_rules

FIRST = dt.date(2027, 6, 10)
SUFFIX = {"small": "", "national": "-national", "heritage": "-patrimoine"}
"""How the address of an edition tells its scale."""
ABOUT_FR = (
    "Édition de démonstration\u00a0: les hôtes, les activités, les créneaux, les salles et les inscriptions "
    "sont fictifs. Les lieux cités avec leur adresse existent, ils n’ont rien annoncé ici."
)
ABOUT_EN = (
    "A demonstration edition: hosts, activities, slots, rooms and bookings are fictional. "
    "The venues given with their address exist; they have announced nothing here."
)


OPEN_DOORS = (
    {
        "value": "40",
        "label_fr": "hôtes environ à Paris, pour la première édition",
        "label_en": "hosts or so in Paris, for the first edition",
        "as_of": dt.date(2012, 9, 15),
        "exact": "month",
        "fact": "edi-001",
    },
    {
        "value": "3\u00a0847",
        "label_fr": "personnes inscrites la veille de l’ouverture, dans 17 villes",
        "label_en": "people registered on the eve, in 17 cities",
        "as_of": dt.date(2013, 9, 11),
        "fact": "edi-002",
    },
    {
        "value": "600",
        "label_fr": "hôtes inscrits, presque, la première année sous ce nom",
        "label_en": "hosts registered, nearly, in the first year under this name",
        "as_of": dt.date(2014, 6, 9),
        "exact": "month",
        "fact": "edi-003",
    },
    {
        "value": "1\u00a0000",
        "label_fr": "hôtes annoncés",
        "label_en": "hosts announced",
        "as_of": dt.date(2015, 5, 28),
        "exact": "month",
        "fact": "edi-004",
    },
)
"""What was written of the open doors since 2012: facts of ``events.data``."""


@dataclass(frozen=True, slots=True)
class Edition:
    festival: Festival
    programme: Programme
    programmes: dict[str, Programme]
    """By the end of their address; ``programme`` is the one of most activities."""

    @property
    def days(self) -> list[dt.date]:
        return self.festival.days


def opening_day(today: dt.date) -> dt.date:
    """The Thursday on which the next demonstration opens: 10 June 2027, then each second Thursday of June."""
    if today < FIRST:
        return FIRST
    year = today.year
    while True:
        first_of_june = dt.date(year, 6, 1)
        thursday = first_of_june + dt.timedelta(days=(3 - first_of_june.weekday()) % 7 + 7)
        if today < thursday:
            return thursday
        year += 1


def found_edition() -> Festival | None:
    """A demonstration that is already there."""
    return Festival.objects.filter(is_demo=True).order_by("-starts_on", "-pk").first()


def scale_of(festival: Festival) -> str:
    """On which scale a demonstration was built."""
    return next((scale for scale, suffix in SUFFIX.items() if suffix and suffix in festival.slug), "small")


def create_edition(*, scale: str, today: dt.date, territories: Sequence[Territory]) -> Edition:
    """A published edition of three days, plainly labelled, with its operation Start-up Assembly."""
    starts_on = opening_day(today)
    ends_on = starts_on + dt.timedelta(days=2)
    festival = Festival.objects.create(
        name=f"Festival French Tech {starts_on.year} (démonstration)",
        slug=f"demonstration-{starts_on.year}{SUFFIX[scale]}",
        tagline_fr="Poussez la porte.",
        tagline_en="Push the door.",
        about_fr=ABOUT_FR,
        about_en=ABOUT_EN,
        starts_on=starts_on,
        ends_on=ends_on,
        state=Festival.State.PUBLISHED,
        is_demo=True,
        contact_email="bonjour@demo.example",
    )
    festival.territories.set(territories)
    default_reminder_rules(festival)
    programme = Programme.objects.create(
        festival=festival,
        name="Start-up Assembly",
        slug="start-up-assembly",
        tagline_fr="Les portes ouvertes des start-up, depuis 2012.",
        tagline_en="The open doors of start-ups, since 2012.",
        organiser="Organisation de démonstration",
        description_fr="Pendant trois jours, les start-ups reçoivent chez elles. C’est gratuit, sans compte.",
        description_en="For three days, start-ups receive at home. Free, without an account.",
        starts_on=starts_on,
        ends_on=ends_on,
        sources=list(
            {
                source.key: source.as_json()
                for one in OPEN_DOORS
                for source in sources_of(any_fact(str(one["fact"])))
            }.values()
        ),
    )
    write_figures(OPEN_DOORS, programme=programme)
    backstage = Programme.objects.create(
        festival=festival,
        name="Les coulisses",
        slug="les-coulisses",
        organiser="Organisation de démonstration",
        description_fr="Des portes ouvertes une fois l’an. Leurs places se réservent en deux vagues.",
        description_en="Doors that open once a year. Their places are booked in two waves.",
        starts_on=starts_on,
        ends_on=ends_on,
    )
    return Edition(festival, programme, {one.slug: one for one in (programme, backstage)})

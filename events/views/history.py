"""What is known of the editions since 2012, in our words, each with its sources.

The figures come from ``events.data``; where sources disagree, the sentence says so. Nothing here is computed
from
the site's own tables: an edition of this site is counted on its own page.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from events import data
from events.data import Source

MOST_HOSTS = 1000


@dataclass(frozen=True, slots=True)
class PastEdition:
    """``hosts`` draws the bar, 0 draws none; ``said`` is the sentence beside it."""

    key: str
    year: str
    name: str
    said: str
    hosts: int
    sources: list[Source]

    @property
    def bar_end(self) -> int:
        return self.hosts - 8


def growth() -> list[PastEdition]:
    """The open doors from 2012 to 2015: about forty hosts, then a thousand."""
    return [
        _edition(
            "edi-001",
            "2012",
            "Journées du patrimoine des startups",
            _("about 40 hosts in Paris, more than 1,200 visits"),
            40,
        ),
        _edition(
            "edi-002",
            "2013",
            "Journées du patrimoine des startups",
            _("200 to 400 hosts depending on the source, 17 cities, 3,847 people registered on the eve"),
            250,
        ),
        _edition(
            "edi-003",
            "2014",
            "Start-up Assembly",
            _("nearly 600 hosts; stops at La Cantine in Toulouse and TIC Valley in Labège"),
            600,
        ),
        _edition(
            "edi-004",
            "2015",
            "Start-up Assembly",
            _("1,000 hosts announced, nearly 15,000 visits expected"),
            MOST_HOSTS,
        ),
    ]


def kin() -> list[PastEdition]:
    """What grew beside it."""
    return [
        _edition(
            "edi-006",
            "2015",
            "French Tech Weeks, Aix-Marseille",
            _("23 events from 24 September to 16 October; more than 800 people at the opening night"),
        ),
        _edition(
            "edi-007",
            "2016",
            "French Tech Weeks, Aix-Marseille",
            _("about thirty events in three weeks, more than 35,000 visits"),
        ),
        _edition(
            "edi-008",
            "2017",
            "French Tech Weeks, Aix-Marseille",
            _("six weeks; 1,700 people at the opening night, Hangar J1 in Marseille"),
        ),
        _edition(
            "edi-010",
            "2013",
            "Portes ouvertes start-up, Montréal",
            _("about 45 hosts, more than 1,000 people registered before the day"),
        ),
        _edition(
            "edi-011",
            "2014",
            "Startup Open House, Montréal, Toronto",
            _("more than 150 hosts, 5,000 visits as told a year later"),
        ),
        _edition(
            "edi-012",
            "2015",
            "Startup Open House, Canada",
            _("about 175 hosts in Montréal, up to 500 in five cities"),
        ),
    ]


def _edition(key: str, year: str, name: str, said: str, hosts: int = 0) -> PastEdition:
    fact = next(one for one in data.facts()["editions"] if one["id"] == key)
    return PastEdition(key, year, name, said, hosts, data.sources_of(fact))

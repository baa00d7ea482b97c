"""What each door shows and says, in both languages."""

import datetime as dt
from dataclasses import dataclass

import pytest
from django.utils.translation import override

from events.doors import read_door

pytestmark = pytest.mark.once

NOW = dt.datetime(2027, 6, 3, 8, 0, tzinfo=dt.UTC)


@dataclass
class PlainSlot:
    """As much of a slot as a door reads; no database."""

    state: str = "published"
    starts_at: dt.datetime = dt.datetime(2027, 6, 10, 12, 0, tzinfo=dt.UTC)
    ends_at: dt.datetime = dt.datetime(2027, 6, 10, 12, 45, tzinfo=dt.UTC)
    timezone: str = "Europe/Paris"
    capacity: int | None = 15
    places_left: int | None = 12
    waiting: int = 0
    waiting_list_open: bool = True
    opens_at: dt.datetime | None = None
    next_release_at: dt.datetime | None = None
    next_places: int | None = None
    cancelled_at: dt.datetime | None = None
    cancelled_by_host: bool = False
    mode: str = "first_come"
    draws_at: dt.datetime | None = None


def nb(text: str) -> str:
    return text.replace("~", "\u00a0")


OPENING = dt.datetime(2027, 6, 7, 10, 0, tzinfo=dt.UTC)
CANCELLED = dt.datetime(2027, 6, 1, 22, 30, tzinfo=dt.UTC)

DOORS = [
    (PlainSlot(), "porte-ouverte", "12~places", "12 places"),
    (PlainSlot(capacity=1500, places_left=1240), "porte-ouverte", "1~240~places", "1,240 places"),
    (PlainSlot(capacity=None, places_left=None), "porte-ouverte",
     "Sans limite de places", "Places for everyone"),
    (PlainSlot(places_left=3), "porte-entrouverte", "Dernières places~: 3", "Last places: 3"),
    (PlainSlot(places_left=1), "porte-entrouverte", "Dernière place", "Last place"),
    (PlainSlot(capacity=50, places_left=10), "porte-entrouverte", "Dernières places~: 10", "Last places: 10"),
    (PlainSlot(capacity=50, places_left=11), "porte-ouverte", "11~places", "11 places"),
    (PlainSlot(places_left=0, waiting=4), "porte-attente", "Complet, 4 en attente", "Full, 4 waiting"),
    (PlainSlot(places_left=0), "porte-attente", "Complet, liste d’attente", "Full, waiting list"),
    (PlainSlot(places_left=0, waiting_list_open=False), "porte-fermee",
     "Complet, liste close", "Full, list closed"),
    (PlainSlot(mode="drop_in", capacity=None, places_left=None), "porte-libre", "Entrée libre", "Drop-in"),
    (PlainSlot(mode="ballot"), "porte-bientot", "Tirage au sort", "Ballot"),
    (PlainSlot(mode="ballot", draws_at=OPENING), "porte-bientot",
     "Tirage au sort le 7~juin à~12~h", "Ballot on 7~June at~12:00"),
    (PlainSlot(mode="ballot", draws_at=NOW), "porte-bientot",
     "Tirage au sort en cours", "Ballot being drawn"),
    (PlainSlot(opens_at=OPENING), "porte-bientot", "Ouvre le 7~juin à~12~h", "Opens on 7~June at~12:00"),
    (PlainSlot(opens_at=NOW), "porte-ouverte", "12~places", "12 places"),
    (PlainSlot(places_left=0, next_release_at=OPENING, next_places=5), "porte-bientot",
     "Complet pour l’instant, 5~places le 7~juin à~12~h", "Full for now, 5 places on 7~June at~12:00"),
    (PlainSlot(places_left=0, next_release_at=OPENING), "porte-bientot",
     "Complet pour l’instant, d’autres places le 7~juin à~12~h",
     "Full for now, more places on 7~June at~12:00"),
    (PlainSlot(places_left=0, next_release_at=OPENING, next_places=5, waiting=4), "porte-attente",
     "Complet, 4 en attente", "Full, 4 waiting"),
    (PlainSlot(places_left=0, next_release_at=NOW, next_places=5), "porte-ouverte", "5~places", "5 places"),
    (PlainSlot(capacity=12, places_left=14), "porte-ouverte", "12~places", "12 places"),
    (PlainSlot(state="cancelled", cancelled_at=CANCELLED), "porte-annulee", "Annulé", "Cancelled"),
    (PlainSlot(state="draft"), "porte-bientot", "Brouillon", "Draft"),
    (PlainSlot(starts_at=NOW), "porte-fermee", "Inscriptions closes", "Booking closed"),
    (PlainSlot(starts_at=NOW, ends_at=NOW), "porte-fermee", "Terminé", "Over"),
]  # fmt: skip


@pytest.mark.parametrize(("slot", "symbol", "french", "english"), DOORS)
def test_a_door_is_drawn_and_said(slot: PlainSlot, symbol: str, french: str, english: str) -> None:
    assert read_door(slot, now=NOW).symbol == symbol
    with override("fr"):
        assert read_door(slot, now=NOW).words == nb(french)
    with override("en"):
        assert read_door(slot, now=NOW).words == nb(english)


def test_every_drawing_has_its_door() -> None:
    assert {symbol for _slot, symbol, _french, _english in DOORS} == {
        "porte-ouverte",
        "porte-entrouverte",
        "porte-fermee",
        "porte-attente",
        "porte-libre",
        "porte-bientot",
        "porte-annulee",
    }


@pytest.mark.parametrize(
    ("slot", "main", "note"),
    [
        (PlainSlot(), "12~places", "sur 15"),
        (PlainSlot(places_left=2), "Dernières places~: 2", "sur 15"),
        (PlainSlot(places_left=0, waiting=4), "Complet", "4 en attente"),
        (PlainSlot(mode="drop_in"), "Entrée libre", "sans inscription"),
        (PlainSlot(opens_at=OPENING), "15~places", "ouvre le 7~juin à~12~h"),
        # Cancelled at 22:30 UTC: in Toulouse it was already the 2nd.
        (PlainSlot(state="cancelled", cancelled_at=CANCELLED, cancelled_by_host=True),
         "Annulé", "par l’hôte, le 2~juin"),
        (PlainSlot(state="cancelled", cancelled_at=CANCELLED), "Annulé", "le 2~juin"),
    ],
)  # fmt: skip
def test_a_list_says_it_in_two_lines(slot: PlainSlot, main: str, note: str) -> None:
    with override("fr"):
        door = read_door(slot, now=NOW)
    assert (door.main, door.note) == (nb(main), nb(note))


def test_only_an_open_door_can_be_booked_and_only_a_full_one_waited_for() -> None:
    can = {
        name: (read_door(slot, now=NOW).is_bookable, read_door(slot, now=NOW).can_wait)
        for name, slot in {
            "open": PlainSlot(),
            "last": PlainSlot(places_left=1),
            "full": PlainSlot(places_left=0),
            "closed list": PlainSlot(places_left=0, waiting_list_open=False),
            "drop-in": PlainSlot(mode="drop_in"),
            "soon": PlainSlot(opens_at=OPENING),
            "cancelled": PlainSlot(state="cancelled"),
            "begun": PlainSlot(starts_at=NOW),
        }.items()
    }
    assert can == {
        "open": (True, False),
        "last": (True, False),
        "full": (False, True),
        "closed list": (False, False),
        "drop-in": (False, False),
        "soon": (False, False),
        "cancelled": (False, False),
        "begun": (False, False),
    }

"""What a line of the log shows of an address, and what it must not."""

from __future__ import annotations

import pytest
from django.core import signing

from events import links
from events.views.tickets import write_receipt
from festival.logs import hide_secret_links

KEYS = {
    "/mes-visites/{}/annuler/": lambda: links.token_from(links.new_nonce(), purpose="visits"),
    "/mes-visites/{}/": lambda: links.registration_token(7),
    "/nouvelle-adresse/{}/": lambda: links.new_address_token(7, links.new_nonce(), "camille@example.org"),
    "/suivre/oui/{}/": lambda: links.follow_token(7),
    "/suivre/stop/{}/": lambda: links.follows_off_token(7, [8, 9]),
    "/mes-suivis/{}/": lambda: links.follows_token(7),
    "/sans-rappel/{}/": lambda: links.reminders_token(7),
    "/sans-envoi/{}/": lambda: links.broadcasts_token("camille@example.org"),
    "/bureau/courriels/{}/": lambda: links.desk_mails_token(7, "digests"),
    "/salles/7/{}.ics": lambda: links.token_from(links.new_nonce(), purpose="room-calendar:7"),
    "/hote/rejoindre/{}/": lambda: signing.dumps({"host": 7, "email": "a" * 80}, salt="x", compress=True),
    "/inscriptions/{}/": lambda: write_receipt(
        slot_id=7, party_size=2, is_waiting=False, email="camille@example.org"
    ),
}
WORDS = [
    "/villes/toulouse-metropole-et-sicoval/",
    "/programme.geojson?ville=toulouse-metropole-et-sicoval",
    "/static/js/enhancements.js",
    "/admin/events/roomoccupancy/add/",
]


@pytest.mark.parametrize("address", list(KEYS))
def test_a_line_shows_four_signs_of_a_secret_link(address: str) -> None:
    key = KEYS[address]()

    shown = hide_secret_links(None, "info", {"request": f"GET {address.format(key)}"})["request"]

    rest = address.partition("{}")[2]
    assert shown == f"GET {address.partition('{}')[0]}{key[:4]}…{rest}"


@pytest.mark.parametrize("address", WORDS)
def test_a_line_shows_the_words_of_an_address(address: str) -> None:
    assert hide_secret_links(None, "info", {"request": f"GET {address}"})["request"] == f"GET {address}"

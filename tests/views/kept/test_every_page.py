"""What holds for every page that a link in a mail opens, and for the list of one's visits."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Festival, Registration
from tests.factories import NOW
from tests.views.kept.ground import (
    HOUR,
    NB,
    book,
    home,
    offered,
    page_of,
    slot_of,
    status,
    text,
)

pytestmark = pytest.mark.django_db


PAGES = ("proposition", "confirmer", "choisir", "dernier-appel", "partager")


@pytest.mark.parametrize("name", PAGES)
def test_anothers_reference_does_not_exist(client: Client, festival: Festival, name: str) -> None:
    mine = offered(festival)
    book(slot_of(festival), email="sacha@example.org")
    address = f"{home('sacha@example.org')}{mine.reference}/{name}/"

    assert client.get(address).status_code == 404
    assert client.post(address, {"answer": "take", "first": "1"}).status_code == 404
    assert status(mine) == "held"


@pytest.mark.parametrize("name", PAGES)
def test_a_confirmed_visit_stays_whatever_is_pressed(client: Client, festival: Festival, name: str) -> None:
    mine = book(slot_of(festival), 2)

    for body in ({"answer": "take"}, {"answer": "pass"}, {"first": "1"}, {"keep": "1"}, {"give_back": ""}):
        assert client.post(page_of(mine, name), body).headers["Location"] == home()

    mine.refresh_from_db()
    assert (mine.status, mine.party_size) == ("confirmed", 2)
    assert "Cette visite est à vous" in text(client.get(page_of(mine, name)))


@pytest.mark.parametrize("name", PAGES)
def test_forms_are_guarded_against_other_sites(festival: Festival, name: str) -> None:
    mine = offered(festival)

    response = Client(enforce_csrf_checks=True).post(page_of(mine, name), {"answer": "take"})

    assert response.status_code == 403
    assert status(mine) == "held"


class TestMyVisits:
    def test_offers_come_first_with_their_end(self, client: Client, festival: Festival) -> None:
        book(slot_of(festival, activity__title_fr="Le four solaire"))
        mine = offered(festival, 2)

        page = client.get(home()).content.decode()

        assert f'action="{page_of(mine, "proposition")}"' in page
        assert page.index("2 places se sont libérées") < page.index("Le four solaire")
        assert f"jusqu’au mardi{NB}4{NB}mai à{NB}10{NB}h" in page
        assert page.count('class="ticket"') == 1

    def test_what_ran_out_is_no_longer_shown_as_kept(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        offered(festival)
        clock.move_to(NOW + 24 * HOUR)

        assert "panel offer" not in client.get(home()).content.decode()

    def test_costs_the_same_for_one_and_three_offers(self, client: Client, festival: Festival) -> None:
        counts = []
        for number in (1, 3):
            while Registration.objects.filter(hold="offer").count() < number:
                offered(festival)
            with CaptureQueriesContext(connection) as queries:
                page = client.get(home()).content.decode()
            assert page.count("panel offer") == number
            counts.append(len(queries))

        assert counts[0] == counts[1]

"""Near the start, free places go to the first click."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from events.models import Festival, Registration
from events.registration.cancel import cancel_registration
from tests.views.kept.ground import (
    HOUR,
    book,
    home,
    page_of,
    slot_of,
    status,
    text,
)

pytestmark = pytest.mark.django_db


class TestLastCall:
    def waiting(self, festival: Festival, party_size: int = 1, capacity: int = 1) -> Registration:
        slot = slot_of(festival, capacity=capacity, start_time=dt.time(14))
        book(slot, capacity, email="dominique@example.org")
        return book(slot, party_size, wait=True)

    def free(self, mine: Registration, clock: Any, places: int = 1) -> None:
        """Half an hour before the start places are given back."""
        at = mine.slot.starts_at - HOUR / 2
        clock.move_to(at)
        there = Registration.objects.get(slot=mine.slot_id, visitor__email="dominique@example.org")
        cancel_registration(registration_id=there.pk, now=at, places=places)

    def test_shows_what_is_free_and_goes_to_the_first_click(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        mine = self.waiting(festival)
        following = book(mine.slot, email="sacha@example.org", wait=True)
        self.free(mine, clock)

        shown = client.get(page_of(following, "dernier-appel"))
        assert status(following) == "waiting"
        won = client.post(page_of(following, "dernier-appel"))
        lost = client.post(page_of(mine, "dernier-appel"))

        assert "Une place est libre" in text(shown)
        assert won.headers["Location"] == home("sacha@example.org")
        assert lost.status_code == 409
        assert "Quelqu’un a été plus rapide." in text(lost)
        assert (status(following), status(mine)) == ("confirmed", "waiting")

    def test_pressed_twice_is_won_once(self, client: Client, festival: Festival, clock: Any) -> None:
        mine = self.waiting(festival)
        self.free(mine, clock)

        answers = [client.post(page_of(mine, "dernier-appel")) for _time in range(2)]

        assert [a.headers["Location"] for a in answers] == [home(), home()]
        assert status(mine) == "confirmed"

    def test_before_the_last_hour_offers_go_in_turn(self, client: Client, festival: Festival) -> None:
        mine = self.waiting(festival)

        shown = client.get(page_of(mine, "dernier-appel"))
        pressed = client.post(page_of(mine, "dernier-appel"))

        assert (shown.status_code, pressed.status_code) == (200, 409)
        assert "Les places vont encore à tour de rôle" in text(shown)
        assert status(mine) == "waiting"

    def test_a_party_too_large_is_shown_the_way_to_fewer(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        mine = self.waiting(festival, party_size=3, capacity=4)
        self.free(mine, clock, places=2)

        response = client.get(page_of(mine, "dernier-appel"))

        assert "2 places sont libres, et vous en attendez 3" in text(response)
        assert f'href="{page_of(mine, "partager")}"' in response.content.decode()

    def test_when_all_is_taken_one_can_look_again(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        mine = self.waiting(festival)
        clock.move_to(mine.slot.starts_at - HOUR / 2)

        assert "Tout est repris" in text(client.get(page_of(mine, "dernier-appel")))

    def test_is_over_at_the_start(self, client: Client, festival: Festival, clock: Any) -> None:
        mine = self.waiting(festival)
        clock.move_to(mine.slot.starts_at)

        shown = client.get(page_of(mine, "dernier-appel"))
        pressed = client.post(page_of(mine, "dernier-appel"))

        assert (shown.status_code, pressed.status_code) == (200, 409)
        assert "Cette visite a commencé" in text(pressed)

    def test_that_overlaps_leads_to_the_choice_which_wins_it(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        mine = self.waiting(festival)
        other = book(slot_of(festival, start_time=dt.time(14, 30)))
        self.free(mine, clock)

        response = client.post(page_of(mine, "dernier-appel"))
        assert response.headers["Location"] == page_of(mine, "choisir")
        client.post(page_of(mine, "choisir"), {"give_back": other.reference})

        assert (status(mine), status(other)) == ("confirmed", "cancelled")

"""A waiting party that splits, or takes fewer places."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client

from events.models import Festival, Registration
from events.registration.cancel import cancel_registration
from tests import factories as f
from tests.factories import NOW
from tests.views.kept.ground import (
    EMAIL,
    NB,
    book,
    home,
    page_of,
    slot_of,
    text,
)

pytestmark = pytest.mark.django_db


class TestSplit:
    def waiting(self, festival: Festival, party_size: int = 4) -> Registration:
        slot = slot_of(festival, capacity=4)
        book(slot, 4, email="dominique@example.org")
        return book(slot, party_size, wait=True)

    def sizes(self, email: str = EMAIL) -> list[tuple[int, str]]:
        mine = Registration.objects.filter(visitor__email=email).order_by("pk")
        return list(mine.values_list("party_size", "status"))

    def test_shows_the_ways_and_changes_nothing(self, client: Client, festival: Festival) -> None:
        mine = self.waiting(festival)

        page = client.get(page_of(mine, "partager")).content.decode()

        assert re.findall(r'name="first" value="(\d+)"', page) == ["2", "3"]
        assert re.findall(r'name="keep" value="(\d+)"', page) == ["3", "2", "1"]
        assert self.sizes() == [(4, "waiting")]

    def test_splits_once_however_often_it_is_pressed(self, client: Client, festival: Festival) -> None:
        mine = self.waiting(festival)

        answers = [client.post(page_of(mine, "partager"), {"first": "3"}) for _time in range(2)]

        assert [a.headers["Location"] for a in answers] == [home(), home()]
        assert self.sizes() == [(3, "waiting"), (1, "waiting")]
        said = text(client.get(home()))
        assert f"Vous attendez 3{NB}places et 1{NB}place, avec le rang que vous aviez." in said
        assert "Le groupe était déjà partagé." in said

    def test_takes_fewer_with_the_same_rank(self, client: Client, festival: Festival) -> None:
        mine = self.waiting(festival)
        book(mine.slot, 4, email="sacha@example.org", wait=True)

        for _time in range(2):
            client.post(page_of(mine, "partager"), {"keep": "2"})

        assert self.sizes() == [(2, "waiting")]
        assert "1<sup>er</sup> sur la liste" in client.get(home()).content.decode()

    def test_takes_fewer_in_every_slot_of_the_request(self, client: Client, festival: Festival) -> None:
        slot = slot_of(festival, capacity=4)
        other = f.SlotFactory(activity=slot.activity, capacity=4, start_time=dt.time(19))
        for full in (slot, other):
            book(full, 4, email="dominique@example.org")
        mine = book(slot, 4, wait=True, any_of=[other.pk])

        client.post(page_of(mine, "partager"), {"keep": "1"})

        assert self.sizes() == [(1, "waiting"), (1, "waiting")]

    def test_what_fits_now_is_offered_at_once(self, client: Client, festival: Festival) -> None:
        mine = self.waiting(festival)
        there = Registration.objects.get(slot=mine.slot_id, visitor__email="dominique@example.org")
        cancel_registration(registration_id=there.pk, now=NOW, places=2)

        response = client.post(page_of(mine, "partager"), {"first": "2"}, follow=True)

        [(where, _status)] = response.redirect_chain
        assert where.endswith("/proposition/")
        assert "2 places se sont libérées" in text(response)
        assert self.sizes() == [(2, "held"), (2, "waiting")]

    @pytest.mark.parametrize(
        "typed",
        [
            {},
            {"first": "4"},
            {"first": "0"},
            {"keep": "5"},
            {"keep": "0"},
            {"first": "²"},
            {"keep": "9" * 99},
        ],
    )
    def test_a_way_that_is_none_asks_again(
        self, client: Client, festival: Festival, typed: dict[str, str]
    ) -> None:
        mine = self.waiting(festival)

        response = client.post(page_of(mine, "partager"), typed)

        # All of them is what the party is already: said, not refused.
        assert response.status_code == (302 if typed == {"first": "4"} else 422)
        assert self.sizes() == [(4, "waiting")]

    def test_one_person_has_nothing_to_split(self, client: Client, festival: Festival) -> None:
        assert "Il n’y a rien à partager" in text(
            client.get(page_of(self.waiting(festival, party_size=1), "partager"))
        )

    def test_who_no_longer_waits_is_told_what_became_of_it(self, client: Client, festival: Festival) -> None:
        mine = book(slot_of(festival), 2)

        shown = client.get(page_of(mine, "partager"))
        pressed = client.post(page_of(mine, "partager"), {"first": "1"})

        assert "Cette visite est à vous" in text(shown)
        assert pressed.headers["Location"] == home()
        assert self.sizes() == [(2, "confirmed")]

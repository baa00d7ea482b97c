"""Everything goes to another address by the link that went there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import Festival, Visitor
from events.registration.address import write_token
from tests.factories import NOW
from tests.views.kept.ground import (
    EMAIL,
    HOUR,
    book,
    home,
    slot_of,
    text,
)

pytestmark = pytest.mark.django_db


class TestNewAddress:
    NEW = "camille@autre.example"

    def link(self) -> str:
        return f"/nouvelle-adresse/{write_token(visitor=Visitor.objects.get(email=EMAIL), email=self.NEW)}/"

    def test_shows_from_where_to_where_and_changes_nothing(self, client: Client, festival: Festival) -> None:
        book(slot_of(festival))

        response = client.get(self.link())

        said = text(response)
        assert "ca…e@example.org" in said
        assert self.NEW in said
        assert EMAIL not in said
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert Visitor.objects.get().email == EMAIL

    def test_takes_everything_there_under_a_new_link(self, client: Client, festival: Festival) -> None:
        mine, old_home, link = book(slot_of(festival)), home(), self.link()

        response = client.post(link)

        assert response.headers["Location"] == home(self.NEW)
        assert mine.reference in client.get(home(self.NEW)).content.decode()
        assert client.get(old_home).status_code == 404
        assert client.get(link).status_code == 410
        assert client.post(link).status_code == 410

    def test_a_place_held_twice_is_named_and_nothing_changes(
        self, client: Client, festival: Festival
    ) -> None:
        slot = slot_of(festival, activity__title_fr="Le four solaire")
        book(slot)
        book(slot, email=self.NEW)

        response = client.post(self.link())

        assert response.status_code == 409
        assert "Le four solaire" in text(response)
        assert sorted(Visitor.objects.values_list("email", flat=True)) == sorted([EMAIL, self.NEW])

    def test_a_link_too_old_says_so(self, client: Client, festival: Festival, clock: Any) -> None:
        book(slot_of(festival))
        link = self.link()
        clock.move_to(NOW + 25 * HOUR)

        response = client.post(link)

        assert response.status_code == 410
        assert "pendant 24" in text(response)

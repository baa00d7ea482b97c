"""Places kept until the address is confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import Festival, Visitor
from tests.factories import NOW
from tests.views.kept.ground import (
    EMAIL,
    HOUR,
    NB,
    offered,
    page_of,
    status,
    text,
    to_choose,
    unconfirmed,
)

pytestmark = pytest.mark.django_db


class TestConfirm:
    def test_shows_until_when_and_confirms_by_a_press(self, client: Client, festival: Festival) -> None:
        mine = unconfirmed(festival, 2)

        shown = client.get(page_of(mine, "confirmer"))
        assert status(mine) == "held"
        pressed = client.post(page_of(mine, "confirmer"), {"answer": "take"}, follow=True)

        assert f"Vos 2{NB}places sont gardées jusqu’au lundi{NB}3{NB}mai à{NB}10{NB}h{NB}30" in text(shown)
        assert f"encore 30{NB}min" in text(shown)
        assert status(mine) == "confirmed"
        assert mine.reference in pressed.content.decode()
        assert Visitor.objects.get(email=EMAIL).verified_at == NOW

    def test_comes_too_late_after_half_an_hour(self, client: Client, festival: Festival, clock: Any) -> None:
        mine = unconfirmed(festival)
        clock.move_to(NOW + HOUR / 2)

        response = client.post(page_of(mine, "confirmer"), {"answer": "take"})

        assert response.status_code == 409
        assert "Le délai est passé" in text(response)
        assert Visitor.objects.get(email=EMAIL).verified_at is None

    def test_can_be_let_pass(self, client: Client, festival: Festival) -> None:
        mine = unconfirmed(festival)

        client.post(page_of(mine, "confirmer"), {"answer": "pass"})

        assert status(mine) == "cancelled"
        assert Visitor.objects.get(email=EMAIL).verified_at is None

    @pytest.mark.parametrize(
        ("make", "asked", "right"),
        [
            (offered, "confirmer", "proposition"),
            (unconfirmed, "proposition", "confirmer"),
            (lambda festival: to_choose(festival)[1], "proposition", "choisir"),
        ],
    )
    def test_another_kind_of_hold_leads_to_its_own_page(
        self, client: Client, festival: Festival, make: Any, asked: str, right: str
    ) -> None:
        mine = make(festival)

        assert client.get(page_of(mine, asked)).headers["Location"] == page_of(mine, right)

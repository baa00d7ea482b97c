"""Visits in one another's way: which to have."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.links import registration_token
from events.models import Festival, Registration
from events.registration.cancel import cancel_registration
from tests.factories import NOW
from tests.views.kept.ground import (
    HOUR,
    NB,
    book,
    home,
    page_of,
    slot_of,
    status,
    text,
    to_choose,
)

pytestmark = pytest.mark.django_db


class TestChoose:
    def test_shows_both_and_changes_nothing(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)

        said = text(client.get(page_of(mine, "choisir")))

        assert "Vous avez une autre visite à ce moment-là." in said
        when = f"jeudi{NB}10{NB}juin, 14{NB}h"
        choice = f"Prendre «{NB}Un robot au jardin{NB}» et rendre «{NB}Le four solaire{NB}» ({when})"
        assert choice in said
        assert (status(before), status(mine)) == ("confirmed", "held")

    def test_changes_to_the_new_visit_in_one_step(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)

        answers = [
            client.post(page_of(mine, "choisir"), {"give_back": before.reference}) for _time in range(2)
        ]

        assert [a.headers["Location"] for a in answers] == [home(), home()]
        assert (status(before), status(mine)) == ("cancelled", "confirmed")

    def test_keeps_the_old_one_and_lets_the_new_pass(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)

        client.post(page_of(mine, "choisir"), {"answer": "pass", "give_back": before.reference})

        assert (status(before), status(mine)) == ("confirmed", "cancelled")

    @pytest.mark.parametrize("limit", ["most_bookings_per_day", "most_bookings"])
    def test_offers_each_of_too_many(self, client: Client, festival: Festival, limit: str) -> None:
        before, mine = to_choose(festival, **{limit: 1})

        page = client.get(page_of(mine, "choisir")).content.decode()
        client.post(page_of(mine, "choisir"), {"give_back": before.reference})

        assert re.findall(r'name="give_back" id="c-\d+" value="([^"]*)"', page) == [before.reference]
        assert (status(before), status(mine)) == ("cancelled", "confirmed")

    @pytest.mark.parametrize("typed", [{}, {"give_back": "NOPE-2345"}, {"give_back": "\x00"}])
    def test_asks_again_when_nothing_was_chosen(
        self, client: Client, festival: Festival, typed: dict[str, str]
    ) -> None:
        before, mine = to_choose(festival)

        response = client.post(page_of(mine, "choisir"), typed)

        assert response.status_code == 422
        assert "Dites quelle visite vous gardez." in text(response)
        assert (status(before), status(mine)) == ("confirmed", "held")

    def test_giving_back_what_is_not_enough_asks_again(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)

        response = client.post(page_of(mine, "choisir"), {"give_back": ""})

        assert response.status_code == 409
        assert (status(before), status(mine)) == ("confirmed", "held")

    def test_gives_back_nothing_of_somebody_else(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)
        foreign = book(slot_of(festival), email="dominique@example.org")

        value = f"{before.reference},{foreign.reference}"
        response = client.post(page_of(mine, "choisir"), {"give_back": value})

        assert response.status_code == 422
        assert [status(r) for r in (before, mine, foreign)] == ["confirmed", "held", "confirmed"]

    def test_needs_no_choice_when_the_other_is_gone(self, client: Client, festival: Festival) -> None:
        before, mine = to_choose(festival)
        cancel_registration(registration_id=before.pk, now=NOW)

        said = text(client.get(page_of(mine, "choisir")))
        client.post(page_of(mine, "choisir"), {"give_back": ""})

        assert "Plus rien n’empêche cette visite." in said
        assert status(mine) == "confirmed"

    def test_is_over_after_half_an_hour(self, client: Client, festival: Festival, clock: Any) -> None:
        before, mine = to_choose(festival)
        clock.move_to(NOW + HOUR / 2)

        shown = client.get(page_of(mine, "choisir"))
        pressed = client.post(page_of(mine, "choisir"), {"give_back": before.reference})

        assert (shown.status_code, pressed.status_code) == (200, 409)
        assert "Le délai est passé" in text(shown)
        assert status(before) == "confirmed"

    def test_a_visit_that_has_begun_cannot_be_given_back(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        before, mine = to_choose(festival)
        begun = before.slot.starts_at + dt.timedelta(minutes=1)
        Registration.objects.filter(pk=mine.pk).update(held_until=begun + HOUR)
        clock.move_to(begun)

        shown = client.get(page_of(mine, "choisir"))
        pressed = client.post(page_of(mine, "choisir"), {"give_back": before.reference})

        assert 'type="radio"' not in shown.content.decode()
        assert pressed.status_code == 409
        assert "Cette visite a commencé" in text(pressed)
        assert (status(before), status(mine)) == ("confirmed", "held")

    def test_a_link_to_one_booking_shows_no_other(self, client: Client, festival: Festival) -> None:
        """A partner's link opens the booking it made and nothing of what else the address holds."""
        before, mine = to_choose(festival)
        link = f"/mes-visites/{registration_token(mine.pk)}/{mine.reference}/choisir/"

        shown = client.get(link)
        pressed = client.post(link, {"give_back": before.reference})

        assert "Le four solaire" not in shown.content.decode()
        assert before.reference not in shown.content.decode()
        assert "s’ouvre par un autre lien" in text(shown)
        assert pressed.status_code == 422
        assert status(before) == "confirmed"

    def test_another_spelling_of_the_address_shows_no_visit_of_it(
        self, client: Client, festival: Festival
    ) -> None:
        book(slot_of(festival, start_time=dt.time(14), activity__title_fr="Le four solaire"))
        mine = book(slot_of(festival, start_time=dt.time(14)), email="camille+festival@example.org")

        page = client.get(page_of(mine, "choisir"))

        assert mine.hold == "choice"
        assert "Le four solaire" not in page.content.decode()
        assert "une autre écriture de votre adresse" in text(page)

    def test_costs_the_same_for_one_and_three_in_the_way(self, client: Client, festival: Festival) -> None:
        _before, mine = to_choose(festival, most_bookings_per_day=1)
        address, counts = page_of(mine, "choisir"), []
        for more in (0, 2):
            Festival.objects.filter(pk=festival.pk).update(most_bookings_per_day=None)
            for _number in range(more):
                book(slot_of(festival))
            Festival.objects.filter(pk=festival.pk).update(most_bookings_per_day=1)
            with CaptureQueriesContext(connection) as queries:
                page = client.get(address).content.decode()
            assert page.count('type="radio"') == 1 + more
            counts.append(len(queries))

        assert counts[0] == counts[1]

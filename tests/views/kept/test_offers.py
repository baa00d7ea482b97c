"""An offer of the waiting list, taken or let pass by the link in its mail."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Festival, Message, Registration, Slot
from events.registration.cancel import cancel_registration
from events.registration.holds import expire_holds
from events.registration.settle import settle_hold
from events.registration.withdraw import withdraw_slot
from tests import factories as f
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


class TestOffer:
    def test_says_until_when_and_how_long_that_is(self, client: Client, festival: Festival) -> None:
        response = client.get(page_of(offered(festival), "proposition"))

        said = text(response)
        assert response.status_code == 200
        # 38 days before the visit: a day to answer.
        assert f"jusqu’au mardi{NB}4{NB}mai à{NB}10{NB}h" in said
        assert f"vous avez 24{NB}h pour répondre" in said
        assert response.headers["Cache-Control"] == "private, no-store"

    def test_looking_changes_nothing(self, client: Client, festival: Festival) -> None:
        mine = offered(festival)

        for _time in range(3):
            client.get(page_of(mine, "proposition"))

        assert status(mine) == "held"

    def test_is_taken_once_however_often_it_is_pressed(self, client: Client, festival: Festival) -> None:
        mine = offered(festival, 2)

        answers = [client.post(page_of(mine, "proposition"), {"answer": "take"}) for _time in range(2)]

        assert [(a.status_code, a.headers["Location"]) for a in answers] == [(302, home())] * 2
        assert status(mine) == "confirmed"
        assert Message.objects.filter(kind="confirmation", registration=mine).count() == 1
        assert "Vous avez déjà cette place." in text(client.get(home()))

    def test_passes_to_the_next_in_line(self, client: Client, festival: Festival) -> None:
        mine = offered(festival)
        following = book(mine.slot, email="sacha@example.org", wait=True)

        response = client.post(page_of(mine, "proposition"), {"answer": "pass"}, follow=True)

        assert "passe à la personne suivante" in text(response)
        assert (status(mine), status(following)) == ("cancelled", "held")

    def test_letting_pass_what_was_taken_before_gives_nothing_back(
        self, client: Client, festival: Festival
    ) -> None:
        mine = offered(festival)
        settle_hold(registration_id=mine.pk, now=NOW)

        response = client.post(page_of(mine, "proposition"), {"answer": "pass"})

        assert response.headers["Location"] == home()
        assert status(mine) == "confirmed"

    def test_taking_what_was_let_pass_says_so(self, client: Client, festival: Festival) -> None:
        mine = offered(festival)
        client.post(page_of(mine, "proposition"), {"answer": "pass"})

        response = client.post(page_of(mine, "proposition"), {"answer": "take"})

        assert response.status_code == 409
        assert "Vous avez laissé passer" in text(response)
        assert status(mine) == "cancelled"

    @pytest.mark.parametrize("swept", [True, False])
    def test_is_over_when_its_time_is_whether_or_not_somebody_swept(
        self, client: Client, festival: Festival, clock: Any, swept: bool
    ) -> None:
        mine = offered(festival)
        clock.move_to(NOW + 24 * HOUR)
        if swept:
            expire_holds(now=NOW + 24 * HOUR)

        shown = client.get(page_of(mine, "proposition"))
        pressed = client.post(page_of(mine, "proposition"), {"answer": "take"})

        assert (shown.status_code, pressed.status_code) == (200, 409)
        for response in (shown, pressed):
            assert "Le délai est passé" in text(response)
        assert status(mine) == ("cancelled" if swept else "held")

    def test_that_ran_out_offers_the_ways_that_are_left(
        self, client: Client, festival: Festival, clock: Any
    ) -> None:
        mine = offered(festival)
        book(mine.slot, email="sacha@example.org", wait=True)
        other = f.SlotFactory(activity=mine.slot.activity, start_time=dt.time(19))
        clock.move_to(NOW + 24 * HOUR)
        expire_holds(now=NOW + 24 * HOUR)

        page = client.get(page_of(mine, "proposition")).content.decode()

        assert "Vous pouvez attendre de nouveau, à la fin de la liste." in page
        assert f'href="/creneaux/{mine.slot_id}/inscription/"' in page
        assert f'href="/creneaux/{other.pk}/inscription/"' in page

    def test_of_a_withdrawn_visit_is_over(self, client: Client, festival: Festival) -> None:
        mine = offered(festival)
        withdraw_slot(slot_id=mine.slot_id, reason="Panne", by=f.UserFactory(), now=NOW, by_host=True)

        response = client.post(page_of(mine, "proposition"), {"answer": "take"})

        assert response.status_code == 409
        assert "Cette visite n’aura pas lieu" in text(response)

    def test_of_a_visit_that_begins_is_over(self, client: Client, festival: Festival, clock: Any) -> None:
        mine = offered(festival)
        Registration.objects.filter(pk=mine.pk).update(held_until=mine.slot.starts_at + HOUR)
        clock.move_to(mine.slot.starts_at)

        response = client.post(page_of(mine, "proposition"), {"answer": "take"})

        assert response.status_code == 409
        assert "Cette visite a commencé" in text(response)

    def test_who_waits_still_sees_the_rank(self, client: Client, festival: Festival) -> None:
        slot = slot_of(festival, capacity=1)
        book(slot, email="dominique@example.org")
        mine = book(slot, wait=True)

        said = text(client.get(page_of(mine, "proposition")))

        assert "Vous êtes sur la liste" in said
        assert f"Votre rang sur la liste, pour 1{NB}place{NB}: 1 er" in said

    def test_that_overlaps_another_visit_leads_to_the_choice(
        self, client: Client, festival: Festival
    ) -> None:
        mine = offered(festival, start_time=dt.time(14))
        other = book(slot_of(festival, start_time=dt.time(12), duration=150), is_vouched=True)
        settle_if_held(other)

        response = client.post(page_of(mine, "proposition"), {"answer": "take"}, follow=True)

        assert response.redirect_chain == [(page_of(mine, "choisir"), 302)]
        assert other.slot.activity.title in text(response)
        assert status(mine) == "held"

    def test_for_any_of_several_says_what_becomes_of_the_others(
        self, client: Client, festival: Festival
    ) -> None:
        slot = slot_of(festival, capacity=1)
        more = [f.SlotFactory(activity=slot.activity, capacity=1, start_time=dt.time(h)) for h in (18, 19)]
        first = book(slot, email="dominique@example.org")
        for other in more:
            book(other, email="dominique@example.org")
        mine = book(slot, wait=True, any_of=[other.pk for other in more])
        cancel_registration(registration_id=first.pk, now=NOW)

        said = text(client.get(page_of(mine, "proposition")))

        assert "Vous n’attendez plus les 2 autres créneaux." in said

    def test_warns_of_a_walk_that_does_not_fit(self, client: Client, festival: Festival) -> None:
        here = f.VenueFactory(latitude=43.6045, longitude=1.4440)
        there = f.VenueFactory(latitude=43.5945, longitude=1.4440)
        book(slot_of(festival, start_time=dt.time(14), venue=here, activity__title_fr="Le four solaire"))
        mine = offered(festival, start_time=dt.time(15), venue=there)

        said = text(client.get(page_of(mine, "proposition")))

        walk = f"Depuis «{NB}Le four solaire{NB}», qui finit à 14{NB}h{NB}45{NB}: 19{NB}min à pied, "
        assert f"{walk}et vous avez 15{NB}min. C’est serré." in said

    def test_in_english_says_the_same(self, client: Client, festival: Festival) -> None:
        mine = offered(festival)

        said = text(client.get(page_of(mine, "proposition"), headers={"accept-language": "en"}))

        assert "A place has come free" in said
        assert f"until Tuesday{NB}4{NB}May at{NB}10:00" in said

    def test_costs_the_same_whatever_else_one_has(self, client: Client, festival: Festival) -> None:
        address, counts = page_of(offered(festival, start_time=dt.time(20)), "proposition"), []
        for number in (1, 3):
            while Registration.objects.filter(status="confirmed").count() < number:
                book(slot_of(festival))
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            counts.append(len(queries))

        assert counts[0] == counts[1]


def settle_if_held(registration: Registration) -> None:
    """A visit that overlaps an offer is kept as a choice; here it is chosen."""
    if registration.status == "held":
        Registration.objects.filter(pk=registration.pk).update(
            status="confirmed", hold="", held_until=None, confirmed_at=NOW
        )
        Slot.objects.filter(pk=registration.slot_id).update(held=0, taken=registration.party_size)

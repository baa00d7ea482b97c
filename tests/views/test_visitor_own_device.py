"""A visitor known on its own device: what the booking form may then say, and what nobody learns without."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.links import new_nonce, registration_token
from events.models import Activity, Registration, Slot, Visitor
from events.registration.book import register_party
from tests.factories import DAY, NOW, ActivityFactory, FestivalFactory, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db
EMAIL = "camille@example.org"
OTHER = "Le four solaire"


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def activity() -> Activity:
    return ActivityFactory(title_fr="Un robot au jardin")


@pytest.fixture
def booked(activity: Activity) -> Registration:
    """What Camille holds already: another visit at 14 h."""
    other = ActivityFactory(festival=activity.festival, title_fr=OTHER)
    return book(SlotFactory(activity=other, start_time=dt.time(14)))


def book(slot: Slot, email: str = EMAIL, **kwargs: Any) -> Registration:
    wish = {"party_size": 1, "submission_id": uuid.uuid4(), "now": NOW} | kwargs
    return register_party(slot_id=slot.pk, email=email, **wish).registration


def known(client: Client, email: str = EMAIL) -> Client:
    """The same browser once its owner has opened the link in the mail."""
    client.get(f"/mes-visites/{Visitor.objects.get(email=email).token}/")
    return client


def url(slot: Slot) -> str:
    return f"/creneaux/{slot.pk}/inscription/"


def answers(**kwargs: Any) -> dict[str, Any]:
    return {"email": EMAIL, "party_size": "1", "submission_id": str(uuid.uuid4())} | kwargs


def main(response: Any) -> str:
    return str(response.content.decode().split("<main")[1].split("</main")[0]).replace("\xa0", " ")


def heading(response: Any) -> str:
    """The title of the notice."""
    found = re.search(r'class="notice.*?<h2>(.*?)</h2>', main(response), re.S)
    return found[1] if found else ""


class TestTheCookie:
    def test_is_set_by_the_link_to_all_visits(self, client: Client, booked: Registration) -> None:
        known(client)

        cookie = client.cookies["mes_visites"]
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"], cookie["expires"]) == (
            True,
            "Lax",
            "",
            "",
        )
        assert EMAIL not in cookie.value
        assert booked.visitor.token not in cookie.value

    def test_is_not_set_by_a_partner_s_link(self, client: Client, booked: Registration) -> None:
        response = client.get(f"/mes-visites/{registration_token(booked.pk)}/")

        assert response.status_code == 200
        assert "mes_visites" not in response.cookies

    def test_fills_in_the_address(self, client: Client, activity: Activity, booked: Registration) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(9))
        assert EMAIL not in main(client.get(url(slot)))

        page = main(known(client).get(url(slot)))

        assert f'value="{EMAIL}"' in page
        assert "Ce n’est pas mon appareil" in page

    def test_dies_with_the_link(self, client: Client, activity: Activity, booked: Registration) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))
        known(client)
        visitor = booked.visitor
        visitor.link_nonce = new_nonce()
        visitor.save()

        assert EMAIL not in main(client.get(url(slot)))
        assert OTHER not in main(client.post(url(slot), answers(), follow=True))

    def test_dies_with_the_year_of_the_link(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(9))
        known(client)
        Visitor.objects.update(link_expires_at=NOW)

        assert EMAIL not in main(client.get(url(slot)))

    @pytest.mark.parametrize("value", ["", "x", "WzEsImFiYyJd:1uABCD:abc", "é", "[1,2]"])
    def test_made_up_opens_nothing(
        self, client: Client, activity: Activity, booked: Registration, value: str
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14))
        client.cookies["mes_visites"] = value

        response = client.get(url(slot))

        assert response.status_code == 200
        assert OTHER not in main(response)

    def test_is_forgotten_by_a_button(self, client: Client, activity: Activity, booked: Registration) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(9))
        known(client)

        response = client.post("/mes-visites/oublier/", {"next": url(slot)}, follow=True)

        assert response.redirect_chain == [(url(slot), 302)]
        assert EMAIL not in main(response)

    @pytest.mark.parametrize("onward", ["https://example.com/", "//example.com", "", "javascript:alert(1)"])
    def test_forgetting_leads_nowhere_else(self, client: Client, onward: str) -> None:
        response = client.post("/mes-visites/oublier/", {"next": onward})

        assert response.headers["Location"] == "/"

    def test_forgetting_is_a_post(self, client: Client) -> None:
        assert client.get("/mes-visites/oublier/").status_code == 405


class TestNobodyElseLearnsAnything:
    """The one who could leak is there: Camille has a visit at the same time, known to the site."""

    def test_without_the_cookie(self, activity: Activity, booked: Registration) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))

        pages = [
            Client().post(url(slot), answers(email=email), follow=True)
            for email in (EMAIL, "carole@example.org")
        ]

        said = [main(page).replace("ca…e@", "") for page in pages]
        assert said[0] == said[1]
        assert OTHER not in said[0]
        assert pages[0].status_code == 200

    def test_with_another_visitor_s_cookie(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        book(SlotFactory(), email="carole@example.org")
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))
        known(client, "carole@example.org")

        response = client.post(url(slot), answers(), follow=True)

        assert response.redirect_chain[0][0].startswith("/inscriptions/")
        assert OTHER not in main(response)

    def test_and_with_its_own_it_is_told(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        """The control of the two above."""
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))

        assert OTHER in main(known(client).post(url(slot), answers()))

    def test_another_spelling_of_the_address_is_counted_and_not_told(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        book(SlotFactory(start_time=dt.time(8)), email="camille+fest@example.org")
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))
        known(client, "camille+fest@example.org")

        response = client.post(url(slot), answers(email="camille+fest@example.org"))

        assert response.status_code == 409
        assert OTHER not in main(response)
        assert "sous une autre forme de votre adresse" in main(response)

    def test_pages_cost_no_query_more_without_it(self, client: Client, activity: Activity) -> None:
        slot = SlotFactory(activity=activity)

        with CaptureQueriesContext(connection) as queries:
            client.get(url(slot))

        assert len(queries) == 2  # the slot, and what stands around it


class TestWhatIsInTheWay:
    def test_an_overlap_is_named_with_its_ways_out(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))
        fits = SlotFactory(activity=activity, start_time=dt.time(17), capacity=5)
        overlaps = SlotFactory(activity=activity, start_time=dt.time(14, 15))
        full = SlotFactory(activity=activity, start_time=dt.time(19), capacity=0)

        response = known(client).post(url(slot), answers(party_size="2"))

        page, token = main(response), booked.visitor.token
        assert response.status_code == 409
        assert heading(response) == "Vous avez déjà une visite à cette heure-là"
        assert "Rien n’a été changé." in page
        assert f"{OTHER}</strong>" in page
        assert f'href="/mes-visites/{token}/{booked.reference}/changer/"' in page
        assert f'href="/mes-visites/{token}/{booked.reference}/rendre/"' in page
        assert "Jeudi 10 juin, 17 h : 5 places" in page
        assert url(overlaps) not in page
        assert url(full) not in page
        assert url(fits) in page
        assert f'value="{EMAIL}"' in page
        assert 'value="2"' in page
        assert Registration.objects.count() == 1

    def test_an_overlap_is_told_before_anything_is_typed(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30))

        response = known(client).get(url(slot))

        assert heading(response) == "Vous avez déjà une visite à cette heure-là"
        assert "Rien n’a été changé." not in main(response)

    @pytest.mark.parametrize(
        ("rule", "title", "said"),
        [
            (
                {"most_bookings_per_day": 1},
                "Votre journée est complète",
                "Une visite par jour et par personne",
            ),
            ({"most_bookings": 1}, "Votre festival est complet", "Une visite par personne"),
        ],
    )
    def test_a_limit_names_the_visits_that_fill_it(
        self, client: Client, rule: dict[str, int], title: str, said: str
    ) -> None:
        festival = FestivalFactory(**rule)
        mine = SlotFactory(activity=ActivityFactory(festival=festival, title_fr=OTHER), start_time=dt.time(9))
        booked = book(mine)
        slot = SlotFactory(activity=ActivityFactory(festival=festival), start_time=dt.time(14))

        response = known(client).post(url(slot), answers())

        assert response.status_code == 409
        assert heading(response) == title
        assert said in main(response)
        assert f"/{booked.reference}/changer/" in main(response)

    def test_a_place_held_there_already_is_shown(self, client: Client, booked: Registration) -> None:
        response = known(client).post(url(booked.slot), answers())

        assert response.status_code == 409
        assert heading(response) == "Cette visite est déjà parmi les vôtres"
        assert f"/{booked.reference}/changer/" in main(response)
        assert Registration.objects.count() == 1

    def test_waiting_there_already_is_shown(self, client: Client, activity: Activity) -> None:
        slot = SlotFactory(activity=activity, capacity=1)
        book(slot, email="dominique@example.org")
        book(slot, wait=True)

        response = known(client).post(url(slot), answers(wait="1"))

        assert response.status_code == 409
        assert heading(response) == "Cette visite est déjà parmi les vôtres"
        assert "/rendre/" not in main(response)

    def test_it_may_wait_where_it_has_another_visit(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(14, 30), capacity=1)
        book(slot, email="dominique@example.org")

        response = known(client).post(url(slot), answers(wait="1"), follow=True)

        assert "Vous êtes sur la liste pour « Un robot au jardin »" in main(response)
        assert Registration.objects.get(slot=slot, status="waiting").visitor.email == EMAIL

    def test_what_goes_through_leads_to_the_ticket(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot = SlotFactory(activity=activity, start_time=dt.time(17))

        response = known(client).post(url(slot), answers(), follow=True)

        new = Registration.objects.get(slot=slot)
        assert response.redirect_chain == [(f"/mes-visites/{booked.visitor.token}/", 302)]
        assert "C’est réservé : « Un robot au jardin »" in main(response)
        assert new.reference in main(response)

    def test_the_same_form_after_giving_back_says_so(
        self, client: Client, activity: Activity, booked: Registration
    ) -> None:
        slot, form = SlotFactory(activity=activity, start_time=dt.time(17)), answers()
        known(client).post(url(slot), form)
        new = Registration.objects.get(slot=slot)
        client.post(f"/mes-visites/{booked.visitor.token}/{new.reference}/rendre/")
        client.get(f"/mes-visites/{booked.visitor.token}/")

        response = client.post(url(slot), form, follow=True)

        assert "avait été rendue. Rien n’a été changé." in main(response)


class TestTheWayBetween:
    @pytest.fixture
    def slot(self, activity: Activity) -> Slot:
        """At 15 h, 16 minutes on foot from where Camille is until 14 h 50."""
        here = VenueFactory(latitude=43.6045, longitude=1.4440)
        there = VenueFactory(latitude=43.5957, longitude=1.4440)
        book(SlotFactory(activity__title_fr=OTHER, start_time=dt.time(14, 5), venue=there))
        return SlotFactory(activity=activity, start_time=dt.time(15), venue=here)

    def test_is_told_before_booking(self, client: Client, slot: Slot) -> None:
        later = SlotFactory(activity=slot.activity, start_time=dt.time(17), venue=slot.venue, capacity=5)
        tight = SlotFactory(activity=slot.activity, start_time=dt.time(15, 5), venue=slot.venue)

        response = known(client).post(url(slot), answers())

        page = main(response)
        assert response.status_code == 409
        assert heading(response) == "C’est serré pour y aller"
        assert f"{OTHER}</strong>" in page
        assert "16 min à pied, et 10 min entre les deux" in page
        assert url(later) in page
        assert url(tight) not in page
        assert 'name="anyway" value="1">Réserver quand même</button>' in page
        assert not Registration.objects.filter(slot=slot).exists()

    def test_can_be_passed(self, client: Client, slot: Slot) -> None:
        response = known(client).post(url(slot), answers(anyway="1"))

        assert response.status_code == 302
        assert Registration.objects.get(slot=slot).status == "confirmed"

    def test_is_told_on_the_empty_form_already(self, client: Client, slot: Slot) -> None:
        page = main(known(client).get(url(slot)))

        assert "16 min à pied, et 10 min entre les deux" in page
        assert 'name="anyway" value="1">Réserver quand même</button>' in page

    def test_is_no_matter_where_it_fits(self, client: Client, slot: Slot) -> None:
        slot.set_time(day=DAY, start_time=dt.time(15, 6), duration=45, timezone="Europe/Paris")
        slot.save()

        assert known(client).post(url(slot), answers()).status_code == 302

    def test_is_no_matter_on_another_day(self, client: Client, slot: Slot) -> None:
        other = SlotFactory(activity=slot.activity, day=DAY + dt.timedelta(days=1), venue=slot.venue)

        assert known(client).post(url(other), answers()).status_code == 302

    def test_is_not_told_to_others(self, client: Client, slot: Slot) -> None:
        assert OTHER not in main(client.get(url(slot)))
        response = client.post(url(slot), answers(), follow=True)
        assert OTHER not in main(response)
        assert response.redirect_chain[0][0].startswith("/inscriptions/")

    def test_too_far_to_walk_counts_what_no_ride_beats(self, client: Client, slot: Slot) -> None:
        slot.venue = VenueFactory(latitude=43.70, longitude=1.4440)
        slot.save()

        page = main(known(client).get(url(slot)))

        assert "11,6 km, prévoyez un transport, et 10 min entre les deux" in page

    def test_costs_the_same_for_one_and_three_visits(self, client: Client, slot: Slot) -> None:
        known(client)
        counts = []
        for hours in ([], [9, 20]):
            for hour in hours:
                book(SlotFactory(start_time=dt.time(hour), venue=VenueFactory()))
            with CaptureQueriesContext(connection) as queries:
                client.get(url(slot))
            counts.append(len(queries))

        assert counts[0] == counts[1]

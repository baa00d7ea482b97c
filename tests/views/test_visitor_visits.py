"""A visitor's pages behind the secret link."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import icalendar
import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.links import reminders_token
from events.models import Message, Registration, Slot, Suppression, Visitor
from events.registration.book import register_party
from events.registration.withdraw import withdraw_slot
from events.views import visitor as views
from tests.factories import NOW, ActivityFactory, SlotFactory, UserFactory, VenueFactory, VisitorFactory

pytestmark = pytest.mark.django_db
EMAIL = "camille@example.org"


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def book(slot: Slot, party_size: int = 1, email: str = EMAIL, **kwargs: Any) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, **kwargs
    ).registration


def home(email: str = EMAIL) -> str:
    return f"/mes-visites/{Visitor.objects.get(email=email).token}/"


def text(response: Any) -> str:
    main = response.content.decode().split("<main")[1].split("</main")[0]
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", main).replace("&#x27;", "'"))


class TestMyVisits:
    def test_shows_the_tickets_of_this_address_alone(self, client: Client) -> None:
        mine = book(SlotFactory(activity__title_fr="Un robot au jardin"), 2)
        foreign = book(SlotFactory(activity__title_fr="Le four solaire"), email="dominique@example.org")

        response = client.get(home())

        page = response.content.decode()
        assert response.status_code == 200
        assert mine.reference in page
        assert "Un robot au jardin" in page
        assert foreign.reference not in page
        assert "Le four solaire" not in page
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert '<meta name="robots" content="noindex, nofollow">' in page

    def test_the_code_is_the_reference_and_needs_no_style(self, client: Client) -> None:
        book(SlotFactory())

        page = client.get(home()).content.decode()

        svg = re.search(r'<svg class="qr".*?</svg>', page)
        assert svg
        assert "style" not in svg[0]
        assert 'viewBox="0 0 21 21"' in svg[0]

    def test_costs_the_same_for_one_and_three_visits(self, client: Client) -> None:
        counts = []
        for _round in range(2):
            while Registration.objects.count() < (1, 3)[_round] * 2:
                book(SlotFactory())
                full = SlotFactory(capacity=1, venue=VenueFactory())
                Slot.objects.filter(pk=full.pk).update(taken=1)
                book(full, wait=True)
            with CaptureQueriesContext(connection) as queries:
                page = client.get(home()).content.decode()
            assert page.count('class="ticket"') == (1, 3)[_round]
            assert page.count("ticket--wait") == (1, 3)[_round]
            counts.append(len(queries))

        assert counts[0] == counts[1]

    def test_says_the_rank_on_the_list(self, client: Client) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, email="dominique@example.org")
        book(slot, email="sacha@example.org", wait=True)
        book(slot, wait=True)

        page = client.get(home()).content.decode()

        assert "<strong>2<sup>e</sup> sur la liste</strong>" in page

    def test_who_only_waits_is_told_so_and_not_that_there_is_nothing(self, client: Client) -> None:
        full = SlotFactory(capacity=1, taken=1)
        book(full, wait=True)

        page = text(client.get(home()))

        assert "Pas encore de place : vous êtes sur la liste d’attente." in page.replace("\xa0", " ")
        assert "Pas de visite à venir" not in page

    def test_says_the_walk_between_two_visits_of_a_day(self, client: Client) -> None:
        here = VenueFactory(latitude=43.6045, longitude=1.4440)
        there = VenueFactory(latitude=43.5945, longitude=1.4440)
        book(SlotFactory(start_time=dt.time(14), duration=45, venue=here))
        book(SlotFactory(start_time=dt.time(17), duration=45, venue=there))

        said = text(client.get(home()))

        assert "19\xa0min à pied jusqu’à la visite suivante" in re.sub(r" (?=min)", "\xa0", said)
        assert "C’est serré" not in said

    def test_says_what_was_withdrawn_and_why(self, client: Client) -> None:
        slot = SlotFactory()
        book(slot)
        withdraw_slot(slot_id=slot.pk, reason="Panne de courant", by=UserFactory(), now=NOW, by_host=True)

        said = text(client.get(home()))

        assert "Retirée par l’hôte. Panne de courant" in said.replace(" . ", ". ")
        assert "Pas de visite à venir." in said

    def test_what_was_given_back_is_booked_again_from_here(self, client: Client) -> None:
        registration = book(SlotFactory(activity__title_fr="Un robot au jardin"))
        again = f'href="/creneaux/{registration.slot_id}/inscription/"'
        assert again not in client.get(home()).content.decode()

        client.post(f"{home()}{registration.reference}/rendre/")

        assert again in client.get(home()).content.decode()
        with time_machine.travel(registration.slot.starts_at, tick=False):
            assert again not in client.get(home()).content.decode()

    def test_a_ticket_says_the_way_to_a_place_whose_position_is_known(self, client: Client) -> None:
        known = VenueFactory(name="La Cantine", latitude=43.6049, longitude=1.45)
        book(SlotFactory(venue=known))
        book(SlotFactory(venue=VenueFactory(latitude=None, longitude=None), start_time=dt.time(18)))

        page = client.get(home()).content.decode()

        assert page.count("geo:") == 1
        assert 'href="geo:43.60490,1.45000?q=43.60490,1.45000(La%20Cantine)"' in page
        assert 'href="https://www.openstreetmap.org/directions?to=43.60490,1.45000" rel="noreferrer"' in page

    def test_an_unknown_link_says_how_to_get_one(self, client: Client) -> None:
        response = client.get("/mes-visites/AAAAAAAAAAAAAAAAAAAAAA/")

        assert response.status_code == 404
        assert 'href="/mes-visites/"' in response.content.decode()

    def test_an_old_link_says_how_to_get_a_new_one(self, client: Client) -> None:
        book(SlotFactory())
        link = home()

        with time_machine.travel(NOW + dt.timedelta(days=366), tick=False):
            response = client.get(link)

        assert response.status_code == 410
        assert 'href="/mes-visites/"' in response.content.decode()


class TestGivingBack:
    def test_get_asks_and_post_acts(self, client: Client) -> None:
        registration = book(SlotFactory(), 2)
        link = f"{home()}{registration.reference}/rendre/"

        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
        registration.refresh_from_db()
        assert registration.status == "confirmed"

        response = client.post(link, follow=True)

        registration.refresh_from_db()
        assert registration.status == "cancelled"
        assert response.redirect_chain == [(home(), 302)]
        assert "la place passe à quelqu’un d’autre" in text(response)

    def test_some_places_can_be_given_back(self, client: Client) -> None:
        registration = book(SlotFactory(), 3)
        link = f"{home()}{registration.reference}/rendre/"
        assert 'name="places" value="2"' in client.get(link).content.decode()

        response = client.post(link, {"places": "1"}, follow=True)

        registration.refresh_from_db()
        assert (registration.status, registration.party_size) == ("confirmed", 2)
        assert "Vous gardez 2\xa0places" in response.content.decode()

    def test_twice_says_that_it_was_done(self, client: Client) -> None:
        registration = book(SlotFactory())
        link = f"{home()}{registration.reference}/rendre/"
        client.post(link)

        response = client.post(link, follow=True)

        assert "avait déjà été rendue" in text(response)
        assert Message.objects.filter(kind="cancellation").count() == 1

    def test_leaving_the_list(self, client: Client) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, email="dominique@example.org")
        registration = book(slot, wait=True)

        response = client.post(f"{home()}{registration.reference}/rendre/", follow=True)

        assert "Vous avez quitté la liste" in text(response)
        slot.refresh_from_db()
        assert slot.waiting == 0

    def test_what_has_begun_is_kept(self, client: Client) -> None:
        registration = book(SlotFactory())
        link = f"{home()}{registration.reference}/rendre/"

        with time_machine.travel(registration.slot.starts_at, tick=False):
            response = client.post(link, follow=True)

        assert "elle ne peut plus être rendue" in text(response)
        registration.refresh_from_db()
        assert registration.status == "confirmed"

    @pytest.mark.parametrize("places", ["0", "-1", "4", "x", "9" * 5000])
    def test_bad_numbers_change_nothing(self, client: Client, places: str) -> None:
        registration = book(SlotFactory(), 3)

        response = client.post(f"{home()}{registration.reference}/rendre/", {"places": places})

        registration.refresh_from_db()
        assert response.status_code == 422
        assert (registration.status, registration.party_size) == ("confirmed", 3)

    def test_somebody_else_s_visit_does_not_exist(self, client: Client) -> None:
        book(SlotFactory())
        foreign = book(SlotFactory(), email="dominique@example.org")

        for path in ("rendre/", "", "visite.ics"):
            assert client.get(f"{home()}{foreign.reference}/{path}").status_code == 404
        assert client.post(f"{home()}{foreign.reference}/rendre/").status_code == 404
        foreign.refresh_from_db()
        assert foreign.status == "confirmed"

    def test_it_needs_its_token(self) -> None:
        registration = book(SlotFactory())

        response = Client(enforce_csrf_checks=True).post(f"{home()}{registration.reference}/rendre/")

        assert response.status_code == 403


class TestPaperAndCalendar:
    def test_a_ticket_on_paper_has_no_buttons_of_its_own(self, client: Client) -> None:
        registration = book(SlotFactory())

        response = client.get(f"{home()}{registration.reference}/")

        page = response.content.decode()
        assert response.status_code == 200
        assert registration.reference in page
        assert "ticket__acts" not in page

    def test_a_ticket_given_back_does_not_exist(self, client: Client) -> None:
        registration = book(SlotFactory())
        client.post(f"{home()}{registration.reference}/rendre/")

        assert client.get(f"{home()}{registration.reference}/").status_code == 404

    def test_one_visit_as_calendar(self, client: Client) -> None:
        registration = book(SlotFactory(start_time=dt.time(14), duration=45))
        book(SlotFactory())

        response = client.get(f"{home()}{registration.reference}/visite.ics")

        events = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
        assert [event["UID"].split("@")[0] for event in events] == [registration.reference]
        assert events[0].start == registration.slot.starts_at
        assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert response.headers["Content-Disposition"] == (
            f'attachment; filename="visite-{registration.reference.lower()}.ics"'
        )

    def test_all_visits_as_calendar(self, client: Client) -> None:
        references = {book(SlotFactory()).reference for _ in range(2)}

        content = client.get(f"{home()}calendrier.ics").content

        events = icalendar.Calendar.from_ical(content).walk("VEVENT")
        assert {event["UID"].split("@")[0] for event in events} == references


class TestSendingTheLinkAgain:
    def test_answers_alike(self, client: Client) -> None:
        VisitorFactory(email=EMAIL)

        known, unknown = (
            client.post("/mes-visites/", {"email": email}, follow=True)
            for email in (EMAIL, "inconnu@example.org")
        )

        assert known.redirect_chain == unknown.redirect_chain == [("/mes-visites/?envoi=1", 302)]
        assert text(known) == text(unknown)
        assert list(Message.objects.values_list("kind", "recipient")) == [("link", EMAIL)]

    def test_a_bad_address_is_answered_at_the_field(self, client: Client) -> None:
        response = client.post("/mes-visites/", {"email": "camille@example"})

        assert response.status_code == 422
        assert "Il manque la fin de l’adresse" in text(response)
        assert 'value="camille@example"' in response.content.decode()

    def test_too_many_are_slowed_down(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "RESENDS", 1)
        VisitorFactory(email=EMAIL)
        client.post("/mes-visites/", {"email": "inconnu@example.org"})

        response = client.post("/mes-visites/", {"email": EMAIL})

        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0
        assert f'value="{EMAIL}"' in response.content.decode()
        assert not Message.objects.exists()


class TestNoMoreReminders:
    def test_get_shows_and_post_acts_without_cookies(self) -> None:
        visitor = VisitorFactory(email=EMAIL)
        link = f"/sans-rappel/{reminders_token(visitor.pk)}/"
        client = Client(enforce_csrf_checks=True)

        assert client.get(link).status_code == 200
        assert not Suppression.objects.exists()
        response = client.post(link, {"List-Unsubscribe": "One-Click"})

        assert response.status_code == 200
        assert Suppression.objects.count() == 1
        assert EMAIL not in Suppression.objects.get().email_hash

    def test_it_can_be_taken_back(self, client: Client) -> None:
        link = f"/sans-rappel/{reminders_token(VisitorFactory().pk)}/"
        client.post(link)
        client.post(link)

        client.post(link, {"again": "1"})

        assert not Suppression.objects.exists()

    @pytest.mark.parametrize("token", ["1", "1.abc", "999999.abc", "x"])
    def test_a_made_up_link_does_nothing(self, client: Client, token: str) -> None:
        VisitorFactory()

        assert client.post(f"/sans-rappel/{token}/").status_code == 404
        assert not Suppression.objects.exists()

    def test_the_link_of_one_purpose_does_not_open_another(self, client: Client) -> None:
        visitor = VisitorFactory()

        assert client.get(f"/mes-visites/{reminders_token(visitor.pk)}/").status_code == 404
        assert client.post(f"/sans-rappel/{visitor.token}/").status_code == 404


def test_every_page_speaks_english_too(client: Client) -> None:
    registration = book(SlotFactory(activity=ActivityFactory(title_en="A gardening robot")))

    page = client.get(home(), headers={"Accept-Language": "en"})

    said = text(page)
    assert "My visits" in said
    assert "A gardening robot" in said
    assert "Give my place back" in said
    assert registration.reference in said

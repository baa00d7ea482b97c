"""The pages that a link in a mail opens: offers, addresses to confirm, choices, last calls, split parties."""

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

from events.links import registration_token
from events.models import Festival, Message, Registration, Slot, Visitor
from events.registration.address import write_token
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.holds import expire_holds
from events.registration.invariants import find_drift
from events.registration.settle import settle_hold
from events.registration.withdraw import withdraw_slot
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NB = "\u00a0"
EMAIL = "camille@example.org"
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _books_are_right() -> Any:
    """Whatever a page did, the counters agree with the registrations."""
    yield
    assert find_drift(now=NOW) == []


@pytest.fixture
def festival() -> Festival:
    return f.FestivalFactory()


def slot_of(festival: Festival, **kwargs: Any) -> Slot:
    return f.SlotFactory(
        activity__festival=festival, activity__host__territory=f.TerritoryFactory(), **kwargs
    )


def book(slot: Slot, party_size: int = 1, email: str = EMAIL, **kwargs: Any) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, **kwargs
    ).registration


def offered(festival: Festival, party_size: int = 1, **kwargs: Any) -> Registration:
    """Places that somebody gave back, offered to Camille."""
    slot = slot_of(festival, capacity=party_size, **kwargs)
    first = book(slot, party_size, email="dominique@example.org")
    mine = book(slot, party_size, wait=True)
    cancel_registration(registration_id=first.pk, now=NOW)
    mine.refresh_from_db()
    assert (mine.status, mine.hold) == ("held", "offer")
    return mine


def unconfirmed(festival: Festival, party_size: int = 1) -> Registration:
    """Places kept until Camille's address is confirmed."""
    Festival.objects.filter(pk=festival.pk).update(confirms_addresses=True)
    mine = book(slot_of(festival), party_size)
    assert (mine.status, mine.hold) == ("held", "address")
    return mine


def to_choose(festival: Festival, **limits: Any) -> tuple[Registration, Registration]:
    """A visit that Camille has, and one kept beside it: at the same time, or beyond a limit."""
    before = book(slot_of(festival, start_time=dt.time(14), activity__title_fr="Le four solaire"))
    Festival.objects.filter(pk=festival.pk).update(**limits)
    start = dt.time(17) if limits else dt.time(14, 15)
    mine = book(slot_of(festival, start_time=start, activity__title_fr="Un robot au jardin"))
    assert (mine.status, mine.hold) == ("held", "choice")
    return before, mine


def home(email: str = EMAIL) -> str:
    return f"/mes-visites/{Visitor.objects.get(email=email).token}/"


def page_of(registration: Registration, name: str) -> str:
    return f"{home(registration.visitor.email)}{registration.reference}/{name}/"


def text(response: Any) -> str:
    main = response.content.decode().split("<main")[1].split("</main")[0]
    said = re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", main).replace("&#x27;", "'"))
    return re.sub(r" (?=[.,])", "", said)


def status(registration: Registration) -> str:
    return str(Registration.objects.values_list("status", flat=True).get(pk=registration.pk))


# Offers ----------------------------------------------------------------------------------------------------


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


# Addresses to confirm --------------------------------------------------------------------------------------


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


# Choosing --------------------------------------------------------------------------------------------------


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


# Last calls ------------------------------------------------------------------------------------------------


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


# Split parties ---------------------------------------------------------------------------------------------


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


# Another address -------------------------------------------------------------------------------------------


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


# All of them -----------------------------------------------------------------------------------------------

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

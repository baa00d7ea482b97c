"""What a visitor does alone behind the link: another time, another address, one day, several lists."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.links import registration_token
from events.models import Message, Registration, Slot, Suppression, Visitor
from events.registration.book import register_party
from events.reminders import default_reminder_rules
from events.views.tickets import code_of
from tests.factories import DAY, NOW, ActivityFactory, FestivalFactory, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db
EMAIL = "camille@example.org"
OTHER = "Le four solaire"


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def book(slot: Slot, email: str = EMAIL, **kwargs: Any) -> Registration:
    wish = {"party_size": 1, "submission_id": uuid.uuid4(), "now": NOW} | kwargs
    return register_party(slot_id=slot.pk, email=email, **wish).registration


def home(email: str = EMAIL) -> str:
    return f"/mes-visites/{Visitor.objects.get(email=email).token}/"


def alone(registration: Registration) -> str:
    """A partner's link."""
    return f"/mes-visites/{registration_token(registration.pk)}/"


def at(hour: int, minute: int = 0, **kwargs: Any) -> Slot:
    return SlotFactory(start_time=dt.time(hour, minute), **kwargs)


def main(response: Any) -> str:
    return str(response.content.decode().split("<main")[1].split("</main")[0]).replace("\xa0", " ")


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main(response)))


def day_code(*visits: Registration) -> str:
    """The path of the code that holds their references."""
    return f'd="{code_of(chr(10).join(visit.reference for visit in visits)).path}"'


class TestAnotherTime:
    @pytest.fixture
    def booked(self) -> Registration:
        return book(at(10, activity__title_fr="Un robot au jardin"), party_size=2)

    def page(self, booked: Registration) -> str:
        return f"{home()}{booked.reference}/changer/"

    def test_shows_each_door_in_words_and_what_can_be_done(
        self, client: Client, booked: Registration
    ) -> None:
        activity = booked.slot.activity
        free = at(14, activity=activity, capacity=8)
        short = at(15, activity=activity, capacity=1)
        full = at(16, activity=activity, capacity=0)
        shut = at(17, activity=activity, capacity=0, waiting_list_open=False)
        soon = at(18, activity=activity, opens_at=NOW + dt.timedelta(days=1))
        at(19)  # another visit
        at(20, activity=activity, state="draft")

        page = main(client.get(self.page(booked)))

        rows = re.findall(r'<li class="slot time">(.*?)</li>', page, re.S)
        done = [re.findall(r'(?:name="to" value|href)="(.*?)"', row)[1:] for row in rows]
        words = [re.findall(r"</p><p>(.*?)</p>", row)[0] for row in rows]
        assert words == [
            "8 places",
            "Dernière place",
            "Complet, liste d’attente",
            "Complet, liste close",
            "Ouvre le 4 mai à 10 h",
        ]
        assert done == [
            [str(free.pk)],
            [],  # nobody can wait for two places where there is one in all
            [],
            [],
            [],
        ]
        assert [short.pk, full.pk, shut.pk, soon.pk]

    def test_offers_the_list_where_it_could_hold_the_party(
        self, client: Client, booked: Registration
    ) -> None:
        full = at(16, activity=booked.slot.activity, capacity=2)
        book(full, email="dominique@example.org")

        assert f'href="/creneaux/{full.pk}/inscription/"' in main(client.get(self.page(booked)))

    def test_marks_what_another_visit_is_in_the_way_of(self, client: Client, booked: Registration) -> None:
        other = book(at(14, activity__title_fr=OTHER, activity__festival=booked.slot.activity.festival))
        busy = at(14, 30, activity=booked.slot.activity)

        page = main(client.get(self.page(booked)))

        assert f"En même temps que <span>{OTHER}</span>" in page
        assert f'value="{busy.pk}"' not in page
        assert f'href="{home()}{other.reference}/changer/"' in page

    def test_says_where_the_way_is_tight(self, client: Client, booked: Registration) -> None:
        far = VenueFactory(latitude=43.6045, longitude=1.4440)
        here = VenueFactory(latitude=43.5957, longitude=1.4440)
        book(at(14, activity__title_fr=OTHER, venue=far))
        at(14, 50, activity=booked.slot.activity, venue=here)

        assert f"Serré avec {OTHER} (16 min à pied, et 5 min entre les deux)" in text(
            client.get(self.page(booked))
        )

    def test_a_partner_s_link_tells_of_no_other_visit(self, client: Client, booked: Registration) -> None:
        other = book(at(14, activity__title_fr=OTHER, activity__festival=booked.slot.activity.festival))
        busy = at(14, 30, activity=booked.slot.activity)
        link = f"{alone(booked)}{booked.reference}/changer/"

        shown, posted = client.get(link), client.post(link, {"to": busy.pk})

        assert (shown.status_code, posted.status_code) == (200, 409)
        for response in (shown, posted):
            assert OTHER not in response.content.decode()
            assert other.reference not in response.content.decode()
        assert OTHER in main(client.get(self.page(booked)))  # it is there to be told

    def test_post_moves_in_one_step(self, client: Client, booked: Registration) -> None:
        old, new = booked.slot, at(14, 30, activity=booked.slot.activity, capacity=2)

        response = client.post(self.page(booked), {"to": new.pk}, follow=True)

        booked.refresh_from_db()
        assert (booked.slot_id, booked.status, booked.party_size) == (new.pk, "confirmed", 2)
        assert response.redirect_chain == [(home(), 302)]
        assert "« Un robot au jardin », c’est désormais jeudi 10 juin, 14 h 30." in text(response)
        assert [Slot.objects.get(pk=pk).taken for pk in (old.pk, new.pk)] == [0, 2]

    def test_a_partner_s_link_moves_its_booking_too(self, client: Client, booked: Registration) -> None:
        new = at(14, activity=booked.slot.activity)

        response = client.post(f"{alone(booked)}{booked.reference}/changer/", {"to": new.pk})

        booked.refresh_from_db()
        assert (response.status_code, booked.slot_id) == (302, new.pk)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"capacity": 0}, "Il n’y reste plus de place"),
            ({"capacity": 1}, "Il n’y reste que 1 place, et vous en avez 2 places."),
            ({"opens_at": NOW + dt.timedelta(days=1)}, "Les inscriptions ne sont pas encore ouvertes"),
            ({"state": "draft"}, "Les inscriptions"),
        ],
    )
    def test_a_refusal_keeps_the_old_place_and_says_so(
        self, client: Client, booked: Registration, change: dict[str, Any], said: str
    ) -> None:
        new = at(14, activity=booked.slot.activity, **change)
        out = at(18, activity=booked.slot.activity)

        response = client.post(self.page(booked), {"to": new.pk})

        before = booked.slot_id
        booked.refresh_from_db()
        assert (response.status_code, booked.slot_id, booked.status) == (409, before, "confirmed")
        assert said in text(response)
        assert "Rien n’a été changé : vous gardez 2 places, jeudi 10 juin, 10 h." in text(response)
        assert f'name="to" value="{out.pk}"' in main(response)

    def test_an_overlap_is_refused_and_named(self, client: Client, booked: Registration) -> None:
        book(at(14, activity__title_fr=OTHER, activity__festival=booked.slot.activity.festival))
        busy = at(14, 30, activity=booked.slot.activity)

        response = client.post(self.page(booked), {"to": busy.pk})

        assert response.status_code == 409
        assert f"En même temps que {OTHER}" in text(response)

    def test_another_activity_or_nothing_is_refused(self, client: Client, booked: Registration) -> None:
        elsewhere = at(14)
        for to in (elsewhere.pk, booked.slot_id, 987654):
            response = client.post(self.page(booked), {"to": to})
            assert response.status_code == 409
            assert "Ce n’est pas un autre horaire de cette visite." in text(response)
        for bad in ("", "x", "-1", "9" * 30, "9" * 5000, "\x00"):
            assert client.post(self.page(booked), {"to": bad}).status_code == 422
        booked.refresh_from_db()
        assert booked.status == "confirmed"

    def test_what_has_begun_stays(self, client: Client, booked: Registration) -> None:
        new = at(20, activity=booked.slot.activity)
        with time_machine.travel(booked.slot.starts_at, tick=False):
            shown = client.get(self.page(booked))
            posted = client.post(self.page(booked), {"to": new.pk})

        assert "Cette visite a commencé" in text(shown)
        assert posted.status_code == 409

    def test_what_is_not_confirmed_or_not_mine_does_not_exist(
        self, client: Client, booked: Registration
    ) -> None:
        foreign = book(at(9), email="dominique@example.org")
        full = at(16, capacity=1)
        book(full, email="dominique@example.org")
        waiting = book(full, wait=True)

        for reference in (foreign.reference, waiting.reference, "RIEN"):
            assert client.get(f"{home()}{reference}/changer/").status_code == 404
            assert client.post(f"{home()}{reference}/changer/", {"to": full.pk}).status_code == 404

    def test_costs_the_same_for_one_and_three_times_and_visits(
        self, client: Client, booked: Registration
    ) -> None:
        counts = []
        for hours in ([14], [15, 16]):
            for hour in hours:
                at(hour, activity=booked.slot.activity)
                book(at(hour + 4, activity__festival=booked.slot.activity.festival, venue=VenueFactory()))
            with CaptureQueriesContext(connection) as queries:
                client.get(self.page(booked))
            counts.append(len(queries))

        assert counts[0] == counts[1]

    def test_is_offered_on_the_ticket_where_there_is_another_time(
        self, client: Client, booked: Registration
    ) -> None:
        assert f"{booked.reference}/changer/" not in main(client.get(home()))
        at(14, activity=booked.slot.activity)
        assert f"{booked.reference}/changer/" in main(client.get(home()))


class TestAnotherAddress:
    @pytest.fixture
    def booked(self) -> Registration:
        return book(at(10))

    def test_the_link_goes_to_the_new_address_alone(self, client: Client, booked: Registration) -> None:
        response = client.post(f"{home()}adresse/", {"email": "Nouvelle@Example.org"}, follow=True)

        assert response.redirect_chain == [(f"{home()}adresse/?envoi=1", 302)]
        assert "Regardez les messages de la nouvelle adresse" in text(response)
        sent = Message.objects.filter(kind="new_address").values_list("recipient", flat=True)
        assert list(sent) == ["nouvelle@example.org"]
        booked.visitor.refresh_from_db()
        assert booked.visitor.email == EMAIL

    def test_answers_alike_for_a_known_address_and_when_asked_too_often(
        self, client: Client, booked: Registration
    ) -> None:
        book(at(9), email="dominique@example.org")

        asked = ["inconnue@example.org", "dominique@example.org", *["encore@example.org"] * 5]
        pages = []
        for minute, email in enumerate(asked):
            with time_machine.travel(NOW + dt.timedelta(minutes=minute), tick=False):
                pages.append(client.post(f"{home()}adresse/", {"email": email}, follow=True))

        assert len({(text(page), tuple(page.redirect_chain)) for page in pages}) == 1
        assert Message.objects.filter(kind="new_address").count() == 5

    @pytest.mark.parametrize(
        ("email", "said"),
        [
            ("", "Indiquez votre adresse e-mail."),
            ("camille@example", "Il manque la fin de l’adresse"),
            ("Camille@Example.org", "C’est déjà l’adresse de vos visites."),
            ("a@b.fr\r\nBcc: x@y.fr", "vérifiez chaque signe"),
        ],
    )
    def test_a_bad_address_is_answered_at_the_field(
        self, client: Client, booked: Registration, email: str, said: str
    ) -> None:
        response = client.post(f"{home()}adresse/", {"email": email})

        assert response.status_code == 422
        assert said in text(response).replace("&#x27;", "’")
        assert not Message.objects.filter(kind="new_address").exists()

    def test_a_partner_s_link_cannot(self, client: Client, booked: Registration) -> None:
        assert client.get(f"{alone(booked)}adresse/").status_code == 404
        response = client.post(f"{alone(booked)}adresse/", {"email": "nouvelle@example.org"})

        assert response.status_code == 404
        assert not Message.objects.filter(kind="new_address").exists()
        assert "/adresse/" not in main(client.get(alone(booked)))
        assert "/adresse/" in main(client.get(home()))


class TestOneDayOnAPage:
    def test_holds_its_visits_in_order_and_one_code_for_all(self, client: Client) -> None:
        late, early = book(at(16), party_size=2), book(at(10))
        other_day = book(SlotFactory(day=DAY + dt.timedelta(days=1), activity__title_fr=OTHER))

        page = main(client.get(f"{home()}jour/{DAY}/"))

        assert page.index(early.reference) < page.index(late.reference)
        assert day_code(early, late) in page
        assert other_day.reference not in page
        assert OTHER not in page

    def test_is_on_the_day_s_heading_where_there_are_several(self, client: Client) -> None:
        first = book(at(10))
        page = main(client.get(home()))
        assert "Un seul code pour la journée" not in page

        second = book(at(16))

        page = main(client.get(home()))
        assert page.count('class="qr"') == 3
        assert day_code(first, second) in page
        assert f'href="{home()}jour/2027-06-10/"' in page

    def test_a_day_without_a_visit_does_not_exist(self, client: Client) -> None:
        registration = book(at(10))
        client.post(f"{home()}{registration.reference}/rendre/")

        for day in ("2027-06-10", "2027-06-11", "2027-02-31", "0000-00-00", "demain"):
            assert client.get(f"{home()}jour/{day}/").status_code == 404

    def test_a_partner_s_link_shows_its_own_booking(self, client: Client) -> None:
        booked, other = book(at(10)), book(at(16, activity__title_fr=OTHER))

        page = main(client.get(f"{alone(booked)}jour/2027-06-10/"))

        assert booked.reference in page
        assert other.reference not in page
        assert OTHER not in page
        assert other.reference in main(client.get(f"{home()}jour/2027-06-10/"))


class TestReminders:
    def test_are_listed_by_moment_with_their_visits(self, client: Client) -> None:
        festival = FestivalFactory()
        default_reminder_rules(festival)
        for hour, title in ((10, "Un robot au jardin"), (16, OTHER)):
            book(at(hour, activity=ActivityFactory(festival=festival, title_fr=title)))

        said = text(client.get(home()))

        listed = said[said.index("Rappels à venir") : said.index("Plus de rappel")]
        assert listed.split("Rappels à venir ")[1].strip() == (
            f"jeudi 3 juin à 9 h Un robot au jardin , {OTHER} "
            f"mercredi 9 juin à 9 h Un robot au jardin , {OTHER} "
            f"jeudi 10 juin à 8 h Un robot au jardin , {OTHER}"
        )

    def test_say_when_there_are_none_by_ones_own_wish(self, client: Client) -> None:
        registration = book(at(10))
        default_reminder_rules(registration.slot.activity.festival)
        page = client.get(home())
        link = re.search(r'href="(/sans-rappel/[^"]+)"', main(page))
        assert link
        client.post(link[1])
        assert Suppression.objects.count() == 1

        assert "Aucun : vous n’en vouliez plus." in text(client.get(home()))

    def test_a_partner_s_link_cannot_stop_them(self, client: Client) -> None:
        registration = book(at(10))
        default_reminder_rules(registration.slot.activity.festival)

        assert "/sans-rappel/" not in main(client.get(alone(registration)))


class TestWaitingForAnyOfSeveral:
    @pytest.fixture
    def full(self) -> list[Slot]:
        """Three full slots of one activity; the last has one waiting."""
        first = at(10, capacity=2)
        slots = [first, *(at(hour, activity=first.activity, capacity=2) for hour in (14, 16))]
        for slot in slots:
            book(slot, email="dominique@example.org", party_size=2)
        book(slots[2], email="sacha@example.org", wait=True)
        return slots

    def url(self, slot: Slot) -> str:
        return f"/creneaux/{slot.pk}/inscription/"

    def answers(self, **kwargs: Any) -> dict[str, Any]:
        return {"email": EMAIL, "party_size": "2", "submission_id": str(uuid.uuid4()), "wait": "1"} | kwargs

    def test_the_form_has_a_box_for_each_other_full_time(self, client: Client, full: list[Slot]) -> None:
        at(18, activity=full[0].activity, capacity=5)
        at(19, activity=full[0].activity, capacity=0, waiting_list_open=False)

        page = main(client.get(self.url(full[0])))

        assert re.findall(r'name="any_of" value="(\d+)"', page) == [str(full[1].pk), str(full[2].pk)]
        labels = re.findall(r'<label for="(?:this-slot|id_any_of_\d)">(.*?)</label>', page)
        assert [re.sub("<.*?>", "", label) for label in labels] == [
            "Jeudi 10 juin, 10 h : complet, liste d’attente",
            "Jeudi 10 juin, 14 h : complet, liste d’attente",
            "Jeudi 10 juin, 16 h : complet, 1 en attente",
        ]

    def test_a_party_too_large_is_offered_the_boxes_too(self, client: Client, full: list[Slot]) -> None:
        short = at(18, activity=full[0].activity, capacity=3)
        book(short, email="dominique@example.org", party_size=2)

        response = client.post(self.url(short), self.answers(wait=""))

        assert response.status_code == 409
        assert re.findall(r'name="any_of" value="(\d+)"', main(response)) == [str(one.pk) for one in full]

    def test_what_is_ticked_is_one_request(self, client: Client, full: list[Slot]) -> None:
        response = client.post(
            self.url(full[0]), self.answers(any_of=[str(full[1].pk), str(full[2].pk)]), follow=True
        )

        rows = Registration.objects.filter(visitor__email=EMAIL).order_by("slot__starts_at")
        assert list(rows.values_list("slot", "status", "party_size")) == [
            (slot.pk, "waiting", 2) for slot in full
        ]
        assert len(set(rows.values_list("any_of", flat=True))) == 1
        said = text(response)
        assert "La même demande vaut aussi pour : jeudi 10 juin, 14 h et jeudi 10 juin, 16 h." in said

    def test_the_receipt_is_the_same_for_who_waits_there_already(self, full: list[Slot]) -> None:
        book(full[0], wait=True)
        asked = [str(full[1].pk)]

        links = [
            Client().post(self.url(full[0]), self.answers(email=email, any_of=asked)).headers["Location"]
            for email in (EMAIL, "carole@example.org")
        ]

        said = [signing.loads(link.split("/")[2], salt="events.receipt") for link in links]
        shown = [one[:6] for one in said]  # behind it: a keyed hash of what was typed
        assert shown[0] == shown[1] == [full[0].pk, 2, 1, "ca…e@example.org", [full[1].pk], 0]

    def test_what_is_no_other_full_time_is_left_out(self, client: Client, full: list[Slot]) -> None:
        elsewhere, free = at(11, capacity=0), at(18, activity=full[0].activity)
        asked = [str(pk) for pk in (full[0].pk, elsewhere.pk, free.pk, 987654)]

        response = client.post(self.url(full[0]), self.answers(any_of=asked), follow=True)

        assert Registration.objects.filter(visitor__email=EMAIL).get().slot == full[0]
        assert "La même demande" not in text(response)

    @pytest.mark.parametrize("bad", [["x"], ["-1"], ["9" * 30], ["9" * 5000], [str(n) for n in range(1, 30)]])
    def test_nonsense_is_answered_at_the_boxes(
        self, client: Client, full: list[Slot], bad: list[str]
    ) -> None:
        response = client.post(self.url(full[0]), self.answers(any_of=bad))

        assert response.status_code == 422
        assert "Choisissez parmi les horaires proposés." in text(response)
        assert not Registration.objects.filter(visitor__email=EMAIL).exists()

    def test_boxes_count_for_nothing_without_the_button(self, client: Client, full: list[Slot]) -> None:
        free = at(18, activity=full[0].activity)

        client.post(self.url(free), self.answers(wait="", any_of=[str(full[1].pk)]))

        assert Registration.objects.get(visitor__email=EMAIL).any_of is None

    def test_my_visits_keeps_the_request_together_with_each_rank(
        self, client: Client, full: list[Slot]
    ) -> None:
        book(full[0], wait=True, any_of=[full[2].pk])
        alone_there = at(9, capacity=1)
        book(alone_there, email="dominique@example.org")
        book(alone_there, wait=True)

        page = client.get(home())

        assert main(page).count("ticket--wait") == 2
        assert "Jeudi 10 juin, 10 h 1 er sur la liste" in text(page)
        assert "Jeudi 10 juin, 16 h 2 e sur la liste" in text(page)

    def test_one_list_or_all_can_be_left(self, client: Client, full: list[Slot]) -> None:
        mine = book(full[0], wait=True, any_of=[full[1].pk, full[2].pk])
        rows = Registration.objects.filter(visitor__email=EMAIL)
        one = rows.get(slot=full[1])
        assert 'name="everywhere"' in main(client.get(f"{home()}{mine.reference}/rendre/"))

        client.post(f"{home()}{one.reference}/rendre/")

        assert sorted(rows.values_list("status", flat=True)) == ["cancelled", "waiting", "waiting"]

        response = client.post(f"{home()}{mine.reference}/rendre/", {"everywhere": "1"}, follow=True)

        assert set(rows.values_list("status", flat=True)) == {"cancelled"}
        assert "Vous avez quitté la liste" in text(response)
        assert "ticket--wait" not in main(response)

    def test_a_partner_s_link_leaves_its_own_list_alone(self, client: Client, full: list[Slot]) -> None:
        mine = book(full[0], wait=True, any_of=[full[1].pk])

        page = client.get(alone(mine))
        client.post(f"{alone(mine)}{mine.reference}/rendre/", {"everywhere": "1"})

        assert 'name="everywhere"' not in main(page)
        rows = Registration.objects.filter(visitor__email=EMAIL).order_by("slot__starts_at")
        assert list(rows.values_list("status", flat=True)) == ["cancelled", "waiting"]

    def test_the_form_costs_the_same_for_one_and_three_times(self, client: Client, full: list[Slot]) -> None:
        counts = []
        for hours in ([], [18, 19]):
            for hour in hours:
                slot = at(hour, activity=full[0].activity, capacity=1)
                book(slot, email="dominique@example.org")
            with CaptureQueriesContext(connection) as queries:
                client.get(self.url(full[0]))
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestTheReceipt:
    def test_asks_everybody_to_open_the_message_where_addresses_are_confirmed(self) -> None:
        slot = at(10, activity__festival=FestivalFactory(confirms_addresses=True))
        book(at(9, activity__festival=slot.activity.festival))
        Visitor.objects.update(verified_at=NOW)

        pages = [
            Client().post(
                f"/creneaux/{slot.pk}/inscription/",
                {"email": email, "party_size": "1", "submission_id": str(uuid.uuid4())},
                follow=True,
            )
            for email in (EMAIL, "carole@example.org")
        ]

        said = [text(page).replace("ca…e@", "") for page in pages]
        assert said[0] == said[1]
        assert "Ouvrez le message dans les 30 minutes pour garder votre place" in said[0]
        assert sorted(slot.registrations.values_list("status", flat=True)) == ["confirmed", "held"]

    def test_says_nothing_that_is_not_true_for_all(self, client: Client) -> None:
        slot = at(10)
        response = client.post(
            f"/creneaux/{slot.pk}/inscription/",
            {"email": EMAIL, "party_size": "1", "submission_id": str(uuid.uuid4())},
            follow=True,
        )

        assert "confirmée" not in text(response)
        assert "Il contient votre billet, ou ce qu’il reste à faire pour garder vos places." in text(response)


def test_my_visits_cost_the_same_for_one_and_three(client: Client) -> None:
    """Visits of one day, requests for several slots, reminders, what was given back: all of it."""
    festival = FestivalFactory()
    default_reminder_rules(festival)
    counts: list[int] = []
    for hours in ([9], [11, 14]):
        for hour in hours:
            book(at(hour, activity__festival=festival, venue=VenueFactory()))
            first = at(hour, 30, activity__festival=festival, capacity=1)
            second = at(hour, 45, activity=first.activity, capacity=1)
            for slot in (first, second):
                book(slot, email=f"dominique{slot.pk}@example.org")
            book(first, wait=True, any_of=[second.pk])
            gone = book(SlotFactory(day=DAY + dt.timedelta(days=1)))
            client.post(f"{home()}{gone.reference}/rendre/")
        client.get(home())  # says what was done
        with CaptureQueriesContext(connection) as queries:
            page = main(client.get(home()))
        assert page.count("ticket--wait") == (1, 3)[len(counts)]
        counts.append(len(queries))

    assert counts[0] == counts[1]

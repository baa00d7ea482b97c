"""The booking form and the receipt: what is shown, what is kept, what nobody can learn."""

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

from events.links import hash_of_address, mask
from events.mail.suppressions import Reason, Scope, stop
from events.models import Activity, Message, Mode, Registration, Slot
from events.registration.book import register_party
from events.views import admission, booking
from events.views.tickets import write_receipt
from tests.factories import NOW, ActivityFactory, SlotFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def url(slot: Slot) -> str:
    return f"/creneaux/{slot.pk}/inscription/"


def answers(**kwargs: Any) -> dict[str, Any]:
    return {"email": "camille@example.org", "party_size": "1", "submission_id": str(uuid.uuid4())} | kwargs


def book(slot: Slot, email: str, party_size: int = 1) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW
    ).registration


def main(response: Any) -> str:
    """The page between its frame's head and foot, as HTML."""
    return str(response.content.decode().split("<main")[1].split("</main")[0])


def text(response: Any) -> str:
    """The words of the page, spaces made one."""
    words = re.sub(r"<[^>]+>", " ", main(response)).replace("&#x27;", "'")
    return re.sub(r"[ \n]+", " ", words)


def submission_of(response: Any) -> str:
    found = re.search(r'name="submission_id" value="([^"]+)"', response.content.decode())
    assert found
    return found[1]


class TestTheForm:
    def test_asks_for_an_address_and_a_number(self, client: Client) -> None:
        slot = SlotFactory(activity=ActivityFactory(festival__most_places=4))

        response = client.get(url(slot))

        assert response.status_code == 200
        names = re.findall(r'<input[^>]* name="(\w+)"', main(response))
        assert names == ["csrfmiddlewaretoken", "submission_id", "email", "party_size"]
        assert 'max="4"' in response.content.decode()
        assert response.headers["Cache-Control"] == "private, no-store"
        uuid.UUID(submission_of(response))

    def test_asks_for_a_name_where_the_host_does(self, client: Client) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))

        assert 'name="name"' in main(client.get(url(slot)))

    def test_each_form_is_another_submission(self, client: Client) -> None:
        slot = SlotFactory()

        assert submission_of(client.get(url(slot))) != submission_of(client.get(url(slot)))

    @pytest.mark.parametrize(
        "make",
        [
            lambda: SlotFactory(state="draft"),
            lambda: SlotFactory(activity=ActivityFactory(state=Activity.State.SUBMITTED)),
            lambda: SlotFactory(activity=ActivityFactory(festival__state="draft")),
        ],
    )
    def test_what_is_not_public_does_not_exist(self, client: Client, make: Any) -> None:
        slot = make()

        assert client.get(url(slot)).status_code == 404
        assert client.post(url(slot), answers()).status_code == 404

    def test_other_methods_are_refused(self, client: Client) -> None:
        assert client.put(url(SlotFactory())).status_code == 405

    def test_it_needs_its_token_and_no_session(self) -> None:
        slot = SlotFactory()
        client = Client(enforce_csrf_checks=True)
        assert client.post(url(slot), answers()).status_code == 403
        page = client.get(url(slot))
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())
        assert token

        response = client.post(url(slot), answers(csrfmiddlewaretoken=token[1]))

        assert response.status_code == 302
        assert set(client.cookies) == {"csrftoken"}

    def test_the_form_costs_the_same_for_one_and_three_other_times(self, client: Client) -> None:
        slot = SlotFactory(capacity=0)
        counts = []
        for _number in (1, 3):
            while slot.activity.slots.count() <= _number:
                SlotFactory(activity=slot.activity)
            with CaptureQueriesContext(connection) as queries:
                page = main(client.get(url(slot)))
            assert page.count('class="btn btn--bare btn--small"') == _number
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestBooking:
    def test_leads_to_the_receipt(self, client: Client) -> None:
        slot = SlotFactory(capacity=10)

        response = client.post(url(slot), answers(email=" Camille@Example.org", party_size="2"), follow=True)

        assert response.redirect_chain[0][0].startswith("/inscriptions/")
        assert response.status_code == 200
        said = text(response)
        assert "C’est noté" in said
        assert "ca…e@example.org" in said
        assert "2\xa0places" in response.content.decode()
        registration = Registration.objects.get()
        assert (registration.visitor.email, registration.party_size) == ("camille@example.org", 2)
        assert registration.locale == "fr"
        assert registration.reference not in response.content.decode()

    def test_speaks_the_language_of_the_page_in_its_mails(self, client: Client) -> None:
        client.post(url(SlotFactory()), answers(), headers={"Accept-Language": "en"})

        assert Registration.objects.get().locale == "en"

    def test_is_at_most_eight_statements_all_included(self, client: Client) -> None:
        slot = SlotFactory()

        with CaptureQueriesContext(connection) as queries:
            response = client.post(url(slot), answers())

        assert response.status_code == 302
        statements = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
        # the slot, the peer's count, visitor, registration, message, counter
        assert [s.split()[0] for s in statements] == [
            "SELECT",
            "INSERT",
            "INSERT",
            "INSERT",
            "INSERT",
            "UPDATE",
        ]

    def test_the_same_form_twice_is_one_booking_and_one_page(self, client: Client) -> None:
        slot, form = SlotFactory(), answers()

        pages = [client.post(url(slot), form, follow=True) for _ in range(2)]

        assert text(pages[0]) == text(pages[1])
        assert Registration.objects.count() == 1
        assert Message.objects.count() == 1

    def test_the_same_form_with_other_answers_is_refused(self, client: Client) -> None:
        slot, form = SlotFactory(), answers()
        client.post(url(slot), form)

        response = client.post(url(slot), form | {"party_size": "2"})

        assert response.status_code == 422
        assert "Ce formulaire a déjà été envoyé avec d’autres réponses" in text(response)
        assert submission_of(response) != form["submission_id"]

    def test_a_full_slot_offers_the_list_and_takes_who_waits(self, client: Client) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, "dominique@example.org")
        page = client.get(url(slot))
        assert 'name="wait" value="1"' in page.content.decode()

        response = client.post(url(slot), answers(wait="1"), follow=True)

        assert "Il dit où vous en êtes" in text(response)
        assert Registration.objects.get(status="waiting").visitor.email == "camille@example.org"

    def test_a_full_slot_with_a_closed_list_shows_other_times(self, client: Client) -> None:
        slot = SlotFactory(capacity=0, waiting_list_open=False)
        other = SlotFactory(activity=slot.activity, capacity=9, start_time=dt.time(21, 30))

        page = main(client.get(url(slot)))

        assert "<form class=" not in page
        assert f'href="/creneaux/{other.pk}/inscription/"' in page
        assert "Jeudi\xa010\xa0juin, 21\xa0h\xa030\xa0: 9\xa0places" in page

    def test_fewer_places_than_asked_offers_them_or_the_list(self, client: Client) -> None:
        slot = SlotFactory(capacity=3)
        book(slot, "dominique@example.org")

        response = client.post(url(slot), answers(party_size="3"))

        page = main(response)
        assert response.status_code == 409
        assert 'name="party_size" value="2">Prendre 2\xa0places</button>' in page
        assert 'name="wait" value="1">Attendre 3\xa0places</button>' in page
        assert 'value="camille@example.org"' in page
        assert 'value="3"' in page

    def test_taking_the_fewer_is_one_button(self, client: Client) -> None:
        slot = SlotFactory(capacity=2)
        form = answers()
        form["party_size"] = ["3", "2"]

        assert client.post(url(slot), form).status_code == 302
        assert Registration.objects.get().party_size == 2

    @pytest.mark.parametrize(
        ("change", "title"),
        [
            ({"opens_at": NOW + dt.timedelta(days=1)}, "Pas encore ouvert"),
            ({"state": "cancelled", "cancelled_at": NOW}, "Cette visite n’aura pas lieu"),
            ({"day": NOW.date() - dt.timedelta(days=1)}, "Les inscriptions sont closes"),
        ],
    )
    def test_a_door_that_is_shut_says_why(self, client: Client, change: dict[str, Any], title: str) -> None:
        slot = SlotFactory(**change)

        shown, posted = client.get(url(slot)), client.post(url(slot), answers())

        assert (shown.status_code, posted.status_code) == (200, 409)
        assert title in text(shown)
        assert title in text(posted)
        assert not Registration.objects.exists()

    def test_a_drop_in_needs_no_booking(self, client: Client) -> None:
        slot = SlotFactory(activity=ActivityFactory(mode=Mode.DROP_IN))

        assert "Venez, tout simplement" in text(client.get(url(slot)))


class TestBadInput:
    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("email", "", "Indiquez votre adresse e-mail."),
            ("email", "camille.example.org", "Il manque le signe @ dans l’adresse."),
            ("email", "camille@example", "Il manque la fin de l’adresse, par exemple «\xa0.fr\xa0»."),
            ("email", "camille dupont@example.org", "Cette adresse ne peut pas recevoir"),
            ("email", "a@b.fr\r\nBcc: x@y.fr", "vérifiez chaque signe"),
            ("email", "cami\u202elle@example.org", "vérifiez chaque signe"),
            ("email", "cami\x00lle@example.org", "vérifiez chaque signe"),
            ("email", f"{'a' * 250}@example.org", "254"),
            ("party_size", "", "obligatoire"),
            ("party_size", "deux", "Indiquez un nombre."),
            ("party_size", "0", "supérieure ou égale à 1"),
            ("party_size", "-3", "supérieure ou égale à 1"),
            ("party_size", "7", "Au plus 6\xa0places par personne"),
            ("party_size", "9" * 5000, "nombre"),
            ("party_size", "1.5", "Indiquez un nombre."),
            ("name", "", "un prénom suffit"),
            ("name", "x" * 121, "120"),
            ("name", "Ca\x07mille", "Ce texte contient un caractère invisible"),
        ],
    )
    def test_is_answered_at_the_field_and_kept(
        self, client: Client, field: str, value: str, said: str
    ) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))
        form = answers(name="Camille") | {field: value}

        response = client.post(url(slot), form)

        page = main(response)
        assert response.status_code == 422
        at = page[page.index(f'id="e-id_{field}"') :]
        assert said in at[: at.index("</div>")].replace("&#x27;", "'")
        assert page.count('aria-invalid="true"') == 1
        kept = {"email": "camille@example.org", "party_size": "1", "name": "Camille"}
        for other in kept.keys() - {field}:
            assert re.search(rf'<input[^>]*name="{other}"[^>]*value="{kept[other]}"', page), other
        assert submission_of(response) != form["submission_id"]
        assert not Registration.objects.exists()

    @pytest.mark.parametrize("submission", ["", "7c1e", "\x00", "é" * 400])
    def test_a_form_without_its_number_gets_a_new_one(self, client: Client, submission: str) -> None:
        slot = SlotFactory()

        response = client.post(url(slot), answers(submission_id=submission))

        assert response.status_code == 422
        assert client.post(url(slot), answers(submission_id=submission_of(response))).status_code == 302

    def test_what_is_typed_never_becomes_markup(self, client: Client) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))

        response = client.post(url(slot), answers(email='"><b>x</b>@a.b', name="<script>1</script>"))

        assert "<b>x</b>" not in response.content.decode()
        assert "<script>1" not in response.content.decode()


class TestAKnownAddress:
    """Two addresses, one with a place and one without, meet the same pages at every turn."""

    def pages(self, slot: Slot, **kwargs: Any) -> list[tuple[int, str]]:
        seen = []
        for email in ("camille@example.org", "carole@example.org"):
            client = Client()
            response = client.post(url(slot), answers(email=email, **kwargs), follow=True)
            seen.append((response.status_code, text(response).replace("ca…e@", "?@").replace("in ca", "?")))
        return seen

    def test_sees_the_same_receipt(self) -> None:
        slot = SlotFactory(capacity=5)
        book(slot, "camille@example.org")

        known, fresh = self.pages(slot, party_size="2")

        assert known == fresh
        assert known[0] == 200
        assert Message.objects.filter(kind="already_registered").count() == 1

    def test_sees_the_same_refusal(self) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, "camille@example.org")

        known, fresh = self.pages(slot)

        assert known[0] == fresh[0] == 409
        assert re.sub(r"[0-9a-f-]{36}", "", known[1]) == re.sub(r"[0-9a-f-]{36}", "", fresh[1])

    def test_sees_the_same_waiting_list(self) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, "camille@example.org")

        known, fresh = self.pages(slot, wait="1")

        assert known == fresh

    def test_the_receipt_s_link_is_of_the_same_length_and_kind(self) -> None:
        slot = SlotFactory(capacity=5)
        book(slot, "camille@example.org")
        links = [
            Client().post(url(slot), answers(email=email)).headers["Location"]
            for email in ("camille@example.org", "carole@example.org")
        ]

        payloads = [signing.loads(link.split("/")[2], salt="events.receipt") for link in links]
        hashes = [payload.pop() for payload in payloads]

        assert payloads == [[slot.pk, 1, 0, "ca…e@example.org", [], 0]] * 2
        assert hashes == [hash_of_address(email) for email in ("camille@example.org", "carole@example.org")]


class TestLimits:
    def test_too_many_tries_keep_what_was_typed(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "BOOKINGS", 1)
        slot, form = SlotFactory(), answers(email="sacha@example.org")
        client.post(url(slot), answers())

        response = client.post(url(slot), form)

        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 600
        assert 'value="sacha@example.org"' in response.content.decode()
        assert submission_of(response) == form["submission_id"]
        assert Registration.objects.count() == 1

    def test_another_peer_is_not_held_up(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "BOOKINGS", 1)
        slot = SlotFactory()
        client.post(url(slot), answers())

        response = client.post(url(slot), answers(email="sacha@example.org"), REMOTE_ADDR="203.0.113.9")

        assert response.status_code == 302

    def test_the_next_window_is_free_again(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "BOOKINGS", 1)
        slot = SlotFactory()
        client.post(url(slot), answers())

        with time_machine.travel(NOW + dt.timedelta(minutes=10), tick=False):
            assert client.post(url(slot), answers(email="sacha@example.org")).status_code == 302

    def test_a_busy_database_asks_to_send_the_same_form_again(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slot, form = SlotFactory(), answers()
        monkeypatch.setattr(booking, "register_party", _busy)

        response = client.post(url(slot), form)

        assert response.status_code == 503
        assert response.headers["Retry-After"] == "3"
        assert submission_of(response) == form["submission_id"]
        assert "Rien n’est perdu" in text(response)


def _busy(**kwargs: Any) -> None:
    from events.refusals import Reason, Refused

    raise Refused(Reason.BUSY)


class TestTheReceipt:
    def token(self, slot: Slot) -> str:
        return write_receipt(slot_id=slot.pk, party_size=1, is_waiting=False, email="camille@example.org")

    def test_is_kept_by_nobody(self, client: Client) -> None:
        response = client.get(f"/inscriptions/{self.token(SlotFactory())}/")

        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert response.headers["Referrer-Policy"] == "same-origin"

    def test_leads_to_the_mails_kept_on_the_site_and_only_then(self, client: Client, settings: Any) -> None:
        token = self.token(SlotFactory())
        settings.KEEP_MAILS_ON_SITE = True
        assert 'href="/courriels/"' in client.get(f"/inscriptions/{token}/").content.decode()

        settings.KEEP_MAILS_ON_SITE = False
        assert 'href="/courriels/"' not in client.get(f"/inscriptions/{token}/").content.decode()

    def test_closes_after_three_days_with_a_way_on(self, client: Client) -> None:
        token = self.token(SlotFactory())

        with time_machine.travel(NOW + dt.timedelta(days=3, seconds=1), tick=False):
            response = client.get(f"/inscriptions/{token}/")

        assert response.status_code == 410
        assert 'href="/mes-visites/"' in response.content.decode()

    @pytest.mark.parametrize("token", ["rien", "WzFd:1abc:xyz", "x" * 3000])
    def test_one_that_was_not_written_here_does_not_open(self, client: Client, token: str) -> None:
        assert client.get(f"/inscriptions/{token}/").status_code == 404


@pytest.mark.parametrize(
    ("email", "masked"),
    [("camille@example.org", "ca…e@example.org"), ("al@x.fr", "a…@x.fr"), ("alix@x.fr", "al…x@x.fr")],
)
def test_an_address_is_shown_in_part(email: str, masked: str) -> None:
    assert mask(email) == masked


class TestAnAddressThatTakesNoMail:
    def test_is_told_kindly_on_the_receipt(self, client: Client) -> None:
        stop("camille@example.org", Scope.ALL, Reason.BOUNCED, now=NOW)

        said = text(client.post(url(SlotFactory()), answers(), follow=True))

        assert "Nos messages à cette adresse nous sont revenus" in said
        assert "ca…e@example.org" in said
        assert "Ouvrez maintenant" not in said

    @pytest.mark.parametrize(
        ("scope", "reason"),
        [
            (Scope.ALL, Reason.BY_HAND),
            (Scope.REMINDERS, Reason.UNSUBSCRIBED),
            (Scope.BROADCASTS, Reason.COMPLAINED),
        ],
    )
    def test_nothing_is_told_of_what_somebody_wants(
        self, client: Client, scope: Scope, reason: Reason
    ) -> None:
        slot = SlotFactory()
        fresh = text(client.post(url(slot), answers(email="camille@example.com"), follow=True))
        stop("camille@example.org", scope, reason, now=NOW)

        said = text(client.post(url(slot), answers(), follow=True))

        assert said == fresh.replace("example.com", "example.org")

"""Floods from one peer hoard nothing, and while robots storm the doors a proof of work is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.limits import STORM_BLOWS_AT, Limit, allow, count, note_storm
from events.models import RateCount, Registration, Slot, Visitor
from events.proofs import BITS, PIECES, is_proof, new_challenge
from events.registration.holds import expire_holds
from events.registration.terms import terms_of
from events.views import admission
from events.views.tickets import read_receipt
from tests.factories import NOW, FestivalFactory, SlotFactory

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def send(slot: Slot, client: Client | None = None, **fields: Any) -> Any:
    data = {"email": "camille@example.org", "party_size": 1, "submission_id": str(uuid.uuid4())} | fields
    peer = data.pop("peer", "192.0.2.1")
    return (client or Client()).post(f"/creneaux/{slot.pk}/inscription/", data, REMOTE_ADDR=peer)


def solve(seed: str) -> str:
    """The work, done by somebody who has the page and nothing of ours."""
    found = []
    for piece in range(PIECES):
        for number in itertools.count():
            digest = hashlib.sha256(f"{seed}:{piece}:{number}".encode()).digest()
            if int.from_bytes(digest[:4]) >> (32 - BITS) == 0:
                found.append(str(number))
                break
    return ".".join(found)


def storm(now: dt.datetime = NOW) -> None:
    for _sign in range(STORM_BLOWS_AT):
        note_storm(now=now)


def status_of(email: str = "camille@example.org") -> str:
    return Registration.objects.get(visitor__email=email).status


class TestCounting:
    def test_several_limits_are_one_statement(self) -> None:
        limits = [Limit(name, "192.0.2.1", 1, HOUR) for name in ("a", "b", "c")]

        with CaptureQueriesContext(connection) as asked:
            first = count(limits, now=NOW)
        second = count(limits[:2], now=NOW)

        assert len(asked) == 1
        assert (first, second) == ({}, {"a": 1, "b": 1})

    def test_each_peer_and_each_window_counts_alone(self) -> None:
        limit = Limit("a", "192.0.2.1", 1, HOUR)
        count([limit], now=NOW)

        assert count([Limit("a", "192.0.2.2", 1, HOUR)], now=NOW) == {}
        assert count([limit], now=NOW + HOUR) == {}
        assert count([limit], now=NOW) == {"a": 1}

    def test_a_household_with_ipv6_is_one_peer(self) -> None:
        count([Limit("a", "2001:db8::1", 1, HOUR)], now=NOW)

        assert count([Limit("a", "2001:db8::2", 1, HOUR)], now=NOW) == {"a": 1}
        assert count([Limit("a", "2001:db8:0:1::2", 1, HOUR)], now=NOW) == {}

    def test_the_factor_widens_each(self, settings: Any) -> None:
        settings.RATE_LIMIT_FACTOR = 2
        limit = Limit("a", "192.0.2.1", 1, HOUR)

        assert [count([limit], now=NOW) for _time in range(3)] == [{}, {}, {"a": 1}]

    def test_a_single_one_is_allowed_or_not(self) -> None:
        asked = {"action": "a", "peer": "192.0.2.1", "limit": 1, "per": HOUR, "now": NOW}

        assert [allow(**asked) for _time in range(2)] == [True, False]

    def test_no_address_is_kept(self) -> None:
        count([Limit("a", "192.0.2.1", 1, HOUR)], now=NOW)

        assert "192.0.2" not in str(list(RateCount.objects.values()))


class TestFloods:
    def test_beyond_so_many_in_one_slot_the_places_are_kept_until_the_address_is_confirmed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "BOOKINGS_HERE", 2)
        slot, other = SlotFactory(), SlotFactory()

        for number in range(3):
            send(slot, email=f"{number}@example.org")
        send(slot, email="elsewhere@example.org", peer="192.0.2.2")
        send(other, email="other@example.org")

        states = dict(Registration.objects.values_list("visitor__email", "status"))
        assert states == {
            "0@example.org": "confirmed",
            "1@example.org": "confirmed",
            "2@example.org": "held",
            "elsewhere@example.org": "confirmed",
            "other@example.org": "confirmed",
        }

    def test_an_address_that_was_confirmed_before_needs_no_second_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "BOOKINGS_HERE", 0)
        send(SlotFactory(), email="known@example.org")
        Visitor.objects.update(verified_at=NOW)
        Registration.objects.all().delete()
        slot = SlotFactory()

        known, new = send(slot, email="known@example.org"), send(slot, email="new@example.org")

        assert (status_of("known@example.org"), status_of("new@example.org")) == ("confirmed", "held")
        receipts = [read_receipt(answer.headers["Location"].split("/")[2]) for answer in (known, new)]
        assert [(one.must_confirm, one.is_waiting) for one in receipts] == [(True, False)] * 2

    def test_one_peer_has_only_so_many_places_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "HOLDS", 2)
        festival = FestivalFactory(confirms_addresses=True)
        answers = [
            send(SlotFactory(activity__festival=festival), email=f"{number}@example.org")
            for number in range(3)
        ]

        assert [answer.status_code for answer in answers] == [302, 302, 429]
        assert 0 < int(answers[2].headers["Retry-After"]) <= 600
        assert Registration.objects.count() == 2

    def test_the_holds_of_a_flood_in_one_slot_are_limited_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "BOOKINGS_HERE", 1)
        monkeypatch.setattr(admission, "HOLDS", 1)
        slot = SlotFactory()

        answers = [send(slot, email=f"{number}@example.org").status_code for number in range(3)]

        assert answers == [302, 302, 429]

    def test_one_peer_tries_only_so_often_in_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "BOOKINGS", 1)

        answers = [send(SlotFactory(), email=f"{n}@example.org").status_code for n in range(2)]

        assert answers == [302, 429]

    def test_a_calm_booking_counts_its_peer_in_one_statement(self) -> None:
        slot = SlotFactory()
        with CaptureQueriesContext(connection) as asked:
            send(slot)

        counting = [query for query in asked if "INSERT INTO events_ratecount" in query["sql"]]
        assert len(counting) == 1


class TestTheStorm:
    def test_all_is_calm_without_signs(self) -> None:
        slot = SlotFactory()
        for _sign in range(STORM_BLOWS_AT - 1):
            note_storm(now=NOW)

        assert not terms_of(slot.pk, now=NOW).is_shielded
        assert "data-proof" not in Client().get(f"/creneaux/{slot.pk}/inscription/").content.decode()

    def test_it_blows_at_so_many_signs_and_ends_by_itself(self) -> None:
        slot = SlotFactory()
        storm()

        assert terms_of(slot.pk, now=NOW).is_shielded
        assert "data-proof" in Client().get(f"/creneaux/{slot.pk}/inscription/").content.decode()
        assert not terms_of(slot.pk, now=NOW + dt.timedelta(minutes=15)).is_shielded

    @pytest.mark.parametrize(("shield", "is_up"), [("off", False), ("on", True)])
    def test_an_edition_may_say_never_or_always(self, shield: str, is_up: bool) -> None:
        slot = SlotFactory(activity__festival__shield=shield)
        if shield == "off":
            storm()

        assert terms_of(slot.pk, now=NOW).is_shielded is is_up
        page = Client().get(f"/creneaux/{slot.pk}/inscription/").content.decode()
        assert ("data-proof" in page) is is_up

    def test_a_refused_flood_is_a_sign_at_its_first_and_each_tenth_refusal(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "BOOKINGS", 0)
        slot = SlotFactory()

        for _try in range(11):
            send(slot)

        assert RateCount.objects.get(key="storm").count == 2

    def test_places_kept_for_an_address_nobody_confirmed_are_a_sign(self) -> None:
        slot = SlotFactory(activity__festival__confirms_addresses=True)
        send(slot)

        expire_holds(now=NOW + HOUR)

        assert RateCount.objects.get(key="storm").count == 1

    def test_knowing_of_the_storm_costs_no_statement(self) -> None:
        slot = SlotFactory()
        with CaptureQueriesContext(connection) as calm:
            send(slot, email="a@example.org")
        storm()
        with CaptureQueriesContext(connection) as stormy:
            send(slot, email="b@example.org", challenge="", proof="")

        assert len([q for q in stormy if "storm" in q["sql"]]) == len(
            [q for q in calm if "storm" in q["sql"]]
        )
        assert len([q for q in calm if "storm" in q["sql"]]) == 1


class TestTheProof:
    def the_form(self, slot: Slot) -> dict[str, str]:
        page = Client().get(f"/creneaux/{slot.pk}/inscription/").content.decode()
        challenge = re.search(r'name="challenge" value="([^"]+)"', page)[1]
        submission = re.search(r'name="submission_id" value="([^"]+)"', page)[1]
        seed = re.search(r'data-proof="([^"]+)"', page)[1]
        return {"challenge": challenge, "submission_id": submission, "seed": seed}

    def test_a_browser_that_worked_books_at_once(self) -> None:
        slot = SlotFactory(activity__festival__shield="on")
        form = self.the_form(slot)

        send(slot, **(form | {"proof": solve(form.pop("seed"))}))

        assert status_of() == "confirmed"

    def test_without_script_the_places_are_kept_until_the_address_is_confirmed(self) -> None:
        slot = SlotFactory(activity__festival__shield="on")
        form = self.the_form(slot)

        answer = send(slot, **(form | {"proof": ""}))

        held = Registration.objects.get()
        assert (held.status, held.hold, held.held_until) == ("held", "address", NOW + HOUR / 2)
        assert "30\u00a0minutes" in Client().get(answer.headers["Location"]).content.decode()

    def test_one_proof_books_once(self) -> None:
        slot = SlotFactory(activity__festival__shield="on")
        form = self.the_form(slot)
        form["proof"] = solve(form.pop("seed"))

        answers = [send(slot, email=f"{n}@example.org", **form).status_code for n in range(3)]

        assert answers == [302, 422, 422]
        assert Registration.objects.count() == 1

    def test_a_proof_holds_for_its_slot_its_form_and_its_time_alone(self) -> None:
        submission = uuid.uuid4()
        made = new_challenge(slot_id=1, submission_id=submission, now=NOW)
        true: dict[str, Any] = {
            "proof": solve(made.seed),
            "challenge": made.text,
            "slot_id": 1,
            "submission_id": submission,
            "now": NOW + HOUR,
        }
        assert is_proof(**true)

        for wrong in (
            {"slot_id": 2},
            {"submission_id": uuid.uuid4()},
            {"now": NOW + 3 * HOUR},
            {"now": NOW - HOUR},
            {"challenge": made.text.replace(".", "1.", 1)},
            {"challenge": made.text[:-1]},
            {"challenge": ""},
            {"challenge": "é.é"},
            {"challenge": "²." + made.seed},
            {"challenge": "9" * 5000 + "." + made.seed},
            {"proof": ""},
            {"proof": true["proof"] + ".1"},
            {"proof": ".".join(["0"] * PIECES)},
            {"proof": "١" + true["proof"]},
            {"proof": true["proof"].partition(".")[2]},
        ):
            assert not is_proof(**(true | wrong)), wrong

    def test_a_form_with_a_challenge_is_drawn_for_each_reader(self, settings: Any) -> None:
        """Pages are kept for a moment while all is calm; a challenge is bound to one reader's submission."""
        settings.QUICK_PAGE_SECONDS = 600.0
        slot = SlotFactory(activity__festival__shield="on")
        self.the_form(slot)
        form = self.the_form(slot)

        send(slot, **(form | {"proof": solve(form.pop("seed"))}))

        assert status_of() == "confirmed"

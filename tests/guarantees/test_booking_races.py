"""Never a place too many, never a booking twice, a place given back once: with real processes, on both
engines.

Each promise has its negative control: the same race over what people usually write breaks it.
"""

from __future__ import annotations

import datetime as dt
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from http.cookiejar import CookieJar
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from events.models import Message, Registration, Slot, Visitor
from events.registration.book import register_party
from events.registration.invariants import find_drift
from tests.factories import NOW, ActivityFactory, SlotFactory
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import at_best

from .racers import race

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]
AT = NOW.isoformat()


def run(site: Site, acts: list[tuple[Any, ...]]) -> list[Any]:
    return race(site, acts, now=AT)


def visitors(slot: Slot, action: str, sizes: list[int]) -> list[tuple[Any, ...]]:
    return [
        (action, slot.pk, f"v{number}@example.org", size, str(uuid.uuid4()))
        for number, size in enumerate(sizes)
    ]


def places(slot: Slot) -> int:
    return slot.registrations.confirmed().aggregate(n=Sum("party_size"))["n"] or 0


def counters(slot: Slot) -> tuple[int, int, int]:
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting


def register(slot: Slot, email: str, party_size: int = 1, *, wait: bool = False) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, wait=wait
    ).registration


class TestPlaces:
    def test_sixty_visitors_for_ten_places_are_exactly_ten(self, database: Site) -> None:
        slot = SlotFactory(capacity=10)

        answers = run(database, visitors(slot, "book", [1] * 60))

        said = Counter(answer if isinstance(answer, str) else "booked" for answer in answers)
        assert said == {"booked": 10, "full": 50}
        assert places(slot) == 10
        assert counters(slot) == (10, 0, 0)
        assert Message.objects.filter(kind="confirmation").count() == 10
        assert Visitor.objects.count() == 10
        assert find_drift(now=NOW) == []

    def test_parties_of_one_to_three_fill_it_and_no_more(self, database: Site) -> None:
        slot = SlotFactory(capacity=10)

        answers = run(database, visitors(slot, "book", [1, 2, 3] * 20))

        assert Counter(type(a) for a in answers if a != "full") == {
            list: Registration.objects.confirmed().count()
        }
        assert places(slot) == 10
        assert counters(slot) == (10, 0, 0)
        assert find_drift(now=NOW) == []

    def test_those_who_would_wait_are_all_counted(self, database: Site) -> None:
        slot = SlotFactory(capacity=5)

        answers = run(database, [(*act, True) for act in visitors(slot, "book", [1] * 30)])

        assert all(isinstance(answer, list) for answer in answers)
        assert counters(slot) == (5, 0, 25)
        assert find_drift(now=NOW) == []

    def test_negative_control_counting_first_lets_too_many_in(self, database: Site) -> None:
        slot = SlotFactory(capacity=10)

        run(database, visitors(slot, "count_then_insert", [1] * 60))

        assert places(slot) > 10
        assert [drift.rule for drift in find_drift(now=NOW)] == ["slot_taken"]

    def test_a_hand_that_forgets_the_condition_is_stopped_by_the_database(self, database: Site) -> None:
        slot = SlotFactory(capacity=10, taken=10)

        with pytest.raises(IntegrityError, match="never_a_place_too_many"), transaction.atomic():
            Slot.objects.filter(pk=slot.pk).update(taken=F("taken") + 1)

        assert counters(slot) == (10, 0, 0)


class TestSubmissions:
    def test_the_same_submission_twenty_times_is_one(self, database: Site) -> None:
        slot, submission = SlotFactory(capacity=10), str(uuid.uuid4())

        answers = run(database, [("book", slot.pk, "camille@example.org", 2, submission)] * 20)

        registration = Registration.objects.get()
        assert sorted(answers) == [[registration.pk, False]] + [[registration.pk, True]] * 19
        assert counters(slot) == (2, 0, 0)
        assert Message.objects.get().dedupe_key == f"confirm:{registration.pk}:0"

    def test_the_same_submission_for_the_last_place_is_one(self, database: Site) -> None:
        slot, submission = SlotFactory(capacity=1), str(uuid.uuid4())

        answers = run(database, [("book", slot.pk, "camille@example.org", 1, submission)] * 20)

        assert [answer[1] for answer in answers].count(False) == 1
        assert counters(slot) == (1, 0, 0)

    def test_one_address_with_twenty_forms_holds_one_place(self, database: Site) -> None:
        slot = SlotFactory(capacity=10)

        answers = run(
            database, [("book", slot.pk, "camille@example.org", 1, str(uuid.uuid4())) for _ in range(20)]
        )

        assert answers.count("already_registered") == 19
        assert counters(slot) == (1, 0, 0)

    def test_negative_control_looking_first_books_twice(self, database: Site) -> None:
        slot, submission = SlotFactory(capacity=100), str(uuid.uuid4())

        run(database, [("look_then_insert", slot.pk, "camille@example.org", 1, submission)] * 20)

        assert Registration.objects.count() > 1


class TestGivingBack:
    def test_ten_hands_give_a_place_back_once(self, database: Site) -> None:
        slot = SlotFactory(capacity=40)
        register(slot, "groupe@example.org", 6)
        registration = register(slot, "camille@example.org", 3)

        answers = run(database, [("give_back", registration.pk, None)] * 10)

        assert Counter(answers) == {"given back": 1, "not_active": 9}
        assert counters(slot) == (6, 0, 0)
        assert Message.objects.filter(kind="cancellation").count() == 1
        assert find_drift(now=NOW) == []

    def test_ten_hands_give_one_of_six_back_each_and_six_do(self, database: Site) -> None:
        slot = SlotFactory(capacity=40)
        register(slot, "groupe@example.org", 6)
        registration = register(slot, "camille@example.org", 6)

        answers = run(database, [("give_back", registration.pk, 1)] * 10)

        assert Counter(answers) == {"given back": 6, "not_active": 4}
        assert counters(slot) == (6, 0, 0)
        assert Counter(Message.objects.values_list("kind", flat=True)) == {
            "confirmation": 2,
            "reduced": 5,
            "cancellation": 1,
        }

    def test_who_waits_is_offered_a_place_once_each(self, database: Site) -> None:
        slot = SlotFactory(capacity=8)
        holders = [register(slot, f"h{n}@example.org") for n in range(8)]
        waiting = [register(slot, f"w{n}@example.org", wait=True) for n in range(5)]

        answers = run(database, [("give_back", holder.pk, None) for holder in holders])

        assert answers == ["given back"] * 8
        assert counters(slot) == (0, 5, 0)
        assert set(slot.registrations.filter(status="held", hold="offer")) == set(waiting)
        assert Message.objects.filter(kind="offer").count() == 5
        assert find_drift(now=NOW) == []

    def test_booking_and_giving_back_at_once_keep_the_books(self, database: Site) -> None:
        slot = SlotFactory(capacity=10)
        holders = [register(slot, f"h{n}@example.org", 2) for n in range(5)]
        acts: list[tuple[Any, ...]] = [("give_back", holder.pk, None) for holder in holders]
        acts += [(*act, True) for act in visitors(slot, "book", [1, 2, 3] * 8)]

        answers = run(database, acts)

        assert not [answer for answer in answers if isinstance(answer, str) and answer != "given back"]
        assert slot.registrations.waiting().count() == counters(slot)[2]
        assert places(slot) == counters(slot)[0] <= 10
        assert find_drift(now=NOW) == []

    def test_negative_control_looking_first_gives_back_more_than_was_held(self, database: Site) -> None:
        slot = SlotFactory(capacity=100, activity=ActivityFactory(festival__most_places=50))
        register(slot, "groupe@example.org", 50)
        registration = register(slot, "camille@example.org", 3)

        run(database, [("look_then_give_back", registration.pk, None)] * 10)

        assert counters(slot)[0] < 50
        assert [drift.rule for drift in find_drift(now=NOW)] == ["slot_taken"]


class Browser:
    """A visitor who keeps cookies and follows no redirect."""

    def __init__(self, site: Site) -> None:
        self.site, self.cookies = site, CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _StaysHere()
        )

    def book(self, slot: Slot, email: str) -> tuple[int, float]:
        """The status of the answer and the seconds it took."""
        url = f"{self.site.url}/creneaux/{slot.pk}/inscription/"
        self.opener.open(url, timeout=60).read()
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        answers = {"email": email, "party_size": 1, "submission_id": uuid.uuid4()}
        data = urllib.parse.urlencode(answers | {"csrfmiddlewaretoken": token}).encode()
        started = time.monotonic()
        try:
            status = self.opener.open(url, data, timeout=60).status
        except urllib.error.HTTPError as error:
            status = error.code
        return status, time.monotonic() - started


class _StaysHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class TestTheBroker:
    """Nothing but the database stands in the way of a booking."""

    @pytest.mark.parametrize("trouble", ["stopped", "hung"])
    def test_a_booking_does_not_wait_for_it(self, database: Site, valkey: ValkeyServer, trouble: str) -> None:
        database.environment["REDIS_URL"] = valkey.url
        slot = SlotFactory(capacity=None, day=timezone.now().date() + dt.timedelta(days=30))
        database.serve()
        browser = Browser(database)
        assert browser.book(slot, "avant@example.org")[0] == 302

        if trouble == "hung":
            valkey.freeze()
        else:
            valkey.stop()
        seen: list[tuple[int, float]] = []

        def longest_of(number: int) -> float:
            some = [browser.book(slot, f"{uuid.uuid4()}@example.org") for _booking in range(number)]
            seen.extend(some)
            return max(seconds for _status, seconds in some)

        # Each of the two processes may wait once for each of its two connections; then the breaker leaves the
        # broker alone.
        assert at_best(lambda: longest_of(1) < 3)
        assert at_best(lambda: longest_of(4) < 0.5)
        assert {status for status, _seconds in seen} == {302}
        assert counters(slot) == (1 + len(seen), 0, 0)
        assert Message.objects.filter(kind="confirmation").count() == 1 + len(seen)

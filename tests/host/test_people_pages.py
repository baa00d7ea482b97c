"""The desk at a glance and who comes: the same few queries for one slot and for three."""

from __future__ import annotations

import csv
import datetime as dt
import io
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import Message, Mode, Registration, Slot
from events.registration.book import register_party
from tests.factories import DAY, NOW, RegistrationFactory, VisitorFactory
from tests.host.people import a_host, a_slot, an_activity

pytestmark = pytest.mark.django_db


def book(slot: Slot, email: str, size: int = 1, *, name: str = "", wait: bool = False) -> Registration:
    return register_party(
        slot_id=slot.pk,
        email=email,
        party_size=size,
        submission_id=uuid.uuid4(),
        now=NOW,
        name=name,
        wait=wait,
    ).registration


def queries(desk: Client, page: str) -> int:
    desk.get(page)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert desk.get(page).status_code == 200
    return len(asked)


class TestQueries:
    @pytest.mark.parametrize("name", ["host_overview", "host_people", "host_activities", "host_people_csv"])
    def test_lists_ask_as_much_for_one_as_for_three(self, desk: Client, host, name):
        page = reverse(f"events:{name}", args=[host.slug])
        book(a_slot(an_activity(host, state="published")), "a@visite.example")
        one = queries(desk, page)
        for number in (1, 2):
            slot = a_slot(an_activity(host, state="published"), start_time=dt.time(9 + number))
            book(slot, f"b{number}@visite.example")
            book(slot, f"c{number}@visite.example")

        assert queries(desk, page) == one

    @pytest.mark.parametrize("name", ["host_activity", "host_slots_add"])
    def test_an_activity_with_three_slots_asks_no_more(self, desk: Client, host, name):
        activity = an_activity(host, state="published")
        a_slot(activity)
        page = reverse(f"events:{name}", args=[host.slug, activity.pk])
        one = queries(desk, page)
        a_slot(activity, start_time=dt.time(10)), a_slot(activity, start_time=dt.time(11))

        assert queries(desk, page) == one

    @pytest.mark.parametrize("name", ["host_slot", "host_door_list", "host_slot_csv"])
    def test_a_slot_with_three_parties_asks_no_more(self, desk: Client, host, name):
        slot = a_slot(an_activity(host, state="published"))
        book(slot, "a@visite.example")
        page = reverse(f"events:{name}", args=[host.slug, slot.pk])
        one = queries(desk, page)
        book(slot, "b@visite.example"), book(slot, "c@visite.example")

        assert queries(desk, page) == one


class TestOverview:
    def test_the_keys_count_what_lies_ahead(self, desk: Client, host):
        activity = an_activity(host, state="published")
        book(a_slot(activity, capacity=4), "a@visite.example", 4)
        later = a_slot(activity, start_time=dt.time(11), capacity=6)
        book(later, "b@visite.example", 5), book(later, "c@visite.example", 2, wait=True)
        a_slot(activity, start_time=dt.time(12), state="cancelled", cancelled_at=NOW)
        a_slot(an_activity(a_host(slug="ailleurs"), state="published"))

        keys = desk.get(reverse("events:host_overview", args=[host.slug])).context["keys"]

        assert (keys.taken, keys.capacity, keys.waiting, keys.expected) == (9, 10, 1, 6)

    def test_a_new_host_reads_the_four_steps(self, desk: Client, host):
        page = desk.get(reverse("events:host_overview", args=[host.slug]))

        assert (page.context["has_activities"], page.context["keys"]) == (False, None)
        assert reverse("events:host_activity_new", args=[host.slug]) in page.content.decode()

    def test_what_is_over_is_kept_aside(self, desk: Client, host):
        activity = an_activity(host, state="published")
        over, ahead = a_slot(activity, day=dt.date(2027, 4, 1)), a_slot(activity)
        page = reverse("events:host_overview", args=[host.slug])

        assert desk.get(page).context["slots"] == [ahead]
        assert desk.get(page, {"passes": "1"}).context["slots"] == [over]

    def test_the_next_slot_that_is_booked_shows_who_comes(self, desk: Client, host):
        free = an_activity(host, state="published", mode=Mode.DROP_IN)
        a_slot(free, start_time=dt.time(8))
        slot = a_slot(an_activity(host, state="published", ask_name=True))
        book(slot, "a@visite.example", name="Camille")

        page = desk.get(reverse("events:host_overview", args=[host.slug]))

        assert (page.context["next_slot"], "Camille" in page.content.decode()) == (slot, True)


class TestWhoComes:
    def test_a_day_is_chosen_and_nonsense_falls_back_to_the_next_one(self, desk: Client, host):
        activity = an_activity(host, state="published")
        first, second = a_slot(activity), a_slot(activity, day=DAY + dt.timedelta(days=1))
        page = reverse("events:host_people", args=[host.slug])

        assert desk.get(page).context["slots"] == [first]
        assert desk.get(page, {"jour": "2027-06-11"}).context["slots"] == [second]
        assert desk.get(page, {"jour": "jamais"}).context["slots"] == [first]

    def test_those_with_places_come_before_those_who_wait(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published", ask_name=True), capacity=3)
        late = book(slot, "z@visite.example", 2, name="Zoé")
        early = book(slot, "a@visite.example", 1, name="Alix")
        second, third = (
            book(slot, f"{sign}@visite.example", 1, name=name, wait=True)
            for sign, name in (("x", "Xan"), ("w", "Wim"))
        )

        page = desk.get(reverse("events:host_slot", args=[host.slug, slot.pk]))

        assert list(page.context["people"]) == [early, late, second, third]

    def test_addresses_are_never_shown(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published"))
        book(slot, "secret@visite.example")

        for name, parts in (
            ("host_overview", []),
            ("host_people", []),
            ("host_people_csv", []),
            ("host_slot", [slot.pk]),
            ("host_door_list", [slot.pk]),
            ("host_slot_csv", [slot.pk]),
        ):
            page = desk.get(reverse(f"events:{name}", args=[host.slug, *parts])).content.decode()
            assert "secret@visite.example" not in page

    def test_an_address_that_refuses_mail_is_said(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published"))
        registration = book(slot, "a@visite.example")
        book(slot, "b@visite.example")
        Message.objects.filter(registration=registration).update(status=Message.Status.FAILED)

        people = desk.get(reverse("events:host_slot", args=[host.slug, slot.pk])).context["people"]

        assert {person.pk: person.mail_refused for person in people}[registration.pk] is True
        assert sum(person.mail_refused for person in people) == 1

    def test_the_door_list_holds_those_with_places_alone(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published", ask_name=True), capacity=2)
        seated = book(slot, "a@visite.example", 2, name="<b>Alix</b>")
        waiting = book(slot, "b@visite.example", 1, name="Wim", wait=True)

        page = desk.get(reverse("events:host_door_list", args=[host.slug, slot.pk])).content.decode()

        assert (seated.reference in page, waiting.reference in page) == (True, False)
        assert "&lt;b&gt;Alix&lt;/b&gt;" in page

    def test_the_file_holds_no_formula_and_none_of_another_host(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published", ask_name=True))
        mine = book(slot, "a@visite.example", 2, name="=HYPERLINK(1)")
        RegistrationFactory(
            slot=a_slot(an_activity(a_host(slug="ailleurs"), state="published")), visitor=VisitorFactory()
        )

        response = desk.get(reverse("events:host_people_csv", args=[host.slug]))

        rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))
        assert response.headers["Content-Disposition"] == 'attachment; filename="les-robots.csv"'
        assert [row[0] for row in rows[1:]] == [mine.reference]
        assert "'=HYPERLINK(1)" in rows[1]

    def test_given_back_places_are_in_no_file(self, desk: Client, host):
        slot = a_slot(an_activity(host, state="published"))
        RegistrationFactory(slot=slot, status="cancelled", cancelled_at=NOW)

        response = desk.get(reverse("events:host_slot_csv", args=[host.slug, slot.pk]))

        assert len(response.content.decode().strip().splitlines()) == 1

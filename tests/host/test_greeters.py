"""Who receives for a host: the list, absences, and who of them in a slot; names that no public page shows."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.models import Absence, Appearance, HostPerson, Slot
from tests.factories import AppearanceFactory, HostFactory, HostPersonFactory
from tests.host.people import a_slot, an_activity

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot(host) -> Slot:
    return a_slot(an_activity(host, state="published"), duration=60)


@pytest.fixture
def greeter(host) -> HostPerson:
    return HostPersonFactory(host=host, name="Dominique Petit", role="Ingénieure")


def text_of(response) -> str:
    return response.content.decode().replace("\xa0", " ")


def errors_of(response, form="form"):
    return response.context[form].errors


class TestTheList:
    def test_somebody_is_added_and_shown_with_what_comes(self, desk, host, slot):
        page = reverse("events:host_greeters", args=[host.slug])
        added = desk.post(page, {"name": "Dominique Petit", "role": "Guide", "email": "d@hote.example"})
        assert added.status_code == 302
        person = HostPerson.objects.get()
        assert (person.host, person.name, person.role, person.email) == (
            host,
            "Dominique Petit",
            "Guide",
            "d@hote.example",
        )
        AppearanceFactory(slot=slot, person=person)
        shown = text_of(desk.get(page))
        assert "Dominique Petit" in shown
        assert "1 créneau à venir" in shown

    def test_a_name_is_taken_once_and_what_was_typed_is_kept(self, desk, host, greeter):
        page = reverse("events:host_greeters", args=[host.slug])
        answer = desk.post(page, {"name": greeter.name, "role": "Guide"})
        assert (answer.status_code, list(errors_of(answer))) == (422, ["name"])
        assert 'value="Guide"' in text_of(answer)
        assert desk.post(page, {"name": "Ada\x00"}).status_code == 422
        assert HostPerson.objects.count() == 1

    def test_one_and_three_cost_the_same(self, desk, host, django_assert_num_queries):
        page = reverse("events:host_greeters", args=[host.slug])
        counts: list[int] = []
        for _ in range(2):
            HostPersonFactory.create_batch(2, host=host)
            with django_assert_num_queries(counts[0] if counts else 9, exact=False) as seen:
                desk.get(page)
            counts.append(len(seen))
        assert counts[0] == counts[1]

    def test_somebody_of_another_host_is_not_found(self, desk, host):
        other = HostPersonFactory(host=HostFactory())
        for name in ("host_greeter", "host_greeter_remove", "host_absence_add"):
            assert desk.post(reverse(f"events:{name}", args=[host.slug, other.pk])).status_code == 404
        assert HostPerson.objects.filter(pk=other.pk).exists()


class TestOnePerson:
    def test_the_name_is_changed(self, desk, host, greeter):
        page = reverse("events:host_greeter", args=[host.slug, greeter.pk])
        assert "Ingénieure" in text_of(desk.get(page))
        assert desk.post(page, {"name": "Dominique Grand"}).status_code == 302
        greeter.refresh_from_db()
        assert greeter.name == "Dominique Grand"
        other = HostPersonFactory(host=host)
        assert desk.post(page, {"name": other.name}).status_code == 422

    def test_taking_somebody_off_leaves_the_slot(self, desk, host, slot, greeter):
        AppearanceFactory(slot=slot, person=greeter)
        page = reverse("events:host_greeter_remove", args=[host.slug, greeter.pk])
        assert desk.get(page).status_code == 405
        assert desk.post(page).status_code == 302
        assert (HostPerson.objects.count(), Appearance.objects.count(), Slot.objects.count()) == (0, 0, 1)

    def test_an_absence_is_noted_and_names_the_slot_it_touches(self, desk, host, slot, greeter):
        AppearanceFactory(slot=slot, person=greeter)
        page = reverse("events:host_absence_add", args=[host.slug, greeter.pk])
        answer = desk.post(page, {"first_day": "2027-06-10", "reason": "Formation"}, follow=True)
        absence = Absence.objects.get()
        day = dt.datetime(2027, 6, 9, 22, tzinfo=dt.UTC)
        assert (absence.starts_at, absence.ends_at) == (day, day + dt.timedelta(days=1))
        assert "Dominique Petit accueille à ce moment" in text_of(answer)
        assert "Formation" in text_of(answer)
        drop = reverse("events:host_absence_remove", args=[host.slug, greeter.pk, absence.pk])
        assert desk.post(drop).status_code == 302
        assert not Absence.objects.exists()

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({}, "first_day"),
            ({"first_day": "2027-06-10", "from_time": "10:00", "to_time": "09:00"}, "to_time"),
            ({"first_day": "2027-03-28", "from_time": "02:30"}, "from_time"),
            ({"first_day": "2027-06-10", "last_day": "2027-06-09"}, "to_time"),
        ],
    )
    def test_an_absence_that_cannot_be_is_said_at_its_field(self, desk, host, greeter, typed, field):
        answer = desk.post(reverse("events:host_absence_add", args=[host.slug, greeter.pk]), typed)
        assert (answer.status_code, list(errors_of(answer, "absence_form"))) == (422, [field])
        assert not Absence.objects.exists()


class TestInASlot:
    def choose(self, desk, slot, *people):
        page = reverse("events:host_slot_greeters", args=[slot.activity.host.slug, slot.pk])
        return desk.post(page, {"people": [one.pk for one in people]})

    def test_several_are_chosen_and_shown(self, desk, host, slot, greeter):
        other = HostPersonFactory(host=host, name="Camille")
        page = reverse("events:host_slot_greeters", args=[host.slug, slot.pk])
        assert "Dominique Petit" in text_of(desk.get(page))
        assert self.choose(desk, slot, greeter, other).status_code == 302
        shown = text_of(desk.get(reverse("events:host_slot", args=[host.slug, slot.pk])))
        assert "Camille, Dominique Petit" in shown
        assert self.choose(desk, slot).status_code == 302
        assert not Appearance.objects.exists()

    def test_who_is_elsewhere_is_named_and_nothing_is_changed(self, desk, host, slot, greeter):
        activity = an_activity(host, title_fr="Autre atelier", state="published")
        other = a_slot(activity, start_time=dt.time(9, 30))
        AppearanceFactory(slot=other, person=greeter)
        answer = self.choose(desk, slot, greeter)
        assert answer.status_code == 422
        assert "Dominique Petit accueille « Autre atelier » de 9 h 30" in text_of(answer)
        assert not slot.appearances.exists()

    def test_who_is_away_is_refused_with_the_absence(self, desk, host, slot, greeter):
        Absence.objects.create(person=greeter, starts_at=slot.starts_at, ends_at=slot.ends_at)
        answer = self.choose(desk, slot, greeter)
        assert answer.status_code == 422
        assert "Dominique Petit n’est pas disponible de 9 h à 10 h." in text_of(answer)

    def test_somebody_of_another_host_cannot_be_ticked(self, desk, slot):
        assert self.choose(desk, slot, HostPersonFactory(host=HostFactory())).status_code == 422

    def test_moving_onto_another_visit_of_theirs_is_refused_at_the_field(self, desk, host, slot, greeter):
        other = a_slot(an_activity(host, title_fr="Autre", state="published"), start_time=dt.time(14))
        for one in (slot, other):
            AppearanceFactory(slot=one, person=greeter)
        typed = {"day": "2027-06-10", "start_time": "14:00", "duration": "45"}
        answer = desk.post(reverse("events:host_slot_edit", args=[host.slug, slot.pk]), typed)
        assert answer.status_code == 422
        assert "Dominique Petit accueille « Autre » de 14 h" in text_of(answer)

    def test_no_public_page_shows_a_name(self, client, slot, greeter):
        AppearanceFactory(slot=slot, person=greeter)
        for page in (
            slot.get_absolute_url(),
            slot.activity.get_absolute_url(),
            slot.activity.host.get_absolute_url(),
        ):
            assert "Dominique Petit" not in text_of(client.get(page))

"""The desk says when booking opens, keeps places and overbooks; each refusal stands at its field."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import Festival, FestivalTeam, HostMember, JournalEntry, Opening, Programme, Slot
from events.registration.openings import announce_opening
from events.registration.pools import Share, set_pools
from tests.factories import NOW, FestivalFactory, TerritoryFactory, UserFactory

from .conftest import a_slot

FIRST = dt.datetime(2027, 6, 2, 10, 0, tzinfo=dt.UTC)
TYPED = {"part": "t", "day": "2027-06-02", "time": "12:00"}
WAVES = {"second_day": "2027-06-09", "second_time": "18:00", "second_share": "20"}


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


@pytest.fixture
def national(client, place):
    person = UserFactory()
    FestivalTeam.objects.create(festival=place.festival, user=person)
    client.force_login(person)
    return client


def announced(place, **fields):
    fields = {"programme": None, "territory": place.territory, "opens_at": FIRST} | fields
    return announce_opening(festival=place.festival, by=place.organiser, now=NOW, **fields)


class TestOpenings:
    def test_one_looks_before_one_announces(self, desk, place):
        slot = a_slot(place, capacity=10)

        looked = desk.post(url("openings"), TYPED | WAVES | {"look": "1"})
        assert (looked.context["preview"].first_places, looked.context["preview"].second_places) == (8, 2)
        assert not Opening.objects.exists()
        answer = desk.post(url("openings"), TYPED | WAVES | {"announce": "1"}, follow=True)

        slot.refresh_from_db()
        assert (slot.opens_at, slot.reserved) == (FIRST, 2)
        words = answer.content.decode()
        assert "Annoncé par Alix Relais" in words
        assert "1\u00a0créneau du territoire la suit." in words

    @pytest.mark.parametrize(
        ("change", "field", "said"),
        [
            ({"day": ""}, "day", "obligatoire"),
            ({"day": "2027-05-03", "time": "10:00"}, "day", "passé"),
            ({"time": "25:00"}, "time", "valide"),
            ({"part": "e"}, "part", "choix"),
            ({**WAVES, "second_share": ""}, "second_share", "part"),
            ({**WAVES, "second_share": "91"}, "second_share", "90"),
            ({**WAVES, "second_time": ""}, "second_time", "heure"),
            ({**WAVES, "second_day": "2027-06-01"}, "second_day", "après la première"),
            ({"day": "2028-03-26", "time": "02:30"}, "time", "heure"),
        ],
    )
    @pytest.mark.parametrize("button", ["look", "announce"])
    def test_refused_at_its_field_with_what_was_typed(self, desk, place, change, field, said, button):
        answer = desk.post(url("openings"), TYPED | change | {button: "1"})

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert said in answer.context["form"].errors[field][0]
        assert f'value="{(TYPED | change)["day"]}"' in answer.content.decode()
        assert not Opening.objects.exists()

    def test_a_territory_announces_for_a_programme_in_it_alone(self, desk, place):
        programme = Programme.objects.create(festival=place.festival, name="Assembly", slug="assembly")

        desk.post(url("openings"), TYPED | {"part": f"t{programme.pk}", "announce": "1"})

        opening = Opening.objects.get()
        assert (opening.programme, opening.territory) == (programme, place.territory)

    def test_the_national_team_announces_for_the_whole_edition(self, national, place):
        programme = Programme.objects.create(festival=place.festival, name="Assembly", slug="assembly")

        for part in ("e", f"e{programme.pk}"):
            national.post(url("openings"), TYPED | {"part": part, "announce": "1"})

        assert sorted(Opening.objects.values_list("programme", "territory"), key=str) == [
            (programme.pk, None),
            (None, None),
        ]

    def test_what_holds_for_the_edition_is_taken_back_by_the_national_team_alone(self, desk, place):
        wide, mine = announced(place, territory=None), announced(place)

        assert desk.post(url("opening_drop", wide.pk)).status_code == 404
        assert desk.post(url("opening_drop", mine.pk)).status_code == 302

        assert list(Opening.objects.all()) == [wide]
        assert JournalEntry.objects.filter(verb="drop_opening").get().actor == place.organiser

    def test_one_that_has_opened_stays(self, desk, place):
        opening = announced(place)
        Opening.objects.update(opens_at=NOW)

        answer = desk.post(url("opening_drop", opening.pk), follow=True)

        assert "ce qui est ouvert le reste" in answer.content.decode()
        assert Opening.objects.exists()

    def test_another_territorys_is_not_listed_and_not_found(self, desk, place):
        other = TerritoryFactory(name="Nantes")
        place.festival.territories.add(other)
        opening = announced(place, territory=other)

        assert desk.get(url("openings")).context["rows"] == []
        assert desk.post(url("opening_drop", opening.pk)).status_code == 404

    def test_the_page_asks_as_much_for_three_as_for_one(self, desk, place):
        counts = []
        for number in range(3):
            programme = Programme.objects.create(
                festival=place.festival, name=f"P{number}", slug=f"p{number}"
            )
            announced(place, programme=programme)
            with CaptureQueriesContext(connection) as queries:
                assert len(desk.get(url("openings")).context["rows"]) == number + 1
            counts.append(len(queries))

        assert counts[0] == counts[2]

    def test_without_an_edition_there_is_nothing_to_announce(self, desk, place):
        Festival.objects.update(state="archived")

        assert "Aucune édition" in desk.get(url("openings")).content.decode()


class TestRules:
    TYPED = {
        "most_places": "4",
        "most_bookings_per_day": "3",
        "most_bookings": "",
        "confirms_addresses": "on",
        "shield": "auto",
        "expected_absence": "30",
    }

    def test_the_national_team_changes_them_and_it_is_written_down(self, national, place):
        answer = national.post(url("rules"), self.TYPED, follow=True)

        place.festival.refresh_from_db()
        assert (place.festival.most_places, place.festival.most_bookings_per_day) == (4, 3)
        assert (place.festival.confirms_addresses, place.festival.expected_absence) == (True, 30)
        assert "Personne n’y perd une visite" in answer.content.decode()
        entry = JournalEntry.objects.get()
        assert (entry.verb, entry.text.partition(": ")[2]) == (
            "change_rules",
            "most_places 6 → 4, most_bookings_per_day None → 3, confirms_addresses False → True, "
            "expected_absence 28 → 30",
        )

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("most_places", "0"),
            ("most_places", "101"),
            ("most_bookings_per_day", "0"),
            ("most_bookings", "-1"),
            ("expected_absence", "91"),
            ("shield", "castle"),
        ],
    )
    def test_refused_at_its_field(self, national, place, field, value):
        answer = national.post(url("rules"), self.TYPED | {field: value})

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert not JournalEntry.objects.exists()

    def test_a_territorys_team_finds_no_such_page(self, desk, place):
        assert desk.get(url("rules")).status_code == 404
        FestivalTeam.objects.create(festival=FestivalFactory(), user=place.organiser)
        assert desk.post(url("rules"), self.TYPED).status_code == 404


class TestReserves:
    def test_places_are_kept_and_the_bar_shows_all_of_them(self, desk, place):
        slot = a_slot(place, capacity=10)

        answer = desk.post(
            url("slot_pools", slot.pk), {"access": "2", "access_until": "24", "group": "3"}, follow=True
        )

        slot.refresh_from_db()
        assert (slot.reserved, slot.next_release_at) == (5, slot.starts_at - dt.timedelta(days=1))
        parts = answer.context["parts"]
        assert [(part.kind, part.places) for part in parts] == [("public", 5), ("access", 2), ("group", 3)]
        assert sum(part.width for part in parts) == pytest.approx(600, abs=1)
        words = answer.content.decode()
        assert "aucune → accès adapté 2 (9\u00a0juin à\u00a010\u00a0h), groupes 3" in words

    def test_a_second_wave_by_hand(self, desk, place):
        slot = a_slot(place, capacity=10)

        desk.post(
            url("slot_pools", slot.pk), {"later": "4", "later_day": "2027-06-09", "later_time": "18:00"}
        )

        assert slot.pools.values_list("kind", "places", "releases_at").get() == (
            "later",
            4,
            dt.datetime(2027, 6, 9, 16, tzinfo=dt.UTC),
        )

    @pytest.mark.parametrize(
        ("typed", "status", "field", "said"),
        [
            ({"access": "-1"}, 422, "access", "0"),
            ({"access": "x"}, 422, "access", "nombre"),
            ({"access_until": "5"}, 422, "access_until", "choix"),
            ({"later": "4"}, 422, "later_day", "jour"),
            ({"access": "4", "group": "5"}, 409, "group", "On peut garder 8"),
            (
                {"later": "1", "later_day": "2027-05-03", "later_time": "09:00"},
                409,
                "later_day",
                "Ce moment est passé",
            ),
        ],
    )
    def test_refused_at_its_field(self, desk, place, typed, status, field, said):
        slot = a_slot(place, capacity=10)
        set_pools(slot_id=slot.pk, shares=[Share("walk_in", 2)], by=None, now=NOW)
        Slot.objects.update(taken=2, reserved=1)
        slot.pools.update(taken=1)
        before = list(slot.pools.values())

        answer = desk.post(url("slot_pools", slot.pk), {"walk_in": "1"} | typed)

        assert answer.status_code == status
        assert said in answer.context["pools_form"].errors[field][0]
        assert list(slot.pools.values()) == before

    def test_under_what_is_taken_of_it_is_refused_at_its_field(self, desk, place):
        slot = a_slot(place, capacity=10)
        set_pools(slot_id=slot.pk, shares=[Share("group", 4)], by=None, now=NOW)
        slot.pools.update(taken=3)
        Slot.objects.update(taken=3, reserved=1)

        answer = desk.post(url("slot_pools", slot.pk), {"group": "2"})

        assert answer.status_code == 409
        assert answer.context["pools_form"].errors == {
            "group": ["3\u00a0places de cette réserve sont déjà prises."]
        }

    def test_every_slot_of_the_visit_or_none(self, desk, place):
        first, second = a_slot(place, capacity=10), a_slot(place, at=dt.time(15), capacity=2)
        typed = {"access": "3", "everywhere": "on"}

        refused = desk.post(url("slot_pools", first.pk), typed)
        assert refused.status_code == 409
        assert (
            "10\u00a0juin à\u00a015\u00a0h\u00a0: On peut garder 2"
            in refused.context["pools_form"].errors["access"][0]
        )
        assert not first.pools.exists()

        desk.post(url("slot_pools", first.pk), typed | {"access": "2"})
        assert [slot.pools.get().places for slot in (first, second)] == [2, 2]

    def test_in_a_slot_without_limit_there_is_no_panel(self, desk, place):
        slot = a_slot(place, capacity=None)

        assert "surreservation" not in desk.get(url("slot", slot.pk)).content.decode()
        assert desk.post(url("slot_pools", slot.pk), {"access": "1"}).status_code == 409


class TestOverbooking:
    def test_the_choices_state_their_risk(self, desk, place):
        slot = a_slot(place, capacity=12, safety_capacity=14)

        words = desk.get(url("slot", slot.pk)).content.decode()

        assert "14 pour 12\u00a0: 6\u00a0% de risque de devoir refuser quelqu’un" in words
        assert "<s>15 pour 12\u00a0: 16\u00a0% de risque" in words
        assert "Pas ici\u00a0: la salle peut accueillir 14\u00a0personnes" in words

    def test_one_is_chosen(self, desk, place):
        slot = a_slot(place, capacity=12)

        answer = desk.post(url("slot_overbook", slot.pk), {"overbook": "2"}, follow=True)

        slot.refresh_from_db()
        assert slot.overbook == 2
        assert "14\u00a0personnes peuvent réserver." in answer.content.decode()

    @pytest.mark.parametrize("value", ["3", "", "x", "-1"])
    def test_above_the_safety_capacity_or_nonsense_is_refused_at_the_field(self, desk, place, value):
        slot = a_slot(place, capacity=12, safety_capacity=14)

        answer = desk.post(url("slot_overbook", slot.pk), {"overbook": value})

        assert answer.status_code == 422
        assert list(answer.context["overbook_form"].errors) == ["overbook"]

    def test_under_what_is_taken_is_refused_at_the_field(self, desk, place):
        slot = a_slot(place, capacity=12, overbook=2)
        Slot.objects.update(taken=14)

        answer = desk.post(url("slot_overbook", slot.pk), {"overbook": "0"})

        assert (answer.status_code, list(answer.context["overbook_form"].errors)) == (409, ["overbook"])


class TestTheHost:
    @pytest.fixture
    def host(self, client, place):
        person = UserFactory()
        HostMember.objects.create(host=place.host, user=person)
        client.force_login(person)
        return client

    def address(self, place, slot, name="host_slot_pools"):
        return reverse(f"events:{name}", args=[place.host.slug, slot.pk])

    def test_keeps_places_for_access_and_groups_and_leaves_the_rest(self, host, place):
        slot = a_slot(place, capacity=10)
        set_pools(slot_id=slot.pk, shares=[Share("walk_in", 2)], by=None, now=NOW)

        answer = host.post(self.address(place, slot), {"access": "1", "group": "3", "walk_in": "0"})

        assert answer.status_code == 302
        assert dict(slot.pools.values_list("kind", "places")) == {"access": 1, "group": 3, "walk_in": 2}

    def test_is_refused_at_the_field(self, host, place):
        slot = a_slot(place, capacity=2)

        answer = host.post(self.address(place, slot), {"access": "3"})

        assert answer.status_code == 422
        assert "On peut garder 2" in answer.context["pools_form"].errors["access"][0]
        assert 'value="3"' in answer.content.decode()

    def test_finds_the_form_beside_the_places(self, host, place):
        slot = a_slot(place, capacity=2)

        words = host.get(self.address(place, slot, "host_slot_capacity")).content.decode()

        assert 'name="access"' in words
        assert 'name="walk_in"' not in words
        assert host.get(self.address(place, slot)).status_code == 302


def test_a_slot_s_page_asks_as_much_with_reserves_as_without(desk, place):
    slot = a_slot(place, capacity=10)
    set_pools(slot_id=slot.pk, shares=[Share("access", 1)], by=None, now=NOW)
    counts = []
    for shares in ([Share("access", 1)], [Share("access", 1), Share("group", 1), Share("walk_in", 1)]):
        set_pools(slot_id=slot.pk, shares=shares, by=None, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            desk.get(url("slot", slot.pk))
        counts.append(len(queries))

    assert counts[0] == counts[1]

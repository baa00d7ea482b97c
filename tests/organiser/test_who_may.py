"""What one may do is what one may fetch: a territory one does not run does not exist."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.models import TerritoryTeam, VenueManager
from tests.factories import RegistrationFactory, RoomFactory, TerritoryFactory, UserFactory, VenueFactory

from .conftest import a_slot, submitted

PAGES: dict[str, list[str]] = {
    "organiser_territory": [],
    "organiser_moderation": [],
    "organiser_slots": [],
    "organiser_csv": [],
    "organiser_hosts": [],
    "organiser_messages": [],
    "organiser_team": [],
    "organiser_venue_new": [],
}
VENUE_PAGES = {
    "organiser_board": [],
    "organiser_venues": [],
    "organiser_venue": ["la-cantine"],
    "organiser_venue_edit": ["la-cantine"],
    "organiser_room_new": ["la-cantine"],
}


def answers(client, people, url):
    """The status each person gets; an anonymous one is led to the sign-in."""
    said = {}
    for who, user in people.items():
        client.logout()
        if user is not None:
            client.force_login(user)
        response = client.get(url)
        said[who] = (
            "sign in"
            if response.status_code == 302 and "/compte/login" in response.url
            else response.status_code
        )
    return said


@pytest.mark.parametrize("name", PAGES)
def test_a_territory_s_pages_are_for_its_organisers(client, place, people, name):
    said = answers(client, people, reverse(f"events:{name}", args=["toulouse", *PAGES[name]]))

    assert said == {
        "organiser": 200,
        "elsewhere": 404,
        "manager": 404,
        "host": 404,
        "stranger": 404,
        "anonymous": "sign in",
    }


@pytest.mark.parametrize("name", VENUE_PAGES)
def test_a_venue_s_pages_are_for_its_manager_too(client, place, people, name):
    said = answers(client, people, reverse(f"events:{name}", args=["toulouse", *VENUE_PAGES[name]]))

    assert said == {
        "organiser": 200,
        "elsewhere": 404,
        "manager": 200,
        "host": 404,
        "stranger": 404,
        "anonymous": "sign in",
    }


def test_a_slot_and_a_review_are_for_the_organisers(client, place, people):
    slot, activity = a_slot(place), submitted(place)

    for name, pk in (
        ("organiser_slot", slot.pk),
        ("organiser_slot_csv", slot.pk),
        ("organiser_review", activity.pk),
    ):
        said = answers(client, people, reverse(f"events:{name}", args=["toulouse", pk]))
        assert said == {
            "organiser": 200,
            "elsewhere": 404,
            "manager": 404,
            "host": 404,
            "stranger": 404,
            "anonymous": "sign in",
        }


def test_another_territory_s_slot_is_not_found_under_one_s_own(desk, place):
    other = TerritoryFactory()
    place.activity.territory, theirs = other, place.activity
    slot = a_slot(place)
    theirs.save()

    assert desk.get(reverse("events:organiser_slot", args=["toulouse", slot.pk])).status_code == 404


def test_a_draft_is_nobody_s_business_yet(desk, place):
    activity = submitted(place, state="draft", submitted_at=None)

    assert desk.get(reverse("events:organiser_review", args=["toulouse", activity.pk])).status_code == 404


def test_a_manager_sees_only_the_venues_they_manage(client, place, people):
    VenueFactory(territory=place.territory, name="Le Quai", slug="le-quai")
    client.force_login(people["manager"])

    page = client.get(reverse("events:organiser_venues", args=["toulouse"]))

    assert [venue.name for venue in page.context["venues"]] == ["La Cantine"]
    assert client.get(reverse("events:organiser_venue", args=["toulouse", "le-quai"])).status_code == 404
    board = client.get(reverse("events:organiser_board", args=["toulouse"]), {"lieu": "le-quai"})
    assert board.status_code == 404


def test_a_manager_may_not_place(client, place, people):
    slot = a_slot(place)
    client.force_login(people["manager"])

    answer = client.post(
        reverse("events:organiser_board", args=["toulouse"]),
        {"creneau": slot.pk, "ou": f"{place.room.pk}:600"},
    )

    assert answer.status_code == 404
    slot.refresh_from_db()
    assert slot.room is None


def test_a_manager_may_not_call_their_venue_a_totem(client, place, people):
    client.force_login(people["manager"])

    page = client.get(reverse("events:organiser_venue_edit", args=["toulouse", "la-cantine"]))

    assert "is_totem" not in page.context["form"].fields


def test_a_room_is_not_found_under_another_venue(desk, place):
    elsewhere = RoomFactory(venue=VenueFactory(territory=place.territory))

    answer = desk.get(reverse("events:organiser_room", args=["toulouse", "la-cantine", elsewhere.pk]))

    assert answer.status_code == 404


def test_a_registration_is_not_found_under_another_slot(desk, place):
    registration = RegistrationFactory(slot=a_slot(place))
    other = a_slot(place, at=dt.time(15))

    answer = desk.post(
        reverse("events:organiser_registration_cancel", args=["toulouse", other.pk, registration.reference])
    )

    assert answer.status_code == 404
    registration.refresh_from_db()
    assert registration.status == "confirmed"


def test_one_territory_is_opened_at_once_several_are_chosen_from(desk, place):
    first = desk.get(reverse("events:organiser_desk"))
    TerritoryTeam.objects.create(territory=TerritoryFactory(name="Albi"), user=place.organiser)
    second = desk.get(reverse("events:organiser_desk"))

    assert first.url == reverse("events:organiser_territory", args=["toulouse"])
    assert [at["territory"].name for at in second.context["places"]] == ["Albi", "Toulouse"]


def test_who_only_manages_a_venue_is_led_to_it(client, place, people):
    client.force_login(people["manager"])

    assert client.get(reverse("events:organiser_desk")).url == reverse(
        "events:organiser_venues", args=["toulouse"]
    )


def test_who_has_no_desk_finds_none(client, place, people):
    client.force_login(people["stranger"])

    assert client.get(reverse("events:organiser_desk")).status_code == 404


def test_only_the_national_team_changes_the_team(client, place, people):
    newcomer = UserFactory(email="nouvelle@example.org")
    url = reverse("events:organiser_team", args=["toulouse"])
    client.force_login(place.organiser)
    refused = client.post(url, {"email": newcomer.email})
    national = UserFactory()
    place.festival.team.create(user=national)
    client.force_login(national)

    accepted = client.post(url, {"email": "Nouvelle@example.org"})

    assert (refused.status_code, accepted.status_code) == (404, 302)
    assert set(place.territory.team.values_list("user", flat=True)) == {place.organiser.pk, newcomer.pk}
    member = place.territory.team.get(user=newcomer)
    client.post(reverse("events:organiser_team_remove", args=["toulouse", member.pk]))
    assert list(place.territory.team.values_list("user", flat=True)) == [place.organiser.pk]


def test_an_unknown_address_is_not_added_to_the_team(client, place):
    national = UserFactory()
    place.festival.team.create(user=national)
    client.force_login(national)

    answer = client.post(
        reverse("events:organiser_team", args=["toulouse"]), {"email": "personne@nulle.part.example"}
    )

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["email"]


def test_a_manager_of_two_territories_chooses(client, place, people):
    VenueManager.objects.create(venue=VenueFactory(), user=people["manager"])
    client.force_login(people["manager"])

    page = client.get(reverse("events:organiser_desk"))

    assert [at["organises"] for at in page.context["places"]] == [False, False]

"""The desk's list of duplicates, and the page that makes two venues one."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import NotTheSame, Venue, VenueMerge
from tests.factories import UserFactory, VenueFactory

from .test_venues import url


@pytest.fixture
def twin(place):
    return VenueFactory(
        territory=place.territory,
        name="La cantine numérique, 27 rue d’Aubuisson",
        slug="cantine-numerique",
        address="",
    )


def shown(desk):
    return [[venue.slug for venue in row["both"]] for row in desk.get(url("venue_twins")).context["pairs"]]


def test_two_that_look_alike_are_listed_the_fuller_first(desk, place, twin):
    VenueFactory(territory=place.territory, name="Quai des Savoirs", slug="quai", address="")

    assert shown(desk) == [["la-cantine", "cantine-numerique"]]


def test_a_venue_of_another_territory_is_not_compared(desk, place):
    VenueFactory(name="La Cantine", slug="ailleurs")

    assert shown(desk) == []


def test_told_apart_they_are_not_listed_again(desk, place, twin):
    desk.post(url("venue_apart", "cantine-numerique", "la-cantine"))

    assert list(NotTheSame.objects.values_list("one", "other")) == [(place.venue.pk, twin.pk)]
    assert shown(desk) == []


def test_both_stand_side_by_side_and_looking_changes_nothing(desk, place, twin):
    page = desk.get(url("venue_merge", "la-cantine", "cantine-numerique"))

    assert [row["name"] for row in page.context["rows"]] == ["name", "address"]
    assert "27 rue d’Aubuisson" in page.content.decode()
    assert Venue.objects.count() == 2


def test_they_are_made_one_with_what_was_chosen(desk, place, twin):
    Venue.objects.filter(pk=twin.pk).update(website="https://cantine.example/")

    answer = desk.post(
        url("venue_merge", "la-cantine", "cantine-numerique"), {"name": "ici", "website": "autre"}
    )

    place.venue.refresh_from_db()
    assert answer.url == url("venue", "la-cantine")
    assert (place.venue.name, place.venue.website) == ("La Cantine", "https://cantine.example/")
    assert VenueMerge.objects.get().merged_by == place.organiser
    assert desk.get(url("venue", "cantine-numerique")).url == url("venue", "la-cantine")
    assert desk.get("/lieux/cantine-numerique/").status_code == 301


def test_a_new_venue_that_looks_like_another_is_said(desk, place):
    from .test_venues import hours

    answer = desk.post(
        url("venue_new"), {"name": "La cantine numérique, 27 rue d’Aubuisson", **hours()}, follow=True
    )

    assert Venue.objects.count() == 2
    assert any("La Cantine ressemble" in str(said) for said in answer.context["messages"])


@pytest.mark.parametrize("page", ["venue_merge", "venue_apart"])
def test_a_venue_is_not_its_own_twin(desk, place, page):
    assert desk.post(url(page, "la-cantine", "la-cantine")).status_code == 404


def test_a_venue_of_elsewhere_is_not_merged(desk, place):
    VenueFactory(slug="ailleurs")

    assert desk.post(url("venue_merge", "la-cantine", "ailleurs")).status_code == 404
    assert Venue.objects.count() == 2


def test_the_list_asks_as_often_for_one_pair_as_for_three(desk, place, twin):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            desk.get(url("venue_twins"))
        return len(caught)

    one = queries()
    for number in range(3):
        VenueFactory(territory=place.territory, name="La Cantine", slug=f"cantine-{number}")
    assert queries() == one


def test_a_stranger_sees_nothing(client, place, twin):
    client.force_login(UserFactory())

    assert client.get(url("venue_twins")).status_code == 404

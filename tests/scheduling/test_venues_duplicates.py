"""Venues that are perhaps one: pairs as organisers and imports write them."""

from __future__ import annotations

import pytest

from events.scheduling.duplicates import Place, alike, pairs, street_key

HERE = (43.6049, 1.4478)
NEXT_DOOR = (43.6055, 1.4482)
ACROSS_TOWN = (43.5613, 1.4680)


def venue(name, address="", postcode="", city="Toulouse", position=None, pk=1):
    return Place(pk, name, address, postcode, city, position)


ONE = [
    # the same place, written twice
    (
        venue("La Cantine", "27 rue d’Aubuisson", "31000"),
        venue("La cantine numérique, 27 rue d'Aubuisson", "", ""),
    ),
    (venue("La Cantine", "27 rue d’Aubuisson", "31000"), venue("La Cantine Toulouse", "", "31000")),
    (venue("La Cantine", position=HERE), venue("Cantine numérique", position=NEXT_DOOR)),
    (
        venue("Quai des Savoirs", "39 allées Jules Guesde"),
        venue("Le Quai des savoirs", "39, all. Jules-Guesde"),
    ),
    (venue("Épitech", "40 bd de la Marquette"), venue("Epitech Toulouse", "40 Boulevard de la Marquette")),
    (venue("Ecole 42", "10 bis av. de Lyon", "31000"), venue("IOT Valley", "10 bis avenue de Lyon", "31000")),
    (venue("TIC Valley", city="Labège"), venue("Tic Valey", city="Labège")),
    (venue("La Mêlée", position=HERE), venue("LA MELEE", position=NEXT_DOOR)),
    (venue("Hôtel de Région", "22 bd du Maréchal Juin", city=""), venue("Hotel de region", city="Toulouse")),
]
TWO = [
    (venue("La Cantine"), venue("La Mêlée")),
    (venue("La Cantine", city="Toulouse"), venue("La Cantine", city="Nantes")),
    (venue("La Cantine", position=HERE), venue("La Cantine", position=ACROSS_TOWN)),
    (venue("La Cantine", position=HERE), venue("Le Studio", position=NEXT_DOOR)),
    (venue("Espace Croix-Baragnon", "24 rue Croix-Baragnon"), venue("Espace Bonnefoy", "4 rue du Faubourg")),
    (
        venue("Studio", "27 rue d’Aubuisson", "31000"),
        venue("Atelier", "27 rue d’Aubuisson", "44000", "Nantes"),
    ),
    (venue("Studio", "27 rue d’Aubuisson"), venue("Atelier", "29 rue d’Aubuisson")),
    (venue("Maison de la Citoyenneté Nord"), venue("Maison de la Citoyenneté Centre")),
    (venue("Incubateur", "3 rue A"), venue("Incubateur Nubbo", "8 place B")),
    (venue("A"), venue("A B")),
]


@pytest.mark.parametrize(("one", "other"), ONE, ids=lambda place: place.name)
def test_the_same_place_written_twice_is_seen(one, other):
    found = alike(one, other)

    assert found is not None
    assert 0 < found.score <= 1
    assert alike(other, one) == found


@pytest.mark.parametrize(("one", "other"), TWO, ids=lambda place: place.name)
def test_two_places_are_two(one, other):
    assert alike(one, other) is None
    assert alike(other, one) is None


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("27 rue d’Aubuisson", "27 rue aubuisson"),
        ("27, Rue d'Aubuisson, 31000 Toulouse", "27 rue aubuisson"),
        ("27 r. d’Aubuisson Toulouse", "27 rue aubuisson"),
        ("Bâtiment B, 10 bis av. de la Gare", "10 bis avenue gare"),
        ("1 rue Toulouse", "1 rue toulouse"),
        ("rue d’Aubuisson", ""),
        ("31000 Toulouse", ""),
        ("27", ""),
        ("", ""),
    ],
)
def test_a_door_is_told_by_its_number_and_street(typed, key):
    assert street_key(venue("X", typed)) == key


def test_pairs_come_the_most_alike_first_without_those_told_apart():
    places = [
        venue("La Cantine", "27 rue d’Aubuisson", pk=3),
        venue("La cantine numérique", "27 rue d’Aubuisson", pk=1),
        venue("La Mêlée", "27 rue d’Aubuisson", pk=7),
        venue("Quai des Savoirs", pk=5),
    ]

    found = pairs(places)

    assert found[0][:2] == (1, 3)
    assert sorted(pair[:2] for pair in found) == [(1, 3), (1, 7), (3, 7)]
    assert [pair[:2] for pair in pairs(places, {(1, 3), (1, 7)})] == [(3, 7)]


def test_pairs_sees_every_pair_that_alike_sees():
    places = []
    for number, (one, other) in enumerate([*ONE, *TWO]):
        for offset, place in enumerate((one, other)):
            places.append(
                Place(
                    2 * number + offset, place.name, place.address, place.postcode, place.city, place.position
                )
            )
    slow = {
        (one.pk, other.pk)
        for at, one in enumerate(places)
        for other in places[at + 1 :]
        if alike(one, other) is not None
    }

    assert {(one, other) for one, other, _likeness in pairs(places)} == slow

"""What a question finds and what stands beside each choice, against an oracle in plain Python."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict

from events.folding import fold, padded
from events.models import Access, Audience, Commune, Format, Language, Programme, Slot, Theme
from events.programme import (
    MOMENTS,
    Counts,
    Filters,
    Found,
    find,
    find_words,
    forget_facets,
    index_at,
    matching,
    nearest_words,
    shelf,
    tally,
)
from events.spelt import patterns, searched, stands_in
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

WORDS = (
    "robot",
    "vélos",
    "journaux",
    "atelier",
    "énergie",
    "ia",
    "cœur",
    "jeux",
    "travail",
    "biologie",
    "art",
)
ASKED = (
    "robots",
    "velo",
    "JOURNAL",
    "ateliers",
    "energy",
    "ia",
    "coeur",
    "jeu",
    "travaux",
    "bio",
    "arts",
    "le",
    "x",
)


def asked(query: str) -> Filters:
    return Filters.read(QueryDict(query))


# Words ----------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("velos", "un vélo"),
        ("VÉLO", "des vélos"),
        ("ateliers robots", "Dans l’atelier d’un robot jardinier"),
        ("l’atelier des robots", "atelier robot"),
        ("journal", "deux journaux"),
        ("journaux", "le journal"),
        ("travaux", "au travail"),
        ("travail", "les travaux"),
        ("jeux", "un jeu"),
        ("energies", "energy"),
        ("industry", "les industries"),
        ("cyber", "cybersécurité"),
        ("œuvres", "une oeuvre"),
        ("ia", "l’IA pour tous"),
        ("le", "le"),
    ],
)
def test_a_word_is_found_however_it_is_written(query: str, text: str) -> None:
    assert all(stands_in(word, padded(text)) for word in searched(query))


@pytest.mark.once
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("robot", "aérobot"),
        ("ia", "iambe"),
        ("prix", "une prise"),
        ("velo robot", "un vélo"),
        ("bus", "bu"),
        ("gaz", "magazine"),
    ],
)
def test_a_word_is_not_found_in_the_middle_of_another_or_for_another(query: str, text: str) -> None:
    assert not all(stands_in(word, padded(text)) for word in searched(query))


@pytest.mark.once
def test_little_words_are_left_out_unless_there_is_no_other() -> None:
    assert searched("L’atelier de la Robotique et des robots") == ["atelier", "robotique", "robots"]
    assert searched("la la") == ["la"]
    assert searched("un deux " * 20 + "trois") == ["deux", "trois"]
    assert all(pattern.startswith(" ") for word in ASKED for pattern in patterns(fold(word)))


# Oracle ---------------------------------------------------------------------------------------------------


def scatter(rng: random.Random, number: int) -> None:
    """Slots that differ in everything one may ask for, at random."""
    festival = FestivalFactory()
    cities = [TerritoryFactory(name=name) for name in ("Toulouse", "Lyon", "La Réunion")]
    communes = [Commune.objects.create(territory=cities[0], name=name) for name in ("Labège", "Ramonville")]
    programmes = [
        Programme.objects.create(festival=festival, name=name, slug=name) for name in ("un", "deux")
    ]
    venues = [
        VenueFactory(
            name=f"{rng.choice(WORDS)} {n}",
            territory=cities[n % 3],
            commune=communes[n % 2] if n % 3 == 0 else None,
            latitude=None if n == 5 else round(43.6 + rng.uniform(-0.05, 0.05), 4),
            longitude=None if n == 5 else round(1.44 + rng.uniform(-0.05, 0.05), 4),
            access=rng.sample(Access.values, rng.randint(0, 2)),
        )
        for n in range(6)
    ]
    for _ in range(number // 2):
        activity = ActivityFactory(
            festival=festival,
            host=HostFactory(territory=rng.choice(cities), name=f"Hôte {rng.choice(WORDS)}"),
            programme=rng.choice([None, *programmes]),
            title_fr=" ".join(rng.sample(WORDS, 2)),
            description_fr=rng.choice(WORDS),
            venue=rng.choice([None, *venues]),
            format=rng.choice(Format.values[:4]),
            theme=rng.choice(["", *Theme.values[:3]]),
            audience=rng.choice(Audience.values[:3]),
            mode=rng.choice(["drop_in", "first_come", "first_come"]),
            languages=rng.sample(Language.values[:3], rng.randint(1, 2)),
            access=rng.sample(Access.values, rng.randint(0, 2)),
            state=rng.choice(["published", "published", "published", "cancelled", "submitted"]),
        )
        for hour in rng.sample(range(8, 21), 2):
            capacity = None if activity.mode == "drop_in" else rng.randint(1, 6)
            state = rng.choice(["published", "published", "published", "cancelled", "draft"])
            SlotFactory(
                activity=activity,
                venue=rng.choice([None, *venues]),
                day=DAY + dt.timedelta(days=rng.choice([0, 1, 1, 2, -90])),
                start_time=dt.time(hour, rng.choice([0, 30])),
                capacity=capacity,
                taken=rng.randint(0, capacity) if capacity else 0,
                state=state,
                cancelled_at=NOW if state == "cancelled" else None,
            )


def at_random(rng: random.Random) -> Filters:
    """A question of one to four parts."""
    parts: dict[str, Any] = {
        "q": rng.choice(ASKED) if rng.random() < 0.7 else " ".join(rng.sample(ASKED, 2)),
        "ville": rng.choice(["toulouse", "lyon", "Labège", "nulle-part"]),
        "jour": rng.choice([DAY, DAY + dt.timedelta(days=1)]).isoformat(),
        "moment": rng.choice(list(MOMENTS)),
        "operation": rng.choice(["un", "deux"]),
        "format": rng.choice(Format.values[:4]),
        "thematique": rng.choice(Theme.values[:3]),
        "langue": rng.choice(Language.values[:3]),
        "public": rng.choice(Audience.values[:3]),
        "acces": rng.sample(Access.values, rng.randint(1, 2)),
        "mode": rng.choice(["drop_in", "first_come"]),
        "places": rng.choice(["1", "3", "libre"]),
        "autour": f"43.6,1.44,{rng.choice([1, 2, 5])}",
        "cadre": rng.choice(["43.55,1.4,43.62,1.46", "43.58,1.3,43.7,1.6"]),
    }
    return Filters.read({name: parts[name] for name in rng.sample(list(parts), rng.randint(0, 4))})


def answers(slot: Slot, asked: Filters, *, cancelled: bool) -> bool:
    """Whether a slot answers a question, read off the rows as a person would."""
    activity, venue = slot.activity, slot.venue
    states = {"published", "cancelled"} if cancelled else {"published"}
    text = padded(activity.search_text, venue.search_text if venue else "")
    first, end = MOMENTS[asked.moment] if asked.moment else (dt.time(0), None)
    left = None if slot.capacity is None or activity.mode == "drop_in" else slot.capacity - slot.taken
    in_commune = bool(venue and venue.commune and fold(venue.commune.name) == asked.place.replace("-", " "))
    position = (venue.latitude, venue.longitude) if venue else (None, None)
    return (
        slot.starts_at > NOW
        and slot.state in states
        and activity.state in states
        and all(stands_in(word, text) for word in searched(asked.query))
        and (not asked.place or activity.territory.slug == asked.place or in_commune)
        and asked.day in (None, slot.day)
        and (first <= slot.start_time and (end is None or slot.start_time < end))
        and asked.programme in ("", activity.programme.slug if activity.programme else None)
        and all(
            getattr(asked, name) in ("", getattr(activity, name))
            for name in ("format", "theme", "audience", "mode")
        )
        and (not asked.language or asked.language in activity.languages)
        and set(asked.access) <= {*activity.access, *(venue.access if venue else ())}
        and (not asked.places or (slot.state == "published" and (left is None or left >= asked.places)))
        and (asked.near is None or asked.near.holds(*position))
        and (asked.within is None or asked.within.holds(*position))
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("seed", "few"), [(0, 400), (1, 400), (2, 400), (3, 0), (4, 0)])
def test_every_question_finds_and_counts_what_an_oracle_finds(
    seed: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that stand in more than ``few`` places are left to the database."""
    monkeypatch.setattr("events.programme.words.FEW", few)
    rng = random.Random(seed)
    scatter(rng, 60)
    slots = list(
        Slot.objects.select_related("activity__territory", "activity__programme", "venue__commune").order_by(
            "starts_at", "pk"
        )
    )
    index = index_at(NOW)
    found_something = 0
    for _ in range(60):
        asked, cancelled = at_random(rng), rng.random() < 0.5
        words = find_words(asked.query)
        expected = [slot.pk for slot in slots if answers(slot, asked, cancelled=cancelled)]
        counts = Counts(index, asked, NOW, words=words, cancelled=cancelled)

        assert not asked.unread
        found = find(asked, NOW, limit=500, cancelled=cancelled, words=words)
        assert [slot.pk for slot in found.slots] == expected, asked
        assert counts.total == len(expected), asked
        assert counts.tally() == tally(asked, NOW, cancelled=cancelled), asked
        choice = rng.choice(
            [("format", f) for f in Format.values[:4]]
            + [("place", "lyon"), ("place", "toulouse"), ("theme", "ai"), ("language", "en")]
            + [("moment", "soir"), ("moment", "midi"), ("audience", "families"), ("mode", "drop_in")]
            + [("programme", "un"), ("places", "2")]
        )
        chosen = replace(asked, **{choice[0]: int(choice[1]) if choice[0] == "places" else choice[1]})
        beside = [slot for slot in slots if answers(slot, chosen, cancelled=cancelled)]
        assert counts.of(choice[0]).get(choice[1], 0) == len(beside), (asked, choice)
        for way in counts.loosened():
            looser = asked.without(way.field)
            assert way.slots == matching(looser, NOW, cancelled=cancelled).count(), (asked, way)
        found_something += bool(expected)
    assert found_something > 15, "a test of empty sets proves nothing"


@pytest.mark.django_db
def test_a_word_that_stands_everywhere_is_looked_for_once_and_its_list_stays_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("events.programme.words.FEW", 1)
    first, second = (
        SlotFactory(activity__title_fr="Atelier vélo", start_time=dt.time(9 + n)) for n in range(2)
    )
    rare = SlotFactory(activity__title_fr="Robotique")
    known: dict[str, Found] = {}
    find_words("atelier robotique", known)
    assert set(known) == {"atelier"}, "what stands in few places is asked anew each time"

    with django_assert_num_queries(0):
        words = find_words("ateliers", {"ateliers": known["atelier"]})
    third = SlotFactory(activity__title_fr="L’atelier", start_time=dt.time(14))
    Slot.objects.filter(pk=first.pk).update(state="draft")
    rare.activity.title_fr = "Robotique en atelier"
    rare.activity.save()

    found = find(Filters(query="ateliers"), NOW, words=words).slots
    assert {slot.pk for slot in found} == {second.pk, third.pk, rare.pk}


@pytest.mark.django_db
def test_access_tells_what_one_more_need_would_leave_and_the_radius_what_a_circle_holds() -> None:
    near = VenueFactory(latitude=43.601, longitude=1.44)
    SlotFactory(venue=near, activity__access=["mi", "hi"])
    SlotFactory(venue=VenueFactory(latitude=43.63, longitude=1.44), activity__access=["mi"])
    question = asked("acces=mi&autour=43.6,1.44,5")

    counts = Counts(index_at(NOW), question, NOW)

    assert {code: counts.of("access")[code] for code in ("mi", "hi", "vi")} == {"mi": 2, "hi": 1, "vi": 0}
    assert counts.of("near") == {
        "43.6,1.44,1": 1,
        "43.6,1.44,2": 1,
        "43.6,1.44,5": 2,
        "43.6,1.44,10": 2,
    }


@pytest.mark.django_db
def test_a_misspelt_word_is_told_its_neighbour_and_a_right_one_is_left_alone() -> None:
    SlotFactory(activity__title_fr="Atelier vélo et robotique", activity__description_fr="")

    assert nearest_words(find_words("atlier")) == {"atlier": "atelier"}
    assert nearest_words(find_words("robotiqe velo")) == {"robotiqe": "robotique"}
    assert nearest_words(find_words("vleo")) == {"vleo": "vélo"}
    assert nearest_words(find_words("zzzzzz qx")) == {}


# The page -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_page_tells_beside_each_choice_what_it_finds_and_leaves_out_what_finds_nothing(read: Any) -> None:
    lyon, paris = TerritoryFactory(name="Lyon", slug="lyon"), TerritoryFactory(name="Paris", slug="paris")
    for n in range(3):
        SlotFactory(
            activity__host=HostFactory(territory=lyon), activity__format="demo", start_time=dt.time(9 + n)
        )
    SlotFactory(
        activity__host=HostFactory(territory=paris),
        activity__format="talk",
        activity__theme="ai",
        activity__access=["mi"],
        venue=VenueFactory(latitude=48.85, longitude=2.35),
    )

    page = read("/programme/?ville=lyon")
    assert "selected>à Lyon</option>" in page
    assert ">à Paris (1)</option>" in page
    assert ">des démonstrations (3)</option>" in page
    assert "conférences" not in page
    assert 'value="ai"' not in page, "no talk on AI in Lyon"
    assert '<a href="/programme/"><span class="sr">Retirer\u00a0: </span>à Lyon' in page
    assert "Tout effacer" not in page

    page = read("/programme/?ville=paris&acces=mi&thematique=ai")
    assert 'checked><label for="acces-mi">' in page
    assert '<a href="/programme/?ville=paris&amp;thematique=ai">' in page
    assert "Tout effacer" in page

    page = read("/programme/?autour=48.851,2.35,2")
    assert "à 110\u00a0m" in page
    assert 'value="48.851,2.35,2" selected' in page
    assert "à moins de 10\u00a0km (1)</option>" in page


@pytest.mark.django_db
def test_a_question_that_finds_nothing_is_told_what_a_looser_one_finds(read: Any) -> None:
    plain = {"activity__host": HostFactory(name="Tuile"), "activity__description_fr": ""}
    for n in range(3):
        SlotFactory(activity__title_fr="Atelier robot", start_time=dt.time(9 + n), **plain)
    SlotFactory(activity__title_fr="Vélo", start_time=dt.time(20), **plain)
    button = '<a class="btn btn--small btn--line" href="/programme/'

    page = read("/programme/?q=robots&moment=soir")
    assert f'{button}?q=robots">3\u00a0créneaux si l’on oublie l’heure</a>' in page
    assert page.index("3\u00a0créneaux si l’on oublie l’heure") < page.index("1\u00a0créneau sans les mots")
    assert f'{button}">Tout le programme\u00a0: 4\u00a0créneaux</a>' in page

    page = read("/programme/?q=rboot&moment=matin")
    assert '<a href="/programme/?q=robot&amp;moment=matin">robot</a>' in page

    page = read('/programme/?q=<script>"&moment=nuit&public=x')
    assert "<script>&quot;" not in page
    assert "&lt;script&gt;" in page
    assert "moment et public" in page


# Kept numbers ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("counted_already")
def test_kept_numbers_are_old_for_a_moment_and_true_again_after_it(
    settings: Any, django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any
) -> None:
    slot = SlotFactory(capacity=4, taken=0)
    with_places = Filters(places=2)
    assert Counts(index_at(NOW), with_places, NOW).total == 1
    Slot.objects.filter(pk=slot.pk).update(taken=4)

    with django_assert_num_queries(0):
        assert Counts(index_at(NOW), with_places, NOW).total == 1, "not asked again before its time"
    settings.PROGRAMME_COUNTS_SECONDS = 1e-9
    shelf._kept[next(iter(shelf._kept))].counting_took = 0
    with django_assert_num_queries(1):
        assert Counts(index_at(NOW), with_places, NOW).total == 0

    settings.PROGRAMME_COUNTS_SECONDS = 600
    SlotFactory(start_time=dt.time(20))
    assert Counts(index_at(NOW), Filters(), NOW).total == 1
    with django_capture_on_commit_callbacks(execute=True):
        forget_facets()
    assert Counts(index_at(NOW), Filters(), NOW).total == 2, "counted at once where it was published"


@pytest.mark.django_db(transaction=True)
def test_what_a_process_has_read_ahead_its_first_reader_need_not_wait_for(
    settings: Any, django_assert_num_queries: Any
) -> None:
    SlotFactory()
    settings.PROGRAMME_COUNTS_SECONDS = 600
    shelf.forget()
    try:
        shelf.read_ahead().join(30)

        with django_assert_num_queries(0):
            assert index_at(NOW).size == 1
    finally:
        shelf.forget()

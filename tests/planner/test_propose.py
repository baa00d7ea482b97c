"""From stars and bookings to a day: what is in it, when to leave, and why something is not."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Mode, Visitor
from events.planner.propose import Reason, propose, way_minutes
from events.planner.question import Pace, Question, Wanted, read_wanted, write_wanted
from events.registration.book import register_party
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db
LATER = DAY + dt.timedelta(days=1)


@pytest.fixture
def edition():
    return FestivalFactory()


@pytest.fixture
def town():
    return TerritoryFactory()


@pytest.fixture
def slot(edition, town):
    def made(title, hour, minute=0, *, east=0.0, activity=None, **fields):
        """Places lie on a line: 0.01 degrees of longitude are about 800 m here."""
        venue = VenueFactory(territory=town, latitude=43.6, longitude=1.44 + east)
        mode = fields.pop("mode", Mode.FIRST_COME)
        activity = activity or ActivityFactory(
            festival=edition, territory=town, title_fr=title, mode=mode, venue=venue
        )
        fields = {"duration": 30, "day": DAY, "capacity": 10, **fields}
        return SlotFactory(activity=activity, start_time=dt.time(hour, minute), venue=venue, **fields)

    return made


def wanting(*slots, **more):
    return Question(wanted=tuple(Wanted(slot.activity_id) for slot in slots), **more)


def titles(proposal):
    return [step.slot.activity.title if step.slot else "déjeuner" for step in proposal.steps]


def why(proposal):
    return {left.activity.title: left.reason for left in proposal.left}


def test_visits_in_order_with_when_to_leave_and_how_much_is_spare(slot):
    late, early = slot("Tard", 11, east=0.01), slot("Tôt", 10)

    day = propose(wanting(late, early), visitor=None, now=NOW)

    assert titles(day) == ["Tôt", "Tard"]
    assert (day.day, day.is_best, day.left) == (DAY, True, ())
    _first, second = day.steps
    assert second.way == 14 + 5  # 805 m × 1.3 at 4.8 km/h, rounded up, and five minutes to find the door
    assert second.leaves_at.time() == dt.time(10, 41)
    assert second.spare == 11
    assert f"{second.begins_at:%H:%M %z}" == "11:00 +0200"


def test_the_day_is_the_one_on_which_most_can_be_had_not_the_one_on_which_most_takes_place(slot):
    """Three stars shine on the first day, but two of them are full there."""
    one, two, three = slot("Une", 10), slot("Deux", 11, capacity=0), slot("Trois", 12, capacity=0)
    slot("Deux", 11, activity=two.activity, day=LATER)
    slot("Trois", 12, activity=three.activity, day=LATER)

    day = propose(wanting(one, two, three), visitor=None, now=NOW)

    assert (day.day, titles(day)) == (LATER, ["Deux", "Trois"])


@pytest.mark.parametrize(
    ("address", "understood"),
    [
        ({"moment": "apres-midi", "places": "2"}, (dt.time(12), dt.time(19), 2)),
        ({"moment": "matin"}, (None, dt.time(13), 1)),
        ({"moment": "soir", "places": "libre"}, (dt.time(18), None, 1)),
        ({"moment": "apres-midi", "a": "16:00", "places": "2", "personnes": "3"}, (None, dt.time(16), 3)),
        ({"moment": "minuit"}, (None, None, 1)),
    ],
)
def test_a_day_understands_what_the_programme_was_asked_unless_it_was_asked_itself(address, understood):
    question = Question.read(address)

    assert (question.opens, question.closes, question.people) == understood
    assert Question.read(dict(parse_qsl(question.query()[1:]))) == question


def test_what_is_booked_stays_and_names_what_it_keeps_out(slot):
    booked, beside = slot("Réservé", 10), slot("En même temps", 10, 15)
    register_party(
        slot_id=booked.pk, email="a@example.org", party_size=1, locale="fr", now=NOW,
        submission_id="6f1f3c4e-0000-4000-8000-000000000001",
    )  # fmt: skip

    day = propose(wanting(beside), visitor=Visitor.objects.get(), now=NOW)

    assert titles(day) == ["Réservé"]
    assert day.steps[0].registration is not None
    assert [(left.reason, left.beside) for left in day.left] == [(Reason.FIXED, ("Réservé",))]
    assert day.to_book == []


def test_who_does_not_open_the_link_of_their_visits_plans_without_them(slot):
    booked, beside = slot("Réservé", 10), slot("En même temps", 10, 15)
    register_party(
        slot_id=booked.pk, email="a@example.org", party_size=1, locale="fr", now=NOW,
        submission_id="6f1f3c4e-0000-4000-8000-000000000001",
    )  # fmt: skip
    assert titles(propose(wanting(beside), visitor=None, now=NOW)) == ["En même temps"]


def test_each_reason_to_stay_out_is_its_own(slot):
    whole = slot("Pleine", 9, capacity=1, taken=1)
    lots = slot("Tirage", 9, mode=Mode.BALLOT)
    soon = slot("Pas encore", 9, opens_at=NOW + dt.timedelta(days=1))
    other = slot("Demain", 9, day=LATER)
    early = slot("Trop tôt", 8)
    one, two = slot("Chère", 10), slot("Ordinaire", 10, 10)
    wanted = tuple(Wanted(s.activity_id, s is one) for s in (whole, lots, soon, other, early, one, two))

    day = propose(Question(wanted=wanted, opens=dt.time(9)), visitor=None, now=NOW)

    assert titles(day) == ["Chère"]
    assert why(day) == {
        "Pleine": Reason.FULL,
        "Tirage": Reason.BALLOT,
        "Pas encore": Reason.CLOSED,
        "Demain": Reason.OTHER_DAY,
        "Trop tôt": Reason.OUTSIDE,
        "Ordinaire": Reason.OTHERS,
    }
    assert {left.activity.title: left.beside for left in day.left}["Ordinaire"] == ("Chère",)
    assert {left.activity.title: left.days for left in day.left}["Demain"] == (LATER,)


def test_the_day_with_the_most_is_taken_unless_one_is_asked_for(slot):
    one, two, lone = slot("A", 9, day=LATER), slot("B", 11, day=LATER), slot("C", 9)
    asked = wanting(one, two, lone)
    assert propose(asked, visitor=None, now=NOW).day == LATER
    chosen = propose(wanting(one, two, lone, day=DAY), visitor=None, now=NOW)
    assert (chosen.day, titles(chosen)) == (DAY, ["C"])
    assert chosen.days == ((DAY, 1), (LATER, 2))


def test_a_party_needs_so_many_places(slot):
    few = slot("Peu", 10, capacity=2)
    assert titles(propose(wanting(few, people=2), visitor=None, now=NOW)) == ["Peu"]
    assert why(propose(wanting(few, people=3), visitor=None, now=NOW)) == {"Peu": Reason.FULL}


def test_a_drop_in_gives_way_and_a_lunch_finds_its_hour(slot):
    open_door = slot("Libre", 9, duration=480, mode=Mode.DROP_IN, capacity=None)
    tour = slot("Visite", 12)

    day = propose(wanting(open_door, tour, lunch=45, opens=dt.time(11)), visitor=None, now=NOW)

    assert titles(day) == ["Libre", "Visite", "déjeuner"]
    assert [f"{step.begins_at:%H:%M}-{step.ends_at:%H:%M}" for step in day.steps] == [
        "11:00-11:30", "12:00-12:30", "12:30-13:15",
    ]  # fmt: skip


def test_a_pinned_slot_is_part_of_it_and_an_excluded_one_never(slot):
    dear, pinned, excluded = slot("Chère", 10), slot("Épinglée", 10, 10), slot("Sans", 14)
    question = Question(
        wanted=(
            Wanted(dear.activity_id, is_dear=True),
            Wanted(pinned.activity_id),
            Wanted(excluded.activity_id),
        ),
        pinned=frozenset({pinned.pk}),
        without=frozenset({excluded.activity_id}),
    )
    day = propose(question, visitor=None, now=NOW)
    assert titles(day) == ["Épinglée"]
    assert day.steps[0].is_pinned
    assert why(day) == {"Chère": Reason.FIXED}


def test_pins_that_cannot_be_lived_together_are_named(slot):
    one, two = slot("Une", 10), slot("Autre", 10, 10)
    day = propose(wanting(one, two, pinned=frozenset({one.pk, two.pk})), visitor=None, now=NOW)
    assert (day.steps, set(day.clash)) == ((), {"Une", "Autre"})


def test_another_proposal_is_another_and_the_last_says_so(slot):
    morning = slot("Deux fois", 10)
    slot("Deux fois", 15, activity=morning.activity)
    asked = wanting(morning)

    first = propose(asked, visitor=None, now=NOW)
    second = propose(wanting(morning, variant=1), visitor=None, now=NOW)

    assert [f"{day.steps[0].begins_at:%H}" for day in (first, second)] == ["10", "15"]
    assert (first.has_other, second.has_other) == (True, False)


def test_today_begins_now(slot):
    gone, ahead = slot("Passée", 9), slot("À venir", 15)
    noon = ahead.starts_at - dt.timedelta(hours=3)
    day = propose(wanting(gone, ahead), visitor=None, now=noon)
    assert titles(day) == ["À venir"]
    assert why(day) == {"Passée": Reason.OVER}


def test_hours_are_those_of_the_wall_on_the_night_the_clock_changes(slot):
    autumn = dt.date(2027, 10, 31)
    early, late = slot("Avant", 9, day=autumn), slot("Après", 10, day=autumn)
    day = propose(wanting(early, late, opens=dt.time(9, 30)), visitor=None, now=NOW)
    assert why(day) == {"Avant": Reason.OUTSIDE}
    assert [f"{step.begins_at:%H:%M}" for step in day.steps] == ["10:00"]


def test_nothing_starred_is_an_empty_day_and_the_unknown_is_left_out(slot):
    assert propose(Question(), visitor=None, now=NOW).day is None
    gone = propose(Question(wanted=(Wanted(987654),)), visitor=None, now=NOW)
    assert (gone.day, gone.left, gone.activities) == (None, (), ())


def test_forty_stars_ask_as_much_of_the_database_as_two(slot):
    some = [slot(f"Visite {n}", 8 + n % 10, n % 4 * 15, east=n * 0.0005) for n in range(40)]

    def asked(number):
        with CaptureQueriesContext(
            connection,
        ) as asking:
            propose(wanting(*some[:number]), visitor=None, now=NOW)
        return len(asking)

    assert asked(2) == asked(40) <= 3


@pytest.mark.parametrize("pace", list(Pace))
def test_no_way_takes_longer_than_walking_and_none_is_free(pace):
    here, near, far = (43.6, 1.44), (43.601, 1.44), (43.65, 1.44)
    on_foot = [way_minutes(here, there, Pace.FOOT) for there in (near, far)]
    assert all(
        0 < way_minutes(here, there, pace) <= walk for there, walk in zip((near, far), on_foot, strict=True)
    )
    assert way_minutes(here, None, pace) > 0


def test_a_question_survives_its_own_address():
    question = Question(
        wanted=(Wanted(12), Wanted(45, is_dear=True)),
        day=DAY,
        opens=dt.time(9),
        closes=dt.time(18, 30),
        pace=Pace.BIKE,
        lunch=45,
        people=2,
        start=(43.6, 1.44),
        pinned=frozenset({7, 8}),
        without=frozenset({9}),
        variant=2,
    )
    assert Question.read(dict(parse_qsl(question.query()[1:]))) == question


@pytest.mark.parametrize(
    "query",
    [
        {"choix": "x.-1.0.12**.9" + "9" * 400},
        {
            "jour": "hier",
            "de": "25:00",
            "a": "9h75",
            "dejeuner": "-3",
            "personnes": "mille",
            "depart": "99,999",
        },
        {"epingle": "9" * 40, "sans": "\x00", "variante": "9" * 30, "allure": "fusée"},
    ],
)
def test_nonsense_in_the_address_is_left_out(query):
    question = Question.read(query)
    assert question == Question(wanted=question.wanted)
    assert write_wanted(read_wanted(write_wanted(question.wanted))) == write_wanted(question.wanted)

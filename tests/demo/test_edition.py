"""The demonstration edition: what it says of itself, and what it holds."""

import datetime as dt
from itertools import pairwise

import pytest
from django.db import transaction

from events.data import facts
from events.demo.edition import opening_day
from events.demo.progress import Progress
from events.demo.small import build_small
from events.models import (
    Activity,
    Ballot,
    Host,
    Registration,
    RoomOccupancy,
    Slot,
    Territory,
    Venue,
    Visitor,
)
from events.registration.drawing import draw_ballot
from events.registration.invariants import find_drift
from events.reminders import planned_days
from tests.factories import RegistrationFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def edition(django_db_setup, django_db_blocker):
    """Built once: what a test changes in it is undone after the test, as always."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_small(today=NOW.date(), now=NOW, seed=2027, progress=Progress(None, quiet=True))
        transaction.set_rollback(True)


# What it is -------------------------------------------------------------------------------------------------


def test_it_says_on_its_face_that_it_is_a_demonstration(edition):
    festival = edition.festival

    assert festival.name == "Festival French Tech 2027 (démonstration)"
    assert festival.is_demo
    assert festival.about_fr.startswith("Édition de démonstration\u00a0:")
    assert all("fictif" in host.description_fr for host in Host.objects.all())


def test_it_has_about_forty_hosts_and_150_slots_in_three_territories(edition):
    assert Host.objects.count() == 39
    assert Slot.objects.count() == 155
    assert list(Territory.objects.order_by("sort_name").values_list("name", "timezone")) == [
        ("La Réunion", "Indian/Reunion"),
        ("Nantes", "Europe/Paris"),
        ("Toulouse et Labège", "Europe/Paris"),
    ]


def test_it_shows_every_state_a_slot_and_an_activity_can_be_in(edition):
    published = Slot.objects.filter(state="published")

    assert set(Activity.objects.values_list("state", flat=True)) == {
        "draft",
        "submitted",
        "changes_requested",
        "published",
    }
    assert published.filter(waiting__gt=0).count() >= 10
    assert published.filter(waiting_list_open=False).exists()
    assert published.filter(activity__mode="drop_in").count() == 27
    assert published.filter(opens_at__gt=NOW).exists()
    assert published.filter(room=None).count() == 7
    assert Slot.objects.filter(state="cancelled").count() == 1


def test_real_venues_have_their_sources_and_invented_ones_say_so(edition):
    cantine = Venue.objects.get(slug="la-cantine")

    assert (cantine.address, cantine.postcode, cantine.latitude, cantine.longitude) == (
        "27 rue d’Aubuisson",
        "31000",
        43.6027,
        1.45422,
    )
    assert {source["key"] for source in cantine.sources} == {"wcs", "tth", "jde_cantine"}
    for venue in Venue.objects.filter(sources=[]):
        assert "fictif" in venue.access_text_fr


def test_real_companies_are_never_shown_as_hosts(edition):
    real = {fact["name"].casefold() for fact in facts()["hosts"]}

    assert not real & {name.casefold() for name in Host.objects.values_list("name", flat=True)}


def test_a_third_of_the_activities_speak_english_too(edition):
    assert Activity.objects.exclude(title_en="").count() >= Activity.objects.count() // 4


@pytest.mark.parametrize(
    ("today", "opens"),
    [
        (dt.date(2026, 11, 22), dt.date(2027, 6, 10)),
        (dt.date(2027, 6, 9), dt.date(2027, 6, 10)),
        (dt.date(2027, 6, 10), dt.date(2028, 6, 8)),
        (dt.date(2028, 6, 8), dt.date(2029, 6, 14)),
        (dt.date(2031, 1, 1), dt.date(2031, 6, 12)),
    ],
)
def test_it_is_always_to_come_and_opens_on_a_thursday_of_june(today, opens):
    assert opening_day(today) == opens
    assert opens.isoweekday() == 4


# What must hold ---------------------------------------------------------------------------------------------


def test_its_counters_agree_with_its_bookings(edition):
    assert Registration.objects.count() > 700
    assert find_drift(now=NOW) == []


def test_no_room_is_held_twice_and_every_placed_slot_holds_its_room(edition):
    spans: dict[int, list] = {}
    for occupancy in RoomOccupancy.objects.order_by("starts_at"):
        spans.setdefault(occupancy.room_id, []).append((occupancy.starts_at, occupancy.ends_at))

    for taken in spans.values():
        assert all(first[1] <= second[0] for first, second in pairwise(taken))
    placed = Slot.objects.exclude(room=None)
    assert set(placed.values_list("pk")) == set(RoomOccupancy.objects.values_list("slot_id").distinct())


def test_nobody_visits_two_places_at_once(edition):
    diaries: dict[int, list] = {}
    for one in Registration.objects.active().select_related("slot").order_by("slot__starts_at"):
        diaries.setdefault(one.visitor_id, []).append((one.slot.starts_at, one.slot.ends_at))

    assert any(len(diary) > 1 for diary in diaries.values())
    for diary in diaries.values():
        assert all(first[1] <= second[0] for first, second in pairwise(diary))


def test_nobody_flies_from_one_territory_to_another(edition):
    territories: dict[int, set] = {}
    for visitor, territory in Registration.objects.values_list("visitor_id", "slot__activity__territory_id"):
        territories.setdefault(visitor, set()).add(territory)

    assert {len(visited) for visited in territories.values()} == {1}


def test_it_has_the_usual_reminders_from_its_first_booking(edition):
    registration = RegistrationFactory(
        slot=Slot.objects.filter(state="published", activity__mode="first_come").earliest("starts_at"),
        confirmed_at=NOW,
    )

    assert [one.rule.name for one in planned_days([registration], NOW)] == ["D-7", "D-1", "H-3"]


def test_no_address_of_a_visitor_can_receive_a_mail(edition):
    assert not Visitor.objects.exclude(email__endswith="@visiteurs.example.org").exists()


def test_one_ballot_is_open_and_says_that_it_is_a_demonstration(edition):
    ballot = Ballot.objects.get()

    assert "démonstration" in ballot.name_fr
    assert ballot.opens_at < NOW < ballot.closes_at
    assert ballot.activities.get().mode == "ballot"
    assert ballot.entries.count() == 14
    assert draw_ballot(ballot_id=ballot.pk, now=ballot.closes_at).drawn_at == ballot.closes_at
    assert find_drift(now=ballot.closes_at) == []

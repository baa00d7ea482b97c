"""The demonstration of `make run`: what it says of itself, what it holds, and that it harms nothing."""

import datetime as dt
import io
from itertools import pairwise

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import User
from events.data import facts
from events.demo.edition import opening_day
from events.demo.progress import Progress
from events.demo.removal import remove_demonstrations
from events.demo.small import build_small
from events.models import (
    Activity,
    Festival,
    Host,
    Registration,
    RoomOccupancy,
    Slot,
    Territory,
    Venue,
    Visitor,
)
from events.registration.invariants import find_drift
from events.reminders import planned_reminders
from tests.factories import FestivalFactory, RegistrationFactory, SlotFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def edition(db):
    return build_small(today=NOW.date(), now=NOW, seed=2027, progress=Progress(None, quiet=True))


def load(**options):
    out = io.StringIO()
    call_command("load_demo", stdout=out, **options)
    return out.getvalue()


def as_built():
    """The demonstration without its keys: slots with rooms and counters, bookings with references."""
    return (
        list(
            Slot.objects.order_by("activity__slug", "starts_at").values_list(
                "activity__slug", "starts_at", "room__name", "venue__slug", "taken", "waiting", "state"
            )
        ),
        sorted(Registration.objects.values_list("reference", "visitor__email", "party_size", "status")),
    )


# What it is -------------------------------------------------------------------------------------------------


def test_it_says_on_its_face_that_it_is_a_demonstration(edition):
    festival = edition.festival

    assert festival.name == "Festival French Tech 2027 (démonstration)"
    assert festival.is_demo
    assert festival.about_fr.startswith("Édition de démonstration\u00a0:")
    assert all("fictif" in host.description_fr for host in Host.objects.all())


def test_it_has_about_forty_hosts_and_150_slots_in_three_territories(edition):
    assert Host.objects.count() == 39
    assert Slot.objects.count() == 152
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
    assert published.filter(room=None).count() == 4
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

    assert [one.rule.name for one in planned_reminders(registration, NOW)] == ["D-7", "D-1", "H-3"]


def test_no_address_of_a_visitor_can_receive_a_mail(edition):
    assert not Visitor.objects.exclude(email__endswith="@visiteurs.example.org").exists()


def test_the_same_seed_gives_the_same_edition_and_another_seed_another(edition):
    first = as_built()
    remove_demonstrations()
    build_small(today=NOW.date(), now=NOW, seed=2027, progress=Progress(None, quiet=True))
    assert as_built() == first
    remove_demonstrations()
    build_small(today=NOW.date(), now=NOW, seed=1, progress=Progress(None, quiet=True))
    assert as_built() != first


# The command ------------------------------------------------------------------------------------------------


def test_it_brings_the_past_with_it():
    load()

    assert Festival.objects.get(slug="festival-french-tech-2014").archive.count() == 16
    assert Festival.objects.get(slug="agenda-de-la-communaute").activities.count() == 85


def test_a_second_run_changes_nothing():
    load()
    before = as_built()

    said = load()

    assert as_built() == before
    assert said == "« Festival French Tech 2027 (démonstration) » est déjà là : rien n’a été changé.\n"


def test_it_stays_away_from_a_site_that_has_an_edition():
    FestivalFactory()

    assert load(if_empty=True) == ""
    assert not Festival.objects.filter(is_demo=True).exists()


def test_another_scale_beside_it_is_refused():
    load()

    with pytest.raises(CommandError, match="--replace la retire"):
        load(scale="national")


def test_replacing_it_leaves_everybody_else_alone():
    mine = SlotFactory(activity__festival__name="Vrai festival")
    registration = RegistrationFactory(slot=mine)
    load()

    load(replace=True, seed=3)

    assert Festival.objects.filter(is_demo=True).count() == 1
    assert Registration.objects.filter(pk=registration.pk).exists()
    assert Slot.objects.filter(activity__festival__is_demo=True).count() == 152


def test_the_four_people_can_sign_in_with_the_password_it_prints(settings, tmp_path):
    settings.VAR_DIR = tmp_path

    said = load()

    password = (tmp_path / "demonstration-password").read_text().strip()
    assert password in said
    assert (tmp_path / "demonstration.txt").read_text().strip() in said
    assert oct((tmp_path / "demonstration-password").stat().st_mode & 0o777) == "0o600"
    assert {user.email: user.check_password(password) for user in User.objects.all()} == {
        "hote@demo.example": True,
        "organisation@demo.example": True,
        "lieu@demo.example": True,
        "equipe@demo.example": True,
    }
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 4
    assert Host.objects.managed_by(User.objects.get(email="hote@demo.example")).count() == 2


def test_interrupted_half_way_it_leaves_nothing_and_the_next_start_begins_afresh(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "not-there-yet"
    with pytest.raises(FileNotFoundError):
        load(if_empty=True)

    assert not Festival.objects.exists()
    assert not Territory.objects.exists()
    assert not User.objects.exists()

    settings.VAR_DIR.mkdir()
    load(if_empty=True)
    assert Festival.objects.filter(is_demo=True).count() == 1
    assert User.objects.count() == 4


@pytest.mark.parametrize(("mode", "staff"), [("development", True), ("test", False)])
def test_the_national_team_enters_the_back_office_in_development_only(settings, tmp_path, mode, staff):
    settings.VAR_DIR, settings.MODE = tmp_path, mode

    load()

    team = User.objects.get(email="equipe@demo.example")
    assert (team.is_staff, team.is_superuser) == (staff, staff)


def test_production_gets_no_account_unless_asked(settings, tmp_path):
    settings.VAR_DIR, settings.PRODUCTION, settings.MODE = tmp_path, True, "production"

    said = load()

    assert "Aucun compte n’a été créé" in said
    assert not User.objects.exists()
    load(replace=True, with_accounts=True)
    assert User.objects.count() == 4
    assert not User.objects.filter(is_superuser=True).exists()


@time_machine.travel("2027-07-01")
def test_after_june_the_next_year_is_shown():
    load()

    assert Festival.objects.get(is_demo=True).name == "Festival French Tech 2028 (démonstration)"

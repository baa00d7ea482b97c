"""The demonstration of `make run`: it can be loaded, replaced and left out, and harms nothing."""

import datetime as dt
import io

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import User
from events.demo.progress import Progress
from events.demo.removal import remove_demonstrations
from events.demo.small import build_small
from events.models import (
    Festival,
    Host,
    Registration,
    Slot,
    Territory,
)
from tests.factories import FestivalFactory, RegistrationFactory, SlotFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


def build(seed):
    build_small(today=NOW.date(), now=NOW, seed=seed, progress=Progress(None, quiet=True))


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


def test_the_same_seed_gives_the_same_edition_and_another_seed_another():
    build(2027)
    first = as_built()
    remove_demonstrations()
    build(2027)
    assert as_built() == first
    remove_demonstrations()
    build(1)
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
    assert Slot.objects.filter(activity__festival__is_demo=True).count() == 155


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

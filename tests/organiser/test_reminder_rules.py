"""The organisers' pages about reminders: the rules in sentences, what they do, and who may change which."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from events.models import FestivalTeam, Programme, ReminderRule, ReminderSweep, TerritoryTeam
from events.reminders import default_reminder_rules
from tests import factories as f

pytestmark = pytest.mark.django_db
ADDED = {"purpose": "reminder", "lead_days": "2", "at_time": "18:00", "minimum_lead_hours": "12"}


@pytest.fixture
def desk(client: Client) -> SimpleNamespace:
    """Toulouse in an edition with a programme, one slot in ten days; its national team and its organiser."""
    festival = f.FestivalFactory(name="Festival 2027")
    territory = f.TerritoryFactory(slug="toulouse")
    festival.territories.add(territory)
    programme = Programme.objects.create(festival=festival, name="Start-up Assembly", slug="sua")
    activity = f.ActivityFactory(festival=festival, territory=territory, programme=programme)
    slot = f.SlotFactory(
        activity=activity, day=timezone.localdate() + dt.timedelta(days=10), start_time=dt.time(14)
    )
    national, organiser = f.UserFactory(), f.UserFactory()
    FestivalTeam.objects.create(festival=festival, user=national)
    TerritoryTeam.objects.create(territory=territory, user=organiser)
    default_reminder_rules(festival)
    return SimpleNamespace(**locals())


def page(name: str, *args: Any) -> str:
    return reverse(f"events:{name}", args=["toulouse", *args])


def said(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_the_rules_stand_there_in_sentences(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.organiser)

    text = said(desk.client.get(page("organiser_reminders")))

    assert "Rappel · 7 jours avant, à 9 h" in text
    assert "Rappel · la veille, à 9 h" in text
    assert "Rappel · 3 heures avant" in text
    assert "Rien ne part entre 22 h et 8 h" in text
    assert "Ajouter la règle" not in text


def test_the_national_team_adds_a_rule_to_a_programme(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.national)

    answer = desk.client.post(page("organiser_reminders"), ADDED | {"part": f"p{desk.programme.pk}"})

    assert answer.status_code == 302
    rule = ReminderRule.objects.get(programme=desk.programme)
    assert (rule.name, rule.lead_days, rule.at_time, rule.is_after) == ("D-2 18:00", 2, dt.time(18), False)


def test_a_territorys_organiser_changes_no_rule_of_the_edition(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.organiser)
    rule = ReminderRule.objects.get(name="D-1")

    answers = [
        desk.client.post(page("organiser_reminders"), ADDED | {"part": "e"}).status_code,
        desk.client.post(page("organiser_reminder_rule", rule.pk), {"do": "off"}).status_code,
        desk.client.post(page("organiser_quiet_hours"), {"quiet_from": "21:00"}).status_code,
    ]

    assert answers == [404, 404, 404]
    assert ReminderRule.objects.filter(is_active=True).count() == 3


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"lead_hours": "3"}, "pas les deux"),
        ({"lead_days": "", "at_time": ""}, "Indiquez combien de jours"),
        ({"at_time": ""}, "Indiquez combien de jours"),
        ({"purpose": "survey"}, "Indiquez où sont les questions"),
        ({"purpose": "survey", "survey_url": "http://enquete.example"}, "URL"),
        ({"lead_days": "9999"}, "60"),
        ({"part": "p987654"}, "Sélectionnez un choix valide"),
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_refused(
    typed: dict[str, str], words: str, desk: SimpleNamespace
) -> None:
    desk.client.force_login(desk.national)

    answer = desk.client.post(page("organiser_reminders"), ADDED | {"part": "e"} | typed)

    assert answer.status_code == 422
    assert words in said(answer)
    assert ReminderRule.objects.count() == 3


def test_the_same_rule_twice_is_refused(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.national)
    again = {"part": "e", "purpose": "reminder", "lead_hours": "3", "minimum_lead_hours": "1"}

    answer = desk.client.post(page("organiser_reminders"), again)

    assert answer.status_code == 422
    assert "La même règle existe déjà." in said(answer)


def test_a_rule_is_switched_off_on_and_removed(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.national)
    rule = ReminderRule.objects.get(name="D-1")
    ReminderSweep.objects.create(rule=rule, slot=desk.slot, revision=0, version="x")
    here = page("organiser_reminder_rule", rule.pk)

    desk.client.post(here, {"do": "off"})
    assert not ReminderRule.objects.get(pk=rule.pk).is_active
    assert not ReminderSweep.objects.exists(), "everything is looked at anew"
    desk.client.post(here, {"do": "on"})
    assert ReminderRule.objects.get(pk=rule.pk).is_active
    desk.client.post(here, {"do": "remove"})
    assert not ReminderRule.objects.filter(pk=rule.pk).exists()


def test_the_quiet_hours_are_changed_and_bounded(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.national)

    good = desk.client.post(page("organiser_quiet_hours"), {"quiet_from": "21:30", "quiet_until": "9:00"})
    bad = desk.client.post(page("organiser_quiet_hours"), {"quiet_from": "16:00", "quiet_until": "9:00"})

    assert (good.status_code, bad.status_code) == (302, 422)
    desk.festival.refresh_from_db()
    assert (desk.festival.quiet_from, desk.festival.quiet_until) == (dt.time(21, 30), dt.time(9))


def test_a_slot_shows_what_its_visitor_gets_and_takes_rules_of_its_own(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.organiser)
    here = page("organiser_slot_reminders", desk.slot.pk)

    text = said(desk.client.get(here))
    assert "à corriger" not in text
    assert "il suit les règles de Festival 2027" in text
    assert text.index("3 heures avant") < text.index("La visite commence")

    assert desk.client.post(here, {"copy": "1"}).status_code == 302
    own = ReminderRule.objects.filter(slot=desk.slot)
    assert sorted(own.values_list("name", flat=True)) == ["D-1 09:00", "D-7 09:00", "H-3"]
    desk.client.post(here, ADDED)
    assert own.count() == 4
    removed = own.get(name="H-3")
    desk.client.post(page("organiser_reminder_rule", removed.pk), {"do": "remove"})
    assert "3 heures avant" not in said(desk.client.get(here))


def test_the_page_costs_the_same_for_one_rule_and_for_many(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.national)
    desk.client.post(page("organiser_reminders"), ADDED | {"part": f"p{desk.programme.pk}"})
    desk.client.get(page("organiser_reminders"))

    with CaptureQueriesContext(connection) as one:
        desk.client.get(page("organiser_reminders"))
    for days in (3, 4, 5):
        typed = ADDED | {"part": f"p{desk.programme.pk}", "lead_days": str(days)}
        desk.client.post(page("organiser_reminders"), typed)
    desk.client.get(page("organiser_reminders"))
    with CaptureQueriesContext(connection) as many:
        desk.client.get(page("organiser_reminders"))

    assert len(many) == len(one)


def test_what_the_quiet_hours_move_says_so(desk: SimpleNamespace) -> None:
    desk.client.force_login(desk.organiser)
    early = f.SlotFactory(activity=desk.activity, day=desk.slot.day, start_time=dt.time(8, 30))

    text = said(desk.client.get(page("organiser_slot_reminders", early.pk)))

    assert "21 h 45 · Rappel" in text
    assert "3 heures avant, déplacé par les heures de silence" in text

"""The levels of the timetable's rules: said by the national team, shown and obeyed at the desk."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.models import Absence, FestivalTeam, JournalEntry, Level, OpeningHours, PlacingRule, RuleLevel
from events.scheduling.checks import DEFAULTS, levels_of
from events.scheduling.levels import change_levels
from events.scheduling.place import place_slot
from tests.factories import NOW, AppearanceFactory, UserFactory

from .conftest import a_slot

pytestmark = pytest.mark.django_db
LEVELS = {rule.value: level.value for rule, level in DEFAULTS.items()}


@pytest.fixture
def national(client, place):
    user = UserFactory()
    FestivalTeam.objects.create(festival=place.festival, user=user)
    client.force_login(user)
    return client


def text_of(response) -> str:
    return response.content.decode().replace("\xa0", " ")


def test_the_national_team_changes_a_level_and_the_journal_says_so(national, place):
    page = reverse("events:organiser_levels", args=[place.territory.slug])
    assert national.get(page).status_code == 302
    assert national.post(page, {**LEVELS, "closed": "warn"}).status_code == 302
    assert levels_of(place.festival) == {**DEFAULTS, PlacingRule.CLOSED: Level.WARN}
    assert JournalEntry.objects.get().text == f"{place.festival}: closed refuse → warn"
    rules = national.get(reverse("events:organiser_rules", args=[place.territory.slug]))
    assert rules.context["levels_form"]["closed"].value() == "warn"


def test_back_to_the_default_leaves_no_row(place):
    for level in (Level.WARN, Level.REFUSE):
        change_levels(festival_id=place.festival.pk, levels={PlacingRule.CLOSED: level}, by=None, now=NOW)
    assert not RuleLevel.objects.exists()
    assert change_levels(festival_id=place.festival.pk, levels=DEFAULTS, by=None, now=NOW) == []


def test_what_is_no_level_is_said_at_its_field(national, place):
    page = reverse("events:organiser_levels", args=[place.territory.slug])
    answer = national.post(page, {**LEVELS, "closed": "perhaps"})
    assert (answer.status_code, list(answer.context["levels_form"].errors)) == (422, ["closed"])


def test_a_local_team_does_not_find_them(client, place):
    client.force_login(place.organiser)
    page = reverse("events:organiser_levels", args=[place.territory.slug])
    assert client.post(page, LEVELS).status_code == 404


def test_the_slot_s_page_names_who_receives_and_what_the_rules_find(client, place):
    slot = a_slot(place)
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(20))
    person = AppearanceFactory(slot=slot, person__name="Dominique Petit").person
    Absence.objects.create(person=person, starts_at=slot.starts_at, ends_at=slot.ends_at)
    client.force_login(place.organiser)
    shown = text_of(client.get(reverse("events:organiser_slot", args=[place.territory.slug, slot.pk])))
    assert "Dominique Petit n’est pas disponible de 10 h à 11 h." in shown
    assert "<li>Dominique Petit</li>" in shown


def test_a_refused_move_names_who_is_where(client, place):
    slot, other = a_slot(place), a_slot(place, dt.time(14))
    person = AppearanceFactory(slot=slot, person__name="Dominique Petit").person
    AppearanceFactory(slot=other, person=person)
    client.force_login(place.organiser)
    page = reverse("events:organiser_slot_move", args=[place.territory.slug, slot.pk])
    answer = client.post(page, {"day": "2027-06-10", "start_time": "14:30", "duration": "60"})
    assert answer.status_code == 409
    said = text_of(answer)
    assert "Dominique Petit accueille « Un robot jardinier » de 14 h à 15 h." in said
    assert "Cela irait à 15 h." in said


def test_a_way_out_of_a_refused_move_is_one_button_away(client, place):
    slot, other = a_slot(place), a_slot(place, dt.time(14))
    for one in (slot, other):
        place_slot(slot_id=one.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    client.force_login(place.organiser)
    page = reverse("events:organiser_slot_move", args=[place.territory.slug, slot.pk])
    answer = client.post(page, {"day": "2027-06-10", "start_time": "13:10", "duration": "60"})
    assert answer.status_code == 409
    way = answer.context["refusal"]["ways"][0]
    assert way["value"] == f"{slot.pk}:{place.room.pk}:780:60"
    client.post(answer.context["ways_url"], {"ou": way["value"]})
    slot.refresh_from_db()
    assert slot.start_time == dt.time(13)


def test_a_warning_is_told_after_placing(client, place):
    slot = a_slot(place, dt.time(19))
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
    RuleLevel.objects.create(festival=place.festival, rule="closed", level="warn")
    client.force_login(place.organiser)
    board = reverse("events:organiser_board", args=[place.territory.slug])
    minute = 19 * 60
    answer = client.post(
        f"{board}?jour=2027-06-10&lieu={place.venue.slug}",
        {"ou": f"{slot.pk}:{place.room.pk}:{minute}:60"},
        follow=True,
    )
    assert "fermé pendant une partie de ce temps" in text_of(answer)
    slot.refresh_from_db()
    assert slot.room == place.room


def test_an_absence_makes_a_refusal_with_its_words(client, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    person = AppearanceFactory(slot=slot, person__name="Dominique Petit").person
    Absence.objects.create(
        person=person,
        starts_at=slot.starts_at + dt.timedelta(hours=4),
        ends_at=slot.ends_at + dt.timedelta(hours=4),
    )
    client.force_login(place.organiser)
    page = reverse("events:organiser_slot_move", args=[place.territory.slug, slot.pk])
    answer = client.post(page, {"day": "2027-06-10", "start_time": "14:00", "duration": "60"})
    assert answer.status_code == 409
    assert "Dominique Petit n’est pas disponible de 14 h à 15 h." in text_of(answer)

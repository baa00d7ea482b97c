"""The rules with levels: what each finds and says, and that a hundred placements ask no more than one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.utils.translation import override

from events.models import (
    Absence,
    Equipment,
    Level,
    OpeningHours,
    Placement,
    PlacingRule,
    RoomHours,
    RuleLevel,
    Slot,
    SpecialDays,
)
from events.scheduling.checks import (
    DEFAULTS,
    Surroundings,
    Where,
    findings_of,
    levels_of,
    refusing,
)
from tests.factories import (
    DAY,
    ActivityFactory,
    AppearanceFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

HERE, HALF_AN_HOUR_AWAY = (43.6045, 1.4440), (43.5800, 1.4440)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def room():
    return RoomFactory(name="Grande salle", comfort_capacity=20, safety_capacity=30)


def found_of(slot):
    """Of the slot as it now stands: a room that was read keeps its hours."""
    return findings_of(Slot.objects.for_showing().get(pk=slot.pk))


def slot_in(room, hour=14, minute=0, *, activity=None, **values):
    """A slot of 45 minutes; in Paris, where summer is two hours ahead of UTC."""
    return SlotFactory(
        activity=activity or ActivityFactory(host=HostFactory(territory=room.venue.territory)),
        room=room,
        venue=room.venue,
        start_time=dt.time(hour, minute),
        **values,
    )


def test_each_rule_has_its_default_and_an_edition_its_own(room):
    festival = FestivalFactory()
    assert levels_of(festival) == DEFAULTS
    RuleLevel.objects.create(festival=festival, rule="closed", level="warn")
    assert levels_of(festival) == {**DEFAULTS, PlacingRule.CLOSED: Level.WARN}
    assert levels_of(FestivalFactory()) == DEFAULTS


def test_nothing_is_wrong_with_a_room_that_suits(room):
    assert found_of(slot_in(room)) == []


def test_outside_the_hours_of_the_venue(room):
    slot = slot_in(room, 19, 30)
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(20))
    [found] = found_of(slot)
    assert (found.rule, found.level) == (PlacingRule.CLOSED, Level.REFUSE)
    assert found.words == "Grande salle is not open all that time on Thursday\u00a010\u00a0June."


@pytest.mark.parametrize(("opens", "is_open"), [(dt.time(14), True), (dt.time(14, 5), False)])
def test_a_room_keeps_its_own_week_instead_of_its_venue_s(room, opens, is_open):
    slot = slot_in(room)
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(12))
    RoomHours.objects.create(room=room, weekday=4, opens=opens, closes=dt.time(18))
    assert (found_of(slot) == []) is is_open


def test_a_closed_day_is_named(room):
    slot = slot_in(room)
    days = {"venue": room.venue, "first_day": DAY, "last_day": DAY}
    SpecialDays.objects.create(**days, room=RoomFactory(venue=room.venue), reason="Painting")
    assert found_of(slot) == []
    closed = SpecialDays.objects.create(**days, reason="Inventory")
    [found] = found_of(slot)
    assert found.words == "Grande salle is closed on Thursday\u00a010\u00a0June: Inventory."
    assert found.facts == {"room": room, "closed_by": closed}


def test_a_visit_over_midnight_needs_both_days_open(room):
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(23, 59))
    slot = slot_in(room, 23, 30)
    assert [one.rule for one in found_of(slot)] == [PlacingRule.CLOSED]
    OpeningHours.objects.create(venue=room.venue, weekday=5, opens=dt.time(0), closes=dt.time(2))
    assert found_of(slot) == []


def test_more_places_than_is_comfortable(room):
    [found] = found_of(slot_in(room, capacity=23))
    assert (found.rule, found.level, found.facts) == (PlacingRule.TIGHT, Level.WARN, {"beyond": 3})
    assert found.words == "Grande salle is comfortable with 3 places less."


def test_missing_equipment_is_named(room):
    needs = [Equipment.SCREEN, Equipment.WIFI, Equipment.STAGE]
    host = HostFactory(territory=room.venue.territory)
    slot = slot_in(room, activity=ActivityFactory(host=host, needs=needs))
    room.has = [Equipment.WIFI]
    room.save()
    [found] = found_of(slot)
    assert (found.rule, found.facts["missing"]) == (PlacingRule.EQUIPMENT, ["screen", "stage"])
    assert found.words == "Grande salle lacks: screen or projector and stage."


def test_a_hall_has_what_its_parts_have(room):
    hall = RoomFactory(venue=room.venue)
    hall.parts.set([room, RoomFactory(venue=room.venue, has=[Equipment.SCREEN])])
    host = HostFactory(territory=room.venue.territory)
    slot = slot_in(hall, activity=ActivityFactory(host=host, needs=[Equipment.SCREEN]))
    assert found_of(slot) == []


@pytest.mark.parametrize(("ends", "is_away"), [(0, False), (1, True)])
def test_somebody_who_is_away(room, ends, is_away):
    slot = slot_in(room)
    person = AppearanceFactory(slot=slot, person__name="Dominique Petit").person
    start = slot.starts_at - dt.timedelta(hours=1)
    Absence.objects.create(person=person, starts_at=start, ends_at=slot.starts_at + ends * MINUTE)
    found = found_of(slot)
    assert [one.rule for one in found] == [PlacingRule.AWAY] * is_away
    if found:
        assert found[0].level == Level.AT_RELEASE
        assert found[0].words == "Dominique Petit is not available from 13:00 to 14:01."


def place_at(position, room):
    latitude, longitude = position
    venue = VenueFactory(territory=room.venue.territory, latitude=latitude, longitude=longitude)
    return RoomFactory(venue=venue)


def test_too_little_time_to_walk_before_and_after(room):
    here, there = place_at(HERE, room), place_at(HALF_AN_HOUR_AWAY, room)
    host = HostFactory(territory=room.venue.territory)
    activity = ActivityFactory(host=host, title_fr="Atelier")
    slot = slot_in(here, 14, activity=activity)
    person = AppearanceFactory(slot=slot, person__name="Dominique Petit").person
    for hour, minute, place in ((10, 0, there), (13, 0, there), (15, 0, there), (17, 0, there)):
        other = slot_in(place, hour, minute, activity=activity)
        AppearanceFactory(slot=other, person=person)
    assert [one.words for one in found_of(slot)] == [
        "Dominique Petit has 15 min to come from “Atelier”: that is too little.",
        "Dominique Petit has 15 min to go on to “Atelier”: that is too little.",
    ]


def test_the_way_is_no_matter_where_there_is_time_or_no_position(room):
    here, nowhere = place_at(HERE, room), RoomFactory(venue__territory=room.venue.territory)
    slot = slot_in(here, 14)
    person = AppearanceFactory(slot=slot).person
    AppearanceFactory(slot=slot_in(here, 14, 45, activity=slot.activity), person=person)
    AppearanceFactory(slot=slot_in(nowhere, 13, 15, activity=slot.activity), person=person)
    assert found_of(slot) == []


def test_what_is_ignored_is_not_found(room):
    slot = slot_in(room, capacity=23)
    RuleLevel.objects.create(festival=slot.activity.festival, rule="tight", level="ignore")
    assert found_of(slot) == []


def test_only_refusals_refuse_and_those_at_release_when_it_is_one(room):
    [found] = found_of(slot_in(room, capacity=23))
    by_level = {level: replace(found, level=level) for level in Level}
    assert refusing(by_level.values(), at_release=False) == [by_level[Level.REFUSE]]
    assert refusing(by_level.values(), at_release=True) == [
        by_level[Level.REFUSE],
        by_level[Level.AT_RELEASE],
    ]


def test_a_place_that_is_only_asked_about(room):
    slot = slot_in(room)
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(20))
    around = Surroundings.around([Where.stands(slot)])
    late = Where(slot, room, slot.starts_at + 6 * 60 * MINUTE, slot.ends_at + 6 * 60 * MINUTE)
    assert around.findings(Where.stands(slot)) == []
    assert [one.rule for one in around.findings(late)] == [PlacingRule.CLOSED]


def test_in_the_draft_a_person_is_where_the_draft_has_them(room):
    here, there = place_at(HERE, room), place_at(HALF_AN_HOUR_AWAY, room)
    slot = slot_in(here, 14)
    other = slot_in(there, 9, activity=slot.activity)
    person = AppearanceFactory(slot=slot).person
    AppearanceFactory(slot=other, person=person)
    placement = Placement(
        slot=other,
        territory=room.venue.territory,
        room=there,
        live_starts_at=other.starts_at,
        live_ends_at=other.ends_at,
        is_changed=True,
    )
    placement.set_time(day=DAY, start_time=dt.time(15), duration=45, timezone=other.timezone)
    placement.save()
    where = Where.stands(slot)
    assert Surroundings.around([where]).findings(where) == []
    assert [one.rule for one in Surroundings.around([where], in_draft=True).findings(where)] == ["walk"]
    both = Surroundings.around([where, placement])
    assert [one.rule for one in both.findings(where)] == ["walk"]
    assert [one.rule for one in both.findings(placement)] == ["walk"]
    placement.cancels = True
    placement.save()
    assert Surroundings.around([where], in_draft=True).findings(where) == []


def test_many_placements_ask_no_more_than_one(room, django_assert_num_queries):
    slots = []
    for number in range(30):
        slot = slot_in(room, 8 + number % 12, number // 12 * 15, capacity=25)
        AppearanceFactory(slot=slot)
        slots.append(slot)
    for some in (slots[:1], slots):
        placed = [Where.stands(Slot.objects.for_showing().get(pk=slot.pk)) for slot in some]
        with django_assert_num_queries(9):
            around = Surroundings.around(placed)
        with django_assert_num_queries(0):
            found = [around.findings(where) for where in placed]
        assert [len(ones) for ones in found] == [1] * len(some)

"""Who receives where: nobody in two places, the rules with levels, and what a refusal names and proposes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from events import guards
from events.models import (
    Absence,
    Appearance,
    HostPerson,
    JournalEntry,
    Level,
    OpeningHours,
    PlacingRule,
    RuleLevel,
    Slot,
)
from events.refusals import Reason, Refused
from events.registration.withdraw import withdraw_slot
from events.scheduling.people import (
    add_absence,
    add_person,
    change_person,
    choose_people,
    remove_person,
)
from events.scheduling.place import When, move_slot, place_slot, swap_rooms
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    AppearanceFactory,
    HostFactory,
    HostPersonFactory,
    RoomFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return HostFactory()


@pytest.fixture
def person(host):
    return HostPersonFactory(host=host, name="Dominique Petit")


@pytest.fixture
def by():
    return UserFactory()


@pytest.fixture
def room(host):
    return RoomFactory(venue=VenueFactory(territory=host.territory))


def a_slot(host, hour, minute=0, **values):
    values.setdefault("duration", 60)
    activity = values.pop("activity", None) or ActivityFactory(host=host)
    return SlotFactory(activity=activity, start_time=dt.time(hour, minute), **values)


def choose(slot, *people, by):
    return choose_people(slot_id=slot.pk, person_ids=[one.pk for one in people], by=by, now=NOW)


def refusal_of(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value


def who(slot):
    return set(slot.appearances.values_list("person__name", flat=True))


# Choosing ---------------------------------------------------------------------------------------------------


def test_several_people_receive_in_a_slot_for_its_time(host, person, by):
    other, slot = HostPersonFactory(host=host, name="Camille"), a_slot(host, 10)

    assert choose(slot, person, other, by=by) == []

    rows = slot.appearances.values_list("person__name", "starts_at", "ends_at", "active")
    assert sorted(rows) == [
        ("Camille", slot.starts_at, slot.ends_at, True),
        ("Dominique Petit", slot.starts_at, slot.ends_at, True),
    ]
    entry = JournalEntry.objects.get()
    assert (entry.verb, entry.actor, entry.text) == ("people", by, "2")

    choose(slot, other, by=by)
    assert who(slot) == {"Camille"}


def test_the_same_people_again_change_nothing(host, person, by):
    slot = a_slot(host, 10)
    choose(slot, person, by=by)
    choose(slot, person, by=by)
    assert JournalEntry.objects.count() == 1


def test_back_to_back_is_no_clash_and_an_overlap_is_named(host, person, by):
    first, after, during = a_slot(host, 10), a_slot(host, 11), a_slot(host, 10, 59)
    choose(first, person, by=by)
    choose(after, person, by=by)

    refused = refusal_of(choose, during, person, by=by)

    assert refused.reason == Reason.PERSON_BUSY
    assert [(row.person, row.slot) for row in refused.facts["in_the_way"]] == [
        (person, first),
        (person, after),
    ]
    assert who(during) == set()


def test_somebody_of_another_host_is_nobody_here(host, by):
    with pytest.raises(HostPerson.DoesNotExist):
        choose(a_slot(host, 10), HostPersonFactory(), by=by)


def test_a_slot_that_is_over_or_withdrawn_has_nobody_chosen(host, person, by):
    slot = a_slot(host, 10)
    late = refusal_of(choose_people, slot_id=slot.pk, person_ids=[person.pk], by=by, now=slot.ends_at)
    assert late.reason == Reason.IN_THE_PAST
    withdraw_slot(slot_id=slot.pk, reason="Grève", by=by, now=NOW, by_host=True)
    assert refusal_of(choose, slot, person, by=by).reason == Reason.WRONG_STATE


def test_who_is_away_is_refused_for_the_public_and_only_told_of_in_a_draft(host, person, by):
    public, draft = a_slot(host, 10), a_slot(host, 10, state="draft")
    Absence.objects.create(person=person, starts_at=public.starts_at, ends_at=public.ends_at)

    refused = refusal_of(choose, public, person, by=by)
    assert (refused.reason, [one.rule for one in refused.facts["findings"]]) == (
        Reason.RULE_BROKEN,
        [PlacingRule.AWAY],
    )
    assert [one.rule for one in choose(draft, person, by=by)] == [PlacingRule.AWAY]


def test_closed_hours_are_no_reason_against_people(host, room, person, by):
    slot = a_slot(host, 10, room=room, venue=room.venue)
    OpeningHours.objects.create(venue=room.venue, weekday=5, opens=dt.time(9), closes=dt.time(10))
    assert choose(slot, person, by=by) == []


# Moving -----------------------------------------------------------------------------------------------------


def move(slot, hour, minute=0, *, by, duration=60):
    return move_slot(
        slot_id=slot.pk, day=DAY, start_time=dt.time(hour, minute), duration=duration, by=by, now=NOW
    )


def test_a_slot_takes_its_people_along(host, person, by):
    slot = a_slot(host, 10)
    choose(slot, person, by=by)
    move(slot, 15, by=by)
    slot.refresh_from_db()
    assert list(slot.appearances.values_list("starts_at", "ends_at")) == [(slot.starts_at, slot.ends_at)]


def test_a_move_onto_somebody_s_other_visit_names_it_and_the_ways_out(host, person, by):
    slot, other = a_slot(host, 10), a_slot(host, 14, 15)
    choose(slot, person, by=by)
    choose(other, person, by=by)

    refused = refusal_of(move, slot, 14, by=by)

    assert refused.reason == Reason.PERSON_BUSY
    assert [(row.person, row.slot) for row in refused.facts["in_the_way"]] == [(person, other)]
    ways = [(way.kind, way.room, way.local_start.time(), way.duration) for way in refused.facts["ways_out"]]
    assert ways == [("later", None, dt.time(15, 15), 60)]
    slot.refresh_from_db()
    assert slot.start_time == dt.time(10)


def test_the_ways_out_of_a_taken_room_leave_people_where_they_are(host, person, room, by):
    """The nearest shift is free in the room, but the person is not."""
    taken, slot, other = a_slot(host, 14), a_slot(host, 9), a_slot(host, 15)
    place_slot(slot_id=taken.pk, room_id=room.pk, by=by, now=NOW)
    choose(slot, person, by=by)
    choose(other, person, by=by)
    small = RoomFactory(venue=room.venue)

    at = When(DAY, dt.time(14), 60)
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW, when=at)
    ways = [(way.kind, way.room, way.local_start.time()) for way in refused.facts["ways_out"]]
    assert ways == [("later", room, dt.time(16)), ("room", small, dt.time(14))]


def test_at_most_three_ways_out_the_first_of_each_kind_first(host, room, by):
    rooms = [RoomFactory(venue=room.venue) for _ in range(4)]
    taken, slot = a_slot(host, 10, 50), a_slot(host, 10, 0)
    place_slot(slot_id=taken.pk, room_id=room.pk, by=by, now=NOW)
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    ways = [(way.kind, way.room, way.local_start.time(), way.duration) for way in refused.facts["ways_out"]]
    assert ways == [
        ("shift", room, dt.time(9, 50), 60),
        ("room", rooms[0], dt.time(10), 60),
        ("shorter", room, dt.time(10), 50),
    ]


def test_a_way_out_keeps_the_rules(host, person, room, by):
    taken, slot = a_slot(host, 10, 50), a_slot(host, 10)
    place_slot(slot_id=taken.pk, room_id=room.pk, by=by, now=NOW)
    choose(slot, person, by=by)
    Absence.objects.create(
        person=person, starts_at=slot.starts_at - dt.timedelta(hours=1), ends_at=slot.starts_at
    )
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    assert [(way.kind, way.duration) for way in refused.facts["ways_out"]] == [("later", 60), ("shorter", 50)]


def test_levels_decide_what_closed_hours_do(host, room, by):
    slot = a_slot(host, 19)
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    assert (refused.reason, len(refused.facts["findings"])) == (Reason.ROOM_CLOSED, 1)
    rule = RuleLevel.objects.create(festival=slot.activity.festival, rule="closed", level=Level.AT_RELEASE)
    assert refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW).reason == "room_closed"
    rule.level = Level.WARN
    rule.save()
    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=NOW).room == room


def test_a_rule_at_release_lets_a_draft_pass(host, room, by):
    slot = a_slot(host, 19, state="draft")
    OpeningHours.objects.create(venue=room.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
    RuleLevel.objects.create(festival=slot.activity.festival, rule="closed", level=Level.AT_RELEASE)
    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=NOW).room == room


def test_comfort_may_be_a_refusal(host, room, by):
    slot = a_slot(host, 10, capacity=25)
    RuleLevel.objects.create(festival=slot.activity.festival, rule="tight", level=Level.REFUSE)
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    assert (refused.reason, refused.facts["findings"][0].rule) == (Reason.RULE_BROKEN, PlacingRule.TIGHT)


def test_a_swap_looks_at_the_rules_too(host, room, by):
    one, other = a_slot(host, 10, capacity=15), a_slot(host, 12, capacity=5)
    small = RoomFactory(venue=room.venue, comfort_capacity=10)
    place_slot(slot_id=one.pk, room_id=room.pk, by=by, now=NOW)
    place_slot(slot_id=other.pk, room_id=small.pk, by=by, now=NOW)
    RuleLevel.objects.create(festival=one.activity.festival, rule="tight", level=Level.REFUSE)
    refused = refusal_of(swap_rooms, slot_id=one.pk, other_id=other.pk, by=by, now=NOW)
    assert refused.reason == Reason.RULE_BROKEN
    one.refresh_from_db()
    assert one.room == room


# By every door of the database ------------------------------------------------------------------------------


@pytest.fixture
def pair(host, person):
    """The person receives at ten and at twelve."""
    slots = [a_slot(host, 10), a_slot(host, 12)]
    for slot in slots:
        AppearanceFactory(slot=slot, person=person)
    return slots


def refused_by_the_database():
    return pytest.raises(IntegrityError, match=guards.PERSON_GUARD)


def clash_of(pair):
    """Bring the second to the time of the first, past every rule."""
    first, second = pair
    Slot.objects.filter(pk=second.pk).update(starts_at=first.starts_at, ends_at=first.ends_at)


def test_an_update_of_the_slot_alone_is_refused(pair):
    with refused_by_the_database(), transaction.atomic():
        clash_of(pair)


def test_bulk_create_with_false_times_is_refused(host, person, pair):
    third = a_slot(host, 10, 30)
    elsewhen = pair[1].ends_at + dt.timedelta(days=1)
    row = Appearance(person=person, slot=third, starts_at=elsewhen, ends_at=elsewhen + dt.timedelta(hours=1))
    with refused_by_the_database(), transaction.atomic():
        Appearance.objects.bulk_create([row])


def test_an_update_of_the_appearance_counts_for_nothing(pair, person):
    Appearance.objects.filter(slot=pair[1]).update(starts_at=pair[0].starts_at, active=False)
    row = Appearance.objects.get(slot=pair[1])
    assert (row.starts_at, row.ends_at, row.active) == (pair[1].starts_at, pair[1].ends_at, True)


def test_another_person_put_into_an_appearance_is_refused(host, person, pair):
    third = a_slot(host, 10, 30)
    AppearanceFactory(slot=third, person=HostPersonFactory(host=host))
    with refused_by_the_database(), transaction.atomic():
        Appearance.objects.filter(slot=third).update(person=person)


def test_plain_sql_is_refused(host, person, pair):
    third = a_slot(host, 10, 30)
    sql = (
        "INSERT INTO events_appearance (person_id, slot_id, starts_at, ends_at, active) "
        "SELECT %s, id, starts_at, ends_at, %s FROM events_slot WHERE id = %s"
    )
    with refused_by_the_database(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [person.pk, False, third.pk])


def test_waking_a_withdrawn_slot_into_a_clash_is_refused(host, person, by, pair):
    first = pair[0]
    withdraw_slot(slot_id=first.pk, reason="Grève", by=by, now=NOW, by_host=True)
    assert not Appearance.objects.get(slot=first).active
    choose(a_slot(host, 10, 30), person, by=by)
    with refused_by_the_database(), transaction.atomic():
        Slot.objects.filter(pk=first.pk).update(state="published", cancelled_at=None)
    Slot.objects.filter(pk=pair[1].pk).update(state="cancelled", cancelled_at=NOW)
    Slot.objects.filter(pk=pair[1].pk).update(state="published", cancelled_at=None)
    assert Appearance.objects.get(slot=pair[1]).active


@pytest.mark.parametrize("lifted", ["guard", "ties"])
def test_without_the_guard_or_the_ties_the_clash_gets_in(pair, lifted):
    connection.check_constraints()
    if lifted == "guard":
        guards.lift(connection, guards.PEOPLE)
    else:
        guards.untie(connection)
    try:
        clash_of(pair)
        times = set(Slot.objects.values_list("starts_at", flat=True))
        assert times == {pair[0].starts_at}
        second = pair[1]
        Slot.objects.filter(pk=second.pk).update(starts_at=second.starts_at, ends_at=second.ends_at)
    finally:
        connection.check_constraints()
        guards.lay(connection)
        guards.tie(connection)
    with refused_by_the_database(), transaction.atomic():
        clash_of(pair)


# The people themselves --------------------------------------------------------------------------------------


def test_a_host_has_one_person_of_a_name(host, person):
    assert refusal_of(add_person, host_id=host.pk, values={"name": person.name}).reason == Reason.NAME_TAKEN
    other = add_person(host_id=host.pk, values={"name": "Camille", "role": "", "email": ""})
    refused = refusal_of(change_person, person_id=other.pk, values={"name": person.name})
    assert refused.reason == Reason.NAME_TAKEN
    assert add_person(host_id=HostFactory().pk, values={"name": person.name}).name == person.name


def test_who_leaves_takes_absences_and_appearances_along(pair, person):
    Absence.objects.create(person=person, starts_at=NOW, ends_at=NOW + dt.timedelta(hours=1))
    remove_person(person_id=person.pk)
    assert (Appearance.objects.count(), Absence.objects.count(), Slot.objects.count()) == (0, 0, 2)


def test_an_absence_names_the_slots_it_touches(pair, person):
    first, second = pair
    found = add_absence(person_id=person.pk, starts_at=NOW, ends_at=second.starts_at, reason=" Formation ")
    assert found == [first]
    assert Absence.objects.get().reason == "Formation"
    with pytest.raises(ValueError):
        add_absence(person_id=person.pk, starts_at=NOW, ends_at=NOW)

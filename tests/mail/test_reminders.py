"""Who is owed a reminder, when: every French zone, both changes of the clock, late bookings, moved slots."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.models import Message, Registration, ReminderRule, ReminderSweep
from events.reminders import default_reminder_rules, owe_reminders, planned_days
from tests import factories as f

BOOKED = dt.datetime(2027, 1, 10, 8, 0, tzinfo=dt.UTC)
DAY = dt.date(2027, 6, 10)
SECOND = dt.timedelta(seconds=1)


def booking(
    day: dt.date = DAY, time: dt.time = dt.time(14), zone: str = "Europe/Paris", **facts: Any
) -> Registration:
    slot = f.SlotFactory(day=day, start_time=time, timezone=zone, **facts.pop("slot", {}))
    default_reminder_rules(slot.activity.festival)
    return f.RegistrationFactory(slot=slot, **{"confirmed_at": BOOKED, **facts})


def paris(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[misc]


def rules_owed() -> list[str]:
    return [context["rule"] for context in Message.objects.order_by("pk").values_list("context", flat=True)]


@pytest.mark.parametrize(
    ("zone", "day", "rule", "due"),
    [
        ("Europe/Paris", DAY, "D-1", "2027-06-09T07:00:00+00:00"),
        ("Europe/Paris", DAY, "D-7", "2027-06-03T07:00:00+00:00"),
        ("Europe/Paris", DAY, "H-3", "2027-06-10T09:00:00+00:00"),
        # The night of 27 to 28 March 2027 is an hour short, that of 30 to 31 October an hour long.
        ("Europe/Paris", dt.date(2027, 3, 28), "D-1", "2027-03-27T08:00:00+00:00"),
        ("Europe/Paris", dt.date(2027, 3, 29), "D-1", "2027-03-28T07:00:00+00:00"),
        ("Europe/Paris", dt.date(2027, 3, 29), "D-7", "2027-03-22T08:00:00+00:00"),
        ("Europe/Paris", dt.date(2027, 10, 31), "D-1", "2027-10-30T07:00:00+00:00"),
        ("Europe/Paris", dt.date(2027, 11, 1), "D-1", "2027-10-31T08:00:00+00:00"),
        ("America/Martinique", DAY, "D-1", "2027-06-09T13:00:00+00:00"),
        ("America/Guadeloupe", DAY, "D-1", "2027-06-09T13:00:00+00:00"),
        ("America/Cayenne", DAY, "D-1", "2027-06-09T12:00:00+00:00"),
        # Saint-Pierre-et-Miquelon has a summer time of its own.
        ("America/Miquelon", DAY, "D-1", "2027-06-09T11:00:00+00:00"),
        ("America/Miquelon", dt.date(2027, 12, 10), "D-1", "2027-12-09T12:00:00+00:00"),
        ("Indian/Reunion", DAY, "D-1", "2027-06-09T05:00:00+00:00"),
        ("Indian/Mayotte", DAY, "D-1", "2027-06-09T06:00:00+00:00"),
        # 9 h on the 9th in Nouméa is still the 8th in Paris.
        ("Pacific/Noumea", DAY, "D-1", "2027-06-08T22:00:00+00:00"),
        ("Pacific/Wallis", DAY, "D-1", "2027-06-08T21:00:00+00:00"),
        ("Pacific/Tahiti", DAY, "D-1", "2027-06-09T19:00:00+00:00"),
        ("Pacific/Marquesas", DAY, "D-1", "2027-06-09T18:30:00+00:00"),
    ],
)
def test_a_reminder_is_due_on_the_local_clock(zone: str, day: dt.date, rule: str, due: str, db: None) -> None:
    registration = booking(day=day, zone=zone)
    ReminderRule.objects.exclude(name=rule).update(is_active=False)
    instant = dt.datetime.fromisoformat(due)

    assert [(one.rule.name, one.at) for one in planned_days([registration], BOOKED)] == [(rule, instant)]
    assert owe_reminders(instant - SECOND) == 0
    assert owe_reminders(instant) == 1
    assert owe_reminders(instant + SECOND) == 0
    message = Message.objects.get()
    assert message.recipient == registration.visitor.email
    assert message.context == {
        "rule": rule,
        "rule_id": ReminderRule.objects.get(name=rule).pk,
        "day": day.isoformat(),
        "tells": [[registration.pk, registration.slot_id, 0]],
    }
    assert message.expires_at == registration.slot.starts_at


def test_an_edition_is_given_the_usual_three_rules_once(db: None) -> None:
    festival = f.FestivalFactory()

    first, second = default_reminder_rules(festival), default_reminder_rules(festival)

    assert [rule.name for rule in first] == [rule.name for rule in second] == ["D-7", "D-1", "H-3"]


def test_an_edition_without_rules_gets_them_at_the_first_sweep(db: None) -> None:
    slot = f.SlotFactory(day=DAY, start_time=dt.time(14))
    f.RegistrationFactory(slot=slot, confirmed_at=BOOKED)

    assert owe_reminders(paris(2027, 6, 9, 9)) == 1


def test_the_three_follow_each_other(db: None) -> None:
    registration = booking()

    planned = [(one.rule.name, one.at) for one in planned_days([registration], BOOKED)]
    owed = [owe_reminders(at) for _name, at in planned]

    assert planned == [
        ("D-7", paris(2027, 6, 3, 9)),
        ("D-1", paris(2027, 6, 9, 9)),
        ("H-3", paris(2027, 6, 10, 11)),
    ]
    assert owed == [1, 1, 1]
    assert rules_owed() == ["D-7", "D-1", "H-3"]
    assert planned_days([registration], paris(2027, 6, 10, 11)) == []


@pytest.mark.parametrize(
    ("booked", "rules"),
    [
        (paris(2027, 6, 1, 9), ["D-7", "D-1", "H-3"]),
        (paris(2027, 6, 1, 9) + SECOND, ["D-1", "H-3"]),
        (paris(2027, 6, 8, 21), ["D-1", "H-3"]),
        (paris(2027, 6, 8, 21) + SECOND, ["H-3"]),
        (paris(2027, 6, 10, 8), ["H-3"]),
        (paris(2027, 6, 10, 8) + SECOND, []),
        (paris(2027, 6, 10, 13), []),
    ],
)
def test_a_late_booking_is_not_reminded_right_away(booked: dt.datetime, rules: list[str], db: None) -> None:
    registration = booking(confirmed_at=booked)

    planned = [one.rule.name for one in planned_days([registration], paris(2027, 5, 1, 9))]
    for due in (paris(2027, 6, 3, 9), paris(2027, 6, 9, 9), paris(2027, 6, 10, 11)):
        for late in (0, 1, 2):
            owe_reminders(due + dt.timedelta(hours=late, minutes=59 * late // 2))

    assert planned == rules
    assert rules_owed() == rules


def test_a_place_from_the_waiting_list_counts_from_the_day_it_came(db: None) -> None:
    booking(created_at=BOOKED, confirmed_at=paris(2027, 6, 9, 8))

    assert owe_reminders(paris(2027, 6, 9, 9)) == 0


def test_never_after_the_start(db: None) -> None:
    registration = booking()

    assert owe_reminders(registration.slot.starts_at) == 0
    assert owe_reminders(registration.slot.starts_at - SECOND) == 1


def test_a_missed_tick_is_caught_up(db: None) -> None:
    booking()

    assert owe_reminders(paris(2027, 6, 9, 22)) == 1
    assert rules_owed() == ["D-1"]


def test_what_the_next_rule_overtook_is_not_sent_beside_it(db: None) -> None:
    """Nothing ran for a week: on the eve there is one reminder, not two."""
    booking()

    assert owe_reminders(paris(2027, 6, 9, 9)) == 1
    assert rules_owed() == ["D-1"]


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({"status": "waiting", "waiting_since": BOOKED, "confirmed_at": None}, 0),
        ({"status": "cancelled", "cancelled_at": BOOKED}, 0),
        ({"slot": {"state": "cancelled", "cancelled_at": BOOKED}}, 0),
        ({"slot": {"state": "draft"}}, 0),
        ({"slot": {"activity__state": "cancelled"}}, 0),
        ({"slot": {"activity__festival__state": "archived"}}, 0),
        ({}, 1),
    ],
)
def test_only_who_will_come_is_reminded(changes: dict[str, Any], owed: int, db: None) -> None:
    booking(**changes)

    assert owe_reminders(paris(2027, 6, 9, 9)) == owed


def test_a_moved_slot_earns_its_own(db: None) -> None:
    registration = booking()
    owe_reminders(paris(2027, 6, 9, 9))
    slot = registration.slot
    slot.set_time(day=DAY, start_time=dt.time(16), duration=45, timezone="Europe/Paris")
    slot.revision += 1
    slot.save()

    assert owe_reminders(paris(2027, 6, 9, 12)) == 1
    assert owe_reminders(paris(2027, 6, 9, 12)) == 0
    told = [context["tells"] for context in Message.objects.order_by("pk").values_list("context", flat=True)]
    assert told == [[[registration.pk, slot.pk, revision]] for revision in (0, 1)]


def test_an_inactive_rule_says_nothing(db: None) -> None:
    booking()
    ReminderRule.objects.update(is_active=False)

    assert owe_reminders(paris(2027, 6, 9, 9)) == 0


def test_a_look_at_what_is_new_finds_what_became_due_since(db: None) -> None:
    booking()
    due = paris(2027, 6, 9, 9)

    assert owe_reminders(due, since=due) == 0
    assert owe_reminders(due, since=due - SECOND) == 1


def test_a_look_at_what_is_new_finds_hours_too(db: None) -> None:
    booking()
    due = paris(2027, 6, 10, 11)

    assert owe_reminders(due + SECOND, since=due) == 0
    assert owe_reminders(due + SECOND, since=due - SECOND) == 1


def test_nothing_due_costs_the_same_few_questions_whatever_is_booked(
    django_assert_num_queries: Any, db: None
) -> None:
    first = booking()
    for _another in range(20):
        f.RegistrationFactory(slot=first.slot, confirmed_at=BOOKED)
    now = paris(2027, 5, 1, 9)

    # The editions, their rules, the moments to come, and the bookings that ask to be looked at again.
    with django_assert_num_queries(4):
        owe_reminders(now, since=now - dt.timedelta(minutes=1))


def test_what_is_due_costs_the_same_few_questions_for_one_and_for_many(
    django_assert_num_queries: Any, db: None
) -> None:
    first = booking()
    ReminderRule.objects.exclude(name="D-1").update(is_active=False)
    for number in range(2):
        for _another in range(1 + 19 * number):
            f.RegistrationFactory(slot=first.slot, confirmed_at=BOOKED)
        Message.objects.all().delete()
        ReminderSweep.objects.all().delete()
        # Editions, rules, moments, slots; within a savepoint the edition locked, its rules, the bookings, the
        # days around them, what was told, INSERT, revisions, INSERT; the rules that are off, what asks.
        with django_assert_num_queries(4 + 2 + 8 + 2):
            owed = owe_reminders(paris(2027, 6, 9, 9))
        assert owed == Registration.objects.count()

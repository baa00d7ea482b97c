"""One mail for a rule and a visited day: what it tells, what earns one of its own, by whose rule, when."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.links import new_address_token
from events.mail.deliver import deliver_due
from events.models import Message, Programme, Registration, ReminderRule, ReminderSweep, Slot
from events.quiet import QuietHours
from events.registration.address import take_new_address
from events.registration.cancel import cancel_registration
from events.registration.move import move_registration
from events.reminders import default_reminder_rules, owe_reminders, planned_days
from tests import factories as f
from tests.mail.conftest import kept

pytestmark = pytest.mark.django_db

BOOKED = dt.datetime(2027, 1, 10, 8, 0, tzinfo=dt.UTC)
Purpose, Status = ReminderRule.Purpose, Message.Status


def paris(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=ZoneInfo("Europe/Paris"))  # type: ignore[misc]


EVE = paris(2027, 6, 9, 9)


def only(*names: str) -> None:
    """The rules of these names alone are in force."""
    ReminderRule.objects.exclude(name__in=names).update(is_active=False)


def also(visit: SimpleNamespace, hour: int, minute: int = 0, **facts: Any) -> Registration:
    """Another visit of Camille's, the same day unless said."""
    day = facts.pop("day", f.DAY)
    slot = f.SlotFactory(
        activity=f.ActivityFactory(festival=visit.festival, **facts.pop("activity", {})),
        start_time=dt.time(hour, minute),
        day=day,
        **facts.pop("slot", {}),
    )
    return f.RegistrationFactory(slot=slot, visitor=visit.visitor, **{"confirmed_at": BOOKED, **facts})


@pytest.fixture
def camille(visit: SimpleNamespace) -> SimpleNamespace:
    """Booked long ago for 14 h, under the usual three rules."""
    default_reminder_rules(visit.festival)
    Registration.objects.update(confirmed_at=BOOKED)
    return visit


def told() -> list[list[int]]:
    """The registrations each message tells, message by message."""
    contexts = Message.objects.order_by("pk").values_list("context", flat=True)
    return [[one[0] for one in context["tells"]] for context in contexts]


# One mail -------------------------------------------------------------------------------------------------


def test_the_visits_of_a_day_are_told_by_one_mail(camille: SimpleNamespace) -> None:
    later, next_day = also(camille, 17), also(camille, 11, day=f.DAY + dt.timedelta(days=1))
    only("D-1")

    assert owe_reminders(EVE) == 1
    assert owe_reminders(EVE + dt.timedelta(days=1)) == 1

    assert told() == [[camille.registration.pk, later.pk], [next_day.pk]]


def test_a_later_visit_told_with_the_first_is_not_told_again(camille: SimpleNamespace) -> None:
    later = also(camille, 20)
    only("H-3")

    assert owe_reminders(paris(2027, 6, 10, 11)) == 1
    assert owe_reminders(paris(2027, 6, 10, 17)) == 0

    assert told() == [[camille.registration.pk, later.pk]]


def test_what_never_left_told_nothing(camille: SimpleNamespace) -> None:
    """The relay was down until the first visit had begun: the second is told at its own hour."""
    later = also(camille, 20)
    only("H-3")
    owe_reminders(paris(2027, 6, 10, 11))
    Message.objects.update(status=Status.EXPIRED)

    assert owe_reminders(paris(2027, 6, 10, 17)) == 1

    assert told()[1] == [later.pk]


def test_a_visit_booked_after_the_first_mail_earns_its_own(camille: SimpleNamespace) -> None:
    only("H-3")
    owe_reminders(paris(2027, 6, 10, 11))
    late = also(camille, 20, confirmed_at=paris(2027, 6, 10, 12))

    assert owe_reminders(paris(2027, 6, 10, 17)) == 1

    assert told() == [[camille.registration.pk], [late.pk]]


def test_a_moved_slot_of_the_day_is_told_anew_and_the_others_are_not(camille: SimpleNamespace) -> None:
    later = also(camille, 17)
    only("D-1")
    owe_reminders(EVE)
    later.slot.set_time(day=f.DAY, start_time=dt.time(18), duration=45, timezone="Europe/Paris")
    later.slot.revision += 1
    later.slot.save()

    assert owe_reminders(EVE + dt.timedelta(hours=1)) == 1

    assert told() == [[camille.registration.pk, later.pk], [later.pk]]


def test_a_mail_that_tells_the_moved_one_too_leaves_alone(camille: SimpleNamespace) -> None:
    """Moved between owing and sending: the mail tells the day as it is, and nothing follows it."""
    later = also(camille, 17)
    only("D-1")
    owe_reminders(EVE)
    Slot.objects.filter(pk=later.slot_id).update(revision=1)
    deliver_due(now=EVE)

    assert owe_reminders(EVE + dt.timedelta(minutes=15)) == 0
    assert len(kept()) == 1


def test_a_changed_address_earns_its_own(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)
    deliver_due(now=EVE)
    hour_later = EVE + dt.timedelta(hours=1)
    visitor = camille.visitor
    token = new_address_token(visitor.pk, visitor.link_nonce, "camille@nouveau.example")
    take_new_address(token=token, now=hour_later)

    assert owe_reminders(hour_later, since=hour_later - dt.timedelta(minutes=5)) == 1
    assert owe_reminders(hour_later) == 0

    reminders = Message.objects.filter(kind="reminder").order_by("pk")
    assert list(reminders.values_list("recipient", "status")) == [
        ("camille@example.org", "sent"),
        ("camille@nouveau.example", "pending"),
    ]


def test_a_mail_on_its_way_to_an_old_address_does_not_leave(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)
    camille.visitor.email = "camille@nouveau.example"
    camille.visitor.save()

    deliver_due(now=EVE)

    assert kept() == []
    assert Message.objects.get().last_answer == "the address is another now"


def test_a_slot_published_late_is_found_by_the_next_whole_look(camille: SimpleNamespace) -> None:
    Slot.objects.update(state="draft")
    only("D-1")
    assert owe_reminders(EVE) == 0
    Slot.objects.update(state="published")

    assert owe_reminders(EVE + dt.timedelta(minutes=15)) == 1


def test_who_moved_to_another_time_has_just_been_told(camille: SimpleNamespace) -> None:
    other = f.SlotFactory(activity=camille.activity, start_time=dt.time(16))
    Slot.objects.filter(pk=camille.slot.pk).update(taken=2, waiting=0)
    only("D-1", "H-3")
    move_registration(registration_id=camille.registration.pk, to_slot_id=other.pk, now=EVE)

    assert owe_reminders(EVE) == 0
    assert owe_reminders(paris(2027, 6, 10, 13)) == 1


def test_a_mail_leaves_while_one_of_its_visits_stands(camille: SimpleNamespace) -> None:
    later = also(camille, 17)
    Slot.objects.update(taken=2, waiting=0)
    only("D-1")
    owe_reminders(EVE)
    cancel_registration(registration_id=camille.registration.pk, now=EVE)

    deliver_due(now=EVE, only="reminder")

    [mail] = kept()
    assert later.slot.activity.title_fr in str(mail["Subject"])


def test_a_rule_switched_off_meanwhile_is_not_followed_and_on_again_is(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)
    ReminderRule.objects.filter(name="D-1").update(is_active=False)
    deliver_due(now=EVE)
    owe_reminders(EVE)
    assert (Message.objects.get().status, kept()) == (Status.CANCELLED, [])

    ReminderRule.objects.filter(name="D-1").update(is_active=True)

    assert owe_reminders(EVE + dt.timedelta(minutes=15)) == 1


def test_two_looks_beside_one_another_owe_under_one_name(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)

    [key] = Message.objects.values_list("dedupe_key", flat=True)
    rule = ReminderRule.objects.get(name="D-1").pk
    assert key == f"remind:{camille.visitor.pk}:{rule}:2027-06-10:0"


# By whose rule --------------------------------------------------------------------------------------------


def rule(visit: SimpleNamespace, name: str, **facts: Any) -> ReminderRule:
    return ReminderRule.objects.create(
        festival=visit.festival, name=name, **{"minimum_lead_hours": 1, **facts}
    )


def owed_at(*instants: dt.datetime) -> list[str]:
    for at in instants:
        owe_reminders(at)
    return [context["rule"] for context in Message.objects.order_by("pk").values_list("context", flat=True)]


def test_a_programmes_rules_replace_the_editions(camille: SimpleNamespace) -> None:
    programme = camille.activity.programme
    rule(camille, "D-2", programme=programme, lead_days=2, at_time=dt.time(18))

    assert owed_at(paris(2027, 6, 3, 9), paris(2027, 6, 8, 18), EVE, paris(2027, 6, 10, 11)) == ["D-2"]


def test_a_slots_rules_replace_its_programmes(camille: SimpleNamespace) -> None:
    programme = camille.activity.programme
    rule(camille, "D-2", programme=programme, lead_days=2, at_time=dt.time(18))
    rule(camille, "H-1", slot=camille.slot, lead_hours=1)

    assert owed_at(paris(2027, 6, 8, 18), EVE, paris(2027, 6, 10, 13)) == ["H-1"]


def test_inactive_rules_of_a_slot_leave_it_without(camille: SimpleNamespace) -> None:
    rule(camille, "H-1", slot=camille.slot, lead_hours=1, is_active=False)
    other = also(camille, 17)

    assert owed_at(EVE) == ["D-1"]
    assert told() == [[other.pk]]


def test_another_programmes_rules_do_not_count(camille: SimpleNamespace) -> None:
    elsewhere = Programme.objects.create(festival=camille.festival, name="Autre", slug="autre")
    rule(camille, "D-2", programme=elsewhere, lead_days=2, at_time=dt.time(18))

    assert owed_at(EVE) == ["D-1"]


def test_a_mail_is_not_sent_once_a_narrower_rule_speaks(camille: SimpleNamespace) -> None:
    owe_reminders(EVE)
    rule(camille, "H-1", slot=camille.slot, lead_hours=1)

    deliver_due(now=EVE)

    assert Message.objects.get().last_answer == "another rule speaks for the slot"


# One mail a day, whichever rules speak -------------------------------------------------------------------


def in_a_programme(visit: SimpleNamespace, hour: int, **facts: Any) -> Registration:
    """Another visit of Camille's that day, in a programme that reminds by a rule of its own."""
    programme = Programme.objects.create(festival=visit.festival, name="Nocturne", slug="nocturne")
    rule(visit, "theirs", programme=programme, **facts)
    return also(visit, hour, activity={"programme": programme})


def test_two_rules_that_speak_at_once_make_one_mail(camille: SimpleNamespace) -> None:
    """The edition reminds on the eve at 9 h, the programme of the second visit as well."""
    other = in_a_programme(camille, 17, lead_days=1, at_time=dt.time(9))

    assert owe_reminders(EVE) == 2
    deliver_due(now=EVE)

    [mail] = kept()
    text = mail.get_body(("plain",))
    assert text is not None
    assert camille.registration.reference in text.get_content()
    assert other.reference in text.get_content()
    Message.objects.update(next_attempt_at=EVE)
    ReminderSweep.objects.all().delete()
    assert owe_reminders(EVE + dt.timedelta(hours=2)) == 0


def test_what_one_rule_told_in_the_morning_another_does_not_tell_in_the_evening(
    camille: SimpleNamespace,
) -> None:
    other = in_a_programme(camille, 17, lead_days=1, at_time=dt.time(18))
    evening = paris(2027, 6, 9, 18)
    planned = planned_days([camille.registration, other], EVE - dt.timedelta(days=1))
    assert [one.at for one in planned if one.at.date() == EVE.date()] == [EVE]

    owe_reminders(EVE)
    deliver_due(now=EVE)

    assert owe_reminders(evening) == 0


def test_a_slot_moved_since_the_morning_is_told_in_the_evening(camille: SimpleNamespace) -> None:
    other = in_a_programme(camille, 17, lead_days=1, at_time=dt.time(18))
    owe_reminders(EVE)
    deliver_due(now=EVE)
    Slot.objects.filter(pk=other.slot_id).update(revision=5)

    assert owe_reminders(paris(2027, 6, 9, 18)) == 1


def early(visit: SimpleNamespace, **facts: Any) -> Registration:
    """A visit at 8 h 30: the night puts its H-3 on the eve at 21 h 45."""
    Registration.objects.filter(pk=visit.registration.pk).delete()
    return also(visit, 8, 30, **facts)


LATE_EVENING = paris(2027, 6, 9, 21, 45)


def test_the_night_puts_no_second_reminder_on_the_eve(camille: SimpleNamespace) -> None:
    mine = early(camille)
    assert [one.at for one in planned_days([mine], BOOKED)] == [paris(2027, 6, 3, 9), EVE]

    owe_reminders(EVE)
    deliver_due(now=EVE)

    assert owe_reminders(LATE_EVENING) == 0


def test_whom_the_morning_did_not_reach_the_evening_reminds(camille: SimpleNamespace) -> None:
    """Booked on the eve at noon, after the mail of the morning; and a mail that never left told nothing."""
    mine = early(camille, confirmed_at=paris(2027, 6, 9, 12))
    assert [one.at for one in planned_days([mine], paris(2027, 6, 9, 13))] == [LATE_EVENING]
    assert (owe_reminders(EVE), owe_reminders(LATE_EVENING)) == (0, 1)


def test_a_relay_that_was_down_in_the_morning_leaves_the_evening_its_reminder(
    camille: SimpleNamespace,
) -> None:
    early(camille)
    owe_reminders(EVE)

    owe_reminders(LATE_EVENING)
    deliver_due(now=LATE_EVENING)

    assert [mail["Subject"] is not None for mail in kept()] == [True]


def test_two_rules_that_somebody_set_for_one_day_both_speak(camille: SimpleNamespace) -> None:
    only("H-3")
    rule(camille, "H-1", lead_hours=1)
    three, one = paris(2027, 6, 10, 11), paris(2027, 6, 10, 13)
    assert [mail.at for mail in planned_days([camille.registration], BOOKED)] == [three, one]

    owe_reminders(three)
    deliver_due(now=three)

    assert owe_reminders(one) == 1


# Quiet hours ----------------------------------------------------------------------------------------------

NIGHT = QuietHours(dt.time(22), dt.time(8))


@pytest.mark.parametrize(
    ("due", "starts", "leaves"),
    [
        (paris(2027, 6, 9, 21, 59), paris(2027, 6, 10, 9), paris(2027, 6, 9, 21, 59)),
        (paris(2027, 6, 9, 22), paris(2027, 6, 10, 14), paris(2027, 6, 10, 8)),
        (paris(2027, 6, 10, 6), paris(2027, 6, 10, 9), paris(2027, 6, 10, 8)),
        (paris(2027, 6, 10, 8), paris(2027, 6, 10, 11), paris(2027, 6, 10, 8)),
        # less than an hour before the visit would be late: the evening before
        (paris(2027, 6, 10, 5, 45), paris(2027, 6, 10, 8, 45), paris(2027, 6, 9, 21, 45)),
        (paris(2027, 6, 9, 23), paris(2027, 6, 10, 2), paris(2027, 6, 9, 21, 45)),
        # the nights in which the clock changes
        (paris(2027, 3, 28, 4), paris(2027, 3, 28, 10), paris(2027, 3, 28, 8)),
        (paris(2027, 10, 31, 1), paris(2027, 10, 31, 10), paris(2027, 10, 31, 8)),
    ],
)
def test_what_falls_due_at_night_leaves_by_day(
    due: dt.datetime, starts: dt.datetime, leaves: dt.datetime
) -> None:
    assert NIGHT.ahead_of(starts, due, "Europe/Paris") == leaves


@pytest.mark.parametrize(
    ("hours", "time", "is_quiet"),
    [
        (NIGHT, dt.time(22), True),
        (NIGHT, dt.time(7, 59), True),
        (NIGHT, dt.time(8), False),
        (QuietHours(dt.time(0), dt.time(7)), dt.time(0), True),
        (QuietHours(dt.time(0), dt.time(7)), dt.time(23), False),
        (QuietHours(dt.time(8), dt.time(8)), dt.time(8), False),
    ],
)
def test_quiet_hours_may_span_midnight_or_be_none(hours: QuietHours, time: dt.time, is_quiet: bool) -> None:
    at = dt.datetime.combine(f.DAY, time, tzinfo=ZoneInfo("Indian/Reunion"))

    assert hours.cover(at.astimezone(dt.UTC), "Indian/Reunion") is is_quiet


@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion", "America/Miquelon", "Pacific/Noumea"])
def test_an_early_visit_is_reminded_in_the_morning_of_its_own_clock(zone: str) -> None:
    slot = f.SlotFactory(start_time=dt.time(9, 30), timezone=zone)
    default_reminder_rules(slot.activity.festival)
    f.RegistrationFactory(slot=slot, confirmed_at=BOOKED)
    only("H-3")
    morning = dt.datetime(2027, 6, 10, 8, tzinfo=ZoneInfo(zone))

    assert owe_reminders(morning - dt.timedelta(minutes=1)) == 0
    assert owe_reminders(morning) == 1


def test_what_is_owed_at_night_waits_for_the_morning(camille: SimpleNamespace) -> None:
    """The slot moved at 23 h: what it earns leaves at 8 h."""
    only("D-1")

    owe_reminders(paris(2027, 6, 9, 23))

    assert Message.objects.get().next_attempt_at == paris(2027, 6, 10, 8)


def test_what_the_relay_held_up_into_the_night_rests_until_the_morning(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)

    report = deliver_due(now=paris(2027, 6, 9, 23))
    assert (report.counts, kept()) == ({"delayed": 1}, [])
    message = Message.objects.get()
    assert (message.status, message.attempts) == (Status.PENDING, 0)
    assert message.next_attempt_at == paris(2027, 6, 10, 8)

    assert deliver_due(now=paris(2027, 6, 10, 8)).sent == 1


def test_what_the_morning_would_be_too_late_for_leaves_at_night(camille: SimpleNamespace) -> None:
    only("D-1")
    owe_reminders(EVE)
    Message.objects.update(expires_at=paris(2027, 6, 10, 7))

    assert deliver_due(now=paris(2027, 6, 9, 23)).sent == 1


# After the visit ------------------------------------------------------------------------------------------


@pytest.fixture
def thanked(camille: SimpleNamespace) -> SimpleNamespace:
    ReminderRule.objects.update(is_active=False)
    rule(camille, "Merci", purpose=Purpose.THANKS, is_after=True, lead_hours=2)
    return camille


def test_thanks_come_after_the_last_visit_of_the_day(thanked: SimpleNamespace) -> None:
    last = also(thanked, 17)

    assert owe_reminders(paris(2027, 6, 10, 17)) == 0, "two hours after the first"
    assert owe_reminders(paris(2027, 6, 10, 19, 44)) == 0
    assert owe_reminders(paris(2027, 6, 10, 19, 45)) == 1
    assert owe_reminders(paris(2027, 6, 11, 12)) == 0

    assert (told(), Message.objects.get().kind) == ([[thanked.registration.pk, last.pk]], "thanks")


def test_thanks_come_for_the_first_when_the_last_is_given_back(thanked: SimpleNamespace) -> None:
    last = also(thanked, 17)
    owe_reminders(paris(2027, 6, 10, 17))
    Slot.objects.filter(pk=last.slot_id).update(taken=1)
    cancel_registration(registration_id=last.pk, now=paris(2027, 6, 10, 16), by="host")

    at = paris(2027, 6, 10, 19, 50)
    assert owe_reminders(at, since=at - dt.timedelta(minutes=5)) == 1


@pytest.mark.parametrize(("came", "other_came", "owed"), [(0, 0, 1), (1, 0, 1), (0, 1, 0), (1, 1, 1)])
def test_who_did_not_come_is_not_thanked(came: int, other_came: int, owed: int, thanked: Any) -> None:
    """Where nobody is checked in, nobody checks."""
    at = thanked.slot.starts_at
    f.RegistrationFactory(
        slot=thanked.slot,
        confirmed_at=BOOKED,
        checked_in_at=at if other_came else None,
        visitor__email="a@b.c",
    )
    Registration.objects.filter(pk=thanked.registration.pk).update(checked_in_at=at if came else None)

    owe_reminders(paris(2027, 6, 10, 17))

    assert Message.objects.filter(recipient="camille@example.org").count() == owed


def test_thanks_that_are_three_days_late_do_not_leave(thanked: SimpleNamespace) -> None:
    assert owe_reminders(paris(2027, 6, 13, 16, 45)) == 0
    assert owe_reminders(paris(2027, 6, 13, 16, 44)) == 1


def test_a_survey_leads_to_the_organisers_page(camille: SimpleNamespace) -> None:
    ReminderRule.objects.update(is_active=False)
    rule(
        camille,
        "Questions",
        purpose=Purpose.SURVEY,
        is_after=True,
        lead_days=1,
        at_time=dt.time(10),
        survey_url="https://enquete.example/2027",
    )
    at = paris(2027, 6, 11, 10)

    assert (owe_reminders(at - dt.timedelta(minutes=1)), owe_reminders(at)) == (0, 1)
    deliver_due(now=at)

    [mail] = kept()
    said = "Comment était-ce, jeudi 10 juin : Dans l’atelier d’un robot ?"
    assert str(mail["Subject"]).split() == said.split()
    text = mail.get_body(("plain",))
    assert text is not None
    assert "https://enquete.example/2027" in text.get_content()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


# What is to come ------------------------------------------------------------------------------------------


def test_what_is_planned_is_what_comes(camille: SimpleNamespace) -> None:
    mine = [camille.registration, also(camille, 17)]

    planned = planned_days(mine, BOOKED)

    assert [(one.rule.name, one.at, len(one.registrations)) for one in planned] == [
        ("D-7", paris(2027, 6, 3, 9), 2),
        ("D-1", EVE, 2),
        ("H-3", paris(2027, 6, 10, 11), 2),
    ]
    assert [owe_reminders(one.at) for one in planned] == [1, 1, 1]

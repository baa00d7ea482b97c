"""Whatever was booked, given back, moved, re-addressed and ruled before: what is owed follows from the
bookings and the rules alone.

The expectation is worked out from the tables, visit by visit, by code that shares nothing with the sweep.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from events.mail.days import load_days
from events.mail.deliver import deliver_due
from events.mail.staleness import why_not
from events.models import Message, Registration, ReminderRule, Slot
from events.reminders import owe_reminders
from events.rulemaking import add_rule, copy_rules, remove_rule, switch_rule
from tests import factories as f

BOOKED = dt.datetime(2027, 1, 10, 8, 0, tzinfo=dt.UTC)
NOON = dt.datetime(2027, 6, 9, 10, 0, tzinfo=dt.UTC)
"""12 h in Paris on the eve: the reminder of 9 h is open all day, the visits are tomorrow."""
Purpose, Status = ReminderRule.Purpose, Message.Status
numbers = st.integers(0, 5)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("book"), numbers, st.booleans()),
        st.tuples(st.just("cancel"), numbers, st.booleans()),
        st.tuples(st.just("move slot"), numbers, st.booleans()),
        st.tuples(st.just("address"), numbers, st.booleans()),
        st.tuples(st.just("switch"), numbers, st.booleans()),
        st.tuples(st.just("slot rules"), numbers, st.booleans()),
        st.tuples(st.just("sweep"), numbers, st.booleans()),
        st.tuples(st.just("sweep"), numbers, st.just(False)),
        st.tuples(st.just("send"), numbers, st.booleans()),
    ),
    min_size=6,
    max_size=24,
)


class World:
    """Three visitors with five bookings, three slots of tomorrow, an edition's rule of the eve."""

    def __init__(self) -> None:
        self.festival = f.FestivalFactory()
        activity = f.ActivityFactory(festival=self.festival)
        self.slots = [
            f.SlotFactory(activity=activity, start_time=dt.time(hour), capacity=50) for hour in (10, 14, 17)
        ]
        self.visitors = [f.VisitorFactory() for _ in range(3)]
        facts = {"purpose": Purpose.REMINDER, "lead_days": 1, "at_time": dt.time(9), "minimum_lead_hours": 12}
        rule = add_rule(festival=self.festival, by=None, now=BOOKED, **facts)
        assert rule is not None
        self.rule, self.moves, self.addresses = rule, 0, 0
        for number in (0, 1, 2, 4, 5):
            self.book(number, True)

    def do(self, what: str, number: int, flag: bool) -> None:
        getattr(self, what.replace(" ", "_"))(number, flag)

    def book(self, number: int, flag: bool) -> None:
        """Long ago, or too late for the reminder."""
        slot, visitor = self.slots[number % 3], self.visitors[number // 2]
        if not Registration.objects.active().filter(slot=slot, visitor=visitor).exists():
            f.RegistrationFactory(
                slot=slot, visitor=visitor, confirmed_at=BOOKED if flag else NOON, remind_again_at=NOON
            )

    def cancel(self, number: int, flag: bool) -> None:
        one = Registration.objects.active().order_by("pk")[number : number + 1].first()
        if one is not None:
            one.status, one.cancelled_at = "cancelled", NOON
            one.save()

    def move_slot(self, number: int, flag: bool) -> None:
        slot = Slot.objects.get(pk=self.slots[number % 3].pk)
        self.moves += 1
        slot.set_time(
            day=f.DAY if flag else f.DAY + dt.timedelta(days=1),
            start_time=dt.time(9 + number, self.moves),
            duration=45,
            timezone="Europe/Paris",
        )
        slot.revision += 1
        slot.save()

    def address(self, number: int, flag: bool) -> None:
        visitor = self.visitors[number // 2]
        self.addresses += 1
        old, visitor.email = visitor.email, f"autre{self.addresses}@example.org"
        visitor.save()
        if flag:  # as the visitor's own change does it
            Message.objects.filter(recipient=old, status=Status.PENDING).update(recipient=visitor.email)
        Registration.objects.confirmed().filter(visitor=visitor).update(remind_again_at=NOON)

    def switch(self, number: int, flag: bool) -> None:
        rules = list(ReminderRule.objects.filter(festival=self.festival).order_by("pk"))
        rule = rules[number % len(rules)]
        switch_rule(rule=rule, is_active=not rule.is_active, by=None, now=NOON)

    def slot_rules(self, number: int, flag: bool) -> None:
        slot = self.slots[number % 3]
        if flag:
            copy_rules(slot=slot, rules=[self.rule], by=None, now=NOON)
        else:
            for rule in ReminderRule.objects.filter(slot=slot):
                remove_rule(rule=rule, by=None, now=NOON)

    def sweep(self, number: int, flag: bool) -> None:
        owe_reminders(NOON, since=NOON - dt.timedelta(minutes=5) if flag else None)

    def send(self, number: int, flag: bool) -> None:
        deliver_due(now=NOON, limit=number * 2)

    # What should be ----------------------------------------------------------------------------------

    def speaking(self, slot_id: int) -> list[ReminderRule]:
        own = list(ReminderRule.objects.filter(slot=slot_id))
        rules = own or list(ReminderRule.objects.filter(festival=self.festival, slot=None))
        return [rule for rule in rules if rule.is_active]

    def due(self) -> set[tuple[int, str]]:
        """Who is to be told of tomorrow, by rule: each visit, at its address, booked in good time."""
        return {
            (one.pk, one.visitor.email)
            for one in Registration.objects.confirmed().select_related("slot", "visitor")
            if one.confirmed_at == BOOKED and one.slot.day == f.DAY and self.speaking(one.slot_id)
        }


def leaving(world: World) -> list[Message]:
    """The mails that have left or will."""
    pending = list(Message.objects.filter(kind="reminder", status=Status.PENDING))
    load_days(pending, now=NOON)
    will = [one for one in pending if why_not(one, NOON) is None]
    return [*Message.objects.filter(kind="reminder", status=Status.SENT), *will]


def told(messages: list[Message]) -> Counter[tuple[int, int, int, int, str]]:
    """How often each visit as it stood is told by a rule to an address."""
    return Counter(
        (one.context["rule_id"], *said, one.recipient) for one in messages for said in one.context["tells"]
    )


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=50)
@given(edits=edits)
def test_what_is_owed_is_a_function_of_bookings_and_rules(edits: list[tuple[str, int, bool]]) -> None:
    with transaction.atomic():
        check(edits)
        transaction.set_rollback(True)


def check(edits: list[tuple[str, int, bool]]) -> None:
    world = World()
    for what, number, flag in edits:
        world.do(what, number, flag)
    # Two looks: the first may find a mail that does not leave any more, whose visits the second owes anew.
    for _ in range(2):
        owe_reminders(NOON)
        for message in Message.objects.filter(kind="reminder", status=Status.PENDING):
            verdict = why_not(message, NOON)
            if verdict is not None:
                Message.objects.filter(pk=message.pk).update(status=verdict[0], last_answer=verdict[1])

    mails = leaving(world)
    twice = {key: number for key, number in told(mails).items() if number > 1}
    assert not twice, "nothing is told twice by one rule at one address"
    standing = {
        (one.pk, one.slot_id, one.slot.revision, one.visitor.email): one
        for one in Registration.objects.confirmed().select_related("slot", "visitor")
    }
    now_told = set()
    # Everything happens on one day: what has left tells for every rule, what waits for its own.
    for mail in mails:
        for registration, slot, revision in mail.context["tells"]:
            one = standing.get((registration, slot, revision, mail.recipient))
            if one is None:
                continue
            speaks = mail.context["rule_id"] in {rule.pk for rule in world.speaking(one.slot_id)}
            if mail.status == Status.SENT or speaks:
                now_told.add((one.pk, one.visitor.email))
    assert world.due() <= now_told, "whoever is to be told is told of the visit as it stands"
    for message in mails:
        if message.status == Status.PENDING:
            wanted = {(said[0], message.recipient) for said in message.context["tells"]}
            assert wanted & world.due(), "no mail is owed to whom nothing is due"


def test_the_world_can_tell_a_fault(db: None) -> None:
    """The negative control: without the second look at what asks for it, a changed address goes untold."""
    world = World()
    owe_reminders(NOON)
    deliver_due(now=NOON)
    world.address(0, False)
    Registration.objects.update(remind_again_at=None)
    owe_reminders(NOON)

    mails = leaving(world)

    assert {(said[0], one.recipient) for one in mails for said in one.context["tells"]} != world.due()

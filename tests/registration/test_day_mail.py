"""A day booked at once is told by one mail, and where its address is not sure it is confirmed as one."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import re
import uuid
from functools import partial

import pytest
from django.urls import reverse

from events.mail.deliver import deliver_due
from events.models import KeptMail, Message, Registration, Slot
from events.refusals import Refused
from events.registration.book import register_party
from events.registration.book_day import book_day, confirm_day
from events.registration.cancel import cancel_registration
from events.registration.invariants import find_drift
from events.registration.settle import let_pass
from tests.factories import NOW, SlotFactory

pytestmark = pytest.mark.django_db
SENT = uuid.UUID("6f1f3c4e-0000-4000-8000-000000000001")
book = partial(book_day, email="camille@example.org", party_size=2, submission_id=SENT, now=NOW)


def slots_at(*hours) -> list[Slot]:
    return [SlotFactory(start_time=dt.time(hour), capacity=4) for hour in hours]


def keys(rows):
    return [row.pk for row in rows]


def deliver(now: dt.datetime = NOW) -> list[KeptMail]:
    deliver_due(now=now)
    return list(KeptMail.objects.order_by("pk"))


def events_of(mail: KeptMail) -> list[str]:
    parts = email.message_from_bytes(mail.source.encode(), policy=email.policy.default).walk()
    [file] = [part for part in parts if part.get_filename() == "visite.ics"]
    return re.findall(r"UID:(\S+?)@", file.get_payload(decode=True).decode())


def test_one_mail_tells_the_whole_day_and_what_is_given_back_before_it_leaves_is_not_in_it():
    slots = slots_at(9, 11, 14)
    booked = book(slot_ids=keys(slots))
    cancel_registration(registration_id=booked[1].pk, now=NOW)

    mails = deliver()

    [mail] = [one for one in mails if "réservées" in one.subject]
    assert mail.subject == "Votre jeudi\u00a010\u00a0juin\u00a0: deux visites réservées"
    assert events_of(mail) == [booked[0].reference, booked[2].reference]
    assert booked[1].reference not in mail.source


def test_a_day_given_back_whole_before_it_leaves_is_not_confirmed():
    for one in book(slot_ids=keys(slots_at(9, 11))):
        cancel_registration(registration_id=one.pk, now=NOW)
    assert not [mail for mail in deliver() if "réserv" in mail.subject]
    day = Message.objects.get(kind="day")
    assert (day.status, day.last_answer) == ("cancelled", "nothing of the day stands any more")


def test_a_single_visit_is_told_as_any_other():
    book(slot_ids=keys(slots_at(9)))
    assert list(Message.objects.values_list("kind", flat=True)) == ["confirmation"]


def test_what_the_address_held_before_is_in_the_mail_of_its_owner_and_nothing_else_is_sent():
    slots = slots_at(9, 11)
    register_party(
        slot_id=slots[0].pk, email="camille@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW
    )
    deliver()
    KeptMail.objects.all().delete()

    book(slot_ids=keys(slots))
    [mail] = deliver()
    assert len(events_of(mail)) == 2

    book(slot_ids=keys(slots), submission_id=uuid.uuid4())
    book(slot_ids=keys(slots), submission_id=uuid.uuid4())
    assert len(deliver()) == 2, "told again, once an hour"


def test_a_day_whose_address_is_not_sure_is_kept_whole_confirmed_at_once_and_told_by_two_mails(client):
    slots = slots_at(9, 11, 14, 16, 17)
    booked = book(slot_ids=keys(slots), is_vouched=False)
    assert {one.status for one in booked} == {"held"}
    assert len(booked) == 5
    [mail] = deliver()
    assert mail.subject.startswith("À confirmer avant")

    page = reverse("events:my_day_confirm", args=[booked[0].visitor.token])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.utils.timezone.now", lambda: NOW)
        assert client.get(page).content.decode().count("plan__step") == 5
        assert Registration.objects.filter(status="held").count() == 5, "a scanner follows links"
        client.post(page)
        client.post(page)

    assert Registration.objects.filter(status="confirmed").count() == 5
    assert len(events_of(deliver()[1])) == 5
    assert KeptMail.objects.count() == 2
    assert find_drift(now=NOW) == []


def test_a_fourth_request_that_is_not_sure_is_not_kept_and_a_day_is_one():
    for number in range(3):
        book(slot_ids=keys(slots_at(9 + number)), is_vouched=False, submission_id=uuid.uuid4())
    assert book(slot_ids=keys(slots_at(13, 15)), is_vouched=False) == []
    assert Registration.objects.count() == 3


def test_while_it_is_kept_one_is_let_go_and_the_rest_is_confirmed_or_none():
    booked = book(slot_ids=keys(slots_at(9, 11, 14)), is_vouched=False)
    let_pass(registration_id=booked[0].pk, now=NOW)
    Slot.objects.filter(pk=booked[2].slot_id).update(state="cancelled", cancelled_at=NOW)
    with pytest.raises(Refused) as refused:
        confirm_day(registration_ids=[one.pk for one in booked], now=NOW)
    assert refused.value.facts["one"] == booked[2]
    assert not Registration.objects.filter(status="confirmed").exists()

    Slot.objects.update(state="published", cancelled_at=None)
    assert len(confirm_day(registration_ids=[one.pk for one in booked], now=NOW)) == 2
    with pytest.raises(Refused):
        confirm_day(registration_ids=[one.pk for one in booked], now=NOW)

"""Another e-mail address: a new link, the old one dead, nothing lost on the way."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from events.links import hash_of, hash_of_address
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.mail.suppressions import is_stopped, stop, takes_no_mail
from events.models import BallotEntry, KeptMail, Message, Registration, Suppression, Visitor
from events.refusals import Reason, Refused
from events.registration.address import ask_new_address, take_new_address, write_token
from tests.factories import NOW, BallotFactory, SlotFactory
from tests.registration.people import LATER, books, owed, register

pytestmark = pytest.mark.django_db
Scope, Reasons = Suppression.Scope, Suppression.Reason
NEW = "camille.martin@example.org"


@pytest.fixture
def visit() -> Registration:
    return register(SlotFactory(start_time=dt.time(14)), "camille")


def take(visitor: Visitor, email: str = NEW) -> Visitor:
    return take_new_address(token=write_token(visitor=visitor, email=email), now=LATER)


def refusal(visitor: Visitor, token: str) -> Refused:
    with pytest.raises(Refused) as refused:
        take_new_address(token=token, now=LATER)
    return refused.value


def test_asking_changes_nothing_and_writes_to_the_new_address_alone(visit: Registration) -> None:
    assert ask_new_address(visitor_id=visit.visitor_id, email=f" {NEW.upper()} ", now=NOW, locale="fr")

    assert owed("new_address") == [NEW]
    assert Visitor.objects.get().email == "camille@example.org"


def test_five_times_a_day(visit: Registration) -> None:
    asked = [
        ask_new_address(visitor_id=visit.visitor_id, email=f"c{n}@example.org", now=NOW, locale="fr")
        for n in range(6)
    ]

    assert asked == [True] * 5 + [False]
    assert len(owed("new_address")) == 5


def test_everything_goes_there_under_a_new_link(visit: Registration) -> None:
    visitor = visit.visitor
    old_token = visitor.token

    taken = take(visitor)

    visitor.refresh_from_db()
    assert (taken, visitor.email, visitor.mailbox) == (visitor, NEW, NEW)
    assert visitor.token != old_token
    assert not Visitor.objects.filter(link_hash=hash_of(old_token)).exists()
    assert Registration.objects.get().visitor == visitor
    assert visitor.verified_at == LATER


def test_what_is_still_to_be_sent_goes_to_the_new_address_and_the_old_one_is_told(
    visit: Registration,
) -> None:
    take(visit.visitor)

    said = Message.objects.order_by("pk").values_list("kind", "recipient")
    assert list(said) == [
        ("confirmation", NEW),
        ("address_changed", "camille@example.org"),
        ("link", NEW),
    ]


@pytest.mark.parametrize("kind", ["link", "ballot_lost"])
def test_no_mail_under_way_takes_the_new_link_to_the_old_address(kind: str, visit: Registration) -> None:
    """A mail is written when it leaves: what waits for a busy relay would show the link made meanwhile."""
    visitor, entry = visit.visitor, None
    if kind == "ballot_lost":
        entry = BallotEntry.objects.create(
            ballot=BallotFactory(), visitor=visitor, party_size=1, submission_id=uuid.uuid4(), created_at=NOW
        )
    owe(
        kind=kind,
        dedupe_key=f"{kind}:1:0",
        recipient=visitor.email,
        locale="fr",
        now=NOW,
        visitor=visitor if entry is None else None,
        ballot_entry=entry,
    )

    taken = take(visitor)

    assert Message.objects.get(dedupe_key=f"{kind}:1:0").recipient == NEW
    deliver_due(now=LATER)
    to_the_old = KeptMail.objects.filter(recipient="camille@example.org").values_list("source", flat=True)
    assert len(to_the_old) == 1
    assert not [source for source in to_the_old if taken.token in source]


def test_what_a_reader_wanted_no_more_of_goes_along_and_a_bounce_does_not(visit: Registration) -> None:
    stop("camille@example.org", Scope.REMINDERS, Reasons.UNSUBSCRIBED, now=NOW)
    stop("camille@example.org", Scope.ALL, Reasons.BOUNCED, now=NOW)

    take(visit.visitor)

    assert is_stopped(NEW, Scope.REMINDERS, now=LATER)
    assert not is_stopped(NEW, Scope.BROADCASTS, now=LATER)
    assert not takes_no_mail(hash_of_address(NEW), now=LATER)


def test_a_link_works_once(visit: Registration) -> None:
    token = write_token(visitor=visit.visitor, email=NEW)
    take_new_address(token=token, now=LATER)

    assert refusal(visit.visitor, token).reason == Reason.LINK_USED


@pytest.mark.parametrize("token", ["", "abc", "WzEsIngiLCJ5Il0:1:x"])
def test_a_link_not_made_here_is_no_link(visit: Registration, token: str) -> None:
    assert refusal(visit.visitor, token).reason == Reason.LINK_USED


def test_an_address_that_is_a_visitor_takes_the_bookings_in(visit: Registration) -> None:
    other = register(SlotFactory(start_time=dt.time(17)), NEW)

    take(visit.visitor)

    assert Visitor.objects.get().email == NEW
    assert set(Registration.objects.values_list("visitor__email", flat=True)) == {NEW}
    assert (books(visit.slot), books(other.slot)) == ((1, 0, 0), (1, 0, 0))


def test_not_where_both_hold_a_place_in_one_slot(visit: Registration) -> None:
    other = register(visit.slot, NEW)

    refused = refusal(visit.visitor, write_token(visitor=visit.visitor, email=NEW))

    assert (refused.reason, refused.facts) == (Reason.ALREADY_REGISTERED, {"others": [other]})
    assert Visitor.objects.count() == 2

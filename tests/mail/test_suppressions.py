"""Who gets no mail, of what, for how long, and who may change that."""

from __future__ import annotations

import datetime as dt

import pytest

from events.links import hash_of_address
from events.mail import suppressions
from events.mail.suppressions import Reason, Scope, allow_again, is_stopped, stop, suppressed, takes_no_mail
from events.models import Message, Suppression
from tests.factories import NOW

Kind = Message.Kind
pytestmark = pytest.mark.django_db
ADDRESS = "camille@example.org"


def mail(kind: str, *, pk: int = 1, to: str = ADDRESS) -> Message:
    return Message(pk=pk, kind=kind, recipient=to)


@pytest.mark.parametrize(
    ("scope", "kind", "why"),
    [
        (Scope.REMINDERS, Kind.REMINDER, "the address wants none of these"),
        (Scope.REMINDERS, Kind.SURVEY, "the address wants none of these"),
        (Scope.REMINDERS, Kind.BROADCAST, ""),
        (Scope.REMINDERS, Kind.CONFIRMATION, ""),
        (Scope.BROADCASTS, Kind.BROADCAST, "the address wants none of these"),
        (Scope.BROADCASTS, Kind.REMINDER, ""),
        (Scope.DIGESTS, Kind.DOOR_LIST, ""),
        (Scope.DOOR_LISTS, Kind.DOOR_LIST, "the address wants none of these"),
        (Scope.ALL, Kind.CONFIRMATION, "the address wants none of these"),
        (Scope.ALL, Kind.ACCOUNT, "the address wants none of these"),
    ],
)
def test_a_scope_stops_its_kinds_alone(scope: Scope, kind: str, why: str) -> None:
    stop(ADDRESS, scope, Reason.UNSUBSCRIBED, now=NOW)

    assert suppressed([mail(kind, to="Camille@Example.org ")], now=NOW).get(1, "") == why


def test_many_are_asked_for_in_one_statement(django_assert_num_queries: object) -> None:
    stop(ADDRESS, Scope.REMINDERS, Reason.UNSUBSCRIBED, now=NOW)
    mails = [mail(Kind.REMINDER, pk=1), mail(Kind.REMINDER, pk=2, to="sacha@example.org")]

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = suppressed(mails, now=NOW)

    assert found == {1: "the address wants none of these"}


def test_a_bounce_is_forgotten_in_time_and_another_renews_it() -> None:
    later = NOW + suppressions.BOUNCE_LASTS
    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=NOW)
    assert takes_no_mail(hash_of_address(ADDRESS), now=later - dt.timedelta(seconds=1))
    assert not takes_no_mail(hash_of_address(ADDRESS), now=later)
    assert suppressed([mail(Kind.LINK)], now=later) == {}

    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=later)

    assert takes_no_mail(hash_of_address(ADDRESS), now=later)
    assert Suppression.objects.count() == 1


def test_what_the_reader_said_lasts() -> None:
    stop(ADDRESS, Scope.REMINDERS, Reason.UNSUBSCRIBED, now=NOW)

    assert is_stopped(ADDRESS, Scope.REMINDERS, now=NOW + dt.timedelta(days=3000))


def test_nothing_is_told_of_an_address_whose_owner_reads() -> None:
    stop(ADDRESS, Scope.ALL, Reason.BY_HAND, now=NOW)

    assert is_stopped(ADDRESS, Scope.REMINDERS, now=NOW)
    assert not takes_no_mail(hash_of_address(ADDRESS), now=NOW)


def test_wanting_reminders_again_wants_nothing_else() -> None:
    for scope in (Scope.REMINDERS, Scope.BROADCASTS):
        stop(ADDRESS, scope, Reason.UNSUBSCRIBED, now=NOW)

    allow_again(ADDRESS, Scope.REMINDERS)

    assert not is_stopped(ADDRESS, Scope.REMINDERS, now=NOW)
    assert is_stopped(ADDRESS, Scope.BROADCASTS, now=NOW)


def test_the_table_holds_no_address() -> None:
    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=NOW, detail="550 5.1.1 unknown")

    assert "camille" not in str(Suppression.objects.values().get())


def test_every_unasked_kind_has_a_scope_and_nothing_else_does() -> None:
    unasked = {kind for kind in Kind if suppressions.scope_of(kind)}

    assert unasked == {
        *(Kind.REMINDER, Kind.THANKS, Kind.SURVEY, Kind.BROADCAST, Kind.HOST_DIGEST, Kind.ORGANISER_DIGEST),
        *(Kind.DOOR_LIST, Kind.NAG_DRAFT, Kind.NAG_SLOTS, Kind.MAIL_STUCK, Kind.AGENDA_STUCK),
        *(Kind.FOLLOW_OPEN, Kind.FOLLOW_FREE),
    }

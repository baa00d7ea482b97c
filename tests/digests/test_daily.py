"""The day in figures: on days when something changed, at eight on the clock of the territory, once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.digests import owe_digests
from events.mail.deliver import deliver_due
from events.mail.suppressions import stop
from events.models import Heartbeat, HostMember, Message, Registration, Suppression
from tests import factories as f
from tests.mail.conftest import kept

from .conftest import at, paris

NB = "\u00a0"
EIGHT = paris(4, 8, 2)
Scope = Suppression.Scope


def book(desk: Any, when: dt.datetime, places: int = 2, **more: Any) -> Registration:
    registration: Registration = f.RegistrationFactory(
        slot=desk.slot, party_size=places, created_at=when, confirmed_at=when, **more
    )
    desk.slot.taken += places
    desk.slot.save()
    return registration


def leave(email: str, scope: Suppression.Scope) -> None:
    stop(email, scope, Suppression.Reason.UNSUBSCRIBED, now=paris(3, 9))


def digests() -> list[tuple[str, str]]:
    found = Message.objects.filter(kind__in=["host_digest", "organiser_digest"]).order_by("pk")
    return list(found.values_list("kind", "recipient"))


ALL_THREE = [
    ("host_digest", "camille@example.org"),
    ("host_digest", "sacha@example.org"),
    ("organiser_digest", "dominique@example.org"),
]


def test_a_booking_of_yesterday_is_told_to_the_host_and_to_the_territory(desk):
    book(desk, paris(3, 17))

    owe_digests(EIGHT)

    assert digests() == ALL_THREE


def test_a_day_without_any_change_is_a_day_without_mail(desk):
    book(desk, paris(2, 17))

    owe_digests(EIGHT)

    assert digests() == []


@pytest.mark.parametrize(
    ("hour", "minute", "told"), [(7, 59, False), (8, 1, False), (8, 2, True), (17, 59, True), (18, 0, False)]
)
def test_it_is_owed_from_eight_and_no_later_than_six_in_the_evening(desk, hour, minute, told):
    book(desk, paris(3, 17))

    owe_digests(paris(4, hour, minute))

    assert bool(digests()) is told


def test_what_happens_after_eight_is_told_the_day_after(desk):
    book(desk, paris(4, 8, 0))

    owe_digests(EIGHT)
    first = digests()
    owe_digests(paris(5, 8, 2))

    assert (first, digests()) == ([], ALL_THREE)


def test_five_sweeps_owe_it_once(desk):
    book(desk, paris(3, 17))

    for minute in range(2, 7):
        owe_digests(paris(4, 8, minute))

    assert digests() == ALL_THREE


def test_without_the_mark_the_key_still_owes_it_once(desk):
    book(desk, paris(3, 17))

    for minute in range(2, 5):
        owe_digests(paris(4, 8, minute))
        Heartbeat.objects.all().delete()

    assert digests() == ALL_THREE


def test_days_on_which_nothing_ran_are_told_with_the_next(desk):
    owe_digests(paris(4, 8, 2))
    book(desk, paris(4, 17))

    owe_digests(paris(7, 9))
    deliver_due(now=paris(7, 9))

    assert digests() == ALL_THREE
    assert f"2 places réservées depuis le 4{NB}mai à{NB}8{NB}h" in str(kept()[0]["Subject"])


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("Indian/Reunion", 4), ("America/Miquelon", 10), ("Pacific/Noumea", 21), ("Europe/Paris", 6)],
)
def test_eight_is_eight_on_the_clock_of_the_territory(desk, zone, utc):
    desk.territory.timezone = desk.slot.timezone = zone
    desk.territory.save()
    desk.slot.save()
    day = dt.date(2027, 5, 4)
    book(desk, at(day - dt.timedelta(days=1), 12, zone=zone))
    due = at(day, 8, 2, zone=zone)

    owe_digests(due - dt.timedelta(minutes=1))
    before = digests()
    owe_digests(due)

    assert due.hour == utc
    assert (before, digests()) == ([], ALL_THREE)


@pytest.mark.parametrize("day", [dt.date(2027, 3, 28), dt.date(2027, 10, 31)])
def test_the_nights_on_which_the_clock_changes_move_nothing(desk, day):
    desk.festival.starts_on = desk.festival.ends_on = dt.date(2027, 12, 1)
    desk.festival.save()
    desk.slot.set_time(day=dt.date(2027, 12, 1), start_time=dt.time(14), duration=45, timezone="Europe/Paris")
    book(desk, at(day - dt.timedelta(days=1), 8, 0))

    owe_digests(at(day, 8, 2))

    assert digests() == ALL_THREE
    assert Message.objects.first().context["since"] == at(day - dt.timedelta(days=1), 8).isoformat()


def test_the_edition_s_night_moves_it_to_the_morning_after(desk):
    desk.festival.quiet_until = dt.time(9, 30)
    desk.festival.save()
    book(desk, paris(3, 17))

    owe_digests(paris(4, 9, 29))
    before = digests()
    owe_digests(paris(4, 9, 32))

    assert (before, digests()) == ([], ALL_THREE)


def test_who_wants_none_is_owed_none(desk):
    book(desk, paris(3, 17))
    leave("camille@example.org", Scope.DIGESTS)
    leave("sacha@example.org", Scope.NAGS)

    owe_digests(EIGHT)

    assert digests() == ALL_THREE[1:]


def test_who_leaves_between_owing_and_sending_gets_none(desk):
    book(desk, paris(3, 17))
    owe_digests(EIGHT)
    leave("camille@example.org", Scope.DIGESTS)

    deliver_due(now=EIGHT)

    assert [mail["To"] for mail in kept()] == ["sacha@example.org", "dominique@example.org"]
    assert Message.objects.get(recipient="camille@example.org").status == "suppressed"


def test_who_cannot_sign_in_any_more_is_owed_none(desk):
    book(desk, paris(3, 17))
    desk.camille.is_active = False
    desk.camille.save()

    owe_digests(EIGHT)

    assert digests() == ALL_THREE[1:]


def test_a_slot_that_is_over_or_withdrawn_changes_nothing(desk):
    book(desk, paris(3, 17))
    desk.slot.state, desk.slot.cancelled_at = "cancelled", paris(3, 18)
    desk.slot.save()

    owe_digests(EIGHT)

    assert digests() == []


def test_it_says_what_changed_and_what_is_left(desk):
    book(desk, paris(3, 17), places=3)
    book(desk, paris(1, 9), places=1, status="cancelled", cancelled_at=paris(3, 20))
    f.RegistrationFactory(
        slot=desk.slot, status="waiting", confirmed_at=None, waiting_since=paris(4, 7), created_at=paris(4, 7)
    )
    desk.slot.taken, desk.slot.waiting = 11, 1
    desk.slot.save()
    owe_digests(EIGHT)

    deliver_due(now=EIGHT)

    french, english, team = kept()
    text = french.get_body(("plain",)).get_content()
    said = (
        f"3 places réservées, 1 place rendue et 1 nouvelle demande en liste d’attente depuis hier à{NB}8{NB}h"
    )
    assert french["Subject"] == f"Les Robots du Canal{NB}: {said}"
    assert "il reste 4 places sur 15, 1 demande attend" in text
    assert "Bonjour Camille," in text
    assert "places left of 15, 1 request waits" in english.get_body(("plain",)).get_content()
    assert team["Subject"] == f"Toulouse{NB}: {said}"
    for mail in (french, english, team):
        assert "List-Unsubscribe" in mail
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_a_host_typed_becomes_neither_link_nor_markup(desk):
    desk.activity.title_fr = "<b>Visite</b> http://exemple.org"
    desk.activity.save()
    book(desk, paris(3, 17))
    owe_digests(EIGHT)

    deliver_due(now=EIGHT)

    html = kept()[0].get_body(("html",)).get_content()
    assert "<b>" not in html
    assert "http://exemple.org" not in html


def test_a_digest_whose_bookings_are_all_withdrawn_is_not_sent(desk):
    booked = book(desk, paris(3, 17))
    owe_digests(EIGHT)
    booked.delete()

    deliver_due(now=EIGHT)

    assert set(Message.objects.values_list("status", flat=True)) == {"cancelled"}
    assert kept() == []


def test_one_host_and_three_hosts_cost_the_same_number_of_questions(desk):
    owe_digests(paris(3, 8, 2))
    book(desk, paris(3, 17))
    one = _questions(4)
    for _ in range(2):
        host = f.HostFactory(territory=desk.territory)
        HostMember.objects.create(host=host, user=f.UserFactory())
        slot = f.SlotFactory(activity=f.ActivityFactory(host=host, festival=desk.festival))
        f.RegistrationFactory(slot=slot, confirmed_at=paris(4, 12))
    book(desk, paris(4, 13))

    assert _questions(5) == one
    assert Message.objects.filter(kind="host_digest").count() == 2 + 4


def _questions(day: int) -> int:
    """How many a sweep asks the database at eight of that day."""
    with CaptureQueriesContext(connection) as asked:
        owe_digests(paris(day, 8, 2))
    return len(asked)

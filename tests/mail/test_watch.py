"""Mail that is held up is noted, told after two minutes, and told again once it flows."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from events.jobs import watch_mail
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.mail.watch import Why, how_mail_does, look_after_mail
from events.models import FestivalTeam, Heartbeat, Message, RelayState, TerritoryTeam
from tests import factories as f
from tests.factories import NOW
from tests.ground.receiver import Receiver
from tests.ground.smtp import SmtpSink
from tests.mail.conftest import kept

pytestmark = pytest.mark.django_db
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


def owe_one(key: str, now: dt.datetime = NOW, **facts: Any) -> Message:
    owe(kind="link", dedupe_key=key, recipient=f"{key}@example.org", locale="fr", now=now, **facts)
    return Message.objects.get(dedupe_key=key)


@pytest.fixture
def pager(settings: Any) -> Iterator[Receiver]:
    receiver = Receiver()
    settings.ALERT_URL = receiver.url
    yield receiver
    receiver.stop()


def states(pager: Receiver) -> list[tuple[str, int]]:
    told = [json.loads(one.body) for one in pager.told]
    return [(said["state"], said["late"]) for said in told]


def watch_through(minutes: float, *, begin: dt.datetime = NOW) -> None:
    """A look every half minute."""
    for n in range(int(minutes * 2) + 1):
        watch_mail(begin + n * 30 * SECOND)


# What counts as held up -------------------------------------------------------------------------------------


def test_an_empty_outbox_flows():
    assert how_mail_does(NOW).is_held_up is False


def test_a_mail_due_for_two_minutes_while_nothing_moves_is_held_up():
    owe_one("a")

    assert [how_mail_does(NOW + n * SECOND).is_held_up for n in (0, 60, 119, 120)] == [
        False,
        False,
        False,
        True,
    ]
    health = how_mail_does(NOW + 2 * MINUTE)
    assert (health.why, health.due, health.since) == (Why.LATE, 1, NOW)


def test_a_relay_that_fails_is_told_of_even_where_nobody_has_noted_since_when():
    owe_one("a")
    RelayState.objects.create(pk=1, failures=4, reason="refused", paused_until=NOW + 5 * MINUTE)

    health = how_mail_does(NOW + 2 * MINUTE)

    assert (health.is_held_up, health.why, health.since) == (True, Why.RELAY, NOW)


@pytest.mark.parametrize("sign", ["sent", "begun"])
def test_many_due_mails_that_move_are_not_held_up(sign):
    for key in "abc":
        owe_one(key)
    later = NOW + 10 * MINUTE
    if sign == "sent":
        RelayState.objects.create(pk=1, last_sent_at=later - 30 * SECOND)
    else:
        Message.objects.filter(dedupe_key="a").update(
            status="sending",
            lease_token="12345678123456781234567812345678",
            lease_until=later + MINUTE,
            data_started_at=later - 5 * SECOND,
        )

    assert how_mail_does(later).is_held_up is False


def test_a_mail_for_later_holds_nothing_up():
    owe_one("a", send_at=NOW + dt.timedelta(days=1))

    assert how_mail_does(NOW + dt.timedelta(hours=1)).is_held_up is False


def test_sweeps_that_stopped_hold_mail_up_even_while_nothing_is_due():
    Heartbeat.objects.create(name="deliver_due", at=NOW)

    before, after = (how_mail_does(NOW + minutes * MINUTE) for minutes in (10, 11))

    assert before.is_held_up is False
    assert (after.is_held_up, after.why, after.since) == (True, Why.SWEEPS, NOW)


def test_sweeps_that_stopped_are_the_reason_why_what_is_due_does_not_move():
    Heartbeat.objects.create(name="deliver_due", at=NOW - 5 * MINUTE)
    owe_one("a")

    assert how_mail_does(NOW + MINUTE).is_held_up is False
    health = how_mail_does(NOW + 2 * MINUTE)
    assert (health.is_held_up, health.why, health.since) == (True, Why.SWEEPS, NOW)


# The watch --------------------------------------------------------------------------------------------------


def test_a_relay_that_is_gone_is_told_after_two_minutes_and_again_every_hour(pager, relay, caplog):
    owe_one("a", visitor=f.VisitorFactory(email="a@example.org"))
    relay.stop()
    deliver_due(now=NOW)

    with caplog.at_level(logging.ERROR, logger="events.mail.watch"):
        watch_through(1.5)
        early = states(pager)
        watch_through(75, begin=NOW + 2 * MINUTE)

    assert early == []
    assert states(pager) == [("held up", 1), ("held up", 1)]
    assert len([record for record in caplog.records if record.name == "events.mail.watch"]) == 2


@pytest.mark.django_db(transaction=True)  # asked in a thread of its own, which knows what is committed
@pytest.mark.parametrize("ran_once", [True, False])
def test_with_every_worker_dead_it_is_told_by_who_asks_whether_the_site_is_ready(pager, client, ran_once):
    if ran_once:
        Heartbeat.objects.create(name="deliver_due", at=NOW)
    owe_one("a")

    for seconds in (0, 60, 119, 120, 130, 140, 600):
        with time_machine.travel(NOW + seconds * SECOND, tick=False):
            assert client.get("/readyz").status_code == 200
    until = time.monotonic() + 60
    while not pager.told and time.monotonic() < until:
        time.sleep(0.01)

    assert states(pager) == [("held up", 1)]


def test_one_look_alone_tells_nobody(pager):
    owe_one("a")

    watch_mail(NOW + 10 * MINUTE)
    first = states(pager)
    watch_mail(NOW + 10 * MINUTE + 30 * SECOND)

    assert (first, states(pager)) == ([], [("held up", 1)])


def test_what_is_told_names_no_address_and_no_answer_of_the_relay(pager, relay):
    owe_one("camille")
    RelayState.objects.create(pk=1, failures=1, reason="553 <festival@example.org> refused")

    watch_through(3)

    said = pager.told[0].body.decode()
    assert "@" not in said
    assert "553" not in said
    assert pager.told[0].path == "/festival?of=ours"


def test_two_watches_beside_each_other_tell_it_once(pager):
    owe_one("a")
    look_after_mail(NOW + 3 * MINUTE)
    before = how_mail_does(NOW + 4 * MINUTE)

    look_after_mail(NOW + 4 * MINUTE)
    look_after_mail(before.now)

    assert states(pager) == [("held up", 1)]


@pytest.mark.parametrize("harm", ["gone", "refuses", "drips"])
def test_a_pager_that_does_not_answer_holds_nothing_up(pager, harm, monkeypatch):
    monkeypatch.setattr("events.mail.watch.POST_LASTS", 0.5)
    if harm == "gone":
        pager.stop()
    elif harm == "refuses":
        pager.answer = 500
    else:
        pager.drip = 0.1
    owe_one("a")

    watch_through(5)

    assert RelayState.objects.get().alerted_at is not None


def test_a_short_hiccup_is_told_to_nobody(pager, team):
    owe_one("a")
    look_after_mail(NOW + 70 * SECOND)
    deliver_due(now=NOW + 80 * SECOND)

    look_after_mail(NOW + 90 * SECOND)

    assert states(pager) == []
    assert RelayState.objects.get().stuck_since is None
    assert not Message.objects.filter(kind="mail_stuck").exists()


# Once it flows again ----------------------------------------------------------------------------------------


@pytest.fixture
def team(db: None) -> SimpleNamespace:
    """Toulouse and Lille each have an organiser; the edition has a national team of one."""
    festival = f.FestivalFactory()
    toulouse, lille = f.TerritoryFactory(name="Toulouse"), f.TerritoryFactory(name="Lille")
    for territory, name in ((toulouse, "toulouse"), (lille, "lille")):
        TerritoryTeam.objects.create(
            territory=territory, user=f.UserFactory(email=f"{name}@example.org", name="Alix Relais")
        )
    FestivalTeam.objects.create(festival=festival, user=f.UserFactory(email="national@example.org"))
    return SimpleNamespace(toulouse=toulouse, lille=lille)


def held_up_for_an_hour(team: SimpleNamespace, relay: SmtpSink) -> dt.datetime:
    """Two mails of Toulouse wait until the relay is back; when that is."""
    for key in ("a", "b"):
        owe_one(key, territory=team.toulouse, visitor=f.VisitorFactory(email=f"{key}@example.org"))
    relay.stop()
    deliver_due(now=NOW)
    watch_through(60)
    relay.start()
    back = NOW + 61 * MINUTE
    assert deliver_due(now=back).sent == 2
    return back


def test_once_it_flows_again_those_whose_mails_were_late_are_told(pager, relay, team):
    back = held_up_for_an_hour(team, relay)

    look_after_mail(back)
    look_after_mail(back + 30 * SECOND)

    owed = Message.objects.filter(kind="mail_stuck").order_by("recipient")
    assert [(one.recipient, one.context["late"]) for one in owed] == [
        ("national@example.org", 2),
        ("toulouse@example.org", 2),
    ]
    assert states(pager)[-1] == ("flows", 2)
    assert RelayState.objects.get().stuck_since is None


def test_the_mail_says_from_when_until_when_and_how_many(relay, team, settings):
    back = held_up_for_an_hour(team, relay)
    look_after_mail(back)
    settings.KEEP_MAILS_ON_SITE = True

    deliver_due(now=back)

    mail = next(one for one in kept() if one["To"] == "toulouse@example.org")
    text = mail.get_body(("plain",)).get_content()
    assert "2 messages partis en retard" in str(mail["Subject"]).replace("\u00a0", " ")
    assert "lundi 3 mai, 10 h – 11 h 01" in str(mail["Subject"]).replace("\u00a0", " ")
    assert "2 messages de Toulouse" in text
    assert f"/organisation/{team.toulouse.slug}/etat/" in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_after_the_first_look_a_page_asks_one_question(django_assert_num_queries):
    look_after_mail(NOW)

    with django_assert_num_queries(1):
        how_mail_does(NOW)

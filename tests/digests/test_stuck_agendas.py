"""An agenda that waits for somebody: its organisers are written to once for each spell of each cause."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from events.digests import owe_digests
from events.mail.deliver import deliver_due
from events.mail.suppressions import stop
from events.models import AgendaSource, FestivalTeam, Message, Suppression, TerritoryTeam
from tests import factories as f
from tests.mail.conftest import kept

from .conftest import paris

NB = "\u00a0"
TEN = paris(4, 10)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def agenda(desk: SimpleNamespace) -> AgendaSource:
    return AgendaSource.objects.create(
        territory=desk.territory,
        festival=desk.festival,
        url="https://api.agenda.example/v2/events?key=secret",
        next_check_at=TEN,
    )


def now_is(agenda: AgendaSource, **values: Any) -> None:
    AgendaSource.objects.filter(pk=agenda.pk).update(**values)


def told() -> list[str]:
    rows = Message.objects.filter(kind="agenda_stuck").order_by("pk")
    return [recipient.partition("@")[0] for recipient in rows.values_list("recipient", flat=True)]


def test_what_is_held_for_an_hour_is_told_once(agenda: AgendaSource) -> None:
    now_is(agenda, held_at=TEN, held_gone=43, held_known=60)

    owe_digests(TEN + HOUR / 2)
    assert told() == []

    for hours in (1, 2, 26, 24 * 20):
        owe_digests(TEN + hours * HOUR)
    assert told() == ["dominique"]


def test_the_mail_says_how_many_would_go_and_keeps_the_key_of_the_address(agenda: AgendaSource) -> None:
    now_is(agenda, held_at=TEN, held_gone=43, held_known=60)

    owe_digests(TEN + HOUR)
    deliver_due(now=TEN + HOUR)

    [mail] = kept()
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == f"Toulouse{NB}: un agenda retirerait 43 créneaux, il attend votre accord"
    assert f"/organisation/toulouse/echanges/#agenda-{agenda.pk}" in text
    assert "secret" not in mail.as_string()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_brings_nothing_for_a_day_is_told_once_for_each_spell(agenda: AgendaSource) -> None:
    now_is(agenda, failing_since=TEN)

    owe_digests(TEN + 23 * HOUR)
    assert told() == []
    owe_digests(TEN + DAY)
    owe_digests(TEN + 2 * DAY)
    assert told() == ["dominique"]

    now_is(agenda, failing_since=None)
    owe_digests(TEN + 3 * DAY)
    now_is(agenda, failing_since=TEN + 3 * DAY)
    owe_digests(TEN + 4 * DAY)
    assert told() == ["dominique", "dominique"]


def test_the_two_causes_are_told_apart(agenda: AgendaSource) -> None:
    now_is(agenda, held_at=TEN, held_gone=43, held_known=60, failing_since=TEN)

    owe_digests(TEN + DAY)

    assert told() == ["dominique", "dominique"]
    assert {message.context["cause"] for message in Message.objects.all()} == {"held", "silent"}


@pytest.mark.parametrize(
    ("stuck", "over"),
    [
        ({"held_at": TEN, "held_gone": 43}, {"held_at": None, "held_gone": 0}),
        ({"held_at": TEN, "held_gone": 43}, {"allowed_gone": 43}),
        ({"held_at": TEN, "held_gone": 43}, {"is_active": False}),
        ({"failing_since": TEN - DAY}, {"failing_since": None}),
        ({"failing_since": TEN - DAY}, {"is_active": False}),
    ],
    ids=["whole again", "allowed", "paused", "it answers", "paused while silent"],
)
def test_a_mail_whose_cause_is_gone_is_not_sent(
    agenda: AgendaSource, stuck: dict[str, Any], over: dict[str, Any]
) -> None:
    now_is(agenda, **stuck)
    owe_digests(TEN + HOUR)
    now_is(agenda, **over)

    deliver_due(now=TEN + HOUR)

    assert kept() == []
    assert Message.objects.get().status == Message.Status.CANCELLED


def test_in_the_night_it_waits_for_the_morning(agenda: AgendaSource) -> None:
    now_is(agenda, held_at=paris(4, 22), held_gone=43, held_known=60)

    owe_digests(paris(4, 23))

    assert Message.objects.get().next_attempt_at == paris(5, 8)


def test_nobody_is_written_to_who_left_these_mails(agenda: AgendaSource) -> None:
    stop("dominique@example.org", Suppression.Scope.ALERTS, Suppression.Reason.UNSUBSCRIBED, now=TEN)
    now_is(agenda, held_at=TEN, held_gone=43, held_known=60)

    owe_digests(TEN + HOUR)

    assert told() == []


def test_where_a_territory_has_no_organiser_the_national_team_is_told(
    agenda: AgendaSource, desk: SimpleNamespace
) -> None:
    desk.festival.territories.add(desk.territory)
    FestivalTeam.objects.create(festival=desk.festival, user=f.UserFactory(email="alix@example.org"))
    TerritoryTeam.objects.all().delete()
    now_is(agenda, held_at=TEN, held_gone=43, held_known=60)

    owe_digests(TEN + HOUR)

    assert told() == ["alix"]


def test_once_the_edition_is_over_nobody_is_told(agenda: AgendaSource, desk: SimpleNamespace) -> None:
    now_is(agenda, failing_since=TEN)

    owe_digests(TEN + 60 * DAY)

    assert told() == []

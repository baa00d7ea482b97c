"""What the mails of a ballot say, in both languages, read by the standard library's parser."""

from __future__ import annotations

import datetime as dt
import uuid
from email.message import EmailMessage

import pytest

from events.mail.deliver import deliver_due
from events.models import Activity, Ballot, BallotEntry, Message, Mode, Registration, Slot
from events.registration.ballot import enter_ballot, withdraw_entry
from events.registration.cancel import cancel_registration
from events.registration.drawing import draw_ballot
from tests.factories import NOW, ActivityFactory, BallotFactory, SlotFactory
from tests.mail.conftest import kept

pytestmark = [pytest.mark.once, pytest.mark.django_db]
AFTER = NOW + dt.timedelta(days=1)
NB = "\u00a0"


@pytest.fixture
def slots() -> list[Slot]:
    """Two slots of one place each, at 9 h and 14 h, in the ballot « Les ateliers rares »."""
    ballot = BallotFactory(
        name_fr="Les ateliers rares", name_en="The rare workshops", slug="rares", most_wins=2
    )
    activity = ActivityFactory(
        festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT,
        title_fr="Un robot au jardin", title_en="A robot in the garden",
    )  # fmt: skip
    return [SlotFactory(activity=activity, start_time=dt.time(hour), capacity=1) for hour in (9, 14)]


def ballot_of(slots: list[Slot]) -> Ballot:
    activity: Activity = slots[0].activity
    assert activity.ballot is not None
    return activity.ballot


def enter(slots: list[Slot], email: str = "camille@example.org", locale: str = "fr") -> BallotEntry:
    return enter_ballot(
        ballot_id=ballot_of(slots).pk, email=email, party_size=1, wishes=[slot.pk for slot in slots],
        submission_id=uuid.uuid4(), now=NOW, locale=locale,
    )  # fmt: skip


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def drawn(slots: list[Slot]) -> list[EmailMessage]:
    """The mails of a draw, winner first."""
    deliver_due(now=NOW)
    before = len(kept())
    draw_ballot(ballot_id=ballot_of(slots).pk, now=AFTER)
    deliver_due(now=AFTER)
    return sorted(
        kept()[before:], key=lambda mail: "gagné" not in mail["Subject"] and "won" not in mail["Subject"]
    )


@pytest.mark.parametrize(
    ("locale", "subject", "title", "button"),
    [
        (
            "fr",
            f"Votre participation{NB}: Les ateliers rares",
            "Vous participez au tirage",
            "Voir ou changer mes vœux",
        ),
        ("en", "You take part: The rare workshops", "You take part in the ballot", "See or change my wishes"),
    ],
)
def test_entering(slots: list[Slot], locale: str, subject: str, title: str, button: str) -> None:
    entry = enter(slots, locale=locale)

    deliver_due(now=NOW)

    (mail,) = kept()
    assert mail["Subject"] == subject
    for said in (text_of(mail), html_of(mail)):
        assert title in said
        assert button in said
        assert str(entry.code) in said
        assert "/tirage/" in said
    assert [part for part in mail.walk() if part.get_content_type() == "text/calendar"] == []


@pytest.mark.parametrize(
    ("locale", "won"), [("fr", "Vous avez gagné 2 visites"), ("en", "You have won 2 visits")]
)
def test_winning_brings_the_tickets_and_a_calendar(slots: list[Slot], locale: str, won: str) -> None:
    enter(slots, locale=locale)

    (mail,) = drawn(slots)

    assert mail["Subject"].startswith(won)
    references = Registration.objects.values_list("reference", flat=True)
    assert all(reference in text_of(mail) for reference in references)
    (calendar,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert str(calendar.get_content()).count("BEGIN:VEVENT") == 2


def test_one_win_is_named_in_the_subject(slots: list[Slot]) -> None:
    enter(slots[:1])

    (mail,) = drawn(slots)

    assert mail["Subject"] == f"Vous avez gagné{NB}: Un robot au jardin, jeudi{NB}10{NB}juin à{NB}9{NB}h"
    (calendar,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert calendar.get_param("method") == "REQUEST"


@pytest.mark.parametrize(
    ("locale", "subject", "rank"),
    [
        ("fr", f"Tirage fait{NB}: Les ateliers rares", "1er sur la liste"),
        ("en", "Drawn: The rare workshops", "1st on the list"),
    ],
)
def test_losing_says_the_rank_on_each_list(slots: list[Slot], locale: str, subject: str, rank: str) -> None:
    for number in range(2):
        enter(slots, f"v{number}@example.org", locale=locale)

    _won, lost = drawn(slots)

    assert lost["Subject"] == subject
    assert text_of(lost).count(rank) == 2
    assert html_of(lost).count(rank) == 2


def test_what_has_been_withdrawn_or_given_back_is_not_written_about(slots: list[Slot]) -> None:
    gone = enter(slots[:1], "gone@example.org")
    enter(slots[1:])
    withdraw_entry(entry_id=gone.pk, now=NOW)
    draw_ballot(ballot_id=ballot_of(slots).pk, now=AFTER)
    cancel_registration(registration_id=Registration.objects.confirmed().get().pk, now=AFTER)

    deliver_due(now=AFTER)

    states = dict(Message.objects.filter(ballot_entry=gone).values_list("kind", "status"))
    assert states == {"ballot_entered": "cancelled"}
    assert Message.objects.get(kind="ballot_won").status == "cancelled"

"""Organisers find out why somebody gets no mail, and mend what they may mend."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from django.test import Client

from events.links import hash_of_address
from events.mail.suppressions import Reason, Scope, is_stopped, stop
from events.models import DeliveryEvent, JournalEntry, Suppression
from tests.factories import NOW

ADDRESS = "camille@example.org"
PAGE = "/organisation/toulouse/courriels/adresses/"


def words(response: Any) -> str:
    return " ".join(response.content.decode().split("<main")[1].split("</main")[0].split())


def test_the_list_shows_hashes_and_no_address(desk: Client) -> None:
    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=NOW, detail="550 5.1.1 user unknown")

    page = words(desk.get(PAGE))

    assert hash_of_address(ADDRESS)[:12] in page
    assert "550 5.1.1 user unknown" in page
    assert "camille" not in page


def test_an_address_is_looked_up_as_it_is_typed(desk: Client) -> None:
    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=NOW)

    page = words(desk.post(PAGE, {"email": " Camille@Example.org"}))

    assert "camille@example.org est dans la liste" in page
    assert 'value="lift"' in page


def test_an_address_that_nothing_stops_is_said_so(desk: Client) -> None:
    page = words(desk.post(PAGE, {"email": ADDRESS}))

    assert "Rien n’arrête les messages pour camille@example.org" in page
    assert 'value="lift"' not in page


def test_a_bounce_is_lifted_and_the_journal_knows_by_whom(desk: Client, place: SimpleNamespace) -> None:
    stop(ADDRESS, Scope.ALL, Reason.BOUNCED, now=NOW)
    DeliveryEvent.objects.create(
        provider="smtp",
        event_id="x",
        kind="bounced",
        email_hash=hash_of_address(ADDRESS),
        at=NOW - dt.timedelta(days=1),
        received_at=NOW,
    )

    page = words(desk.post(PAGE, {"email": ADDRESS, "do": "lift"}, follow=True))

    assert "Les messages partent de nouveau vers camille@example.org" in page
    assert not Suppression.objects.exists()
    assert not DeliveryEvent.objects.exists()
    entry = JournalEntry.objects.get()
    assert (entry.verb, entry.actor, entry.text) == (
        "mail_allowed",
        place.organiser,
        hash_of_address(ADDRESS)[:12],
    )


def test_what_the_reader_said_is_not_lifted_by_others(desk: Client) -> None:
    stop(ADDRESS, Scope.REMINDERS, Reason.UNSUBSCRIBED, now=NOW)
    stop(ADDRESS, Scope.BROADCASTS, Reason.COMPLAINED, now=NOW)

    page = words(desk.post(PAGE, {"email": ADDRESS, "do": "lift"}))

    assert Suppression.objects.count() == 2
    assert 'value="lift"' not in page


def test_mail_is_stopped_by_hand_and_allowed_again(desk: Client) -> None:
    desk.post(PAGE, {"email": ADDRESS, "do": "stop"})
    assert is_stopped(ADDRESS, Scope.REMINDERS, now=NOW)

    desk.post(PAGE, {"email": ADDRESS, "do": "lift"})

    assert not is_stopped(ADDRESS, Scope.REMINDERS, now=NOW)


def test_what_is_no_address_is_told_at_the_field(desk: Client) -> None:
    response = desk.post(PAGE, {"email": "camille", "do": "stop"})

    assert response.status_code == 422
    assert not Suppression.objects.exists()


def test_nobody_goes_through_a_list_of_addresses(desk: Client) -> None:
    for number in range(60):
        desk.post(PAGE, {"email": f"a{number}@example.org"})

    response = desk.post(PAGE, {"email": ADDRESS})

    assert response.status_code == 422
    assert "Cela fait beaucoup d’adresses en une heure" in words(response)

"""The organisers' outbox: every mail of the territory with its state and why, read, sent again."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.mail.again import AGAIN
from events.mail.answers import SAID_BY_THE_SITE, read_answer
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.models import DeliveryEvent, JournalEntry, Message, Registration
from tests.factories import DAY, NOW, RegistrationFactory, SlotFactory, VisitorFactory
from tests.mail.conftest import kept

from .conftest import a_slot

Kind, Status = Message.Kind, Message.Status


def url(name: str, *arguments: object) -> str:
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def booked(place: SimpleNamespace, email: str = "ada@example.org", **fields: Any) -> Registration:
    """A confirmed visit of the territory."""
    slot = fields.pop("slot", None) or place.activity.slots.first() or a_slot(place)
    return RegistrationFactory(slot=slot, visitor=VisitorFactory(email=email), name="Ada Martin", **fields)


def mail(registration: Registration, kind: str = Kind.CONFIRMATION, **fields: Any) -> Message:
    key = f"{kind}:{registration.pk}:{Message.objects.count()}"
    owe(
        kind=kind,
        dedupe_key=f"{key}:{registration.slot.revision}",
        recipient=registration.visitor.email,
        locale="fr",
        now=NOW,
        registration=registration,
    )
    made = Message.objects.latest("pk")
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    return made


def addresses(page: Any) -> list[str]:
    return [row.recipient for row, _answer in page.context["rows"]]


# All of them ------------------------------------------------------------------------------------------------


def test_every_mail_stands_there_with_its_state_and_why(desk: Client, place: SimpleNamespace) -> None:
    mail(booked(place), status=Status.FAILED, last_answer="550 5.1.1 <ada@example.org> unknown")
    mail(booked(place, "bob@example.org"), status=Status.CANCELLED, last_answer="the slot has changed again")
    mail(booked(place, "eva@example.org"), status=Status.SENT, sent_at=NOW, last_answer="250 queued as 7")

    page = desk.get(url("messages"))

    said = page.content.decode()
    assert addresses(page) == ["eva@example.org", "bob@example.org", "ada@example.org"]
    assert page.context["counts"] == [
        ("sent", Status.SENT.label, 1),
        ("failed", Status.FAILED.label, 1),
        ("cancelled", Status.CANCELLED.label, 1),
    ]
    assert "550 5.1.1 &lt;ada@example.org&gt; unknown" in said
    assert "Le créneau a encore changé." in said
    assert "250 queued" not in said
    assert f'href="{url("reminders")}"' in said
    assert "Les courriels partent." in said
    assert f'href="{url("status")}"' in said


def test_another_territory_s_mails_are_not_there(desk: Client, place: SimpleNamespace) -> None:
    elsewhere = RegistrationFactory(slot=SlotFactory())
    there = mail(elsewhere)
    assert there.territory != place.territory

    assert addresses(desk.get(url("messages"))) == []
    assert desk.get(url("mail", there.pk)).status_code == 404


def test_mails_are_found_by_state_kind_day_slot_and_words(desk: Client, place: SimpleNamespace) -> None:
    ada = booked(place, reference="ABCD-2345")
    mail(ada, status=Status.FAILED)
    tomorrow = SlotFactory(activity=place.activity, day=DAY + dt.timedelta(days=1), start_time=dt.time(9))
    bob = booked(place, "bob@example.org", slot=tomorrow)
    mail(bob, Kind.REMINDER)

    def found(**asked: object) -> list[str]:
        return addresses(desk.get(url("messages"), asked))

    assert found(etat="failed") == ["ada@example.org"]
    assert found(nature="reminder") == ["bob@example.org"]
    assert found(jour="2027-06-11") == ["bob@example.org"]
    assert found(creneau=ada.slot_id) == ["ada@example.org"]
    assert found(q="BOB@example") == ["bob@example.org"]
    assert found(q="abcd2345") == ["ada@example.org"]
    assert found(q="jardinier") == ["bob@example.org", "ada@example.org"]
    assert found(q="nirgends") == []
    assert found(etat="brûlé", nature="x", jour="hier", creneau="un", apres="deux") == [
        "bob@example.org",
        "ada@example.org",
    ]


def test_the_counts_are_those_of_the_search_whatever_the_state(desk: Client, place: SimpleNamespace) -> None:
    mail(booked(place), status=Status.FAILED)
    mail(booked(place, "bob@example.org"))

    page = desk.get(url("messages"), {"etat": "failed", "q": "bob@"})

    assert page.context["counts"] == [("pending", Status.PENDING.label, 1)]
    assert addresses(page) == []


def test_the_pages_follow_each_other_without_a_gap(
    desk: Client, place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.views.organiser_mails.PAGE", 2)
    slot = a_slot(place)
    made = [mail(booked(place, f"p{n}@example.org", slot=slot)).recipient for n in range(5)]

    seen, after = [], ""
    for _page in range(3):
        page = desk.get(url("messages"), {"apres": after} if after else {})
        seen += addresses(page)
        after = page.context["next_mark"]

    assert seen == made[::-1]
    assert after is None


def test_three_mails_cost_as_many_queries_as_one(desk: Client, place: SimpleNamespace) -> None:
    slot = a_slot(place)
    mail(booked(place, slot=slot))
    desk.get(url("messages"))
    with CaptureQueriesContext(connection) as one:
        desk.get(url("messages"))
    mail(booked(place, "bob@example.org", slot=slot))
    mail(booked(place, "eva@example.org", slot=slot), status=Status.FAILED)
    with CaptureQueriesContext(connection) as three:
        desk.get(url("messages"))

    assert len(three) == len(one)


# One of them ------------------------------------------------------------------------------------------------


def test_a_mail_shows_what_it_says_now_with_real_data(desk: Client, place: SimpleNamespace) -> None:
    page = desk.get(url("mail", mail(booked(place)).pk))

    shown = page.context["shown"]
    assert "Un robot jardinier" in shown.subject
    assert "Bonjour Ada," in shown.text
    assert "Bonjour Ada," in shown.html
    assert shown.files == ["visite.ics"]
    assert 'sandbox=""' in page.content.decode()


def test_secret_links_are_blotted_out_and_lead_nowhere(desk: Client, place: SimpleNamespace) -> None:
    """The mail itself holds them: without the blot this test fails."""
    registration = booked(place)
    made = mail(registration)

    page = desk.get(url("mail", made.pk)).content.decode()

    deliver_due(now=NOW)
    token = registration.visitor.token
    body = kept()[-1].get_body(("plain",))
    assert body is not None
    assert token in body.get_content()
    assert token not in page
    assert "/mes-visites/…/" in page
    assert set(re.findall(r"href=&quot;(.*?)&quot;", page)) == {"#"}


def test_the_letter_s_style_is_let_in_by_its_hash_alone(desk: Client, place: SimpleNamespace) -> None:
    page = desk.get(url("mail", mail(booked(place)).pk))

    policy = page.headers["Content-Security-Policy"]
    style = next(part for part in policy.split("; ") if part.startswith("style-src"))
    assert page.context["shown"].style_hashes[0] in style
    assert "unsafe" not in policy


def test_what_cannot_be_written_says_so(desk: Client, place: SimpleNamespace) -> None:
    made = mail(booked(place))
    Message.objects.filter(pk=made.pk).update(kind=Kind.MOVED)

    page = desk.get(url("mail", made.pk))

    assert page.status_code == 200
    assert page.context["shown"].problem


def test_what_the_provider_told_and_what_stands_against_it_are_there(
    desk: Client, place: SimpleNamespace
) -> None:
    registration = booked(place)
    made = mail(registration)
    DeliveryEvent.objects.create(
        provider="x",
        event_id="1",
        kind="bounced",
        message=made,
        email_hash="",
        detail="no such user",
        at=NOW,
        received_at=NOW,
    )
    Registration.objects.filter(pk=registration.pk).update(status="cancelled", cancelled_at=NOW)

    page = desk.get(url("mail", made.pk)).content.decode()

    assert "no such user" in page
    assert "En l’état, il ne sera pas envoyé." in page
    assert "La place a été rendue." in page


# Again ------------------------------------------------------------------------------------------------------


def again(desk: Client, message: Message, **posted: object) -> str:
    page = desk.post(url("mail_again", message.pk), posted, follow=True)
    return " ".join(str(said) for said in page.context["messages"]).replace("\u00a0", " ")


def test_a_mail_goes_again_as_a_message_of_its_own_to_the_present_address(
    desk: Client, place: SimpleNamespace
) -> None:
    registration = booked(place)
    first = mail(registration, status=Status.FAILED)
    registration.visitor.email = "ada.neuf@example.org"
    registration.visitor.save()

    said = again(desk, first, fois=0)

    second = Message.objects.latest("pk")
    assert "quelques secondes" in said
    assert second.pk != first.pk
    assert second.message_id != first.message_id
    assert (second.recipient, second.kind, second.status) == (
        "ada.neuf@example.org",
        Kind.CONFIRMATION,
        Status.PENDING,
    )
    assert second.territory == place.territory
    assert JournalEntry.objects.get(verb="mail_again").actor == place.organiser
    page = desk.get(url("mail", first.pk))
    assert [one.pk for one, _answer in page.context["again"]] == [second.pk]
    assert desk.get(url("mail", second.pk)).context["first"] == first


def test_a_double_click_sends_one(desk: Client, place: SimpleNamespace) -> None:
    first = mail(booked(place), status=Status.SENT, sent_at=NOW)

    again(desk, first, fois=0)
    again(desk, first, fois=0)
    assert Message.objects.count() == 2

    again(desk, first, fois=1)
    assert Message.objects.count() == 3


def test_nobody_is_bombed_by_a_button(desk: Client, place: SimpleNamespace) -> None:
    registration = booked(place)
    mails = [mail(registration, status=Status.FAILED) for _n in range(4)]

    said = [again(desk, one, fois=0) for one in mails]

    assert Message.objects.filter(dedupe_key__startswith="again:").count() == 3
    assert said[3] == "Cela ne peut pas être fait plus souvent dans une journée."


def test_what_is_no_longer_true_is_not_sent_again(desk: Client, place: SimpleNamespace) -> None:
    registration = booked(place)
    first = mail(registration, status=Status.FAILED)
    Registration.objects.filter(pk=registration.pk).update(status="cancelled", cancelled_at=NOW)

    assert again(desk, first, fois=0) == "Il n’a pas été renvoyé. La place a été rendue."
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.CONFIRM_ADDRESS, Status.FAILED),
        (Kind.NEW_ADDRESS, Status.FAILED),
        (Kind.BROADCAST, Status.FAILED),
        (Kind.CONFIRMATION, Status.PENDING),
        (Kind.CONFIRMATION, Status.CANCELLED),
        (Kind.CONFIRMATION, Status.SUPPRESSED),
    ],
)
def test_what_makes_no_sense_twice_is_refused(
    desk: Client, place: SimpleNamespace, kind: str, status: str
) -> None:
    first = mail(booked(place))
    Message.objects.filter(pk=first.pk).update(kind=kind, status=status)

    again(desk, first, fois=0)
    assert Message.objects.count() == 1


def test_a_mail_of_a_moved_slot_keeps_the_revision_it_speaks_of(desk: Client, place: SimpleNamespace) -> None:
    registration = booked(place)
    was = registration.slot.starts_at.isoformat()
    first = mail(registration, Kind.SLOT_MOVED, status=Status.FAILED, context={"old_starts_at": was})

    again(desk, first, fois=0)

    assert Message.objects.latest("pk").dedupe_key == f"again:{first.pk}:0:{registration.slot.revision}"
    assert Kind.SLOT_MOVED in AGAIN


# Words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", SAID_BY_THE_SITE)
def test_what_the_site_says_of_a_mail_is_said_in_french(said: str) -> None:
    assert read_answer(said).words.lower() != f"{said}."
    assert read_answer(said).quoted == ""


def test_what_a_relay_says_is_quoted() -> None:
    assert read_answer("550 no; once more").quoted == "550 no"
    assert "Message-ID" in read_answer("550 no; once more").words
    assert read_answer("cannot be composed: KeyError: 'x'").quoted == "KeyError: 'x'"
    assert read_answer("bounced: mailbox full").quoted == "mailbox full"


def test_every_reason_of_the_rules_has_its_words() -> None:
    """What stands in quotes behind a status in ``events/mail`` is known to ``answers``."""
    source = "".join(path.read_text() for path in Path("events/mail").glob("*.py"))
    reasons = set(re.findall(r'return Status\.[A-Z]+, "([^"]+)"', source))

    assert reasons
    assert reasons <= set(SAID_BY_THE_SITE)

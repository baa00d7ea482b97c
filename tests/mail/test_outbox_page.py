"""The mails kept on the site, and the reminders to come: only where nothing leaves; nothing runs in them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.models import KeptMail, Message
from events.reminders import default_reminder_rules
from tests import factories as f
from tests.factories import NOW


@pytest.fixture
def mail(visit: SimpleNamespace) -> KeptMail:
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="confirm:1:0",
        recipient="camille@example.org",
        locale="fr",
        now=NOW,
        registration=visit.registration,
    )
    deliver_due(now=NOW)
    return KeptMail.objects.get()


def pages(pk: int = 1) -> list[str]:
    return [
        reverse("events:outbox"),
        reverse("events:outbox_mail", args=[pk]),
        reverse("events:outbox_letter", args=[pk]),
        reverse("events:outbox_file", args=[pk, 0]),
    ]


def test_the_pages_show_what_was_sent_and_what_will_be(
    mail: KeptMail, visit: SimpleNamespace, client: Client
) -> None:
    default_reminder_rules(visit.festival)

    page = client.get(reverse("events:outbox")).content.decode()

    assert mail.subject in page
    rules = re.findall(r'<td data-l="Règle">(.*?)</td>', page)
    assert [rule.replace("\u00a0", " ") for rule in rules] == ["J − 7", "J − 1", "H − 3"]


def test_two_visits_of_a_day_are_planned_as_the_one_mail_they_will_be(
    mail: KeptMail, visit: SimpleNamespace, client: Client
) -> None:
    default_reminder_rules(visit.festival)
    slot = visit.registration.slot
    other = f.SlotFactory(
        activity__festival=visit.festival,
        activity__title_fr="Le four solaire",
        day=slot.day,
        start_time=dt.time(17),
    )
    f.RegistrationFactory(visitor=visit.registration.visitor, slot=other, confirmed_at=NOW)

    page = client.get(reverse("events:outbox")).content.decode()

    rules = re.findall(r'<td data-l="Règle">(.*?)</td>', page)
    assert [rule.replace("\u00a0", " ") for rule in rules] == ["J − 7", "J − 1", "H − 3"]
    assert page.count("Le four solaire") == 3


def test_one_mail_shows_its_letter_its_text_and_its_file(mail: KeptMail, client: Client) -> None:
    page = client.get(reverse("events:outbox_mail", args=[mail.pk]))

    assert "Votre inscription est confirmée" in page.content.decode()
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page.content.decode()
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    file = client.get(reverse("events:outbox_file", args=[mail.pk, 0]))
    assert file["Content-Disposition"] == 'attachment; filename="visite.ics"'
    assert file.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert client.get(reverse("events:outbox_file", args=[mail.pk, 1])).status_code == 404


def test_nothing_but_the_letters_own_style_is_allowed_in_its_frame(mail: KeptMail, client: Client) -> None:
    letter = client.get(reverse("events:outbox_letter", args=[mail.pk]))

    style = re.search(r"<style>(.*?)</style>", letter.content.decode(), re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert letter["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'self'; base-uri 'none'; "
        "form-action 'none'; sandbox allow-top-navigation-by-user-activation"
    )
    assert letter["X-Frame-Options"] == "SAMEORIGIN"


def test_nothing_new_changes_nothing_on_the_page(mail: KeptMail, client: Client) -> None:
    first = client.get(reverse("events:outbox"))
    seen = re.search(r"\?vu=(\w+)", first.content.decode())
    assert seen is not None

    asked = f"{reverse('events:outbox')}?vu={seen[1]}"
    assert client.get(asked, headers={"HX-Request": "true"}).status_code == 204
    KeptMail.objects.create(recipient="x@example.org", subject="Nouveau", source="", kept_at=timezone.now())
    part = client.get(asked, headers={"HX-Request": "true"}).content.decode()
    assert "Nouveau" in part
    assert "<html" not in part


def test_the_list_costs_the_same_for_one_and_for_three(
    mail: KeptMail, visit: SimpleNamespace, client: Client, django_assert_num_queries: Any
) -> None:
    default_reminder_rules(visit.festival)
    with django_assert_num_queries(7) as first:
        client.get(reverse("events:outbox"))
    for _another in range(2):
        f.RegistrationFactory(slot=visit.slot)
        KeptMail.objects.create(recipient="x@example.org", subject="x", source="", kept_at=NOW)
    with django_assert_num_queries(len(first)):
        client.get(reverse("events:outbox"))


@pytest.mark.parametrize("number", range(4))
def test_where_mails_leave_the_pages_do_not_exist(
    number: int, mail: KeptMail, client: Client, settings: Any
) -> None:
    assert client.get(pages(mail.pk)[number]).status_code == 200
    settings.KEEP_MAILS_ON_SITE = False

    assert client.get(pages(mail.pk)[number]).status_code == 404


@pytest.mark.parametrize("number", range(4))
def test_in_production_they_are_the_superusers_alone(
    number: int, mail: KeptMail, client: Client, settings: Any
) -> None:
    settings.PRODUCTION = True
    page = pages(mail.pk)[number]

    assert client.get(page).status_code == 404
    client.force_login(f.UserFactory())
    assert client.get(page).status_code == 404
    client.force_login(User.objects.create_superuser("chef@example.org", "x"))
    assert client.get(page).status_code == 200

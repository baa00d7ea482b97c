"""What providers really post, at the door where they post it. The samples follow their documentation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from events.links import hash_of_address
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.mail.suppressions import UNASKED, takes_no_mail
from events.models import DeliveryEvent, Message, Suppression
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECRET = "festival:a-long-secret-for-reports"
WHOLE = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": "key", "IGNORE_UNSUPPORTED_FEATURES": True}
SACHA = "sacha@example.org"


@pytest.fixture(autouse=True)
def provider(settings: Any) -> None:
    settings.MAIL_PROVIDER, settings.ANYMAIL = "brevo", WHOLE


def post(body: Any, *, provider: str = "brevo", secret: str = SECRET) -> Any:
    key = base64.b64encode(secret.encode()).decode()
    return Client().post(
        f"/courriels/retours/{provider}/",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Basic {key}"} if secret else {},
    )


def brevo(event: str, **more: Any) -> dict[str, Any]:
    said = {"event": event, "email": SACHA, "id": 26224, "ts_epoch": 1810036800000, "message-id": "<x@y>"}
    return {**said, "reason": f"550 5.1.1 <{SACHA}>: user unknown", **more}


def sent_to_sacha() -> Message:
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="one",
        recipient=SACHA,
        locale="fr",
        now=NOW,
        registration=f.RegistrationFactory(visitor__email=SACHA),
    )
    deliver_due(now=NOW)
    return Message.objects.get()


def test_a_hard_bounce_reaches_its_mail_and_stops_the_address() -> None:
    message = sent_to_sacha()

    answer = post(brevo("hard_bounce", **{"message-id": message.message_id}))

    assert (answer.status_code, answer.content) == (200, b"1 of 1 are new.\n")
    message.refresh_from_db()
    assert message.status == "failed"
    assert takes_no_mail(hash_of_address(SACHA), now=message.events.get().received_at)


def test_a_report_told_again_is_answered_and_counts_once() -> None:
    answers = [post(brevo("hard_bounce")).content for _again in range(3)]

    assert answers == [b"1 of 1 are new.\n", b"0 of 1 are new.\n", b"0 of 1 are new.\n"]
    assert (DeliveryEvent.objects.count(), Suppression.objects.count()) == (1, 1)


@pytest.mark.parametrize("secret", ["", "festival:wrong", "autre:a-long-secret-for-reports"])
def test_without_the_secret_nothing_is_taken_in(secret: str) -> None:
    answer = post(brevo("hard_bounce"), secret=secret)

    assert answer.status_code == 403
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("asked", ["postmark", "nowhere"])
def test_only_the_provider_of_the_settings_has_a_door(asked: str) -> None:
    assert post({}, provider=asked).status_code == 404


def test_where_no_provider_is_set_there_is_no_door(settings: Any) -> None:
    settings.MAIL_PROVIDER = ""

    assert post(brevo("hard_bounce")).status_code == 404


@pytest.mark.parametrize("body", [[], "text", {"items": []}, None, 7])
def test_what_is_no_report_is_a_clear_error(body: Any) -> None:
    assert post(body).status_code == 400


def test_a_broken_body_is_a_clear_error() -> None:
    key = base64.b64encode(SECRET.encode()).decode()

    answer = Client().post(
        "/courriels/retours/brevo/",
        b"\xff\x00{",
        content_type="application/json",
        headers={"Authorization": f"Basic {key}"},
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("event", "kind", "scopes"),
    [
        ("hard_bounce", "bounced", {"all"}),
        ("invalid_email", "bounced", {"all"}),
        ("soft_bounce", "bounced", set()),
        ("deferred", "deferred", set()),
        ("spam", "complained", set(UNASKED)),
        ("unsubscribe", "unsubscribed", set(UNASKED)),
        ("delivered", "delivered", set()),
        ("blocked", "rejected", set()),
    ],
)
def test_brevos_words(event: str, kind: str, scopes: set[str]) -> None:
    post(brevo(event, reason="421 try again later"))

    assert DeliveryEvent.objects.get().kind == kind
    assert {row.scope for row in Suppression.objects.all()} == scopes


@pytest.mark.parametrize("event", ["opened", "click", "request"])
def test_nobody_is_followed_through_a_mail(event: str) -> None:
    assert post(brevo(event)).content == b"0 of 0 are new.\n"
    assert not DeliveryEvent.objects.exists()


POSTMARK = {
    "RecordType": "Bounce",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "Details": "smtp;550 5.1.1 user unknown",
    "Email": SACHA,
    "BouncedAt": "2027-05-03T10:00:00Z",
}
MAILJET = {"event": "bounce", "time": 1810036800, "MessageID": 19421777396190490, "email": SACHA}


@pytest.mark.parametrize(
    ("name", "body", "hard"),
    [
        ("postmark", POSTMARK, True),
        ("postmark", {**POSTMARK, "Type": "SoftBounce", "Details": "mailbox full"}, False),
        ("mailjet", {**MAILJET, "hard_bounce": True, "error": "user unknown"}, True),
        ("mailjet", {**MAILJET, "hard_bounce": False, "error": "quota exceeded"}, False),
    ],
)
def test_other_providers_hard_and_soft_bounces(name: str, body: Any, hard: bool, settings: Any) -> None:
    settings.MAIL_PROVIDER = name

    assert post(body, provider=name).status_code == 200

    assert DeliveryEvent.objects.get().kind == "bounced"
    assert Suppression.objects.exists() is hard


def test_our_own_name_for_a_mail_finds_it_where_the_provider_gives_another(settings: Any) -> None:
    message = sent_to_sacha()
    settings.MAIL_PROVIDER = "postmark"

    post({**POSTMARK, "Metadata": {"message": message.message_id}}, provider="postmark")

    message.refresh_from_db()
    assert message.status == "failed"


def test_no_address_is_kept_with_a_report() -> None:
    post(brevo("hard_bounce"))

    assert "sacha" not in str(list(DeliveryEvent.objects.values()) + list(Suppression.objects.values()))


def test_a_mail_by_a_providers_api_carries_its_name_and_nothing_that_follows(settings: Any) -> None:
    settings.KEEP_MAILS_ON_SITE, settings.MAIL_TRANSPORT = False, "anymail.backends.test.EmailBackend"
    message = sent_to_sacha()

    [sent] = mail.outbox
    assert sent.metadata == {"message": message.message_id}
    assert (sent.track_opens, sent.track_clicks) == (False, False)
    assert message.status == "sent"

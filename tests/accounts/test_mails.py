"""The mails of accounts: language, links, and one text shown twice."""

import re
from email import message_from_bytes
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.translation import override

from accounts.adapter import on_our_site, pieces_of
from tests.factories import UserFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db, pytest.mark.usefixtures("clean_limits")]

SENT = [
    *(f"account/email/{name}" for name in (
        "email_confirmation", "email_confirmation_signup", "account_already_exists", "unknown_account",
        "password_reset_key", "login_code", "password_reset_code",
        "email_changed", "email_confirm", "email_deleted",
        "password_changed", "password_reset", "password_set",
    )),
    *(f"mfa/email/{name}" for name in (
        "recovery_codes_generated", "totp_activated", "totp_deactivated",
        "webauthn_added", "webauthn_removed",
    )),
]  # fmt: skip
FACTS = {
    "activate_url": "http://forged.example/compte/confirm-email/abc/",
    "password_reset_url": "http://forged.example/compte/password/reset/key/abc/",
    "signup_url": "http://forged.example/compte/signup/",
    "code": "",
    "deleted_email": "old@example.org",
    "from_email": "old@example.org",
    "to_email": "new@example.org",
    "ip": "192.0.2.7",
    "user_agent": "Firefox",
    "timestamp": "",
}


def send(prefix: str, language: str) -> Any:
    user = UserFactory.create(locale=language)
    request = RequestFactory().get("/")
    facts = {**FACTS, "user": user, "code": "K7QP2M" if "code" in prefix else ""}
    with allauth_context.request_context(request):
        get_adapter().send_mail(prefix, user.email, facts)
    return mail.outbox[-1]


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.silent = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.silent = self.silent or tag in ("style", "title")
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "title"):
            self.silent = False

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.text.append(" ".join(data.split()))


def test_no_mail_of_allauth_is_forgotten() -> None:
    theirs = Path(allauth.__file__).parent / "templates"
    kinds = {
        str(path.relative_to(theirs)).removesuffix("_subject.txt")
        for folder in ("account", "mfa")
        for path in (theirs / folder / "email").glob("*_subject.txt")
    }
    assert kinds - set(SENT) == set()
    for kind in kinds:
        for part in ("subject.txt", "message.txt"):
            assert (settings.BASE_DIR / "templates" / f"{kind}_{part}").exists(), f"{kind}_{part}"


@pytest.mark.parametrize("prefix", SENT)
def test_a_mail_says_the_same_as_text_and_as_html(prefix: str) -> None:
    message = send(prefix, "fr")
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    words = Words()
    words.feed(html)
    shown = " ".join(words.text)
    for piece in pieces_of(message.body):
        said = piece.get("label") or piece["text"]
        assert " ".join(said.split()) in shown
    links = re.findall(r"https?://\S+", message.body)
    assert words.links == links
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert "<img" not in html


@pytest.mark.parametrize("prefix", SENT)
def test_a_mail_is_written_in_the_reader_s_language(prefix: str) -> None:
    with override("en"):  # whatever the language of the page
        french = send(prefix, "fr")
    with override("fr"):
        english = send(prefix, "en")
    assert french.subject != english.subject
    assert "L’équipe du Festival French Tech" in french.body
    assert "The team of Festival French Tech" in english.body
    assert 'lang="fr"' in french.alternatives[0][0]
    assert 'lang="en"' in english.alternatives[0][0]


@pytest.mark.parametrize("prefix", SENT)
def test_a_mail_links_to_the_site_s_own_address_alone(prefix: str) -> None:
    message = send(prefix, "fr")
    assert "forged.example" not in message.message().as_string()
    for link in re.findall(r"https?://\S+", message.body):
        assert link.startswith(settings.SITE_URL)


def test_a_forged_host_never_reaches_a_mail(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    user = UserFactory.create(email="camille@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client.post(reverse("account_reset_password"), {"email": user.email}, headers={"host": "forged.example"})
    client.post(
        reverse("account_signup"),
        {"email": "new@example.org", "name": "N", "password1": "porte-ouverte-31"},
        headers={"host": "forged.example"},
    )
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        assert "forged.example" not in message.message().as_string()
        assert f"{settings.SITE_URL}/compte/" in message.body


def test_what_is_typed_cannot_break_a_header_or_become_markup() -> None:
    user = UserFactory.create(name="<b>Camille</b>")
    with allauth_context.request_context(RequestFactory().get("/")):
        get_adapter().send_mail(
            "account/email/email_deleted",
            user.email,
            {**FACTS, "user": user, "deleted_email": "<b>x</b>@example.org"},
        )
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    html = str(message.alternatives[0][0])
    parsed = message_from_bytes(message.message().as_bytes())
    assert parsed.get_all("Subject") is not None
    assert len(parsed.get_all("Subject") or []) == 1
    assert "<b>x</b>" in message.body
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html


def test_an_address_keeps_its_path_and_changes_its_host() -> None:
    assert (
        on_our_site("https://forged.example:8443/compte/x/?a=1#b") == f"{settings.SITE_URL}/compte/x/?a=1#b"
    )
    assert on_our_site("/compte/x/") == f"{settings.SITE_URL}/compte/x/"


def test_a_text_falls_into_pieces() -> None:
    text = "Bonjour.\nEncore.\n\nConfirmer\u00a0:\nhttps://example.org/x\n\nK7QP2M\n\n- un\n- deux\n\nFin."
    assert pieces_of(text) == [
        {"kind": "text", "text": "Bonjour. Encore."},
        {"kind": "link", "label": "Confirmer", "url": "https://example.org/x"},
        {"kind": "code", "text": "K7QP2M"},
        {"kind": "item", "text": "un"},
        {"kind": "item", "text": "deux"},
        {"kind": "text", "text": "Fin."},
    ]

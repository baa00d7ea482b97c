"""How allauth behaves here: links from SITE_URL, mails in the reader's language, one text shown twice."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.forms import BaseForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts.models import User

ADDRESS_ALONE = re.compile(r"https?://\S+")
CODE_ALONE = re.compile(r"[A-Z0-9][A-Z0-9-]{3,31}")


def on_our_site(url: str) -> str:
    """The same page under SITE_URL: a forged Host header must not reach a mail."""
    parts = urlsplit(url)
    return urljoin(f"{settings.SITE_URL}/", urlunsplit(("", "", parts.path, parts.query, parts.fragment)))


def pieces_of(body: str) -> list[dict[str, str]]:
    """A plain text as the pieces of its HTML twin, in the same order.

    A paragraph whose last line is an address alone becomes a button named by the line above; a code alone is
    shown large; anything else is a paragraph.
    """
    pieces: list[dict[str, str]] = []
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        if not lines:
            continue
        if ADDRESS_ALONE.fullmatch(lines[-1]):
            label = " ".join(lines[:-1]).rstrip(" \u00a0:")
            pieces.append({"kind": "link", "label": label or lines[-1], "url": lines[-1]})
        elif len(lines) == 1 and CODE_ALONE.fullmatch(lines[0]):
            pieces.append({"kind": "code", "text": lines[0]})
        elif all(line.startswith("- ") for line in lines):
            pieces += [{"kind": "item", "text": line[2:]} for line in lines]
        else:
            pieces.append({"kind": "text", "text": " ".join(lines)})
    return pieces


class AccountAdapter(DefaultAccountAdapter):
    """See the module."""

    LINKS: ClassVar = ("activate_url", "password_reset_url", "signup_url")
    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This account is closed."),
        "cannot_remove_primary_email": _("The main address stays: choose another main one first."),
        "duplicate_email": _("Your account already has this address."),
        "email_password_mismatch": _("This address and this password do not go together."),
        "email_taken": _("Another account has this address."),
        "enter_current_password": _("This is not your present password."),
        "incorrect_code": _("This is not the code of the moment: look at the app again."),
        "incorrect_password": _("This is not the right password."),
        "invalid_password_reset": _("This link no longer works."),
        "max_email_addresses": _("An account has at most %d addresses."),
        "too_many_login_attempts": _("Too many tries: wait a few minutes, then try again."),
        "unknown_email": _("No account has this address."),
        "unverified_primary_email": _("The main address must be a confirmed one."),
        "rate_limited": _("A little too fast: wait a moment, then try again."),
    }

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: BaseForm, commit: bool = True
    ) -> AbstractBaseUser:
        """A new person writes in the language of the page on which they signed up."""
        if isinstance(user, User):
            user.locale = "en" if (get_language() or "fr").startswith("en") else "fr"
        saved: AbstractBaseUser = super().save_user(request, user, form, commit=commit)
        return saved

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        user = context.get("user")
        language = user.locale if isinstance(user, User) else get_language()
        with override(language or settings.LANGUAGE_CODE):
            super().send_mail(template_prefix, email, self._for_a_mail(context))

    def _for_a_mail(self, context: dict[str, Any]) -> dict[str, Any]:
        ours = {name: on_our_site(context[name]) for name in self.LINKS if context.get(name)}
        return {
            **context,
            **ours,
            "site_url": settings.SITE_URL,
            "reset_url": on_our_site(reverse("account_reset_password")),
            "security_url": on_our_site(reverse("mfa_index")),
        }

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """The text of the kind, and one letter that shows the same text as HTML."""
        message: EmailMessage = super().render_mail(template_prefix, email, context, headers)
        if isinstance(message, EmailMultiAlternatives) and not message.alternatives:
            letter = {**context, "subject": message.subject, "pieces": pieces_of(str(message.body))}
            message.attach_alternative(render_to_string("account/email/letter.html", letter), "text/html")
        return message


class MFAAdapter(DefaultMFAAdapter):
    """The second factor, in our words."""

    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": _("An account with a second factor takes no new address: turn it off first."),
        "cannot_delete_authenticator": _("The second factor cannot be turned off here."),
        "cannot_generate_recovery_codes": _("Recovery codes come with the app or a key: set one up first."),
        "incorrect_code": _("This is not the code of the moment: look at the app again."),
        "unverified_email": _("Confirm all your addresses first, or remove those you no longer use."),
    }

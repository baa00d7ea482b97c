"""Django's door to the outbox: whatever calls ``send_mail`` (allauth, a management command) owes a
message."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from django.utils.translation import get_language

from events.mail.outbox import owe
from events.models import Message

KEPT_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post")


class OutboxBackend(BaseEmailBackend):
    """EMAIL_BACKEND of the site: one message of kind ACCOUNT for each recipient, in the caller's transaction.

    The text waits in the row and is erased from it once the mail has ended, for it may hold a secret link.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many mails were owed. Raises ``ValueError`` for a mail with attachments: they are not kept."""
        for mail in email_messages:
            if mail.attachments:
                raise ValueError("The outbox keeps no attachments: owe a message of a kind of its own.")
            for recipient in mail.recipients():
                _owe_one(mail, recipient)
        return len(email_messages)


def _owe_one(mail: EmailMessage, recipient: str) -> None:
    html = ""
    if isinstance(mail, EmailMultiAlternatives):
        html = next((str(content) for content, kind in mail.alternatives if kind == "text/html"), "")
    context: dict[str, Any] = {
        "from_email": mail.from_email,
        "reply_to": list(mail.reply_to),
        "headers": {name: value for name, value in mail.extra_headers.items() if name in KEPT_HEADERS},
    }
    owe(
        kind=Message.Kind.ACCOUNT,
        dedupe_key=f"account:{uuid.uuid4()}",
        recipient=recipient,
        locale="en" if (get_language() or "fr").startswith("en") else "fr",
        now=timezone.now(),
        subject=" ".join(str(mail.subject).splitlines())[:300],
        text_body=str(mail.body),
        html_body=html,
        context=context,
    )

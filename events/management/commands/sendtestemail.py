"""`manage.py sendtestemail ADDRESS`: Django's command, all the way through the outbox and the relay, and what
to look at when it does not arrive.
"""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.sendtestemail import Command as DjangoCommand
from django.utils import timezone

from events.mail.deliver import deliver_due
from events.mail.providers import takes_reports
from events.mail.suppressions import standing_of
from events.models import Message, RelayState


class Command(DjangoCommand):
    help = "Owe a test mail to each address and send what is due, saying what was tried and answered."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        last = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.stdout.write(f"By: {_way_out()}\nFrom: {settings.DEFAULT_FROM_EMAIL}")
        super().handle(*args, **options)
        # Whoever tries by hand wants to know now, not when the relay's pause is over.
        RelayState.objects.filter(pk=1).update(paused_until=None)
        report = deliver_due(only=Message.Kind.ACCOUNT)
        left = False
        for message in Message.objects.filter(pk__gt=last, kind=Message.Kind.ACCOUNT).order_by("pk"):
            self.stdout.write(f"{message.recipient}: {message.status}. {message.last_answer}")
            self.stdout.write(f"  Message-ID: {message.message_id}")
            for row in standing_of(message.recipient, now=now):
                self.stdout.write(f"  On the list of {row.scope}: {row.reason}, {row.created_at:%Y-%m-%d}.")
            left = left or message.status == Message.Status.SENT
        for hint in _hints():
            self.stdout.write(hint)
        if not left:
            raise CommandError(f"Nothing was sent. {report.paused}".strip())
        self.stdout.write(f"Done at {timezone.now():%H:%M:%S} UTC.")


def _way_out() -> str:
    """The transport in words, without its password."""
    if settings.KEEP_MAILS_ON_SITE:
        return "none. EMAIL_URL is not set, so mails are kept and shown at /courriels/"
    if settings.MAIL_TRANSPORT != "django.core.mail.backends.smtp.EmailBackend":
        return str(settings.MAIL_TRANSPORT)
    cover = "TLS" if settings.EMAIL_USE_SSL else "STARTTLS" if settings.EMAIL_USE_TLS else "no encryption"
    login = "signed in" if settings.EMAIL_HOST_USER else "not signed in"
    return f"SMTP {settings.EMAIL_HOST}:{settings.EMAIL_PORT}, {cover}, {login}"


def _hints() -> list[str]:
    """What the domain's name server should say, to be compared: the site itself asks no name server."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    said = [
        "If it does not arrive, or lies among unwanted mail (docs/deliverability.md):",
        f"  SPF    dig +short TXT {domain}                     wanted: v=spf1 … with your relay in it, -all",
        f"  DKIM   dig +short TXT <selector>._domainkey.{domain}   wanted: v=DKIM1; k=…; p=…",
        f"  DMARC  dig +short TXT _dmarc.{domain}               wanted: v=DMARC1; p=quarantine; rua=mailto:…",
        "  In the mail received, Authentication-Results must say spf=pass, dkim=pass and dmarc=pass.",
    ]
    site = urlsplit(settings.SITE_URL).hostname or ""
    if domain != site and not site.endswith(f".{domain}"):
        said.append(
            f"  The sender's domain {domain} is not that of the links ({site}): filters look at that."
        )
    if "." not in domain or domain.endswith((".localhost", ".example", ".invalid", ".test", ".local")):
        said.append(f"  {domain} is no public domain: set DEFAULT_FROM_EMAIL.")
    if provider := takes_reports():
        said.append(f"  Reports of {provider} are taken at {settings.SITE_URL}/courriels/retours/{provider}/")
    elif not settings.KEEP_MAILS_ON_SITE:
        said.append("  No MAIL_PROVIDER is set: a bounce that comes later is not heard of.")
    return said

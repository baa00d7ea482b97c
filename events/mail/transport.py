"""How a mail leaves: over SMTP by hand, through another Django backend, or kept on the site.

A transport tells apart whose fault a failure is, because the outbox treats them differently: the relay's
(nothing can leave for now), the message's (refused for good, or for now), or nobody knows (the line
broke after the content was given).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import smtplib
import socket
from collections.abc import Callable, Iterator
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from events.mail.wire import is_plain, on_the_wire, written_address
from events.models import KeptMail

ANSWER_WITHIN = 60.0
"""Seconds to wait for the relay's word on a message it has whole: shorter than a lease, longer than a slow
scan."""
MOST_ON_ONE_CONNECTION = 200


class RelayFault(Exception):
    """The relay cannot be reached or will have nothing from us: the message did not leave and is not to
    blame.

    ``while_talking``: the line was up and this message was on it, so another message may fare better.
    """

    def __init__(self, words: str, *, while_talking: bool = False) -> None:
        super().__init__(words)
        self.while_talking = while_talking


class RefusedForGood(Exception):
    """The relay will never take this message (5xx for its recipient or its content)."""


class RefusedForNow(Exception):
    """The relay may take this message later (4xx)."""


class NobodyKnows(Exception):
    """The line broke after the content was given: it may have been taken."""


class Transport(Protocol):
    """``send`` hands one mail over and returns the relay's answer.

    ``about_to_give`` is called once, just before the content is given; what it raises goes through, and
    nothing left. Raises ``RelayFault``, ``RefusedForGood``, ``RefusedForNow``, ``NobodyKnows``.
    """

    def send(self, mail: EmailMultiAlternatives, *, about_to_give: Callable[[], None]) -> str: ...

    def close(self) -> None: ...


def open_transport(*, clock: Callable[[], dt.datetime]) -> Transport:
    """The transport of the settings. Connects at the first mail, not here."""
    if settings.KEEP_MAILS_ON_SITE:
        return KeepOnSite(clock)
    if settings.MAIL_TRANSPORT == "django.core.mail.backends.smtp.EmailBackend":
        return Smtp()
    return ThroughDjango(settings.MAIL_TRANSPORT)


class KeepOnSite:
    """No relay is set: the mail is laid down to be read on the outbox page."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock

    def send(self, mail: EmailMultiAlternatives, *, about_to_give: Callable[[], None]) -> str:
        about_to_give()
        # The same Message-ID once more (after a crash) replaces the first: the page shows one mail.
        KeptMail.objects.update_or_create(
            message_id=mail.extra_headers["Message-ID"],
            defaults={
                "recipient": ", ".join(mail.to)[:300],
                "subject": mail.subject[:300],
                "source": on_the_wire(mail).decode("utf-8", "replace"),
                "kept_at": self._clock(),
            },
        )
        return "kept on the site"

    def close(self) -> None:
        """Nothing is open."""


# The relay speaks of itself, not of the recipient (530 to 538: RFC 4954; 421: RFC 5321 §3.8).
_ABOUT_THE_RELAY = frozenset({421, 530, 534, 535, 538})
_ABOUT_US = re.compile(
    r"relay(ing)?\W+(access\W+)?(denied|not\W+permitted|not\W+allowed|prohibited)"
    r"|client (host|address)\b.{0,120}\b(rejected|blocked|denied|listed)"
    r"|\b(sending|hourly|daily)\b[^.;]{0,40}\b(limit|quota)\b",
    re.I,
)
"""Whatever its code: our address is on a list, our account has sent its share of the day. Every other mail
would be refused alike, for good, and nobody would have been written to."""


class Smtp:
    """SMTP (RFC 5321) step by step over Django's own connection, kept open over a batch."""

    def __init__(self, backend: SmtpBackend | None = None) -> None:
        self._backend = backend or SmtpBackend()
        self._sent_on_this = 0

    def send(self, mail: EmailMultiAlternatives, *, about_to_give: Callable[[], None]) -> str:
        recipient, sender, content = self._written(mail)
        relay = self._ready_for(sender, recipient)
        try:
            about_to_give()
        except Exception:
            self._reset(relay)
            raise
        return self._give(relay, content)

    def _written(self, mail: EmailMultiAlternatives) -> tuple[str, str, bytes]:
        """Recipient, sender and content as they go over the wire. A recipient that cannot be written is
        refused."""
        try:
            # A name outside ASCII needs SMTPUTF8 (RFC 6531) all the way, which no one can promise.
            mail.to[0].rpartition("@")[0].encode("ascii")
            recipient = _mailbox(mail.to[0])
        except (ValueError, UnicodeError) as error:
            raise RefusedForGood(f"The address cannot be written: {error}") from error
        sender = _mailbox(mail.from_email)
        return recipient, sender, on_the_wire(mail)

    def _ready_for(self, sender: str, recipient: str) -> smtplib.SMTP:
        """A line on which the relay waits for the content. Some end a line after so many mails, or so long:
        what fails on a line that was used before is tried on a fresh one, once."""
        relay = self._connected()
        was_used = self._sent_on_this > 0
        try:
            self._envelope(relay, sender, recipient)
        except RelayFault:
            if not was_used:
                raise
            self._drop()
            relay = self._connected()
            self._envelope(relay, sender, recipient)
        return relay

    def _connected(self) -> smtplib.SMTP:
        if self._backend.connection is not None and self._sent_on_this >= MOST_ON_ONE_CONNECTION:
            self.close()
        if self._backend.connection is None:
            self._open()
            self._sent_on_this = 0
        relay: smtplib.SMTP | None = self._backend.connection
        if relay is None:
            raise RelayFault("Cannot connect.")
        return relay

    def _open(self) -> None:
        try:
            self._backend.open()
            relay: smtplib.SMTP | None = self._backend.connection
            if relay is not None:
                relay.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise RelayFault(f"Cannot connect: {error}") from error

    def _envelope(self, relay: smtplib.SMTP, sender: str, recipient: str) -> None:
        try:
            options = ["BODY=8BITMIME"] if relay.has_extn("8bitmime") else []
            code, words = relay.docmd("MAIL", " ".join([f"FROM:{_path(sender)}", *options]))
            if code != 250:
                self._drop()
                raise RelayFault(f"The sender {sender} is refused: {code} {_text(words)}")
            code, words = relay.docmd("RCPT", f"TO:{_path(recipient)}")
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise RelayFault(f"The line broke: {error}", while_talking=True) from error
        if code not in (250, 251):
            self._refused(relay, code, _text(words))

    def _give(self, relay: smtplib.SMTP, content: bytes) -> str:
        try:
            code, words = relay.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            # The content was not asked for yet: it certainly did not leave.
            raise RelayFault(f"The line broke before the content: {error}", while_talking=True) from error
        if code != 354:
            self._refused(relay, code, _text(words))
        try:
            with _patience(relay, ANSWER_WITHIN):
                relay.send(_dotted(content))
                code, words = relay.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise NobodyKnows(f"The line broke after the content: {error}") from error
        if code != 250:
            self._refused(relay, code, _text(words))
        self._sent_on_this += 1
        return f"{code} {_text(words)}"

    def _refused(self, relay: smtplib.SMTP, code: int, words: str) -> None:
        answer = f"{code} {words}"
        if code in _ABOUT_THE_RELAY or _ABOUT_US.search(words):
            self._drop()
            raise RelayFault(answer, while_talking=True)
        self._reset(relay)
        if 500 <= code < 600:
            raise RefusedForGood(answer)
        raise RefusedForNow(answer)

    def _reset(self, relay: smtplib.SMTP) -> None:
        """Ready for the next message on the same line."""
        try:
            relay.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        """Leave without a word: the line is broken or not to be trusted."""
        connection, self._backend.connection = self._backend.connection, None
        if connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.close()

    def close(self) -> None:
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            self._drop()


class ThroughDjango:
    """Any other Django backend (a provider's API by django-anymail, a file): one call is the whole
    handing-over."""

    def __init__(self, backend: str) -> None:
        self._connection: Any = get_connection(backend)
        self._is_open = False

    def send(self, mail: EmailMultiAlternatives, *, about_to_give: Callable[[], None]) -> str:
        if not self._is_open:
            try:
                self._connection.open()
            except Exception as error:
                raise RelayFault(f"Cannot connect: {error}") from error
            self._is_open = True
        # For django-anymail, other backends look past it: by this name the provider's reports find our mail,
        # and nobody is followed through a mail of ours.
        told: Any = mail
        told.metadata = {"message": mail.extra_headers["Message-ID"]}
        told.track_opens = told.track_clicks = False
        about_to_give()
        try:
            self._connection.send_messages([mail])
        except Exception as error:
            raise _as_ours(error) from error
        return "handed over"

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(Exception):
                self._connection.close()


def _as_ours(error: Exception) -> Exception:
    """A provider's refusal told by its HTTP status (django-anymail's ``status_code``), where it has one."""
    if type(error).__name__ == "AnymailRecipientsRefused":
        return RefusedForGood(str(error))
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        if status in (400, 413, 422):
            return RefusedForGood(str(error))
        return RelayFault(str(error))
    if isinstance(error, (ConnectionRefusedError, socket.gaierror)):
        return RelayFault(str(error))
    return NobodyKnows(f"{type(error).__name__}: {error}")


def _mailbox(address: str) -> str:
    """An address without the name beside it, as the envelope takes it. Raises ``ValueError``."""
    return address if is_plain(address) else _mailbox_of(written_address(address))


@lru_cache(maxsize=256)
def _mailbox_of(address: str) -> str:
    return parseaddr(address)[1]


def _path(mailbox: str) -> str:
    """As MAIL and RCPT take it (RFC 5321 § 4.1.2)."""
    return f"<{mailbox}>" if is_plain(mailbox) else smtplib.quoteaddr(mailbox)


@contextlib.contextmanager
def _patience(relay: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Wait longer than usual on this connection."""
    line = relay.sock
    usual = line.gettimeout() if line is not None else None
    if line is not None:
        line.settimeout(seconds)
    yield
    if line is not None:
        line.settimeout(usual)


def _dotted(content: bytes) -> bytes:
    """Content made transparent and ended by a dot alone (RFC 5321 §4.5.2). No line ends in anything but CRLF:
    a relay that took a bare one for an end would read further commands in a mail."""
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        content = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _text(words: bytes | str) -> str:
    return " ".join((words.decode("utf-8", "replace") if isinstance(words, bytes) else words).split())

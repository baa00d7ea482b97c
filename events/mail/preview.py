"""A mail as it would say things now, to be looked at by who organises: composed from what is true, sent
nowhere.

The visitor's secret links are blotted out and no link leads anywhere: who may read a mail at a desk may not
act as the visitor it goes to.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import html
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.header import decode_header, make_header

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import DatabaseError
from django.urls import Resolver404, resolve

from events.mail.compose import compose
from events.models import Message

logger = logging.getLogger(__name__)

BLOT = "…"
SHOWN_HEADERS = (
    *("From", "To", "Reply-To", "Subject", "Message-ID", "Auto-Submitted"),
    *("List-Unsubscribe", "List-Unsubscribe-Post"),
)


@dataclass(frozen=True)
class Preview:
    """``html`` is a whole page without links that lead anywhere; ``locale``: the reader's language, which is
    not always that of the desk; ``problem``: why there is nothing to see.
    """

    subject: str = ""
    text: str = ""
    html: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    locale: str = ""
    problem: str = ""

    @property
    def style_hashes(self) -> list[str]:
        """What a Content-Security-Policy allows so that the letter keeps its look."""
        return [
            f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
            for style in re.findall(r"<style>(.*?)</style>", self.html, re.S)
        ]


def preview(message: Message, *, now: dt.datetime) -> Preview:
    """What this message would say if it left now."""
    try:
        mail = compose(message, now=now)
    except DatabaseError:
        raise
    except Exception as error:
        # Whatever a fact that is missing raises: the page says so, and the delivery would as well.
        logger.info("The mail %s cannot be composed: %s", message.dedupe_key, error)
        return Preview(problem=type(error).__name__)
    return shown(mail)


def shown(mail: EmailMultiAlternatives) -> Preview:
    """A composed mail without its secrets."""
    letter = next((str(part) for part, kind in mail.alternatives if kind == "text/html"), "")
    secrets = secrets_in(str(mail.body), html.unescape(letter), *map(str, mail.extra_headers.values()))

    def blot(text: object) -> str:
        said = str(text)
        for secret in secrets:
            said = said.replace(secret, BLOT)
        return said

    heads = mail.message()
    return Preview(
        subject=blot(mail.subject),
        text=blot(mail.body),
        html=re.sub(r'href="[^"]*"', 'href="#"', blot(letter)),
        headers=[(name, blot(_unfolded(heads[name]))) for name in SHOWN_HEADERS if heads[name]],
        files=[_name_of(part) for part in mail.attachments],
        locale=str(mail.extra_headers.get("Content-Language", "")),
    )


def secrets_in(*texts: str) -> list[str]:
    """The tokens in the site's own links, the longest first."""
    found: set[str] = set()
    for path in _paths(texts):
        try:
            match = resolve(path)
        except Resolver404:
            continue
        found |= {str(value) for name, value in match.kwargs.items() if name in ("token", "code")}
    return sorted(found, key=len, reverse=True)


def _paths(texts: Iterable[str]) -> Iterable[str]:
    own = re.compile(re.escape(settings.SITE_URL) + r"(/[^\s\"'<>?#]*)")
    return [path.rstrip(".,;:)") for text in texts for path in own.findall(text)]


def _unfolded(value: object) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", str(make_header(decode_header(str(value)))))


def _name_of(part: object) -> str:
    get = getattr(part, "get_filename", None)
    if get is not None:
        return str(get() or "")
    return str(part[0] or "") if isinstance(part, tuple) else str(getattr(part, "filename", "") or "")

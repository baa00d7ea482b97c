"""A mail as it goes over the wire (RFC 5322, RFC 2045 to 2047), written straight down.

What Django's own ``message()`` makes is a tree of objects for any mail there could be; ours all have one
shape, a text and its HTML side by side and at most some files, and are sent by the ten thousand. A mail of
another shape goes Django's way. A test holds both against each other.
"""

from __future__ import annotations

import binascii
import os
import re
import time
from email.mime.base import MIMEBase
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import BadHeaderError, sanitize_address

LONGEST_LINE = 998
"""Octets without the line's end (RFC 5322 §2.1.1)."""
IN_ONE_WORD = 45
"""Octets that fit into an encoded word of 75 signs (RFC 2047 §2)."""

_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_SAID_BY_THE_MAIL = frozenset({"from", "to", "cc", "bcc", "reply-to", "subject"})


def on_the_wire(mail: EmailMultiAlternatives) -> bytes:
    """With CRLF. Headers are not broken at 78 signs (the norm's limit is 998): a long ``List-Unsubscribe``
    pushed to a line of its own is not found by every reader.

    Raises ``ValueError`` for an address or a header that cannot be written.
    """
    if not _has_our_shape(mail):
        return _as_django_does(mail)
    mark = os.urandom(16).hex()
    body = _text_part(str(mail.body), "text/plain")
    if mail.alternatives:
        others = [_text_part(str(content), str(kind)) for content, kind in mail.alternatives]
        body = _several("alternative", [body, *others], f"=_{mark}1")
    if mail.attachments:
        body = _several("mixed", [body, *(_file(part) for part in mail.attachments)], f"=_{mark}2")
    return b"".join([_head(mail).encode("ascii"), *body])


def is_plain(address: str) -> bool:
    """Whether it is an address alone that needs no quoting anywhere."""
    return _PLAIN_ADDRESS.fullmatch(address) is not None


def written_address(address: str) -> str:
    """An address, with its name if there is one, as a header takes it. Raises ``ValueError``."""
    return address if is_plain(address) else _sanitized(address)


@lru_cache(maxsize=256)
def _sanitized(address: str) -> str:
    return str(sanitize_address(address, "utf-8")).replace("\n", "\r\n")  # a long name is folded


def _has_our_shape(mail: EmailMultiAlternatives) -> bool:
    """A text, other renderings of it, files that are whole parts already; one language of headers."""
    return (
        len(mail.to) == 1
        and not (mail.cc or mail.bcc)
        and mail.encoding in (None, "utf-8")
        and bool(mail.body)
        and mail.content_subtype == "plain"
        and "Message-ID" in mail.extra_headers
        and _SAID_BY_THE_MAIL.isdisjoint(name.lower() for name in mail.extra_headers)
        and all(
            isinstance(content, str) and str(kind).startswith("text/") for content, kind in mail.alternatives
        )
        and all(isinstance(part, MIMEBase) for part in mail.attachments)
    )


def _head(mail: EmailMultiAlternatives) -> str:
    said = mail.extra_headers.items()
    lines = [
        f"MIME-Version: 1.0\r\nSubject: {_words(str(mail.subject))}\r\n",
        f"From: {written_address(mail.from_email)}\r\nTo: {written_address(mail.to[0])}\r\n",
    ]
    if mail.reply_to:
        lines.append(f"Reply-To: {', '.join(written_address(one) for one in mail.reply_to)}\r\n")
    if not any(name.lower() == "date" for name in mail.extra_headers):
        lines.append(f"Date: {_date(int(time.time()))}\r\n")
    return "".join(lines + [f"{_words(name)}: {_words(str(value))}\r\n" for name, value in said])


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second)


def _words(text: str) -> str:
    """A header's text: as it is in ASCII, else as encoded words (RFC 2047), broken between signs.

    What looks like an encoded word already is encoded too: it would be read as another text.
    """
    if "\n" in text or "\r" in text:
        raise BadHeaderError(f"Header values can't contain newlines (got {text!r})")
    if text.isascii() and "=?" not in text:
        return text
    return _encoded(text)


@lru_cache(maxsize=256)
def _encoded(text: str) -> str:
    """Kept, for what many get has one subject."""
    words: list[bytes] = [b""]
    for sign in text:
        octets = sign.encode()
        if len(words[-1]) + len(octets) > IN_ONE_WORD:
            words.append(b"")
        words[-1] += octets
    encoded = (binascii.b2a_base64(word, newline=False).decode() for word in words)
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in encoded)


def _text_part(text: str, kind: str) -> list[bytes]:
    content = _with_crlf(text).encode()
    how = "7bit" if content.isascii() else "8bit"
    if _has_a_long_line(content):
        how, content = "quoted-printable", binascii.b2a_qp(content.replace(b"\r\n", b"\n"), istext=True)
        content = content.replace(b"\n", b"\r\n")
    head = f'Content-Type: {kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {how}\r\n\r\n'
    return [head.encode(), content]


def _has_a_long_line(content: bytes) -> bool:
    """Looks backwards for a line's end from as far as one may be: a few looks instead of one a line."""
    begin, reach = 0, LONGEST_LINE + len(b"\r\n")
    while len(content) - begin > LONGEST_LINE:
        end = content.rfind(b"\r\n", begin, begin + reach)
        if end < 0:
            return True
        begin = end + 2
    return False


def _with_crlf(text: str) -> str:
    return text.replace("\n", "\r\n") if "\r" not in text else _LINE_END.sub("\r\n", text)


def _several(how: str, parts: list[list[bytes]], boundary: str) -> list[bytes]:
    """Parts one after the other. That the boundary stands in none of them is a matter of 128 random bits."""
    line = f"\r\n--{boundary}".encode()
    pieces = [f'Content-Type: multipart/{how}; boundary="{boundary}"\r\n'.encode()]
    for part in parts:
        pieces += [line, b"\r\n", *part]
    return [*pieces, line, b"--\r\n"]


def _file(part: Any) -> list[bytes]:
    payload, headers = part.get_payload(), tuple((name, str(value)) for name, value in part.items())
    if isinstance(payload, str) and payload.isascii() and all(value.isascii() for _name, value in headers):
        return [_head_of_file(headers), _with_crlf(payload).encode("ascii")]
    return [bytes(part.as_bytes(policy=part.policy.clone(linesep="\r\n", max_line_length=None)))]


@lru_cache(maxsize=16)
def _head_of_file(headers: tuple[tuple[str, str], ...]) -> bytes:
    return "".join([*(f"{name}: {_words(value)}\r\n" for name, value in headers), "\r\n"]).encode("ascii")


def _as_django_does(mail: EmailMultiAlternatives) -> bytes:
    message: Any = mail.message()  # Django's own subclass, whose as_bytes() knows line ends
    message.policy = message.policy.clone(max_line_length=None)
    return bytes(message.as_bytes(linesep="\r\n"))

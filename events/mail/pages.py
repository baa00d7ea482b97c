"""A mail's subject, text and HTML from its templates; what many readers get alike is rendered once.

Reminders differ in a name, some links and what is said of each visit. They are rendered with marks in the
place of these, and the words are put in afterwards, escaped as the templates would have. Everything else that
the templates are given is the key under which the page is kept, so a kept page is never an old one.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.template import Context, engines
from django.template.backends.django import DjangoTemplates

from events.mail.letters import Letter, Visit
from events.models import Message

Kind = Message.Kind

RENDERED_ONCE = frozenset({Kind.REMINDER, Kind.THANKS, Kind.SURVEY})
"""What goes out by the ten thousand. Their templates ask of a word only whether there is one."""
OF_A_READER = frozenset({"my_visits", "stop"})
"""Facts of these kinds that are the reader's own, beside the name and the words of the visits."""
KEPT_PAGES = 400
"""Of some twenty kilobytes each, in every process."""

# Nobody who types a name or a title can write a mark: it is drawn anew in each process.
_MARK = f"M{secrets.token_hex(8)}x"
_MARKED = re.compile(_MARK + r"(\d+)m")

Facts = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Page:
    """What a mail says."""

    subject: str
    text: str
    html: str


def page_of(kind: str, locale: str, letter: Letter, facts: dict[str, Any], *, subject: str = "") -> Page:
    """The page of a mail in the active language, which is ``locale``. ``subject``: the edition's own."""
    if kind not in RENDERED_ONCE:
        return _rendered(kind, letter, facts, subject)
    words = _Words()
    visits = tuple(words.mark_visit(visit) for visit in letter.visits)
    common = letter.but(name=words.mark(letter.name), visits=visits)
    marked = tuple((key, words.mark(said) if key in OF_A_READER else said) for key, said in facts.items())
    kept = _kept(kind, locale, common, marked, words.next_mark, bool(subject))
    subject = _one_line(subject or kept.subject(words.said))
    words.mark(subject)
    escaped = [html.escape(word) for word in words.said]
    return Page(subject, kept.text(words.said), kept.html(escaped))


@dataclass
class _Words:
    """What is put in, in the order of the marks."""

    said: list[str] = field(default_factory=list)

    @property
    def next_mark(self) -> str:
        return f"{_MARK}{len(self.said)}m"

    def mark(self, word: str) -> str:
        if not word:
            return ""
        mark = self.next_mark
        self.said.append(word)
        return mark

    def mark_visit(self, visit: Visit) -> Visit:
        marked: dict[str, Any] = {
            name: self.mark(said) if isinstance(said, str) else said for name, said in vars(visit).items()
        }
        return Visit(**marked)


@dataclass(frozen=True)
class _Kept:
    subject: Callable[[list[str]], str]
    text: Callable[[list[str]], str]
    html: Callable[[list[str]], str]


@lru_cache(maxsize=KEPT_PAGES)
def _kept(
    kind: str, _locale: str, letter: Letter, facts: Facts, subject: str, has_own_subject: bool
) -> _Kept:
    """``subject``: the mark of the subject, where a page repeats it. It is itself filled in first."""
    page = _rendered(kind, letter, dict(facts), subject)
    own = "" if has_own_subject else _subject(kind, letter, dict(facts))
    return _Kept(_filler(own), _filler(page.text), _filler(page.html))


def _filler(text: str) -> Callable[[list[str]], str]:
    """Puts words where the marks are."""
    pieces = _MARKED.split(text)
    marks = [(place, int(pieces[place])) for place in range(1, len(pieces), 2)]

    def fill(words: list[str]) -> str:
        filled = list(pieces)
        for place, number in marks:
            filled[place] = words[number]
        return "".join(filled)

    return fill


def _rendered(kind: str, letter: Letter, facts: dict[str, Any], subject: str) -> Page:
    context = {"letter": letter, **facts}
    subject = _one_line(subject or _subject(kind, letter, facts))
    context["subject"] = subject
    return Page(
        subject,
        _tidy(_render(f"{kind}.txt", context, escape=False)),
        _render(f"{kind}.html", context, escape=True),
    )


def _subject(kind: str, letter: Letter, facts: dict[str, Any]) -> str:
    return _render(f"{kind}_subject.txt", {"letter": letter, **facts}, escape=False)


def _render(name: str, context: dict[str, Any], *, escape: bool) -> str:
    engine = engines["django"]
    assert isinstance(engine, DjangoTemplates)  # noqa: S101 - for the type checker
    template = engine.engine.get_template(f"events/email/{name}")
    return template.render(Context(context, autoescape=escape))


def _one_line(text: str) -> str:
    """Without line ends (no header can be added), its no-break spaces kept."""
    line = re.sub(r"[ \t\r\n]+", " ", text).strip(" ")
    return line[:1].upper() + line[1:]


def _tidy(text: str) -> str:
    """No line ends in spaces, no two empty lines follow each other."""
    lines = "\n".join(line.strip(" \t") for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"

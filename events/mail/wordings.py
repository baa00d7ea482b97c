"""An edition's own words in a kind of mail and a language: its subject, its opening.

They hold placeholders of the kind's allow-list, ``{visite}``. These are put in once: what a placeholder
stands for is never read for placeholders again. Everything is plain text: it becomes neither markup nor, as
``letters.plain`` sees to, a link. The visit itself, the links and the calendar file stay the site's.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events import wording
from events.folding import fold
from events.mail.letters import Letter, paragraphs, plain
from events.models import Activity, Festival, JournalEntry, MailTemplate, Message
from events.refusals import Reason, Refused
from events.typography import set_in_french

Kind = Message.Kind

PLACEHOLDER = re.compile(r"\{\s*([^{}\n]{1,40}?)\s*\}")

_OF_EVERYBODY: dict[str, Promise] = {
    "prénom": _("first name, or nothing"),
    "festival": _("name of the edition"),
}
_OF_THE_FIRST_VISIT: dict[str, Promise] = {
    "visite": _("title of the visit"),
    "hôte": _("who opens the door"),
    "jour": _("“Thursday 10 June”"),
    "heure": _("“14:00”"),
    "lieu": _("room, venue, address, town"),
}
_OF_ONE_VISIT: dict[str, Promise] = {
    **_OF_EVERYBODY,
    **_OF_THE_FIRST_VISIT,
    "places": _("“2 places”"),
    "référence": _("reference of the ticket"),
}
_OF_A_VISIT_WITHOUT_TICKET: dict[str, Promise] = {**_OF_EVERYBODY, **_OF_THE_FIRST_VISIT}
_OF_SEVERAL_VISITS: dict[str, Promise] = {
    **_OF_EVERYBODY,
    **_OF_THE_FIRST_VISIT,
    "nombre": _("number of visits"),
}

PLACEHOLDERS: dict[Message.Kind, dict[str, Promise]] = {
    Kind.CONFIRMATION: _OF_ONE_VISIT,
    Kind.DAY: _OF_SEVERAL_VISITS,
    Kind.WAITING: _OF_ONE_VISIT,
    Kind.OFFER: _OF_ONE_VISIT,
    Kind.MOVED: _OF_ONE_VISIT,
    Kind.REDUCED: _OF_ONE_VISIT,
    Kind.CANCELLATION: _OF_A_VISIT_WITHOUT_TICKET,
    Kind.SLOT_MOVED: _OF_ONE_VISIT,
    Kind.SLOT_CANCELLED: _OF_A_VISIT_WITHOUT_TICKET,
    Kind.REMINDER: _OF_SEVERAL_VISITS,
    Kind.THANKS: _OF_SEVERAL_VISITS,
    Kind.SURVEY: _OF_SEVERAL_VISITS,
    Kind.BALLOT_ENTERED: _OF_EVERYBODY,
    Kind.BALLOT_WON: _OF_SEVERAL_VISITS,
    Kind.BALLOT_LOST: _OF_EVERYBODY,
}
"""What may be said otherwise, and the names each kind knows, in French for every language."""

KEEPS_THE_SITE_S_LEAD = frozenset(
    {
        *(Kind.WAITING, Kind.OFFER, Kind.SLOT_MOVED, Kind.SLOT_CANCELLED),
        *(Kind.BALLOT_ENTERED, Kind.BALLOT_WON, Kind.BALLOT_LOST),
    }
)
"""Whose first sentence says what nobody may leave out (a rank, until when, what has changed): own words come
before it. In the other kinds they stand instead of it."""


# What may be written ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unknown:
    """A placeholder the kind does not know, as it was typed, and the one that was probably meant."""

    typed: str
    nearest: str


def unknown_placeholders(kind: Message.Kind | str, text: str) -> list[Unknown]:
    """In order, each once."""
    known = {fold(name): name for name in PLACEHOLDERS[Kind(kind)]}
    found: dict[str, Unknown] = {}
    for name in PLACEHOLDER.findall(unicodedata.normalize("NFC", text)):
        if name not in known.values() and name not in found:
            near = difflib.get_close_matches(fold(name), known, n=1, cutoff=0.6)
            found[name] = Unknown(name, known[near[0]] if near else "")
    return list(found.values())


@transaction.atomic
def save_wording(
    *,
    festival: Festival,
    kind: Message.Kind | str,
    locale: str,
    subject: str,
    text: str,
    by: User | None,
    now: dt.datetime,
    seen: str | None = None,
) -> None:
    """Write an edition's own words; both empty: back to the site's. ``seen``: the ``mark_of`` what was read.

    Raises ``Refused``: WRONG_STATE (the kind has no words of its own, or a placeholder is unknown),
    CHANGED_MEANWHILE.
    """
    subject, text = (unicodedata.normalize("NFC", words).strip() for words in (subject, text))
    if kind not in PLACEHOLDERS or unknown_placeholders(kind, f"{subject}\n{text}"):
        raise Refused(Reason.WRONG_STATE)
    list(Festival.objects.select_for_update(no_key=True).filter(pk=festival.pk).values_list("pk"))
    there = MailTemplate.objects.filter(festival=festival, kind=kind, locale=locale).first()
    if seen is not None and seen != mark_of(there):
        raise Refused(Reason.CHANGED_MEANWHILE)
    if (subject, text) == ((there.subject, there.text) if there else ("", "")):
        return
    if not subject and not text:
        MailTemplate.objects.filter(festival=festival, kind=kind, locale=locale).delete()
    else:
        MailTemplate.objects.update_or_create(
            festival=festival,
            kind=kind,
            locale=locale,
            defaults={"subject": subject, "text": text, "updated_at": now, "updated_by": by},
        )
    JournalEntry.objects.create(at=now, actor=by, verb="change_wording", text=f"{festival}: {kind} {locale}")


def mark_of(template: MailTemplate | None) -> str:
    """Which version one has read."""
    return template.updated_at.isoformat() if template else ""


# What is said -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnWords:
    """As they go into a mail: one line, and paragraphs. Empty: the site says it."""

    subject: str = ""
    opening: list[str] = field(default_factory=list)
    keeps_lead: bool = True

    def put_on(self, letter: Letter) -> Letter:
        if not self.opening:
            return letter
        return replace(letter, opening=tuple(self.opening), keeps_lead=self.keeps_lead)


def own_words(message: Message, letter: Letter) -> OwnWords:
    """What the edition of this mail says in its own words, in the language of its reader."""
    if message.kind not in PLACEHOLDERS:
        return OwnWords()
    festival_id = edition_of(message)
    template = _template(festival_id, message.kind, message.locale) if festival_id is not None else None
    if template is None:
        return OwnWords()
    return filled(message.kind, letter, subject=template.subject, text=template.text)


def filled(kind: Message.Kind | str, letter: Letter, *, subject: str, text: str) -> OwnWords:
    """Subject and text with what their placeholders stand for in this letter."""
    values = values_of(kind, letter)
    if wording.language() == "fr":
        subject, text = set_in_french(subject), set_in_french(text)
    return OwnWords(
        subject=plain(_fill(subject, values), longest=300),
        opening=paragraphs(_fill(text, values), longest=6000, tame=plain),
        keeps_lead=kind in KEEPS_THE_SITE_S_LEAD,
    )


def values_of(kind: Message.Kind | str, letter: Letter) -> dict[str, str]:
    """What each placeholder of the kind stands for in this letter."""
    values = {"prénom": letter.name, "festival": letter.festival, "nombre": str(len(letter.visits))}
    if letter.visits:
        visit = letter.visits[0]
        values |= {
            "visite": visit.title,
            "hôte": visit.host,
            "jour": visit.day,
            "heure": visit.hour,
            "lieu": visit.place,
            "places": visit.places,
            "référence": visit.reference,
        }
    return {name: values.get(name, "") for name in PLACEHOLDERS[Kind(kind)]}


def _fill(text: str, values: dict[str, str]) -> str:
    """In one pass. What stands for nothing takes the space before it along: « Bonjour {prénom}, »."""

    def put(found: re.Match[str]) -> str:
        space, name = found.groups()
        if name not in values:
            return found.group()
        return f"{space}{values[name]}" if values[name] else ""

    return re.sub(r"([ \u00a0]?)" + PLACEHOLDER.pattern, put, unicodedata.normalize("NFC", text))


def edition_of(message: Message) -> int | None:
    """The key of the edition this mail is about; None where it is about none."""
    activity: Activity | None = message.activity
    if message.registration is not None:
        activity = message.registration.slot.activity
    elif message.slot is not None:
        activity = message.slot.activity
    if activity is not None:
        return activity.festival_id
    return message.ballot_entry.ballot.festival_id if message.ballot_entry is not None else None


_remembered: contextvars.ContextVar[dict[tuple[int, str, str], MailTemplate | None] | None] = (
    contextvars.ContextVar("wordings", default=None)
)


@contextlib.contextmanager
def remembered_wordings() -> Iterator[None]:
    """Within it each wording is asked for once: for a batch of mails, which takes seconds."""
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)


@contextlib.contextmanager
def said_in(words: MailTemplate, message: Message) -> Iterator[None]:
    """Within it this mail is composed in these words, saved or not: for a preview."""
    token = _remembered.set({(edition_of(message) or 0, words.kind, words.locale): words})
    try:
        yield
    finally:
        _remembered.reset(token)


def _template(festival_id: int, kind: str, locale: str) -> MailTemplate | None:
    known = _remembered.get()
    key = (festival_id, kind, locale)
    if known is not None and key in known:
        return known[key]
    found = MailTemplate.objects.filter(festival=festival_id, kind=kind, locale=locale).first()
    if known is not None:
        known[key] = found
    return found

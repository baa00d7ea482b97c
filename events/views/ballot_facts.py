"""What pages say of a ballot and of one's own entry, whichever page it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.utils.translation import ngettext

from events.clock import on_the_wall
from events.forms.ballot import say_slot
from events.models import Ballot, BallotEntry, BallotWish, Visitor
from events.registration.ballot import most_of_party
from events.views.tickets import say_places
from events.wording import say_moment, say_number


def zone_of(ballot: Ballot) -> str:
    return ballot.territory.timezone if ballot.territory else settings.TIME_ZONE


def say_left(until: dt.datetime, now: dt.datetime) -> str:
    """« 4 jours », « 26 heures », « 12 minutes »: what is left, rounded down."""
    minutes = int((until - now).total_seconds() // 60)
    if minutes >= 3 * 24 * 60:
        days = minutes // (24 * 60)
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": say_number(days)}
    if minutes >= 120:
        return ngettext("%(n)s hour", "%(n)s hours", minutes // 60) % {"n": say_number(minutes // 60)}
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": say_number(max(1, minutes))}


def state_of(ballot: Ballot, now: dt.datetime) -> str:
    """``soon``, ``open``, ``closed`` or ``drawn``."""
    if ballot.drawn_at is not None:
        return "drawn"
    if ballot.closes_at <= now or ballot.entries_hash:
        return "closed"
    return "soon" if ballot.opens_at > now else "open"


def facts_of(ballot: Ballot, now: dt.datetime) -> dict[str, Any]:
    """What every page of a ballot says of it."""
    zone = zone_of(ballot)
    return {
        "ballot": ballot,
        "festival": ballot.festival,
        "now": now,
        "state": state_of(ballot, now),
        "opens": say_moment(on_the_wall(ballot.opens_at, zone), weekday=True),
        "closes": say_moment(on_the_wall(ballot.closes_at, zone), weekday=True),
        "drawn": ballot.drawn_at and say_moment(on_the_wall(ballot.drawn_at, zone), weekday=True),
        "left": say_left(ballot.closes_at, now) if ballot.closes_at > now else "",
        "until_opening": say_left(ballot.opens_at, now) if ballot.opens_at > now else "",
        "most_party": most_of_party(ballot),
    }


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry as its owner sees it: on « Mes visites » and on its own page."""

    entry: BallotEntry
    state: str
    closes: str
    places: str
    wishes: list[tuple[BallotWish, str]]

    @property
    def won(self) -> list[tuple[BallotWish, str]]:
        return [(wish, said) for wish, said in self.wishes if wish.won]


def entries_of(visitor: Visitor, now: dt.datetime) -> list[OwnEntry]:
    """Entries of a visitor that are not withdrawn, the next draw first. Two queries however many."""
    entries = own_entries(visitor).filter(withdrawn_at__isnull=True).order_by("ballot__closes_at", "pk")
    return [own_entry(entry, now) for entry in entries]


def own_entries(visitor: Visitor) -> Any:
    wishes = BallotWish.objects.select_related(
        "slot__activity__host", "slot__activity__venue", "slot__venue"
    ).order_by("rank")
    entries = BallotEntry.objects.filter(visitor=visitor).select_related(
        "ballot__festival", "ballot__territory"
    )
    return entries.prefetch_related(Prefetch("wishes", wishes))


def own_entry(entry: BallotEntry, now: dt.datetime) -> OwnEntry:
    closes = on_the_wall(entry.ballot.closes_at, zone_of(entry.ballot))
    return OwnEntry(
        entry,
        state_of(entry.ballot, now),
        say_moment(closes, weekday=True),
        say_places(entry.party_size),
        [(wish, say_slot(wish.slot)) for wish in entry.wishes.all()],
    )

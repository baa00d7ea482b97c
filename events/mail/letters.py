"""What the mails' templates speak of: visits, said in the reader's language and on the clock of their
territory.

Everything here that somebody typed has gone through ``plain``: no control character, no turn of the writing
direction, no address that a mail program would make a link of. What hosts typed goes through ``unlinked``,
for many programs make a link of ``gagnez.example`` too; what the public typed, through ``plain_name``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from events import wording
from events.calendar import position_of, say_places, venue_of
from events.clock import on_the_wall
from events.models import Activity, Festival, Registration, Slot, Territory

HOME_ZONE = "Europe/Paris"
MARGIN = dt.timedelta(minutes=5)
"""To find the door, beside the walk itself."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_LINKLIKE = re.compile(r"://|\bwww\.", re.I)
_DOMAIN = re.compile(r"(?<=\w)[.．。｡](?=(?!js\b)[^\W\d_]{2})|(?<=\w)@(?=\w)")
"""What ties a bare address together. « 14.30 », « J.-P. » and « Node.js » are none."""
UNTIED = "\u200c"
"""ZERO WIDTH NON-JOINER: not seen, and no letter of a domain (RFC 5892 takes it after a virama alone)."""
_AS_IT_IS = re.compile(r"[A-Za-z0-9._~-]+")
"""Stands in a path unescaped (RFC 3986 § 2.3)."""
_NAME = re.compile(r"[^\W\d_]+(?:[ ’'-][^\W\d_]+){0,4}\.?")


def plain(text: str, *, longest: int = 300) -> str:
    """One line of what somebody typed, that no mail program takes for a link."""
    said = re.sub(" +", " ", _UNSEEN.sub(" ", text)).strip()
    said = _LINKLIKE.sub(lambda found: f"{found.group()[:-1]} {found.group()[-1]}", said)
    return said if len(said) <= longest else f"{said[: longest - 1]}…"


def unlinked(text: str, *, longest: int = 300) -> str:
    """One line of what a host typed. A bare ``gagnez.example`` in it is taken apart as well: it stands beside
    our own links, in a mail that the team signs. Nobody sees it: « Voyages-sncf.com » is a good name."""
    return _DOMAIN.sub(lambda found: found.group() + UNTIED, plain(text, longest=longest))


def plain_name(text: str, *, longest: int = 120) -> str:
    """What somebody typed as their name. Nobody has vouched for it, and many mail programs make a link of
    ``gagnez.example`` without being told to: whatever a dot or an at sign ties together is set apart."""
    return re.sub(r"(?<=\w)[.@/](?=\w)", lambda found: f"{found.group()} ", plain(text, longest=longest))


def paragraphs(text: str, *, longest: int = 2000, tame: Callable[..., str] = unlinked) -> list[str]:
    """Several lines of what somebody typed, one by one; ``tame``: ``plain`` where it was the team."""
    lines = re.split(r"[\r\n]+", text[:longest])
    return [line for line in (tame(line, longest=longest) for line in lines) if line]


def first_name(name: str) -> str:
    """A name one can be greeted by; empty for anything that does not look like one.

    Whoever books with somebody else's address must not be able to write to that person in our name.
    """
    words = plain(name, longest=120)
    return words.split()[0] if _NAME.fullmatch(words) and len(words) <= 60 else ""


def address(name: str, *arguments: object) -> str:
    """The full address of a page, under SITE_URL whatever host a request named."""
    if arguments and all(isinstance(one, str) and _AS_IT_IS.fullmatch(one) for one in arguments):
        pieces = _route(name, len(arguments))
        if pieces:
            path = "".join(f"{piece}{said}" for piece, said in zip(pieces, (*arguments, ""), strict=True))
            return f"{settings.SITE_URL}{path}"
    return f"{settings.SITE_URL}{reverse(f'events:{name}', args=arguments)}"


@lru_cache(maxsize=128)
def _route(name: str, number: int) -> tuple[str, ...]:
    """What stands before, between and after the arguments of a path that takes any text; () of another."""
    marks = [f"~{place}.~" for place in range(number)]
    try:
        path = reverse(f"events:{name}", args=marks)
    except NoReverseMatch:
        return ()
    return tuple(re.split(r"~\d\.~", path))


@dataclass(frozen=True)
class Visit:
    """A slot as a mail says it, with the registration it is about when there is one."""

    hour: str
    day: str
    times: str
    moment: str
    title: str
    host: str
    place: str
    meeting_point: str
    page: str
    places: str = ""
    reference: str = ""
    ticket: str = ""
    give_back: str = ""
    coming: str = ""
    is_waiting: bool = False
    is_kept: bool = False
    rank: str = ""
    walk: str = ""

    def but(self, **more: Any) -> Visit:
        """``dataclasses.replace`` in a third of the time: it is asked for with every visit of every mail."""
        return Visit(**{**vars(self), **more})


def visit_of_slot(slot: Slot) -> Visit:
    activity = slot.activity
    return _said_of_slot(
        wording.language(),
        slot.pk,
        slot.starts_at,
        slot.ends_at,
        slot.timezone,
        activity.title,
        activity.host.name,
        _parts_of_place(slot),
        activity.meeting_point,
        settings.SITE_URL,
    )


@lru_cache(maxsize=1000)
def _said_of_slot(
    _language: str,
    pk: int,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    timezone: str,
    title: str,
    host: str,
    place: tuple[str, ...],
    meeting_point: str,
    _site: str,
) -> Visit:
    """Kept, for many readers are told of one slot; everything it depends on is named."""
    start, end = on_the_wall(starts_at, timezone), on_the_wall(ends_at, timezone)
    times = wording.say_times(start, end)
    if timezone != HOME_ZONE:
        times = _("%(times)s, local time") % {"times": times}
    return Visit(
        hour=wording.say_time(start),
        day=wording.say_day(start.date()),
        times=times,
        moment=wording.say_moment(start, weekday=True),
        title=unlinked(title),
        host=unlinked(host),
        place=_place(place),
        meeting_point=unlinked(meeting_point),
        page=address("slot", pk),
    )


def visit_of(registration: Registration, *, walk: str = "", rank: str = "", asks: bool = False) -> Visit:
    """A registration's visit with its ticket and the page on which its place is given back.

    ``rank``: where it stands on the waiting list, in words. ``asks``: whether its visitor is still coming.
    """
    said, size, token = visit_of_slot(registration.slot), registration.party_size, registration.visitor.token
    return said.but(
        places=say_places(get_language() or "", size),
        reference=registration.reference,
        ticket=address("my_visit_ticket", token, registration.reference),
        give_back=address("my_visit_give_back", token, registration.reference),
        coming=address("my_visit_coming", token, registration.reference) if asks else "",
        is_waiting=registration.status == Registration.Status.WAITING,
        is_kept=registration.status == Registration.Status.HELD,
        rank=rank,
        walk=walk,
    )


def say_until(at: dt.datetime, slot: Slot) -> str:
    """« jeudi 10 juin à 18 h 40 » on the clock of the slot's territory, which is named where it is far
    away."""
    said = wording.say_moment(on_the_wall(at, slot.timezone), weekday=True)
    return said if slot.timezone == HOME_ZONE else _("%(times)s, local time") % {"times": said}


def place_of(slot: Slot) -> str:
    """« Grande salle, La Cantine, 27 rue d’Aubuisson, Toulouse »."""
    return _place(_parts_of_place(slot))


def _parts_of_place(slot: Slot) -> tuple[str, ...]:
    venue = venue_of(slot)
    if venue is None:
        return ()
    return slot.room.name if slot.room else "", venue.name, venue.address, venue.city


def _place(parts: tuple[str, ...]) -> str:
    return ", ".join(unlinked(part) for part in parts if part) if parts else _("Place to be announced")


def day_of(registrations: Sequence[Registration], *, asks: bool = False) -> list[Visit]:
    """One day's visits in order, each with the way to it from the one before.

    ``asks``: for each, whether its visitor is still coming.
    """
    visits: list[Visit] = []
    before: Registration | None = None
    for registration in registrations:
        walk = _way(before.slot, registration.slot) if before is not None else ""
        visits.append(visit_of(registration, walk=walk, asks=asks))
        before = registration
    return visits


def _way(here: Slot, there: Slot) -> str:
    """« Fin à 14 h 45, puis 16 min à pied : Quai des Savoirs. Partez au plus tard à 16 h 35. »"""
    ends = _("Ends at %(time)s") % {"time": wording.say_time(here.local_end)}
    start, goal = position_of(venue_of(here)), position_of(venue_of(there))
    walk = wording.say_walk(start, goal)
    venue = venue_of(there)
    if not walk or start is None or goal is None or venue is None:
        return f"{ends}."
    way = _("%(ends)s, then %(walk)s: %(venue)s.") % {
        "ends": ends,
        "walk": walk,
        "venue": unlinked(venue.name),
    }
    if wording.metres_between(start, goal) > wording.WALKABLE_METRES:
        return way
    latest = there.local_start - dt.timedelta(minutes=wording.walking_minutes(start, goal)) - MARGIN
    latest -= dt.timedelta(minutes=latest.minute % 5)
    if latest < here.local_end:
        return way
    leave = _("Leave by %(time)s.") % {"time": wording.say_time(latest)}
    return f"{way} {leave}"


def tight_walks(registration: Registration, visits: Iterable[Registration]) -> list[str]:
    """Where the way from the visit before, or to the one after, does not fit into the time between.

    ``visits``: the visitor's other visits, in any order. A sentence for each way.
    """
    slot = registration.slot
    others = [other.slot for other in visits if other.pk != registration.pk]
    others = [other for other in others if (other.day, other.timezone) == (slot.day, slot.timezone)]
    before = [other for other in others if other.ends_at <= slot.starts_at]
    after = [other for other in others if other.starts_at >= slot.ends_at]
    said = []
    if before:
        here = max(before, key=lambda other: other.ends_at)
        said.append(_tight(here, slot, other=here))
    if after:
        there = min(after, key=lambda other: other.starts_at)
        said.append(_tight(slot, there, other=there))
    return [sentence for sentence in said if sentence]


def _tight(here: Slot, there: Slot, *, other: Slot) -> str:
    """« 16 min à pied depuis « Le four solaire », qui finit à 14 h 45, et vous avez 15 min. »"""
    start, goal = position_of(venue_of(here)), position_of(venue_of(there))
    if start is None or goal is None:
        return ""
    minutes = int((there.starts_at - here.ends_at).total_seconds() // 60)
    if not wording.is_tight(start, goal, minutes):
        return ""
    facts = {
        "walk": wording.say_walk(start, goal),
        "title": unlinked(other.activity.title),
        "time": wording.say_time(here.local_end if other is here else there.local_start),
        "ahead": wording.say_duration(minutes),
    }
    if other is here:
        return _("From “%(title)s”, which ends at %(time)s: %(walk)s, and you have %(ahead)s.") % facts
    return _("To “%(title)s”, which begins at %(time)s: %(walk)s, and you have %(ahead)s.") % facts


@dataclass(frozen=True)
class Letter:
    """What every mail shows around its own words.

    ``opening``: paragraphs in the edition's own words (``events.mail.wordings``), before the kind's first
    sentence, or instead of it unless ``keeps_lead``.
    """

    festival: str
    is_demo: bool
    team: str
    name: str = ""
    visits: tuple[Visit, ...] = ()
    reply_to: str = ""
    opening: tuple[str, ...] = ()
    keeps_lead: bool = True

    def but(self, **more: Any) -> Letter:
        return Letter(**{**vars(self), **more})


def letter_of(activity: Activity | None, *, name: str = "", visits: Sequence[Visit] = ()) -> Letter:
    """The frame of a mail about this activity; of the site alone without one."""
    if activity is None:
        site = "Festival French Tech"
        return Letter(site, False, _("The team of Festival French Tech"), name, tuple(visits))
    programme = activity.programme.name if activity.programme else ""
    festival, team = _frame(wording.language(), activity.festival.name, programme, activity.territory.name)
    return Letter(
        festival=festival,
        is_demo=activity.festival.is_demo,
        team=team,
        name=name,
        visits=tuple(visits),
        reply_to=activity.festival.contact_email or activity.territory.contact_email,
    )


@lru_cache(maxsize=500)
def _frame(_language: str, festival: str, programme: str, territory: str) -> tuple[str, str]:
    """Edition and programme, and who signs, in the active language: the same in every mail of a territory."""
    edition = plain(festival)
    return " · ".join(part for part in (edition, plain(programme)) if part), _team(territory, edition)


def letter_to_desk(festival: Festival, territory: Territory | None, *, name: str = "") -> Letter:
    """The frame of a mail to who works for an edition: to a host of ``territory``, or (None) to a team."""
    edition = plain(festival.name)
    if territory is None:
        return Letter(edition, festival.is_demo, _("The team of Festival French Tech"), name)
    return Letter(
        edition,
        festival.is_demo,
        _team(territory.name, edition),
        name,
        reply_to=territory.contact_email or festival.contact_email,
    )


def team_of(festival: str, territory: Territory | None) -> str:
    """Who signs: the team of a territory, or that of the whole edition."""
    if territory is None:
        return _("The team of “%(festival)s”") % {"festival": festival}
    return _team(territory.name, festival)


def _team(territory: str, festival: str) -> str:
    said = {"in_territory": _in(plain(territory)), "festival": festival}
    return _("The festival team %(in_territory)s, %(festival)s") % said


def _in(place: str) -> str:
    return wording.french_in(place) if wording.language() == "fr" else f"in {place}"

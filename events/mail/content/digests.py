"""Mails to a desk that nobody asked for: the day in figures, the door list, what is left undone, mail that
was held up, an agenda that waits. Each can be left by one click.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Prefetch
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from events import wording
from events.clock import on_the_wall
from events.folding import fold
from events.mail import desk_facts
from events.mail.desk_facts import Change
from events.mail.desk_wishes import way_out
from events.mail.letters import (
    HOME_ZONE,
    Letter,
    address,
    first_name,
    letter_to_desk,
    place_of,
    plain,
    plain_name,
    unlinked,
)
from events.models import Activity, Festival, Host, Message, Pool, Registration, Slot, Territory

from .shared import Content, ContentOf

Kind = Message.Kind
MOST_SLOTS = 20
MOST_NAMES = 60
"""Of one slot; the list to print has them all."""


def _host_digest(message: Message, now: dt.datetime) -> Content:
    host = Host.objects.select_related("territory").get(pk=message.context["host"])
    facts = {
        "whose": unlinked(host.name),
        "desk": address("host_people", host.slug),
        **_day_in_figures(message, now, host.territory.timezone, of_host=True),
    }
    return _content(message, host.territory, facts)


def _organiser_digest(message: Message, now: dt.datetime) -> Content:
    territory = Territory.objects.get(pk=message.context["territory"])
    to_read = Activity.objects.filter(territory=territory, festival=message.context["festival"]).to_moderate()
    facts = {
        "whose": plain(territory.name),
        "desk": address("organiser_territory", territory.slug),
        "to_read": to_read.count(),
        "moderation": address("organiser_moderation", territory.slug),
        **_day_in_figures(message, now, territory.timezone, of_host=False),
    }
    return _content(message, None, facts)


def _day_in_figures(message: Message, now: dt.datetime, zone: str, *, of_host: bool) -> dict[str, Any]:
    """What changed, slot by slot in order of time; where there are too many, those with most change."""
    span, slots = desk_facts.span_of(message), desk_facts.slots_told_of(message, now)
    changes, total = desk_facts.changes(message, now), Change()
    for change in changes.values():
        total.add(change)
    most = sorted(changes, key=lambda key: (-changes[key].booked - changes[key].given_back, key))[:MOST_SLOTS]
    shown = [_row(slot, changes[slot.pk], of_host=of_host) for slot in slots.filter(pk__in=most)]
    until = on_the_wall(span.until, zone)
    return {
        "summary": wording.say_list(_said(total)),
        "since": wording.say_when(on_the_wall(span.since, zone), until.date()),
        "rows": shown,
        "others": len(changes) - len(shown),
    }


def _row(slot: Slot, change: Change, *, of_host: bool) -> dict[str, str]:
    return {
        "hour": wording.say_time(slot.local_start),
        "day": wording.say_day(slot.day),
        "title": unlinked(slot.activity.title),
        "host": "" if of_host else unlinked(slot.activity.host.name),
        "change": wording.say_list(_said(change)),
        "left": _left(slot),
    }


def _said(change: Change) -> list[str]:
    """« 3 places réservées », « 1 place rendue »…"""
    return [
        words % {"number": wording.say_number(number)}
        for number, words in (
            (
                change.booked,
                ngettext("%(number)s place booked", "%(number)s places booked", change.booked),
            ),
            (
                change.given_back,
                ngettext("%(number)s place given back", "%(number)s places given back", change.given_back),
            ),
            (
                change.moved,
                ngettext(
                    "%(number)s visit from another time", "%(number)s visits from another time", change.moved
                ),
            ),
            (
                change.waiting,
                ngettext(
                    "%(number)s new request on the waiting list",
                    "%(number)s new requests on the waiting list",
                    change.waiting,
                ),
            ),
        )
        if number
    ]


def _left(slot: Slot) -> str:
    """« il reste 4 places sur 15 », « complet, 3 demandes en attente »."""
    left = slot.places_left
    if left is None or slot.capacity is None:
        return ngettext("%(number)s place taken", "%(number)s places taken", slot.taken) % {
            "number": wording.say_number(slot.taken)
        }
    of_all = {"number": wording.say_number(left), "capacity": wording.say_number(slot.capacity)}
    said = (
        ngettext("%(number)s place left of %(capacity)s", "%(number)s places left of %(capacity)s", left)
        % of_all
        if left
        else _("full, %(capacity)s places") % of_all
    )
    if slot.waiting:
        waits = ngettext("%(number)s request waits", "%(number)s requests wait", slot.waiting)
        said = f"{said}, {waits % {'number': wording.say_number(slot.waiting)}}"
    return said


# The evening before -----------------------------------------------------------------------------------------


def _door_list(message: Message, now: dt.datetime) -> Content:
    said, day = message.context, dt.date.fromisoformat(message.context["day"])
    slots = desk_facts.doors_of(message, now).prefetch_related("pools")
    if "host" not in said:
        territory = Territory.objects.get(pk=said["territory"])
        doors = [_door(slot, of_host=False) for slot in slots[:MOST_NAMES]]
        page = f"{address('organiser_slots', territory.slug)}?jour={day.isoformat()}"
        facts = {"whose": plain(territory.name), "to_organiser": True, "desk": page}
        return _content(
            message, None, {**facts, **_doors(doors, slots.count(), day, territory.timezone, now)}
        )
    host = Host.objects.select_related("territory").get(pk=said["host"])
    people = Registration.objects.confirmed().order_by("pk")
    slots = slots.prefetch_related(Prefetch("registrations", queryset=people, to_attr="people"))
    doors = [_door(slot, of_host=True) for slot in slots]
    page = f"{address('host_people', host.slug)}?jour={day.isoformat()}"
    facts = {"whose": unlinked(host.name), "to_organiser": False, "desk": page}
    about = _doors(doors, len(doors), day, host.territory.timezone, now)
    return _content(message, host.territory, {**facts, **about})


def _doors(
    doors: list[dict[str, Any]], number: int, day: dt.date, zone: str, now: dt.datetime
) -> dict[str, Any]:
    return {
        "doors": doors,
        "others": number - len(doors),
        "number": number,
        "day": wording.say_day(day),
        "is_today": on_the_wall(now, zone).date() == day,
        "has_names": any(door["names"] for door in doors),
    }


def _door(slot: Slot, *, of_host: bool) -> dict[str, Any]:
    """A slot as who opens the door wants it: how many, who where names were asked for, kept places."""
    start, end = slot.local_start, slot.local_end
    people: list[Registration] = getattr(slot, "people", [])
    asks = of_host and slot.activity.ask_name
    names = sorted(people, key=lambda one: (fold(one.name), one.reference)) if asks else []
    coming = sum(one.party_size for one in people if one.coming_at is not None)
    times = wording.say_times(start, end)
    return {
        "hour": wording.say_time(start),
        "times": times if slot.timezone == HOME_ZONE else _("%(times)s, local time") % {"times": times},
        "title": unlinked(slot.activity.title),
        "host": "" if of_host else unlinked(slot.activity.host.name),
        "place": place_of(slot),
        "places": _expected(slot),
        "coming": ngettext(
            "%(number)s place confirmed since the reminder",
            "%(number)s places confirmed since the reminder",
            coming,
        )
        % {"number": wording.say_number(coming)}
        if coming
        else "",
        "kept": [_kept(pool) for pool in slot.pools.all() if pool.released_at is None or pool.taken],
        "needs": _needs(people),
        "names": [_name(one) for one in names[:MOST_NAMES]],
        "more_names": max(0, len(names) - MOST_NAMES),
        "list": address("host_door_list", slot.activity.host.slug, slot.pk) if of_host else "",
    }


def _expected(slot: Slot) -> str:
    """« 12 places prises sur 15, 3 demandes en attente », « personne n’est inscrit »."""
    if not slot.taken:
        return _("nobody is registered")
    number = {"number": wording.say_number(slot.taken)}
    if slot.capacity is None:
        said = ngettext("%(number)s place taken", "%(number)s places taken", slot.taken) % number
    else:
        words = ngettext(
            "%(number)s place taken of %(capacity)s", "%(number)s places taken of %(capacity)s", slot.taken
        )
        said = words % {**number, "capacity": wording.say_number(slot.capacity)}
    if slot.waiting:
        waits = ngettext("%(number)s request waits", "%(number)s requests wait", slot.waiting)
        said = f"{said}, {waits % {'number': wording.say_number(slot.waiting)}}"
    return said


def _kept(pool: Pool) -> str:
    """« Groupes : 4 places prises sur 10 »."""
    words = ngettext(
        "%(kind)s: %(number)s place taken of %(capacity)s",
        "%(kind)s: %(number)s places taken of %(capacity)s",
        pool.taken,
    )
    return words % {
        "kind": pool.get_kind_display(),
        "number": wording.say_number(pool.taken),
        "capacity": wording.say_number(pool.places),
    }


def _needs(people: list[Registration]) -> str:
    """How many places are for people with access needs, who with their companions booked those kept."""
    places = sum(one.party_size for one in people if one.pool == Pool.Kind.ACCESS)
    if not places:
        return ""
    words = ngettext(
        "%(number)s place booked for access needs and companions",
        "%(number)s places booked for access needs and companions",
        places,
    )
    return words % {"number": wording.say_number(places)}


def _name(registration: Registration) -> dict[str, str]:
    """« Camille Martin, 2 places », « RJ4K-7KDM », « vient toujours »."""
    size = registration.party_size
    places = ngettext("%(number)d place", "%(number)d places", size) % {"number": size}
    notes = [str(Pool.Kind(registration.pool).label)] if registration.pool else []
    if registration.coming_at is not None:
        notes.append(_("still coming"))
    return {
        "who": f"{plain_name(registration.name) or '–'}, {places}",
        "reference": registration.reference,
        "notes": ", ".join(notes),
    }


# Left undone ------------------------------------------------------------------------------------------------


def _nag_draft(message: Message, now: dt.datetime) -> Content:
    host = Host.objects.select_related("territory").get(pk=message.context["host"])
    drafts = [
        {
            "title": unlinked(draft.title),
            "page": address("host_activity", host.slug, draft.pk),
            "begun": wording.say_day(
                on_the_wall(draft.created_at, host.territory.timezone).date(), weekday=False
            ),
        }
        for draft in desk_facts.drafts_left(message)
    ]
    facts = {
        "host": unlinked(host.name),
        "drafts": drafts,
        "count": len(drafts),
        "desk": drafts[0]["page"] if len(drafts) == 1 else address("host_activities", host.slug),
    }
    return _content(message, host.territory, facts)


def _nag_slots(message: Message, now: dt.datetime) -> Content:
    to_host = "host" in message.context
    slots = list(desk_facts.slots_left(message, now))
    first = slots[0]
    rows = [
        {
            "hour": wording.say_time(slot.local_start),
            "day": wording.say_day(slot.day),
            "title": unlinked(slot.activity.title),
            "host": "" if to_host else unlinked(slot.activity.host.name),
            "why": _why_not_public(slot),
        }
        for slot in slots[:MOST_SLOTS]
    ]
    facts: dict[str, Any] = {
        "to_host": to_host,
        "rows": rows,
        "count": len(slots),
        "others": len(slots) - len(rows),
        "title": rows[0]["title"],
        "day": rows[0]["day"],
    }
    if to_host:
        host = Host.objects.select_related("territory").get(pk=message.context["host"])
        return _content(
            message,
            host.territory,
            {**facts, "whose": unlinked(host.name), "desk": address("host_activities", host.slug)},
        )
    territory = first.activity.territory
    is_read = first.activity.state == Activity.State.SUBMITTED
    desk = address("organiser_moderation" if is_read else "organiser_release", territory.slug)
    return _content(message, None, {**facts, "whose": plain(territory.name), "desk": desk})


def _why_not_public(slot: Slot) -> str:
    return {
        Activity.State.DRAFT: _("the activity has not been submitted"),
        Activity.State.CHANGES_REQUESTED: _("the team has asked for changes"),
        Activity.State.SUBMITTED: _("the activity waits to be read"),
        Activity.State.READY: _("the activity is ready, not published"),
        Activity.State.PUBLISHED: _("the slot is still a draft"),
    }[Activity.State(slot.activity.state)]


# Mail that was held up --------------------------------------------------------------------------------------


def _mail_stuck(message: Message, now: dt.datetime) -> Content:
    said = message.context
    territory = Territory.objects.filter(pk=said.get("territory")).first()
    zone = territory.timezone if territory is not None else HOME_ZONE
    since, until = (on_the_wall(dt.datetime.fromisoformat(said[end]), zone) for end in ("since", "until"))
    facts = {
        "span": wording.say_span(since, until),
        "late": int(said["late"]),
        "late_words": wording.say_number(int(said["late"])),
        "whose": plain(territory.name) if territory is not None else "",
        "desk": address("organiser_status", territory.slug) if territory is not None else address("desk"),
    }
    return _content(message, None, facts)


# An agenda that waits for somebody --------------------------------------------------------------------------


def _agenda_stuck(message: Message, now: dt.datetime) -> Content:
    """Of the address only the server is named: the rest may hold a key."""
    source = desk_facts.agenda_left(message, now)
    if source is None:
        raise ValueError("An agenda that waits for nobody any more.")
    territory, is_held = source.territory, message.context["cause"] == "held"
    since = source.held_at if is_held else source.failing_since
    assert since is not None  # noqa: S101 - for the types: it is stuck
    page = address("organiser_exchange", territory.slug)
    facts = {
        "is_held": is_held,
        "whose": plain(territory.name),
        "server": plain(urlsplit(source.url).hostname or ""),
        "since": wording.say_moment(on_the_wall(since, territory.timezone), weekday=True),
        "gone": source.held_gone,
        "gone_words": wording.say_number(source.held_gone),
        "known": wording.say_number(source.held_known),
        "desk": f"{page}#agenda-{source.pk}",
    }
    return _content(message, None, facts)


def _content(message: Message, territory: Territory | None, facts: dict[str, Any]) -> Content:
    """``territory``: of a host; None when the reader is of the team."""
    reader = User.objects.get(pk=message.context["reader"])
    stop = way_out(reader.pk, message.kind)
    headers = {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    letter = _letter(message, territory, first_name(reader.name))
    return Content(letter, {**facts, "stop": stop, "wishes": address("desk_mails")}, headers=headers)


def _letter(message: Message, territory: Territory | None, name: str) -> Letter:
    festival = Festival.objects.filter(pk=message.context.get("festival")).first()
    if festival is None:
        return Letter("Festival French Tech", False, _("The team of Festival French Tech"), name)
    return letter_to_desk(festival, territory, name=name)


CONTENT_OF: ContentOf = {
    Kind.HOST_DIGEST: _host_digest,
    Kind.ORGANISER_DIGEST: _organiser_digest,
    Kind.DOOR_LIST: _door_list,
    Kind.NAG_DRAFT: _nag_draft,
    Kind.NAG_SLOTS: _nag_slots,
    Kind.MAIL_STUCK: _mail_stuck,
    Kind.AGENDA_STUCK: _agenda_stuck,
}

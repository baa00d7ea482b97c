"""Mails to those who speak for a host, run a territory or a room."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from events import wording
from events.changes import say_stay
from events.clock import on_the_wall
from events.mail.letters import address, first_name, letter_of, paragraphs, plain, unlinked
from events.models import Message, ReleaseChange, RoomRequest, in_reader_language

from .shared import Content, ContentOf, said_by_the_team

Kind = Message.Kind


def _moderation(message: Message, now: dt.datetime) -> Content:
    activity = message.activity
    if activity is None:
        raise ValueError("A mail of the moderation without its activity.")
    facts = {
        "title": unlinked(activity.title),
        "host": unlinked(activity.host.name),
        "territory": plain(activity.territory.name),
        "reason": said_by_the_team(str(message.context.get("reason", ""))),
        "to_organiser": message.context.get("audience") == "organiser",
        "desk": address("desk"),
        "page": f"{settings.SITE_URL}{activity.get_absolute_url()}",
    }
    return Content(letter_of(activity), facts)


def _host_slots_changed(message: Message, now: dt.datetime) -> Content:
    """To who speaks for a host: each of its slots that a release moved, before and after."""
    activity = message.activity
    if activity is None:
        raise ValueError("A mail about a host's slots without its activity.")
    changes = ReleaseChange.objects.filter(pk__in=message.context.get("changes", [])).order_by("pk")
    said = [
        {
            "title": unlinked(in_reader_language(change.title_fr, change.title_en)),
            "before": unlinked(say_stay(change.before)) if change.before else "",
            "after": unlinked(say_stay(change.after)),
        }
        for change in changes
    ]
    facts = {
        "host": unlinked(str(message.context.get("host", ""))),
        "changes": said,
        "count": len(said),
        "desk": address("desk"),
    }
    return Content(letter_of(activity), facts)


def _room_request(message: Message, now: dt.datetime) -> Content:
    """What is asked for and by whom; for who asked, the answer too."""
    request = RoomRequest.objects.select_related(
        "room__venue__territory",
        "asked_by",
        "slot__activity__host",
        "slot__activity__festival",
        "slot__activity__programme",
        "slot__activity__territory",
    ).get(pk=message.context.get("request"))
    slot, room = request.slot, request.room
    territory = room.venue.territory
    start, end = (on_the_wall(at, territory.timezone) for at in (request.starts_at, request.ends_at))
    day, last = wording.say_day(start.date()), wording.say_day(end.date())
    facts = {
        "room": unlinked(room.name),
        "venue": unlinked(room.venue.name),
        "what": unlinked(slot.activity.title) if slot else unlinked(request.label),
        "host": unlinked(slot.activity.host.name) if slot else "",
        "by": first_name(request.asked_by.name) if request.asked_by else "",
        "places": slot.capacity if slot else None,
        "day": day if start.date() == end.date() else f"{day} – {last}",
        "times": wording.say_times(start, end),
        "message": paragraphs(request.message),
        "answer": said_by_the_team(request.answer),
        "is_accepted": request.state == RoomRequest.State.ACCEPTED,
        "desk": _desk_of(request) if message.kind == Kind.ROOM_ANSWERED else "",
        "requests": address("organiser_requests", territory.slug),
    }
    return Content(letter_of(slot.activity if slot else None), facts)


def _desk_of(request: RoomRequest) -> str:
    """Where who asked looks next: the host at its slot, anybody else at the requests."""
    if request.slot is None:
        return address("organiser_requests", request.room.venue.territory.slug)
    return address("host_slot", request.slot.activity.host.slug, request.slot.pk)


CONTENT_OF: ContentOf = {
    Kind.ROOM_ASKED: _room_request,
    Kind.ROOM_ANSWERED: _room_request,
    Kind.SUBMITTED: _moderation,
    Kind.PUBLISHED: _moderation,
    Kind.CHANGES_REQUESTED: _moderation,
    Kind.REJECTED: _moderation,
    Kind.HOST_SLOTS_CHANGED: _host_slots_changed,
}

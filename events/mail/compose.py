"""What each e-mail says. One function per kind, read top to bottom; the words stand in
``events/email/<kind>.*``.

A mail is composed when it leaves, from what is true then. Links come from SITE_URL only; the text says the
same as the HTML, in the same order.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.encoders import encode_base64
from email.mime.base import MIMEBase
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.template import Context, engines
from django.template.backends.django import DjangoTemplates
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from events import wording
from events.calendar import Method, calendar_of
from events.changes import say_stay
from events.clock import on_the_wall
from events.links import NEW_ADDRESS_LASTS, mask, new_address_token, reminders_token
from events.mail.letters import (
    HOME_ZONE,
    Letter,
    address,
    day_of,
    first_name,
    letter_of,
    paragraphs,
    plain,
    say_until,
    tight_walks,
    visit_of,
    visit_of_slot,
)
from events.models import (
    Activity,
    BallotEntry,
    Message,
    Overtaking,
    Registration,
    ReleaseChange,
    RoomRequest,
    Visitor,
    in_reader_language,
)

Kind, Status = Message.Kind, Message.Status


@dataclass
class Content:
    """What a kind's templates need beside the letter, its calendar file and its own headers."""

    letter: Letter
    facts: dict[str, Any] = field(default_factory=dict)
    calendar: tuple[Method, list[Registration]] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def compose(message: Message, *, now: dt.datetime) -> EmailMultiAlternatives:
    """The mail as it leaves, in the recipient's language. Raises whatever its templates or facts raise."""
    with override(message.locale):
        if message.kind == Kind.ACCOUNT:
            return _as_fixed(message)
        content = CONTENT_OF[message.kind](message, now)
        return _mail(message, content, now)


def _mail(message: Message, content: Content, now: dt.datetime) -> EmailMultiAlternatives:
    context = {"letter": content.letter, "now": now, **content.facts}
    context["subject"] = _one_line(_render(f"{message.kind}_subject.txt", context, escape=False))
    mail = EmailMultiAlternatives(
        subject=context["subject"],
        body=_tidy(_render(f"{message.kind}.txt", context, escape=False)),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        reply_to=[content.letter.reply_to] if content.letter.reply_to else None,
        headers={**_headers(message), **content.headers},
    )
    mail.attach_alternative(_render(f"{message.kind}.html", context, escape=True), "text/html")
    if content.calendar:
        method, registrations = content.calendar
        mail.attach(_calendar_part(calendar_of(registrations=registrations, method=method, now=now), method))
    return mail


def _as_fixed(message: Message) -> EmailMultiAlternatives:
    """A mail whose words were fixed when it was owed (accounts). Its sender and headers wait in the
    context."""
    kept = message.context
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text_body,
        from_email=kept.get("from_email") or settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        reply_to=kept.get("reply_to") or None,
        headers={**kept.get("headers", {}), **_headers(message)},
    )
    if message.html_body:
        mail.attach_alternative(message.html_body, "text/html")
    return mail


def _headers(message: Message) -> dict[str, str]:
    return {
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834: no answering machine answers
        "X-Auto-Response-Suppress": "All",  # the same, as Exchange wants to hear it
        "Content-Language": message.locale,
    }


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


def _calendar_part(content: bytes, method: Method) -> MIMEBase:
    part = MIMEBase("text", "calendar", charset="utf-8", method=method, name="visite.ics")
    part.add_header("Content-Disposition", "attachment", filename="visite.ics")
    part.set_payload(content)
    encode_base64(part)
    return part


# What each kind says ---------------------------------------------------------------------------------------


def _confirmation(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    facts = {
        **_ways(registration),
        "after_offer": registration.waiting_since is not None,
        "walks": _walks(registration, now),
        "change": _page("my_visit_move", registration),
    }
    return Content(_letter_about(registration), facts, ("REQUEST", [registration]))


def _waiting(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    request = Registration.objects.filter(pk=registration.pk)
    if registration.any_of:
        request = Registration.objects.filter(any_of=registration.any_of)
    waiting = list(
        _with_everything()
        .filter(pk__in=request.filter(status=Registration.Status.WAITING))
        .order_by("slot__starts_at", "pk")
    )
    visits = [visit_of(one, rank=wording.say_ordinal(_rank(one))) for one in waiting]
    letter = letter_of(registration.slot.activity, name=first_name(registration.name), visits=visits)
    facts = {
        **_ways(registration),
        "rank": wording.say_ordinal(_rank(registration)),
        "size": registration.party_size,
        "split": _page("my_visit_split", registration),
    }
    return Content(letter, facts)


def _offer(message: Message, now: dt.datetime) -> Content:
    return _kept(message, now, page="my_visit_offer")


def _confirm_address(message: Message, now: dt.datetime) -> Content:
    return _kept(message, now, page="my_visit_confirm")


def _choose(message: Message, now: dt.datetime) -> Content:
    content = _kept(message, now, page="my_visit_choose")
    registration = _registration(message)
    slot = registration.slot
    there = Registration.objects.filter(
        visitor=registration.visitor_id,
        status__in=[Registration.Status.CONFIRMED, Registration.Status.HELD],
        slot__starts_at__lt=slot.ends_at,
        slot__ends_at__gt=slot.starts_at,
    )
    content.facts["is_overlap"] = there.exclude(pk=registration.pk).exists()
    return content


def _kept(message: Message, now: dt.datetime, *, page: str) -> Content:
    """Places kept until an hour that is said, answered on a page."""
    registration = _registration(message)
    if registration.held_until is None:
        raise ValueError("A mail about places that are not kept.")
    slot = registration.slot
    facts = {
        "answer": _page(page, registration),
        "size": registration.party_size,
        "until": say_until(registration.held_until, slot),
        "until_time": wording.say_time(on_the_wall(registration.held_until, slot.timezone)),
        "walks": _walks(registration, now),
        "others_waited_for": _others_waited_for(registration),
    }
    return Content(_letter_about(registration), facts)


def _offer_over(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    slot = registration.slot
    may_wait = slot.waiting_list_open and slot.starts_at > now
    facts = {
        **_ways(registration),
        "size": registration.party_size,
        "may_wait": may_wait,
        "again": address("slot_register" if may_wait else "slot", slot.pk),
        "others_waited_for": _others_waited_for(registration),
    }
    return Content(_letter_without_ticket(registration), facts)


def _passed(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    rank = wording.say_ordinal(_rank(registration))
    passed = registration.overtakings.filter(why=Overtaking.Why.TOO_MANY)
    facts = {
        **_ways(registration),
        "was_served": passed.filter(by__isnull=False).exists(),
        "places": int(message.context.get("places", 1)),
        "size": registration.party_size,
        "rank": rank,
        "split": _page("my_visit_split", registration),
    }
    letter = letter_of(
        registration.slot.activity,
        name=first_name(registration.name),
        visits=[visit_of(registration, rank=rank)],
    )
    return Content(letter, facts)


def _last_call(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    facts = {"claim": _page("my_visit_claim", registration), "walks": _walks(registration, now)}
    return Content(_letter_about(registration), facts)


def _moved(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    was, zone = _what_the_visitor_knew(message), registration.slot.timezone
    old = on_the_wall(dt.datetime.fromisoformat(was["old_starts_at"]), zone)
    facts = {
        **_ways(registration),
        "old_day": wording.say_day(old.date()),
        "old_times": wording.say_times(old, on_the_wall(dt.datetime.fromisoformat(was["old_ends_at"]), zone)),
        "walks": _walks(registration, now),
    }
    return Content(_letter_about(registration), facts, ("REQUEST", [registration]))


def _new_address(message: Message, now: dt.datetime) -> Content:
    """Goes to an address whose owner may know nothing of this: so it shows no visit and no name."""
    visitor = _visitor(message)
    token = new_address_token(visitor.pk, visitor.link_nonce, message.recipient)
    until = on_the_wall(message.created_at + NEW_ADDRESS_LASTS, HOME_ZONE)
    facts = {
        "take": address("new_address", token),
        "old": mask(visitor.email),
        "until": wording.say_moment(until, weekday=True),
    }
    return Content(letter_of(_latest_activity(visitor)), facts)


def _address_changed(message: Message, now: dt.datetime) -> Content:
    """Goes to the address that is no longer the visitor's: it opens nothing."""
    visitor = _visitor(message)
    letter = letter_of(_latest_activity(visitor))
    facts = {
        "at": wording.say_moment(on_the_wall(message.created_at, HOME_ZONE), weekday=True),
        "new": mask(visitor.email),
        "contact": letter.reply_to or parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
    }
    return Content(letter, facts)


def _already_registered(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    return Content(_letter_about(registration), _ways(registration))


def _reduced(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    facts = {**_ways(registration), "given_back": int(message.context.get("given_back", 1))}
    return Content(
        _letter_about(registration), {**facts, "kept": registration.party_size}, ("REQUEST", [registration])
    )


def _cancellation(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    facts = {
        "had_a_place": registration.confirmed_at is not None,
        "by_visitor": registration.cancelled_by in ("", "visitor"),
        "programme": address("programme"),
    }
    return Content(_letter_without_ticket(registration), facts, _cancelled_calendar(registration))


def _slot_cancelled(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    facts = {
        "had_a_place": registration.confirmed_at is not None,
        "reason": paragraphs(str(message.context.get("reason", ""))),
        "programme": address("programme"),
    }
    return Content(_letter_without_ticket(registration), facts, _cancelled_calendar(registration))


def _slot_moved(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    slot, was = registration.slot, _what_the_visitor_knew(message)
    old_start = dt.datetime.fromisoformat(was["old_starts_at"])
    old_end = dt.datetime.fromisoformat(was.get("old_ends_at") or was["old_starts_at"])
    local = on_the_wall(old_start, slot.timezone)
    facts = {
        **_ways(registration),
        "old_day": wording.say_day(local.date()),
        "old_times": wording.say_times(local, on_the_wall(old_end, slot.timezone)),
        "old_place": plain(str(was.get("old_place", ""))),
        "new_time": old_start != slot.starts_at,
        "is_waiting": registration.status == Registration.Status.WAITING,
    }
    confirmed = registration.status == Registration.Status.CONFIRMED
    return Content(_letter_about(registration), facts, ("REQUEST", [registration]) if confirmed else None)


def _reminder(message: Message, now: dt.datetime) -> Content:
    registration = _registration(message)
    slot = registration.slot
    day = visits_of_the_day(registration, now=now)
    visits, visitor = day_of(day), registration.visitor
    today = on_the_wall(now, slot.timezone).date()
    waiting = sum(other.slot.waiting for other in day)
    stop = address("reminders_off", reminders_token(visitor.pk))
    facts = {
        **_ways(registration),
        "count": len(day),
        "count_words": _spelled(len(day)),
        "days_left": (slot.day - today).days,
        "waiting": waiting,
        "stop": stop,
    }
    headers = {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    name = first_name(registration.name)
    return Content(letter_of(slot.activity, name=name, visits=visits), facts, headers=headers)


def _link(message: Message, now: dt.datetime) -> Content:
    visitor = _visitor(message)
    coming = list(
        _with_everything()
        .filter(visitor=visitor, status__in=Registration.ACTIVE, slot__ends_at__gt=now)
        .order_by("slot__starts_at", "pk")[:20]
    )
    activity = coming[0].slot.activity if coming else None
    letter = letter_of(activity, visits=[visit_of(registration) for registration in coming])
    return Content(letter, {"my_visits": address("my_visits", visitor.token), "count": len(coming)})


def _moderation(message: Message, now: dt.datetime) -> Content:
    activity = message.activity
    if activity is None:
        raise ValueError("A mail of the moderation without its activity.")
    facts = {
        "title": plain(activity.title),
        "host": plain(activity.host.name),
        "territory": plain(activity.territory.name),
        "reason": _said_by_the_team(str(message.context.get("reason", ""))),
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
            "title": plain(in_reader_language(change.title_fr, change.title_en)),
            "before": plain(say_stay(change.before)) if change.before else "",
            "after": plain(say_stay(change.after)),
        }
        for change in changes
    ]
    facts = {
        "host": plain(str(message.context.get("host", ""))),
        "changes": said,
        "count": len(said),
        "desk": address("desk"),
    }
    return Content(letter_of(activity), facts)


def _ballot_entered(message: Message, now: dt.datetime) -> Content:
    entry = _entry(message)
    slots = [wish.slot for wish in _wishes(entry)]
    visits = [visit_of_slot(slot) for slot in slots]
    facts = {**_about_ballot(entry), "again": bool(message.context.get("again")), "count": len(visits)}
    asks = entry.ballot.festival.confirms_addresses and _visitor(message).verified_at is None
    facts["to_confirm"] = asks
    activity = slots[0].activity if slots else None
    name = first_name(entry.name)
    return Content(letter_of(activity, name=name, visits=visits), facts)


def _ballot_won(message: Message, now: dt.datetime) -> Content:
    entry = _entry(message)
    won = [row for row in _drawn(entry) if row.status == Registration.Status.CONFIRMED]
    if not won:
        raise ValueError("A mail about visits won without one.")
    visits = [visit_of(row) for row in won]
    letter = letter_of(won[0].slot.activity, name=first_name(entry.name), visits=visits)
    # One request is about one event (RFC 5546 §3.2.2); several are published.
    method: Method = "REQUEST" if len(won) == 1 else "PUBLISH"
    return Content(letter, {**_about_ballot(entry), "count": len(won)}, (method, won))


def _ballot_lost(message: Message, now: dt.datetime) -> Content:
    """With the rank on each list, as it is when the mail leaves."""
    entry = _entry(message)
    waiting = [row for row in _drawn(entry) if row.status == Registration.Status.WAITING]
    lists = [
        {
            "title": plain(row.slot.activity.title),
            "moment": wording.say_moment(row.slot.local_start, weekday=True),
            "rank": wording.say_ordinal(_rank(row)),
        }
        for row in waiting
    ]
    activity = waiting[0].slot.activity if waiting else None
    if activity is None and (wish := _wishes(entry).first()):
        activity = wish.slot.activity
    letter = letter_of(activity, name=first_name(entry.name), visits=[visit_of(row) for row in waiting])
    rank = wording.say_ordinal(entry.rank or 0)
    return Content(letter, {**_about_ballot(entry), "lists": lists, "rank": rank})


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
        "room": plain(room.name),
        "venue": plain(room.venue.name),
        "what": plain(slot.activity.title) if slot else plain(request.label),
        "host": plain(slot.activity.host.name) if slot else "",
        "by": first_name(request.asked_by.name) if request.asked_by else "",
        "places": slot.capacity if slot else None,
        "day": day if start.date() == end.date() else f"{day} – {last}",
        "times": wording.say_times(start, end),
        "message": paragraphs(request.message),
        "answer": _said_by_the_team(request.answer),
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


CONTENT_OF: dict[str, Callable[[Message, dt.datetime], Content]] = {
    Kind.CONFIRMATION: _confirmation,
    Kind.WAITING: _waiting,
    Kind.CONFIRM_ADDRESS: _confirm_address,
    Kind.CHOOSE: _choose,
    Kind.OFFER: _offer,
    Kind.OFFER_OVER: _offer_over,
    Kind.PASSED: _passed,
    Kind.LAST_CALL: _last_call,
    Kind.MOVED: _moved,
    Kind.NEW_ADDRESS: _new_address,
    Kind.ADDRESS_CHANGED: _address_changed,
    Kind.ALREADY_REGISTERED: _already_registered,
    Kind.REDUCED: _reduced,
    Kind.CANCELLATION: _cancellation,
    Kind.SLOT_CANCELLED: _slot_cancelled,
    Kind.SLOT_MOVED: _slot_moved,
    Kind.REMINDER: _reminder,
    Kind.LINK: _link,
    Kind.BALLOT_ENTERED: _ballot_entered,
    Kind.BALLOT_WON: _ballot_won,
    Kind.BALLOT_LOST: _ballot_lost,
    Kind.ROOM_ASKED: _room_request,
    Kind.ROOM_ANSWERED: _room_request,
    Kind.SUBMITTED: _moderation,
    Kind.PUBLISHED: _moderation,
    Kind.CHANGES_REQUESTED: _moderation,
    Kind.REJECTED: _moderation,
    Kind.HOST_SLOTS_CHANGED: _host_slots_changed,
}


# What they share -------------------------------------------------------------------------------------------


def visits_of_the_day(registration: Registration, *, now: dt.datetime) -> list[Registration]:
    """This confirmed visit and the visitor's others of that day still to come, in order."""
    slot = registration.slot
    return list(
        _with_everything()
        .confirmed()
        .filter(
            visitor=registration.visitor_id,
            slot__day=slot.day,
            slot__state="published",
            slot__starts_at__gt=now,
        )
        .order_by("slot__starts_at", "pk")
    )


def said_with(message: Message, *, now: dt.datetime) -> list[int]:
    """The other reminders, due by the same rule for the same day, that this mail makes superfluous: their
    keys."""
    if message.kind != Kind.REMINDER or message.visitor_id is None:
        return []
    others = (
        Message.objects.filter(
            kind=Kind.REMINDER,
            visitor=message.visitor_id,
            status__in=[Status.PENDING, Status.SENDING],
            next_attempt_at__lte=now,
        )
        .exclude(pk=message.pk)
        .values_list("pk", "context")
    )
    mine = (message.context.get("rule"), message.context.get("day"))
    return [key for key, context in others if (context.get("rule"), context.get("day")) == mine]


def _with_everything() -> Any:
    return Registration.objects.select_related(
        "visitor",
        "slot__activity__host",
        "slot__activity__festival",
        "slot__activity__programme",
        "slot__activity__territory",
        "slot__activity__venue__commune",
        "slot__activity__venue__territory",
        "slot__venue__commune",
        "slot__venue__territory",
        "slot__room",
    )


def _registration(message: Message) -> Registration:
    if message.registration is None:
        raise ValueError("A mail about a registration without it.")
    return message.registration


def _entry(message: Message) -> BallotEntry:
    if message.ballot_entry is None:
        raise ValueError("A mail about a ballot without its entry.")
    return message.ballot_entry


def _wishes(entry: BallotEntry) -> Any:
    return entry.wishes.select_related(
        "slot__activity__host",
        "slot__activity__festival",
        "slot__activity__programme",
        "slot__activity__territory",
        "slot__activity__venue__commune",
        "slot__activity__venue__territory",
        "slot__venue__commune",
        "slot__venue__territory",
        "slot__room",
    ).order_by("rank")


def _drawn(entry: BallotEntry) -> list[Registration]:
    """What the draw made of an entry, in the order of time."""
    return list(_with_everything().filter(ballot_entry=entry).order_by("slot__starts_at", "pk"))


def _about_ballot(entry: BallotEntry) -> dict[str, Any]:
    """Links and moments of a ballot and of one entry in it."""
    ballot, visitor = entry.ballot, entry.visitor
    zone = ballot.territory.timezone if ballot.territory else settings.TIME_ZONE
    facts = {
        "ballot": plain(ballot.name),
        "ballot_page": address("ballot", ballot.slug),
        "closes": wording.say_moment(on_the_wall(ballot.closes_at, zone), weekday=True),
        "code": str(entry.code),
        "party": ngettext("%(number)d place", "%(number)d places", entry.party_size)
        % {"number": entry.party_size},
    }
    if visitor is not None:
        facts["my_entry"] = address("my_ballot_entry", visitor.token, entry.code)
        facts["my_visits"] = address("my_visits", visitor.token)
    return facts


def _visitor(message: Message) -> Visitor:
    visitor = message.visitor or (message.registration.visitor if message.registration else None)
    if visitor is None:
        raise ValueError("A mail to a visitor without one.")
    return visitor


def _letter_about(registration: Registration) -> Letter:
    name = first_name(registration.name)
    return letter_of(registration.slot.activity, name=name, visits=[visit_of(registration)])


def _letter_without_ticket(registration: Registration) -> Letter:
    name = first_name(registration.name)
    return letter_of(registration.slot.activity, name=name, visits=[visit_of_slot(registration.slot)])


def _ways(registration: Registration) -> dict[str, Any]:
    """Where the visitor goes from here, and who would be glad of the place."""
    return {
        "my_visits": address("my_visits", registration.visitor.token),
        "waiting": registration.slot.waiting,
    }


def _page(name: str, registration: Registration) -> str:
    """A page of this registration behind the visitor's link."""
    return address(name, registration.visitor.token, registration.reference)


def _rank(registration: Registration) -> int:
    """From 1, in the list of its slot."""
    since = registration.waiting_since
    ahead = Registration.objects.waiting().filter(slot_id=registration.slot_id)
    return (
        1 + ahead.filter(Q(waiting_since__lt=since) | Q(waiting_since=since, pk__lt=registration.pk)).count()
    )


def _others_waited_for(registration: Registration) -> int:
    """In how many other slots the same request waits."""
    if registration.any_of is None:
        return 0
    same = Registration.objects.waiting().filter(any_of=registration.any_of)
    return same.exclude(pk=registration.pk).count()


def _walks(registration: Registration, now: dt.datetime) -> list[str]:
    """Where the way from or to another visit of that day does not fit."""
    return tight_walks(registration, visits_of_the_day(registration, now=now))


def _latest_activity(visitor: Visitor) -> Activity | None:
    """What the visitor booked last: whose team signs and answers."""
    latest = _with_everything().filter(visitor=visitor).order_by("-created_at", "-pk").first()
    return latest.slot.activity if latest else None


def _cancelled_calendar(registration: Registration) -> tuple[Method, list[Registration]] | None:
    """Only who had a place has it in a calendar."""
    return ("CANCEL", [registration]) if registration.confirmed_at is not None else None


def _what_the_visitor_knew(message: Message) -> dict[str, Any]:
    """The former time by the last notice that reached the visitor: a change overtaken by the next was never
    told."""
    known: dict[str, Any] = message.context
    earlier = Message.objects.filter(
        kind=message.kind, registration=message.registration_id, pk__lt=message.pk
    ).order_by("-pk")
    for notice in earlier:
        if notice.status != Status.CANCELLED:
            break
        known = notice.context
    return known


def _said_by_the_team(text: str) -> list[str]:
    """The organisers' own words to a host: addresses stay addresses."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _spelled(number: int) -> str:
    words = {1: _("one"), 2: _("two"), 3: _("three"), 4: _("four"), 5: _("five")}
    return words.get(number, str(number))

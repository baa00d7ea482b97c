"""A made-up mail of a kind, to look at while one writes its words: somebody who does not exist has booked a
visit of the territory.

The mail needs true rows to be written from, so they are made in a transaction that is never committed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from events.clock import on_the_wall
from events.mail.outbox import new_message_id
from events.models import (
    Activity,
    Ballot,
    BallotEntry,
    BallotWish,
    Broadcast,
    Festival,
    Host,
    Message,
    Registration,
    ReminderRule,
    Slot,
    Territory,
    Visitor,
)

Kind, Status = Message.Kind, Registration.Status

ADDRESS = "camille@example.org"
NAME = "Camille Martin"
OF_A_BALLOT = (Kind.BALLOT_ENTERED, Kind.BALLOT_WON, Kind.BALLOT_LOST)
AFTERWARDS = (Kind.THANKS, Kind.SURVEY)


@contextlib.contextmanager
def example_of(
    kind: Message.Kind, *, festival: Festival, territory: Territory, locale: str, now: dt.datetime
) -> Iterator[Message]:
    """Within it the mail can be composed; afterwards nothing of it was ever there."""
    with transaction.atomic():
        yield _message(kind, festival, territory, locale, now)
        transaction.set_rollback(True)


def _message(
    kind: Message.Kind, festival: Festival, territory: Territory, locale: str, now: dt.datetime
) -> Message:
    # Not the domain alone: somebody may have booked with the address of the example.
    visitor = Visitor.objects.create(email=f"{uuid.uuid4().hex[:12]}.{ADDRESS}", locale=locale)
    slot = _slot(kind, festival, territory, now)
    about: dict[str, Any] = {"visitor": visitor}
    if kind in OF_A_BALLOT:
        about |= _ballot(kind, festival, territory, visitor, slot, now)
    else:
        about["registration"] = _registration(kind, visitor, slot, now)
    context = _context(kind, slot)
    if kind == Kind.DAY:
        context["registrations"] = [about["registration"].pk]
    if kind == Kind.SURVEY:
        context["rule_id"] = _survey(festival).pk
    return Message.objects.create(
        kind=kind,
        dedupe_key=f"example:{uuid.uuid4()}:{slot.revision}",
        recipient=ADDRESS,
        locale=locale,
        territory=territory,
        context=context,
        message_id=new_message_id(),
        next_attempt_at=now,
        created_at=now,
        slot=slot if kind in (Kind.REMINDER, *AFTERWARDS) else None,
        **about,
    )


def _slot(kind: Message.Kind, festival: Festival, territory: Territory, now: dt.datetime) -> Slot:
    """A visit of the territory that is to come (or over, where the mail comes after it), or a made-up one."""
    real = Slot.objects.published().filter(activity__festival=festival, activity__territory=territory)
    if kind not in AFTERWARDS:
        found = real.filter(starts_at__gt=now, venue__isnull=False).order_by("starts_at", "pk").first()
    else:
        found = real.filter(ends_at__lte=now, venue__isnull=False).order_by("-ends_at", "pk").first()
    if found is not None:
        return found
    mark = uuid.uuid4().hex[:12]
    host = Host.objects.create(territory=territory, name="Les Robots du Canal", slug=f"exemple-{mark}")
    activity = Activity.objects.create(
        festival=festival,
        territory=territory,
        host=host,
        slug=f"exemple-{mark}",
        title_fr="Dans l’atelier d’un robot jardinier",
        title_en="In the workshop of a gardening robot",
        state=Activity.State.PUBLISHED,
    )
    slot = Slot(activity=activity, capacity=12, state=Slot.State.PUBLISHED)
    away = -1 if kind in AFTERWARDS else 1
    day = on_the_wall(now, territory.timezone).date() + dt.timedelta(days=away)
    slot.set_time(day=day, start_time=dt.time(14), duration=45, timezone=territory.timezone)
    slot.save()
    return slot


def _registration(kind: Message.Kind, visitor: Visitor, slot: Slot, now: dt.datetime) -> Registration:
    state: dict[str, Any] = {"status": Status.CONFIRMED, "confirmed_at": now}
    if kind == Kind.WAITING:
        state = {"status": Status.WAITING, "waiting_since": now}
    elif kind == Kind.OFFER:
        until = now + dt.timedelta(hours=4)
        state = {"status": Status.HELD, "hold": Registration.Hold.OFFER, "held_until": until}
        state["waiting_since"] = now
    elif kind in (Kind.CANCELLATION, Kind.SLOT_CANCELLED):
        state |= {"status": Status.CANCELLED, "cancelled_at": now, "cancelled_by": "visitor"}
    elif kind in AFTERWARDS:
        state["checked_in_at"] = now
    return Registration.objects.create(
        slot=slot,
        visitor=visitor,
        submission_id=uuid.uuid4(),
        submission_hash="",
        party_size=2,
        name=NAME,
        locale=visitor.locale,
        created_at=now,
        **state,
    )


def _ballot(
    kind: Message.Kind,
    festival: Festival,
    territory: Territory,
    visitor: Visitor,
    slot: Slot,
    now: dt.datetime,
) -> dict[str, Any]:
    ballot = Ballot.objects.create(
        festival=festival,
        territory=territory,
        slug=f"exemple-{uuid.uuid4().hex[:12]}",
        name_fr="Les ateliers rares",
        name_en="The rare workshops",
        opens_at=now - dt.timedelta(days=1),
        closes_at=now + dt.timedelta(days=1),
    )
    entry = BallotEntry.objects.create(
        ballot=ballot,
        visitor=visitor,
        submission_id=uuid.uuid4(),
        submission_hash="",
        party_size=2,
        name=NAME,
        locale=visitor.locale,
        created_at=now,
        rank=None if kind == Kind.BALLOT_ENTERED else 12,
    )
    BallotWish.objects.create(entry=entry, slot=slot, rank=1)
    if kind == Kind.BALLOT_WON:
        won = _registration(kind, visitor, slot, now)
        Registration.objects.filter(pk=won.pk).update(ballot_entry=entry)
    return {"ballot_entry": entry}


def _survey(festival: Festival) -> ReminderRule:
    """A rule that names a survey."""
    return ReminderRule.objects.create(
        festival=festival,
        purpose=ReminderRule.Purpose.SURVEY,
        is_after=True,
        name=uuid.uuid4().hex[:12],
        lead_hours=2,
        survey_url="https://enquete.example/",
    )


def _context(kind: Message.Kind, slot: Slot) -> dict[str, Any]:
    """What the rule that owes such a mail notes in it."""
    if kind in (Kind.MOVED, Kind.SLOT_MOVED):
        earlier = dt.timedelta(hours=1)
        return {
            "old_starts_at": (slot.starts_at - earlier).isoformat(),
            "old_ends_at": (slot.ends_at - earlier).isoformat(),
            "old_place": "Quai des Savoirs",
        }
    if kind == Kind.REDUCED:
        return {"given_back": 1}
    if kind == Kind.SLOT_CANCELLED:
        return {"reason": "La salle est inondée."}
    if kind in (Kind.REMINDER, *AFTERWARDS):
        return {"rule": "D-1", "day": slot.day.isoformat()}
    return {}


def message_of_broadcast(broadcast: Broadcast, *, locale: str, registration: Registration | None) -> Message:
    """One mail of a bulk message that is not written down yet; neither is it."""
    return Message(
        kind=Kind.BROADCAST,
        dedupe_key="broadcast:example",
        recipient=ADDRESS,
        locale=locale,
        broadcast=broadcast,
        registration=registration,
        visitor=registration.visitor if registration is not None else None,
        message_id=new_message_id(),
    )

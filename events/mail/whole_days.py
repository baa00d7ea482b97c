"""The mail of a day that was booked at once: which of its visits still stand when it leaves."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from events.models import Message, Registration, Slot

Kind, Status = Message.Kind, Message.Status
KINDS = (Kind.DAY, Kind.CONFIRM_DAY)


def visits_of(message: Message, now: dt.datetime) -> list[Registration]:
    """Those it was owed for that are as it says they are, in order: confirmed, or kept until the address is.

    Of slots that take place and are not over. What was moved is where it is now.
    """
    kept = Q(status=Registration.Status.HELD, hold=Registration.Hold.ADDRESS, held_until__gt=now)
    sure = Q(status=Registration.Status.CONFIRMED)
    joined = ("slot__activity__host", "slot__activity__festival", "slot__activity__programme")
    places = ("slot__venue__commune", "slot__venue__territory", "slot__room", "slot__activity__territory")
    more = ("slot__activity__venue__commune", "slot__activity__venue__territory", "visitor")
    found = Registration.objects.filter(
        sure if message.kind == Kind.DAY else kept,
        pk__in=message.context.get("registrations", []),
        slot__state=Slot.State.PUBLISHED,
        slot__ends_at__gt=now,
    )
    return list(found.select_related(*joined, *places, *more).order_by("slot__starts_at", "pk"))


def why_not(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    """Why the mail is not sent after all."""
    visits = visits_of(message, now)
    if not visits:
        return Status.CANCELLED, "nothing of the day stands any more"
    if message.recipient != visits[0].visitor.email:
        return Status.CANCELLED, "the address is another now"
    return None

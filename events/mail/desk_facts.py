"""What the mails to a desk are about, as the database says it when they leave: counted, not yet worded.

An empty answer means that the mail has nothing left to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from events.models import Activity, AgendaSource, Message, Mode, Registration, Slot

Kind, Status = Message.Kind, Message.Status

IN_HOST_HANDS = (Activity.State.DRAFT, Activity.State.CHANGES_REQUESTED)
"""States in which the host has the next step."""
IN_TEAM_HANDS = (Activity.State.SUBMITTED, Activity.State.READY, Activity.State.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since`` until ``until``, half-open."""

    since: dt.datetime
    until: dt.datetime

    def holds(self, field: str) -> Q:
        return Q(**{f"{field}__gte": self.since, f"{field}__lt": self.until})


@dataclass(slots=True)
class Change:
    """What happened to a slot: places booked and given back, registrations that began to wait or moved."""

    booked: int = 0
    given_back: int = 0
    waiting: int = 0
    moved: int = 0

    def add(self, other: Change) -> None:
        self.booked += other.booked
        self.given_back += other.given_back
        self.waiting += other.waiting
        self.moved += other.moved

    def __bool__(self) -> bool:
        return bool(self.booked or self.given_back or self.waiting or self.moved)


def span_of(message: Message) -> Span:
    said = message.context
    return Span(dt.datetime.fromisoformat(said["since"]), dt.datetime.fromisoformat(said["until"]))


def slots_told_of(message: Message, now: dt.datetime) -> QuerySet[Slot]:
    """The published slots to come of the host, or of the territory, in the mail's edition."""
    said = message.context
    whose = {"activity__host": said["host"]} if "host" in said else {"activity__territory": said["territory"]}
    slots = Slot.objects.filter(
        state=Slot.State.PUBLISHED, starts_at__gt=now, activity__festival=said["festival"], **whose
    )
    return slots.select_related(
        "activity__host", "activity__territory", "venue__commune", "venue__territory", "room"
    ).in_order()


def booked_in(span: Span) -> Q:
    """On a registration: that it says something of these hours."""
    return span.holds("confirmed_at") | span.holds("cancelled_at") | span.holds("waiting_since")


def changes(message: Message, now: dt.datetime) -> dict[int, Change]:
    """By slot the digest tells of, where something happened. A place booked and given back within its hours
    counts in both.
    """
    span = span_of(message)
    # Their keys, not the question for them: the ledger of a slot is found by its index then.
    slots = list(slots_told_of(message, now).order_by().values_list("pk", flat=True))
    had_a_place = span.holds("cancelled_at") & Q(confirmed_at__isnull=False)
    still_waits = span.holds("waiting_since") & Q(status=Registration.Status.WAITING)
    rows = (
        Registration.objects.filter(booked_in(span), slot__in=slots)
        .order_by()
        .values("slot")
        .annotate(
            booked=Sum("party_size", filter=span.holds("confirmed_at")),
            back=Sum("party_size", filter=had_a_place),
            waits=Count("pk", filter=still_waits),
        )
    )
    found = {
        row["slot"]: Change(row["booked"] or 0, row["back"] or 0, row["waits"]) for row in rows.iterator()
    }
    for slot, change in _noticed(slots, span, message.territory_id):
        found.setdefault(slot, Change()).add(change)
    return {slot: change for slot, change in found.items() if change}


def _noticed(slots: list[int], span: Span, territory: int | None) -> Iterable[tuple[int, Change]]:
    """What leaves no time on a registration, but a mail to its visitor: a smaller party, another time."""
    told = Message.objects.filter(
        span.holds("created_at"),
        kind__in=[Kind.REDUCED, Kind.MOVED],
        territory=territory,
        registration__slot__in=slots,
    )
    for kind, slot, context in told.order_by("pk").values_list("kind", "registration__slot", "context"):
        if kind == Kind.REDUCED:
            yield slot, Change(given_back=int(context.get("given_back", 1)))
        else:
            yield slot, Change(moved=1)


def doors_of(message: Message, now: dt.datetime) -> QuerySet[Slot]:
    """The slots of the door list's day that people book and that have not begun."""
    day = dt.date.fromisoformat(message.context["day"])
    return slots_told_of(message, now).filter(day=day).exclude(activity__mode=Mode.DROP_IN)


def drafts_left(message: Message) -> QuerySet[Activity]:
    """Of the drafts the mail was owed for, those that still are."""
    kept = Activity.objects.filter(pk__in=message.context.get("activities", []), state=Activity.State.DRAFT)
    return kept.order_by("created_at", "pk")


def slots_left(message: Message, now: dt.datetime) -> QuerySet[Slot]:
    """Of the slots the mail was owed for, those not public yet whose next step is still the reader's."""
    states = IN_HOST_HANDS if "host" in message.context else IN_TEAM_HANDS
    slots = Slot.objects.filter(
        pk__in=message.context.get("slots", []),
        state=Slot.State.DRAFT,
        starts_at__gt=now,
        activity__state__in=states,
    )
    return slots.select_related("activity__host", "activity__territory").in_order()


def agenda_left(message: Message, now: dt.datetime) -> AgendaSource | None:
    """The agenda the mail was owed for, while what it was owed for lasts."""
    sources = AgendaSource.objects
    stuck = sources.held() if message.context["cause"] == "held" else sources.silent(now)
    return stuck.filter(pk=message.context["agenda"]).select_related("territory").first()


def why_not(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    """The end a mail to a desk comes to without being sent, and why; None when it should go."""
    left: Any
    if message.kind == Kind.DOOR_LIST:
        left = doors_of(message, now).exists()
    elif message.kind in (Kind.HOST_DIGEST, Kind.ORGANISER_DIGEST):
        left = changes(message, now)
    elif message.kind == Kind.NAG_DRAFT:
        left = drafts_left(message).exists()
    elif message.kind == Kind.NAG_SLOTS:
        left = slots_left(message, now).exists()
    elif message.kind == Kind.AGENDA_STUCK:
        left = agenda_left(message, now)
    else:
        left = True
    return None if left else (Status.CANCELLED, "there is nothing left to say")

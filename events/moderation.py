"""From draft to published: what a host submits, what an organiser decides.

Each rule changes the state by one conditional update, so of two people at once one wins and the other is
refused ``WRONG_STATE``; each writes the journal and owes its mails in the same transaction. Who may call a
rule is decided where the activity is fetched: ``Activity.objects.managed_by`` for hosts, ``moderated_by`` for
organisers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.mail.outbox import owe
from events.models import Activity, Host, JournalEntry, Level, Message, Mode, Slot
from events.programme import forget_facets
from events.refusals import Reason, Refused
from events.registration.openings import lay_openings
from events.registration.patience import patient
from events.registration.withdraw import withdraw_slot
from events.scheduling.checks import Surroundings, Where

State = Activity.State

IN_THE_HOSTS_HANDS = (State.DRAFT, State.CHANGES_REQUESTED)


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the list a host reads before submitting. ``code`` names it for pages and tests."""

    code: str
    label: str | Promise
    is_done: bool


def readiness(*, activity: Activity, now: dt.datetime) -> list[Point]:
    """What an activity needs before it is submitted, and which of it is there. Asks for its slots once."""
    ahead = [slot for slot in activity.slots.all() if slot.starts_at > now and not slot.is_cancelled]
    points = [
        Point("title", _("A title"), bool(activity.title_fr.strip())),
        Point(
            "description", _("A text that says what visitors will see"), bool(activity.description_fr.strip())
        ),
        Point("languages", _("At least one language"), bool(activity.languages)),
        Point("slot", _("At least one slot to come"), bool(ahead)),
    ]
    if activity.mode == Mode.FIRST_COME:
        counted = bool(ahead) and all(slot.capacity is not None for slot in ahead)
        points.append(Point("capacity", _("A number of places in each slot"), counted))
    return points


@patient
def submit_activity(*, activity_id: int, by: User, now: dt.datetime) -> Activity:
    """Hand an activity to the organisers of its territory.

    Raises ``Refused``: ``WRONG_STATE`` unless it is a draft or was sent back, ``NO_SLOT`` without a slot to
    come, ``INCOMPLETE`` with the codes of ``readiness`` in ``facts["missing"]``.
    """
    with transaction.atomic():
        activity = _change_state(activity_id, IN_THE_HOSTS_HANDS, State.SUBMITTED, submitted_at=now)
        missing = [point.code for point in readiness(activity=activity, now=now) if not point.is_done]
        if "slot" in missing:
            raise Refused(Reason.NO_SLOT, missing=missing)
        if missing:
            raise Refused(Reason.INCOMPLETE, missing=missing)
        entry = _note(activity, "submitted", by, now)
        _tell_members(activity, Message.Kind.SUBMITTED, entry, now, {"audience": "host"})
        _tell_organisers(activity, entry, now)
    return activity


@patient
def take_back_activity(*, activity_id: int, by: User, now: dt.datetime) -> Activity:
    """The host takes a submitted activity back to its draft. Raises ``Refused(WRONG_STATE)`` once it was
    decided.
    """
    with transaction.atomic():
        activity = _change_state(activity_id, [State.SUBMITTED], State.DRAFT, submitted_at=None)
        _note(activity, "taken_back", by, now)
    return activity


@patient
def reopen_activity(*, activity_id: int, by: User, now: dt.datetime) -> Activity:
    """The host starts again from a rejected activity; what the organisers said stays on it until it is
    accepted.
    """
    with transaction.atomic():
        activity = _change_state(activity_id, [State.REJECTED], State.DRAFT, submitted_at=None)
        _note(activity, "reopened", by, now)
    return activity


@patient
def accept_activity(*, activity_id: int, by: User, now: dt.datetime) -> Activity:
    """Publish an activity, and those of its draft slots that lie ahead.

    Registration opens when it was announced for that part of the edition, unless the slot says a moment.
    Slots added to it later are published at once (``scheduling.repeat.add_slots``). Raises ``Refused``:
    WRONG_STATE; RULE_BROKEN (``findings``) where a rule of the timetable refuses at release.
    """
    with transaction.atomic():
        activity = _change_state(
            activity_id,
            [State.SUBMITTED, State.READY],
            State.PUBLISHED,
            published_at=Coalesce(F("published_at"), now),
            moderation_note="",
        )
        _refuse_what_no_release_may_hold(activity, now)
        publish_slots(activity=activity, now=now)
        entry = _note(activity, "accepted", by, now)
        _tell_members(activity, Message.Kind.PUBLISHED, entry, now, {})
    return activity


def _refuse_what_no_release_may_hold(activity: Activity, now: dt.datetime) -> None:
    """Becoming public is what « refuse at release » means; what a rule refuses at once was never placed."""
    drafts = activity.slots.filter(state=Slot.State.DRAFT, starts_at__gt=now)
    slots = list(drafts.select_related("activity__venue", "venue", "room__venue").in_order())
    placed = [Where.stands(slot) for slot in slots]
    around = Surroundings.around(placed) if placed else None
    found = [one for where in placed if around is not None for one in around.findings(where)]
    broken = [one for one in found if one.level == Level.AT_RELEASE]
    if broken:
        raise Refused(Reason.RULE_BROKEN, findings=broken)


def publish_slots(*, activity: Activity, now: dt.datetime) -> int:
    """Publish the draft slots of a published activity that lie ahead; how many."""
    forget_facets()
    lay_openings(festival=activity.festival, now=now, activity=activity)
    return activity.slots.filter(state=Slot.State.DRAFT, starts_at__gt=now).update(state=Slot.State.PUBLISHED)


def request_changes(*, activity_id: int, reason: str, by: User, now: dt.datetime) -> Activity:
    """Send an activity back to its host with a reason. Raises ``Refused``: ``REASON_NEEDED``,
    ``WRONG_STATE``.
    """
    return _send_back(
        activity_id=activity_id,
        to=State.CHANGES_REQUESTED,
        kind=Message.Kind.CHANGES_REQUESTED,
        reason=reason,
        by=by,
        now=now,
    )


def reject_activity(*, activity_id: int, reason: str, by: User, now: dt.datetime) -> Activity:
    """Refuse an activity with a reason. Raises ``Refused``: ``REASON_NEEDED``, ``WRONG_STATE``."""
    return _send_back(
        activity_id=activity_id, to=State.REJECTED, kind=Message.Kind.REJECTED, reason=reason, by=by, now=now
    )


@patient
def announce_activity(*, activity_id: int, announced: str, by: User, now: dt.datetime) -> Activity:
    """Say what became of a published activity, a value of ``Announced``; with nothing, take it back.

    Pages and feeds say it at once; its slots stay as they are. Raises ``Refused(WRONG_STATE)``.
    """
    with transaction.atomic():
        activity = _change_state(activity_id, [State.PUBLISHED], State.PUBLISHED, announced=announced)
        _note(activity, "announced", by, now, announced)
    return activity


@patient
def cancel_activity(*, activity_id: int, reason: str, by: User, now: dt.datetime) -> Activity:
    """Withdraw a published activity with all its slots to come: everybody registered or waiting is told.

    All or nothing. Slots already begun stay as they were; drafts that lie ahead are dropped.
    Raises ``Refused``: ``REASON_NEEDED``, ``WRONG_STATE``.
    """
    reason = _said(reason)
    with transaction.atomic():
        activity = _change_state(activity_id, [State.PUBLISHED], State.CANCELLED)
        ahead = activity.slots.filter(starts_at__gt=now)
        published = ahead.filter(state=Slot.State.PUBLISHED).order_by("pk").values_list("pk", flat=True)
        for slot_id in list(published):
            withdraw_slot(slot_id=slot_id, reason=reason, by=by, now=now, by_host=True)
        ahead.filter(state=Slot.State.DRAFT).delete()
        _note(activity, "cancelled", by, now, reason)
    return activity


@patient
def _send_back(
    *, activity_id: int, to: State, kind: Message.Kind, reason: str, by: User, now: dt.datetime
) -> Activity:
    reason = _said(reason)
    with transaction.atomic():
        activity = _change_state(activity_id, [State.SUBMITTED], to, moderation_note=reason)
        entry = _note(activity, str(to), by, now, reason)
        _tell_members(activity, kind, entry, now, {"reason": reason})
    return activity


def _said(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused(Reason.REASON_NEEDED)
    return reason


def _change_state(activity_id: int, present: Any, to: State, **changes: Any) -> Activity:
    """One conditional update. Raises ``Refused(WRONG_STATE)`` with the state found in ``facts["state"]``."""
    if not Activity.objects.filter(pk=activity_id, state__in=present).update(state=to, **changes):
        found = Activity.objects.filter(pk=activity_id).values_list("state", flat=True).first()
        raise Refused(Reason.WRONG_STATE, state=found)
    return Activity.objects.select_related("host", "territory", "festival", "programme").get(pk=activity_id)


def _note(activity: Activity, verb: str, by: User, now: dt.datetime, text: str = "") -> JournalEntry:
    return JournalEntry.objects.create(at=now, actor=by, verb=verb, activity=activity, text=text)


def members_of(host: Host) -> list[User]:
    """Those who speak for a host and can still sign in."""
    return list(User.objects.filter(Q(host_roles__host=host), is_active=True).order_by("pk"))


def _tell_members(
    activity: Activity, kind: Message.Kind, entry: JournalEntry, now: dt.datetime, context: dict[str, Any]
) -> None:
    for member in members_of(activity.host):
        owe(
            kind=kind,
            dedupe_key=f"moderation:{activity.pk}:{entry.pk}:{member.pk}",
            recipient=member.email,
            locale=member.locale,
            now=now,
            activity=activity,
            context=context,
        )


def _tell_organisers(activity: Activity, entry: JournalEntry, now: dt.datetime) -> None:
    """One notice to the address of the territory, where it has one: the queue itself is on the organisers'
    desk.
    """
    if activity.territory.contact_email:
        owe(
            kind=Message.Kind.SUBMITTED,
            dedupe_key=f"moderation:{activity.pk}:{entry.pk}:territory",
            recipient=activity.territory.contact_email,
            locale="fr",
            now=now,
            activity=activity,
            context={"audience": "organiser"},
        )

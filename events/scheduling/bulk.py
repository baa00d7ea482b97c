"""Many public slots changed in one confirmed step: shifted, moved into other rooms, or withdrawn.

``plan_bulk`` (``bulk_plan``) says exactly what would happen and how many people would be told; ``start_bulk``
takes up what was read there, as long work; ``run_bulk`` does it, one slot a transaction, by the rules that
change one slot (``place``, ``withdraw``). What a rule refuses is reported, and the rest goes on.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import translation

from accounts.models import User
from events.longwork import Outcome, Work, ask_job
from events.models import Job, Slot, Territory
from events.refusals import Reason, Refused
from events.registration.patience import patient
from events.registration.withdraw import withdraw_slot

from .bulk_plan import Action, Choice, line_as_json, plan_bulk
from .foresee import told_in_json
from .place import move_slot, place_slot

BUSY_TRIES = 5
BUSY_WAIT = 0.5
"""Seconds between two tries where too many others are at the slot: nobody waits at the other end."""


# Asking for it ----------------------------------------------------------------------------------------------


@patient
@transaction.atomic
def start_bulk(
    *,
    territory: Territory,
    choice: Choice,
    fingerprint: str,
    by: User,
    now: dt.datetime,
    reason: str = "",
    label: str = "",
) -> Job:
    """Ask for what was read in a plan, as long work; sent twice, it is asked once.

    ``reason`` is sent to the visitors of withdrawn slots. ``label`` names the slots for who reads the report.

    Raises ``Refused``: REASON_NEEDED, NOTHING_TO_CHANGE, CHANGED_MEANWHILE (fact ``plan``: the slots or the
    number of people are no longer those that were read).
    """
    list(Territory.objects.select_for_update(no_key=True).filter(pk=territory.pk).values_list("pk"))
    for job in Job.objects.filter(territory=territory, kind=Job.Kind.BULK, finished_at__isnull=True):
        if job.params.get("fingerprint") == fingerprint:
            return job
    reason = reason.strip()
    if choice.action == Action.CANCEL and not reason:
        raise Refused(Reason.REASON_NEEDED)
    plan = plan_bulk(territory=territory, choice=choice, now=now)
    if not plan.lines:
        raise Refused(Reason.NOTHING_TO_CHANGE)
    if plan.fingerprint != fingerprint:
        raise Refused(Reason.CHANGED_MEANWHILE, plan=plan)
    params = {
        "action": choice.action.value,
        "scope": choice.scope.value,
        "label": label,
        "reason": reason,
        "fingerprint": fingerprint,
        "people": plan.people,
        "lines": [line_as_json(line) for line in plan.lines],
    }
    return ask_job(
        kind=Job.Kind.BULK, territory=territory, by=by, params=params, now=now, total=len(plan.lines)
    )


# Doing it ---------------------------------------------------------------------------------------------------


def run_bulk(work: Work) -> Outcome:
    """Slot after slot, from where it stands; a stop or a rest comes between two slots.

    ``report``: ``{"not_done": [{"line": number, "why": reason, "in_the_way": […], "words": […]}]}``; what is
    not named there and comes before ``done`` was done. ``words`` are in the language of who asked.
    """
    lines, by = work.job.params["lines"], work.job.asked_by
    with translation.override(by.locale if by is not None else None):
        while work.job.done < len(lines):
            if _do_next(work, lines):
                return Outcome.STOPPED
            if work.should_rest and work.job.done < len(lines):
                return Outcome.LATER
    return Outcome.DONE


def _do_next(work: Work, lines: Sequence[Mapping[str, Any]]) -> bool:
    """One slot and the word that it is done, or why not; whether somebody asked to stop."""
    for _try in range(BUSY_TRIES):
        try:
            return _step(work, lines)
        except Refused:  # only BUSY leaves a step: what a rule refuses is its result
            time.sleep(BUSY_WAIT)
    return _pass_over(work)


@patient
@transaction.atomic
def _step(work: Work, lines: Sequence[Mapping[str, Any]]) -> bool:
    """Raises ``Refused(BUSY)``; nothing is done then."""
    work.hold()
    number = work.job.done
    line, not_done = lines[number], list(work.job.report.get("not_done", []))
    name = _name_of(line)
    if line["why"]:
        not_done.append({"line": number, **{name: line[name] for name in ("why", "in_the_way", "words")}})
    else:
        try:
            _change(line, work)
        except Refused as refused:
            if refused.reason == Reason.BUSY:
                raise
            not_done.append({"line": number, **_why(refused)})
    return work.advance(done=number + 1, step=name, report={**work.job.report, "not_done": not_done})


@transaction.atomic
def _pass_over(work: Work) -> bool:
    work.hold()
    number = work.job.done
    not_done = [*work.job.report.get("not_done", []), {"line": number, **_why(Refused(Reason.BUSY))}]
    return work.advance(done=number + 1, report={**work.job.report, "not_done": not_done})


def _change(line: Mapping[str, Any], work: Work) -> None:
    """By the rule that changes one slot; one that is already as asked stays, one that is neither as it was
    read nor as asked is left alone. Raises ``Refused``."""
    params, now, by = work.job.params, work.clock(), work.job.asked_by
    slot = Slot.objects.select_for_update(of=("self",), no_key=True).filter(pk=line["slot"]).first()
    if slot is None or by is None:
        raise Refused(Reason.WRONG_STATE)
    if params["action"] == Action.CANCEL and slot.is_cancelled:
        return
    was = line["was"]
    if (slot.starts_at.isoformat(), slot.room_id) != (was["starts_at"], was["room"]):
        if (slot.day.isoformat(), slot.start_time.isoformat(), slot.room_id) == (
            line["day"],
            line["start_time"],
            line["room"],
        ):
            return
        raise Refused(Reason.CHANGED_MEANWHILE)
    if params["action"] == Action.CANCEL:
        withdraw_slot(slot_id=line["slot"], reason=params["reason"], by=by, now=now, by_host=False)
    elif params["action"] == Action.MOVE:
        place_slot(slot_id=line["slot"], room_id=line["room"], by=by, now=now)
    else:
        move_slot(
            slot_id=line["slot"],
            day=dt.date.fromisoformat(line["day"]),
            start_time=dt.time.fromisoformat(line["start_time"]),
            duration=line["duration"],
            by=by,
            now=now,
        )


def _name_of(line: Mapping[str, Any]) -> str:
    title = Slot.objects.filter(pk=line["slot"]).values_list("activity__title_fr", flat=True).first()
    return title or ""


def _why(refused: Refused) -> dict[str, Any]:
    facts = refused.facts
    return {
        "why": refused.reason.value,
        "in_the_way": told_in_json(facts.get("in_the_way", [])),
        "words": [one.words for one in facts.get("findings", [])],
    }

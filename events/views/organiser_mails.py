"""The organisers' outbox: every mail of a territory with its state and why, found, read, sent again."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from events.folding import words
from events.mail import relay
from events.mail.again import cancel_bulk_mail, may_go_again, send_again, times_again
from events.mail.answers import Answer, read_answer
from events.mail.preview import Preview, preview
from events.mail.staleness import why_not
from events.mail.watch import how_mail_does
from events.models import Message
from events.refusals import Reason, Refused

from .organiser_frame import Workplace, editions_run, frame, typed, workplace

PAGE = 50
REFERENCE = re.compile(r"[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}")
UNDER_WAY = (Message.Status.PENDING, Message.Status.SENDING)


def mails_of(place: Workplace) -> Any:
    """Mails about the territory; an account's are at no desk. No other table is asked: there are many."""
    return Message.objects.filter(territory=place.territory).exclude(kind=Message.Kind.ACCOUNT)


def _with_what_it_is_about(found: Any) -> Any:
    return found.select_related(
        "registration__visitor",
        "registration__slot__activity__host",
        "slot__activity",
        "activity",
        "broadcast",
    )


# All of them ------------------------------------------------------------------------------------------------


@require_safe
@login_required
def mails(request: HttpRequest, territory: str) -> HttpResponse:
    """The newest first, by state, kind, day, slot and words; how many there are in each state."""
    place = workplace(request, territory)
    asked, kind, day, slot = (
        typed(request, "q"),
        typed(request, "nature"),
        _day(typed(request, "jour")),
        typed(request, "creneau", longest=18),
    )
    state = typed(request, "etat")
    found = _filtered(mails_of(place), asked=asked, kind=kind, day=day, slot=slot)
    counts = dict(found.order_by().values_list("status").annotate(number=Count("pk")))
    if state in Message.Status.values:
        found = found.filter(status=state)
    else:
        state = ""
    after = typed(request, "apres", longest=18)
    mark = found.filter(pk=int(after)).values_list("created_at", "pk").first() if after.isdecimal() else None
    if mark is not None:
        found = found.filter(Q(created_at__lt=mark[0]) | Q(created_at=mark[0], pk__lt=mark[1]))
    page = list(_with_what_it_is_about(found).order_by("-created_at", "-pk")[: PAGE + 1])
    context = frame(
        place,
        rows=[(mail, read_answer(mail.last_answer)) for mail in page[:PAGE]],
        next_mark=page[PAGE - 1].pk if len(page) > PAGE else None,
        is_first=mark is None,
        is_filtered=bool(asked or kind or day or slot or state),
        counts=[
            (code, label, counts.get(code, 0)) for code, label in Message.Status.choices if counts.get(code)
        ],
        total=sum(counts.values()),
        q=asked,
        kind=kind,
        kinds=_kinds(),
        day=day,
        days=_days_of(place),
        slot=slot if slot.isdecimal() else "",
        state=state,
        paused=relay.why_paused(place.now),
        flow=how_mail_does(place.now),
        may_word=editions_run(place).exists(),
    )
    return render(request, "events/organiser/mails.html", context)


def _filtered(found: Any, *, asked: str, kind: str, day: dt.date | None, slot: str) -> Any:
    if kind in Message.Kind.values:
        found = found.filter(kind=kind)
    if slot.isdecimal():
        found = found.filter(Q(registration__slot=int(slot)) | Q(slot=int(slot)))
    if day is not None:
        found = found.filter(Q(registration__slot__day=day) | Q(slot__day=day))
    if "@" in asked:
        return found.filter(recipient__icontains=asked)
    if REFERENCE.fullmatch(asked):
        code = re.sub(r"[ -]", "", asked).upper()
        by_code = found.filter(registration__reference=f"{code[:4]}-{code[4:]}")
        if by_code.exists():
            return by_code
    for word in words(asked):
        found = found.filter(
            Q(recipient__icontains=word)
            | Q(registration__slot__activity__search_text__contains=word)
            | Q(slot__activity__search_text__contains=word)
            | Q(activity__search_text__contains=word)
        )
    return found


def _day(asked: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(asked)
    except ValueError:
        return None


def _kinds() -> list[tuple[str, str]]:
    return sorted(
        ((code, str(label)) for code, label in Message.Kind.choices if code not in _NOBODY_S),
        key=lambda choice: choice[1],
    )


_NOBODY_S = (Message.Kind.ACCOUNT, Message.Kind.LINK, Message.Kind.NEW_ADDRESS, Message.Kind.ADDRESS_CHANGED)
"""About a person and no territory: in nobody's outbox."""


def _days_of(place: Workplace) -> list[dt.date]:
    return sorted(set(place.slots.order_by().values_list("day", flat=True).distinct()))


# One of them ------------------------------------------------------------------------------------------------


def mail_of(place: Workplace, pk: int) -> Message:
    """A mail of the territory with all it speaks of; 404 elsewhere."""
    found = mails_of(place).select_related(
        "registration__visitor",
        "registration__slot__activity__host",
        "registration__slot__activity__festival",
        "registration__slot__activity__programme",
        "registration__slot__activity__territory",
        "registration__slot__room",
        "slot__activity__festival",
        "visitor",
        "activity__host",
        "activity__festival",
        "activity__programme",
        "activity__territory",
        "ballot_entry__ballot",
        "broadcast__territory",
        "broadcast__festival",
    )
    mail: Message = get_object_or_404(found, pk=pk)
    return mail


@require_safe
@never_cache
@login_required
def mail(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """What it says, and what became of it."""
    place = workplace(request, territory)
    found = mail_of(place, pk)
    would_not = why_not(found, place.now) if found.status in UNDER_WAY else None
    context = frame(
        place,
        mail=found,
        answer=read_answer(found.last_answer),
        would_not=read_answer(would_not[1]) if would_not is not None else None,
        is_due=found.next_attempt_at <= place.now,
        paused=relay.why_paused(place.now),
        about=found.registration.slot if found.registration is not None else found.slot,
        shown=preview(found, now=place.now),
        provider=list(found.events.order_by("at", "pk")[:20]),
        again=_again_of(place, found),
        first=_first_of(place, found),
        may_again=may_go_again(found),
        time=times_again(found),
        may_cancel=found.broadcast_id is not None and found.status == Message.Status.PENDING,
    )
    return closed_frame(render(request, "events/organiser/mail.html", context), context["shown"])


def closed_frame(response: HttpResponse, *shown: Preview) -> HttpResponse:
    """A page that shows letters in frames: their own style is let in by its hash, nothing else runs or loads
    there."""
    hashes = sorted({each for letter in shown for each in letter.style_hashes})
    if hashes:
        response._csp_update = {"style-src": hashes}  # type: ignore[attr-defined]  # django-csp reads it
    return response


def _again_of(place: Workplace, mail: Message) -> list[tuple[Message, Answer]]:
    """The times it was sent again."""
    found = mails_of(place).filter(dedupe_key__startswith=f"again:{mail.pk}:").order_by("created_at", "pk")
    return [(one, read_answer(one.last_answer)) for one in found[:20]]


def _first_of(place: Workplace, mail: Message) -> Message | None:
    """The mail this one repeats."""
    parts = mail.dedupe_key.split(":")
    if parts[0] != "again" or not parts[1].isdecimal():
        return None
    first: Message | None = mails_of(place).filter(pk=int(parts[1])).first()
    return first


@require_POST
@login_required
def mail_again(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Owe it once more; ``fois`` says which time, so that a double click sends one."""
    place = workplace(request, territory)
    found = mail_of(place, pk)
    said = request.POST.get("fois", "")
    time = int(said) if said.isdecimal() and len(said) < 6 else times_again(found)
    try:
        send_again(message=found, time=time, by=place.user, now=place.now)
    except Refused as refused:
        messages.warning(request, _why_not_again(refused))
    else:
        messages.success(request, _("It leaves within seconds, as a mail of its own."))
    return redirect("events:organiser_mail", territory, pk)


def _why_not_again(refused: Refused) -> str:
    why = refused.facts.get("why")
    if refused.reason == Reason.WRONG_STATE and why:
        return _("It was not sent again. %(why)s") % {"why": read_answer(why).words or why}
    return str(refused.reason.label)


@require_POST
@login_required
def mail_cancel(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """One mail of a bulk message that still waits is not sent."""
    place = workplace(request, territory)
    if cancel_bulk_mail(message=mail_of(place, pk)):
        messages.success(request, _("It is not sent."))
    else:
        messages.info(request, _("It had left already, or cannot be stopped."))
    return redirect("events:organiser_mail", territory, pk)

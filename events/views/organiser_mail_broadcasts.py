"""Messages to many: written, previewed, counted, sent in the background, stopped; what did not arrive."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.broadcasts import (
    Counted,
    Segment,
    Words,
    after_the_night,
    count_audience,
    first_reader,
    say_part,
    segment_of,
    start_broadcast,
    stop_broadcast,
)
from events.forms.mails import BroadcastForm
from events.mail.answers import Answer, read_answer
from events.mail.bulk_facts import Who
from events.mail.example import message_of_broadcast
from events.mail.preview import Preview, preview
from events.models import Broadcast, DeliveryEvent, Festival, Message, Registration
from events.refusals import Reason, Refused

from .organiser_frame import Workplace, edition_of, frame, workplace
from .organiser_mails import UNDER_WAY, closed_frame

FORM = ["GET", "HEAD", "POST"]
MOST_SHOWN = 50
MOST_LOST = 200
LOST = (Message.Status.FAILED, Message.Status.UNCERTAIN, Message.Status.EXPIRED)


def broadcasts_of(place: Workplace) -> Any:
    """Those of the territory; those of a whole edition for its national team."""
    run = Festival.objects.run_by(place.user).filter(territories=place.territory)
    return Broadcast.objects.filter(
        Q(territory=place.territory) | Q(territory__isnull=True, festival__in=run.values("pk"))
    ).select_related("festival", "territory", "job", "created_by")


def broadcast_of(place: Workplace, pk: int) -> Broadcast:
    found: Broadcast = get_object_or_404(broadcasts_of(place), pk=pk)
    return found


@require_safe
@login_required
def broadcasts(request: HttpRequest, territory: str) -> HttpResponse:
    """What was sent so far, the newest first."""
    place = workplace(request, territory)
    sent = Count("messages", filter=Q(messages__status=Message.Status.SENT))
    lost = Count("messages", filter=Q(messages__status__in=LOST))
    found = list(
        broadcasts_of(place).annotate(sent=sent, lost=lost).order_by("-created_at", "-pk")[:MOST_SHOWN]
    )
    rows = [(one, Who(one.segment["who"]).label) for one in found]
    context = frame(place, rows=rows, edition=edition_of(place))
    return render(request, "events/organiser/mail_broadcasts.html", context)


# Writing one ------------------------------------------------------------------------------------------------


def _form(place: Workplace, edition: Festival, *args: Any, **more: Any) -> BroadcastForm:
    is_national = Festival.objects.run_by(place.user).filter(pk=edition.pk).exists()
    return BroadcastForm(
        *args, territory=place.territory, edition=edition, slots=place.slots, is_national=is_national, **more
    )


@require_http_methods(FORM)
@never_cache
@login_required
def broadcast_new(request: HttpRequest, territory: str) -> HttpResponse:
    """Written; then read and counted; then confirmed with the mark of what was read."""
    place = workplace(request, territory)
    edition = edition_of(place)
    if edition is None:
        raise Http404
    if request.method != "POST":
        start = {name: request.GET[name] for name in ("ou", "qui") if name in request.GET}
        return _show_form(request, place, _form(place, edition, initial={"qui": Who.COMING, **start}))
    form = _form(place, edition, request.POST)
    if "reprendre" in request.POST:
        return _show_form(request, place, form)
    if not form.is_valid():
        return _show_form(request, place, form, status=422)
    if "envoyer" not in request.POST:
        counted = count_audience(segment=form.segment, words=form.words, now=place.now)
        return _show_preview(request, place, form, counted)
    try:
        broadcast = start_broadcast(
            segment=form.segment,
            words=form.words,
            fingerprint=request.POST.get("vu", ""),
            by=place.user,
            now=place.now,
        )
    except Refused as refused:
        counted = refused.facts.get("counted") or count_audience(
            segment=form.segment, words=form.words, now=place.now
        )
        changed = refused.reason == Reason.CHANGED_MEANWHILE
        if not changed:
            messages.warning(request, str(refused.reason.label))
        return _show_preview(request, place, form, counted, changed=changed, status=409)
    return redirect("events:organiser_broadcast", territory, broadcast.pk)


def _show_form(
    request: HttpRequest, place: Workplace, form: BroadcastForm, *, status: int = 200
) -> HttpResponse:
    context = frame(place, form=form, edition=form.edition)
    return render(request, "events/organiser/mail_broadcast_form.html", context, status=status)


def _show_preview(
    request: HttpRequest,
    place: Workplace,
    form: BroadcastForm,
    counted: Counted,
    *,
    changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    leaves = after_the_night(place.now, form.edition, place.territory.timezone)
    shown = _shown(form.segment, form.words, place)
    context = frame(
        place,
        form=form,
        edition=form.edition,
        label=form.label,
        counted=counted,
        leaves=leaves if leaves > place.now else None,
        letters=shown,
        changed=changed,
    )
    response = render(request, "events/organiser/mail_broadcast_preview.html", context, status=status)
    return closed_frame(response, *(letter for _language, letter in shown))


def _shown(segment: Segment, words: Words, place: Workplace) -> list[tuple[str, Preview]]:
    """The mail as somebody of the segment would get it, in each language it is written in."""
    reader = first_reader(segment, now=place.now)
    broadcast = Broadcast(
        festival=segment.festival, territory=segment.territory, segment=segment.as_json, **vars(words)
    )
    one = None
    if reader is not None and reader.registration_id is not None:
        one = Registration.objects.select_related("visitor").filter(pk=reader.registration_id).first()
    languages = [("fr", _("In French")), *([("en", _("In English"))] if words.text_en else [])]
    return [
        (name, preview(message_of_broadcast(broadcast, locale=locale, registration=one), now=place.now))
        for locale, name in languages
    ]


# One of them ------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@login_required
def broadcast(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """How far it is, what did not arrive; the page asks again until nothing is under way."""
    place = workplace(request, territory)
    found = broadcast_of(place, pk)
    context = _progress(found)
    if request.headers.get("HX-Request") == "true":
        if request.GET.get("vu") == context["seen"]:
            return HttpResponse(status=204)
        context |= {"territory": place.territory, "broadcast": found}
        return render(request, "events/organiser/_broadcast.html", context)
    shown = _shown(
        segment_of(found), Words(found.subject, found.text, found.subject_en, found.text_en), place
    )
    context |= {
        "broadcast": found,
        "who": Who(found.segment["who"]).label,
        "part": say_part(found.segment["part"], territory=found.territory, festival=found.festival),
        "letters": shown,
    }
    response = render(request, "events/organiser/mail_broadcast.html", frame(place, **context))
    return closed_frame(response, *(letter for _language, letter in shown))


def _progress(found: Broadcast) -> dict[str, Any]:
    counts = dict(found.messages.order_by().values_list("status").annotate(number=Count("pk")))
    is_owing = found.job is not None and not found.job.is_over
    was_stopped = found.job is not None and found.job.stop_asked_at is not None
    waiting = sum(counts.get(status, 0) for status in UNDER_WAY)
    first = found.messages.filter(status=Message.Status.PENDING).order_by("next_attempt_at").first()
    total = found.counted if is_owing or not counts else sum(counts.values())
    lost = list(found.messages.filter(status__in=LOST).order_by("recipient", "pk")[:MOST_LOST])
    came_back = Message.objects.filter(
        broadcast=found,
        events__kind__in=[DeliveryEvent.Kind.BOUNCED, DeliveryEvent.Kind.REJECTED],
    ).exclude(status__in=LOST)
    rows: list[tuple[Message, Answer | None]] = [(one, read_answer(one.last_answer)) for one in lost]
    rows += [(one, None) for one in came_back.distinct().order_by("recipient", "pk")[:MOST_LOST]]
    return {
        "counts": [(label, counts[code]) for code, label in Message.Status.choices if counts.get(code)],
        "done": sum(counts.values()) - waiting,
        "total": total,
        "is_going": is_owing or waiting > 0,
        "was_stopped": was_stopped,
        "leaves": first.next_attempt_at if first is not None else None,
        "lost": rows,
        "seen": hashlib.sha256(repr([sorted(counts.items()), is_owing, was_stopped]).encode()).hexdigest()[
            :12
        ],
    }


@require_POST
@login_required
def broadcast_stop(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """What has not left does not leave."""
    place = workplace(request, territory)
    found = broadcast_of(place, pk)
    number = stop_broadcast(broadcast=found, now=place.now)
    if number:
        messages.success(request, _("Stopped: what had not left is not sent."))
    else:
        messages.info(request, _("Stopped."))
    return redirect("events:organiser_broadcast", territory, pk)

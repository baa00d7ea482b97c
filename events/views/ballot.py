"""The pages of a draw: what can be won and how, taking part, one's own entry, the file to replay.

The rules are ``events.registration.ballot`` and ``drawing``; here they are asked and told.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from events.forms.ballot import EntryForm, WishesForm, say_slot
from events.limits import allow, seconds_left
from events.links import mask
from events.models import Activity, Ballot, BallotEntry, BallotWish, Slot
from events.refusals import Reason, Refused
from events.registration.ballot import (
    change_wishes,
    confirm_entry,
    enter_ballot,
    most_of_party,
    refuse_closed,
    slots_to_win,
    withdraw_entry,
)
from events.registration.drawing import published_file
from events.views.admission import BOOKINGS, PER
from events.views.ballot_facts import facts_of, own_entries, own_entry
from events.views.booking import BUSY, CONFLICT, RETRY_AFTER, TOO_MANY, UNPROCESSABLE
from events.views.own_device import visitor_of_device
from events.views.tickets import say_places, secret_page
from events.views.visitor import Opened, by_secret_link
from events.wording import say_list

PAGE = 50
RECEIPT_SALT = "events.ballot_receipt"
RECEIPT_LASTS = dt.timedelta(days=3)
FIELD_OF = {Reason.LIMIT: "party_size", Reason.NAME_NEEDED: "name", Reason.NO_WISH: "wish_1"}


@dataclass(frozen=True, slots=True)
class Prize:
    """An activity with its slots that can be won, or could be."""

    activity: Activity
    slots: list[tuple[Slot, str]]


def public_ballot(slug: str) -> Ballot:
    """Raises ``Http404``."""
    shown = Ballot.objects.visible().select_related("festival", "territory")
    return get_object_or_404(shown, slug=slug)


# The draw ---------------------------------------------------------------------------------------------------


@require_safe
def ballot(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be won, until when, how it is drawn; after the draw what anybody needs to replay it."""
    now, shown = timezone.now(), public_ballot(slug)
    slots = Slot.objects.visible().filter(activity__ballot=shown).for_showing().in_order()
    entries = shown.entries.filter(withdrawn_at__isnull=True)
    context = {
        **facts_of(shown, now),
        "prizes": prizes_of(list(slots)),
        "entries": shown.entries.filter(rank__isnull=False).count() if shown.drawn_at else entries.count(),
        "order": [],
    }
    if shown.drawn_at is not None:
        context |= _order(request, shown)
    return render(request, "events/public/ballot.html", context)


def prizes_of(slots: Sequence[Slot]) -> list[Prize]:
    ordered = sorted(slots, key=lambda slot: (slot.activity.title, slot.activity_id, slot.starts_at))
    return [
        Prize(activity, [(slot, say_slot(slot)) for slot in group])
        for activity, group in groupby(ordered, key=lambda slot: slot.activity)
    ]


def _order(request: HttpRequest, shown: Ballot) -> dict[str, Any]:
    """The drawn order, fifty at a time."""
    typed = request.GET.get("apres", "")
    after = int(typed) if typed.isdecimal() and len(typed) < 9 else 0
    ranked = shown.entries.filter(rank__gt=after).order_by("rank")
    won = Prefetch("wishes", BallotWish.objects.filter(won=True).order_by("rank"), to_attr="won")
    page = list(ranked.prefetch_related(won)[: PAGE + 1])
    return {
        "seed": shown.places_at_draw["seed"],
        "order": page[:PAGE],
        "next_rank": page[PAGE - 1].rank if len(page) > PAGE else None,
        "is_first": not after,
    }


@require_safe
def ballot_file(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that decided the draw, to replay it: codes, no person. 404 before it."""
    shown = public_ballot(slug)
    try:
        said = published_file(shown)
    except Refused:
        raise Http404 from None
    response = JsonResponse(said)
    response.headers["Content-Disposition"] = f'attachment; filename="tirage-{shown.slug}.json"'
    patch_cache_control(response, public=True, max_age=300)
    return response


# Taking part ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def ballot_enter(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows the form (``?creneau=`` is its first choice), or why there is none; POST enters."""
    now, shown = timezone.now(), public_ballot(slug)
    try:
        refuse_closed(shown, now=now)
    except Refused:
        return _no_form(request, shown, now, status=CONFLICT if request.method == "POST" else 200)
    slots = list(slots_to_win(shown).for_showing().in_order())
    kwargs: dict[str, Any] = {"ballot": shown, "slots": slots, "most": most_of_party(shown)}
    if request.method != "POST":
        asked = request.GET.get("creneau", "")
        first = int(asked) if asked.isdecimal() and len(asked) < 12 else None
        visitor = visitor_of_device(request)
        known = {"email": visitor.email} if visitor else {}
        form = EntryForm(initial={"party_size": 1, "wish_1": first, **known}, **kwargs)
        return _entry_form(request, shown, now, form)
    form = EntryForm(request.POST, **kwargs)
    if not form.is_valid():
        return _entry_form(request, shown, now, form, status=UNPROCESSABLE)
    if not allow(action="register", peer=request.META["REMOTE_ADDR"], limit=BOOKINGS, per=PER, now=now):
        wait = seconds_left(per=PER, now=now)
        return _entry_form(request, shown, now, form, status=TOO_MANY, retry_after=wait)
    try:
        enter_ballot(
            ballot_id=shown.pk,
            email=form.cleaned_data["email"],
            party_size=form.cleaned_data["party_size"],
            name=form.cleaned_data.get("name", ""),
            wishes=form.wishes,
            submission_id=form.cleaned_data["submission_id"],
            locale=get_language() or "fr",
            now=now,
        )
    except Refused as refused:
        if refused.reason in (Reason.CLOSED, Reason.NOT_OPEN_YET):
            return _no_form(request, shown, now, status=CONFLICT)
        if refused.reason == Reason.BUSY:
            return _entry_form(request, shown, now, form, status=BUSY, retry_after=RETRY_AFTER)
        if refused.reason != Reason.ALREADY_REGISTERED:  # that one is told to the owner, by mail
            add_refusal(form, refused)
            return _entry_form(request, shown, now, form, status=UNPROCESSABLE)
    said = [form.wishes, form.cleaned_data["party_size"], mask(form.cleaned_data["email"])]
    return redirect("events:ballot_receipt", shown.slug, signing.dumps([shown.pk, *said], salt=RECEIPT_SALT))


def add_refusal(form: WishesForm, refused: Refused) -> None:
    """Each reason at its field."""
    field = FIELD_OF.get(refused.reason)
    form.add_error(field if field in form.fields else None, str(refused.reason.label))


def _entry_form(
    request: HttpRequest,
    shown: Ballot,
    now: dt.datetime,
    form: EntryForm,
    *,
    status: int = 200,
    retry_after: int = 0,
) -> HttpResponse:
    context = {
        **facts_of(shown, now),
        "form": form,
        "submission_id": form.typed_submission_id if retry_after else uuid.uuid4(),
        "retry_after": retry_after,
        "retry_minutes": -(-retry_after // 60),
        "is_busy": status == BUSY,
    }
    response = render(request, "events/visitor/ballot_enter.html", context, status=status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _no_form(request: HttpRequest, shown: Ballot, now: dt.datetime, *, status: int) -> HttpResponse:
    response = render(request, "events/visitor/ballot_closed.html", facts_of(shown, now), status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
@secret_page
def ballot_receipt(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """What was just sent; the same for an address that had entered before."""
    now, shown = timezone.now(), public_ballot(slug)
    try:
        pk, wishes, party_size, address = signing.loads(token, salt=RECEIPT_SALT, max_age=RECEIPT_LASTS)
    except signing.SignatureExpired:
        return render(request, "events/visitor/link_gone.html", {"what": "receipt"}, status=410)
    except (signing.BadSignature, ValueError, TypeError):
        return render(request, "events/visitor/link_gone.html", {"what": "receipt"}, status=404)
    if pk != shown.pk:
        raise Http404
    slots = Slot.objects.visible().for_showing().in_bulk(wishes)
    context = {
        **facts_of(shown, now),
        "wishes": [(slots[wish], say_slot(slots[wish])) for wish in wishes if wish in slots],
        "places": say_places(party_size),
        "address": address,
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    return render(request, "events/visitor/ballot_receipt.html", context)


# One's own entry --------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_ballot_entry(request: HttpRequest, token: str, opened: Opened, code: str) -> HttpResponse:
    """GET shows the entry; POST changes it, withdraws it or confirms the address, until the closing."""
    now, entry = timezone.now(), _entry_behind(opened, code)
    shown = entry.ballot
    form_facts: dict[str, Any] = {
        "ballot": shown,
        "slots": list(slots_to_win(shown).for_showing().in_order()),
        "most": most_of_party(shown),
    }
    if request.method != "POST":
        first = {"party_size": entry.party_size, "name": entry.name}
        ranked = {f"wish_{n}": wish.slot_id for n, wish in enumerate(entry.wishes.all(), 1)}
        return _entry_page(request, token, entry, now, WishesForm(initial={**first, **ranked}, **form_facts))
    act = request.POST.get("act", "")
    form = WishesForm(request.POST, **form_facts)
    if act not in ("withdraw", "confirm") and not form.is_valid():
        return _entry_page(request, token, entry, now, form, status=UNPROCESSABLE)
    try:
        if act == "withdraw":
            withdraw_entry(entry_id=entry.pk, now=now)
            messages.success(request, _("You no longer take part in “%(name)s”.") % {"name": shown.name})
            return redirect("events:my_visits", token)
        if act == "confirm":
            confirm_entry(entry_id=entry.pk, now=now)
            messages.success(request, _("Thank you: your address is confirmed, you take part."))
        else:
            data = form.cleaned_data
            change_wishes(
                entry_id=entry.pk,
                party_size=data["party_size"],
                wishes=form.wishes,
                name=data.get("name", ""),
                now=now,
            )
            messages.success(request, _("Your wishes are changed."))
    except Refused as refused:
        if refused.reason in FIELD_OF or refused.reason in (Reason.WISH_GONE, Reason.TOO_MANY_WISHES):
            add_refusal(form, refused)
            return _entry_page(request, token, entry, now, form, status=UNPROCESSABLE)
        said = {
            Reason.CLOSED: _("Entries have closed: nothing was changed."),
            Reason.NOT_ACTIVE: _("You had withdrawn this entry already. Nothing was changed."),
        }
        messages.warning(request, said.get(refused.reason, str(refused.reason.label)))
    return redirect("events:my_ballot_entry", token, code)


def _entry_behind(opened: Opened, code: str) -> BallotEntry:
    """Raises ``Http404``; a partner's link to one booking opens no entry."""
    try:
        asked = uuid.UUID(code)
    except ValueError:
        raise Http404 from None
    entry = own_entries(opened.visitor).filter(code=asked).first() if opened.is_whole else None
    if entry is None:
        raise Http404
    found: BallotEntry = entry
    return found


def _entry_page(
    request: HttpRequest,
    token: str,
    entry: BallotEntry,
    now: dt.datetime,
    form: WishesForm,
    *,
    status: int = 200,
) -> HttpResponse:
    own = own_entry(entry, now)
    is_confirmed = entry.visitor is not None and entry.visitor.verified_at is not None
    context = {
        **facts_of(entry.ballot, now),
        "token": token,
        "own": own,
        "entry": entry,
        "form": form,
        "won": say_list(said for _wish, said in own.won),
        "to_confirm": entry.ballot.festival.confirms_addresses and not is_confirmed,
    }
    return render(request, "events/visitor/ballot_entry.html", context, status=status)

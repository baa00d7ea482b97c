"""``/api/v1/``: slots to read for everybody, bookings for partners. Fetch, ask the rule, answer."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Query
from ninja.errors import AuthenticationError, HttpError, ValidationError

from events.api.keys import PartnerKey
from events.api.schemas import (
    DetailOut,
    ErrorsOut,
    RefusalOut,
    RegistrationIn,
    RegistrationOut,
    SlotOut,
    SlotPage,
    SlotQuery,
    show_slot,
)
from events.forms.booking import BookingForm
from events.limits import allow, seconds_left
from events.links import registration_token
from events.models import ApiToken, Registration, Slot
from events.programme import Filters, find
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.terms import Terms

READS, BOOKINGS, PER = 600, 600, dt.timedelta(minutes=1)
KEPT = 15
"""Seconds a reading may be kept by caches on the way: places go quickly."""

FIELD_OF = {Reason.NAME_NEEDED: "name", Reason.SUBMISSION_REUSED: "submission_id"}
"""Refusals that are a fault of one field (422); the others are the state of the slot (409)."""

SAID_AS = {Reason.DAY_LIMIT: Reason.LIMIT, Reason.FESTIVAL_LIMIT: Reason.LIMIT}
"""Reasons that partners know by another word; ``detail`` says which it is."""

api = NinjaAPI(
    title="Festival French Tech",
    version="1",
    description="Reading is open. Booking takes a partner's token.",
    urls_namespace="events:api",
    docs_url=None,
    openapi_url="/openapi.json",
)
partner_key = PartnerKey()


class TooMany(Exception):
    """Within the limits again in ``PER``."""


def _within(action: str, who: str, limit: int) -> None:
    """Raises ``TooMany``."""
    if not allow(action=action, peer=who, limit=limit, per=PER, now=timezone.now()):
        raise TooMany


# Reading
# ------------------------------------------------------------------------------------------------------


@api.get("/slots/", response={200: SlotPage, 422: ErrorsOut, 429: DetailOut}, tags=["slots"])
def slots(request: HttpRequest, query: Query[SlotQuery]) -> HttpResponse:
    """Upcoming published slots in the order of time."""
    _within("api_read", request.META["REMOTE_ADDR"], READS)
    filters = Filters.read(request.GET)
    if filters.unread:
        return _errors({name: [_("This value is not understood.")] for name in filters.unread})
    now = timezone.now()
    page = find(filters, now, limit=query.limit)
    return _kept(request, {"items": [show_slot(slot, now) for slot in page.slots], "next": page.next_cursor})


@api.get("/slots/{int:slot_id}/", response={200: SlotOut, 404: DetailOut, 429: DetailOut}, tags=["slots"])
def slot(request: HttpRequest, slot_id: int) -> HttpResponse:
    """One slot, also when it is over or cancelled."""
    _within("api_read", request.META["REMOTE_ADDR"], READS)
    return _kept(request, show_slot(_public_slot(slot_id), timezone.now()))


def _public_slot(slot_id: int) -> Slot:
    """Raises ``Http404``."""
    shown = Slot.objects.visible().for_showing().select_related("activity__venue__commune")
    found = shown.filter(pk=slot_id).first() if slot_id < 2**63 else None
    if found is None:
        raise Http404
    return found


def _kept(request: HttpRequest, body: dict[str, Any]) -> HttpResponse:
    """JSON that caches may keep for a moment, with a validator (RFC 9110 §8.8.3)."""
    response = JsonResponse(body, encoder=DjangoJSONEncoder)
    tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response.headers["ETag"] = tag
    patch_cache_control(response, public=True, max_age=KEPT)
    return get_conditional_response(request, etag=tag, response=response) or response


# Booking
# ------------------------------------------------------------------------------------------------------


@api.post(
    "/slots/{int:slot_id}/registrations/",
    auth=partner_key,
    response={
        201: RegistrationOut,
        200: RegistrationOut,
        401: DetailOut,
        404: DetailOut,
        409: RefusalOut,
        422: ErrorsOut,
        429: DetailOut,
        503: DetailOut,
    },
    tags=["registrations"],
)
def register(request: HttpRequest, slot_id: int, body: RegistrationIn) -> HttpResponse:
    """Take places for an address: 201, and 200 when the same submission comes again."""
    partner = request.auth  # type: ignore[attr-defined]
    _within("api_book", f"partner:{partner.pk}", BOOKINGS)
    form = BookingForm(
        body.dict() | {"wait": "1" if body.wait else ""}, terms=Terms.of(_slot_for(partner, slot_id))
    )
    form.leave_limit_to_the_rule()
    if not form.is_valid():
        return _errors({name: [str(error) for error in errors] for name, errors in form.errors.items()})
    try:
        booking = register_party(
            slot_id=slot_id,
            now=timezone.now(),
            locale=body.locale,
            partner=partner,
            pool=body.pool,
            **form.wish,
        )
    except Refused as refused:
        return _refusal(refused)
    return _unkept(JsonResponse(_show(booking.registration), status=200 if booking.replayed else 201))


def _slot_for(partner: ApiToken, slot_id: int) -> Slot:
    """A slot this partner may book: in its territory, or anywhere with a key of the site. Raises
    ``Http404``.
    """
    found = _public_slot(slot_id)
    if partner.territory_id not in (None, found.activity.territory_id):
        raise Http404
    return found


@api.get(
    "/registrations/{str:reference}/",
    auth=partner_key,
    response={200: RegistrationOut, 401: DetailOut, 404: DetailOut, 429: DetailOut},
    tags=["registrations"],
)
def registration(request: HttpRequest, reference: str) -> HttpResponse:
    """How a booking of yours stands now."""
    partner = request.auth  # type: ignore[attr-defined]
    _within("api_read", f"partner:{partner.pk}", READS)
    return _unkept(JsonResponse(_show(_own(partner, reference))))


def _own(partner: ApiToken, reference: str) -> Registration:
    """Raises ``Http404`` for somebody else's, as for none."""
    found = Registration.objects.filter(partner=partner, reference=reference).first()
    if found is None:
        raise Http404
    return found


@api.delete(
    "/registrations/{str:reference}/",
    auth=partner_key,
    response={204: None, 401: DetailOut, 404: DetailOut, 409: RefusalOut, 429: DetailOut, 503: DetailOut},
    tags=["registrations"],
)
def give_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Give a booking of yours back; again 204 when it had been."""
    partner = request.auth  # type: ignore[attr-defined]
    _within("api_book", f"partner:{partner.pk}", BOOKINGS)
    found = _own(partner, reference)
    try:
        cancel_registration(registration_id=found.pk, now=timezone.now())
    except Refused as refused:
        if refused.reason != Reason.NOT_ACTIVE:
            return _refusal(refused)
    return HttpResponse(status=204)


def _unkept(response: HttpResponse) -> HttpResponse:
    """What is one partner's alone: kept by no cache on the way."""
    patch_cache_control(response, private=True, no_store=True)
    return response


def _show(registration: Registration) -> dict[str, Any]:
    manage = reverse("events:my_visits", args=[registration_token(registration.pk)])
    return {
        "reference": registration.reference,
        "status": registration.status,
        "slot": registration.slot_id,
        "party_size": registration.party_size,
        "held_until": registration.held_until,
        "manage_url": f"{settings.SITE_URL}{manage}",
    }


# Saying no
# ----------------------------------------------------------------------------------------------------


def _refusal(refused: Refused) -> HttpResponse:
    reason, label = refused.reason, str(refused.reason.label)
    if reason == Reason.BUSY:
        return _later(label, status=503, seconds=3)
    if reason in FIELD_OF:
        return _errors({FIELD_OF[reason]: [label]})
    # What else a rule knows (somebody's other visits) is for pages alone.
    facts = {name: fact for name, fact in refused.facts.items() if name in RefusalOut.model_fields}
    reason = SAID_AS.get(reason, reason)
    return JsonResponse(
        {"reason": reason.value, "detail": label, **facts}, status=409, encoder=DjangoJSONEncoder
    )


def _errors(errors: dict[str, list[str]]) -> HttpResponse:
    return JsonResponse({"errors": errors}, status=422)


def _later(detail: str, *, status: int, seconds: int) -> HttpResponse:
    response = JsonResponse({"detail": detail}, status=status)
    response.headers["Retry-After"] = str(seconds)
    return response


@api.exception_handler(TooMany)
def too_many(request: HttpRequest, error: TooMany) -> HttpResponse:
    seconds = seconds_left(per=PER, now=timezone.now())
    return _later(_("Too many requests."), status=429, seconds=seconds)


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Each fault at its field, in the reader's language; where it lies in the request is left out."""
    errors: dict[str, list[str]] = {}
    for fault in error.errors:
        path = [str(part) for part in fault["loc"] if part not in ("body", "query", "path")]
        name = path[-1] if path and path[-1] not in ("query",) else "body"
        said = _("This field is required.") if fault["type"] == "missing" else _("This value is not valid.")
        errors.setdefault(name, []).append(said)
    return _errors(errors)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return JsonResponse({"detail": _("Not found.")}, status=404)


@api.exception_handler(AuthenticationError)
def not_known(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = JsonResponse({"detail": _("A partner's token is needed.")}, status=401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(HttpError)
def not_readable(request: HttpRequest, error: HttpError) -> HttpResponse:
    detail = _("The body is not JSON.") if error.status_code == 400 else str(error)
    return JsonResponse({"detail": detail}, status=error.status_code)

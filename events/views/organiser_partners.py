"""Partners of a territory: keys to the API, webhooks, and what became of each telling."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.forms.partners import TokenForm, WebhookForm
from events.models import Delivery, Registration, Webhook
from events.partners import (
    add_webhook,
    change_webhook,
    issue_token,
    pause_webhook,
    resume_webhook,
    revoke_token,
    send_again,
    try_webhook,
)
from events.refusals import Refused
from events.webhooks.tell import PING

from .organiser_frame import Workplace, frame, workplace

MOST_DELIVERIES = 50
CHANGES = {
    "confirmed": gettext_lazy("confirmed"),
    "reduced": gettext_lazy("fewer places"),
    "moved": gettext_lazy("moved to another time"),
    "offered": gettext_lazy("place offered"),
    "split": gettext_lazy("party split"),
    "expired": gettext_lazy("time was over"),
    "cancelled": gettext_lazy("withdrawn"),
    "resized": gettext_lazy("number of places changed"),
}
TROUBLES = {
    "no answer in time": gettext_lazy("no answer in time"),
    "the name is not known": gettext_lazy("the name of the server is not known"),
    "https only": gettext_lazy("only https is written to"),
    "this is no address": gettext_lazy("this is no address"),
    "an address of a private network is not written to": gettext_lazy(
        "the server stands in a private network, which is not written to"
    ),
    "the worker ended while sending": gettext_lazy("interrupted while sending"),
}
"""What ``events.webhooks`` writes down where no server answered, in the reader's language."""


@require_safe
@login_required
def partners(request: HttpRequest, territory: str) -> HttpResponse:
    return _partners(request, workplace(request, territory), TokenForm())


def _partners(
    request: HttpRequest, place: Workplace, form: TokenForm, *, token: str = "", status: int = 200
) -> HttpResponse:
    """The page. ``token``: one just made, which is shown this once."""
    made = Count("registrations", filter=~Q(registrations__status=Registration.Status.CANCELLED))
    failed = Count("deliveries", filter=Q(deliveries__status=Delivery.Status.FAILED))
    waiting = Count("deliveries", filter=Q(deliveries__status=Delivery.Status.PENDING))
    context = frame(
        place,
        tokens=list(
            place.territory.api_tokens.annotate(made=Count("registrations"), standing=made).order_by(
                "revoked_at", "name", "pk"
            )
        ),
        webhooks=list(
            place.territory.webhooks.annotate(failed=failed, to_send=waiting).order_by("name", "pk")
        ),
        form=form,
        token=token,
    )
    response = render(request, "events/organiser/partners.html", context, status=status)
    if token:
        patch_cache_control(response, private=True, no_store=True)
    return response


# Keys -----------------------------------------------------------------------------------------------------


@require_POST
@login_required
def token_new(request: HttpRequest, territory: str) -> HttpResponse:
    """The key is in this answer and nowhere else: so it leads to no other page."""
    place = workplace(request, territory)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _partners(request, place, form, status=422)
    token = issue_token(name=form.cleaned_data["name"], territory=place.territory, by=place.user)
    return _partners(request, place, TokenForm(), token=token)


@require_POST
@login_required
def token_revoke(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    token = get_object_or_404(place.territory.api_tokens, pk=pk)
    revoke_token(token_id=token.pk, now=place.now)
    messages.success(request, _("The key of %(name)s opens nothing any more.") % {"name": token.name})
    return redirect("events:organiser_partners", territory)


# Webhooks -------------------------------------------------------------------------------------------------


def _hook(place: Workplace, pk: int) -> Webhook:
    return get_object_or_404(place.territory.webhooks.select_related("territory"), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def webhook_new(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    form = WebhookForm(request.POST or None, initial={"events": Webhook.Event.values})
    if request.method == "POST" and form.is_valid():
        try:
            hook = add_webhook(territory=place.territory, by=place.user, **form.values)
        except Refused as refused:
            form.add_error(
                None, _("A territory has at most %(most)s webhooks.") % {"most": refused.facts["most"]}
            )
        else:
            messages.success(request, _("%(name)s is told from now on.") % {"name": hook.name})
            return redirect("events:organiser_webhook", territory, hook.pk)
    return _webhook_form(request, place, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def webhook_edit(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    hook = _hook(place, pk)
    form = WebhookForm(
        request.POST or None, initial={"name": hook.name, "url": hook.url, "events": hook.events}
    )
    if request.method == "POST" and form.is_valid():
        change_webhook(webhook=hook, **form.values)
        messages.success(request, _("The webhook is changed."))
        return redirect("events:organiser_webhook", territory, pk)
    return _webhook_form(request, place, form, hook)


def _webhook_form(
    request: HttpRequest, place: Workplace, form: WebhookForm, hook: Webhook | None
) -> HttpResponse:
    context = frame(place, form=form, hook=hook)
    status = 422 if form.errors else 200
    return render(request, "events/organiser/webhook_form.html", context, status=status)


@require_safe
@login_required
def webhook(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """How it does, its secret, the last tellings with the answers they got."""
    place = workplace(request, territory)
    hook = _hook(place, pk)
    counts = dict(hook.deliveries.order_by().values_list("status").annotate(number=Count("pk")))
    context = frame(
        place,
        hook=hook,
        told_of=[label for code, label in Webhook.Event.choices if code in hook.events],
        counts=[
            {"label": label, "number": counts[code]}
            for code, label in Delivery.Status.choices
            if counts.get(code)
        ],
        deliveries=[_shown(one) for one in hook.deliveries.order_by("-created_at", "-pk")[:MOST_DELIVERIES]],
    )
    response = render(request, "events/organiser/webhook.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _shown(delivery: Delivery) -> dict[str, Any]:
    data = delivery.payload.get("data", {})
    change = CHANGES.get(data.get("change", ""), "")
    return {
        "delivery": delivery,
        "what": _("Test") if delivery.event == PING else delivery.get_event_display(),
        "how": change,
        "about": data.get("reference", ""),
        "slot": data.get("slot"),
        "answer": TROUBLES.get(delivery.last_answer, delivery.last_answer),
        "can_repeat": delivery.status != Delivery.Status.SENDING,
    }


@require_POST
@login_required
def webhook_pause(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """``resume`` in the form: told again; else nothing more is sent."""
    place = workplace(request, territory)
    hook = _hook(place, pk)
    if request.POST.get("resume"):
        resume_webhook(webhook_id=hook.pk, now=place.now)
        messages.success(request, _("%(name)s is told from now on.") % {"name": hook.name})
    else:
        pause_webhook(webhook_id=hook.pk)
        messages.success(request, _("%(name)s is told nothing for now.") % {"name": hook.name})
    return redirect("events:organiser_webhook", territory, pk)


@require_POST
@login_required
def webhook_try(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    try_webhook(webhook=_hook(place, pk), now=place.now)
    messages.success(request, _("The test leaves within ten seconds; the answer shows below."))
    return redirect("events:organiser_webhook", territory, pk)


@require_POST
@login_required
def webhook_delete(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    hook = _hook(place, pk)
    hook.delete()
    messages.success(request, _("The webhook of %(name)s is gone.") % {"name": hook.name})
    return redirect("events:organiser_partners", territory)


@require_POST
@login_required
def delivery_again(request: HttpRequest, territory: str, pk: int, delivery: int) -> HttpResponse:
    place = workplace(request, territory)
    found = get_object_or_404(_hook(place, pk).deliveries, pk=delivery)
    try:
        send_again(delivery_id=found.pk, now=place.now)
        messages.success(request, _("It leaves again within ten seconds."))
    except Refused:
        messages.warning(request, _("It is on its way at this moment."))
    return redirect("events:organiser_webhook", territory, pk)

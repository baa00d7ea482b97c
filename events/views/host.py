"""The host's desk: its slots at a glance, who it is, who speaks for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.who import signed_in
from events.clock import on_the_wall
from events.forms.host import InviteForm, NewHostForm, ProfileForm
from events.hosting import (
    change_host,
    invite_member,
    join_host,
    open_host,
    read_invitation,
    remove_member,
)
from events.limits import allow
from events.models import Activity, Host, HostMember, JournalEntry, Message, Mode, Registration, Slot
from events.refusals import Refused
from events.views.errors import too_many_requests

SHOW_UP = 0.72
"""Of those registered to free events, how many come: median of 860 measured events (28 % stay away)."""

MOST_ROWS = 200
FORM = ["GET", "HEAD", "POST"]


def host_of(request: HttpRequest, slug: str) -> Host:
    """The host a person speaks for, or 404: what is not one's own does not exist."""
    return get_object_or_404(
        Host.objects.managed_by(signed_in(request)).select_related("territory"), slug=slug
    )


# Which host -------------------------------------------------------------------------------------------------


@require_safe
@login_required
def host_desk(request: HttpRequest) -> HttpResponse:
    """One's only host at once; several to choose from; none: the first step."""
    hosts = list(Host.objects.managed_by(signed_in(request)).select_related("territory"))
    if len(hosts) == 1:
        return redirect("events:host_overview", hosts[0].slug)
    return render(request, "events/host/hosts.html", {"hosts": hosts})


@require_http_methods(FORM)
@login_required
def host_new(request: HttpRequest) -> HttpResponse:
    """Open a door: name, territory, town, a sentence. The rest waits in the profile."""
    form = NewHostForm(request.POST or None, request.FILES or None, today=timezone.localdate())
    if request.method == "POST" and form.is_valid():
        host = open_host(by=signed_in(request), values=form.values, logo=form.cleaned_data["logo"])
        messages.success(
            request, _("%(host)s has its door. Now say what people will see.") % {"host": host.name}
        )
        return redirect("events:host_activity_new", host.slug)
    return render(request, "events/host/new.html", {"form": form}, status=200 if not form.errors else 422)


# The overview -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keys:
    """Figures over the slots to come: places taken and offered, registrations waiting, people to expect."""

    taken: int
    capacity: int
    waiting: int
    expected: int


@require_safe
@login_required
def host_overview(request: HttpRequest, slug: str) -> HttpResponse:
    """The slots with what is taken, what the organisers ask for, and who comes next."""
    host, now = host_of(request, slug), timezone.now()
    past = "passes" in request.GET
    slots = slots_of(host, now, past=past)
    coming = [slot for slot in slots if slot.state == Slot.State.PUBLISHED and slot.ends_at > now]
    next_slot = next((slot for slot in coming if slot.mode == Mode.FIRST_COME), None)
    context = {
        "host": host,
        "slots": slots,
        "past": past,
        "today": on_the_wall(now, host.territory.timezone).date(),
        "keys": _keys(coming),
        "counts": _counts(slots),
        "sent_back": _sent_back(host),
        "drafts": _drafts(host),
        "has_activities": host.activities.exists(),
        "next_slot": next_slot,
        "people": list(who_comes(next_slot.registrations.all())[:12]) if next_slot else [],
    }
    return render(request, "events/host/overview.html", context)


def slots_of(host: Host, now: dt.datetime, *, past: bool = False) -> list[Slot]:
    """Slots of a host to come (or over), in order, with all that a row shows; at most 200."""
    chosen = Q(ends_at__lte=now) if past else Q(ends_at__gt=now)
    slots = Slot.objects.filter(chosen, activity__host=host).for_showing()
    return list((slots.order_by("-starts_at", "pk") if past else slots.in_order())[:MOST_ROWS])


def who_comes(registrations: QuerySet[Registration]) -> QuerySet[Registration]:
    """The active ones: who has places by name and reference, then who waits by rank; each with
    ``mail_refused``.
    """
    refused = Message.objects.filter(registration=OuterRef("pk"), status=Message.Status.FAILED)
    return (
        registrations.filter(status__in=Registration.ACTIVE)
        .annotate(
            mail_refused=Exists(refused),
            rank=Case(When(status=Registration.Status.WAITING, then="pk"), default=0),
        )
        .order_by("status", "waiting_since", "rank", "name", "reference")
    )


def _keys(coming: list[Slot]) -> Keys | None:
    booked = [slot for slot in coming if slot.mode == Mode.FIRST_COME]
    if not booked:
        return None
    taken = sum(slot.taken for slot in booked)
    return Keys(
        taken=taken,
        capacity=sum(slot.capacity or 0 for slot in booked),
        waiting=sum(slot.waiting for slot in booked),
        expected=round(taken * SHOW_UP),
    )


def _counts(slots: list[Slot]) -> dict[str, int]:
    published = [slot for slot in slots if slot.state == Slot.State.PUBLISHED]
    drafts = [slot for slot in slots if slot.state == Slot.State.DRAFT]
    return {"published": len(published), "drafts": len(drafts)}


def _sent_back(host: Host) -> list[tuple[Activity, JournalEntry | None]]:
    """Activities the organisers sent back, each with the entry that says when."""
    back = list(
        host.activities.filter(
            state__in=[Activity.State.CHANGES_REQUESTED, Activity.State.REJECTED]
        ).select_related("territory")
    )
    said: dict[int | None, JournalEntry] = {}
    for entry in JournalEntry.objects.filter(
        activity__in=back, verb__in=[Activity.State.CHANGES_REQUESTED, Activity.State.REJECTED]
    ).order_by("at", "pk"):
        said[entry.activity_id] = entry
    return [(activity, said.get(activity.pk)) for activity in back]


def _drafts(host: Host) -> list[Activity]:
    """Drafts on their way: what a host still has to do before the organisers see them."""
    drafts = host.activities.filter(state=Activity.State.DRAFT)
    return list(drafts.annotate(slot_count=Count("slots")).order_by("pk")[:6])


# The profile ------------------------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def host_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """What a host says of itself, in French and perhaps in English, and its logo."""
    host = host_of(request, slug)
    form = ProfileForm(request.POST or None, request.FILES or None, instance=host)
    if request.method == "POST" and form.is_valid():
        change_host(
            host_id=host.pk,
            values=form.values,
            siren=form.cleaned_data["siren"],
            logo=form.cleaned_data["new_logo"],
            drop_logo=form.cleaned_data.get("drop_logo", False),
        )
        messages.success(request, _("Your profile is saved."))
        return redirect("events:host_profile", host.slug)
    if form.errors:
        # The form wrote what was typed on the host; the frame of the page shows what is saved.
        host = host_of(request, slug)
    context = {"host": host, "form": form, "is_public": Host.objects.public().filter(pk=host.pk).exists()}
    return render(request, "events/host/profile.html", context, status=422 if form.errors else 200)


# The team ---------------------------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def host_members(request: HttpRequest, slug: str) -> HttpResponse:
    """Who speaks for the host; invite somebody by e-mail."""
    host, now = host_of(request, slug), timezone.now()
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        hour = dt.timedelta(hours=1)
        if not allow(action="invite", peer=f"user:{signed_in(request).pk}", limit=20, per=hour, now=now):
            return too_many_requests(request, retry_after=3600)
        email = form.cleaned_data["email"]
        invite_member(host_id=host.pk, email=email, by=signed_in(request), now=now)
        messages.success(
            request, _("An invitation leaves for %(email)s. Its link lasts 14 days.") % {"email": email}
        )
        return redirect("events:host_members", host.slug)
    members = host.members.select_related("user").order_by("created_at", "pk")
    context = {"host": host, "form": form, "members": members}
    return render(request, "events/host/members.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def host_member_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take somebody out of the team; oneself too, unless nobody would be left."""
    host = host_of(request, slug)
    member = get_object_or_404(HostMember.objects.select_related("user"), host=host, pk=pk)
    try:
        remove_member(host_id=host.pk, member_id=member.pk)
    except Refused as refused:
        messages.error(request, refused.reason.label)
        return redirect("events:host_members", host.slug)
    messages.success(
        request, _("%(person)s no longer speaks for %(host)s.") % {"person": member.user, "host": host}
    )
    return redirect(
        "events:desk" if member.user == request.user else "events:host_members",
        *_unless_gone(member, request),
    )


def _unless_gone(member: HostMember, request: HttpRequest) -> list[str]:
    return [] if member.user == request.user else [member.host.slug]


@require_http_methods(FORM)
@login_required
def host_join(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: the page asks, its button joins. Good for the invited address alone."""
    found = read_invitation(token)
    if found is None:
        return render(request, "events/host/join_expired.html", status=404)
    host, email = found
    is_theirs = signed_in(request).email.lower() == email
    if request.method == "POST" and is_theirs:
        join_host(host_id=host.pk, user=signed_in(request))
        messages.success(request, _("You now speak for %(host)s.") % {"host": host.name})
        return redirect("events:host_overview", host.slug)
    context = {"host": host, "email": email, "is_theirs": is_theirs}
    return render(request, "events/host/join.html", context, status=200 if is_theirs else 403)

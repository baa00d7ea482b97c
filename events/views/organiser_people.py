"""The people of a territory: its hosts, its team."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from events.folding import words
from events.forms.organiser import TeamForm
from events.models import Activity, Festival, Host, TerritoryTeam

from .organiser_frame import Workplace, frame, typed, workplace

PAGE = 60


@require_safe
@login_required
def hosts(request: HttpRequest, territory: str) -> HttpResponse:
    """Who opens a door here, with what they propose and whom to write to."""
    place = workplace(request, territory)
    found = Host.objects.overseen_by(place.user).filter(territory=place.territory)
    asked = typed(request, "q", longest=120)
    for word in words(asked):
        found = found.filter(sort_name__contains=word)
    here = ~Q(activities__festival__state=Festival.State.ARCHIVED)
    after = typed(request, "apres", longest=160)
    mark = Host.objects.filter(slug=after).values_list("sort_name", "pk").first() if after else None
    if mark is not None:
        found = found.filter(Q(sort_name__gt=mark[0]) | Q(sort_name=mark[0], pk__gt=mark[1]))
    page = list(
        found.annotate(
            published=Count(
                "activities", filter=here & Q(activities__state=Activity.State.PUBLISHED), distinct=True
            ),
            waiting=Count(
                "activities", filter=here & Q(activities__state=Activity.State.SUBMITTED), distinct=True
            ),
            member_count=Count("members", distinct=True),
        )
        .select_related("company")
        .order_by("sort_name", "pk")[: PAGE + 1]
    )
    context = frame(
        place,
        hosts=page[:PAGE],
        next_mark=page[PAGE - 1].slug if len(page) > PAGE else None,
        is_first=mark is None,
        q=asked,
    )
    return render(request, "events/organiser/hosts.html", context)


# The team -------------------------------------------------------------------------------------------------


def may_change_team(place: Workplace) -> bool:
    """The national team of an edition the territory is part of, and superusers."""
    return (
        place.user.is_superuser
        or Festival.objects.filter(territories=place.territory, team__user=place.user).exists()
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def team(request: HttpRequest, territory: str) -> HttpResponse:
    """Who organises here; the national team adds a person who has an account."""
    place = workplace(request, territory)
    may_change = may_change_team(place)
    if request.method == "POST" and not may_change:
        raise Http404
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = User.objects.filter(email__iexact=form.cleaned_data["email"], is_active=True).first()
        if user is None:
            form.add_error("email", _("Nobody has signed up with this address. Ask them to, then add them."))
        else:
            _member, is_new = TerritoryTeam.objects.get_or_create(territory=place.territory, user=user)
            said = _("%(name)s is in the team.") if is_new else _("%(name)s is in the team already.")
            messages.success(request, said % {"name": user})
            return redirect("events:organiser_team", territory)
    context = frame(
        place,
        members=list(place.territory.team.select_related("user").order_by("user__name", "user__email")),
        national=list(
            User.objects.filter(festival_roles__festival__territories=place.territory)
            .distinct()
            .order_by("name", "email")
        ),
        may_change=may_change,
        form=form,
    )
    return render(request, "events/organiser/team.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def team_remove(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    if not may_change_team(place):
        raise Http404
    member = get_object_or_404(place.territory.team.select_related("user"), pk=pk)
    member.delete()
    messages.success(request, _("%(name)s has left the team.") % {"name": member.user})
    return redirect("events:organiser_team", territory)

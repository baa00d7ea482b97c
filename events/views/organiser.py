"""The organisers' desk: what waits, the figures of the territory, the curve of its registrations."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.who import signed_in
from events.follows.asking import followers_of
from events.models import (
    Festival,
    Message,
    Mode,
    OpeningHours,
    Registration,
    RoomHours,
    Slot,
    SpecialDays,
    Territory,
    VenueManager,
)
from events.scheduling.requests import to_answer
from events.scheduling.rooms import OPEN_TIMES_OF_SLOTS
from events.scheduling.venues import outside_hours
from events.wording import say_day, say_number, say_when

from .organiser_board import board_url, waiting_for_a_room
from .organiser_chart import Chart, draw
from .organiser_frame import Workplace, edition_of, frame, territories_of, workplace
from .organiser_mails import mails_of

NEARLY_FULL = 0.9
NEARLY_EMPTY = 3
SOON = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Task:
    """A line of the list: how many, what, why it matters, what to press."""

    number: int
    title: str
    note: str
    verb: str
    url: str


@require_safe
@login_required
def desk(request: HttpRequest) -> HttpResponse:
    """One territory: straight there. Several: choose. None: there is no such desk."""
    user = signed_in(request)
    found = list(territories_of(user, rooms=True).order_by("sort_name", "pk")[:200])
    if not found:
        raise Http404
    organised = set(Territory.objects.run_by(user).values_list("pk", flat=True))
    with_venues = set(VenueManager.objects.filter(user=user).values_list("venue__territory", flat=True))
    if len(found) == 1:
        route = "organiser_venues" if found[0].pk in with_venues else "organiser_requests"
        route = "organiser_territory" if found[0].pk in organised else route
        return redirect(f"events:{route}", found[0].slug)
    waiting = dict(
        Territory.objects.filter(pk__in=organised, activities__state="submitted")
        .exclude(activities__festival__state=Festival.State.ARCHIVED)
        .values_list("pk")
        .annotate(number=Count("activities"))
        .order_by("pk")
    )
    places = [
        {
            "territory": at,
            "organises": at.pk in organised,
            "runs_venues": at.pk in with_venues,
            "to_moderate": waiting.get(at.pk, 0),
        }
        for at in found
    ]
    return render(request, "events/organiser/territories.html", {"places": places})


@require_safe
@login_required
def overview(request: HttpRequest, territory: str) -> HttpResponse:
    """What waits, the most pressing first; how full the territory is; since when."""
    place = workplace(request, territory)
    edition = edition_of(place)
    context = frame(
        place,
        edition=edition,
        opens_in=(edition.starts_on - place.today).days if edition is not None else None,
        local_now=place.local_now,
        tasks=_tasks(place),
        figures=_figures(place),
        mails=_mails(place),
        by_venue=_by_venue(place),
        chart=_chart(place, edition),
    )
    return render(request, "events/organiser/overview.html", context)


# What waits -----------------------------------------------------------------------------------------------


def _tasks(place: Workplace) -> list[Task]:
    """Only what there is to do; the most pressing first."""
    found = [
        _closed(place),
        _to_moderate(place),
        _asked(place),
        _unplaced(place),
        _refused_mails(place),
        _paused_webhooks(place),
        _held_agendas(place),
        _silent_agendas(place),
        *_by_fill(place),
    ]
    return [task for task in found if task is not None]


def _ahead(place: Workplace) -> Any:
    return place.slots.filter(state=Slot.State.PUBLISHED, starts_at__gt=place.now)


def _asked(place: Workplace) -> Task | None:
    """Requests for rooms that await an answer."""
    waiting = list(to_answer(place.requests, place.now).select_related("room").order_by("starts_at", "pk"))
    if not waiting:
        return None
    note = _("First %(room)s. Until somebody accepts, nothing is held.") % {"room": waiting[0].room}
    url = reverse("events:organiser_requests", args=[place.territory.slug])
    return Task(len(waiting), _("Rooms asked for"), note, _("Answer them"), url)


def _closed(place: Workplace) -> Task | None:
    somebody_said = (
        Q(venue__in=OpeningHours.objects.values("venue"))
        | Q(venue__in=SpecialDays.objects.values("venue"))
        | Q(venue__in=RoomHours.objects.values("room__venue"))
    )
    placed = place.slots.filter(somebody_said, starts_at__gt=place.now, room__isnull=False)
    slots = outside_hours(
        slots=placed.exclude(state=Slot.State.CANCELLED)
        .select_related("venue", "room__venue", "activity")
        .prefetch_related(*OPEN_TIMES_OF_SLOTS)
        .in_order()
    )
    if not slots:
        return None
    first = slots[0]
    people = sum(slot.taken for slot in slots)
    note = _("First at %(venue)s, %(day)s.") % {"venue": first.venue, "day": say_day(first.day)}
    if people:
        note += " " + ngettext("%(number)s place is taken.", "%(number)s places are taken.", people) % {
            "number": say_number(people)
        }
    url = board_url(place, jour=first.day.isoformat(), lieu=first.venue.slug, creneau=first.pk)  # type: ignore[union-attr]
    return Task(len(slots), _("Slots while their venue is closed"), note, _("Move them"), url)


def _to_moderate(place: Workplace) -> Task | None:
    waiting = place.activities.to_moderate()
    first = waiting.first()
    if first is None:
        return None
    note = _("The first waits since %(when)s: “%(title)s”.") % {
        "when": _since(first.submitted_at, place),
        "title": first.title,
    }
    url = reverse("events:organiser_moderation", args=[place.territory.slug])
    return Task(waiting.count(), _("Activities to read"), note, _("Read them"), url)


def _since(at: dt.datetime | None, place: Workplace) -> str:
    if at is None:
        return "?"
    local = at.astimezone(ZoneInfo(place.territory.timezone))
    return say_when(local, place.today).removeprefix("on ")


def _unplaced(place: Workplace) -> Task | None:
    waiting = waiting_for_a_room(place).in_order()
    number = waiting.count()
    if not number:
        return None
    first = waiting[0]
    note = _("The first is on %(day)s.") % {"day": say_day(first.day)}
    return Task(
        number, _("Slots without a room"), note, _("Place them"), board_url(place, jour=first.day.isoformat())
    )


def _refused_mails(place: Workplace) -> Task | None:
    coming = Q(registration__isnull=True) | Q(registration__slot__ends_at__gt=place.now)
    number = mails_of(place).filter(coming, status=Message.Status.FAILED).count()
    if not number:
        return None
    return Task(
        number,
        _("Addresses that refuse our mails"),
        _("The tickets did not arrive. The places stay held."),
        _("See them"),
        reverse("events:organiser_messages", args=[place.territory.slug]) + "?etat=failed",
    )


def _paused_webhooks(place: Workplace) -> Task | None:
    number = place.territory.webhooks.filter(is_active=False, failures__gt=0).count()
    if not number:
        return None
    return Task(
        number,
        _("Partners no longer told"),
        _("Their server took nothing for three days: their webhook is paused."),
        _("See them"),
        reverse("events:organiser_partners", args=[place.territory.slug]),
    )


def _held_agendas(place: Workplace) -> Task | None:
    number = place.territory.agenda_sources.held().count()
    if not number:
        return None
    return Task(
        number,
        _("Agendas that would take much away"),
        _("Nothing of them is taken in before you say yes."),
        _("See them"),
        reverse("events:organiser_exchange", args=[place.territory.slug]),
    )


def _silent_agendas(place: Workplace) -> Task | None:
    number = place.territory.agenda_sources.silent(place.now).count()
    if not number:
        return None
    return Task(
        number,
        _("Agendas that bring nothing any more"),
        _("For a day and more. What they said last stands."),
        _("See them"),
        reverse("events:organiser_exchange", args=[place.territory.slug]),
    )


def _by_fill(place: Workplace) -> list[Task | None]:
    """Full with people waiting, nearly full, nearly empty a week ahead: one query for the three."""
    booked = Q(activity__mode=Mode.FIRST_COME, capacity__gt=0)
    ratio = Q(taken__gte=F("capacity") * NEARLY_FULL)
    counts = (
        _ahead(place)
        .filter(booked)
        .aggregate(
            waited=Count("pk", filter=Q(waiting__gt=0)),
            people=Sum("waiting", filter=Q(waiting__gt=0)),
            nearly=Count("pk", filter=ratio & Q(waiting=0)),
            empty=Count("pk", filter=Q(taken__lt=NEARLY_EMPTY, starts_at__lte=place.now + SOON)),
        )
    )
    slots = reverse("events:organiser_slots", args=[place.territory.slug])
    return [
        _waited(counts, slots),
        Task(
            counts["nearly"],
            _("Doors nearly full"),
            _("Nine places out of ten are taken. More places, or another hour?"),
            _("See them"),
            f"{slots}?etat=presque-complets",
        )
        if counts["nearly"]
        else None,
        Task(
            counts["empty"],
            _("Doors nearly empty"),
            _("Fewer than three places taken a week before. Tell of them, or join them?"),
            _("Choose"),
            f"{slots}?etat=presque-vides",
        )
        if counts["empty"]
        else None,
    ]


def _waited(counts: dict[str, Any], slots: str) -> Task | None:
    if not counts["waited"]:
        return None
    note = ngettext(
        "%(number)s registration waits. A larger room would let it in.",
        "%(number)s registrations wait. Larger rooms would let them in.",
        counts["people"],
    ) % {"number": say_number(counts["people"])}
    return Task(
        counts["waited"], _("Full doors where people wait"), note, _("See them"), f"{slots}?etat=attente"
    )


# Figures --------------------------------------------------------------------------------------------------


def _figures(place: Workplace) -> dict[str, Any]:
    """Places held of those there are, people waiting, published doors of all, who follows the territory."""
    booked = Q(activity__mode=Mode.FIRST_COME, state=Slot.State.PUBLISHED)
    limited = booked & Q(capacity__isnull=False)
    figures: dict[str, Any] = place.slots.aggregate(
        places_taken=Sum("taken", filter=booked),
        places=Sum("capacity", filter=limited),
        people_waiting=Sum("waiting", filter=booked),
        published=Count("pk", filter=Q(state=Slot.State.PUBLISHED)),
        doors=Count("pk", filter=~Q(state=Slot.State.CANCELLED)),
    )
    figures["followers"] = followers_of(f"territory:{place.territory.pk}")
    return {name: value or 0 for name, value in figures.items()}


def _mails(place: Workplace) -> dict[str, int]:
    late = Q(status=Message.Status.PENDING, next_attempt_at__lt=place.now - dt.timedelta(minutes=10))
    counts: dict[str, int] = mails_of(place).aggregate(
        sent=Count("pk", filter=Q(status=Message.Status.SENT)),
        failed=Count("pk", filter=Q(status=Message.Status.FAILED)),
        late=Count("pk", filter=late),
    )
    return counts


def _by_venue(place: Workplace) -> list[dict[str, Any]]:
    """The venues with most slots: how many, and how full those are that have a limit."""
    limited = Q(activity__mode=Mode.FIRST_COME, capacity__isnull=False)
    rows = (
        place.slots.filter(state=Slot.State.PUBLISHED, venue__isnull=False)
        .values("venue__name", "venue__slug")
        .annotate(
            doors=Count("pk"),
            places_taken=Sum("taken", filter=limited),
            places=Sum("capacity", filter=limited),
        )
        .order_by("-doors", "venue__name")[:8]
    )
    return [
        {
            "name": row["venue__name"],
            "slug": row["venue__slug"],
            "doors": row["doors"],
            "share": (row["places_taken"] or 0) / row["places"] if row["places"] else None,
            "per_cent": round(100 * (row["places_taken"] or 0) / row["places"]) if row["places"] else 0,
        }
        for row in rows
    ]


def _chart(place: Workplace, edition: Festival | None) -> Chart | None:
    """Places confirmed day by day, as they still stand."""
    zone = ZoneInfo(place.territory.timezone)
    per_day = dict(
        Registration.objects.filter(
            slot__activity__territory=place.territory,
            status=Registration.Status.CONFIRMED,
            confirmed_at__isnull=False,
        )
        .exclude(slot__activity__festival__state=Festival.State.ARCHIVED)
        .annotate(on=TruncDate("confirmed_at", tzinfo=zone))
        .values_list("on")
        .annotate(places=Sum("party_size"))
        .order_by("on")
    )
    end = edition.ends_on if edition is not None else place.today
    return draw(per_day, today=place.today, end=end)

"""The face of the site: the entrance, the programme, an activity, a slot. Fetch, ask, show.

What is not public does not exist here: every page starts from ``published()`` or ``visible()``.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from events.calendar import calendar_of
from events.clock import on_the_wall
from events.doors import SHUT, SOON
from events.exchange.cards import card_of_activity, card_of_slot
from events.exchange.schema_org import activity_as_events, site_with_search, slot_as_event
from events.forms.asked import meant_instead, things_asked, ways_out
from events.forms.programme import (
    next_day,
    previous_day,
    say_count,
    say_question,
    sentence_of,
)
from events.models import Activity, Festival, Language, Slot, Venue
from events.models.host import paint_of
from events.programme import (
    Counts,
    Facets,
    Filters,
    Page,
    facets_of,
    find,
    find_words,
    index_at,
    matching,
    tally,
)
from events.views.asked_by_many import asked_by_many
from events.views.context import current_festival
from events.views.crumbs import crumbs_of_activity, crumbs_of_slot
from events.views.history import growth
from events.views.public_rows import (
    Day,
    Row,
    by_day,
    by_hour,
    chart_of,
    clock_of,
    next_opening,
    position_of,
    row_of,
    rows_of,
)
from events.wording import (
    WALKABLE_METRES,
    metres_between,
    say_day,
    say_day_range,
    say_duration,
    say_list,
    say_number,
    say_time,
    with_capital,
)

STREET_DOORS = 6
CITIES_ON_HOME = 12
NEARBY = 3
MOST_LEAD = 240
MOST_COUNTED_BY_THE_DATABASE = 1000
"""Slots found, above which their number, too large to be checked by eye, may be some seconds old."""


@require_safe
@asked_by_many
def home(request: HttpRequest) -> HttpResponse:
    """What, where, when, and a first street of doors."""
    now = timezone.now()
    index = index_at(now)
    choices = facets_of(index, now)
    festival = current_festival(request)
    busiest = max(choices.territories, key=lambda choice: choice.slots, default=None)
    street = _street(busiest.code, now) if busiest else []
    day = street[0].slot.day if street else None
    plate = day or (festival.starts_on if festival else None)
    asked = Filters(places=1, day=day)
    return render(
        request,
        "events/public/home.html",
        {
            "now": now,
            "sentence": sentence_of(asked, choices, Counts(index, asked, now, cancelled=True)),
            "street": street,
            "street_day": day,
            "street_city": busiest,
            "lead": _lead(festival),
            "linked": [site_with_search()],
            "hero_day": Day(plate) if plate else None,
            "title": _home_title(festival),
            "cities": cities_with_doors(Filters(), now)[:CITIES_ON_HOME],
            "more_cities": len(choices.territories) > CITIES_ON_HOME,
            "growth": growth(),
        },
    )


def _home_title(festival: Festival | None) -> str:
    if festival is None:
        return _("Start-ups open their doors")
    return f"{festival.name}, {say_day_range(festival.starts_on, festival.ends_on)}"


def _lead(festival: Festival | None) -> str:
    days = len(festival.days) if festival else 3
    spelled = {1: _("For one day"), 2: _("For two days"), 3: _("For three days"), 4: _("For four days")}
    when = spelled.get(days, _("For %(n)s days") % {"n": days})
    return _(
        "%(when)s, start-ups receive you where they work. It is free, needs no account, and a place is "
        "booked in under a minute."
    ) % {"when": when}


def _street(city: str, now: dt.datetime) -> list[Row]:
    """The next doors of a city, one for each host, on its first day; those one may enter come first."""
    coming = list(matching(Filters(place=city), now).for_showing().in_order()[:120])
    rows = rows_of([slot for slot in coming if slot.day == coming[0].day], now=now)
    inviting = sorted(rows, key=lambda row: (row.door.can_wait, row.door.symbol in (SHUT, SOON)))
    chosen: dict[int, Row] = {}
    for row in inviting:
        if len(chosen) < STREET_DOORS:
            chosen.setdefault(row.slot.activity.host_id, row)
    return sorted(chosen.values(), key=lambda row: (row.slot.starts_at, row.slot.pk))


def cities_with_doors(filters: Filters, now: dt.datetime) -> list[dict[str, Any]]:
    """Territories with the number of their doors (hosts with something to come), the most open first."""
    counted = (
        matching(filters, now)
        .order_by()
        .values("activity__territory__slug", "activity__territory__name", "activity__territory__sort_name")
        .annotate(doors=Count("activity__host", distinct=True))
        .order_by("-doors", "activity__territory__sort_name")
    )
    return [
        {
            "slug": row["activity__territory__slug"],
            "name": row["activity__territory__name"],
            "paint": paint_of(row["activity__territory__slug"]),
            "said": ngettext("%(n)s door", "%(n)s doors", row["doors"]) % {"n": say_number(row["doors"])},
        }
        for row in counted
    ]


@require_safe
@asked_by_many
def programme(request: HttpRequest) -> HttpResponse:
    """The list with its filters, a page at a time, and beside each choice what it would find."""
    now = timezone.now()
    filters = Filters.read(request.GET)
    index = index_at(now)
    words = find_words(filters.query, index.common)
    choices = facets_of(index, now)
    beside = Counts(index, filters, now, words=words, cancelled=True)
    page = find(filters, now, cancelled=True, look_back=True, words=words)
    zone = clock_of(filters, choices, page.slots)
    if beside.total > MOST_COUNTED_BY_THE_DATABASE:
        counts = beside.tally(zone)
    else:
        counts = tally(filters, now, cancelled=True, zone=zone, words=words)
    rows = rows_of(
        page.slots,
        now=now,
        zone=zone,
        walks=bool(filters.place),
        near=filters.near.position if filters.near else None,
    )
    chart_day = filters.day or (rows[0].slot.day if rows else None)
    return render(
        request,
        "events/public/programme.html",
        {
            "now": now,
            "filters": filters,
            "sentence": sentence_of(filters, choices, beside),
            "asked": things_asked(filters, choices),
            "mixes_zones": any(row.zone for row in rows),
            "hours": by_hour(rows, counts, zone=zone, going_on=filters.after is not None),
            "shows_days": filters.day is None,
            "count": say_count(counts.total),
            "question": say_question(filters, choices),
            "title": _title(filters, choices),
            "chart": chart_of(chart_day, counts) if chart_day else None,
            "pager": _pager(filters, choices, page, zone),
            "ways_out": ways_out(filters, beside) if not rows else [],
            "meant": meant_instead(filters, words) if not rows else None,
            "feeds": _feeds(filters),
            "subscription": _subscription(filters),
            "feeds_explained": reverse("events:feeds") + filters.query_string(),
        },
    )


def _title(filters: Filters, choices: Facets) -> str:
    said = say_question(filters, choices)
    return _("Programme, %(question)s") % {"question": said} if said else _("Programme")


def _pager(filters: Filters, choices: Facets, page: Page, zone: str) -> dict[str, tuple[str, str] | None]:
    """The pages before and after, in words: (address, label)."""
    here = reverse("events:programme")
    back = forth = None
    if page.preceding is not None:
        at = on_the_wall(page.preceding.starts_at, zone)
        last = page.slots[0].day if page.slots else None
        label = say_time(at) if at.date() == last else f"{say_day(at.date())}, {say_time(at)}"
        back = (
            here + filters.query_string(after=page.previous_cursor or None),
            _("Back to %(when)s") % {"when": label},
        )
    elif filters.moment and filters.moment != "matin":
        back = (here + filters.query_string(moment="matin"), _("Back to the morning"))
    elif day := previous_day(filters, choices):
        back = (here + filters.query_string(day=day), with_capital(say_day(day)))
    if page.following is not None:
        at = on_the_wall(page.following.starts_at, zone)
        same = bool(page.slots) and on_the_wall(page.slots[-1].starts_at, zone).date() == at.date()
        label = (
            _("Next, from %(time)s") % {"time": say_time(at)} if same else with_capital(say_day(at.date()))
        )
        forth = (here + filters.query_string(after=page.next_cursor), label)
    elif filters.moment and filters.moment != "soir" and not filters.after:
        forth = (here + filters.query_string(moment=""), _("The whole day"))
    elif day := next_day(filters, choices):
        forth = (here + filters.query_string(day=day, moment=""), with_capital(say_day(day)))
    return {"back": back, "forth": forth}


def _subscription(filters: Filters) -> str:
    """What opens a calendar program with this programme."""
    address = f"{settings.SITE_URL}{reverse('events:programme_ics')}{filters.query_string()}"
    return f"webcal://{address.partition('://')[2]}"


def _feeds(filters: Filters) -> list[tuple[str, str]]:
    names = (("ics", _("calendar")), ("rss", "RSS"), ("csv", "CSV"), ("json", "JSON"), ("geojson", "GeoJSON"))
    return [(reverse(f"events:programme_{kind}") + filters.query_string(), label) for kind, label in names]


@require_safe
def activity(request: HttpRequest, slug: str) -> HttpResponse:
    """What is proposed, and its slots by day."""
    now = timezone.now()
    shown = get_object_or_404(
        Activity.objects.published().select_related(
            "festival", "programme", "territory", "host__territory", "venue__commune", "venue__territory"
        ),
        slug=slug,
    )
    slots = list(Slot.objects.visible().filter(activity=shown).for_showing().in_order())
    for slot in slots:
        slot.activity = shown
    rows = rows_of(slots, now=now)
    coming = [row for row in rows if row.slot.ends_at > now]
    over = [row for row in rows if row.slot.ends_at <= now]
    best = next((row for row in coming if row.door.is_bookable), None) or next(
        iter(coming or over[::-1]), None
    )
    venue = next((slot.venue for slot in slots if slot.venue), shown.venue)
    lead, body = _lead_and_body(shown.description)
    return render(
        request,
        "events/public/activity.html",
        {
            "now": now,
            "festival": shown.festival,
            "activity": shown,
            "card": card_of_activity(shown, [one.day for one in slots], venue),
            "days": by_day(coming),
            "over": by_day(over),
            "best": best,
            "opening": next_opening(rows, now),
            "door_classes": f"door paint-{shown.host.paint} act__door",
            "kick": _kick(shown, {one.duration for one in slots}),
            "lead": lead,
            "body": body,
            "codes": _access(shown, venue),
            "spoken": _spoken(shown),
            "venue": venue,
            "nearby": _nearby(venue, shown, now),
            "is_archived": shown.festival.state == Festival.State.ARCHIVED,
            "linked": [activity_as_events(shown, slots, now=now), crumbs_of_activity(shown)],
        },
    )


@require_safe
def slot(request: HttpRequest, pk: int) -> HttpResponse:
    """One time: how many places, where, how to come, and the one thing to do."""
    now = timezone.now()
    shown = get_object_or_404(
        Slot.objects.visible().for_showing().select_related("activity__programme"), pk=pk
    )
    others = (
        Slot.objects.published()
        .upcoming(now)
        .filter(activity=shown.activity)
        .exclude(pk=shown.pk)
        .for_showing()
        .in_order()[:6]
    )
    return render(
        request,
        "events/public/slot.html",
        {
            "now": now,
            "festival": shown.activity.festival,
            "activity": shown.activity,
            "card": card_of_slot(shown),
            "row": row_of(shown, now=now),
            "slot": shown,
            "kick": _kick(shown.activity, {shown.duration}),
            "codes": _access(shown.activity, shown.venue),
            "spoken": _spoken(shown.activity),
            "taken": max(0, (shown.capacity or 0) - (shown.places_left or 0)),
            "venue": shown.venue,
            "others": by_day(rows_of(list(others), now=now)),
            "nearby": _nearby(shown.venue, shown.activity, now, around=shown),
            "is_archived": shown.activity.festival.state == Festival.State.ARCHIVED,
            "linked": [slot_as_event(shown, now=now), crumbs_of_slot(shown)],
        },
    )


@require_safe
def slot_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """A time as a calendar file: where people drop in no mail brings one."""
    now, shown = timezone.now(), get_object_or_404(Slot.objects.visible().for_showing(), pk=pk)
    return HttpResponse(
        calendar_of(slots=[shown], now=now, name=shown.activity.title),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="visite.ics"'},
    )


def _kick(shown: Activity, durations: set[int]) -> str:
    """« Visite guidée, 45 min, en français »: the line above the title."""
    parts = [str(shown.get_format_display())]
    if len(durations) == 1:
        parts.append(say_duration(durations.pop()))
    tongues = {"fr": _("in French"), "en": _("in English"), "lsf": _("in French sign language")}
    parts += [tongues[code] for code in shown.languages if code in tongues]
    return ", ".join(parts)


def _lead_and_body(text: str) -> tuple[str, str]:
    """A short plain first paragraph leads; the rest is read below. A text of one piece is all body."""
    first, _blank, rest = text.strip().replace("\r\n", "\n").partition("\n\n")
    plain = len(first) <= MOST_LEAD and "\n" not in first and not set(first) & set("*_[]#`<>")
    if plain and rest.strip():
        return first, rest.strip()
    return "", text.strip()


def _access(shown: Activity, venue: Venue | None) -> list[str]:
    codes = {*shown.access, *(venue.access if venue else [])}
    return [code for code in ("mi", "hi", "vi", "pi", "ii") if code in codes]


def _spoken(shown: Activity) -> str:
    names = dict(Language.choices)
    said = say_list(str(names[code]) for code in shown.languages if code in names)
    return said[:1].upper() + said[1:]


def _nearby(
    venue: Any, shown: Activity, now: dt.datetime, around: Slot | None = None
) -> list[dict[str, Any]]:
    """Other doors within a walk, the nearest first; of the same day when a slot is looked at."""
    if venue is None or venue.latitude is None:
        return []
    here = (venue.latitude, venue.longitude)
    margin = 0.05
    coming = (
        Slot.objects.published()
        .upcoming(now)
        .filter(
            activity__territory=shown.territory_id,
            venue__latitude__range=(here[0] - margin, here[0] + margin),
            venue__longitude__range=(here[1] - margin, here[1] + margin),
        )
        .exclude(activity__host=shown.host_id)
    )
    if around is not None:
        coming = coming.filter(day=around.day, starts_at__gte=around.ends_at)
    found: dict[int, dict[str, Any]] = {}
    for other in coming.for_showing().in_order()[:60]:
        there = position_of(other.venue) if other.venue else None
        metres = metres_between(here, there) if there else None
        if metres is not None and metres <= WALKABLE_METRES:
            found.setdefault(other.activity_id, {"slot": other, "metres": metres})
    nearest = sorted(found.values(), key=lambda one: (one["metres"] // 100, one["slot"].starts_at))
    by_venue: dict[int, dict[str, Any]] = {}
    for one in nearest:
        by_venue.setdefault(one["slot"].venue_id, one)
    first = list(by_venue.values())
    return [*first, *(one for one in nearest if one not in first)][:NEARBY]

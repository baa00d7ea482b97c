"""The way to a page, as its line of crumbs says it, for search engines."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from events.exchange.schema_org import Thing, breadcrumbs
from events.models import Activity, Festival, Host, Programme, Slot, Territory, Venue
from events.wording import say_short_day, say_time


def _programme() -> tuple[str, str]:
    return _("Programme"), reverse("events:programme")


def _cities() -> tuple[str, str]:
    return _("The cities"), reverse("events:territories")


def _city(shown: Territory) -> tuple[str, str]:
    return shown.name, shown.get_absolute_url()


def crumbs_of_city(shown: Territory) -> Thing:
    return breadcrumbs(_cities(), _city(shown))


def crumbs_of_venue(shown: Venue) -> Thing:
    return breadcrumbs(_cities(), _city(shown.territory), (shown.name, shown.get_absolute_url()))


def crumbs_of_host(shown: Host) -> Thing:
    return breadcrumbs(_programme(), _city(shown.territory), (shown.name, shown.get_absolute_url()))


def crumbs_of_activity(shown: Activity) -> Thing:
    return breadcrumbs(_programme(), _city(shown.territory), (shown.title, shown.get_absolute_url()))


def crumbs_of_slot(shown: Slot) -> Thing:
    activity, start = shown.activity, shown.local_start
    return breadcrumbs(
        _programme(),
        _city(activity.territory),
        (activity.title, activity.get_absolute_url()),
        (f"{say_short_day(start.date())}, {say_time(start)}", shown.get_absolute_url()),
    )


def crumbs_of_operation(shown: Programme) -> Thing:
    is_past = shown.festival.state == Festival.State.ARCHIVED
    above = (shown.festival.name, shown.festival.get_absolute_url()) if is_past else _programme()
    return breadcrumbs(above, (shown.name, shown.get_absolute_url()))


def crumbs_of_edition(shown: Festival) -> Thing:
    return breadcrumbs((_("Since 2012"), reverse("events:history")), (shown.name, shown.get_absolute_url()))

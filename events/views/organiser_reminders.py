"""When visitors are written to: the rules of the edition and its programmes, of one slot, and what they do.

Every organiser of a territory reads the rules; the national team of the edition changes them. A slot's own
are its territory's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from events.clock import on_the_wall
from events.forms.reminders import QuietHoursForm, RuleForm, parts_of
from events.models import Festival, ReminderRule, Slot
from events.reminders import default_reminder_rules
from events.rulebook import RuleBook, closes_at, is_moved, of_the_edition, opens_at, usual_rules
from events.rulemaking import add_rule, change_quiet_hours, copy_rules, remove_rule, switch_rule
from events.wording import say_time

from .organiser_frame import Workplace, edition_of, frame, workplace
from .organiser_openings import runs
from .organiser_slots import slot_of

FORM = ["GET", "HEAD", "POST"]
Purpose = ReminderRule.Purpose


# In words -------------------------------------------------------------------------------------------------


def say_rule(rule: ReminderRule) -> str:
    """« Rappel 1 jour avant, à 9 h », « Merci 2 heures après la dernière visite du jour »."""
    return f"{rule.get_purpose_display()} · {_say_when(rule)}"


def _say_when(rule: ReminderRule) -> str:
    if rule.lead_hours is not None:
        words = {"number": rule.lead_hours}
        if rule.is_after:
            said = ngettext(
                "%(number)d hour after the end", "%(number)d hours after the end", rule.lead_hours
            )
        else:
            said = ngettext("%(number)d hour before", "%(number)d hours before", rule.lead_hours)
        return said % words
    assert rule.lead_days is not None  # noqa: S101 - a constraint of the table
    assert rule.at_time is not None  # noqa: S101
    facts = {"number": rule.lead_days, "time": say_time(rule.at_time)}
    if rule.lead_days == 0:
        return _("on the day itself, at %(time)s") % facts
    if rule.is_after:
        said = ngettext("the day after, at %(time)s", "%(number)d days after, at %(time)s", rule.lead_days)
    else:
        said = ngettext("the day before, at %(time)s", "%(number)d days before, at %(time)s", rule.lead_days)
    return said % facts


def _say_lead(rule: ReminderRule) -> str:
    if rule.is_after:
        return rule.survey_url
    said = ngettext(
        "Not for who booked less than %(number)d hour before.",
        "Not for who booked less than %(number)d hours before.",
        rule.minimum_lead_hours,
    )
    return said % {"number": rule.minimum_lead_hours}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens to a visitor of a slot; ``at`` on the wall of its territory."""

    at: dt.datetime
    said: str
    is_visit: bool = False
    is_past: bool = False
    note: str = ""


def timeline_of(slot: Slot, book: RuleBook, now: dt.datetime) -> list[Step]:
    """What who has booked this slot in good time gets, and when."""
    steps = [Step(slot.local_start, _("The visit begins"), is_visit=True, is_past=slot.starts_at <= now)]
    for purpose in Purpose.values:
        speaking = book.speaking(purpose, slot=slot.pk, programme=slot.activity.programme_id)
        spoken: list[dt.datetime] = []
        opening = ((opens_at(rule, slot, book.quiet), rule) for rule in speaking)
        for opens, rule in sorted(opening, key=itemgetter(0)):
            if opens >= closes_at(rule, speaking, slot, book.quiet):
                continue
            note = _say_when(rule)
            if is_moved(rule, slot, book.quiet):
                note = _("%(when)s, moved by the quiet hours") % {"when": note}
                day = on_the_wall(opens, slot.timezone).date()
                if any(on_the_wall(one, slot.timezone).date() == day for one in spoken):
                    note = _("%(when)s; for who has had no reminder that day") % {"when": note}
            spoken.append(opens)
            at = on_the_wall(opens, slot.timezone)
            steps.append(Step(at, rule.get_purpose_display(), is_past=opens <= now, note=note))
    return sorted(steps, key=lambda one: one.at)


# The page of the edition ----------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def reminders(request: HttpRequest, territory: str) -> HttpResponse:
    """The rules in sentences, what they do for the next slot, and a form to add one."""
    place = workplace(request, territory)
    edition = edition_of(place)
    if edition is None:
        return render(request, "events/organiser/reminders.html", frame(place, edition=None))
    is_national = runs(place, edition)
    programmes = list(edition.programmes.order_by("name", "pk"))
    form = RuleForm(request.POST or None, parts=parts_of(edition.name, programmes))
    if request.method == "POST":
        if not is_national:
            raise Http404
        if form.is_valid():
            part = form.cleaned_data["part"]
            default_reminder_rules(edition)
            programme = next((one for one in programmes if part == f"p{one.pk}"), None)
            added = add_rule(
                festival=edition, programme=programme, by=place.user, now=place.now, **form.facts
            )
            if added is not None:
                messages.success(request, _("The rule is added. It holds from now on."))
                return redirect("events:organiser_reminders", territory)
            form.add_error(None, _("The same rule is there already."))
    return _page(request, place, edition, is_national=is_national, form=form)


def _rules_of(edition: Festival) -> list[ReminderRule]:
    """With the usual three, not written yet, where it has none of its own."""
    rules = list(edition.reminder_rules.select_related("programme").order_by("pk"))
    return rules if of_the_edition(rules) else [*usual_rules(edition), *rules]


def _page(
    request: HttpRequest,
    place: Workplace,
    edition: Festival,
    *,
    is_national: bool,
    form: RuleForm,
    quiet: QuietHoursForm | None = None,
) -> HttpResponse:
    rules = _rules_of(edition)
    book = RuleBook(edition, rules)
    coming = place.slots.filter(activity__festival=edition, state=Slot.State.PUBLISHED)
    example = coming.filter(starts_at__gt=place.now).for_showing().in_order().first()
    own = [rule for rule in rules if rule.slot_id is not None]
    slots = Slot.objects.filter(pk__in=[rule.slot_id for rule in own], activity__territory=place.territory)
    initial = {"quiet_from": edition.quiet_from, "quiet_until": edition.quiet_until}
    quiet = quiet or QuietHoursForm(initial=initial)
    context = frame(
        place,
        edition=edition,
        is_national=is_national,
        form=form,
        quiet_form=quiet,
        quiet_from=say_time(edition.quiet_from),
        quiet_until=say_time(edition.quiet_until),
        groups=_groups(edition, rules),
        slots=list(slots.select_related("activity").in_order()[:50]),
        example=example,
        steps=timeline_of(example, book, place.now) if example else [],
    )
    errors = form.errors or quiet.errors
    return render(request, "events/organiser/reminders.html", context, status=422 if errors else 200)


def _groups(edition: Festival, rules: list[ReminderRule]) -> list[dict[str, Any]]:
    """The edition's rules, then each programme's, as rows to show."""
    wide = [rule for rule in rules if rule.programme is None and rule.slot_id is None]
    groups = [{"name": edition.name, "rows": _rows(wide)}]
    for programme in sorted({rule.programme for rule in rules if rule.programme}, key=lambda one: one.name):
        theirs = [rule for rule in rules if rule.programme_id == programme.pk]
        groups.append({"name": programme.name, "rows": _rows(theirs)})
    return groups


def _rows(rules: list[ReminderRule]) -> list[dict[str, Any]]:
    return [{"rule": rule, "said": say_rule(rule), "lead": _say_lead(rule)} for rule in rules]


@require_POST
@login_required
def quiet_hours(request: HttpRequest, territory: str) -> HttpResponse:
    """From when until when the edition writes to nobody; for its national team."""
    place = workplace(request, territory)
    edition = edition_of(place)
    if edition is None or not runs(place, edition):
        raise Http404
    form = QuietHoursForm(request.POST)
    if not form.is_valid():
        blank = RuleForm(parts=parts_of(edition.name, edition.programmes.order_by("name", "pk")))
        return _page(request, place, edition, is_national=True, form=blank, quiet=form)
    change_quiet_hours(festival=edition, by=place.user, now=place.now, **form.cleaned_data)
    messages.success(request, _("The quiet hours are changed."))
    return redirect("events:organiser_reminders", territory)


@require_POST
@login_required
def rule_change(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Switch a rule on (``on``) or off (``off``), or remove it (``remove``)."""
    place = workplace(request, territory)
    mine = Q(slot__activity__territory=place.territory)
    edition = edition_of(place)
    if edition is not None and runs(place, edition):
        mine |= Q(festival=edition, slot=None)
    rule = get_object_or_404(ReminderRule.objects.filter(mine).select_related("festival", "slot"), pk=pk)
    verb = request.POST.get("do")
    if verb == "remove":
        remove_rule(rule=rule, by=place.user, now=place.now)
        messages.success(request, _("The rule is removed."))
    elif verb in ("on", "off"):
        switch_rule(rule=rule, is_active=verb == "on", by=place.user, now=place.now)
        said = _("The rule is in force.") if verb == "on" else _("The rule is out of force.")
        messages.success(request, said)
    if rule.slot_id is not None:
        return redirect("events:organiser_slot_reminders", territory, rule.slot_id)
    return redirect("events:organiser_reminders", territory)


# The page of a slot ---------------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def slot_reminders(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """What a visitor of this slot gets and when; rules of its own replace the wider ones of their purpose."""
    place = workplace(request, territory)
    slot = slot_of(place, pk)
    edition = slot.activity.festival
    rules = _rules_of(edition)
    book = RuleBook(edition, rules)
    is_added = request.method == "POST" and "copy" not in request.POST
    form = RuleForm(request.POST if is_added else None)
    here = redirect("events:organiser_slot_reminders", territory, pk)
    if "copy" in request.POST:
        speaking = book.speaking(Purpose.REMINDER, slot=slot.pk, programme=slot.activity.programme_id)
        copy_rules(slot=slot, rules=speaking, by=place.user, now=place.now)
        messages.success(request, _("The slot has rules of its own. Change them as you like."))
        return here
    if is_added and form.is_valid():
        if add_rule(festival=edition, slot=slot, by=place.user, now=place.now, **form.facts) is not None:
            messages.success(request, _("The rule is added. It holds from now on."))
            return here
        form.add_error(None, _("The same rule is there already."))
    context = frame(
        place,
        slot=slot,
        edition=edition,
        form=form,
        rows=_rows([rule for rule in rules if rule.slot_id == slot.pk]),
        scope=book.scope_of(Purpose.REMINDER, slot=slot.pk, programme=slot.activity.programme_id),
        programme=slot.activity.programme,
        steps=timeline_of(slot, book, place.now),
        is_over=slot.ends_at <= place.now,
    )
    return render(
        request, "events/organiser/slot_reminders.html", context, status=422 if form.errors else 200
    )

"""What came of an automatic timetable, in the reader's words: goals, and who has no place and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.clock import on_the_wall
from events.models import Equipment, HostPerson, Job, Placement, Room, Slot
from events.wording import say_day, say_duration, say_list, say_number, say_time

MOST_NAMED = 4
"""Visits in the way that are named; of the others, how many."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """A slot without a place: why, and what would let it in, each a sentence."""

    slot: Slot
    why: list[str]
    ways: list[str]


def report_of_timetable(job: Job) -> dict[str, Any]:
    """What the report's block reads; in a fixed number of queries."""
    report = job.report
    rows: Sequence[dict[str, Any]] = report.get("unplaced", [])
    known = _Known(job, rows)
    goals = [_goal(goal) for goal in report.get("goals", []) if goal["weight"]]
    return {
        "is_stopped_early": bool(report.get("stopped")),
        "goals": goals,
        "stranded": [
            Stranded(known.slots[row["slot"]], _why(row, known), _ways(row, known))
            for row in rows
            if row["slot"] in known.slots
        ],
        "dropped_slots": [known.slots[pk] for pk in report.get("dropped", []) if pk in known.slots],
        "score": say_number(round(report.get("total", 0))),
        "best": _best(report),
    }


class _Known:
    """Rows behind the ids of a report."""

    def __init__(self, job: Job, rows: Sequence[Mapping[str, Any]]) -> None:
        zone = job.territory.timezone if job.territory else "UTC"
        self.zone = zone
        ways = [way for row in rows for way in row["ways"]]
        slots = {row["slot"] for row in rows} | {pk for row in rows for pk in row["visits"]}
        slots |= {int(way["what"]) for way in ways if way["kind"] == "visit_moves"}
        slots |= set(job.report.get("dropped", []))
        people = {pk for row in rows for pk in row["people"]}
        people |= {int(way["what"]) for way in ways if way["kind"] == "other_person"}
        rooms = {way["room"] for way in ways}
        self.slots = {
            one.pk: one for one in Slot.objects.filter(pk__in=slots).select_related("activity__host")
        }
        self.placements = {one.slot_id: one for one in Placement.objects.filter(slot__in=slots)}
        self.people = {one.pk: one for one in HostPerson.objects.filter(pk__in=people)}
        self.rooms = {one.pk: one for one in Room.objects.filter(pk__in=rooms).select_related("venue")}

    def title(self, pk: int) -> str:
        return self.slots[pk].activity.title if pk in self.slots else "?"

    def moment(self, at: dt.datetime) -> str:
        wall = on_the_wall(at, self.zone)
        return f"{say_day(wall.date())}, {say_time(wall)}"

    def where(self, way: Mapping[str, Any]) -> str:
        room = self.rooms.get(way["room"])
        return f"{room or '?'}, {self.moment(dt.datetime.fromisoformat(way['at']))}"


def _goal(goal: Mapping[str, Any]) -> dict[str, Any]:
    cost, worst = goal["cost"], goal["worst"]
    numbers = {"cost": say_number(cost), "worst": say_number(worst)}
    name, words = {
        "wishes": (
            _("What hosts have asked for"),
            _("%(kept)s of %(worst)s wishes kept") % {**numbers, "kept": say_number(worst - cost)},
        ),
        "rooms": (
            _("Large rooms for what many want to see"),
            ngettext(
                "%(cost)s person of %(worst)s without a comfortable place",
                "%(cost)s people of %(worst)s without a comfortable place",
                cost,
            )
            % numbers,
        ),
        "themes": (
            _("Visits of one theme one after the other"),
            ngettext(
                "%(cost)s pair of %(worst)s at the same time",
                "%(cost)s pairs of %(worst)s at the same time",
                cost,
            )
            % numbers,
        ),
        "gaps": (
            _("Rooms without gaps"),
            _("%(time)s of rooms standing empty in between") % {"time": say_duration(cost)},
        ),
    }[goal["name"]]
    if not worst:
        words = _("nothing to mind")
    return {"name": name, "words": words, "percent": round(100 * goal["share"])}


def _best(report: Mapping[str, Any]) -> str:
    """How far it may be from the best there is."""
    if report.get("is_proved"):
        return _("No better timetable exists.")
    if report.get("bound"):
        return _("No timetable can reach more than %(bound)s.") % {
            "bound": say_number(round(report["bound"], 1), decimals=1)
        }
    return ""


def _why(row: Mapping[str, Any], known: _Known) -> list[str]:
    said = {
        "capacity": lambda: (
            _("The largest room holds %(number)s people.") % {"number": say_number(row["largest"] or 0)}
        ),
        "equipment": lambda: (
            _("It needs: %(equipment)s.")
            % {"equipment": say_list(str(Equipment(code).label) for code in row["needs"])}
        ),
        "room": lambda: _("It stays at its own venue."),
        "absence": lambda: (
            _("%(people)s cannot be there at other times.")
            % {"people": say_list(str(known.people[pk]) for pk in row["people"] if pk in known.people) or "?"}
        ),
        "open": lambda: _("The rooms are closed at other times."),
        "blocked": lambda: _("The rooms are blocked at other times."),
        "window": lambda: _("It is to lie on the chosen days, between the chosen hours."),
    }
    why = [said[rule]() for rule in row["rules"] if rule in said]
    visits = list(row["visits"])
    if visits:
        named = [_standing(pk, known) for pk in visits[:MOST_NAMED]]
        more = len(visits) - len(named)
        if more:
            named.append(
                ngettext("%(number)s other visit", "%(number)s other visits", more)
                % {"number": say_number(more)}
            )
        why.append(_("In its way: %(visits)s.") % {"visits": say_list(named)})
    return why or [_("Too many visits for the rooms and hours there are.")]


def _standing(pk: int, known: _Known) -> str:
    placement = known.placements.get(pk)
    if placement is None:
        return known.title(pk)
    return f"{known.title(pk)} ({known.moment(placement.starts_at)})"


def _ways(row: Mapping[str, Any], known: _Known) -> list[str]:
    return [_way(way, known) for way in row["ways"]]


def _way(way: Mapping[str, Any], known: _Known) -> str:
    where, kind, what = known.where(way), way["kind"], way["what"]
    if kind == "shorter":
        return _("Were it %(time)s long: %(where)s.") % {"time": say_duration(way["amount"]), "where": where}
    if kind == "smaller":
        return _("With %(number)s places: %(where)s.") % {"number": say_number(way["amount"]), "where": where}
    if kind == "without_equipment":
        code = str(Equipment(what).label) if what in Equipment.values else what
        return _("Without “%(equipment)s”: %(where)s.") % {"equipment": code, "where": where}
    if kind == "other_person":
        person = known.people.get(int(what))
        return _("If somebody else received than %(person)s: %(where)s.") % {"person": person, "where": where}
    if kind == "visit_moves":
        return _("If “%(title)s” went elsewhere: %(where)s.") % {
            "title": known.title(int(what)),
            "where": where,
        }
    if kind == "other_time":
        return _("Outside the chosen hours: %(where)s.") % {"where": where}
    if kind == "other_room":
        return _("At another venue: %(where)s.") % {"where": where}
    return _("If the room were open longer: %(where)s.") % {"where": where}

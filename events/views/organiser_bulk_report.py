"""What came of a bulk change, slot by slot, in the reader's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from events.clock import NoSuchTime, instant, on_the_wall
from events.exchange.bulk_csv import Row
from events.models import Job, Slot
from events.refusals import Reason
from events.scheduling.bulk_plan import Action
from events.wording import say_day, say_times


def report_of_bulk(job: Job) -> dict[str, Any]:
    """What the report's block reads: rows by what became of them, and the words of what was asked."""
    rows = list(rows_of(job))
    return {
        "changed_rows": [row for row in rows if row.result == "done"],
        "staying": [row for row in rows if row.result == "not_done"],
        "untouched": [row for row in rows if row.result == "untouched"],
        "told": sum(row.told for row in rows if row.result == "done"),
        "asked_reason": job.params.get("reason", ""),
        "is_cancel": job.params.get("action") == Action.CANCEL,
    }


def rows_of(job: Job) -> Iterator[Row]:
    """Slot by slot, in order of their former time."""
    lines: Sequence[dict[str, Any]] = job.params.get("lines", [])
    failed = {one["line"]: one for one in job.report.get("not_done", [])}
    found = Slot.objects.filter(pk__in=[line["slot"] for line in lines]).select_related("activity__host")
    slots = {slot.pk: slot for slot in found}
    numbered = sorted(enumerate(lines), key=lambda pair: (pair[1]["was"]["starts_at"], pair[1]["slot"]))
    for number, line in numbered:
        was, zone = line["was"], line["was"]["timezone"]
        result = "not_done" if number in failed else "done" if number < job.done else "untouched"
        why = failed.get(number, {"why": "", "in_the_way": [], "words": []})
        yield Row(
            slot=slots.get(line["slot"]),
            was=stay_in_words(
                dt.datetime.fromisoformat(was["starts_at"]),
                dt.datetime.fromisoformat(was["ends_at"]),
                zone,
                was["place"],
            ),
            becomes="" if job.params["action"] == Action.CANCEL or result != "done" else _becomes(line),
            result=result,
            why=str(Reason(why["why"]).label) if why["why"] else "",
            in_the_way=[*why["words"], *(say_held(one, zone) for one in why["in_the_way"])],
            told=line["told"],
        )


def stay_in_words(start: dt.datetime, end: dt.datetime, zone: str, place: str) -> str:
    """« jeudi 10 juin, 10 h – 11 h, La Cantine », the time alone without a place."""
    start, end = on_the_wall(start, zone), on_the_wall(end, zone)
    said = f"{say_day(start.date())}, {say_times(start, end)}"
    return f"{said}, {place}" if place else said


def say_held(held: Mapping[str, Any], zone: str) -> str:
    """« Petite histoire », jeudi 10 juin, 14 h – 15 h, Grande salle, La Cantine."""
    title = held["title_en"] if get_language() == "en" and held["title_en"] else held["title_fr"]
    start, end = (dt.datetime.fromisoformat(held[name]) for name in ("starts_at", "ends_at"))
    said = stay_in_words(start, end, zone, held["room"])
    name = title or held["label"]
    if title and held["label"]:
        name = f"{held['label']}, {title}"
    return _("“%(title)s”, %(when)s") % {"title": name, "when": said}


def _becomes(line: Mapping[str, Any]) -> str:
    day, at = dt.date.fromisoformat(line["day"]), dt.time.fromisoformat(line["start_time"])
    return new_stay_in_words(day, at, line["duration"], line["was"]["timezone"], line["place"])


def new_stay_in_words(day: dt.date, at: dt.time, minutes: int, zone: str, place: str) -> str:
    """Empty where the clock skips that time."""
    try:
        start = instant(day, at, zone, fold=0)
    except NoSuchTime:
        return ""
    return stay_in_words(start, start + dt.timedelta(minutes=minutes), zone, place)

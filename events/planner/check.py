"""Whether a plan can be lived. Shares nothing with what finds one."""

from __future__ import annotations

from .problem import Day, Plan


def faults(day: Day, plan: Plan) -> list[str]:
    """What is wrong with a plan; empty when nothing is."""
    found = []
    now, here = day.starts, day.start_place
    for number, stop in enumerate(plan.stops):
        option = day.candidates[stop.candidate].options[stop.option]
        there = here if option.place is None else option.place
        way = 0
        if here is not None and there is not None and here != there:
            way = day.travel[here][there] + day.margin
        if now + way > stop.begins:
            found.append(f"stop {number} begins at {stop.begins}, reached at {now + way}")
        if stop.begins < option.opens or stop.ends > option.closes:
            found.append(f"stop {number} lies outside its hours")
        if stop.ends - stop.begins != option.stay:
            found.append(f"stop {number} lasts {stop.ends - stop.begins}, not {option.stay}")
        if (stop.way, stop.leaves, stop.spare) != (way, stop.begins - way, stop.begins - way - now):
            found.append(f"stop {number} says another way or spare time than there is")
        now, here = stop.ends, there
    if now > day.ends:
        found.append(f"the day ends at {now}, after {day.ends}")
    done = [stop.candidate for stop in plan.stops]
    if len(set(done)) != len(done):
        found.append("something is done twice")
    missing = [n for n, one in enumerate(day.candidates) if one.is_fixed and n not in done]
    if missing:
        found.append(f"what is fixed is missing: {missing}")
    if plan.weight != sum(day.candidates[n].weight for n in done):
        found.append("the weight is another")
    return found

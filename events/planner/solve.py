"""The order of a day: labels that say what is done, where one is and how early, grown one stop at a time.

Of two ways to have done the same things and to be at the same place, the one that is done earlier can do all
the other can (one may always wait), so only it is kept: a dynamic program over sets (Bellman 1962, Held and
Karp 1962; with time windows Dumas et al. 1995). A label that could not overtake the best one any more, were
everything still reachable done, is dropped. Up to ``EXACT`` candidates every label is followed and the plan
is the best there is; beyond that the most promising ``WIDTH`` of each length: tried on days of 30
candidates, with 500 instead of 60 the median plan weighs the same, at eight times the cost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .problem import Day, Impossible, Option, Plan, Stop

EXACT = 12
WIDTH, USUAL = 60, 30
"""Beyond ``USUAL`` candidates so many fewer that a plan takes about as long."""


@dataclass(slots=True)
class _Label:
    """Done by ``time`` at ``place``: a chain of stops."""

    time: int
    walked: int
    mask: int
    place: int | None
    weight: int
    before: _Label | None = None
    candidate: int = -1
    option: int = -1
    begins: int = 0


def plan_day(day: Day, *, width: int | None = None) -> Plan:
    """The heaviest plan; among equals one with less on the way. The same day gives the same plan.

    ``width``: how many labels of each length are followed; by default all of them up to ``EXACT`` candidates.
    Raises ``Impossible`` where what is fixed does not fit together.
    """
    number = len(day.candidates)
    if width is None and number > EXACT:
        width = WIDTH if number <= USUAL else WIDTH * USUAL**2 // number**2
    search = _Search(day)
    best, is_cut = search.run(width)
    while best is None and is_cut and width is not None:  # what is fixed was among those left behind
        width *= 4
        best, is_cut = search.run(width)
    if best is None:
        raise Impossible(_clash(day))
    everything = sum(candidate.weight for candidate in day.candidates)
    return _plan(day, best, is_best=not is_cut or best.weight == everything)


def heaviest(day: Day) -> int:
    """What the best plan weighs, however long it takes to be sure: what ``plan_day`` is measured by.

    Raises ``Impossible``.
    """
    search = _Search(day)
    first, is_cut = search.run(WIDTH)
    if first is None or not is_cut:
        return plan_day(day).weight
    search.to_beat = first.weight + 1
    better, _is_cut = search.run(None)
    return better.weight if better is not None else first.weight


class _Search:
    """Everything about a day that does not change while its labels grow."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.weights = [candidate.weight for candidate in day.candidates]
        self.fixed = sum(1 << n for n, candidate in enumerate(day.candidates) if candidate.is_fixed)
        self.options = [
            (n, o, option, option.closes - option.stay)
            for n, candidate in enumerate(day.candidates)
            for o, option in enumerate(candidate.options)
        ]
        self.least = self._least()
        self.by_worth = sorted(range(len(self.weights)), key=lambda n: self.least[n] / self.weights[n])
        self.to_beat = -1
        """What lighter labels are not followed for."""

    def run(self, width: int | None) -> tuple[_Label | None, bool]:
        """The best label that has done all that is fixed, and whether some were left behind as too many."""
        everything = sum(self.weights)
        level = [_Label(self.day.starts, 0, 0, self.day.start_place, 0)]
        best = level[0] if not self.fixed and self.to_beat < 0 else None
        is_cut = False
        while level and not (best is not None and best.weight == everything):
            grown: dict[tuple[int, int | None], _Label] = {}
            for label in level:
                self._grow(label, max(self.to_beat, best.weight if best else -1), grown)
            level = list(grown.values())
            for label in level:
                is_whole = label.mask & self.fixed == self.fixed and label.weight >= self.to_beat
                if is_whole and (best is None or _better(label, best)):
                    best = label
            if width is not None and len(level) > width:
                is_cut = True
                level.sort(key=lambda label: (-self._promise(label), label.walked, label.mask))
                level = level[:width]
        return best, is_cut

    def _grow(self, label: _Label, to_beat: int, grown: dict[tuple[int, int | None], _Label]) -> None:
        """Every way to go on from a label, unless nothing that comes of it could reach ``to_beat``."""
        time, mask, place, ends = label.time, label.mask, label.place, self.day.ends
        steps = []
        reachable = 0
        for number, which, option, latest in self.options:
            bit = 1 << number
            if mask & bit:
                continue
            way = self.day.way(place, option.place)
            begins = max(time + way, option.opens)
            if begins > latest or begins + option.stay > ends:
                continue
            reachable |= bit
            steps.append((number, bit, which, option, way, begins))
        # Ways may only get longer by a detour, so what is out of reach now stays so.
        if self.fixed & ~(reachable | mask) or self._bound(label, reachable) < to_beat:
            return
        for number, bit, which, option, way, begins in steps:
            done = begins + option.stay
            where = place if option.place is None else option.place
            key = (mask | bit, where)
            there = grown.get(key)
            walked = label.walked + way
            if there is None or (done, walked) < (there.time, there.walked):
                weight = label.weight + self.weights[number]
                grown[key] = _Label(done, walked, mask | bit, where, weight, label, number, which, begins)

    def _bound(self, label: _Label, reachable: int) -> int:
        """What a label can weigh at most: the time left filled with the most worth a minute (the knapsack's
        bound, Dantzig 1957), each visit with the least it can take.
        """
        room, could = self.day.ends - label.time, float(label.weight)
        for number in self.by_worth:
            if reachable >> number & 1:
                if self.least[number] > room:
                    could += self.weights[number] * room / self.least[number]
                    break
                room -= self.least[number]
                could += self.weights[number]
        return int(could + 1e-9)

    def _promise(self, label: _Label) -> float:
        """What may become of a label: the same, with the ways there are from where it stands."""
        left: dict[int, int] = {}
        for number, _which, option, latest in self.options:
            if label.mask >> number & 1:
                continue
            way = self.day.way(label.place, option.place)
            begins = max(label.time + way, option.opens)
            if begins <= latest and begins + option.stay <= self.day.ends:
                cost = option.stay + way + 1
                left[number] = min(left.get(number, cost), cost)
        room, promise = self.day.ends - label.time, float(label.weight)
        for number, cost in sorted(left.items(), key=lambda item: item[1] / self.weights[item[0]]):
            if cost > room:
                promise += self.weights[number] * room / cost
                break
            room -= cost
            promise += self.weights[number]
        return promise

    def _least(self) -> list[int]:
        """The minutes each candidate takes at least: its stay, and the way from the nearest other place."""
        doors = Counter(
            place
            for candidate in self.day.candidates
            for place in {option.place for option in candidate.options}
        )
        if self.day.start_place is not None:
            doors[self.day.start_place] += 1

        def way_in(option: Option) -> int:
            if option.place is None or doors[option.place] > 1 or self.day.start_place is None:
                return 0
            return min(
                (self.day.way(other, option.place) for other in doors if other not in (None, option.place)),
                default=0,
            )

        return [
            max(1, min(option.stay + way_in(option) for option in candidate.options))
            for candidate in self.day.candidates
        ]


def _better(label: _Label, than: _Label) -> bool:
    return (label.weight, -label.walked, -label.time) > (than.weight, -than.walked, -than.time)


def _plan(day: Day, label: _Label, *, is_best: bool) -> Plan:
    chain = []
    at: _Label | None = label
    while at is not None and at.before is not None:
        chain.append(at)
        at = at.before
    stops = []
    for step in reversed(chain):
        assert step.before is not None  # noqa: S101 - the first label is no step
        option = day.candidates[step.candidate].options[step.option]
        way = day.way(step.before.place, option.place)
        leaves = step.begins - way
        stops.append(
            Stop(
                step.candidate,
                step.option,
                step.begins,
                step.time,
                way,
                leaves,
                leaves - step.before.time,
            )
        )
    return Plan(tuple(stops), label.weight, is_best)


def _clash(day: Day) -> tuple[int, ...]:
    """A smallest set of fixed candidates that do not fit together: none of them could be spared."""
    clashing = [n for n, candidate in enumerate(day.candidates) if candidate.is_fixed]
    for number in list(clashing):
        rest = [n for n in clashing if n != number]
        if _Search(_only(day, rest)).run(None)[0] is None:
            clashing = rest
    return tuple(clashing)


def _only(day: Day, numbers: list[int]) -> Day:
    chosen = tuple(day.candidates[n] for n in numbers)
    return Day(chosen, day.travel, day.starts, day.ends, day.start_place, day.margin)

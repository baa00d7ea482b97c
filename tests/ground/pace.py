"""What takes too long for every day, by measure: the test functions named in tests/slow.txt.

A minute is what somebody waits for between two thoughts, and six tenths of the time went into a sixth of the
tests. Nobody judges by eye which: `pytest --note-slow` writes the list anew from what it has just run.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

LIST = Path(__file__).resolve().parents[1] / "slow.txt"
LONG = 0.05
"""Seconds from which a function is slow; of one with many rows, a row with another."""
LONG_TOGETHER = 4.0
"""Seconds from which a function is slow for all its rows together, quick as each may be."""


def function_of(nodeid: str) -> str:
    """The test without its row."""
    return nodeid.partition("[")[0]


def is_slow(rows: Iterable[float]) -> bool:
    """
    :param rows: seconds that each row of a function has taken.
    """
    seconds = list(rows)
    return sum(seconds) > min(LONG * len(seconds), LONG_TOGETHER)


def mark_slow(items: Iterable[pytest.Item], listed: frozenset[str] | None = None) -> None:
    """Give the mark to whoever is in the list. A name that is no longer there does no harm."""
    slow = frozenset(LIST.read_text(encoding="utf-8").splitlines()) if listed is None else listed
    for item in items:
        if function_of(item.nodeid) in slow:
            item.add_marker(pytest.mark.slow)


class Pace:
    """Takes down how long each test was, and writes the list at the end."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # What a module lays for all its tests is no fault of the first of them.
        if report.when == "call":
            self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """What was not run keeps its place."""
        rows = defaultdict(list)
        for nodeid, seconds in self._seconds.items():
            rows[function_of(nodeid)].append(seconds)
        known = LIST.read_text(encoding="utf-8").splitlines()
        kept = {name for name in known if name not in rows and Path(name.partition("::")[0]).exists()}
        slow = {name for name, seconds in rows.items() if is_slow(seconds)}
        LIST.write_text("".join(f"{name}\n" for name in sorted(kept | slow)), encoding="utf-8")

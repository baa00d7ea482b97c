"""Ends what a killed supervisor left behind. Run as a script by the supervisor, with nothing but the
standard library.

It reads lines from a pipe that only the supervisor writes to: `+PGID` for a process group begun, `-PGID` for
one that ended. When the pipe closes, however the supervisor died, every group still on the list is ended:
politely first, then with SIGKILL.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

PATIENCE = 6.0
"""Seconds between the polite signal and SIGKILL."""


def watch(lines: Iterable[str]) -> set[int]:
    """The process groups still running when the supervisor went away."""
    groups: set[int] = set()
    for line in lines:
        number = line.strip()
        if number[1:].isdigit():
            (groups.add if number[0] == "+" else groups.discard)(int(number[1:]))
    return groups


def end_groups(groups: set[int]) -> None:
    """SIGTERM to each group, then SIGKILL to those that do not go."""
    left = {group for group in groups if _signal(group, signal.SIGTERM)}
    until = time.monotonic() + PATIENCE
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left = {group for group in left if _signal(group, 0)}
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end_groups(watch(sys.stdin))

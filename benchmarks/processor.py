"""Processor time, which what else the machine does hardly changes: by who spends it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

import psutil


@contextlib.contextmanager
def processor_ms(*, done: int, by: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Milliseconds for each of ``done`` things that happen inside, filled in at the end.

    ``by`` names processes by their numbers, each of which stands for its children too; this very one is
    ``visitors``.
    """
    groups = {"visitors": [psutil.Process(os.getpid())]}
    for name, pid in by.items():
        groups[name] = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    before = {name: _seconds(group) for name, group in groups.items()}
    spent: dict[str, float] = {}
    yield spent
    for name, group in groups.items():
        spent[name] = round((_seconds(group) - before[name]) / done * 1000, 3)


def _seconds(processes: list[psutil.Process]) -> float:
    spent = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent

"""A bar for the person who waits, a line now and then for the log that is read later."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

Item = TypeVar("Item")
WIDTH = 28


class Progress:
    """Says how far long work has come.

    :param out: a command's ``stdout``; on a terminal the bar is redrawn, else each stage is one line.
    :param quiet: say nothing at all.
    """

    def __init__(self, out: Any, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._bar = bool(getattr(out, "isatty", lambda: False)())

    def over(self, items: Iterable[Item], *, label: str, total: int | None = None) -> Iterator[Item]:
        """The same items, counted as they go by."""
        if total is None:
            total = len(items) if isinstance(items, Sized) else 0
        started = drawn = time.monotonic()
        done = 0
        self._draw(label, 0, total)
        for item in items:
            yield item
            done += 1
            if time.monotonic() - drawn > 0.1:
                drawn = time.monotonic()
                self._draw(label, done, total)
        self._close(label, done, time.monotonic() - started)

    def _draw(self, label: str, done: int, total: int) -> None:
        if self._quiet or not self._bar:
            return
        share = done / total if total else 0
        filled = round(WIDTH * share)
        self._out.write(f"\r\x1b[K{label:<24} {'█' * filled}{'·' * (WIDTH - filled)} {share:4.0%}", ending="")
        self._out.flush()

    def _close(self, label: str, done: int, seconds: float) -> None:
        if self._quiet:
            return
        start = "\r\x1b[K" if self._bar else ""
        self._out.write(f"{start}{label:<24} {done:>7,} in {seconds:.1f} s".replace(",", "\u00a0"))
        self._out.flush()

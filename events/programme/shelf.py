"""The index at hand: one a process, read again off the reader's path.

At most a fiftieth of a process's time goes into reading: places are read again after
``PROGRAMME_COUNTS_SECONDS`` or fifty times what the last reading took, whichever is longer, and everything
after ``EVERYTHING`` seconds or as long. Meanwhile the old one serves. What somebody publishes has everything
read at the next of these turns, and at once in the process that published it.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import caches
from django.db import connection, transaction
from django.utils import timezone

from events.programme.index import Index, build_index, count_places

EVERYTHING = 15.0
SHARE = 50
QUICK = 0.1
"""Seconds within which a reading is not worth a thread of its own."""
CHANGED = "programme:changed"
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    index: Index
    change: object
    read_at: float
    took: float
    counted_at: float
    counting_took: float


_kept: dict[str, _Kept] = {}
_first = threading.Lock()
_again = threading.Lock()


def index_at(now: dt.datetime) -> Index:
    """The upcoming programme as it was some seconds ago; just now where ``PROGRAMME_COUNTS_SECONDS`` is 0.

    Who comes before a process has read it once (``read_ahead``) waits: about a second for 200,000 slots.
    """
    least = float(settings.PROGRAMME_COUNTS_SECONDS)
    if not least:
        return build_index(now)
    key = str(connection.settings_dict["NAME"])
    kept = _kept.get(key)
    if kept is None:
        with _first:
            kept = _kept.get(key) or _read(key, now)
            return kept.index
    if not _is_due(kept, least):
        return kept.index
    if _again.acquire(blocking=False):
        if kept.took < QUICK:
            try:
                return _refresh(key, kept, now).index
            finally:
                _again.release()
        threading.Thread(target=_in_background, args=(key, kept), name="programme", daemon=True).start()
    return kept.index


def read_ahead() -> threading.Thread:
    """Read the programme before the first reader of this process asks for it, beside what else it does."""
    thread = threading.Thread(target=_ahead, name="programme", daemon=True)
    thread.start()
    return thread


def _ahead() -> None:
    try:
        if float(settings.PROGRAMME_COUNTS_SECONDS):
            index_at(timezone.now())
    except Exception:
        log.warning("The programme could not be read ahead; the first reader will wait for it", exc_info=True)
    finally:
        connection.close()


def forget() -> None:
    """Empty the shelf of this process."""
    _kept.clear()


def tell_change() -> None:
    """Have the readers of each process get fresh counts soon, once the transaction that published something
    stands.
    """
    transaction.on_commit(_change)


def _change() -> None:
    caches["fast"].set(CHANGED, time.time(), 3600)
    kept = _kept.get(str(connection.settings_dict["NAME"]))
    if kept is not None:
        kept.counted_at, kept.change = -math.inf, object()


def _is_due(kept: _Kept, least: float) -> bool:
    return time.monotonic() - kept.counted_at > max(least, SHARE * kept.counting_took)


def _in_background(key: str, kept: _Kept) -> None:
    try:
        _refresh(key, kept, timezone.now())
    except Exception:
        log.exception("The programme could not be counted again; the old counts serve on")
        kept.counted_at = time.monotonic()
    finally:
        connection.close()
        _again.release()


def _refresh(key: str, kept: _Kept, now: dt.datetime) -> _Kept:
    """Count the places again, or read everything when that is due or no longer fits."""
    begun = time.monotonic()
    is_old = begun - kept.read_at > max(EVERYTHING, SHARE * kept.took)
    if not is_old and caches["fast"].get(CHANGED) == kept.change:
        fresh = count_places(kept.index)
        if fresh is not None:
            kept.index.places = fresh
            kept.counted_at = time.monotonic()
            kept.counting_took = kept.counted_at - begun
            return kept
    return _read(key, now)


def _read(key: str, now: dt.datetime) -> _Kept:
    begun = time.monotonic()
    change = caches["fast"].get(CHANGED)
    index = build_index(now)
    done = time.monotonic()
    _kept[key] = _Kept(index, change, done, done - begun, done, (done - begun) / 4)
    return _kept[key]

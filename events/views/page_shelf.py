"""Pages drawn a moment ago by another process of this machine, in files beside its other passing state.

In the first seconds of a rush every process draws every page. What one has drawn the next takes from here, as
long as the same things are still true of it; a file that cannot be read or written is one that is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import tempfile
import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

SWEPT_ONCE_IN, FORGOTTEN_AFTER = 200, 120.0
"""Writes; seconds."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page with holes: ``parts`` alternate text, the name of a hole, text, …, text."""

    status: int
    headers: dict[str, str]
    parts: list[bytes | str]


def take(key: Hashable, shape: Hashable, *, not_older: float) -> Drawn | None:
    """The page of this key drawn at most so many seconds ago while the same was true of it."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = json.loads(_path(key).read_bytes())
        if kept["shape"] == repr(shape) and 0 <= time.time() - kept["at"] <= not_older:
            texts: list[str] = kept["texts"]
            parts = [text if number % 2 else text.encode() for number, text in enumerate(texts)]
            return Drawn(kept["status"], kept["headers"], parts)
    return None


def put(key: Hashable, shape: Hashable, drawn: Drawn) -> None:
    """Lay a page here for the others."""
    texts = [part.decode() if isinstance(part, bytes) else part for part in drawn.parts]
    kept = {"shape": repr(shape), "at": time.time(), "status": drawn.status, "headers": drawn.headers}
    path = _path(key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if random.randrange(SWEPT_ONCE_IN) == 0:  # noqa: S311 - spreads, hides nothing
            _sweep(path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(json.dumps(kept | {"texts": texts}).encode())
        os.replace(file.name, path)


def _path(key: Hashable) -> Path:
    return Path(settings.VAR_DIR) / "pages" / hashlib.sha256(repr(key).encode()).hexdigest()


def _sweep(folder: Path) -> None:
    forgotten = time.time() - FORGOTTEN_AFTER
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < forgotten:
                path.unlink()

"""Ports for the tests' servers: nobody else is given one between now and the server's start, nor while it is
stopped.

A port that the system chooses is free at that instant alone: another process may be given it next, or a
connection that goes out may leave from it. So each process of the tests has a shelf of its own, below the
ports from which the system chooses.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import sys
from collections.abc import Iterator

FIRST, ON_A_SHELF, SHELVES = 12_000, 100, 200
_kept: list[socket.socket] = []


def free_port() -> int:
    """A port nobody listens on now. It comes round again after a hundred others."""
    for port in _ports:
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the shelf has no end")


def _shelf() -> Iterator[int]:
    """Taken at the first question: its name is kept in the system until this process ends."""
    number = next(number for number in random.sample(range(SHELVES), SHELVES) if _is_taken(number))
    first = FIRST + ON_A_SHELF * number
    yield from itertools.cycle(range(first, first + ON_A_SHELF))


def _is_taken(number: int) -> bool:
    """Whether it is ours now. Elsewhere than on Linux chance keeps them apart."""
    if not sys.platform.startswith("linux"):
        return True
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0festival-tests-ports-{number}")
    except OSError:
        name.close()
        return False
    _kept.append(name)
    return True


_ports = _shelf()

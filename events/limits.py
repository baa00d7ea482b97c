"""How often one peer may do a thing: counted in the database, so that it holds while Redis is down."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from events.rows import ask_all

COUNT = """
    INSERT INTO events_ratecount ("key", "window", "count") VALUES {rows}
    ON CONFLICT ("key", "window") DO UPDATE SET "count" = events_ratecount."count" + 1
    RETURNING "key", "count"
"""

STORM = "storm"
"""The key under which what looks like an attack is counted, by windows of ``STORM_PER``."""
STORM_PER = dt.timedelta(minutes=5)
STORM_LOOKS_BACK = dt.timedelta(minutes=10)
STORM_BLOWS_AT = 20
"""So many refused floods and holds nobody confirmed, within the last minutes: robots storm the doors."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How often one peer may do a thing: ``most`` times in a window of length ``per``."""

    action: str
    peer: str
    most: int
    per: dt.timedelta


def count(limits: Sequence[Limit], *, now: dt.datetime) -> dict[str, int]:
    """Count one more of each in its present window, in one statement: the actions that are exceeded, and by
    how much.

    ``peer`` is an address of the network (the real one, see ``festival.proxies``) or any other name of who
    asks; only a keyed hash of it is kept. An IPv6 peer is its /64, the least a provider gives one household
    (RFC 6177). ``settings.RATE_LIMIT_FACTOR`` widens every limit, for a hall full of people behind one
    address.
    """
    # In the order of the keys, so that two requests of one peer do not wait for each other crosswise.
    rows = sorted(((_key(limit.action, limit.peer), limit) for limit in limits), key=lambda row: row[0])
    said: list[Any] = []
    for key, limit in rows:
        said += [key, connection.ops.adapt_datetimefield_value(_window(limit.per, now))]
    counts = dict(ask_all(COUNT.format(rows=", ".join(["(%s, %s, 1)"] * len(rows))), said))
    over = {limit.action: counts[key] - limit.most * settings.RATE_LIMIT_FACTOR for key, limit in rows}
    return {action: by for action, by in over.items() if by > 0}


def allow(*, action: str, peer: str, limit: int, per: dt.timedelta, now: dt.datetime) -> bool:
    """Count one more ``action`` of ``peer``; whether it is within ``limit``. One statement."""
    return not count([Limit(action, peer, limit, per)], now=now)


def note_storm(*, now: dt.datetime) -> None:
    """One more sign of robots: a flood that was refused, or places kept for an address nobody confirmed."""
    at = connection.ops.adapt_datetimefield_value(_window(STORM_PER, now))
    ask_all(COUNT.format(rows="(%s, %s, 1)"), [STORM, at])


def _window(per: dt.timedelta, now: dt.datetime) -> dt.datetime:
    length = per.total_seconds()
    return dt.datetime.fromtimestamp(now.timestamp() // length * length, dt.UTC)


def seconds_left(*, per: dt.timedelta, now: dt.datetime) -> int:
    """Seconds until the present window ends, at least 1: what ``Retry-After`` says (RFC 9110 §10.2.3)."""
    length = per.total_seconds()
    return max(1, math.ceil(length - now.timestamp() % length))


def _key(action: str, peer: str) -> str:
    return hmac.new(
        settings.SECRET_KEY.encode(), f"{action}:{household(peer)}".encode(), hashlib.sha256
    ).hexdigest()


def household(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

"""How often one peer may do a thing: counted in the database, so that it holds while Redis is down."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import math

from django.conf import settings
from django.db import connection

from events.rows import ask

COUNT = """
    INSERT INTO events_ratecount ("key", "window", "count") VALUES (%s, %s, 1)
    ON CONFLICT ("key", "window") DO UPDATE SET "count" = events_ratecount."count" + 1
    RETURNING "count"
"""


def allow(*, action: str, peer: str, limit: int, per: dt.timedelta, now: dt.datetime) -> bool:
    """Count one more ``action`` of ``peer`` in the present window of length ``per``; whether it is within
    ``limit``.

    ``peer`` is an address of the network (the real one, see ``festival.proxies``) or any other name of who
    asks; only a keyed hash of it is kept. An IPv6 peer is its /64, the least a provider gives one household
    (RFC 6177). One statement. ``settings.RATE_LIMIT_FACTOR`` widens every limit, for a hall full of people
    behind one address.
    """
    window = dt.datetime.fromtimestamp(now.timestamp() // per.total_seconds() * per.total_seconds(), dt.UTC)
    row = ask(COUNT, [_key(action, peer), connection.ops.adapt_datetimefield_value(window)])
    return row is not None and bool(row[0] <= limit * settings.RATE_LIMIT_FACTOR)


def seconds_left(*, per: dt.timedelta, now: dt.datetime) -> int:
    """Seconds until the present window ends, at least 1: what ``Retry-After`` says (RFC 9110 §10.2.3)."""
    length = per.total_seconds()
    return max(1, math.ceil(length - now.timestamp() % length))


def _key(action: str, peer: str) -> str:
    return hmac.new(
        settings.SECRET_KEY.encode(), f"{action}:{_household(peer)}".encode(), hashlib.sha256
    ).hexdigest()


def _household(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

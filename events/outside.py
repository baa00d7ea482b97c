"""Calling an address that somebody typed: on the public network alone, and for so long. What the operator set
may stand anywhere.

The name is resolved here and the connection goes to the address that was looked at, so that a name which
answers otherwise the second time (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

PATIENCE = 5.0
"""Seconds for one step: connecting, or the next bytes."""

UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out to the public (IANA, RFC 4291 §2.4); the rest is old, local or kept."""
TRANSLATED = ipaddress.ip_network("2002::/16")
"""IPv6 that carries an IPv4 address inside (6to4, RFC 3056): what is behind it is not looked at."""


class Unreachable(Exception):
    """No answer: why, in words for the organiser."""


def is_public(address: str) -> bool:
    """Whether an address belongs to the public network: not private, loopback, link-local or reserved."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        if found not in UNICAST or found in TRANSLATED:
            return False
    return found.is_global and not found.is_multicast


@contextlib.contextmanager
def called(url: str, *, seconds: float, private: bool) -> Iterator[Pinned]:
    """A connection for one question, cut after ``seconds`` however slowly the bytes drip.

    ``private``: private networks and ``http`` may be called as well. Raises ``Unreachable``, whatever goes
    wrong inside.
    """
    connection = _connection_to(url, private=private)
    # A step's time-out starts again with every byte; this one does not.
    guard = threading.Timer(seconds, connection.cut)
    guard.daemon = True
    guard.start()
    try:
        yield connection
        if connection.is_cut:
            raise TimeoutError
    except TimeoutError:
        raise Unreachable("no answer in time") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = "no answer in time" if connection.is_cut else f"{type(error).__name__}: {error}"
        raise Unreachable(why) from error
    finally:
        guard.cancel()
        connection.close()


def ask_service(url: str, *, agent: str, seconds: float, most: int) -> tuple[int, bytes]:
    """Status and body of one GET to a service that the operator chose, private or not; no redirects.

    ``seconds`` and ``most`` (bytes) bound all of it. Raises ``Unreachable``.
    """
    with called(url, seconds=seconds, private=True) as connection:
        connection.request("GET", path_of(url), headers={"User-Agent": agent, "Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(most + 1)
    if len(body) > most:
        raise Unreachable("the answer is too long")
    return answer.status, body


def path_of(url: str) -> str:
    """What is asked of the server: path and query."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _connection_to(url: str, *, private: bool) -> Pinned:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unreachable("this is no address") from None
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Unreachable("https only")
    return Pinned(
        host, port, addresses=_resolve(host, port, private=private), is_safe=parts.scheme == "https"
    )


def _resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Addresses that may be called. One that may not be is enough to refuse them all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("the name is not known") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(is_public(address) for address in addresses):
        raise Unreachable("an address of a private network is not written to")
    return addresses


class Pinned(http.client.HTTPConnection):
    """A connection to addresses looked at before, under the name that was typed."""

    def __init__(self, host: str, port: int, *, addresses: list[str], is_safe: bool) -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self.addresses, self.is_safe, self.is_cut = addresses, is_safe, False
        self.default_port = 443 if is_safe else 80
        # An answer of unknown length takes the socket over from its connection: held here to be cut.
        self.line: socket.socket | None = None

    def connect(self) -> None:
        trouble: OSError = OSError("no address")
        for address in self.addresses[:3]:
            try:
                self.sock = self.line = socket.create_connection((address, self.port), timeout=PATIENCE)
                break
            except OSError as error:
                trouble = error
        else:
            raise trouble
        if self.is_cut:
            raise TimeoutError
        if self.is_safe:
            context = ssl.create_default_context()
            safe = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = self.line = safe
            safe.do_handshake()

    def cut(self) -> None:
        """End it from outside: whoever reads finds the line closed."""
        self.is_cut = True
        if self.line is not None:
            with contextlib.suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)

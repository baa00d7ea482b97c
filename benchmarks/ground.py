"""What every benchmark stands on: PostgreSQL, a migrated site, gunicorn with two processes, a light client.

All of it runs on one machine and shares its cores, so only ratios measured in one run mean anything.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.ground.postgres import Postgres, execute
from tests.ground.site import Site


@dataclass
class Request:
    """One request, made ready beforehand so that the client costs as little as it can."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self, host: str) -> bytes:
        """As it goes over the wire, on a connection that stays open."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body or self.method != "GET":
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass
class Load:
    """What a load measured. Times in seconds."""

    times: list[float]
    statuses: dict[int, int]
    errors: int
    seconds: float
    bytes_received: int

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return len(self.times) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """The time within which this share of the answers came."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> dict[str, Any]:
        """For a file."""
        return {
            "requests": len(self.times),
            "per_second": round(self.per_second, 1),
            "median_ms": round(statistics.median(self.times) * 1000, 2) if self.times else None,
            "p95_ms": round(self.quantile(0.95) * 1000, 2),
            "p99_ms": round(self.quantile(0.99) * 1000, 2),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "errors": self.errors,
            "bytes_per_answer": self.bytes_received // max(1, len(self.times)),
        }


def load(url: str, requests: Sequence[Request], *, at_once: int) -> Load:
    """Send all requests, `at_once` connections kept open and busy; each request is sent exactly once."""
    return asyncio.run(_load(url, requests, at_once))


async def _load(url: str, requests: Sequence[Request], at_once: int) -> Load:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    waiting = iter([request.encode(parts.netloc) for request in requests])
    result = Load([], {}, 0, 0.0, 0)

    async def one_connection() -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        for message in waiting:
            begun = time.perf_counter()
            try:
                if writer is None or reader is None or writer.is_closing():
                    reader, writer = await asyncio.open_connection(host, port)
                writer.write(message)
                status, size, stays = await asyncio.wait_for(_answer(reader), 60)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                result.errors += 1
                if writer is not None:
                    writer.close()
                reader = writer = None
                continue
            result.times.append(time.perf_counter() - begun)
            result.statuses[status] = result.statuses.get(status, 0) + 1
            result.bytes_received += size
            if not stays:
                writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(at_once)))
    result.seconds = time.perf_counter() - begun
    return result


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int, bool]:
    """Status, bytes of the body as sent, and whether the connection stays open."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    size = 0
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            length = int((await reader.readline()).split(b";")[0], 16)
            await reader.readexactly(length + 2)
            size += length
            if length == 0:
                break
    elif status not in (204, 304):
        size = int(headers.get("content-length", "0"))
        await reader.readexactly(size)
    return status, size, headers.get("connection", "").lower() != "close"


class Ground:
    """One PostgreSQL that waits for its disk as in production, and sites on it."""

    def __init__(self) -> None:
        self._server: Postgres | None = None
        self._count = 0

    @property
    def server(self) -> Postgres:
        """Started when first asked for."""
        if self._server is None:
            self._server = Postgres(durable=True)
        return self._server

    @contextlib.contextmanager
    def site(self, prepare: Callable[[Site], None] = lambda site: None, **environment: str) -> Iterator[Site]:
        """A migrated site on a database of its own; inside, the ORM of this process works on it.

        :param prepare: called before anything else, with the site connected; for rows.
        """
        self._count += 1
        name = f"bench_{self._count}"
        execute(self.server.url("postgres"), f"CREATE DATABASE {name}")
        site = Site(self.server.url(name))
        site.environment.update(environment)
        try:
            site.manage("migrate", "--verbosity", "0")
            with site.connected():
                prepare(site)
                yield site
        finally:
            site.close()
            execute(self.server.url("postgres"), f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.stop()


@dataclass
class Ratio:
    """A promise in one number.

    :ivar value: what was measured.
    :ivar at_least: the least it may be; or
    :ivar at_most: the most.
    """

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        limits = []
        if self.at_least is not None:
            limits.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            limits.append(f"at most {self.at_most:g}")
        return f"{self.name}: {self.value:.3g} ({', '.join(limits) or 'no limit'})"


@dataclass
class Report:
    """What one benchmark found: ratios to judge by, and everything measured, for the file."""

    ratios: list[Ratio]
    measured: dict[str, Any] = field(default_factory=dict)

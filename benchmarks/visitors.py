"""Visitors for the benchmarks: each opens the form, sends it, and reads the receipt if a place is theirs."""

from __future__ import annotations

import asyncio
import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE = 30.0
"""Seconds for one answer; longer counts as an error."""
FORM = re.compile(
    r'name="csrfmiddlewaretoken" value="([^"]+)".*name="submission_id" value="([^"]+)"', re.DOTALL
)
HEAD = re.compile(
    rb"HTTP/1\.1 (\d+)|^(content-length|content-encoding|transfer-encoding|connection|location|retry-after"
    rb"|set-cookie): *([^\r]*)",
    re.IGNORECASE | re.MULTILINE,
)
"""Of an answer's head, what a visitor needs to know: the machine that serves is the one that visits."""


@dataclass
class Seen:
    """What a crowd met. Times in seconds, by the name of the step."""

    times: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    """503 that did not say when to come again."""
    errors: int = 0
    won: int = 0
    seconds: float = 0.0

    def quantile(self, share: float) -> float:
        """Within which time this share of all answers came."""
        ordered = sorted(time for times in self.times.values() for time in times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> dict[str, Any]:
        """For a file."""
        return {
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "errors": self.errors,
            "won": self.won,
            "seconds": round(self.seconds, 2),
            "p50_ms": round(self.quantile(0.5) * 1000, 1),
            "p95_ms": round(self.quantile(0.95) * 1000, 1),
            "slowest_ms": round(self.quantile(1) * 1000, 1),
            "slowest_by_step_ms": {
                step: round(max(times) * 1000, 1) for step, times in sorted(self.times.items())
            },
        }


class Visitor:
    """One person's browser: a connection of its own, kept open over the steps."""

    def __init__(self, url: str, number: int, seen: Seen) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.netloc = parts.hostname or "", parts.port or 80, parts.netloc
        self.number, self.seen = number, seen
        self.cookie = ""
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def book(self, slot: int, *, due: float | None = None) -> None:
        """Form, booking, receipt. ``due``: when the visitor came, for whom the time runs (perf_counter)."""
        path = f"/creneaux/{slot}/inscription/"
        try:
            status, headers, page = await self.ask("form", "GET", path, due=due)
            found = FORM.search(page)
            if status != 200 or not found:
                return
            self.cookie = headers.get("set-cookie", "").partition(";")[0]
            sent = {
                "csrfmiddlewaretoken": found[1],
                "submission_id": found[2],
                "email": f"visitor-{self.number}@example.org",
                "party_size": 1,
            }
            status, headers, _page = await self.ask("booking", "POST", path, urlencode(sent).encode())
            if status == 302:
                self.seen.won += 1
                await self.ask("receipt", "GET", headers["location"])
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            self.seen.errors += 1
        finally:
            if self._stream:
                self._stream[1].close()

    async def ask(
        self, step: str, method: str, path: str, body: bytes = b"", *, due: float | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of one answer."""
        begun = time.perf_counter() if due is None else due
        if self._stream is None:
            self._stream = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._stream
        writer.write(self._request(method, path, body))
        async with asyncio.timeout(PATIENCE):  # without a task of its own, as wait_for makes
            status, headers, content = await _answer(reader)
        if headers.get("connection", "").lower() == "close":
            writer.close()
            self._stream = None
        self.seen.times.setdefault(step, []).append(time.perf_counter() - begun)
        self.seen.statuses[status] += 1
        self.seen.without_retry_after += status == 503 and "retry-after" not in headers
        if step != "form":  # nobody reads the others
            return status, headers, ""
        if headers.get("content-encoding") == "gzip":
            content = zlib.decompress(content, wbits=zlib.MAX_WBITS | 16)
        return status, headers, content.decode()

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        number = self.number
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.netloc}",
            "Accept-Encoding: gzip",
            "Accept-Language: fr",
            f"X-Forwarded-For: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        ]
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}")
        if method == "POST":
            lines += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, headers = 0, dict[str, str]()
    for said, name, value in HEAD.findall(head):
        if said:
            status = int(said)
        else:
            headers[name.decode().lower()] = value.decode("latin-1")
    content = b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while length := int((await reader.readline()).split(b";")[0], 16):
            content += (await reader.readexactly(length + 2))[:-2]
        await reader.readexactly(2)
    else:
        content = await reader.readexactly(int(headers.get("content-length", "0")))
    return status, headers, content


def flows(url: str, slots: Sequence[int], number: int, *, at_once: int, first: int = 0) -> Seen:
    """``number`` visitors one after the other on ``at_once`` connections."""
    return asyncio.run(_flows(url, slots, number, at_once, first))


async def _flows(url: str, slots: Sequence[int], number: int, at_once: int, first: int) -> Seen:
    seen, coming = Seen(), iter(range(first, first + number))

    async def one_after_the_other() -> None:
        for visitor in coming:
            await Visitor(url, visitor, seen).book(slots[visitor % len(slots)])

    begun = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    seen.seconds = time.perf_counter() - begun
    return seen


def arrivals(
    url: str, slots: Sequence[int], number: int, *, within: float, seed: int, first: int = 0
) -> Seen:
    """``number`` visitors, numbered from ``first``, who come by chance within so many seconds, whether the
    site keeps up or not.

    Points of a Poisson process given their number: uniform, in order; the same for the same ``seed``.
    """
    return asyncio.run(_arrivals(url, slots, number, within, seed, first))


async def _arrivals(
    url: str, slots: Sequence[int], number: int, within: float, seed: int, first: int
) -> Seen:
    chance, seen = random.Random(seed), Seen()
    moments = sorted(chance.uniform(0, within) for _ in range(number))
    wanted = [chance.choice(slots) for _ in range(number)]
    crowd = []
    begun = time.perf_counter()
    for visitor, moment in enumerate(moments):
        if (pause := begun + moment - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        crowd.append(
            asyncio.create_task(Visitor(url, first + visitor, seen).book(wanted[visitor], due=begun + moment))
        )
    await asyncio.gather(*crowd)
    seen.seconds = time.perf_counter() - begun
    return seen

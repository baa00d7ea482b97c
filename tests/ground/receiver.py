"""A partner's server that is told: it keeps what came and answers as a test wants it to."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field

from tests.ground.loopback import Loopback, Quiet


@dataclass(frozen=True)
class Told:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver(Loopback):
    """``answer``: a status; ``stall``: seconds before it; ``drip``: bytes one by one, instead of the head or
    (``has_head``) after it; ``drop``: hang up.
    """

    answer: int = 204
    text: str = ""
    stall: float = 0
    drip: float = 0
    has_head: bool = False
    drop: bool = False
    redirect_to: str = ""
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self
        self._awake = threading.Event()

        class Handler(Quiet):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.told.append(Told(self.path, headers, body))
                receiver._awake.wait(receiver.stall)
                if receiver.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if receiver.drip:
                    if receiver.has_head:
                        self.send_response(receiver.answer)
                        self.end_headers()
                    while not receiver.over.is_set():
                        self.wfile.write(b"H")
                        self.wfile.flush()
                        receiver.over.wait(receiver.drip)
                    return
                where = {"Location": receiver.redirect_to} if receiver.redirect_to else {}
                self.answer(receiver.answer, receiver.text.encode(), **where)

        self.listen(Handler)

    @property
    def url(self) -> str:
        return self.at("/festival?of=ours")

    def go_on(self) -> None:
        """Answer whoever waits, and everybody after them, at once."""
        self.stall = 0
        self._awake.set()

    def stop(self) -> None:
        self._awake.set()
        super().stop()

    def wait_for(self, number: int, seconds: float = 180) -> None:
        until = time.monotonic() + seconds
        while len(self.told) < number:
            assert time.monotonic() < until, f"{len(self.told)} of {number} came"
            time.sleep(0.05)

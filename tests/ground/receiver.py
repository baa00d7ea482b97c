"""A partner's server that is told: it keeps what came and answers as a test wants it to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
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
        self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.told.append(Told(self.path, headers, body))
                receiver.over.wait(receiver.stall)
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
                self.send_response(receiver.answer)
                if receiver.redirect_to:
                    self.send_header("Location", receiver.redirect_to)
                self.send_header("Content-Length", str(len(receiver.text.encode())))
                self.end_headers()
                self.wfile.write(receiver.text.encode())

            def log_message(self, *_args: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/festival?of=ours"

    def wait_for(self, number: int, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while len(self.told) < number:
            assert time.monotonic() < until, f"{len(self.told)} of {number} came"
            time.sleep(0.05)

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

"""A server on this machine that a test stands up in a thread, and that ends when the test says so."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Quiet(BaseHTTPRequestHandler):
    """Writes no log, and does not mind who hangs up."""

    def log_message(self, *_args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            super().handle_one_request()

    def drip(self, seconds: float, over: threading.Event) -> None:
        """An answer that never ends: a byte every so often until it is ``over``."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.wait(seconds):
            self.wfile.write(b" ")
            self.wfile.flush()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """``headers``: by name, an underscore for each dash."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Loopback:
    """Listens from ``listen`` to ``stop``. ``over`` is set when it stops, for whoever stalls."""

    def listen(self, handler: type[Quiet]) -> None:
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        ).start()

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

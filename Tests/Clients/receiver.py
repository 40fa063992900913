"""A receiver of webhooks on loopback, which believes only what the library of Standard Webhooks verifies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import standardwebhooks

SECRET = "whsec_cXVvdGFsb2ctd2ViaG9vay1zZWNyZXQtMDEyMzQ1Njc4OQ=="


@dataclass(frozen=True)
class Delivery:
    """One attempt as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    arrived: float
    """By the monotonic clock."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict:
        return json.loads(self.body)

    def verify(self, secret: str = SECRET) -> dict:
        return standardwebhooks.Webhook(secret).verify(self.body, self.headers)


@dataclass(frozen=True)
class Reply:
    """What an attempt is answered; with the status 0 nothing, and the connection ends."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Receiver:
    """Listens on a free port, or on the one given. `answer` says what each attempt gets; it may wait."""

    def __init__(self, answer: Callable[[Delivery], Reply | int] = lambda _: 204, *, port: int = 0, secret: str = SECRET):
        self.answer = answer
        self.secret = secret
        self.attempts: list[Delivery] = []
        self.taken: list[Delivery] = []
        """What was answered with 2xx, in the order of the answers."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def hook(self, name: str = "ops", **members) -> dict:
        """The entry of a configuration file."""
        return {"name": name, "url": self.url(), "secret": self.secret} | members

    @property
    def events(self) -> list[dict]:
        """What was taken, verified; repetitions count."""
        with self._lock:
            return [delivery.verify(self.secret) for delivery in self.taken]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            # A connection each, so that none outlives a receiver that goes down.
            protocol_version = "HTTP/1.0"

            def do_POST(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers["content-length"]))
                delivery = Delivery(self.path, headers, body, time.monotonic())
                with receiver._lock:
                    receiver.attempts.append(delivery)
                reply = receiver.answer(delivery)
                if isinstance(reply, int):
                    reply = Reply(reply)
                if 200 <= reply.status < 300:
                    with receiver._lock:
                        receiver.taken.append(delivery)
                if reply.status == 0:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_):
                pass

        return Handler

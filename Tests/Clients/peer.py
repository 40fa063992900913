"""A JSON-RPC client that adds nothing: what it sends is what the test wrote, what came is kept byte for byte."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator

from journal import FrameReader, Journal
from model import Model

DEADLINE_SECONDS = 20
INTEREST = "session_limits_exhausted.requested"


class RpcError(Exception):
    """An error answer."""

    def __init__(self, error: dict):
        super().__init__(f"{error['code']} {error['message']}")
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")


def frame(message) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Call:
    """A request under way."""

    def __init__(self, peer: Peer, message: dict):
        self.peer, self.message = peer, message

    @property
    def answer(self) -> dict | None:
        return self.peer.answers.get(json.dumps(self.message["id"]))

    @property
    def done(self) -> bool:
        return self.answer is not None

    def result(self, seconds: float = DEADLINE_SECONDS):
        self.peer.until(lambda: self.done, f"the answer to {self.message['method']}", seconds)
        if "error" in self.answer:
            raise RpcError(self.answer["error"])
        return self.answer["result"]

    def error(self, seconds: float = DEADLINE_SECONDS) -> RpcError:
        try:
            result = self.result(seconds)
        except RpcError as error:
            return error
        raise AssertionError(f"{self.message['method']} was answered with {result}")


class Peer:
    """One connection. A reader thread keeps all that comes and, with a model, answers model calls."""

    def __init__(self, address: str, token: str | None = None, model: Model | None = None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.journal = Journal()
        self.answers: dict[str, dict] = {}
        self.closed = False
        self.model = model
        self.calls: list[dict] = []
        self._numbers = itertools.count(1)
        self._bodies: dict[str, list[dict]] = {}
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if token is not None:
            self.call("connect", token=token)
        if model is not None:
            self.call("llmInference.setProvider")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._reader.join(DEADLINE_SECONDS)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # ---- sending

    def send_bytes(self, data: bytes) -> None:
        with self._sending:
            self.socket.sendall(data)

    def send(self, message) -> None:
        self.journal.sent(message)
        self.send_bytes(frame(message))

    def request(self, method: str, params: dict | None = None, *, id=None, **more) -> Call:
        """Sends a request and does not wait. Parameters that are no Python names come in `params`."""
        number = f"q{next(self._numbers)}" if id is None else id
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": (params or {}) | more}
        self.send(message)
        return Call(self, message)

    def call(self, method: str, params: dict | None = None, **more):
        return self.request(method, params, **more).result()

    def refused(self, method: str, params: dict | None = None, **more) -> RpcError:
        return self.request(method, params, **more).error()

    def notify(self, method: str, **params) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    # ---- receiving

    def _read(self) -> None:
        reader = FrameReader()
        try:
            while data := self.socket.recv(65536):
                for body, message in reader.feed(data):
                    self._take(body, message)
        except OSError:
            pass
        except AssertionError as fault:
            self.journal.faults.append(f"framing: {fault}")
        with self.journal.changed:
            self.closed = True
            self.journal.changed.notify_all()

    def _take(self, body: bytes, message: dict) -> None:
        if "method" in message and "id" in message:
            self.calls.append(message)
        self.journal.received(body, message)
        if "method" not in message:
            with self.journal.changed:
                self.answers[json.dumps(message.get("id"))] = message
                self.journal.changed.notify_all()
        elif "id" in message:
            self._serve(message)

    def until(self, condition: Callable, what: str, seconds: float = DEADLINE_SECONDS):
        with self.journal.changed:
            found = self.journal.changed.wait_for(lambda: condition() or self.closed, seconds) and condition()
        if not found:
            state = "the connection was closed" if self.closed else f"not within {seconds} s"
            raise AssertionError(f"{what}: {state}; the last that came: {self.journal.messages[-6:]}")
        return found

    def event(self, session: str, kind: str, number: int = 1, **data) -> dict:
        """The `number`th event of this type with these data, as soon as it is there."""

        def found():
            same = [
                event
                for event in self.journal.events(session)
                if event["type"] == kind and data.items() <= event["data"].items()
            ]
            return same[number - 1] if len(same) >= number else None

        return self.until(found, f"{kind} {data or ''}")

    def events(self, session: str | None = None) -> list[dict]:
        return self.journal.events(session)

    # ---- being the model (route a)

    def _serve(self, message: dict) -> None:
        method, params = message["method"], message["params"]
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if self.model is None or not method.startswith("llmInference."):
            self.send(answer | {"error": {"code": -32601, "message": f"Method not found: {method}"}})
            return
        self.send(answer | {"result": {}})
        parts = self._bodies.setdefault(params["requestId"], [])
        parts.append(params)
        if params.get("end"):
            threading.Thread(target=self._respond, args=(params["requestId"],), daemon=True).start()

    def _respond(self, request_id: str) -> None:
        parts = self._bodies[request_id]
        texts = [part for part in parts if "data" in part]
        request = json.loads(
            b"".join(
                base64.b64decode(part["data"]) if part.get("binary") else part["data"].encode() for part in texts
            )
        )
        headers = {name: ", ".join(values) for name, values in parts[0]["headers"].items()}
        ask = self.model.note(request, headers)
        with contextlib.suppress(RpcError, AssertionError, OSError):
            self.call(
                "llmInference.httpResponseStart",
                requestId=request_id,
                status=ask.status,
                statusText="OK",
                headers={"content-type": [Model.content_type(request, ask)], "content-length": ["7"]},
            )
            try:
                for piece in self.model.pieces(request, ask):
                    for part in torn(piece):
                        self.chunk(request_id, data=base64.b64encode(part).decode(), binary=True, end=False)
                self.chunk(request_id, data="", end=True)
            except ConnectionError as fault:
                self.chunk(request_id, data="", end=True, error={"message": str(fault)})

    def chunk(self, request_id: str, **params) -> dict:
        return self.call("llmInference.httpResponseChunk", requestId=request_id, **params)

    # ---- what most tests do

    def create(self, limit=None, **params) -> str:
        """A new session, capped at `limit` credits if one is given; its id."""
        session = params.pop("sessionId", None) or str(uuid.uuid4())
        if limit is not None:
            params["sessionLimits"] = {"maxAiCredits": limit}
        made = self.call("session.create", {"sessionId": session, "model": "m-small", "streaming": False} | params)
        assert made["sessionId"] == session
        return session

    def resume(self, session: str, **params) -> dict:
        return self.call("session.resume", {"sessionId": session} | params)

    def turn(self, session: str, prompt: str) -> dict:
        """Sends, waits until the turn is over, and returns the answer of `sendAndWait`."""
        return self.call("session.sendAndWait", sessionId=session, prompt=prompt)

    def start_turn(self, session: str, prompt: str) -> Call:
        return self.request("session.sendAndWait", sessionId=session, prompt=prompt)

    def watch(self, session: str) -> str:
        """Registers interest in exhaustion."""
        return self.call("session.eventLog.registerInterest", sessionId=session, eventType=INTEREST)["handle"]

    def answer(self, session: str, request_id: str, action: str, **amounts) -> bool:
        answer = self.call(
            "session.ui.handlePendingSessionLimitsExhausted",
            sessionId=session,
            requestId=request_id,
            response={"action": action} | amounts,
        )
        assert set(answer) == {"success"}
        return answer["success"]

    def history(self, session: str) -> list[dict]:
        return self.call("session.getMessages", sessionId=session)["events"]

    def metrics(self, session: str) -> dict:
        return self.call("session.usage.getMetrics", sessionId=session)

    def snapshot(self, session: str) -> dict:
        return self.call("session.metadata.snapshot", sessionId=session)

    def limits(self, session: str) -> float | None:
        limits = self.snapshot(session)["sessionLimits"]
        return limits and limits["maxAiCredits"]


def torn(piece: bytes) -> Iterator[bytes]:
    """A piece in two, so that characters and lines are cut in the middle."""
    middle = len(piece) // 2 + 1
    yield piece[:middle]
    if piece[middle:]:
        yield piece[middle:]

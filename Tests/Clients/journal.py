"""What must hold for everything a runtime sends, whatever the test at hand asks for (contract 3 and 4.2)."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field

DURABLE, EPHEMERAL = "durable", "ephemeral"
KINDS = {
    "session.start": DURABLE,
    "session.resume": DURABLE,
    "session.session_limits_changed": DURABLE,
    "session.usage_checkpoint": DURABLE,
    "session.warning": DURABLE,
    "session.error": DURABLE,
    "session.shutdown": DURABLE,
    "user.message": DURABLE,
    "assistant.turn_start": DURABLE,
    "assistant.message": DURABLE,
    "assistant.turn_end": DURABLE,
    "abort": DURABLE,
    "session_limits_exhausted.requested": EPHEMERAL,
    "session_limits_exhausted.completed": EPHEMERAL,
    "session.usage_info": EPHEMERAL,
    "session.idle": EPHEMERAL,
    "assistant.message_delta": EPHEMERAL,
    "assistant.usage": EPHEMERAL,
}
ENVELOPE = {"id", "timestamp", "parentId", "type", "data", "ephemeral", "agentId"}
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HEADER = re.compile(rb"Content-Length: (\d+)\r\n\r\n")


class FrameReader:
    """Cuts a byte stream into messages, and accepts nothing but the one framing that SDKs can read."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data: bytes) -> list[tuple[bytes, dict]]:
        self.buffer += data
        frames = []
        while True:
            assert self.buffer[:16] == b"Content-Length: "[: len(self.buffer)], self.buffer[:80]
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                assert len(self.buffer) < 64, self.buffer[:80]
                return frames
            header = HEADER.fullmatch(self.buffer[: end + 4])
            assert header, self.buffer[: end + 4]
            length = int(header[1])
            if len(self.buffer) < end + 4 + length:
                return frames
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            assert body[:1] == b"{" and body[-1:] == b"}", body[:80]
            frames.append((body, json.loads(body.decode("utf-8"))))


def check_event(event: dict) -> None:
    """The envelope of one event."""
    assert set(event) <= ENVELOPE, f"unknown members in {event}"
    assert {"id", "timestamp", "parentId", "type", "data"} <= set(event), event
    assert UUID4.fullmatch(event["id"]), event
    assert event["parentId"] is None or UUID4.fullmatch(event["parentId"]), event
    assert MOMENT.fullmatch(event["timestamp"]), event
    assert isinstance(event["data"], dict), event
    assert event.get("ephemeral", True) is True, event
    assert isinstance(event.get("agentId", ""), str), event
    if not event["type"].startswith("quotalog."):
        kind = KINDS[event["type"]]
        assert ("ephemeral" in event) == (kind == EPHEMERAL), event


def check_history(events: list[dict]) -> None:
    """A whole durable history: one chain from the first event on, in order of time, no id twice."""
    parent = None
    for event in events:
        check_event(event)
        assert "ephemeral" not in event, event
        assert event["parentId"] == parent, f"{event} does not follow {parent}"
        parent = event["id"]
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)


def spelled_exactly(body: bytes) -> None:
    """Credits and nano-AIU as they stand in the text: no exponent, no needless fraction."""
    for name in (b"AiCredits", b"NanoAiu"):
        for number in re.findall(rb'%s":(-?[0-9.eE+-]+)' % name, body):
            assert not re.search(rb"[eE]", number), number
            assert not re.search(rb"\.\d*0$|\.$", number), number
            assert name != b"NanoAiu" or re.fullmatch(rb"\d+", number), number


@dataclass
class Journal:
    """Everything that went over one connection, checked as it comes."""

    messages: list[tuple[str, dict]] = field(default_factory=list)
    """Direction (`in` to the client, `out` from it) and message, in order."""
    bodies: list[bytes] = field(default_factory=list)
    """The messages to the client as bytes."""
    faults: list[str] = field(default_factory=list)
    _waiting: dict = field(default_factory=dict)
    _asked: set = field(default_factory=set)
    _last: dict[str, dict] = field(default_factory=dict)
    _ids: set = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def sent(self, message: dict) -> None:
        with self.changed:
            self.messages.append(("out", message))
            if isinstance(message, dict) and "method" in message and "id" in message:
                self._waiting[message["id"]] = message
                params = message.get("params")
                if message["method"] in ("session.create", "session.resume") and isinstance(params, dict):
                    # What happened while this connection was not attached may be missing here.
                    self._last.pop(str(params.get("sessionId")), None)

    def received(self, body: bytes, message: dict) -> None:
        with self.changed:
            self.messages.append(("in", message))
            self.bodies.append(body)
            try:
                spelled_exactly(body)
                self._check(message)
            except (AssertionError, KeyError, TypeError) as fault:
                self.faults.append(f"{type(fault).__name__}: {fault}"[:2000])
            self.changed.notify_all()

    def _check(self, message: dict) -> None:
        assert message["jsonrpc"] == "2.0", message
        if "method" in message:
            assert set(message) <= {"jsonrpc", "id", "method", "params"}, message
            assert isinstance(message["params"], dict), message
            if "id" in message:
                assert type(message["id"]) is int and message["id"] > 0, message
                assert message["id"] not in self._asked, message
                self._asked.add(message["id"])
            if message["method"] == "session.event":
                assert set(message["params"]) == {"sessionId", "event"}, message
                self._check_order(message["params"]["sessionId"], message["params"]["event"])
            elif message["method"] == "session.lifecycle":
                assert message["params"]["type"] in ("session.created", "session.deleted", "session.updated")
        else:
            assert set(message) - {"jsonrpc", "id"} in ({"result"}, {"error"}), message
            if message["id"] is not None:
                request = self._waiting.pop(message["id"], None)
                assert request, f"an answer nobody asked for, or a second one: {message}"
                assert type(request["id"]) is type(message["id"])

    def _check_order(self, session: str, event: dict) -> None:
        if event["type"] == "session_limits_exhausted.requested" and event["id"] in self._ids:
            return  # An open request is shown again to whoever attaches.
        last = self._last.get(session)
        if "ephemeral" not in event:
            self._last[session] = event
        elif not last:
            self._last[session] = {"id": event["parentId"], "timestamp": event["timestamp"]}
        check_event(event)
        assert event["id"] not in self._ids, f"delivered twice: {event}"
        self._ids.add(event["id"])
        if last:
            assert event["parentId"] == last["id"], f"{event} does not hang on {last}"
            assert event["timestamp"] >= last["timestamp"], f"{event} is older than {last}"

    def events(self, session: str | None = None) -> list[dict]:
        """The events received so far."""
        with self.changed:
            return [
                message["params"]["event"]
                for direction, message in self.messages
                if direction == "in"
                and message.get("method") == "session.event"
                and session in (None, message["params"]["sessionId"])
            ]

    def method_of(self, answer: dict) -> str | None:
        """The method that an answer of the runtime answers."""
        for direction, message in self.messages:
            if direction == "out" and message.get("id") == answer.get("id") and "method" in message:
                return message["method"]
        return None


def durable(events: list[dict]) -> list[dict]:
    return [event for event in events if "ephemeral" not in event]


def types(events: list[dict]) -> list[str]:
    """Event types without our own, which may stand anywhere."""
    return [event["type"] for event in events if not event["type"].startswith("quotalog.")]


def of_type(events: list[dict], kind: str) -> list[dict]:
    return [event for event in events if event["type"] == kind]

"""Clients of session budgets: the calls that most tests prepare with, and a reader of server-sent events."""

from __future__ import annotations

import itertools
import json
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from service import DEADLINE_SECONDS, Answer, Client

_numbers = itertools.count(1)


def error(answer: Answer, status: int, code: str | None = None) -> dict:
    """The error of an answer that has the shape of the session paths."""
    assert answer.status == status, answer.gist
    assert answer["Content-Type"] == "application/json"
    assert list(answer.json) == ["error"] and list(answer.json["error"]) == ["code", "message"]
    assert code is None or answer.json["error"]["code"] == code, answer.gist
    return answer.json["error"]


@dataclass
class Session:
    """A session as one client sees it."""

    client: Client
    id: str

    @classmethod
    def begin(cls, client: Client, limit: float | None = None, **members) -> Session:
        id = members.pop("session_id", None) or f"s-{next(_numbers)}"
        body = {"session_id": id} | members
        if limit is not None:
            body["session_limits"] = {"max_ai_credits": limit}
        answer = client.post("/v1/sessions", body)
        assert answer.status == 201, answer.gist
        return cls(client, id)

    @property
    def path(self) -> str:
        return f"/v1/sessions/{self.id}"

    def ask(self, method: str, what: str = "", body=None, **headers) -> Answer:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.ask(method, self.path + what, body, headers)

    def post(self, what: str, body=None, **headers) -> Answer:
        return self.ask("POST", "/" + what, body, **headers)

    def patch(self, body, **headers) -> Answer:
        return self.ask("PATCH", "", body, **headers)

    @property
    def document(self) -> dict:
        answer = self.ask("GET")
        assert answer.status == 200, answer.gist
        return answer.json

    def check(self, **body) -> dict:
        answer = self.post("check", body)
        assert answer.status == 200, answer.gist
        return answer.json

    def spend(self, credits: float, **body) -> dict:
        usage = {"usage_id": f"u-{next(_numbers)}", "nano_aiu": round(credits * 10**9)} | body
        answer = self.post("usage", usage)
        assert answer.status == 200, answer.gist
        return answer.json

    def events(self, query: str = "") -> dict:
        answer = self.ask("GET", f"/events?{query}")
        assert answer.status == 200, answer.gist
        return answer.json

    def history(self) -> list[dict]:
        return self.events("limit=1000")["events"]

    def history_in_pages(self) -> list[dict]:
        found, page = [], {"cursor": "0", "has_more": True}
        while page["has_more"]:
            page = self.events(f"limit=1000&after={page['cursor']}")
            found += page["events"]
        return found

    def stream(self, query: str = "", last_event_id: str | None = None, receive_buffer: int | None = None) -> Stream:
        return Stream(self, query, last_event_id, receive_buffer)


class Stream:
    """Server-sent events, read from a socket of its own by the letter of the specification."""

    def __init__(self, session: Session, query: str, last_event_id: str | None, receive_buffer: int | None):
        url = urlsplit(session.client.base)
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_SECONDS)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((url.hostname, url.port))
        lines = [f"GET {session.path}/events?{query} HTTP/1.1", f"Host: {url.netloc}", "Accept: text/event-stream"]
        lines.append(f"Authorization: Token {session.client.token}")
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = dict(self._headers())
        self.text = b""
        self.last_id: str | None = last_event_id
        self.comments = 0

    def _headers(self):
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            yield name.lower(), value

    def _line(self) -> bytes | None:
        """The next line of the body, without its chunks; nothing at its end."""
        while b"\n" not in self.text:
            length = int(self.file.readline() or b"0", 16)
            self.text += self.file.read(length)
            self.file.readline()
            if length == 0:
                return None
        line, _, self.text = self.text.partition(b"\n")
        return line

    def __iter__(self):
        return self

    def __next__(self) -> dict:
        """The next event: the envelope that `data` holds."""
        name = data = None
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (line := self._line()) is not None:
            # Comments keep the socket from timing out.
            assert time.monotonic() < deadline, "no event came"
            field, _, value = line.partition(b": ")
            if line.startswith(b":"):
                self.comments += 1
            elif field == b"id":
                self.last_id = value.decode()
            elif field == b"event":
                name = value.decode()
            elif field == b"data":
                assert data is None, "an envelope is one line"
                data = value
            elif not line and data is not None:
                event = json.loads(data)
                assert event["type"] == name
                return event
        raise StopIteration

    def take(self, count: int) -> list[dict]:
        return list(itertools.islice(self, count))

    def until(self, type: str) -> list[dict]:
        """Events up to the first of that type, which is the last."""
        found = []
        for event in self:
            found.append(event)
            if event["type"] == type:
                return found
        raise AssertionError(f"the stream ended before {type}")

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def durable(events: list[dict]) -> list[dict]:
    return [event for event in events if "ephemeral" not in event]


def types(events: list[dict]) -> list[str]:
    return [event["type"] for event in events]

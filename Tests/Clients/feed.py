"""Streams of the whole log as people read them: httpx with httpx-sse, on a thread that gathers what comes."""

from __future__ import annotations

import json
import threading

import httpx
from httpx_sse import EventSource, ServerSentEvent

from service import DEADLINE_SECONDS, Client, until

PROGRESS = "progress"


class Feed:
    """A client of `GET /v1/events/stream` that reads until it is closed or the server ends the stream."""

    def __init__(self, client: Client, query: str = "", last_id: str | int | None = None, pause=lambda: None):
        self.client = client
        headers = {"Authorization": f"Token {client.token}", "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self._http = httpx.Client(base_url=client.base, headers=headers, timeout=DEADLINE_SECONDS)
        request = self._http.build_request("GET", f"/v1/events/stream?{query}")
        self.response = self._http.send(request, stream=True)
        self.status = self.response.status_code
        self.events: list[dict] = []
        self.progress: list[int] = []
        self.last_id: str | None = None
        self.ended = threading.Event()
        self._pause = pause
        if self.status == 200:
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        else:
            self.response.read()

    def _read(self) -> None:
        try:
            for event in EventSource(self.response).iter_sse():
                self._take(event)
                self._pause()
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        finally:
            self.ended.set()

    def _take(self, event: ServerSentEvent) -> None:
        self.last_id = event.id
        document = json.loads(event.data)
        assert document["position"] == int(event.id)
        if event.event == PROGRESS:
            assert list(document) == ["position"]
            self.progress.append(document["position"])
        else:
            assert event.event == document["type"]
            self.events.append(document)

    @property
    def positions(self) -> list[int]:
        return [event["position"] for event in self.events]

    def wait(self, count: int, seconds: float = DEADLINE_SECONDS) -> list[dict]:
        """The events, once there are so many."""
        until(lambda: len(self.events) >= count or self.ended.is_set(), f"{count} events", seconds)
        assert len(self.events) >= count, f"the stream ended after {len(self.events)} events"
        return self.events

    def wait_for(self, position: int, seconds: float = DEADLINE_SECONDS) -> None:
        """Until the client was told of the log up to a position."""
        until(lambda: self.last_id is not None and int(self.last_id) >= position, f"position {position}", seconds)

    def close(self) -> None:
        self.response.close()
        self._http.close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_) -> None:
        self.close()

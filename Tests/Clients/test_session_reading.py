"""Reading long sessions: nobody is held up, nothing grows without bound (contract 4.2, 4.4, 4.5)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from journal import durable
from model import Model
from peer import Peer


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def pages(peer: Peer, session: str, **query) -> list[dict]:
    """All events, page by page."""
    found, cursor = [], {}
    for _ in range(1000):
        page = peer.call("session.eventLog.read", sessionId=session, **query, **cursor)
        found += page["events"]
        cursor = {"cursor": page["cursor"]}
        if not page["hasMore"]:
            return found
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("ephemeral", [False, True])
def test_pages_of_any_length_tell_everything_once(runtime, peer, length, ephemeral):
    session = peer.create(10, streaming=True)
    runtime.sessions().check(session, call_id="c1")
    runtime.sessions().report(session, "u1", nano_aiu=5, reservation_id="c1")
    for prompt in ("first", "second"):
        peer.turn(session, prompt)
    history = peer.history(session)
    told = pages(peer, session, max=length, includeEphemeral=ephemeral)
    assert durable(told) == history
    assert len({event["id"] for event in told}) == len(told)
    if ephemeral:
        assert told == peer.events(session)
    assert pages(peer, session, max=length, types=["session.warning"]) == []
    wanted = [event for event in history if event["type"] == "user.message"]
    assert pages(peer, session, max=length, types=["user.message"]) == wanted
    assert pages(peer, session, max=length, direction="backward") == history[::-1]
    assert runtime.sessions().events(session, "?limit=1")["events"] == history[:1]


def test_a_session_that_was_shut_down_thousands_of_times_is_read_in_no_time(runtime, peer):
    session = peer.create(10)
    for _ in range(3000):
        peer.request("session.destroy", sessionId=session)
        peer.request("session.resume", sessionId=session)
    peer.resume(session)
    start = time.monotonic()
    history = peer.history(session)
    assert len(history) > 6000
    assert time.monotonic() - start < 3


def test_events_that_nobody_is_told_any_more_need_no_memory(start_own):
    runtime = start_own()
    peer = runtime.peer(model=Large())
    session = peer.create(streaming=True)

    def memory() -> int:
        status = Path(f"/proc/{runtime.server.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    peer.refused("session.sendAndWait", sessionId=session, prompt="warm up")
    before = memory()
    for _ in range(6):
        peer.refused("session.sendAndWait", sessionId=session, prompt="more")
    assert memory() - before < 60_000


class Large(Model):
    """Answers in few pieces of a megabyte each; the text itself is short again when it is sent back."""

    def pieces(self, request, ask):
        self.requests.clear()
        head = {"id": "c", "created": 1, "model": "m", "object": "chat.completion.chunk"}
        for _ in range(15):
            chunk = head | {"choices": [{"index": 0, "delta": {"content": "x" * 1_000_000}, "finish_reason": None}]}
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        raise ConnectionError("enough")

"""That the checks of `journal.py` can fail: a test that cannot is a defect."""

from __future__ import annotations

import json

import pytest

from journal import FrameReader, Journal, check_event, check_history

ID = "5e3bba8c-30cb-44a3-9f1b-33a4a1ad7e51"
OTHER = "5e3bba8c-30cb-44a3-9f1b-33a4a1ad7e52"
IDLE = {
    "id": ID,
    "timestamp": "2026-11-20T12:00:00.000Z",
    "parentId": OTHER,
    "type": "session.idle",
    "data": {},
    "ephemeral": True,
}


def without(name: str) -> dict:
    return {key: value for key, value in IDLE.items() if key != name}


def test_a_good_event_is_accepted():
    check_event(IDLE)


@pytest.mark.parametrize(
    "event",
    [
        *(without(name) for name in ("id", "timestamp", "parentId", "type", "data", "ephemeral")),
        IDLE | {"id": ID.upper()},
        IDLE | {"id": "x"},
        IDLE | {"id": ID.replace("-4", "-1")},
        IDLE | {"timestamp": 1},
        IDLE | {"timestamp": "2026-11-20T12:00:00Z"},
        IDLE | {"timestamp": "2026-11-20T12:00:00.000+00:00"},
        IDLE | {"data": None},
        IDLE | {"ephemeral": False},
        IDLE | {"agentId": None},
        IDLE | {"more": 1},
        IDLE | {"type": "user.message"},
        IDLE | {"type": "session.invented"},
    ],
    ids=str,
)
def test_a_bad_event_is_found(event):
    with pytest.raises((AssertionError, KeyError, TypeError)):
        check_event(event)


@pytest.mark.parametrize(
    "data",
    [
        b"content-length: 2\r\n\r\n{}",
        b"Content-Length:2\r\n\r\n{}",
        b"Content-Length: 2\n\n{}",
        b"Content-Length: 2\r\nX: y\r\n\r\n{}",
        b"X: y\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 3\r\n\r\n{}\n",
        b"Content-Length: 2\r\n\r\n{}\n",
        b"\n",
    ],
    ids=repr,
)
def test_bad_framing_is_found(data):
    with pytest.raises(AssertionError):
        FrameReader().feed(data + b"Content-Length: 2\r\n\r\n{}")


def test_frames_are_cut_wherever_they_are_torn():
    data = b'Content-Length: 7\r\n\r\n{"a":1}Content-Length: 2\r\n\r\n{}'
    reader = FrameReader()
    found = [message for byte in data for _, message in reader.feed(bytes([byte]))]
    assert found == [{"a": 1}, {}]


def notified(**changes) -> dict:
    event = IDLE | changes
    return {"jsonrpc": "2.0", "method": "session.event", "params": {"sessionId": "s", "event": event}}


@pytest.mark.parametrize(
    "messages",
    [
        [{"jsonrpc": "2.0", "id": 1, "result": {}}],
        [{"jsonrpc": "2.0", "id": 5, "result": {}}, {"jsonrpc": "2.0", "id": 5, "result": {}}],
        [{"jsonrpc": "2.0", "id": 5, "result": {}, "error": {}}],
        [{"jsonrpc": "2.0", "id": 5}],
        [{"id": 5, "result": {}}],
        [notified(), notified()],
        [notified(), notified(id=OTHER, parentId=ID)],
        [notified(), notified(id=OTHER, timestamp="2026-11-20T11:59:59.999Z")],
        [{"jsonrpc": "2.0", "id": "text", "method": "llmInference.httpRequestStart", "params": {}}],
        [{"jsonrpc": "2.0", "id": 0, "method": "llmInference.httpRequestStart", "params": {}}],
    ],
    ids=str,
)
def test_bad_conversations_are_found(messages):
    journal = Journal()
    journal.sent({"jsonrpc": "2.0", "id": 5, "method": "ping", "params": {}})
    for message in messages:
        journal.received(json.dumps(message).encode(), message)
    assert journal.faults


@pytest.mark.parametrize("number", ["1e3", "2.50", "3.", "1.0"])
def test_credits_in_another_spelling_are_found(number):
    journal = Journal()
    journal.received(b'{"usedAiCredits":%s}' % number.encode(), notified())
    assert journal.faults


def test_a_broken_chain_is_found():
    start = {key: value for key, value in IDLE.items() if key != "ephemeral"} | {"type": "session.start", "parentId": None}
    check_history([start, start | {"id": OTHER, "parentId": ID}])
    with pytest.raises(AssertionError):
        check_history([start, start | {"id": OTHER, "parentId": None}])

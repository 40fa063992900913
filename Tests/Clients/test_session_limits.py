"""Caps as they come and go: what is a cap, and what absent, null and empty mean (contract 1 and 2.2)."""

from __future__ import annotations

import json
import uuid

import pytest

from journal import of_type
from model import ask
from peer import Peer, frame

CHANGED = "session.session_limits_changed"


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def changes(peer: Peer, session: str) -> list[float | None]:
    peer.call("ping")
    limits = [event["data"]["sessionLimits"] for event in of_type(peer.events(session), CHANGED)]
    return [limit and limit["maxAiCredits"] for limit in limits]


ABSENT = object()
TABLE = [(ABSENT, "absent"), (None, "null"), ({}, "empty"), ({"maxAiCredits": None}, "empty"), ({"maxAiCredits": 7}, "7")]


@pytest.mark.parametrize(("limits", "meaning"), TABLE, ids=str)
def test_create(peer, limits, meaning):
    session = peer.create(**({} if limits is ABSENT else {"sessionLimits": limits}))
    wanted = 7 if meaning == "7" else None
    assert peer.limits(session) == wanted
    assert changes(peer, session) == ([7] if wanted else [])
    start = of_type(peer.events(session), "session.start")[0]["data"]
    assert start.get("sessionLimits") == ({"maxAiCredits": 7} if wanted else None)
    assert wanted or "sessionLimits" not in start


@pytest.mark.parametrize(("limits", "meaning"), TABLE, ids=str)
@pytest.mark.parametrize("door", ["resume", "update", "patch"])
def test_change(runtime, peer, door, limits, meaning):
    session = peer.create(40)
    params = {} if limits is ABSENT else {"sessionLimits": limits}
    if door == "resume":
        peer.resume(session, **params)
    elif door == "update":
        assert peer.call("session.options.update", {"sessionId": session} | params) == {"success": True}
    else:
        answer = runtime.sessions().ask("PATCH", f"/{session}", params)
        assert answer.status == 200, answer.gist
    wanted = {"absent": 40, "7": 7}.get(meaning)
    assert peer.limits(session) == wanted
    assert changes(peer, session) == ([40] if wanted == 40 else [40, wanted])


def test_an_event_always_says_the_new_cap_or_null(peer):
    session = peer.create(40)
    peer.call("session.options.update", sessionId=session, sessionLimits=None)
    data = [event["data"] for event in of_type(peer.history(session), CHANGED)]
    assert data == [{"sessionLimits": {"maxAiCredits": 40}}, {"sessionLimits": None}]


def test_the_same_cap_again_is_no_change(peer):
    session = peer.create(40)
    peer.call("session.options.update", sessionId=session, sessionLimits={"maxAiCredits": 40.0})
    peer.resume(session, sessionLimits={"maxAiCredits": 40})
    assert changes(peer, session) == [40]


def test_creating_an_existing_session_attaches_and_a_cap_in_the_call_acts_as_an_update(peer):
    session = peer.create(40)
    again = peer.call("session.create", sessionId=session, model="m-small")
    assert again["sessionId"] == session
    assert peer.limits(session) == 40
    peer.create(50, sessionId=session)
    assert changes(peer, session) == [40, 50]
    assert len(of_type(peer.history(session), "session.start")) == 1
    peer.turn(session, "hello")
    assert len(of_type(peer.events(session), "session.idle")) == 1


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ("33", "33"),
        ("33.0", "33"),
        ("31.708776", "31.708776"),
        ("0.000000001", "0.000000001"),
        ("1e-9", "0.000000001"),
        ("1.5E+1", "15"),
        ("2.0000000004", "2"),
        ("2.0000000005", "2.000000001"),
        ("2.9999999999", "3"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.3"),
        ("9223372036.854775807", "9223372036.854775807"),
        ("9007199.254740993", "9007199.254740993"),
        ("12345678.123456789", "12345678.123456789"),
    ],
)
def test_a_cap_is_read_from_its_decimal_text_and_written_exactly(peer, text, cap):
    session = str(uuid.uuid4())
    # The text goes out as it stands here: no float of this test takes part.
    body = '{"jsonrpc":"2.0","id":"raw","method":"session.create","params":{"sessionId":"%s",' % session
    body += '"model":"m-small","sessionLimits":{"maxAiCredits":%s}}}' % text
    peer.journal.sent(json.loads(body))
    peer.send_bytes(frame(body.encode()))
    peer.until(lambda: peer.answers.get('"raw"'), "the answer to session.create")
    assert "result" in peer.answers['"raw"'], peer.answers['"raw"']
    peer.event(session, CHANGED)
    assert exact(peer, session, "sessionLimits") == cap


def exact(peer: Peer, session: str, member: str) -> str:
    """The cap's digits as the event has them."""
    for body in peer.journal.bodies:
        if session.encode() in body and CHANGED.encode() in body:
            return body.split(b'"maxAiCredits":')[1].split(b"}")[0].decode()
    raise AssertionError(f"no {member} was sent")


@pytest.mark.parametrize(
    "cap", [0, -1, -0.5, "30", True, False, [], {}, [30], 0.0000000004, 1e300, 9_223_372_037, 1e10], ids=str
)
@pytest.mark.parametrize("door", ["create", "resume", "update"])
def test_what_is_no_cap_is_refused_and_changes_nothing(peer, door, cap):
    limits = {"maxAiCredits": cap}
    if door == "create":
        session = str(uuid.uuid4())
        error = peer.refused("session.create", sessionId=session, model="m-small", sessionLimits=limits)
        assert peer.call("session.getMetadata", sessionId=session) in ({}, {"session": None})
    else:
        session = peer.create(40)
        method = "session.resume" if door == "resume" else "session.options.update"
        error = peer.refused(method, sessionId=session, sessionLimits=limits)
        assert peer.limits(session) == 40
        assert changes(peer, session) == [40]
    assert error.code == -32603 and " failed with message: " in error.message, error


@pytest.mark.parametrize("limits", ["30", 30, True, [], [{"maxAiCredits": 30}]], ids=str)
def test_limits_that_are_no_object_are_refused(peer, limits):
    session = peer.create(40)
    assert peer.refused("session.options.update", sessionId=session, sessionLimits=limits).code == -32603
    assert peer.limits(session) == 40


def test_a_smallest_cap_is_a_setting_and_its_text_that_of_the_original(start_own):
    service = start_own("--session-minimum-ai-credits", "30")
    peer = service.peer()
    text = "Minimum session limit is 30 AI credits."
    refused = peer.refused("session.create", sessionId="s", model="m-small", sessionLimits={"maxAiCredits": 29.999999999})
    assert refused.message == f"Request session.create failed with message: {text}"
    session = peer.create(30)
    for method in ("session.options.update", "session.resume"):
        error = peer.refused(method, sessionId=session, sessionLimits={"maxAiCredits": 29})
        assert error.message == f"Request {method} failed with message: {text}"
    assert service.sessions().ask("PATCH", f"/{session}", {"session_limits": {"max_ai_credits": 29}}).status == 400
    peer.watch(session)
    peer.turn(session, ask("dear", input=1_000_000, output=0))
    turn = peer.start_turn(session, "blocked")
    request = peer.event(session, "session_limits_exhausted.requested")["data"]
    answer = {"sessionId": session, "requestId": request["requestId"]}
    method = "session.ui.handlePendingSessionLimitsExhausted"
    error = peer.refused(method, answer | {"response": {"action": "set", "maxAiCredits": 29}})
    assert error.message == f"Request {method} failed with message: {text}"
    assert peer.answer(session, request["requestId"], "add", additionalAiCredits=25)
    assert turn.result()["response"]


def test_a_sum_beyond_64_bit_is_refused(runtime, peer):
    session = peer.create(9_000_000_000)
    runtime.sessions().report(session, "u1", nano_aiu=9_000_000_000_000_000_000)
    peer.turn(session, "blocked")
    request = peer.event(session, "session_limits_exhausted.requested")["data"]["requestId"]
    error = peer.refused(
        "session.ui.handlePendingSessionLimitsExhausted",
        sessionId=session,
        requestId=request,
        response={"action": "add", "additionalAiCredits": 9_000_000_000},
    )
    assert error.code == -32603
    assert peer.limits(session) == 9_000_000_000
    assert peer.answer(session, request, "unset")

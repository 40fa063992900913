"""Sessions over detaching, resuming, and servers that end (contract 2.3, 4.5)."""

from __future__ import annotations

import uuid

import pytest

from journal import check_history, durable, of_type, types
from model import ONE_CALL, ask
from peer import Peer

REQUESTED = "session_limits_exhausted.requested"


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def arrivals(peer: Peer, session: str) -> list[str]:
    """What came for a session, in order: event types, methods and answered methods."""
    kinds = []
    for direction, message in peer.journal.messages:
        if direction != "in":
            continue
        if message.get("method") == "session.event" and message["params"]["sessionId"] == session:
            kinds.append(message["params"]["event"]["type"])
        elif message.get("method") == "session.lifecycle" and message["params"]["sessionId"] == session:
            kinds.append(message["params"]["type"])
        elif "method" not in message:
            kinds.append(f"= {peer.journal.method_of(message)}")
    return [kind for kind in kinds if not kind.startswith("quotalog.")]


def test_creation_tells_lifecycle_then_answers_then_shows_events(peer):
    session = peer.create(40)
    peer.event(session, "session.session_limits_changed")
    order = [kind for kind in arrivals(peer, session) if kind not in ("= connect", "= llmInference.setProvider")]
    order = [kind for kind in order if kind != "session.updated"]
    assert order == ["session.created", "= session.create", "session.start", "session.session_limits_changed"]


def test_resuming_shows_events_and_then_answers(runtime, peer):
    session = peer.create(40)
    other = runtime.peer()
    other.resume(session, sessionLimits={"maxAiCredits": 50})
    order = [kind for kind in arrivals(other, session) if kind != "session.updated"][2:]
    assert order == ["session.resume", "session.session_limits_changed", "= session.resume"]


def test_resume_counts_the_durable_events_before_it(peer):
    session = peer.create(40)
    peer.turn(session, "hello")
    before = len(peer.history(session))
    peer.resume(session)
    resumed = peer.event(session, "session.resume")["data"]
    assert resumed["eventCount"] == before
    assert resumed["sessionLimits"] == {"maxAiCredits": 40}
    uncapped = peer.create()
    peer.resume(uncapped)
    assert peer.event(uncapped, "session.resume")["data"]["sessionLimits"] is None


@pytest.mark.parametrize("name", ["suppressResumeEvent", "disableResume"])
def test_a_resume_can_be_silent(peer, name):
    session = peer.create()
    peer.call("session.resume", {"sessionId": session, name: True})
    assert not of_type(peer.history(session), "session.resume")


def test_resuming_twice_on_one_connection_delivers_once(peer):
    session = peer.create()
    for _ in range(3):
        peer.resume(session)
    peer.turn(session, "hello")
    assert len(of_type(peer.events(session), "session.idle")) == 1
    assert len(of_type(peer.events(session), "user.message")) == 1


def test_resume_of_an_unknown_or_deleted_session_is_refused_with_its_text(peer):
    session = peer.create()
    assert peer.call("session.delete", sessionId=session) == {"success": True}
    for unknown in (session, "never-was"):
        error = peer.refused("session.resume", sessionId=unknown)
        assert error.code == -32603
        assert error.message == f"Request session.resume failed with message: Session not found: {unknown}"
        error = peer.refused("session.send", sessionId=unknown, prompt="hello")
        assert error.message == (
            f"Request session.send failed with message: Session not found for sessionId: {unknown}"
        )
    again = peer.call("session.delete", sessionId=session)
    assert again["success"] is False and again["error"]


def test_a_deleted_sessions_id_can_be_used_again_or_is_refused_but_never_brings_back_its_use(peer):
    session = peer.create(40)
    peer.turn(session, "hello")
    peer.call("session.delete", sessionId=session)
    made = peer.request("session.create", sessionId=session, model="m-small")
    peer.until(lambda: made.done, "the answer")
    if "result" in made.answer:
        assert peer.metrics(session)["totalNanoAiu"] == 0


def test_an_empty_prompt_is_refused_before_anything_is_written(peer):
    session = peer.create()
    before = peer.history(session)
    for params in ({}, {"prompt": ""}, {"prompt": None}, {"prompt": 7}, {"prompt": "", "attachments": []}):
        for method in ("session.send", "session.sendAndWait"):
            error = peer.refused(method, {"sessionId": session} | params)
            assert error.code == -32603 and error.message.startswith(f"Request {method} failed with message: ")
    assert peer.history(session) == before
    assert peer.turn(session, "a good one")["response"]
    peer.resume(session)


def test_detach_is_for_one_client_and_destroy_for_all(runtime, peer):
    session = peer.create()
    others = [runtime.peer() for _ in range(2)]
    for other in others:
        other.resume(session)
    assert peer.call("session.detach", sessionId=session) == {"success": True}
    others[0].turn(session, "hello")
    peer.call("ping")
    assert "user.message" not in types(peer.events(session))
    assert others[0].call("session.destroy", sessionId=session) == {"success": True}
    for other in others:
        shutdown = other.event(session, "session.shutdown")
        assert shutdown["data"]["shutdownType"] == "routine"
        assert shutdown["data"]["totalNanoAiu"] == ONE_CALL
        assert type(shutdown["data"]["sessionStartTime"]) is int
    assert peer.call("session.destroy", sessionId="never-was") == {"success": True}
    order = arrivals(others[0], session)
    assert order.index("session.shutdown") < order.index("= session.destroy")
    assert runtime.sessions().get(session)["state"] == "closed"
    peer.resume(session)
    assert runtime.sessions().get(session)["state"] == "unlimited"


def stop(service, how: str) -> None:
    if how == "killed":
        service.kill()
        service.resume()
    else:
        service.restart()


@pytest.mark.parametrize("how", ["cleanly", "killed"])
def test_totals_cap_window_open_request_and_history_survive_a_server(start_own, how):
    service = start_own()
    peer = service.peer()
    session = peer.create(2.5)
    peer.turn(session, "before the window")
    peer.call("session.commands.execute", sessionId=session, commandName="clear", args="")
    peer.turn(session, "first")
    peer.turn(session, "second")
    peer.watch(session)
    turn = peer.start_turn(session, "third")
    request = peer.event(session, REQUESTED)["data"]
    seen, history = peer.events(session), peer.history(session)
    assert history == durable(seen)
    document = service.sessions().get(session)
    stop(service, how)
    assert not turn.done or turn.answer
    after = service.sessions().get(session)
    assert after["usage"] == document["usage"]
    assert after["window"] == document["window"]
    again = service.peer()
    again.resume(session, suppressResumeEvent=True)
    events = again.history(session)
    check_history(events)
    assert events[: len(history)] == history
    assert again.limits(session) == 2.5
    if how == "killed":
        assert events == history
        assert again.event(session, REQUESTED)["data"] == request
        assert again.turn(session, "fourth")["response"] is None
        assert again.answer(session, request["requestId"], "add", additionalAiCredits=1)
    else:
        again.call("session.options.update", sessionId=session, sessionLimits={"maxAiCredits": 3.5})
    assert again.turn(session, "fifth")["response"]
    contents = [message["content"] for message in again.model.requests[-1]["messages"]]
    assert "before the window" not in contents and "first" in contents and contents[-1] == "fifth"
    assert again.metrics(session)["totalNanoAiu"] == 4 * ONE_CALL
    check_history(again.history(session))


def test_what_a_client_was_shown_survives_a_kill_at_any_moment(start_own):
    service = start_own()
    for number in range(5):
        peer = service.peer()
        session = peer.create(100)
        peer.request("session.send", sessionId=session, prompt=ask("x", gate="never" if number % 2 else None))
        wanted = 4 if number % 2 else 3 + number
        peer.until(lambda peer=peer, wanted=wanted: len(peer.events()) >= wanted, f"{wanted} events")
        service.kill()
        peer.close()
        shown = durable(peer.events(session))
        service.resume()
        again = service.peer()
        again.resume(session, suppressResumeEvent=True)
        history = again.history(session)
        check_history(history)
        assert history[: len(shown)] == shown


def test_a_call_under_way_at_a_kill_leaves_no_reservation(start_own):
    service = start_own("--session-lost-call", "free")
    peer = service.peer()
    session = peer.create(2)
    peer.start_turn(session, ask("x", gate="never"))
    peer.model.wait_for("never")
    service.kill()
    service.resume()
    again = service.peer()
    again.resume(session)
    assert again.turn(session, "goes ahead")["response"]


def test_the_last_session_is_the_one_that_changed_last(runtime):
    person = runtime.register()
    peer = runtime.peer(person)
    assert peer.call("session.getLastId") in ({}, {"sessionId": None})
    assert peer.call("session.list") == {"sessions": []}
    first, second = peer.create(), peer.create()
    assert peer.call("session.getLastId") == {"sessionId": second}
    peer.turn(first, "hello")
    assert peer.call("session.getLastId") == {"sessionId": first}
    entries = peer.call("session.list")["sessions"]
    assert {entry["sessionId"] for entry in entries} == {first, second}
    assert peer.call("session.getMetadata", sessionId=first)["session"]["isRemote"] is False
    assert runtime.peer().call("session.getMetadata", sessionId=first) in ({}, {"session": None})


@pytest.mark.parametrize("session", ["a", "my.session_1-x", "A" * 128, "0"])
def test_ids_need_not_be_uuids(runtime, session):
    peer = runtime.peer(runtime.register())
    assert peer.create(sessionId=session) == session
    assert peer.turn(session, "hello")["response"]


@pytest.mark.parametrize("session", ["", "-a", ".a", "a b", "a/b", "é", "A" * 129, "a\n"])
def test_other_ids_are_refused_with_their_text(peer, session):
    error = peer.refused("session.create", sessionId=session, model="m-small")
    assert error.code == -32603
    assert f"Rejected session.create request with invalid sessionId: {session}" in error.message


def test_without_an_id_a_session_gets_a_uuid(peer):
    made = peer.call("session.create", model="m-small")
    assert str(uuid.UUID(made["sessionId"])) == made["sessionId"]
    assert made["workspacePath"] is None
    assert made["capabilities"] == {"ui": {"elicitation": False, "mcpApps": False}, "extensions": False}


def test_a_session_of_somebody_else_does_not_exist(runtime, peer):
    session = peer.create(40)
    stranger = runtime.peer(runtime.register())
    for method in ("session.resume", "session.getMessages", "session.usage.getMetrics", "session.metadata.snapshot"):
        assert "Session not found" in stranger.refused(method, sessionId=session).message
    assert stranger.call("session.delete", sessionId=session)["success"] is False
    assert stranger.call("session.destroy", sessionId=session) == {"success": True}
    assert peer.turn(session, "still mine")["response"]

"""Several clients, several turns, and who is told what (contract 4.4, 4.5, 8)."""

from __future__ import annotations

import threading
import uuid

import pytest

from journal import check_history, durable, of_type, types
from model import CREDIT, ONE_CALL, ask
from peer import Peer
from service import until

REQUESTED = "session_limits_exhausted.requested"


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def lifecycle(peer: Peer) -> list[tuple[str, str]]:
    return [
        (message["params"]["type"], message["params"]["sessionId"])
        for direction, message in peer.journal.messages
        if direction == "in" and message.get("method") == "session.lifecycle"
    ]


def test_lifecycle_is_told_to_the_owners_connections_and_to_nobody_else(runtime, peer):
    colleague, stranger = runtime.peer(), runtime.peer(runtime.register())
    session = peer.create()
    peer.turn(session, "hello")
    peer.call("session.delete", sessionId=session)
    for connection in (peer, colleague, stranger):
        connection.call("ping")
    told = [kind for kind, name in lifecycle(peer) if name == session]
    assert told[0] == "session.created" and told[-1] == "session.deleted" and "session.updated" in told
    assert session not in [name for _, name in lifecycle(stranger)]
    assert not stranger.events(session) and not colleague.events(session)


def test_every_attached_client_is_sent_the_same(runtime, peer):
    session = peer.create(100, streaming=True)
    others = [runtime.peer() for _ in range(4)]
    for other in others:
        other.resume(session, suppressResumeEvent=True)
    for number in range(3):
        (peer, *others)[number].turn(session, f"turn {number}")
    last = peer.event(session, "session.idle", 3)["id"]
    seen = peer.events(session)
    start = types(seen).index("user.message")
    for other in others:
        other.until(lambda other=other: other.events(session)[-1:] and other.events(session)[-1]["id"] == last, "the last")
        assert other.events(session)[-len(seen[start:]) :] == seen[start:]


def test_sends_queue_and_each_has_an_idle_of_its_own(peer):
    session = peer.create()
    ids = [peer.call("session.send", sessionId=session, prompt=f"number {n}")["messageId"] for n in range(6)]
    assert len(set(ids)) == 6
    peer.event(session, "session.idle", 6)
    said = [event["data"] for event in of_type(peer.events(session), "user.message")]
    assert [(data["messageId"], data["content"]) for data in said] == [(id, f"number {n}") for n, id in enumerate(ids)]
    turns = [kind for kind in types(peer.events(session)) if kind in ("user.message", "assistant.message", "session.idle")]
    assert turns == ["user.message", "assistant.message", "session.idle"] * 6


def test_send_is_answered_at_once_while_the_model_works(peer):
    session = peer.create()
    peer.call("session.send", sessionId=session, prompt=ask("slow", gate="at once"))
    peer.model.wait_for("at once")
    assert peer.call("session.send", sessionId=session, prompt="queued")["messageId"]
    assert not of_type(peer.events(session), "session.idle")
    peer.model.open("at once")
    peer.event(session, "session.idle", 2)


def test_creating_one_id_from_many_connections_makes_one_session(runtime):
    session, start = str(uuid.uuid4()), threading.Barrier(4)
    peers = [runtime.peer() for _ in range(4)]
    failures: list[Exception] = []

    def create(peer: Peer) -> None:
        start.wait()
        try:
            peer.create(40, sessionId=session)
        except Exception as failure:  # noqa: BLE001 - shown below
            failures.append(failure)

    threads = [threading.Thread(target=create, args=(peer,)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    history = peers[0].history(session)
    check_history(history)
    assert types(history).count("session.start") == types(history).count("session.session_limits_changed") == 1
    peers[0].turn(session, "hello")
    for peer in peers:
        peer.event(session, "session.idle")
        assert types(peer.events(session)).count("user.message") == 1


def test_an_id_that_somebody_else_uses_is_refused_or_separate(runtime, peer):
    session = peer.create(40)
    stranger = runtime.peer(runtime.register())
    made = stranger.request("session.create", sessionId=session, model="m-small")
    stranger.until(lambda: made.done, "an answer")
    assert "error" in made.answer, "two users cannot own one id"
    assert not stranger.events(session)
    assert peer.limits(session) == 40


def test_a_cancelled_wait_for_a_decision_leaves_the_decision_open(peer):
    session = peer.create(1)
    peer.turn(session, "first")
    peer.watch(session)
    turn = peer.start_turn(session, "second")
    request = peer.event(session, REQUESTED)["data"]
    peer.notify("$/cancelRequest", id=turn.message["id"])
    assert turn.error().code == -32800
    assert peer.answer(session, request["requestId"], "unset")
    assert peer.event(session, "assistant.message", 2)["data"]["content"] == "answer to second – ✓ 🦜"


def test_an_abort_drops_the_running_turn_and_the_next_starts(peer):
    session = peer.create()
    turn = peer.start_turn(session, ask("slow", gate="abort one"))
    peer.model.wait_for("abort one")
    queued = peer.start_turn(session, "queued")
    peer.call("session.abort", sessionId=session, reason="user_initiated")
    assert turn.result()["aborted"] is True
    peer.until(lambda: queued.done, "the end of the queued turn")
    peer.model.open("abort one")
    assert peer.turn(session, "next")["response"]


def test_delete_in_the_middle_of_a_call_ends_it_and_everybody_learns(runtime, peer):
    session = peer.create()
    other = runtime.peer()
    other.resume(session)
    turn = peer.start_turn(session, ask("slow", gate="deleted"))
    peer.model.wait_for("deleted")
    assert other.call("session.delete", sessionId=session) == {"success": True}
    peer.until(lambda: turn.done, "the end of the turn")
    peer.model.open("deleted")
    peer.call("ping")
    assert ("session.deleted", session) in lifecycle(peer)
    assert "Session not found" in peer.refused("session.getMessages", sessionId=session).message


def test_destroy_in_the_middle_of_a_call_shuts_down_with_a_last_checkpoint(peer):
    session = peer.create()
    peer.turn(session, "first")
    turn = peer.start_turn(session, ask("slow", gate="destroyed"))
    peer.model.wait_for("destroyed")
    peer.call("session.destroy", sessionId=session)
    peer.until(lambda: turn.done, "the end of the turn")
    peer.model.open("destroyed")
    peer.resume(session)
    history = peer.history(session)
    check_history(history)
    shutdown = types(history).index("session.shutdown")
    assert "session.usage_checkpoint" in types(history)[:shutdown]
    assert peer.turn(session, "goes on")["response"]


def test_attachments_which_no_model_gets_do_not_stand_in_for_a_prompt(peer):
    session = peer.create()
    attachment = {"type": "file", "path": "/tmp/x.txt", "displayName": "x.txt"}
    error = peer.refused("session.sendAndWait", sessionId=session, prompt="", attachments=[attachment])
    assert "attachments are not supported" in error.message
    peer.resume(session)
    check_history(peer.history(session))


def test_awkward_texts_come_back_as_they_went(peer):
    session = peer.create()
    texts = ["\x00\x01\x1f", 'quo"te \\ back', "line\nbreak\r\n\t", "  ", "🦜" * 1000, "é̂ ‮ ﷽", "\ud83e alone"[1:], "</script>"]
    for number, text in enumerate(texts, 1):
        peer.turn(session, text)
        assert peer.event(session, "user.message", number)["data"]["content"] == text
        assert peer.model.requests[-1]["messages"][-1]["content"] == text
    assert [event["data"]["content"] for event in of_type(peer.history(session), "user.message")] == texts
    assert peer.history(session) == durable(peer.events(session))


def test_sessions_of_a_user_join_the_budget_that_the_configuration_names(start_own):
    service = start_own(settings={"session_budgets": {"admin": "team"}})
    assert service.admin.ask("PUT", "/v1/budgets/team", {"max_ai_credits": 2}).status in (200, 201)
    peer = service.peer(token=service.store.admin["token"])
    one, two = peer.create(), peer.create(100)
    peer.turn(one, "first")
    peer.turn(two, "second")
    assert peer.turn(one, "third")["response"] is None
    request = peer.event(one, REQUESTED)["data"]
    assert (request["usedAiCredits"], request["maxAiCredits"]) == (3.2, 2)
    answer = {"sessionId": one, "requestId": request["requestId"], "response": {"action": "unset"}}
    peer.refused("session.ui.handlePendingSessionLimitsExhausted", answer)
    assert service.admin.ask("PUT", "/v1/budgets/team", {"max_ai_credits": 10}).status == 200
    assert peer.turn(two, "fourth")["response"]


def test_a_reservation_of_a_lost_caller_ends(start_own):
    service = start_own("--session-reservation-seconds", "1", "--session-lost-call", "free")
    sessions = service.sessions()
    name = sessions.create(1)["session_id"]
    assert sessions.check(name, call_id="lost", estimate_nano_aiu=CREDIT)["allowed"] is True
    assert sessions.check(name, call_id="next", estimate_nano_aiu=CREDIT)["reason"] == "reserved"
    until(lambda: sessions.check(name, call_id=str(uuid.uuid4()), estimate_nano_aiu=1)["allowed"], "room again")


def test_usage_of_a_lost_caller_that_comes_late_is_counted(start_own):
    service = start_own("--session-reservation-seconds", "1", "--session-lost-call", "free")
    sessions = service.sessions()
    name = sessions.create(1)["session_id"]
    reserved = sessions.check(name, call_id="late", estimate_nano_aiu=CREDIT)
    until(lambda: sessions.check(name, call_id=str(uuid.uuid4()), estimate_nano_aiu=1)["allowed"], "room again")
    receipt = sessions.report(name, "late", nano_aiu=ONE_CALL, reservation_id=reserved["reservation_id"])
    assert receipt["session"]["usage"]["total_nano_aiu"] == ONE_CALL

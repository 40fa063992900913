"""How turns and sessions end in every state, and that nothing is left of them (contract 2.1, 2.3, 4.4, 4.5)."""

from __future__ import annotations

import threading
import time
import uuid

import pytest

from journal import of_type, types
from model import ONE_CALL, Endpoint, Model, ask
from peer import Peer, RpcError
from service import until


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


@pytest.fixture
def other(runtime) -> Peer:
    return runtime.peer()


def budget(runtime, credits: float) -> str:
    name = f"b-{uuid.uuid4()}"
    put(runtime, name, credits)
    return name


def put(runtime, name: str, credits: float) -> None:
    answer = runtime.admin.ask("PUT", f"/v1/budgets/{name}", {"max_ai_credits": credits, "open": True})
    assert answer.status in (200, 201), answer.gist


@pytest.mark.parametrize("cap", [None, 100], ids=["no cap", "cap of its own"])
def test_a_cancelled_question_about_a_shared_budget_leaves_a_warning_with_its_figures(runtime, peer, cap):
    limits = {"session_limits": {"max_ai_credits": cap}} if cap else {}
    session = runtime.sessions().create(budget_id=budget(runtime, 1), **limits)["session_id"]
    peer.resume(session)
    peer.watch(session)
    peer.turn(session, "first")
    turn = peer.start_turn(session, "second")
    request = peer.event(session, "session_limits_exhausted.requested")["data"]["requestId"]
    assert peer.answer(session, request, "cancel")
    assert turn.result()["response"] is None
    (warning,) = of_type(peer.history(session), "session.warning")
    assert warning["data"]["warningType"] == "session_limits"
    assert "1 AI credits" in warning["data"]["message"] and "1.6 used" in warning["data"]["message"]


@pytest.mark.parametrize("way", ["http", "rpc"])
def test_deleting_a_session_in_the_middle_of_a_call_ends_the_turn_and_counts_what_came(runtime, peer, way):
    name = budget(runtime, 100)
    session = runtime.sessions().create(budget_id=name)["session_id"]
    peer.resume(session, streaming=True)
    turn = peer.start_turn(session, ask("slow", gate=f"deleted by {way}"))
    peer.model.wait_for(f"deleted by {way}")
    if way == "http":
        assert runtime.sessions().ask("DELETE", f"/{session}").status == 204
    else:
        assert peer.call("session.delete", sessionId=session) == {"success": True}
    assert not isinstance(ended(turn), dict) or ended(turn)["response"] is None
    until(lambda: any("cancel" in call["params"] for call in peer.calls), "the model call was given up")
    peer.model.open(f"deleted by {way}")
    # Nothing of it reaches a new session of the same name.
    peer.create(sessionId=session)
    assert peer.call("ping")["message"] == "pong"
    assert types(peer.history(session)) == ["session.start"]


def ended(turn):
    try:
        return turn.result()
    except RpcError as error:
        return error


def test_deleting_or_destroying_twice_at_once_answers_both(runtime, peer, other):
    for first, second in [("delete", "delete"), ("delete", "destroy"), ("destroy", "destroy"), ("destroy", "delete")]:
        session = peer.create()
        gate = f"{first} {second}"
        peer.start_turn(session, ask("slow", gate=gate))
        peer.model.wait_for(gate)
        calls = [client.request(f"session.{way}", sessionId=session) for client, way in ((peer, first), (other, second))]
        answers = [call.result() for call in calls]
        assert all("success" in answer for answer in answers), answers
        assert {"success": True} in answers
        for answer in answers:
            assert answer["success"] or answer["error"] == f"Session not found: {session}"
        peer.model.open(gate)


def test_a_message_on_the_heels_of_a_shutdown_is_not_written_behind_it(runtime, peer, other):
    for number in range(20):
        session = peer.create()
        destroyed = peer.request("session.destroy", sessionId=session)
        peer.request("session.send", sessionId=session, prompt="late")
        destroyed.result()
        sent = other.request("session.send", sessionId=session, prompt="later")
        with pytest.raises(RpcError):
            sent.result()
        assert types(other.history(session))[-1] == "session.shutdown", number


def test_a_thousand_messages_wait_for_their_turns_and_one_more_is_refused(runtime, peer):
    session = peer.create()
    peer.start_turn(session, ask("slow", gate="thousand"))
    peer.model.wait_for("thousand")
    calls = [peer.request("session.send", sessionId=session, prompt=f"{number}") for number in range(1001)]
    results = [ended(call) for call in calls]
    assert all(isinstance(result, dict) for result in results[:1000])
    assert isinstance(results[1000], RpcError) and results[1000].code == -32603
    assert peer.call("session.delete", sessionId=session) == {"success": True}
    peer.model.open("thousand")


def test_every_queued_message_has_its_turn_after_an_abort(runtime, peer):
    session = peer.create()
    first = peer.start_turn(session, ask("slow", gate="aborted twice"))
    rest = [peer.start_turn(session, f"{number}") for number in range(3)]
    peer.model.wait_for("aborted twice")
    for _ in range(2):
        assert peer.call("session.abort", sessionId=session) == {"success": True}
    assert first.result()["aborted"] is True
    assert sum(turn.result()["aborted"] for turn in rest) <= 1
    peer.model.open("aborted twice")
    assert len(of_type(peer.events(session), "session.idle")) == 4


def test_an_answer_in_the_instant_in_which_interest_is_released_ends_the_turn_once(runtime, peer):
    sessions = runtime.sessions()
    for number in range(30):
        session = peer.create(1)
        handle = peer.watch(session)
        peer.turn(session, "first")
        turn = peer.start_turn(session, "second")
        request = peer.event(session, "session_limits_exhausted.requested")["data"]["requestId"]
        action = {"action": "cancel"} if number % 2 else {"action": "unset"}
        thread = threading.Thread(target=sessions.answer, args=(session, request), kwargs=action)
        thread.start()
        peer.call("session.eventLog.releaseInterest", sessionId=session, handle=handle)
        turn.result()
        thread.join()
        assert len(of_type(peer.events(session), "session.idle")) == 2
        assert len(of_type(peer.history(session), "session.warning")) <= 1


def test_clients_that_go_in_the_middle_of_anything_leave_the_service_well(runtime, peer):
    for number in range(40):
        leaver = runtime.peer()
        session = leaver.create(1 if number % 2 else None, streaming=True)
        leaver.watch(session)
        leaver.turn(session, "first")
        for _ in range(3):
            leaver.start_turn(session, "second")
        leaver.request("session.eventLog.read", sessionId=session, waitMs=30000, types=["abort"])
        leaver.request("session.create")
        leaver.close()
    assert peer.turn(peer.create(), "still there")["response"]


def test_a_handler_that_says_nothing_more_can_be_aborted(runtime):
    class Silent(Model):
        def pieces(self, request, ask):
            threading.Event().wait(2)
            return iter(())

    peer = runtime.peer(model=Silent())
    session = peer.create()
    turn = peer.start_turn(session, "hello")
    until(lambda: peer.model.requests, "the model call")
    peer.call("session.abort", sessionId=session)
    assert turn.result()["aborted"] is True


def test_a_budget_that_is_raised_lets_all_go_on_that_wait(runtime, peer):
    name = budget(runtime, 1)
    made = [runtime.sessions().create(budget_id=name)["session_id"] for _ in range(5)]
    for session in made:
        peer.resume(session)
        peer.watch(session)
    peer.turn(made[0], "first")
    turns = [peer.start_turn(session, "second") for session in made]
    for session in made:
        peer.event(session, "session_limits_exhausted.requested")
    put(runtime, name, 1000)
    assert all(turn.result()["response"] for turn in turns)
    spent = sum(runtime.sessions().get(session)["usage"]["total_nano_aiu"] for session in made)
    assert spent == 6 * ONE_CALL


class Chatty(Model):
    """Answers in many pieces, one after another."""

    def pieces(self, request, ask):
        parts = list(super().pieces(request, ask))
        yield from parts[:2]
        for _ in range(300):
            time.sleep(0.001)
            yield parts[2]
        yield from parts[2:]


def test_time_never_goes_back_among_all_that_is_shown(start_own):
    runtime = start_own()
    endpoint = Endpoint(Chatty())
    peer = runtime.peer(model=False)
    session = peer.create(streaming=True, provider=endpoint.provider)
    sessions = runtime.sessions()
    over = threading.Event()

    def change_caps():
        number = 0
        while not over.is_set():
            number += 1
            sessions.patch(session, session_limits={"max_ai_credits": 1000 + number})

    changers = [threading.Thread(target=change_caps) for _ in range(3)]
    for changer in changers:
        changer.start()
    try:
        for _ in range(5):
            peer.turn(session, "hello")
    finally:
        over.set()
        for changer in changers:
            changer.join()
        endpoint.close()
    times = [event["timestamp"] for event in peer.events(session)]
    assert len(times) > 500
    assert times == sorted(times)


def test_who_takes_a_session_up_while_another_ends_it_goes_on_hearing_of_it(runtime, peer, other):
    for _ in range(30):
        session = peer.create()
        destroyed = peer.request("session.destroy", sessionId=session)
        resumed = other.request("session.resume", sessionId=session)
        destroyed.result()
        resumed.result()
        if runtime.sessions().get(session)["state"] == "closed":
            continue
        assert other.turn(session, "hello")["completionEventId"]
        other.event(session, "session.idle")


def test_a_window_that_begins_behind_a_message_does_not_take_it_from_the_model(runtime, peer, other):
    sessions = runtime.sessions()
    for _ in range(20):
        session = peer.create()
        # Nothing else can be let in, so that the turn waits with its message.
        sessions.patch(session, session_limits={"max_ai_credits": 1})
        sessions.check(session, call_id="c1", estimate_nano_aiu=10**9)
        turn = peer.start_turn(session, "hello")
        peer.event(session, "user.message")
        sessions.report(session, "u1", nano_aiu=1, reservation_id="c1")
        sessions.ask("POST", f"/{session}/clear")
        turn.result()
        assert [message["content"] for message in peer.model.requests[-1]["messages"]] == ["hello"]


@pytest.mark.parametrize("way", ["handler", "endpoint"])
def test_a_service_that_is_stopped_waits_for_its_models(start_own, way):
    runtime = start_own()
    peer = runtime.peer(model=way == "handler")
    session = peer.create(10, **({} if way == "handler" else {"provider": runtime.endpoint.provider}))
    model = peer.model if way == "handler" else runtime.endpoint.model
    turn = peer.start_turn(session, ask("slow", gate="stopping"))
    queued = peer.start_turn(session, "next")
    model.wait_for("stopping")
    runtime.server.process.terminate()
    late = {"sessionId": session, "prompt": "late"}
    until(lambda: isinstance(ended(peer.request("session.send", late)), RpcError), "a refusal")
    model.open("stopping")
    assert turn.result()["response"]
    assert runtime.server.process.wait(20) == 0
    assert not queued.done
    runtime.resume()
    assert runtime.sessions().get(session)["usage"]["total_nano_aiu"] == ONE_CALL


def test_a_decision_does_not_keep_a_service_from_stopping(start_own):
    runtime = start_own()
    peer = runtime.peer()
    session = peer.create(1)
    peer.watch(session)
    peer.turn(session, "first")
    peer.start_turn(session, "second")
    peer.event(session, "session_limits_exhausted.requested")
    start = time.monotonic()
    assert runtime.server.stop() == 0
    assert time.monotonic() - start < 5
    runtime.resume()
    assert runtime.sessions().get(session)["state"] == "deciding"

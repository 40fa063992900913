"""Calls side by side and budgets over several sessions: nobody overspends (contract 8.1)."""

from __future__ import annotations

import threading
import uuid

import pytest

from journal import of_type
from model import CREDIT, ONE_CALL, PRICES, ask
from peer import Peer
from runtime import Sessions, SessionService

REQUESTED = "session_limits_exhausted.requested"


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


@pytest.fixture
def sessions(runtime) -> Sessions:
    return runtime.sessions()


def budget(service: SessionService, limit: float, name: str | None = None) -> str:
    name = name or f"budget-{uuid.uuid4()}"
    open_to_all = {"max_ai_credits": limit, "open": True}
    assert service.user.client.ask("PUT", f"/v1/budgets/{name}", open_to_all).status == 403
    answer = service.admin.ask("PUT", f"/v1/budgets/{name}", open_to_all)
    assert answer.status in (200, 201), answer.gist
    return name


def test_a_budget_is_put_and_read(runtime):
    name = budget(runtime, 40)
    answer = runtime.user.client.get(f"/v1/budgets/{name}")
    assert answer.status == 200 and answer.json["max_ai_credits"] == 40
    budget(runtime, 50, name)
    assert runtime.user.client.get(f"/v1/budgets/{name}").json["max_ai_credits"] == 50
    assert runtime.user.client.get(f"/v1/budgets/none-{uuid.uuid4()}").status == 404


def test_sessions_under_one_budget_stop_together(runtime, sessions):
    name = budget(runtime, 3)
    one, two = (sessions.create(budget_id=name)["session_id"] for _ in range(2))
    sessions.report(one, "a", nano_aiu=2 * CREDIT)
    assert sessions.check(two)["allowed"] is True
    sessions.report(two, "a", nano_aiu=CREDIT)
    for session in (one, two):
        verdict = sessions.check(session)
        assert (verdict["allowed"], verdict["used_ai_credits"], verdict["max_ai_credits"]) == (False, 3, 3)


def test_of_a_shared_budgets_request_a_client_may_only_cancel(runtime, sessions):
    name = budget(runtime, 1)
    session = sessions.create(budget_id=name)["session_id"]
    sessions.report(session, "a", nano_aiu=2 * CREDIT)
    request = sessions.check(session)["request_id"]
    for action in ({"action": "unset"}, {"action": "set", "max_ai_credits": 9}, {"action": "add", "additional_ai_credits": 9}):
        assert sessions.answer(session, request, **action).status in (400, 403, 409)
        assert sessions.get(session)["state"] == "deciding"
    assert sessions.answer(session, request, action="cancel").status == 200
    assert sessions.check(session)["allowed"] is False


def test_a_put_that_makes_room_resolves_the_request_as_set(runtime, sessions, peer):
    name = budget(runtime, 1)
    session = sessions.create(budget_id=name)["session_id"]
    peer.resume(session)
    peer.turn(session, "first")
    peer.watch(session)
    turn = peer.start_turn(session, "second")
    request = peer.event(session, REQUESTED)["data"]
    assert (request["usedAiCredits"], request["maxAiCredits"]) == (1.6, 1)
    budget(runtime, 1.2, name)
    peer.call("ping")
    assert not turn.done
    budget(runtime, 10, name)
    assert turn.result()["response"]
    completed = of_type(peer.events(session), "session_limits_exhausted.completed")
    assert completed[-1]["data"]["response"]["action"] == "set"


def test_a_waiting_call_goes_on_when_a_running_one_settles_and_asks_nothing(runtime, sessions):
    name = budget(runtime, 1.7)
    one, two = (sessions.create(budget_id=name)["session_id"] for _ in range(2))
    peers = [runtime.peer() for _ in range(2)]
    for peer, session in zip(peers, (one, two), strict=True):
        peer.resume(session)
    running = peers[0].start_turn(one, ask("slow", gate="settles"))
    peers[0].model.wait_for("settles")
    waiting = peers[1].start_turn(two, "waits")
    peers[1].call("ping")
    assert not peers[1].model.requests and not of_type(peers[1].events(two), REQUESTED)
    peers[0].model.open("settles")
    assert running.result()["response"] and waiting.result()["response"]


@pytest.mark.parametrize("workers", [3, 8])
def test_however_many_callers_the_overshoot_is_below_one_answer(runtime, sessions, workers):
    """Estimates are true upper bounds here, so that the contract's bound is exact."""
    name = budget(runtime, 40)
    cost = 3 * CREDIT
    names = [sessions.create(budget_id=name)["session_id"] for _ in range(workers)]

    def work(session: str) -> None:
        own, number = runtime.sessions(), 0
        while True:
            number += 1
            verdict = own.check(session, call_id=f"{number}", estimate_nano_aiu=cost)
            if verdict["allowed"]:
                own.report(session, f"{number}", nano_aiu=cost, reservation_id=verdict.get("reservation_id"))
            elif verdict["reason"] != "reserved":
                return

    threads = [threading.Thread(target=work, args=(session,)) for session in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    total = sum(sessions.get(session)["usage"]["total_nano_aiu"] for session in names)
    assert 40 * CREDIT <= total < 40 * CREDIT + cost


def test_turns_of_many_sessions_under_one_budget_do_not_overspend(runtime, sessions):
    name = budget(runtime, 8)
    people = [runtime.peer() for _ in range(4)]
    names = [sessions.create(budget_id=name)["session_id"] for _ in people]
    for peer, session in zip(people, names, strict=True):
        peer.resume(session)
    for _ in range(3):
        turns = [peer.start_turn(session, "go") for peer, session in zip(people, names, strict=True)]
        for turn in turns:
            turn.result()
    total = sum(sessions.get(session)["usage"]["total_nano_aiu"] for session in names)
    assert 8 * CREDIT <= total < 8 * CREDIT + ONE_CALL


@pytest.mark.parametrize("named", ["m-new", "m-open"], ids=["no price", "no greatest output"])
def test_calls_of_which_nothing_is_known_run_one_at_a_time_until_the_first_cost(start_own, named):
    prices = {name: value for name, value in PRICES.items() if name != "max_output_tokens"}
    service = start_own(settings={"models": {"m-open": prices}})
    sessions = service.sessions()
    name = budget(service, 1000)
    people = [service.peer() for _ in range(3)]
    names = [sessions.create(budget_id=name)["session_id"] for _ in people]
    for peer, session in zip(people, names, strict=True):
        peer.resume(session, model=named)
    first = people[0].start_turn(names[0], ask("slow", gate="alone"))
    people[0].model.wait_for("alone")
    second = people[1].start_turn(names[1], ask("waits", gate="next"))
    people[1].event(names[1], "user.message")
    people[1].call("ping")
    assert not people[1].model.requests and not of_type(people[1].events(names[1]), REQUESTED)
    assert sessions.check(names[2], model=named) == {"allowed": False, "reason": "reserved", "retry_after_ms": 500}
    people[0].model.open("alone")
    assert first.result()["response"]
    people[1].model.wait_for("next")
    third = people[2].start_turn(names[2], "beside")
    if named == "m-open":
        assert third.result()["response"], "a cost is known, so that they run side by side"
    people[1].model.open("next")
    assert second.result()["response"] and third.result()["response"]


def test_a_known_cost_of_one_model_says_nothing_of_another(runtime, sessions):
    name = budget(runtime, 1000)
    session = sessions.create(budget_id=name)["session_id"]
    sessions.report(session, "a", model="m-known", nano_aiu=CREDIT)
    assert sessions.check(session, model="m-known")["allowed"] is True
    assert sessions.check(session, model="m-known")["allowed"] is True
    assert sessions.check(session, model="m-other")["reason"] == "reserved"
    assert sessions.check(session, model="m-other", estimate_nano_aiu=CREDIT)["allowed"] is True


def test_a_failed_call_releases_its_reservation(runtime, peer, sessions):
    name = budget(runtime, 1)
    session = sessions.create(budget_id=name)["session_id"]
    peer.resume(session)
    for _ in range(3):
        peer.refused("session.sendAndWait", sessionId=session, prompt=ask("x", status=500))
    assert peer.turn(session, "works")["response"]


def test_a_session_cap_and_a_shared_budget_hold_both(runtime, sessions):
    name = budget(runtime, 100)
    session = sessions.create(2, budget_id=name)["session_id"]
    sessions.report(session, "a", nano_aiu=2 * CREDIT)
    verdict = sessions.check(session)
    assert (verdict["allowed"], verdict["max_ai_credits"]) == (False, 2)
    assert sessions.answer(session, verdict["request_id"], action="unset").status == 200
    assert sessions.check(session)["allowed"] is True

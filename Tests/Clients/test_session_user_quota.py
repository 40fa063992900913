"""Sessions of users who have token quotas of their own: each is a reason of its own to call no model (contract 2.1, 6)."""

from __future__ import annotations

import pytest

from journal import of_type, types
from model import ask
from peer import Peer
from service import Account

PERIODS = ("daily", "weekly", "monthly")
ONE_CALL_TOKENS = 14_500
"""What a plain prompt uses: 12 000 and 2500."""


@pytest.fixture
def person(runtime) -> Account:
    """A user whom no other test knows."""
    return runtime.register()


@pytest.fixture
def peer(runtime, person) -> Peer:
    return runtime.peer(person)


def limit(runtime, person: Account, period: str, tokens: int) -> None:
    """Limits one period and no other."""
    runtime.set_limits(person, *(tokens if name == period else -1 for name in PERIODS))


def used(runtime, person: Account) -> set[int]:
    """The tokens used in the windows of today."""
    return {window["used"] for window in runtime.windows(person).values()}


def test_tokens_of_turns_count_in_their_users_windows(runtime, person, peer):
    session = peer.create(10)
    peer.turn(session, ask(input=100, output=20, cached=40, reasoning=5))
    assert used(runtime, person) == {120}
    runtime.sessions(person).report(session, "u1", input_tokens=7, output_tokens=3)
    assert used(runtime, person) == {130}


def test_tokens_of_unknown_cost_count_too(runtime, person, peer):
    session = peer.create(10, model="m-without-price")
    peer.turn(session, "hello")
    assert peer.metrics(session)["aiCreditsStatus"] == "unavailable"
    assert used(runtime, person) == {ONE_CALL_TOKENS}


@pytest.mark.parametrize("period", PERIODS)
def test_a_turn_beyond_a_token_limit_ends_at_once_for_its_own_reason(runtime, person, peer, period):
    limit(runtime, person, period, ONE_CALL_TOKENS)
    session = peer.create(10)
    peer.watch(session)
    assert peer.turn(session, "first")["response"]
    calls = len(peer.model.requests)
    ended = peer.turn(session, "second")
    assert (ended["aborted"], ended["response"]) == (False, None)
    assert len(peer.model.requests) == calls
    events = peer.events(session)
    (warning,) = of_type(events, "session.warning")
    assert warning["data"]["warningType"] == "token_quota"
    assert period in warning["data"]["message"] and str(ONE_CALL_TOKENS) in warning["data"]["message"]
    assert types(events)[-3:] == ["user.message", "session.warning", "session.idle"]
    assert events[-1]["id"] == ended["completionEventId"]
    assert warning in peer.history(session)


def test_nobody_is_asked_and_the_cap_is_left_alone(runtime, person, peer):
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    session = peer.create(10)
    peer.watch(session)
    peer.turn(session, "first")
    peer.turn(session, "second")
    document = runtime.sessions(person).get(session)
    assert (document["state"], document["pending_request"]) == ("within", None)
    assert document["usage"]["used_ai_credits"] == 1.6
    assert not of_type(peer.events(session), "session_limits_exhausted.requested")


def test_a_session_without_cap_stops_at_the_token_limit_as_well(runtime, person, peer):
    limit(runtime, person, "monthly", 1)
    session = peer.create()
    peer.turn(session, "first")
    assert peer.turn(session, "second")["response"] is None
    (warning,) = of_type(peer.events(session), "session.warning")
    assert warning["data"]["warningType"] == "token_quota"


def test_a_limit_of_zero_stops_the_first_call(runtime, person, peer):
    limit(runtime, person, "weekly", 0)
    session = peer.create(10)
    assert peer.turn(session, "first")["response"] is None
    assert peer.model.requests == []


def test_a_raised_limit_lets_the_next_turn_go_on(runtime, person, peer):
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    session = peer.create(10)
    for prompt in ("first", "refused"):
        peer.turn(session, prompt)
    limit(runtime, person, "daily", ONE_CALL_TOKENS + 1)
    assert peer.turn(session, "third")["response"]
    assert [message["content"] for message in peer.model.requests[-1]["messages"] if message["role"] == "user"] == [
        "first", "refused", "third",
    ]  # fmt: skip


def test_all_sessions_of_a_user_stop_and_those_of_others_go_on(runtime, person, peer):
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    first, second = peer.create(10), peer.create(10)
    peer.turn(first, "first")
    assert peer.turn(second, "second")["response"] is None
    other = runtime.peer(runtime.register())
    assert other.turn(other.create(10), "third")["response"]


def test_turns_that_queue_each_end_with_their_own_warning(runtime, person, peer):
    limit(runtime, person, "daily", 0)
    session = peer.create(10)
    turns = [peer.start_turn(session, f"prompt {number}") for number in range(5)]
    assert [turn.result()["response"] for turn in turns] == [None] * 5
    assert len(of_type(peer.history(session), "session.warning")) == 5


def test_tokens_spent_elsewhere_stop_a_turn(runtime, person, peer):
    limit(runtime, person, "daily", 100)
    session = peer.create(10)
    runtime.spend(person, 100)
    assert peer.turn(session, "first")["response"] is None


def test_a_check_over_http_tells_the_limits_and_writes_no_warning(runtime, person, peer):
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    session = peer.create(10)
    peer.turn(session, "first")
    sessions = runtime.sessions(person)
    history = sessions.history(session)
    verdict = sessions.check(session, call_id="c1")
    assert (verdict["allowed"], verdict["reason"]) == (False, "user_quota_exhausted")
    assert "request_id" not in verdict
    assert sessions.check(session, call_id="c1") == verdict
    assert sessions.history(session) == history
    limit(runtime, person, "daily", -1)
    assert sessions.check(session, call_id="c1")["allowed"]


def test_usage_beyond_the_limit_is_taken_because_it_is_spent(runtime, person, peer):
    limit(runtime, person, "daily", 10)
    session = peer.create(10)
    runtime.sessions(person).report(session, "u1", input_tokens=7, output_tokens=30)
    assert used(runtime, person) == {37}


def test_the_token_limit_is_told_before_the_cap(runtime, person, peer):
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    session = peer.create(1)
    peer.watch(session)
    peer.turn(session, "first")
    assert peer.turn(session, "second")["response"] is None
    assert not of_type(peer.events(session), "session_limits_exhausted.requested")
    # With tokens again it is the cap's turn.
    limit(runtime, person, "daily", -1)
    turn = peer.start_turn(session, "third")
    request = peer.event(session, "session_limits_exhausted.requested")
    assert peer.answer(session, request["data"]["requestId"], "unset")
    assert turn.result()["response"]


def test_a_turn_whose_cap_was_raised_meets_the_token_limit_that_was_reached_meanwhile(runtime, person, peer):
    session = peer.create(1)
    peer.watch(session)
    peer.turn(session, "first")
    turn = peer.start_turn(session, "second")
    request = peer.event(session, "session_limits_exhausted.requested")
    limit(runtime, person, "daily", ONE_CALL_TOKENS)
    assert peer.answer(session, request["data"]["requestId"], "add", additionalAiCredits=10)
    assert turn.result()["response"] is None
    (warning,) = of_type(peer.events(session), "session.warning")
    assert warning["data"]["warningType"] == "token_quota"


def test_a_user_who_was_deactivated_makes_no_call(runtime, person):
    sessions = runtime.sessions(person)
    session = sessions.create(10)["session_id"]
    runtime.deactivate(person)
    check = runtime.gateway.client.post(f"/v1/sessions/{session}/check", {})
    assert check.status in (403, 404, 409), check.gist

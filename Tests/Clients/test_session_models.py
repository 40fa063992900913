"""Where model calls go, what is sent and what is counted (contract 5)."""

from __future__ import annotations

import json
import uuid

import pytest

from journal import of_type, types
from model import ONE_CALL, Ask, Endpoint, Model, ask
from peer import Peer
from service import until


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


@pytest.fixture
def endpoint(runtime) -> Endpoint:
    return runtime.endpoint


@pytest.fixture
def by_wire(runtime) -> Peer:
    """A client without a model of its own."""
    return runtime.peer(model=False)


def starts(peer: Peer) -> list[dict]:
    return [call["params"] for call in peer.calls if call["method"] == "llmInference.httpRequestStart"]


def chunks(peer: Peer) -> list[dict]:
    return [call["params"] for call in peer.calls if call["method"] == "llmInference.httpRequestChunk"]


def test_a_handlers_request_is_an_absolute_chat_completion(peer):
    session = peer.create(systemMessage={"content": "be brief"})
    peer.turn(session, "hello")
    (start,) = starts(peer)
    assert set(start) <= {
        "requestId",
        "sessionId",
        "method",
        "url",
        "headers",
        "transport",
        "interactionType",
        "agentId",
        "parentAgentId",
    }
    assert (start["sessionId"], start["method"], start["transport"]) == (session, "POST", "http")
    assert start["interactionType"] == "conversation-agent"
    assert start["url"].startswith("http") and start["url"].endswith("/chat/completions")
    assert start["headers"]["content-type"] == ["application/json"]
    assert start["headers"]["accept-encoding"] == ["identity"]
    assert all(name == name.lower() and isinstance(values, list) for name, values in start["headers"].items())
    assert [chunk["end"] for chunk in chunks(peer)][-1] is True
    request = peer.model.requests[0]
    assert request["model"] == "m-small" and not request.get("stream")
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["messages"][0]["content"] == "be brief"


def test_the_first_chunk_comes_after_the_start_was_acknowledged(peer):
    session = peer.create()
    peer.turn(session, "hello")
    order = []
    for direction, message in peer.journal.messages:
        if message.get("method", "").startswith("llmInference.httpRequest"):
            order.append((direction, message["method"].rsplit(".")[-1], message["id"]))
        elif direction == "out" and "result" in message:
            order.append((direction, "answer", message["id"]))
    assert [entry[:2] for entry in order[:3]] == [("in", "httpRequestStart"), ("out", "answer"), ("in", "httpRequestChunk")]


def test_a_conversation_is_sent_whole(peer):
    session = peer.create()
    peer.turn(session, "one")
    peer.turn(session, "two")
    messages = peer.model.requests[1]["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "one"),
        ("assistant", "answer to one – ✓ 🦜"),
        ("user", "two"),
    ]


@pytest.mark.parametrize("way", ["handler", "provider"])
@pytest.mark.parametrize("streaming", [False, True])
def test_text_tokens_and_cost(runtime, endpoint, way, streaming):
    peer = runtime.peer(model=way == "handler")
    session = peer.create(streaming=streaming, **({} if way == "handler" else {"provider": endpoint.provider}))
    wanted = Ask(text="zß水🍌", input=10_001, output=7, cached=3000, reasoning=5)
    prompt = ask(wanted.text, input=wanted.input, output=wanted.output, cached=wanted.cached, reasoning=wanted.reasoning)
    answer = peer.turn(session, prompt)
    assert answer["response"]["data"]["content"] == wanted.reply
    usage = peer.event(session, "assistant.usage")["data"]
    assert (usage["inputTokens"], usage["outputTokens"]) == (10_001, 7)
    assert (usage["cacheReadTokens"], usage["reasoningTokens"]) == (3000, 5)
    assert usage["copilotUsage"]["totalNanoAiu"] == wanted.nano
    assert (usage["model"], usage["initiator"], usage["aiCreditsStatus"]) == ("m-small", "user", "complete")
    assert (usage["apiEndpoint"], usage["finishReason"]) == ("/chat/completions", "stop")
    assert isinstance(usage["duration"], int | float) and usage["apiCallId"]
    deltas = of_type(peer.events(session), "assistant.message_delta")
    message = answer["response"]["data"]
    assert "".join(delta["data"]["deltaContent"] for delta in deltas) == (wanted.reply if streaming else "")
    assert {delta["data"]["messageId"] for delta in deltas} <= {message["messageId"]}
    assert message["toolRequests"] == []
    model = peer.model if way == "handler" else endpoint.model
    request = model.requests[-1]
    assert bool(request.get("stream")) == streaming
    assert (request.get("stream_options") or {}).get("include_usage", False) == streaming


def test_every_usage_has_an_accounting_identity_of_its_own(peer):
    session = peer.create()
    peer.turn(session, "one")
    peer.turn(session, "two")
    identities = [event["data"].get("accounting") for event in of_type(peer.events(session), "assistant.usage")]
    if identities == [None, None]:
        pytest.skip("accounting is not sent (SHOULD)")
    assert all(set(identity) == {"sourceSessionId", "sequence", "usageId"} for identity in identities)
    assert len({identity["usageId"] for identity in identities}) == 2
    assert identities[0]["sequence"] < identities[1]["sequence"]


def test_the_senders_own_handler_comes_first(runtime, peer):
    other = runtime.peer()
    session = peer.create()
    other.resume(session)
    other.turn(session, "mine")
    assert (len(peer.model.requests), len(other.model.requests)) == (0, 1)
    peer.turn(session, "and mine")
    assert (len(peer.model.requests), len(other.model.requests)) == (1, 1)


def test_another_attached_clients_handler_serves_a_sender_without_one(runtime, peer, by_wire):
    session = peer.create()
    by_wire.resume(session)
    assert by_wire.turn(session, "hello")["response"]
    assert len(peer.model.requests) == 1


def test_a_handler_comes_before_a_provider_and_is_told_its_url(peer, endpoint):
    session = peer.create(provider=endpoint.provider)
    before = len(endpoint.model.requests)
    peer.turn(session, "hello")
    assert (len(peer.model.requests), len(endpoint.model.requests)) == (1, before)
    assert starts(peer)[0]["url"] == f"{endpoint.url}/chat/completions"


def test_without_any_route_a_turn_fails_and_nothing_is_spent(by_wire):
    session = by_wire.create()
    error = by_wire.refused("session.sendAndWait", sessionId=session, prompt="hello")
    assert error.code == -32603
    idle = by_wire.event(session, "session.idle")
    assert error.data["completionEventId"] == idle["id"]
    assert types(by_wire.events(session))[-2:] == ["session.error", "session.idle"]
    assert by_wire.metrics(session)["totalNanoAiu"] == 0


@pytest.mark.parametrize("way", ["handler", "provider"])
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("wishes", [{"status": 500}, {"status": 429}, {"status": 401}], ids=str)
def test_a_failing_model_is_told_and_costs_nothing(runtime, endpoint, way, streaming, wishes):
    peer = runtime.peer(model=way == "handler")
    session = peer.create(10, streaming=streaming, **({} if way == "handler" else {"provider": endpoint.provider}))
    error = peer.refused("session.sendAndWait", sessionId=session, prompt=ask("x", **wishes))
    told = peer.event(session, "session.error")["data"]
    assert told["errorType"] and told["message"]
    if "status" in wishes:
        assert told.get("statusCode", wishes["status"]) == wishes["status"]
    assert error.data["completionEventId"] == peer.event(session, "session.idle")["id"]
    assert peer.metrics(session)["totalNanoAiu"] == 0
    assert not of_type(peer.events(session), "session.usage_checkpoint")
    assert peer.turn(session, "works")["response"]["data"]["content"] == "answer to works – ✓ 🦜"
    assert peer.metrics(session)["totalNanoAiu"] == ONE_CALL


def test_a_handler_that_vanishes_in_the_middle_ends_the_turn(runtime, by_wire):
    host = runtime.peer()
    session = by_wire.create()
    host.resume(session)
    turn = by_wire.start_turn(session, ask("x", gate="vanishing"))
    host.model.wait_for("vanishing")
    host.close()
    assert turn.error().code == -32603
    by_wire.event(session, "session.error")
    assert by_wire.metrics(session)["aiCreditsStatus"] == "unavailable"


def test_answers_for_unknown_requests_are_not_accepted(peer):
    for method, params in (
        ("httpResponseStart", {"status": 200, "headers": {}}),
        ("httpResponseChunk", {"data": "", "end": True}),
    ):
        answer = peer.call(f"llmInference.{method}", {"requestId": "nobody asked"} | params)
        assert answer == {"accepted": False}


@pytest.mark.parametrize("way", ["handler", "provider"])
def test_usage_that_arrives_after_an_abort_is_recorded(runtime, endpoint, way):
    peer = runtime.peer(model=way == "handler")
    session = peer.create(10, **({} if way == "handler" else {"provider": endpoint.provider}))
    gate = f"aborted by {way}"
    turn = peer.start_turn(session, ask("slow", gate=gate))
    model = peer.model if way == "handler" else endpoint.model
    model.wait_for(gate)
    assert peer.call("session.abort", sessionId=session) == {"success": True}
    assert turn.result()["aborted"] is True
    idle = peer.event(session, "session.idle")
    assert idle["data"]["aborted"] is True
    assert not of_type(peer.events(session), "assistant.message")
    if way == "handler":
        gave_up = [chunk for chunk in chunks(peer) if chunk.get("cancel")]
        assert [chunk["data"] for chunk in gave_up] == [""]
    model.open(gate)
    assert peer.turn(session, "next")["response"]["data"]["content"] == "answer to next – ✓ 🦜"


def test_usage_is_recorded_when_the_sender_left(runtime, endpoint, by_wire):
    session = by_wire.create(10, provider=endpoint.provider)
    by_wire.request("session.send", sessionId=session, prompt=ask("slow", gate="left"))
    endpoint.model.wait_for("left")
    by_wire.close()
    endpoint.model.open("left")
    sessions = runtime.sessions()
    until(lambda: sessions.get(session)["usage"]["total_nano_aiu"] == ONE_CALL, "the recorded usage")
    again = runtime.peer(model=False)
    again.resume(session)
    assert of_type(again.history(session), "assistant.message")


def test_secrets_reach_neither_events_nor_history_nor_export(runtime, endpoint, by_wire):
    session = by_wire.create(10, provider=endpoint.provider | {"headers": {"x-secret": "sk-header-secret"}})
    by_wire.call("session.sendAndWait", sessionId=session, prompt="hello", requestHeaders={"x-turn": "sk-turn-secret"})
    sent = endpoint.model.headers[-1]
    assert sent["authorization"] == "Bearer sk-very-secret"
    assert (sent["x-secret"], sent["x-turn"]) == ("sk-header-secret", "sk-turn-secret")
    everything = b"".join(by_wire.journal.bodies) + runtime.store.run("export").stdout.encode()
    for secret in (b"sk-very-secret", b"sk-header-secret", b"sk-turn-secret"):
        assert secret not in everything
    store = b"".join(path.read_bytes() for path in runtime.store.path.rglob("*") if path.is_file())
    assert b"sk-very-secret" not in store


@pytest.mark.parametrize(
    ("fields", "header"),
    [({"apiKey": "a", "bearerToken": "b"}, "Bearer b"), ({"apiKey": "a"}, "Bearer a"), ({"bearerToken": "b"}, "Bearer b")],
)
def test_a_bearer_token_wins_over_a_key(by_wire, endpoint, fields, header):
    session = by_wire.create(provider={"baseUrl": endpoint.url} | fields)
    by_wire.turn(session, "hello")
    assert endpoint.model.headers[-1]["authorization"] == header


def test_a_provider_names_the_model_of_the_wire(by_wire, endpoint):
    provider = endpoint.provider | {"modelId": "m-small", "wireModel": "upstream-name", "maxOutputTokens": 77}
    session = by_wire.create(provider=provider)
    by_wire.turn(session, "hello")
    request = endpoint.model.requests[-1]
    assert request["model"] == "upstream-name"
    assert 77 in (request.get("max_tokens"), request.get("max_completion_tokens"))
    assert by_wire.metrics(session)["totalNanoAiu"] == ONE_CALL


@pytest.mark.parametrize(
    "provider",
    [{"type": "azure"}, {"type": "anthropic"}, {"wireApi": "responses"}, {"baseUrl": "ftp://x/v1"}, {"baseUrl": ""}],
    ids=str,
)
def test_a_provider_of_another_kind_is_refused_at_creation(by_wire, endpoint, provider):
    session = str(uuid.uuid4())
    whole = endpoint.provider | provider
    error = by_wire.refused("session.create", sessionId=session, model="m-small", provider=whole)
    assert error.code == -32603 and len(error.message) > 50
    assert "Session not found" in by_wire.refused("session.resume", sessionId=session).message


def test_a_provider_has_to_come_again_with_a_resume(runtime, by_wire, endpoint):
    session = by_wire.create(provider=endpoint.provider)
    by_wire.call("session.destroy", sessionId=session)
    by_wire.resume(session, provider=endpoint.provider)
    assert by_wire.turn(session, "hello")["response"]


def test_turns_of_two_sessions_run_at_the_same_time(peer):
    slow, fast = peer.create(), peer.create()
    turn = peer.start_turn(slow, ask("slow", gate="two sessions"))
    peer.model.wait_for("two sessions")
    assert peer.turn(fast, "hello")["response"]
    assert not turn.done
    peer.model.open("two sessions")
    assert turn.result()["response"]


def test_a_model_that_comes_late_holds_up_no_other_method(peer):
    session = peer.create(10)
    turn = peer.start_turn(session, ask("slow", gate="late"))
    peer.model.wait_for("late")
    assert peer.limits(session) == 10
    peer.call("session.options.update", sessionId=session, sessionLimits={"maxAiCredits": 0.5})
    peer.model.open("late")
    assert turn.result()["response"], "a lowered cap stops the next call, not the running one"
    assert isinstance(peer.model, Model) and peer.turn(session, "next")["response"] is None


@pytest.mark.parametrize("padding", [0, 250, 270])
@pytest.mark.parametrize("way", ["endpoint", "handler"])
def test_an_error_that_repeats_secrets_is_told_without_them(start_own, way, padding):
    secrets = ["sk-very-secret", "sk-header-secret", "sk-turn-secret"]

    class Gossip(Model):
        def pieces(self, request, ask):
            headers = " ".join(self.headers[-1].get(name, "") for name in ("authorization", "x-secret", "x-turn"))
            yield json.dumps({"error": {"message": "x" * padding + headers}}).encode()

    runtime = start_own()
    endpoint = Endpoint(Gossip())
    peer = runtime.peer(model=Gossip() if way == "handler" else False)
    provider = endpoint.provider | {"headers": {"x-secret": secrets[1]}}
    session = peer.create(10, provider=provider)
    prompt = ask("hello", status=401)
    error = peer.refused("session.sendAndWait", sessionId=session, prompt=prompt, requestHeaders={"x-turn": secrets[2]})
    endpoint.close()
    told = str(of_type(peer.history(session), "session.error")).encode() + error.message.encode()
    for secret in secrets:
        assert secret.encode() not in told
        assert secret[:8].encode() not in told

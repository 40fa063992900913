"""The same budgets for every language over HTTP, alone and beside an attached client (contract 6)."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from urllib.parse import urlsplit

import pytest

from journal import MOMENT, check_event, check_history, durable, of_type
from model import CREDIT, ONE_CALL, ask
from peer import DEADLINE_SECONDS, Peer
from runtime import Sessions
from service import Client

REQUESTED = "session_limits_exhausted.requested"


@pytest.fixture
def sessions(runtime) -> Sessions:
    return runtime.sessions()


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def fresh() -> str:
    return f"http-{uuid.uuid4()}"


class Stream:
    """Server-sent events as they come."""

    def __init__(self, client: Client, path: str, **headers: str):
        url = urlsplit(client.base)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_SECONDS)
        wanted = {"Authorization": f"Token {client.token}", "Accept": "text/event-stream"}
        self.connection.request("GET", path, headers=wanted | {k.replace("_", "-"): v for k, v in headers.items()})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")

    def next(self) -> tuple[str | None, dict]:
        """Id and event of the next message; every message is one line of data under its own type."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            assert line.endswith("\n"), "the stream ended"
            if line in ("\n", "\r\n"):
                if "data" in fields:
                    break
                continue
            if line.startswith(":"):
                continue
            name, _, value = line.rstrip("\r\n").partition(":")
            assert name in ("id", "event", "data", "retry") and name not in fields, line
            fields[name] = value.removeprefix(" ")
        event = json.loads(fields["data"])
        assert fields["event"] == event["type"]
        check_event(event)
        return fields.get("id"), event

    def until(self, kind: str) -> tuple[str | None, dict]:
        while True:
            id, event = self.next()
            if event["type"] == kind:
                return id, event

    def close(self) -> None:
        self.connection.close()


def test_a_session_is_made_read_and_deleted(runtime, sessions):
    name = fresh()
    answer = sessions.ask("POST", "", {"session_id": name, "session_limits": {"max_ai_credits": 2.5}})
    assert answer.status == 201
    document = answer.json
    assert MOMENT.fullmatch(document["created_at"]) and MOMENT.fullmatch(document["updated_at"])
    assert {key: document[key] for key in ("session_id", "state", "session_limits")} == {
        "session_id": name,
        "state": "within",
        "session_limits": {"max_ai_credits": 2.5},
    }
    assert document["window"]["number"] == 1 and MOMENT.fullmatch(document["window"]["started_at"])
    assert document["usage"] == {
        "total_nano_aiu": 0,
        "window_nano_aiu": 0,
        "used_ai_credits": 0,
        "remaining_ai_credits": 2.5,
        "calls": 0,
        "ai_credits_status": "complete",
    }
    assert document.get("pending_request") is None
    assert sessions.get(name) == document
    assert sessions.ask("DELETE", f"/{name}").status == 204
    assert sessions.ask("GET", f"/{name}").status == 404


def test_making_it_again_with_the_same_content_is_fine_with_other_content_a_conflict(sessions):
    name = fresh()
    sessions.create(2.5, session_id=name)
    again = sessions.ask("POST", "", {"session_id": name, "session_limits": {"max_ai_credits": 2.5}})
    assert again.status == 200 and again.json["session_id"] == name
    other = sessions.ask("POST", "", {"session_id": name, "session_limits": {"max_ai_credits": 3}})
    assert other.status == 409 and other.json["error"]["code"] and other.json["error"]["message"]


def test_without_a_cap_limits_and_remaining_are_null(sessions):
    document = sessions.create()
    assert document["state"] == "unlimited"
    assert document["session_limits"] is None
    assert document["usage"]["remaining_ai_credits"] is None
    uuid.UUID(document["session_id"])


@pytest.mark.parametrize(
    "body",
    [
        {"sessionId": "x1", "sessionLimits": {"maxAiCredits": 4}},
        {"session_id": "x2", "session_limits": {"maxAiCredits": 4}},
        {"session_id": "x3", "session_limits": {"max_ai_credits": 4}, "sessionLimits": {"maxAiCredits": 4}},
    ],
    ids=str,
)
def test_the_sdks_spelling_is_read_too(runtime, body):
    answer = Sessions(runtime.register().client).ask("POST", "", body)
    assert answer.status == 201, answer.gist
    assert answer.json["session_limits"] == {"max_ai_credits": 4}


def test_both_spellings_with_different_values_are_refused(sessions):
    body = {"session_limits": {"max_ai_credits": 4}, "sessionLimits": {"maxAiCredits": 5}}
    assert sessions.ask("POST", "", body).status == 400
    name = sessions.create(4)["session_id"]
    assert sessions.ask("PATCH", f"/{name}", body).status == 400
    usage = {"usage_id": "u", "nano_aiu": 1, "nanoAiu": 2}
    assert sessions.ask("POST", f"/{name}/usage", usage).status == 400


def test_states(sessions):
    name = sessions.create(2)["session_id"]
    sessions.report(name, "a", nano_aiu=2 * CREDIT)
    document = sessions.get(name)
    assert (document["state"], document["usage"]["remaining_ai_credits"]) == ("exhausted", 0)
    sessions.report(name, "b", nano_aiu=5 * CREDIT)
    assert sessions.get(name)["usage"]["remaining_ai_credits"] == 0
    verdict = sessions.check(name)
    document = sessions.get(name)
    assert document["state"] == "deciding"
    assert document["pending_request"] == {
        "request_id": verdict["request_id"],
        "used_ai_credits": 7,
        "max_ai_credits": 2,
    }
    assert sessions.patch(name, session_limits=None)["state"] == "unlimited"
    assert sessions.get(name).get("pending_request") is None


def test_verdicts(sessions):
    name = sessions.create(2)["session_id"]
    assert sessions.check(name)["allowed"] is True
    sessions.report(name, "a", nano_aiu=3 * CREDIT)
    verdict = sessions.check(name)
    uuid.UUID(verdict["request_id"])
    assert verdict == {
        "allowed": False,
        "reason": "session_limits_exhausted",
        "request_id": verdict["request_id"],
        "used_ai_credits": 3,
        "max_ai_credits": 2,
    }
    assert sessions.check(name) == verdict
    assert not of_type(sessions.history(name), "session.warning")


def test_a_call_id_gets_the_same_verdict(sessions):
    name = sessions.create(2)["session_id"]
    first = sessions.check(name, call_id="c1", estimate_nano_aiu=CREDIT)
    assert first["allowed"] is True
    assert sessions.check(name, call_id="c1", estimate_nano_aiu=CREDIT) == first
    second = sessions.check(name, call_id="c2", estimate_nano_aiu=CREDIT)
    assert second["allowed"] is True
    third = sessions.check(name, call_id="c3", estimate_nano_aiu=1)
    assert (third["allowed"], third["reason"]) == (False, "reserved")
    assert third["retry_after_ms"] > 0
    assert sessions.get(name)["usage"]["used_ai_credits"] == 0, "reservations are never shown as used"
    sessions.report(name, "u1", nano_aiu=1, reservation_id=first["reservation_id"])
    assert sessions.check(name, call_id="c4", estimate_nano_aiu=1)["allowed"] is True


def test_receipts(sessions):
    name = sessions.create()["session_id"]
    receipt = sessions.report(name, "u1", model="m-small", input_tokens=12_000, output_tokens=2500)
    assert {key: receipt[key] for key in ("usage_id", "nano_aiu", "ai_credits_status", "duplicate")} == {
        "usage_id": "u1",
        "nano_aiu": ONE_CALL,
        "ai_credits_status": "complete",
        "duplicate": False,
    }
    assert receipt["session"]["usage"]["total_nano_aiu"] == ONE_CALL
    again = sessions.report(name, "u1", model="m-small", input_tokens=12_000, output_tokens=2500)
    assert (again["duplicate"], again["nano_aiu"]) == (True, ONE_CALL)
    assert again["session"]["usage"] == receipt["session"]["usage"]
    for other in ({"output_tokens": 2501}, {"model": "m-odd"}, {"nano_aiu": 5}):
        body = {"usage_id": "u1", "model": "m-small", "input_tokens": 12_000, "output_tokens": 2500} | other
        assert sessions.ask("POST", f"/{name}/usage", body).status == 409
    assert sessions.get(name)["usage"]["calls"] == 1


def test_stated_cost_wins_and_cached_tokens_are_part_of_the_input(sessions):
    name = sessions.create()["session_id"]
    stated = sessions.report(name, "u1", model="m-small", input_tokens=10, nano_aiu=77)
    assert stated["nano_aiu"] == 77
    cached = sessions.report(
        name, "u2", model="m-small", input_tokens=10_000, cache_read_tokens=4000, output_tokens=100
    )
    assert cached["nano_aiu"] == (6000 * 50_000_000 + 4000 * 5_000_000 + 100 * 400_000_000) // 1000


def test_unknown_cost_is_not_zero_cost(sessions):
    name = sessions.create(5)["session_id"]
    for usage_id, members in (("u1", {"model": "m-unpriced", "input_tokens": 5}), ("u2", {})):
        receipt = sessions.report(name, usage_id, **members)
        assert (receipt["nano_aiu"], receipt["ai_credits_status"]) == (None, "unavailable")
    assert sessions.get(name)["usage"]["ai_credits_status"] == "unavailable"
    sessions.report(name, "u3", nano_aiu=CREDIT)
    usage = sessions.get(name)["usage"]
    assert (usage["ai_credits_status"], usage["total_nano_aiu"], usage["calls"]) == ("partial", CREDIT, 3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"usage_id": ""},
        {"usage_id": 7},
        {"usage_id": None},
        {"usage_id": "u", "nano_aiu": -1},
        {"usage_id": "u", "nano_aiu": 1.5},
        {"usage_id": "u", "nano_aiu": "5"},
        {"usage_id": "u", "nano_aiu": 2**63},
        {"usage_id": "u", "input_tokens": -1},
        {"usage_id": "u", "input_tokens": 1.5},
        {"usage_id": "u", "output_tokens": True},
        {"usage_id": "u", "model": 5},
        {"usage_id": "u", "model": "m-small", "input_tokens": 5, "cache_read_tokens": 6},
        [],
        "u",
    ],
    ids=str,
)
def test_malformed_usage_is_refused_and_counts_nothing(sessions, body):
    name = sessions.create()["session_id"]
    answer = sessions.ask("POST", f"/{name}/usage", body)
    assert answer.status == 400, answer.gist
    assert set(answer.json["error"]) >= {"code", "message"}
    assert sessions.get(name)["usage"]["calls"] == 0


def test_a_total_beyond_64_bit_is_refused(sessions):
    name = sessions.create()["session_id"]
    sessions.report(name, "u1", nano_aiu=2**63 - 1)
    answer = sessions.ask("POST", f"/{name}/usage", {"usage_id": "u2", "nano_aiu": 1})
    assert answer.status in (400, 409), answer.gist
    assert sessions.get(name)["usage"]["total_nano_aiu"] == 2**63 - 1


@pytest.mark.parametrize("limits", [{"max_ai_credits": 0}, {"max_ai_credits": -1}, {"max_ai_credits": "3"}, 5, "x", []], ids=str)
def test_a_malformed_cap_is_refused(sessions, limits):
    assert sessions.ask("POST", "", {"session_limits": limits}).status == 400
    name = sessions.create(4)["session_id"]
    assert sessions.ask("PATCH", f"/{name}", {"session_limits": limits}).status == 400
    assert sessions.ask("POST", f"/{name}/resume", {"session_limits": limits}).status == 400
    assert sessions.get(name)["session_limits"] == {"max_ai_credits": 4}


def test_answers(sessions):
    name = sessions.create(2)["session_id"]
    sessions.report(name, "a", nano_aiu=3 * CREDIT)
    request = sessions.check(name)["request_id"]
    for bad in ({}, {"action": "add"}, {"action": "set", "max_ai_credits": -1}, {"action": "fly"}):
        assert sessions.answer(name, request, **bad).status == 400
    assert sessions.get(name)["state"] == "deciding"
    good = sessions.answer(name, request, action="add", additional_ai_credits=0.5)
    assert good.status == 200 and good.json["success"] is True
    assert good.json["session"]["session_limits"] == {"max_ai_credits": 2.5}
    late = sessions.answer(name, request, action="unset")
    assert (late.status, late.json) == (409, {"success": False})
    second = sessions.check(name)
    assert second["request_id"] != request
    camel = sessions.answer(name, second["request_id"], action="set", maxAiCredits=9)
    assert camel.status == 200 and sessions.check(name)["allowed"] is True
    assert sessions.answer(name, str(uuid.uuid4()), action="unset").status in (404, 409)


def test_resume_clear_and_close(runtime, sessions, peer):
    name = sessions.create(2)["session_id"]
    sessions.report(name, "a", nano_aiu=3 * CREDIT)
    resumed = sessions.ask("POST", f"/{name}/resume", {})
    assert resumed.status == 200 and resumed.json["usage"]["used_ai_credits"] == 3
    raised = sessions.ask("POST", f"/{name}/resume", {"session_limits": {"max_ai_credits": 4}})
    assert raised.json["state"] == "within"
    cleared = sessions.ask("POST", f"/{name}/clear", {})
    assert cleared.status == 200, cleared.gist
    assert cleared.json["window"]["number"] == 2
    assert cleared.json["usage"]["window_nano_aiu"] == 0
    assert cleared.json["usage"]["total_nano_aiu"] == 3 * CREDIT
    peer.resume(name)
    peer.call("session.destroy", sessionId=name)
    assert sessions.get(name)["state"] == "closed"
    assert sessions.ask("POST", f"/{name}/resume", {}).json["state"] == "within"


def test_clear_is_refused_while_a_model_call_is_in_flight(sessions, peer):
    session = peer.create(5)
    turn = peer.start_turn(session, ask("slow", gate="clear"))
    peer.model.wait_for("clear")
    assert sessions.ask("POST", f"/{session}/clear", {}).status == 409
    peer.model.open("clear")
    turn.result()
    assert sessions.ask("POST", f"/{session}/clear", {}).status == 200


def test_only_the_owner_sees_a_session_and_nobody_without_a_token(runtime, sessions):
    name = sessions.create(2)["session_id"]
    stranger, nobody = Sessions(runtime.register().client), Sessions(runtime.nobody)
    for method, path, body in (
        ("GET", f"/{name}", None),
        ("PATCH", f"/{name}", {"session_limits": None}),
        ("DELETE", f"/{name}", None),
        ("POST", f"/{name}/resume", {}),
        ("POST", f"/{name}/check", {}),
        ("POST", f"/{name}/usage", {"usage_id": "u"}),
        ("POST", f"/{name}/clear", {}),
        ("POST", f"/{name}/exhaustions/{uuid.uuid4()}", {"action": "unset"}),
        ("GET", f"/{name}/events", None),
    ):
        assert stranger.ask(method, path, body).status == 404, (method, path)
        assert nobody.ask(method, path, body).status == 401, (method, path)
    assert sessions.get(name)["session_limits"] == {"max_ai_credits": 2}


def test_an_idempotency_key_makes_a_change_once(sessions):
    name = sessions.create(10)["session_id"]
    sessions.report(name, "u", nano_aiu=CREDIT)
    body = {"session_limits": {"max_ai_credits": 20}}
    first = sessions.ask("PATCH", f"/{name}", body, key="k1")
    sessions.patch(name, session_limits={"max_ai_credits": 30})
    again = sessions.ask("PATCH", f"/{name}", body, key="k1")
    assert again.status == 200
    assert first.json["session_limits"] == {"max_ai_credits": 20}
    changed = [event["data"]["sessionLimits"] for event in of_type(sessions.history(name), "session.session_limits_changed")]
    assert changed == [{"maxAiCredits": 10}, {"maxAiCredits": 20}, {"maxAiCredits": 30}]
    assert sessions.get(name)["session_limits"] == {"max_ai_credits": 30}
    other = sessions.ask("PATCH", f"/{name}", {"session_limits": {"max_ai_credits": 21}}, key="k1")
    assert other.status == 409


def test_events_in_pages(sessions, peer):
    session = peer.create(9)
    peer.turn(session, "hello")
    history = sessions.history(session)
    check_history(history)
    assert history == peer.history(session)
    page = sessions.events(session, "?limit=2")
    assert (len(page["events"]), page["has_more"]) == (2, True)
    rest = sessions.events(session, f"?limit=1000&after={page['cursor']}")
    assert page["events"] + rest["events"] == history and rest["has_more"] is False
    nothing = sessions.events(session, f"?after={rest['cursor']}")
    assert nothing["events"] == [] and nothing["has_more"] is False
    only = sessions.events(session, "?types=user.message,session.session_limits_changed")
    assert [event["type"] for event in only["events"]] == [
        "session.session_limits_changed",
        "user.message",
    ]
    everything = sessions.events(session, "?include_ephemeral=true")["events"]
    assert durable(everything) == history and len(everything) > len(history)
    for bad in ("?limit=0", "?limit=1001", "?limit=x", "?after=nonsense"):
        assert sessions.ask("GET", f"/{session}/events{bad}").status == 400, bad


def test_a_stream_continues_without_gap_or_repetition(runtime, sessions, peer):
    session = peer.create(100)
    path, client = f"/v1/sessions/{session}/events", runtime.user.client
    got: list[dict] = []
    last = None
    for number in range(4):
        stream = Stream(client, path, **({"Last_Event_ID": last} if last else {}))
        peer.turn(session, f"turn {number}")
        wanted = len(peer.history(session)) - (0 if number == 3 else 2)
        while len(durable(got)) < wanted:
            id, event = stream.next()
            if "ephemeral" not in event:
                assert id
                last = id
                got.append(event)
        stream.close()
    assert durable(got) == peer.history(session)
    assert len({event["id"] for event in got}) == len(got)


def test_a_stream_shows_ephemeral_events_live_and_after_works_as_last_event_id(runtime, sessions, peer):
    session = peer.create(100)
    cursor = sessions.events(session)["cursor"]
    stream = Stream(runtime.user.client, f"/v1/sessions/{session}/events?after={cursor}")
    peer.turn(session, "hello")
    seen = []
    while not seen or seen[-1]["type"] != "session.idle":
        seen.append(stream.next()[1])
    stream.close()
    start = next(n for n, event in enumerate(peer.events(session)) if event["type"] == "user.message")
    assert seen == peer.events(session)[start:]


def test_an_open_request_is_repeated_on_attach(runtime, sessions):
    name = sessions.create(1)["session_id"]
    sessions.report(name, "a", nano_aiu=CREDIT)
    request = sessions.check(name)["request_id"]
    cursor = sessions.events(name)["cursor"]
    for _ in range(2):
        stream = Stream(runtime.user.client, f"/v1/sessions/{name}/events?after={cursor}")
        assert stream.until(REQUESTED)[1]["data"]["requestId"] == request
        stream.close()


def test_an_interested_stream_makes_a_turn_wait_until_it_is_answered_or_gone(runtime, sessions, peer):
    session = peer.create(1)
    peer.turn(session, "first")
    path = f"/v1/sessions/{session}/events?interest={REQUESTED}"
    stream = Stream(runtime.user.client, path)
    turn = peer.start_turn(session, "second")
    request = stream.until(REQUESTED)[1]["data"]
    assert not turn.done
    assert sessions.answer(session, request["requestId"], action="add", additional_ai_credits=1).status == 200
    assert turn.result()["response"]
    turn = peer.start_turn(session, "third")
    stream.until(REQUESTED)
    peer.call("ping")
    assert not turn.done
    stream.close()
    stream.response.close()
    assert turn.result()["response"] is None


def test_usage_and_checks_over_http_appear_to_attached_clients(sessions, peer):
    session = peer.create(2)
    sessions.report(session, "u1", model="m-small", input_tokens=12_000, output_tokens=2500)
    usage = peer.event(session, "assistant.usage")["data"]
    assert usage["copilotUsage"]["totalNanoAiu"] == ONE_CALL and usage["inputTokens"] == 12_000
    assert peer.event(session, "session.usage_checkpoint")["data"]["totalNanoAiu"] == ONE_CALL
    sessions.report(session, "u2", nano_aiu=CREDIT)
    verdict = sessions.check(session)
    request = peer.event(session, REQUESTED)["data"]
    assert request == {"requestId": verdict["request_id"], "usedAiCredits": 2.6, "maxAiCredits": 2}
    assert peer.answer(session, request["requestId"], "add", additionalAiCredits=3)
    assert sessions.check(session)["allowed"] is True
    assert sessions.get(session)["session_limits"] == {"max_ai_credits": 5}
    assert peer.turn(session, "hello")["response"]
    assert sessions.get(session)["usage"]["total_nano_aiu"] == 2 * ONE_CALL + CREDIT
    assert sessions.history(session) == peer.history(session)


def test_a_session_made_over_http_is_resumed_by_an_sdk(sessions, peer):
    name = sessions.create(2.5)["session_id"]
    sessions.report(name, "u1", nano_aiu=2 * CREDIT)
    peer.resume(name)
    assert peer.limits(name) == 2.5 and peer.metrics(name)["totalNanoAiu"] == 2 * CREDIT
    start = peer.history(name)[0]
    assert (start["type"], start["parentId"]) == ("session.start", None)
    assert peer.turn(name, "goes ahead")["response"]
    assert peer.turn(name, "blocked")["response"] is None


def test_parallel_reports_of_one_usage_count_once(sessions):
    name = sessions.create()["session_id"]
    receipts: list[dict] = []
    start = threading.Barrier(8)

    def report() -> None:
        start.wait()
        receipts.append(sessions.report(name, "same", nano_aiu=CREDIT))

    threads = [threading.Thread(target=report) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipt["duplicate"] for receipt in receipts) == [False] + [True] * 7
    assert sessions.get(name)["usage"]["total_nano_aiu"] == CREDIT

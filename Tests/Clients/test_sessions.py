"""Session budgets over HTTP: beginning, capping, checking, spending, asking, answering (contract session-limits, 6)."""

import json
import threading
import uuid

import pytest

from sessions import Session, error

NANO = 10**9


@pytest.fixture
def app(service):
    """The client of an application server."""
    return service.gateway.client


@pytest.fixture
def session(app):
    return Session.begin(app, 2.5)


@pytest.fixture
def asking(app):
    """A session that has asked what now, and its question."""
    session = Session.begin(app, 2.5)
    session.spend(3.2)
    return session, session.check()["request_id"]


def test_a_session_is_begun_once(app):
    body = {"session_id": f"s-{uuid.uuid4()}", "session_limits": {"max_ai_credits": 2.5}}
    first = app.post("/v1/sessions", body)
    again = app.post("/v1/sessions", {"sessionId": body["session_id"], "sessionLimits": {"maxAiCredits": 2.50}})
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    other = app.post("/v1/sessions", body | {"session_limits": {"max_ai_credits": 2}})
    assert "session_limits" in error(other, 409, "session_conflict")["message"]


def test_a_session_begun_with_the_same_content_is_the_same_after_its_cap_has_changed(app, session):
    session.patch({"session_limits": {"max_ai_credits": 9}})
    body = {"session_id": session.id, "session_limits": {"max_ai_credits": 2.5}}
    again = app.post("/v1/sessions", body)
    assert again.status == 200 and again.json["session_limits"] == {"max_ai_credits": 9}


def test_without_an_id_each_session_is_another_but_under_a_key_the_same(app):
    first, second = (app.post("/v1/sessions", {}) for _ in range(2))
    assert first.json["session_id"] != second.json["session_id"]
    assert uuid.UUID(first.json["session_id"]).version == 4
    key = {"Idempotency_Key": str(uuid.uuid4())}
    first, second = (app.post("/v1/sessions", {"session_limits": {"max_ai_credits": 5}}, **key) for _ in range(2))
    assert (first.status, second.status) == (201, 200) and first.json == second.json
    error(app.post("/v1/sessions", {}, **key), 409, "session_conflict")


def test_two_at_once_begin_one_session(app):
    body = {"session_id": f"s-{uuid.uuid4()}"}
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(app.post("/v1/sessions", body))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]


def test_a_session_belongs_to_whom_it_is_begun_for(service, app, person):
    session = Session.begin(app, user=person.name)
    assert session.document["user"] == person.uuid
    own = Session.begin(person.client)
    assert own.document["user"] == person.uuid
    assert Session.begin(app).document["user"] is None
    error(Session(service.user.client, session.id).ask("GET"), 404, "unknown_session")
    error(service.user.client.post("/v1/sessions", {"session_id": own.id}), 409, "session_of_another")


@pytest.mark.parametrize(
    "body, cap",
    [
        ({}, 2.5), ({"session_limits": None}, None), ({"session_limits": {}}, None), ({"sessionLimits": {}}, None),
        ({"session_limits": {"max_ai_credits": None}}, None), ({"session_limits": {"max_ai_credits": 4}}, 4),
        ({"sessionLimits": {"maxAiCredits": 1e-9}}, 1e-9),
    ],
)  # fmt: skip
@pytest.mark.parametrize("door", ["patch", "resume"])
def test_absent_null_empty_and_value_mean_what_the_table_says(session, body, cap, door):
    answer = session.patch(body) if door == "patch" else session.post("resume", body)
    assert answer.status == 200
    limits = None if cap is None else {"max_ai_credits": cap}
    assert answer.json["session_limits"] == session.document["session_limits"] == limits


def test_credits_are_exact_to_the_last_digit(app):
    session = Session.begin(app)
    largest = b'{"session_limits":{"max_ai_credits":9223372036.854775807}}'
    answer = session.patch(largest, Content_Type="application/json")
    assert b'"max_ai_credits":9223372036.854775807}' in answer.body
    assert b'"remaining_ai_credits":9223372036.854775807,' in answer.body
    session.spend(0, nano_aiu=1)
    assert b'"remaining_ai_credits":9223372036.854775806,' in session.ask("GET").body
    answer = session.patch(b'{"session_limits":{"max_ai_credits":3.1708776E+1}}', Content_Type="application/json")
    assert b'"max_ai_credits":31.708776}' in answer.body


def test_a_patch_under_a_key_is_done_once(session):
    key = str(uuid.uuid4())
    assert session.patch({"session_limits": {"max_ai_credits": 4}}, Idempotency_Key=key).status == 200
    session.patch({"session_limits": {"max_ai_credits": 7}})
    again = session.patch({"session_limits": {"max_ai_credits": 4}}, Idempotency_Key=key)
    assert again.status == 200 and again.json["session_limits"] == {"max_ai_credits": 7}
    error(session.patch({"session_limits": None}, Idempotency_Key=key), 409, "request_conflict")


def test_resume_and_clear_under_a_key_are_done_once(session):
    key = str(uuid.uuid4())
    for what, count in (("resume", "session.resume"), ("clear", None)):
        first = session.post(what, {}, Idempotency_Key=key)
        session.spend(1)
        again = session.post(what, {}, Idempotency_Key=key)
        assert first.gist == again.gist
        if count:
            assert [event["type"] for event in session.history()].count(count) == 1
    assert session.document["window"]["number"] == 2
    error(session.post("clear", {"x": 1}, Idempotency_Key=key), 409, "request_conflict")


def test_requests_at_once_under_a_key_are_one(session):
    session.spend(1)
    answers = []

    def clear():
        answers.append(session.post("clear", Idempotency_Key="k").gist)

    threads = [threading.Thread(target=clear) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and len(set(answers)) == 1 and answers[0][0] == 200
    assert session.document["window"]["number"] == 2


def test_a_failure_under_a_key_is_not_kept(session):
    session.check(call_id="c1")
    error(session.post("clear", Idempotency_Key="k"), 409, "call_in_flight")
    session.spend(1, reservation_id="c1")
    assert session.post("clear", Idempotency_Key="k").status == 200


def test_a_call_goes_ahead_below_the_cap_and_is_told_the_same_again(session):
    assert session.check(call_id="c1") == {"allowed": True, "reservation_id": "c1"}
    assert session.check(callId="c1") == {"allowed": True, "reservation_id": "c1"}
    own = session.check(estimate_nano_aiu=1)
    assert own["allowed"] and uuid.UUID(own["reservation_id"])
    answer = session.post("check", None, Idempotency_Key="k1")
    assert answer.json == {"allowed": True, "reservation_id": "k1"}
    assert session.document["usage"]["used_ai_credits"] == 0


def test_reservations_that_fill_the_rest_make_others_wait(session):
    assert session.check(call_id="c1", estimate_nano_aiu=25 * NANO // 10)["allowed"]
    verdict = session.check(call_id="c2")
    assert list(verdict) == ["allowed", "reason", "retry_after_ms"]
    assert verdict["allowed"] is False and verdict["reason"] == "reserved" and verdict["retry_after_ms"] > 0
    assert session.document["state"] == "within"
    session.spend(1, reservation_id="c1")
    assert session.check(call_id="c2")["allowed"]


def test_a_call_at_the_cap_asks_and_asks_only_once(session):
    session.spend(2.5)
    assert session.document["state"] == "exhausted"
    verdict = session.check(call_id="c1")
    request = verdict["request_id"]
    assert verdict == {
        "allowed": False, "reason": "session_limits_exhausted", "request_id": request, "used_ai_credits": 2.5,
        "max_ai_credits": 2.5,
    }  # fmt: skip
    assert list(verdict) == ["allowed", "reason", "request_id", "used_ai_credits", "max_ai_credits"]
    assert session.check(call_id="c1") == session.check(call_id="c2") == verdict
    document = session.document
    assert document["state"] == "deciding"
    pending = {"request_id": request, "used_ai_credits": 2.5, "max_ai_credits": 2.5}
    assert document["pending_request"] == pending
    assert "session.warning" not in [event["type"] for event in session.history()]


@pytest.mark.parametrize(
    "body, limits, state",
    [
        ({"action": "add", "additional_ai_credits": 2.25}, {"max_ai_credits": 4.75}, "within"),
        ({"action": "add", "additionalAiCredits": 2.25}, {"max_ai_credits": 4.75}, "within"),
        ({"action": "set", "max_ai_credits": 3.3, "additional_ai_credits": "x"}, {"max_ai_credits": 3.3}, "within"),
        ({"action": "set", "maxAiCredits": 1}, {"max_ai_credits": 1}, "exhausted"),
        ({"action": "unset"}, None, "unlimited"),
        ({"action": "cancel", "max_ai_credits": -1}, {"max_ai_credits": 2.5}, "exhausted"),
    ],
)
def test_the_first_good_answer_counts(asking, body, limits, state):
    session, request = asking
    for bad in ({}, {"action": "add"}, {"action": "set", "max_ai_credits": 0}, {"action": "more"}):
        error(session.post(f"exhaustions/{request}", bad), 400, "invalid")
        assert session.document["state"] == "deciding"
    first = session.post(f"exhaustions/{request}", body)
    assert first.status == 200 and list(first.json) == ["success", "session"] and first.json["success"] is True
    assert first.json["session"] == session.document
    assert first.json["session"]["session_limits"] == limits and first.json["session"]["state"] == state
    for later in (body, {"action": "unset"}):
        assert session.post(f"exhaustions/{request}", later).gist == (409, b'{"success":false}')
    assert session.document["session_limits"] == limits


def test_an_answer_under_a_key_is_told_the_same_again(asking):
    session, request = asking
    body = {"action": "add", "additional_ai_credits": 1}
    first, again = (session.post(f"exhaustions/{request}", body, Idempotency_Key="k") for _ in range(2))
    assert first.status == 200 and first.gist == again.gist
    assert session.post(f"exhaustions/{request}", body, Idempotency_Key="l").status == 409


def test_a_question_that_nobody_asked_comes_too_late(session):
    for request in (uuid.uuid4(), "no-uuid"):
        answer = session.post(f"exhaustions/{request}", {"action": "unset"})
        assert answer.gist == (409, b'{"success":false}')


def test_a_cap_still_too_small_asks_anew(asking):
    session, request = asking
    session.post(f"exhaustions/{request}", {"action": "add", "additional_ai_credits": 0.1})
    verdict = session.check()
    assert verdict["request_id"] != request and verdict["max_ai_credits"] == 2.6


def test_another_cap_is_an_answer_too(asking):
    session, request = asking
    session.patch({"session_limits": {"max_ai_credits": 10}})
    assert session.document["pending_request"] is None
    assert session.post(f"exhaustions/{request}", {"action": "unset"}).status == 409


def test_usage_counts_once(session):
    usage = {"usage_id": "u1", "model": "m", "input_tokens": 12, "output_tokens": 3, "nano_aiu": 1600000000}
    first = session.post("usage", usage)
    assert list(first.json) == ["usage_id", "nano_aiu", "ai_credits_status", "duplicate", "session"]
    assert first.json["nano_aiu"] == 1600000000 and first.json["ai_credits_status"] == "complete"
    assert first.json["duplicate"] is False and first.json["session"] == session.document
    spelled = {"usageId": "u1", "model": "m", "inputTokens": 12, "outputTokens": 3, "nanoAiu": 1600000000}
    again = session.post("usage", spelled)
    assert again.json == first.json | {"duplicate": True}
    for other in ({"nano_aiu": 1}, {"model": "n"}, {"input_tokens": 13}, {"agent_id": "a"}, {"reservation_id": "r"}):
        answer = session.post("usage", usage | other)
        assert list(other)[0] in error(answer, 409, "request_conflict")["message"]
    assert session.document["usage"]["calls"] == 1


def test_usage_is_taken_at_the_cap_because_it_is_spent(asking):
    session, _ = asking
    assert session.spend(1)["session"]["usage"]["used_ai_credits"] == 4.2


def test_unknown_cost_is_not_zero_cost(session):
    receipt = session.post("usage", {"usage_id": "u1", "model": "m", "input_tokens": 5}).json
    assert receipt["nano_aiu"] is None and receipt["ai_credits_status"] == "unavailable"
    assert receipt["session"]["usage"]["ai_credits_status"] == "unavailable"
    session.spend(1)
    assert session.document["usage"]["ai_credits_status"] == "partial"


def test_usage_of_a_users_session_counts_in_the_users_windows(service, app, person):
    session = Session.begin(app, user=person.uuid)
    session.spend(1, input_tokens=700, output_tokens=77, cache_read_tokens=600)
    assert service.used(person) == (777, 777, 777)


def test_a_user_without_tokens_left_makes_no_call(service, app, person):
    session = Session.begin(app, user=person.uuid)
    service.set_limits(person, 100, None, None)
    session.spend(0.1, input_tokens=120)
    verdict = session.check()
    assert list(verdict) == ["allowed", "reason", "violations"]
    assert verdict["reason"] == "user_quota_exhausted"
    assert verdict["violations"] == [{"period": "daily", "limit": 100, "used": 120, "reserved": 0}]


def test_clear_begins_a_window_and_waits_for_calls(session):
    session.spend(2)
    session.check(call_id="c1")
    error(session.post("clear"), 409, "call_in_flight")
    session.spend(2, reservation_id="c1")
    cleared = session.post("clear")
    assert cleared.status == 200
    usage = cleared.json["usage"]
    assert (usage["total_nano_aiu"], usage["window_nano_aiu"], usage["remaining_ai_credits"]) == (4 * NANO, 0, 2.5)
    assert cleared.json["window"]["number"] == 2 and cleared.json["state"] == "within"


def test_a_deleted_session_is_gone_and_its_id_free(app, session):
    session.spend(1)
    answer = session.ask("DELETE")
    assert answer.gist == (204, b"")
    for request in (session.ask("GET"), session.ask("DELETE"), session.post("check"), session.post("clear"),
                    session.post("resume"), session.patch({}), session.post("usage", {"usage_id": "u"}),
                    session.post("exhaustions/r", {"action": "unset"}), session.ask("GET", "/events")):  # fmt: skip
        error(request, 404, "unknown_session")
    anew = Session.begin(app, session_id=session.id)
    assert anew.document["usage"]["total_nano_aiu"] == 0
    assert session.id in [found["session_id"] for found in app.get("/v1/sessions?limit=1000").json["sessions"]]


def test_everything_is_as_it_was_after_a_restart_and_after_a_kill(start):
    service = start()
    session = Session.begin(service.gateway.client, 2.5)
    session.spend(3.2)
    request = session.check()["request_id"]
    before, history = session.document, session.history()
    for end in ("stop", "kill"):
        getattr(service.server, end)()
        service.resume()
        session.client = service.gateway.client
        assert session.document == before and session.history() == history
        assert session.check()["request_id"] == request
    answer = session.post(f"exhaustions/{request}", {"action": "add", "additional_ai_credits": 1})
    assert answer.json["session"]["session_limits"] == {"max_ai_credits": 3.5}


def test_a_shared_budget_caps_its_sessions_together(service, app):
    budget = f"/v1/budgets/b-{uuid.uuid4()}"
    made = service.admin.ask("PUT", budget, {"max_ai_credits": 3, "open": True})
    assert made.status == 201
    assert service.admin.ask("PUT", budget, {"maxAiCredits": 3.0}).gist == (200, made.body)
    name = budget.rpartition("/")[2]
    first, second = (Session.begin(app, budget_id=name) for _ in range(2))
    assert first.document["budget_id"] == name
    assert first.check(call_id="c1", estimate_nano_aiu=3 * NANO)["allowed"]
    assert second.check(call_id="c2")["reason"] == "reserved"
    first.spend(3.5, reservation_id="c1")
    verdict = second.check(call_id="c2")
    assert (verdict["used_ai_credits"], verdict["max_ai_credits"]) == (3.5, 3)
    request = verdict["request_id"]
    refused = second.post(f"exhaustions/{request}", {"action": "add", "additional_ai_credits": 5})
    error(refused, 409, "answer_not_yours")
    assert second.document["state"] == "deciding"
    document = app.get(budget).json
    assert document == {
        "budget_id": name, "max_ai_credits": 3, "used_nano_aiu": 35 * NANO // 10, "used_ai_credits": 3.5,
        "remaining_ai_credits": 0, "open": True,
    }  # fmt: skip
    service.admin.ask("PUT", budget, {"max_ai_credits": 4})
    assert second.document["pending_request"] is None
    assert second.check(call_id="c2")["allowed"]


def test_a_user_stays_in_the_budget_that_the_settings_say(start, tmp_path):
    service = start()
    person, other = service.register(), service.register()
    for name in ("b1", "b2"):
        members = {"members": [other.uuid] if name == "b2" else []}
        assert service.admin.ask("PUT", f"/v1/budgets/{name}", {"max_ai_credits": 1} | members).status == 201
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"session_budgets": {person.uuid: "b1"}}))
    service.restart("--config", str(file))
    assert Session.begin(person.client).document["budget_id"] == "b1"
    assert Session.begin(person.client, budget_id="b1").document["budget_id"] == "b1"
    error(person.client.post("/v1/sessions", {"budget_id": "b2"}), 403, "forbidden")
    assert Session.begin(service.gateway.client, user=person.uuid, budget_id="b2").document["budget_id"] == "b2"
    assert Session.begin(other.client, budget_id="b2").document["budget_id"] == "b2"
    session = Session.begin(service.gateway.client, user=person.name)
    assert session.document["budget_id"] == "b1"


def test_a_user_does_everything_with_own_sessions(person):
    session = Session.begin(person.client, 2)
    assert session.check(call_id="c1")["allowed"]
    session.spend(2, reservation_id="c1", input_tokens=5)
    request = session.check()["request_id"]
    assert session.post(f"exhaustions/{request}", {"action": "add", "additional_ai_credits": 1}).status == 200
    assert session.patch({"session_limits": None}).status == session.post("clear").status == 200
    assert session.post("resume").status == 200 and session.ask("DELETE").status == 204


def test_an_unknown_budget_is_not_found(service, app):
    error(app.get("/v1/budgets/no-such"), 404, "unknown_budget")
    error(app.post("/v1/sessions", {"budget_id": "no-such"}), 404, "unknown_budget")


@pytest.fixture(scope="module")
def priced(start_shared, tmp_path_factory):
    """A service with a price table that refuses what has no price, and takes no cap below 2 credits."""
    file = tmp_path_factory.mktemp("settings") / "settings.json"
    rates = {"input_nano_aiu": 50_000_000, "output_nano_aiu": 400_000_000, "batch_size": 1000}
    file.write_text(json.dumps({"models": {"m-small": rates}}))
    return start_shared(
        "--config", str(file), "--session-minimum-ai-credits", "2", "--session-unknown-cost", "refuse"
    )


def test_usage_costs_what_the_table_says_unless_it_says_itself(priced):
    session = Session.begin(priced.gateway.client, 10)
    usage = {"usage_id": "u1", "model": "m-small", "input_tokens": 12_000, "output_tokens": 2500}
    assert session.post("usage", usage).json["nano_aiu"] == 1_600_000_000
    assert session.post("usage", usage | {"usage_id": "u2", "nano_aiu": 7}).json["nano_aiu"] == 7


def test_a_capped_session_can_refuse_what_has_no_price(priced):
    session = Session.begin(priced.gateway.client, 10)
    assert session.check(model="m-large") == {"allowed": False, "reason": "unknown_cost"}
    assert session.check(model="m-small")["allowed"]
    assert Session.begin(priced.gateway.client).check(model="m-large")["allowed"]


def test_a_cap_below_the_smallest_is_refused_everywhere_in_the_same_words(priced):
    client = priced.gateway.client
    session = Session.begin(client, 2)
    session.spend(2)
    request = session.check()["request_id"]
    small = {"session_limits": {"max_ai_credits": 1.999999999}}
    for answer in (client.post("/v1/sessions", small), session.post("resume", small), session.patch(small),
                   session.post(f"exhaustions/{request}", {"action": "set", "max_ai_credits": 1})):  # fmt: skip
        assert error(answer, 400)["message"] == "Minimum session limit is 2 AI credits."
    assert session.document["pending_request"]["request_id"] == request


def test_answers_are_in_the_words_of_these_paths(service, session):
    error(service.nobody.get("/v1/sessions"), 401, "unauthenticated")
    assert service.nobody.get("/v1/sessions")["WWW-Authenticate"] == "Token"
    wrong = service.gateway.client.ask("PATCH", session.path, b"{}", {"Content-Type": "text/plain"})
    error(wrong, 415, "media_type")
    answer = service.gateway.client.ask("PUT", "/v1/sessions", {})
    error(answer, 405, "method")
    assert answer["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert service.gateway.client.ask("OPTIONS", session.path)["Allow"] == "GET, HEAD, PATCH, DELETE, OPTIONS"
    head = service.gateway.client.ask("HEAD", session.path)
    assert head.status == 200 and head.body == b""

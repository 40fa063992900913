"""Framing, errors and methods of the JSON-RPC endpoint (contract 4), byte for byte."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import statistics
import time
from pathlib import Path

import pytest

from journal import MOMENT, FrameReader, durable, of_type
from model import ONE_CALL, ask
from peer import Peer, frame


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


@pytest.fixture
def stranger(runtime) -> Peer:
    return runtime.stranger()


# ---- who may talk


METHODS = [
    "ping",
    "status.get",
    "models.list",
    "session.create",
    "session.list",
    "session.delete",
    "llmInference.setProvider",
    "runtime.shutdown",
]


@pytest.mark.parametrize("method", METHODS)
def test_before_connect_every_method_is_refused_and_the_connection_stays(runtime, stranger, method):
    error = stranger.refused(method)
    assert (error.code, error.message) == (-32001, "CONNECT_REQUIRED")
    assert stranger.call("connect", token=runtime.user.token)["ok"] is True
    assert stranger.call("ping")["message"] == "pong"


@pytest.mark.parametrize("params", [{"token": "wrong"}, {}, {"token": ""}, {"token": None}], ids=str)
def test_a_wrong_or_missing_token_is_refused_and_the_connection_stays(runtime, stranger, params):
    error = stranger.refused("connect", params)
    assert (error.code, error.message) == (-32002, "AUTHENTICATION_FAILED")
    assert stranger.refused("ping").code == -32001
    assert stranger.call("connect", token=runtime.user.token)["ok"] is True


def test_connect_says_who_we_are_and_may_be_repeated(runtime, stranger):
    for _ in range(2):
        answer = stranger.call("connect", token=runtime.user.token, supportedTaskKinds=["agent"])
        assert (answer["ok"], answer["protocolVersion"]) == (True, 3)
        assert isinstance(answer["version"], str) and answer["version"]


def test_a_failed_second_connect_does_not_make_somebody_else_of_the_caller(runtime, peer):
    session = peer.create()
    assert peer.refused("connect", token="wrong").code == -32002
    other = runtime.stranger()
    other.call("connect", token=runtime.support.token)
    assert "Session not found" in other.refused("session.resume", sessionId=session).message


def test_a_revoked_users_token_is_refused(runtime):
    person = runtime.register()
    runtime.deactivate(person)
    error = runtime.stranger().refused("connect", token=person.token)
    assert (error.code, error.message) == (-32002, "AUTHENTICATION_FAILED")


# ---- framing


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\n\r\n",
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length:   %d\r\n\r\n",
        b"Content-Length: %d\r\nX-Whatever: yes\r\n\r\n",
    ],
)
def test_any_spelling_of_the_header_is_read(peer, head):
    for number in range(2):
        message = {"jsonrpc": "2.0", "id": f"h{number}", "method": "ping", "params": {"message": "ü🦜"}}
        peer.journal.sent(message)
        body = json.dumps(message, ensure_ascii=False).encode()
        peer.send_bytes(head % len(body) + body)
        peer.until(lambda n=number: peer.answers.get(f'"h{n}"'), "an answer")
        assert peer.answers[f'"h{number}"']["result"]["message"] == "pong: ü🦜"


@pytest.mark.parametrize("size", [1, 2, 7])
def test_any_fragmentation_is_read(peer, size):
    messages = [{"jsonrpc": "2.0", "id": n, "method": "ping", "params": {"message": str(n)}} for n in range(5)]
    for message in messages:
        peer.journal.sent(message)
    data = b"".join(frame(message) for message in messages)
    for start in range(0, len(data), size):
        peer.send_bytes(data[start : start + size])
    peer.until(lambda: len([n for n in range(5) if str(n) in peer.answers]) == 5, "five answers")


@pytest.mark.parametrize("id", ["text", 0, 7, 2**53 - 1, -3, "", "0", "ü", 'quo"te\\'], ids=repr)
def test_an_answer_has_the_requests_own_id(peer, id):
    assert peer.request("ping", id=id).result()["message"] == "pong"
    assert type(peer.answers[json.dumps(id)]["id"]) is type(id)


def test_bodies_of_many_megabytes_are_read(peer):
    text = "x" * (15 << 20)
    assert peer.call("ping", message=text)["message"] == f"pong: {text}"


@pytest.mark.parametrize("body", [b"{", b"", b"nonsense", b'{"jsonrpc":"2.0"', b"\xff\xfe", b"{}}"], ids=repr)
def test_invalid_json_is_answered_and_the_connection_stays(peer, body):
    peer.send_bytes(frame(body))
    peer.until(lambda: peer.answers.get("null"), "an error with id null")
    assert peer.answers["null"]["error"]["code"] == -32700
    assert peer.call("ping")["message"] == "pong"


@pytest.mark.parametrize(
    "body",
    [b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b"7", b'"ping"', b"null", b'{"jsonrpc":"2.0"}', b"{}"],
    ids=repr,
)
def test_what_is_no_request_is_answered_and_the_connection_stays(peer, body):
    peer.send_bytes(frame(body))
    peer.until(lambda: peer.answers.get("null"), "an error with id null")
    assert peer.answers["null"]["error"]["code"] == -32600
    assert peer.call("ping")["message"] == "pong"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: many\r\n\r\n{}",
        b"Content-Length: 99999999999999999999\r\n\r\n{}",
        b"Content-Length: 1099511627776\r\n\r\n{}",
        b"X-Only: this\r\n\r\n{}",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"x" * 100_000,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_broken_framing_closes_that_connection_alone(runtime, peer, data):
    broken = runtime.stranger()
    broken.send_bytes(data + b"\r\n\r\n")
    broken.until(lambda: broken.closed, "the end of the connection")
    assert peer.call("ping")["message"] == "pong"


def test_an_answer_reaches_a_client_that_closed_its_sending_side(runtime, peer):
    session = peer.create()
    peer.turn(session, "hello")
    call = peer.request("session.getMessages", sessionId=session)
    peer.socket.shutdown(socket.SHUT_WR)
    peer.until(lambda: call.done or peer.closed, "an answer or the end")
    assert call.done, "the answer was lost"


def test_a_client_that_vanishes_in_the_middle_of_a_frame_disturbs_nobody(runtime, peer):
    for part in (b"Content-Le", b"Content-Length: 100\r\n\r\n", b'Content-Length: 100\r\n\r\n{"jsonrpc"'):
        victim = runtime.stranger()
        victim.send_bytes(part)
        victim.close()
    assert peer.call("ping")["message"] == "pong"


# ---- errors


def test_an_unknown_method_is_named(peer):
    for method in ("session.fly", "nonsense", "", "session.create.more"):
        error = peer.refused(method)
        assert (error.code, error.message) == (-32601, f"Unhandled method {method}")


@pytest.mark.parametrize("params", [None, [], "x", 7])
def test_parameters_that_are_no_object_never_go_unanswered(peer, params):
    message = {"jsonrpc": "2.0", "id": "odd", "method": "session.create", "params": params}
    peer.send(message)
    answer = peer.until(lambda: peer.answers.get('"odd"'), "an answer")
    if not params:
        return  # No parameters are fine.
    assert answer["error"]["code"] in (-32600, -32602, -32603)


def test_unknown_parameters_are_ignored(peer):
    session = peer.create(40, envValueMode="direct", tools=[{"name": "x"}], futureThing={"a": [1, None]})
    assert peer.limits(session) == 40


def test_unknown_notifications_and_answers_are_ignored(peer):
    peer.notify("session.whatever", x=1)
    peer.send({"jsonrpc": "2.0", "id": 424242, "result": {}})
    peer.send({"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "m", "data": None}})
    peer.notify("$/cancelRequest", id="nothing")
    peer.notify("$/cancelRequest")
    assert peer.call("ping")["message"] == "pong"


def test_a_session_method_without_session_is_refused(peer):
    for method in ("session.getMessages", "session.send", "session.abort", "session.options.update", "session.resume"):
        for params in ({}, {"sessionId": None}, {"sessionId": 7}):
            assert peer.refused(method, params).code == -32603


def test_a_cancelled_request_is_answered_and_the_turn_goes_on(peer):
    session = peer.create()
    turn = peer.start_turn(session, ask("slow", gate="cancelled"))
    peer.model.wait_for("cancelled")
    peer.notify("$/cancelRequest", id=turn.message["id"])
    error = turn.error()
    assert (error.code, error.message) == (-32800, "Request cancelled")
    peer.model.open("cancelled")
    assert peer.event(session, "assistant.message")["data"]["content"].startswith("answer to slow")
    peer.event(session, "session.idle")
    assert peer.metrics(session)["totalNanoAiu"] == ONE_CALL


# ---- methods


def test_small_talk(runtime, peer):
    answer = peer.call("ping", message="hello")
    assert (answer["message"], answer["protocolVersion"]) == ("pong: hello", 3)
    assert answer["timestamp"]
    for params in ({}, {"message": None}):
        assert peer.call("ping", params)["message"] == "pong"
    assert peer.call("status.get")["protocolVersion"] == 3
    assert peer.call("auth.getStatus")["isAuthenticated"] is True
    assert peer.call("auth.getStatus").get("login", runtime.user.name) == runtime.user.name
    assert peer.call("plugins.builtin.set", paths=[]) is None
    assert peer.call("session.getForeground") in ({}, {"sessionId": None})


def test_models_come_from_the_price_table_with_prices_in_credits(peer):
    models = {model["id"]: model for model in peer.call("models.list")["models"]}
    assert set(models) == {"m-small", "m-odd"}
    model = models["m-small"]
    assert model["capabilities"]["limits"]["max_context_window_tokens"] == 128_000
    assert model["billing"]["tokenPrices"] == {
        "inputPrice": 0.05,
        "outputPrice": 0.4,
        "cacheReadPrice": 0.005,
        "cacheWritePrice": 0.06,
        "batchSize": 1000,
    }


def test_quota_is_the_callers_own(runtime):
    person = runtime.register()
    runtime.set_limits(person, 1000, 5000, -1)
    runtime.spend(person, 250)
    snapshots = runtime.peer(person).call("account.getQuota")["quotaSnapshots"]
    assert set(snapshots) == {"daily", "weekly", "monthly"}
    daily, monthly = snapshots["daily"], snapshots["monthly"]
    assert (daily["entitlementRequests"], daily["usedRequests"], daily["remainingPercentage"]) == (1000, 250, 75)
    assert (daily["isUnlimitedEntitlement"], monthly["isUnlimitedEntitlement"]) == (False, True)
    assert monthly["entitlementRequests"] == -1
    assert daily["usageAllowedWithExhaustedQuota"] is False and daily["overage"] == 0


def test_metrics_and_snapshot_of_a_fresh_session(peer):
    session = peer.create(workingDirectory="/somewhere")
    metrics = peer.metrics(session)
    assert metrics["totalUserRequests"] == metrics["lastCallInputTokens"] == metrics["lastCallOutputTokens"] == 0
    assert metrics["codeChanges"] == {
        "linesAdded": 0,
        "linesRemoved": 0,
        "filesModifiedCount": 0,
        "filesModified": [],
    }
    assert metrics["modelMetrics"] == {}
    assert MOMENT.fullmatch(metrics["sessionStartTime"])
    snapshot = peer.snapshot(session)
    assert snapshot["sessionId"] == session
    assert (snapshot["currentMode"], snapshot["isRemote"]) == ("interactive", False)
    assert {"workspacePath", "workingDirectory", "sessionLimits", "workspace"} <= set(snapshot)
    assert snapshot["workingDirectory"] == "/somewhere"
    assert isinstance(peer.snapshot(peer.create())["workingDirectory"], str)


def test_metrics_are_per_model_and_of_the_last_call(peer):
    session = peer.create()
    peer.turn(session, "one")
    peer.call("session.options.update", sessionId=session, model="m-odd")
    peer.turn(session, ask("two", input=100, output=10, cached=40, reasoning=3))
    metrics = peer.metrics(session)
    assert (metrics["lastCallInputTokens"], metrics["lastCallOutputTokens"]) == (100, 10)
    assert metrics["modelMetrics"]["m-small"]["requests"]["count"] == 1
    odd = metrics["modelMetrics"]["m-odd"]["usage"]
    assert (odd["inputTokens"], odd["outputTokens"], odd["cacheReadTokens"]) == (100, 10, 40)
    assert metrics["modelMetrics"]["m-small"]["totalNanoAiu"] == ONE_CALL
    assert metrics["totalUserRequests"] == 2 and metrics["currentModel"] == "m-odd"


def test_the_event_log_is_read_page_by_page_from_both_ends(peer):
    session = peer.create(40)
    peer.turn(session, "one")
    peer.turn(session, "two")
    history = peer.history(session)
    cursor, read = None, []
    while True:
        params = {"sessionId": session, "max": 3} | ({"cursor": cursor} if cursor else {})
        page = peer.call("session.eventLog.read", params)
        assert set(page) == {"events", "cursor", "hasMore", "cursorStatus"} and page["cursorStatus"] == "ok"
        assert len(page["events"]) <= 3
        read += page["events"]
        cursor = page["cursor"]
        if not page["hasMore"]:
            break
    assert durable(read) == history
    limits = peer.call("session.eventLog.read", sessionId=session, types=["session.session_limits_changed"])
    assert limits["events"] == of_type(history, "session.session_limits_changed")
    everything = peer.call("session.eventLog.read", sessionId=session, types="*")
    assert durable(everything["events"]) == history
    for bad in (0, 1001, -1):
        assert peer.refused("session.eventLog.read", sessionId=session, max=bad).code == -32603


def test_reading_at_the_tail_waits_for_what_comes(runtime, peer):
    session = peer.create()
    cursor = peer.call("session.eventLog.tail", sessionId=session)
    assert set(cursor) == {"cursor"}
    empty = peer.call("session.eventLog.read", sessionId=session, **cursor, waitMs=0)
    assert empty["events"] == [] and empty["hasMore"] is False
    waiting = peer.request("session.eventLog.read", sessionId=session, **cursor, waitMs=10_000)
    other = runtime.peer()
    other.resume(session, suppressResumeEvent=True)
    other.call("session.options.update", sessionId=session, sessionLimits={"maxAiCredits": 9})
    page = waiting.result()
    assert [event["type"] for event in page["events"]] == ["session.session_limits_changed"]
    began = time.monotonic()
    page = peer.call("session.eventLog.read", sessionId=session, cursor=page["cursor"], waitMs=200)
    assert page["events"] == [] and time.monotonic() - began < 5


def test_a_cursor_of_nowhere_is_expired_or_refused(peer):
    session = peer.create()
    call = peer.request("session.eventLog.read", sessionId=session, cursor="never given")
    peer.until(lambda: call.done, "an answer")
    assert call.answer.get("error", {}).get("code") == -32603 or call.result()["cursorStatus"] == "expired"


def test_shutdown_of_a_shared_service_ends_only_the_callers_attachments(runtime, peer):
    session = peer.create()
    other = runtime.peer()
    other.resume(session)
    assert peer.call("runtime.shutdown") is None
    error = peer.refused("connect", token=runtime.user.token)
    assert (error.code, error.message) == (-32000, "SERVER_SHUTTING_DOWN")
    assert other.turn(session, "goes on")["response"]
    assert not of_type(peer.events(session), "user.message")


def test_latency_of_a_client_that_writes_header_and_body_apart(peer):
    """Without quick acknowledgements every call of such a client takes 40 ms."""
    with socket.create_connection(peer.socket.getpeername()) as plain:
        reader, times = FrameReader(), []
        for number in range(60):
            method, params = ("connect", {"token": "x"}) if number == 0 else ("ping", {})
            body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
            began = time.perf_counter()
            plain.send(b"Content-Length: %d\r\n\r\n" % len(body))
            plain.send(body)
            while not reader.feed(plain.recv(65536)):
                pass
            times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.005, times


def test_a_listener_beyond_loopback_needs_tokens_or_does_not_start(tmp_path):
    """A data directory without any user has no token that could protect the listener."""
    from service import run

    result = run("serve", "--data", str(tmp_path / "none"), "--listen", "127.0.0.1:0", "--runtime-listen", "0.0.0.0:0")
    assert result.returncode != 0 and re.search(r"^quotalog: ", result.stderr)


# ---- clients that do not keep up


def test_a_client_that_does_not_read_is_closed_and_holds_up_nobody(runtime, peer):
    session = peer.create()
    slow = socket.create_connection(peer.socket.getpeername())
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    token = runtime.user.token
    slow.sendall(frame({"jsonrpc": "2.0", "id": 1, "method": "connect", "params": {"token": token}}))
    slow.sendall(frame({"jsonrpc": "2.0", "id": 2, "method": "session.resume", "params": {"sessionId": session}}))
    text = "y" * (1 << 20)
    for number in range(40):
        began = time.monotonic()
        assert peer.turn(session, f"{number}{text}")["response"]
        peer.call("session.commands.execute", sessionId=session, commandName="clear", args="")
        assert time.monotonic() - began < 10
    slow.settimeout(20)
    received = 0
    try:
        while data := slow.recv(1 << 20):
            received += len(data)
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"still open after {received} bytes nobody read") from None
    finally:
        slow.close()
    assert len(of_type(peer.events(session), "session.idle")) == 40


# ---- guards


def silent(runtime, count: int) -> list[socket.socket]:
    host, port = runtime.runtime.rsplit(":", 1)
    return [socket.create_connection((host, int(port))) for _ in range(count)]


def is_closed(connection: socket.socket, seconds: float = 5) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_silent_connections_keep_nobody_out(start_own):
    service = start_own()
    strangers = silent(service, 300)
    try:
        assert service.peer().call("ping")["message"] == "pong"
        assert all(is_closed(stranger) for stranger in strangers[:40]), "the oldest have to go"
        assert not is_closed(strangers[-1], 0.1)
        # None of them may stay for long.
        assert is_closed(strangers[-1], 15)
    finally:
        for stranger in strangers:
            stranger.close()


def test_a_stranger_sends_no_long_frame(start_own):
    service = start_own()
    before = own_memory(service)
    for _ in range(4):
        (stranger,) = silent(service, 1)
        with stranger:
            stranger.sendall(b"Content-Length: 60000000\r\n\r\n")
            assert is_closed(stranger)
    assert own_memory(service) - before < 8 << 20


def own_memory(service) -> int:
    text = Path(f"/proc/{service.server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) << 10


def test_a_long_frame_gives_its_memory_back(start_own):
    service = start_own()
    peer = service.peer()
    peer.call("ping")
    before = own_memory(service)
    for _ in range(3):
        assert peer.call("ping", {"message": "m", "x": "a" * 40_000_000})["message"] == "pong: m"
    assert own_memory(service) - before < 40 << 20


@pytest.mark.parametrize("port", ["http", "sdk"])
def test_both_ports_accept_again_when_files_are_free_again(start_own, port):
    service = start_own()
    process = service.server.process.pid
    taken = len(os.listdir(f"/proc/{process}/fd"))
    address = service.runtime if port == "sdk" else service.server.base.removeprefix("http://")
    host, number = address.rsplit(":", 1)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (taken + 12, taken + 12))
    crowd = [socket.create_connection((host, int(number))) for _ in range(20)]
    time.sleep(0.5)
    for connection in crowd:
        connection.close()
    assert service.peer().call("ping")["message"] == "pong"
    assert service.nobody.get("/livez").status == 200


def nested(depth: int) -> list:
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_what_nests_too_deeply_is_refused_under_its_id(peer):
    assert peer.refused("ping", {"message": "m", "x": nested(600)}).code == -32700
    assert peer.call("ping", {"message": "m", "x": nested(400)})["message"] == "pong: m"


def test_too_many_headers_are_refused_at_once(runtime, peer):
    session = peer.create()
    for headers in ({f"x-{number}": "a" for number in range(5000)}, {"authorization": "a" * 40_000}):
        error = peer.refused("session.send", {"sessionId": session, "prompt": "p", "requestHeaders": headers})
        assert "requestHeaders must have at most" in str(error)

"""A right that is taken away is gone at once and everywhere; and names, ids and roles let nobody in who is not meant."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import unicodedata
import uuid
from urllib.parse import quote

import pytest

import faults
from contract import USAGE
from model import Model
from peer import Peer
from runtime import SessionService
from service import DEADLINE_SECONDS, Account, Client, Service, Store, binary, environment, next_line, until
from sessions import Session
from test_failing_disk import Asker, FailingStore

PROVIDER_KEY = "a-key-that-only-the-application-knows"


def revoke(service, account: Account) -> None:
    answer = service.admin.ask("DELETE", f"/v1/users/{account.uuid}/tokens/{account.token_id}")
    assert answer.status == 204, answer.gist


def erase(service, account: Account) -> None:
    assert service.admin.ask("DELETE", f"/v1/users/{account.uuid}").status == 200


LOSSES = {"revoked": revoke, "deactivated": lambda service, account: service.deactivate(account), "erased": erase}


@pytest.fixture(params=LOSSES)
def lose(request, runtime):
    """Takes an account's right away, in one of the ways."""
    return lambda account: LOSSES[request.param](runtime, account)


def with_two_tokens(runtime: SessionService) -> tuple[Account, Account]:
    """One user twice: the first may lose its token alone."""
    first = runtime.register()
    issued = runtime.issue_token(first)
    first.token, first.token_id = issued["token"], issued["token_id"]
    second = Account(first.uuid, first.name, runtime.issue_token(first)["token"], first.base)
    return first, second


# ---- SDK connections


def test_a_connection_ends_with_its_right(runtime, lose):
    account, _ = with_two_tokens(runtime)
    peer = runtime.peer(account, model=False)
    session = peer.create()
    before = len(peer.events(session))
    lose(account)
    until(lambda: peer.closed, "the connection is closed")
    assert len(peer.events(session)) == before, "nothing is told after the commit that takes the right"
    with Peer(runtime.runtime) as again:
        assert "AUTHENTICATION_FAILED" in str(again.refused("connect", token=account.token))


def test_other_connections_stay(runtime):
    account, other = with_two_tokens(runtime)
    one, two, stranger = (runtime.peer(each, model=False) for each in (account, other, runtime.register()))
    session = two.create()
    one.resume(session)
    revoke(runtime, account)
    until(lambda: one.closed, "the connection is closed")
    assert two.metrics(session)["totalNanoAiu"] == 0 and stranger.call("ping")
    assert not two.closed


def test_who_has_lost_the_right_answers_no_model_call(runtime):
    """Neither prompts nor the key of a provider go to a handler whose token was revoked."""
    account, other = with_two_tokens(runtime)
    thief = runtime.peer(account, model=Model())
    owner = runtime.peer(other, model=False)
    session = owner.create(provider=runtime.endpoint.provider | {"apiKey": PROVIDER_KEY})
    thief.resume(session)
    revoke(runtime, account)
    until(lambda: thief.closed, "the connection is closed")
    assert owner.turn(session, "This is for the provider alone.")["response"] is not None
    assert thief.calls == []


def test_a_question_does_not_wait_for_who_may_not_answer(runtime):
    account, other = with_two_tokens(runtime)
    interested = runtime.peer(account, model=False)
    owner = runtime.peer(other)
    session = owner.create(1)
    interested.resume(session)
    interested.watch(session)
    owner.turn(session, "This costs 1.6 credits.")
    blocked = owner.start_turn(session, "One more.")
    owner.event(session, "session_limits_exhausted.requested")
    assert not blocked.done
    revoke(runtime, account)
    assert blocked.result() == {**blocked.result(), "aborted": False, "response": None}


def test_what_waits_for_its_turn_is_given_up(runtime):
    """Messages of a sender without right begin no call, whoever else is in the session."""
    account, other = with_two_tokens(runtime)
    sender, owner = runtime.peer(account), runtime.peer(other)
    session = owner.create(1)
    sender.resume(session)
    owner.watch(session)
    owner.turn(session, "This costs 1.6 credits.")
    sender.start_turn(session, "This waits for an answer.")
    sender.start_turn(session, "And this behind it.")
    question = owner.event(session, "session_limits_exhausted.requested")["data"]["requestId"]
    calls = runtime.admin.get(f"/v1/sessions/{session}").json["usage"]["calls"]
    revoke(runtime, account)
    owner.event(session, "session.idle", 2)
    assert owner.answer(session, question, "unset") is False, "the question went with who had asked"
    owner.call("session.options.update", {"sessionId": session, "sessionLimits": None})
    assert owner.turn(session, "Now there is no cap.")["response"]
    assert runtime.admin.get(f"/v1/sessions/{session}").json["usage"]["calls"] <= calls + 1


def test_streams_end_with_the_right(runtime, lose):
    account, _ = with_two_tokens(runtime)
    session = Session.begin(account.client)
    stream = session.stream()
    assert stream.status == 200
    lose(account)
    assert all(event["type"] == "session.start" for event in stream), "it ends, and nothing else came"


@pytest.mark.parametrize("role", ["auditor", "support"])
def test_a_role_that_reads_changes_nothing_over_an_sdk(runtime, role):
    peer = runtime.peer(runtime.by_role(role), model=False)
    assert peer.call("session.list") == {"sessions": []}
    assert f"the role {role} may not do this" in str(peer.refused("session.create", sessionId=str(uuid.uuid4())))
    for method in ("session.send", "session.resume", "session.delete", "session.abort"):
        assert "Session not found" in str(peer.refused(method, sessionId="s", prompt="x"))
    assert peer.call("session.list") == {"sessions": []}


def test_a_role_that_changes_counts_at_once(runtime):
    account = runtime.register()
    peer = runtime.peer(account, model=False)
    session = peer.create()
    assert runtime.admin.ask("PATCH", f"/v1/users/{account.uuid}", {"role": "auditor"}).status == 200
    for method in ("session.send", "session.resume", "session.destroy", "session.delete", "session.options.update"):
        assert "the role auditor may not do this" in str(peer.refused(method, sessionId=session, prompt="x"))
    assert peer.metrics(session)["totalNanoAiu"] == 0


# ---- the relay of a spawned runtime


def spawned(store, *flags: str, token: str) -> tuple[subprocess.Popen, int]:
    process = subprocess.Popen(
        [binary(), "--headless", *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment() | {"QUOTALOG_DATA": str(store.path), "COPILOT_CONNECTION_TOKEN": token},
    )
    return process, int(next_line(process).split()[-1])


def test_nobody_greets_as_the_relay_does(runtime):
    process, port = spawned(runtime.store, token="the right one")
    try:
        for greetings in (
            [{}], [{}, {}], [{"token": "mine"}], [{"token": None}], [{"token": "the right one"}, {}],
        ):
            with Peer(f"127.0.0.1:{port}") as peer:
                for params in greetings:
                    peer.notify("quotalog.relay", **params)
                for attempt in ({}, {"token": "mine"}, {"token": ""}):
                    assert "AUTHENTICATION_FAILED" in str(peer.refused("connect", attempt))
                assert "CONNECT_REQUIRED" in str(peer.refused("session.list"))
        with Peer(f"127.0.0.1:{port}", token="the right one") as peer:
            assert "sessions" in peer.call("session.list")
    finally:
        process.kill()
        process.communicate()


def test_a_spawned_runtime_prints_no_token_and_no_value(tmp_path):
    process = subprocess.Popen(
        [binary(), "--stdio", "--secret-flag", "a-secret-value", "--other=another-secret"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment() | {"QUOTALOG_DATA": str(tmp_path / "fresh")},
    )
    _, said = process.communicate(timeout=60)
    text = said.decode()
    assert "created a store" in text and "quotalog token issue admin" in text
    assert "secret-value" not in text and "another-secret" not in text
    assert "--secret-flag" in text and "--other" in text
    assert not [word for word in text.split() if len(word) > 30 and word.isalnum()], "nothing looks like a token"


# ---- names


COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "josé"), unicodedata.normalize("NFD", "josé")


def register(service, name: str):
    return service.admin.post("/v1/users", {"name": name})


def test_a_name_is_registered_in_its_composed_form(service):
    made = register(service, DECOMPOSED)
    assert made.status == 201 and made.json["name"].encode() == COMPOSED.encode()
    assert register(service, COMPOSED).json["code"] == "name_taken"
    assert register(service, DECOMPOSED).json["code"] == "name_taken"
    usage = {"id": "by-the-other-spelling", "user": DECOMPOSED, "tokens": 7}
    assert service.gateway.client.post("/v1/usage", usage).status == 201
    assert service.used(Account(made.json["user"], COMPOSED, "", service.base)) == (7, 7, 7)


KELVIN = "\u212aelly"


def test_names_that_only_look_the_same_are_not_the_same(start, tmp_path):
    """Two users whose names were stored before names were composed: by bytes, and neither reads of the other."""
    service = start()
    first = [register(service, name).json for name in (COMPOSED, "Kelly")]
    exported = service.store.path.parent / "export.jsonl"
    assert service.server.stop() == 0
    exported.write_text(service.store.run("export").stdout)
    events = [json.loads(line) for line in exported.read_text().splitlines()]
    position, at = events[-1]["position"], events[-1]["recorded_at"]
    legacy = {}
    for name in (DECOMPOSED, KELVIN):
        position += 1
        user = str(uuid.uuid4())
        legacy[name] = user
        registered = next(event for event in events if event["type"] == "user_registered")
        events.append(registered | {
            "position": position, "recorded_at": at, "happened_at": at, "user": user, "role": "user", "name": name})
    other = Store(tmp_path / "imported")
    subprocess.run([binary(), "import", "-", "--data", str(other.path)], check=True, capture_output=True,
                   input="\n".join(map(json.dumps, events)) + "\n", text=True, env=environment())
    for name, user in [(COMPOSED, first[0]["user"]), ("Kelly", first[1]["user"]), *legacy.items()]:
        found = other.read("usage", name)
        assert found["user"] == user, name
    other.admin = {"token": json.loads(other.run("token", "issue", "admin", "--json").stdout)["token"]}
    imported = Service(other)
    try:
        pairs = [(first[0], DECOMPOSED, legacy[DECOMPOSED]), (first[1], KELVIN, legacy[KELVIN])]
        for own, name, stranger in pairs:
            issued = imported.admin.post(f"/v1/users/{own['user']}/tokens", {}).json["token"]
            client = Client(imported.base, issued)
            for what in ("usage", "limits", "explain"):
                assert client.get(f"/v1/users/{quote(own['name'])}/{what}").status == 200
                assert client.get(f"/v1/users/{quote(name)}/{what}").status == 403
            assert client.post("/v1/sessions", {"user": name}).status == 403
            assert imported.admin.get(f"/v1/users/{stranger}/usage").status == 200
    finally:
        imported.close()


@pytest.mark.parametrize("name", [
    "a\u202egnp.exe", "a\u2066b\u2069", "zero\u200bwidth", "soft\u00adhyphen", "a\u0085b", "tag\U000e0041", "\ufeffbom",
    "end\u200d", "\u200cstart", "1\u200d2", "line\u2028end", "filler\u3164", "private\ue000",
])
def test_a_name_with_characters_that_nobody_sees_is_refused(service, name):
    answer = register(service, name)
    assert (answer.status, answer.json["member"]) == (400, "name"), answer.gist
    assert "U+" in answer.json["detail"]


@pytest.mark.parametrize("name", ["می\u200cخواهم", "ക്\u200dഷ", "Ærøskøbing", "李雷", "O'Brien-Smith, Jr."])
def test_names_that_people_have_are_taken(service, name):
    answer = register(service, name)
    assert (answer.status, answer.json.get("name")) == (201, unicodedata.normalize("NFC", name)), answer.gist


def test_a_token_is_its_bytes(start):
    """U+212A looks like K and is another character, also where the header with K is remembered."""
    service = start()
    assert service.server.stop() == 0
    token = "Kelvin-" + "x" * 24
    service.store.try_run("user", "add", "kelvin", "--token-stdin", input=token + "\n").check_returncode()
    service.resume()
    host, port = service.base.removeprefix("http://").split(":")
    for spelling, status in ((token, b"200"), (token.replace("K", KELVIN[0]), b"401"), (token, b"200")):
        raw = f"GET {USAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {spelling}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
            connection.sendall(raw.encode())
            assert connection.recv(65536).split()[1] == status


# ---- staff, tokens, browsers, keys


def test_the_last_staff_user_cannot_lock_everybody_out(start):
    service = start()
    path = f"/v1/users/{service.store.admin['user']}"
    for method, body in (("PATCH", {"active": False}), ("PATCH", {"role": "user"}), ("DELETE", None)):
        answer = service.admin.ask(method, path, body)
        assert (answer.status, answer.json["code"]) == (409, "last_staff"), answer.gist
    other = service.register("staff")
    assert service.admin.ask("PATCH", path, {"active": False}).status == 200
    assert other.client.ask("PATCH", f"/v1/users/{other.uuid}", {"role": "support"}).json["code"] == "last_staff"


def test_an_answer_with_a_token_is_kept_by_nobody(service, person):
    answer = service.admin.post(f"/v1/users/{person.uuid}/tokens", {})
    assert (answer.status, answer["Cache-Control"]) == (201, "no-store")


def test_scripts_see_how_much_is_left(start):
    service = start("--allowed-origin", "https://app.example")
    origin = {"Origin": "https://app.example"}
    answer = service.gateway.client.post("/v1/check", {"user": service.user.uuid, "estimate": 1}, **origin)
    exposed = {name.strip().lower() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= exposed


def test_one_callers_keys_leave_those_of_others_alone(runtime):
    careful, busy = runtime.register(), runtime.register()
    session = Session.begin(careful.client)
    first = session.post("clear", {}, Idempotency_Key="careful")
    assert first.status == 200
    noise = Session.begin(busy.client)
    for number in range(1100):
        assert noise.post("clear", {}, Idempotency_Key=f"busy-{number}").status == 200
    assert session.post("clear", {}, Idempotency_Key="careful").gist == first.gist


# ---- shared budgets


def put_budget(service, name: str, **members):
    answer = service.gateway.client.ask("PUT", f"/v1/budgets/{name}", {"max_ai_credits": 5} | members)
    assert answer.status in (200, 201), answer.gist
    return answer.json


def test_a_budget_is_for_those_who_were_let_in(runtime):
    inside, outside = runtime.register(), runtime.register()
    name = f"budget-{uuid.uuid4()}"
    assert put_budget(runtime, name)["members"] == []
    for account in (inside, outside):
        assert account.client.get(f"/v1/budgets/{name}").status == 404
        assert account.client.post("/v1/sessions", {"budget_id": name}).status == 404
    assert put_budget(runtime, name, members=[inside.uuid])["members"] == [inside.uuid]
    assert "members" not in inside.client.get(f"/v1/budgets/{name}").json
    session = Session.begin(inside.client, budget_id=name)
    assert session.check()["allowed"]
    assert outside.client.post("/v1/sessions", {"budget_id": name}).status == 404
    # Whoever is let in no more spends no more, also in sessions that go on.
    put_budget(runtime, name, members=[outside.uuid])
    assert session.post("check", {}).status == 404
    assert inside.client.get(f"/v1/budgets/{name}").status == 404
    assert session.spend(0.1)["duplicate"] is False, "what was used is counted"
    assert put_budget(runtime, name, open=True)["open"] is True
    assert session.check()["allowed"] and inside.client.get(f"/v1/budgets/{name}").status == 200
    # A cap alone leaves the rest as it is.
    assert put_budget(runtime, name)["open"] is True


@pytest.mark.parametrize("members", [
    {"members": "x"}, {"members": ["x"]}, {"open": "yes"}, {"open": True, "members": []},
    {"members": [str(uuid.uuid4())] * 129}, {"Members": []},
])
def test_who_may_use_a_budget_is_said_plainly(service, members):
    answer = service.admin.ask("PUT", "/v1/budgets/b-plain", {"max_ai_credits": 5} | members)
    assert answer.status == 400, answer.gist
    assert service.admin.get("/v1/budgets/b-plain").status == 404


# ---- on a disk that is full


@pytest.mark.parametrize("way", ["revoked", "deactivated", "erased", "demoted"])
@pytest.mark.parametrize("restart", ["kill", "stop", None])
def test_a_right_that_was_taken_on_a_full_disk_is_gone(tmp_path, way, restart):
    """The log takes the event and the projection cannot: acknowledged is acknowledged, also when there is room again."""
    store = FailingStore.make(tmp_path)
    service = Service(store)
    try:
        account = service.register("support")
        token_id = service.issue_token(account)
        account.token, other = token_id["token"], service.register()
        admin, theirs = Asker(service.base, store.admin["token"]), Asker(service.base, account.token)
        reading, writing = (("GET", f"/v1/users/{other.uuid}/usage"), ("PATCH", f"/v1/users/{other.uuid}/limits", {"daily_limit": 5}))
        assert theirs.ask(*reading).status == theirs.ask(*writing).status == 200
        store.instrument.order("fail", error=errno.ENOSPC, kinds=faults.WRITE, match="projections/", lasting=True)
        path = f"/v1/users/{account.uuid}"
        taken = {
            "revoked": ("DELETE", f"{path}/tokens/{token_id['token_id']}"),
            "deactivated": ("PATCH", path, {"active": False}),
            "erased": ("DELETE", path),
            "demoted": ("PATCH", path, {"role": "user"}),
        }[way]
        answer = admin.ask(*taken)
        expected = 403 if way == "demoted" else 401
        if answer.status == 503:
            pytest.skip("nothing was taken")
        assert answer.status in (200, 204), answer
        assert store.instrument.happened > 0, "the disk has failed"
        for _ in range(3):
            assert theirs.ask(*reading).status == expected
        if restart:
            service.server.kill() if restart == "kill" else service.server.stop()
            service.resume()
            theirs.base = admin.base = service.base
            assert theirs.ask(*reading).status == expected, "and after a restart, with a disk that is still full"
        store.instrument.disarm()
        until(lambda: admin.ask("PATCH", f"/v1/users/{other.uuid}/limits", {"weekly_limit": 9}).status == 200, "room")
        assert theirs.ask(*reading).status == expected
        assert theirs.ask(*writing).status == expected
        service.restart()
        theirs.base = service.base
        assert theirs.ask(*reading).status == expected
    finally:
        service.close()


def test_whose_session_it_is_comes_before_how_long_it_is(runtime):
    owner, stranger = runtime.register(), runtime.register()
    session = Session.begin(owner.client)
    answers = [stranger.client.get(f"/v1/sessions/{name}?as_of={runtime.position}") for name in (session.id, "none")]
    assert [answer.status for answer in answers] == [404, 404] and answers[0].body == answers[1].body
    assert owner.client.get(f"{session.path}?as_of={runtime.position}").status == 200

"""The `session` commands: on a store that nobody serves, and beside a running service."""

import json
import os
import pty
import subprocess

import pytest

from service import Client, Server, binary
from sessions import Session
from test_command_line import BAD_DATA, UNAVAILABLE, USAGE_ERROR, complains


@pytest.fixture
def asking(start):
    """A service, a session that asks, and the question."""
    service = start()
    session = Session.begin(service.gateway.client, 2.5, session_id="s1")
    session.spend(3.2)
    request = session.check()["request_id"]
    Session.begin(service.by_role("user").client, session_id="s2")
    return service, session, request


@pytest.fixture
def stopped(asking):
    """The same with the service stopped: the store and the question."""
    service, _, request = asking
    assert service.server.stop() == 0
    return service.store, request


def lines(store, *arguments: str) -> list[dict]:
    return [json.loads(line) for line in store.run(*arguments, "--json").stdout.splitlines()]


def test_what_looks_works_beside_a_service_and_says_what_http_says(asking):
    service, session, request = asking
    store = service.store
    assert store.read("session", "show", "s1") == session.document
    everything = lines(store, "session", "list")
    assert everything == service.admin.get("/v1/sessions").json["sessions"]
    assert lines(store, "session", "list", "--user", service.user.name) == everything[1:]
    assert lines(store, "session", "events", "s1") == session.history()
    shown = store.run("session", "show", "s1").stdout
    assert "3.2 of 2.5" in shown and request in shown
    assert len(store.run("session", "list").stdout.splitlines()) == 2


def test_what_writes_is_refused_beside_a_service(asking):
    service, _, request = asking
    for words in (("limits", "s1", "--set", "5"), ("answer", "s1", request, "--unset")):
        assert complains(service.store.try_run("session", *words), UNAVAILABLE)


def test_a_cap_is_set_and_removed(stopped):
    store, _ = stopped
    assert store.read("session", "limits", "s1", "--set", "40.5")["session_limits"] == {"max_ai_credits": 40.5}
    assert store.read("session", "show", "s1")["state"] == "within"
    assert store.read("session", "limits", "s1", "--remove")["session_limits"] is None
    assert "nothing to change" in store.run("session", "limits", "s1", "--remove").stdout


@pytest.mark.parametrize(
    "words, limits",
    [
        (("--add", "2.25"), {"max_ai_credits": 4.75}), (("--set", "9"), {"max_ai_credits": 9}), (("--unset",), None),
        (("--cancel",), {"max_ai_credits": 2.5}),
    ],
)  # fmt: skip
def test_a_question_is_answered_once(stopped, words, limits):
    store, request = stopped
    answered = store.read("session", "answer", "s1", request, *words)
    assert answered["session_limits"] == limits and answered["pending_request"] is None
    assert complains(store.try_run("session", "answer", "s1", request, *words), BAD_DATA)


@pytest.mark.parametrize(
    "words",
    [
        ("limits", "s1"), ("limits", "s1", "--set", "5", "--remove"), ("limits", "s1", "--set", "0"),
        ("limits", "s1", "--set", "-5"), ("limits", "s1", "--set", "many"), ("answer", "s1", "r1"),
        ("answer", "s1", "r1", "--add", "1", "--cancel"), ("answer", "s1"), ("show",), ("show", "a/b"), ("list", "x"),
        ("nothing",),
    ],
)  # fmt: skip
def test_a_wrong_command_line_changes_nothing(store, words):
    assert complains(store.try_run("session", *words), USAGE_ERROR)


def test_an_unknown_session_or_user_is_said_to_be_unknown(store):
    for words in (("show", "s9"), ("events", "s9"), ("limits", "s9", "--remove"), ("list", "--user", "nobody")):
        assert complains(store.try_run("session", *words), BAD_DATA)


def test_follow_prints_what_happens_until_the_session_is_deleted(asking):
    service, session, _ = asking
    process = subprocess.Popen(
        [binary(), "session", "events", "s1", "--follow", "--json", "--data", str(service.store.path)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        before = [json.loads(process.stdout.readline()) for _ in session.history()]
        session.patch({"session_limits": {"max_ai_credits": 9}})
        before.append(json.loads(process.stdout.readline()))
        assert before == session.history()
        session.ask("DELETE")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_terminal_gets_a_bar(stopped):
    store, _ = stopped
    leader, follower = pty.openpty()
    try:
        subprocess.run(
            [binary(), "session", "show", "s1", "--data", str(store.path)],
            stdin=subprocess.DEVNULL, stdout=follower, timeout=60, check=True,
        )  # fmt: skip
        text = os.read(leader, 65536).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert "\x1b[31m" + "█" * 30 in text


def test_what_the_command_answers_is_told_by_the_next_service(stopped):
    store, request = stopped
    store.run("session", "answer", "s1", request, "--add", "1")
    server = Server(store)
    try:
        client = Client(server.base, store.admin["token"])
        document = client.get("/v1/sessions/s1").json
        assert document["session_limits"] == {"max_ai_credits": 3.5} and document["pending_request"] is None
    finally:
        assert server.stop() == 0

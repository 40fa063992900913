"""The runtime as an SDK starts it, without any SDK: command line, streams, ends (contract 4.1)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from journal import FrameReader
from peer import DEADLINE_SECONDS, Peer, frame
from runtime import SessionService
from service import binary, environment, next_line

HEADLESS = ("--headless", "--no-auto-update", "--log-level", "info")


@pytest.fixture(scope="module")
def served(start_sessions) -> SessionService:
    """A running service that spawned runtimes share; a client without token is its user admin."""
    return start_sessions("--local-user", "admin")


@pytest.fixture
def spawn(served) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts runtimes on the store of the running service; none outlives the test."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [binary(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment() | {"QUOTALOG_DATA": str(served.store.path)} | variables,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


class Pipe:
    """Frames over the streams of a process."""

    def __init__(self, process: subprocess.Popen):
        self.process, self.reader, self.waiting = process, FrameReader(), []

    def ask(self, method: str, **params) -> dict:
        message = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
        self.process.stdin.write(frame(message))
        self.process.stdin.flush()
        while True:
            for answer in self.waiting:
                if answer.get("id") == method:
                    self.waiting.remove(answer)
                    return answer
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, "the streams ended"
            self.waiting += [message for _, message in self.reader.feed(data)]


def port_of(process: subprocess.Popen) -> int:
    """The port of the one line that a runtime says."""
    line = next_line(process)
    found = re.fullmatch(r"CLI server listening on port (\d+)\n", line)
    assert found, line
    return int(found[1])


def test_standard_streams_carry_frames_and_nothing_else_and_end_with_the_input(spawn):
    process = spawn(*HEADLESS, "--stdio")
    pipe = Pipe(process)
    assert pipe.ask("ping")["error"]["message"] == "CONNECT_REQUIRED"
    assert pipe.ask("connect")["result"]["ok"] is True
    made = pipe.ask("session.create", sessionId=f"stdio-{process.pid}", sessionLimits={"maxAiCredits": 4})
    assert made["result"]["sessionId"] == f"stdio-{process.pid}"
    process.stdin.close()
    assert process.wait(10) == 0
    pipe.reader.feed(process.stdout.read())
    assert pipe.reader.buffer == b""


def test_a_runtime_of_its_own_port_says_one_line_and_goes_at_a_signal(spawn):
    process = spawn(*HEADLESS, COPILOT_CONNECTION_TOKEN="a token of the sdk's own")
    with Peer(f"127.0.0.1:{port_of(process)}") as peer:
        for token in ("wrong", None):
            error = peer.refused("connect", {"token": token} if token else {})
            assert (error.code, error.message) == (-32002, "AUTHENTICATION_FAILED")
        assert peer.call("connect", token="a token of the sdk's own")["protocolVersion"] == 3
        session = peer.create(4, sessionId=f"tcp-{process.pid}")
        assert peer.limits(session) == 4
        assert not peer.journal.faults
        began = time.monotonic()
        process.terminate()
        process.wait(DEADLINE_SECONDS)
        assert time.monotonic() - began < 4
    assert process.stdout.read() == b""


def test_a_port_can_be_asked_for(spawn):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = spawn(*HEADLESS, "--port", str(port))
    assert port_of(process) == port
    refused = spawn(*HEADLESS, f"--port={port}")
    assert refused.wait(10) != 0
    assert refused.stderr.read()


@pytest.mark.parametrize(
    "more",
    [
        ("--remote",),
        ("--cli-login-sync-integration-id=abc",),
        ("--some-future-flag", "its-value"),
        ("--auth-token-env", "COPILOT_SDK_AUTH_TOKEN", "--no-auto-login", "--session-idle-timeout", "60"),
        ("--host", "127.0.0.1", "--log-level=debug"),
        ("--another=with=equals", "stray"),
    ],
    ids=str,
)
def test_flags_of_other_versions_are_passed_over(spawn, more):
    process = spawn(*more, *HEADLESS, "--stdio", COPILOT_SDK_AUTH_TOKEN="ghp_x")
    pipe = Pipe(process)
    assert pipe.ask("connect")["result"]["ok"] is True
    process.stdin.close()
    assert process.wait(10) == 0
    notes = process.stderr.read().decode()
    known = {"--auth-token-env", "--host"}
    assert (more[0].split("=")[0] in notes) == (more[0] not in known), notes
    assert "ghp_x" not in notes


def test_sessions_and_budgets_are_those_of_the_running_service(served, spawn):
    process = spawn(*HEADLESS, "--stdio")
    pipe = Pipe(process)
    pipe.ask("connect")
    name = f"shared-{process.pid}"
    pipe.ask("session.create", sessionId=name, sessionLimits={"maxAiCredits": 4})
    with Peer(served.runtime, served.store.admin["token"]) as peer:
        peer.resume(name)
        peer.call("session.options.update", sessionId=name, sessionLimits={"maxAiCredits": 5})
        snapshot = pipe.ask("session.metadata.snapshot", sessionId=name)["result"]
        assert snapshot["sessionLimits"] == {"maxAiCredits": 5}
        assert pipe.ask("runtime.shutdown")["result"] is None
        process.stdin.close()
        assert process.wait(10) == 0
        assert peer.limits(name) == 5
        assert peer.call("ping")


def test_a_runtime_whose_client_vanished_goes_too(spawn):
    process = spawn(*HEADLESS, "--stdio")
    pipe = Pipe(process)
    pipe.ask("connect")
    process.stdin.write(b"Content-Length: 100\r\n\r\n{")
    process.stdin.close()
    process.wait(10)


def test_output_that_nobody_reads_never_holds_up_a_spawned_listener(spawn):
    """SDKs read neither stream of a runtime that listens; a pipe holds 64 kB."""
    process = spawn(*HEADLESS, *(f"--unknown-{n}={'x' * 200}" for n in range(400)), COPILOT_CONNECTION_TOKEN="T")
    readable = threading.Thread(target=port_of, args=(process,))
    readable.start()
    readable.join(9)
    assert not readable.is_alive(), "blocked while it wrote notes that nobody reads"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_listener_beyond_loopback_without_a_token_does_not_start(spawn, host):
    process = spawn(*HEADLESS, "--host", host)
    assert process.wait(10) != 0
    assert b"quotalog: " in process.stderr.read()

"""A quotalog that an SDK has spawned: what it relays to the service of its store, and how it ends."""

import os
import signal
import socket
import subprocess
import threading

import pytest

from service import DEADLINE_SECONDS, binary

FLAGS = ("--headless", "--no-auto-update", "--log-level", "info", "--no-auto-login")
TRUSTED = b'{"jsonrpc":"2.0","method":"quotalog.relay","params":{}}'
WITH_TOKEN = b'{"jsonrpc":"2.0","method":"quotalog.relay","params":{"token":"secret"}}'


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class EchoService:
    """Stands for the service of a store: gives back all that it gets, until the end of that."""

    def __init__(self, directory):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{directory}/runtime.sock")
        self.listener.listen()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection: socket.socket):
        try:
            while data := connection.recv(65_536):
                connection.sendall(data)
        except OSError:
            pass
        connection.close()

    def drop(self):
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def echo(store):
    service = EchoService(store.path)
    yield service
    service.listener.close()


@pytest.fixture
def spawn(store):
    """Starts the command as an SDK does."""
    processes = []

    def start(*flags: str, **variables: str) -> subprocess.Popen:
        environment = os.environ | {"QUOTALOG_DATA": str(store.path)} | variables
        process = subprocess.Popen(
            [binary(), *FLAGS, *flags], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_input_comes_back_through_the_service(echo, spawn):
    process = spawn("--stdio")
    sent = os.urandom(3_000_000)
    output, complaints = process.communicate(sent, timeout=DEADLINE_SECONDS)
    assert output == frame(TRUSTED) + sent
    assert (process.returncode, complaints) == (0, b"")


def test_unknown_flags_are_noted_on_standard_error_only(echo, spawn):
    process = spawn("--new-flag=7", "--stdio")
    output, complaints = process.communicate(b"x", timeout=DEADLINE_SECONDS)
    assert output == frame(TRUSTED) + b"x"
    assert complaints == b"quotalog: ignored the unknown flag --new-flag\n"


def test_a_lost_service_is_said(echo, spawn):
    process = spawn("--stdio")
    process.stdin.write(b"x")
    process.stdin.flush()
    assert process.stdout.read(len(frame(TRUSTED))) == frame(TRUSTED)
    echo.drop()
    assert process.wait(timeout=DEADLINE_SECONDS) == 69
    assert process.stderr.read() == b"quotalog: the service has closed the connection\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("flags", [("--stdio",), ()])
def test_a_signal_ends_it_at_once(echo, spawn, flags, number):
    process = spawn(*flags)
    assert process.stdout.read(1)
    process.send_signal(number)
    assert process.wait(timeout=5) == 0


def test_tcp_clients_have_connections_of_their_own(echo, spawn):
    process = spawn(COPILOT_CONNECTION_TOKEN="secret")
    line = process.stdout.readline().decode()
    assert line.startswith("CLI server listening on port ")
    port = int(line.split()[-1])
    for text in (b"one", b"two"):
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS) as client:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            received = b""
            while data := client.recv(4096):
                received += data
            assert received == frame(WITH_TOKEN) + text
    process.terminate()
    assert process.communicate(timeout=DEADLINE_SECONDS) == (b"", b"")


def test_other_machines_need_a_token(spawn):
    process = spawn("--host", "0.0.0.0")
    output, complaints = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (64, b"")
    assert b"without a token" in complaints


@pytest.mark.parametrize("port", ["x", "-1", "65536"])
def test_a_bad_port_is_refused(spawn, port):
    process = spawn("--port", port)
    assert process.wait(timeout=DEADLINE_SECONDS) == 64

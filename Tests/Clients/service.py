"""A real quotalog: its command line, its server process, and a plain HTTP client that adds nothing unseen."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit

import contract

DEADLINE_SECONDS = 20
FAKETIME_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


def binary() -> str:
    """The command under test; there is no default, so that no stale build is tested by accident."""
    path = os.environ.get("QUOTALOG_BIN")
    assert path, "QUOTALOG_BIN must name the quotalog binary"
    return path


def compact(value) -> bytes:
    """JSON without spaces, as the clients send it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer as it came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def __getitem__(self, header: str) -> str | None:
        return self.headers.get(header)

    @cached_property
    def json(self):
        return json.loads(self.body)

    @property
    def gist(self) -> tuple[int, bytes]:
        """What most tables compare: status and body."""
        return self.status, self.body


@dataclass
class Client:
    """Sends each request over a connection of its own with exactly the headers given."""

    base: str
    token: str | None = None

    def ask(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Answer:
        """Bytes are sent as they are; any other body is sent as compact JSON."""
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Token {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = compact(body)
            headers.setdefault("Content-Type", "application/json")
        url = urlsplit(self.base)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, url.path + target, body=body, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        contract.check_every_answer(method, target, headers, answer)
        return answer

    def get(self, target: str, **headers) -> Answer:
        return self.ask("GET", target, headers=with_dashes(headers))

    def post(self, target: str, body=None, **headers) -> Answer:
        return self.ask("POST", target, body, headers=with_dashes(headers))

    def set_quota(self, body, content_type: str | None = "application/json") -> Answer:
        return self.ask("POST", contract.SET_QUOTA, body, {"Content-Type": content_type} if content_type else {})


def with_dashes(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def exchange(base: str, request: bytes) -> bytes:
    """Everything the server sends for these bytes until it closes the connection."""
    url = urlsplit(base)
    with socket.create_connection((url.hostname, url.port), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


class Clock:
    """The wall clock of processes under libfaketime: it stands still until it is set again.

    The monotonic clock is left alone, so timers and timeouts of the server go on as usual. A process that meets the
    library first would add FAKETIME_SHARED to its environment, which moves the environment away from the arguments,
    and then the Swift runtime finds no arguments; so a keeper process meets it first and hands that variable on.
    """

    def __init__(self, directory: Path, moment: str):
        self.file = directory / "clock"
        self.set(moment)
        library = next((path for path in FAKETIME_LIBRARIES if os.path.exists(path)), None)
        assert library, "the clock tests need libfaketime (Debian package faketime)"
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
        }
        # Without FORCE_MONOTONIC_FIX=0 the library turns every timed wait of a condition variable into a busy loop.
        self.keeper = subprocess.Popen(
            ["/bin/sh", "-c", 'echo "$FAKETIME_SHARED"; read -r line'],
            env=environment() | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.environment["FAKETIME_SHARED"] = self.keeper.stdout.readline().strip()

    def set(self, moment: str) -> None:
        """`moment` is UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`; the file is replaced at once, never half written."""
        fresh = self.file.with_suffix(".next")
        fresh.write_text(moment + "\n")
        fresh.rename(self.file)

    def close(self) -> None:
        """Ends the keeper and removes the shared memory that a shell leaves behind."""
        self.keeper.communicate()
        for name in self.environment["FAKETIME_SHARED"].split():
            for prefix in ("", "sem."):
                Path("/dev/shm", prefix + name.removeprefix("/")).unlink(missing_ok=True)


@dataclass
class Store:
    """A data directory and the commands that work on it without a server."""

    path: Path
    clock: Clock | None = None
    admin: dict = field(default_factory=dict)

    @classmethod
    def create(cls, directory: Path, *options: str, clock: Clock | None = None) -> Store:
        store = cls(directory / "data", clock)
        store.admin = json.loads(store.run("init", "--json", *options).stdout)
        return store

    @property
    def environment(self) -> dict[str, str]:
        return environment() | (self.clock.environment if self.clock else {})

    def try_run(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
        return run(*arguments, "--data", str(self.path), input=input, env=self.environment)

    def run(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
        result = self.try_run(*arguments, input=input)
        assert result.returncode == 0, f"{arguments} ended with {result.returncode}: {result.stderr}"
        return result

    def read(self, *arguments: str):
        """The JSON document that a command prints with --json."""
        return json.loads(self.run(*arguments, "--json").stdout)


def environment() -> dict[str, str]:
    """The caller's environment without settings of quotalog, which would change what a test means."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QUOTALOG_")}


def run(*arguments: str, input: str | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """One command to its end."""
    return subprocess.run(
        [binary(), *arguments],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        env=environment() if env is None else env,
        timeout=60,
    )


def next_line(process: subprocess.Popen) -> str:
    """The next line that a process prints, or nothing when it ended or took too long. Its output is not buffered here,
    so a line that comes together with the one before is not overlooked."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_SECONDS)
        byte = os.read(process.stdout.fileno(), 1) if ready else b""
        if not byte:
            break
        line += byte
    return line.decode()


class Server:
    """A serving process, on a free port of 127.0.0.1 unless the options say another address."""

    def __init__(self, store: Store, *options: str):
        self.store = store
        self.stderr = tempfile.TemporaryFile(mode="w+", dir=store.path.parent)
        listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
        self.process = subprocess.Popen(
            [binary(), "serve", "--data", str(store.path), *listen, "--json", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            env=store.environment,
        )
        try:
            line = next_line(self.process)
            assert line, f"the server did not start: {self.complaints()}"
            announced = json.loads(line)
            self.base = announced["listening"]
            self.runtime: str | None = announced.get("runtime")
        except BaseException:
            self.kill()
            raise

    def complaints(self) -> str:
        self.stderr.seek(0)
        return self.stderr.read()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and the exit code once the server has drained."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.running:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@dataclass
class Account:
    """Somebody of the directory with a token of their own."""

    uuid: str
    name: str
    token: str
    base: str

    @property
    def client(self) -> Client:
        return Client(self.base, self.token)

    @property
    def hex(self) -> str:
        return self.uuid.replace("-", "")


class Service:
    """A running server with its store, its people, and the few calls that most tests prepare with."""

    _numbers = itertools.count(1)

    def __init__(self, store: Store, *options: str):
        self.store = store
        self.options = options
        self.server = Server(store, *options)
        self._people: dict[str, Account] = {}
        self._accounts: list[Account] = []
        self._registering = threading.Lock()

    @property
    def base(self) -> str:
        return self.server.base

    @property
    def clock(self) -> Clock:
        assert self.store.clock, "this service runs on the real clock"
        return self.store.clock

    def restart(self, *options: str) -> None:
        """Stops cleanly and serves again; without options, with the same ones as before."""
        assert self.server.stop() == 0
        self.resume(*options)

    def resume(self, *options: str) -> None:
        self.server = Server(self.store, *(options or self.options))
        for account in self._accounts:
            account.base = self.base

    def close(self) -> None:
        self.server.stop()

    @property
    def nobody(self) -> Client:
        return Client(self.base)

    @property
    def admin(self) -> Client:
        """The staff user that `init` made."""
        return Client(self.base, self.store.admin["token"])

    def by_role(self, role: str) -> Account:
        """The one account of that role that tests share."""
        with self._registering:
            if role not in self._people:
                self._people[role] = self.register(role)
            return self._people[role]

    user = property(lambda self: self.by_role("user"))
    support = property(lambda self: self.by_role("support"))
    staff = property(lambda self: self.by_role("staff"))
    gateway = property(lambda self: self.by_role("service"))
    auditor = property(lambda self: self.by_role("auditor"))

    def register(self, role: str = "user", *, uuid_text: str | None = None, expires_in: int | None = None) -> Account:
        """A new active user of that role with a token."""
        account = Account(uuid_text or str(uuid.uuid4()), f"{role}-{next(self._numbers)}", "", self.base)
        made = self.admin.post("/v1/users", {"name": account.name, "uuid": account.uuid, "role": role})
        assert made.status == 201, made.gist
        account.token = self.issue_token(account, expires_in=expires_in)["token"]
        self._accounts.append(account)
        return account

    def issue_token(self, account: Account, expires_in: int | None = None) -> dict:
        terms = {} if expires_in is None else {"expires_in": expires_in}
        issued = self.admin.post(f"/v1/users/{account.uuid}/tokens", terms)
        assert issued.status == 201, issued.gist
        return issued.json

    def deactivate(self, account: Account) -> None:
        answer = self.admin.ask("PATCH", f"/v1/users/{account.uuid}", {"active": False})
        assert answer.status == 200, answer.gist

    def set_limits(self, account: Account, *limits: int | None) -> None:
        """All three own limits: daily, weekly, monthly."""
        body = {"user_uuid": account.uuid} | contract.limit_members(*limits)
        answer = self.admin.set_quota(compact(body))
        assert answer.gist == (200, b""), answer.gist

    def set_defaults(self, *limits: int) -> None:
        answer = self.admin.ask("PUT", "/v1/defaults", contract.limit_members(*limits))
        assert answer.status in (200, 204), answer.gist

    def spend(self, account: Account, tokens: int, *, time: str | None = None, id: str | None = None) -> dict:
        """Records usage that must be new, and returns its receipt."""
        answer = self.try_spend(account, tokens, time=time, id=id)
        assert answer.status == 201, answer.gist
        return answer.json

    def try_spend(self, account: Account, tokens: int, *, time: str | None = None, id: str | None = None) -> Answer:
        usage = {"id": id or str(uuid.uuid4()), "user": account.uuid, "tokens": tokens}
        return self.gateway.client.post("/v1/usage", usage | ({"time": time} if time else {}))

    def usage(self, account: Account) -> dict:
        """Waldur's usage document, as staff sees it."""
        answer = self.admin.get(f"{contract.USAGE}?user_uuid={account.uuid}")
        assert answer.status == 200, answer.gist
        return answer.json

    def used(self, account: Account) -> tuple[int, int, int]:
        document = self.usage(account)
        return tuple(document[f"{period}_usage"] for period in contract.PERIODS)

    def limits(self, account: Account) -> tuple[int | None, ...]:
        document = self.usage(account)
        return tuple(document[name] for name in contract.LIMITS)

    def windows(self, account: Account, day: date | str | None = None) -> dict:
        """The native usage document's windows, of the current moment or of one local date."""
        answer = self.admin.get(f"/v1/users/{account.uuid}/usage" + (f"?date={day}" if day else ""))
        assert answer.status == 200, answer.gist
        return answer.json["windows"]

    def events(self, **query) -> list[dict]:
        """All events that match, page by page."""
        found, after = [], 0
        while True:
            words = "&".join(f"{name}={quote(str(value))}" for name, value in (query | {"after": after}).items())
            page = self.admin.get(f"/v1/events?{words}")
            assert page.status == 200, page.gist
            found += page.json["events"]
            after = page.json["next_after"]
            if not page.json["has_more"]:
                return found

    @property
    def position(self) -> int:
        """The position of the last event."""
        answer = self.admin.get("/v1/events?limit=1")
        assert answer.status == 200, answer.gist
        return answer.json["position"]


def until(condition, what: str, seconds: float = DEADLINE_SECONDS):
    """The first true value of `condition`; time is only a limit for giving up, never a pace."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"never happened: {what}")

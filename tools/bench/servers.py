"""The servers that are compared, each started here on a free port of 127.0.0.1 and stopped by its own pid."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from . import machine
from .machine import HERE, Unusable, free_port, program

START_SECONDS = 60
STOP_SECONDS = 60
USER_DIGITS = 12
UUID_PREFIX = "00000000-0000-4000-8000-"
NAME_PREFIX = "user-"


@dataclass(frozen=True)
class People:
    """The users of all systems: numbered from 0, each with a name and a UUID that hold the number."""

    count: int

    @staticmethod
    def uuid(number: int) -> str:
        return f"{UUID_PREFIX}{number:0{USER_DIGITS}d}"

    @staticmethod
    def name(number: int) -> str:
        return f"{NAME_PREFIX}{number:0{USER_DIGITS}d}"

    def write(self, path: Path) -> None:
        with path.open("w") as file:
            for number in range(self.count):
                print(json.dumps({"name": self.name(number), "uuid": self.uuid(number)}), file=file)


class Server:
    """A process that serves until it is closed."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path):
        self.directory = directory
        self.log = directory / "log.txt"
        self.port = 0
        self.process: subprocess.Popen | None = None

    def launch(self, command: list[str], **environment) -> None:
        """Starts the process in a session of its own, so that Ctrl-C reaches only the benchmark, which stops it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **environment
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Unusable(f"{self.name} did not start: {self.complaints()}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def complaints(self) -> str:
        return self.log.read_text(errors="replace")[-600:].strip()

    @property
    def pid(self) -> int:
        return self.process.pid

    def close(self) -> None:
        """Asks the process to end, waits, and ends it by force if it does not."""
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Quotalog(Server):
    """quotalog with all users registered and default limits that are compared with but never reached."""

    name = "quotalog"
    settings = "serve --default-daily, --default-weekly, --default-monthly 900000000000; otherwise as it comes"
    listeners = ["--listen", "127.0.0.1:0"]

    def __init__(self, directory: Path, binary: str, people: People):
        super().__init__(directory)
        self.binary = binary
        self.data = directory / "data"
        self.token = json.loads(self.command("init"))["token"]
        self.register(people)

    def register(self, people: People) -> None:
        file = self.directory / "users.jsonl"
        people.write(file)
        done = json.loads(self.command("user", "add", "--from", str(file)))
        file.unlink()
        if done["done"] != people.count:
            raise Unusable(f"quotalog registered {done['done']} users instead of {people.count}")

    def command(self, *arguments: str) -> str:
        """One command on the store to its end; answers what it printed."""
        result = subprocess.run(
            [self.binary, *arguments, "--data", str(self.data), "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment,
        )  # fmt: skip
        if result.returncode != 0:
            raise Unusable(f"quotalog {arguments[0]} ended with {result.returncode}: {result.stderr.strip()[-600:]}")
        return result.stdout

    @contextmanager
    def spawned(self, *arguments: str) -> Iterator[subprocess.Popen]:
        """One command on the store while it runs; ended by force where nobody has waited for it."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [self.binary, *arguments, "--data", str(self.data), "--json"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """Without settings of quotalog, which would change what is measured."""
        return {name: value for name, value in os.environ.items() if not name.startswith("QUOTALOG_")}

    def start(self) -> None:
        limits = [word for period in ("daily", "weekly", "monthly") for word in (f"--default-{period}", "900000000000")]
        self.log.unlink(missing_ok=True)
        command = [self.binary, "serve", "--data", str(self.data), "--json", *self.listeners, *limits]
        self.launch(command, env=self.environment)

    def is_ready(self) -> bool:
        """It says where it listens in a line of JSON; other lines may come before."""
        for line in self.log.read_text().splitlines():
            if line.startswith('{"listening"') and line.endswith("}"):
                self.take(json.loads(line))
                return True
        return False

    def take(self, announced: dict) -> None:
        self.port = urlsplit(announced["listening"]).port

    def get(self, target: str) -> bytes:
        request = Request(f"http://127.0.0.1:{self.port}{target}", headers={"Authorization": f"Token {self.token}"})
        with urlopen(request, timeout=10) as answer:
            return answer.read()


class SessionQuotalog(Quotalog):
    """quotalog that Copilot SDKs reach too."""

    listeners = [*Quotalog.listeners, "--runtime-listen", "127.0.0.1:0"]

    def take(self, announced: dict) -> None:
        super().take(announced)
        self.runtime = announced["runtime"]

    @property
    def runtime_port(self) -> int:
        return int(self.runtime.rpartition(":")[2])

    def post(self, target: str, body: dict) -> dict:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = Request(f"http://127.0.0.1:{self.port}{target}", json.dumps(body).encode(), headers)
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def new_token(self, user: int) -> str:
        """A token of one of the people, as an SDK shows it."""
        return self.post(f"/v1/users/{People.uuid(user)}/tokens", {})["token"]


class Redis(Server):
    """Redis that flushes its log before every answer."""

    name = "Redis"
    options = {
        "appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no",
        "auto-aof-rewrite-percentage": "0", "save": "",
    }  # fmt: skip
    settings = ", ".join(f"{name} {value or repr('')}" for name, value in options.items())

    def start(self) -> None:
        self.port = free_port()
        words = [word for name, value in self.options.items() for word in (f"--{name}", value)]
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)]
        self.launch([program("redis-server"), *place, *words])
        self.spend = self.load("spend.lua")
        self.spend_once = self.load("spend-once.lua")
        self.hold = self.load("hold.lua")
        self.settle = self.load("settle.lua")
        self.check_settings()

    def load(self, name: str) -> str:
        """Loads a script; answers the digest that it is called by."""
        return self.ask("SCRIPT", "LOAD", (HERE / name).read_text())[1]

    def check_settings(self) -> None:
        """A server that took a setting otherwise than meant would make the ratios worthless."""
        for name, wanted in self.options.items():
            found = self.ask("CONFIG", "GET", name)
            if (found[-1] if len(found) == 5 else None) != wanted:
                raise Unusable(f"Redis runs with {name} {found} instead of {wanted!r}")

    def ask(self, *words: str) -> list[str]:
        """One command; answers the lines of its reply."""
        encoded = [word.encode() for word in words]
        request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            reply = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        if reply.startswith("-"):
            raise Unusable(f"Redis refused {words[0]}: {reply.strip()}")
        return reply.removesuffix("\r\n").split("\r\n")


class Postgres(Server):
    """PostgreSQL with its default durability and more memory than the data needs."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT
    options = {
        "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h", "max_connections": "1100",
    }  # fmt: skip
    settings = "fsync on, synchronous_commit on (defaults), " + ", ".join(f"{n} {v}" for n, v in options.items())

    def __init__(self, directory: Path, people: People):
        super().__init__(directory)
        self.people = people
        self.data = directory / "data"
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.as_user: list[str] = []
        if os.geteuid() == 0:
            self.user = "postgres"
            self.give_away(directory)

    def give_away(self, directory: Path) -> None:
        """PostgreSQL refuses to run as root, so its directory belongs to the user of Debian's package."""
        account = pwd.getpwnam(self.user)
        os.chown(directory, account.pw_uid, account.pw_gid)
        self.as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        if subprocess.run([*self.as_user, "test", "-x", str(directory)]).returncode != 0:
            raise Unusable(f"the user {self.user} cannot reach {directory}: choose another with --directory")

    def start(self) -> None:
        self.port = free_port()
        made = subprocess.run(
            [*self.as_user, program("initdb"), "-D", str(self.data), "--auth=trust", "--encoding=UTF8", "--locale=C"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.directory,
        )  # fmt: skip
        if made.returncode != 0:
            raise Unusable(f"initdb ended with {made.returncode}: {made.stderr.strip()}")
        place = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        words = [word for name, value in (self.options | place).items() for word in ("-c", f"{name}={value}")]
        self.launch([*self.as_user, program("postgres"), "-D", str(self.data), *words], cwd=self.directory)
        self.ask("-v", f"users={self.people.count}", "-f", str(HERE / "schema.sql"))

    def is_ready(self) -> bool:
        return subprocess.run([program("pg_isready"), *self.address], stdout=subprocess.DEVNULL).returncode == 0

    @property
    def address(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", self.user]

    def ask(self, *arguments: str) -> str:
        """Runs psql; answers what it printed."""
        command = [program("psql"), *self.address, "-d", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", *arguments]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise Unusable(f"psql ended with {result.returncode}: {result.stderr.strip()}")
        return result.stdout.strip()


class Nginx(Server):
    """nginx that answers fixed bodies: one worker, because quotalog has one loop thread."""

    name = "nginx"
    settings = "one worker, epoll, keep-alive, no access log, return 200 with the very body that quotalog gave"

    def __init__(self, directory: Path, bodies: dict[str, bytes]):
        super().__init__(directory)
        self.bodies = bodies

    def start(self) -> None:
        self.port = free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(self.configuration)
        self.launch([program("nginx"), "-e", "stderr", "-p", str(self.directory), "-c", str(configuration)])

    @property
    def configuration(self) -> str:
        locations = "\n".join(
            f"    location {path} {{ default_type application/json; return 200 '{body.decode()}'; }}"
            for path, body in self.bodies.items()
        )
        scratch = "\n".join(
            f"  {kind}_temp_path {self.directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return f"""daemon off;
worker_processes 1;
pid {self.directory}/pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 4000000000;
{scratch}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
{locations}
  }}
}}
"""


def fresh(directory: Path, name: str) -> Path:
    """An empty directory for one server."""
    path = directory / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path

"""The clients: our own for single events and batches, wrk for reading, pgbench for PostgreSQL."""

from __future__ import annotations

import json
import math
import secrets
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from . import machine
from .machine import HERE, Unusable, program
from .servers import NAME_PREFIX, USER_DIGITS, UUID_PREFIX, People, Postgres, Quotalog, Redis, Server

GRACE_SECONDS = 60


@dataclass
class Measurement:
    """What one turn against one server gave. Only right answers are events."""

    events: int
    seconds: float
    p50_us: float
    p99_us: float
    errors: int = 0
    first_error: str = ""
    all_events: int = field(default=0, repr=False)
    """Those of the warm-up and after the end included: what the processor time is divided by."""
    cpu_us_per_event: float = 0
    disk_flushes_per_second: float = 0
    """What the disk gave just before this turn; 0 where nobody asked."""

    @property
    def rate(self) -> float:
        return self.events / self.seconds if self.seconds else 0

    @property
    def document(self) -> dict:
        return {"rate": round(self.rate, 1)} | asdict(self)


@dataclass(frozen=True)
class Pace:
    """How long a turn is measured, and how long the server is warmed up before."""

    seconds: float
    warmup: float


def compiled(name: str, directory: Path, *libraries: str) -> Path:
    """One of our clients, ready to run."""
    made = directory / name
    command = ["gcc", "-O2", "-Wall", "-o", str(made), str(HERE / f"{name}.c"), *(f"-l{each}" for each in libraries)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Unusable(f"gcc ended with {result.returncode}: {result.stderr.strip()}")
    return made


class Load:
    """Sends load to servers and measures it, with the same users, ids and amounts for all."""

    def __init__(self, scratch: Path, people: People, pace: Pace, *, names_users: bool, random_ids: bool):
        self.scratch = scratch
        self.people = people
        self.pace = pace
        self.user_prefix = NAME_PREFIX if names_users else UUID_PREFIX
        self.random_ids = random_ids

    def compile(self) -> None:
        self.client = compiled("client", self.scratch)

    def spend(self, server: Quotalog, connections: int, *, batch: int = 1, **options) -> Measurement:
        """Usage events over HTTP; `count` ends the turn early, `users_in_turn` serves every user once a round."""
        return self.own_client(server, connections, token=server.token, batch=batch, **options)

    def spend_in_redis(self, server: Redis, connections: int, *, remember_ids: bool = False) -> Measurement:
        return self.own_client(
            server, connections, protocol="resp", script=server.spend_once if remember_ids else server.spend,
            window=date.today().isoformat(), remember_ids=int(remember_ids),
        )  # fmt: skip

    def hold(self, server: Quotalog, connections: int) -> Measurement:
        """A hold and its settlement, all on one account; the pair is one event."""
        return self.own_client(server, connections, token=server.token, holds=1, users=1)

    def check(self, server: Quotalog, connections: int) -> Measurement:
        """Admission decisions alone: nothing is held, recorded or flushed."""
        return self.own_client(server, connections, token=server.token, checks=1, users=1)

    def hold_in_redis(self, server: Redis, connections: int) -> Measurement:
        return self.own_client(
            server, connections, protocol="resp", script=server.hold, settle_script=server.settle,
            window=date.today().isoformat(), holds=1, users=1,
        )  # fmt: skip

    def own_client(self, server: Server, connections: int, **options) -> Measurement:
        options = {
            "port": server.port, "connections": connections, "users": self.people.count,
            "user_prefix": self.user_prefix, "user_digits": USER_DIGITS, "random_ids": int(self.random_ids),
            "seed": secrets.randbits(60), "seconds": self.pace.seconds, "warmup": self.pace.warmup,
        } | options  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        seconds = options["seconds"] + options["warmup"]
        document = json.loads(self.timed(server, [str(self.client), *words], seconds))
        document.pop("rate")
        return self.with_processor_time(Measurement(**document))

    def read(self, server: Server, path: str, connections: int, token: str) -> Measurement:
        """GETs of all users' usage; wrk knows no warm-up, so a short run that nobody looks at comes first."""
        if self.pace.warmup:
            self.wrk(server, path, connections, token, self.pace.warmup)
        return self.wrk(server, path, connections, token, self.pace.seconds)

    def wrk(self, server: Server, path: str, connections: int, token: str, seconds: float) -> Measurement:
        whole_seconds = math.ceil(seconds)
        command = [
            program("wrk"), "-t", "1", "-c", str(connections), "--latency", "-s", str(HERE / "usage.lua"),
            "-d", f"{whole_seconds}s", f"http://127.0.0.1:{server.port}", "--", path, str(self.people.count), token,
        ]  # fmt: skip
        text = self.timed(server, command, whole_seconds)
        document = json.loads(machine.first_match(r"RESULT (\{.+\})", text))
        measured = Measurement(**document, all_events=document["events"])
        measured.events -= measured.errors
        return self.with_processor_time(measured)

    def spend_in_postgres(self, server: Postgres, connections: int) -> Measurement:
        """pgbench logs every transaction, so that warm-up and latencies are treated as in our own client. Its time runs
        while it still connects, hence the seconds on top."""
        log = self.scratch / "pgbench"
        seconds = math.ceil(self.pace.warmup + self.pace.seconds + 1 + connections / 100)
        command = [
            program("pgbench"), *server.address, "-n", "-M", "prepared", "-c", str(connections), "-j", "1",
            "-T", str(seconds), "-D", f"users={self.people.count}", "-D", f"run={secrets.token_hex(6)}",
            "-D", "number=0", "-l", "--log-prefix", str(log), "-f", str(HERE / "spend.pgbench.sql"), "postgres",
        ]  # fmt: skip
        text = self.timed(server, command, seconds)
        failed = int(machine.first_match(r"number of failed transactions: (\d+)", text))
        return self.with_processor_time(self.window(take_transactions(log), failed))

    def window(self, transactions: list[tuple[float, int]], failed: int) -> Measurement:
        """Of transactions (end in seconds, latency in microseconds) those that ended while it was measured."""
        start = min(end for end, _ in transactions) + self.pace.warmup
        latencies = sorted(latency for end, latency in transactions if start <= end < start + self.pace.seconds)
        if not latencies:
            raise Unusable("pgbench finished no transaction after its warm-up")
        seconds = min(self.pace.seconds, max(end for end, _ in transactions) - start)
        return Measurement(
            len(latencies), seconds, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100],
            errors=failed, all_events=len(transactions),
        )  # fmt: skip

    def timed(self, server: Server, command: list[str], seconds: float) -> str:
        """Runs a client to its end beside a look at the server's processor time; answers what it printed."""
        before = machine.processor_seconds(server.pid)
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS
        )
        self.processor_seconds = machine.processor_seconds(server.pid) - before
        if result.returncode != 0:
            name = Path(command[0]).name
            raise Unusable(f"{name} against {server.name} ended with {result.returncode}: {result.stderr.strip()[-300:]}")
        return result.stdout

    def with_processor_time(self, measured: Measurement) -> Measurement:
        if measured.all_events:
            measured.cpu_us_per_event = round(self.processor_seconds / measured.all_events * 1e6, 2)
        return measured


def take_transactions(prefix: Path) -> list[tuple[float, int]]:
    """End and latency of every transaction in pgbench's logs, which are then removed."""
    found = []
    for path in prefix.parent.glob(prefix.name + ".*"):
        with path.open() as file:
            for line in file:
                _, _, latency, _, seconds, microseconds = line.split()[:6]
                found.append((int(seconds) + int(microseconds) / 1e6, int(latency)))
        path.unlink()
    if not found:
        raise Unusable("pgbench finished no transaction")
    return found

"""The part `sessions`: round trips through the real SDK, many live sessions, and what an idle one costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from . import machine
from .cases import FLUSH_SECONDS, SETUP_SECONDS, Bench, settle
from .load import GRACE_SECONDS, Measurement, compiled
from .machine import HERE, Unusable
from .report import Section, Series, Target
from .servers import People, SessionQuotalog, fresh

SDK_VERSION = "1.0.27"
CLIENTS = HERE.parent.parent / ".build" / "clients"
SDK_CALLS = 2000
HISTORY_REPORTS = 100
NANO_PER_REPORT = 1_500_000
CONNECTIONS = 50
HTTP_CONNECTIONS = 256
SESSIONS = 1000
EVENTS_PER_REPORT = 2
EVENTS_PER_SESSION = 10
GROWTH_SHARE = 0.01
IDLE_SESSIONS = 10_000
DETACHED_AT_ONCE = 500
IDLE_BYTES = 8 * 1024


class Sessions:
    """What the contract of session limits promises beside being right."""

    name = "sessions"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        turns = bench.rounds * (SDK_CALLS / 500 + bench.turn_seconds * len(OWNERS)) + 2 * SETUP_SECONDS
        return SETUP_SECONDS * (1 + len(OWNERS)) + turns

    def run(self, bench: Bench) -> Iterator[Section]:
        self.client = compiled("sessions", bench.scratch)
        yield self.latency(bench)
        for owners in OWNERS:
            yield self.load(bench, owners)
        yield self.memory(bench)

    @contextmanager
    def server(self, bench: Bench) -> Iterator[SessionQuotalog]:
        directory = fresh(bench.scratch, "quotalog")
        server = SessionQuotalog(directory, bench.quotalog, People(CONNECTIONS))
        try:
            server.start()
            yield server
        finally:
            server.close()
            shutil.rmtree(directory, ignore_errors=True)

    # Round trips

    def latency(self, bench: Bench) -> Section:
        bench.setup(f"sessions: github-copilot-sdk {SDK_VERSION}")
        sdk = Sdk.ready(bench.scratch)
        calls: dict[str, Series] = {}
        with self.server(bench) as server:
            job = self.session_with_history(server)
            for number in range(1, bench.rounds + 1):
                settle()
                bench.progress.step(f"sessions: SDK, round {number} of {bench.rounds}", SDK_CALLS / 500)
                for name, measured in sdk.round_trips(server, job).items():
                    calls.setdefault(name, Series(name)).turns.append(measured)
        targets = [self.latency_target(series) for series in calls.values()]
        title = f"round trips through github-copilot-sdk {sdk.version} over TCP, one call at a time"
        facts = {"reports of usage in the session": HISTORY_REPORTS, "calls per round and method": SDK_CALLS}
        return Section(self.name, title, list(calls.values()), targets, facts)

    def session_with_history(self, server: SessionQuotalog) -> dict:
        token, session = server.new_token(0), "latency"
        server.post("/v1/sessions", {"session_id": session, "user": People.uuid(0)})
        for number in range(HISTORY_REPORTS):
            usage = {"usage_id": f"u{number}", "model": "m-small", "input_tokens": 1200, "output_tokens": 250}
            server.post(f"/v1/sessions/{session}/usage", usage | {"nano_aiu": NANO_PER_REPORT})
        spent = HISTORY_REPORTS * NANO_PER_REPORT
        return {
            "runtime": server.runtime, "token": token, "session": session, "count": SDK_CALLS, "nano_aiu": spent,
        }  # fmt: skip

    def latency_target(self, series: Series) -> Target:
        found = [turn.p50_us / 1000 for turn in series.turns]
        spread = min(found), max(found)
        return Target(f"median of {series.title} under 1 ms", 1, median(found), "ms", spread, reached_when=is_less)

    # Load

    def load(self, bench: Bench, owners: str) -> Section:
        bench.setup(f"sessions: opening {SESSIONS} sessions of {owners}")
        series = LoadSeries(f"quotalog, sessions of {owners}")
        with self.server(bench) as server, SessionClient.running(self.client, server, OWNERS[owners]) as client:
            client.step(f"open {SESSIONS}")
            for number in range(1, bench.rounds + 1):
                settle()
                bench.progress.step(f"sessions: {owners}, round {number} of {bench.rounds}", bench.turn_seconds)
                flushes = machine.flushes_per_second(bench.scratch, FLUSH_SECONDS)
                bench.report.flushes_per_second.append(flushes)
                series.take(client, bench, round(flushes))
        title = (
            f"{SESSIONS:,} open sessions of {owners} over {CONNECTIONS} connections, {EVENTS_PER_SESSION} events a "
            "second in each; from the moment a report of usage is due until its event is at the client"
        )
        return Section(self.name, title, [series], series.targets, series.facts)

    # Memory

    def memory(self, bench: Bench) -> Section:
        """Those without client are detached a few at a time: the allocator keeps what attached ones once took."""
        bench.setup(f"sessions: opening {IDLE_SESSIONS:,} idle sessions")
        attached = self.memory_of_idle(bench, IDLE_SESSIONS, [])
        bench.setup(f"sessions: the same {IDLE_SESSIONS:,}, each left at once")
        detached = self.memory_of_idle(bench, DETACHED_AT_ONCE, ["detach"])
        facts = {
            "own memory with connections and no session, MB": attached[0] / 1e6,
            f"with {IDLE_SESSIONS:,} that clients are attached to, MB": attached[-1] / 1e6,
            f"with {IDLE_SESSIONS:,} without client, MB": detached[-1] / 1e6,
        }
        targets = [
            Target(
                f"{who} under {IDLE_BYTES:,} bytes", IDLE_BYTES, (own[-1] - own[0]) / IDLE_SESSIONS, "bytes",
                reached_when=is_less,
            )
            for who, own in (("an idle session with a client", attached), ("one without client", detached))
        ]  # fmt: skip
        title = f"own memory of the server with {IDLE_SESSIONS:,} idle sessions over {CONNECTIONS} connections"
        return Section(self.name, title, [], targets, facts)

    def memory_of_idle(self, bench: Bench, at_once: int, then: list[str]) -> list[int]:
        """The server's own memory before the first session and after every step."""
        with self.server(bench) as server, SessionClient.running(self.client, server, CONNECTIONS) as client:
            found = [own_memory(server)]
            for _ in range(IDLE_SESSIONS // at_once):
                for line in [f"open {at_once}", *then]:
                    client.step(line)
                found.append(own_memory(server))
        return found


OWNERS = {f"{CONNECTIONS} users": CONNECTIONS, "one user": 1}
"""How many users the connections belong to: every connection hears of all sessions of its user."""


def is_less(found: float, most: float) -> bool:
    return found < most


def own_memory(server: SessionQuotalog) -> int:
    return machine.resident_bytes(server.pid)["anonymous"]


class LoadSeries(Series):
    """Rounds under load, and what they show beside rate and latency."""

    def __init__(self, title: str):
        super().__init__(title)
        self.rounds: list[dict] = []

    def take(self, client: SessionClient, bench: Bench, flushes: int) -> None:
        pace = bench.load.pace
        per_session = EVENTS_PER_SESSION / EVENTS_PER_REPORT
        before, waited = machine.processor_seconds(client.server.pid), machine.waited_seconds(client.server.pid)
        found = client.step(f"spend {per_session} {pace.warmup} {pace.seconds}")
        used = machine.processor_seconds(client.server.pid) - before
        waited = machine.waited_seconds(client.server.pid) - waited
        measured = Measurement(
            found["events"], found["seconds"], found["p50_us"], found["p99_us"], found["errors"], found["first_error"],
            found["all_events"], round(used / max(1, found["all_events"]) * 1e6, 2), flushes,
        )  # fmt: skip
        whole = pace.warmup + pace.seconds
        self.turns.append(measured)
        self.rounds.append(
            found
            | {
                "server_cores": used / whole,
                "waited_cores": waited / whole,
                "client_cores": found["client_processor_seconds"] / whole,
                "served_share": measured.rate / found["offered"],
                "growth_per_second": self.growth(found),
            }
        )

    def growth(self, found: dict) -> float:
        """Events by which the queue grew a second: between the middles of its first and last quarter."""
        return (found["waiting_last_quarter"] - found["waiting_first_quarter"]) / (found["seconds"] * 3 / 4)

    def values(self, name: str) -> list[float]:
        return [found[name] for found in self.rounds]

    @property
    def targets(self) -> list[Target]:
        offered = median(self.values("offered"))
        served, growth = self.values("served_share"), self.values("growth_per_second")
        most = offered * GROWTH_SHARE
        return [
            Target(
                f"{offered:,.0f} events/s arrive, within 1 %", 0.99, median(served), "of them",
                (min(served), max(served)),
            ),
            Target(
                f"the queue grows by less than {most:,.0f} events/s", most, median(growth), "events/s",
                (min(growth), max(growth)), reached_when=is_less,
            ),
            Target("without an error", 0, self.errors, "errors", reached_when=lambda found, most: found <= most),
        ]  # fmt: skip

    @property
    def facts(self) -> dict[str, float | str]:
        names = {
            "p50 ms of the first second": ("first_second_p50_us", 1000),
            "p50 ms of the last second": ("last_second_p50_us", 1000),
            "p99 ms of the first second": ("first_second_p99_us", 1000),
            "p99 ms of the last second": ("last_second_p99_us", 1000),
            "events waiting, first quarter": ("waiting_first_quarter", 1),
            "events waiting, last quarter": ("waiting_last_quarter", 1),
            "events waiting at most": ("waiting_most", 1),
            "cores that the server used": ("server_cores", 1),
            "cores that the server waited for while others had them": ("waited_cores", 1),
            "cores that the client used": ("client_cores", 1),
            "MB received by the client": ("received_bytes", 1e6),
        }
        return {title: median(self.values(name)) / scale for title, (name, scale) in names.items()}


@dataclass
class SessionClient:
    """The C client that holds the connections, led step by step."""

    process: subprocess.Popen
    server: SessionQuotalog

    @classmethod
    @contextmanager
    def running(cls, program: Path, server: SessionQuotalog, users: int) -> Iterator[SessionClient]:
        tokens = [server.new_token(number) for number in range(users)]
        options = {
            "port": server.port, "runtime-port": server.runtime_port, "connections": CONNECTIONS,
            "http-connections": HTTP_CONNECTIONS, "token": server.token,
            "tokens": ",".join(tokens[number % users] for number in range(CONNECTIONS)),
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        process = subprocess.Popen(
            [str(program), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            client = cls(process, server)
            client.read()
            yield client
        finally:
            process.kill()
            process.communicate()

    def step(self, line: str) -> dict:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise Unusable(f"the client of sessions ended: {self.process.stderr.read().strip()[-300:]}")
        found = json.loads(line)
        if found["errors"] and "events" not in found:
            raise Unusable(f"sessions could not be opened: {found['first_error']}")
        return found


@dataclass
class Sdk:
    """A Python with one version of the SDK."""

    python: str
    environment: dict[str, str] = field(default_factory=dict)
    version: str = SDK_VERSION

    @classmethod
    def ready(cls, scratch: Path) -> Sdk:
        """What the tests have installed, else one of its own that goes with the scratch directory."""
        python, installed = CLIENTS / "bin" / "python", CLIENTS / "copilot-sdk" / SDK_VERSION
        if os.access(python, os.X_OK) and (installed / "copilot").is_dir():
            return cls(str(python), {"PYTHONPATH": str(installed)})
        made = scratch / "sdk"
        run(sys.executable, "-m", "venv", str(made))
        pip = str(made / "bin" / "pip")
        run(pip, "--quiet", "--disable-pip-version-check", "install", f"github-copilot-sdk=={SDK_VERSION}")
        return cls(str(made / "bin" / "python"))

    def round_trips(self, server: SessionQuotalog, job: dict) -> dict[str, Measurement]:
        played = subprocess.run(
            [self.python, str(HERE / "sdk_latency.py")], input=json.dumps(job), capture_output=True, text=True,
            env=server.environment | self.environment, timeout=GRACE_SECONDS * 5,
        )  # fmt: skip
        if played.returncode != 0:
            raise Unusable(f"the SDK did not get through: {played.stderr.strip()[-600:]}")
        document = json.loads(played.stdout)
        self.version = document["version"]
        return {name: measurement(sorted(found)) for name, found in document["nanoseconds"].items()}


def measurement(nanoseconds: list[int]) -> Measurement:
    count = len(nanoseconds)
    return Measurement(
        count, sum(nanoseconds) / 1e9, nanoseconds[count // 2] / 1000, nanoseconds[count * 99 // 100] / 1000,
        all_events=count,
    )  # fmt: skip


def run(*command: str) -> None:
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if made.returncode != 0:
        raise Unusable(f"{Path(command[0]).name} ended with {made.returncode}: {made.stderr.strip()[-600:]}")

"""The parts of the benchmark: what each starts, sends, and compares."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import machine
from .load import Load, Measurement
from .machine import Unusable
from .progress import Progress
from .report import Report, Section, Series, Target, ratios
from .servers import Nginx, People, Postgres, Quotalog, Redis, Server, fresh

FLUSH_SECONDS = 0.3
SETUP_SECONDS = 8
REST_SECONDS = 0.5
BATCH = 100
BATCH_CONNECTIONS = 64
SINGLE_CONNECTIONS = 64
READ_CONNECTIONS = 64
FILL_BATCH = 1000
FILL_CONNECTIONS = 8
FILL_RATE = 100_000
WALDUR_PATH = "/api/chat-quota/usage/"
NATIVE_PATH = "/v1/users/"


@dataclass
class Bench:
    """What all parts share."""

    scratch: Path
    quotalog: str
    people: People
    load: Load
    progress: Progress
    report: Report
    rounds: int
    connections: list[int]
    rebuild_events: int
    before: str = ""

    @property
    def turn_seconds(self) -> float:
        return self.load.pace.seconds + self.load.pace.warmup + REST_SECONDS + 0.5

    @contextmanager
    def running(self, *names: str) -> Iterator[list[Server]]:
        """Servers with fresh stores, ended and removed afterwards."""
        with ExitStack() as stack:
            started = []
            for name in names:
                directory = fresh(self.scratch, name)
                stack.callback(shutil.rmtree, directory, ignore_errors=True)
                server = self.make(name, directory)
                stack.callback(server.close)
                server.start()
                started.append(server)
            yield started

    def make(self, name: str, directory: Path) -> Server:
        match name:
            case "quotalog":
                return Quotalog(directory, self.quotalog, self.people)
            case "redis":
                return Redis(directory)
            case "postgres":
                return Postgres(directory, self.people)
        raise AssertionError(name)

    def setup(self, text: str) -> None:
        self.progress.step(text, SETUP_SECONDS)

    def measure_rounds(self, what: str, turns: dict[str, Callable[[], Measurement]]) -> list[Series]:
        """Interleaved: every server once, then all again; the disk's flush rate before each turn."""
        series = [Series(title) for title in turns]
        for number in range(1, self.rounds + 1):
            for each, turn in zip(series, turns.values()):
                settle()
                self.progress.step(f"{what}, round {number} of {self.rounds}: {each.title}", self.turn_seconds)
                flushes = machine.flushes_per_second(self.scratch, FLUSH_SECONDS)
                self.report.flushes_per_second.append(flushes)
                each.turns.append(replace(turn(), disk_flushes_per_second=round(flushes)))
        return series


def settle() -> None:
    """What one server left to be written must not burden the next."""
    os.sync()
    time.sleep(REST_SECONDS)


class Single:
    """Single events, durable before each answer."""

    name = "single"
    programs = ["redis-server", "postgres", "pgbench", "gcc"]
    servers_per_round = 4

    def seconds(self, bench: Bench) -> float:
        turns = bench.rounds * self.servers_per_round * len(bench.connections)
        return SETUP_SECONDS + turns * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("single: starting quotalog, Redis and PostgreSQL")
        with bench.running("quotalog", "redis", "postgres") as (quotalog, redis, postgres):
            for connections in bench.connections:
                load = bench.load
                turns = {
                    "quotalog": lambda: load.spend(quotalog, connections),
                    "Redis": lambda: load.spend_in_redis(redis, connections),
                    "PostgreSQL": lambda: self.in_postgres(load, postgres, connections),
                    "Redis, remembering request ids": lambda: load.spend_in_redis(
                        redis, connections, remember_ids=True
                    ),
                }
                series = bench.measure_rounds(f"single, {connections} connections", turns)
                yield self.section(connections, *series)

    def in_postgres(self, load: Load, postgres: Postgres, connections: int) -> Measurement:
        """Its checkpoint is written now, outside of every turn, and not later into somebody else's."""
        measured = load.spend_in_postgres(postgres, connections)
        postgres.ask("-c", "checkpoint")
        return measured

    def section(
        self, connections: int, quotalog: Series, redis: Series, postgres: Series, redis_once: Series
    ) -> Section:
        section = Section(
            self.name, f"single events, {connections} connections, flushed before each answer",
            [quotalog, redis, postgres, redis_once],
        )  # fmt: skip
        wanted = 1.5 if connections >= 256 else 1
        rule = {} if wanted > 1 else {"reached_when": lambda found, least: found > least}
        words = "at least 1.5 times" if wanted > 1 else "more than"
        section.targets = [Target.ratio(f"{words} Redis", wanted, ratios(quotalog, redis), **rule)]
        if connections < 256:
            found = ratios(quotalog, postgres)
            section.targets.append(Target.ratio("at least 4 times PostgreSQL", 4, found))
        section.facts = {"ratio to Redis that remembers request ids": middle(ratios(quotalog, redis_once))}
        if connections >= 256:
            section.facts["ratio to PostgreSQL"] = middle(ratios(quotalog, postgres))
        return section


class Batch:
    """Batches of 100 in one request."""

    name = "batch"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        return SETUP_SECONDS + bench.rounds * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("batch: starting quotalog")
        with bench.running("quotalog") as [quotalog]:
            turns = {"quotalog": lambda: bench.load.spend(quotalog, BATCH_CONNECTIONS, batch=BATCH)}
            [series] = bench.measure_rounds("batch", turns)
        title = f"batches of {BATCH} events, {BATCH_CONNECTIONS} connections, flushed before each answer"
        rates = [turn.rate for turn in series.turns]
        target = Target(
            "at least 150,000 events/s", 150_000, series.middle("rate"), "events/s", (min(rates), max(rates))
        )
        yield Section(self.name, title, [series], [target])


class Read:
    """GET of current usage beside nginx with a fixed answer."""

    name = "read"
    programs = ["nginx", "wrk", "gcc"]

    def seconds(self, bench: Bench) -> float:
        return 2 * SETUP_SECONDS + 4 * bench.rounds * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("read: starting quotalog, using all users")
        with bench.running("quotalog") as [quotalog]:
            serve_everybody(bench, quotalog)
            paths = {
                f"GET {WALDUR_PATH}": f"{WALDUR_PATH}?user_uuid={self.uuid_pattern}",
                f"GET {NATIVE_PATH}…/usage": f"{NATIVE_PATH}{self.uuid_pattern}/usage",
            }
            bench.setup("read: starting nginx")
            with self.nginx(bench, quotalog) as nginx:
                for title, path in paths.items():
                    yield self.compare(bench, title, path, quotalog, nginx)

    uuid_pattern = People.uuid(0).replace("0" * 12, "%s")

    @contextmanager
    def nginx(self, bench: Bench, quotalog: Quotalog) -> Iterator[Nginx]:
        someone = People.uuid(bench.people.count // 2)
        bodies = {
            WALDUR_PATH: quotalog.get(f"{WALDUR_PATH}?user_uuid={someone}"),
            NATIVE_PATH: quotalog.get(f"{NATIVE_PATH}{someone}/usage"),
        }
        nginx = Nginx(fresh(bench.scratch, "nginx"), bodies)
        try:
            nginx.start()
            yield nginx
        finally:
            nginx.close()

    def compare(self, bench: Bench, title: str, path: str, quotalog: Quotalog, nginx: Nginx) -> Section:
        def turn(server: Server) -> Callable[[], Measurement]:
            return lambda: bench.load.read(server, path, READ_CONNECTIONS, quotalog.token)

        turns = {"quotalog": turn(quotalog), "nginx": turn(nginx)}
        ours, theirs = bench.measure_rounds(f"read, {title}", turns)
        section = Section(self.name, f"{title}, {READ_CONNECTIONS} connections, all users", [ours, theirs])
        found = ratios(ours, theirs)
        if WALDUR_PATH in title:
            section.targets = [Target.ratio("at least half of nginx return 200", 0.5, found)]
        else:
            section.facts = {"ratio to nginx": middle(found)}
        body = next(body for start, body in nginx.bodies.items() if path.startswith(start))
        section.facts["bytes of body"] = len(body)
        return section


class Memory:
    """The server's own memory while it serves every user."""

    name = "memory"
    programs = ["wrk", "gcc"]

    def seconds(self, bench: Bench) -> float:
        return 2 * SETUP_SECONDS + 3 * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("memory: starting quotalog")
        path = f"{WALDUR_PATH}?user_uuid={Read.uuid_pattern}"
        with bench.running("quotalog") as [quotalog]:
            with Watch(quotalog.pid) as watch:
                stages = {"right after starting": watch.own}
                bench.setup("memory: one event for every user")
                serve_everybody(bench, quotalog)
                stages["after one event for every user"] = watch.own
                bench.progress.step("memory: single events", bench.turn_seconds)
                bench.load.spend(quotalog, SINGLE_CONNECTIONS)
                stages["after more single events"] = watch.own
                bench.progress.step("memory: reading every user's usage", bench.turn_seconds)
                bench.load.read(quotalog, path, READ_CONNECTIONS, quotalog.token)
                stages["after reading every user's usage"] = watch.own
                bench.progress.step("memory: batches", bench.turn_seconds)
                bench.load.spend(quotalog, BATCH_CONNECTIONS, batch=BATCH)
                stages["after batches of 100"] = watch.own
        yield self.section(stages, watch)

    def section(self, stages: dict[str, int], watch: Watch) -> Section:
        """What batches need on top is shown, and belongs to the figure: it is memory of the same server."""
        highest = max(stages.values()) / 1e6
        target = Target(
            "under 100 MB beyond the mapped files", 100, highest, "MB", reached_when=lambda found, most: found < most
        )
        facts: dict[str, float | int | str] = {f"highest {stage}, MB": own / 1e6 for stage, own in stages.items()}
        facts["mapped files resident at most, MB"] = watch.peak["mapped_files"] / 1e6
        return Section(self.name, "resident memory while serving, the highest seen so far", [], [target], facts)


class Watch:
    """Looks at a process ten times a second and keeps the highest of each figure."""

    INTERVAL_SECONDS = 0.1

    def __init__(self, pid: int):
        self.pid = pid
        self.peak = machine.resident_bytes(pid)
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    @property
    def own(self) -> int:
        """The most that was resident so far beyond pages of mapped files."""
        self.take_a_look()
        return self.peak["anonymous"] + self.peak["shared"]

    def look(self) -> None:
        while not self.is_over.wait(self.INTERVAL_SECONDS):
            try:
                self.take_a_look()
            except (OSError, ValueError):
                return  # the process is gone

    def take_a_look(self) -> None:
        with self.lock:
            now = machine.resident_bytes(self.pid)
            self.peak = {name: max(value, self.peak[name]) for name, value in now.items()}

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.is_over.set()
        self.thread.join()


def serve_everybody(bench: Bench, quotalog: Quotalog) -> Measurement:
    """One single event for every user."""
    served = bench.load.spend(quotalog, 256, users_in_turn=1, count=bench.people.count, warmup=0, seconds=600)
    expect_no_errors(served, bench.people.count)
    return served


def expect_no_errors(measured: Measurement, events: int) -> None:
    if measured.errors or measured.events < events:
        raise Unusable(f"only {measured.events} of {events} events were taken: {measured.first_error}")


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


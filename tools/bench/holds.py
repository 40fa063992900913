"""Holds and their settlements on one hot account, beside plain usage of the same account and Redis doing the like."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from . import machine
from .cases import SETUP_SECONDS, Bench
from .load import Measurement
from .report import Section, Series, Target, ratios
from .servers import Quotalog

CONNECTIONS = 64
REQUESTS_PER_PAIR = 2
DECISION_MICROSECONDS = 5


class Holds:
    """Ask before the spend, say afterwards what it was; each answer flushed before it is given."""

    name = "holds"
    programs = ["redis-server", "gcc"]
    servers_per_round = 3

    def seconds(self, bench: Bench) -> float:
        return SETUP_SECONDS + bench.rounds * self.servers_per_round * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("holds: starting quotalog and Redis")
        with bench.running("quotalog", "redis") as (quotalog, redis):
            threads = ThreadTimes(quotalog)
            turns = {
                "quotalog, hold and settle": lambda: threads.during(bench.load.hold(quotalog, CONNECTIONS)),
                "quotalog, plain usage": lambda: bench.load.spend(quotalog, CONNECTIONS, users=1),
                "Redis, hold and settle": lambda: bench.load.hold_in_redis(redis, CONNECTIONS),
            }
            threads.before_each(turns, "quotalog, hold and settle")
            series = bench.measure_rounds("holds", turns)
        yield self.section(threads, *series)

    def section(self, threads: ThreadTimes, held: Series, plain: Series, redis: Series) -> Section:
        title = f"holds and their settlements on one account, {CONNECTIONS} connections; a pair is one event"
        decision = threads.microseconds("committing", own=True)
        return Section(
            self.name, title, [held, plain, redis],
            [
                Target.ratio("pairs: at least half of the rate of plain usage", 0.5, ratios(held, plain)),
                Target(
                    "the committer's own time for a decision under 5 µs", DECISION_MICROSECONDS, median(decision), "µs",
                    (min(decision), max(decision)), reached_when=lambda found, most: found < most,
                ),
            ],
            threads.facts | {"ratio to Redis": median(ratios(held, redis))},
        )  # fmt: skip


class ThreadTimes:
    """What the threads of a server used while pairs were measured, for each request."""

    def __init__(self, server: Quotalog):
        self.server = server
        self.start: dict[str, tuple[float, float]] = {}
        self.turns: list[dict[str, tuple[float, float]]] = []

    def before_each(self, turns: dict, name: str) -> None:
        measured = turns[name]

        def turn() -> Measurement:
            self.start = machine.thread_seconds(self.server.pid)
            return measured()

        turns[name] = turn

    def during(self, measured: Measurement) -> Measurement:
        requests = max(1, measured.all_events * REQUESTS_PER_PAIR)
        ended = machine.thread_seconds(self.server.pid)
        self.turns.append(
            {
                name: tuple((after - before) / requests * 1e6 for after, before in zip(times, self.start.get(name, (0, 0))))
                for name, times in ended.items()
            }
        )
        return measured

    def microseconds(self, name: str, *, own: bool) -> list[float]:
        return [turn.get(name, (0, 0))[0 if own else 1] for turn in self.turns]

    @property
    def facts(self) -> dict[str, float]:
        """The breakdown: µs for each request, in the program and in the kernel."""
        words = {"quotalog": "loop (HTTP, JSON)", "committing": "committer", "storing": "storing the projection"}
        return {
            f"{title}, {place} µs for each request": median(self.microseconds(name, own=own))
            for name, title in words.items()
            for own, place in ((True, "own"), (False, "kernel"))
        }

"""Holds and their settlements on one hot account, beside plain usage and Redis doing the like, and what a decision costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    servers_per_round = 5

    def seconds(self, bench: Bench) -> float:
        return SETUP_SECONDS + bench.rounds * self.servers_per_round * bench.turn_seconds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("holds: starting quotalog and Redis")
        with bench.running("quotalog", "redis") as (quotalog, redis):
            load = bench.load
            pairs, checks = ThreadTimes(quotalog, REQUESTS_PER_PAIR), ThreadTimes(quotalog, 1)
            series = bench.measure_rounds(
                "holds",
                {
                    "quotalog, hold and settle": lambda: pairs.during(lambda: load.hold(quotalog, CONNECTIONS)),
                    "quotalog, usage of all users": lambda: load.spend(quotalog, CONNECTIONS),
                    "quotalog, usage of that account": lambda: load.spend(quotalog, CONNECTIONS, users=1),
                    "Redis, hold and settle": lambda: load.hold_in_redis(redis, CONNECTIONS),
                    "quotalog, decisions alone": lambda: checks.during(lambda: load.check(quotalog, CONNECTIONS)),
                },
            )
        yield self.section(pairs, checks, *series)

    def section(
        self, pairs: ThreadTimes, checks: ThreadTimes, held: Series, usage: Series, hot: Series, redis: Series,
        decided: Series,
    ) -> Section:
        title = f"holds and their settlements on one account, {CONNECTIONS} connections; a pair is one event"
        decision = checks.microseconds("committing", own=True)
        return Section(
            self.name, title, [held, usage, hot, redis, decided],
            [
                Target.ratio("pairs: at least half of the rate of plain usage", 0.5, ratios(held, usage)),
                Target(
                    "the committer's own time for a decision under 5 µs", DECISION_MICROSECONDS, median(decision), "µs",
                    (min(decision), max(decision)), reached_when=lambda found, most: found < most,
                ),
            ],
            {
                "ratio to usage of that account": median(ratios(held, hot)),
                "ratio to Redis": median(ratios(held, redis)),
            } | pairs.facts,
        )  # fmt: skip


class ThreadTimes:
    """What the threads of a server used in some turns, for each request."""

    def __init__(self, server: Quotalog, requests_per_event: int):
        self.server = server
        self.requests_per_event = requests_per_event
        self.turns: list[dict[str, tuple[float, ...]]] = []

    def during(self, turn: Callable[[], Measurement]) -> Measurement:
        begun = machine.thread_seconds(self.server.pid)
        measured = turn()
        requests = max(1, measured.all_events * self.requests_per_event)
        ended = machine.thread_seconds(self.server.pid)
        self.turns.append(
            {
                name: tuple((after - before) / requests * 1e6 for after, before in zip(times, begun.get(name, (0, 0))))
                for name, times in ended.items()
            }
        )
        return measured

    def microseconds(self, name: str, *, own: bool) -> list[float]:
        return [turn.get(name, (0, 0))[0 if own else 1] for turn in self.turns]

    @property
    def facts(self) -> dict[str, float]:
        """The breakdown of a hold or a settlement: decided, recorded, folded, answered."""
        words = {"quotalog": "loop (HTTP, JSON)", "committing": "committer", "storing": "storing the projection"}
        return {
            f"{title}, {place} µs for each request of a pair": median(self.microseconds(name, own=own))
            for name, title in words.items()
            for own, place in ((True, "own"), (False, "kernel"))
        }

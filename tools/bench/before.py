"""This quotalog beside an earlier one, in the same rounds: what a change costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from .cases import BATCH, BATCH_CONNECTIONS, FILL_BATCH, FILL_CONNECTIONS, FILL_RATE, SETUP_SECONDS, Bench, expect_no_errors, settle
from .rebuild import Command
from .report import Section, Series, Target
from .servers import Quotalog, fresh

MOST = 1.03
"""How much more processor time a change may take."""


class Before:
    """Single events, batches and a rebuild by two binaries in turn, every second round in the other order.

    Processor time for each event is compared: rates depend on who else has the machine and its disk.
    """

    name = "before"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        turns = 2 * 2 * bench.rounds * bench.turn_seconds
        return SETUP_SECONDS + turns + 2 * bench.rebuild_events / FILL_RATE + bench.rounds * (bench.rebuild_events / 1e6 + 4)

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("before: starting both")
        binaries = {"quotalog": bench.quotalog, "before": bench.before}
        with ExitStack() as stack:
            servers = {}
            for title, binary in binaries.items():
                servers[title] = Quotalog(fresh(bench.scratch, f"{title} of two"), binary, bench.people)
                stack.callback(servers[title].close)
                servers[title].start()
            yield self.taken(bench, servers, "single events, 64 connections", lambda one: bench.load.spend(one, 64))
            yield self.taken(
                bench, servers, f"batches of {BATCH}, {BATCH_CONNECTIONS} connections",
                lambda one: bench.load.spend(one, BATCH_CONNECTIONS, batch=BATCH),
            )  # fmt: skip
            for title, server in servers.items():
                bench.progress.step(f"before: filling the store of {title}", bench.rebuild_events / FILL_RATE)
                filled = bench.load.spend(
                    server, FILL_CONNECTIONS, batch=FILL_BATCH, count=bench.rebuild_events, warmup=0, seconds=1800
                )
                expect_no_errors(filled, bench.rebuild_events)
                server.close()
            yield self.rebuilt(bench, servers)

    def taken(self, bench: Bench, servers: dict, what: str, turn) -> Section:
        series = {title: Series(title) for title in servers}
        for number in range(bench.rounds):
            for title in self.order(servers, number):
                settle()
                bench.progress.step(f"before: {what}, round {number + 1} of {bench.rounds}: {title}", bench.turn_seconds)
                series[title].turns.append(turn(servers[title]))
        return self.section(f"{what}, flushed before each answer", series)

    def rebuilt(self, bench: Bench, servers: dict) -> Section:
        commands = {title: Command(server, "projections", "rebuild", "--from-scratch") for title, server in servers.items()}
        for number in range(bench.rounds):
            for title in self.order(servers, number):
                settle()
                bench.progress.step(f"before: rebuild, round {number + 1} of {bench.rounds}: {title}", 4)
                commands[title].run()
        for title, command in commands.items():
            command.series.title = title
        return self.section("projections rebuild", {title: command.series for title, command in commands.items()})

    @staticmethod
    def order(servers: dict, number: int) -> list[str]:
        return list(servers) if number % 2 == 0 else list(reversed(servers))

    def section(self, title: str, series: dict[str, Series]) -> Section:
        now, before = series["quotalog"], series["before"]
        found = [mine.cpu_us_per_event / other.cpu_us_per_event for mine, other in zip(now.turns, before.turns)]
        target = Target.ratio(
            f"at most {MOST} of the processor time", MOST, found, reached_when=lambda found, most: found <= most
        )
        rates = median(mine.rate / other.rate for mine, other in zip(now.turns, before.turns))
        return Section(self.name, title, [now, before], [target], {"rate, new by before": round(rates, 3)})

"""The log read again as a whole: rebuilt, verified, and merely scanned, in the same rounds."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .cases import FILL_BATCH, FILL_CONNECTIONS, FILL_RATE, SETUP_SECONDS, Bench, Watch, expect_no_errors, settle
from .load import Measurement, compiled
from .machine import Unusable
from .report import Section, Series, Target, median, ratios
from .servers import Quotalog

SCAN_TURNS = 3


class Rebuild:
    """A whole log folded again, and checked: by the commands' own clocks and from start to end of their processes.

    Both stand beside a raw scan of the same log with one cursor (`scan.c`), the least that a reader can do: it looks at
    each byte once and neither checks nor decodes.
    """

    name = "rebuild"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        return SETUP_SECONDS + bench.rebuild_events / FILL_RATE + bench.rounds * self.turn_seconds(bench)

    def turn_seconds(self, bench: Bench) -> float:
        return bench.rebuild_events / 300_000 + 4

    def run(self, bench: Bench) -> Iterator[Section]:
        scan = compiled("scan", bench.scratch, "lmdb")
        bench.setup("rebuild: starting quotalog")
        with bench.running("quotalog") as [quotalog]:
            bench.progress.step("rebuild: filling the store", bench.rebuild_events / FILL_RATE)
            filled = bench.load.spend(
                quotalog, FILL_CONNECTIONS, batch=FILL_BATCH, count=bench.rebuild_events, warmup=0, seconds=1800
            )
            expect_no_errors(filled, bench.rebuild_events)
            quotalog.close()
            yield from self.sections(bench, quotalog, scan, filled)

    def sections(self, bench: Bench, quotalog: Quotalog, scan: Path, filled: Measurement) -> Iterator[Section]:
        raw = Series("raw cursor scan")
        commands = {
            name: Command(quotalog, *words)
            for name, words in {
                "rebuild": ("projections", "rebuild", "--from-scratch"),
                "compared": ("rebuild",),
                "verify": ("verify",),
            }.items()
        }
        for number in range(1, bench.rounds + 1):
            settle()
            bench.progress.step(f"rebuild, round {number} of {bench.rounds}", self.turn_seconds(bench))
            raw.turns.append(self.scanned(scan, quotalog))
            for command in commands.values():
                command.run()
            if not commands["compared"].document["identical"]:
                raise Unusable("the rebuilt projection differs from the live one")
        rebuild, compared, verify = commands.values()
        yield self.section(
            "rebuild, by the command's own clock", 3e6, [rebuild.series, compared.series, raw], rebuild,
            {"filled at events/s": filled.rate, "own memory at most, MB": max(rebuild.peaks) / 1e6},
        )  # fmt: skip
        yield self.section(
            "verify, its look at the records, by the command's own clock", 1e6, [verify.series, raw], verify, {}
        )

    def section(
        self, title: str, wanted: float, series: list[Series], command: Command, facts: dict
    ) -> Section:
        rates = [turn.rate for turn in series[0].turns]
        target = Target(
            f"at least {wanted:,.0f} events/s", wanted, median(rates), "events/s", (min(rates), max(rates))
        )
        whole = {
            "events": command.wholes[-1].events,
            "events/s from starting the process to its end, median": median(each.rate for each in command.wholes),
            "share of the raw cursor scan, %": 100 * median(ratios(series[0], series[-1])),
        }
        return Section(self.name, title, series, [target], whole | facts)

    def scanned(self, scan: Path, quotalog: Quotalog) -> Measurement:
        command = [str(scan), "--log", str(quotalog.data / "log"), "--turns", str(SCAN_TURNS)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise Unusable(result.stderr.strip())
        document = json.loads(result.stdout)
        return Measurement(document["events"], document["seconds"], 0, 0, all_events=document["events"])


class Command:
    """A command on a stopped store, run again and again: what it says of its time, and what the process took."""

    def __init__(self, quotalog: Quotalog, *words: str):
        self.quotalog, self.words = quotalog, words
        self.series = Series("quotalog " + " ".join(word for word in words if not word.startswith("-")))
        self.wholes: list[Measurement] = []
        self.peaks: list[int] = []
        self.document: dict = {}

    def run(self) -> None:
        started, before = time.monotonic(), os.times()
        with self.quotalog.spawned(*self.words) as process, Watch(process.pid) as watch:
            text = process.communicate()[0]
        seconds, after = time.monotonic() - started, os.times()
        if process.returncode != 0:
            complaints = self.quotalog.complaints()
            raise Unusable(f"quotalog {' '.join(self.words)} ended with {process.returncode}: {complaints}")
        self.document = json.loads(text)
        events = self.document.get("events", self.document.get("records"))
        used = after.children_user + after.children_system - before.children_user - before.children_system
        cost = round(used / events * 1e6, 2)
        self.wholes.append(Measurement(events, seconds, 0, 0, all_events=events, cpu_us_per_event=cost))
        own = self.document["milliseconds"] / 1000
        self.series.turns.append(Measurement(events, own, 0, 0, all_events=events, cpu_us_per_event=cost))
        self.peaks.append(watch.peak["anonymous"] + watch.peak["shared"])

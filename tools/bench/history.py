"""Questions about the past of one account in a long log, and proofs, beside questions about the present."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator

from .cases import FILL_BATCH, FILL_CONNECTIONS, FILL_RATE, SETUP_SECONDS, Bench, expect_no_errors, settle
from .load import Measurement
from .machine import Unusable
from .report import Section, Series, Target, median
from .servers import Quotalog

ACCOUNT_EVENTS = 10_000
ACCOUNT_BATCH = 100
QUESTIONS = 300


class History:
    """`?as_of=` any position of an account with 10,000 events, spread over the whole log; inclusion proofs of any record.

    One connection, one question at a time, positions drawn anew in each round; the time is the client's.
    """

    name = "history"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        return SETUP_SECONDS + bench.rebuild_events / FILL_RATE + 3 * bench.rounds

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("history: starting quotalog")
        with bench.running("quotalog") as [quotalog]:
            bench.progress.step("history: filling the store", bench.rebuild_events / FILL_RATE)
            account = Account(quotalog, bench.people.uuid(bench.people.count // 3))
            account.begin(bench.rebuild_events / FILL_RATE)
            filled = bench.load.spend(
                quotalog, FILL_CONNECTIONS, batch=FILL_BATCH, count=bench.rebuild_events, warmup=0, seconds=1800
            )
            expect_no_errors(filled, bench.rebuild_events)
            account.end()
            yield self.section(bench, quotalog, account)

    def section(self, bench: Bench, quotalog: Quotalog, account: Account) -> Section:
        connection = http.client.HTTPConnection("127.0.0.1", quotalog.port, timeout=30)
        head = json.loads(quotalog.get("/v1/evidence"))["position"]
        first = account.first_position(connection)
        draw = random.Random(1)
        names = ("usage now", "usage as of a position", "inclusion proof of a record")
        series = [Series(name) for name in names]
        slowest: dict[str, list[float]] = {name: [] for name in names}
        for number in range(1, bench.rounds + 1):
            settle()
            bench.progress.step(f"history, round {number} of {bench.rounds}", 3)
            asked: list[Callable[[], str]] = [
                lambda: f"/v1/users/{account.uuid}/usage",
                lambda: f"/v1/users/{account.uuid}/usage?as_of={draw.randint(first, head)}",
                lambda: f"/v1/proofs/inclusion?size={head}&position={draw.randint(1, head)}",
            ]
            for each, name, path in zip(series, names, asked):
                times = [account.ask(connection, path()) for _ in range(QUESTIONS)]
                slowest[name].append(max(times))
                each.turns.append(Measurement(QUESTIONS, sum(times), 0, 0, all_events=QUESTIONS))
        target = Target(
            "a point of history in less than 20 ms, the slowest of all", 20, max(slowest[names[1]]) * 1000, "ms",
            reached_when=lambda found, wanted: found < wanted,
        )  # fmt: skip
        facts: dict[str, float | int | str] = {"events in the log": head, "events of the account": ACCOUNT_EVENTS}
        for name in names:
            facts[f"slowest {name}, ms, median of the rounds"] = round(median(slowest[name]) * 1000, 2)
        return Section(self.name, "one account's past, one question at a time", series, [target], facts)


class Account:
    """Somebody whose usage is reported all the time while the log is filled."""

    def __init__(self, quotalog: Quotalog, uuid: str):
        self.quotalog = quotalog
        self.uuid = uuid
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self.report, daemon=True)
        self.pause = 0.0

    def begin(self, seconds: float) -> None:
        self.pause = seconds * ACCOUNT_BATCH / ACCOUNT_EVENTS
        self.thread.start()

    def end(self) -> None:
        self.thread.join()
        if self.failure:
            raise Unusable(f"usage of one account was not taken: {self.failure}")

    def report(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.quotalog.port, timeout=30)
        headers = {"Authorization": f"Token {self.quotalog.token}", "Content-Type": "application/json"}
        try:
            for number in range(0, ACCOUNT_EVENTS, ACCOUNT_BATCH):
                items = [
                    {"id": f"past-{number + each}", "user": self.uuid, "tokens": 7} for each in range(ACCOUNT_BATCH)
                ]
                connection.request("POST", "/v1/usage", json.dumps(items), headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status >= 300:
                    raise Unusable(f"{answer.status} {body[:200]!r}")
                time.sleep(self.pause)
        except Exception as failure:
            self.failure = failure

    def first_position(self, connection: http.client.HTTPConnection) -> int:
        page = json.loads(self.get(connection, f"/v1/events?user={self.uuid}&limit=1"))
        return page["events"][0]["position"]

    def ask(self, connection: http.client.HTTPConnection, path: str) -> float:
        started = time.perf_counter()
        self.get(connection, path)
        return time.perf_counter() - started

    def get(self, connection: http.client.HTTPConnection, path: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": f"Token {self.quotalog.token}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Unusable(f"GET {path}: {answer.status} {body[:200]!r}")
        return body

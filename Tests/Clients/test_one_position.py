"""Under load every answer is true for one position, over HTTP and by the command beside the server."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from service import DEADLINE_SECONDS, Account, Service, compact
from test_holds import new_id

HTTP_ROUNDS, COMMAND_ROUNDS = 100, 10
SPENT = {"tokens_spent", "hold_drawn", "hold_settled"}
ENDED = {"hold_settled", "hold_voided", "hold_expired"}


@dataclass
class Reckoning:
    """What the events of one user come to at any position, added up one by one."""

    events: list[dict]

    def until(self, position: int) -> list[dict]:
        return [event for event in self.events if event["position"] <= position]

    def spends(self, position: int, window: dict) -> list[tuple[int, int]]:
        start, end = window["start"][:19], window["end"][:19]
        return [
            (event["position"], event["tokens"])
            for event in self.until(position)
            if event["type"] in SPENT and start <= event["happened_at"][:19] < end
        ]

    def used(self, position: int, window: dict) -> int:
        return sum(tokens for _, tokens in self.spends(position, window))

    def holds(self, position: int) -> dict[str, int]:
        left: dict[str, int] = {}
        for event in self.until(position):
            if event["type"] == "spend_held":
                left[str(event["position"])] = event["tokens"]
            elif event["type"] == "hold_drawn":
                left[event["hold"]] = max(0, left[event["hold"]] - event["tokens"])
            elif event["type"] in ENDED:
                left.pop(event["hold"], None)
        return left


class Line:
    """A client that keeps its connection, and so asks as fast as it is answered."""

    def __init__(self, base: str, token: str):
        url = urlsplit(base)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_SECONDS)
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> dict:
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201), (answer.status, text)
        return json.loads(text)

    def get(self, path: str) -> dict:
        return self.ask("GET", path)

    def post(self, path: str, **body) -> dict:
        return self.ask("POST", path, compact(body))


class Writers:
    """Some who hold, settle and void, and one who spends for many, as fast as they are answered."""

    def __init__(self, service: Service, person: Account):
        self.service, self.person, self.ends = service, person, threading.Event()
        self.token, self.others = service.gateway.token, [service.register().uuid for _ in range(20)]
        self.pool = ThreadPoolExecutor()
        self.works = [self.pool.submit(self.hold, number) for number in range(3)] + [self.pool.submit(self.spend)]

    def end(self) -> None:
        self.ends.set()
        for work in self.works:
            work.result()

    def hold(self, number: int) -> None:
        draw, open_, line = random.Random(number), [], Line(self.service.base, self.token)
        while not self.ends.is_set():
            if len(open_) < 12:
                body = {"user": self.person.uuid, "estimate": draw.randint(1, 90), "id": new_id()}
                open_.append(line.post("/v1/holds", **body)["hold"])
            elif draw.random() < 0.3:
                line.post(f"/v1/holds/{draw.choice(open_)}/settle", tokens=draw.randint(0, 9), final=False)
            elif draw.random() < 0.2:
                line.post(f"/v1/holds/{open_.pop(0)}/void")
            else:
                line.post(f"/v1/holds/{open_.pop(0)}/settle", tokens=draw.randint(0, 90))

    def spend(self) -> None:
        draw, line = random.Random(0), Line(self.service.base, self.token)
        for number in itertools.count():
            if self.ends.is_set():
                return
            users = [self.person.uuid, *(draw.choice(self.others) for _ in range(1000))]
            spends = [{"id": f"{number}-{place}", "user": user, "tokens": place % 90} for place, user in enumerate(users, 7)]
            body = b"\n".join(map(compact, spends))
            line.ask("POST", "/v1/usage", body, **{"Content-Type": "application/jsonl"})


class Readers:
    """What was answered while others wrote, to be looked at when nobody writes any more."""

    def __init__(self, service: Service, person: Account):
        self.service, self.path, self.uuid = service, f"/v1/users/{person.uuid}", person.uuid
        self.usages: list[dict] = []
        self.explanations: list[list[dict]] = []
        self.logs: list[list[int]] = []

    def over_http(self) -> None:
        line = Line(self.service.base, self.service.store.admin["token"])
        for _ in range(HTTP_ROUNDS):
            told = line.get(self.path + "/explain?limit=1000&period=weekly")
            self.explanations.append([told])
            self.usages.append(line.get(self.path + "/usage"))
            self.usages.append(line.get(f"{self.path}/usage?as_of={told['position']}"))

    def beside(self) -> None:
        for _ in range(COMMAND_ROUNDS):
            usage = self.run("usage")[0]
            self.usages += [usage, self.run("usage", "--as-of", str(usage["position"]))[0]]
            self.usages.append(self.run("usage", "--as-of", str(self.service.position))[0])
            self.logs.append([event["position"] for event in self.run("log", named=True)])
            self.explanations.append(self.run("explain"))

    def run(self, command: str, *options: str, named: bool = False) -> list[dict]:
        user = ["--user", self.uuid] if named else [self.uuid]
        text = self.service.store.run(command, *user, *options, "--json").stdout
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def watched(start_shared) -> tuple[Readers, Reckoning]:
    service = start_shared()
    readers = Readers(service, service.user)
    writers = Writers(service, service.user)
    try:
        with ThreadPoolExecutor() as pool:
            works = [pool.submit(work) for work in (readers.over_http, readers.over_http, readers.beside)]
    finally:
        writers.end()
    for work in works:
        work.result()
    return readers, Reckoning(service.events(user=readers.uuid))


def test_usage_is_that_of_its_position(watched):
    readers, reckoning = watched
    for told in readers.usages:
        for window in told["windows"].values():
            assert window["used"] == reckoning.used(told["position"], window), told
            assert window["reserved"] == sum(reckoning.holds(told["position"]).values()), told


def test_an_explanation_adds_up_at_its_position(watched):
    readers, reckoning = watched
    for pages in readers.explanations:
        first = pages[0]
        position, events = first["position"], [event for page in pages for event in page["events"]]
        assert {page["position"] for page in pages} == {position}
        expected = reckoning.spends(position, first)
        told = [(event["position"], event["tokens"]) for event in events]
        assert told == (expected[: len(told)] if pages[-1]["has_more"] else expected)
        assert first["used"] == sum(tokens for _, tokens in expected)
        held = {hold["hold"]: hold["tokens"] for hold in first["holds"]}
        assert held == reckoning.holds(position)
        assert first["reserved"] == sum(held.values()) and not first["has_more_holds"]


def test_the_log_of_a_user_has_each_event_once(watched):
    readers, reckoning = watched
    everything = [event["position"] for event in reckoning.events]
    for told in readers.logs:
        assert told == everything[: len(told)]

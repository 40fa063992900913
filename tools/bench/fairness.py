"""What somebody's dearest requests do to somebody else, on a large store."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .cases import FILL_RATE, SETUP_SECONDS, Bench, settle
from .load import Measurement
from .machine import HERE, Unusable
from .report import Section, Series, Target

EVENTS = 1_000_000
HOLDS = 10_000
SESSIONS = 20_000
WITNESS_RATE = 100
WITNESS_WARMUP = 0.5
FLOOD_CONNECTIONS = 8
PIPELINE = 64
FACTOR = 3
WORST_MILLISECONDS = 100


@dataclass
class Flood:
    """Somebody, and what they send as fast as it is taken."""

    name: str
    role: str | None
    requests: list[bytes]


class Fairness:
    """A client of each role sends its dearest requests as fast as they are taken; another one reports and asks at a steady rate.

    It is compared with what the other one meets beside requests for `/livez` at the same rate as those were answered.
    """

    name = "fairness"
    programs = ["gcc"]

    def seconds(self, bench: Bench) -> float:
        return 120 + bench.rounds * 12 * (2 * bench.load.pace.seconds + 2)

    def run(self, bench: Bench) -> Iterator[Section]:
        bench.setup("fairness: starting quotalog")
        with bench.running("quotalog") as [quotalog]:
            store = LargeStore(bench, quotalog)
            store.fill()
            yield self.section(bench, store)

    def section(self, bench: Bench, store: LargeStore) -> Section:
        series, targets, facts = [], [], {}
        for flood in store.floods():
            found: list[tuple[list[float], list[float]]] = []
            rates = []
            for number in range(1, bench.rounds + 1):
                bench.progress.step(f"fairness: {flood.name}, round {number} of {bench.rounds}", 2 * bench.load.pace.seconds + 2)
                beside, rate = store.witness(flood)
                harmless, _ = store.witness(store.harmless, rate=min(rate, 20_000))
                found.append((beside, harmless))
                rates.append(rate)
            each = Series(flood.name)
            each.turns += [Measurement(len(beside), sum(beside) / 1000, 0, 0, all_events=len(beside)) for beside, _ in found]
            series.append(each)
            tails = [quantile(beside, 0.99) / quantile(harmless, 0.99) for beside, harmless in found]
            worst = sorted(max(beside) for beside, _ in found)[len(found) // 2]
            lower = dict(reached_when=lambda value, wanted: value < wanted)
            targets.append(Target(f"{flood.name}: p99 of another client, times that beside harmless load", FACTOR, sorted(tails)[len(tails) // 2], "×", **lower))
            targets.append(Target(f"{flood.name}: worst answer to another client", WORST_MILLISECONDS, worst, "ms", **lower))
            facts[f"{flood.name}: answers a second"] = round(sum(rates) / len(rates))
            facts[f"{flood.name}: p99, ms"] = round(sum(quantile(beside, 0.99) for beside, _ in found) / len(found), 2)
            facts[f"{flood.name}: p99 beside harmless load, ms"] = round(sum(quantile(calm, 0.99) for _, calm in found) / len(found), 2)
        return Section(self.name, "what somebody's dearest requests do to somebody else", series, targets, facts)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class LargeStore:
    """A million events of one user, ten thousand open holds, twenty thousand sessions, and all the benchmark's users."""

    harmless = Flood("harmless load", None, [b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"])

    def __init__(self, bench: Bench, quotalog):
        self.bench = bench
        self.quotalog = quotalog
        self.user = bench.people.uuid(0)
        self.other = bench.people.uuid(1)
        self.number = 0
        self.tokens: dict[str, str] = {}

    def fill(self) -> None:
        progress = self.bench.progress
        progress.step("fairness: a million events of one user", EVENTS / FILL_RATE + 30)
        self.tokens = {role: self.person(role) for role in ("service", "support", "staff", "auditor", "witness")}
        self.tokens["user"] = self.token_of(self.user)
        self.post_many("/v1/usage", ([{"id": f"u{first + n}", "user": self.user, "tokens": 1} for n in range(10_000)] for first in range(0, EVENTS, 10_000)))
        progress.step("fairness: holds and sessions", 60)
        self.flood_once("/v1/holds", ({"id": f"h{n}", "user": self.user, "estimate": 1, "ttl_seconds": 86_400} for n in range(HOLDS)), "service")
        self.flood_once("/v1/sessions", ({"session_id": f"s{n}"} for n in range(SESSIONS)), "user")
        self.flood_once("/v1/sessions/s0/usage", ({"usage_id": f"x{n}", "nano_aiu": 1} for n in range(20_000)), "user")

    def floods(self) -> Iterator[Flood]:
        head = self.quotalog_position()
        for role in ("user", "support", "auditor", "staff"):
            token = self.tokens[role]
            asked = [
                f"/v1/users/{self.user}/explain?limit=1000&period=monthly", "/v1/sessions/s0/events?limit=1&types=abort",
                f"/v1/users/{self.user}/usage?as_of={head - 5000}", "/v1/sessions?limit=1000",
            ]  # fmt: skip
            if role in ("auditor", "staff"):
                asked += ["/v1/users?limit=1000", "/v1/events?type=window_cleared", "/v1/schedules", f"/v1/events?user={self.user}&type=token_issued"]
            yield Flood(f"{role}, long questions", role, [self.request("HEAD", path, token) for path in asked])
        token = self.tokens["service"]
        batch = json.dumps([{"id": "same", "user": self.user, "tokens": 1}] * 10_000).encode()
        yield Flood("service, batches of 10,000", "service", [self.request("POST", "/v1/usage", token, batch)])
        yield Flood("service, single events", "service", [self.request("POST", "/v1/usage", token, b'{"id":"same","user":"%s","tokens":1}' % self.user.encode())])
        yield Flood("service, 16 MB of nothing", "service", [self.request("POST", "/v1/usage", token, b"x\n" * 8_000_000, "application/jsonl")])
        yield Flood("user, small questions", "user", [self.request("HEAD", f"/v1/users/{self.user}/usage", self.tokens["user"])])
        yield Flood("stranger", None, [self.request("GET", f"/v1/users/{self.user}/usage", "unknown")])

    def witness(self, flood: Flood, rate: float | None = None) -> tuple[list[float], float]:
        """How long another client's answers took meanwhile, in milliseconds, and how many the flood got a second."""
        settle()
        seconds = self.bench.load.pace.seconds + WITNESS_WARMUP
        self.number += 1
        load = {
            "kind": "load", "port": self.quotalog.port, "seconds": seconds, "connections": FLOOD_CONNECTIONS, "rate": rate,
            "requests": [base64.b64encode(request).decode() for request in flood.requests],
        }  # fmt: skip
        watch = {
            "kind": "witness", "port": self.quotalog.port, "seconds": seconds, "rate": WITNESS_RATE, "user": self.other,
            "token": self.tokens["witness"], "name": f"w{self.number}",
        }  # fmt: skip
        processes = [start(job) for job in (load, watch)]
        (loaded, watched) = [finish(process) for process in processes]
        return watched["milliseconds"][int(WITNESS_RATE * WITNESS_WARMUP) :], loaded["rate"]

    def request(self, method: str, path: str, token: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Token {token}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def ask(self, method: str, path: str, body: dict | list | None = None, token: str | None = None) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.quotalog.port, timeout=60)
        headers = {"Authorization": f"Token {token or self.quotalog.token}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise Unusable(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text)

    def quotalog_position(self) -> int:
        return json.loads(self.quotalog.get("/v1/evidence"))["position"]

    def person(self, role: str) -> str:
        user = self.ask("POST", "/v1/users", {"name": f"fairness-{role}", "role": "service" if role == "witness" else role})
        return self.token_of(user["user"])

    def token_of(self, user: str) -> str:
        return self.ask("POST", f"/v1/users/{user}/tokens", {})["token"]

    def post_many(self, path: str, bodies) -> None:
        for body in bodies:
            self.ask("POST", path, body, self.tokens["service"])

    def flood_once(self, path: str, bodies, role: str) -> None:
        """Sends requests one behind the other, many under way at a time, and expects each to be taken."""
        requests = [self.request("POST", path, self.tokens[role], json.dumps(body).encode()) for body in bodies]
        with socket.create_connection(("127.0.0.1", self.quotalog.port)) as link:
            for first in range(0, len(requests), PIPELINE):
                part = requests[first : first + PIPELINE]
                link.sendall(b"".join(part))
                text = b""
                while text.count(b"HTTP/1.1 ") < len(part) or not text.endswith(b"}"):
                    text += link.recv(1 << 20)
                if b"HTTP/1.1 4" in text or b"HTTP/1.1 5" in text:
                    raise Unusable(f"POST {path}: {text[:300]!r}")


def start(job: dict) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, str(HERE / "fairness_load.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(json.dumps(job).encode())
    process.stdin.close()
    return process


def finish(process: subprocess.Popen) -> dict:
    text = process.stdout.read()
    if process.wait() != 0:
        raise Unusable("a client of the fairness part failed")
    return json.loads(text)

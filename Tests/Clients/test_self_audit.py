"""The audit of itself that a server goes on with: silent under load, loud about one wrong number."""

from __future__ import annotations

import random
import re
import struct
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from backups import refused, seeded
from service import Account, Answer, Service, Store, until

EAGER = ("--audit-percent", "50")


def ready(service: Service, token: str | None = None) -> Answer:
    """Asked by itself: no other answer of the service may ever be 503 here."""
    url = urlsplit(service.base)
    connection = HTTPConnection(url.hostname, url.port, timeout=20)
    try:
        connection.request("GET", "/readyz", headers={"Authorization": f"Token {token}"} if token else {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def progress(service: Service) -> dict:
    answer = service.admin.get("/readyz?verbose")
    assert answer.status == 200, answer.gist
    return answer.json["audit"]


def passed(service: Service, count: int, seconds: float = 40) -> dict:
    """What the audit says after so many passes more."""
    before = progress(service)["passes"]
    until(lambda: progress(service)["passes"] >= before + count, f"{count} passes", seconds)
    return progress(service)


def red(service: Service) -> dict:
    """What is answered once the audit has found something; it must be within seconds."""
    start = time.monotonic()
    staff = service.admin.token
    answer = until(lambda: (found := ready(service, staff)).status == 503 and found, "the audit finds it", 15)
    assert time.monotonic() - start < 15
    assert answer.json["status"] == "differs", answer.gist
    told = ready(service)
    assert told.status == 503 and set(told.json) == {"status", "detail"}, "strangers are told of nobody"
    assert not re.search(r"[0-9a-f]{8}-|\d", told.json["detail"]), told.json
    return answer.json


def types(service: Service) -> set[str]:
    return {event["type"] for event in service.events()}


class Crowd:
    """People, and everything that can happen to them at random until they are left alone."""

    def __init__(self, service: Service, numbers: random.Random, count: int = 12):
        self.service, self.numbers = service, numbers
        self.people = [service.register() for _ in range(count)]
        self.gateway = service.gateway.client
        self.spent: list[tuple[int, int]] = []
        self.holds: list[str] = []
        self.ended, self.steps = False, 0

    def run(self) -> None:
        while not self.ended or self.steps < 200:
            self.steps += 1
            self.numbers.choice(
                [self.spend, self.spend, self.spend, self.late, self.hold, self.hold, self.end_hold, self.correct,
                 self.limit, self.allow, self.mode]
            )()  # fmt: skip

    @property
    def somebody(self) -> Account:
        return self.numbers.choice(self.people)

    def spend(self) -> None:
        tokens = self.numbers.randrange(1, 2000)
        self.keep(self.service.try_spend(self.somebody, tokens), tokens)

    def late(self) -> None:
        moment = datetime.now(timezone.utc) - timedelta(days=self.numbers.randrange(80), hours=self.numbers.randrange(24))
        tokens = self.numbers.randrange(1, 2000)
        self.keep(self.service.try_spend(self.somebody, tokens, time=moment.isoformat()), tokens)

    def keep(self, answer, tokens: int) -> None:
        if answer.status == 201:
            self.spent.append((answer.json["position"], tokens))

    def hold(self) -> None:
        body = {"user": self.somebody.uuid, "estimate": self.numbers.randrange(1, 500), "id": str(uuid.uuid4())}
        answer = self.gateway.post("/v1/holds", body | {"ttl_seconds": self.numbers.choice([1, 2, 300])})
        if answer.status == 201:
            self.holds.append(answer.json["hold"])

    def leave_a_hold(self) -> None:
        """A hold that nobody ends, by somebody without a limit: time ends it."""
        body = {"user": self.service.register().uuid, "estimate": 1, "id": str(uuid.uuid4()), "ttl_seconds": 1}
        assert self.gateway.post("/v1/holds", body).status == 201

    def end_hold(self) -> None:
        if self.holds:
            hold = self.holds.pop(self.numbers.randrange(len(self.holds)))
            if self.numbers.random() < 0.5:
                self.gateway.post(f"/v1/holds/{hold}/settle", {"tokens": self.numbers.randrange(1, 900), "id": str(uuid.uuid4())})
            else:
                self.gateway.post(f"/v1/holds/{hold}/void", {})

    def correct(self) -> None:
        if self.spent:
            position, tokens = self.spent.pop()
            body = {"position": position, "tokens": self.numbers.randrange(tokens), "id": str(uuid.uuid4())}
            answer = self.gateway.post("/v1/corrections", body)
            assert answer.status in (201, 409), answer.gist

    def limit(self) -> None:
        limits = [self.numbers.choice([None, -1, 5000, 50_000]) for _ in range(3)]
        self.service.set_limits(self.somebody, *limits)

    def allow(self) -> None:
        body = {"period": "daily", "tokens": 100, "id": str(uuid.uuid4())}
        answer = self.service.admin.post(f"/v1/users/{self.somebody.uuid}/allowances", body)
        assert answer.status < 500, answer.gist

    def mode(self) -> None:
        body = {"daily_mode": self.numbers.choice(["hard", "soft", "shadow", None]), "id": str(uuid.uuid4())}
        answer = self.service.admin.ask("PATCH", f"/v1/users/{self.somebody.uuid}/limits", body)
        assert answer.status < 500, answer.gist


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Apia"])
def test_it_finds_nothing_wrong_under_load(start, zone, request):
    service = start(*EAGER, "--time-zone", zone, "--week-start", "sunday")
    crowds = [Crowd(service, seeded(f"{request.node.name} {number}")) for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(crowd.run) for crowd in crowds]
        try:
            crowds[0].leave_a_hold()
            for _ in range(3):
                passed(service, 1)
                gone = crowds[0].people.pop()
                assert service.admin.ask("DELETE", f"/v1/users/{gone.uuid}").status == 200
        finally:
            for crowd in crowds:
                crowd.ended = True
            for each in running:
                each.result()
    until(lambda: "hold_expired" in types(service), "a hold that was left to itself expires")
    end = service.position
    found = passed(service, 2)
    assert found["position"] >= end and found["accounts"] >= 3 * 20
    happened = types(service)
    assert {"tokens_spent", "spend_held", "hold_settled", "usage_corrected", "user_erased", "hold_expired"} <= happened
    assert ready(service).gist == (200, b'{"status":"ok"}')
    assert service.server.stop() == 0
    service.store.run("verify")


def test_a_calendar_that_changes_is_no_difference(start):
    service = start(*EAGER)
    for day in range(1, 29, 3):
        service.spend(service.user, day, time=f"2026-10-{day:02d}T23:30:00Z")
    passed(service, 1)
    service.restart(*EAGER, "--time-zone", "Asia/Kathmandu", "--week-start", "saturday")
    passed(service, 2)
    assert ready(service).status == 200


def test_without_an_audit_there_is_nothing_to_tell(start):
    service = start("--audit-percent", "0")
    assert service.admin.get("/readyz?verbose").gist == (200, b'{"status":"ok"}')


@pytest.mark.parametrize("percent", ["-1", "101", "x", ""])
def test_a_share_is_a_percentage(tmp_path, percent):
    store = Store.create(tmp_path)
    refused(store.try_run("serve", f"--audit-percent={percent}"), 64, "audit")


def tamper(service: Service, true: int, false: int) -> None:
    """Changes a number of the live projection, wherever it stands, while nobody serves it."""
    (data,) = service.store.path.glob("projections/*/data.mdb")
    content = data.read_bytes()
    assert struct.pack("<q", true) in content
    data.write_bytes(content.replace(struct.pack("<q", true), struct.pack("<q", false)))


def test_a_wrong_number_is_told_and_a_swap_heals_it(start):
    service = start(*EAGER)
    others = [service.register() for _ in range(4)]
    for person in others:
        service.spend(person, 3)
    person = service.user
    service.spend(person, 1_234_567)
    assert service.server.stop() == 0
    tamper(service, 1_234_567, 1_234_566)
    service.resume()
    found = red(service)
    assert found["user"] == person.uuid and found["position"] == service.position
    assert all(words in found["detail"] for words in (person.uuid, "1234566", "1234567", str(found["position"])))
    assert service.nobody.get("/livez").status == 200
    assert service.used(person) == (1_234_566,) * 3, "it is told; what is answered is not changed behind anybody's back"
    until(lambda: person.uuid in service.server.complaints(), "it is in the server's own log")
    service.spend(person, 10)
    later = until(lambda: (now := ready(service, service.admin.token)).json["position"] > found["position"] and now, "it is still told")
    assert later.status == 503 and "1234577" in later.json["detail"]
    swapped = service.store.read("projections", "rebuild", "--swap")
    assert swapped["complete"]
    until(lambda: ready(service).status == 200, "the swap heals it", 20)
    assert service.used(person) == (1_234_577,) * 3
    passed(service, 2)


def test_it_is_told_once_in_the_servers_own_log(start):
    service = start(*EAGER)
    service.spend(service.user, 1_234_567)
    assert service.server.stop() == 0
    tamper(service, 1_234_567, 1_234_566)
    service.resume()
    red(service)
    time.sleep(3)
    lines = [line for line in service.server.complaints().splitlines() if "1234566" in line]
    assert len(lines) == 1, lines


def test_a_wrong_reservation_is_told(start):
    service = start(*EAGER)
    hold = {"user": service.user.uuid, "estimate": 7_654_321, "id": "open", "ttl_seconds": 3600}
    assert service.gateway.client.post("/v1/holds", hold).status == 201
    assert service.server.stop() == 0
    tamper(service, 7_654_321, 7_654_320)
    service.resume()
    found = red(service)
    assert found["user"] == service.user.uuid
    assert "reserved" in found["detail"] and "7654320" in found["detail"] and "7654321" in found["detail"]


def test_a_wrong_window_of_the_past_is_told(start):
    service = start(*EAGER)
    service.spend(service.user, 2_222_222, time=datetime.now(timezone.utc).replace(day=1).isoformat())
    past = datetime.now(timezone.utc) - timedelta(days=62)
    service.spend(service.user, 1_111_111, time=past.isoformat())
    assert service.server.stop() == 0
    tamper(service, 1_111_111, 1_111_110)
    service.resume()
    found = red(service)
    assert found["user"] == service.user.uuid
    assert "1111110" in found["detail"] and "1111111" in found["detail"] and "window" in found["detail"]


def change_in_the_log(store: Store, old: bytes, new: bytes) -> list[int]:
    """Changes bytes of the log's file in place, beside whoever has it open, and says where."""
    data = store.path / "log" / "data.mdb"
    assert len(old) == len(new)
    places = [match.start() for match in re.finditer(re.escape(old), data.read_bytes())]
    assert places
    put(store, places, new)
    return places


def put(store: Store, places: list[int], text: bytes) -> None:
    with (store.path / "log" / "data.mdb").open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(text)


def test_a_record_that_is_changed_behind_the_servers_back_is_told(start):
    service = start(*EAGER)
    for number in range(20):
        receipt = service.spend(service.user, 5, id=f"the record of number {number:02d}")
    changed = receipt["position"] - 10
    passed(service, 1)
    places = change_in_the_log(service.store, b"the record of number 09", b"the record of number 99")
    found = red(service)
    assert found["position"] == changed and found["user"] is None, found
    assert f"damaged at position {changed}" in found["detail"], found
    until(lambda: f"position {changed}" in service.server.complaints(), "it is in the server's own log")
    assert "quotalog verify" in service.server.complaints()
    put(service.store, places, b"the record of number 09")
    until(lambda: ready(service).status == 200, "what was put back is right")


@pytest.mark.parametrize("number", range(6))
def test_a_server_that_cannot_start_ends_in_order(start, number):
    """What ends a start late must not end the process under an audit that has begun."""
    service = start(*EAGER)
    consumer = service.register("auditor").client.ask("PUT", "/v1/consumers/mine", {})
    assert consumer.status == 201
    service.restart()
    assert service.server.stop() == 0
    file = service.store.path / "consumers"
    file.write_text("\n".join([*file.read_text().splitlines()[:2], "mine x"]) + "\n")
    refused(service.store.try_run("serve", "--listen", "127.0.0.1:0", *EAGER), 65, "consumers")

"""Holds: nothing overspent, every step once, and clear words for whatever is wrong."""

from __future__ import annotations

import itertools
import json
import random
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from contract import exceeded
from service import DEADLINE_SECONDS, Account, Answer, Client, Service, compact, until

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
LARGEST = 2**63 - 1
LARGEST_REPORT = 2**53 - 1
WRONG_AMOUNTS = [0, -1, 1.5, 1e3, "5", True, None, [], 2**63, 2**64, 10**30]
WRONG_TIMES = [0, -5, 86401, 1.5, "9", True, 10**30]

numbers = itertools.count(1)


def new_id() -> str:
    return f"id-{next(numbers)}"


class Holder:
    """Everything about holds as one service user asks it."""

    def __init__(self, client: Client, user: Account):
        self.client = client
        self.user = user

    def hold(self, estimate, **members) -> Answer:
        return self.client.post("/v1/holds", {"user": self.user.uuid, "estimate": estimate, "id": new_id()} | members)

    def held(self, estimate, **members) -> str:
        """The id of a hold that must be new."""
        answer = self.hold(estimate, **members)
        assert answer.status == 201, answer.gist
        return answer.json["hold"]

    def change(self, hold: str, action: str, **members) -> Answer:
        return self.client.post(f"/v1/holds/{hold}/{action}", members)

    def settle(self, hold: str, tokens: int, **members) -> Answer:
        return self.change(hold, "settle", tokens=tokens, **members)

    def get(self, hold: str) -> Answer:
        return self.client.get(f"/v1/holds/{hold}")

    def state(self, hold: str) -> str:
        return self.get(hold).json["state"]


def holder(service: Service, user: Account) -> Holder:
    return Holder(service.gateway.client, user)


@pytest.fixture
def mine(service, person) -> Holder:
    return holder(service, person)


def day(service: Service, user: Account) -> tuple[int, int]:
    """Tokens used today, and tokens held."""
    window = service.windows(user)["daily"]
    return window["used"], window["reserved"]


def problem(answer: Answer, status: int, code: str, member: str | None) -> str:
    """The words of a problem that has the right shape."""
    assert (answer.status, answer.json["code"]) == (status, code), answer.gist
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json.get("member") == member, answer.gist
    return answer.json["detail"]


# Nothing overspent


class Crowd:
    """A hundred connections that ask at once."""

    def __init__(self, service: Service, count: int = 100):
        url = urlsplit(service.base)
        self.head = f"Host: {url.netloc}\r\nAuthorization: Token {service.gateway.token}\r\n"
        self.sockets = [socket.create_connection((url.hostname, url.port), DEADLINE_SECONDS) for _ in range(count)]
        for one in self.sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, requests: list[tuple[str, bytes]]) -> list[tuple[int, dict]]:
        """Sends everything, then reads everything; the n-th request goes out on the n-th connection."""
        pairs = list(zip(self.sockets, requests, strict=False))
        for one, (path, body) in pairs:
            head = f"POST {path} HTTP/1.1\r\n{self.head}Content-Type: application/json\r\n"
            one.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return [self.read(one) for one, _ in pairs]

    @staticmethod
    def read(one: socket.socket) -> tuple[int, dict]:
        text = b""
        while True:
            text += one.recv(65536)
            head, separator, body = text.partition(b"\r\n\r\n")
            if separator:
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                if len(body) >= length:
                    return int(head[9:12]), json.loads(body)

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@pytest.mark.parametrize("repetitions, largest", [(500, 1), (500, 40)])
def test_a_hundred_connections_at_once_never_pass_the_limit(service, person, repetitions, largest):
    """With equal estimates as many are admitted as fit; with others, none that was refused would still fit."""
    limit, seed = 60, random.randrange(2**32)
    draw = random.Random(seed)
    service.set_limits(person, None, limit, None)
    crowd = Crowd(service)
    for repetition in range(repetitions):
        estimates = [draw.randint(1, largest) for _ in crowd.sockets]
        holds = crowd.ask([
            ("/v1/holds", compact({"user": person.uuid, "estimate": estimate, "id": f"{person.uuid}-{repetition}-{index}"}))
            for index, estimate in enumerate(estimates)
        ])  # fmt: skip
        admitted = [answer["tokens"] for status, answer in holds if status == 201]
        refused = [answer["estimate"] for status, answer in holds if status == 409]
        assert len(admitted) + len(refused) == len(estimates), f"seed {seed}"
        rest = limit - sum(admitted)
        assert 0 <= rest < min(refused), f"seed {seed}, repetition {repetition}"
        ends = [f"/v1/holds/{answer['hold']}/void" for status, answer in holds if status == 201]
        assert all(status == 200 for status, _ in crowd.ask([(path, b"{}") for path in ends])), f"seed {seed}"
    crowd.close()
    assert day(service, person) == (0, 0)


def test_held_and_used_together_never_pass_the_limit_at_any_position(service, person):
    """Random holds, partial settles within what is held, settles, voids; the log itself is the witness."""
    service.set_limits(person, 500, None, None)
    seed = random.randrange(2**32)

    def work(worker: int) -> None:
        draw, mine = random.Random(f"{seed}-{worker}"), holder(service, person)
        for _ in range(25):
            estimate = draw.randint(1, 60)
            answer = mine.hold(estimate)
            if answer.status == 409:
                continue
            hold, part = answer.json["hold"], draw.randint(0, estimate)
            end = draw.choice(["settle", "void", "parts", "leave"])
            if end == "parts":
                mine.settle(hold, part, final=False)
                mine.settle(hold, (estimate - part) // 2)
            elif end == "settle":
                mine.settle(hold, part)
            elif end == "void":
                mine.change(hold, "void")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    used, held = 0, {}
    for event in service.events(user=person.uuid):
        kind = event["type"]
        if kind == "spend_held":
            held[str(event["position"])] = event["tokens"]
        elif kind == "hold_drawn":
            used += event["tokens"]
            held[event["hold"]] -= event["tokens"]
        elif kind in ("hold_settled", "hold_voided"):
            used += event.get("tokens", 0)
            del held[event["hold"]]
        assert used + sum(held.values()) <= 500, f"seed {seed}, position {event['position']}"
    assert day(service, person) == (used, sum(held.values())), f"seed {seed}"


@pytest.mark.parametrize("limits, estimate, refusing", [
    ((100, 90, 80), 81, ["monthly"]),
    ((100, 90, 80), 91, ["weekly", "monthly"]),
    ((100, 90, 80), 101, ["daily", "weekly", "monthly"]),
    ((-1, 0, -1), 1, ["weekly"]),
])  # fmt: skip
def test_a_refusal_names_every_limit_that_refuses_in_the_words_of_the_contract(service, person, limits, estimate, refusing):
    service.set_limits(person, *limits)
    answer = holder(service, person).hold(estimate)
    assert (answer.status, answer["Content-Type"]) == (409, "application/problem+json")
    told = answer.json
    assert (told["type"], told["violated-policies"], told["detail"]) == (QUOTA_EXCEEDED, refusing, exceeded(refusing[0]))
    assert [violation["period"] for violation in told["violations"]] == refusing
    assert (told["allowed"], told["estimate"], told["user"]) == (False, estimate, person.uuid)
    event = service.events(user=person.uuid, type="spend_refused")[0]
    assert (event["position"], event["violations"]) == (told["position"], told["violations"])
    assert event["policy"] == told["policy"] < told["position"]


# Every step once


@pytest.mark.parametrize("restart", [False, True])
def test_the_same_id_has_the_same_answer_for_ever(start, restart):
    service = start()
    person, mine = service.user, holder(service, service.user)
    service.set_limits(person, 100, None, None)
    hold, void, left = (mine.held(20) for _ in range(3))
    calls = [
        ("/v1/holds", {"user": person.uuid, "estimate": 30, "id": "hold", "ttl_seconds": 700}),
        ("/v1/holds", {"user": person.uuid, "estimate": 99, "id": "refused"}),
        (f"/v1/holds/{left}/extend", {"ttl_seconds": 900, "id": "extend"}),
        (f"/v1/holds/{hold}/settle", {"tokens": 5, "final": False, "id": "part"}),
        (f"/v1/holds/{hold}/settle", {"input_tokens": 30, "output_tokens": 3, "id": "settle", "model": "m"}),
        (f"/v1/holds/{void}/void", {"id": "void"}),
        ("/v1/corrections", {"usage_id": "part", "tokens": 7, "id": "correct"}),
    ]
    first = [mine.client.post(*call).json for call in calls]
    position = service.position
    if restart:
        service.server.kill()
        service.resume()
        mine = holder(service, person)
    for call, answer in zip(calls, first, strict=True):
        again = mine.client.post(*call)
        assert again.status == (409 if call[1]["id"] == "refused" else 200)
        # What is still held is the state of now, so a repetition leaves it out.
        answer.pop("held", None)
        assert again.json == answer | {"replayed": True}
    assert service.position == position


@pytest.fixture(scope="module")
def repeated(start_shared):
    """A service where each kind of request was made once under an id of its own name, and the paths to repeat it."""
    service = start_shared()
    person, mine = service.user, holder(service, service.user)
    service.set_limits(person, 1000, None, None)
    assert service.admin.ask("PUT", "/v1/budgets/team", {"max_ai_credits": 9}).status == 201
    hold = mine.held(100, id="hold", ttl_seconds=700, estimate_nano_aiu=5, budget_ids=["team"])
    other, void, left = (mine.held(20) for _ in range(3))
    assert mine.hold(5000, id="refused").status == 409
    assert mine.settle(hold, 5, id="part", final=False).status == 200
    assert mine.change(hold, "settle", input_tokens=6, output_tokens=2, id="settle", model="m").status == 200
    assert mine.change(left, "extend", ttl_seconds=900, id="extend").status == 200
    assert mine.change(void, "void", id="void").status == 200
    assert service.spend(person, 50, id="usage")
    correction = {"usage_id": "usage", "input_tokens": 10, "output_tokens": 5, "id": "correct"}
    assert mine.client.post("/v1/corrections", correction).status == 201
    allowance = {"period": "daily", "tokens": 10, "id": "allow"}
    assert service.admin.post(f"/v1/users/{person.uuid}/allowances", allowance).status == 201
    later = {"daily_limit": 2000, "effective_at": "2040-01-01T00:00:00Z", "id": "schedule"}
    assert service.admin.ask("PATCH", f"/v1/users/{person.uuid}/limits", later).status == 202
    service.known = {"hold": hold, "other": other, "left": left, "void": void, "user": person.uuid}
    return service


HOLD = {"user": "{user}", "estimate": 100, "id": "hold", "ttl_seconds": 700, "estimate_nano_aiu": 5, "budget_ids": ["team"]}
SETTLE = {"input_tokens": 6, "output_tokens": 2, "model": "m", "id": "settle"}
CORRECT = {"usage_id": "usage", "input_tokens": 10, "output_tokens": 5, "id": "correct"}
LATER = {"daily_limit": 2000, "effective_at": "2040-01-01T00:00:00Z", "id": "schedule"}
CONFLICTS = [
    ("/v1/holds", HOLD, {"user": "admin"}, "user"),
    ("/v1/holds", HOLD, {"estimate": 101}, "estimate"),
    ("/v1/holds", HOLD, {"ttl_seconds": 701}, "ttl_seconds"),
    ("/v1/holds", HOLD, {"estimate_nano_aiu": 6}, "estimate_nano_aiu"),
    ("/v1/holds", HOLD, {"budget_ids": []}, "budget_ids"),
    ("/v1/holds", HOLD, {"id": "settle"}, "type"),
    ("/v1/holds", {"user": "{user}", "estimate": 5000, "id": "refused"}, {"estimate": 5001}, "estimate"),
    ("/v1/holds", {"user": "{user}", "estimate": 5000, "id": "refused"}, {"user": "admin"}, "user"),
    ("/v1/holds", {"user": "{user}", "estimate": 5000, "id": "refused"}, {"ttl_seconds": 599}, "ttl_seconds"),
    ("/v1/holds", {"user": "{user}", "estimate": 5000, "id": "refused"}, {"budget_ids": ["team"]}, "budget_ids"),
    ("/v1/holds", {"user": "{user}", "estimate": 5000, "id": "refused"}, {"estimate_nano_aiu": 1}, "estimate_nano_aiu"),
    ("/v1/holds/{hold}/settle", SETTLE, {"input_tokens": 7}, "input_tokens"),
    ("/v1/holds/{hold}/settle", SETTLE, {"output_tokens": 3}, "output_tokens"),
    ("/v1/holds/{hold}/settle", SETTLE, {"cache_read_tokens": 3}, "tokens"),
    ("/v1/holds/{hold}/settle", SETTLE, {"model": "n"}, "model"),
    ("/v1/holds/{hold}/settle", SETTLE, {"final": False}, "final"),
    ("/v1/holds/{hold}/settle", SETTLE, {"id": "void"}, "type"),
    ("/v1/holds/{other}/settle", SETTLE, {}, "hold"),
    ("/v1/holds/{left}/extend", {"ttl_seconds": 900, "id": "extend"}, {"ttl_seconds": 901}, "ttl_seconds"),
    ("/v1/holds/{other}/extend", {"ttl_seconds": 900, "id": "extend"}, {}, "hold"),
    ("/v1/holds/{other}/extend", {"ttl_seconds": 900, "id": "part"}, {}, "type"),
    ("/v1/holds/{other}/void", {"id": "void"}, {}, "hold"),
    ("/v1/holds/{other}/void", {"id": "hold"}, {}, "type"),
    ("/v1/corrections", CORRECT, {"usage_id": "part"}, "position"),
    ("/v1/corrections", CORRECT, {"input_tokens": 11}, "input_tokens"),
    ("/v1/corrections", CORRECT, {"output_tokens": 6}, "output_tokens"),
    ("/v1/corrections", CORRECT, {"id": "usage"}, "type"),
]


@pytest.mark.parametrize("path, body, change, member", CONFLICTS)
def test_the_same_id_with_other_content_is_a_conflict_that_names_the_member(repeated, path, body, change, member):
    position = repeated.position
    path = path.format(**repeated.known)
    filled = {name: value.format(**repeated.known) if name == "user" else value for name, value in (body | change).items()}
    answer = repeated.gateway.client.post(path, filled)
    words = problem(answer, 409, "request_conflict", member)
    assert member in words and str(answer.json["position"]) in words
    assert repeated.position == position


@pytest.mark.parametrize("method, what, body, change, member", [
    ("POST", "allowances", {"period": "daily", "tokens": 10, "id": "allow"}, {"tokens": 11}, "tokens"),
    ("POST", "allowances", {"period": "daily", "tokens": 10, "id": "allow"}, {"period": "weekly"}, "period"),
    ("PATCH", "limits", LATER, {"daily_limit": 2001}, "daily_limit"),
    ("PATCH", "limits", LATER, {"weekly_limit": 2001}, "weekly_limit"),
    ("PATCH", "limits", LATER, {"effective_at": "2040-01-01T00:00:01Z"}, "effective_at"),
])  # fmt: skip
def test_so_it_is_for_what_staff_does(repeated, method, what, body, change, member):
    path = f"/v1/users/{repeated.known['user']}/{what}"
    again = repeated.admin.ask(method, path, body)
    assert again.status in (200, 202) and again.json["replayed"] is True
    problem(repeated.admin.ask(method, path, body | change), 409, "request_conflict", member)


def test_an_estimate_in_credits_that_nobody_pays_is_no_reason_for_a_conflict(mine):
    first, again = (mine.hold(1, estimate_nano_aiu=5, id=f"unpaid-{mine.user.uuid}") for _ in range(2))
    assert again.json == first.json | {"replayed": True}


def test_ids_of_two_services_do_not_meet(service, person):
    one, two = holder(service, person), Holder(service.register("service").client, person)
    assert one.held(10, id=f"same-{person.uuid}") != two.held(11, id=f"same-{person.uuid}")


@pytest.mark.parametrize("members, headers, status", [
    ({}, {"Idempotency_Key": "k-1"}, 201),
    ({}, {"Idempotency_Key": '"k-1"'}, 200),
    ({"id": "k-1"}, {}, 200),
    ({"id": "k-1"}, {"Idempotency_Key": "k-1"}, 200),
    ({"id": "k-1"}, {"Idempotency_Key": "k-2"}, 400),
    ({}, {}, 400),
    ({"id": ""}, {}, 400),
    ({"id": 5}, {}, 400),
    ({"id": "x" * 500}, {}, 400),
])  # fmt: skip
def test_an_id_comes_in_the_body_or_in_a_header(service, members, headers, status):
    """In this order: the first makes the hold that the next three repeat."""
    answer = service.gateway.client.post("/v1/holds", {"user": service.user.uuid, "estimate": 1} | members, **headers)
    assert answer.status == status, answer.gist


# The ways in which a hold ends


def test_parts_draw_from_a_hold_until_its_last_settlement(service, person, mine):
    hold = mine.held(100)
    for part, used, rest in ((30, 30, 70), (0, 30, 70), (50, 80, 20)):
        answer = mine.settle(hold, part, final=False)
        assert (answer.json["held"], answer.json["overage"], answer.json["late"]) == (rest, 0, False)
        assert day(service, person) == (used, rest)
        assert mine.get(hold).json | {"state": "open", "tokens": rest} == mine.get(hold).json
    answer = mine.settle(hold, 5)
    assert (answer.json["overage"], "held" in answer.json) == (0, False)
    assert day(service, person) == (85, 0) and mine.state(hold) == "settled"


def test_what_passes_a_hold_counts_in_full_and_is_marked(service, person, mine):
    service.set_limits(person, 100, None, None)
    hold = mine.held(100)
    assert [mine.settle(hold, tokens, final=False).json["overage"] for tokens in (80, 30)] == [0, 10]
    assert day(service, person) == (110, 0) and mine.state(hold) == "open"
    assert mine.settle(hold, 7).json["overage"] == 7
    assert day(service, person) == (117, 0)
    ends = service.events(user=person.uuid, type="hold_settled")
    assert [(end["tokens"], end["overage"]) for end in ends] == [(7, 7)]


def test_as_much_as_a_window_can_hold_may_be_settled_but_no_more(service, person, mine):
    hold, other = mine.held(1), mine.held(1)
    problem(mine.settle(hold, LARGEST_REPORT + 1), 400, "invalid", "tokens")
    assert mine.settle(hold, LARGEST_REPORT).json["overage"] == LARGEST_REPORT - 1
    assert mine.state(other) == "open" and day(service, person) == (LARGEST_REPORT, 1)
    assert mine.settle(other, 1).json["overage"] == 0


def test_holds_that_add_up_to_too_much_are_refused_loudly(service, mine):
    mine.held(LARGEST)
    problem(mine.hold(1), 400, "overflow", "tokens")


@pytest.fixture
def noon(clocked) -> Holder:
    clocked.set_limits(clocked.user, 100, None, None)
    return holder(clocked, clocked.user)


def test_a_settlement_after_the_end_counts_once_and_says_late(clocked, noon):
    hold = noon.held(60, ttl_seconds=30)
    clocked.clock.set("2026-11-20 12:00:31")
    until(lambda: noon.state(hold) == "expired", "the hold expired")
    assert noon.held(100, id="fits again")
    first, again = (noon.settle(hold, 70, id="late").json for _ in range(2))
    assert (first["late"], first["overage"]) == (True, 10) and again == first | {"replayed": True}
    assert day(clocked, clocked.user) == (70, 100) and noon.state(hold) == "settled_late"
    problem(noon.settle(hold, 1), 409, "hold_ended", "hold")


def test_a_late_part_counts_and_leaves_the_end_to_come(clocked, noon):
    hold = noon.held(60, ttl_seconds=30)
    clocked.clock.set("2026-11-20 12:00:31")
    until(lambda: noon.state(hold) == "expired", "the hold expired")
    assert noon.settle(hold, 5, final=False).json["late"] is True
    assert noon.settle(hold, 6).json["late"] is True
    assert day(clocked, clocked.user) == (11, 0)


def test_a_hold_lives_for_as_long_as_it_is_extended(clocked, noon):
    hold = noon.held(60, ttl_seconds=30)
    clocked.clock.set("2026-11-20 12:00:20")
    assert noon.change(hold, "extend", ttl_seconds=30).json["expires_at"] == "2026-11-20T12:00:50.000000Z"
    clocked.clock.set("2026-11-20 12:00:49")
    assert noon.hold(41).status == 409 and noon.state(hold) == "open"
    clocked.clock.set("2026-11-20 12:00:50")
    until(lambda: noon.state(hold) == "expired", "the hold expired")
    problem(noon.change(hold, "extend", ttl_seconds=30), 409, "hold_ended", "hold")
    assert [event["type"] for event in clocked.events(user=clocked.user.uuid)][-2:] == ["spend_refused", "hold_expired"]


def test_an_extension_may_also_shorten(clocked, noon):
    hold = noon.held(60, ttl_seconds=3000)
    assert noon.change(hold, "extend", ttl_seconds=5).status == 200
    clocked.clock.set("2026-11-20 12:00:05")
    until(lambda: noon.state(hold) == "expired", "the hold expired")


@pytest.mark.parametrize("is_over", [False, True])
def test_a_hold_expires_on_time_though_the_server_was_killed(clocked, noon, is_over):
    hold = noon.held(60, ttl_seconds=30)
    clocked.server.kill()
    clocked.clock.set("2026-11-20 12:00:30" if is_over else "2026-11-20 12:00:29")
    clocked.resume()
    again = holder(clocked, clocked.user)
    assert again.hold(60).status == (201 if is_over else 409)
    ends = clocked.events(user=clocked.user.uuid, type="hold_expired")
    assert [end["hold"] for end in ends] == [hold] * is_over


def test_a_clock_that_jumps_back_ends_no_hold_and_a_jump_forward_ends_it_once(clocked, noon):
    hold = noon.held(60, ttl_seconds=30)
    clocked.clock.set("2026-11-20 11:00:00")
    assert noon.hold(60).status == 409
    clocked.clock.set("2026-11-25 12:00:00")
    until(lambda: noon.state(hold) == "expired", "the hold expired")
    clocked.clock.set("2026-11-20 12:00:00")
    noon.held(10)
    assert len(clocked.events(user=clocked.user.uuid, type="hold_expired")) == 1


def test_a_void_is_repeatable_and_ends_nothing_that_was_settled(service, person, mine):
    hold = mine.held(60)
    assert [mine.change(hold, "void").status for _ in range(2)] == [200, 200]
    assert mine.client.post(f"/v1/holds/{hold}/void").status == 200
    problem(mine.settle(hold, 5), 409, "hold_ended", "hold")
    assert day(service, person) == (0, 0) and mine.state(hold) == "voided"
    settled = mine.held(60)
    mine.settle(settled, 5)
    problem(mine.change(settled, "void"), 409, "hold_ended", "hold")
    assert len(service.events(user=person.uuid, type="hold_voided")) == 1


def test_of_ends_that_come_at_once_one_wins(service, person):
    for _ in range(10):
        hold = holder(service, person).held(10)
        ends = [("settle", {"tokens": 3}), ("settle", {"tokens": 4}), ("void", {}), ("settle", {"tokens": 5})]
        with ThreadPoolExecutor(4) as pool:
            path = f"/v1/holds/{hold}"
            answers = list(pool.map(lambda end: service.gateway.client.post(f"{path}/{end[0]}", end[1]), ends))
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    kinds = [event["type"] for event in service.events(user=person.uuid)]
    assert kinds.count("hold_settled") + kinds.count("hold_voided") == kinds.count("spend_held") == 10


def test_a_hold_of_somebody_who_left_can_still_be_settled(service, person, mine):
    hold = mine.held(60)
    service.deactivate(person)
    problem(mine.hold(1), 404, "unknown_user", "user")
    assert mine.settle(hold, 50).status == 200


# Killed in the middle


def test_killed_in_the_middle_every_acknowledged_step_is_there_and_every_open_hold_counts(start):
    service = start()
    service.set_limits(service.user, 100_000, None, None)
    acknowledged: list[dict] = []

    def work(worker: int) -> None:
        draw, mine = random.Random(worker), holder(service, service.user)
        try:
            for number in range(10_000):
                held = mine.hold(20, id=f"{worker}-{number}").json
                acknowledged.append(held | {"type": "spend_held"})
                action = draw.choice(["settle", "void", "part", "leave"])
                if action in ("settle", "part"):
                    answer = mine.settle(held["hold"], 13, id=f"s-{worker}-{number}", final=action == "settle")
                    acknowledged.append(answer.json | {"type": "hold_settled" if action == "settle" else "hold_drawn"})
                elif action == "void":
                    acknowledged.append(mine.change(held["hold"], "void").json | {"type": "hold_voided"})
        except (OSError, KeyError, ValueError):
            return

    with ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(work, worker) for worker in range(8)]
        until(lambda: len(acknowledged) > 400, "work was under way")
        service.server.kill()
        for task in tasks:
            task.result()
    service.resume()
    events = {event["position"]: event for event in service.events(user=service.user.uuid)}
    for step in acknowledged:
        event = events[step["position"]]
        assert event["type"] == step["type"]
        assert event.get("hold", str(event["position"])) == step["hold"]
    used = sum(event["tokens"] for event in events.values() if event["type"] in ("hold_settled", "hold_drawn"))
    held = {str(event["position"]): 20 for event in events.values() if event["type"] == "spend_held"}
    for event in events.values():
        if event["type"] in ("hold_settled", "hold_voided"):
            del held[event["hold"]]
        elif event["type"] == "hold_drawn":
            held[event["hold"]] -= event["tokens"]
    assert day(service, service.user) == (used, sum(held.values()))
    mine = holder(service, service.user)
    for number in range(3):
        assert mine.hold(20, id=f"0-{number}").json["replayed"] is True
    assert service.server.stop() == 0 and service.store.run("verify").returncode == 0


# Whatever is wrong


@pytest.mark.parametrize("amount", WRONG_AMOUNTS)
@pytest.mark.parametrize("member", ["estimate", "estimate_nano_aiu"])
def test_an_estimate_is_a_whole_positive_number(service, mine, member, amount):
    position = service.position
    if (member, amount) == ("estimate_nano_aiu", None):
        assert mine.hold(1, estimate_nano_aiu=None).status == 201
        return
    words = problem(mine.hold(**({"estimate": 1} | {member: amount})), 400, "invalid", member)
    assert "is required" in words if amount is None else "from 1 to 9223372036854775807" in words
    assert service.position == position


@pytest.mark.parametrize("amount", [amount for amount in WRONG_AMOUNTS if amount not in (0, None)])
@pytest.mark.parametrize("member", ["tokens", "input_tokens", "cache_read_tokens", "nano_aiu"])
def test_what_is_settled_is_a_whole_number(service, person, mine, member, amount):
    hold = mine.held(10)
    body = {"output_tokens": 1} if member == "input_tokens" else {"tokens": 1}
    problem(mine.change(hold, "settle", **(body | {member: amount})), 400, "invalid", member)
    assert day(service, person) == (0, 10)


@pytest.mark.parametrize("seconds", WRONG_TIMES)
def test_a_time_to_live_has_its_range(service, mine, seconds):
    hold, position = mine.held(10), service.position
    for answer in (mine.hold(1, ttl_seconds=seconds), mine.change(hold, "extend", ttl_seconds=seconds)):
        words = problem(answer, 400, "invalid", "ttl_seconds")
        assert words == "ttl_seconds must be an integer from 1 to 86400"
    assert service.position == position


@pytest.mark.parametrize("seconds", [1, 86400])
def test_the_ends_of_the_range_are_in_it(mine, seconds):
    hold = mine.held(1, ttl_seconds=seconds)
    assert mine.change(hold, "extend", ttl_seconds=seconds).status == 200


@pytest.mark.parametrize("members, status, code, member", [
    ({"user": "nobody"}, 404, "unknown_user", "user"),
    ({"user": str(uuid.uuid4())}, 404, "unknown_user", "user"),
    ({"user": 5}, 400, "invalid", "user"),
    ({"user": None}, 400, "invalid", "user"),
    ({"session_id": "none"}, 404, "unknown_session", "session_id"),
    ({"session_id": ""}, 400, "invalid", "session_id"),
    ({"session_id": 7}, 400, "invalid", "session_id"),
    ({"budget_ids": ["none"]}, 404, "unknown_budget", "budget_ids"),
    ({"budget_ids": "team"}, 400, "invalid", "budget_ids"),
    ({"budget_ids": [""]}, 400, "invalid", "budget_ids"),
    ({"budget_ids": ["a", "a"]}, 400, "invalid", "budget_ids"),
    ({"budget_ids": [str(number) for number in range(9)]}, 400, "invalid", "budget_ids"),
])  # fmt: skip
def test_who_and_what_a_hold_names_has_to_exist(service, mine, members, status, code, member):
    position = service.position
    problem(mine.hold(1, **members), status, code, member)
    assert service.position == position


def test_members_that_nobody_knows_are_left_alone(mine):
    """As in the contract's bodies: a client of a later version is no reason to refuse."""
    assert mine.hold(1, colour="red").status == 201


@pytest.mark.parametrize("hold", ["0", "-1", "x", "1", "1.0", "+7", "7%20", "99999999999999999999", "999999999"])
@pytest.mark.parametrize("action", ["settle", "extend", "void", None])
def test_a_hold_that_never_was_is_unknown(service, mine, hold, action):
    answer = mine.change(hold, action, tokens=1, ttl_seconds=5) if action else mine.get(hold)
    problem(answer, 404, "unknown_hold", "hold")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"settle"'])
@pytest.mark.parametrize("action", ["settle", "extend"])
def test_a_body_has_to_be_an_object(service, mine, action, body):
    hold, position = mine.held(1), service.position
    answer = mine.client.post(f"/v1/holds/{hold}/{action}", body, Content_Type="application/json")
    assert answer.status == 400 and answer.json["detail"]
    assert service.position == position


def test_a_settlement_says_what_was_used_in_words_that_fit_together(mine):
    hold = mine.held(10)
    problem(mine.change(hold, "settle"), 400, "invalid", "tokens")
    problem(mine.change(hold, "settle", tokens=5, input_tokens=1, output_tokens=1), 400, "invalid", "tokens")
    problem(mine.change(hold, "settle", tokens=5, final="no"), 400, "invalid", "final")
    problem(mine.change(hold, "extend"), 400, "invalid", "ttl_seconds")
    assert mine.state(hold) == "open"


@pytest.mark.parametrize("action", ["settle", "extend", "void", None])
def test_a_hold_of_another_service_is_foreign_and_staff_may_end_it(service, person, mine, action):
    hold = mine.held(10)
    stranger = Holder(service.register("service").client, person)
    answer = stranger.change(hold, action, tokens=1, ttl_seconds=5) if action else stranger.get(hold)
    assert "somebody else" in problem(answer, 403, "foreign_hold", "hold")
    assert mine.state(hold) == "open"
    staff = Holder(service.admin, person)
    answer = staff.change(hold, action, tokens=1, ttl_seconds=5) if action else staff.get(hold)
    assert answer.status == 200


@pytest.mark.parametrize("role, reads, ends", [("user", 403, 403), ("support", 403, 403), ("auditor", 200, 403)])
def test_who_may_read_and_end_holds(service, person, mine, role, reads, ends):
    hold = mine.held(10)
    other = Holder(service.by_role(role).client, person)
    assert other.hold(1).status == 403
    assert other.get(hold).status == reads
    for action in ("settle", "extend", "void"):
        assert other.change(hold, action, tokens=1, ttl_seconds=5).status == ends
    assert mine.state(hold) == "open"


def test_a_hold_that_ended_says_how(clocked, noon):
    words = {}
    for way in ("settled", "voided", "expired"):
        hold = noon.held(10, ttl_seconds=10)
        if way == "settled":
            noon.settle(hold, 1)
        elif way == "voided":
            noon.change(hold, "void")
        else:
            clocked.clock.set("2026-11-20 12:00:10")
            until(lambda: noon.state(hold) == "expired", "the hold expired")
        words[way] = problem(noon.change(hold, "extend", ttl_seconds=5), 409, "hold_ended", "hold")
        event = noon.change(hold, "extend", ttl_seconds=5).json["position"]
        assert noon.get(hold).json["end_position"] == event
    assert words == {way: f"the hold has {'' if way == 'expired' else 'been '}{way}" for way in words}

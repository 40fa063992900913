"""Why a number is what it is, and why a call was refused: over HTTP and on the command line."""

from __future__ import annotations

import json
import random

import pytest

from contract import PERIODS
from model import CREDIT
from service import Account, Service
from test_holds import Holder, holder, new_id, problem


def explain(service: Service, person: Account, query: str = "", page: int = 3) -> dict:
    """The whole explanation, put together from pages."""
    parts, after = [], 0
    while True:
        answer = service.admin.get(f"/v1/users/{person.uuid}/explain?limit={page}&after={after}&{query}")
        assert answer.status == 200, answer.gist
        parts.append(answer.json)
        after = answer.json["next_after"]
        if not answer.json["has_more"]:
            return parts[0] | {"events": [event for part in parts for event in part["events"]]}


def total(explanation: dict) -> int:
    return sum(event["tokens"] for event in explanation["events"])


@pytest.fixture
def mine(service, person) -> Holder:
    return holder(service, person)


DAYS = ("2026-10-30 23:58:00", "2026-10-31 00:01:00", "2026-11-01 12:00:00", "2026-11-19 12:00:00", "2026-11-20 12:00:00")


@pytest.fixture(scope="module")
def storied(start_shared) -> Service:
    """A service whose user has a history of every kind of spend over two months."""
    service = start_shared(at="2026-10-30 12:00:00")
    person, draw = service.user, random.Random(4)
    mine = holder(service, person)
    for now in DAYS:
        service.clock.set(now)
        for _ in range(4):
            id = new_id()
            service.spend(person, draw.randint(0, 50), id=id)
            hold = mine.held(draw.randint(20, 60), id=new_id())
            part = mine.settle(hold, draw.randint(0, 20), final=False).json["position"]
            mine.settle(hold, draw.randint(0, 50))
            for target in ({"usage_id": id}, {"position": part}):
                tokens = draw.randint(0, 70)
                service.gateway.client.post("/v1/corrections", target | {"tokens": tokens, "id": new_id()})
        # Somebody else's clock is ahead of ours, or behind.
        ahead = {"2026-10-30 23:58:00": "2026-10-31T00:02:30Z"}.get(now, "2026-10-30T10:00:00Z")
        service.spend(person, draw.randint(1, 50), time=ahead)
        mine.held(7, ttl_seconds=86400)
        service.spend(service.support, 1000)
    return service


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("date", [None, "2026-10-30", "2026-10-31", "2026-11-01", "2026-11-19", "2026-11-02"])
def test_the_events_add_up_to_what_is_used(storied, period, date):
    told = explain(storied, storied.user, f"period={period}" + (f"&date={date}" if date else ""))
    window = storied.windows(storied.user, date)[period]
    assert (told["start"], told["end"], told["period"]) == (window["start"], window["end"], period)
    assert told["used"] == window["used"] == total(told)
    positions = [event["position"] for event in told["events"]]
    assert positions == sorted(set(positions)) and told["position"] == storied.position
    if period == "monthly":
        assert "usage_corrected" in {event["type"] for event in told["events"]}


def test_open_holds_add_up_to_what_is_held(service, person, mine):
    holds = {mine.held(estimate): estimate for estimate in (5, 6, 7)}
    mine.settle(next(iter(holds)), 2, final=False)
    told = explain(service, person)
    assert told["reserved"] == 16 == sum(hold["tokens"] for hold in told["holds"])
    assert [hold["hold"] for hold in told["holds"]] == list(holds)


def test_a_refusal_is_explained_by_what_was_then(service, person, mine):
    service.set_limits(person, 100, None, None)
    service.spend(person, 30, id=f"early-{person.uuid}")
    mine.held(25)
    refused = mine.hold(46).json
    mine.held(15)
    service.spend(person, 60)
    correction = {"usage_id": f"early-{person.uuid}", "tokens": 3, "id": new_id()}
    assert service.gateway.client.post("/v1/corrections", correction).status == 201
    told = explain(service, person, f"refusal={refused['position']}")
    assert (told["used"], told["reserved"], total(told), told["position"]) == (30, 25, 30, refused["position"] - 1)
    assert told["refusal"]["violations"] == refused["violations"] and told["refusal"]["estimate"] == 46
    assert told["refusal"]["policy"] == refused["policy"]


@pytest.mark.parametrize("period, used", [("daily", 30), ("weekly", 30), ("monthly", 30)])
def test_each_limit_that_refused_can_be_asked_about(service, person, mine, period, used):
    service.set_limits(person, 31, 32, 33)
    service.spend(person, 30)
    refused = mine.hold(4).json
    told = explain(service, person, f"refusal={refused['position']}&period={period}")
    assert (told["period"], told["used"], total(told)) == (period, used, used)


def test_a_shadow_is_explained_like_a_refusal(service, person, mine):
    body = {"daily_limit": 10, "daily_mode": "shadow"}
    assert service.admin.ask("PATCH", f"/v1/users/{person.uuid}/limits", body).status == 200
    mine.settle(mine.held(30), 20)
    shadowed = service.events(user=person.uuid, type="spend_shadowed")[0]
    told = explain(service, person, f"refusal={shadowed['position']}")
    assert (told["used"], total(told), told["refusal"]["type"]) == (0, 0, "spend_shadowed")


def test_a_refusal_by_a_budget_is_explained_by_what_was_then(service, person, mine):
    budget = new_id()
    service.admin.ask("PUT", f"/v1/budgets/{budget}", {"max_ai_credits": 1})
    service.spend(person, 30)
    early = mine.held(10)
    mine.settle(early, 6, final=False, nano_aiu=0)
    refused = mine.hold(5, budget_ids=[budget], estimate_nano_aiu=2 * CREDIT).json
    service.spend(person, 60)
    mine.settle(early, 1)
    told = explain(service, person, f"refusal={refused['position']}")
    assert (told["used"], total(told)) == (36, 36)
    assert told["refusal"]["credit_violations"][0]["budget_id"] == budget
    assert (told["reserved"], [hold["tokens"] for hold in told["holds"]]) == (4, [4])
    text = service.store.run("explain", person.uuid, "--refusal", str(refused["position"])).stdout
    assert "36 tokens used, 4 held, at position" in text
    assert f"5 tokens and 2 credits asked: budget {budget} 0 + 0 reserved of 1 credits" in text


def test_a_hold_that_was_extended_for_days_is_among_those_that_were_open(clocked):
    person, mine = clocked.user, holder(clocked, clocked.user)
    clocked.set_limits(person, None, None, 100)
    old, hold = mine.held(5, ttl_seconds=86400), mine.held(60, ttl_seconds=86400)
    mine.settle(hold, 10, final=False)
    for now in ("2026-11-21 08:00:00", "2026-11-22 04:00:00"):
        clocked.clock.set(now)
        mine.change(hold, "extend", ttl_seconds=86400)
    refused = mine.hold(41).json
    told = explain(clocked, person, f"refusal={refused['position']}")
    assert (told["reserved"], mine.state(old)) == (50, "expired")
    assert [(held["hold"], held["tokens"]) for held in told["holds"]] == [(hold, 50)]


@pytest.mark.parametrize("query, status, code, member", [
    ("period=day", 400, "invalid", "period"),
    ("date=yesterday", 400, "invalid", "date"),
    ("date=2026-02-30", 400, "invalid", "date"),
    ("refusal=x", 400, "invalid", "refusal"),
    ("refusal=0", 400, "invalid", "refusal"),
    ("refusal=1", 404, "not_a_refusal", "refusal"),
    ("refusal=99999999", 404, "not_a_refusal", "refusal"),
    ("limit=0", 400, "invalid", "limit"),
    ("limit=1001", 400, "invalid", "limit"),
    ("after=-1", 400, "invalid", "after"),
])  # fmt: skip
def test_a_question_that_makes_no_sense_is_a_problem(service, query, status, code, member):
    problem(service.admin.get(f"/v1/users/{service.user.uuid}/explain?{query}"), status, code, member)


def test_people_may_ask_about_themselves(service, person, mine):
    path = f"/v1/users/{person.uuid}/explain"
    for role, status in (("support", 200), ("auditor", 200), ("staff", 200), ("user", 403)):
        assert service.by_role(role).client.get(path).status == status
    assert person.client.get(path).status == 200
    problem(service.admin.get("/v1/users/nobody/explain"), 404, "unknown_user", "user")
    service.set_limits(person, 0, None, None)
    refused = mine.hold(1).json["position"]
    problem(service.admin.get(f"/v1/users/{service.user.uuid}/explain?refusal={refused}"), 404, "not_a_refusal", "refusal")


# On the command line


def test_the_command_tells_the_same_as_the_api(storied):
    name = storied.user.name
    for period in ("daily", "weekly", "monthly"):
        page = json.loads(storied.store.run("explain", name, "--period", period, "--json").stdout)
        assert page == explain(storied, storied.user, f"period={period}", page=1000) | {"position": page["position"]}


def test_the_command_tells_it_in_words(service, person, mine):
    service.set_limits(person, 100_000, None, None)
    spend = service.spend(person, 30_000, id=f"spend-{person.uuid}")["position"]
    hold = mine.held(25_000)
    service.gateway.client.post("/v1/corrections", {"position": spend, "tokens": 28_000, "id": new_id()})
    refused = mine.hold(50_000).json["position"]
    lines = service.store.run("explain", person.uuid).stdout.replace("\u202f", ",").splitlines()
    assert lines[0].startswith(f"user {person.uuid}, daily window from ")
    assert lines[1].startswith("28,000 tokens used, 25,000 held, at position ")
    assert [line.split()[:3] for line in lines[2:4]] == [
        [str(spend), "+30,000", "tokens_spent"],
        [str(spend + 2), "-2,000", "usage_corrected"],
    ]
    assert lines[4].split()[:4] == ["held", "25,000", "hold", hold]
    text = service.store.run("explain", person.uuid, "--refusal", str(refused)).stdout
    text = text.replace("\u202f", ",")
    assert "50,000 tokens asked: daily 28,000 + 25,000 reserved of 100,000 " in text
    assert "28,000 tokens used, 25,000 held, at position" in text


@pytest.mark.parametrize("arguments, code, words", [
    (("nobody",), 65, "no user has this id or name"),
    ((), 64, "USER"),
    (("%u", "--period", "day"), 64, "--period must be daily, weekly, monthly or yearly, not day"),
    (("%u", "--date", "x"), 64, "--date must be a date like 2026-11-20, not x"),
    (("%u", "--refusal", "x"), 64, "--refusal"),
    (("%u", "--refusal", "1"), 65, "quotalog log --type spend_refused"),
])  # fmt: skip
def test_the_command_says_what_is_wrong(service, arguments, code, words):
    result = service.store.try_run("explain", *(word.replace("%u", service.user.uuid) for word in arguments))
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_the_usage_command_counts_what_the_server_has_not_yet_stored(service, person, mine):
    service.set_limits(person, 100, None, None)
    open_hold, part, voided = (mine.held(tokens) for tokens in (10, 20, 30))

    def read() -> tuple[int, int]:
        day = service.store.read("usage", person.uuid)["windows"]["daily"]
        return day["used"], day["reserved"]

    assert read() == (0, 60)
    mine.settle(part, 5, final=False)
    mine.change(voided, "void")
    assert read() == (5, 25)
    mine.settle(part, 6)
    assert read() == (11, 10)
    text = service.store.run("usage", person.uuid).stdout
    assert "11 of 100" in text and "reserved by open holds: 10" in text
    page = json.loads(service.store.run("explain", person.uuid, "--json").stdout)
    assert (page["used"], page["reserved"], total(page)) == (11, 10, 11)
    assert [hold["hold"] for hold in page["holds"]] == [open_hold]

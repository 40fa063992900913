"""Section 7 of the chat-quota contract: the admission check and holds."""

import json
import uuid

import pytest

from contract import LARGEST_LIMIT, exceeded
from service import until

# own limits, used, estimate, and the period that refuses (None: admitted); the day's default is 1000.
ADMISSIONS = [
    ((None, None, None), 0, None, None),
    ((None, None, None), 999, None, None),
    ((None, None, None), 1000, None, "daily"),
    ((None, None, None), 990, 10, None),
    ((None, None, None), 990, 11, "daily"),
    ((-1, None, None), 5000, LARGEST_LIMIT, None),
    ((100, None, None), 95, None, None),
    ((100, None, None), 95, 5, None),
    ((100, None, None), 95, 6, "daily"),
    ((100, None, None), 100, None, "daily"),
    ((100, None, None), 103, None, "daily"),
    ((0, None, None), 0, None, "daily"),
    ((0, None, None), 0, 1, "daily"),
    ((-1, 0, None), 0, None, "weekly"),
    ((-1, -1, 0), 0, None, "monthly"),
    ((-1, -1, -1), 10**12, None, None),
    ((-1, 100, 100), 100, None, "weekly"),
    ((100, 100, 100), 100, None, "daily"),
    ((100, 50, 20), 50, None, "weekly"),
    ((100, 50, 20), 20, None, "monthly"),
    ((100, 50, 20), 10, 60, "weekly"),
    ((100, 50, 20), 10, 95, "daily"),
    ((100, 50, 20), 10, 11, "monthly"),
    ((LARGEST_LIMIT, None, None), 1, LARGEST_LIMIT, "daily"),
]


@pytest.fixture(scope="module")
def limited(start_shared):
    service = start_shared()
    service.set_defaults(1000, -1, -1)
    return service


def ask(service, account, estimate: int | None = None, path: str = "/v1/check", **members):
    body = {"user": account.uuid} | members | ({} if estimate is None else {"estimate": estimate})
    return service.gateway.client.post(path, body)


def hold(service, account, estimate: int, **members):
    return ask(service, account, estimate, "/v1/holds", **({"id": str(uuid.uuid4())} | members))


def settle(service, held, tokens: int, **members):
    return service.gateway.client.post(f"/v1/holds/{held.json['hold']}/settle", {"tokens": tokens} | members)


def void(service, held):
    return service.gateway.client.post(f"/v1/holds/{held.json['hold']}/void")


@pytest.mark.parametrize("limits, used, estimate, refusing", ADMISSIONS)
def test_the_first_exhausted_period_refuses_in_upstreams_words(limited, limits, used, estimate, refusing):
    person = limited.register()
    limited.set_limits(person, *limits)
    if used:
        limited.spend(person, used)
    answer = ask(limited, person, estimate)
    if refusing:
        assert (answer.status, answer.json["detail"]) == (409, exceeded(refusing))
    else:
        assert (answer.status, answer.json["allowed"]) == (200, True)
    assert limited.used(person) == (used, used, used)


@pytest.mark.parametrize("limits, used, estimate, refusing", [row for row in ADMISSIONS if row[2]])
def test_a_hold_is_admitted_by_the_same_rule(limited, limits, used, estimate, refusing):
    person = limited.register()
    limited.set_limits(person, *limits)
    if used:
        limited.spend(person, used)
    answer = hold(limited, person, estimate)
    assert answer.status == (409 if refusing else 201)
    if refusing:
        assert answer.json["detail"] == exceeded(refusing)
    assert limited.windows(person)["daily"]["reserved"] == (0 if refusing else estimate)
    assert limited.used(person) == (used, used, used)


@pytest.mark.parametrize("role, status", [("service", 200), ("staff", 200), ("user", 403), ("auditor", 403)])
def test_admission_is_for_services_and_staff(service, role, status):
    answer = service.by_role(role).client.post("/v1/check", {"user": service.user.uuid})
    assert answer.status == status


@pytest.mark.parametrize("path", ["/v1/check", "/v1/holds"])
@pytest.mark.parametrize("body, status", [
    ({"user": str(uuid.uuid4()), "estimate": 1, "id": "x"}, 404),
    ({"estimate": 1, "id": "x"}, 400),
    ({"user": "%u", "estimate": -1, "id": "x"}, 400),
    ({"user": "%u", "estimate": "many", "id": "x"}, 400),
    ({"user": "%u", "estimate": 1.5, "id": "x"}, 400),
    ({"user": "%u", "estimate": 2**63, "id": "x"}, 400),
    ([], 400),
    (b"{", 400),
])  # fmt: skip
def test_a_question_that_makes_no_sense_is_a_problem(service, path, body, status):
    raw = body if isinstance(body, bytes) else json.dumps(body).replace("%u", service.user.uuid).encode()
    answer = service.gateway.client.post(path, raw, Content_Type="application/json")
    assert answer.status == status
    assert answer["Content-Type"] == "application/problem+json"


def test_what_is_held_counts_against_the_next_question(service, person):
    service.set_limits(person, 100, None, None)
    assert hold(service, person, 60).status == 201
    assert [ask(service, person, estimate).status for estimate in (None, 40, 41)] == [200, 200, 409]
    assert hold(service, person, 40).status == 201
    assert ask(service, person).status == 409


@pytest.mark.parametrize("tokens", [0, 13, 60, 103])
def test_settling_turns_a_hold_into_usage(service, person, tokens):
    service.set_limits(person, 100, None, None)
    held = hold(service, person, 60)
    assert settle(service, held, tokens).status in (200, 201)
    assert service.used(person) == (tokens, tokens, tokens)
    assert service.windows(person)["daily"]["reserved"] == 0


def test_voiding_gives_the_tokens_back(service, person):
    service.set_limits(person, 100, None, None)
    held = hold(service, person, 100)
    assert hold(service, person, 1).status == 409
    assert void(service, held).status in (200, 204)
    assert service.windows(person)["daily"]["reserved"] == 0
    assert hold(service, person, 100).status == 201
    assert service.used(person) == (0, 0, 0)


def test_a_hold_repeated_with_its_id_is_the_same_hold(service, person):
    service.set_limits(person, 100, None, None)
    first, again = (hold(service, person, 60, id=f"once-{person.uuid}") for _ in range(2))
    assert (first.status, again.json["hold"]) == (201, first.json["hold"])
    assert again.status in (200, 201)
    assert service.windows(person)["daily"]["reserved"] == 60


def test_a_hold_ends_once(service, person):
    held = hold(service, person, 60)
    assert settle(service, held, 50, id=f"end-{person.uuid}").status in (200, 201)
    settle(service, held, 50, id=f"end-{person.uuid}")
    assert void(service, held).status in (200, 204, 404, 409, 410)
    assert settle(service, held, 7, id=f"other-{person.uuid}").status in (404, 409, 410)
    assert service.used(person) == (50, 50, 50)


def test_an_unknown_hold_is_not_found(service):
    for end, body in (("settle", {"tokens": 1}), ("void", {})):
        assert service.gateway.client.post(f"/v1/holds/{uuid.uuid4()}/{end}", body).status == 404


def test_a_hold_that_nobody_ends_expires(clocked):
    person = clocked.user
    clocked.set_limits(person, 100, None, None)
    assert hold(clocked, person, 100, ttl_seconds=60).status == 201
    clocked.clock.set("2026-11-20 12:00:58")
    assert hold(clocked, person, 1).status == 409
    clocked.clock.set("2026-11-20 12:01:02")
    until(lambda: hold(clocked, person, 100).status == 201, "the hold expired")
    assert clocked.used(person) == (0, 0, 0)


@pytest.mark.parametrize("crash", [False, True])
def test_a_hold_outlives_the_server(start, crash):
    service = start()
    person = service.register()
    service.set_limits(person, 100, None, None)
    held = hold(service, person, 60)
    if crash:
        service.server.kill()
        service.resume()
    else:
        service.restart()
    assert service.windows(person)["daily"]["reserved"] == 60
    assert hold(service, person, 60).status == 409
    assert settle(service, held, 55).status in (200, 201)
    assert service.used(person) == (55, 55, 55)


def test_without_an_estimate_the_last_call_may_pass_the_limit(service, person):
    service.set_limits(person, 100, None, None)
    service.spend(person, 95)
    assert ask(service, person).status == 200
    service.spend(person, 8)
    assert service.used(person)[0] == 103
    assert ask(service, person).status == 409


def test_a_refusal_can_be_traced(service, person):
    service.set_limits(person, 7001, None, None)
    service.spend(person, 6007)
    assert hold(service, person, 503).status == 201
    assert hold(service, person, 701).status == 409
    refusals = [event for event in service.events(user=person.uuid) if "refused" in event["type"]]
    assert len(refusals) == 1
    told = json.dumps(refusals[0])
    for fact in ("daily", "7001", "6007", "503", "701"):
        assert fact in told

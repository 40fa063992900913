"""Limits in their modes, told thresholds, corrections, late usage, allowances, scheduled limits, and what headers say."""

from __future__ import annotations


import http_sfv
import pytest

from contract import LARGEST_LIMIT, PERIODS, exceeded
from service import Account, Answer, Service, until
from test_holds import LARGEST, Holder, day, holder, new_id, problem


def patch(service: Service, person: Account, **body) -> Answer:
    return service.admin.ask("PATCH", f"/v1/users/{person.uuid}/limits", body)


def limit(service: Service, person: Account, **body) -> dict:
    """A change of limits or modes that must be fine."""
    answer = patch(service, person, **body)
    assert answer.status == 200, answer.gist
    return answer.json


def check(service: Service, person: Account, estimate: int | None = None) -> Answer:
    body = {"user": person.uuid} | ({} if estimate is None else {"estimate": estimate})
    return service.gateway.client.post("/v1/check", body)


def told(service: Service, person: Account, type: str) -> list[dict]:
    return service.events(user=person.uuid, type=type)


@pytest.fixture
def mine(service, person) -> Holder:
    return holder(service, person)


# Modes


def test_a_hard_limit_is_the_default_and_takes_no_call_that_does_not_fit(service, person, mine):
    limit(service, person, daily_limit=100)
    assert service.windows(person)["daily"]["mode"] == "hard"
    mine.held(95)
    assert (mine.hold(6).status, mine.hold(5).status, mine.hold(1).status) == (409, 201, 409)


def test_a_soft_limit_lets_a_last_call_pass(service, person, mine):
    limit(service, person, daily_limit=100, daily_mode="soft")
    hold = mine.held(95)
    assert mine.hold(1000).status == 201
    refused = mine.hold(1)
    assert (refused.status, refused.json["detail"]) == (409, exceeded("daily"))
    assert refused.json["violations"][0]["mode"] == "soft"
    assert mine.settle(hold, 95).status == 200 and check(service, person, 10).status == 409


def test_a_shadow_limit_refuses_nothing_and_records_what_hard_would_refuse(service, person, mine):
    limit(service, person, daily_limit=100, daily_mode="shadow")
    asked = [60, 60, 30, 1000]
    answers = [mine.hold(estimate) for estimate in asked]
    assert [answer.status for answer in answers] == [201] * 4
    assert told(service, person, "spend_refused") == []
    shadowed = told(service, person, "spend_shadowed")
    assert [event["estimate"] for event in shadowed] == [60, 30, 1000]
    assert [event["violations"][0]["reserved"] for event in shadowed] == [60, 120, 150]
    assert all(event["violations"][0]["mode"] == "shadow" for event in shadowed)
    # What was refused only in a shadow does not show outside.
    assert all("violated-policies" not in answer.json for answer in answers)


def test_a_shadow_beside_a_hard_limit_is_not_named_by_the_refusal(service, person, mine):
    limit(service, person, daily_limit=100, daily_mode="shadow", weekly_limit=200)
    answer = mine.hold(201)
    assert (answer.json["detail"], answer.json["violated-policies"]) == (exceeded("weekly"), ["weekly"])
    assert [violation.get("mode") for violation in answer.json["violations"]] == ["shadow", None]


def test_a_mode_of_ones_own_wins_over_the_default_and_null_goes_back(start):
    service = start()
    person, client = service.user, service.admin
    body = {"daily_limit": 10, "weekly_limit": -1, "monthly_limit": -1, "daily_mode": "shadow"}
    assert client.ask("PUT", "/v1/defaults", body).status == 200
    assert client.get("/v1/defaults").json["daily_mode"] == "shadow"
    assert check(service, person, 11).status == 200
    assert limit(service, person, daily_mode="hard")["daily_mode"] == "hard"
    assert check(service, person, 11).status == 409
    assert limit(service, person, daily_mode=None)["daily_mode"] is None
    assert check(service, person, 11).status == 200
    service.restart()
    assert service.windows(person)["daily"]["mode"] == "shadow"


@pytest.mark.parametrize("body, member", [
    ({"daily_mode": "firm"}, "daily_mode"),
    ({"daily_mode": 1}, "daily_mode"),
    ({"daily_mode": ""}, "daily_mode"),
    ({"dayly_mode": "hard"}, "dayly_mode"),
    ({"daily_limit": -2}, "daily_limit"),
    ({"daily_limit": 1.5}, "daily_limit"),
    ({"daily_limit": LARGEST_LIMIT + 1}, "daily_limit"),
    ({"daily_limit": 5, "reason": ""}, "reason"),
    ({"daily_limit": 5, "effective_at": "tomorrow"}, "effective_at"),
    ({"daily_limit": 5, "effective_at": 5}, "effective_at"),
    ({"effective_at": "2040-01-01T00:00:00Z"}, "effective_at"),
    ({"daily_mode": "soft", "effective_at": "2040-01-01T00:00:00Z"}, "daily_mode"),
    ({"daily_limit": 5, "id": "at once"}, "id"),
])  # fmt: skip
def test_a_change_that_is_wrong_changes_nothing(service, person, body, member):
    position = service.position
    assert problem(patch(service, person, **body), 400, "invalid", member).startswith(member)
    assert service.position == position


# Thresholds


def crossings(service: Service, person: Account, period: str = "daily") -> list[tuple[int, int]]:
    """Percent and usage of each threshold that was told, in order."""
    events = told(service, person, "threshold_crossed")
    return [(event["percent"], event["used"]) for event in events if event["period"] == period]


def test_each_threshold_is_told_once_in_a_window(clocked):
    person = clocked.user
    limit(clocked, person, daily_limit=100)
    for tokens in (0, 49, 1, 29, 1, 9, 1, 9, 1, 100):
        clocked.spend(person, tokens)
    assert crossings(clocked, person) == [(50, 50), (80, 80), (90, 90), (100, 100)]
    assert all(event["limit"] == 100 for event in told(clocked, person, "threshold_crossed"))
    clocked.clock.set("2026-11-21 12:00:00")
    clocked.spend(person, 85)
    assert crossings(clocked, person)[4:] == [(50, 85), (80, 85)]
    clocked.restart()
    clocked.spend(person, 1)
    assert len(crossings(clocked, person)) == 6


def test_a_threshold_is_told_of_each_period_and_of_holds_that_are_settled(service, person, mine):
    service.set_limits(person, 100, 200, 400)
    hold = mine.held(100)
    assert crossings(service, person) == []
    mine.settle(hold, 60, final=False)
    assert [crossings(service, person, period) for period in PERIODS] == [[(50, 60)], [], []]
    mine.settle(hold, 40)
    assert crossings(service, person, "weekly") == [(50, 100)]
    assert [percent for percent, _ in crossings(service, person)] == [50, 80, 90, 100]


def test_what_was_told_is_not_told_again_whatever_becomes_of_limit_and_usage(service, person):
    limit(service, person, daily_limit=100)
    service.spend(person, 95, id=f"corrected-{person.uuid}")
    for tokens in (10, 99):
        correct(service, tokens, usage_id=f"corrected-{person.uuid}")
    limit(service, person, daily_limit=1000)
    limit(service, person, daily_limit=100)
    assert [percent for percent, _ in crossings(service, person)] == [50, 80, 90]
    limit(service, person, daily_limit=99)
    assert crossings(service, person)[3:] == [(100, 99)]


@pytest.mark.parametrize("setting, percents", [
    ("none", []),
    ("100", [100]),
    ("150,25", [25, 150]),
    ("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", list(range(1, 17))),
])  # fmt: skip
def test_thresholds_are_a_setting(start, setting, percents):
    service = start("--thresholds", setting)
    limit(service, service.user, daily_limit=100)
    service.spend(service.user, 160)
    assert [percent for percent, _ in crossings(service, service.user)] == percents


@pytest.mark.parametrize("setting", ["0", "201", "50,50", "x", "50,", "-1", "50 80", ",".join(map(str, range(1, 18)))])
def test_thresholds_that_are_none_are_refused_at_the_start(store, setting):
    result = store.try_run("serve", "--check-config", "--thresholds", setting)
    assert result.returncode == 64 and "thresholds" in result.stderr and result.stderr.count("\n") == 1, result.stderr


# Corrections and late usage


def correct(service: Service, tokens: int, *, client=None, **members) -> Answer:
    return (client or service.gateway.client).post("/v1/corrections", {"id": new_id(), "tokens": tokens} | members)


def test_corrections_go_up_and_down_and_nothing_is_edited(service, person):
    spend = service.spend(person, 500, id=f"usage-{person.uuid}")
    for tokens in (300, 700, 0, 650):
        answer = correct(service, tokens, position=spend["position"])
        assert answer.status == 201
        assert service.used(person) == (tokens, tokens, tokens)
    assert correct(service, 600, usage_id=f"usage-{person.uuid}", reason="counted twice").status == 201
    events = told(service, person, "usage_corrected")
    steps = [(event["old_tokens"], event["tokens"]) for event in events]
    assert steps == [(500, 300), (300, 700), (700, 0), (0, 650), (650, 600)]
    assert {event["corrected"] for event in events} == {spend["position"]} and events[-1]["reason"] == "counted twice"
    assert told(service, person, "tokens_spent")[0]["tokens"] == 500


def test_a_correction_that_leaves_the_sum_is_recorded_and_its_id_known_for_ever(service, person):
    spend = service.spend(person, 500)["position"]
    parts = {"id": new_id(), "position": spend, "input_tokens": 300, "output_tokens": 200}
    first = service.gateway.client.post("/v1/corrections", parts)
    assert first.status == 201 and service.used(person)[0] == 500
    assert told(service, person, "usage_corrected")[0]["input_tokens"] == 300
    assert correct(service, 400, position=spend).status == 201
    again = service.gateway.client.post("/v1/corrections", parts)
    assert (again.status, again.json) == (200, first.json | {"replayed": True})
    assert service.used(person)[0] == 400


def test_a_settlement_and_a_part_can_be_corrected(service, person, mine):
    hold = mine.held(100)
    part = mine.settle(hold, 40, final=False).json["position"]
    end = mine.settle(hold, 50, id=f"end-{person.uuid}").json["position"]
    assert correct(service, 4, position=part).status == 201
    assert correct(service, 5, usage_id=f"end-{person.uuid}").status == 201
    assert day(service, person) == (9, 0) and end > part


def test_a_correction_reaches_the_window_in_which_it_happened(clocked):
    person = clocked.user
    clocked.spend(person, 500, id="usage")
    clocked.clock.set("2026-12-24 12:00:00")
    clocked.spend(person, 7)
    assert correct(clocked, 350, usage_id="usage").status == 201
    past, now = clocked.windows(person, "2026-11-20"), clocked.windows(person)
    assert [past[period]["used"] for period in PERIODS] == [350] * 3
    assert [now[period]["used"] for period in PERIODS] == [7] * 3


@pytest.mark.parametrize("members, status, code, member", [
    ({"usage_id": "none"}, 404, "unknown_event", "usage_id"),
    ({"position": 10**9}, 404, "unknown_event", "position"),
    ({"position": 1}, 409, "not_correctable", "position"),
    ({}, 400, "invalid", "position"),
    ({"position": 1, "usage_id": "x"}, 400, "invalid", "usage_id"),
    ({"position": 0}, 400, "invalid", "position"),
    ({"position": -1}, 400, "invalid", "position"),
    ({"position": "1"}, 400, "invalid", "position"),
    ({"position": 1.5}, 400, "invalid", "position"),
    ({"position": 1, "tokens": -1}, 400, "invalid", "tokens"),
    ({"position": 1, "tokens": 1.5}, 400, "invalid", "tokens"),
    ({"position": 1, "tokens": None}, 400, "invalid", "tokens"),
    ({"position": 1, "tokens": 2**63}, 400, "invalid", "tokens"),
    ({"position": 1, "id": None}, 400, "invalid", "id"),
])  # fmt: skip
def test_a_correction_of_nothing_is_told_what_is_wrong(service, members, status, code, member):
    position = service.position
    problem(service.gateway.client.post("/v1/corrections", {"id": new_id(), "tokens": 1} | members), status, code, member)
    assert service.position == position


def test_a_correction_cannot_be_corrected_nor_what_is_somebody_elses(service, person):
    spend = service.spend(person, 500)["position"]
    first = correct(service, 300, position=spend).json["position"]
    assert "by its own position" in problem(correct(service, 1, position=first), 409, "not_correctable", "position")
    stranger = service.register("service").client
    problem(correct(service, 1, client=stranger, position=spend), 403, "foreign_event", "position")
    assert correct(service, 1, client=service.admin, position=spend).status == 201
    assert correct(service, 1, client=service.user.client, position=spend).status == 403


def test_a_correction_that_overflows_is_refused(service, person):
    spend = service.spend(person, 5)["position"]
    most = [{"id": f"{person.uuid}-{number}", "user": person.uuid, "tokens": 2**53 - 1} for number in range(1024)]
    answer = service.gateway.client.post("/v1/usage", most)
    assert answer.status == 200 and all("position" in result for result in answer.json["results"])
    room = LARGEST - 1024 * (2**53 - 1)
    problem(correct(service, room + 1, position=spend), 400, "overflow", "tokens")
    assert correct(service, room, position=spend).status == 201


def test_lateness_has_a_bound_where_one_is_set(start):
    service = start("--maximum-lateness-seconds", "3600", at="2026-11-20 12:00:00")
    person = service.user
    problem(service.try_spend(person, 5, time="2026-11-20T10:59:59Z"), 400, "too_late", "time")
    service.spend(person, 5, time="2026-11-20T11:00:00Z", id="just in time")
    service.clock.set("2026-11-20 13:00:00")
    # What was taken once is answered for ever, and a correction is no late usage.
    assert service.try_spend(person, 5, time="2026-11-20T11:00:00Z", id="just in time").status == 200
    assert correct(service, 6, usage_id="just in time").status == 201
    assert service.used(person) == (6, 6, 6)


def test_late_usage_reaches_its_own_windows_where_no_bound_is_set(clocked):
    clocked.spend(clocked.user, 5, time="2020-02-29T23:59:59Z")
    assert clocked.windows(clocked.user, "2020-02-29")["daily"]["used"] == 5
    assert clocked.used(clocked.user) == (0, 0, 0)


@pytest.mark.parametrize("setting", ["-1", "x", "1.5", ""])
def test_a_bound_that_is_none_is_refused_at_the_start(store, setting):
    result = store.try_run("serve", "--check-config", "--maximum-lateness-seconds", setting)
    assert result.returncode == 64 and "lateness" in result.stderr, result.stderr


# Allowances


def allow(service: Service, person: Account, tokens, period="daily", **members) -> Answer:
    body = {"id": new_id(), "period": period, "tokens": tokens} | members
    return service.admin.post(f"/v1/users/{person.uuid}/allowances", body)


def test_an_allowance_raises_the_limit_until_its_window_ends(clocked):
    person, mine = clocked.user, holder(clocked, clocked.user)
    limit(clocked, person, daily_limit=100)
    clocked.spend(person, 90)
    assert mine.hold(30).status == 409
    for tokens in (15, 5):
        assert allow(clocked, person, tokens, reason="a long report").status == 201
    window = clocked.windows(person)["daily"]
    assert (window["limit"], window["allowance"], window["own_limit"], window["remaining"]) == (120, 20, 100, 30)
    assert (mine.hold(31).status, mine.hold(30).status) == (409, 201)
    clocked.clock.set("2026-11-21 00:00:00")
    window = clocked.windows(person)["daily"]
    assert (window["limit"], "allowance" in window) == (100, False)
    until(lambda: mine.hold(100).status == 201, "yesterday's hold expired")
    assert mine.hold(1).status == 409


def test_waldurs_document_knows_no_allowance(service, person):
    """Its identity is the contract's: remaining = max(0, own or default limit - usage), in every answer."""
    service.set_limits(person, 100, 500, None)
    service.spend(person, 120)
    assert allow(service, person, 50).status == 201
    document = service.usage(person)
    assert (document["daily_limit"], document["daily_usage"], document["daily_remaining"]) == (100, 120, 0)
    assert (document["weekly_remaining"], document["monthly_remaining"]) == (380, None)
    assert check(service, person, 30).status == 200 and check(service, person, 31).status == 409


def test_an_allowance_of_the_default_limit(start):
    service = start()
    service.set_defaults(10, -1, -1)
    assert check(service, service.user, 15).status == 409
    assert allow(service, service.user, 5).status == 201
    assert check(service, service.user, 15).status == 200


@pytest.mark.parametrize("tokens, members, status, code, member", [
    (0, {}, 400, "invalid", "tokens"),
    (-1, {}, 400, "invalid", "tokens"),
    (1.5, {}, 400, "invalid", "tokens"),
    ("5", {}, 400, "invalid", "tokens"),
    (LARGEST_LIMIT + 1, {}, 400, "invalid", "tokens"),
    (LARGEST + 1, {}, 400, "invalid", "tokens"),
    (5, {"period": "day"}, 400, "invalid", "period"),
    (5, {"period": None}, 400, "invalid", "period"),
    (5, {"id": None}, 400, "invalid", "id"),
    (5, {"period": "weekly"}, 409, "unlimited", "period"),
])  # fmt: skip
def test_an_allowance_that_is_wrong_changes_nothing(service, person, tokens, members, status, code, member):
    limit(service, person, daily_limit=100)
    position = service.position
    problem(allow(service, person, tokens, **members), status, code, member)
    assert service.position == position


def test_allowances_are_for_staff_and_support_and_for_people_who_exist(service, person):
    limit(service, person, daily_limit=100)
    body = {"id": new_id(), "period": "daily", "tokens": 1}
    for role, status in (("user", 403), ("service", 403), ("auditor", 403), ("support", 201)):
        client = service.by_role(role).client
        assert client.post(f"/v1/users/{person.uuid}/allowances", body).status == status
    problem(service.admin.post("/v1/users/nobody/allowances", body | {"id": new_id()}), 404, "unknown_user", "user")


def test_allowances_never_pass_the_largest_limit(service, person):
    limit(service, person, daily_limit=LARGEST_LIMIT)
    assert allow(service, person, LARGEST_LIMIT).status == 201
    assert service.windows(person)["daily"]["limit"] == LARGEST_LIMIT


# Later


def schedule(service: Service, person: Account, at: str, **body) -> str:
    answer = patch(service, person, effective_at=at, **body)
    assert answer.status == 202, answer.gist
    return answer.json["schedule"]


def schedules(service: Service, query: str = "") -> list[dict]:
    return service.admin.get(f"/v1/schedules{query}").json["schedules"]


def cancel(service: Service, schedule: str) -> Answer:
    return service.admin.ask("DELETE", f"/v1/schedules/{schedule}")


@pytest.mark.parametrize("restart", [None, "before", "over"])
def test_a_scheduled_limit_takes_effect_on_time(clocked, restart):
    person = clocked.user
    limit(clocked, person, daily_limit=100, weekly_limit=1000)
    id = schedule(clocked, person, "2026-11-20T12:10:00Z", daily_limit=50, weekly_limit=None, reason="agreed")
    assert [found["schedule"] for found in schedules(clocked)] == [id]
    clocked.clock.set("2026-11-20 12:09:59")
    if restart == "before":
        clocked.server.kill()
        clocked.resume()
    assert (check(clocked, person, 100).status, clocked.limits(person)) == (200, (100, 1000, None))
    if restart == "over":
        assert clocked.server.stop() == 0
    clocked.clock.set("2026-11-20 12:10:00")
    if restart == "over":
        clocked.resume()
    # Whoever asks first at that very moment is answered by the new limit.
    assert check(clocked, person, 51).status == 409
    assert clocked.limits(person) == (50, None, None)
    assert schedules(clocked) == [] and told(clocked, person, "schedule_ended")[0]["applied"] is True
    assert cancel(clocked, id).status == 204 and clocked.limits(person) == (50, None, None)


def test_a_scheduled_limit_takes_effect_though_nobody_asks(clocked):
    schedule(clocked, clocked.user, "2026-11-20T12:10:00Z", daily_limit=50)
    clocked.clock.set("2026-11-20 12:10:00")
    until(lambda: clocked.limits(clocked.user)[0] == 50, "the scheduled limit took effect")


def test_of_scheduled_limits_the_later_one_stays(clocked):
    person = clocked.user
    schedule(clocked, person, "2026-11-20T12:20:00Z", daily_limit=20)
    schedule(clocked, person, "2026-11-20T12:10:00Z", daily_limit=10)
    clocked.clock.set("2026-11-20 12:30:00")
    until(lambda: clocked.limits(person)[0] == 20, "both took effect")
    changes = [event["changes"][0]["new"] for event in told(clocked, person, "limits_changed")]
    assert changes == [10, 20]


def test_a_scheduled_limit_can_be_cancelled(clocked):
    id = schedule(clocked, clocked.user, "2026-11-20T12:10:00Z", daily_limit=50)
    assert [cancel(clocked, id).status for _ in range(2)] == [204, 204]
    assert schedules(clocked) == []
    clocked.restart()
    clocked.clock.set("2026-11-20 12:10:00")
    assert check(clocked, clocked.user, 51).status == 200 and clocked.limits(clocked.user)[0] is None
    ends = told(clocked, clocked.user, "schedule_ended")
    assert [end["applied"] for end in ends] == [False]


def test_defaults_can_be_changed_later_too(clocked):
    body = {"daily_limit": 50, "effective_at": "2026-11-20T12:10:00Z", "id": "later"}
    answer = clocked.admin.ask("PUT", "/v1/defaults", body)
    assert answer.status == 202 and schedules(clocked)[0]["user"] is None
    assert schedules(clocked, f"?user={clocked.user.uuid}") == []
    clocked.clock.set("2026-11-20 12:10:00")
    assert check(clocked, clocked.user, 51).status == 409


@pytest.mark.parametrize("at", ["2026-11-20T12:00:00Z", "2026-11-20T11:59:59Z", "1999-01-01T00:00:00Z"])
def test_what_has_passed_cannot_be_scheduled(clocked, at):
    problem(patch(clocked, clocked.user, daily_limit=5, effective_at=at), 400, "not_in_the_future", "effective_at")


@pytest.mark.parametrize("schedule", ["1", "0", "x", "999999", "-1"])
def test_a_schedule_that_never_was_is_unknown(service, schedule):
    problem(cancel(service, schedule), 404, "unknown_schedule", "schedule")


def test_schedules_are_for_those_who_set_limits(service, person):
    id = schedule(service, person, "2040-01-01T00:00:00Z", daily_limit=5)
    for role, reads, cancels in (("user", 403, 403), ("service", 403, 403), ("auditor", 200, 403), ("support", 200, 204)):
        client = service.by_role(role).client
        assert client.get("/v1/schedules").status == reads
        assert client.ask("DELETE", f"/v1/schedules/{id}").status == cancels


# What headers say, by draft-ietf-httpapi-ratelimit-headers-10


def fields(answer: Answer, name: str) -> dict[str, dict]:
    """A list of strings with parameters, read by a parser of structured fields (RFC 9651)."""
    parsed = http_sfv.List()
    parsed.parse(answer[name].encode())
    assert all(isinstance(item.value, str) and not isinstance(item.value, http_sfv.Token) for item in parsed)
    return {item.value: dict(item.params) for item in parsed}


def test_headers_say_what_a_quota_allows_and_what_is_left(standing):
    person = standing.register()
    mine = holder(standing, person)
    standing.set_limits(person, 100, 700, 3000)
    standing.spend(person, 30)
    answers = [mine.hold(20), check(standing, person, 10), mine.hold(51)]
    assert [answer.status for answer in answers] == [201, 200, 409]
    for answer in answers:
        assert fields(answer, "RateLimit-Policy") == {
            "daily": {"q": 100, "qu": "tokens", "w": 86_400},
            "weekly": {"q": 700, "qu": "tokens", "w": 7 * 86_400},
            "monthly": {"q": 3000, "qu": "tokens", "w": 30 * 86_400},
        }
        assert fields(answer, "RateLimit") == {
            "daily": {"r": 50, "t": 12 * 3600},
            "weekly": {"r": 650, "t": (2 * 24 + 12) * 3600},
            "monthly": {"r": 2950, "t": (10 * 24 + 12) * 3600},
        }
    assert [answer["Retry-After"] for answer in answers] == [None, None, str(12 * 3600)]


def test_a_retry_makes_sense_once_every_limit_that_refuses_has_a_new_window(standing):
    person = standing.register()
    standing.set_limits(person, 100, 50, None)
    assert holder(standing, person).hold(60)["Retry-After"] == str((2 * 24 + 12) * 3600)
    assert holder(standing, person).hold(101)["Retry-After"] == str((2 * 24 + 12) * 3600)


def test_who_has_no_bound_gets_no_headers(service, person, mine):
    answer = mine.hold(5)
    assert (answer["RateLimit"], answer["RateLimit-Policy"], answer["Retry-After"]) == (None, None, None)


def test_numbers_stay_within_what_a_structured_field_can_hold(service, person, mine):
    service.set_limits(person, LARGEST_LIMIT, None, None)
    answer = mine.hold(5)
    assert fields(answer, "RateLimit-Policy")["daily"]["q"] == 10**15 - 1
    assert fields(answer, "RateLimit")["daily"]["r"] == 10**15 - 1


def test_nothing_less_than_nothing_is_left(service, person, mine):
    service.set_limits(person, 100, None, None)
    service.spend(person, 150)
    assert fields(mine.hold(5), "RateLimit")["daily"]["r"] == 0

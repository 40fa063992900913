"""A limit for the calendar year: off unless somebody has one, and then everywhere but in the two outer contracts."""

from __future__ import annotations

import http_sfv
import pytest

from contract import exceeded
from service import Service
from test_explain import explain
from test_holds import holder, new_id
from test_policies import allow, check, limit, patch, told
from test_what_if import what_if

MONTHS = ["2026-01-31 23:00:00", "2026-03-01 00:00:00", "2026-11-20 12:00:00"]


def spread(service: Service, user, tokens: int = 10) -> None:
    """The same tokens in three months of one year."""
    for moment in MONTHS:
        service.clock.set(moment)
        service.spend(user, tokens)


@pytest.fixture
def clocked(start) -> Service:
    return start(at="2025-12-31 12:00:00")


def year(service: Service, user, **query) -> dict | None:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = service.admin.get(f"/v1/users/{user.uuid}/usage?{words}")
    assert answer.status == 200, answer.gist
    return answer.json["windows"].get("yearly")


def test_it_is_off_unless_somebody_has_one(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    assert year(clocked, user) is None
    assert "yearly_limit" not in clocked.admin.get("/v1/defaults").json
    answer = clocked.admin.get(f"/v1/users/{user.uuid}/limits")
    assert "yearly" not in answer.json["limits"], answer.gist


def test_it_counts_what_was_spent_before_anybody_asked(clocked: Service):
    user = clocked.register()
    clocked.spend(user, 1000)
    spread(clocked, user)
    assert limit(clocked, user, yearly_limit=100)["yearly_limit"] == 100
    shown = year(clocked, user)
    assert (shown["used"], shown["limit"], shown["remaining"]) == (30, 100, 70)
    assert (shown["start"], shown["end"]) == ("2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00")
    assert year(clocked, user, date="2025-07-01")["used"] == 1000
    clocked.clock.set("2027-01-01 00:00:00")
    assert year(clocked, user)["used"] == 0
    assert limit(clocked, user, yearly_limit=None)["changed"] is True
    assert year(clocked, user) is None


@pytest.mark.parametrize("mode", ["hard", "soft", "shadow"])
def test_it_refuses_by_its_mode(clocked: Service, mode: str):
    user = clocked.register()
    spread(clocked, user)
    limit(clocked, user, yearly_limit=100, yearly_mode=mode)
    mine = holder(clocked, user)
    mine.held(60)
    refused = mine.hold(11)
    assert refused.status == (409 if mode == "hard" else 201), refused.gist
    if mode == "hard":
        assert refused.json["detail"] == exceeded("yearly")
        violation = refused.json["violations"][0]
        assert (violation["period"], violation["used"], violation["reserved"]) == ("yearly", 30, 60)
        explained = explain(clocked, user, f"refusal={refused.json['position']}")
        assert (explained["period"], explained["used"]) == ("yearly", 30), explained
    if mode == "shadow":
        assert told(clocked, user, "spend_shadowed")[0]["violations"][0]["period"] == "yearly"


def test_headers_name_it(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    limit(clocked, user, yearly_limit=100, daily_limit=50)
    answer = check(clocked, user, 5)
    fields = http_sfv.List()
    fields.parse(answer["RateLimit-Policy"].encode())
    assert [(str(item.value), item.params["q"], item.params["w"]) for item in fields] == [
        ("daily", 50, 86400), ("yearly", 100, 365 * 86400),
    ]
    state = http_sfv.List()
    state.parse(answer["RateLimit"].encode())
    assert [(str(item.value), item.params["r"]) for item in state] == [("daily", 40), ("yearly", 70)]


def test_every_number_is_explained(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    for limited in [False, True]:
        if limited:
            limit(clocked, user, yearly_limit=100)
        found = explain(clocked, user, "period=yearly")
        assert found["used"] == 30 and [event["tokens"] for event in found["events"]] == [10] * 3, found


def test_the_past_says_what_it_said(clocked: Service):
    user = clocked.register()
    clocked.set_defaults(-1, -1, -1)
    said: dict[int, dict | None] = {}
    for step, moment in enumerate(sorted(MONTHS * 2) + ["2027-02-01 00:00:00"]):
        clocked.clock.set(moment)
        clocked.spend(user, 10 + step)
        said[clocked.position] = year(clocked, user)
        if step == 1:
            limit(clocked, user, yearly_limit=500)
            said[clocked.position] = year(clocked, user)
    limit(clocked, user, yearly_limit=None)
    for position, shown in said.items():
        assert year(clocked, user, as_of=position) == shown, position


def test_thresholds_are_told_once_a_year(clocked: Service):
    user = clocked.register()
    limit(clocked, user, yearly_limit=20)
    spread(clocked, user)
    assert [(event["period"], event["percent"], event["used"]) for event in told(clocked, user, "threshold_crossed")] == [
        ("yearly", 50, 10), ("yearly", 80, 20), ("yearly", 90, 20), ("yearly", 100, 20),
    ]
    clocked.clock.set("2027-06-01 00:00:00")
    clocked.spend(user, 16)
    assert [event["percent"] for event in told(clocked, user, "threshold_crossed")][4:] == [50, 80]


def test_allowances_and_schedules_know_it(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    limit(clocked, user, yearly_limit=30)
    assert check(clocked, user, 1).status == 409
    assert allow(clocked, user, 5, "yearly").status == 201
    assert (check(clocked, user, 5).status, check(clocked, user, 6).status) == (200, 409)
    later = patch(clocked, user, id=new_id(), yearly_limit=500, effective_at="2026-12-01T00:00:00Z")
    assert later.status == 202, later.gist
    clocked.clock.set("2026-12-01 00:00:01")
    assert check(clocked, user, 400).status == 200


def test_the_outer_contracts_do_not_know_it(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    limit(clocked, user, yearly_limit=77)
    assert not [name for name in clocked.usage(user) if "year" in name]
    body = {"user_uuid": user.uuid, "daily_limit": 5, "yearly_limit": 1}
    assert clocked.admin.set_quota(body).status == 200
    assert year(clocked, user)["own_limit"] == 77


def test_commands_know_it(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    assert clocked.server.stop() == 0
    clocked.store.run("limits", "set", user.uuid, "--yearly", "25")
    assert clocked.store.read("usage", user.uuid)["windows"]["yearly"]["used"] == 30
    found = what_if(clocked, "--yearly", "25")[user.uuid]
    assert (found["refused_calls"], found["first_refused"]["period"]) == (1, "yearly"), found
    refused = clocked.store.try_run("limits", "set", user.uuid)
    assert refused.returncode != 0 and "--yearly" in refused.stderr
    clocked.store.run("verify")
    clocked.store.run("projections", "rebuild")
    clocked.store.run("verify")


def test_a_default_for_everybody_and_a_restart(clocked: Service):
    user = clocked.register()
    spread(clocked, user)
    body = {"daily_limit": -1, "weekly_limit": -1, "monthly_limit": -1, "yearly_limit": 31, "yearly_mode": "soft"}
    assert clocked.admin.ask("PUT", "/v1/defaults", body).status == 200
    assert clocked.admin.get("/v1/defaults").json["yearly_limit"] == 31
    assert check(clocked, user, 100).status == 200
    clocked.spend(user, 1)
    for restarts in [False, True]:
        if restarts:
            clocked.restart()
        assert check(clocked, user).status == 409
        assert year(clocked, user)["mode"] == "soft"

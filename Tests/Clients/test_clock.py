"""A clock that was ahead for a while: nothing that it did decides anything once it is right again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from conftest import NOON
from service import Service, until
from test_holds import holder

AHEAD_DAYS = [12, 40, 400, 9000]


def at(days: float = 0, seconds: float = 0) -> str:
    return str(datetime.fromisoformat(NOON) + timedelta(days=days, seconds=seconds))


@pytest.mark.parametrize("days", AHEAD_DAYS)
@pytest.mark.parametrize("restarts", [False, True])
def test_usage_and_holds_are_those_of_now(clocked: Service, days: int, restarts: bool):
    user = clocked.register()
    clocked.set_limits(user, 100, 100, 100)
    holds = holder(clocked, user)
    clocked.clock.set(at(days))
    clocked.spend(user, 61)
    assert holds.hold(30, ttl_seconds=2).status == 201
    clocked.clock.set(at())
    if restarts:
        clocked.restart()
        holds = holder(clocked, user)
    clocked.spend(user, 5)
    assert clocked.used(user) == (5, 5, 5)
    refused = holds.hold(90, ttl_seconds=2)
    assert refused.status != 201, "the hold of the future has two seconds from now on"
    clocked.clock.set(at(seconds=2))
    assert holds.hold(90, ttl_seconds=60).status == 201
    past = clocked.admin.get(f"/v1/users/{user.uuid}/usage?as_of={clocked.position}")
    assert past.status == 200, past.gist
    assert past.json["windows"] == clocked.admin.get(f"/v1/users/{user.uuid}/usage").json["windows"]
    changes = {"effective_at": at(days=1).replace(" ", "T") + "Z", "daily_limit": 7}
    scheduled = clocked.admin.ask("PATCH", f"/v1/users/{user.uuid}/limits", changes)
    assert scheduled.status == 202, scheduled.gist
    assert clocked.server.stop() == 0
    clocked.store.run("verify")


def test_a_token_ends_after_its_time_to_live(clocked: Service):
    user = clocked.register()
    clocked.clock.set(at(400))
    token = clocked.issue_token(user, expires_in=60)["token"]
    client = type(user.client)(clocked.base, token)
    assert client.get(f"/v1/users/{user.uuid}/usage").status != 401
    clocked.clock.set(at())
    until(lambda: [event for event in clocked.events(type="token_issued") if event["actor"] == "service"], "its new end", 10)
    assert client.get(f"/v1/users/{user.uuid}/usage").status != 401
    clocked.clock.set(at(seconds=61))
    assert client.get(f"/v1/users/{user.uuid}/usage").status == 401


def test_operators_who_look_are_told(clocked: Service):
    user = clocked.register()
    clocked.clock.set(at(400))
    clocked.spend(user, 1)
    assert "clock" not in clocked.admin.get("/readyz?verbose").json
    clocked.clock.set(at())
    told = clocked.admin.get("/readyz?verbose")
    assert clocked.nobody.get("/readyz?verbose").gist == (200, b'{"status":"ok"}')
    assert told.status == 200 and told.json["clock"]["behind_seconds"] == 400 * 86_400
    assert "400 d behind" in told.json["clock"]["detail"] and user.uuid not in told.body.decode()
    clocked.restart()
    assert "400 d behind" in clocked.server.complaints()
    findings = clocked.store.read("doctor")["findings"]
    assert [finding["severity"] for finding in findings if finding["part"] == "clock"] == ["warning"]
    clocked.clock.set(at(400))
    assert "clock" not in clocked.admin.get("/readyz?verbose").json


def test_an_export_says_what_the_clock_showed(clocked: Service):
    user = clocked.register()
    clocked.clock.set(at(400))
    clocked.spend(user, 1)
    clocked.clock.set(at())
    clocked.spend(user, 2)
    *_, ahead, behind = clocked.events()
    assert "decided_at" not in ahead
    assert behind["decided_at"] == behind["happened_at"] < behind["recorded_at"] == ahead["recorded_at"]
    assert clocked.server.stop() == 0
    lines = clocked.store.run("export").stdout
    assert json.loads(lines.splitlines()[-1])["decided_at"] == behind["decided_at"]

"""A store with holds and policies in it: exported, taken over, verified, rebuilt."""

from __future__ import annotations

import json

import pytest

from model import CREDIT
from service import Service, Store, until
from test_explain import explain
from test_holds import Holder, holder
from test_policies import allow, cancel, correct, limit, schedule

KINDS = {
    "spend_held", "hold_drawn", "hold_extended", "hold_settled", "hold_voided", "hold_expired", "spend_refused",
    "spend_shadowed", "usage_corrected", "modes_changed", "allowance_granted", "limits_scheduled", "schedule_ended",
    "threshold_crossed", "budget_changed",
}  # fmt: skip


@pytest.fixture(scope="module")
def rich(start_shared) -> Service:
    """Everything that holds and policies can cause, with holds and a schedule left open."""
    service = start_shared(at="2026-11-20 12:00:00")
    person = service.user
    mine: Holder = holder(service, person)
    limit(service, person, daily_limit=1000, weekly_mode="shadow", weekly_limit=100, reason="a trial")
    service.admin.ask("PUT", "/v1/budgets/team", {"max_ai_credits": 3})
    settled = mine.held(100, budget_ids=["team"], estimate_nano_aiu=CREDIT)
    mine.settle(settled, 30, final=False, nano_aiu=5, model="m")
    end = mine.change(settled, "settle", input_tokens=500, output_tokens=20, cache_read_tokens=3).json["position"]
    correct(service, 480, position=end, reason="counted twice")
    mine.change(mine.held(10), "void")
    mine.change(mine.held(10), "extend", ttl_seconds=5)
    late = mine.held(10, ttl_seconds=5)
    assert mine.hold(10_000, budget_ids=["team"], estimate_nano_aiu=9 * CREDIT).status == 409
    assert allow(service, person, 50, reason="a long report").status == 201
    cancel(service, schedule(service, person, "2026-11-21T00:00:00Z", daily_limit=5))
    schedule(service, person, "2026-11-20T12:00:04Z", daily_limit=2000, monthly_limit=None)
    schedule(service, person, "2026-12-01T00:00:00Z", weekly_limit=7, reason="later")
    service.clock.set("2026-11-20 12:00:10")
    until(lambda: mine.state(late) == "expired", "the hold expired")
    mine.settle(late, 15)
    mine.held(60, budget_ids=["team"], estimate_nano_aiu=CREDIT)
    assert {event["type"] for event in service.events()} >= KINDS
    return service


def figures(service: Service) -> dict:
    """Everything that may be asked, but for positions that are the log's end."""
    person = service.user
    budget = service.admin.get("/v1/budgets/team").json
    return {
        "windows": service.windows(person),
        "explained": explain(service, person, page=100),
        "schedules": service.admin.get("/v1/schedules").json,
        "budget": budget,
    }


def test_an_export_taken_over_is_exported_byte_by_byte_the_same_and_verifies(rich, tmp_path):
    exported = rich.store.run("export").stdout
    copy = Store(tmp_path / "copy", rich.clock)
    copy.run("import", input=exported)
    assert copy.run("export").stdout == exported
    assert copy.run("verify").returncode == 0
    one, other = (store.run("explain", rich.user.uuid, "--json").stdout for store in (rich.store, copy))
    assert one == other
    one, other = (store.read("usage", rich.user.uuid)["windows"] for store in (rich.store, copy))
    assert one == other


def test_a_rebuild_and_a_restart_change_no_figure(rich):
    before = figures(rich)
    assert rich.server.stop() == 0
    assert rich.store.run("verify").returncode == 0
    assert rich.store.run("rebuild").returncode == 0
    assert rich.store.run("verify").returncode == 0
    rich.resume()
    assert figures(rich) == before
    mine = holder(rich, rich.user)
    assert mine.hold(10**6).json["violations"][0]["reserved"] == before["windows"]["daily"]["reserved"]


def test_every_kind_of_event_has_a_line_in_words(rich):
    lines = rich.store.run("log").stdout.splitlines()
    assert len(lines) == rich.position
    for kind in KINDS:
        assert any(f" {kind} " in line for line in lines), kind
    documents = [json.loads(line) for line in rich.store.run("log", "--json").stdout.splitlines()]
    assert [document["position"] for document in documents] == list(range(1, rich.position + 1))

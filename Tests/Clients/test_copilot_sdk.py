"""The unmodified Copilot SDK as the client of our runtime: every flow of contract section 7, in every version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from model import CREDIT
from runtime import SessionService
from service import binary
from test_shared_budgets import budget

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "copilot-sdk"
VERSIONS = re.findall(r"^github-copilot-sdk==(\S+)", (HERE / "requirements-copilot-sdk.txt").read_text(), re.M)
NEWEST = VERSIONS[-1]
CLOSED = ("1.0.13", NEWEST)
"""The first version whose types hold all that the published schema 1.0.81-5 has, and the newest."""

ALONE = {
    "before_a_restart",
    "after_a_restart",
    "latency",
    "over_standard_streams",
    "over_a_spawned_listener",
    "the_checks_can_fail",
    "turns_side_by_side",
}
FLOWS = [
    flow
    for flow in re.findall(r"^async def flow_(\w+)", (HERE / "copilot_flows.py").read_text(), re.M)
    if flow not in ALONE
]


def play(
    service: SessionService, version: str, *flows: str, state=None, environment: dict | None = None
) -> dict[str, dict]:
    """Plays flows with this version of the SDK in a process of its own."""
    job = {
        "runtime": service.runtime,
        "base": service.base,
        "tokens": [service.user.token, service.register().token],
        "flows": flows,
        "state": state,
        "closed": version in CLOSED,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COPILOT_", "QUOTALOG_"))}
    played = subprocess.run(
        [sys.executable, str(HERE / "copilot_driver.py")],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env=inherited | {"PYTHONPATH": str(INSTALLED / version)} | (environment or {}),
        timeout=900,
    )
    results = {line["flow"]: line for line in map(json.loads, played.stdout.splitlines())}
    for flow in flows:
        results.setdefault(flow, {"faults": [f"the flow did not end: {played.stderr[-3000:]}"], "value": None})
    return results


@pytest.fixture(scope="module")
def played(shared_runtime) -> dict:
    """What came of every flow; a version plays all of its flows when the first is asked for."""
    results: dict[str, dict] = {}

    def of(version: str) -> dict:
        if version not in results:
            results[version] = play(shared_runtime, version, *FLOWS)
            show(results[version])
        return results[version]

    return of


def show(results: dict) -> None:
    """The slowest flows, for whoever runs the tests with `-s`."""
    slowest = sorted(results.values(), key=lambda result: -result.get("seconds", 0))[:5]
    print([(result.get("flow"), round(result.get("seconds", 0), 2)) for result in slowest])


def assert_faultless(result: dict) -> None:
    assert not result["faults"], "\n".join(result["faults"][:10])


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("version", VERSIONS)
def test_flow(played, version, flow):
    assert_faultless(played(version)[flow])


@pytest.mark.parametrize("version", CLOSED)
def test_the_checks_can_fail(shared_runtime, version):
    assert_faultless(play(shared_runtime, version, "the_checks_can_fail")["the_checks_can_fail"])


@pytest.mark.parametrize("stop", ["cleanly", "killed"])
@pytest.mark.parametrize("version", [VERSIONS[0], NEWEST])
def test_a_session_outlives_its_server(start_own, version, stop):
    service = start_own()
    before = play(service, version, "before_a_restart")["before_a_restart"]
    assert_faultless(before)
    if stop == "killed":
        service.kill()
        service.resume()
    else:
        service.restart()
    assert_faultless(play(service, version, "after_a_restart", state=before["value"])["after_a_restart"])


@pytest.mark.parametrize(
    "prices", [{"max_output_tokens": 1000}, {}], ids=["bounded by the price table", "known only by the first cost"]
)
def test_twenty_turns_at_once_overshoot_a_shared_cap_by_less_than_one_answer(start_own, prices):
    """The input, of which no more is known than its bytes, is what costs here: 6 of 6.4 credits."""
    prices = {"input_nano_aiu": 1_000_000_000, "output_nano_aiu": 400_000_000, "batch_size": 1000} | prices
    service = start_own(settings={"models": {"m-input": prices}})
    name = budget(service, 100)
    wishes = {"input": 6000, "output": 1000}
    state = {"budget": name, "model": "m-input", "input": 6000, "wishes": wishes}
    assert_faultless(play(service, NEWEST, "turns_side_by_side", state=state)["turns_side_by_side"])
    spent = service.user.client.get(f"/v1/budgets/{name}").json["used_nano_aiu"]
    assert 100 * CREDIT <= spent < 100 * CREDIT + 6_400_000_000


def test_a_call_on_loopback_takes_less_than_a_millisecond(shared_runtime):
    result = play(shared_runtime, NEWEST, "latency")["latency"]
    assert_faultless(result)
    assert result["value"]["ping"] < 1, result["value"]
    assert result["value"]["metrics"] < 1, result["value"]


@pytest.mark.parametrize("way", ["over_standard_streams", "over_a_spawned_listener"])
@pytest.mark.parametrize("version", ["1.0.5", "1.0.11", "1.0.16", NEWEST])
def test_an_sdk_that_starts_the_runtime_itself(shared_runtime, version, way):
    environment = {
        "COPILOT_CLI_PATH": binary(),
        "QUOTALOG_DATA": str(shared_runtime.store.path),
        "QUOTALOG_CONFIG": str(shared_runtime.config),
    }
    assert_faultless(play(shared_runtime, version, way, environment=environment)[way])

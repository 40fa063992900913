"""Runs flows with the one SDK on the path and prints what came of each, a JSON line a flow.

usage: PYTHONPATH=<SDK> python copilot_driver.py < job.json
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback

import copilot_flows
from copilot.generated import rpc, session_events
from copilot_stage import Stage
from sdk_shapes import journal_misfits

FLOW_SECONDS = 60


def run(job: dict, name: str) -> dict:
    stage = Stage(job["runtime"], job["base"], job["tokens"])
    faults, value, began = [], None, time.monotonic()

    async def play() -> object:
        try:
            flow = getattr(copilot_flows, f"flow_{name}")
            return await asyncio.wait_for(flow(stage, job.get("state")), FLOW_SECONDS)
        finally:
            await stage.tidy()

    try:
        value = asyncio.run(play())
    except BaseException:  # noqa: BLE001 - the test shows whatever it was
        faults.append(traceback.format_exc(limit=-4))
    stage.close()
    faults += stage.wiretap.faults
    for journal in stage.wiretap.journals:
        faults += journal_misfits(journal, rpc, session_events, job["closed"])
    return {"flow": name, "faults": faults, "value": value, "seconds": time.monotonic() - began}


def main() -> None:
    job = json.load(sys.stdin)
    for name in job["flows"]:
        print(json.dumps(run(job, name)), flush=True)


main()

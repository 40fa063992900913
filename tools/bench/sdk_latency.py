"""Round trips of the real Copilot SDK over TCP, as JSON on standard output.

usage: PYTHONPATH=<SDK> python sdk_latency.py < job.json
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib.metadata import version

import copilot

WARMUP_CALLS = 100


async def nanoseconds(call, count: int) -> list[int]:
    """How long each of the calls took, one after another."""
    found = []
    for _ in range(count):
        started = time.perf_counter_ns()
        await call()
        found.append(time.perf_counter_ns() - started)
    return found


async def measure(job: dict) -> dict:
    connection = copilot.RuntimeConnection.for_uri(job["runtime"], connection_token=job["token"])
    client = copilot.CopilotClient(connection=connection)
    await client.start()
    try:
        session = await client.resume_session(
            job["session"], on_permission_request=copilot.PermissionHandler.approve_all
        )
        calls = {"ping": lambda: client.ping("benchmark"), "session.usage.getMetrics": session.rpc.usage.get_metrics}
        metrics = await session.rpc.usage.get_metrics()
        assert metrics.total_nano_aiu == job["nano_aiu"], f"{metrics.total_nano_aiu} nano-AIU"
        found = {}
        for name, call in calls.items():
            await nanoseconds(call, WARMUP_CALLS)
            found[name] = await nanoseconds(call, job["count"])
        return found
    finally:
        await client.force_stop()


def main() -> None:
    found = asyncio.run(measure(json.load(sys.stdin)))
    print(json.dumps({"version": version("github-copilot-sdk"), "nanoseconds": found}))


main()

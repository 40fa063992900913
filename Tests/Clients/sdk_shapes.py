"""Whether a runtime's JSON fits the types that an installed SDK was generated with, and holds nothing they do not know.

The shapes are found by watching which members the generated parsers ask for; nothing is copied from a schema.
"""

from __future__ import annotations

from collections.abc import Callable

from journal import Journal

LATER = {
    "session.idle": {"mode"},
    "user.message": {"messageId"},
    "assistant.usage": {"aiCreditsStatus", "accounting"},
    "session.usage.getMetrics": {"aiCreditsStatus"},
}
"""What contract 7 lets us send although only newer types have it."""

RESULTS = {
    "connect": ("_ConnectResult",),
    "account.getQuota": ("AccountGetQuotaResult",),
    "models.list": ("ModelList",),
    "session.abort": ("AbortResult",),
    "session.options.update": ("SessionUpdateOptionsResult",),
    "session.metadata.snapshot": ("SessionMetadataSnapshot",),
    "session.usage.getMetrics": ("UsageGetMetricsResult",),
    "session.eventLog.registerInterest": ("RegisterEventInterestResult",),
    "session.eventLog.releaseInterest": ("EventLogReleaseInterestResult",),
    "session.eventLog.tail": ("EventLogTailResult",),
    "session.commands.execute": ("ExecuteCommandResult",),
    "session.ui.handlePendingSessionLimitsExhausted": ("UIHandlePendingResult",),
    "llmInference.setProvider": ("LlmInferenceSetProviderResult",),
    "llmInference.httpResponseStart": ("LlmInferenceHTTPResponseStartResult",),
    "llmInference.httpResponseChunk": ("LlmInferenceHTTPResponseChunkResult",),
}
REQUESTS = {
    "llmInference.httpRequestStart": "LlmInferenceHTTPRequestStartRequest",
    "llmInference.httpRequestChunk": "LlmInferenceHTTPRequestChunkRequest",
}
MEMBERS = {
    "ping": {"message", "timestamp", "protocolVersion"},
    "status.get": {"version", "protocolVersion"},
    "auth.getStatus": {"isAuthenticated", "authType", "host", "login", "statusMessage", "copilotPlan"},
    "session.create": {"sessionId", "workspacePath", "capabilities"},
    "session.resume": {"sessionId", "workspacePath", "capabilities"},
    "session.send": {"messageId"},
    "session.sendAndWait": {"aborted", "messageId", "completionEventId", "response"},
    "session.getMessages": {"events"},
    "session.list": {"sessions"},
    "session.getMetadata": {"session"},
    "session.getLastId": {"sessionId"},
    "session.getForeground": {"sessionId"},
    "session.detach": {"success"},
    "session.destroy": {"success"},
    "session.delete": {"success", "error"},
}
"""Results without a generated type: the contract's own members."""


class Watched(dict):
    """A JSON object that remembers which of its members were asked for."""

    def __init__(self, value: dict):
        super().__init__({name: watched(member) for name, member in value.items()})
        self.asked: set[str] = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)

    def items(self):
        self.asked.update(self)
        return super().items()

    def unknown(self, path: str) -> list[str]:
        found = [f"{path}.{name}" for name in self if name not in self.asked] if self.asked else []
        for name, member in super().items():
            found += unknown(member, f"{path}.{name}")
        return found


def watched(value):
    if isinstance(value, dict):
        return Watched(value)
    return [watched(item) for item in value] if isinstance(value, list) else value


def unknown(value, path: str) -> list[str]:
    if isinstance(value, Watched):
        return value.unknown(path)
    if isinstance(value, list):
        return [fault for number, item in enumerate(value) for fault in unknown(item, f"{path}[{number}]")]
    return []


def misfits(name: str, value: dict, parse: Callable, later: set[str] = frozenset()) -> list[str]:
    """What the generated parser does not accept or does not know in this object."""
    eyes = watched(value)
    try:
        parse(eyes)
    except Exception as refusal:  # noqa: BLE001 - whatever it is, the SDK could not read it
        return [f"{name} is not read by the SDK ({type(refusal).__name__} {refusal}): {value}"]
    return [
        f"{path} is not known to the SDK: {value}"
        for path in unknown(eyes, name)
        if path.rsplit(".", 1)[1] not in later
    ]


def event_misfits(event: dict, events, closed: bool) -> list[str]:
    """Faults of one event; `events` is the SDK's generated module."""
    if event["type"].startswith("quotalog."):
        return []
    if events.SessionEventType(event["type"]) is events.SessionEventType.UNKNOWN:
        return [f"{event['type']} is unknown to the SDK"]
    found = misfits(event["type"], event, events.session_event_from_dict, LATER.get(event["type"], set()))
    return read(found, closed)


def read(found: list[str], closed: bool) -> list[str]:
    """All of these faults if objects are closed, else what makes a message unreadable."""
    return found if closed else [fault for fault in found if "is not read" in fault]


def journal_misfits(journal: Journal, rpc, events, closed: bool) -> list[str]:
    """Faults of everything the runtime sent over one connection."""
    found, methods = [], {}
    for direction, message in list(journal.messages):
        if direction == "out":
            if "method" in message:
                methods[message.get("id")] = message["method"]
        elif message.get("method") == "session.event":
            found += event_misfits(message["params"]["event"], events, closed)
        elif message.get("method") in REQUESTS:
            parser = getattr(rpc, REQUESTS[message["method"]])
            found += read(misfits(message["method"], message["params"], parser.from_dict), closed)
        elif "result" in message:
            found += result_misfits(methods.get(message["id"], ""), message["result"], rpc, events, closed)
    return found


def result_misfits(method: str, result, rpc, events, closed: bool) -> list[str]:
    found = []
    if method in RESULTS:
        parser = getattr(rpc, RESULTS[method][0])
        found = read(misfits(method, result, parser.from_dict, LATER.get(method, set())), closed)
    elif method in MEMBERS:
        found = [f"{method}.{name} is not in the contract" for name in result if name not in MEMBERS[method]]
    if method in ("session.getMessages", "session.eventLog.read"):
        for event in result["events"]:
            found += event_misfits(event, events, closed)
    if method == "session.sendAndWait" and result.get("response"):
        found += event_misfits(result["response"], events, closed)
    return found

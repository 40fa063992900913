"""Every way in, and what each role gets there: the table that `test_every_way_in.py` walks.

The names of ways come from the code's own enumerations, which are read here: a route or a method that is added there and has no line
here fails the test, and so does a line for one that is gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "Sources"
ROLES = ("user", "support", "staff", "service", "auditor")
EVENT_STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Way:
    """A request, and its status for each role in the order of `ROLES`.

    `{own}` and `{other}` are users, `{mine}` and `{theirs}` sessions of theirs; `{spare_…}` is made for one request where it is
    allowed, and stands for something that is still needed where it is refused.
    """

    name: str
    method: str
    target: str
    statuses: tuple[int, ...]
    body: dict | None = None
    headers: dict = field(default_factory=dict)
    public: bool = False
    """Whether nobody has to say who asks."""

    def status(self, role: str) -> int:
        return self.statuses[ROLES.index(role)]

    def __str__(self) -> str:
        return f"{self.method} {self.target} {self.body or ''}"

    @property
    def only_reads(self) -> bool:
        return self.method in ("GET", "HEAD")


def rows(name: str, *lines: tuple) -> list[Way]:
    """Lines of one route: method, target, five statuses, and a body or headers where it has them."""
    return [Way(name, line[0], line[1], line[2:7], *line[7:]) for line in lines]


USAGE = {"id": "u-{n}", "user": "{other}", "tokens": 1}
HOLD = {"id": "h-{n}", "user": "{other}", "estimate": 1}
LIMITS = {"daily_limit": 1_000_000_000}
CAP = {"session_limits": {"max_ai_credits": 1000}}
BUDGET = {"max_ai_credits": 1000}
SPENT = {"usage_id": "u-{n}", "nano_aiu": 1}

#                                                          user supp staff serv audit
WAYS: list[Way] = [
    *rows(
        "WaldurPath.usage",
        ("GET", "/api/chat-quota/usage/",                   200, 200, 200, 200, 200),
        ("GET", "/api/chat-quota/usage/?user_uuid={other}", 403, 200, 200, 200, 200),
        ("GET", "/api/chat-quota/usage/?user_uuid={none}",  403, 404, 404, 404, 404),
    ),
    *rows(
        "WaldurPath.setQuota",
        ("POST", "/api/chat-quota/set_quota/",              403, 200, 200, 403, 403, {"user_uuid": "{other}"} | LIMITS),
        ("POST", "/api/chat-quota/set_quota/",              403, 200, 200, 403, 403, {"user_uuid": "{own}"} | LIMITS),
    ),
    *rows("WaldurPath.other", ("GET", "/api/chat-quota/x/", 405, 405, 405, 405, 405)),
    *rows(
        "WaldurPath.root",
        ("GET", "/api/chat-quota/",                         405, 405, 405, 405, 405),
        ("POST", "/api/chat-quota/",                        405, 405, 405, 405, 405, {}),
    ),
    *rows("NativePath.usage", ("POST", "/v1/usage",         403, 403, 201, 201, 403, USAGE)),
    *rows(
        "NativePath.users",
        ("GET", "/v1/users",                                403, 200, 200, 403, 200),
        ("POST", "/v1/users",                               403, 403, 201, 403, 403, {"name": "n-{n}"}),
    ),
    *rows(
        "NativePath.user",
        ("GET", "/v1/users/{own}",                          403, 200, 200, 403, 200),
        ("GET", "/v1/users/{other}",                        403, 200, 200, 403, 200),
        ("GET", "/v1/users/{none}",                         403, 404, 404, 403, 404),
        ("PATCH", "/v1/users/{own}",                        403, 403, 200, 403, 403, {"active": True}),
        ("PATCH", "/v1/users/{other}",                      403, 403, 200, 403, 403, {"role": "user"}),
        ("PATCH", "/v1/users/{none}",                       403, 403, 404, 403, 403, {"role": "user"}),
        ("DELETE", "/v1/users/{spare_user}",                403, 403, 200, 403, 403),
    ),
    *rows(
        "NativePath.userUsage",
        ("GET", "/v1/users/{own}/usage",                    200, 200, 200, 200, 200),
        ("GET", "/v1/users/{other}/usage",                  403, 200, 200, 200, 200),
        ("GET", "/v1/users/{none}/usage",                   403, 404, 404, 404, 404),
    ),
    *rows(
        "NativePath.userLimits",
        ("GET", "/v1/users/{own}/limits",                   200, 200, 200, 200, 200),
        ("GET", "/v1/users/{other}/limits",                 403, 200, 200, 200, 200),
        ("GET", "/v1/users/{none}/limits",                  403, 404, 404, 404, 404),
        ("PATCH", "/v1/users/{own}/limits",                 403, 200, 200, 403, 403, LIMITS),
        ("PATCH", "/v1/users/{other}/limits",               403, 200, 200, 403, 403, LIMITS),
    ),
    *rows(
        "NativePath.userTokens",
        ("POST", "/v1/users/{own}/tokens",                  403, 403, 201, 403, 403, {}),
        ("POST", "/v1/users/{other}/tokens",                403, 403, 201, 403, 403, {}),
    ),
    *rows(
        "NativePath.userToken",
        ("DELETE", "/v1/users/{other}/tokens/{spare_token}", 403, 403, 204, 403, 403),
    ),
    *rows(
        "NativePath.defaults",
        ("GET", "/v1/defaults",                             403, 200, 200, 200, 200),
        ("PUT", "/v1/defaults",                             403, 403, 200, 403, 403,
         {"daily_limit": -1, "weekly_limit": -1, "monthly_limit": -1}),
    ),
    *rows("NativePath.events", ("GET", "/v1/events?limit=1", 403, 403, 200, 403, 200)),
    *rows("NativePath.check", ("POST", "/v1/check",         403, 403, 200, 200, 403, {"user": "{other}", "estimate": 1})),
    *rows("NativePath.holds", ("POST", "/v1/holds",         403, 403, 201, 201, 403, HOLD)),
    *rows(
        "NativePath.hold",
        ("GET", "/v1/holds/{my_hold}",                      403, 403, 200, 200, 200),
        ("GET", "/v1/holds/{their_hold}",                   403, 403, 200, 403, 200),
        ("GET", "/v1/holds/999999999",                      403, 403, 404, 404, 404),
    ),
    *[
        row
        for action, body in (("settle", {"tokens": 1}), ("extend", {"ttl_seconds": 900}), ("void", None))
        for row in rows(
            f"NativePath.holdEnd.{action}",
            ("POST", f"/v1/holds/{{spare_hold}}/{action}",  403, 403, 200, 200, 403, body),
            ("POST", f"/v1/holds/{{their_spare_hold}}/{action}", 403, 403, 200, 403, 403, body),
            ("POST", f"/v1/holds/999999999/{action}",       403, 403, 404, 404, 403, body),
        )
    ],
    *rows(
        "NativePath.corrections",
        ("POST", "/v1/corrections",                         403, 403, 201, 201, 403,
         {"id": "c-{n}", "position": "{my_usage}", "tokens": 2}),
        ("POST", "/v1/corrections",                         403, 403, 201, 403, 403,
         {"id": "c-{n}", "position": "{their_usage}", "tokens": 2}),
    ),
    *rows(
        "NativePath.userAllowances",
        ("POST", "/v1/users/{own}/allowances",              403, 201, 201, 403, 403, {"id": "a-{n}", "period": "daily", "tokens": 1}),
        ("POST", "/v1/users/{other}/allowances",            403, 201, 201, 403, 403, {"id": "a-{n}", "period": "daily", "tokens": 1}),
    ),
    *rows(
        "NativePath.userExplain",
        ("GET", "/v1/users/{own}/explain",                  200, 200, 200, 200, 200),
        ("GET", "/v1/users/{other}/explain",                403, 200, 200, 200, 200),
        ("GET", "/v1/users/{none}/explain",                 403, 404, 404, 404, 404),
    ),
    *rows(
        "NativePath.schedules",
        ("GET", "/v1/schedules",                            403, 200, 200, 403, 200),
        ("GET", "/v1/schedules?user={other}",               403, 200, 200, 403, 200),
    ),
    *rows("NativePath.schedule", ("DELETE", "/v1/schedules/{spare_schedule}", 403, 204, 204, 403, 403)),
    *rows("NativePath.webhooks", ("GET", "/v1/webhooks",    403, 403, 200, 403, 200)),
    *rows("NativePath.eventStream", ("GET", "/v1/events/stream", 403, 403, 200, 403, 200, None, EVENT_STREAM)),
    *rows("NativePath.consumers", ("GET", "/v1/consumers",  403, 403, 200, 403, 200)),
    *rows(
        "NativePath.consumer",
        ("GET", "/v1/consumers/{their_consumer}",           403, 403, 200, 403, 200),
        ("PUT", "/v1/consumers/{spare_consumer}",           403, 403, 200, 403, 200, {"position": 1, "rewind": True}),
        ("PUT", "/v1/consumers/{their_consumer}",           403, 403, 200, 403, 403, {"position": 1, "rewind": True}),
        ("DELETE", "/v1/consumers/{spare_consumer}",        403, 403, 204, 403, 204),
        ("DELETE", "/v1/consumers/{their_spare_consumer}",  403, 403, 204, 403, 403),
    ),
    *rows(
        "SessionPath.sessions",
        ("GET", "/v1/sessions",                             200, 200, 200, 200, 200),
        ("GET", "/v1/sessions?user={own}",                  200, 200, 200, 200, 200),
        ("GET", "/v1/sessions?user={other}",                404, 200, 200, 200, 200),
        ("GET", "/v1/sessions?user={none}",                 404, 404, 404, 404, 404),
        ("POST", "/v1/sessions",                            201, 403, 201, 201, 403, {"session_id": "s-{n}"}),
        ("POST", "/v1/sessions",                            201, 403, 201, 201, 403, {"session_id": "s-{n}", "user": "{own}"}),
        ("POST", "/v1/sessions",                            403, 403, 201, 201, 403, {"session_id": "s-{n}", "user": "{other}"}),
        ("POST", "/v1/sessions",                            403, 403, 404, 404, 403, {"session_id": "s-{n}", "user": "{none}"}),
        ("POST", "/v1/sessions",                            201, 403, 201, 201, 403, {"session_id": "s-{n}", "budget_id": "{open_budget}"}),
        ("POST", "/v1/sessions",                            404, 403, 201, 201, 403, {"session_id": "s-{n}", "budget_id": "{shut_budget}"}),
    ),
    *rows(
        "SessionPath.session",
        ("GET", "/v1/sessions/{mine}",                      200, 200, 200, 200, 200),
        ("GET", "/v1/sessions/{theirs}",                    404, 200, 200, 200, 200),
        ("GET", "/v1/sessions/{none}",                      404, 404, 404, 404, 404),
        ("PATCH", "/v1/sessions/{mine}",                    200, 403, 200, 200, 403, CAP),
        ("PATCH", "/v1/sessions/{theirs}",                  404, 403, 200, 200, 403, CAP),
        ("DELETE", "/v1/sessions/{spare_mine}",             204, 403, 204, 204, 403),
        ("DELETE", "/v1/sessions/{spare_theirs}",           404, 403, 204, 204, 403),
    ),
    *[
        row
        for action, body in (("resume", {}), ("check", {}), ("usage", SPENT), ("clear", {}))
        for row in rows(
            f"SessionPath.action.{action}",
            ("POST", f"/v1/sessions/{{spare_mine}}/{action}",   200, 403, 200, 200, 403, body),
            ("POST", f"/v1/sessions/{{spare_theirs}}/{action}", 404, 403, 200, 200, 403, body),
            ("POST", f"/v1/sessions/{{none}}/{action}",         404, 403, 404, 404, 403, body),
        )
    ],
    *rows(
        "SessionPath.exhaustion",
        ("POST", "/v1/sessions/{spare_asking_mine}/exhaustions/{question}",   200, 403, 200, 200, 403, {"action": "cancel"}),
        ("POST", "/v1/sessions/{spare_asking_theirs}/exhaustions/{question}", 404, 403, 200, 200, 403, {"action": "cancel"}),
    ),
    *rows(
        "SessionPath.events",
        ("GET", "/v1/sessions/{mine}/events",               200, 200, 200, 200, 200),
        ("GET", "/v1/sessions/{theirs}/events",             404, 200, 200, 200, 200),
        ("GET", "/v1/sessions/{mine}/events",               200, 200, 200, 200, 200, None, EVENT_STREAM),
        ("GET", "/v1/sessions/{theirs}/events",             404, 200, 200, 200, 200, None, EVENT_STREAM),
        ("GET", "/v1/sessions/{mine}/events?interest=session_limits_exhausted.requested",
                                                            200, 403, 200, 200, 403, None, EVENT_STREAM),
    ),
    *rows(
        "SessionPath.budget",
        ("GET", "/v1/budgets/{open_budget}",                200, 200, 200, 200, 200),
        ("GET", "/v1/budgets/{shut_budget}",                404, 200, 200, 200, 200),
        ("GET", "/v1/budgets/{none}",                       404, 404, 404, 404, 404),
        ("PUT", "/v1/budgets/{open_budget}",                403, 403, 200, 200, 403, BUDGET),
        ("PUT", "/v1/budgets/{shut_budget}",                403, 403, 200, 200, 403, BUDGET),
        ("PUT", "/v1/budgets/b-{n}",                        403, 403, 201, 201, 403, BUDGET),
    ),
    *rows("SessionPath.unknown", ("GET", "/v1/sessions/{mine}/x", 404, 404, 404, 404, 404)),
    *rows("EvidencePath.checkpoint", ("GET", "/checkpoint", 403, 200, 200, 200, 200)),
    *rows("EvidencePath.tile", ("GET", "/tile/0/000.p/1",   403, 200, 200, 200, 200)),
    *rows("EvidencePath.entries", ("GET", "/tile/entries/000.p/1", 403, 403, 200, 403, 200)),
    *rows("EvidencePath.inclusion", ("GET", "/v1/proofs/inclusion?position=1", 403, 200, 200, 200, 200)),
    *rows("EvidencePath.consistency", ("GET", "/v1/proofs/consistency?from=1", 403, 200, 200, 200, 200)),
    *rows(
        "EvidencePath.receipt",
        ("GET", "/v1/receipts/{about_me}",                  200, 200, 200, 200, 200),
        ("GET", "/v1/receipts/{their_usage}",               404, 403, 200, 403, 200),
        ("GET", "/v1/receipts/999999999",                   404, 404, 404, 404, 404),
    ),
    *rows("EvidencePath.identity", ("GET", "/v1/evidence",  403, 200, 200, 200, 200)),
    *rows("Route.live", ("GET", "/livez",                   200, 200, 200, 200, 200, None, {}, True)),
    *rows("Route.ready", ("GET", "/readyz",                 200, 200, 200, 200, 200, None, {}, True)),
]

METHODS_OF_HTTP = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


# ---- JSON-RPC

READS, CHANGES = "reads", "changes"
UNKNOWN = "Session not found"


@dataclass(frozen=True)
class Method:
    """A method of the SDKs' protocol: whether it needs a role that changes sessions, and what it says of another's session.

    `{mine}` in its parameters makes it one about a session.
    """

    name: str
    access: str
    params: dict = field(default_factory=dict)
    of_anothers: dict | str | None = UNKNOWN
    """A part of the error, or the whole answer; nothing at all is told by either."""

    @property
    def is_about_session(self) -> bool:
        return "sessionId" in self.params


MINE, SPARE = {"sessionId": "{mine}"}, {"sessionId": "{spare_mine}"}
ANSWER = {"requestId": "none", "response": {"action": "cancel"}}
MODEL_CALL = {"requestId": "none", "data": "", "end": True}
ASKED_FOR = "session_limits_exhausted.requested"

METHODS = [
    Method("connect", READS, {"token": "{token}"}),
    Method("ping", READS),
    Method("status.get", READS),
    Method("auth.getStatus", READS),
    Method("models.list", READS),
    Method("account.getQuota", READS),
    Method("llmInference.setProvider", READS),
    Method("llmInference.httpResponseStart", CHANGES, {"requestId": "none", "status": 200, "headers": {}}),
    Method("llmInference.httpResponseChunk", CHANGES, MODEL_CALL),
    Method("session.create", CHANGES, {"sessionId": "{new_session}"}, "invalid sessionId"),
    Method("session.resume", CHANGES, MINE),
    Method("session.send", CHANGES, MINE | {"prompt": "One."}),
    Method("session.sendAndWait", CHANGES, MINE | {"prompt": "Two."}),
    Method("session.abort", CHANGES, MINE),
    Method("session.options.update", CHANGES, MINE | {"sessionLimits": {"maxAiCredits": 1000}}),
    Method("session.model.switchTo", CHANGES, MINE | {"modelId": "m-small"}),
    Method("session.model.getCurrent", READS, MINE),
    Method("session.ui.handlePendingSessionLimitsExhausted", CHANGES, MINE | ANSWER),
    Method("session.eventLog.registerInterest", CHANGES, MINE | {"eventType": ASKED_FOR}),
    Method("session.eventLog.releaseInterest", READS, {"handle": "none"}),
    Method("session.eventLog.read", READS, MINE),
    Method("session.eventLog.tail", READS, MINE),
    Method("session.getMessages", READS, MINE),
    Method("session.usage.getMetrics", READS, MINE),
    Method("session.metadata.snapshot", READS, MINE),
    Method("session.list", READS),
    Method("session.getMetadata", READS, MINE, {}),
    Method("session.getLastId", READS),
    Method("session.getForeground", READS),
    Method("session.detach", READS, MINE, {"success": True}),
    Method("session.destroy", CHANGES, SPARE, {"success": True}),
    Method("session.delete", CHANGES, SPARE, {"success": False, "error": "Session not found: {theirs}"}),
    Method("session.commands.execute", CHANGES, MINE | {"commandName": "clear"}),
    Method("plugins.builtin.set", READS),
    Method("sessionFs.setProvider", READS),
    Method("runtime.shutdown", READS),
]
MAY_CHANGE_SESSIONS = ("user", "staff", "service")


# ---- what the code says that there is


def cases(file: str, name: str) -> list[str]:
    """The cases of an enumeration, in order; those that only lead on to another one have its name behind them."""
    text = (SOURCES / file).read_text()
    begin = re.search(rf"^enum {name}: .*\{{$", text, re.MULTILINE)
    assert begin, f"{file} has no enumeration {name}"
    body = text[begin.end() : text.index("\n}", begin.end())]
    # Cases of a `switch` begin with a dot or a pattern.
    found = re.findall(r"^  case (\w+)(?:\((.*)\))?$", body, re.MULTILINE)
    assert len(found) == len(re.findall(r"^  case\b", body, re.MULTILINE)), f"{name} has cases in another form"
    return [f"{name}.{case}" for case, _ in found]


def routes_of_code() -> set[str]:
    """Every route that the code knows, with actions spelled out as the last part of a path."""
    api = "QuotaAPI"
    route, session = f"{api}/HTTP/Route.swift", f"{api}/Sessions/SessionPath.swift"
    paths = {
        "Route.waldur": cases(route, "WaldurPath"),
        "Route.native": cases(route, "NativePath"),
        "Route.session": cases(session, "SessionPath"),
        "Route.evidence": cases(f"{api}/Evidence/EvidencePath.swift", "EvidencePath"),
        "NativePath.holdEnd": cases(route, "NativeHoldAction"),
        "SessionPath.action": cases(session, "SessionAction"),
    }

    def spelled_out(case: str) -> set[str]:
        if case not in paths:
            return {case}
        if case.startswith("Route."):
            return {name for inner in paths[case] for name in spelled_out(inner)}
        return {f"{case}.{action.split('.')[1]}" for action in paths[case]}

    return {name for case in cases(route, "Route") for name in spelled_out(case)}


def methods_of_code() -> dict[str, str]:
    """Every method, and whether the code says that it reads or changes."""
    text = (SOURCES / "CopilotRuntime/Methods/MethodCall.swift").read_text()
    begin = text.index("static let table: [String: Method] = [")
    table = text[begin : text.index("\n  ]", begin)]
    found = re.findall(r'^    "([\w.]+)": (reads|changes)\(\w+\),?$', table, re.MULTILINE)
    lines = [line for line in table.splitlines()[1:] if line.strip() and not line.strip().startswith("//")]
    assert len(found) == len(lines), "the table of methods has lines in another form"
    return dict(found)

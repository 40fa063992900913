"""A service in which rights are taken away in every way, on a disk with room and on one that is full, and what its people have there."""

from __future__ import annotations

import errno
import http.client
import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import contract
import faults
from runtime import SessionService
from service import Account, Answer, Client, compact, until
from test_failing_disk import FailingStore
from ways_in import Way

LOSSES = ("revoked", "deactivated", "erased", "lowered to auditor", "lowered to user")
LOWERED = "lowered to "
ROOM, FULL = "with room", "full"
NO_ROOM = 503
_numbers = itertools.count(1)


def has_lost_all(loss: str) -> bool:
    return not loss.startswith(LOWERED)


def role_after(loss: str, role: str) -> str | None:
    """The role that is left, or none at all."""
    return None if has_lost_all(loss) else loss.removeprefix(LOWERED)


def takes_something(loss: str, role: str) -> bool:
    return role_after(loss, role) != role


class LostRights(SessionService):
    """One service for many cases: each brings its own people, so that what one does is not in another's way."""

    def __init__(self, directory):
        super().__init__(FailingStore.make(directory))
        self.standing = Standing(self)

    def events_after(self, position: int) -> list[dict]:
        page = self.admin.get(f"/v1/events?after={position}")
        assert page.status == 200, page.gist
        return page.json["events"]

    def account(self, role: str) -> Account:
        """Somebody with a token that can be revoked."""
        account = self.register(role)
        issued = self.issue_token(account)
        account.token, account.token_id = issued["token"], issued["token_id"]
        return account

    def take(self, account: Account, loss: str) -> int:
        """Takes the right away; answers the position behind which that is written."""
        before = self.position
        path = f"/v1/users/{account.uuid}"
        request = {
            "revoked": ("DELETE", f"{path}/tokens/{account.token_id}"),
            "deactivated": ("PATCH", path, {"active": False}),
            "erased": ("DELETE", path),
        }.get(loss) or ("PATCH", path, {"role": role_after(loss, "")})
        answer = self.admin.ask(*request)
        assert answer.status in (200, 204), answer.gist
        return before

    @contextmanager
    def disk(self, state: str) -> Iterator[None]:
        """Inside, the log takes what comes; with `FULL` no table of the projection does."""
        if state == FULL:
            full = {"error": errno.ENOSPC, "kinds": faults.WRITE, "match": "projections/", "lasting": True}
            self.store.instrument.order("fail", **full)
        try:
            yield
            assert state != FULL or self.store.instrument.happened, "the disk has failed"
        finally:
            self.store.instrument.disarm()
        if state == FULL:
            self.until_there_is_room()

    def until_there_is_room(self) -> None:
        until(lambda: self.admin.ask("PATCH", f"/v1/users/{self.standing.other.uuid}/limits", {}).status == 200, "room")


class Standing:
    """What others have, that somebody might want, and that nobody may hurt."""

    def __init__(self, service: LostRights):
        self.other = service.register()
        gateway, admin = service.gateway.client, service.admin
        self.their_usage = service.spend(self.other, 1)["position"]
        self.theirs = begin_session(admin, self.other)
        self.their_hold = begin_hold(gateway, self.other)
        self.their_token = service.issue_token(self.other)["token_id"]
        self.open_budget, self.shut_budget = "open-budget", "shut-budget"
        for name, access in ((self.open_budget, {"open": True}), (self.shut_budget, {"members": [self.other.uuid]})):
            made(gateway.ask("PUT", f"/v1/budgets/{name}", {"max_ai_credits": 1000} | access))
        self.their_consumer = begin_consumer(admin)
        self.their_schedule = begin_schedule(admin, self.other)


def made(answer: Answer) -> dict:
    assert answer.status in (200, 201, 202), answer.gist
    return answer.json


def begin_session(client: Client, owner: Account, **members) -> str:
    body = {"session_id": f"own-{next(_numbers)}", "user": owner.uuid}
    return made(client.post("/v1/sessions", body | members))["session_id"]


def begin_hold(client: Client, user: Account) -> str:
    return made(client.post("/v1/holds", {"id": f"hold-{next(_numbers)}", "user": user.uuid, "estimate": 1}))["hold"]


def begin_consumer(client: Client) -> str:
    return made(client.ask("PUT", f"/v1/consumers/c-{next(_numbers)}"))["name"]


def begin_schedule(client: Client, user: Account) -> str:
    body = {"id": f"later-{next(_numbers)}", "daily_limit": 10**9, "effective_at": "2090-01-01T00:00:00Z"}
    return made(client.ask("PATCH", f"/v1/users/{user.uuid}/limits", body))["schedule"]


def begin_question(client: Client, session: str) -> str:
    """Has a session reach its cap, so that it asks what now."""
    path = f"/v1/sessions/{session}"
    made(client.ask("PATCH", path, {"session_limits": {"max_ai_credits": 1}}))
    made(client.post(f"{path}/usage", {"usage_id": f"all-{next(_numbers)}", "nano_aiu": 10**9}))
    return made(client.post(f"{path}/check", {}))["request_id"]


class KeptClient(Client):
    """Keeps its connection: whoever was let in with the last request is not let in with the next for that."""

    connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Answer:
        headers = {"Authorization": f"Token {self.token}"} | (headers or {})
        if body is not None:
            body = compact(body)
            headers["Content-Type"] = "application/json"
        if self.connection is None:
            url = urlsplit(self.base)
            self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
        self.connection.request(method, target, body=body, headers=headers)
        answer = self._answer(method)
        # Who walks judges what a full disk refuses.
        if answer.status != NO_ROOM:
            contract.check_every_answer(method, target, headers, answer)
        return answer

    def _answer(self, method: str) -> Answer:
        response = self.connection.getresponse()
        is_stream = response.headers["Content-Type"] == "text/event-stream" and method == "GET"
        answer = Answer(response.status, response.headers, b"" if is_stream else response.read())
        # A stream has no end: it is enough that it has begun.
        if is_stream or response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None


@dataclass
class Walker:
    """Somebody who tries every way in, and has the things that it takes."""

    service: LostRights
    account: Account
    role: str
    kept: KeptClient | None = None
    things: dict[str, str | int] = field(default_factory=dict)

    @classmethod
    def of(cls, service: LostRights, role: str) -> Walker:
        account = service.account(role)
        other, none = service.standing.other.uuid, str(uuid.uuid4())
        things: dict[str, str | int] = {"own": account.uuid, "other": other, "none": none, "token": account.token}
        walker = cls(service, account, role, things=things)
        reports = account if role in ("staff", "service") else service.gateway
        usage = {"id": f"own-{next(_numbers)}", "user": account.uuid, "tokens": 1}
        things["my_usage"] = things["about_me"] = made(reports.client.post("/v1/usage", usage))["position"]
        things["my_hold"] = begin_hold(reports.client, account)
        things["mine"] = begin_session(service.admin, account)
        return walker

    @property
    def client(self) -> KeptClient:
        """The connection that was there before, unless the server has ended it."""
        if self.kept is None or self.kept.base != self.account.base:
            self.kept = KeptClient(self.account.base, self.account.token)
        return self.kept

    # ---- filling in

    def thing(self, name: str, is_allowed: bool):
        """What a placeholder stands for; spare things are only made for who may use them up."""
        if name == "n":
            return next(_numbers)
        if name == "new_session":
            return f"new-{next(_numbers)}"
        if name in self.things:
            return self.things[name]
        if not name.startswith(("spare_", "their_spare_")):
            return getattr(self.service.standing, name)
        return self.spare(name) if is_allowed else self.standing_for(name)

    def spare(self, name: str) -> str:
        service, admin, other = self.service, self.service.admin, self.service.standing.other
        match name:
            case "spare_user":
                return service.register().uuid
            case "spare_token":
                return service.issue_token(other)["token_id"]
            case "spare_hold":
                return begin_hold(self.account.client, other)
            case "their_spare_hold":
                return begin_hold(service.gateway.client, other)
            case "spare_schedule":
                return begin_schedule(admin, other)
            case "spare_consumer":
                return begin_consumer(self.account.client)
            case "their_spare_consumer":
                return begin_consumer(admin)
            case "spare_mine" | "spare_asking_mine":
                return begin_session(admin, self.account)
            case "spare_theirs" | "spare_asking_theirs":
                return begin_session(admin, other)
        raise AssertionError(f"nothing is called {name}")

    def standing_for(self, name: str) -> str:
        if name == "spare_user":
            return self.things["other"]
        if name.endswith("_mine"):
            return self.things["mine"]
        if name.endswith("theirs"):
            return self.service.standing.theirs
        return getattr(self.service.standing, "their_" + name.split("_")[-1])

    def filled(self, value, is_allowed: bool):
        """A line's text or body with everything in its place; a whole member may be a number."""
        if isinstance(value, dict):
            return {name: self.filled(member, is_allowed) for name, member in value.items()}
        if not isinstance(value, str):
            return value
        if value.startswith("{") and value.endswith("}") and value.count("{") == 1:
            return self.thing(value[1:-1], is_allowed)
        return value.format_map(Places(self, is_allowed))

    # ---- walking

    def ask(self, way: Way, is_allowed: bool, method: str | None = None) -> int:
        target, body = self.filled(way.target, is_allowed), self.filled(way.body, is_allowed)
        return self.client.ask(method or way.method, target, body, way.headers).status

    def differences(self, ways: list[Way], expected) -> list[str]:
        """Ways that led elsewhere than `expected` says: one of its statuses."""
        found = []
        for way in ways:
            statuses = expected(way)
            for method in ("GET", "HEAD") if way.method == "GET" else (way.method,):
                answered = self.ask(way, min(statuses) < 300, method)
                if answered not in statuses:
                    found.append(f"{self.role}: {method} {way}: {answered} instead of {statuses}")
        return found


class Places(dict):
    """The placeholders of one text; a question is one of the session that the same text names."""

    def __init__(self, walker: Walker, is_allowed: bool):
        super().__init__()
        self.walker, self.is_allowed = walker, is_allowed
        self.latest = ""

    def __missing__(self, name: str):
        if name == "question":
            return begin_question(self.walker.service.admin, self.latest) if self.is_allowed else "none"
        self.latest = self.walker.thing(name, self.is_allowed)
        return self.latest

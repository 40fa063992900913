"""A quotalog that serves sessions: its settings, its people's peers, and its own processes for SDKs that spawn one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model import MODEL, ODD_MODEL, ODD_PRICES, PRICES, Endpoint, Model
from peer import Peer
from service import Account, Answer, Client, Service, Store

FREE_PORT = "127.0.0.1:0"


class SessionService(Service):
    """A service whose JSON-RPC listener is open beside the HTTP one."""

    def __init__(self, store: Store, *options: str, settings: dict | None = None):
        self.endpoint = Endpoint()
        self._peers: list[Peer] = []
        self.config = store.path.parent / "config.json"
        self.config.write_text(json.dumps({"models": {MODEL: PRICES, ODD_MODEL: ODD_PRICES}} | (settings or {})))
        # The models of tests are on this machine, where clients of the network may not call by themselves.
        own = () if "--provider-hosts" in options else ("--provider-hosts", "127.0.0.1")
        try:
            super().__init__(store, "--runtime-listen", FREE_PORT, "--config", str(self.config), *own, *options)
        except BaseException:
            self.endpoint.close()
            raise

    @property
    def runtime(self) -> str:
        assert self.server.runtime, "the server announced no runtime listener"
        return self.server.runtime

    def peer(self, account: Account | None = None, *, model: Model | bool = True, token: str | None = None) -> Peer:
        """A connection of this user; with a model of its own unless told otherwise."""
        if model is True:
            model = Model()
        peer = Peer(self.runtime, token or (account or self.user).token, model or None)
        self._peers.append(peer)
        return peer

    def stranger(self) -> Peer:
        """A connection that has not said who it is."""
        peer = Peer(self.runtime)
        self._peers.append(peer)
        return peer

    def sessions(self, account: Account | None = None) -> Sessions:
        return Sessions((account or self.user).client)

    def take_faults(self) -> list[str]:
        """What was wrong with anything that was sent to any connection since this was last asked."""
        peers, self._peers = self._peers, []
        for peer in peers:
            peer.close()
        return [fault for peer in peers for fault in peer.journal.faults]

    def kill(self) -> None:
        """SIGKILL, and nothing else."""
        self.server.kill()

    def close(self) -> None:
        self.take_faults()
        self.endpoint.close()
        super().close()


class Sessions:
    """Section 6 of the contract for one user."""

    def __init__(self, client: Client):
        self.client = client

    def ask(self, method: str, path: str, body=None, *, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.ask(method, f"/v1/sessions{path}", body, headers)

    def create(self, limit=None, **members) -> dict:
        if limit is not None:
            members["session_limits"] = {"max_ai_credits": limit}
        answer = self.ask("POST", "", members)
        assert answer.status == 201, answer.gist
        return answer.json

    def get(self, session: str) -> dict:
        answer = self.ask("GET", f"/{session}")
        assert answer.status == 200, answer.gist
        return answer.json

    def patch(self, session: str, **members) -> dict:
        answer = self.ask("PATCH", f"/{session}", members)
        assert answer.status == 200, answer.gist
        return answer.json

    def check(self, session: str, **members) -> dict:
        answer = self.ask("POST", f"/{session}/check", members)
        assert answer.status == 200, answer.gist
        return answer.json

    def report(self, session: str, usage_id: str, **members) -> dict:
        answer = self.ask("POST", f"/{session}/usage", {"usage_id": usage_id} | members)
        assert answer.status == 200, answer.gist
        return answer.json

    def answer(self, session: str, request_id: str, **members) -> Answer:
        return self.ask("POST", f"/{session}/exhaustions/{request_id}", members)

    def events(self, session: str, query: str = "") -> dict:
        answer = self.ask("GET", f"/{session}/events{query}")
        assert answer.status == 200, answer.gist
        return answer.json

    def history(self, session: str) -> list[dict]:
        """All durable events, page by page."""
        page = self.events(session, "?limit=7")
        found = page["events"]
        while page["has_more"]:
            page = self.events(session, f"?limit=7&after={page['cursor']}")
            found += page["events"]
        return found


@contextmanager
def session_services(new_directory: Callable[[], Path]) -> Iterator[Callable[..., SessionService]]:
    """Lends a function that starts services; whatever was sent wrongly to anybody fails the test at its end."""
    started: list[SessionService] = []

    def start(*options: str, settings: dict | None = None) -> SessionService:
        store = Store.create(new_directory())
        started.append(SessionService(store, *options, settings=settings))
        return started[-1]

    try:
        yield start
        faults = [fault for service in started for fault in service.take_faults()]
        assert not faults, "\n".join(faults)
    finally:
        for service in started:
            service.close()

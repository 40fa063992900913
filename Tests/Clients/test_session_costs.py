"""What a call is counted for: unknown is not nothing, and it is the model that was called which costs (contract 5, 8.1)."""

from __future__ import annotations

import socket
import threading
import uuid
from contextlib import contextmanager

import pytest

from journal import of_type
from model import CREDIT, ONE_CALL, Endpoint, Model, ask
from peer import Peer
from runtime import session_services
from service import until
from test_shared_budgets import budget


class Late(Model):
    """Answers nothing, not even a head, before its gate is opened."""

    def note(self, request, headers):
        wanted = super().note(request, headers)
        self._event(self._arrivals, "head").set()
        self._event(self._gates, "head").wait(30)
        return wanted


class Broken:
    """An endpoint that takes a request and then does what it is told instead of answering."""

    def __init__(self, deed: str):
        self.deed, self.arrived, self.goes_on = deed, threading.Event(), threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with connection:
            text = b""
            while b"\r\n\r\n" not in text:
                text += connection.recv(65536)
            self.arrived.set()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"
            if self.deed == "head":
                connection.sendall(head)
            if self.deed == "rubbish":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrubbish")
            if self.deed == "silence":
                self.goes_on.wait(30)

    def close(self) -> None:
        self.goes_on.set()
        self.socket.close()


@contextmanager
def broken(deed: str):
    endpoint = Broken(deed)
    try:
        yield endpoint
    finally:
        endpoint.close()


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """A service that lets lost calls go free."""
    with session_services(lambda: tmp_path_factory.mktemp("free")) as start:
        yield start("--session-lost-call", "free")


def assert_lost(service, peer: Peer, session: str, *, is_charged: bool) -> None:
    """The call of the session is counted, of unknown cost, and taken for what was reserved, or not."""
    metrics = peer.metrics(session)
    assert metrics["aiCreditsStatus"] == "unavailable"
    usage = peer.event(session, "assistant.usage")["data"]
    assert usage["aiCreditsStatus"] == "unavailable" and "copilotUsage" not in usage
    document = service.sessions().get(session)["usage"]
    assert (document["ai_credits_status"], document["calls"]) == ("unavailable", 1)
    assert (metrics["totalNanoAiu"] > 0) == is_charged == bool(of_type(peer.events(session), "session.usage_checkpoint"))
    assert metrics["totalNanoAiu"] == document["total_nano_aiu"]


@pytest.mark.parametrize("deed", ["close", "head", "rubbish"])
@pytest.mark.parametrize("charge", [True, False], ids=["charge", "free"])
def test_an_endpoint_that_took_the_request_may_have_served_it(runtime, free, deed, charge):
    service = runtime if charge else free
    peer = service.peer(model=False)
    with broken(deed) as endpoint:
        session = peer.create(100, provider={"baseUrl": endpoint.url})
        peer.refused("session.sendAndWait", sessionId=session, prompt="hello")
    assert_lost(service, peer, session, is_charged=charge)


@pytest.mark.parametrize("way", ["handler", "provider"])
@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_is_cut_is_of_unknown_cost(runtime, way, streaming):
    peer = runtime.peer(model=way == "handler")
    provider = {} if way == "handler" else {"provider": runtime.endpoint.provider}
    session = peer.create(100, streaming=streaming, **provider)
    peer.refused("session.sendAndWait", sessionId=session, prompt=ask("x", cut=True))
    assert_lost(runtime, peer, session, is_charged=True)
    assert peer.turn(session, "works")["response"]["data"]["content"] == "answer to works – ✓ 🦜"
    assert peer.metrics(session)["aiCreditsStatus"] == "partial"


@pytest.mark.parametrize("charge", [True, False], ids=["charge", "free"])
@pytest.mark.parametrize("way", ["handler", "provider"])
def test_an_abort_before_the_head_is_not_free_by_itself(runtime, free, way, charge):
    service = runtime if charge else free
    late = Late()
    endpoint = Endpoint(late)
    peer = service.peer(model=late if way == "handler" else False)
    session = peer.create(100, **({} if way == "handler" else {"provider": endpoint.provider}))
    turn = peer.start_turn(session, "hello")
    late.wait_for("head")
    assert peer.call("session.abort", sessionId=session) == {"success": True}
    assert turn.result()["aborted"] is True
    late.open("head")
    assert_lost(service, peer, session, is_charged=charge)
    endpoint.close()


def test_a_handler_that_leaves_with_the_request_is_charged_under_a_shared_budget(runtime):
    sessions = runtime.sessions()
    name = budget(runtime, 1000)
    session = sessions.create(budget_id=name)["session_id"]
    watcher, host = runtime.peer(model=False), runtime.peer(model=Late())
    watcher.resume(session, model="m-small")
    host.resume(session)
    turn = watcher.start_turn(session, "hello")
    host.model.wait_for("head")
    host.close()
    assert turn.error().code == -32603
    assert_lost(runtime, watcher, session, is_charged=True)
    shared = runtime.user.client.get(f"/v1/budgets/{name}").json
    assert shared["used_nano_aiu"] == watcher.metrics(session)["totalNanoAiu"]
    assert shared["ai_credits_status"] == "unavailable"


def test_nobody_who_can_be_reached_costs_nothing(runtime):
    peer = runtime.peer(model=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    session = peer.create(100, provider={"baseUrl": f"http://127.0.0.1:{port}"})
    peer.refused("session.sendAndWait", sessionId=session, prompt="hello")
    metrics = peer.metrics(session)
    assert (metrics["totalNanoAiu"], metrics["aiCreditsStatus"]) == (0, "complete")
    assert not of_type(peer.events(session), "assistant.usage")


@pytest.mark.parametrize("charge", ["charge", "free"])
def test_a_kill_in_the_middle_of_a_call_is_no_way_to_a_free_one(start_own, charge):
    service = start_own("--session-lost-call", charge)
    peer = service.peer()
    session = peer.create(100)
    peer.start_turn(session, ask("slow", gate="killed"))
    peer.model.wait_for("killed")
    service.kill()
    service.resume()
    again = service.peer()
    again.resume(session)
    until(lambda: again.metrics(session)["aiCreditsStatus"] == "unavailable", "the lost call")
    assert (again.metrics(session)["totalNanoAiu"] > 0) == (charge == "charge")
    again.turn(session, "next")
    assert again.metrics(session)["aiCreditsStatus"] == "partial"


def test_a_reported_call_that_was_taken_for_lost_is_counted_once(start_own):
    service = start_own("--session-reservation-seconds", "1")
    sessions = service.sessions()
    session = sessions.create(100)["session_id"]
    verdict = sessions.check(session, estimate_nano_aiu=3 * CREDIT)
    until(lambda: sessions.get(session)["usage"]["total_nano_aiu"] == 3 * CREDIT, "the estimate")
    assert sessions.get(session)["usage"]["ai_credits_status"] == "unavailable"
    sessions.report(session, "late", nano_aiu=5 * CREDIT, reservation_id=verdict["reservation_id"])
    usage = sessions.get(session)["usage"]
    assert (usage["total_nano_aiu"], usage["ai_credits_status"]) == (5 * CREDIT, "complete")
    sessions.report(session, "another", nano_aiu=CREDIT, reservation_id=verdict["reservation_id"])
    assert sessions.get(session)["usage"]["total_nano_aiu"] == 6 * CREDIT


@pytest.mark.parametrize(
    ("session_model", "names", "asked", "metered", "is_known"),
    [
        ("m-small", {"modelId": "m-odd"}, "m-odd", "m-odd", True),
        ("m-small", {"wireModel": "m-odd"}, "m-odd", "m-odd", True),
        ("m-odd", {"wireModel": "deployed", "modelId": "m-small"}, "deployed", "m-small", True),
        ("m-small", {"wireModel": "deployed"}, "deployed", "deployed", False),
        ("m-small", {"modelId": "m-foreign"}, "m-foreign", "m-foreign", False),
        ("m-small", {}, "m-small", "m-small", True),
        (None, {}, "default", "default", False),
    ],
    ids=str,
)
def test_the_model_that_the_provider_serves_is_metered(runtime, session_model, names, asked, metered, is_known):
    peer = runtime.peer(model=False)
    session = peer.create(1000, provider=runtime.endpoint.provider | names, model=session_model)
    assert peer.turn(session, "hello")["response"]
    assert runtime.endpoint.model.requests[-1]["model"] == asked
    usage = peer.event(session, "assistant.usage")["data"]
    assert usage["model"] == metered
    assert usage["aiCreditsStatus"] == ("complete" if is_known else "unavailable")
    if metered == "m-odd":
        assert usage["copilotUsage"]["totalNanoAiu"] == -(-(12_000 + 3 * 2500) // 1000)
    elif is_known:
        assert usage["copilotUsage"]["totalNanoAiu"] == ONE_CALL
    assert [kind["data"]["warningType"] for kind in of_type(peer.events(session), "session.warning")] == (
        [] if is_known else ["unknown_price"]
    )


def test_missing_usage_is_not_said_to_be_a_missing_price(runtime):
    peer = runtime.peer()
    session = peer.create(100)
    peer.turn(session, ask("no usage", usage=False))
    assert peer.metrics(session)["aiCreditsStatus"] == "unavailable"
    assert not of_type(peer.history(session), "session.warning")


def test_a_refused_model_is_not_said_to_be_unlimited(start_own):
    service = start_own("--session-unknown-cost", "refuse")
    peer = service.peer()
    session = peer.create(100, model="m-foreign")
    assert peer.turn(session, "hello")["response"] is None
    assert not peer.model.requests
    (warning,) = of_type(peer.history(session), "session.warning")
    assert "not called" in warning["data"]["message"] and "not limited" not in warning["data"]["message"]
    nameless = peer.create(100, model=None, provider=service.endpoint.provider, sessionId=str(uuid.uuid4()))
    assert peer.turn(nameless, "hello")["response"] is None

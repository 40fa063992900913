"""How long a model call may take: in all, and between two bytes of its answer (contract 5)."""

from __future__ import annotations

import time

import pytest

from journal import of_type
from model import Endpoint, Model, ask
from test_session_costs import Late


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    from runtime import session_services

    with session_services(lambda: tmp_path_factory.mktemp("hasty")) as start:
        yield start("--session-call-timeout-seconds", "2", "--session-call-idle-seconds", "1")


@pytest.mark.parametrize("way", ["handler", "provider"])
@pytest.mark.parametrize("pause", ["before the head", "in the middle"])
def test_a_model_that_hangs_ends_the_turn(hasty, way, pause):
    model = Late() if pause == "before the head" else Model()
    endpoint = Endpoint(model)
    peer = hasty.peer(model=model if way == "handler" else False)
    session = peer.create(100, **({} if way == "handler" else {"provider": endpoint.provider}))
    began = time.monotonic()
    error = peer.refused("session.sendAndWait", sessionId=session, prompt=ask("x", gate="middle"))
    seconds = time.monotonic() - began
    told = "2 seconds" if pause == "before the head" else "1 seconds"
    assert told in error.message and seconds >= (2 if pause == "before the head" else 1)
    assert peer.metrics(session)["aiCreditsStatus"] == "unavailable"
    assert peer.metrics(session)["totalNanoAiu"] > 0
    if way == "handler":
        assert any(call["params"].get("cancel") for call in peer.calls)
    for gate in ("head", "middle"):
        model.open(gate)
    assert peer.turn(session, "next")["response"]
    endpoint.close()


def test_an_answer_that_goes_on_is_not_idle(start_own):
    """Nine bytes, one each quarter of a second: longer than the pause allowed, and never silent for as long."""

    class Slow(Model):
        def pieces(self, request, ask):
            whole = b"".join(super().pieces(request, ask))
            for start in range(8):
                yield whole[start : start + 1]
                time.sleep(0.25)
            yield whole[8:]

    service = start_own("--session-call-idle-seconds", "1")
    endpoint = Endpoint(Slow())
    peer = service.peer(model=False)
    session = peer.create(100, provider=endpoint.provider)
    assert peer.turn(session, "hello")["response"]
    assert not of_type(peer.events(session), "session.error")
    endpoint.close()

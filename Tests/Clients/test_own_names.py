"""No name that a client may choose is one that the service makes."""

from __future__ import annotations

import pytest

from sessions import Session, error
from test_session_holds import Purse

RESERVED = ["quotalog.", "quotalog.hold.7", "quotalog.step.x"]


@pytest.fixture
def purse(runtime) -> Purse:
    return Purse(runtime)


def test_a_call_that_is_called_like_a_hold_is_another_one(purse):
    hold = purse.held(2, ttl_seconds=60)
    session = Session(purse.person.client, purse.session)
    assert session.post("check", {"call_id": f"hold-{hold}", "estimate_nano_aiu": 10**9}).json["allowed"]
    assert purse.reserved == (3, 3, 2)
    used = session.post("usage", {"usage_id": "u", "reservation_id": f"hold-{hold}", "nano_aiu": 5})
    assert used.status == 200, used.gist
    assert purse.reserved == (2, 2, 2)
    for number in range(20):
        session.post("usage", {"usage_id": f"hold-{hold}-{int(hold) + number}", "nano_aiu": 0})
    purse.settle(hold, 1)
    assert purse.reserved == (0, 0, 0)


@pytest.mark.parametrize("name", RESERVED)
def test_names_of_the_service_are_refused(purse, name):
    session = Session(purse.person.client, purse.session)
    for what, body in [
        ("check", {"call_id": name}),
        ("usage", {"usage_id": name, "nano_aiu": 1}),
        ("usage", {"usage_id": "u", "reservation_id": name, "nano_aiu": 1}),
    ]:
        error(session.post(what, body), 400)
    error(session.patch({"session_limits": None}, Idempotency_Key=name), 400)


def test_a_change_that_changed_nothing_is_remembered(purse):
    session = Session(purse.person.client, purse.session)

    def patch(limit, key):
        return session.patch({"session_limits": {"max_ai_credits": limit}}, Idempotency_Key=key)

    assert patch(5, "first").status == 200
    assert patch(9, "second").json["session_limits"] == {"max_ai_credits": 9}
    again = patch(5, "first")
    assert again.status == 200 and again.json["session_limits"] == {"max_ai_credits": 9}
    assert patch(7, "first").status == 409
    changes = [event for event in session.history() if event["type"] == "session.session_limits_changed"]
    assert [event["data"]["sessionLimits"]["maxAiCredits"] for event in changes] == [5, 9]

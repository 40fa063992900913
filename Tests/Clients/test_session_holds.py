"""Holds that sessions and shared budgets pay for: what is used, what is set aside, and who says no."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from model import CREDIT, MODEL, PRICES
from runtime import Sessions, SessionService
from service import Account, until
from test_holds import QUOTA_EXCEEDED, Holder, day, holder, new_id, problem


class Purse:
    """A user with a session, two shared budgets (one of them the session's), and a service user that holds."""

    def __init__(self, service: SessionService, limit: float | None = 5):
        self.service = service
        self.person: Account = service.register()
        self.holder: Holder = holder(service, self.person)
        self.sessions: Sessions = service.sessions(self.person)
        self.own, self.other = self.budget(8), self.budget(9)
        self.session = self.sessions.create(limit, budget_id=self.own)["session_id"]

    def budget(self, limit: float) -> str:
        name = new_id()
        body = {"max_ai_credits": limit, "members": [self.person.uuid]}
        assert self.service.admin.ask("PUT", f"/v1/budgets/{name}", body).status == 201
        return name

    def hold(self, credits: float | None, tokens: int = 100, **members):
        asked = {} if credits is None else {"estimate_nano_aiu": round(credits * CREDIT)}
        return self.holder.hold(tokens, **({"session_id": self.session, "budget_ids": [self.other]} | asked | members))

    def held(self, credits: float | None, tokens: int = 100, **members) -> str:
        answer = self.hold(credits, tokens, **members)
        assert answer.status == 201, answer.gist
        return answer.json["hold"]

    def settle(self, hold: str, credits: float | None, tokens: int = 10, **members) -> dict:
        cost = {} if credits is None else {"nano_aiu": round(credits * CREDIT)}
        answer = self.holder.settle(hold, tokens, **(cost | members))
        assert answer.status == 200, answer.gist
        return answer.json

    @property
    def used(self) -> tuple[float, float, float]:
        """What the documents say: of the session, of its budget, of the other budget."""
        session = self.sessions.get(self.session)["usage"]["total_nano_aiu"] / CREDIT
        budgets = [self.service.admin.get(f"/v1/budgets/{name}").json for name in (self.own, self.other)]
        return (session, *(budget["used_nano_aiu"] / CREDIT for budget in budgets))

    @property
    def reserved(self) -> tuple[float, ...]:
        """The same of what is set aside, as a refusal says it: nobody can pay a million credits."""
        said = {found.get("budget_id"): found["reserved_nano_aiu"] for found in self.hold(10**6).json["credit_violations"]}
        return tuple(said[name] / CREDIT for name in (None, self.own, self.other) if name in said)


@pytest.fixture
def purse(runtime) -> Purse:
    return Purse(runtime)


def test_what_a_hold_sets_aside_becomes_what_was_used(purse):
    assert (purse.used, purse.reserved) == ((0, 0, 0), (0, 0, 0))
    hold = purse.held(2)
    assert (purse.used, purse.reserved) == ((0, 0, 0), (2, 2, 2))
    purse.settle(hold, 0.5, final=False)
    assert (purse.used, purse.reserved) == ((0.5, 0.5, 0.5), (1.5, 1.5, 1.5))
    purse.settle(hold, 1)
    assert (purse.used, purse.reserved) == ((1.5, 1.5, 1.5), (0, 0, 0))
    assert day(purse.service, purse.person) == (20, 0)


@pytest.mark.parametrize("end", ["void", "expiry"])
def test_what_a_hold_sets_aside_comes_back(purse, end):
    hold = purse.held(2, ttl_seconds=1 if end == "expiry" else 600)
    if end == "void":
        assert purse.holder.change(hold, "void").status == 200
    else:
        until(lambda: purse.holder.state(hold) == "expired", "the hold expired")
    assert (purse.used, purse.reserved) == ((0, 0, 0), (0, 0, 0))
    if end == "expiry":
        assert purse.settle(hold, 2)["late"] is True
        assert (purse.used, purse.reserved) == ((2, 2, 2), (0, 0, 0))


def test_a_budget_of_the_session_that_the_hold_names_too_pays_once(purse):
    hold = purse.held(2, budget_ids=[purse.own, purse.other], id=f"both-{purse.own}")
    assert purse.reserved == (2, 2, 2)
    again = purse.hold(2, budget_ids=[purse.own, purse.other], id=f"both-{purse.own}")
    assert again.json["replayed"] is True
    problem(purse.hold(2, budget_ids=[], id=f"both-{purse.own}"), 409, "request_conflict", "budget_ids")
    purse.settle(hold, 1)
    assert (purse.used, purse.reserved) == ((1, 1, 1), (0, 0, 0))


def test_what_costs_more_than_was_held_is_paid_in_full(purse):
    purse.settle(purse.held(1), 7)
    assert purse.used == (7, 7, 7)
    assert purse.hold(1).json["violated-policies"] == ["session"]


def test_a_price_table_knows_what_nobody_says(purse):
    cost = (1000 * PRICES["input_nano_aiu"] + 200 * PRICES["output_nano_aiu"]) / PRICES["batch_size"] / CREDIT
    hold = purse.held(2)
    purse.holder.change(hold, "settle", input_tokens=1000, output_tokens=200, model=MODEL)
    assert purse.used == (cost, cost, cost)


def test_where_nobody_knows_the_cost_a_budget_takes_what_was_held(purse):
    purse.settle(purse.held(2), None)
    session, _, other = purse.used
    assert (session, other) == (0, 2)
    assert purse.sessions.get(purse.session)["usage"]["ai_credits_status"] != "complete"


@pytest.mark.parametrize("credits, refusing, words", [
    (5.1, ["session"], "Session limit exceeded."),
    (8.1, ["session", "budget:{own}"], "Session limit exceeded."),
    (9.1, ["session", "budget:{other}", "budget:{own}"], "Session limit exceeded."),
])  # fmt: skip
def test_a_refusal_names_each_cap_that_leaves_no_room(purse, credits, refusing, words):
    answer = purse.hold(credits)
    assert (answer.status, answer.json["type"], answer.json["detail"]) == (409, QUOTA_EXCEEDED, words)
    named = [name.format(own=purse.own, other=purse.other) for name in refusing]
    assert sorted(answer.json["violated-policies"]) == sorted(named)
    # No time gives credits back.
    assert answer["Retry-After"] is None


def test_a_budget_alone_refuses_in_its_own_name(runtime):
    purse = Purse(runtime, limit=None)
    answer = purse.hold(8.5)
    assert answer.json["detail"] == f"Shared budget {purse.own} exceeded."
    assert answer.json["violated-policies"] == [f"budget:{purse.own}"]


def test_tokens_are_named_before_credits(purse):
    purse.service.set_limits(purse.person, 50, None, None)
    answer = purse.hold(6)
    assert answer.json["detail"] == "Daily token limit exceeded."
    assert answer.json["violated-policies"] == ["daily", "session"]
    assert purse.hold(6, tokens=1).json["violated-policies"] == ["session"]


def test_an_exhausted_session_refuses_whatever_is_asked_and_asks_its_people(purse):
    purse.settle(purse.held(5), 5)
    requests = []
    for credits in (None, 0.001):
        assert purse.hold(credits).json["violated-policies"] == ["session"]
        document = purse.sessions.get(purse.session)
        assert document["state"] == "deciding"
        requests.append(document["pending_request"]["request_id"])
    assert requests[0] == requests[1]
    answer = purse.sessions.answer(purse.session, requests[0], action="add", additional_ai_credits=1)
    assert answer.status == 200 and purse.hold(1).status == 201


def test_an_exhausted_budget_refuses_every_session_under_it(purse):
    purse.settle(purse.held(5, session_id=None, budget_ids=[purse.own]), 8)
    assert purse.hold(None).json["violated-policies"] == [f"budget:{purse.own}"]


def test_a_session_belongs_to_its_user(purse, runtime):
    stranger = runtime.register()
    answer = holder(runtime, stranger).hold(1, session_id=purse.session)
    problem(answer, 409, "session_of_another_user", "session_id")
    assert runtime.admin.get(f"/v1/users/{stranger.uuid}/usage").json["windows"]["daily"]["reserved"] == 0


def test_a_session_that_is_gone_takes_no_hold_but_what_was_used_counts(purse):
    hold = purse.held(2)
    assert purse.sessions.ask("DELETE", f"/{purse.session}").status in (200, 204)
    answer = purse.hold(1)
    assert answer.status == 404 and answer.json["code"] == "unknown_session"
    purse.settle(hold, 1, tokens=33)
    assert day(purse.service, purse.person) == (33, 0)
    budgets = [purse.service.admin.get(f"/v1/budgets/{name}").json["used_nano_aiu"] for name in (purse.own, purse.other)]
    assert budgets == [CREDIT, CREDIT]


@pytest.mark.parametrize("successor", [False, True])
def test_a_hold_is_repeated_after_its_session_is_gone(purse, successor):
    first = purse.hold(2, id=f"first-{purse.session}")
    refused = purse.hold(6, id=f"refused-{purse.session}")
    assert purse.sessions.ask("DELETE", f"/{purse.session}").status in (200, 204)
    if successor:
        assert purse.sessions.create(5, session_id=purse.session)["session_id"] == purse.session
    again = purse.hold(2, id=f"first-{purse.session}")
    assert again.json == first.json | {"replayed": True}
    assert purse.hold(6, id=f"refused-{purse.session}").json == refused.json | {"replayed": True}
    problem(purse.hold(2, id=f"first-{purse.session}", session_id=None), 409, "request_conflict", "session_id")


def test_each_settlement_is_told_to_the_sessions_clients_once(purse):
    hold = purse.held(2)
    for _ in range(3):
        purse.settle(hold, 0.5, id=f"part-{hold}", final=False)
        purse.settle(hold, 0.7, id=f"part-2-{hold}", final=False)
    for _ in range(2):
        purse.settle(hold, 0.1, id=f"end-{hold}")
    checkpoints = [event for event in purse.sessions.history(purse.session) if event["type"] == "session.usage_checkpoint"]
    assert [round(event["data"]["totalNanoAiu"] / CREDIT, 3) for event in checkpoints] == [0.5, 1.2, 1.3]
    recorded = purse.service.events(user=purse.person.uuid, type="session_usage_recorded")
    assert [event["tokens"] for event in recorded] == [10, 10, 10]
    assert day(purse.service, purse.person) == (30, 0)


def test_holds_side_by_side_never_pass_a_session_or_a_budget(runtime):
    purse = Purse(runtime, limit=None)
    mate = Purse(runtime, limit=4)

    def ask(number: int):
        payer = purse if number % 2 else mate
        return payer.hold(1, budget_ids=[purse.own])

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(60)))
    assert [answer.status for answer in answers].count(201) == 8
    assert purse.reserved[0] == 8 and mate.reserved[0] <= 4


def test_holds_of_sessions_outlive_a_killed_server(start_own):
    service = start_own()
    purse = Purse(service)
    hold, other = purse.held(2), purse.held(1)
    purse.settle(hold, 0.5, final=False)
    service.kill()
    service.resume()
    purse.holder = holder(service, purse.person)
    purse.sessions = service.sessions(purse.person)
    assert (purse.used, purse.reserved) == ((0.5, 0.5, 0.5), (2.5, 2.5, 2.5))
    purse.settle(hold, 1)
    purse.holder.change(other, "void")
    assert (purse.used, purse.reserved) == ((1.5, 1.5, 1.5), (0, 0, 0))


def test_holds_of_which_nothing_is_known_run_one_at_a_time_under_a_budget(runtime):
    purse = Purse(runtime, limit=None)
    first = purse.held(None, session_id=None, budget_ids=[purse.other])
    assert purse.hold(None, session_id=None, budget_ids=[purse.other]).status != 201
    purse.settle(first, 0.5)
    assert [purse.hold(None, session_id=None, budget_ids=[purse.other]).status for _ in range(3)] == [201] * 3

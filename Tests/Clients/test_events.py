"""The native API's log: paging, filters, forms, and what an event tells."""

import json
import uuid

import pytest

from test_usage_intake import is_problem


@pytest.fixture(scope="module")
def recorded(start_shared):
    """A service where two people have forty spends and three changes of limits each, and nothing comes after that."""
    service = start_shared()
    people = [service.register(), service.register()]
    for number in range(40):
        for person in people:
            service.spend(person, number + 1)
    for limit in (1, 2, 3):
        for person in people:
            service.set_limits(person, limit, None, None)
    service.by_role("auditor")
    return service, people


@pytest.fixture
def history(recorded):
    return recorded[0]


@pytest.fixture
def people(recorded):
    return recorded[1]


def pages(service, limit: int, query: str = "") -> list[list[dict]]:
    found, after, more = [], 0, True
    while more:
        page = service.auditor.client.get(f"/v1/events?limit={limit}&after={after}{query}").json
        assert list(page) == ["events", "next_after", "has_more", "position"]
        assert len(page["events"]) <= limit
        assert page["next_after"] > after or not page["has_more"]
        found.append(page["events"])
        after, more = page["next_after"], page["has_more"]
    return found


def test_positions_are_dense_and_recorded_times_never_decrease(history):
    events = history.events()
    assert [event["position"] for event in events] == list(range(1, history.position + 1))
    recorded = [event["recorded_at"] for event in events]
    assert recorded == sorted(recorded)
    assert all(time.endswith("Z") for time in recorded)


@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
@pytest.mark.parametrize("query", ["", "&type=tokens_spent", "&user={person}", "&type=limits_changed&user={person}"])
def test_pages_of_any_size_put_together_are_the_whole(history, people, limit, query):
    query = query.format(person=people[0].uuid)
    whole = [event for page in pages(history, 1000, query) for event in page]
    assert [event for page in pages(history, limit, query) for event in page] == whole
    assert whole


def test_filters_choose_by_user_and_type(history, people):
    first, second = people
    for person in (first, second):
        mine = history.events(user=person.uuid)
        types = [event["type"] for event in mine]
        assert types.count("tokens_spent") == 40 and types.count("limits_changed") == 3
        assert types[0] == "user_registered"
        assert [event for event in history.events() if event.get("user") == person.uuid] == mine
    assert len(history.events(type="tokens_spent")) == 80
    assert history.events(user=first.name, type="limits_changed") == history.events(
        user=first.uuid, type="limits_changed"
    )


def test_an_event_tells_who_when_and_what(history, people):
    person = people[0]
    spent = history.events(user=person.uuid, type="tokens_spent")[4]
    assert spent["actor"] == {"user": history.gateway.uuid}
    assert spent["user"] == person.uuid
    assert spent["request_id"]
    assert spent["happened_at"].endswith("Z")
    changed = history.events(user=person.uuid, type="limits_changed")[1]
    assert changed["changes"] == [{"period": "daily", "old": 1, "new": 2}]
    assert changed["actor"] == {"user": history.store.admin["user"]}


def test_json_lines_are_the_same_events_one_a_line(history):
    as_json = history.auditor.client.get("/v1/events?limit=1000").json["events"]
    lines = history.auditor.client.get("/v1/events?limit=1000", Accept="application/jsonl")
    assert lines.status == 200
    assert lines["Content-Type"].partition(";")[0] in ("application/jsonl", "application/x-ndjson")
    assert [json.loads(line) for line in lines.body.splitlines()] == as_json


def test_the_end_of_the_log_is_an_empty_page(history):
    page = history.auditor.client.get(f"/v1/events?after={history.position}").json
    assert (page["events"], page["has_more"], page["position"]) == ([], False, history.position)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "after=-1", "after=x", "after=1.5", "type=nonsense"]
)
def test_a_bad_question_is_a_problem(history, query):
    assert is_problem(history.auditor.client.get(f"/v1/events?{query}"), 400)


def test_an_unknown_user_has_no_events(history):
    answer = history.auditor.client.get(f"/v1/events?user={uuid.uuid4()}")
    assert answer.status == 404 or answer.json["events"] == []


@pytest.mark.parametrize(
    "role, status", [("staff", 200), ("auditor", 200), ("user", 403), ("support", 403), ("service", 403)]
)
def test_the_log_is_for_staff_and_auditors(service, role, status):
    assert service.by_role(role).client.get("/v1/events").status == status
    assert service.nobody.get("/v1/events").status == 401


def test_every_kind_of_change_leaves_its_event(clocked):
    person = clocked.register()
    token = clocked.issue_token(person)
    clocked.admin.ask("DELETE", f"/v1/users/{person.uuid}/tokens/{token['token_id']}")
    clocked.set_defaults(1, 2, 3)
    clocked.set_limits(person, 4, 5, 6)
    clocked.spend(person, 7)
    clocked.admin.ask("PATCH", f"/v1/users/{person.uuid}", {"role": "support"})
    clocked.deactivate(person)
    clocked.restart("--time-zone", "Europe/Tallinn")
    types = {event["type"] for event in clocked.events()}
    assert types >= {
        "user_registered", "user_deactivated", "role_changed", "token_issued", "token_revoked", "defaults_changed",
        "limits_changed", "calendar_changed", "tokens_spent",
    }  # fmt: skip

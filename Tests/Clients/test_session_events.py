"""What clients of a session are told over HTTP, as pages and as server-sent events (contract session-limits, 6)."""

import threading

import pytest

from service import Client, until
from sessions import Session, durable, error, types

REQUESTED, COMPLETED = "session_limits_exhausted.requested", "session_limits_exhausted.completed"
CHANGED, CHECKPOINT = "session.session_limits_changed", "session.usage_checkpoint"


@pytest.fixture
def session(service):
    return Session.begin(service.gateway.client, 2.5)


def test_a_stream_tells_history_and_then_what_happens(session):
    session.spend(1)
    with session.stream() as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-cache"
        begun = stream.take(4)
        assert types(begun) == ["session.start", CHANGED, "assistant.usage", CHECKPOINT]
        session.spend(2)
        request = session.check()["request_id"]
        session.post(f"exhaustions/{request}", {"action": "add", "additional_ai_credits": 2})
        told = stream.take(5)
        assert types(told) == ["assistant.usage", CHECKPOINT, REQUESTED, COMPLETED, CHANGED]
        assert told[2]["data"] == {"requestId": request, "usedAiCredits": 3, "maxAiCredits": 2.5}
        assert told[3]["data"]["response"] == {"action": "add", "additionalAiCredits": 2}
        assert told[4]["data"] == {"sessionLimits": {"maxAiCredits": 4.5}}
    assert durable(begun + told) == session.history()


def test_each_kept_event_has_the_one_before_as_its_parent(session):
    for _ in range(3):
        session.spend(1)
    history = session.history()
    assert [event["parentId"] for event in history] == [None] + [event["id"] for event in history[:-1]]


def test_a_client_that_comes_again_misses_nothing_and_hears_nothing_twice(session):
    for _ in range(4):
        session.spend(0.1)
    with session.stream() as stream:
        first = stream.take(5)
    session.spend(0.1)
    with session.stream(last_event_id=stream.last_id) as stream:
        rest = stream.take(7)
        session.spend(0.1)
        rest += stream.take(2)
    ids = [event["id"] for event in first + rest]
    assert len(set(ids)) == len(ids) == 14
    assert durable(first + rest) == session.history()


def test_the_header_wins_over_the_address(session):
    session.spend(1)
    with session.stream() as stream:
        stream.take(4)
    behind = stream.last_id
    session.spend(1)
    with session.stream("after=0", last_event_id=behind) as stream:
        assert types(stream.take(2)) == ["assistant.usage", CHECKPOINT]
    with session.stream(f"after={behind}") as stream:
        assert types(stream.take(2)) == ["assistant.usage", CHECKPOINT]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_client_goes_on_with_the_next_process(start, end):
    service = start()
    session = Session.begin(service.gateway.client, 2.5)
    session.spend(3)
    with session.stream() as stream:
        first = stream.until(CHECKPOINT)
        session.check()
        stream.until(REQUESTED)
        getattr(service.server, end)()
        if end == "stop":
            assert list(stream) == [], "a server that stops ends its streams properly"
    service.resume()
    session.client = service.gateway.client
    with session.stream(last_event_id=stream.last_id) as stream:
        asked = stream.take(1)[0]
        assert asked["type"] == REQUESTED and asked["data"]["requestId"] == session.check()["request_id"]
        session.patch({"session_limits": {"max_ai_credits": 9}})
        rest = stream.until(CHANGED)
    assert types(rest) == [COMPLETED, CHANGED]
    assert durable(first + rest) == session.history()


def test_everybody_who_comes_is_told_the_open_question_once(session):
    session.spend(3)
    session.check()
    session.check()
    with session.stream() as first, session.stream() as second:
        for stream in (first, second):
            assert types(stream.take(5))[-1] == REQUESTED
        with session.stream(last_event_id=first.last_id) as again:
            assert types(again.take(1)) == [REQUESTED]
            session.patch({"session_limits": None})
            for stream in (first, second, again):
                assert types(stream.take(2)) == [COMPLETED, CHANGED]


def test_only_the_wanted_types_are_told(session):
    session.spend(1)
    with session.stream(f"types={CHECKPOINT},session.resume") as stream:
        assert types(stream.take(1)) == [CHECKPOINT]
        session.patch({"session_limits": None})
        session.post("resume")
        assert types(stream.take(1)) == ["session.resume"]


def test_a_stream_without_ephemeral_events_still_tells_questions(session):
    with session.stream("include_ephemeral=false") as stream:
        session.spend(3)
        session.check()
        assert types(stream.take(4)) == ["session.start", CHANGED, CHECKPOINT, REQUESTED]


def test_the_cursor_of_a_page_is_good_for_a_stream(session):
    session.spend(1)
    page = session.events("limit=2")
    assert page["has_more"] and types(page["events"]) == ["session.start", CHANGED]
    page = session.events(f"limit=2&after={page['cursor']}")
    assert not page["has_more"] and types(page["events"]) == [CHECKPOINT]
    with session.stream(f"after={page['cursor']}") as stream:
        session.spend(1)
        assert types(stream.take(2)) == ["assistant.usage", CHECKPOINT]


def test_the_form_is_what_the_client_accepts(session):
    for accept, kind in (("*/*", "application/json"), ("application/json", "application/json"),
                         ("text/event-stream;q=0.5, application/json;q=0.9", "application/json")):  # fmt: skip
        answer = session.ask("GET", "/events", Accept=accept)
        assert (answer.status, answer["Content-Type"]) == (200, kind)
    error(session.ask("GET", "/events", Accept="text/html"), 406, "not_acceptable")
    with session.stream("limit=1") as stream:
        assert stream.status == 200


@pytest.mark.parametrize("cursor", ["x", "1-2", "3-0-0", "zz-0-0", "ffffffffffffffff-0-0"])
def test_a_cursor_that_is_none_is_refused(session, cursor):
    with session.stream(last_event_id=cursor) as stream:
        assert stream.status == 400
    error(session.ask("GET", f"/events?after={cursor}"), 400, "invalid")


def test_a_stream_ends_with_its_session(session):
    with session.stream() as stream:
        stream.take(2)
        session.ask("DELETE")
        assert list(stream) == []
    error(session.ask("GET", "/events"), 404, "unknown_session")


@pytest.mark.parametrize("end", ["revoke", "deactivate", "demote"])
def test_a_stream_ends_with_the_rights_of_its_client(service, end):
    person, other = service.register("service"), service.register("service")
    session = Session.begin(person.client)
    token = service.issue_token(person)
    with Session(Client(service.base, token["token"]), session.id).stream() as stream:
        stream.take(1)
        service.issue_token(other)
        session.spend(1)
        assert types(stream.take(2)) == ["assistant.usage", CHECKPOINT]
        if end == "revoke":
            service.admin.ask("DELETE", f"/v1/users/{person.uuid}/tokens/{token['token_id']}")
        elif end == "deactivate":
            service.deactivate(person)
        else:
            service.admin.ask("PATCH", f"/v1/users/{person.uuid}", {"role": "user"})
        assert list(stream) == []


def test_interest_is_for_those_who_may_answer(service, session):
    query = f"interest={REQUESTED}"
    for role, status in (("service", 200), ("staff", 200), ("auditor", 403), ("support", 403), ("user", 404)):
        with Session(service.by_role(role).client, session.id).stream(query) as stream:
            assert stream.status == status


def test_a_long_history_comes_whole_while_more_happens(service):
    session = Session.begin(service.gateway.client)
    for _ in range(300):
        session.spend(0.001)
    with session.stream("include_ephemeral=false") as stream:
        writer = threading.Thread(target=lambda: [session.spend(0.001) for _ in range(100)])
        writer.start()
        told = stream.take(401)
        writer.join()
    assert told == session.history()


def test_a_client_that_begins_to_read_late_gets_all_of_a_long_history(service):
    """More than the kernel takes for a client with a small window, so that the server has to wait."""
    session = Session.begin(service.gateway.client)
    for number in range(1500):
        session.patch({"session_limits": {"max_ai_credits": number + 1}})
    with session.stream(receive_buffer=32768) as stream:
        session.spend(1)
        told = stream.take(1503)
        assert durable(told) == session.history_in_pages()
        session.spend(1)
        assert types(stream.take(2)) == ["assistant.usage", CHECKPOINT]


def test_a_client_that_does_not_read_holds_nobody_up(service, session):
    silent = [session.stream("include_ephemeral=false") for _ in range(3)]
    with session.stream() as stream:
        for _ in range(50):
            session.spend(0.001)
        told = stream.take(102)
    assert len(durable(told)) == 52
    for one in silent:
        one.close()
    until(lambda: session.check()["allowed"], "the service goes on")

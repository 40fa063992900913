"""The live feed: order, resuming, slow clients, filters, rights, and what it costs to have many."""

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feed import Feed
from service import Client, until
from sessions import Session
from test_usage_intake import is_problem


@pytest.fixture
def auditor(service) -> Client:
    service.by_role("service")
    return service.auditor.client


def spend_much(service, person, count: int, writers: int = 4) -> None:
    """So many single tokens, from several clients at once."""
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(lambda _: service.spend(person, 1), range(count)))


def spend_batch(service, person, count: int) -> None:
    start = service.position
    batch = [{"id": f"{person.uuid}-{start + number}", "user": person.uuid, "tokens": 1} for number in range(count)]
    assert service.gateway.client.post("/v1/usage", batch).status in (200, 201)


def test_a_stream_begins_with_what_happens_next(service, auditor, person):
    head = service.position
    with Feed(auditor) as feed:
        feed.wait_for(head)
        assert feed.response.headers["content-type"] == "text/event-stream"
        assert feed.response.headers["cache-control"] == "no-cache"
        spent = service.spend(person, 5)
        event = feed.wait(1)[0]
    assert (event["position"], event["type"], event["tokens"]) == (spent["position"], "tokens_spent", 5)
    assert feed.progress == [head]


def test_an_event_is_the_same_as_in_a_page(service, auditor, person):
    service.spend(person, 5)
    with Feed(auditor, "after=0") as feed:
        feed.wait_for(service.position)
    assert feed.events == service.events()


def test_there_is_no_gap_and_no_repetition_under_load_from_several_writers(service, auditor, person):
    start = service.position
    with Feed(auditor, f"after={start}") as early:
        writer = threading.Thread(target=spend_much, args=(service, person, 600))
        writer.start()
        late = [Feed(auditor, f"after={start}") for _ in range(4)]
        writer.join()
        end = service.position
        for feed in [early, *late]:
            feed.wait_for(end)
            assert feed.positions == list(range(start + 1, end + 1))
            feed.close()


def test_a_client_resumes_at_every_position(service, auditor, person):
    start = service.position
    spend_much(service, person, 40)
    end = service.position
    for position in range(start, end + 1):
        with Feed(auditor, "after=0", last_id=position) as feed:
            if position < end:
                feed.wait_for(end)
            assert feed.positions == list(range(position + 1, end + 1))


def test_a_client_that_breaks_off_again_and_again_misses_nothing(service, auditor, person):
    start = service.position
    writer = threading.Thread(target=spend_much, args=(service, person, 300))
    writer.start()
    heard, last = [], start
    while writer.is_alive() or last < service.position:
        with Feed(auditor, last_id=last) as feed:
            until(lambda: feed.events or not writer.is_alive(), "an event")
        heard += feed.positions
        last = heard[-1] if heard else start
    writer.join()
    assert heard == list(range(start + 1, service.position + 1))


def test_a_killed_server_loses_nobody_their_place(start):
    service = start()
    person = service.user
    auditor = service.auditor
    begun = service.position
    heard: list[int] = []
    for _ in range(3):
        feed = Feed(auditor.client, last_id=heard[-1] if heard else begun)
        stopped = threading.Event()

        def write():
            while not stopped.is_set():
                try:
                    service.try_spend(person, 1)
                except (OSError, HTTPException):
                    return

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        feed.wait(50)
        service.server.kill()
        stopped.set()
        for writer in writers:
            writer.join()
        assert feed.ended.wait(20)
        heard += feed.positions
        service.resume()
    with Feed(auditor.client, last_id=heard[-1]) as feed:
        if heard[-1] < service.position:
            feed.wait_for(service.position)
        heard += feed.positions
    assert heard == list(range(begun + 1, service.position + 1))
    assert [event["position"] for event in service.events()][begun:] == heard


def test_a_stopped_server_ends_its_streams(start):
    service = start()
    service.by_role("auditor")
    with Feed(service.auditor.client) as feed:
        feed.wait_for(service.position)
        assert service.server.stop() == 0
        assert feed.ended.wait(5)


def test_a_slow_reader_costs_no_memory_and_loses_nothing(start):
    service = start()
    person = service.user
    start_position = service.position
    service.by_role("auditor")
    url = urlsplit(service.base)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((url.hostname, url.port))
        slow.sendall(
            f"GET /v1/events/stream?after={start_position} HTTP/1.0\r\nHost: x\r\n"
            f"Authorization: Token {service.auditor.token}\r\n\r\n".encode()
        )
        until(lambda: slow.recv(1, socket.MSG_PEEK), "the head")
        before = resident(service.server.process.pid)
        for _ in range(30):
            spend_batch(service, person, 1000)
        end = service.position
        grown = resident(service.server.process.pid) - before
        slow.settimeout(20)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        text = b""
        while f"\nid: {end}\n".encode() not in text[-2000:]:
            piece = slow.recv(1 << 16)
            assert piece, "the slow client was cut off"
            text += piece
    ids = [int(line[4:]) for line in text.splitlines() if line.startswith(b"id: ")]
    assert ids == list(range(ids[0], end + 1))
    # What the events themselves cost: the log and the tables are no part of it.
    assert grown < 16 << 20, f"{grown >> 20} MiB for 30,000 events that nobody read"


def resident(process: int) -> int:
    """Bytes of memory that no file is behind."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10


@pytest.mark.parametrize(
    "query, fits",
    [
        ("user={user}", lambda event, user: event.get("user") == user),
        ("type=tokens_spent", lambda event, user: event["type"] == "tokens_spent"),
        ("type=user_registered,limits_changed", lambda event, user: event["type"] in ("user_registered", "limits_changed")),
        ("type=tokens_spent&type=token_issued", lambda event, user: event["type"] in ("tokens_spent", "token_issued")),
        ("user={user}&type=tokens_spent", lambda event, user: (event.get("user"), event["type"]) == (user, "tokens_spent")),
    ],
)
def test_a_filter_leaves_out_the_rest_in_history_and_live(service, auditor, query, fits):
    person = service.register()
    service.spend(person, 1)
    with Feed(auditor, "after=0&" + query.format(user=person.uuid)) as feed:
        service.spend(person, 2)
        service.set_limits(person, 100, None, None)
        service.spend(service.register(), 3)
        service.spend(person, 4)
        expected = [event for event in service.events() if fits(event, person.uuid)]
        feed.wait(len(expected))
    assert feed.events == expected


def test_a_session_has_a_stream_of_its_own(service, auditor):
    session, other = Session.begin(service.gateway.client, 2.5), Session.begin(service.gateway.client)
    with Feed(auditor, f"after=0&session={session.id}") as feed:
        session.spend(1)
        other.spend(1)
        session.check()
        session.spend(0.5)
        number = feed.wait(1)[0]["position"]
        expected = [event for event in service.events() if event["position"] == number or event.get("session") == str(number)]
        feed.wait(len(expected))
    assert feed.events == expected and len(expected) >= 4
    assert service.events(session=session.id) == expected


def test_a_filtered_stream_says_how_far_it_has_come(service, auditor):
    """So that a client which comes again does not have everything searched again."""
    with Feed(auditor, "after=0&type=budget_changed") as feed:
        person = service.register()
        for _ in range(12):
            spend_batch(service, person, 1000)
        until(lambda: feed.progress, "progress")
        assert feed.events == []
        until(lambda: feed.progress[-1] >= 10_000, "progress of ten thousand events")
        reached = feed.last_id
    with Feed(auditor, "type=budget_changed", last_id=reached) as feed:
        answer = service.admin.ask("PUT", "/v1/budgets/shared", {"max_ai_credits": 5})
        assert answer.status in (200, 201), answer.gist
        assert feed.wait(1)[0]["type"] == "budget_changed"


def test_a_resting_stream_shows_that_it_lives(service, auditor):
    url = urlsplit(service.base)
    with socket.create_connection((url.hostname, url.port), timeout=20) as quiet:
        quiet.sendall(
            f"GET /v1/events/stream?after={service.position} HTTP/1.0\r\nHost: x\r\n"
            f"Authorization: Token {auditor.token}\r\n\r\n".encode()
        )
        text = b""
        while text.count(b"\n: \n") + text.count(b"\n:\n") < 2:
            piece = quiet.recv(4096)
            assert piece
            text += piece


def test_a_stream_ends_with_its_token(service):
    auditor = service.register("auditor")
    other = service.register("auditor")
    with Feed(auditor.client) as feed, Feed(other.client) as second:
        feed.wait_for(0)
        service.admin.ask("PATCH", f"/v1/users/{auditor.uuid}", {"role": "user"})
        assert feed.ended.wait(5)
        token = service.issue_token(other)
        with Feed(Client(service.base, token["token"])) as third:
            service.admin.ask("DELETE", f"/v1/users/{other.uuid}/tokens/{token['token_id']}")
            assert third.ended.wait(5)
        assert not second.ended.is_set()
        service.deactivate(other)
        assert second.ended.wait(5)


@pytest.mark.parametrize("role, status", [("staff", 200), ("auditor", 200), ("user", 403), ("support", 403), ("service", 403)])
def test_the_feed_is_for_staff_and_auditors(service, role, status):
    with Feed(service.by_role(role).client) as feed:
        assert feed.status == status


def test_a_thousand_idle_streams_hear_an_event_and_nothing_else(start):
    service = start()
    person, auditor, _ = service.user, service.auditor, service.gateway
    url = urlsplit(service.base)
    target = f"/v1/events/stream?after={service.position}"
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {auditor.token}\r\n\r\n".encode()
    sockets = []
    try:
        for _ in range(1000):
            sockets.append(socket.create_connection((url.hostname, url.port), timeout=20))
            sockets[-1].sendall(request)
        for one in sockets:
            until(lambda: b"text/event-stream" in one.recv(4096, socket.MSG_PEEK), "the head")
        spent = service.spend(person, 1)
        for one in sockets:
            text = b""
            while f"id: {spent['position']}\n".encode() not in text:
                piece = one.recv(4096)
                assert piece
                text += piece
            assert text.count(b"id: ") == 1
    finally:
        for one in sockets:
            one.close()
    assert service.spend(person, 1)["position"] == spent["position"] + 1


@pytest.mark.parametrize(
    "query, status",
    [
        ("after=x", 400), ("after=-1", 400), ("after=1.5", 400), ("type=nonsense", 400), ("type=", 400),
        ("type=tokens_spent,nonsense", 400), ("session=nobody", 404), ("user=nobody", 404), ("consumer=nobody", 404),
        ("consumer=a/b", 400),
    ],
)  # fmt: skip
def test_a_bad_question_is_a_problem(auditor, query, status):
    assert is_problem(auditor.get(f"/v1/events/stream?{query}"), status)


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "12 ", "1_000", "9" * 30, "0x10"])
def test_a_last_event_id_that_is_none_is_named(auditor, text):
    answer = auditor.get("/v1/events/stream", Last_Event_ID=text + "?" if text.endswith(" ") else text)
    assert is_problem(answer, 400)
    assert answer.json["member"] == "Last-Event-ID"


def test_a_place_behind_the_end_is_refused_with_the_end(service, auditor):
    head = service.position
    for answer, member in [
        (auditor.get("/v1/events/stream", Last_Event_ID=str(head + 1)), "Last-Event-ID"),
        (auditor.get(f"/v1/events/stream?after={head + 1}"), "after"),
    ]:
        assert is_problem(answer, 400)
        assert (answer.json["code"], answer.json["member"], answer.json["position"]) == ("beyond_head", member, head)


def test_the_header_wins_over_the_address(service, auditor, person):
    service.spend(person, 1)
    head = service.position
    with Feed(auditor, "after=0", last_id=head - 1) as feed:
        assert feed.wait(1)[0]["position"] == head
    with Feed(auditor, f"after={head + 1000}", last_id=head - 1) as feed:
        assert feed.wait(1)[0]["position"] == head


def test_whoever_takes_no_event_stream_is_told(auditor):
    assert is_problem(auditor.get("/v1/events/stream", Accept="application/json"), 406)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_possible(auditor, method):
    assert is_problem(auditor.ask(method, "/v1/events/stream"), 405)

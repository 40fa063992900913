"""What was begun by a right and goes on longer than one answer: streams, connections, long polls, handlers, questions, messages that
wait, holds and repetitions. It ends with the right, however that was taken, and nothing is told or written any more."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from urllib.parse import urlsplit

import pytest

from lost_rights import FULL, LOSSES, ROOM, LostRights, Walker, begin_session, has_lost_all, takes_something
from model import Model, ask
from peer import INTEREST, Peer
from service import DEADLINE_SECONDS, Account, until
from ways_in import EVENT_STREAM

GONE, FORBIDDEN = 401, 403
TAKEN = {"token_revoked", "user_deactivated", "user_erased", "session_deleted", "role_changed"}
"""What is written when a right is taken away."""


@pytest.fixture(params=[ROOM, FULL])
def disk(request) -> str:
    return request.param


@pytest.fixture(params=[loss for loss in LOSSES if takes_something(loss, "user")])
def loss(request) -> str:
    """A loss of somebody with the role `user`."""
    return request.param


@pytest.fixture(params=[loss for loss in LOSSES if takes_something(loss, "staff")])
def great_loss(request) -> str:
    """A loss of somebody with one of the other roles."""
    return request.param


# ---- streams


class Listener:
    """A stream as bytes."""

    def __init__(self, account: Account, target: str):
        url = urlsplit(account.base)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_SECONDS)
        self.connection.request("GET", target, headers={"Authorization": f"Token {account.token}"} | EVENT_STREAM)
        self.response = self.connection.getresponse()
        assert self.response.status == 200

    def heard_until_end(self) -> bytes:
        """Everything that came until the server ended the stream."""
        text = b""
        while not self.response.isclosed() and (line := self.response.readline()):
            text += line
        self.connection.close()
        return text


@pytest.mark.parametrize("role", ["staff", "auditor"])
def test_the_stream_of_all_events(house, role, great_loss, disk):
    if not takes_something(great_loss, role):
        pytest.skip("nothing is lost")
    account = house.account(role)
    stream = Listener(account, f"/v1/events/stream?after={house.position}")
    with house.disk(disk):
        house.take(account, great_loss)
        if disk == ROOM:
            house.spend(house.standing.other, 1)
        assert b"data:" not in stream.heard_until_end()


@pytest.mark.parametrize("interest", ["", f"?interest={INTEREST}"])
def test_the_stream_of_a_session(house, interest, loss, disk):
    walker = Walker.of(house, "user")
    stream = Listener(walker.account, f"/v1/sessions/{walker.things['mine']}/events{interest}")
    with house.disk(disk):
        house.take(walker.account, loss)
        if disk == ROOM:
            change_session(walker, loss)
        heard = stream.heard_until_end()
    assert heard.count(b"event:") == heard.count(b"event: session.start") <= 1


def change_session(walker: Walker, loss: str) -> None:
    """Something happens in the session, unless it has gone with its owner."""
    cap = {"session_limits": {"max_ai_credits": 77}}
    status = walker.service.admin.ask("PATCH", f"/v1/sessions/{walker.things['mine']}", cap).status
    assert status == (404 if loss == "erased" else 200)


# ---- SDK connections


def connected(walker: Walker, model: Model | bool = False) -> Peer:
    peer = walker.service.peer(walker.account, model=model)
    peer.resume(walker.things["mine"])
    return peer


def told(peer: Peer) -> list[dict]:
    """What the connection was told of sessions; that they were changed before is told a moment later."""
    told = [message["params"] for way, message in peer.journal.messages if way == "in" and "method" in message]
    return [message for message in told if message.get("type") != "session.updated"]


def test_a_connection_that_hears(house, loss, disk):
    walker = Walker.of(house, "user")
    peer = connected(walker)
    before = told(peer)
    with house.disk(disk):
        house.take(walker.account, loss)
        if has_lost_all(loss):
            until(lambda: peer.closed, "the connection is closed")
    change_session(walker, loss)
    if has_lost_all(loss):
        assert told(peer) == before
    else:
        # An auditor reads on.
        peer.event(walker.things["mine"], "session.session_limits_changed")


def test_a_poll_that_waits(house, loss, disk):
    walker = Walker.of(house, "user")
    peer = connected(walker)
    session = walker.things["mine"]
    cursor = peer.call("session.eventLog.tail", sessionId=session)["cursor"]
    poll = peer.request("session.eventLog.read", sessionId=session, cursor=cursor, waitMs=30_000)
    with house.disk(disk):
        house.take(walker.account, loss)
        if has_lost_all(loss):
            until(lambda: peer.closed, "the connection is closed")
    change_session(walker, loss)
    if has_lost_all(loss):
        assert not poll.done
    else:
        assert [event["type"] for event in poll.result()["events"]] == ["session.session_limits_changed"]


# ---- turns


def types(events: list[dict]) -> list[str]:
    return [event["type"] for event in events]


def written(house: LostRights, walker: Walker) -> list[str]:
    """The types of everything that happened in the walker's session."""
    return types(house.events(session=walker.things["mine"]))


def test_messages_that_wait(house, loss, disk):
    """A call under way goes on and is counted; what waits behind it is never begun."""
    walker = Walker.of(house, "user")
    peer, model, gate = connected(walker), house.endpoint.model, f"gate-{walker.account.name}"
    peer.resume(walker.things["mine"], provider=house.endpoint.provider, model="m-small")
    turns = [peer.start_turn(walker.things["mine"], ask(f"{walker.account.name} {number}", gate=gate)) for number in range(3)]
    model.wait_for(gate)
    with house.disk(disk):
        house.take(walker.account, loss)
        if has_lost_all(loss):
            until(lambda: peer.closed, "the connection is closed")
        else:
            assert all("may do nothing any more" in str(turn.error()) for turn in turns[1:])
    model.open(gate)
    if loss != "erased":
        until(lambda: "session_turn_ended" in written(house, walker), "the turn is over")
        assert written(house, walker).count("session_usage_recorded") == 1, "what the call used is counted"
        assert written(house, walker).count("session_message_received") == 1
    assert len([request for request in model.requests if walker.account.name in str(request)]) == 1
    assert not [turn for turn in turns if has_lost_all(loss) and turn.done]


def exhausted(walker: Walker, *, peer: Peer) -> None:
    """Has the session reach its cap, by a turn."""
    peer.call("session.options.update", sessionId=walker.things["mine"], sessionLimits={"maxAiCredits": 1})
    assert peer.turn(walker.things["mine"], "This costs 1.6 credits.")["response"]


def test_a_question_that_waits(house, loss, disk):
    """Whoever asks goes, and so does whoever would have answered: no call is made."""
    walker = Walker.of(house, "user")
    peer = connected(walker, Model())
    exhausted(walker, peer=peer)
    peer.watch(walker.things["mine"])
    blocked = peer.start_turn(walker.things["mine"], "One more.")
    peer.event(walker.things["mine"], INTEREST)
    with house.disk(disk):
        position = house.take(walker.account, loss)
        if has_lost_all(loss):
            until(lambda: peer.closed, "the connection is closed")
    if not has_lost_all(loss):
        assert not blocked.result()["response"]
    change_session(walker, loss)
    given_up = {"exhaustion_answered", "session_call_ended", "session_warned", "session_limit_changed"}
    assert set(types(house.events_after(position))) <= given_up | TAKEN
    assert len(peer.model.requests) == 1


def second_token(house: LostRights, account: Account) -> Account:
    return Account(account.uuid, account.name, house.issue_token(account)["token"], account.base)


def test_a_question_that_nobody_is_left_to_answer(house, disk):
    """Of a turn of the same user over another token, for which a stream had said that somebody would answer."""
    walker = Walker.of(house, "user")
    session = walker.things["mine"]
    stream = Listener(walker.account, f"/v1/sessions/{session}/events?interest={INTEREST}")
    owner = house.peer(second_token(house, walker.account))
    owner.resume(session, model="m-small")
    exhausted(walker, peer=owner)
    blocked = owner.start_turn(session, "One more.")
    owner.event(session, INTEREST)
    with house.disk(disk):
        house.take(walker.account, "revoked")
        stream.heard_until_end()
        assert blocked.result()["response"] is None
    assert len(owner.model.requests) == 1


def test_a_turn_that_waits_for_room(house, loss, disk):
    """Under a cap that several share it would go on as soon as another's call has ended."""
    walker, busy = Walker.of(house, "user"), Walker.of(house, "user")
    budget = f"tight-{walker.account.name}"
    made = house.gateway.client.ask("PUT", f"/v1/budgets/{budget}", {"max_ai_credits": 2, "open": True})
    assert made.status == 201
    for each in (walker, busy):
        each.things["mine"] = begin_session(house.admin, each.account, budget_id=budget)
    first, second = connected(busy, Model()), connected(walker, Model())
    gate = f"room-{walker.account.name}"
    running = first.start_turn(busy.things["mine"], ask("first", gate=gate))
    first.model.wait_for(gate)
    waiting = second.start_turn(walker.things["mine"], "second")
    second.event(walker.things["mine"], "user.message")
    with house.disk(disk):
        house.take(walker.account, loss)
        if not has_lost_all(loss):
            assert not waiting.result()["response"]
    first.model.open(gate)
    assert running.result()["response"]
    assert first.turn(busy.things["mine"], "third") and not second.model.requests


# ---- handlers of model calls


@pytest.mark.parametrize("loss", ["revoked"])
def test_a_handler_that_waits_for_calls(house, loss, disk):
    """Of the same user over another token: the next call goes elsewhere."""
    walker = Walker.of(house, "user")
    owner = house.peer(second_token(house, walker.account), model=False)
    owner.resume(walker.things["mine"], provider=house.endpoint.provider, model="m-small")
    thief = connected(walker, Model())
    with house.disk(disk):
        house.take(walker.account, loss)
        until(lambda: thief.closed, "the connection is closed")
    assert owner.turn(walker.things["mine"], "For the provider alone.")["response"]
    assert thief.calls == []


def test_a_handler_in_the_middle_of_a_call(house, loss, disk):
    """Its call ends with its right: nobody waits for what it may not say any more, and what it used is unknown."""
    walker = Walker.of(house, "user")
    peer, gate = connected(walker, Model()), f"middle-{walker.account.name}"
    peer.resume(walker.things["mine"], model="m-small")
    turn = peer.start_turn(walker.things["mine"], ask("x", gate=gate))
    peer.model.wait_for(gate)
    with house.disk(disk):
        house.take(walker.account, loss)
        if has_lost_all(loss):
            until(lambda: peer.closed, "the connection is closed")
    if not has_lost_all(loss):
        assert "request handler" in str(turn.error(5))
    if loss != "erased":
        until(lambda: "session_turn_ended" in written(house, walker), "the turn is over")
        assert "session_message_answered" not in written(house, walker)
        usage = house.admin.get(f"/v1/sessions/{walker.things['mine']}").json["usage"]
        assert usage["ai_credits_status"] != "complete", usage
    peer.model.open(gate)


# ---- requests that had begun


def half_sent(account: Account, size: int) -> tuple[socket.socket, bytes]:
    """A report of usage of which the second half is still to be sent."""
    url = urlsplit(account.base)
    connection = socket.create_connection((url.hostname, url.port), timeout=DEADLINE_SECONDS)
    line = b'{"id": "half-%d-%d", "user": "%s", "tokens": 1}\n'
    lines = b"".join(line % (id(connection), number, account.uuid.encode()) for number in range(max(1, size // 80)))
    head = f"POST /v1/usage HTTP/1.1\r\nHost: a\r\nAuthorization: Token {account.token}\r\n"
    head += f"Content-Type: application/jsonl\r\nConnection: close\r\nContent-Length: {len(lines)}\r\n\r\n"
    connection.sendall(head.encode() + lines[: len(lines) // 2])
    return connection, lines[len(lines) // 2 :]


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the only answer."""
    with connection:
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("size", [80, 8_000, 200_000])
def test_a_body_of_which_half_was_sent(house, size, great_loss, disk):
    """Small ones come with their head as a rule, large ones are let in by it and read apart."""
    account = house.account("service")
    connection, rest = half_sent(account, size)
    # Whatever is answered now was read behind it.
    with house.disk(disk):
        position = house.take(account, great_loss)
        connection.sendall(rest)
        assert answer_of(connection)[0] == (GONE if has_lost_all(great_loss) else FORBIDDEN)
        assert set(types(house.events_after(position))) <= TAKEN


def sent(account: Account, target: str) -> socket.socket:
    """A connection over which a question was asked, and nothing was read yet."""
    url = urlsplit(account.base)
    connection = socket.create_connection((url.hostname, url.port), timeout=DEADLINE_SECONDS)
    head = f"GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Token {account.token}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode())
    return connection


@pytest.mark.parametrize("great_loss", [loss for loss in LOSSES if loss != "lowered to auditor"])
def test_questions_that_wait_for_their_turn(house, great_loss, disk):
    """One is answered at a time for each user. What the log had when an answer was read tells which came behind the loss."""
    account = house.account("staff")
    for _ in range(3):
        house.gateway.client.ask("POST", "/v1/usage", many_reports(account), {"Content-Type": "application/jsonl"})
    questions = [sent(account, "/v1/events?limit=1000") for _ in range(30)]
    with house.disk(disk):
        before = house.take(account, great_loss)
        answers = [answer_of(connection) for connection in questions]
    read_behind = [body for status, body in answers if status == 200 and json.loads(body)["position"] > before]
    assert not read_behind, f"{len(read_behind)} of {len(answers)} were answered by a right that had gone"
    assert {status for status, _ in answers} <= {200, GONE if has_lost_all(great_loss) else FORBIDDEN}


def many_reports(account: Account) -> bytes:
    line = '{"id": "%s", "user": "%s", "tokens": 1}\n'
    return "".join(line % (uuid.uuid4(), account.uuid) for _ in range(1000)).encode()


def test_a_hold_that_is_still_to_be_settled(house, great_loss, disk):
    """Whoever made it may not end it any more; staff may, and it ends by itself."""
    walker = Walker.of(house, "service")
    path = f"/v1/holds/{walker.things['my_hold']}"
    with house.disk(disk):
        house.take(walker.account, great_loss)
        for action, body in (("extend", {"ttl_seconds": 900}), ("settle", {"tokens": 1}), ("void", None)):
            answer = walker.client.ask("POST", f"{path}/{action}", body)
            assert answer.status == (GONE if has_lost_all(great_loss) else FORBIDDEN)
    assert house.admin.get(path).json["state"] == "open"
    assert house.admin.post(f"{path}/settle", {"tokens": 1}).status == 200


def test_repetitions(house, great_loss, disk):
    """What was answered once is not answered again: neither by the log nor from memory."""
    walker = Walker.of(house, "service")
    usage = {"id": f"again-{walker.account.name}", "user": walker.account.uuid, "tokens": 1}
    clear = f"/v1/sessions/{walker.things['mine']}/clear"
    requests = [("POST", "/v1/usage", usage, {}), ("POST", clear, {}, {"Idempotency-Key": walker.account.name})]
    for _ in range(2):
        assert {walker.client.ask(*request).status for request in requests} <= {200, 201}
    with house.disk(disk):
        house.take(walker.account, great_loss)
        for request in requests:
            # Whoever is a user now may do that with the own session.
            is_left = great_loss == "lowered to user" and request[1] == clear
            expected = GONE if has_lost_all(great_loss) else 200 if is_left else FORBIDDEN
            assert walker.client.ask(*request).status == expected

def test_a_batch_that_is_being_recorded(house, great_loss):
    """What the log took before the loss stays; of what waited for its turn nothing comes behind it."""
    account = house.account("service")
    batches = [half_sent(account, 800_000) for _ in range(3)]
    start = house.position
    for connection, rest in batches:
        connection.sendall(rest)
    until(lambda: house.position > start, "the first of them are recorded")
    before = house.take(account, great_loss)
    for connection, _ in batches:
        answer_of(connection)
    page = house.admin.get(f"/v1/events?after={before}&user={account.uuid}&type={','.join(TAKEN)}").json
    behind = house.admin.get(f"/v1/events?after={page['events'][-1]['position']}&type=tokens_spent&limit=1").json
    assert behind["events"] == [], "usage was recorded by a right that had gone"

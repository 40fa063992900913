"""Every route and every method, for every role, before and after each way of losing a right: also where the loss was decided on a full
disk, and after a restart. What each role gets is said in `ways_in.py` alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest

from lost_rights import FULL, LOSSES, NO_ROOM, ROOM, LostRights, Walker, role_after, takes_something
from peer import Peer, RpcError
from service import until
from ways_in import (
    CHANGES,
    MAY_CHANGE_SESSIONS,
    METHODS,
    METHODS_OF_HTTP,
    READS,
    ROLES,
    UNKNOWN,
    WAYS,
    Method,
    Way,
    methods_of_code,
    routes_of_code,
)

UNAUTHENTICATED, FORBIDDEN = 401, 403
LOOKS_AT_DISK = ("Route.ready",)


# ---- the table is whole


def test_every_route_has_its_line():
    assert {way.name for way in WAYS} == routes_of_code()


def test_every_method_has_its_line():
    assert {method.name: method.access for method in METHODS} == methods_of_code()


def allowed_methods(walker: Walker, way: Way) -> set[str]:
    """What the server says that can be done at a path."""
    target = walker.filled(way.target, False).split("?")[0]
    # Health checks say so where somebody asks for something else.
    answer = walker.client.ask("DELETE" if way.public else "OPTIONS", target)
    allow = answer["Allow"] or ""
    return {method.strip() for method in allow.split(",")} - {"OPTIONS", ""}


def test_everything_that_can_be_done_at_a_route_has_its_line(house):
    """And what cannot be done is refused to everybody, whatever they may do otherwise."""
    walker = Walker.of(house, "staff")
    for way in {way.name: way for way in WAYS if not way.name.endswith(".unknown")}.values():
        listed = {other.method for other in WAYS if other.name == way.name}
        listed |= {"HEAD"} if "GET" in listed and allowed_methods(walker, way) & {"HEAD"} else set()
        assert allowed_methods(walker, way) == listed, way
        for method in set(METHODS_OF_HTTP) - listed:
            status = walker.client.ask(method, walker.filled(way.target, False).split("?")[0]).status
            assert status == 405, f"{method} {way.target}: {status}"


# ---- routes


def after(way: Way, role: str | None, disk: str = ROOM) -> tuple[int, ...]:
    """What is answered to whoever has this role, or none.

    A full disk refuses everybody's writing; but who may not write is told that, and not how the disk is.
    """
    status = 200 if way.public else UNAUTHENTICATED if role is None else way.status(role)
    is_asked_of_ledger = not way.only_reads and status not in (UNAUTHENTICATED, FORBIDDEN) or way.name in LOOKS_AT_DISK
    return (status, NO_ROOM) if disk == FULL and is_asked_of_ledger else (status,)


def walk(walker: Walker, role: str | None, disk: str = ROOM, *, writes: bool = True) -> None:
    """Tries every way; first those that change nothing, over which the log stays where it is."""
    harmless = [way for way in WAYS if way.only_reads or after(way, role)[0] >= 300]
    position = walker.service.position
    found = walker.differences(harmless, lambda way: after(way, role, disk))
    found += [f"written for who may not: {event}" for event in walker.service.events_after(position)]
    if disk == ROOM and writes:
        found += walker.differences([way for way in WAYS if way not in harmless], lambda way: after(way, role))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("role", ROLES)
def test_routes_open_what_they_should(house, role):
    walk(Walker.of(house, role), role)


OF_OTHERS = re.compile(r"\{(other|\w*their\w*|shut_budget)\}")


def test_a_user_is_not_told_what_others_have(house):
    """What is there and not one's own is answered as what is not there at all, to the last byte."""
    walker = Walker.of(house, "user")
    for way in WAYS:
        places = OF_OTHERS.findall(way.target)
        if not places or way.status("user") < 300:
            continue
        found = walker.filled(way.target, False)
        absent = walker.filled(OF_OTHERS.sub("999999999" if places[0].startswith("their_") else "{none}", way.target), False)
        body = walker.filled(way.body, False)
        there, not_there = (walker.client.ask(way.method, target, body, way.headers) for target in (found, absent))
        assert there.gist == not_there.gist, way


@pytest.mark.parametrize("disk", [ROOM, FULL])
@pytest.mark.parametrize("loss", LOSSES)
def test_routes_close_with_the_right(house, loss, disk):
    for role in ROLES:
        if not takes_something(loss, role):
            continue
        walker, left = Walker.of(house, role), role_after(loss, role)
        walk(walker, role, writes=False)
        with house.disk(disk):
            house.take(walker.account, loss)
            walk(walker, left, disk)
        walk(walker, left)


@pytest.fixture(params=["kill", "stop"])
def end(request) -> str:
    return request.param


def over_a_restart(house: LostRights, end: str, losses: tuple[str, ...], walk_one: Callable) -> None:
    """Has somebody of every role walk behind a restart who lost something before it, and somebody who lost nothing.

    The last loss was decided on a full disk, which is still full when the server is there again.
    """
    lost = [(Walker.of(house, role), loss) for loss in losses for role in ROLES if takes_something(loss, role)]
    left = [(walker, role_after(loss, walker.role)) for walker, loss in lost]
    kept = [(Walker.of(house, role), role) for role in ROLES]
    for walker, loss in lost[:-1]:
        house.take(walker.account, loss)
    with house.disk(FULL):
        house.take(lost[-1][0].account, lost[-1][1])
        house.kill() if end == "kill" else house.server.stop()
        house.resume()
        for walker, role in left:
            walk_one(walker, role, FULL)
    house.restart()
    for walker, role in left + kept:
        walk_one(walker, role, ROOM)


def test_routes_stay_closed_after_a_restart(house, end):
    over_a_restart(house, end, LOSSES, walk)


# ---- methods of SDKs


def outcome(peer: Peer, method: Method, params: dict) -> dict | str:
    """The answer, or the text of the error."""
    try:
        return peer.call(method.name, params)
    except RpcError as error:
        return str(error)


def try_method(walker: Walker, peer: Peer, method: Method, role: str) -> str | None:
    """What was wrong with the answer about one's own session, if anything."""
    is_allowed = method.access == READS or role in MAY_CHANGE_SESSIONS
    found = outcome(peer, method, walker.filled(method.params, is_allowed))
    refusal = f"the role {role} may not do this"
    if is_allowed != (not isinstance(found, str)) or not is_allowed and refusal not in found:
        return f"{role}: {method.name}: {found}"
    return None


def try_anothers(walker: Walker, peer: Peer, method: Method, role: str) -> str | None:
    """The same about another's session, of which nothing is told."""
    theirs = walker.service.standing.theirs
    found = outcome(peer, method, walker.filled(method.params, False) | {"sessionId": theirs})
    expected = method.of_anothers
    if method.access == CHANGES and role not in MAY_CHANGE_SESSIONS:
        # A new session is nobody's: there only the role counts.
        expected = f"the role {role} may not do this" if method.name == "session.create" else UNKNOWN
    is_right = expected in found if isinstance(found, str) else found == walker.filled(expected, False)
    return None if is_right else f"{role}: {method.name} of another's: {found}"


def refused_to(role: str) -> list[Method]:
    return [method for method in METHODS if method.access == CHANGES and role not in MAY_CHANGE_SESSIONS]


def walk_refused(walker: Walker, peer: Peer, role: str) -> None:
    """Calls every method that this role must not, and every one with another's session: the log stays where it is."""
    position = walker.service.position
    found = [try_method(walker, peer, method, role) for method in refused_to(role)]
    found += [try_anothers(walker, peer, method, role) for method in METHODS if method.is_about_session]
    found += [f"written for who may not: {event}" for event in walker.service.events_after(position)]
    assert not any(found), "\n".join(filter(None, found))


def walk_methods(walker: Walker, peer: Peer, role: str) -> None:
    """Calls every method."""
    walk_refused(walker, peer, role)
    refused = refused_to(role)
    found = [try_method(walker, peer, method, role) for method in METHODS if method not in refused]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("role", ROLES)
def test_methods_do_what_they_should(house, role):
    walker = Walker.of(house, role)
    walk_methods(walker, house.peer(walker.account), role)


@pytest.mark.parametrize("disk", [ROOM, FULL])
@pytest.mark.parametrize("loss", LOSSES)
def test_methods_close_with_the_right(house, loss, disk):
    for role in ROLES:
        if not takes_something(loss, role):
            continue
        walker, left = Walker.of(house, role), role_after(loss, role)
        peer = house.peer(walker.account)
        peer.call("session.getMessages", sessionId=walker.things["mine"])
        with house.disk(disk):
            house.take(walker.account, loss)
            if left is None:
                nothing_goes(walker, peer)
            elif disk == ROOM or left not in MAY_CHANGE_SESSIONS:  # A full disk refuses the others everything.
                walk_refused(walker, peer, left)
        if left:
            walk_methods(walker, peer, left)


@pytest.mark.parametrize("loss", LOSSES)
def test_methods_stay_closed_after_a_restart(house, loss, end):
    """And open to whoever kept the right: calls of models go to a new connection's handler again."""
    over_a_restart(house, end, (loss,), walk_anew)


def walk_anew(walker: Walker, role: str | None, disk: str) -> None:
    """Calls every method over a connection that was not there before."""
    if role is None:
        return no_new_connection(walker)
    peer = walker.service.peer(walker.account)
    if disk == ROOM:
        walk_methods(walker, peer, role)
    elif role not in MAY_CHANGE_SESSIONS:  # A full disk refuses the others everything.
        walk_refused(walker, peer, role)


def nothing_goes(walker: Walker, peer: Peer) -> None:
    """The connection has ended, and a new one is nobody's."""
    until(lambda: peer.closed, "the connection is closed")
    no_new_connection(walker)


def no_new_connection(walker: Walker) -> None:
    with contextlib.closing(walker.service.stranger()) as again:
        assert "AUTHENTICATION_FAILED" in str(again.refused("connect", token=walker.account.token))
        for method in METHODS:
            if method.name != "connect":
                error = again.refused(method.name, walker.filled(method.params, False))
                assert "CONNECT_REQUIRED" in str(error), f"{method.name}: {error}"

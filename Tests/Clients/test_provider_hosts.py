"""Which servers a session's provider may be (contract 5): the public network, and what an operator lists."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from journal import of_type
from model import Endpoint, Model, ask
from peer import Peer
from runtime import SessionService, session_services
from service import Store, binary, environment

FORBIDDEN = ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A service that lists nothing."""
    with session_services(lambda: tmp_path_factory.mktemp("closed")) as start:
        yield start("--provider-hosts", "192.0.2.7:99")


def refusal(service: SessionService, url: str) -> str:
    peer = service.peer(model=False)
    session = peer.create(10, provider={"baseUrl": url})
    error = peer.refused("session.sendAndWait", sessionId=session, prompt="hello")
    metrics = peer.metrics(session)
    assert (metrics["totalNanoAiu"], metrics["aiCreditsStatus"]) == (0, "complete")
    return error.message


@pytest.mark.parametrize("host", FORBIDDEN)
def test_a_client_of_the_network_reaches_nothing_on_this_machine(closed, host):
    before = len(closed.endpoint.model.requests)
    port = closed.endpoint.url.split(":")[-1]
    message = refusal(closed, f"http://{host}:{port}")
    assert "provider_hosts" in message and "--provider-hosts" in message
    assert len(closed.endpoint.model.requests) == before


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "172.31.255.255", "100.64.0.1", "[fd00::1]", "[fe80::1]"])
def test_nor_anything_in_private_networks(closed, host):
    assert "provider_hosts" in refusal(closed, f"http://{host}:1/v1")


def test_its_own_service_is_out_of_reach_whatever_cuts_the_suffix(closed):
    for tail in ("/v1/users?x=", "/v1/users#", "/v1/users/?x=1#y"):
        assert "provider_hosts" in refusal(closed, closed.base + tail)


@pytest.mark.parametrize(
    "listed",
    [
        ("--provider-hosts", "127.0.0.0/8"),
        ("--provider-hosts", "10.0.0.0/8", "--provider-hosts", "127.0.0.1"),
        ("--provider-hosts", "10.0.0.0/8,LOCALHOST"),
    ],
    ids=str,
)
def test_what_is_listed_is_reached(start_own, listed):
    service = start_own(*listed)
    peer = service.peer(model=False)
    url = service.endpoint.url.replace("127.0.0.1", "localhost" if "LOCALHOST" in listed[-1] else "127.0.0.1")
    session = peer.create(10, provider={"baseUrl": url})
    assert peer.turn(session, "hello")["response"]


def test_a_listed_port_is_that_port_only(start_own):
    endpoint, other = Endpoint(), Endpoint()
    port = endpoint.url.split(":")[-1].split("/")[0]
    service = start_own("--provider-hosts", f"127.0.0.1:{port}")
    peer = service.peer(model=False)
    session = peer.create(10, provider=endpoint.provider)
    assert peer.turn(session, "hello")["response"]
    assert "provider_hosts" in refusal(service, other.url)
    endpoint.close()
    other.close()


def test_a_process_of_the_same_system_user_may_call_this_machine(closed):
    spawned = subprocess.Popen(
        [binary(), "--headless", "--port", "0"],
        stdout=subprocess.PIPE,
        env=environment() | {"QUOTALOG_DATA": str(closed.store.path)},
        text=True,
    )
    port = spawned.stdout.readline().split()[-1]
    with Peer(f"127.0.0.1:{port}") as local:
        local.call("connect")
        session = local.create(provider=closed.endpoint.provider)
        assert local.turn(session, "hello")["response"]
        private = local.create(provider={"baseUrl": "http://10.255.255.1:1"})
        assert "provider_hosts" in local.refused("session.sendAndWait", sessionId=private, prompt="hello").message
    spawned.terminate()
    spawned.wait(10)


def test_a_redirect_is_not_followed(runtime):
    class Elsewhere(Model):
        pass

    target = Endpoint()
    endpoint = Endpoint(Elsewhere())

    def redirect(handler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.send_response(307)
        handler.send_header("Location", f"{target.url}/chat/completions")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    endpoint.server.RequestHandlerClass.do_POST = redirect
    assert "307" in refusal(runtime, endpoint.url)
    assert not target.model.requests
    endpoint.close()
    target.close()


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("/v1?api-version=1&x=a%20b", "/v1/chat/completions?api-version=1&x=a%20b"),
        ("/v1/?x=", "/v1/chat/completions?x="),
        ("/v1#fragment", "/v1/chat/completions"),
        ("///", "/chat/completions"),
        ("", "/chat/completions"),
        ("/a%2Fb/?q#f", "/a%2Fb/chat/completions?q"),
    ],
)
def test_the_suffix_stands_in_the_path_whatever_the_base_holds(runtime, tail, path):
    paths: list[str] = []
    endpoint = Endpoint()
    original = endpoint.server.RequestHandlerClass.do_POST

    def post(handler) -> None:
        paths.append(handler.path)
        handler.path = "/v1/chat/completions"
        original(handler)

    endpoint.server.RequestHandlerClass.do_POST = post
    peer = runtime.peer(model=False)
    session = peer.create(10, provider={"baseUrl": endpoint.url.removesuffix("/v1") + tail})
    assert peer.turn(session, "hello")["response"]
    # How an octet is spelled in hexadecimal means nothing (RFC 3986, 6.2.2.1).
    assert [found.lower() for found in paths] == [path.lower()]
    endpoint.close()


def test_secrets_of_an_address_reach_no_event(runtime):
    """The endpoint repeats all that it was told: the header field that the user part became, and the query."""

    class Gossip(Model):
        def pieces(self, request, ask):
            told = self.headers[-1]["authorization"] + " uuuuuser pppppass qqqqquery api-key=qqqqquery"
            yield json.dumps({"error": {"message": told}}).encode()

    endpoint = Endpoint(Gossip())
    original = endpoint.server.RequestHandlerClass.do_POST

    def post(handler) -> None:
        handler.path = "/v1/chat/completions"
        original(handler)

    endpoint.server.RequestHandlerClass.do_POST = post
    peer = runtime.peer(model=False)
    url = endpoint.url.replace("http://", "http://uuuuuser:pppppass@") + "?api-key=qqqqquery"
    session = peer.create(10, provider={"baseUrl": url})
    error = peer.refused("session.sendAndWait", sessionId=session, prompt=json.dumps({"status": 401}))
    field = base64.b64encode(b"uuuuuser:pppppass").decode()
    assert endpoint.model.headers[-1]["authorization"] == f"Basic {field}"
    told = str(of_type(peer.history(session), "session.error")) + error.message + runtime.store.run("export").stdout
    for secret in ("uuuuuser", "pppppass", "qqqqquery", field):
        assert secret not in told
    endpoint.close()


def test_a_users_hanging_calls_leave_room_for_others(runtime):
    """One user's endpoint never answers; of its calls only a share goes out, and another's goes through."""
    greedy, other = runtime.register(), runtime.register()
    peer = runtime.peer(greedy, model=False)
    hanging = Endpoint(Model())
    count = 260
    sessions = [peer.create(provider=hanging.provider) for _ in range(count)]
    turns = [peer.start_turn(session, ask("slow", gate="tarpit")) for session in sessions]
    refused = peer.until(lambda: [turn for turn in turns if turn.done], "the calls beyond the share")
    assert len(refused) <= 10 and "Too many model calls" in refused[0].error().message
    second = runtime.peer(other, model=False)
    session = second.create(provider=runtime.endpoint.provider)
    assert second.turn(session, "hello")["response"]
    hanging.model.open("tarpit")
    for turn in turns:
        peer.until(lambda turn=turn: turn.done, "the end of a turn")
    assert peer.turn(sessions[0], "again")["response"]
    hanging.close()


@pytest.mark.parametrize("text", ["http://x", "10.0.0.0/33", "a b", "x:99999", "[::1", "10.0.0.0/8/8", "::1/129", ":80"])
def test_a_wrong_host_is_refused_at_the_start(tmp_path, text):
    refused = Store.create(tmp_path).try_run("serve", "--check-config", "--provider-hosts", text)
    assert refused.returncode == 64 and "--provider-hosts" in refused.stderr, refused

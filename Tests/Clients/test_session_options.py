"""Options of the SDK that are not supported: each is told once, or refused where going on would be wrong."""

from __future__ import annotations

import pytest

from journal import of_type
from peer import Peer
from service import run


@pytest.fixture
def peer(runtime) -> Peer:
    return runtime.peer()


def warned(peer: Peer, session: str) -> list[str]:
    peer.call("ping")
    warnings = [event["data"] for event in of_type(peer.history(session), "session.warning")]
    assert {warning["warningType"] for warning in warnings} <= {"unsupported_option"}
    return [warning["message"].split()[2] for warning in warnings]


OPTIONS = {
    "tools": [{"name": "t", "description": "d", "parameters": {}}],
    "reasoningEffort": "high",
    "infiniteSessions": {"enabled": True, "bufferExhaustionThreshold": 0.9},
    "mcpServers": {"m": {"command": "x"}},
    "customAgents": [{"name": "a", "prompt": "p"}],
    "availableTools": ["x"],
    "skillDirectories": ["/x"],
    "hooks": True,
    "gitHubToken": "gho_secret-token",
    "optionOfTheFuture": 5,
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_without_effect_is_named_once(runtime, peer, name):
    session = peer.create(**{name: OPTIONS[name]})
    peer.event(session, "session.warning")
    peer.resume(session, **{name: OPTIONS[name]})
    assert warned(peer, session) == [name]
    assert b"gho_secret-token" not in b"".join(peer.journal.bodies)
    assert peer.turn(session, "works all the same")["response"]


def test_nested_options_are_named_by_their_path(peer, runtime):
    provider = runtime.endpoint.provider | {"hasBearerTokenProvider": True, "maxPromptTokens": 5, "azure": {"apiVersion": "1"}}
    message = {"mode": "customize", "content": "be brief", "sections": {"tone": {"action": "remove"}}}
    session = peer.create(provider=provider, systemMessage=message)
    peer.event(session, "session.warning", 4)
    assert sorted(warned(peer, session)) == [
        "provider.azure",
        "provider.hasBearerTokenProvider",
        "provider.maxPromptTokens",
        "systemMessage.sections",
    ]


DEFAULTS = {
    "tools": [],
    "mcpServers": {},
    "infiniteSessions": {"enabled": False},
    "requestPermission": True,
    "toolFilterPrecedence": "excluded",
    "envValueMode": "direct",
    "includeSubAgentStreamingEvents": True,
    "enableConfigDiscovery": False,
    "agent": None,
}


def test_what_every_sdk_sends_by_itself_is_not_told(peer):
    session = peer.create(**DEFAULTS)
    peer.call("session.sendAndWait", sessionId=session, prompt="hello", mode="enqueue", attachments=[])
    assert warned(peer, session) == []


def test_options_of_a_message_are_named(peer):
    session = peer.create()
    more = {"attachments": [{"type": "file", "path": "/x"}], "agentMode": "plan", "mode": "immediate"}
    more["responseFormat"] = {"type": "json_schema", "jsonSchema": {"name": "response"}}
    for _ in range(2):
        peer.call("session.sendAndWait", sessionId=session, prompt="hello", **more)
    assert sorted(warned(peer, session)) == ["agentMode", "attachments", "mode", "responseFormat"]


@pytest.mark.parametrize("prompt", ["", None])
def test_a_message_of_attachments_alone_is_refused(peer, prompt):
    session = peer.create()
    error = peer.refused("session.sendAndWait", sessionId=session, prompt=prompt, attachments=[{"type": "file", "path": "/x"}])
    assert "attachments" in error.message
    assert not of_type(peer.history(session), "user.message")


def test_named_providers_alone_are_refused(runtime):
    peer = runtime.peer(model=False)
    providers = [{"name": "p", "type": "openai", "baseUrl": "http://127.0.0.1:1"}]
    assert "providers" in peer.refused("session.create", sessionId="named-providers", providers=providers).message
    session = peer.create(providers=providers, provider=runtime.endpoint.provider)
    peer.event(session, "session.warning")
    assert warned(peer, session) == ["providers"]


def test_the_model_can_be_switched(peer):
    session = peer.create()
    assert peer.call("session.model.getCurrent", sessionId=session) == {"modelId": "m-small"}
    switched = peer.call("session.model.switchTo", sessionId=session, modelId="m-odd", reasoningEffort="high")
    assert switched["modelId"] == "m-odd"
    assert peer.call("session.model.getCurrent", sessionId=session) == {"modelId": "m-odd"}
    peer.turn(session, "hello")
    assert peer.model.requests[-1]["model"] == "m-odd"
    assert peer.event(session, "assistant.usage")["data"]["model"] == "m-odd"
    assert warned(peer, session) == ["reasoningEffort"]


def test_warnings_outlive_the_server(start_own):
    service = start_own()
    peer = service.peer()
    session = peer.create(tools=OPTIONS["tools"])
    peer.event(session, "session.warning")
    history = peer.history(session)
    service.kill()
    service.resume()
    again = service.peer()
    again.resume(session, suppressResumeEvent=True, tools=OPTIONS["tools"])
    assert again.history(session) == history


def test_small_things_are_as_the_schema_has_them(runtime, peer):
    assert peer.call("plugins.builtin.set", plugins=[]) is None
    version = peer.call("connect", token=runtime.user.token)["version"]
    assert version in run("--version").stdout

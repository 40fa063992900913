"""The acceptance flows of the session contract (section 7), as an application of the SDK sees them.

A flow is `async def flow_…(stage, state)`; what it returns is handed to the flow of a later process as its state.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid

from copilot_stage import Room, Stage, copilot, rpc, session_events
from journal import check_history, durable
from model import CREDIT, ONE_CALL, Ask, ask
from sdk_shapes import event_misfits

FIRST_CAP = 2.5
"""Two plain calls of 1.6 credits fit: 1.6 < 2.5, so the second may start; the third may not."""


async def spent(stage: Stage, limit: float = FIRST_CAP, **config) -> Room:
    """A session that is exhausted: 3.2 of 2.5 credits."""
    room = await stage.room(limit, **config)
    assert await room.say("first") and await room.say("second")
    assert room.count("session_limits_exhausted.requested") == 0
    return room


async def refused(awaitable, *words: str) -> Exception:
    try:
        value = await awaitable
    except Exception as error:
        assert all(word in str(error) for word in words), f"{error!r} says nothing of {words}"
        return error
    raise AssertionError(f"not refused: {value}")


async def flow_create_with_a_limit(stage: Stage, _) -> None:
    room = await stage.room(FIRST_CAP)
    await room.quiet()
    assert room.seen[:2] == ["session.start", "session.session_limits_changed"], room.seen
    start, changed = room.events[0].data, room.events[1].data
    assert (start.session_id, start.version, start.selected_model) == (room.id, 1, "m-small")
    assert start.session_limits.max_ai_credits == FIRST_CAP
    assert changed.session_limits.max_ai_credits == FIRST_CAP
    assert await room.cap() == FIRST_CAP
    assert await room.nano() == 0


async def flow_create_without_a_limit(stage: Stage, _) -> None:
    for limits in ({}, {"session_limits": {}}):
        room = await stage.room(**limits)
        await room.quiet()
        assert room.seen == ["session.start"], room.seen
        assert room.events[0].data.session_limits is None
        assert await room.cap() is None


async def flow_models_and_quota(stage: Stage, _) -> None:
    client = await stage.client()
    (model,) = [model for model in await client.list_models() if model.id == "m-small"]
    assert model.capabilities.limits.max_context_window_tokens == 128_000
    prices = model.billing.token_prices
    assert (prices.input_price, prices.output_price, prices.batch_size) == (0.05, 0.4, 1000)
    quota = await client.rpc.account.get_quota(rpc.AccountGetQuotaRequest())
    assert set(quota.quota_snapshots) == {"daily", "weekly", "monthly"}
    assert all(period.is_unlimited_entitlement for period in quota.quota_snapshots.values())
    status = await client.get_status()
    assert status.to_dict()["protocolVersion"] == 3
    assert (await client.get_auth_status()).isAuthenticated
    assert (await client.ping("hello")).message == "pong: hello"


async def model_calls(stage: Stage, room: Room, streaming: bool) -> None:
    asks = [
        Ask(text="one"),
        Ask(text="two", input=10_001, output=7, cached=3000, reasoning=5),
        Ask(text="nothing", input=0, output=0),
    ]
    for number, wanted in enumerate(asks, 1):
        text = await room.say(ask(**{name: getattr(wanted, name) for name in ("text", "input", "output", "cached", "reasoning")}))
        assert text == wanted.reply, (text, wanted.reply)
        usage = (await room.event("assistant.usage", number)).data
        tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens or 0, usage.reasoning_tokens or 0)
        assert tokens == (wanted.input, wanted.output, wanted.cached, wanted.reasoning)
        assert usage.copilot_usage.total_nano_aiu == wanted.nano, (usage, wanted.nano)
        assert (usage.model, usage.initiator) == ("m-small", "user")
        deltas = [event.data for event in room.all("assistant.message_delta")]
        message = (await room.event("assistant.message", number)).data
        own = "".join(delta.delta_content for delta in deltas if delta.message_id == message.message_id)
        assert own == (text if streaming else ""), (own, text)
    total = sum(wanted.nano for wanted in asks)
    metrics = await room.session.rpc.usage.get_metrics()
    assert metrics.total_nano_aiu == total
    assert room.all("session.usage_checkpoint")[-1].data.total_nano_aiu == total
    assert metrics.total_user_requests == 3
    usage = metrics.model_metrics["m-small"].usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (22_001, 2507, 3000)
    assert metrics.model_metrics["m-small"].requests.count == 3
    checkpoints = [event.data.total_nano_aiu for event in room.all("session.usage_checkpoint")]
    assert checkpoints[:2] == [asks[0].nano, asks[0].nano + asks[1].nano]


async def flow_call_through_a_handler(stage: Stage, _) -> None:
    await model_calls(stage, await stage.room(100), streaming=False)


async def flow_call_through_a_streaming_handler(stage: Stage, _) -> None:
    await model_calls(stage, await stage.room(100, streaming=True), streaming=True)


async def flow_call_through_a_provider(stage: Stage, _) -> None:
    client = await stage.client(handler=False)
    await model_calls(stage, await stage.room(100, client=client, provider=stage.provider), streaming=False)
    assert stage.model.headers[-1]["authorization"] == "Bearer sk-very-secret"


async def flow_call_through_a_streaming_provider(stage: Stage, _) -> None:
    client = await stage.client(handler=False)
    room = await stage.room(100, client=client, provider=stage.provider, streaming=True)
    await model_calls(stage, room, streaming=True)


async def flow_turns_side_by_side(stage: Stage, state) -> None:
    """Twenty sessions under one budget, each on a connection of its own, all sending at once."""

    async def room() -> Room:
        made = stage.http.ask("POST", "/v1/sessions", {"budget_id": state["budget"]})
        return await stage.resume(made.json["session_id"], client=await stage.client(tapped=False), model=state["model"])

    rooms = await asyncio.gather(*(room() for _ in range(20)))
    prompt = json.dumps({"text": "x" * state["input"]} | state["wishes"])
    for _ in range(2):
        await asyncio.gather(*(room.say(prompt, timeout=40) for room in rooms))


async def flow_order_of_a_turn(stage: Stage, _) -> None:
    room = await stage.room()
    await room.say("hello")
    await room.quiet()
    turn = [kind for kind in room.seen[1:] if not kind.startswith("quotalog.")]
    assert turn == [
        "user.message",
        "assistant.turn_start",
        "session.usage_info",
        "assistant.usage",
        "assistant.message",
        "assistant.turn_end",
        "session.usage_checkpoint",
        "session.idle",
    ], turn
    message_id = await room.session.send("again")
    await room.event("session.idle", 2)
    said = room.all("user.message")[1].data
    assert said.content == "again"
    assert getattr(said, "message_id", message_id) == message_id


async def blocked(room: Room, number: int = 1, prompt: str = "third"):
    """A turn that waits for a decision, and the open request."""
    turn = asyncio.create_task(room.say(prompt))
    request = (await room.event("session_limits_exhausted.requested", number)).data
    assert not turn.done()
    return turn, request


async def flow_answer_add(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, request = await blocked(room)
    assert (request.used_ai_credits, request.max_ai_credits) == (3.2, 2.5)
    assert await room.answer(request.request_id, "add", add=2)
    assert await turn == "answer to third – ✓ 🦜"
    completed = room.all("session_limits_exhausted.completed")
    assert [event.data.request_id for event in completed] == [request.request_id]
    response = completed[0].data.response
    assert (response.action.value, response.additional_ai_credits, response.max_ai_credits) == ("add", 2, None)
    assert room.all("session.session_limits_changed")[-1].data.session_limits.max_ai_credits == 4.5
    assert await room.cap() == 4.5
    assert await room.nano() == 3 * ONE_CALL
    turn, second = await blocked(room, 2)
    assert second.request_id != request.request_id
    assert (second.used_ai_credits, second.max_ai_credits) == (4.8, 4.5)
    assert await room.answer(second.request_id, "cancel")
    assert await turn is None


async def flow_answer_set(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, request = await blocked(room)
    assert await room.answer(request.request_id, "set", max=10)
    assert await turn == "answer to third – ✓ 🦜"
    assert await room.cap() == 10
    assert room.all("session_limits_exhausted.completed")[0].data.response.max_ai_credits == 10


async def flow_answer_unset(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, request = await blocked(room)
    assert await room.answer(request.request_id, "unset")
    assert await turn == "answer to third – ✓ 🦜"
    assert await room.cap() is None
    assert room.all("session.session_limits_changed")[-1].data.session_limits is None
    assert await room.say("fourth")


async def flow_answer_cancel(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, request = await blocked(room)
    assert await room.answer(request.request_id, "cancel")
    assert await turn is None
    assert await room.cap() == FIRST_CAP
    assert await room.nano() == 2 * ONE_CALL
    assert [event.data.warning_type for event in room.all("session.warning")] == ["session_limits"]
    assert not room.all("session.error")


async def flow_a_new_cap_still_too_small(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, first = await blocked(room)
    assert await room.answer(first.request_id, "add", add=0.1)
    second = (await room.event("session_limits_exhausted.requested", 2)).data
    assert second.request_id != first.request_id
    assert (second.used_ai_credits, second.max_ai_credits) == (3.2, 2.6)
    assert await room.answer(second.request_id, "set", max=3.2)
    third = (await room.event("session_limits_exhausted.requested", 3)).data
    assert third.max_ai_credits == 3.2
    assert not turn.done()
    assert await room.answer(third.request_id, "set", max=3.2000001)
    assert await turn == "answer to third – ✓ 🦜"


async def flow_second_answers(stage: Stage, _) -> None:
    room = await spent(stage)
    other = await stage.resume(room.id)
    await room.watch()
    turn, request = await blocked(room)
    await other.event("session_limits_exhausted.requested")
    first, second = await asyncio.gather(
        room.answer(request.request_id, "add", add=5), other.answer(request.request_id, "set", max=50)
    )
    assert {first, second} == {True, False}
    assert not await room.answer(request.request_id, "unset")
    assert not await other.answer(request.request_id, "cancel")
    assert not await other.answer(str(uuid.uuid4()), "unset")
    assert await turn
    await other.event("session.idle")
    for eyes in (room, other):
        await eyes.quiet()
        assert eyes.count("session_limits_exhausted.completed") == 1
        assert eyes.count("session_limits_exhausted.requested") == 1
    assert await room.cap() == (7.5 if first else 50)


async def flow_exhaustion_without_interest(stage: Stage, _) -> None:
    room = await spent(stage)
    began = time.monotonic()
    assert await room.say("third") is None
    assert time.monotonic() - began < 5
    request = (await room.event("session_limits_exhausted.requested")).data
    assert (request.used_ai_credits, request.max_ai_credits) == (3.2, 2.5)
    warnings = [event for event in await room.session.get_events() if event.type.value == "session.warning"]
    assert [warning.data.warning_type for warning in warnings] == ["session_limits"]
    assert await room.say("again") is None
    repeated = (await room.event("session_limits_exhausted.requested", 2)).data
    assert repeated.request_id == request.request_id
    assert await room.answer(request.request_id, "add", add=1)
    assert await room.cap() == 3.5
    assert await room.say("fifth") == "answer to fifth – ✓ 🦜"
    assert await room.nano() == 3 * ONE_CALL


async def flow_options_update(stage: Stage, _) -> None:
    room = await stage.room()
    assert await room.update(session_limits=rpc.SessionLimitsConfig(max_ai_credits=40))
    assert await room.cap() == 40
    assert await room.update(skip_custom_instructions=True)
    assert await room.cap() == 40
    assert (await room.raw("session.options.update", sessionLimits=None))["success"]
    assert await room.cap() is None
    assert await room.update(session_limits=rpc.SessionLimitsConfig(max_ai_credits=31.708776))
    assert await room.cap() == 31.708776
    assert await room.update(session_limits=rpc.SessionLimitsConfig())
    assert await room.cap() is None
    await room.quiet()
    changes = [event.data.session_limits for event in room.all("session.session_limits_changed")]
    assert [change and change.max_ai_credits for change in changes] == [40, None, 31.708776, None]


async def flow_update_while_deciding(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    turn, request = await blocked(room)
    assert await room.update(session_limits=rpc.SessionLimitsConfig(max_ai_credits=30))
    assert await turn
    completed = (await room.event("session_limits_exhausted.completed")).data
    assert (completed.request_id, completed.response.action.value) == (request.request_id, "set")
    assert not await room.answer(request.request_id, "cancel")


async def flow_resume_with_limits(stage: Stage, _) -> None:
    room = await stage.room(40)
    await room.say("first")
    await room.session.disconnect()
    kept = await stage.resume(room.id)
    assert await kept.cap() == 40
    assert await kept.nano() == ONE_CALL
    await kept.quiet()
    resumed = kept.all("session.resume")
    assert len(resumed) == 1 and resumed[0].data.session_limits.max_ai_credits == 40
    assert not kept.all("session.session_limits_changed")
    replaced = await stage.resume(room.id, session_limits={"max_ai_credits": 50})
    assert await replaced.cap() == 50
    assert replaced.all("session.session_limits_changed")[0].data.session_limits.max_ai_credits == 50
    removed = await stage.resume(room.id, session_limits={})
    assert await removed.cap() is None
    assert removed.all("session.session_limits_changed")[0].data.session_limits is None
    assert await removed.nano() == ONE_CALL


async def flow_resume_on_the_same_connection(stage: Stage, _) -> None:
    client = await stage.client()
    room = await stage.room(client=client)
    again = await stage.resume(room.id, client=client)
    await again.say("hello")
    await again.quiet()
    assert again.count("user.message") == again.count("session.idle") == 1, again.seen


async def flow_life_of_a_session(stage: Stage, _) -> None:
    client = await stage.client(token=stage.tokens[1])
    created, deleted = [], []
    client.on_lifecycle("session.created", lambda event: created.append(event.session_id))
    client.on_lifecycle("session.deleted", lambda event: deleted.append(event.session_id))
    room = await stage.room(client=client)
    await room.say("hello")
    assert room.id in {entry.session_id for entry in await client.list_sessions()}
    assert await client.get_last_session_id() == room.id
    assert (await client.get_session_metadata(room.id)).session_id == room.id
    assert await client.get_session_metadata(str(uuid.uuid4())) is None
    await room.session.disconnect()
    stranger = await stage.client()
    assert room.id not in {entry.session_id for entry in await stranger.list_sessions()}
    assert await stranger.get_session_metadata(room.id) is None
    await refused(stage.resume(room.id, client=stranger), f"Session not found: {room.id}")
    await client.delete_session(room.id)
    await client.ping()
    assert room.id not in {entry.session_id for entry in await client.list_sessions()}
    await refused(stage.resume(room.id, client=client), f"Session not found: {room.id}")
    await refused(client.delete_session(room.id), "Failed to delete session")
    assert (created, deleted) == ([room.id], [room.id])


async def flow_tokens(stage: Stage, _) -> None:
    for token in ("wrong", None):
        error = await refused(stage.client(token=token), "AUTHENTICATION_FAILED")
        assert error.code == -32002
    client = await stage.client()
    assert (await client.ping()).message


async def flow_abort_a_call(stage: Stage, _) -> None:
    room = await stage.room(10)
    gate = str(uuid.uuid4())
    await room.session.send(ask("slow", gate=gate))
    await asyncio.to_thread(stage.model.wait_for, gate)
    await room.session.abort()
    idle = (await room.event("session.idle")).data
    assert idle.aborted is True
    stage.model.open(gate)
    assert len(room.all("abort")) == 1
    assert await room.say("next") == "answer to next – ✓ 🦜"
    await room.session.abort()


async def flow_abort_a_decision(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    await room.session.send("third")
    request = (await room.event("session_limits_exhausted.requested")).data
    await room.session.abort()
    idle = (await room.event("session.idle", 3)).data
    assert idle.aborted is True
    completed = (await room.event("session_limits_exhausted.completed")).data
    assert (completed.request_id, completed.response.action.value) == (request.request_id, "cancel")
    assert len(room.all("abort")) == 1 and not room.all("session.warning")
    assert not await room.answer(request.request_id, "unset")


async def flow_client_timeout_in_a_decision(stage: Stage, _) -> None:
    room = await spent(stage)
    await room.watch()
    error = await refused(room.say("third", timeout=0.5))
    assert isinstance(error, TimeoutError), error
    request = (await room.event("session_limits_exhausted.requested")).data
    assert await room.answer(request.request_id, "add", add=10)
    await room.event("session.idle", 3)
    assert room.all("assistant.message")[-1].data.content == "answer to third – ✓ 🦜"
    assert await room.say("fourth") == "answer to fourth – ✓ 🦜"


async def flow_stopping_a_client(stage: Stage, _) -> None:
    one = await stage.room(10)
    two = await stage.resume(one.id)
    await two.client.stop()
    if hasattr(one.session, "_mark_disconnected"):
        assert await one.say("still here")
    again = await stage.resume(one.id)
    assert await again.cap() == 10


async def flow_two_clients(stage: Stage, _) -> None:
    one = await stage.room(10)
    two = await stage.resume(one.id)
    three = await stage.resume(one.id)
    await one.say("hello")
    await asyncio.gather(*(room.event("session.idle") for room in (two, three)))
    ids = [[event.id for event in room.events] for room in (one, two, three)]
    turn = ids[0][-8:]
    assert ids[1][-8:] == turn and ids[2][-8:] == turn
    await three.raw("session.detach")
    before = len(three.events)
    await two.say("more")
    await one.event("session.idle", 2)
    await three.quiet()
    assert len(three.events) == before
    assert (await two.raw("session.destroy"))["success"]
    shutdown = (await one.event("session.shutdown")).data
    assert (shutdown.shutdown_type.value, shutdown.total_nano_aiu) == ("routine", 2 * ONE_CALL)
    again = await stage.resume(one.id)
    assert await again.nano() == 2 * ONE_CALL
    history = await again.history()
    check_history(history)
    assert "session.shutdown" in [event["type"] for event in history]


async def flow_failures_of_the_model(stage: Stage, _) -> None:
    for config in ({}, {"streaming": True}):
        room = await stage.room(10, **config)
        await refused(room.say(ask("x", status=500)))
        assert (await room.event("session.error")).data.message
        await room.event("session.idle")
        assert await room.nano() == 0
        assert await room.say("works") == "answer to works – ✓ 🦜"
    client = await stage.client(handler=False)
    lonely = await stage.room(client=client)
    await refused(lonely.say("nobody answers"))
    assert await lonely.nano() == 0


async def flow_history_equals_what_was_seen(stage: Stage, _) -> None:
    room = await spent(stage, streaming=True)
    await room.say("third")
    await room.quiet()
    history = await room.history()
    check_history(history)
    assert history == durable(stage.wiretap.events(room.id))
    assert len(await room.session.get_events()) == len(history)


async def flow_budget_over_http(stage: Stage, _) -> None:
    room = await stage.room(FIRST_CAP)
    await room.watch()
    path, http = f"/v1/sessions/{room.id}", stage.http
    said = http.post(f"{path}/usage", {"usage_id": "u1", "nano_aiu": 3 * CREDIT})
    assert said.status == 200, said.gist
    usage = (await room.event("assistant.usage")).data
    assert usage.copilot_usage.total_nano_aiu == 3 * CREDIT
    assert (await room.event("session.usage_checkpoint")).data.total_nano_aiu == 3 * CREDIT
    turn, request = await blocked(room)
    verdict = http.post(f"{path}/check", {}).json
    assert (verdict["allowed"], verdict["request_id"]) == (False, request.request_id)
    answered = http.post(f"{path}/exhaustions/{request.request_id}", {"action": "add", "additional_ai_credits": 5})
    assert answered.status == 200 and answered.json["session"]["session_limits"] == {"max_ai_credits": 7.5}
    assert await turn == "answer to third – ✓ 🦜"
    assert not await room.answer(request.request_id, "cancel")
    body = {"session_limits": {"max_ai_credits": 9}}
    assert http.ask("PATCH", path, body).json["session_limits"] == {"max_ai_credits": 9}
    assert (await room.event("session.session_limits_changed", 3)).data.session_limits.max_ai_credits == 9
    page = http.get(f"{path}/events?limit=1000").json
    assert page["events"] == await room.history()


async def flow_the_checks_can_fail(stage: Stage, _) -> None:
    room = await stage.room(10)
    await room.say("hello")
    for event in await room.history():
        assert not event_misfits(event, session_events, closed=False)
        assert event_misfits(event | {"invented": 1}, session_events, closed=True)
        assert event_misfits(event | {"data": event["data"] | {"invented": 1}}, session_events, closed=True)
        assert event_misfits(event | {"type": "session.invented"}, session_events, closed=False)
        assert event_misfits(event | {"id": "no uuid"}, session_events, closed=False)
        for name, value in event["data"].items():
            wrong = [7] if not isinstance(value, list) else "text"
            assert event_misfits(event | {"data": event["data"] | {name: wrong}}, session_events, closed=True), name


# ---- of pairs of processes, with the server stopped between them


async def flow_before_a_restart(stage: Stage, _) -> dict:
    room = await spent(stage)
    assert await room.say("third") is None
    request = (await room.event("session_limits_exhausted.requested")).data
    history = await room.history()
    return {"session": room.id, "request": request.request_id, "history": history}


async def flow_after_a_restart(stage: Stage, state: dict) -> None:
    client = await stage.client()
    (before,) = [entry for entry in await client.list_sessions() if entry.session_id == state["session"]]
    assert before.session_id == state["session"]
    room = await stage.resume(state["session"], client=client)
    assert await room.nano() == 2 * ONE_CALL
    assert await room.cap() == FIRST_CAP
    history = await room.history()
    kept = history[: len(state["history"])]
    assert kept == state["history"]
    check_history(history)
    request = (await room.event("session_limits_exhausted.requested")).data
    assert (request.request_id, request.used_ai_credits) == (state["request"], 3.2)
    assert await room.say("still too much") is None
    assert await room.answer(state["request"], "add", add=1)
    assert await room.say("goes on") == "answer to goes on – ✓ 🦜"
    assert await room.nano() == 3 * ONE_CALL
    conversation = stage.model.requests[-1]["messages"]
    assert json.dumps(conversation).count("first") >= 1, conversation


# ---- of SDKs that start the runtime themselves


async def flow_latency(stage: Stage, _) -> dict:
    client = await stage.client(tapped=False)
    room = await stage.room(10, client=client)
    await room.say("hello")

    async def median(call) -> float:
        times = []
        for _ in range(300):
            began = time.perf_counter()
            await call()
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1000

    return {"ping": await median(client.ping), "metrics": await median(room.session.rpc.usage.get_metrics)}


async def spawned(stage: Stage, connection, token_user_limit: float = FIRST_CAP) -> None:
    client = await stage.start(connection)
    room = await stage.room(token_user_limit, client=client)
    await room.quiet()
    assert room.seen[:2] == ["session.start", "session.session_limits_changed"], room.seen
    assert await room.cap() == FIRST_CAP
    await room.watch()
    assert await room.say("first") and await room.say("second")
    turn, request = await blocked(room)
    assert await room.answer(request.request_id, "unset")
    assert await turn
    assert await room.nano() == 3 * ONE_CALL
    process = client._cli_process
    began = time.monotonic()
    await client.stop()
    assert time.monotonic() - began < 8
    assert process.poll() is not None


async def flow_over_standard_streams(stage: Stage, _) -> None:
    await spawned(stage, copilot.RuntimeConnection.for_stdio())


async def flow_over_a_spawned_listener(stage: Stage, _) -> None:
    await spawned(stage, copilot.RuntimeConnection.for_tcp())

"""What the flows of an unmodified Copilot SDK stand on: clients, sessions with their events, a model.

Imported only by `copilot_driver.py`, whose interpreter has exactly one version of the SDK on its path.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import dataclass, field

import copilot
import httpx
from copilot.generated import rpc, session_events
from model import MODEL, Endpoint, Model

from service import Client
from wiretap import Wiretap

try:
    from copilot import CopilotRequestHandler
except ImportError:
    from copilot.copilot_request_handler import CopilotRequestHandler

DEADLINE_SECONDS = 15
INTEREST = "session_limits_exhausted.requested"
Action = rpc.UISessionLimitsExhaustedResponseAction


class ModelHandler(CopilotRequestHandler):
    """Answers model calls inside the application, as route a allows."""

    def __init__(self, model: Model):
        self.model = model
        self.contexts: list = []

    async def send_request(self, request: httpx.Request, ctx) -> httpx.Response:
        import json

        self.contexts.append(ctx)
        asked = json.loads(request.content)
        ask = self.model.note(asked, dict(request.headers))
        pieces = self.model.pieces(asked, ask)

        async def stream():
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece

        headers = {"content-type": Model.content_type(asked, ask)}
        return httpx.Response(ask.status, headers=headers, content=stream(), request=request)


@dataclass
class Room:
    """One session and what one client sees of it."""

    client: copilot.CopilotClient
    session: object = None
    events: list = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.session.session_id

    @property
    def seen(self) -> list[str]:
        return [event.type.value if event.raw_type is None else event.raw_type for event in self.events]

    def count(self, kind: str) -> int:
        return self.seen.count(kind)

    def all(self, kind: str) -> list:
        return [event for event in self.events if event.type.value == kind]

    async def event(self, kind: str, number: int = 1):
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(found := self.all(kind)) < number:
                await asyncio.sleep(0.005)
        return found[number - 1]

    async def quiet(self) -> None:
        """Until all that was sent before now has been dispatched."""
        await self.client.ping("quiet")
        await asyncio.sleep(0)

    async def say(self, prompt: str, timeout: float = DEADLINE_SECONDS) -> str | None:
        """The text of the turn's answer."""
        message = await self.session.send_and_wait(prompt, timeout=timeout)
        return message and message.data.content

    async def watch(self) -> str:
        params = rpc.RegisterEventInterestParams(event_type=INTEREST)
        return (await self.session.rpc.event_log.register_interest(params)).handle

    async def answer(self, request_id: str, action: str, add: float | None = None, max: float | None = None) -> bool:
        response = rpc.UISessionLimitsExhaustedResponse(Action(action), add, max)
        params = rpc.UIHandlePendingSessionLimitsExhaustedRequest(request_id, response)
        return (await self.session.rpc.ui.handle_pending_session_limits_exhausted(params)).success

    async def update(self, **params) -> bool:
        return (await self.session.rpc.options.update(rpc.SessionUpdateOptionsParams(**params))).success

    async def raw(self, method: str, **params):
        """A request that the typed interface cannot make."""
        return await self.client._client.request(method, {"sessionId": self.id} | params)

    async def cap(self) -> float | None:
        limits = (await self.session.rpc.metadata.snapshot()).session_limits
        return limits and limits.max_ai_credits

    async def nano(self) -> float:
        return (await self.session.rpc.usage.get_metrics()).total_nano_aiu or 0

    async def history(self) -> list[dict]:
        return (await self.raw("session.getMessages"))["events"]


class Stage:
    """The flows' surroundings; everything it lends is taken back at the end of a flow."""

    def __init__(self, runtime: str, base: str, tokens: list[str]):
        self.runtime, self.base, self.tokens = runtime, base, tokens
        self.wiretap = Wiretap(runtime)
        self.endpoint = Endpoint()
        self.clients: list = []

    @property
    def model(self) -> Model:
        return self.endpoint.model

    @property
    def provider(self) -> dict:
        return {"type": "openai", "base_url": self.endpoint.url, "api_key": "sk-very-secret"}

    @property
    def http(self) -> Client:
        return Client(self.base, self.tokens[0])

    async def client(self, *, handler: bool = True, token: str | None = "", tapped: bool = True):
        """A started client; without a token of its own, the first user's."""
        address = self.wiretap.address if tapped else self.runtime
        connection = copilot.RuntimeConnection.for_uri(
            address, connection_token=self.tokens[0] if token == "" else token
        )
        return await self.start(connection, handler=handler)

    async def start(self, connection, *, handler: bool = True, **options):
        if handler:
            options["request_handler"] = ModelHandler(self.model)
        client = copilot.CopilotClient(connection=connection, **options)
        self.clients.append(client)
        await client.start()
        return client

    async def room(self, limit: float | None = None, *, client=None, **config) -> Room:
        """A new session, capped if a limit is given."""
        room = Room(client or await self.client())
        if limit is not None:
            config["session_limits"] = {"max_ai_credits": limit}
        room.session = await room.client.create_session(
            **self._config(room, {"model": MODEL, "session_id": str(uuid.uuid4())} | config)
        )
        return room

    async def resume(self, session_id: str, *, client=None, **config) -> Room:
        room = Room(client or await self.client())
        room.session = await room.client.resume_session(session_id, **self._config(room, config))
        return room

    @staticmethod
    def _config(room: Room, config: dict) -> dict:
        return {"on_event": room.events.append, "on_permission_request": copilot.PermissionHandler.approve_all} | config

    async def tidy(self) -> None:
        """Not by `stop`, which waits a second for its own reading thread."""
        clients, self.clients = self.clients, []
        for client in clients:
            with contextlib.suppress(Exception):
                await client.force_stop()

    def close(self) -> None:
        self.wiretap.close()
        self.endpoint.close()


__all__ = ["INTEREST", "Room", "Stage", "copilot", "rpc", "session_events"]

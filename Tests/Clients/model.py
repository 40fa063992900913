"""A model of our own: chat completions whose cost, speed and failures the prompt itself asks for.

A prompt is either plain text, answered at 1.6 credits (12 000 + 2500 tokens), or what `ask` makes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "m-small"
PRICES = {
    "input_nano_aiu": 50_000_000,
    "output_nano_aiu": 400_000_000,
    "cache_read_nano_aiu": 5_000_000,
    "cache_write_nano_aiu": 60_000_000,
    "batch_size": 1000,
    "max_context_tokens": 128_000,
    "max_output_tokens": 16_000,
}
ODD_MODEL = "m-odd"
ODD_PRICES = {"input_nano_aiu": 1, "output_nano_aiu": 3, "batch_size": 1000}
"""Prices at which hardly any call costs whole nano-AIU."""

CREDIT = 1_000_000_000
ONE_CALL = 1_600_000_000
"""What a plain prompt costs."""

GATE_SECONDS = 30


@dataclass(frozen=True)
class Ask:
    """What a prompt asks the model to do."""

    text: str = ""
    input: int = 12_000
    output: int = 2500
    cached: int = 0
    reasoning: int = 0
    usage: bool = True
    status: int = 200
    gate: str | None = None
    """The answer's second half, or a whole answer that is no stream, waits until this gate is opened."""
    cut: bool = False
    """The connection ends in the middle of the answer."""

    @property
    def nano(self) -> int:
        """The cost by the price table, rounded up once."""
        sum_of_batches = (
            (self.input - self.cached) * PRICES["input_nano_aiu"]
            + self.cached * PRICES["cache_read_nano_aiu"]
            + self.output * PRICES["output_nano_aiu"]
        )
        return -(-sum_of_batches // PRICES["batch_size"])

    @property
    def reply(self) -> str:
        return f"answer to {self.text or 'the question'} – ✓ 🦜"

    def usage_block(self) -> dict:
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }

    @classmethod
    def of(cls, request: dict) -> Ask:
        """What the last message of a request asks for."""
        content = request["messages"][-1]["content"]
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        return cls(**json.loads(content)) if content.startswith("{") else cls(text=content)


def ask(text: str = "", **wishes) -> str:
    """A prompt that asks for this behaviour: `ask("hi", output=0)`, `ask(status=500)`."""
    plain = asdict(Ask())
    wanted = asdict(Ask(text=text, **wishes))
    return json.dumps({name: value for name, value in wanted.items() if value != plain[name]})


def body_parts(request: dict, ask: Ask) -> list[bytes]:
    """The answer's body in the pieces a server would flush; a cut answer lacks the last of them."""
    if ask.status != 200:
        return [json.dumps({"error": {"message": "the model refuses", "type": "server_error"}}).encode()]
    head = {"id": "chatcmpl-1", "created": 1, "model": request["model"]}
    if not request.get("stream"):
        message = {"role": "assistant", "content": ask.reply}
        whole = head | {"object": "chat.completion"}
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        if ask.usage:
            whole["usage"] = ask.usage_block()
        text = json.dumps(whole, ensure_ascii=False).encode()
        return [text[: len(text) // 2], text[len(text) // 2 :]]
    head |= {"object": "chat.completion.chunk"}
    words = [word + " " for word in ask.reply.split(" ")]
    words[-1] = words[-1].rstrip()
    deltas = [{"role": "assistant", "content": ""}] + [{"content": word} for word in words]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if ask.usage and (request.get("stream_options") or {}).get("include_usage"):
        chunks.append(head | {"choices": [], "usage": ask.usage_block()})
    lines = [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in chunks]
    lines.append(b"data: [DONE]\n\n")
    return [b": keep-alive\n\n", b"".join(lines[:3]), *lines[3:]]


@dataclass
class Model:
    """Answers requests, remembers them, and holds the ones that a test wants to catch in the middle."""

    requests: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _gates: dict[str, threading.Event] = field(default_factory=dict)
    _arrivals: dict[str, threading.Event] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _event(self, events: dict[str, threading.Event], name: str) -> threading.Event:
        with self._lock:
            return events.setdefault(name, threading.Event())

    def open(self, gate: str) -> None:
        """Lets the requests at this gate go on."""
        self._event(self._gates, gate).set()

    def has_arrived(self, gate: str) -> bool:
        return self._event(self._arrivals, gate).is_set()

    def wait_for(self, gate: str) -> None:
        """Until a request waits at this gate."""
        assert self._event(self._arrivals, gate).wait(GATE_SECONDS), f"no model call came to gate {gate}"

    def note(self, request: dict, headers: dict[str, str]) -> Ask:
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
        return Ask.of(request)

    def pieces(self, request: dict, ask: Ask) -> Iterator[bytes]:
        """The body's pieces; blocks at the gate. A cut answer ends with an error."""
        parts = body_parts(request, ask)
        middle = len(parts) // 2
        yield from parts[:middle]
        if ask.gate:
            self._event(self._arrivals, ask.gate).set()
            self._event(self._gates, ask.gate).wait(GATE_SECONDS)
        if ask.cut:
            raise ConnectionError("the model's connection was cut")
        yield from parts[middle:]

    @staticmethod
    def content_type(request: dict, ask: Ask) -> str:
        return "text/event-stream" if request.get("stream") and ask.status == 200 else "application/json"


class CrowdedServer(ThreadingHTTPServer):
    """Hundreds may connect at once; a short queue would drop them, and they would come again seconds later."""

    request_queue_size = 1024


class Endpoint:
    """The model behind HTTP on a free port of 127.0.0.1."""

    def __init__(self, model: Model | None = None):
        self.model = model = model or Model()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != "/v1/chat/completions":
                    self.send_error(404)
                    return
                request = json.loads(body)
                ask = model.note(request, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(ask.status)
                self.send_header("Content-Type", model.content_type(request, ask))
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    for piece in model.pieces(request, ask):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    self.close_connection = True

            def log_message(self, *_) -> None:
                pass

        self.server = CrowdedServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    @property
    def provider(self) -> dict:
        """The session's provider in the wire's spelling."""
        return {"type": "openai", "baseUrl": self.url, "apiKey": "sk-very-secret"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

"""A gateway loop that never overspends: hold, call the model, settle, and outlive being killed anywhere in between.

Each call has one id, and every request about it carries an id made from that one, so that a request can be repeated as
often as need be. What is about to be asked stands in a journal first, on the disk. A gateway that starts again repeats
what its journal leaves open, with the same ids: nothing is counted twice, nothing is lost, no hold is left behind.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

PASSED_ON = ("Content-Type", "Retry-After", "RateLimit", "RateLimit-Policy")
"""The headers of a refusal that a client wants to see."""


class Refused(Exception):
    """The quota does not allow the call. Answer your own client with exactly this status, these headers, this body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        super().__init__(json.loads(body)["detail"])
        self.status, self.headers, self.body = status, headers, body


class QuotalogFailed(Exception):
    """Quotalog says that a request is wrong."""


class QuotalogAway(QuotalogFailed):
    """Quotalog could not be reached for a while. What was to be asked stays in the journal."""


class ModelFailed(Exception):
    """The model could not be reached, answered with an error, or broke off."""


def connect(url: str, timeout: float) -> tuple[HTTPConnection, str]:
    """An open connection, and what stands before the path of each request."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    connection.connect()
    return connection, parts.path.rstrip("/")


class Journal:
    """The steps of all calls, a line of JSON each, on the disk before they are taken."""

    def __init__(self, path: str):
        self._lock = threading.Lock()
        self._file = open(path, "a+b")
        try:
            # Of two gateways with one journal, each would take the other's running calls for lost ones.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise SystemExit(f"another gateway works with the journal {path}") from None
        # A line that is not whole tells of a step that was never taken.
        self._file.seek(0)
        self._file.truncate(self._file.read().rfind(b"\n") + 1)
        sync_directory(os.path.dirname(os.path.abspath(path)))

    def write(self, call: str, step: str, body: dict | None = None) -> None:
        line = json.dumps({"call": call, "step": step, "body": body or {}}).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())

    def open_calls(self) -> dict[str, list[tuple[str, dict]]]:
        """The steps of every call that has not come to its end."""
        calls: dict[str, list[tuple[str, dict]]] = {}
        with self._lock:
            self._file.seek(0)
            for record in map(json.loads, self._file):
                calls.setdefault(record["call"], []).append((record["step"], record["body"]))
        return {call: steps for call, steps in calls.items() if steps[-1][0] != "end"}

    def clear(self) -> None:
        """Forgets all calls, once they have come to their end."""
        self._file.truncate(0)

    def close(self) -> None:
        self._file.close()


def sync_directory(path: str) -> None:
    """Makes the name of a new file as durable as what stands in it."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@dataclass
class Quotalog:
    """What a gateway asks of quotalog. Every request has an id, so that it is safe to repeat."""

    url: str
    token: str
    patience_seconds: float = 30
    """For how long a request is repeated while quotalog is away."""

    def hold(self, body: dict) -> str:
        """Sets the estimate aside."""
        status, headers, answer = self._post("/v1/holds", body)
        if status in (200, 201):
            return json.loads(answer)["hold"]
        if status == 409 and json.loads(answer)["code"] == "quota_exceeded":
            raise Refused(status, {name: headers[name] for name in PASSED_ON if name in headers}, answer)
        raise QuotalogFailed(f"quotalog takes no such hold: {answer.decode(errors='replace')}")

    def change(self, hold: str, action: str, body: dict) -> None:
        status, _, answer = self._post(f"/v1/holds/{hold}/{action}", body)
        if status != 200:
            raise QuotalogFailed(f"quotalog does not {action} hold {hold}: {answer.decode(errors='replace')}")

    def _post(self, path: str, body: dict) -> tuple[int, dict[str, str], bytes]:
        """The answer; where there is none, or it is 5xx, the same request again and again."""
        deadline, pause = time.monotonic() + self.patience_seconds, 0.05
        while True:
            try:
                status, headers, answer = self._post_once(path, body)
            except (OSError, HTTPException) as error:
                status, headers, answer = 503, {}, str(error).encode()
            if status < 500:
                return status, headers, answer
            pause = max(pause, float(headers.get("Retry-After", 0)))
            if time.monotonic() + pause > deadline:
                raise QuotalogAway(f"quotalog is away: {answer.decode(errors='replace')}")
            time.sleep(pause * random.uniform(0.7, 1))
            pause = min(2 * pause, 2)

    def _post_once(self, path: str, body: dict) -> tuple[int, dict[str, str], bytes]:
        connection, prefix = connect(self.url, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("POST", prefix + path, json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()


@dataclass
class Call:
    """A call under way."""

    id: str
    steps: list[tuple[str, dict]] = field(default_factory=list)
    """What the journal has."""
    unsent: list[tuple[str, dict]] = field(default_factory=list)
    """Those of which quotalog has not said yet that it took them."""
    hold: str = ""
    pieces: int = 0
    """Of the answer so far."""
    usage: dict | None = None
    """What the model reported."""
    is_reached: bool = False
    """Whether the model may have used anything."""
    is_over: threading.Event = field(default_factory=threading.Event)

    def step(self, name: str) -> dict | None:
        return next((body for step, body in self.steps if step == name), None)

    @property
    def parts(self) -> list[dict]:
        return [body for step, body in self.steps if step == "part"]

    @property
    def settled(self) -> int:
        """The tokens that parts have counted, all of the model's answer."""
        return sum(part["output_tokens"] for part in self.parts)

    @property
    def last_settlement(self) -> dict:
        """What is left to be counted. A call whose end nobody has seen counts as what it was estimated at."""
        if self.usage is None:
            return {"tokens": max(0, self.step("hold")["estimate"] - self.settled)}
        input, output = self.usage["prompt_tokens"], self.usage["completion_tokens"]
        cached = (self.usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        rest = {"input_tokens": input, "output_tokens": max(0, output - self.settled)}
        return rest | ({"cache_read_tokens": cached} if cached else {})


class Gateway:
    """Calls a model for users who may spend no more than quotalog allows them."""

    def __init__(self, quotalog: Quotalog, model_url: str, journal: str, *, model_key: str = "", ttl_seconds: int = 60,
                 part_tokens: int = 100, beat_seconds: float = 0.5):  # fmt: skip
        """`part_tokens`: how much of an answer is settled while the rest still comes."""
        self.quotalog = quotalog
        self.model_url, self.model_key = model_url, model_key
        self.ttl_seconds, self.part_tokens, self.beat_seconds = ttl_seconds, part_tokens, beat_seconds
        self.journal = Journal(journal)
        self._running: set[str] = set()
        self.left_open = self.finish_open_calls()
        if not self.left_open:
            self.journal.clear()

    def close(self) -> None:
        self.journal.close()

    def ask(self, user: str, request: dict, *, estimate: int, stream: bool = True, **paid_by) -> Iterator[str]:
        """The pieces of the model's answer; `request` is the body of a chat completion.

        `estimate` is the most that the call may use, in tokens. `paid_by` may name a `session_id`, `budget_ids` and
        an `estimate_nano_aiu`. Raises `Refused` before the model hears anything.
        """
        call = self._begin(user, estimate, paid_by)
        keeper = threading.Thread(target=self._keep, args=(call,), daemon=True)
        keeper.start()
        try:
            yield from self._answer(call, request, stream)
        finally:
            # Also where the model breaks off, or where nobody wants to hear the rest.
            call.is_over.set()
            keeper.join()
            self._end(call)

    def finish_open_calls(self) -> list[str]:
        """Settles or voids whatever a gateway before this one left open; answers what could not be ended."""
        problems = []
        for id, steps in self.journal.open_calls().items():
            if id in self._running:
                continue
            call = Call(id, steps, unsent=list(steps), is_reached=any(step == "model" for step, _ in steps))
            try:
                self._end(call)
            except Refused:
                pass
            except QuotalogFailed as error:
                problems.append(f"call {id} stays open: {error}")
        return problems

    # A call, step by step

    def _begin(self, user: str, estimate: int, paid_by: dict) -> Call:
        call = Call(uuid.uuid4().hex)
        self._running.add(call.id)
        body = {"id": f"{call.id}/hold", "user": user, "estimate": estimate, "ttl_seconds": self.ttl_seconds}
        try:
            self._take(call, "hold", body | paid_by)
        except BaseException:
            self._running.discard(call.id)
            raise
        return call

    def _answer(self, call: Call, request: dict, stream: bool) -> Iterator[str]:
        if stream:
            request = request | {"stream": True, "stream_options": {"include_usage": True}}
        connection = None
        try:
            connection, prefix = connect(self.model_url, timeout=600)
            # From here on the model may use tokens, whatever becomes of us.
            self._take(call, "model", {"model": request["model"]})
            call.is_reached = True
            headers = {"Authorization": f"Bearer {self.model_key}", "Content-Type": "application/json"}
            connection.request("POST", prefix + "/chat/completions", json.dumps(request), headers)
            response = connection.getresponse()
            if response.status != 200:
                call.is_reached = False
                raise ModelFailed(f"the model answers {response.status}: {response.read().decode(errors='replace')}")
            yield from self._streamed(call, response) if stream else self._whole(call, response)
        except (OSError, HTTPException) as error:
            raise ModelFailed(f"the model cannot be reached, or broke off: {error}") from error
        finally:
            if connection:
                connection.close()

    @staticmethod
    def _whole(call: Call, response: HTTPResponse) -> Iterator[str]:
        answer = json.loads(response.read())
        call.usage = answer.get("usage")
        yield answer["choices"][0]["message"]["content"]

    @staticmethod
    def _streamed(call: Call, response: HTTPResponse) -> Iterator[str]:
        for line in response:
            field, _, data = line.strip().partition(b":")
            if field != b"data":
                continue
            if data.strip() == b"[DONE]":
                return
            chunk = json.loads(data)
            call.usage = chunk.get("usage") or call.usage
            for choice in chunk["choices"]:
                if piece := choice["delta"].get("content"):
                    # No piece is less than a token, so parts never count too much.
                    call.pieces += 1
                    yield piece
        # An answer that is cut off just ends: http.client does not tell.
        raise ModelFailed("the model broke off before the end of its answer")

    def _keep(self, call: Call) -> None:
        """While the model answers: extends the hold in time, and settles what has come."""
        extension, due = 0, time.monotonic() + self.ttl_seconds / 3
        while not call.is_over.wait(self.beat_seconds):
            try:
                if call.pieces - call.settled >= self.part_tokens:
                    self._settle_part(call)
                if time.monotonic() >= due:
                    extension, due = extension + 1, time.monotonic() + self.ttl_seconds / 3
                    body = {"id": f"{call.id}/extend-{extension}", "ttl_seconds": self.ttl_seconds}
                    self.quotalog.change(call.hold, "extend", body)
            except QuotalogFailed:
                # The end of the call says all that is unsaid. A hold that expires meanwhile can still be settled.
                return

    def _settle_part(self, call: Call) -> None:
        id = f"{call.id}/part-{len(call.parts) + 1}"
        part = {"input_tokens": 0, "output_tokens": call.pieces - call.settled}
        self._take(call, "part", part | {"id": id, "model": call.step("model")["model"], "final": False})

    def _end(self, call: Call) -> None:
        try:
            if call.step("settle") or call.step("void"):
                self._send(call)
            elif call.is_reached:
                model = call.step("model")["model"]
                self._take(call, "settle", call.last_settlement | {"id": f"{call.id}/settle", "model": model})
            else:
                self._take(call, "void", {"id": f"{call.id}/void"})
            self.journal.write(call.id, "end")
        finally:
            self._running.discard(call.id)

    def _take(self, call: Call, step: str, body: dict) -> None:
        """Writes the step down, then takes it."""
        self.journal.write(call.id, step, body)
        call.steps.append((step, body))
        call.unsent.append((step, body))
        self._send(call)

    def _send(self, call: Call) -> None:
        """Tells quotalog everything that it has not confirmed, in order."""
        while call.unsent:
            step, body = call.unsent[0]
            if step == "hold":
                self._send_hold(call, body)
            elif step != "model":
                self.quotalog.change(call.hold, "void" if step == "void" else "settle", body)
            call.unsent.pop(0)

    def _send_hold(self, call: Call, body: dict) -> None:
        try:
            call.hold = self.quotalog.hold(body)
        except QuotalogAway:
            raise
        except (Refused, QuotalogFailed):
            # There is no such hold, so there is nothing to end.
            self.journal.write(call.id, "end")
            raise


def web_address(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise argparse.ArgumentTypeError(f"{text} is no URL like http://127.0.0.1:8080")
    return text


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Asks a model on behalf of a user, within the user's quota.")
    parser.add_argument("prompt")
    parser.add_argument("--quotalog", required=True, type=web_address, metavar="URL")
    parser.add_argument("--token", required=True, help="of a user of quotalog with the role service")
    parser.add_argument(
        "--model-url", required=True, type=web_address, metavar="URL", help="of a chat completions API, up to /v1"
    )
    parser.add_argument("--model", default="default", metavar="NAME")
    parser.add_argument("--journal", required=True, metavar="FILE", help="of this gateway alone")
    parser.add_argument("--user", required=True, help="who pays: a UUID or a name")
    parser.add_argument("--max-tokens", type=int, default=1000, metavar="N", help="of the answer (1000)")
    parser.add_argument("--estimate", type=int, metavar="N", help="tokens to hold (bytes of the prompt + --max-tokens)")
    parser.add_argument("--session", metavar="ID", help="of quotalog, whose credits pay as well")
    parser.add_argument("--budget", action="append", default=[], metavar="ID", help="a shared budget that pays as well")
    parser.add_argument("--no-stream", action="store_true", help="take the answer in one piece")
    return parser.parse_args()


def main() -> int:
    options = command_line()
    quotalog = Quotalog(options.quotalog, options.token)
    try:
        gateway = Gateway(quotalog, options.model_url, options.journal, model_key=os.environ.get("MODEL_API_KEY", ""))
    except OSError as error:
        print(f"gateway: the journal cannot be used: {error}", file=sys.stderr)
        return 1
    request = {
        "model": options.model,
        "messages": [{"role": "user", "content": options.prompt}],
        "max_tokens": options.max_tokens,
    }
    # No token is shorter than a byte, so this is a bound; 16 more for what the model's own template adds.
    bound = len(options.prompt.encode()) + 16 + options.max_tokens
    estimate = bound if options.estimate is None else options.estimate
    paid_by = {"session_id": options.session, "budget_ids": options.budget}
    paid_by = {name: value for name, value in paid_by.items() if value}
    for problem in gateway.left_open:
        print(f"gateway: {problem}", file=sys.stderr)
    try:
        pieces = gateway.ask(options.user, request, estimate=estimate, stream=not options.no_stream, **paid_by)
        for piece in pieces:
            print(piece, end="", flush=True)
        print()
        return 0
    except Refused as refusal:
        # A gateway with an HTTP face answers its client with these three as they are.
        print(json.dumps({"status": refusal.status, "headers": refusal.headers, "body": json.loads(refusal.body)}))
        return 3
    except (QuotalogFailed, ModelFailed) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    finally:
        gateway.close()


if __name__ == "__main__":
    sys.exit(main())

"""A disk that fails while the store is in use: reading goes on, writing comes back by itself, and nothing that was acknowledged is lost."""

import errno
import itertools
import json
import random
import uuid
from dataclasses import dataclass

import pytest

import faults
from faults import Faults
from service import Answer, Client, Service, Store, compact, exchange, until

SEED = random.randrange(1 << 32)
PARTS = ["log/data.mdb", "names/data.mdb", "projections/"]


@dataclass
class FailingStore(Store):
    """A store whose processes meet what `instrument` was told."""

    instrument: Faults | None = None

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | (self.instrument.environment if self.instrument else {})

    @classmethod
    def make(cls, directory) -> "FailingStore":
        store = cls.create(directory)
        store.instrument = Faults(store.path, directory / "faults")
        return store

    def check(self) -> None:
        """Every command that looks at the whole store finds it right."""
        for command in (("verify",), ("doctor",), ("export", "--output", str(self.path.parent / "all.jsonl"))):
            (self.path.parent / "all.jsonl").unlink(missing_ok=True)
            self.run(*command)


class Asker(Client):
    """Takes it that a server refuses what it cannot do: 503 is an answer here."""

    def ask(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Answer:
        head = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", f"Authorization: Token {self.token}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        body = b"" if body is None else body if isinstance(body, bytes) else compact(body)
        if body and "Content-Type" not in (headers or {}):
            head.append("Content-Type: application/json")
        raw = exchange(self.base, "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        head, _, body = raw.partition(b"\r\n\r\n")
        return Answer(int(head.split()[1]), None, body)


class Life:
    """Somebody who uses a server, and knows what was acknowledged."""

    def __init__(self, service: Service):
        self.service = service
        self.asker = Asker(service.base, service.store.admin["token"])
        self.acknowledged = 0
        self.names: list[str] = []
        self.numbers = itertools.count()

    def spend(self, count: int) -> int:
        lines = "".join(
            json.dumps({"id": str(uuid.uuid4()), "user": "admin", "tokens": 1}) + "\n" for _ in range(count)
        )
        answer = self.asker.ask("POST", "/v1/usage", lines.encode(), {"Content-Type": "application/jsonl"})
        if answer.status in (200, 201, 207):
            self.acknowledged += sum(line["status"] == 201 for line in self.results(answer))
        return answer.status

    @staticmethod
    def results(answer) -> list[dict]:
        document = answer.json
        return document["results"] if "results" in document else [document]

    def register(self) -> int:
        name = f"person-{next(self.numbers)}"
        answer = self.asker.post("/v1/users", {"name": name, "role": "user"})
        if answer.status == 201:
            self.names.append(name)
        return answer.status

    def erase(self) -> int:
        if not self.names:
            return 200
        status = self.asker.ask("DELETE", f"/v1/users/{self.names[-1]}").status
        if status == 200:
            self.names.pop()
        return status

    def write(self) -> list[int]:
        return [self.register(), self.spend(1), self.spend(250), self.erase(), self.register()]

    def read(self) -> None:
        """Every kind of question is answered, from all three files."""
        for target in ("/v1/events?limit=3", "/checkpoint", "/v1/users/admin/usage", *(f"/v1/users/{n}" for n in self.names[:1])):
            answer = self.asker.get(target)
            assert answer.status == 200, (target, answer.gist)
        used = self.asker.get("/v1/users/admin/usage").json["windows"]["daily"]["used"]
        assert used >= self.acknowledged

    def is_writing(self) -> bool:
        return self.register() == 201 and self.spend(1) < 300


@pytest.fixture
def serve(tmp_path):
    started = []

    def serve() -> Life:
        started.append(Service(FailingStore.make(tmp_path)))
        return Life(started[-1])

    yield serve
    for service in started:
        service.close()


@pytest.mark.parametrize("kinds", [faults.WRITE, faults.SYNC], ids=["write", "flush"])
@pytest.mark.parametrize("part", PARTS)
def test_reading_goes_on_and_writing_comes_back(serve, part, kinds):
    """Each of the first operations fails once, and some fail for a while: that of the page by which LMDB finds everything among them."""
    chance = random.Random(f"{SEED} {part} {kinds}")
    life = serve()
    instrument = life.service.store.instrument
    assert set(life.write()) <= {200, 201}
    for at, lasting in [*((at, False) for at in range(1, 9)), *((chance.randint(1, 12), True) for _ in range(4))]:
        order = dict(at=at, error=chance.choice([errno.EIO, errno.ENOSPC]), lasting=lasting)
        instrument.order(chance.choice(["fail", "short"]), kinds=kinds, match=part, **order)
        statuses = life.write()
        assert set(statuses) <= {200, 201, 207, 404, 503}, (SEED, order, statuses)
        life.read()
        complaint = life.asker.get("/readyz").body.decode()
        assert "contradict" not in complaint and "backup" not in complaint, (SEED, order, complaint)
        instrument.disarm()
        until(life.is_writing, f"writing comes back, seed {SEED}, {order}")
        life.read()
    until(lambda: life.asker.get("/readyz").status == 200, "the server is ready again")
    assert life.service.server.stop() == 0
    life.service.store.check()


@pytest.mark.parametrize("action", ["fail", "short"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_server_that_ends_during_a_fault_starts_again(serve, error, action):
    """Some write of a batch that fills many pages is the last one that the file saw: above all its last, of the meta page."""
    chance = random.Random(f"{SEED} {error} {action}")
    life = serve()
    store = life.service.store
    store.instrument.count(faults.WRITE, "log/data.mdb")
    life.spend(300)
    count = store.instrument.counted
    for at in [count, 1, *chance.sample(range(2, count), min(2, count - 2))]:
        store.instrument.order(action, at, error=error, kinds=faults.WRITE, match="log/data.mdb", lasting=True)
        life.spend(300)
        life.service.server.kill()
        store.instrument.disarm()
        store.check()
        life.service.resume()
        life.asker.base = life.service.base
        life.read()


@pytest.mark.parametrize("part", PARTS)
def test_a_command_that_fails_can_be_run_again(tmp_path, part):
    chance = random.Random(f"{SEED} {part}")
    store = FailingStore.make(tmp_path)

    def use(number: int) -> None:
        lines = (json.dumps({"id": f"{number}-{line}", "user": "admin", "tokens": 1}) for line in range(300))
        store.try_run("append", input="\n".join(lines) + "\n")
        store.try_run("user", "add", f"person-{number}")
        store.try_run("user", "erase", f"person-{number}", "--yes")

    store.instrument.count(faults.WRITE, part)
    use(0)
    counted = store.instrument.counted
    for number, at in enumerate(chance.sample(range(1, counted + 1), 4), 1):
        error = chance.choice([errno.EIO, errno.ENOSPC])
        store.instrument.order("fail", at, error=error, kinds=faults.WRITE, match=part, lasting=chance.random() < 0.7)
        use(number)
        store.instrument.disarm()
        store.check()
        use(number)
        used = store.read("usage", "admin")["windows"]["daily"]["used"]
        assert used == 300 * (number + 1), (SEED, number, at)

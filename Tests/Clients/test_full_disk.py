"""A disk that is full, or takes no writes at all: a store can be read on it, and nothing ends by a signal."""

import itertools
import json
import resource
import signal
import subprocess

import pytest

from service import Service, Store, binary, until
from test_failing_disk import Asker


NUMBERS = itertools.count()


def spend(service: Service) -> int:
    asker = Asker(service.base, service.store.admin["token"])
    return asker.post("/v1/usage", {"id": f"{next(NUMBERS)}", "user": "admin", "tokens": 1}).status


def used(service: Service) -> int:
    return service.admin.get("/v1/users/admin/usage").json["windows"]["daily"]["used"]


def ready(service: Service) -> tuple[int, dict]:
    answer = Asker(service.base, None).get("/readyz")
    return answer.status, answer.json


@pytest.fixture
def small(small_disk, tmp_path):
    """A store on a small disk, and everything that is served there."""
    started = []
    store = Store.create(small_disk.path)

    def serve() -> Service:
        started.append(Service(store))
        return started[-1]

    yield store, serve, small_disk
    for service in started:
        service.close()


def lock_files(store: Store):
    return [*store.path.glob("*/lock.mdb"), *store.path.glob("projections/*/lock.mdb")]


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("locks", ["kept", "lost", "holes"])
def test_a_server_starts_read_only_and_goes_on_when_there_is_room(small, end, locks):
    """`lost` and `holes` are what lock files may be after the machine was restarted, or the store was copied."""
    store, serve, disk = small
    service = serve()
    for _ in range(40):
        assert spend(service) == 201
    if end == "stop":
        assert service.server.stop() == 0
    else:
        service.server.kill()
    for file in lock_files(store) if locks != "kept" else []:
        size = file.stat().st_size
        file.unlink()
        if locks == "holes":
            with file.open("wb") as hole:
                hole.truncate(size)
    disk.fill()
    service = serve()
    assert used(service) == 40
    # Where the files have pages to spare, it goes on for a while.
    written = 0
    while spend(service) == 201:
        written += 1
    assert written == 0 or locks == "kept"
    status, document = until(lambda: (found := ready(service))[0] == 503 and found, "it says that it is read-only")
    assert document["status"] == "read_only" and "full" in document["detail"], document
    assert used(service) == 40 + written
    assert len(service.events(type="tokens_spent")) == 40 + written
    disk.make_room()
    until(lambda: ready(service)[0] == 200, "it goes on by itself")
    assert spend(service) == 201 and used(service) == 41 + written
    assert service.server.stop() == 0
    store.run("verify")


def test_a_server_that_stays_read_only_ends_in_order(small):
    store, serve, disk = small
    service = serve()
    assert spend(service) == 201
    assert service.server.stop() == 0
    disk.fill()
    assert serve().server.stop() == 0
    disk.make_room()
    service = serve()
    assert used(service) == 1
    assert service.server.stop() == 0
    store.run("verify")


@pytest.mark.parametrize("locks", ["kept", "lost"])
@pytest.mark.parametrize("command", ["verify", "rebuild", "doctor", "usage admin", "log"])
def test_no_command_ends_by_a_signal(small, command, locks):
    store, serve, disk = small
    service = serve()
    assert spend(service) == 201
    assert service.server.stop() == 0
    for file in lock_files(store) if locks == "lost" else []:
        file.unlink()
    disk.fill()
    result = store.try_run(*command.split())
    assert result.returncode >= 0
    assert result.returncode == 0 or "full" in result.stderr, result.stderr
    disk.make_room()
    store.run("verify")


def test_a_limit_of_the_size_of_files_is_an_error(store):
    """The kernel sends SIGXFSZ for it, which ends a process that does not mind it."""
    size = 400 << 10
    lines = "".join(json.dumps({"id": f"{n}", "user": "admin", "tokens": 1}) + "\n" for n in range(6000))
    result = subprocess.run(
        [binary(), "append", "--data", str(store.path)],
        input=lines,
        text=True,
        capture_output=True,
        env=store.environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        timeout=60,
    )
    assert result.returncode > 0, f"it ended by {signal.Signals(-result.returncode).name}"
    assert result.stderr
    store.run("verify")
    store.run("append", input=lines)
    assert store.read("usage", "admin")["windows"]["daily"]["used"] == 6000


def test_a_read_only_file_system_is_not_taken_for_a_server(small):
    store, _, disk = small
    assert "equals the live projection" in store.run("verify").stdout
    disk.forbid_writing()
    told = store.run("verify")
    assert "served" not in told.stdout and "nothing can be written" in told.stdout
    assert json.loads(store.run("verify", "--json").stdout)["projection_compared"] is False

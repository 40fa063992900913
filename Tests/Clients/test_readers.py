"""Processes that read beside a server and never end: whoever died is forgotten, and whoever lives is named."""

import fcntl
import mmap
import os
import struct
import subprocess
from contextlib import contextmanager

import pytest

from service import Service, until

COUNT, SLOTS, SLOT = 56, 128, 64
"""Where LMDB's lock file has the number of slots in use, and the slots: commit, process, thread."""

QUIET = ("--audit-percent", "0")
"""Nobody reads by himself, so that the slots are as the test leaves them."""


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def fill_slots(service: Service, part: str, commit: int = 1) -> None:
    """What a thousand readers leave behind that are killed one after another."""
    process = dead_process()
    with (service.store.path / part / "lock.mdb").open("r+b") as file, mmap.mmap(file.fileno(), 0) as lock:
        count = (len(lock) - SLOTS) // SLOT
        for place in range(SLOTS, SLOTS + count * SLOT, SLOT):
            if struct.unpack_from("=QI", lock, place)[1] == 0:
                struct.pack_into("=QIQ", lock, place, commit, process, 1)
        struct.pack_into("=I", lock, COUNT, count)


def slots_of_the_dead(service: Service, part: str) -> int:
    lock = (service.store.path / part / "lock.mdb").read_bytes()
    used = struct.unpack_from("=I", lock, COUNT)[0]
    processes = (struct.unpack_from("=QI", lock, SLOTS + slot * SLOT)[1] for slot in range(used))
    return sum(process not in (0, service.server.process.pid) for process in processes)


@pytest.mark.parametrize("part", ["log", "names", "projections/1"])
def test_readers_that_died_lock_nobody_out(start, part):
    service = start(*QUIET)
    fill_slots(service, part)
    service.store.run("log")
    service.store.run("usage", "admin")
    service.store.run("user", "list")


@pytest.mark.parametrize("part", ["log", "names", "projections/1"])
def test_readers_that_died_are_forgotten_by_a_server(start, part):
    service = start(*QUIET)
    fill_slots(service, part)
    until(lambda: slots_of_the_dead(service, part) == 0, "the server looks after its readers")


@contextmanager
def reading(service: Service, part: str):
    """This process holds what is there now, as one does that was stopped in the middle of a question."""
    directory = service.store.path / part
    data = (directory / "data.mdb").read_bytes()
    commit = max(struct.unpack_from("=Q", data, page + 144)[0] for page in (0, 4096))
    with (directory / "lock.mdb").open("r+b") as file, mmap.mmap(file.fileno(), 0) as lock:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, os.getpid())
        last = (len(lock) - SLOTS) // SLOT - 1
        struct.pack_into("=QIQ", lock, SLOTS + last * SLOT, commit, os.getpid(), 1)
        struct.pack_into("=I", lock, COUNT, last + 1)
        yield


@pytest.mark.parametrize("part", ["log", "names"])
def test_who_keeps_pages_is_named(start, part):
    service = start(*QUIET)

    def oldest() -> dict:
        return service.admin.get("/readyz?verbose").json.get("oldest_reader", {})

    with reading(service, part):
        for _ in range(20):
            service.register()
        assert oldest()["process"] == os.getpid() and oldest()["part"] == part
        assert oldest()["commits_behind"] >= 20
        told = service.store.run("doctor").stdout
        assert f"process {os.getpid()} reads the {part} as it was" in told
    until(lambda: oldest().get("process") != os.getpid(), "it is forgotten")

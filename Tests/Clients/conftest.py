"""Fixtures: every module gets a server of its own over a fresh store, on a free port of 127.0.0.1."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from disks import SmallDisk
from lost_rights import LostRights
from runtime import SessionService, session_services
from service import Account, Clock, Service, Store

# Whoever runs the tests may ignore it, as nohup does, and so would every process that they start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

NOON = "2026-11-20 12:00:00"
"""A Friday, the day of the contract's own example."""


@contextmanager
def starter(new_directory: Callable[[], Path]) -> Iterator[Callable[..., Service]]:
    """Lends a function that starts services: `start("--week-start", "sunday", at="2026-11-20 12:00:00")`.

    With `at` the server's clock stands still there until the test sets it.
    """
    started: list[Service] = []
    clocks: list[Clock] = []

    def start(*options: str, at: str | None = None, init: tuple[str, ...] = ()) -> Service:
        directory = new_directory()
        clock = Clock(directory, at) if at else None
        if clock:
            clocks.append(clock)
        started.append(Service(Store.create(directory, *init, clock=clock), *options))
        return started[-1]

    try:
        yield start
    finally:
        for resource in started + clocks:
            resource.close()


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory) -> Iterator[Callable[..., Service]]:
    """Starts services that the tests of a module share."""
    with starter(lambda: tmp_path_factory.mktemp("shared")) as start:
        yield start


@pytest.fixture
def start(tmp_path_factory) -> Iterator[Callable[..., Service]]:
    """Starts services of a test's own."""
    with starter(lambda: tmp_path_factory.mktemp("own")) as start:
        yield start


@pytest.fixture(scope="module")
def service(start_shared) -> Service:
    """Default settings, real clock, shared by the tests of a module."""
    return start_shared()


@pytest.fixture(scope="module")
def standing(start_shared) -> Service:
    """The clock stands still at `NOON`, so that whole answers can be compared; shared by a module."""
    return start_shared(at=NOON)


@pytest.fixture
def clocked(start) -> Service:
    """A test's own service whose clock stands at `NOON` until the test moves it forward."""
    return start(at=NOON)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A fresh store that nobody serves."""
    return Store.create(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk that is soon full."""
    directory = tmp_path / "disk"
    directory.mkdir()
    try:
        disk = SmallDisk(directory)
    except PermissionError:
        pytest.skip("mounting a small file system takes root")
    try:
        yield disk
    finally:
        disk.close()


@pytest.fixture
def person(service) -> Account:
    """An ordinary user whom no other test knows."""
    return service.register()


@pytest.fixture(scope="module")
def start_sessions(tmp_path_factory) -> Iterator[Callable[..., SessionService]]:
    """Starts services with a runtime listener."""
    with session_services(lambda: tmp_path_factory.mktemp("sessions")) as start:
        yield start


@pytest.fixture(scope="module")
def shared_runtime(start_sessions) -> SessionService:
    """A service with a runtime listener and default settings that the tests of a module share."""
    return start_sessions()


@pytest.fixture
def runtime(shared_runtime) -> Iterator[SessionService]:
    """The shared service; whatever was sent wrongly during the test fails it."""
    yield shared_runtime
    faults = shared_runtime.take_faults()
    assert not faults, "\n".join(faults)


@pytest.fixture
def start_own(tmp_path_factory) -> Iterator[Callable[..., SessionService]]:
    """Starts services of a test's own: with settings, or to be killed."""
    with session_services(lambda: tmp_path_factory.mktemp("own-sessions")) as start:
        yield start


@pytest.fixture(scope="module")
def shared_rights(tmp_path_factory) -> Iterator[LostRights]:
    """A service whose disk can be full, and whose people lose their rights; shared by a module."""
    service = LostRights(tmp_path_factory.mktemp("rights"))
    try:
        yield service
    finally:
        service.close()


@pytest.fixture
def house(shared_rights) -> Iterator[LostRights]:
    """The shared service; whatever was sent wrongly to anybody fails the test."""
    yield shared_rights
    assert shared_rights.server.running, shared_rights.server.complaints()
    assert not (faults := shared_rights.take_faults()), "\n".join(faults)

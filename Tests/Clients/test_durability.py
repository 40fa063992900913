"""What must survive: a stop, a kill, a rebuild; and what must not pass: a changed byte."""

import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPException
from urllib.parse import urlsplit

import pytest

from contract import PERIODS, USAGE
from service import Client, exchange, until


def write_until_refused(service, account, receipts: dict[str, dict], writer: int) -> None:
    """Records single tokens for as long as the server takes them."""
    number = 0
    while True:
        id = f"{writer}-{number}"
        try:
            answer = service.try_spend(account, 1, id=id)
        except (OSError, HTTPException):
            return
        if answer.status != 201:
            return
        receipts[id] = answer.json
        number += 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_every_acknowledged_record_is_there_after(start, end):
    service = start()
    person = service.user
    receipts: dict[str, dict] = {}
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write_until_refused, service, person, receipts, number) for number in range(4)]
        until(lambda: len(receipts) >= 200, "200 records", 60)
        if end == "stop":
            assert service.server.stop() == 0
        else:
            service.server.kill()
        for writer in writers:
            writer.result()
    service.resume()
    recorded = {event["request_id"]: event for event in service.events(type="tokens_spent")}
    assert receipts.keys() <= recorded.keys()
    for id, receipt in receipts.items():
        assert (recorded[id]["position"], recorded[id]["recorded_at"]) == (receipt["position"], receipt["recorded_at"])
    assert service.used(person) == (len(recorded),) * 3
    if end == "stop":
        assert receipts.keys() == recorded.keys(), "a drained server has answered everybody"
    assert service.server.stop() == 0
    service.store.run("verify")


def test_a_stopped_server_finishes_the_requests_it_has(start):
    """Requests that stand in the server's hands when SIGTERM arrives are answered or never were recorded."""
    service = start()
    person = service.user
    body = json.dumps([{"id": f"batch-{number}", "user": person.uuid, "tokens": 1} for number in range(500)]).encode()
    head = (
        f"POST /v1/usage HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {service.gateway.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    answers = []
    sender = threading.Thread(target=lambda: answers.append(exchange(service.base, head + body)))
    position = service.position
    sender.start()
    until(lambda: service.position > position or answers, "the batch is taken")
    assert service.server.stop() == 0
    sender.join()
    assert answers[0].startswith(b"HTTP/1.1 200 ")
    service.resume()
    assert service.used(person) == (500, 500, 500)


def test_a_stopped_server_takes_no_more_connections(start):
    service = start()
    base = service.base
    assert service.server.stop() == 0
    with pytest.raises(OSError):
        Client(base).get("/livez")


def log_files(store):
    return [path for path in (store.path / "log").rglob("*") if path.is_file()]


def flip_inside(store, text: bytes) -> int:
    """Changes one bit in every copy of this text in the log's files, and says how many there were."""
    flipped = 0
    for path in log_files(store):
        content = bytearray(path.read_bytes())
        places = [match.start() for match in re.finditer(re.escape(text), content)]
        with path.open("r+b") as file:
            for place in places:
                file.seek(place + len(text) // 2)
                file.write(bytes([content[place + len(text) // 2] ^ 1]))
        flipped += len(places)
    return flipped


@pytest.mark.parametrize("number", [0, 17, 39])
def test_a_damaged_record_is_found_with_its_position(start, number):
    service = start()
    receipts = [service.spend(service.user, 5, id=f"record to be damaged, number {each:02d}") for each in range(40)]
    assert service.server.stop() == 0
    service.store.run("verify")
    assert flip_inside(service.store, f"record to be damaged, number {number:02d}".encode()) > 0
    found = service.store.try_run("verify")
    assert found.returncode == 65
    assert re.search(rf"\b{receipts[number]['position']}\b", found.stderr + found.stdout)


def test_every_byte_of_a_record_is_covered(start):
    """One bit at a time, along the whole neighbourhood of one record."""
    service = start()
    service.spend(service.user, 5, id="the record before")
    middle = service.spend(service.user, 1234567, id="the record that is looked at")
    service.spend(service.user, 5, id="the record after")
    assert service.server.stop() == 0
    data = next(path for path in log_files(service.store) if b"the record that is looked at" in path.read_bytes())
    original = data.read_bytes()
    copies = [match.start() for match in re.finditer(b"the record that is looked at", original)]
    undetected = []
    for offset in range(0, 28, 3):
        changed = bytearray(original)
        for copy in copies:
            changed[copy + offset] ^= 0x40
        data.write_bytes(changed)
        if service.store.try_run("verify").returncode != 65:
            undetected.append(offset)
    data.write_bytes(original)
    assert undetected == []
    service.store.run("verify")
    service.resume()
    assert service.events(type="tokens_spent")[1]["position"] == middle["position"]


def test_a_damaged_page_is_found_and_crashes_nothing(start):
    """One bit at a time in the first bytes of every page that holds records, where LMDB keeps its own numbers."""
    service = start()
    records = [{"id": f"on a page, number {number}", "user": service.user.uuid, "tokens": 1} for number in range(150)]
    for first in range(0, len(records), 5):
        assert service.gateway.client.post("/v1/usage", records[first : first + 5]).status == 200
    assert service.server.stop() == 0
    data = next(path for path in log_files(service.store) if b"on a page" in path.read_bytes())
    original, exported = data.read_bytes(), service.store.run("export").stdout
    pages = sorted({match.start() // 4096 for match in re.finditer(b"on a page", original)})
    surprises = {}
    for place in (page * 4096 + offset for page in pages for offset in range(10, 40)):
        data.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        code = service.store.try_run("verify").returncode
        if code != 65 and not (code == 0 and service.store.run("export").stdout == exported):
            surprises[place] = code
    data.write_bytes(original)
    assert surprises == {}


def test_a_damaged_projection_is_found_and_folded_again(start):
    """No page of it holds anything that the log does not have."""
    service = start()
    service.spend(service.user, 42, id="kept")
    assert service.server.stop() == 0
    service.store.run("verify")
    data = max((service.store.path / "projections").glob("*/data.mdb"))
    original = data.read_bytes()
    found = 0
    for page in range(2, len(original) // 4096):
        data.write_bytes(original[: page * 4096] + bytes(4096) + original[(page + 1) * 4096 :])
        code = service.store.try_run("verify").returncode
        assert code in (0, 65)
        if code == 65:
            found += 1
            broken = page
    assert found >= 5
    data.write_bytes(original[: broken * 4096] + bytes(4096) + original[(broken + 1) * 4096 :])
    service.store.run("rebuild")
    service.store.run("verify")
    service.resume()
    assert service.used(service.user) == (42, 42, 42)


def test_damaged_names_are_found(start):
    service = start()
    assert service.user and service.server.stop() == 0
    data = service.store.path / "names" / "data.mdb"
    original = data.read_bytes()
    data.write_bytes(original[:144] + bytes([original[144] ^ 2]) + original[145:])
    found = service.store.try_run("verify")
    assert found.returncode == 65
    assert "names" in found.stderr
    data.write_bytes(original)
    service.store.run("verify")


def test_a_log_that_lost_its_end_is_found(start):
    """An older copy of the log under newer projections: an acknowledged record is gone."""
    service = start()
    service.spend(service.user, 5, id="in both")
    assert service.server.stop() == 0
    older = {path: path.read_bytes() for path in log_files(service.store) if path.name == "data.mdb"}
    service.resume()
    service.spend(service.user, 7, id="in the newer one only")
    assert service.server.stop() == 0
    for path, content in older.items():
        path.write_bytes(content)
    assert service.store.try_run("verify").returncode == 65


def test_a_server_killed_again_and_again_loses_nothing(start):
    service = start()
    person = service.user
    acknowledged: set[str] = set()
    for round in range(8):
        receipts: dict[str, dict] = {}
        with ThreadPoolExecutor(4) as pool:
            writers = [
                pool.submit(write_until_refused, service, person, receipts, 10 * round + number) for number in range(4)
            ]
            until(lambda: len(receipts) >= 20 * (round + 1), "more records", 60)  # noqa: B023
            service.server.kill()
            for writer in writers:
                writer.result()
        acknowledged |= receipts.keys()
        service.resume()
    recorded = {event["request_id"] for event in service.events(type="tokens_spent")}
    assert acknowledged <= recorded
    assert service.used(person) == (len(recorded),) * 3
    assert service.server.stop() == 0
    service.store.run("verify")


def test_recorded_times_never_decrease_when_the_clock_does(clocked):
    person = clocked.user
    receipts = [clocked.spend(person, 1)]
    clocked.clock.set("2026-11-20 11:00:00")
    receipts.append(clocked.spend(person, 1))
    clocked.restart()
    receipts.append(clocked.spend(person, 1))
    clocked.clock.set("2026-11-20 12:00:01")
    receipts.append(clocked.spend(person, 1))
    times = [receipt["recorded_at"] for receipt in receipts]
    assert times == sorted(times)
    assert clocked.used(person) == (4, 4, 4)


def test_a_server_stops_in_spite_of_silent_clients(start):
    """One has sent nothing, one is between two requests, one has sent half a body."""
    service = start()
    address = urlsplit(service.base)
    half = (
        f"POST /v1/usage HTTP/1.1\r\nHost: x\r\nAuthorization: Token {service.gateway.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with ExitStack() as stack:
        for sent in ("", "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", half):
            connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
            connection.sendall(sent.encode())
            if "livez" in sent:
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert service.server.stop() == 0


def test_a_rebuild_equals_what_was_live(start):
    service = start("--default-daily", "1000")
    people = [service.register() for _ in range(5)]
    for number, person in enumerate(people):
        service.set_limits(person, number * 100, None, -1)
        for day in range(1, 29, 3):
            service.spend(person, day * 7, time=f"2024-02-{day:02d}T12:00:00Z")
        service.spend(person, 11)
    hold = service.gateway.client.post("/v1/holds", {"user": people[3].uuid, "estimate": 40, "id": "open"})
    assert hold.status == 201

    def everything():
        days = [None, "2024-02-01", "2024-02-10", "2024-02-28", "2024-03-01"]
        return [[service.windows(person, day)[period] for period in PERIODS] for person in people for day in days] + [
            person.client.get(USAGE).status for person in people
        ]

    live = everything()
    assert service.server.stop() == 0
    service.store.run("rebuild")
    service.resume()
    assert everything() == live


def test_lost_projections_come_back_from_the_log(start):
    """The log is the only truth; everything else may be thrown away."""
    service = start()
    service.set_limits(service.user, 100, None, None)
    service.spend(service.user, 42, id="kept")
    assert service.server.stop() == 0
    for path in sorted((service.store.path / "projections").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    service.resume()
    assert service.used(service.user) == (42, 42, 42)
    assert service.limits(service.user) == (100, None, None)
    assert service.try_spend(service.user, 42, id="kept").status == 200

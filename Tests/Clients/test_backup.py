"""Backups and what is restored from them: whole or not at all, by whatever the run before was interrupted."""

from __future__ import annotations

import base64
import json
import random
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from backups import (
    ANY_FAILURE,
    BAD_DATA,
    CANNOT_CREATE,
    INPUT_OUTPUT,
    NO_INPUT,
    UNAVAILABLE,
    USAGE,
    back_up,
    check,
    checked,
    content,
    record,
    refused,
    restored,
    seeded,
    spawn,
    statement,
    try_restore,
)
from contract import USAGE as USAGE_PATH
from service import Client, Server, Service, Store, run, until
from test_projections import Load

MANY = 60_000
"""Records enough for a run to be interrupted in the middle."""


def manifest(directory: Path) -> dict[str, list[list[str]]]:
    """The words behind each first word of a backup's manifest."""
    words: dict[str, list[list[str]]] = {}
    for line in (directory / "manifest").read_text().splitlines():
        first, *rest = line.split(" ")
        words.setdefault(first, []).append(rest)
    return words


def record_files(directory: Path) -> list[Path]:
    return [directory / words[2] for words in manifest(directory)["records"]]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def three_parts(store: Store, backup: Path) -> Path:
    """A backup of three runs."""
    for number in range(3):
        record(store, 40, f"part-{number}")
        back_up(store, backup)
    return backup


# ---- whole backups


def test_a_stopped_store_is_backed_up_and_restored_whole(store, backup, tmp_path):
    record(store, 700)
    report = back_up(store, backup)
    assert report == {"new_records": 702 + 1, "records": 703}
    found = checked(backup)
    origin, size, root = statement(store)
    assert (found["records"], found["origin"], found["root_hash"]) == (size, origin, root)
    copy, made = restored(backup, tmp_path / "copy")
    assert made == {"records": size, "origin": origin, "whole": True}
    assert statement(copy) == (origin, size, root)
    assert copy.run("export").stdout == store.run("export").stdout
    assert copy.run("user", "list", "--json").stdout == store.run("user", "list", "--json").stdout
    copy.run("verify")


def test_people_are_told_the_same_in_words(store, backup, tmp_path):
    record(store, 10)
    assert "13" in store.run("backup", str(backup)).stderr + store.run("backup", str(backup)).stdout
    told = run("backup", str(backup), "--check")
    assert told.returncode == 0 and "13 records" in told.stdout + told.stderr
    told = run("restore", str(backup), "--data", str(tmp_path / "copy"))
    assert told.returncode == 0 and "restored 13 records" in told.stdout + told.stderr


def test_an_incremental_run_copies_only_what_is_new(store, backup):
    record(store, 500)
    back_up(store, backup)
    (first,) = record_files(backup)
    before = (first.stat().st_mtime_ns, first.read_bytes())
    assert back_up(store, backup)["new_records"] == 0
    assert record_files(backup) == [first]
    record(store, 20, "second")
    assert back_up(store, backup) == {"new_records": 20, "records": 523}
    assert (first.stat().st_mtime_ns, first.read_bytes()) == before
    _, second = record_files(backup)
    assert second.stat().st_size < first.stat().st_size / 10
    assert [path.name for path in backup.glob("checkpoint-*")] == ["checkpoint-523"]
    checked(backup)


def test_a_backup_is_as_secret_as_the_store(store, backup):
    back_up(store, backup)
    assert (backup / "checkpoint.key").stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o007 == 0 for path in backup.rglob("*"))


def test_beside_a_server_under_load_everything_acknowledged_before_is_in_it(start, backup, tmp_path):
    service = start()
    service.gateway
    load = Load(service, service.user, writers=4)
    acknowledged: list[dict[str, int]] = []
    reports = []
    try:
        for number in range(5):
            until(lambda: len(load.receipts) >= 60 * (number + 1), "more receipts")  # noqa: B023
            acknowledged.append(dict(load.receipts))
            reports.append(back_up(service.store, backup))
            assert checked(backup)["records"] == reports[-1]["records"]
    finally:
        load.stop()
    for receipts, report in zip(acknowledged, reports, strict=True):
        assert max(receipts.values()) <= report["records"]
    copy, made = restored(backup, tmp_path / "copy")
    lines = [json.loads(line) for line in copy.run("export").stdout.splitlines()]
    there = {event.get("request_id"): event["position"] for event in lines}
    assert all(there[id] == position for id, position in acknowledged[-1].items())
    copy.run("verify")


def test_a_server_starts_while_a_stopped_store_is_backed_up(store, backup):
    """A long backup must not keep the service away."""
    record(store, MANY)
    process = spawn("backup", str(backup), "--data", str(store.path))
    try:
        until(lambda: list(backup.glob("records-*")), "the backup has begun")
        process.send_signal(signal.SIGSTOP)
        server = Server(store)
        try:
            assert not (backup / "manifest").exists(), "the backup is through already: it needs more records"
            process.send_signal(signal.SIGCONT)
            assert process.wait(60) == 0
        finally:
            assert server.stop() == 0
    finally:
        process.kill()
        process.communicate()
    assert checked(backup)["records"] >= MANY + 3
    store.run("verify")


@pytest.mark.parametrize("part", ["projections", "projections/current"])
def test_what_only_a_writer_makes_is_made_first(store, backup, part):
    record(store, 20)
    path = store.path / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert back_up(store, backup)["records"] == 23
    store.run("verify")


# ---- interrupted, refused


def killed_at_random(store: Store, backup: Path, numbers: random.Random, seconds: float) -> bool:
    """A run that is killed; whether it was still going on."""
    process = spawn("backup", str(backup), "--data", str(store.path))
    try:
        process.wait(numbers.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        pass
    ended = process.poll() is None
    process.kill()
    process.communicate()
    return ended


def test_killed_runs_leave_the_backup_before_and_the_next_one_completes(store, backup, request):
    numbers = seeded(request.node.name)
    record(store, 1000)
    back_up(store, backup)
    record(store, MANY, "many")
    before = checked(backup)
    shutil.copytree(backup, backup.with_name("before"))
    # However fast the machine is, most runs are still at work when they are killed.
    started = time.monotonic()
    back_up(store, backup.with_name("whole"))
    seconds = time.monotonic() - started
    killed = 0
    for _ in range(12):
        killed += killed_at_random(store, backup, numbers, 0.9 * seconds)
        found = checked(backup)
        assert found == before or found["records"] == 1003 + MANY, found
        if found != before:
            shutil.rmtree(backup)
            shutil.copytree(backup.with_name("before"), backup)
    assert killed
    assert back_up(store, backup)["records"] == 1003 + MANY
    assert checked(backup)["root_hash"] == statement(store)[2]
    named = {path.name for path in record_files(backup)} | {f"checkpoint-{1003 + MANY}"}
    left = {path.name for path in backup.iterdir() if path.name.startswith(("records-", "checkpoint-"))}
    assert left == named, "what interrupted runs copied is removed"


def test_a_first_run_killed_anywhere_is_completed_by_the_next(store, tmp_path, request):
    numbers = seeded(request.node.name)
    record(store, 5000)
    for number in range(20):
        backup = tmp_path / f"backup-{number}"
        killed_at_random(store, backup, numbers, 0.15)
        if not (backup / "manifest").exists():
            refused(check(backup), BAD_DATA, "there is no backup")
        assert back_up(store, backup)["records"] == 5003
        checked(backup)


LEFT_BEFORE_THE_FIRST_MANIFEST = [
    "records-1-13",
    "names.mdb",
    "checkpoint.key",
    "checkpoint.key.new",
    "checkpoint.pub",
    "checkpoint-13",
    "checkpoint-13.new",
    "manifest.new",
]


def test_a_first_run_that_ended_right_before_its_manifest_is_completed(store, backup):
    record(store, 10)
    back_up(store, backup)
    (backup / "manifest").unlink()
    for name in LEFT_BEFORE_THE_FIRST_MANIFEST:
        (backup / name).touch()
    assert back_up(store, backup) == {"new_records": 13, "records": 13}
    checked(backup)


@contextmanager
def holding(backup: Path):
    """Somebody who has the lock of this backup."""
    process = subprocess.Popen(
        ["flock", "-n", str(backup / "lock"), "sh", "-c", "echo locked; read -r line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.communicate()


def test_two_runs_at_once_are_refused(store, backup):
    record(store, 10)
    back_up(store, backup)
    before = content(backup)
    with holding(backup):
        refused(store.try_run("backup", str(backup)), UNAVAILABLE, str(backup), "another process", "is writing the backup")
    assert content(backup) == before
    back_up(store, backup)


def test_many_runs_at_once_leave_a_whole_backup(start, backup):
    service = start()
    record_with_server(service, 200)
    runs = [spawn("backup", str(backup), "--data", str(service.store.path)) for _ in range(6)]
    outcomes = [(process.communicate(timeout=60), process.returncode) for process in runs]
    assert {code for _, code in outcomes} <= {0, UNAVAILABLE}, outcomes
    assert 0 in {code for _, code in outcomes}
    assert checked(backup)["records"] == service.position


def record_with_server(service: Service, count: int) -> None:
    items = [{"id": f"at once {number}", "user": service.user.uuid, "tokens": 1} for number in range(count)]
    assert service.gateway.client.post("/v1/usage", items).status == 200


@pytest.mark.parametrize("room", [0, 16, 64, 400])
def test_a_full_disk_is_named_and_leaves_the_backup_before(store, small_disk, room):
    backup = small_disk.path / "backup"
    record(store, 100)
    back_up(store, backup)
    before = checked(backup)
    record(store, 20_000, "second")
    small_disk.fill(leaving=room)
    refused(store.try_run("backup", str(backup)), INPUT_OUTPUT, "the disk is full")
    assert checked(backup) == before
    small_disk.make_room()
    assert back_up(store, backup)["records"] == 20_103
    checked(backup)


def test_a_full_disk_during_a_restore_leaves_nothing(store, backup, small_disk):
    record(store, 20_000)
    back_up(store, backup)
    small_disk.fill(leaving=1500)
    data = small_disk.path / "data"
    refused(try_restore(backup, data), INPUT_OUTPUT, "full")
    assert not data.exists() and sorted(small_disk.path.iterdir()) == [small_disk.balloon]
    small_disk.make_room()
    small_disk.close()


def test_a_directory_that_holds_something_else_is_left_alone(store, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter").write_text("dear")
    refused(store.try_run("backup", str(mine)), CANNOT_CREATE, str(mine), "not empty")
    assert (mine / "letter").read_text() == "dear"
    assert [path.name for path in mine.iterdir()] == ["letter"]


def test_a_store_is_no_place_for_a_backup(store, tmp_path):
    (tmp_path / "other").mkdir()
    other = Store.create(tmp_path / "other")
    before = content(other.path)
    refused(store.try_run("backup", str(other.path)), CANNOT_CREATE, str(other.path), "not empty")
    assert content(other.path) == before
    before = content(store.path)
    refused(store.try_run("backup", str(store.path)), CANNOT_CREATE, str(store.path), "not empty")
    assert content(store.path) == before


def test_a_backup_of_another_log_is_not_overwritten(store, backup, tmp_path):
    back_up(store, backup)
    before = content(backup)
    (tmp_path / "other").mkdir()
    other = Store.create(tmp_path / "other")
    refused(other.try_run("backup", str(backup)), BAD_DATA, str(backup), "another log")
    assert content(backup) == before


def test_a_log_that_lost_its_end_is_refused(store, backup, tmp_path):
    record(store, 50)
    shutil.copytree(store.path, tmp_path / "older")
    record(store, 50, "second")
    back_up(store, backup)
    before = checked(backup)
    shutil.rmtree(store.path / "log")
    shutil.copytree(tmp_path / "older" / "log", store.path / "log")
    refused(store.try_run("backup", str(backup)), BAD_DATA, "lost its end")
    older = Store(tmp_path / "older")
    refused(older.try_run("backup", str(backup)), BAD_DATA, "103", "53", "lost its end")
    assert checked(backup) == before


def test_a_log_with_another_past_is_refused(store, backup, tmp_path):
    record(store, 50)
    back_up(store, backup)
    copy, _ = restored(backup, tmp_path / "copy")
    record(store, 10, "here")
    record(copy, 20, "there")
    back_up(store, backup)
    before = checked(backup)
    refused(copy.try_run("backup", str(backup)), BAD_DATA, "not those that this log begins with")
    assert checked(backup) == before


# ---- damage


def flip(path: Path, place: int) -> None:
    bytes_ = bytearray(path.read_bytes())
    bytes_[place] ^= 1
    path.write_bytes(bytes_)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def swap(first: Path, second: Path) -> None:
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def change_line(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def the_checkpoint(backup: Path) -> Path:
    (found,) = backup.glob("checkpoint-*")
    return found


def forge(backup: Path) -> None:
    """A checkpoint that states another root under the old signature."""
    lines = the_checkpoint(backup).read_text().split("\n")
    lines[2] = base64.b64encode(bytes(32)).decode()
    the_checkpoint(backup).write_text("\n".join(lines))


DAMAGES = {
    "a flipped byte in the first file": (lambda b: flip(record_files(b)[0], 500), ["records-1-43"]),
    "a flipped byte in the last file": (lambda b: flip(record_files(b)[2], 200), ["records-84-123"]),
    "the length of a record": (lambda b: flip(record_files(b)[1], 0), ["records-44-83"]),
    "a cut file": (lambda b: cut(record_files(b)[1]), ["records-44-83", "83"]),
    "an emptied file": (lambda b: record_files(b)[1].write_bytes(b""), ["records-44-83", "44"]),
    "a longer file": (lambda b: record_files(b)[1].open("ab").write(b"surplus"), ["records-44-83"]),
    "two files for each other": (lambda b: swap(*record_files(b)[1:]), ["records-44-83", "44"]),
    "a missing file": (lambda b: record_files(b)[1].unlink(), ["records-44-83", "No such file"]),
    "a missing checkpoint": (lambda b: the_checkpoint(b).unlink(), ["checkpoint-123", "No such file"]),
    "a forged checkpoint": (forge, ["checkpoint-123", "has not signed this text"]),
    "no manifest": (lambda b: (b / "manifest").unlink(), ["there is no backup"]),
    "an empty manifest": (lambda b: (b / "manifest").write_bytes(b""), ["manifest", "not what a backup writes"]),
    "a manifest without its end": (
        lambda b: change_line(b / "manifest", "records 84 123 records-84-123\n", ""),
        ["checkpoint-123", "83"],
    ),
    "a manifest with a gap": (
        lambda b: change_line(b / "manifest", "records 44 83 records-44-83\n", ""),
        ["manifest", "not what a backup writes"],
    ),
    "a manifest that leads elsewhere": (
        lambda b: change_line(b / "manifest", " records-44-83", " ../backup/records-44-83"),
        ["manifest", "not what a backup writes"],
    ),
    "a manifest of another log": (
        lambda b: change_line(b / "manifest", "origin quotalog/", "origin other/"),
        ["checkpoint-123"],
    ),
    "missing names": (lambda b: (b / "names.mdb").unlink(), ["names.mdb", "missing"]),
    "damaged names": (lambda b: flip(b / "names.mdb", 144), ["names.mdb"]),
    "a missing key": (lambda b: (b / "checkpoint.key").unlink(), ["checkpoint.key", "missing"]),
    "a damaged key": (lambda b: (b / "checkpoint.key").write_text("key\n"), ["checkpoint.key"]),
    "a damaged public key": (lambda b: (b / "checkpoint.pub").write_text("key\n"), ["checkpoint.pub"]),
    "damaged positions": (lambda b: (b / "consumers").write_text("nothing\n"), ["consumers"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_nothing_is_made_of_it(three_parts, tmp_path, damage):
    make, words = DAMAGES[damage]
    make(three_parts)
    refused(check(three_parts), ANY_FAILURE, *words)
    data = tmp_path / "copy"
    refused(try_restore(three_parts, data), ANY_FAILURE, *words)
    assert not data.exists()
    assert not list(tmp_path.glob("copy*"))


def test_every_byte_of_the_records_is_covered(store, backup, request):
    numbers = seeded(request.node.name)
    record(store, 5)
    back_up(store, backup)
    (file,) = record_files(backup)
    original = file.read_bytes()
    undetected = []
    for place in sorted(numbers.sample(range(len(original)), 60)):
        flip(file, place)
        if check(backup).returncode != BAD_DATA:
            undetected.append(place)
        file.write_bytes(original)
    assert undetected == []
    checked(backup)


def test_a_backup_signed_by_somebody_else_is_refused_with_the_key(store, backup, tmp_path):
    back_up(store, backup)
    key = store.run("checkpoint", "--key").stdout.strip()
    assert check(backup, "--key", key).returncode == 0
    (tmp_path / "other").mkdir()
    strange = Store.create(tmp_path / "other").run("checkpoint", "--key").stdout.strip()
    refused(check(backup, "--key", strange), BAD_DATA, "checkpoint-")
    refused(try_restore(backup, tmp_path / "copy", "--key", strange), BAD_DATA, "checkpoint-")
    assert not list(tmp_path.glob("copy*"))
    restored(backup, tmp_path / "copy", "--key", key)


# ---- restoring


def serve(store: Store, *options: str) -> Server:
    return Server(store, *options)


def test_a_restored_store_goes_on_as_the_one_before(start, backup, tmp_path):
    service = start()
    person = service.user
    service.set_limits(person, 1000, None, -1)
    for _ in range(30):
        service.spend(person, 7)
    hold = service.gateway.client.post("/v1/holds", {"user": person.uuid, "estimate": 40, "id": "open"})
    assert hold.status == 201
    usage = service.windows(person)
    kept = tmp_path / "kept"
    kept.write_text(service.store.run("checkpoint").stdout)
    key = service.store.run("checkpoint", "--key").stdout
    back_up(service.store, backup)
    assert service.server.stop() == 0
    copy, _ = restored(backup, tmp_path / "copy")
    assert copy.run("checkpoint", "--key").stdout == key
    assert statement(copy) == statement(service.store)
    copy.run("verify", "--checkpoint", str(kept))
    server = serve(copy)
    try:
        admin = Client(server.base, service.admin.token)
        assert admin.get(f"/v1/users/{person.uuid}/usage").json["windows"] == usage
        assert admin.get(f"/v1/users/{person.name}").json["user"] == person.uuid
        assert Client(server.base, person.token).get(USAGE_PATH).status == 200
        gateway = Client(server.base, service.gateway.token)
        spent = gateway.post("/v1/usage", {"id": "afterwards", "user": person.uuid, "tokens": 1})
        assert spent.status == 201
        settled = gateway.post(f"/v1/holds/{hold.json['hold']}/settle", {"tokens": 3})
        assert settled.status in (200, 201), settled.gist
    finally:
        assert server.stop() == 0
    copy.run("verify", "--since", str(kept))
    assert back_up(copy, backup)["new_records"] >= 2
    checked(backup)


def usage_as_of(store: Store, user: str, point: str) -> str:
    return store.run("usage", user, "--as-of", point, "--json").stdout


@pytest.fixture
def history(start, backup):
    """A backup of a service with a past: its people, the positions and moments in between."""
    service = start()
    people = [service.register() for _ in range(3)]
    points = []
    for number in range(40):
        service.spend(people[number % 3], number + 1)
        receipt = service.spend(people[0], 1)
        points.append((receipt["position"], receipt["recorded_at"]))
    late = service.register()
    service.spend(late, 5)
    back_up(service.store, backup)
    assert service.server.stop() == 0
    return service, people, points, late


@pytest.mark.parametrize("kind", ["position", "moment"])
def test_a_store_restored_to_a_point_answers_as_the_first_one_did_then(history, backup, tmp_path, kind, request):
    numbers = seeded(request.node.name)
    service, people, points, late = history
    for number, (position, moment) in enumerate(numbers.sample(points, 3)):
        point = str(position) if kind == "position" else moment
        copy, made = restored(backup, tmp_path / f"copy-{number}", "--to", point)
        assert made["records"] == position and made["whole"] is False
        origin, size, root = statement(copy)
        assert size == position and origin == made["origin"] != statement(service.store)[0]
        assert copy.run("checkpoint", "--key").stdout != service.store.run("checkpoint", "--key").stdout
        for person in people:
            then = json.loads(usage_as_of(service.store, person.uuid, point))
            assert json.loads(usage_as_of(copy, person.uuid, str(position)))["windows"] == then["windows"]
        export = [json.loads(line) for line in copy.run("export").stdout.splitlines()]
        original = [json.loads(line) for line in service.store.run("export").stdout.splitlines()]
        assert export == original[:position]
        copy.run("verify")


def test_what_was_signed_later_for_the_first_log_is_refused_by_the_restored_one(history, backup, tmp_path):
    service, _, points, _ = history
    kept = tmp_path / "kept"
    kept.write_text(service.store.run("checkpoint").stdout)
    copy, _ = restored(backup, tmp_path / "copy", "--to", str(points[3][0]))
    refused(copy.try_run("verify", "--checkpoint", str(kept)), BAD_DATA, str(kept))
    refused(copy.try_run("backup", str(backup)), BAD_DATA, "another log")


def test_whoever_came_after_the_point_is_unknown_and_the_name_is_free(history, backup, tmp_path):
    service, people, points, late = history
    copy, _ = restored(backup, tmp_path / "copy", "--to", str(points[-1][0]))
    assert late.name not in copy.run("user", "list").stdout
    server = serve(copy)
    try:
        admin = Client(server.base, service.admin.token)
        assert admin.get(f"/v1/users/{late.name}").status == 404
        assert admin.get(f"/v1/users/{people[0].name}").json["user"] == people[0].uuid
        assert Client(server.base, late.token).get(USAGE_PATH).status == 401
        made = admin.post("/v1/users", {"name": late.name})
        assert made.status == 201, made.gist
        assert admin.get(f"/v1/users/{late.name}").json["user"] == made.json["user"]
    finally:
        assert server.stop() == 0
    copy.run("verify")


def test_a_point_with_everything_makes_the_whole_store(history, backup, tmp_path):
    service = history[0]
    head = checked(backup)["records"]
    _, made = restored(backup, tmp_path / "copy", "--to", str(head))
    assert made == {"records": head, "origin": statement(service.store)[0], "whole": True}


@pytest.mark.parametrize(
    ("point", "code", "words"),
    [
        ("yesterday", USAGE, ["--to", "yesterday"]),
        ("-1", USAGE, ["--to"]),
        ("0", BAD_DATA, ["nothing had happened"]),
        ("1990-01-01T00:00:00Z", BAD_DATA, ["nothing had happened"]),
        ("9000000", BAD_DATA, ["it ends at record"]),
    ],
)
def test_a_point_that_makes_no_sense_makes_nothing(store, backup, tmp_path, point, code, words):
    back_up(store, backup)
    refused(try_restore(backup, tmp_path / "copy", f"--to={point}"), code, *words)
    assert not list(tmp_path.glob("copy*"))


def test_nothing_is_restored_over_something_else(store, backup, tmp_path):
    record(store, 10)
    back_up(store, backup)
    before = content(store.path)
    refused(try_restore(backup, store.path), CANNOT_CREATE, "there is a store")
    assert content(store.path) == before
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").touch()
    refused(try_restore(backup, full), CANNOT_CREATE, "not empty")
    empty = tmp_path / "empty"
    empty.mkdir()
    restored(backup, empty)
    refused(try_restore(tmp_path / "nowhere", tmp_path / "copy"), BAD_DATA, "there is no backup")


@pytest.mark.parametrize("end", ["/", "//"])
def test_a_directory_may_be_written_with_slashes_at_its_end(store, backup, tmp_path, end):
    back_up(store, backup)
    assert run("restore", f"{backup}{end}", "--data", f"{tmp_path / 'copy'}{end}").returncode == 0
    Store(tmp_path / "copy").run("verify")
    assert not list(tmp_path.glob("copy?*"))


def test_a_killed_restore_is_run_again(store, backup, tmp_path, request):
    numbers = seeded(request.node.name)
    record(store, 30_000)
    back_up(store, backup)
    data = tmp_path / "copy"
    for _ in range(6):
        process = spawn("restore", str(backup), "--data", str(data))
        try:
            process.wait(numbers.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            pass
        process.kill()
        process.communicate()
        if data.exists():
            Store(data).run("verify")
            shutil.rmtree(data)
    copy, _ = restored(backup, data)
    assert statement(copy) == statement(store)
    assert not list(tmp_path.glob("copy?*"))


def test_two_restores_to_one_place_do_not_mix(store, backup, tmp_path):
    record(store, 20_000)
    back_up(store, backup)
    data = tmp_path / "copy"
    runs = [spawn("restore", str(backup), "--data", str(data)) for _ in range(4)]
    outcomes = [(process.communicate(timeout=100), process.returncode) for process in runs]
    assert [code for _, code in outcomes].count(0) == 1, outcomes
    assert statement(Store(data)) == statement(store)
    Store(data).run("verify")


# ---- names


def test_an_erased_name_is_gone_from_the_backup_with_the_next_run(start, backup, tmp_path):
    service = start()
    person = service.register()
    service.spend(person, 5)
    back_up(service.store, backup)
    assert person.name.encode() in (backup / "names.mdb").read_bytes()
    assert service.admin.ask("DELETE", f"/v1/users/{person.uuid}").status == 200
    until(lambda: names_are_free_of(service.store.path / "names", person.name), "the name is gone from the store")
    back_up(service.store, backup)
    assert [path for path in backup.rglob("*") if path.is_file() and person.name.encode() in path.read_bytes()] == []
    copy, _ = restored(backup, tmp_path / "copy")
    assert person.name not in copy.run("user", "list").stdout
    copy.run("verify")


def names_are_free_of(directory: Path, name: str) -> bool:
    return not any(name.encode() in path.read_bytes() for path in directory.iterdir())


def test_who_was_erased_after_the_point_stays_without_a_name(start, backup, tmp_path):
    service = start()
    person = service.register()
    receipt = service.spend(person, 5)
    assert service.admin.ask("DELETE", f"/v1/users/{person.uuid}").status == 200
    back_up(service.store, backup)
    assert service.server.stop() == 0
    copy, _ = restored(backup, tmp_path / "copy", "--to", str(receipt["position"]))
    assert person.name not in copy.run("export").stdout
    copy.run("verify")
    server = serve(copy)
    try:
        found = Client(server.base, service.admin.token).get(f"/v1/users/{person.uuid}")
        assert found.status == 200 and found.json["name"] is None
    finally:
        assert server.stop() == 0


# ---- the command line


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["backup"], USAGE),
        (["backup", "a", "b"], USAGE),
        (["backup", "a", "--check=1"], USAGE),
        (["restore"], USAGE),
        (["restore", "a", "--to"], USAGE),
        (["backup", "nowhere", "--check"], BAD_DATA),
    ],
)
def test_a_wrong_command_line_changes_nothing(tmp_path, words, code):
    outcome = run(*words, "--data", str(tmp_path / "data"))
    assert outcome.returncode == code, outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_there_is_nothing_to_back_up_where_no_store_is(tmp_path):
    refused(run("backup", str(tmp_path / "b"), "--data", str(tmp_path / "data")), NO_INPUT, "no store")
    assert list(tmp_path.iterdir()) == []

"""The examination of a data directory: what it finds, and that it changes nothing."""

from __future__ import annotations

import shutil
import signal
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest

from backups import BAD_DATA, USAGE, content, record, run_json
from service import Store, run, until
from test_projections import Load, half_done_rebuild

GIBIBYTE = 1 << 30


def examine(store: Store, *options: str) -> tuple[int, dict[str, list[dict]]]:
    """The exit code and the findings by part; nothing may have changed meanwhile."""
    before = content(store.path)
    code, document = run_json("doctor", "--data", str(store.path), *options)
    assert content(store.path) == before
    assert list(document) == ["findings"]
    found: dict[str, list[dict]] = {}
    for finding in document["findings"]:
        assert list(finding) == ["severity", "part", "text", "remedy"], finding
        assert (finding["severity"] in ("fine", "note")) or finding["remedy"], finding
        found.setdefault(finding["part"], []).append(finding)
    severities = {finding["severity"] for finding in document["findings"]}
    assert code == (BAD_DATA if "failure" in severities else 0), (code, document)
    return code, found


def expect(store: Store, part: str, severity: str, *words: str, options: tuple[str, ...] = ()) -> dict:
    """The one finding about `part` that has these words and this severity."""
    _, found = examine(store, *options)
    matching = [
        each
        for each in found.get(part, [])
        if each["severity"] == severity and all(word in f"{each['text']} {each['remedy']}" for word in words)
    ]
    assert len(matching) == 1, found
    return matching[0]


@pytest.fixture
def used(store: Store) -> Store:
    """A stopped store with some records and a checkpoint beside the log."""
    record(store, 300)
    return store


@pytest.fixture
def served(start):
    """A store that was served and stopped: it has a witness."""
    service = start("--checkpoint-seconds", "1")
    for number in range(20):
        service.spend(service.user, number + 1)
    until(lambda: (service.store.path / "checkpoint").exists(), "a checkpoint lies beside the log")
    assert service.server.stop() == 0
    return service


def test_a_store_that_is_well(served):
    code, found = examine(served.store, "--records")
    assert code == 0
    assert {part for part in found} >= {"disk", "lock", "key", "log", "names", "witness", "records", "projection 1"}
    assert {each["severity"] for part, all in found.items() if part != "disk" for each in all} == {"fine"}


def test_people_are_told_in_lines(used):
    outcome = used.run("doctor")
    lines = (outcome.stdout + outcome.stderr).splitlines()
    assert any(line.startswith("fine") and "names" in line for line in lines)
    (used.path / "checkpoint.key").unlink()
    (used.path / "checkpoint.pub").write_text("nothing\n")
    outcome = used.run("doctor")
    assert "→" in outcome.stdout + outcome.stderr


def test_no_store(tmp_path):
    code, document = run_json("doctor", "--data", str(tmp_path / "nowhere"))
    (finding,) = document["findings"]
    assert (code, finding["severity"], finding["part"]) == (BAD_DATA, "failure", "directory")
    assert "there is no store" in finding["text"]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_is_well(store):
    assert examine(store)[0] == 0


def test_a_store_that_never_was_opened_is_no_failure(served):
    """Right after a restore of the log alone: no projection, no names of generations."""
    shutil.rmtree(served.store.path / "projections")
    expect(served.store, "projection", "note", "there is none", "events")
    assert not (served.store.path / "projections").exists()


# ---- keys


def test_a_missing_key(used):
    (used.path / "checkpoint.key").unlink()
    expect(used, "key", "warning", "missing", "--new-key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read(used, mode):
    (used.path / "checkpoint.key").chmod(mode)
    expect(used, "key", "warning", "others", "chmod 600")


def test_a_damaged_key(used):
    (used.path / "checkpoint.key").write_text("nothing\n")
    (used.path / "checkpoint.key").chmod(0o600)
    expect(used, "key", "failure", "checkpoint.key", "backup")


def test_a_damaged_public_key(used):
    (used.path / "checkpoint.pub").write_text("nothing\n")
    expect(used, "key", "failure", "checkpoint.pub", "backup")


def test_keys_that_do_not_belong_together(used, tmp_path):
    (tmp_path / "other").mkdir()
    other = Store.create(tmp_path / "other")
    shutil.copy(other.path / "checkpoint.pub", used.path / "checkpoint.pub")
    expect(used, "key", "warning", "does not have the half")


# ---- pages


def zero(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(bytes(4096))


def damaged_pages(path: Path):
    """Gives the file with each of its pages emptied in turn, and puts everything back."""
    original = path.read_bytes()
    try:
        for page in range(len(original) // 4096):
            zero(path, page)
            yield page
            path.write_bytes(original)
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("part", ["log", "names"])
def test_a_damaged_page_is_named(used, part):
    data = used.path / part / "data.mdb"
    codes = {}
    for page in damaged_pages(data):
        code, found = examine(used)
        codes[page] = code
        if code == BAD_DATA:
            failures = [each for all in found.values() for each in all if each["severity"] == "failure"]
            assert any("restore" in each["remedy"] for each in failures), failures
    assert set(codes.values()) <= {0, BAD_DATA}
    assert list(codes.values()).count(BAD_DATA) >= 3, codes
    assert examine(used)[0] == 0


def test_a_damaged_page_of_the_projection_is_named(used):
    data = used.path / "projections" / "1" / "data.mdb"
    found = set()
    for page in damaged_pages(data):
        _, findings = examine(used)
        found |= {
            page
            for part, all in findings.items()
            for each in all
            if part.startswith("projection") and each["severity"] in ("warning", "failure")
        }
        # What verify finds, the examination finds.
        verified = used_verify(used)
        assert (verified == BAD_DATA) == (page in found), page
        if verified == 0:
            continue
    assert len(found) >= 5


def test_a_page_in_the_middle_of_a_long_projection_is_named(used):
    """Opening it looks at the edges of its tables only."""
    record(used, 20_000, "more")
    data = used.path / "projections" / "1" / "data.mdb"
    content_ = data.read_bytes()
    ends = [page for page in range(len(content_) // 4096) if is_leaf(content_, page)]
    missed = []
    for page in ends[len(ends) // 4 :: max(1, len(ends) // 8)]:
        zero(data, page)
        found = examine(used)[0]
        if used_verify(used) == BAD_DATA and found != BAD_DATA:
            missed.append(page)
        data.write_bytes(content_)
    assert missed == []
    assert len(ends) > 15


def is_leaf(content_: bytes, page: int) -> bool:
    """By the flags in the head of an LMDB page."""
    number, _, flags = struct.unpack_from("<QHH", content_, page * 4096)
    return number == page and flags & 0x02 != 0


def used_verify(store: Store) -> int:
    """Verifies a copy, which may be folded again."""
    copy = store.path.parent / "verified"
    shutil.copytree(store.path, copy)
    try:
        return run("verify", "--data", str(copy)).returncode
    finally:
        shutil.rmtree(copy)


@pytest.mark.parametrize("part", ["log", "names"])
@pytest.mark.parametrize("harm", ["cut", "emptied", "removed", "overwritten"])
def test_a_file_that_is_no_database_is_named(used, part, harm):
    data = used.path / part / "data.mdb"
    original = data.read_bytes()
    if harm == "removed":
        data.unlink()
    else:
        data.write_bytes({"cut": original[:9000], "emptied": b"", "overwritten": b"dear" * 4096}[harm])
    code, found = examine(used)
    assert code == BAD_DATA, found


def test_a_record_that_is_not_as_it_was_written(used):
    """Its page is whole, and its hash lies in a tile: only reading every record finds it."""
    data = used.path / "log" / "data.mdb"
    original = data.read_bytes()
    assert original.count(b"first-77") == 1
    data.write_bytes(original.replace(b"first-77", b"frist-77"))
    assert examine(used)[0] == 0
    expect(used, "records", "failure", "position 81", options=("--records",))


def test_a_record_behind_the_last_tile_that_is_not_as_it_was_written(used):
    """What was signed for it does not hold any more."""
    record(used, 1, "written")
    data = used.path / "log" / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"written-0", b"changed-0"))
    expect(used, "log", "failure", "304")


# ---- log, tree, witness


def test_a_log_that_is_older_than_its_witness(served, tmp_path):
    store = served.store
    older = tmp_path / "older"
    shutil.copytree(store.path / "log", older)
    served.resume()
    for _ in range(10):
        served.spend(served.user, 1)
    before = (store.path / "checkpoint").read_bytes()
    until(lambda: (store.path / "checkpoint").read_bytes() != before, "another checkpoint lies beside the log")
    assert served.server.stop() == 0
    shutil.rmtree(store.path / "log")
    shutil.copytree(older, store.path / "log")
    expect(store, "witness", "failure", "restore")


def test_a_witness_of_another_log(served, start):
    other = start("--checkpoint-seconds", "1")
    other.spend(other.user, 1)
    until(lambda: (other.store.path / "checkpoint").exists(), "a checkpoint lies beside the log")
    assert other.server.stop() == 0
    shutil.copy(other.store.path / "checkpoint", served.store.path / "checkpoint")
    expect(served.store, "witness", "failure", "checkpoint")


def test_a_damaged_witness(served):
    (served.store.path / "checkpoint").write_text("nothing\n")
    expect(served.store, "witness", "failure", "checkpoint")


def test_no_witness(used):
    (used.path / "checkpoint").unlink()
    expect(used, "witness", "note", "no checkpoint lies beside the log yet")


# ---- projection


def test_a_projection_that_is_behind(served):
    store = served.store
    behind = store.path.parent / "behind"
    shutil.copytree(store.path / "projections", behind)
    served.resume()
    for _ in range(10):
        served.spend(served.user, 1)
    assert served.server.stop() == 0
    shutil.rmtree(store.path / "projections")
    shutil.copytree(behind, store.path / "projections")
    expect(store, "projection 1", "note", "live", "folds 1", "events")


def test_generations_that_are_not_live(used):
    for _ in range(2):
        used.run("projections", "rebuild", "--swap")
    used.run("projections", "rebuild")
    expect(used, "projection 1", "note", "not in use", "prune")
    expect(used, "projection 2", "note", "the one before, for a rollback")
    expect(used, "projection 3", "fine", "live, has all 303 events")
    expect(used, "projection 4", "note", "not in use", "prune")


def test_a_rebuild_under_way_and_one_that_was_interrupted(store):
    record(store, 150_000)
    with half_done_rebuild(store) as (process, number, _):
        code, document = run_json("doctor", "--data", str(store.path))
        assert code == 0, document
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        expect(store, f"projection {number}", "note", "not in use", "prune")


@pytest.mark.parametrize("text", ["7\n", "nothing\n", ""])
def test_a_pointer_that_leads_nowhere(used, text):
    (used.path / "projections" / "current").write_text(text)
    expect(used, "projection", "note", "there is none", "303 events")


def test_a_foreign_generation_that_is_live(used, tmp_path):
    (tmp_path / "other").mkdir()
    other = Store.create(tmp_path / "other")
    record(other, 5)
    shutil.rmtree(used.path / "projections" / "1")
    shutil.copytree(other.path / "projections" / "1", used.path / "projections" / "1")
    expect(used, "projection 1", "warning", "live, but", "303 events")


def test_an_emptied_generation_that_is_live(used):
    (used.path / "projections" / "1" / "data.mdb").unlink()
    _, found = examine(used)
    assert found["projection 1"][0]["severity"] == "warning" and "303 events" in found["projection 1"][0]["remedy"]


# ---- surroundings


def test_a_disk_that_is_nearly_full(used, small_disk):
    data = small_disk.path / "data"
    shutil.copytree(used.path, data)
    small_disk.fill(leaving=100)
    expect(Store(data), "disk", "warning", "MiB are free", "make room")


def test_a_disk_with_not_a_byte_left(used, small_disk):
    data = small_disk.path / "data"
    shutil.copytree(used.path, data)
    small_disk.fill()
    expect(Store(data), "disk", "warning", "0 MiB are free")


@contextmanager
def serving(service):
    service.resume()
    try:
        yield
    finally:
        assert service.server.stop() == 0


def test_a_server_that_runs(served):
    with serving(served):
        code, document = run_json("doctor", "--records", "--data", str(served.store.path))
        assert code == 0, document
        (lock,) = [each for each in document["findings"] if each["part"] == "lock"]
        assert lock["severity"] == "note" and str(served.server.process.pid) in lock["text"]
        served.spend(served.user, 1)


def test_it_can_be_asked_beside_a_server_under_load(served):
    with serving(served):
        load = Load(served, served.user)
        try:
            for number in range(6):
                until(lambda: len(load.receipts) >= 40 * number, "more receipts")  # noqa: B023
                code, document = run_json("doctor", "--records", "--data", str(served.store.path))
                assert code == 0, document
        finally:
            load.stop()


@pytest.mark.parametrize("readers", ["webhooks", "consumers"])
@pytest.mark.parametrize("text", ["", "nothing\n", "quotalog-webhooks 1\n", "quotalog-webhooks 1\nlog\n"])
def test_damaged_places_of_readers(used, readers, text):
    (used.path / readers).write_text(text)
    expect(used, readers, "failure", readers, "restore a backup of it, or remove it")


def test_places_of_readers(served):
    with serving(served):
        auditor = served.register("auditor").client
        for name in ("one", "two"):
            assert auditor.ask("PUT", f"/v1/consumers/{name}", {}).status == 201
    expect(served.store, "consumers", "fine", "2 keep their place")


@pytest.mark.parametrize("line", ["one", "one x", "one 5", "one -1 a b c", "\x00"])
def test_places_that_make_no_sense(served, line):
    """The file begins as it should; a server would not start with it."""
    with serving(served):
        auditor = served.register("auditor").client
        assert auditor.ask("PUT", "/v1/consumers/mine", {}).status == 201
    file = served.store.path / "consumers"
    file.write_text("\n".join(file.read_text().splitlines()[:2] + [line]) + "\n")
    assert served.store.try_run("serve", "--listen", "127.0.0.1:0").returncode == BAD_DATA
    expect(served.store, "consumers", "failure", "restore a backup of it, or remove it")


def test_what_an_interrupted_write_left(used):
    (used.path / "checkpoint.pub.new").write_text("half")
    expect(used, "checkpoint.pub.new", "note", "interrupted write")


@pytest.mark.parametrize("words", [["surplus"], ["--records=1"], ["--fix"]])
def test_a_wrong_command_line(used, words):
    before = content(used.path)
    assert used.try_run("doctor", *words).returncode == USAGE
    assert content(used.path) == before

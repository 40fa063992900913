"""Commands that are killed at every operation on their files: each can be run again, and nothing that was whole before is harmed."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups import CANNOT_CREATE, back_up, checked, files_with, record, restored, statement
from faults import CHANGES, Faults, PowerCut
from service import Store, environment, run

AT_MOST = 7
"""So many operations of a command are tried, chosen by seed, and always the first and the last."""


def outcome_of(faults: Faults, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
    return run(*arguments, env=environment() | faults.environment, input=input)


def places(count: int, seed: str) -> list[int]:
    numbers = random.Random(seed)
    chosen = {1, count} | set(numbers.sample(range(1, count + 1), min(AT_MOST, count)))
    return sorted(chosen)


def killed(root: Path, scratch: Path, seed: str, prepare, *arguments: str, input: str | None = None) -> Iterator[int]:
    """Runs the command again and again, each time on what `prepare` makes, and kills it before another operation."""
    faults = Faults(root, scratch)
    prepare()
    faults.count()
    whole = outcome_of(faults, *arguments, input=input)
    assert whole.returncode == 0, whole.stderr
    count = faults.counted
    assert count > 3
    for place in places(count, seed):
        prepare()
        faults.order("kill", place, kinds=CHANGES)
        outcome_of(faults, *arguments, input=input)
        # Some have fewer operations than the first time.
        assert faults.happened == 1 or place > count * 0.8, place
        faults.disarm()
        yield place


def fresh(path: Path, source: Path | None = None):
    def prepare() -> None:
        shutil.rmtree(path, ignore_errors=True)
        if source:
            shutil.copytree(source, path)

    return prepare


def verified(store: Store) -> None:
    outcome = store.try_run("verify")
    assert outcome.returncode == 0, outcome.stderr


@pytest.fixture
def made(tmp_path) -> Store:
    """A store with people, usage, and a changed key."""
    (tmp_path / "made").mkdir()
    store = Store.create(tmp_path / "made")
    for name in ("grace", "ada"):
        store.run("user", "add", name)
    record(store, 40)
    store.run("checkpoint", "--new-key")
    return store


@pytest.mark.parametrize("exists", [False, True])
def test_an_init_that_was_killed_is_run_again(tmp_path, exists):
    data = tmp_path / "inner" / "data"
    store = Store(data)

    def prepare() -> None:
        shutil.rmtree(data.parent, ignore_errors=True)
        (data if exists else data.parent).mkdir(parents=True)

    options = ("init", "--data", str(data), "--time-zone", "Europe/Tallinn", "--origin", "quota.example.org/log")
    for place in killed(data.parent, tmp_path / "scratch", f"init {exists}", prepare, *options):
        begun = store.try_run("usage", "admin")
        again = run(*options, "--json")
        assert again.returncode == (CANNOT_CREATE if begun.returncode == 0 else 0), (place, begun.stderr, again.stderr)
        if again.returncode:
            assert "quotalog token issue" in again.stderr
            store.run("token", "issue", "admin")
        exported = [json.loads(line) for line in store.run("export").stdout.splitlines()]
        kinds = [event["type"] for event in exported]
        assert kinds[:2] == ["calendar_changed", "user_registered"] and "Europe/Tallinn" in json.dumps(exported[0]), place
        assert store.read("checkpoint")["origin"] == "quota.example.org/log"
        assert sorted(path.name for path in data.parent.iterdir()) == ["data"]
        assert "unfinished" not in [path.name for path in data.iterdir()]
        verified(store)


def test_an_import_that_was_killed_is_run_again(made, tmp_path):
    lines = made.run("export").stdout
    data = tmp_path / "copy" / "data"
    data.parent.mkdir()
    command = ("import", "-", "--data", str(data))
    for _ in killed(data.parent, tmp_path / "scratch", "import", fresh(data), *command, input=lines):
        copy = Store(data)
        copy.run("import", "-", input=lines)
        assert copy.run("export").stdout == lines
        verified(copy)


@pytest.mark.parametrize("key", ["same", "changed"])
def test_a_backup_that_was_killed_is_the_one_before_or_the_next(made, tmp_path, key):
    backup, kept = tmp_path / "backup", tmp_path / "kept"
    back_up(made, kept)
    before = statement(made)
    record(made, 10, prefix="later")
    made.run("user", "add", "mary")
    if key == "changed":
        made.run("checkpoint", "--new-key")
    after = statement(made)
    command = ("backup", str(backup), "--data", str(made.path))
    for place in killed(backup, tmp_path / "scratch", f"backup {key}", fresh(backup, kept), *command):
        document = checked(backup)
        assert (document["records"], document["root_hash"]) in (before[1:], after[1:]), place
        copy, report = restored(backup, tmp_path / "restored")
        assert report["whole"] and report["records"] == document["records"]
        assert statement(copy) in (before, after)
        assert (copy.try_run("usage", "mary").returncode == 0) == (document["records"] == after[1]), place
        verified(copy)
        shutil.rmtree(copy.path)
        assert back_up(made, backup)["records"] == after[1]
        checked(backup)


def test_a_restore_that_was_killed_is_run_again(made, tmp_path):
    backup, data = tmp_path / "backup", tmp_path / "inner" / "data"
    back_up(made, backup)
    command = ("restore", str(backup), "--data", str(data))

    def prepare() -> None:
        shutil.rmtree(data.parent, ignore_errors=True)
        data.parent.mkdir()

    for place in killed(data.parent, tmp_path / "scratch", "restore", prepare, *command):
        again = run(*command)
        copy = Store(data)
        assert again.returncode in (0, CANNOT_CREATE), (place, again.stderr)
        assert (again.returncode == 0) == (copy.path.exists() and "already" not in again.stderr)
        assert statement(copy) == statement(made)
        copy.run("usage", "grace")
        verified(copy)


def test_a_change_of_keys_that_was_killed_leaves_one_that_signs(made, tmp_path):
    data = tmp_path / "copy"
    backup = tmp_path / "backup"
    command = ("checkpoint", "--new-key", "--data", str(data))
    for _ in killed(data, tmp_path / "scratch", "key", fresh(data, made.path), *command):
        store = Store(data)
        verified(store)
        store.run("checkpoint")
        shutil.rmtree(backup, ignore_errors=True)
        back_up(store, backup)
        checked(backup)


def test_an_erasure_that_was_killed_leaves_everything_or_nothing(made, tmp_path):
    data = tmp_path / "copy"
    command = ("user", "erase", "grace", "--yes", "--data", str(data))
    for place in killed(data, tmp_path / "scratch", "erase", fresh(data, made.path), *command):
        store = Store(data)
        known = store.try_run("usage", "grace").returncode == 0
        erased = [json.loads(line)["type"] for line in store.run("export").stdout.splitlines()].count("user_erased")
        assert known == (erased == 0), place
        assert store.try_run("user", "erase", "grace", "--yes").returncode == (0 if known else 65)
        store.run("user", "add", "somebody")
        assert not files_with(data, "grace"), place
        store.run("usage", "ada")
        verified(store)


def test_a_user_whose_registration_was_killed_may_get_another_name(made, tmp_path):
    data = tmp_path / "copy"
    user = str(uuid.uuid4())
    command = ("user", "add", "mistaken", "--uuid", user, "--data", str(data))
    for place in killed(data, tmp_path / "scratch", "register", fresh(data, made.path), *command):
        store = Store(data)
        again = store.try_run("user", "add", "right", "--uuid", user)
        if again.returncode:
            assert "exists already" in again.stderr
            store.run("usage", "mistaken")
            continue
        assert store.try_run("usage", "mistaken").returncode == 65, place
        store.run("user", "add", "mistaken")
        store.run("user", "erase", "mistaken", "--yes")
        assert not files_with(data, "mistaken"), place
        store.run("usage", "right")
        verified(store)


# ---- a power cut right behind the end


@pytest.mark.parametrize("keep", ["none", "some"])
@pytest.mark.parametrize("what", ["init", "import", "restore", "backup"])
def test_what_a_command_has_said_survives_a_power_cut(made, tmp_path, what, keep):
    backup, root = tmp_path / "backup", tmp_path / "disk"
    lines = made.run("export").stdout
    back_up(made, backup)
    root.mkdir()
    power = PowerCut(root)
    faults = Faults(root, tmp_path / "scratch", trace=True)
    place = root / "place"
    commands = {
        "init": ("init", "--data", str(place)),
        "import": ("import", "-", "--data", str(place)),
        "restore": ("restore", str(backup), "--data", str(place)),
        "backup": ("backup", str(place), "--data", str(made.path)),
    }
    outcome = outcome_of(faults, *commands[what], input=lines if what == "import" else None)
    assert outcome.returncode == 0, outcome.stderr
    for operation in faults.trace():
        power.advance(operation)
    image = tmp_path / "image"
    for seed in range(2 if keep == "some" else 1):
        power.write(image, f"{what} {seed}", keep)
        if what == "backup":
            assert checked(image / "place")["records"] == statement(made)[1]
            continue
        store = Store(image / "place")
        store.run("usage", "admin")
        if what != "init":
            assert store.run("export").stdout == lines
        verified(store)

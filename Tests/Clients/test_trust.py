"""When a projection is believed: after power cuts, in copies, after imports that were killed, and when the log lost its end."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import faults
from backups import BAD_DATA, NO_INPUT, record
from faults import Faults, PowerCut
from service import Store, binary, until
from test_projections import generations, projections, refusal

BOOT = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
ZONES = ["UTC", "Europe/Tallinn", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]


def copied(store: Store, directory: Path) -> Store:
    shutil.copytree(store.path, directory, ignore=shutil.ignore_patterns("*.sock"))
    return Store(directory, admin=store.admin)


def windows(store: Store, user: str = "admin") -> list[str]:
    """What a user's windows hold, and when they end."""
    return [line for line in store.run("usage", user).stdout.splitlines() if "until" in line]


# ---- power cuts


def image(power: PowerCut, target: Path, seed: str) -> Store:
    """A disk after a cut, and a machine that was started anew: what says that it was in use says so of another boot."""
    power.write(target, seed)
    for path in target.glob("projections/*/*"):
        content = path.read_bytes()
        closed = path.name == "trust" and b"\nclosed\n" in content
        if BOOT in content and not closed:
            path.write_bytes(content.replace(BOOT, BOOT[::-1]))
    return Store(target)


RUNS = {
    "a close": [["append", "-"]],
    "a look": [["usage", "admin"]],
    "a rebuild": [["rebuild"]],
    "a swap": [["projections", "rebuild", "--swap"], ["projections", "rollback"]],
    "a comparison": [["projections", "rebuild"], ["append", "-"], ["projections", "compare"]],
}


@pytest.mark.parametrize("name", RUNS)
def test_a_power_cut_leaves_a_projection_that_is_right_or_that_is_folded_anew(store, tmp_path, name):
    """Of the pages and names that were not flushed, any may be on the disk."""
    for part in range(3):
        record(store, 150, f"before-{part}")
    power = PowerCut(store.path)
    instrument = Faults(store.path, tmp_path / "scratch", trace=True)
    for words in RUNS[name]:
        lines = "".join(json.dumps({"id": f"{name}-{n}", "user": "admin", "tokens": n + 1}) + "\n" for n in range(150))
        command = [binary(), *words, "--data", str(store.path)]
        subprocess.run(
            command, input=lines, text=True, env=store.environment | instrument.environment, check=True, capture_output=True, timeout=60
        )
    operations = instrument.trace()
    numbers = random.Random(name)
    moments = sorted(numbers.sample(range(len(operations)), min(12, len(operations))))
    for moment, operation in enumerate(operations):
        power.advance(operation)
        if moment not in moments:
            continue
        disk = image(power, tmp_path / "image", f"{name} {moment}")
        for words in ["doctor"], ["verify"]:
            outcome = disk.try_run(*words)
            assert outcome.returncode == 0, (moment, words, outcome.stdout, outcome.stderr)


# ---- copies


def test_a_copy_of_a_store_in_use_is_folded_anew(start, tmp_path):
    service = start()
    service.spend(service.user, 42)
    copy = copied(service.store, tmp_path / "copy")
    (entry,) = generations(copy).values()
    assert (entry["state"], entry["reason"]) == ("unusable", "it is a copy of one that was in use")
    outcome = copy.run("doctor")
    assert "it is a copy of one that was in use" in outcome.stdout + outcome.stderr
    copy.run("verify")
    assert [entry["position"] for entry in generations(copy).values() if entry["role"] == "live"] == [
        service.events()[-1]["position"]
    ]


def test_a_copy_of_a_stopped_store_is_believed(store, tmp_path):
    record(store, 300)
    copy = copied(store, tmp_path / "copy")
    assert generations(copy)[1]["state"] == "complete"
    copy.run("verify")
    assert list(generations(copy)) == [1]


@pytest.mark.parametrize("is_served", [False, True])
def test_what_the_next_start_folds_anew_is_no_damage(start, is_served):
    """As after a power cut while it was served: neither the examination nor the verification complains."""
    service = start()
    for number in range(300):
        service.spend(service.user, number + 1)
    service.server.kill()
    place = service.store.path / "projections" / "1"
    trust = (place / "trust").read_bytes()
    (place / "trust").write_bytes(trust.replace(BOOT, BOOT[::-1]))
    data = bytearray((place / "data.mdb").read_bytes())
    for page in range(2, len(data) // 4096, 2):
        data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    (place / "data.mdb").write_bytes(data)
    outcome = service.store.run("doctor")
    assert "the machine was restarted while it was in use" in outcome.stdout + outcome.stderr
    if is_served:
        service.resume()
        assert service.server.stop() == 0
    service.store.run("verify")
    assert list(generations(service.store)) == [2]


# ---- calendars


def exported_with_calendars(store: Store, seed: int) -> tuple[str, str, str]:
    """Events of a store among which the calendar changes a few times; the last zone and week start."""
    numbers = random.Random(seed)
    record(store, 400, f"seed-{seed}")
    events = [json.loads(line) for line in store.run("export").stdout.splitlines()]
    zone, week_start = "UTC", "monday"
    result: list[dict] = []
    for event in events:
        if numbers.random() < 0.01 or event["position"] in (5, 200):
            zone, week_start = numbers.choice(ZONES), numbers.choice(["monday", "sunday", "saturday"])
            change = {name: event[name] for name in ("recorded_at", "happened_at") if name in event}
            result.append({"type": "calendar_changed", **change, "actor": "operator", "time_zone": zone, "week_start": week_start})
        result.append(event)
    for position, event in enumerate(result, 1):
        event["position"] = position
    return "".join(json.dumps(event) + "\n" for event in result), zone, week_start


def calendar_event(tmp_path: Path) -> dict:
    """How an export writes a change of the calendar."""
    (tmp_path / "example").mkdir()
    example = Store.create(tmp_path / "example", "--time-zone", "Europe/Tallinn")
    return json.loads(example.run("export").stdout.splitlines()[0])


@pytest.mark.parametrize("seed", range(3))
def test_an_import_that_was_killed_anywhere_serves_the_calendar_of_the_log(store, tmp_path, seed):
    lines, zone, week_start = exported_with_calendars(store, seed)
    whole = Store(tmp_path / "whole")
    whole.run("import", "-", input=lines)
    expected = windows(whole)
    instrument = Faults(tmp_path / "killed", tmp_path / "scratch")
    instrument.count()
    killed = Store(tmp_path / "killed")

    def run() -> int:
        command = [binary(), "import", "-", "--data", str(killed.path)]
        environment = killed.environment | instrument.environment
        return subprocess.run(command, input=lines, text=True, env=environment, capture_output=True, timeout=60).returncode

    assert run() == 0
    count = instrument.counted
    assert windows(killed) == expected
    numbers = random.Random(seed)
    # Before that, the store is not made yet.
    start = count // 3
    for at in numbers.sample(range(start, count), 5):
        shutil.rmtree(killed.path)
        instrument.order("kill", at)
        assert run() == -signal.SIGKILL
        instrument.disarm()
        assert run() == 0, at
        assert windows(killed) == expected, at
        killed.run("verify")


def test_a_generation_that_was_caught_up_with_another_calendar_is_not_swapped_to(store, tmp_path):
    record(store, 40)
    lines = store.run("export").stdout
    last = json.loads(lines.splitlines()[-1])
    change = calendar_event(tmp_path) | {name: last[name] for name in ("recorded_at", "happened_at")}
    change["position"] = last["position"] + 1
    spend = last | {"position": last["position"] + 2, "request_id": "another"}
    other = Store(tmp_path / "other")
    other.run("import", "-", input=lines)
    projections(other, "rebuild", "--swap")
    other.run("import", "-", input=lines + json.dumps(change) + "\n" + json.dumps(spend) + "\n")
    expected = windows(other)
    for entry in generations(other).values():
        if entry["role"] == "live":
            continue
        other.try_run("projections", "compare", str(entry["number"]))
        assert refusal(other, "swap", str(entry["number"]))[0] == BAD_DATA
    assert refusal(other, "rollback")[0] == BAD_DATA
    assert windows(other) == expected and "+02:00" in expected[0]
    other.run("verify")


@pytest.mark.parametrize("zone, week_start", [("Europe/Tallinn", "monday"), ("Asia/Kathmandu", "sunday"), ("UTC", "saturday")])
def test_a_store_of_any_calendar_is_folded_from_nothing(tmp_path, zone, week_start):
    store = Store.create(tmp_path, "--time-zone", zone, "--week-start", week_start)
    record(store, 200)
    expected = windows(store)
    store.run("backup", str(tmp_path / "backup"))
    restored = Store(tmp_path / "restored")
    subprocess.run([binary(), "restore", str(tmp_path / "backup"), "--data", str(restored.path)], check=True, capture_output=True)
    restored.run("verify")
    assert windows(restored) == expected
    for words in ["usage", "admin"], ["rebuild"], ["projections", "rebuild", "--swap"], ["verify"]:
        shutil.rmtree(store.path / "projections")
        store.run(*words)
        assert windows(store) == expected
        store.run("verify")


# ---- lost events


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_generation_with_lost_events_is_not_rolled_back_to(start, tmp_path, end):
    service = start()
    for _ in range(30):
        service.spend(service.user, 1)
    assert service.server.stop() == 0
    store = service.store
    shutil.copytree(store.path / "log", tmp_path / "older")
    service.resume()
    for _ in range(10):
        service.spend(service.user, 1000)
    head = service.events()[-1]["position"]
    until(lambda: generations(store)[1]["position"] == head, "the projection has stored everything")
    assert service.server.stop() == 0 if end == "stopped" else service.server.kill() is None
    shutil.rmtree(store.path / "log")
    shutil.copytree(tmp_path / "older", store.path / "log")
    assert store.try_run("usage", "admin").returncode == BAD_DATA
    keys = (store.path / "checkpoint.pub").read_text()
    projections(store, "rebuild", "--swap", "--accept-lost-events")
    # What goes on without its end is signed for with another key; the one before stays known.
    assert (store.path / "checkpoint.pub").read_text().endswith(keys) and len(keys) < (store.path / "checkpoint.pub").stat().st_size
    # What was signed for is lost with it.
    (store.path / "checkpoint").unlink()
    service.resume()
    for _ in range(20):
        service.spend(service.user, 1)
    for entry in generations(store).values():
        if entry["role"] != "live" and entry["state"] == "complete":
            projections(store, "swap", str(entry["number"]))
            assert service.used(service.user) == (50,) * 3
    assert refusal(store, "rollback")[0] in (BAD_DATA, NO_INPUT)
    assert service.used(service.user) == (50,) * 3
    assert service.server.stop() == 0
    store.run("verify")


def test_an_older_log_is_noticed_after_commands_only(store, tmp_path):
    record(store, 20)
    shutil.copytree(store.path / "log", tmp_path / "older")
    record(store, 10, "lost")
    shutil.rmtree(store.path / "log")
    shutil.copytree(tmp_path / "older", store.path / "log")
    for words in ["append", "-"], ["usage", "admin"], ["verify"], ["export"]:
        assert store.try_run(*words, input="").returncode == BAD_DATA, words
    shutil.rmtree(store.path / "projections")
    for words in ["append", "-"], ["usage", "admin"], ["verify"], ["export"]:
        assert store.try_run(*words, input="").returncode == BAD_DATA, words


# ---- folds at the start


def generations_beside(store) -> dict[int, dict]:
    """What a process that has been stopped has made so far; nothing where it was stopped with a lock in its hands."""
    command = [binary(), "projections", "list", "--json", "--data", str(store.path)]
    try:
        listed = subprocess.run(command, env=store.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=True)
    except subprocess.TimeoutExpired:
        return {}
    return {each["number"]: each for each in json.loads(listed.stdout)["generations"]}


def test_a_start_that_is_killed_while_it_folds_is_gone_on_with(store):
    """However often: the last one folds the rest, and nothing of the others is left."""
    record(store, 300_000)
    shutil.rmtree(store.path / "projections")
    positions: list[int] = []
    for _ in range(4):
        command = [binary(), "usage", "admin", "--data", str(store.path)]
        process = subprocess.Popen(command, env=store.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            found = generations_beside(store)
            if any(entry["state"] == "building" and (entry["position"] or 0) > (positions or [0])[-1] for entry in found.values()):
                break
            process.send_signal(signal.SIGCONT)
            time.sleep(0.002)
        else:
            break
        process.kill()
        process.wait()
        assert len(found) == 1
        positions.append(next(iter(found.values()))["position"])
    assert positions and positions == sorted(positions)
    store.run("verify")
    assert list(generations(store)) == [1]

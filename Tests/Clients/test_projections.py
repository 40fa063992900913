"""Generations of the projection: rebuilt, compared, swapped, rolled back and pruned, beside a server and without one."""

import json
import random
import shutil
import signal
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service import binary, compact, until

USAGE, BAD_DATA, NO_INPUT, UNAVAILABLE = 64, 65, 66, 69
MANY = 400_000
"""Events enough for a rebuild to store several times before it ends."""


def record(store, user: str, count: int, prefix: str = "first", tokens=lambda number: number % 50 + 1) -> None:
    """Records usage without a server."""
    lines = (json.dumps({"id": f"{prefix}-{n}", "user": user, "tokens": tokens(n)}) + "\n" for n in range(count))
    store.run("append", "-", input="".join(lines))


def generations(store) -> dict[int, dict]:
    return {each["number"]: each for each in store.read("projections", "list")["generations"]}


def projections(store, *words: str):
    """What a subcommand prints as JSON."""
    return store.read("projections", *words)


def refusal(store, *words: str) -> tuple[int, str]:
    outcome = store.try_run("projections", *words)
    return outcome.returncode, outcome.stderr


def spawn(store, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [binary(), "projections", *words, "--data", str(store.path), "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=store.environment,
    )


@contextmanager
def half_done_rebuild(store, *words: str):
    """A rebuild that has stored some events and stands still; whatever is left of it is killed at the end."""
    process = spawn(store, "rebuild", *words)
    try:
        number, entry = stopped_amid(store, process)
        yield process, number, entry["position"]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stopped_amid(store, process: subprocess.Popen) -> tuple[int, dict]:
    """Lets a rebuild run for an instant at a time, however fast it is, until it has stored something."""
    while process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        # It may stand still with a lock that the look needs: then it goes on, and is stopped again.
        released = threading.Event()
        timer = threading.Timer(2, lambda: (released.set(), process.send_signal(signal.SIGCONT)))
        timer.start()
        found = generations(store)
        timer.cancel()
        for number, entry in found.items():
            if entry["state"] == "building" and entry["position"] and not released.is_set():
                return number, entry
        process.send_signal(signal.SIGCONT)
        time.sleep(0.005)
    raise AssertionError("the rebuild is through already: it needs more events")


class Load:
    """Writers that record usage for as long as they may, and remember what they were told and when."""

    def __init__(self, service, account, writers: int = 3, prefix: str = "load"):
        self.service, self.account, self.prefix = service, account, prefix
        self.receipts: dict[str, int] = {}
        self.seconds: list[tuple[float, float]] = []
        self.stopped = threading.Event()
        self.pool = ThreadPoolExecutor(writers)
        self.running = [self.pool.submit(self.write, writer) for writer in range(writers)]

    def write(self, writer: int) -> None:
        url = urlsplit(self.service.base)
        connection = HTTPConnection(url.hostname, url.port, timeout=20)
        headers = {"Authorization": f"Token {self.service.gateway.token}", "Content-Type": "application/json"}
        for number in range(10**9):
            if self.stopped.is_set():
                return
            id = f"{self.prefix}-{writer}-{number}"
            start = time.perf_counter()
            try:
                body = compact({"id": id, "user": self.account.uuid, "tokens": 1})
                connection.request("POST", "/v1/usage", body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, HTTPException):
                return
            assert response.status == 201, answer
            self.seconds.append((start, time.perf_counter() - start))
            self.receipts[id] = json.loads(answer)["position"]

    def stop(self) -> dict[str, int]:
        self.stopped.set()
        for writer in self.running:
            writer.result()
        return self.receipts


def latencies(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    middle, nearly, last = (ordered[len(ordered) * part // 1000] * 1e3 for part in (500, 990, 999))
    return f"{len(ordered)}, median {middle:.1f} ms, p99 {nearly:.1f} ms, longest {last:.1f} ms"


def recorded(service, prefix: str) -> dict[str, int]:
    events = service.events(type="tokens_spent", user=service.user.uuid)
    return {e["request_id"]: e["position"] for e in events if e["request_id"].startswith(prefix)}


@pytest.fixture
def many(store):
    """A stopped store with many events."""
    record(store, "admin", MANY)
    return store


def test_a_rebuild_is_complete_beside_the_live_generation_until_it_is_swapped(store):
    record(store, "admin", 500)
    rebuilt = projections(store, "rebuild")
    assert (rebuilt["generation"], rebuilt["complete"], rebuilt["resumed_from"], rebuilt["swap"]) == (2, True, None, None)
    found = generations(store)
    assert [(number, each["role"], each["state"]) for number, each in found.items()] == [
        (1, "live", "complete"),
        (2, "other", "complete"),
    ]
    assert found[2]["lag"] == 0 and found[2]["bytes"] > 4096
    assert projections(store, "compare") == {
        "left": "generation 1",
        "right": "generation 2",
        "position": rebuilt["position"],
        "identical": True,
        "difference": None,
    }
    usage = store.run("usage", "admin").stdout
    swapped = projections(store, "swap", "2")
    assert (swapped["live"], swapped["previous"], swapped["pause_microseconds"]) == (2, 1, None)
    assert {number: each["role"] for number, each in generations(store).items()} == {1: "previous", 2: "live"}
    assert store.run("usage", "admin").stdout == usage
    store.run("verify")


def test_a_rollback_is_caught_up_and_can_be_rolled_back(store):
    record(store, "admin", 100)
    projections(store, "rebuild", "--swap")
    record(store, "admin", 100, "second")
    usage = store.run("usage", "admin").stdout
    assert projections(store, "rollback")["live"] == 1
    assert store.run("usage", "admin").stdout == usage
    assert projections(store, "rollback")["live"] == 2
    assert store.run("usage", "admin").stdout == usage
    store.run("verify")


def test_a_prune_leaves_what_a_rollback_needs(store):
    record(store, "admin", 100)
    for _ in range(3):
        projections(store, "rebuild", "--swap")
    assert {number: each["role"] for number, each in generations(store).items()} == {
        1: "other",
        2: "other",
        3: "previous",
        4: "live",
    }
    sizes = generations(store)
    pruned = projections(store, "prune")
    assert pruned["removed"] == [1, 2]
    assert pruned["bytes"] >= sizes[1]["bytes"] + sizes[2]["bytes"]
    assert projections(store, "prune") == {"removed": [], "bytes": 0}
    assert projections(store, "prune", "--all")["removed"] == [3]
    code, complaint = refusal(store, "rollback")
    assert code == NO_INPUT and "projections swap N" in complaint
    store.run("verify")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["projections"], USAGE),
        (["projections", "shrink"], USAGE),
        (["projections", "list", "surplus"], USAGE),
        (["projections", "rebuild", "surplus"], USAGE),
        (["projections", "rebuild", "--swap=2"], USAGE),
        (["projections", "swap"], USAGE),
        (["projections", "swap", "two"], USAGE),
        (["projections", "swap", "+2"], USAGE),
        (["projections", "swap", "0"], USAGE),
        (["projections", "swap", "99999999999999999999"], USAGE),
        (["projections", "swap", "2", "3"], USAGE),
        (["projections", "swap", "7"], NO_INPUT),
        (["projections", "swap", "1"], BAD_DATA),
        (["projections", "rollback"], NO_INPUT),
        (["projections", "rollback", "1"], USAGE),
        (["projections", "prune", "1"], USAGE),
        (["projections", "compare", "1", "2", "3"], USAGE),
        (["projections", "compare", "1", "1"], USAGE),
        (["projections", "compare", "live"], USAGE),
        (["projections", "compare", "1", "7"], NO_INPUT),
    ],
)
def test_a_bad_command_says_so_and_changes_nothing(store, words, code):
    record(store, "admin", 10)
    before = sorted(generations(store).items())
    outcome = store.try_run(*words)
    assert outcome.returncode == code
    assert outcome.stderr.startswith("quotalog: ") and outcome.stderr.count("\n") == 1
    assert sorted(generations(store).items()) == before


def test_without_a_store_there_is_nothing_to_do(tmp_path, store):
    store.path = tmp_path / "nowhere"
    for words in ["list"], ["rebuild"], ["compare"], ["swap", "1"], ["rollback"], ["prune"]:
        assert store.try_run("projections", *words).returncode == NO_INPUT
    assert not store.path.exists()


def test_a_killed_rebuild_is_gone_on_with(many):
    with half_done_rebuild(many) as (process, number, position):
        process.kill()
    assert generations(many)[number]["state"] == "interrupted"
    rebuilt = projections(many, "rebuild")
    assert rebuilt["generation"] == number and rebuilt["complete"]
    assert rebuilt["resumed_from"] >= position
    assert rebuilt["events"] == rebuilt["position"] - rebuilt["resumed_from"]
    assert projections(many, "compare")["identical"]
    projections(many, "swap", str(number))
    many.run("verify")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_rebuild_ends_where_it_can_be_gone_on_with(many, number):
    with half_done_rebuild(many) as (process, generation, position):
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        printed, complaint = process.communicate(timeout=20)
    assert process.returncode == UNAVAILABLE
    assert "goes on from there" in complaint
    stopped = json.loads(printed)
    assert not stopped["complete"] and stopped["position"] >= position
    assert generations(many)[generation]["position"] == stopped["position"]
    assert projections(many, "rebuild")["resumed_from"] == stopped["position"]


def test_a_rebuild_can_begin_from_scratch(many):
    with half_done_rebuild(many) as (process, number, _):
        process.kill()
    rebuilt = projections(many, "rebuild", "--from-scratch")
    assert rebuilt["generation"] != number and rebuilt["resumed_from"] is None
    assert generations(many)[number]["state"] == "interrupted"
    assert projections(many, "prune")["removed"] == [number, rebuilt["generation"]]


def test_a_rebuild_that_a_restart_of_the_machine_interrupted_is_not_gone_on_with(many):
    with half_done_rebuild(many) as (process, number, _):
        process.kill()
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    trust = many.path / "projections" / str(number) / "trust"
    content = trust.read_bytes()
    assert boot in content
    trust.write_bytes(content.replace(boot, boot[::-1]))
    assert generations(many)[number]["reason"] == "the machine was restarted while it was in use"
    said = many.run("projections", "rebuild").stdout
    assert f"generation {number} could not be gone on with: the machine was restarted" in said
    assert len(generations(many)) == 2, "what nobody can ever use is gone"
    assert projections(many, "compare")["identical"]


def test_there_is_one_rebuild_at_a_time_and_nobody_touches_what_it_builds(many):
    with half_done_rebuild(many) as (process, number, _):
        for words in ["projections", "rebuild"], ["rebuild"]:
            outcome = many.try_run(*words)
            assert outcome.returncode == UNAVAILABLE
            assert f"another rebuild is running (pid {process.pid})" in outcome.stderr
        assert generations(many)[number]["process"] == process.pid
        code, complaint = refusal(many, "swap", str(number))
        assert code == UNAVAILABLE and f"is being built (pid {process.pid})" in complaint
        assert refusal(many, "compare", "1", str(number))[0] == UNAVAILABLE
        assert projections(many, "prune", "--all")["removed"] == []
        process.send_signal(signal.SIGCONT)
        assert json.loads(process.communicate(timeout=30)[0])["generation"] == number
    assert projections(many, "compare")["identical"]


def test_a_rebuild_beside_a_server_under_load_survives_kills(start):
    """Killed at random moments, until one is let through; what it made equals the live one."""
    service = start()
    service.server.stop()
    record(service.store, "admin", MANY)
    service.resume()
    load = Load(service, service.user)
    numbers = random.Random(20)
    try:
        for _ in range(6):
            process = spawn(service.store, "rebuild")
            time.sleep(numbers.uniform(0.0, 0.3))
            process.kill()
            process.communicate()
        for _ in range(2):
            with half_done_rebuild(service.store) as (process, number, position):
                process.kill()
        rebuilt = projections(service.store, "rebuild")
        assert rebuilt["complete"] and rebuilt["resumed_from"] >= position
        compared = projections(service.store, "compare")
        assert compared["identical"] and compared["position"] > rebuilt["position"]
        swapped = projections(service.store, "swap", str(rebuilt["generation"]))
        assert swapped["pause_microseconds"] < 100_000
    finally:
        receipts = load.stop()
    resumed = rebuilt["resumed_from"]
    print(f"resumed from {resumed}, {len(receipts)} records meanwhile, paused {swapped['pause_microseconds']} µs")
    assert recorded(service, "load") == receipts
    assert service.used(service.user) == (len(receipts),) * 3
    assert service.server.stop() == 0
    service.store.run("verify")


def test_swaps_under_load_lose_nothing_and_hold_nobody_up(start):
    service = start()
    person = service.user
    service.server.stop()
    record(service.store, "admin", 20_000)
    service.resume()
    projections(service.store, "rebuild")
    load = Load(service, person)
    pauses, swaps, wrong = [], [], []
    try:
        for number in range(12):
            time.sleep(0.1)
            before = len(load.receipts)
            begin = time.perf_counter()
            report = projections(service.store, *(["swap", "2"] if number == 0 else ["rollback"]))
            swaps.append((begin, time.perf_counter()))
            pauses.append(report["pause_microseconds"])
            assert report["live"] == 2 - number % 2
            if service.used(person)[0] < before:
                wrong.append(number)
    finally:
        receipts = load.stop()
    around = [s for start, s in load.seconds if any(a <= start <= b for a, b in swaps)]
    between = [s for start, s in load.seconds if not any(a <= start <= b for a, b in swaps)]
    print(f"{len(receipts)} records; pauses {sorted(pauses)} µs")
    print(f"appends while swaps ran: {latencies(around)}; between them: {latencies(between)}")
    assert wrong == []
    assert sorted(pauses)[len(pauses) // 2] < 20_000
    assert recorded(service, "load") == receipts
    assert service.used(person) == (len(receipts),) * 3
    assert service.server.stop() == 0
    service.store.run("verify")
    assert projections(service.store, "compare", "1", "2")["identical"]


def test_a_server_that_is_killed_in_a_swap_has_everything_afterwards(start):
    service = start()
    person = service.user
    service.server.stop()
    record(service.store, "admin", 5000)
    projections(service.store, "rebuild", "--swap")
    numbers = random.Random(7)
    receipts: dict[str, int] = {}
    for round in range(12):
        service.resume()
        load = Load(service, person, prefix=f"round{round}")
        command = spawn(service.store, "rollback")
        time.sleep(numbers.uniform(0.0, 0.25))
        service.server.kill()
        complaint = command.communicate(timeout=30)[1]
        assert command.returncode in (0, UNAVAILABLE), complaint
        receipts |= load.stop()
    service.resume()
    found = recorded(service, "round")
    assert receipts.items() <= found.items()
    assert service.used(person) == (len(found),) * 3
    assert service.server.stop() == 0
    service.store.run("verify")


def test_a_swap_that_nobody_waits_for_any_more_is_not_carried_out(start):
    service = start()
    service.spend(service.user, 5)
    projections(service.store, "rebuild")
    assert service.server.stop() == 0
    (service.store.path / "projections" / "swap.request").write_text("2 0123456789abcdef\n")
    service.resume()
    until(lambda: not (service.store.path / "projections" / "swap.request").exists(), "the request is taken away")
    assert generations(service.store)[1]["role"] == "live"


def damage(service, number: int) -> None:
    data = service.store.path / "projections" / str(number) / "data.mdb"
    content = bytearray(data.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 + 10 : page * 4096 + 16] = b"\xff" * 6
    data.write_bytes(content)


def replace_by_anothers(service, number: int, start) -> None:
    other = start()
    other.spend(other.user, 1)
    assert other.server.stop() == 0
    place = service.store.path / "projections" / str(number)
    shutil.rmtree(place)
    shutil.copytree(other.store.path / "projections" / "1", place)


@pytest.mark.parametrize("is_served", [False, True])
@pytest.mark.parametrize("harm", ["damaged", "another log"])
def test_a_generation_that_cannot_be_right_is_not_swapped_to(start, harm, is_served):
    service = start()
    service.spend(service.user, 42)
    projections(service.store, "rebuild")
    if not is_served:
        assert service.server.stop() == 0
    if harm == "damaged":
        damage(service, 2)
    else:
        replace_by_anothers(service, 2, start)
    code, complaint = refusal(service.store, "swap", "2")
    assert code == BAD_DATA
    assert "generation 2 cannot be used: " in complaint and harm in complaint
    assert generations(service.store)[1]["role"] == "live"
    if not is_served:
        service.resume()
    assert service.used(service.user) == (42, 42, 42)


def test_a_generation_ahead_of_the_log_is_refused(start, tmp_path):
    service = start()
    service.spend(service.user, 1)
    assert service.server.stop() == 0
    shutil.copytree(service.store.path, tmp_path / "earlier")
    service.resume()
    service.spend(service.user, 2)
    projections(service.store, "rebuild")
    assert service.server.stop() == 0
    shutil.copytree(service.store.path / "projections" / "2", tmp_path / "earlier" / "projections" / "2")
    service.store.path = tmp_path / "earlier"
    code, complaint = refusal(service.store, "swap", "2")
    assert code == BAD_DATA and "events that the log does not have" in complaint
    assert generations(service.store)[2]["state"] == "unusable"


@pytest.mark.parametrize("is_served", [False, True])
def test_a_comparison_names_the_account_both_values_and_where_they_part(start, is_served):
    """One number of an account is changed in the file of the rebuilt generation."""
    service = start()
    person, other = service.register(), service.register()
    first = service.spend(person, 1_234_567)
    service.spend(other, 10)
    second = service.spend(person, 7_000_000)
    service.spend(other, 10)
    projections(service.store, "rebuild")
    data = service.store.path / "projections" / "2" / "data.mdb"
    total, before = struct.pack("<q", 8_234_567), struct.pack("<q", 1_234_567)
    content = data.read_bytes()
    assert content.count(total) >= 4, "day, week, month and all of it"
    data.write_bytes(content.replace(total, before))
    if not is_served:
        assert service.server.stop() == 0
    code, complaint = refusal(service.store, "compare")
    assert code == BAD_DATA
    assert "generation 1 against generation 2" in complaint
    assert f"account {person.uuid} ({person.name})" in complaint
    assert "spent in all: 8234567 against 1234567" in complaint
    assert "used in the day that began " in complaint
    assert f"they part at position {second['position']}: generation 2 has what was true up to position" in complaint
    outcome = service.store.try_run("projections", "compare", "1", "2", "--json")
    found = json.loads(outcome.stdout)
    assert outcome.returncode == BAD_DATA and found["identical"] is False
    difference = found["difference"]
    assert (difference["user"], difference["name"]) == (person.uuid, person.name)
    assert difference["parts_at"] == second["position"] and first["position"] < second["position"]
    assert {field["left"].split()[0] for field in difference["fields"]} == {"8234567"}
    assert not any(path.name not in "12" for path in (service.store.path / "projections").iterdir() if path.is_dir())


def test_verify_and_rebuild_say_the_same_of_a_wrong_number(start):
    service = start()
    service.spend(service.user, 1_234_567)
    assert service.server.stop() == 0
    data = service.store.path / "projections" / "1" / "data.mdb"
    content = data.read_bytes()
    data.write_bytes(content.replace(struct.pack("<q", 1_234_567), struct.pack("<q", 1_234_566)))
    words = f"account {service.user.uuid} ({service.user.name})"
    numbers = "spent in all: 1234566 against 1234567"
    for command in ["verify"], ["projections", "compare"], ["rebuild"]:
        outcome = service.store.try_run(*command)
        assert outcome.returncode == BAD_DATA, command
        assert words in outcome.stderr and numbers in outcome.stderr, command
        assert "no prefix of the account's" in outcome.stderr, command
    service.store.run("verify")
    service.resume()
    assert service.used(service.user) == (1_234_567,) * 3

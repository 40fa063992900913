"""The command line: every command once well and several times badly, its exit codes and its one sentence of complaint."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

import contract
from contract import LIMITS, PERIODS, USAGE
from service import Client, Service, Store, binary, environment, next_line, run

OK, USAGE_ERROR, BAD_DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, IO_ERROR, NO_PERMISSION = 0, 64, 65, 66, 69, 73, 74, 77
SOME_FAILURE = {USAGE_ERROR, BAD_DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, IO_ERROR, NO_PERMISSION}


def complains(result: subprocess.CompletedProcess, *codes: int) -> bool:
    """One of these exit codes and one sentence on standard error, nothing on standard output."""
    sentence = result.stderr
    assert result.returncode in codes, f"exit {result.returncode}: {sentence}"
    assert sentence.startswith("quotalog: ") and sentence.endswith("\n"), sentence
    assert sentence.count("\n") == 1, sentence
    assert result.stdout == ""
    return True


@pytest.fixture
def mia(store) -> str:
    """The uuid of an ordinary user."""
    return store.read("user", "add", "mia")["user"]


def spend(user: str, tokens: int, **members) -> str:
    return json.dumps({"id": str(uuid.uuid4()), "user": user, "tokens": tokens} | members) + "\n"


def used(store: Store, user: str, *options: str) -> tuple[int, ...]:
    windows = store.read("usage", user, *options)["windows"]
    return tuple(windows[period]["used"] for period in PERIODS)


# ---- the good call of every command


def test_init_makes_a_store_with_a_staff_user_and_shows_its_token_once(tmp_path):
    made = run("init", "--data", str(tmp_path / "data"), "--json")
    assert (made.returncode, made.stderr) == (OK, "")
    document = json.loads(made.stdout)
    assert made.stdout.count("\n") == 1
    assert list(document) == ["data", "user", "name", "token"]
    assert (document["data"], document["name"]) == (str(tmp_path / "data"), "admin")
    uuid.UUID(document["user"])
    store = Store(tmp_path / "data")
    assert document["token"] not in store.run("export").stdout
    files = [path for path in store.path.rglob("*") if path.is_file()]
    assert files and not any(document["token"].encode() in path.read_bytes() for path in files)


def test_init_tells_people_the_token_too(tmp_path):
    made = run("init", "--data", str(tmp_path / "data"))
    assert made.returncode == OK and "admin" in made.stdout


def test_serve_says_where_it_listens_and_ends_well_on_a_signal(store):
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            [binary(), "serve", "--data", str(store.path), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        try:
            line = next_line(process)
            assert line.startswith("quotalog is listening on http://127.0.0.1:")
            address = line.removeprefix("quotalog is listening on ").strip()
            assert Client(address, store.admin["token"]).get(USAGE).status == 200
            process.send_signal(number)
            assert process.wait(20) == OK
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def test_users_are_added_listed_and_deactivated(store):
    identity = str(uuid.uuid4())
    plain = store.read("user", "add", "plain")
    full = store.read("user", "add", "full", "--uuid", identity, "--role", "auditor", "--issue-token")
    assert (plain["name"], plain["role"]) == ("plain", "user")
    assert not plain.get("token")
    assert (full["user"], full["role"]) == (identity, "auditor")
    assert full["token"] and full["token_id"]
    assert full["token"] not in store.run("user", "list").stdout
    for name in ("admin", "plain", "full"):
        assert name in store.run("user", "list").stdout
    store.run("user", "deactivate", "plain")
    service = Service(store)
    try:
        assert service.admin.get(f"{USAGE}?user_uuid={plain['user']}").gist == (404, contract.USER_NOT_FOUND)
        assert Client(service.base, full["token"]).get(USAGE).status == 200
    finally:
        service.close()


def test_a_token_from_standard_input_is_taken_as_it_is(store):
    token = "a-token-of-our-own-choosing-0123456789abcdef"
    store.run("user", "add", "chosen", "--token-stdin", input=token + "\n")
    service = Service(store)
    try:
        assert Client(service.base, token).get(USAGE).status == 200
    finally:
        service.close()


def test_tokens_are_issued_and_revoked(store, mia):
    kept, dropped = (store.read("token", "issue", "mia") for _ in range(2))
    timed = store.read("token", "issue", mia, "--expires-in", "30d")
    store.run("token", "revoke", dropped["token_id"])
    service = Service(store)
    try:
        statuses = [Client(service.base, each["token"]).get(USAGE).status for each in (kept, dropped, timed)]
        assert statuses == [200, 401, 200]
    finally:
        service.close()


def test_limits_are_set_one_by_one(store, mia):
    steps = [
        (["--daily", "100", "--weekly", "unlimited"], (100, -1, None)),
        (["--monthly", "0"], (100, -1, 0)),
        (["--daily", "default", "--weekly", "7"], (None, 7, 0)),
    ]
    for options, limits in steps:
        store.run("limits", "set", "mia", *options)
        windows = store.read("usage", mia)["windows"]
        assert tuple(windows[period]["own_limit"] for period in PERIODS) == limits


@pytest.mark.parametrize("from_file", [True, False])
def test_append_takes_json_lines_once(store, tmp_path, mia, from_file):
    lines = spend(mia, 5) + spend("mia", 8, time="2024-02-29T12:00:00Z")
    file = tmp_path / "usage.jsonl"
    file.write_text(lines)
    for _ in range(2):
        if from_file:
            store.run("append", str(file))
        else:
            store.run("append", "-", input=lines)
    assert used(store, "mia") == (5, 5, 5)
    assert used(store, mia, "--date", "2024-02-29") == (8, 8, 8)


def test_the_log_is_printed_from_where_one_likes(store, mia):
    store.run("append", input=spend(mia, 1) + spend(mia, 2))
    whole = [json.loads(line) for line in store.run("log", "--json").stdout.splitlines()]
    assert [event["position"] for event in whole] == list(range(1, len(whole) + 1))
    tail = [json.loads(line) for line in store.run("log", "--json", "--after", "1", "--limit", "2").stdout.splitlines()]
    assert tail == whole[1:3]
    spent = [
        json.loads(line)
        for line in store.run("log", "--json", "--user", "mia", "--type", "tokens_spent").stdout.splitlines()
    ]
    assert spent == [event for event in whole if event["type"] == "tokens_spent"]
    assert len(spent) == 2


def test_a_followed_log_shows_what_comes(start):
    service = start()
    service.spend(service.user, 1)
    command = [binary(), "log", "--follow", "--json", "--type", "tokens_spent", "--data", str(service.store.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        assert json.loads(next_line(process))["type"] == "tokens_spent"
        service.spend(service.user, 2, id="the next one")
        assert json.loads(next_line(process))["request_id"] == "the next one"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_an_export_imports_into_an_empty_store_and_exports_the_same(store, tmp_path, mia):
    store.run("limits", "set", "mia", "--daily", "9")
    store.run("append", input=spend(mia, 7) + spend(mia, 8, id='odd "id" ü'))
    store.run("user", "deactivate", "mia")
    exported = store.run("export").stdout
    file = tmp_path / "export.jsonl"
    store.run("export", "--output", str(file))
    assert file.read_text() == exported
    for number, (argument, text) in enumerate([("-", exported), (str(file), None)]):
        copy = Store(tmp_path / f"copy-{number}")
        copy.run("import", argument, input=text)
        assert copy.run("export").stdout == exported
        assert used(copy, mia) == (15, 15, 15)
        copy.run("verify")


def test_a_rebuild_changes_no_answer(store, mia):
    store.run("append", input=spend(mia, 7) + spend(mia, 9))
    before, exported = used(store, mia), store.run("export").stdout
    store.run("rebuild")
    assert (used(store, mia), store.run("export").stdout) == (before, exported)
    store.run("verify")


def test_the_data_directory_may_come_from_the_environment(store):
    shown = run("user", "list", env=environment() | {"QUOTALOG_DATA": str(store.path)})
    assert shown.returncode == OK and "admin" in shown.stdout


def test_the_address_may_come_from_the_environment(store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        surroundings = environment() | {"QUOTALOG_LISTEN": address}
        assert complains(run("serve", "--data", str(store.path), env=surroundings), UNAVAILABLE)


def test_a_configuration_is_checked_and_printed_without_serving(store):
    for option in ("--check-config", "--print-config"):
        shown = store.try_run("serve", option, "--default-daily", "123")
        assert shown.returncode == OK
    assert "123" in shown.stdout


COMMANDS = [
    ["init"], ["serve"], ["user", "add"], ["user", "list"], ["user", "deactivate"], ["token", "issue"], ["token", "revoke"],
    ["limits", "set"], ["append"], ["usage"], ["log"], ["export"], ["import"], ["rebuild"], ["verify"],
    ["projections", "list"], ["projections", "rebuild"], ["projections", "compare"], ["projections", "swap"],
    ["projections", "rollback"], ["projections", "prune"],
]  # fmt: skip
# What a command needs beside its options to be complete.
OPERANDS = {
    "serve": ["--listen", "127.0.0.1:0"], "add": ["x"], "deactivate": ["admin"], "issue": ["admin"], "revoke": ["0123456789abcdef"],
    "set": ["admin", "--daily", "1"], "usage": ["admin"], "swap": ["1"],
}  # fmt: skip


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_is_an_answer(command):
    shown = run(*command, "--help")
    assert (shown.returncode, shown.stderr) == (OK, "")
    assert "quotalog" in shown.stdout


# ---- bad calls


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(store, command):
    assert complains(store.try_run(*command, *OPERANDS.get(command[-1], []), "--no-such-option", input=""), USAGE_ERROR)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each not in (["init"], ["import"])], ids=" ".join)
def test_a_store_that_is_not_there_is_no_input(tmp_path, command):
    missing = tmp_path / "missing"
    result = run(*command, *OPERANDS.get(command[-1], []), "--data", str(missing), input="")
    assert complains(result, NO_INPUT, CANNOT_CREATE)
    assert not missing.exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_foreign_directory_is_left_alone(tmp_path, command):
    """A directory that holds something else is neither initialised nor opened."""
    (tmp_path / "letter.txt").write_text("private")
    result = run(*command, *OPERANDS.get(command[-1], []), "--data", str(tmp_path), input="")
    assert complains(result, BAD_DATA, NO_INPUT, CANNOT_CREATE)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


UNKNOWN = "00000000-0000-0000-0000-00000000dead"
BAD_CALLS = [
    (["nonsense"], {USAGE_ERROR}),
    ([], {USAGE_ERROR}),
    (["user"], {USAGE_ERROR}),
    (["user", "rename", "a", "b"], {USAGE_ERROR}),
    (["init"], {CANNOT_CREATE}),
    (["init", "--time-zone", "Mars/Olympus"], {USAGE_ERROR, CANNOT_CREATE}),
    (["init", "--week-start", "someday"], {USAGE_ERROR, CANNOT_CREATE}),
    (["serve", "--listen", "nowhere"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:99999"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--time-zone", "Mars/Olympus"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--week-start", "someday"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--omitted-limits", "maybe"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--path-prefix", "no-slash"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--allowed-origin", "not an origin"], {USAGE_ERROR}),
    (["serve", "--listen", "127.0.0.1:0", "--config", "missing.conf"], {USAGE_ERROR, NO_INPUT}),
    (["serve", "--listen"], {USAGE_ERROR}),
    (["user", "add"], {USAGE_ERROR}),
    (["user", "add", "a", "b"], {USAGE_ERROR}),
    (["user", "add", "a", "--uuid", "x"], {USAGE_ERROR}),
    (["user", "add", "a", "--role", "king"], {USAGE_ERROR}),
    (["user", "add", "admin"], SOME_FAILURE),
    (["user", "list", "surplus"], {USAGE_ERROR}),
    (["user", "deactivate"], {USAGE_ERROR}),
    (["user", "deactivate", UNKNOWN], SOME_FAILURE),
    (["user", "deactivate", "a", "b"], {USAGE_ERROR}),
    (["token", "issue"], {USAGE_ERROR}),
    (["token", "issue", "nobody"], SOME_FAILURE),
    (["token", "issue", "admin", "--expires-in", "soon"], {USAGE_ERROR}),
    (["token", "issue", "admin", "--expires-in", "-1d"], {USAGE_ERROR}),
    (["token", "revoke"], {USAGE_ERROR}),
    (["token", "revoke", "no-such-token"], SOME_FAILURE),
    (["limits", "set"], {USAGE_ERROR}),
    (["limits", "set", "nobody", "--daily", "1"], SOME_FAILURE),
    (["limits", "set", "admin", "--daily", "many"], {USAGE_ERROR}),
    (["limits", "set", "admin", "--weekly", "-2"], {USAGE_ERROR}),
    (["limits", "set", "admin", "--monthly", "9007199254740992"], {USAGE_ERROR}),
    (["limits", "set", "admin", "--daily"], {USAGE_ERROR}),
    (["append", "missing.jsonl"], {NO_INPUT}),
    (["append", "-", "surplus"], {USAGE_ERROR}),
    (["usage"], {USAGE_ERROR}),
    (["usage", "nobody"], SOME_FAILURE),
    (["usage", "admin", "--date", "2026-02-29"], {USAGE_ERROR}),
    (["usage", "admin", "--date", "today"], {USAGE_ERROR}),
    (["log", "--after", "-1"], {USAGE_ERROR}),
    (["log", "--limit", "0"], {USAGE_ERROR}),
    (["log", "--type", "nonsense"], {USAGE_ERROR}),
    (["export", "--output", "no/such/directory/file"], {CANNOT_CREATE, IO_ERROR, NO_INPUT}),
    (["export", "surplus"], {USAGE_ERROR}),
    (["import", "missing.jsonl"], {NO_INPUT}),
    (["rebuild", "surplus"], {USAGE_ERROR}),
    (["verify", "surplus"], {USAGE_ERROR}),
]


@pytest.mark.parametrize(
    "arguments, codes", BAD_CALLS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_bad_call_ends_with_its_code_and_one_sentence(store, monkeypatch, tmp_path, arguments, codes):
    monkeypatch.chdir(tmp_path)
    before = store.run("export").stdout
    assert complains(store.try_run(*arguments, input=""), *codes)
    assert store.run("export").stdout == before


@pytest.mark.parametrize("text", [
    "{broken\n", "[]\n", '{"id":"x","user":"nobody","tokens":1}\n', '{"id":"x","user":"admin","tokens":-1}\n',
    '{"id":"x","user":"admin"}\n', "\ufeff{}\n",
])  # fmt: skip
def test_append_refuses_a_bad_record_and_says_which(store, text):
    refused = store.try_run("append", "-", input=text)
    assert refused.returncode == BAD_DATA
    assert refused.stderr.startswith("quotalog: ")
    assert used(store, "admin") == (0, 0, 0)


@pytest.mark.parametrize("damage", ["cut", "not JSON", "gap", "unknown type"])
def test_import_refuses_what_is_no_export(store, tmp_path, mia, damage):
    lines = store.run("export").stdout.splitlines()
    damaged = {
        "cut": [*lines[:-1], lines[-1][: len(lines[-1]) // 2]],
        "not JSON": [*lines, "nonsense"],
        "gap": [lines[0], *lines[2:]],
        "unknown type": [*lines[:-1], lines[-1].replace('"user_registered"', '"user_sang"')],
    }[damage]
    assert damaged != lines
    refused = run("import", "-", "--data", str(tmp_path / "copy"), input="\n".join(damaged) + "\n")
    assert complains(refused, BAD_DATA)


def test_import_of_another_history_is_refused(store, mia, tmp_path_factory):
    other = Store.create(tmp_path_factory.mktemp("other"))
    other.run("append", input=spend("admin", 5))
    before = store.run("export").stdout
    refused = store.try_run("import", "-", input=other.run("export").stdout)
    assert complains(refused, BAD_DATA, CANNOT_CREATE, USAGE_ERROR)
    assert store.run("export").stdout == before


@pytest.mark.parametrize("setting", ["chat_quota.omitted_limits", "chat_quota.omitted-limits"])
def test_a_configuration_file_with_a_bad_value_stops_the_start(store, tmp_path, setting):
    file = tmp_path / "quotalog.conf"
    file.write_text(f"{setting} = maybe\n")
    result = store.try_run("serve", "--listen", "127.0.0.1:0", "--config", str(file))
    assert result.returncode in (USAGE_ERROR, BAD_DATA)
    assert result.stderr.startswith("quotalog: ")


# ---- a store in use


WRITERS = [
    ["serve", "--listen", "127.0.0.1:0"], ["user", "add", "second"], ["user", "deactivate", "admin"], ["token", "issue", "admin"],
    ["limits", "set", "admin", "--daily", "1"], ["append", "-"],
    ["token", "revoke", "0123456789abcdef"], ["rebuild"], ["import", "-"],
]  # fmt: skip
READERS = [["usage", "admin"], ["log"], ["export"], ["verify"], ["user", "list"], ["projections", "list"], ["projections", "compare"]]


@pytest.fixture(scope="module")
def serving(service):
    service.spend(service.user, 3)
    return service


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
def test_a_second_writer_is_refused_while_serving(serving, command):
    line = spend(serving.user.uuid, 1) if command[0] == "append" else None
    before = serving.position
    assert complains(serving.store.try_run(*command, input=line), UNAVAILABLE)
    assert serving.position == before
    assert serving.user.client.get(USAGE).status == 200


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_readers_work_beside_a_running_server(serving, command):
    before = serving.position
    shown = serving.store.run(*command)
    assert shown.stderr == ""
    assert serving.position == before


def test_a_reader_beside_a_server_sees_what_was_acknowledged(serving):
    for number in range(1, 21):
        serving.spend(serving.user, 1, id=f"seen-{number}")
        assert f'"seen-{number}"' in serving.store.run("export").stdout


def test_a_port_in_use_is_unavailable(serving, store):
    port = serving.base.rpartition(":")[2]
    assert complains(store.try_run("serve", "--listen", f"127.0.0.1:{port}"), UNAVAILABLE)


def test_a_store_is_free_again_after_a_kill(start):
    service = start()
    service.server.kill()
    assert service.store.read("user", "add", "after")["name"] == "after"
    service.resume()
    assert service.admin.get("/v1/users/after").status == 200


def test_a_store_without_permission_is_told_so(store):
    """Root may read everything, so root tries it as nobody, with a copy of the command that nobody may run."""
    store.path.chmod(0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            command = shutil.copy(binary(), Path(folder, "quotalog"))
            refused = subprocess.run(
                [command, "user", "list", "--data", str(store.path)],
                capture_output=True, text=True, env=environment(), user="nobody" if os.geteuid() == 0 else None,
            )  # fmt: skip
        assert complains(refused, NO_PERMISSION)
    finally:
        store.path.chmod(0o700)


def test_limits_from_the_command_line_are_seen_by_waldurs_clients(store, mia):
    store.run("limits", "set", mia, "--daily", "100", "--weekly", "unlimited")
    service = Service(store)
    try:
        document = service.admin.get(f"{USAGE}?user_uuid={mia}").json
        assert [document[name] for name in LIMITS] == [100, -1, None]
    finally:
        service.close()

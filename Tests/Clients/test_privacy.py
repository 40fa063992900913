"""Erasing who a user was: what goes, what stays, who may, and that the bytes are gone from the disk."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from backups import back_up, files_with, restored
from contract import USAGE
from peer import Peer
from runtime import SessionService
from service import Account, Service, Store, until

OTHER_ROLES = ("user", "support", "service", "auditor")


def erase(service: Service, user: str, **headers):
    return service.admin.ask("DELETE", f"/v1/users/{user}", headers={n.replace("_", "-"): v for n, v in headers.items()})


def file_has(store: Store, text: str) -> bool:
    """Whether any file of the store has these bytes."""
    return bool(files_with(store.path, text))


def shown(service: Service, user: str) -> dict:
    answer = service.admin.get(f"/v1/users/{user}")
    assert answer.status == 200, answer.gist
    return answer.json


# ---- over HTTP


def test_an_erased_user_has_no_name_and_every_number(service, person):
    service.set_limits(person, 1000, -1, 5000)
    service.spend(person, 321)
    before = (service.windows(person), service.usage(person))
    first = erase(service, person.uuid)
    assert first.status == 200, first.gist
    assert first.json["user"] == person.uuid and first.json["erased"] is True and first.json["changed"] is True
    assert service.windows(person) == before[0]
    document = shown(service, person.uuid)
    assert (document["name"], document["erased"], document["active"]) == (None, True, False)
    assert service.admin.get(f"/v1/users/{person.uuid}/explain?period=daily").status == 200
    events = service.events(user=person.uuid)
    assert events[-1]["type"] == "user_erased" and events[-1]["position"] == first.json["position"]
    assert {"tokens_spent", "limits_changed", "user_registered"} <= {event["type"] for event in events}


def test_the_old_name_is_nobodys_and_may_be_given_again(service, person):
    erase(service, person.uuid)
    assert service.admin.get(f"/v1/users/{person.name}").status == 404
    assert service.admin.get(f"/v1/users/{person.name}/usage").status == 404
    assert erase(service, person.name).status == 404
    made = service.admin.post("/v1/users", {"name": person.name})
    assert made.status == 201, made.gist
    assert shown(service, person.name)["user"] == made.json["user"]
    assert shown(service, person.uuid)["name"] is None


def test_erasing_again_is_safe(service, person):
    key = str(uuid.uuid4())
    first = erase(service, person.name, Idempotency_Key=key)
    again = erase(service, person.name, Idempotency_Key=key)
    assert first.gist == again.gist
    plain = erase(service, person.uuid)
    assert plain.status == 200 and plain.json["changed"] is False and plain.json["erased"] is True
    assert [event["type"] for event in service.events(user=person.uuid)].count("user_erased") == 1


def test_every_token_of_an_erased_user_ends_at_once(service, person):
    second = service.issue_token(person)["token"]
    assert person.client.get(USAGE).status == 200
    erase(service, person.uuid)
    assert person.client.get(USAGE).status == 401
    assert Account(person.uuid, person.name, second, service.base).client.get(USAGE).status == 401


@pytest.mark.parametrize("method, path, body", [
    ("PATCH", "", {"active": True}), ("PATCH", "", {"role": "staff"}), ("POST", "/tokens", {}),
])
def test_an_erased_user_gets_nothing_any_more(service, person, method, path, body):
    erase(service, person.uuid)
    answer = service.admin.ask(method, f"/v1/users/{person.uuid}{path}", body)
    assert answer.status == 410 and answer.json["code"] == "user_erased", answer.gist


@pytest.mark.parametrize("role", OTHER_ROLES)
def test_only_staff_may_erase(service, person, role):
    path = f"/v1/users/{person.uuid}"
    assert service.by_role(role).client.ask("DELETE", path).status == 403
    assert person.client.ask("DELETE", path).status == 403
    assert service.nobody.ask("DELETE", path).status == 401
    assert person.client.get(USAGE).status == 200


def test_an_unknown_user_cannot_be_erased(service):
    assert erase(service, "nobody-at-all").status == 404
    assert erase(service, str(uuid.uuid4())).status == 404


# ---- what lies on the disk


@pytest.fixture
def own(start_own) -> SessionService:
    return start_own()


@pytest.mark.parametrize("length", [40, 200_000])
def test_the_files_have_nothing_of_an_erased_user(own, length):
    erased, kept = own.register(), own.register()
    said = {account.uuid: f"secret-{uuid.uuid4()} " for account in (erased, kept)}
    for account in (erased, kept):
        peer: Peer = own.peer(account)
        session = peer.create(10)
        peer.turn(session, said[account.uuid] * (length // 44 + 1))
        own.spend(account, 77)
    windows = own.windows(erased)
    for account in (erased, kept):
        assert file_has(own.store, said[account.uuid].strip()) and file_has(own.store, account.name)
    assert erase(own, erased.uuid).status == 200
    until(lambda: not file_has(own.store, said[erased.uuid].strip()), "the text is overwritten")
    until(lambda: not file_has(own.store, erased.name), "the name is overwritten")
    assert file_has(own.store, said[kept.uuid].strip()) and file_has(own.store, kept.name)
    assert own.windows(erased) == windows
    assert own.admin.get("/v1/sessions").status == 200
    own.server.stop()
    checked = own.store.try_run("verify")
    assert checked.returncode == 0, checked.stderr


def test_what_a_killed_server_left_is_overwritten_by_the_next(start):
    service = start()
    people = {f"gone-{uuid.uuid4()}": "" for _ in range(40)}
    for name in people:
        people[name] = service.admin.post("/v1/users", {"name": name}).json["user"]
    for user in people.values():
        assert erase(service, user).status == 200
    service.server.kill()
    service.resume()
    assert all(shown(service, user)["name"] is None for user in people.values())
    until(lambda: not any(file_has(service.store, name) for name in people), "the names are overwritten")


# ---- on the command line


@pytest.fixture
def mia(store) -> str:
    user = store.read("user", "add", "mia-the-erased")["user"]
    line = json.dumps({"id": str(uuid.uuid4()), "user": user, "tokens": 12}) + "\n"
    store.run("append", "-", input=line)
    return user


def test_the_command_erases(store, mia):
    usage = store.read("usage", mia)["windows"]
    assert file_has(store, "mia-the-erased")
    erased = store.read("user", "erase", "mia-the-erased", "--yes")
    assert erased["changed"] is True and erased["position"] > 0
    assert not file_has(store, "mia-the-erased")
    assert store.read("usage", mia)["windows"] == usage
    again = store.read("user", "erase", mia, "--yes")
    assert again == {"changed": False}
    listed = [json.loads(line) for line in store.run("user", "list", "--json").stdout.splitlines()]
    assert [user["name"] for user in listed if user["erased"]] == [None]
    assert store.try_run("user", "erase", "mia-the-erased", "--yes").returncode == 65
    assert store.try_run("verify").returncode == 0


def test_the_command_does_nothing_unasked(store, mia):
    refused = store.try_run("user", "erase", mia, input="yes\n")
    assert refused.returncode == 64 and "--yes" in refused.stderr, refused.stderr
    assert file_has(store, "mia-the-erased")


def test_a_store_with_an_erased_user_is_exported_and_imported(store, mia, tmp_path):
    early = store.run("export").stdout
    store.run("user", "erase", mia, "--yes")
    exported = store.run("export").stdout
    assert "mia-the-erased" not in exported and "user_erased" in exported
    # An export from before the erasure has the name, which goes when the erasure comes behind it.
    for number, lines in enumerate((exported, early + exported.splitlines(keepends=True)[-1])):
        copy = Store(tmp_path / f"copy{number}")
        copy.run("import", "-", input=lines)
        assert copy.run("export").stdout == exported
        assert copy.try_run("verify").returncode == 0
        assert copy.read("user", "erase", mia, "--yes") == {"changed": False}
        assert not file_has(copy, "mia-the-erased")


def test_only_the_file_of_names_has_names(store, tmp_path):
    """LMDB takes memory of the process for its pages: what lay there before must not get into a file."""
    mark = "-of-many-more-people-with-long-names"
    names = [f"person-{number}{mark}" for number in range(2000)]
    lines = [json.dumps({"id": str(uuid.uuid4()), "user": name, "tokens": 1}) + "\n" for _ in range(5) for name in names]
    store.run("append", "-", "--register-unknown-users", input="".join(lines))
    store.run("user", "add", "the-one-by-one" + mark)
    copy = Store(tmp_path / "copy")
    copy.run("import", "-", input=store.run("export").stdout)
    copy.run("rebuild")
    backup = tmp_path / "backup"
    back_up(copy, backup)
    again, _ = restored(backup, tmp_path / "restored")
    for place in (store.path, copy.path, again.path):
        assert list(files_with(place, mark)) == ["names/data.mdb"]
    assert list(files_with(backup, mark)) == ["names.mdb"]
    gone = names[::700]
    for name in gone:
        copy.run("user", "erase", name, "--yes")
    assert files_with(copy.path, *gone) == {}
    back_up(copy, backup)
    assert files_with(backup, *gone) == {}
    assert len(files_with(copy.path, *names)["names/data.mdb"]) == len(names) - len(gone)
    assert copy.try_run("verify").returncode == 0


def test_usage_is_recorded_while_users_are_erased(start):
    """Nobody waits long for an erasure: what is recorded meanwhile is answered as always."""
    service = start()
    person = service.register()
    service.spend(person, 1)
    waits = []
    for _ in range(20):
        somebody = service.register()
        erase(service, somebody.uuid)
        began = time.monotonic()
        service.spend(person, 1)
        waits.append(time.monotonic() - began)
    assert max(waits) < 2, waits
    assert service.used(person)[0] == 21

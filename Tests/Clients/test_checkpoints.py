"""Signed checkpoints: kept while serving, believed by `verify`, and what is said when a log does not bear one out."""

from __future__ import annotations

import random
import shutil
import threading
import time
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import tlog
from service import Service, Store, until
from test_durability import write_until_refused
from test_evidence import Auditor, append


def checkpoint(store: Store, file: Path) -> Path:
    store.run("checkpoint", "--output", str(file))
    return file


def key_of(store: Store) -> tlog.Key:
    return tlog.Key.parse(store.run("checkpoint", "--key").stdout)


def refused(store: Store, *options: str) -> str:
    """Why `verify` finds fault."""
    found = store.try_run("verify", *options)
    assert found.returncode == 65, found
    assert found.stderr.startswith("quotalog: "), found.stderr
    return found.stderr


@pytest.fixture
def grown(store, tmp_path) -> tuple[Store, Path, Path]:
    """A log of some hundred records, a checkpoint of its middle, and one of its end."""
    append(store, 300, "a")
    old = checkpoint(store, tmp_path / "old.checkpoint")
    append(store, 400, "b")
    return store, old, checkpoint(store, tmp_path / "new.checkpoint")


def test_a_log_bears_out_what_was_signed_of_it(grown, tmp_path):
    store, old, new = grown
    key = tmp_path / "log.pub"
    key.write_text(store.run("checkpoint", "--key").stdout)
    for trusted in ((), ("--key", str(key)), ("--key", key.read_text().strip()), ("--key", str(store.path / "checkpoint.pub"))):
        said = store.run("verify", "--checkpoint", str(new), "--since", str(old), *trusted).stdout
        assert "signed checkpoints agree with the records" in said
    append(store, 10, "c")
    assert store.read("verify", "--checkpoint", str(new), "--since", str(old))["checkpoints"] >= 2


def forged(file: Path, store: Store, private: Ed25519PrivateKey | None = None, **changes) -> str:
    """A note that says something else: under the old signature, or under somebody's own key."""
    text, _, signatures = file.read_text().partition("\n\n")
    origin, size, root = text.split("\n")
    lines = {"origin": origin, "size": size, "root": root} | changes
    text = "".join(f"{line}\n" for line in lines.values())
    return tlog.sign(text, key_of(store).name, private) if private else f"{text}\n{signatures}"


ANOTHER_ROOT = b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize("option", ["--checkpoint", "--since"])
@pytest.mark.parametrize(
    "change, why",
    [
        (lambda file, store: forged(file, store, root=ANOTHER_ROOT), "has not signed"),
        (lambda file, store: forged(file, store, size="299"), "has not signed"),
        (lambda file, store: forged(file, store, Ed25519PrivateKey.generate()), "sign"),
        (lambda file, store: "this is no checkpoint\n", "sign"),
        (lambda file, store: "", "sign"),
        (lambda file, store: file.read_text()[:-5], "sign"),
    ],
    ids=["root", "size", "own key", "no note", "empty", "cut short"],
)
def test_a_checkpoint_that_the_key_has_not_signed_is_named(grown, tmp_path, option, change, why):
    store, old, _ = grown
    forgery = tmp_path / "forgery"
    forgery.write_text(change(old, store))
    said = refused(store, option, str(forgery))
    assert str(forgery) in said and why in said, said


def test_a_checkpoint_of_another_history_is_named(grown, tmp_path):
    """Two stores of one key and name, which is what somebody has who replaced the log."""
    store, old, new = grown
    other = Store(tmp_path / "other")
    shutil.copytree(store.path, other.path)
    append(store, 5, "here")
    append(other, 5, "there")
    theirs = checkpoint(other, tmp_path / "theirs.checkpoint")
    said = refused(store, "--checkpoint", str(new), "--since", str(theirs))
    assert str(theirs) in said and str(new) not in said and "root" in said, said


def test_the_checkpoint_of_another_log_is_named_with_its_log(grown, tmp_path):
    store, _, _ = grown
    (tmp_path / "elsewhere").mkdir()
    other = Store.create(tmp_path / "elsewhere")
    theirs = checkpoint(other, tmp_path / "theirs")
    assert str(theirs) in refused(store, "--checkpoint", str(theirs))
    said = refused(store, "--checkpoint", str(theirs), "--key", key_of(other).text)
    assert "checkpoint" in said


def rolled_back(store: Store, tmp_path: Path) -> Path:
    """Puts an older copy of the log back, and answers with a checkpoint of what is lost."""
    shutil.copytree(store.path / "log", tmp_path / "copy")
    append(store, 200, "lost")
    newer = checkpoint(store, tmp_path / "newer.checkpoint")
    shutil.rmtree(store.path / "log")
    shutil.copytree(tmp_path / "copy", store.path / "log")
    shutil.rmtree(store.path / "projections", ignore_errors=True)
    return newer


def test_a_log_that_was_rolled_back_is_found_by_the_checkpoint(grown, tmp_path):
    store, _, _ = grown
    newer = rolled_back(store, tmp_path)
    said = refused(store, "--checkpoint", str(newer))
    assert str(newer) in said and "missing" in said, said


@pytest.fixture
def restored(start, tmp_path) -> Service:
    """A store with an older copy of its log, whose projections were removed for it; nobody serves it."""
    service = start("--checkpoint-seconds", "1")
    service.spend(service.user, 1)
    assert service.server.stop() == 0
    shutil.copytree(service.store.path / "log", tmp_path / "copy")
    service.resume()
    for _ in range(50):
        service.spend(service.user, 1)
    assert service.server.stop() == 0
    for name in ("log", "projections"):
        shutil.rmtree(service.store.path / name)
    shutil.copytree(tmp_path / "copy", service.store.path / "log")
    return service


def test_a_log_that_was_rolled_back_is_found_by_the_witness_beside_it(restored):
    witness = restored.store.path / "checkpoint"
    said = refused(restored.store)
    assert str(witness) in said and "missing" in said, said
    witness.write_text("nothing\n")
    assert str(witness) in refused(restored.store)


def test_a_log_that_was_rolled_back_is_not_served_and_signed_for_again(restored):
    """Else one key would sign two histories of the same length."""
    witness = restored.store.path / "checkpoint"
    signed = witness.read_bytes()
    with pytest.raises(AssertionError, match="lost its end.*--accept-lost-events"):
        restored.resume()
    assert witness.read_bytes() == signed
    restored.store.run("rebuild", "--accept-lost-events")
    assert (restored.store.path / "checkpoint.lost").read_bytes() == signed
    restored.resume()
    restored.spend(restored.user, 1)
    assert restored.server.stop() == 0
    restored.store.run("verify")


def test_a_witness_that_nobody_signed_does_not_stop_the_service(restored):
    (restored.store.path / "checkpoint").write_text("nothing\n")
    restored.resume()
    restored.spend(restored.user, 1)
    assert restored.server.stop() == 0


def test_wrong_files_and_keys_are_named(grown, tmp_path):
    store, old, _ = grown
    missing = store.try_run("verify", "--checkpoint", str(tmp_path / "nowhere"))
    assert missing.returncode == 66 and str(tmp_path / "nowhere") in missing.stderr
    for wrong in ("", "nothing\n", "a+b+c\n"):
        file = tmp_path / "wrong.pub"
        file.write_text(wrong)
        said = store.try_run("verify", "--since", str(old), "--key", str(file))
        assert said.returncode == 65 and str(file) in said.stderr, said


@pytest.mark.parametrize(
    "command",
    [("checkpoint", "--new-key", "--key"), ("verify", "--proof", "p", "--checkpoint", "c"), ("verify", "--proof", "p", "--since", "c")],
)
def test_what_cannot_be_asked_together_is_refused(store, command):
    before = (store.path / "checkpoint.key").read_bytes()
    said = store.try_run(*command)
    assert said.returncode == 64 and command[-2 if len(command) > 3 else -1] in said.stderr
    assert (store.path / "checkpoint.key").read_bytes() == before


# Keys


def test_a_key_is_readable_by_its_owner_only(start):
    service = start()
    for name, mode in (("checkpoint.key", 0o600), ("checkpoint.pub", 0o640)):
        assert (service.store.path / name).stat().st_mode & 0o777 & ~mode == 0, name
    assert service.server.stop() == 0
    key = service.store.path / "checkpoint.key"
    key.chmod(0o644)
    service.store.run("checkpoint", "--new-key")
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_its_key_a_store_serves_on_and_says_what_helps(start, tmp_path):
    service = start("--checkpoint-seconds", "1")
    service.spend(service.user, 1)
    store, key = service.store, service.store.path / "checkpoint.key"
    assert service.server.stop() == 0
    old, trusted = checkpoint(store, tmp_path / "old"), key_of(store).text
    key.unlink()
    service.resume()
    position = service.spend(service.user, 2)["position"]
    admin = Auditor(service.base, store.admin["token"])
    answer = admin.get("/checkpoint")
    assert answer.status == 503 and "quotalog checkpoint --new-key" in answer.json["detail"], answer.gist
    assert admin.get(f"/v1/proofs/inclusion?position={position}&size={position}").status == 200
    assert service.server.running and service.server.stop() == 0
    for command in ("checkpoint",), ("prove", str(position)):
        said = store.try_run(*command)
        assert said.returncode == 65 and "quotalog checkpoint --new-key" in said.stderr, said
    store.run("verify", "--checkpoint", str(old))
    made = tlog.Key.parse(store.run("checkpoint", "--new-key").stdout)
    assert key.stat().st_mode & 0o777 == 0o600
    service.resume()
    admin = Auditor(service.base, store.admin["token"])
    assert admin.key() == made and admin.checkpoint()[1].size == service.position
    assert service.server.stop() == 0
    store.run("verify", "--checkpoint", str(old), "--since", str(store.path / "checkpoint"))
    assert (store.path / "checkpoint.pub").read_text().splitlines() == [made.text, trusted]
    both = tmp_path / "both.pub"
    both.write_text(f"{made.text}\n{trusted}\n")
    store.run("verify", "--checkpoint", str(old), "--key", str(both))


def test_keys_are_told_in_json(store):
    key = store.read("checkpoint", "--key")
    assert key == {"key": key_of(store).text}
    made = store.read("checkpoint", "--new-key")
    assert made == {"key": key_of(store).text} != key


def test_a_key_that_is_none_is_named(start):
    service = start()
    service.spend(service.user, 1)
    assert service.server.stop() == 0
    key = service.store.path / "checkpoint.key"
    key.write_text("nothing\n")
    said = service.store.try_run("checkpoint")
    assert said.returncode == 65 and str(key) in said.stderr and "backup" in said.stderr
    key.unlink()
    service.store.run("checkpoint", "--new-key")
    service.resume()
    assert service.server.stop() == 0
    service.store.run("verify")


def test_rights_of_a_leftover_are_not_those_of_a_key(store):
    """Whoever was interrupted, or prepared it, does not read the next key."""
    leftover = store.path / "checkpoint.key.new"
    leftover.write_text("")
    leftover.chmod(0o666)
    store.run("checkpoint", "--new-key")
    assert (store.path / "checkpoint.key").stat().st_mode & 0o777 == 0o600


# Keeping


def test_checkpoints_are_kept_while_the_log_grows_and_at_the_end(start):
    service = start("--checkpoint-seconds", "1")
    witness = service.store.path / "checkpoint"
    key = Auditor(service.base, service.store.admin["token"]).key()
    position = service.spend(service.user, 1)["position"]

    def kept() -> int:
        return tlog.Checkpoint.verify(witness.read_text(), key).size if witness.exists() else 0

    until(lambda: kept() >= position, "a checkpoint is kept")
    position = service.spend(service.user, 1)["position"]
    until(lambda: kept() >= position, "another checkpoint is kept")
    service.restart("--checkpoint-seconds", "86400")
    for _ in range(3):
        service.spend(service.user, 1)
    position = service.position
    assert service.server.stop() == 0
    assert kept() == position
    assert service.store.read("verify")["checkpoints"] >= 3


def test_a_killed_server_goes_on_with_the_same_tree(start, tmp_path):
    service = start("--checkpoint-seconds", "1")
    person, draw = service.user, random.Random(6)
    key = Auditor(service.base, service.store.admin["token"]).key()
    receipts: dict[str, dict] = {}
    kept: list[tlog.Checkpoint] = []
    for life in range(6):
        writers = [
            threading.Thread(target=write_until_refused, args=(service, person, receipts, 10 * life + number))
            for number in range(3)
        ]
        for writer in writers:
            writer.start()
        auditor = Auditor(service.base, service.store.admin["token"])
        end = time.monotonic() + draw.uniform(0.2, 1.6)
        while time.monotonic() < end:
            kept.append(auditor.checkpoint()[1])
        service.server.kill()
        for writer in writers:
            writer.join()
        if life % 2:
            assert service.store.read("verify")["tree_compared"]
        service.resume()
    auditor = Auditor(service.base, service.store.admin["token"])
    for statement in kept[:: max(1, len(kept) // 60)]:
        proof = auditor.consistency(statement.size, service.position)
        assert proof["from_root_hash"] == b64encode(statement.root).decode()
    size = service.position
    roots = tlog.root_by_inclusion  # the last record, along our own way
    proof = auditor.inclusion(size, size)
    record = auditor.records(size)[-1]
    path = [tlog.decode(hash) for hash in proof["path"]]
    assert roots(size - 1, size, tlog.leaf(record), path) == tlog.decode(proof["root_hash"])
    assert auditor.key() == key
    assert service.server.stop() == 0
    assert service.store.read("verify")["records"] >= max(receipt["position"] for receipt in receipts.values())

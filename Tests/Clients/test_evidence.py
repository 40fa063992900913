"""The Merkle tree over the log: what the service serves and proves is what two other implementations say, and ours is
a third opinion read from the specifications (`tlog.py`)."""

from __future__ import annotations

import http.client
import json
import random
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import urlsplit

import aics_tlog
import pymerkle
import pytest

import tlog
from service import DEADLINE_SECONDS, Answer, Client, Service, Store, run

MOST = 1000
"""Every tree of up to so many records is looked at."""


class Auditor:
    """Asks over one connection, as somebody with a lot to ask does."""

    def __init__(self, base: str, token: str | None = None):
        url = urlsplit(base)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_SECONDS)
        self.headers = {"Authorization": f"Token {token}"} if token else {}

    def get(self, target: str) -> Answer:
        self.connection.request("GET", target, headers=self.headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def read(self, target: str) -> bytes:
        answer = self.get(target)
        assert answer.status == 200, (target, answer.gist)
        return answer.body

    def inclusion(self, position: int, size: int | None = None) -> dict:
        return json.loads(self.read(f"/v1/proofs/inclusion?position={position}" + (f"&size={size}" if size else "")))

    def consistency(self, old: int, new: int | None = None) -> dict:
        to = "" if new is None else f"&to={new}"
        return json.loads(self.read(f"/v1/proofs/consistency?from={old}{to}"))

    def records(self, size: int) -> list[bytes]:
        """The first records, bundle by bundle."""
        found = []
        for index in range((size + 255) // 256):
            width = min(256, size - 256 * index)
            part = "" if width == 256 else f".p/{width}"
            found += tlog.bundle(self.read(f"/tile/entries/{tlog.tile_name(index)}{part}"))
        assert len(found) == size
        return found

    def key(self) -> tlog.Key:
        return tlog.Key.parse(json.loads(self.read("/v1/evidence"))["key"])

    def checkpoint(self) -> tuple[str, tlog.Checkpoint]:
        note = self.read("/checkpoint").decode()
        return note, tlog.Checkpoint.verify(note, self.key())


def path(proof: dict) -> list[bytes]:
    return [b64decode(hash) for hash in proof["path"]]


def usage_lines(count: int, prefix: str = "u") -> str:
    return "".join(
        json.dumps({"id": f"{prefix}-{number}", "user": f"user-{number % 7}", "tokens": number % 1000}) + "\n"
        for number in range(count)
    )


def append(store: Store, count: int, prefix: str) -> None:
    store.run("append", "--register-unknown-users", input=usage_lines(count, prefix))


class Log:
    """A service whose hashes are public, and what others make of its records."""

    def __init__(self, service: Service):
        self.service = service
        self.staff = Auditor(service.base, service.store.admin["token"])
        self.nobody = Auditor(service.base)
        self.size = service.position
        self.records = self.staff.records(self.size)
        self.tree = pymerkle.InmemoryTree()
        for record in self.records:
            self.tree.append_entry(record)

    def check_inclusion(self, position: int, size: int) -> None:
        proof = self.nobody.inclusion(position, size)
        root, hash = self.tree.get_root(size), self.tree.get_leaf(position)
        assert (proof["leaf_index"], proof["tree_size"]) == (position - 1, size)
        assert (b64decode(proof["leaf_hash"]), b64decode(proof["root_hash"])) == (hash, root)
        assert path(proof) == list(self.tree.prove_inclusion(position, size).path)[1:]
        assert aics_tlog.verify_inclusion(hash, position - 1, size, path(proof), root)
        assert tlog.root_by_inclusion(position - 1, size, hash, path(proof)) == root

    def check_consistency(self, old: int, new: int) -> None:
        proof = self.nobody.consistency(old, new)
        roots = self.tree.get_root(old), self.tree.get_root(new)
        assert (proof["from"], proof["to"]) == (old, new)
        assert (b64decode(proof["from_root_hash"]), b64decode(proof["to_root_hash"])) == roots
        assert aics_tlog.verify_consistency(old, new, *roots, path(proof))
        if old:
            # Their proofs have another shape than RFC 6962's, but must lead from and to the roots that we serve.
            pymerkle.verify_consistency(*roots, self.tree.prove_consistency(old, new), old, new)
            assert tlog.roots_by_consistency(old, new, roots[0], path(proof)) == roots

    def check_proofs(self, sizes, draw: random.Random) -> None:
        """Proofs of each size: its first and last record, another one, and an older tree."""
        for size in sizes:
            for position in {1, size, draw.randint(1, size)}:
                self.check_inclusion(position, size)
            self.check_consistency(draw.randint(0, size), size)
            self.check_consistency(size, size)


@pytest.fixture(scope="module")
def log(start_shared) -> Log:
    service = start_shared("--public-evidence")
    people = [service.register() for _ in range(3)]
    spends = [{"id": f"s-{number}", "user": people[number % 3].uuid, "tokens": number} for number in range(MOST + 40)]
    for start in range(0, len(spends), 500):
        assert service.gateway.client.post("/v1/usage", spends[start : start + 500]).status == 200
    return Log(service)


@pytest.fixture(scope="module")
def long_log(tmp_path_factory) -> Iterator[Log]:
    """As many records as make a third level of tiles."""
    store = Store.create(tmp_path_factory.mktemp("long"))
    for part in range(3):
        append(store, 100_000, f"part-{part}")
    service = Service(store, "--public-evidence")
    try:
        yield Log(service)
    finally:
        service.close()


def test_roots_and_proofs_of_every_small_tree_are_those_of_others(log):
    assert log.size > MOST
    assert b64decode(log.nobody.consistency(0, 0)["to_root_hash"]) == tlog.EMPTY
    log.check_proofs(range(1, MOST + 1), random.Random(1))


def test_every_proof_of_some_trees_is_that_of_others(log):
    for size in (1, 2, 7, 64, 255, 256, 257, 300):
        for position in range(1, size + 1):
            log.check_inclusion(position, size)
        for old in range(size + 1):
            log.check_consistency(old, size)


def test_others_make_the_same_roots_and_proofs_from_the_tiles(log, tmp_path):
    reader = aics_tlog.HttpTileReader(log.service.base, tmp_path, cache_unverified=True, proxies={})
    draw = random.Random(2)
    assert aics_tlog.tree_root_from_tiles(reader, 0) == tlog.EMPTY
    for size in range(1, MOST + 1):
        assert aics_tlog.tree_root_from_tiles(reader, size) == log.tree.get_root(size), size
        if size % 20 == 0:
            position, old = draw.randint(1, size), draw.randint(1, size)
            theirs = aics_tlog.inclusion_proof_from_tiles(reader, position - 1, size)
            assert theirs == path(log.nobody.inclusion(position, size))
            theirs = aics_tlog.consistency_proof_from_tiles(reader, old, size)
            assert theirs == path(log.nobody.consistency(old, size))


def check_audit(log: Log) -> None:
    note, checkpoint = log.nobody.checkpoint()
    reader = aics_tlog.HttpTileReader(log.service.base, proxies={})
    key = aics_tlog.parse_vkey(log.nobody.key().text)
    theirs = aics_tlog.verify_checkpoint(aics_tlog.parse_note(reader.read_checkpoint().decode()), key)
    assert theirs.ok and (theirs.origin, theirs.size, theirs.root) == (
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
    )
    assert checkpoint.size == log.size and checkpoint.root == log.tree.get_root(log.size)
    report = aics_tlog.audit_tiles(reader, checkpoint.size, checkpoint.root, entries=False)
    assert report.tiles >= checkpoint.size // 256
    # Records need a token, which their reader does not send by itself.
    reader._opener.addheaders.append(("Authorization", f"Token {log.service.store.admin['token']}"))
    assert aics_tlog.audit_tiles(reader, checkpoint.size, checkpoint.root).bundles == (checkpoint.size + 255) // 256


def test_an_auditor_who_trusts_nothing_but_the_key_finds_the_log_whole(log):
    check_audit(log)


def test_a_log_of_hundreds_of_thousands_is_proved_like_a_small_one(long_log):
    assert long_log.size > 300_000
    check_audit(long_log)
    draw = random.Random(3)
    edges = [65_535, 65_536, 65_537, 70_000, 131_072, 200_001, 300_000, long_log.size]
    long_log.check_proofs(edges + [draw.randint(65_537, long_log.size) for _ in range(60)], draw)


def test_a_bundle_of_records_hashes_to_its_tile(log):
    for index in range(log.size // 256):
        records = tlog.bundle(log.staff.read(f"/tile/entries/{tlog.tile_name(index)}"))
        assert b"".join(map(tlog.leaf, records)) == log.nobody.read(f"/tile/0/{tlog.tile_name(index)}")
    for width in (1, 5, 200):
        records = tlog.bundle(log.staff.read(f"/tile/entries/001.p/{width}"))
        assert b"".join(map(tlog.leaf, records)) == log.nobody.read(f"/tile/0/001.p/{width}")


def test_a_record_is_what_the_log_says_it_is(log):
    assert f"s-{MOST}".encode() in b"".join(log.records)
    assert all(str(event["request_id"]).encode() in log.records[event["position"] - 1]
               for event in log.service.events(type="tokens_spent"))


def test_without_sizes_proofs_are_about_the_checkpoint_they_come_with(log):
    for proof in (log.nobody.inclusion(7), log.nobody.consistency(7)):
        checkpoint = tlog.Checkpoint.verify(proof["checkpoint"], log.nobody.key())
        size, root = (proof.get("tree_size") or proof["to"]), (proof.get("root_hash") or proof["to_root_hash"])
        assert (checkpoint.size, checkpoint.root) == (size, b64decode(root))


# Proofs that stand by themselves


@pytest.fixture(scope="module")
def receipt(log) -> str:
    return log.staff.read("/v1/receipts/700").decode()


@pytest.fixture
def judge(log, tmp_path):
    """What `quotalog verify --proof` says, in a place without a store."""
    key = tmp_path / "log.pub"
    key.write_text(log.nobody.key().text + "\n")

    def judge(proof: str, trusted: str | None = None, *options: str):
        file = tmp_path / "proof"
        file.write_text(proof)
        elsewhere = str(tmp_path / "nothing")
        return run("verify", "--proof", str(file), "--key", trusted or str(key), "--data", elsewhere, *options)

    return judge


@pytest.mark.parametrize("position", [1, 2, 255, 256, 257, 700, MOST])
def test_a_receipt_convinces_whoever_has_the_key(log, judge, position):
    served = log.staff.read(f"/v1/receipts/{position}").decode()
    printed = log.service.store.run("prove", str(position)).stdout
    for text in (served, printed):
        proof = tlog.Proof.verify(text, log.nobody.key())
        assert (proof.record, proof.index) == (log.records[position - 1], position - 1)
        assert proof.checkpoint.root == log.tree.get_root(proof.checkpoint.size)
        assert judge(text).returncode == 0
    by_text = judge(served, log.nobody.key().text, "--json")
    said = json.loads(by_text.stdout)
    assert said["event"] == log.service.admin.get(f"/v1/events?after={position - 1}&limit=1").json["events"][0]
    assert said["tree_size"] == proof.checkpoint.size


def alterations(receipt: str) -> Iterator[tuple[str, str]]:
    """Each line left out, doubled, with a character changed, and with a space behind it."""
    lines = receipt.split("\n")[:-1]
    signature = len(lines)
    for place, line in enumerate(lines):
        before, after = lines[:place], lines[place + 1 :]
        changed = line[:-3] + ("A" if line[-3:-2] != "A" else "B") + line[-2:] if len(line) > 3 else line + "1"
        for name, middle in {
            "gone": [], "twice": [line, line], "changed": [changed], "longer": [line + " "], "empty": [""]
        }.items():
            text = "\n".join([*before, *middle, *after]) + "\n"
            # A signature that stands there twice is as good as once.
            if text != receipt and (name, place + 1) != ("twice", signature):
                yield f"line {place + 1} {name}", text
    yield "cut short", receipt[:-1]
    yield "nothing", ""
    yield "not text", "\x00\xff"


def test_a_receipt_that_was_altered_in_any_line_is_refused_with_a_sentence(log, judge, receipt):
    key = log.nobody.key()
    for name, text in alterations(receipt):
        with pytest.raises((tlog.Refused, ValueError)):
            tlog.Proof.verify(text, key)
        said = judge(text)
        assert said.returncode == 65, (name, said)
        assert said.stdout == "" and said.stderr.startswith("quotalog: ") and len(said.stderr) > 40, (name, said.stderr)


def test_a_receipt_of_another_record_cannot_borrow_a_path(log, judge, receipt):
    other = log.staff.read("/v1/receipts/701").decode()
    lines, others = receipt.split("\n"), other.split("\n")
    for place in (1, 2):
        mixed = [*lines[:place], others[place], *lines[place + 1 :]]
        assert judge("\n".join(mixed)).returncode == 65


@pytest.mark.parametrize(
    "key, code",
    [("no key", 66), ("log.example+00000000+AAAA", 66), ("", 66)],
)
def test_a_receipt_is_not_judged_with_what_is_no_key(judge, receipt, key, code):
    said = judge(receipt, key or "/nonexistent/key")
    assert said.returncode == code and "key" in said.stderr


def test_the_key_of_another_log_signs_nothing_here(judge, receipt, tmp_path):
    other = Store.create(tmp_path)
    said = judge(receipt, other.run("checkpoint", "--key").stdout.strip())
    assert said.returncode == 65 and "sign" in said.stderr


# Rights, and words for whatever is wrong


HASHES = [
    "/checkpoint", "/tile/0/000", "/tile/1/000.p/4", "/v1/evidence", "/v1/proofs/inclusion?position=3",
    "/v1/proofs/consistency?from=3",
]
RECORDS = ["/tile/entries/000", "/tile/entries/004.p/2"]


@pytest.fixture(scope="module")
def closed(start_shared) -> Service:
    """A service that shows nothing to strangers."""
    service = start_shared()
    items = [{"id": f"c-{number}", "user": service.user.uuid, "tokens": 1} for number in range(1030)]
    for start in (0, 515):
        assert service.gateway.client.post("/v1/usage", items[start : start + 515]).status == 200
    return service


@pytest.mark.parametrize("target", HASHES + RECORDS + ["/v1/receipts/3"])
def test_without_a_token_nothing_is_shown(closed, target):
    assert closed.nobody.get(target).status == 401
    assert Client(closed.base, "0" * 40).get(target).status == 401


@pytest.mark.parametrize(
    "role, hashes, records",
    [
        ("user", 403, 403), ("support", 200, 403), ("service", 200, 403), ("auditor", 200, 200), ("staff", 200, 200),
    ],
)
def test_a_role_reads_what_it_may(closed, role, hashes, records):
    client = closed.by_role(role).client
    assert {target: client.get(target).status for target in HASHES} == dict.fromkeys(HASHES, hashes)
    assert {target: client.get(target).status for target in RECORDS} == dict.fromkeys(RECORDS, records)


def test_a_receipt_is_for_whom_it_concerns(closed):
    spend = closed.spend(closed.user, 5)["position"]
    other = closed.spend(closed.support, 5)["position"]
    asked = {
        name: [closed.by_role(name).client.get(f"/v1/receipts/{position}").status for position in (spend, other)]
        for name in ("user", "support", "service", "auditor", "staff")
    }
    # What a user may not have cannot be told from what there is not.
    beyond = closed.user.client.get("/v1/receipts/99999")
    assert beyond.gist == closed.user.client.get(f"/v1/receipts/{other}").gist
    # The service recorded both.
    assert asked == {
        "user": [200, 404], "support": [403, 200], "service": [200] * 2, "auditor": [200] * 2, "staff": [200] * 2
    }


def test_public_evidence_is_hashes_and_no_records(log):
    anybody = log.service.nobody
    assert {anybody.get(target).status for target in HASHES} == {200}
    assert {anybody.get(target).status for target in RECORDS + ["/v1/receipts/3", "/v1/events"]} == {401}
    assert {log.service.user.client.get(target).status for target in HASHES} == {200}
    assert {log.service.user.client.get(target).status for target in RECORDS} == {403}


@pytest.mark.parametrize(
    "target",
    [
        "/v1/proofs/inclusion?position=99999", "/v1/proofs/inclusion?position=1&size=99999",
        "/v1/proofs/consistency?from=99999", "/v1/proofs/consistency?from=1&to=99999", "/v1/receipts/99999",
        "/tile/0/099", "/tile/1/001", "/tile/5/000", "/tile/entries/099", "/tile/0/004.p/255", "/tile/entries/004.p/255",
        "/v1/receipts/18446744073709551615", "/tile/0/x999/x999/x999/x999/x999/999", "/tile/63/000",
        "/v1/proofs/inclusion?position=9223372036854775807",
    ],
)
def test_beyond_the_end_the_answer_says_where_that_is(log, target):
    answer = log.service.admin.get(target)
    assert answer.status == 404, answer.gist
    problem = answer.json
    assert problem["code"] == "beyond_end" and problem["size"] == log.service.position, problem


def test_a_record_newer_than_the_tree_is_not_in_it(log):
    answer = log.service.admin.get("/v1/proofs/inclusion?position=9&size=8")
    assert (answer.status, answer.json["code"]) == (404, "not_in_tree")


@pytest.mark.parametrize(
    "target, member",
    [
        ("/v1/proofs/inclusion", "position"),
        ("/v1/proofs/inclusion?size=3", "position"),
        ("/v1/proofs/inclusion?position=1&size=x", "size"),
        ("/v1/proofs/inclusion?position=1&size=0", "size"),
        ("/v1/proofs/consistency", "from"),
        ("/v1/proofs/consistency?to=3", "from"),
        ("/v1/proofs/consistency?from=5&to=4", "from"),
        ("/v1/proofs/consistency?from=1&to=-1", "to"),
        *((f"/v1/proofs/inclusion?position={wrong}", "position") for wrong in ("0", "-1", "1.5", "", "x", "1e3", str(2**63), "%31%00")),
        *((f"/v1/receipts/{wrong}", "position") for wrong in ("0", "01", "-1", "x", str(2**64), "1.0", "%20")),
    ],
)
def test_a_number_that_is_none_is_refused_by_its_name(log, target, member):
    answer = log.service.admin.get(target)
    assert answer.status == 400, answer.gist
    assert answer.json["errors"][0]["member"] == member if "errors" in answer.json else answer.json["member"] == member


@pytest.mark.parametrize(
    "target",
    [
        "/tile", "/tile/0", "/tile/x/000", "/tile/0/0", "/tile/0/0000", "/tile/0/000.p/0", "/tile/0/000.p/256", "/tile/64/000",
        "/tile/0/000.p/01", "/tile/0/x000/001", "/tile/00/000", "/tile/entries", "/tile/entries/x", "/tile/-1/000",
        "/tile/0/000.p", "/v1/receipts", "/v1/receipts/1/2", "/v1/proofs", "/v1/proofs/other", "/checkpoint/1",
        "/tile/data/000", "/tile/0/1000/000", "/tile/entries/000.p/",
    ],
)
def test_there_is_nothing_at_paths_that_no_log_has(log, target):
    assert log.service.admin.get(target).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("target", HASHES + RECORDS + ["/v1/receipts/3"])
def test_evidence_is_only_read(log, method, target):
    answer = log.service.admin.ask(method, target, b"{}")
    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "GET" in answer.body.decode()


def test_a_head_says_how_long_the_body_would_be(log):
    for target in HASHES + RECORDS:
        head, full = log.service.admin.ask("HEAD", target), log.service.admin.get(target)
        assert (head.status, head.body, head["Content-Length"]) == (200, b"", str(len(full.body))), target


def test_what_never_changes_may_be_kept(log):
    assert "immutable" in log.service.admin.get("/tile/0/000")["Cache-Control"]
    assert log.service.admin.get("/checkpoint")["Cache-Control"] == "no-cache"


def test_a_checkpoint_always_covers_what_was_acknowledged(closed):
    auditor = Auditor(closed.base, closed.auditor.token)
    for _ in range(20):
        position = closed.spend(closed.user, 1)["position"]
        note, checkpoint = auditor.checkpoint()
        assert checkpoint.size >= position


def test_the_root_is_the_same_after_export_and_import(log, tmp_path):
    store = log.service.store
    exported = store.run("export").stdout
    copy = Store(tmp_path / "copy")
    copy.run("import", "-", input=exported)
    assert copy.read("verify")["root_hash"] == store.read("verify")["root_hash"]

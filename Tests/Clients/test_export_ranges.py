"""Exported ranges with their proofs, which anybody checks with the public key alone, and imports of them."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from backups import ANY_FAILURE, BAD_DATA, NO_INPUT, USAGE, record, refused, seeded, statement
from service import Store, binary, run

HEAD = 1003
"""Records of the store that these tests share: what `init` writes, and a thousand spends."""


@dataclass
class Exported:
    """A range as somebody outside has it: lines, a proof, and the operator's key."""

    events: Path
    proof: Path
    key: str

    def verify(self, *options: str) -> subprocess.CompletedProcess:
        return run("verify", "--proof", str(self.proof), "--events", str(self.events), "--key", self.key, *options)

    @property
    def lines(self) -> list[str]:
        return self.events.read_text().splitlines(keepends=True)

    def write(self, lines: list[str]) -> None:
        self.events.write_text("".join(lines))


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Store:
    """A store that nobody serves, longer than three tiles."""
    store = Store.create(tmp_path_factory.mktemp("long"))
    record(store, HEAD - 3)
    return store


def export(store: Store, directory: Path, first: int | None = None, last: int | None = None) -> Exported:
    found = Exported(directory / "events", directory / "proof", store.run("checkpoint", "--key").stdout.strip())
    words = [f"--{name}={value}" for name, value in (("from", first), ("to", last)) if value is not None]
    store.run("export", *words, "--output", str(found.events), "--proof", str(found.proof))
    return found


EDGES = [
    (1, 1),
    (1, 2),
    (2, 2),
    (1, HEAD),
    (HEAD, HEAD),
    (HEAD - 1, HEAD),
    (1, 255),
    (1, 256),
    (1, 257),
    (255, 257),
    (256, 256),
    (256, 512),
    (257, 512),
    (257, 768),
    (511, 1002),
    (300, 700),
]


@pytest.mark.parametrize(("first", "last"), EDGES)
def test_a_range_is_proved_by_the_key_alone(long, tmp_path, first, last):
    exported = export(long, tmp_path, first, last)
    assert [json.loads(line)["position"] for line in exported.lines] == list(range(first, last + 1))
    outcome = exported.verify("--json", "--data", str(tmp_path / "nowhere"))
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {
        "origin": statement(long)[0],
        "first": first,
        "last": last,
        "tree_size": HEAD,
    }
    assert exported.lines == long.run("export").stdout.splitlines(keepends=True)[first - 1 : last]


def test_ranges_at_random_are_proved(long, tmp_path, request):
    numbers = seeded(request.node.name)
    for _ in range(8):
        first, last = sorted(numbers.choices(range(1, HEAD + 1), k=2))
        assert export(long, tmp_path, first, last).verify().returncode == 0, (first, last)


def test_the_ends_may_be_left_out(long, tmp_path):
    whole = export(long, tmp_path)
    assert len(whole.lines) == HEAD and whole.verify().returncode == 0
    assert len(export(long, tmp_path, first=1000).lines) == 4
    assert len(export(long, tmp_path, last=4).lines) == 4


def test_a_proof_holds_after_the_log_has_grown(store, tmp_path):
    record(store, 300)
    exported = export(store, tmp_path, 5, 300)
    record(store, 300, "second")
    assert exported.verify().returncode == 0
    newer = tmp_path / "newer"
    newer.mkdir()
    again = export(store, newer, 5, 300)
    assert again.events.read_text() == exported.events.read_text() and again.verify().returncode == 0


def test_a_proof_of_what_is_exported_beside_a_server(start, tmp_path):
    service = start()
    items = [{"id": f"served {number}", "user": service.user.uuid, "tokens": 1} for number in range(400)]
    assert service.gateway.client.post("/v1/usage", items).status == 200
    exported = export(service.store, tmp_path, 100, 300)
    assert exported.verify().returncode == 0


def test_people_are_told_the_same_in_words(long, tmp_path):
    outcome = export(long, tmp_path, 7, 9).verify()
    assert "events 7 to 9 are records of 1003" in outcome.stdout + outcome.stderr


# ---- what is refused


def altered(line: str, **members) -> str:
    return json.dumps(json.loads(line) | members, separators=(",", ":"), ensure_ascii=False) + "\n"


def without(line: str, member: str) -> str:
    document = json.loads(line)
    del document[member]
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


NOT_SIGNED = "the events are not those that were signed for"
OTHER_NUMBER = "the proof is about another number of events"
ALTERATIONS = {
    "more tokens": (lambda lines: [*lines[:5], altered(lines[5], tokens=999), *lines[6:]], [NOT_SIGNED]),
    "another time": (
        lambda lines: [*lines[:5], altered(lines[5], happened_at="2020-01-01T00:00:00.000000Z"), *lines[6:]],
        [NOT_SIGNED],
    ),
    "another id": (lambda lines: [*lines[:5], altered(lines[5], request_id="other"), *lines[6:]], [NOT_SIGNED]),
    "another user": (
        lambda lines: [*lines[:5], altered(lines[5], user="00000000-0000-4000-8000-000000000000"), *lines[6:]],
        [NOT_SIGNED],
    ),
    "no id": (lambda lines: [*lines[:5], without(lines[5], "request_id"), *lines[6:]], [NOT_SIGNED]),
    "no tokens": (lambda lines: [*lines[:5], without(lines[5], "tokens"), *lines[6:]], ["line 6", "tokens"]),
    "one removed": (lambda lines: [*lines[:5], *lines[6:]], ["line 6", "position 307 does not follow: 306 is due"]),
    "the first removed": (lambda lines: lines[1:], ["line 1", "301 is due"]),
    "the last removed": (lambda lines: lines[:-1], [NOT_SIGNED, OTHER_NUMBER]),
    "all removed": (lambda lines: [], ["no event"]),
    "one doubled": (lambda lines: [*lines[:6], *lines[5:]], ["line 7", "307 is due"]),
    "one added": (lambda lines: [*lines, altered(lines[-1], position=701)], [NOT_SIGNED, OTHER_NUMBER]),
    "two for each other": (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], ["line 6", "306 is due"]),
    "two for each other with their numbers": (
        lambda lines: [*lines[:5], altered(lines[6], position=306), altered(lines[5], position=307), *lines[7:]],
        [NOT_SIGNED],
    ),
    "half a line": (lambda lines: [*lines[:-1], lines[-1][:40]], ["line 401", "JSON"]),
    "no JSON": (lambda lines: [*lines[:5], "nothing\n", *lines[6:]], ["line 6", "JSON"]),
    "an unknown type": (lambda lines: [altered(lines[0], type="party"), *lines[1:]], ["line 1", "party"]),
    "a member more": (lambda lines: [*lines[:5], altered(lines[5], granted=5), *lines[6:]], ["line 6", "306"]),
    "a member twice, the true one first": (
        lambda lines: [*lines[:5], lines[5].replace("}\n", ',"tokens":9999}\n'), *lines[6:]],
        ["line 6"],
    ),
    "a member twice, the true one last": (
        lambda lines: [*lines[:5], '{"tokens":9999,' + lines[5][1:], *lines[6:]],
        ["line 6"],
    ),
}


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_altered_events_are_refused(long, tmp_path, alteration):
    exported = export(long, tmp_path, 301, 701 - 1 if alteration == "one added" else 701)
    change, words = ALTERATIONS[alteration]
    exported.write(change(exported.lines))
    outcome = exported.verify()
    complaint = refused(outcome, BAD_DATA)
    if len(words) == 2 and words[0] == NOT_SIGNED:
        assert any(word in complaint for word in words), complaint
    else:
        assert all(word in complaint for word in words), complaint


def test_every_alteration_of_a_digit_is_found(long, tmp_path, request):
    """A line that is still a line, with another digit somewhere."""
    numbers = seeded(request.node.name)
    exported = export(long, tmp_path, 500, 520)
    text = exported.events.read_text()
    places = [place for place, sign in enumerate(text) if sign.isdigit()]
    for place in numbers.sample(places, 40):
        digit = str((int(text[place]) + numbers.randrange(1, 10)) % 10)
        exported.events.write_text(text[:place] + digit + text[place + 1 :])
        assert exported.verify().returncode == BAD_DATA, (place, text[place - 30 : place + 5])


def hash_line(text: str, number: int, byte: int = 3) -> str:
    """The text with one bit of the hash in that line changed."""
    lines = text.split("\n")
    name, value = lines[number].split(" ")
    raw = bytearray(base64.b64decode(value))
    raw[byte] ^= 1
    lines[number] = f"{name} {base64.b64encode(raw).decode()}"
    return "\n".join(lines)


def drop_line(text: str, number: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[:number] + lines[number + 1 :])


PROOFS = {
    "nothing": (lambda text: "", "not what"),
    "something else": (lambda text: "dear\n\n" + text, "quotalog-range-proof 1"),
    "another frontier": (lambda text: hash_line(text, 2, -1), NOT_SIGNED),
    "another hash behind": (lambda text: hash_line(text, 3), NOT_SIGNED),
    "a hash less": (lambda text: drop_line(text, 3), OTHER_NUMBER),
    "a hash more": (lambda text: text.replace("after ", f"after {base64.b64encode(bytes(32)).decode()}\nafter ", 1),
                    OTHER_NUMBER),
    "another first": (lambda text: text.replace("first 300", "first 301"), "not what"),
    "no checkpoint": (lambda text: text.split("\n\n")[0] + "\n\n", ""),
    "another root": (lambda text: text.replace(text.split("\n\n")[1].split("\n")[2],
                                               base64.b64encode(bytes(32)).decode()), "has not signed this text"),
    "another size": (lambda text: text.replace(f"\n{HEAD}\n", f"\n{HEAD + 1}\n"), "has not signed this text"),
    "cut": (lambda text: text[: len(text) // 3], "not what"),
}  # fmt: skip


@pytest.mark.parametrize("alteration", PROOFS)
def test_an_altered_proof_is_refused(long, tmp_path, alteration):
    exported = export(long, tmp_path, 301, 701)
    change, words = PROOFS[alteration]
    text = exported.proof.read_text()
    changed = change(text)
    assert changed != text
    exported.proof.write_text(changed)
    complaint = refused(exported.verify(), BAD_DATA, str(exported.proof))
    assert words in complaint


def test_a_proof_is_for_its_range_only(long, tmp_path):
    (tmp_path / "other").mkdir()
    one, other = export(long, tmp_path, 10, 300), export(long, tmp_path / "other", 11, 300)
    other.proof = one.proof
    refused(other.verify(), BAD_DATA, "line 1")


def test_an_honest_proof_of_nothing_says_nothing(long, tmp_path):
    """Whoever leaves out every event and makes the proof fit has still proved none."""
    exported = export(long, tmp_path, 1, 700)
    lines = exported.proof.read_text().split("\n")
    exported.proof.write_text("\n".join(line for line in lines if not line.startswith("after ")))
    exported.write([])
    refused(exported.verify(), BAD_DATA, "no event")


def test_another_operators_key_proves_nothing(long, store, tmp_path):
    exported = export(long, tmp_path, 1, 10)
    exported.key = store.run("checkpoint", "--key").stdout.strip()
    refused(exported.verify(), BAD_DATA, str(exported.proof))


def test_a_proof_of_one_record_is_none_of_a_range(long, tmp_path):
    exported = export(long, tmp_path, 5, 5)
    exported.proof.write_text(long.run("prove", "5").stdout)
    refused(exported.verify(), BAD_DATA, "quotalog-range-proof 1")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--from=0"], USAGE, "from"),
        (["--from=-1"], USAGE, "from"),
        (["--from=x"], USAGE, "from"),
        (["--to=0"], USAGE, "to"),
        ([f"--to={HEAD + 1}"], BAD_DATA, str(HEAD)),
        ([f"--from={HEAD + 1}"], BAD_DATA, str(HEAD)),
        (["--from=9", "--to=8"], BAD_DATA, "--from 9"),
        (["--proof=/nowhere/proof"], ANY_FAILURE, "/nowhere/proof"),
    ],
)
def test_a_range_that_is_none_is_refused(long, words, code, said):
    refused(long.try_run("export", *words), code, said)


def test_files_that_are_not_there_are_named(long, tmp_path):
    exported = export(long, tmp_path, 1, 2)
    exported.events.rename(tmp_path / "elsewhere")
    refused(exported.verify(), NO_INPUT, str(exported.events))
    exported.proof.unlink()
    refused(exported.verify(), NO_INPUT, str(exported.proof))


# ---- importing


def try_import(lines: list[str], file: Path, data: Path) -> subprocess.CompletedProcess:
    file.write_text("".join(lines))
    return run("import", str(file), "--data", str(data), "--json")


@pytest.fixture(scope="module")
def lines(long) -> list[str]:
    return long.run("export").stdout.splitlines(keepends=True)


def test_what_is_imported_has_the_same_root(long, lines, tmp_path):
    outcome = try_import(lines, tmp_path / "events", tmp_path / "data")
    assert json.loads(outcome.stdout) == {"imported": HEAD}
    copy = Store(tmp_path / "data")
    assert statement(copy)[1:] == statement(long)[1:]
    assert copy.run("export").stdout == "".join(lines)
    copy.run("verify")
    assert json.loads(try_import(lines, tmp_path / "events", copy.path).stdout) == {"imported": 0}


def import_and_be_killed(lines: list[str], data: Path) -> None:
    """Takes these lines, waits for more, and is killed."""
    process = subprocess.Popen(
        [binary(), "import", "-", "--data", str(data)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    process.stdin.write("".join(lines))
    process.stdin.flush()
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_an_import_goes_on_after_a_kill(store, tmp_path, request):
    numbers = seeded(request.node.name)
    record(store, 30_000)
    lines = store.run("export").stdout.splitlines(keepends=True)
    data = tmp_path / "copy"
    ends = []
    for last in sorted([20_000, *numbers.sample(range(len(lines)), 7)]):
        import_and_be_killed(lines[:last], data)
        # Before the store is in its place there is none.
        ends.append(Store(data).read("verify")["records"] if data.exists() else 0)
    assert ends == sorted(ends) and any(0 < end < len(lines) for end in ends), ends
    outcome = try_import(lines, tmp_path / "events", data)
    assert json.loads(outcome.stdout) == {"imported": len(lines) - ends[-1]}
    copy = Store(data)
    assert statement(copy)[1:] == statement(store)[1:]
    copy.run("verify")


def test_an_import_in_pieces_is_the_whole(long, lines, tmp_path):
    for first, last in ((0, 100), (90, 600), (600, HEAD)):
        assert try_import(lines[first:last], tmp_path / "events", tmp_path / "data").returncode == 0
    assert statement(Store(tmp_path / "data"))[1:] == statement(long)[1:]


FOREIGN = {
    "no JSON": (lambda line: "{nothing\n", ["line 500", "JSON"]),
    "half a line": (lambda line: line[:30] + "\n", ["line 500", "JSON"]),
    "an unknown type": (lambda line: altered(line, type="party"), ["line 500", "party"]),
    "no position": (lambda line: without(line, "position"), ["line 500", "position"]),
    "a gap": (lambda line: altered(line, position=501), ["line 500", "500 is due"]),
    "an earlier time": (
        lambda line: altered(line, recorded_at="2001-01-01T00:00:00Z"),
        ["line 500", "recorded_at"],
    ),
    "a user whom nobody registered": (
        lambda line: altered(line, user="00000000-0000-4000-8000-000000000000"),
        ["line 500"],
    ),
    "negative tokens": (lambda line: altered(line, tokens=-1), ["line 500", "tokens"]),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_damaged_line_is_named_by_its_number(lines, tmp_path, kind):
    change, words = FOREIGN[kind]
    damaged = [*lines[:499], change(lines[499]), *lines[500:]]
    refused(try_import(damaged, tmp_path / "events", tmp_path / "data"), BAD_DATA, *words)
    assert try_import(lines, tmp_path / "events", tmp_path / "data").returncode == 0
    Store(tmp_path / "data").run("verify")


def test_events_of_another_store_are_refused_by_line(lines, store, tmp_path):
    record(store, 10, "here")
    file = tmp_path / "events"
    file.write_text("".join(lines))
    before = statement(store)
    refused(store.try_run("import", str(file)), BAD_DATA, "line 1", "another event")
    assert statement(store) == before


def test_a_range_from_the_middle_is_no_store(lines, tmp_path):
    refused(try_import(lines[300:], tmp_path / "events", tmp_path / "data"), BAD_DATA, "line 1", "1 is due")

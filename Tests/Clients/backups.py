"""What tests of backups, exports, examinations and audits need: stores with a known content, and their commands."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from pathlib import Path

from service import Store, binary, environment, run

USAGE, BAD_DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, INPUT_OUTPUT = 64, 65, 66, 69, 73, 74


class OneOf:
    """Equal to each of several exit codes."""

    def __init__(self, *codes: int):
        self.codes = codes

    def __eq__(self, other: object) -> bool:
        return other in self.codes

    def __repr__(self) -> str:
        return f"one of {self.codes}"


ANY_FAILURE = OneOf(BAD_DATA, NO_INPUT, CANNOT_CREATE, INPUT_OUTPUT)
"""A file may be missing, or say something else: both are refusals."""


def record(store: Store, count: int, prefix: str = "first", user: str = "admin") -> None:
    """Records usage without a server."""
    lines = (json.dumps({"id": f"{prefix}-{n}", "user": user, "tokens": n % 50 + 1}) + "\n" for n in range(count))
    store.run("append", "-", input="".join(lines))


def back_up(store: Store, directory: Path) -> dict:
    return store.read("backup", str(directory))


def refused(outcome: subprocess.CompletedProcess, code: int, *words: str) -> str:
    """What a refusal says: one sentence that has all these words."""
    assert outcome.returncode == code, (outcome.returncode, outcome.stdout, outcome.stderr)
    complaint = outcome.stderr.strip()
    assert complaint.count("\n") == 0 and all(word in complaint for word in words), complaint
    return complaint


def check(directory: Path, *options: str) -> subprocess.CompletedProcess:
    return run("backup", str(directory), "--check", "--json", *options)


def checked(directory: Path) -> dict:
    outcome = check(directory)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def try_restore(backup: Path, data: Path, *options: str) -> subprocess.CompletedProcess:
    return run("restore", str(backup), "--data", str(data), "--json", *options)


def restored(backup: Path, data: Path, *options: str) -> tuple[Store, dict]:
    outcome = try_restore(backup, data, *options)
    assert outcome.returncode == 0, outcome.stderr
    return Store(data), json.loads(outcome.stdout)


def statement(store: Store) -> tuple[str, int, str]:
    """What a checkpoint says of the log: origin, number of records, root."""
    signed = store.read("checkpoint")
    return signed["origin"], signed["tree_size"], signed["root_hash"]


def content(directory: Path) -> dict[str, str]:
    """A hash of every file but the ones with which LMDB's readers find each other."""
    return {
        str(path.relative_to(directory)): f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        if path.is_file()
        else "directory"
        for path in sorted(directory.rglob("*"))
        if path.name != "lock.mdb"
    }


def spawn(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [binary(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def seeded(request_name: str) -> random.Random:
    """Numbers at random that a failure can be repeated with: pytest shows what was printed."""
    seed = random.randrange(1 << 32)
    print(f"seed of {request_name}: {seed}")
    return random.Random(seed)


def run_json(*arguments: str) -> tuple[int, dict]:
    """A command's exit code, and the document that it prints whatever that is."""
    outcome = run(*arguments, "--json")
    return outcome.returncode, json.loads(outcome.stdout)


def files_with(directory: Path, *texts: str) -> dict[str, list[str]]:
    """Which of the texts each file below has anywhere; only files that have one."""
    found = {}
    for path in sorted(Path(directory).rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if these := [text for text in texts if text.encode() in content]:
                found[str(path.relative_to(directory))] = these
    return found

"""What disks, kernels and power supplies do to a process: failing operations, sudden ends, and a disk that lost what was not flushed.

`faults.c` stands between the process and its files. `Faults` steers it; `PowerCut` makes of a recorded run what a disk may hold when
the power goes in the middle of it.
"""

from __future__ import annotations

import errno
import mmap
import os
import random
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

OPEN, WRITE, SYNC, RENAME, UNLINK, MKDIR, TRUNCATE, READ, RMDIR = (1 << bit for bit in range(9))
CHANGES = OPEN | WRITE | SYNC | RENAME | UNLINK | MKDIR | TRUNCATE | RMDIR
"""Everything but reading."""

ACTIONS = {"fail": 1, "kill": 2, "short": 3, "torn": 4}
CONTROL = struct.Struct("=IIIIQQQ1024s256s")
ENTRY = struct.Struct("=IIQQIIQ")
PAGE = 4096


@cache
def library() -> Path:
    """The compiled library; made once in a run of the tests."""
    directory = Path(tempfile.mkdtemp(prefix="faults-"))
    target = directory / "faults.so"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", target, source, "-ldl", "-lpthread"], check=True)
    return target


class Faults:
    """Counts what processes do to the files below `root`, and does things to it when told so.

    Give `environment` to the processes; a fault can be ordered before they start, and while they run.
    """

    def __init__(self, root: Path, scratch: Path, trace: bool = False):
        scratch.mkdir(parents=True, exist_ok=True)
        path = scratch / "control"
        path.write_bytes(bytes(CONTROL.size))
        self.root = root.resolve() if root.exists() else root.parent.resolve() / root.name
        self.trace_path = scratch / "trace" if trace else None
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), CONTROL.size)
        self._kinds = 0
        self.environment = {"LD_PRELOAD": str(library()), "FAULTS_CONTROL": str(path)}
        if trace:
            self.environment["FAULTS_TRACE"] = str(self.trace_path)
        self.disarm()

    def order(
        self, action: str, at: int = 1, *, error: int = errno.EIO, kinds: int = CHANGES, match: str = "", lasting: bool = False
    ) -> None:
        """What happens to the `at`-th operation from now on that is of `kinds` and whose path contains `match`.

        `fail`: it fails with `error`. `short`: half of a write is made and everything after it fails where `lasting`. `kill`: the
        process ends before it. `torn`: the process ends in the middle of a write. With `lasting` everything behind fails, too.
        """
        self._write(ACTIONS[action], error, kinds, lasting, at, match)

    def count(self, kinds: int = CHANGES, match: str = "") -> None:
        """Only counts, from now on: see `counted`."""
        self._write(ACTIONS["fail"], 0, kinds, False, 1 << 62, match)

    def disarm(self) -> None:
        self._write(0, 0, 0, False, 0, "")

    @property
    def counted(self) -> int:
        """Operations that counted since the last order."""
        return CONTROL.unpack(self._map[:])[5]

    @property
    def happened(self) -> int:
        """How often something was done to one since the last order."""
        return CONTROL.unpack(self._map[:])[6]

    def _write(self, action: int, error: int, kinds: int, lasting: bool, at: int, match: str) -> None:
        # The action comes last: until then nothing happens.
        self._map[0:4] = bytes(4)
        whole = CONTROL.pack(action, error, kinds, lasting, at, 0, 0, bytes(self.root), match.encode())
        self._map[4:] = whole[4:]
        self._map[0:4] = whole[0:4]

    def trace(self) -> list[Operation]:
        """What was done, in order."""
        assert self.trace_path
        content = self.trace_path.read_bytes() if self.trace_path.exists() else b""
        operations, place = [], 0
        while place + ENTRY.size <= len(content):
            kind, flags, file, offset, path, other, data = ENTRY.unpack_from(content, place)
            place += ENTRY.size
            if place + path + other + data > len(content):
                break  # The process was killed while it wrote this.
            texts = content[place : place + path].decode(), content[place + path : place + path + other].decode()
            place += path + other
            operations.append(Operation(kind, flags, file, offset, *texts, content[place : place + data]))
            place += data
        return operations


@dataclass(frozen=True)
class Operation:
    kind: int
    flags: int
    file: int
    offset: int
    path: str
    other: str
    data: bytes = field(repr=False)


Choice = Callable[[int], int]
"""Of so many changes in a row, how many the disk has got."""


@dataclass
class File:
    """A file as the disk has it, and what only the kernel has so far: writes, and lengths, in order."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)

    def flush(self) -> None:
        for change in self.pending:
            apply(change, self.durable)
        self.pending.clear()

    def write_through(self, offset: int, data: bytes) -> None:
        """A durable write: it takes along whatever else waits for its pages, and the length."""
        touched = range(offset // PAGE, (offset + len(data) - 1) // PAGE + 1)
        rest: list[tuple[int, bytes] | int] = []
        for change in self.pending:
            for piece in [change] if isinstance(change, int) else pages(*change):
                if not isinstance(piece, int) and piece[0] // PAGE in touched:
                    apply(piece, self.durable)
                else:
                    rest.append(piece)
        self.pending = rest
        apply((offset, data), self.durable)

    def after_cut(self, choose: Choice) -> bytes:
        """What is found after a power cut: of every page some version that was written to it."""
        content = bytearray(self.durable)
        changes: list[tuple[int, bytes] | int] = []
        for change in self.pending:
            changes += [change] if isinstance(change, int) else pages(*change)
        versions: dict[int, int] = {}
        for change in changes:
            if not isinstance(change, int):
                versions[change[0] // PAGE] = versions.get(change[0] // PAGE, 0) + 1
        kept = {page: choose(count) for page, count in versions.items()}
        for change in changes:
            if isinstance(change, int):
                if choose(1):
                    apply(change, content)
            elif kept[change[0] // PAGE] > 0:
                kept[change[0] // PAGE] -= 1
                apply(change, content)
        return bytes(content)


def apply(change: tuple[int, bytes] | int, content: bytearray) -> None:
    if isinstance(change, int):
        content.extend(bytes(max(0, change - len(content))))
        del content[change:]
    else:
        offset, data = change
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


def pages(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """A write as pieces that lie in one page each: a disk writes no less in one step."""
    while data:
        size = min(len(data), PAGE - offset % PAGE)
        yield offset, data[:size]
        offset, data = offset + size, data[size:]


class PowerCut:
    """What the disk may hold when the power goes during a recorded run.

    Made before the run, it remembers what is there. Bytes of a file are safe once it was flushed or the write itself was
    durable; entries of a directory once the directory was flushed. Of everything else any page, and of each directory's changes
    any first part, may or may not be there. `lock.mdb` is shared memory and is not looked at.
    """

    def __init__(self, root: Path):
        self.root = root.resolve()
        self._files: dict[int, File] = {}
        self._directories = {str(self.root)}
        self._entries: dict[str, int] = {}
        self._number = 0
        self._numbers: dict[int, int] = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_dir():
                self._directories.add(str(path))
            elif path.name != "lock.mdb":
                self._number += 1
                self._numbers[path.stat().st_ino] = self._number
                self._entries[str(path)] = self._number
                self._files[self._number] = File(bytearray(path.read_bytes()))
        # What the kernel has of directories: changes that are not flushed, by directory, in order.
        self._pending: dict[str, list[Operation]] = {}

    def advance(self, operation: Operation) -> None:
        """Takes the next operation of the run into account."""
        if os.path.basename(operation.path) == "lock.mdb":
            return
        parent = os.path.dirname(operation.other or operation.path)
        if operation.kind == OPEN:
            if operation.flags & 1:
                # A number of a removed file may come again for another one.
                self._number += 1
                self._numbers[operation.file] = self._number
                self._files[self._number] = File()
                operation = replace(operation, file=self._number)
                self._pending.setdefault(parent, []).append(operation)
            elif operation.flags & 2:
                self._file(operation.file).pending.append(0)
        elif operation.kind == WRITE:
            file = self._file(operation.file)
            if operation.flags & 1:
                file.write_through(operation.offset, operation.data)
            else:
                file.pending.append((operation.offset, operation.data))
        elif operation.kind == TRUNCATE:
            self._file(operation.file).pending.append(operation.offset)
        elif operation.kind == SYNC and operation.flags & 1:
            for change in self._pending.pop(operation.path, []):
                self._enter(change, self._entries, self._directories)
        elif operation.kind == SYNC:
            self._file(operation.file).flush()
        else:
            self._pending.setdefault(parent, []).append(operation)

    def _file(self, inode: int) -> File:
        return self._files[self._numbers[inode]]

    @staticmethod
    def _enter(operation: Operation, entries: dict[str, int], directories: set[str]) -> None:
        path, other = operation.path, operation.other
        if operation.kind == OPEN:
            entries[path] = operation.file
        elif operation.kind == MKDIR:
            directories.add(path)
        elif operation.kind == RMDIR:
            directories.discard(path)
        elif operation.kind == UNLINK:
            entries.pop(path, None)
        elif operation.kind == RENAME and path in entries:
            entries[other] = entries.pop(path)
        elif operation.kind == RENAME:
            # A directory takes everything in it along.
            for name in [name for name in entries if name.startswith(path + "/")]:
                entries[other + name[len(path) :]] = entries.pop(name)
            for name in [name for name in directories if name == path or name.startswith(path + "/")]:
                directories.discard(name)
                directories.add(other + name[len(path) :])

    def write(self, target: Path, seed: int | str, keep: str = "some") -> None:
        """Writes what is left into `target`: of what was not flushed `some`, `all` or `none`."""
        numbers = random.Random(seed)
        choose = {
            "some": lambda count: numbers.randint(0, count),
            "all": lambda count: count,
            "none": lambda count: 0,
        }[keep]
        entries, directories = dict(self._entries), set(self._directories)
        for changes in self._pending.values():
            for operation in changes[: choose(len(changes))]:
                self._enter(operation, entries, directories)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path in sorted(directories):
            if self._is_reachable(path, directories):
                (target / os.path.relpath(path, self.root)).mkdir(parents=True, exist_ok=True)
        for path, number in sorted(entries.items()):
            if self._is_reachable(os.path.dirname(path), directories):
                content = self._files[number].after_cut(choose)
                (target / os.path.relpath(path, self.root)).write_bytes(content)

    def _is_reachable(self, path: str, directories: set[str]) -> bool:
        while path in directories:
            if path == str(self.root):
                return True
            path = os.path.dirname(path)
        return False

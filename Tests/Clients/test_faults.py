"""The instruments themselves: what `faults.py` says that it did must have happened."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

import faults
from faults import Faults, PowerCut

SCRIPT = """
import os, sys
os.chdir(sys.argv[1])
def flush(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
file = os.open("kept", os.O_RDWR | os.O_CREAT, 0o600)
os.write(file, b"1" * 8192)
os.fsync(file)
flush(".")
os.pwrite(file, b"2" * 8192, 0)
os.mkdir("inner")
other = os.open("inner/fresh", os.O_WRONLY | os.O_CREAT, 0o600)
os.write(other, b"3" * 100)
os.fsync(other)
os.rename("kept", "renamed")
if len(sys.argv) > 2:
    flush("inner")
    flush(".")
"""


def run(root: Path, instrument: Faults, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-I", "-c", SCRIPT, str(root), *arguments]
    return subprocess.run(command, env=instrument.environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_operations_are_counted_by_kind(root, tmp_path):
    instrument = Faults(root, tmp_path / "scratch")
    for kinds, expected in [(faults.WRITE, 3), (faults.SYNC, 3), (faults.RENAME, 1), (faults.CHANGES, 10)]:
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        instrument.count(kinds)
        assert run(root, instrument).returncode == 0
        assert instrument.counted == expected


def test_the_operation_that_was_ordered_fails(root, tmp_path):
    instrument = Faults(root, tmp_path / "scratch")
    instrument.order("fail", 2, error=errno.ENOSPC, kinds=faults.WRITE)
    result = run(root, instrument)
    assert "line 12" in result.stderr and "No space left" in result.stderr
    assert instrument.happened == 1
    assert (root / "kept").read_bytes() == b"1" * 8192


def test_a_process_is_killed_before_the_operation_or_within_it(root, tmp_path):
    instrument = Faults(root, tmp_path / "scratch")
    instrument.order("kill", 1, kinds=faults.RENAME)
    assert run(root, instrument).returncode == -9
    assert (root / "kept").exists() and (root / "inner/fresh").exists()
    (root / "inner/fresh").unlink(), (root / "inner").rmdir()
    instrument.order("torn", 2, kinds=faults.WRITE)
    assert run(root, instrument).returncode == -9
    assert (root / "kept").read_bytes() == b"2" * 4096 + b"1" * 4096


def cut(root: Path, tmp_path: Path, *arguments: str) -> PowerCut:
    instrument = Faults(root, tmp_path / "scratch", trace=True)
    power = PowerCut(root)
    assert run(root, instrument, *arguments).returncode == 0
    for operation in instrument.trace():
        power.advance(operation)
    return power


def content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_what_was_flushed_outlives_a_power_cut_and_nothing_else_need(root, tmp_path):
    power = cut(root, tmp_path)
    seen = set()
    for seed in range(60):
        power.write(tmp_path / "image", seed)
        found = content(tmp_path / "image")
        pages = found.get("kept", found.get("renamed"))
        assert len(pages) == 8192 and set(pages[:4096]) < set(b"12") and set(pages[4096:]) < set(b"12")
        assert found.get("inner/fresh", b"3" * 100) == b"3" * 100
        seen.add((pages[:1], pages[4096:4097], "renamed" in found, "inner/fresh" in found))
    assert len(seen) == 16, "two versions of two pages, renamed or not, the entry in inner there or not"
    power.write(tmp_path / "image", 0, keep="none")
    assert content(tmp_path / "image") == {"kept": b"1" * 8192}
    power.write(tmp_path / "image", 0, keep="all")
    assert content(tmp_path / "image") == content(root)


def test_what_was_flushed_is_there_after_any_cut(root, tmp_path):
    power = cut(root, tmp_path, "flushing directories")
    for seed in range(20):
        power.write(tmp_path / "image", seed)
        assert content(tmp_path / "image").keys() == {"renamed", "inner/fresh"}

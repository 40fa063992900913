"""The machine: what is installed, what it is, how fast its disk flushes, what its processes use."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
POSTGRES_PROGRAMS = Path("/usr/lib/postgresql")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PACKAGES = {
    "gcc": "gcc libc6-dev liblmdb-dev",
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "pgbench": "postgresql",
    "nginx": "nginx-light",
    "wrk": "wrk",
}


class Unusable(Exception):
    """The benchmark cannot go on; the message says why and what to do."""


def program(name: str) -> str | None:
    """Where a program lies; Debian keeps PostgreSQL's of each version apart and nginx where only root looks."""
    versions = sorted(POSTGRES_PROGRAMS.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    for directory in versions:
        if os.access(directory / name, os.X_OK):
            return str(directory / name)
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def install_missing(wanted: list[str], say) -> None:
    """Installs the Debian packages of programs that are not here."""
    packages = sorted({package for name in wanted if not program(name) for package in PACKAGES[name].split()})
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    command = [str(HERE / "install.sh"), *packages]
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise Unusable(f"these Debian packages are missing; install them as root: {' '.join(packages)}")
        command.insert(0, "sudo")
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise Unusable(f"apt-get could not install {' '.join(packages)}")
    for name in wanted:
        if not program(name):
            raise Unusable(f"{name} is still missing after the installation")


def description(directory: Path, quotalog: str) -> dict:
    """What the figures were taken on."""
    return {
        "processor": first_match(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": first_match(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text()),
        "file_system": output("findmnt", "-no", "FSTYPE,SOURCE,OPTIONS", "--target", str(directory)),
        "load_before": os.getloadavg()[0],
        "versions": versions() | {"quotalog": revision(quotalog)},
    }


def versions() -> dict[str, str]:
    asked = {"redis-server": "--version", "postgres": "--version", "nginx": "-v", "wrk": "-v", "gcc": "--version"}
    return {
        name: first_match(r"(\d+\.\d+[\w.]*)", output(program(name), option))
        for name, option in asked.items()
        if program(name)
    }


def revision(quotalog: str) -> str:
    """The commit of the checkout; the binary does not say what it was built from."""
    found = output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    return f"{found or 'unknown'}, built {time.strftime('%Y-%m-%d %H:%M', time.localtime(os.stat(quotalog).st_mtime))}"


def output(*command: str) -> str:
    """Everything that a command prints; nothing where it does not exist."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (result.stdout + result.stderr).strip()


def first_match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else "unknown"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def flushes_per_second(directory: Path, seconds: float) -> float:
    """Overwrites of one 4 KiB page with fdatasync: what this disk gives, the scale of every durable figure."""
    page = os.urandom(4096)
    path = directory / "flushes"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(file, page, 0)
        os.fsync(file)
        started, count = time.monotonic(), 0
        while (passed := time.monotonic() - started) < seconds:
            os.pwrite(file, page, 0)
            os.fdatasync(file)
            count += 1
        return count / passed
    finally:
        os.close(file)
        path.unlink()


def process_tree(pid: int) -> list[int]:
    """A process and everything below it that still runs: a server's workers come and go while one looks."""
    found, index = [pid], 0
    while index < len(found):
        tasks = f"/proc/{found[index]}/task"
        try:
            for task in os.listdir(tasks):
                found += map(int, Path(tasks, task, "children").read_text().split())
        except OSError:
            pass
        index += 1
    return found


def processor_seconds(pid: int) -> float:
    """What a server's processes have used so far, those included that have ended and were waited for."""
    ticks = 0
    for process in process_tree(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


def thread_seconds(pid: int) -> dict[str, tuple[float, float]]:
    """What each thread of one process has used by itself and in the kernel, by the thread's name."""
    found: dict[str, tuple[float, float]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        own, kernel = (int(ticks) / TICKS_PER_SECOND for ticks in fields[11:13])
        before = found.get(name, (0.0, 0.0))
        found[name] = (before[0] + own, before[1] + kernel)
    return found


def waited_seconds(pid: int) -> float:
    """How long the threads of one process were ready to run while others had the processors."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[1])
        except OSError:
            continue  # it has ended
    return nanoseconds / 1e9


def resident_bytes(pid: int) -> dict[str, int]:
    """Resident memory of one process: its own, shared, and pages of mapped files."""
    status = Path(f"/proc/{pid}/status").read_text()
    names = {"anonymous": "RssAnon", "shared": "RssShmem", "mapped_files": "RssFile"}
    return {name: int(first_match(rf"{field}:\s+(\d+) kB", status)) * 1024 for name, field in names.items()}

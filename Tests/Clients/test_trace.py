"""A real trace of model calls through the running service: its totals are the trace's own column sums, always.

QUOTALOG_TRACE names a CSV file with the columns TIMESTAMP, ContextTokens, GeneratedTokens; where it is not set only
the small sample beside these tests is used. The tool that makes events of a trace is the project's
`tools/trace-to-usage` (QUOTALOG_TRACE_TOOL names another copy).
"""

import csv
import json
import os
import pty
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contract import window_dates
from service import Service, Store

HERE = Path(__file__).parent
SAMPLE = HERE.parent.parent / "Fixtures" / "trace-sample.csv"
REAL = os.environ.get("QUOTALOG_TRACE", "")
TRACES = [pytest.param(SAMPLE, id="sample"), *([pytest.param(Path(REAL), id="real")] if os.path.exists(REAL) else [])]
USERS = 7
LINES_PER_REQUEST = 500


def tool() -> Path:
    candidates = [
        os.environ.get("QUOTALOG_TRACE_TOOL"),
        *(folder / "tools" / "trace-to-usage" for folder in (HERE, *HERE.parents)),
    ]
    found = next((Path(each) for each in candidates if each and Path(each).is_file()), None)
    assert found, "tools/trace-to-usage is missing"
    return found


def convert(*arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, str(tool()), *arguments]
    return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60)


def usage_events(trace: Path, *options: str) -> list[str]:
    done = convert(str(trace), "--users", str(USERS), *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def sample_rows():
    """The rule by which the sample was made."""
    state = 2023

    def draw(bound: int) -> int:
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return (state >> 8) % bound

    ticks = 0
    for _ in range(200):
        ticks += draw(250) * 1_000_000 + draw(1_000_000)
        moment = datetime(2023, 12, 31, 23, 40) + timedelta(seconds=ticks // 10**7)
        yield f"{moment:%Y-%m-%d %H:%M:%S}.{ticks % 10**7:07d}", draw(4096), draw(1024)


def totals_by_day(trace: Path) -> Counter:
    """The column sums of the CSV itself, by UTC date."""
    totals: Counter = Counter()
    with trace.open(newline="") as rows:
        for row in csv.DictReader(rows):
            totals[row["TIMESTAMP"][:10]] += int(row["ContextTokens"]) + int(row["GeneratedTokens"])
    return totals


def served_totals(service: Service, days, period: str = "daily") -> dict[str, int]:
    """The sum over all users of their windows that hold each day."""
    names = [f"trace-{number}" for number in range(1, USERS + 1)]

    def used(name: str, day: str) -> int:
        return service.admin.get(f"/v1/users/{name}/usage?date={day}").json["windows"][period]["used"]

    return {day: sum(used(name, day) for name in names) for day in days}


def test_the_sample_follows_its_rule():
    with SAMPLE.open(newline="") as rows:
        assert list(csv.reader(rows))[1:] == [
            [time, str(context), str(generated)] for time, context, generated in sample_rows()
        ]


@pytest.mark.parametrize("trace", TRACES)
def test_every_token_of_a_trace_is_counted_live_restarted_rebuilt_and_imported(start, tmp_path, trace):
    service = start()
    for number in range(1, USERS + 1):
        assert service.admin.post("/v1/users", {"name": f"trace-{number}"}).status == 201
    lines = usage_events(trace)
    for status in (201, 200):
        for first in range(0, len(lines), LINES_PER_REQUEST):
            body = "\n".join(lines[first : first + LINES_PER_REQUEST]).encode()
            answer = service.gateway.client.post("/v1/usage", body, Content_Type="application/jsonl")
            assert answer.status == 200
            assert {result["status"] for result in answer.json["results"]} == {status}

    expected = totals_by_day(trace)
    months = Counter()
    for day, tokens in expected.items():
        months[day[:7]] += tokens
    first_days = {f"{month}-01": tokens for month, tokens in months.items()}

    def check(service: Service) -> None:
        assert served_totals(service, expected) == expected
        assert served_totals(service, first_days, "monthly") == first_days

    check(service)
    service.restart()
    check(service)
    assert service.server.stop() == 0
    service.store.run("rebuild")
    service.resume()
    check(service)
    assert service.server.stop() == 0
    exported = service.store.run("export").stdout
    assert exported.count('"tokens_spent"') == len(lines)
    copy = Store(tmp_path / "copy", admin=service.store.admin)
    copy.run("import", "-", input=exported)
    assert copy.run("export").stdout == exported
    assert copy.run("verify").returncode == 0
    days_of_copy = {
        day: sum(
            copy.read("usage", f"trace-{number}", "--date", day)["windows"]["daily"]["used"]
            for number in range(1, USERS + 1)
        )
        for day in expected
    }
    assert days_of_copy == expected


def test_the_sample_crosses_a_day_a_week_a_month_and_a_year():
    days = [datetime.fromisoformat(day).date() for day in totals_by_day(SAMPLE)]
    assert len(days) == 2
    old, new = (window_dates(day) for day in days)
    assert all(old[period] != new[period] for period in old)


@pytest.mark.parametrize("trace", TRACES)
def test_rows_are_dealt_in_turn_and_ids_sort_by_time(trace):
    events = [json.loads(line) for line in usage_events(trace)]
    assert [event["user"] for event in events] == [f"trace-{number % USERS + 1}" for number in range(len(events))]
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids)
    by_time = sorted(range(len(events)), key=lambda number: (events[number]["time"][:23], number))
    assert [id[:13] for id in sorted(ids)] == [ids[number][:13] for number in by_time]
    assert usage_events(trace) == [json.dumps(event, separators=(",", ":")) for event in events]


@pytest.mark.parametrize("shift, first", [
    ("1d", "2024-01-01T23:40"), ("-12h", "2023-12-31T11:40"), ("+60m", "2024-01-01T00:40"), ("-1200s", "2023-12-31T23:20"),
])  # fmt: skip
def test_a_trace_can_be_moved_in_time(shift, first):
    plain, moved = usage_events(SAMPLE), usage_events(SAMPLE, f"--time-shift={shift}")
    assert json.loads(moved[0])["time"].startswith(first)
    assert not {json.loads(line)["id"] for line in plain} & {json.loads(line)["id"] for line in moved}


HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
GOOD = "2023-11-16 18:15:46.6805900,374,44\n"


@pytest.mark.parametrize("text, complaint", [
    ("", ":1: the columns are ''"),
    ("a,b,c\n", ":1: the columns are 'a,b,c'"),
    (HEADER + "2023-11-16 18:15:46,374\n", ":2: 2 fields, expected 3"),
    (HEADER + GOOD + "yesterday,1,2\n", ":3: TIMESTAMP is 'yesterday'"),
    (HEADER + "2023-02-30 00:00:00,1,2\n", ":2: TIMESTAMP '2023-02-30 00:00:00' does not exist"),
    (HEADER + "2023-11-16 18:15:46,-1,2\n", ":2: ContextTokens is '-1'"),
    (HEADER + "2023-11-16 18:15:46,1,2.5\n", ":2: GeneratedTokens is '2.5'"),
    (HEADER + "2023-11-16 18:15:46,1,\n", ":2: GeneratedTokens is ''"),
    (HEADER + "2023-11-16 18:15:46,9007199254740992,1\n", ":2: ContextTokens is '9007199254740992'"),
    (HEADER + "0001-01-01 00:00:00,1,2\n", ":2: the time lies before 1970"),
    (HEADER + '"2023\n', ":2: "),
])  # fmt: skip
def test_a_bad_trace_is_refused_with_its_line(text, complaint):
    refused = convert("-", "--users", "2", input=text)
    assert refused.returncode == 65
    assert refused.stderr.startswith("trace-to-usage: standard input" + complaint)
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments, code", [
    (["missing.csv", "--users", "2"], 66), (["-"], 64), (["-", "--users", "0"], 64), (["-", "--users", "many"], 64),
    (["-", "--users", "2", "--time-shift", "soon"], 64), ([], 64),
])  # fmt: skip
def test_a_bad_call_of_the_tool_is_refused(arguments, code):
    refused = convert(*arguments)
    assert refused.returncode == code
    assert refused.stderr.startswith("trace-to-usage: ") and refused.stderr.count("\n") == 1


def test_a_shift_beyond_the_calendar_is_refused_with_the_line():
    refused = convert(str(SAMPLE), "--users", "2", "--time-shift", "999999999d")
    assert refused.returncode == 65
    assert ":2: the shifted time leaves the years 1 to 9999" in refused.stderr


def test_progress_is_shown_on_a_terminal_only():
    reader, terminal = pty.openpty()
    try:
        command = [sys.executable, str(tool()), str(SAMPLE), "--users", "2"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True, timeout=60)
        assert os.read(reader, 100) == b"200 rows\r\n"
    finally:
        os.close(reader)
        os.close(terminal)

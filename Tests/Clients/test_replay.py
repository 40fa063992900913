"""`quotalog replay`: history for people and for programs, on a store at rest and beside a running service."""

import json
import os
import pty
import re
import subprocess

import pytest

from service import binary, until
from sessions import Session
from test_command_line import BAD_DATA, USAGE_ERROR, complains


@pytest.fixture(scope="module")
def told(start_shared):
    """A service with a history over three days, its person, and a session of another one."""
    service = start_shared(at="2026-11-20 12:00:00")
    person = service.register()
    other = service.register()
    service.set_defaults(1000, -1, -1)
    service.spend(person, 10)
    service.spend(person, 20)
    session = Session.begin(other.client, 2.5)
    session.spend(1)
    service.clock.set("2026-11-21 09:00:00")
    service.set_limits(person, 50, None, 500)
    service.spend(person, 5, time="2026-11-20T18:00:00Z")
    service.spend(person, 60)
    session.spend(2)
    service.clock.set("2026-11-22 09:00:00")
    service.spend(person, 1)
    return service, person, session


def replay(store, *options: str) -> list[dict]:
    return [json.loads(line) for line in store.run("replay", "--json", *options).stdout.splitlines()]


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


def test_json_lines_are_what_http_says_and_what_an_export_says(told):
    service, _, _ = told
    events = service.events()
    assert replay(service.store) == events
    exported = service.store.run("export", "--without-names").stdout
    assert service.store.run("replay", "--json").stdout == exported


def test_filters_and_ends_choose(told):
    service, person, session = told
    events = service.events()
    mine = [event for event in events if event.get("user") == person.uuid]
    assert replay(service.store, "--user", person.name) == mine
    assert replay(service.store, "--user", person.uuid, "--type", "tokens_spent") == [
        event for event in mine if event["type"] == "tokens_spent"
    ]
    two = ("tokens_spent", "limits_changed")
    assert replay(service.store, "--type", two[0], "--type", two[1]) == [event for event in events if event["type"] in two]
    assert replay(service.store, "--session", session.id) == service.events(session=session.id)
    assert replay(service.store, "--from", "3", "--to", "6") == events[2:6]
    assert replay(service.store, "--user", person.name, "--limit", "2") == mine[:2]
    assert replay(service.store, "--from", "3", "--limit", "1") == events[2:3]


@pytest.mark.parametrize("first", ["2026-11-21", "2026-11-21T09:00:00Z", "2026-11-21T10:00:00+01:00"])
@pytest.mark.parametrize("last", ["2026-11-21", "2026-11-21T09:00:00.5Z"])
def test_a_moment_means_when_it_was_recorded(told, first, last):
    service, _, _ = told
    day = [event for event in service.events() if event["recorded_at"].startswith("2026-11-21")]
    assert replay(service.store, "--from", first, "--to", last) == day
    assert any(event["happened_at"].startswith("2026-11-20") for event in day)


def test_a_day_is_one_of_the_stores_calendar(start):
    service = start("--time-zone", "Europe/Tallinn", at="2026-11-20 21:59:59")
    person = service.user
    before = service.spend(person, 1)["position"]
    service.clock.set("2026-11-20 22:00:00")
    after = service.spend(person, 1)["position"]
    assert [event["position"] for event in replay(service.store, "--from", "2026-11-21", "--user", person.name)] == [after]
    last = replay(service.store, "--to", "2026-11-20", "--user", person.name)[-1]
    assert last["position"] == before
    text = service.store.run("replay", "--user", person.name).stdout
    assert text.index("2026-11-20, friday") < text.index("2026-11-21, saturday")


def test_a_person_sees_how_a_users_number_came_about(told):
    service, person, _ = told
    text = plain(service.store.run("replay", "--user", person.name).stdout)
    lines = text.splitlines()
    assert lines[0] == "── 2026-11-20, friday ──"
    totals = [line.partition("→ daily")[2] for line in lines if " tokens_spent " in line]
    assert totals == [
        " 10 of 1 000, weekly 10 (no limit), monthly 10 (no limit)",
        " 30 of 1 000, weekly 30 (no limit), monthly 30 (no limit)",
        # Late usage reaches the window of the day that it happened on.
        " 35 of 50, weekly 35 (no limit), monthly 35 of 500",
        " 60 of 50, weekly 95 (no limit), monthly 95 of 500",
        " 1 of 50, weekly 96 (no limit), monthly 96 of 500",
    ]
    assert re.fullmatch(r"\d+ events, 96 tokens, positions \d+ to \d+", lines[-1])
    assert service.used(person) == (1, 96, 96)


def test_totals_begin_before_what_is_shown(told):
    service, person, _ = told
    text = plain(service.store.run("replay", "--user", person.name, "--from", "2026-11-22", "--type", "tokens_spent").stdout)
    assert "→ daily 1 of 50, weekly 96 (no limit), monthly 96 of 500" in text
    assert text.count("→") == 1 and "1 event, 1 tokens" in text


def test_a_person_sees_how_a_sessions_number_came_about(told):
    service, _, session = told
    text = service.store.run("replay", "--session", session.id, "--type", "session_usage_recorded").stdout
    assert re.findall(r"→ (.*)", text) == ["1 credits of 2.5", "3 credits of 2.5"]


def test_a_deleted_session_is_found_by_its_number(start):
    service = start()
    session = Session.begin(service.gateway.client, 2.5, session_id="gone")
    session.spend(1)
    number = str(service.events(session="gone")[0]["position"])
    assert session.ask("DELETE").status in (200, 204)
    Session.begin(service.gateway.client, 2.5, session_id="gone")
    told = replay(service.store, "--session", number)
    assert [event["type"] for event in told][:1] == ["session_started"]
    assert told[-1]["type"] == "session_deleted"
    assert len(replay(service.store, "--session", "gone")) == 1
    assert service.events(session=number) == told


def test_holds_are_shown_while_they_are_open(service, person):
    held = service.gateway.client.post("/v1/holds", {"id": f"h-{person.uuid}", "user": person.uuid, "estimate": 70})
    assert held.status == 201, held.gist
    hold = held.json["hold"]
    settled = service.gateway.client.post(f"/v1/holds/{hold}/settle", {"id": f"s-{person.uuid}", "tokens": 7})
    assert settled.status in (200, 201), settled.gist
    lines = service.store.run("replay", "--user", person.uuid).stdout.splitlines()
    assert ["70 held" in line for line in lines if "hold" in line or "held" in line] == [True, False]
    assert "daily 7 (no limit)" in next(line for line in lines if "hold_settled" in line)


def test_it_says_the_same_beside_a_server_and_without_one(start):
    service = start()
    person = service.user
    for number in range(30):
        service.spend(person, number + 1)
    asked = [("replay", "--json"), ("replay", "--user", person.name), ("replay",), ("replay", "--user", person.name, "--json")]
    beside = [service.store.run(*words).stdout for words in asked]
    assert service.server.stop() == 0
    assert [service.store.run(*words).stdout for words in asked] == beside


def test_nothing_is_said_to_be_nothing(told):
    service, _, _ = told
    assert service.store.run("replay", "--to", "2020-01-01").stdout == "no events\n"
    assert service.store.run("replay", "--from", "999999").stdout == "no events\n"
    assert service.store.run("replay", "--from", "6", "--to", "5").stdout == "no events\n"
    assert service.store.run("replay", "--from", "6", "--to", "5", "--json").stdout == ""


@pytest.mark.parametrize(
    "options, code",
    [
        (("--from", "x"), USAGE_ERROR), (("--to", "2026-13-01"), USAGE_ERROR), (("--from", "-1"), USAGE_ERROR),
        (("--to", "9" * 30), USAGE_ERROR), (("--from", "2026-11-20T25:00:00Z"), USAGE_ERROR), (("--from", ""), USAGE_ERROR),
        (("--type", "nonsense"), USAGE_ERROR), (("--limit", "0"), USAGE_ERROR), (("--limit", "x"), USAGE_ERROR),
        (("--from", "1", "--from", "2"), USAGE_ERROR), (("word",), USAGE_ERROR),
        (("--user", "nobody"), BAD_DATA), (("--session", "nobody"), BAD_DATA), (("--session", "99999"), BAD_DATA),
    ],
)  # fmt: skip
def test_a_bad_question_is_one_sentence(told, options, code):
    assert complains(told[0].store.try_run("replay", *options), code)


def test_a_terminal_gets_colours_and_a_file_none(told):
    service, person, _ = told
    words = [binary(), "replay", "--user", person.name, "--data", str(service.store.path)]
    mine, theirs = pty.openpty()
    process = subprocess.Popen(words, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(mine, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(mine)
    assert process.wait(20) == 0
    assert b"\x1b[32m" in shown and b"\x1b[31m" in shown
    assert "\x1b" not in service.store.run("replay", "--user", person.name).stdout


def test_a_reader_that_goes_away_ends_it_quietly(told):
    service, _, _ = told
    words = [binary(), "replay", "--json", "--data", str(service.store.path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_is_told(told):
    service, _, _ = told
    with open("/dev/full", "wb") as full:
        words = [binary(), "replay", "--json", "--data", str(service.store.path)]
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert ended.returncode == 74 and ended.stderr.count(b"\n") == 1

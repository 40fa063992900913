"""Section 9 of the chat-quota contract: the ten defects of the original, with the numbers of its table."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPException

import pytest

import contract
from contract import LARGEST_LIMIT, LIMITS, PERIODS, TOO_LARGE, USAGE, exceeded
from service import run, until
from spellings import spelled
from test_admission import ask, hold, settle

INT64_MAX = 2**63 - 1


def together(*calls):
    """Runs the calls at the same moment, each on a thread of its own, and returns their results."""
    start = threading.Barrier(len(calls))

    def run_one(call):
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run_one, calls))


def test_1_recordings_beside_a_loop_of_set_quota_are_all_counted(service, person):
    done = threading.Event()

    def record():
        for _ in range(90):
            service.spend(person, 10)

    def set_limits():
        rounds = 0
        while not done.is_set() or rounds < 50:
            service.set_limits(person, 100_000 + rounds, None, 500_000)
            rounds += 1

    with ThreadPoolExecutor(6) as pool:
        setter = pool.submit(set_limits)
        recorders = [pool.submit(record) for _ in range(5)]
        try:
            for recorder in recorders:
                recorder.result()
        finally:
            done.set()
        setter.result()
    assert service.used(person) == (4500, 4500, 4500)


def test_1_two_admins_setting_different_limits_at_once_both_prevail(service, person):
    path = f"/v1/users/{person.uuid}/limits"
    for number in range(30):
        together(
            partial(service.staff.client.ask, "PATCH", path, {"daily_limit": number}),
            partial(service.support.client.ask, "PATCH", path, {"weekly_limit": 1000 + number}),
        )
        assert service.limits(person) == (number, 1000 + number, None)


def test_2_of_four_parallel_calls_exactly_one_fits(service):
    for _ in range(100):
        person = service.register()
        service.set_limits(person, 100, None, None)
        answers = together(*[partial(hold, service, person, 60)] * 4)
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
        for answer in answers:
            if answer.status == 201:
                assert settle(service, answer, 60).status in (200, 201)
            else:
                assert answer.json["detail"] == exceeded("daily")
        assert service.used(person) == (60, 60, 60)


def test_3_a_read_rolls_over_by_itself(start):
    service = start(at="2026-11-20 12:00:00")
    person = service.register()
    service.set_limits(person, 1000, None, 500)
    service.spend(person, 500)
    service.clock.set("2026-11-20 23:59:59.999999")
    before = service.usage(person)
    position = service.position
    service.clock.set("2026-11-21 00:00:00")
    after = service.usage(person)
    assert service.position == position
    assert [before[f"daily_{member}"] for member in ("usage", "remaining", "reset_at")] == [
        500,
        500,
        "2026-11-21T00:00:00+00:00",
    ]
    assert [after[f"daily_{member}"] for member in ("usage", "remaining", "reset_at")] == [
        0,
        1000,
        "2026-11-22T00:00:00+00:00",
    ]
    assert ask(service, person).json["detail"] == exceeded("monthly")
    assert service.usage(person) == after


# the moment before, the moment after, and the windows that change between the two
EDGES = [
    ("2026-11-20 23:59:59.5", "2026-11-21 00:00:00.5", {"daily"}),
    ("2026-11-22 23:59:59.5", "2026-11-23 00:00:00.5", {"daily", "weekly"}),
    ("2026-12-31 23:59:59.5", "2027-01-01 00:00:00.5", {"daily", "monthly"}),
    ("2026-11-29 23:59:59.5", "2026-12-01 00:00:00.5", {"daily", "weekly", "monthly"}),
]


@pytest.mark.parametrize("before, after, changing", EDGES)
def test_4_a_call_across_an_edge_counts_where_it_ended(start, before, after, changing):
    service = start(at=before)
    person = service.register()
    service.spend(person, 7)
    held = hold(service, person, 2000)
    service.clock.set(after)
    assert settle(service, held, 1000).status in (200, 201)
    service.spend(person, 1)
    expected = {period: 1001 if period in changing else 1008 for period in PERIODS}
    assert service.used(person) == tuple(expected.values())
    old, new = (service.windows(person, moment[:10]) for moment in (before, after))
    for period in PERIODS:
        assert new[period]["used"] == expected[period]
        assert old[period]["used"] == (7 if period in changing else 1008)


@pytest.mark.parametrize("limit", [2**31, LARGEST_LIMIT])
def test_5_large_limits_read_back_equal(service, person, limit):
    service.set_limits(person, limit, limit, limit)
    assert service.limits(person) == (limit, limit, limit)


def test_5_beyond_the_largest_limit_is_a_field_error(service, person):
    body = {"user_uuid": person.uuid} | dict.fromkeys(LIMITS, LARGEST_LIMIT + 1)
    assert service.staff.client.set_quota(body).gist == (400, contract.fields(dict.fromkeys(LIMITS, TOO_LARGE)))


def test_5_usage_goes_on_counting_beyond_31_bits(service, person):
    service.spend(person, 2147483640)
    service.spend(person, 100)
    assert service.used(person) == (2147483740,) * 3


def test_5_usage_beyond_63_bits_is_refused_loudly_and_never_wrapped(service, person):
    """1024 records of 2^53-1 fit into 63 bits, the next one does not."""
    records = [
        {"id": f"{person.uuid}-{number}", "user": person.uuid, "tokens": LARGEST_LIMIT} for number in range(1100)
    ]
    results = []
    for first in range(0, len(records), 100):
        answer = service.gateway.client.post("/v1/usage", records[first : first + 100])
        assert answer.status in (200, 207)
        results += answer.json["results"]
    recorded = sum(result["status"] == 201 for result in results)
    assert all(400 <= result["status"] < 500 for result in results if result["status"] != 201)
    assert recorded == 1024
    assert service.used(person) == (1024 * LARGEST_LIMIT,) * 3
    assert 400 <= service.try_spend(person, LARGEST_LIMIT).status < 500
    room = INT64_MAX - 1024 * LARGEST_LIMIT
    service.spend(person, room)
    assert service.used(person) == (INT64_MAX,) * 3
    assert 400 <= service.try_spend(person, 1).status < 500
    assert service.used(person) == (INT64_MAX,) * 3


def test_5_held_tokens_never_wrap_either(service, person):
    held = hold(service, person, INT64_MAX)
    assert held.status == 201
    assert 400 <= hold(service, person, INT64_MAX).status < 500
    assert service.windows(person)["daily"]["reserved"] == INT64_MAX
    service.set_limits(person, LARGEST_LIMIT, 0, -1)
    assert ask(service, person, INT64_MAX).json["detail"] == exceeded("daily")
    assert settle(service, held, INT64_MAX).status == 400
    assert settle(service, held, LARGEST_LIMIT).status in (200, 201)
    assert ask(service, person, INT64_MAX).status == 409
    assert service.used(person) == (LARGEST_LIMIT,) * 3


def test_6_nothing_acknowledged_is_lost_and_a_retry_doubles_nothing(start):
    service = start()
    person = service.register()
    shares = [[f"{writer}-{number}" for number in range(125)] for writer in range(8)]
    receipts: dict[str, dict] = {}
    enough = threading.Event()

    def write(ids):
        for id in ids:
            try:
                receipts[id] = service.spend(person, 10, id=id)
            except (OSError, HTTPException):
                return
            if len(receipts) >= 400:
                enough.set()

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, ids) for ids in shares]
        assert enough.wait(60)
        service.server.kill()
        for writer in writers:
            writer.result()
    assert 400 <= len(receipts) < 1000, "the kill came in between"

    service.resume()
    acknowledged = dict(receipts)
    assert service.used(person)[0] >= 10 * len(acknowledged)
    for id in (id for ids in shares for id in ids):
        answer = service.try_spend(person, 10, id=id)
        if id in acknowledged:
            assert answer.status == 200
            assert answer.json == acknowledged[id] | {"replayed": True}
        else:
            assert answer.status in (200, 201)
    assert service.used(person) == (10_000, 10_000, 10_000)


def test_6_a_record_that_fails_is_an_error_to_its_sender(service, person):
    assert service.try_spend(person, -100).status == 400
    assert service.used(person) == (0, 0, 0)


def test_7_every_change_of_a_limit_stays_in_the_history(clocked):
    person, first, second = clocked.register(), clocked.staff, clocked.support
    steps = [(first, 100), (second, 500), (first, None)]
    for hour, (admin, limit) in enumerate(steps, 13):
        clocked.clock.set(f"2026-11-20 {hour}:00:00")
        assert admin.client.set_quota({"user_uuid": person.uuid, "daily_limit": limit}).status == 200
    events = clocked.events(user=person.uuid, type="limits_changed")
    assert [event["changes"] for event in events] == [
        [{"period": "daily", "old": old, "new": new}] for old, new in ((None, 100), (100, 500), (500, None))
    ]
    assert [event["actor"]["user"] for event in events] == [first.uuid, second.uuid, first.uuid]
    assert [event["recorded_at"][:16] for event in events] == [f"2026-11-20T{hour}:00" for hour in (13, 14, 15)]
    assert {event["user"] for event in events} == {person.uuid}


def test_7_past_windows_can_still_be_asked(clocked):
    person = clocked.register()
    spends = {"2026-11-20": 5, "2026-11-19": 7, "2026-11-12": 11, "2026-10-31": 13}
    for day, tokens in spends.items():
        clocked.spend(person, tokens, time=f"{day}T08:00:00Z")
    expected = {
        "2026-11-20": (5, 12, 23),
        "2026-11-12": (11, 11, 23),
        "2026-10-31": (13, 13, 13),
        "2026-10-01": (0, 0, 13),
    }
    for day, used in expected.items():
        windows = clocked.windows(person, day)
        assert tuple(windows[period]["used"] for period in PERIODS) == used, day


BAD_DEFAULTS = ["abc", "-2", "-5", "1.5", "", "9007199254740992", "1e3x", "true"]


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("value", BAD_DEFAULTS)
def test_8_a_bad_default_is_refused_at_start_and_named(store, period, value):
    refused = run("serve", "--data", str(store.path), "--listen", "127.0.0.1:0", f"--default-{period}={value}")
    assert refused.returncode == 64
    assert refused.stderr.startswith("quotalog: ") and period in refused.stderr


@pytest.mark.parametrize("value", [-2, LARGEST_LIMIT + 1, 2**64, 1.5, "abc", True, None, [], ...])
@pytest.mark.parametrize("member", LIMITS)
def test_8_a_bad_default_is_refused_at_the_change_and_the_former_stays(service, member, value):
    service.set_defaults(10, 20, 30)
    body = contract.limit_members(1, 2, 3) | {member: value}
    body = {name: limit for name, limit in body.items() if limit is not ...}
    refused = service.admin.ask("PUT", "/v1/defaults", body)
    assert refused.status == 400
    assert service.admin.get("/v1/defaults").json.items() >= contract.limit_members(10, 20, 30).items()
    usage = service.usage(service.user)
    assert [usage[f"{period}_system_default"] for period in PERIODS] == [10, 20, 30]


def test_8_good_defaults_at_start_become_effective(start):
    service = start("--default-daily", "10000", "--default-weekly", "-1", "--default-monthly", str(LARGEST_LIMIT))
    usage = service.usage(service.user)
    assert [usage[f"{period}_system_default"] for period in PERIODS] == [10000, -1, LARGEST_LIMIT]
    assert [usage[f"{period}_remaining"] for period in PERIODS] == [10000, None, LARGEST_LIMIT]


def test_9_five_spellings_of_ones_own_uuid_give_the_same_body(service):
    templates = ["{hex}", "{dashed}", "{HEX}", "%7B{dashed}%7D", "urn:uuid:{dashed}"]
    answers = {
        service.user.client.get(f"{USAGE}?user_uuid={spelled(each, service.user.uuid)}").gist for each in templates
    }
    assert len(answers) == 1 and answers.pop()[0] == 200


def test_10_a_thousand_reads_of_a_hundred_users_write_nothing(start):
    service = start()
    users = [service.register() for _ in range(100)]
    position = service.position
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda user: user.client.get(USAGE).status, users * 10))
    assert statuses == [200] * 1000
    assert service.position == position


def test_10_the_three_reset_times_agree_across_midnight(start):
    """Readers race with two hundred midnights; an answer from two clock readings would mix two days."""
    days = [datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(200)]
    service = start(at=f"{days[0]:%Y-%m-%d %H:%M:%S}")
    user = service.user
    seen: list[bytes] = []
    over = threading.Event()

    def read_on():
        while not over.is_set():
            seen.append(user.client.get(USAGE).body)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_on) for _ in range(2)]
        try:
            for day in days:
                reads = len(seen)
                service.clock.set(f"{day:%Y-%m-%d %H:%M:%S}")
                until(lambda: len(seen) > reads or readers[0].done(), "another read")  # noqa: B023
        finally:
            over.set()
        for reader in readers:
            reader.result()
    assert set(seen) <= {contract.usage_document(contract.resets(day)) for day in days}
    assert len(set(seen)) > 150

"""Section 10 of the chat-quota contract: upstream's own tests, driven from outside.

Each test is named after its example; what another file shows with more rows is only pointed at here:
reset times in test_calendar, roles and targets in test_reading_usage and test_set_quota_bodies.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract import (
    LIMITS,
    NO_PERMISSION,
    ONLY_OWN_USAGE,
    PERIODS,
    TOO_SMALL,
    USAGE,
    USER_NOT_FOUND,
    exceeded,
    fields,
    limit_members,
)
from service import compact, run
from test_admission import ask

# Noon of Friday 2026-11-20 is "now"; these moments lie before it.
YESTERDAY = "2026-11-19T09:00:00Z"
EIGHT_DAYS_AGO = "2026-11-12T09:00:00Z"
THIRTY_TWO_DAYS_AGO = "2026-10-19T09:00:00Z"
FORTY_DAYS_AGO = "2026-10-11T09:00:00Z"
DEFAULTS = (10_000, 50_000, 100_000)


@pytest.fixture
def newcomer(standing):
    """First contact: a user of the directory without events, under the initial defaults."""
    standing.set_defaults(-1, -1, -1)
    return standing.register()


@pytest.fixture
def bounded(standing):
    """First contact under defaults of 10000, 50000 and 100000."""
    standing.set_defaults(*DEFAULTS)
    return standing.register()


def column(document: dict, member: str) -> tuple:
    return tuple(document[f"{period}_{member}"] for period in PERIODS)


def test_first_contact_shows_zero_usage_and_a_second_one_the_same_account(standing, newcomer):
    first, second = (newcomer.client.get(USAGE).json for _ in range(2))
    assert column(first, "usage") == (0, 0, 0)
    assert first == second


def test_five_parallel_first_contacts_meet_one_account(standing, newcomer):
    start = threading.Barrier(5)

    def contact(number):
        start.wait()
        standing.spend(newcomer, 10**number)
        return newcomer.client.get(USAGE).status

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(contact, range(5))) == [200] * 5
    assert standing.used(newcomer) == (11111,) * 3
    assert standing.admin.get("/v1/users").body.count(newcomer.name.encode()) == 1


def test_system_defaults_apply_where_the_user_has_no_limits(standing, bounded):
    document = standing.usage(bounded)
    assert column(document, "limit") == (None, None, None)
    assert column(document, "remaining") == column(document, "system_default") == DEFAULTS


def test_own_limits_win_over_the_defaults_which_stay_visible(standing, bounded):
    standing.set_limits(bounded, 5000, 25000, 60000)
    document = standing.usage(bounded)
    assert column(document, "limit") == column(document, "remaining") == (5000, 25000, 60000)
    assert column(document, "system_default") == DEFAULTS


def test_a_default_of_minus_one_is_unlimited_in_each_period(standing, newcomer):
    document = standing.usage(newcomer)
    assert column(document, "system_default") == (-1, -1, -1)
    assert column(document, "remaining") == (None, None, None)


def test_an_own_minus_one_overrides_a_default(standing, bounded):
    standing.set_limits(bounded, -1, None, None)
    standing.spend(bounded, 20_000)
    assert column(standing.usage(bounded), "remaining") == (None, 30_000, 80_000)
    assert ask(standing, bounded).status == 200


@pytest.mark.parametrize("option", ["hourly_limit", "daily"])
def test_an_unknown_period_is_an_error(standing, bounded, option):
    answer = standing.admin.ask("PUT", "/v1/defaults", {"daily_limit": 1, "weekly_limit": 2, option: 3})
    assert answer.status == 400


def test_an_unknown_period_is_an_error_on_the_command_line(store):
    refused = run("limits", "set", "admin", "--hourly", "5", "--data", str(store.path))
    assert refused.returncode == 64


@pytest.mark.parametrize("limit", [None, -1, 0, 100, 999999])
def test_these_limits_are_fine(standing, newcomer, limit):
    standing.set_limits(newcomer, limit, limit, limit)
    assert standing.limits(newcomer) == (limit, limit, limit)


# when, how much, and what day, week and month show at noon of 2026-11-20
OLDER_USAGE = [
    (YESTERDAY, 5000, (0, 5000, 5000)),
    ("2026-11-20T00:00:00Z", 5000, (5000, 5000, 5000)),
    (EIGHT_DAYS_AGO, 20000, (0, 0, 20000)),
    (THIRTY_TWO_DAYS_AGO, 80000, (0, 0, 0)),
    (FORTY_DAYS_AGO, 1, (0, 0, 0)),
]


@pytest.mark.parametrize("time, tokens, used", OLDER_USAGE)
def test_usage_of_past_periods_reads_as_zero_and_of_current_ones_stays(standing, newcomer, time, tokens, used):
    standing.spend(newcomer, tokens, time=time)
    assert standing.used(newcomer) == used
    assert standing.used(newcomer) == used


def test_after_forty_days_all_three_read_zero_at_once(clocked):
    clocked.spend(clocked.user, 5000)
    assert clocked.used(clocked.user) == (5000, 5000, 5000)
    clocked.clock.set("2026-12-30 12:00:00")
    assert [clocked.used(clocked.user) for _ in range(2)] == [(0, 0, 0)] * 2


def test_yesterdays_usage_leaves_the_day_only(clocked):
    clocked.spend(clocked.user, 9000)
    clocked.clock.set("2026-11-21 12:00:00")
    clocked.spend(clocked.user, 500)
    assert clocked.used(clocked.user) == (500, 9500, 9500)


@pytest.mark.parametrize("amounts", [(1000,), (500, 300, 200)])
def test_usage_adds_up_in_all_periods(standing, newcomer, amounts):
    for tokens in amounts:
        standing.spend(newcomer, tokens)
    assert standing.used(newcomer) == (1000, 1000, 1000)


def test_negative_tokens_are_an_error_and_change_nothing(standing, newcomer):
    standing.spend(newcomer, 50)
    position = standing.position
    assert standing.try_spend(newcomer, -100).status == 400
    assert standing.used(newcomer) == (50, 50, 50)
    assert standing.position == position


@pytest.mark.parametrize("limit, used, remaining", [
    (10_000, 3_000, 7_000), (100_000, 100_000, 0), (10_000, 15_000, 0), (-1, 5_000, None), (None, 5_000, None), (2000, 500, 1500),
])  # fmt: skip
def test_what_remains_is_never_negative_and_null_when_unlimited(standing, newcomer, limit, used, remaining):
    standing.set_limits(newcomer, limit, limit, limit)
    standing.spend(newcomer, used)
    document = newcomer.client.get(USAGE).json
    assert column(document, "remaining") == (remaining,) * 3
    assert column(document, "usage") == (used,) * 3
    assert column(document, "limit") == (limit,) * 3


def test_staff_sees_another_user_whom_another_user_does_not(standing, newcomer):
    query = f"{USAGE}?user_uuid={newcomer.uuid}"
    assert standing.staff.client.get(query).status == 200
    assert standing.user.client.get(query).gist == (403, ONLY_OWN_USAGE)


@pytest.mark.parametrize("role", ["staff", "support"])
@pytest.mark.parametrize("limits", [{"monthly_limit": 30000}, limit_members(1000, 5000, 20000)])
def test_staff_and_support_set_quotas(standing, newcomer, role, limits):
    answer = standing.by_role(role).client.set_quota({"user_uuid": newcomer.hex} | limits)
    assert answer.gist == (200, b"")
    assert standing.limits(newcomer) == tuple(limits.get(name) for name in LIMITS)


@pytest.mark.parametrize("own", [True, False])
def test_others_set_none_not_even_their_own(standing, newcomer, own):
    caller = newcomer if own else standing.user
    assert caller.client.set_quota({"user_uuid": newcomer.hex, "daily_limit": 1}).gist == (403, NO_PERMISSION)
    assert standing.limits(newcomer) == (None, None, None)


@pytest.mark.parametrize("body, answer", [
    ({"user_uuid": "%u", "monthly_limit": -2}, (400, fields({"monthly_limit": TOO_SMALL}))),
    ({"monthly_limit": 5}, (400, fields({"user_uuid": "This field is required."}))),
    ({"user_uuid": "0" * 32, "monthly_limit": 5}, (404, USER_NOT_FOUND)),
])  # fmt: skip
def test_bad_quotas_are_refused(standing, newcomer, body, answer):
    raw = compact(body).replace(b"%u", newcomer.uuid.encode())
    assert standing.staff.client.set_quota(raw).gist == answer


def test_a_zero_quota_blocks_everything_and_a_null_one_is_the_default(standing, bounded):
    standing.set_limits(bounded, 0, None, None)
    assert ask(standing, bounded).json["detail"] == exceeded("daily")
    standing.set_limits(bounded, None, None, None)
    assert ask(standing, bounded).status == 200
    assert column(standing.usage(bounded), "remaining") == DEFAULTS


@pytest.mark.parametrize("mode, limits", [("unchanged", (1000, 5000, 30000)), ("default", (None, None, 30000))])
def test_a_partial_update_follows_the_setting(start, mode, limits):
    service = start("--omitted-limits", mode)
    service.set_limits(service.user, 1000, 5000, 20000)
    answer = service.staff.client.set_quota({"user_uuid": service.user.hex, "monthly_limit": 30000})
    assert answer.gist == (200, b"")
    assert service.limits(service.user) == limits


def test_a_chat_is_refused_when_the_month_is_used_up(standing, newcomer):
    standing.set_limits(newcomer, None, None, 100)
    standing.spend(newcomer, 100)
    answer = ask(standing, newcomer)
    assert (answer.status, answer.json["detail"]) == (409, "Monthly token limit exceeded.")


def test_input_and_output_are_added(standing, newcomer):
    usage = {"id": f"turn-{newcomer.uuid}", "user": newcomer.uuid, "input_tokens": 5, "output_tokens": 8}
    assert standing.gateway.client.post("/v1/usage", usage).status == 201
    assert standing.used(newcomer) == (13, 13, 13)

"""Sections 2 and 3 of the chat-quota contract: whose usage, named how, answered with which bytes."""

import json
import uuid

import pytest

import contract
from contract import ONLY_OWN_USAGE, PERIODS, USAGE, USER_NOT_FOUND
from spellings import MALFORMED, SPELLINGS, spelled

REFUSALS = pytest.mark.parametrize("role, refusal", [
    ("user", (403, ONLY_OWN_USAGE)), ("support", (404, USER_NOT_FOUND)), ("staff", (404, USER_NOT_FOUND)),
])  # fmt: skip


@pytest.mark.parametrize("role", ["user", "support", "staff"])
@pytest.mark.parametrize("template", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_ones_own_uuid_is_the_same_question(service, role, template):
    account = service.by_role(role)
    answer = account.client.get(f"{USAGE}?user_uuid={spelled(template, account.uuid)}")
    assert answer.gist == account.client.get(USAGE).gist
    assert answer.status == 200


@pytest.mark.parametrize("role", ["support", "staff"])
@pytest.mark.parametrize("template", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_another_users_uuid_serves_support_and_staff(service, role, template):
    own = service.user.client.get(USAGE)
    answer = service.by_role(role).client.get(f"{USAGE}?user_uuid={spelled(template, service.user.uuid)}")
    assert answer.gist == own.gist


@REFUSALS
@pytest.mark.parametrize("template", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_uuid_is_nobody(service, role, refusal, template):
    account = service.by_role(role)
    assert account.client.get(f"{USAGE}?user_uuid={spelled(template, account.uuid)}").gist == refusal


@REFUSALS
@pytest.mark.parametrize("who", ["valueless", "unknown", "all zero", "inactive"])
def test_somebody_who_is_not_there_is_refused_by_role(service, role, refusal, who):
    if who == "inactive":
        leaver = service.register()
        service.deactivate(leaver)
        query = f"user_uuid={leaver.uuid}"
    else:
        query = {
            "valueless": "user_uuid",
            "unknown": f"user_uuid={uuid.uuid4()}",
            "all zero": f"user_uuid={uuid.UUID(int=0)}",
        }[who]
    assert service.by_role(role).client.get(f"{USAGE}?{query}").gist == refusal


def test_an_ordinary_user_never_sees_another_one(service):
    answer = service.user.client.get(f"{USAGE}?user_uuid={service.register().uuid}")
    assert answer.gist == (403, ONLY_OWN_USAGE)


@pytest.mark.parametrize("first, last, status", [("other", "own", 200), ("own", "other", 403), ("own", "", 403)])
def test_of_a_repeated_uuid_the_last_one_wins(service, first, last, status):
    uuids = {"own": service.user.uuid, "other": service.staff.uuid, "": ""}
    answer = service.user.client.get(f"{USAGE}?user_uuid={uuids[first]}&user_uuid={uuids[last]}")
    assert answer.status == status


@pytest.mark.parametrize(
    "query", ["page=2", "user=x", "USER_UUID=x", "user_uuid2=x", "x-auth-token=y", "&&", "=", "%FF=%FF"]
)
def test_other_query_parameters_are_ignored(service, query):
    plain = service.user.client.get(USAGE)
    assert service.user.client.get(f"{USAGE}?{query}").gist == plain.gist
    assert plain.status == 200


def test_the_answer_of_the_contracts_example_is_byte_for_byte_the_same(standing):
    standing.set_defaults(-1, -1, -1)
    person = standing.register()
    standing.set_limits(person, 100, None, None)
    answer = person.client.get(USAGE)
    assert answer["Content-Type"] == "application/json"
    assert answer.gist == (
        200,
        b'{"daily_limit":100,"daily_usage":0,"daily_remaining":100,'
        b'"daily_reset_at":"2026-11-21T00:00:00+00:00","daily_system_default":-1,'
        b'"weekly_limit":null,"weekly_usage":0,"weekly_remaining":null,'
        b'"weekly_reset_at":"2026-11-23T00:00:00+00:00","weekly_system_default":-1,'
        b'"monthly_limit":null,"monthly_usage":0,"monthly_remaining":null,'
        b'"monthly_reset_at":"2026-12-01T00:00:00+00:00","monthly_system_default":-1}',
    )


@pytest.mark.parametrize("defaults", [(-1, -1, -1), (10000, 50000, 100000), (0, 7, -1)])
@pytest.mark.parametrize("limits", [
    (None, None, None), (-1, -1, -1), (0, 0, 0), (5000, 25000, 60000), (300, None, -1), (299, 301, contract.LARGEST_LIMIT),
])  # fmt: skip
def test_remaining_follows_from_limit_default_and_usage(standing, defaults, limits):
    standing.set_defaults(*defaults)
    person = standing.register()
    standing.set_limits(person, *limits)
    standing.spend(person, 300)
    expected = contract.usage_document(
        ("2026-11-21T00:00:00+00:00", "2026-11-23T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        limits=limits, used=(300, 300, 300), defaults=defaults,
    )  # fmt: skip
    assert person.client.get(USAGE).gist == (200, expected)


def test_an_open_hold_changes_neither_usage_nor_remaining(service, person):
    service.set_limits(person, 100, 200, 300)
    before = person.client.get(USAGE)
    hold = service.gateway.client.post("/v1/holds", {"user": person.uuid, "estimate": 60, "id": str(uuid.uuid4())})
    assert hold.status == 201
    assert person.client.get(USAGE).gist == before.gist


def test_every_answer_has_the_fifteen_members_in_order(service, person):
    members = list(json.loads(person.client.get(USAGE).body))
    assert members == [
        f"{period}_{member}"
        for period in PERIODS
        for member in ("limit", "usage", "remaining", "reset_at", "system_default")
    ]

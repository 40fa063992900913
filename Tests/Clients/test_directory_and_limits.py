"""The native API's users, tokens, limits, defaults and usage documents."""

import uuid

import pytest

from contract import LARGEST_LIMIT, LIMITS, PERIODS, USAGE, limit_members
from service import compact
from test_admission import hold
from test_usage_intake import is_problem

ROLES = ("user", "support", "staff", "service", "auditor")


@pytest.mark.parametrize("role", ROLES)
def test_a_new_user_has_the_role_it_was_given(service, role):
    name, identity = f"new-{uuid.uuid4()}", str(uuid.uuid4())
    made = service.admin.post("/v1/users", {"name": name, "uuid": identity, "role": role})
    assert made.status == 201
    shown = service.admin.get(f"/v1/users/{identity}")
    assert shown.status == 200
    assert (shown.json["name"], shown.json["role"], shown.json["active"]) == (name, role, True)


def test_a_user_without_uuid_and_role_gets_both(service):
    name = f"new-{uuid.uuid4()}"
    assert service.admin.post("/v1/users", {"name": name}).status == 201
    shown = service.admin.get(f"/v1/users/{name}")
    assert (shown.status, shown.json["role"]) == (200, "user")


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"name": ""}, 400), ({"name": 5}, 400), ({"name": "a", "uuid": "x"}, 400), ({"name": "a", "role": "king"}, 400),
    ([], 400), (b"{", 400), ({"name": "%u"}, 400), ({"name": "admin"}, 409), ({"name": "b", "uuid": "%u"}, 409),
])  # fmt: skip
def test_a_bad_new_user_is_a_problem(service, body, status):
    raw = body if isinstance(body, bytes) else compact(body).replace(b"%u", service.user.uuid.encode())
    answer = service.admin.post("/v1/users", raw, Content_Type="application/json")
    assert is_problem(answer, status)


def test_the_list_of_users_names_everybody(service):
    people = [service.by_role(role) for role in ROLES]
    listed = service.admin.get("/v1/users")
    assert listed.status == 200
    for person in people:
        assert person.uuid in listed.body.decode()


def test_an_unknown_user_is_not_found(service):
    stranger = uuid.uuid4()
    assert is_problem(service.admin.get(f"/v1/users/{stranger}"), 404)
    assert is_problem(service.admin.get(f"/v1/users/{stranger}/usage"), 404)
    assert is_problem(service.admin.ask("PATCH", f"/v1/users/{stranger}/limits", {"daily_limit": 1}), 404)


def test_a_changed_role_counts_from_the_next_request_on(service, person):
    path = f"{USAGE}?user_uuid={service.staff.uuid}"
    statuses = [person.client.get(path).status]
    for role in ("support", "user"):
        assert service.admin.ask("PATCH", f"/v1/users/{person.uuid}", {"role": role}).status == 200
        statuses.append(person.client.get(path).status)
    assert statuses == [403, 200, 403]


def test_a_deactivated_user_may_come_back(service, person):
    for active, status in ((False, 401), (True, 200)):
        assert service.admin.ask("PATCH", f"/v1/users/{person.uuid}", {"active": active}).status == 200
        assert person.client.get(USAGE).status == status


ADMINISTRATION = [
    ("POST", "/v1/users", {"name": "x"}),
    ("PATCH", "/v1/users/{other}", {"active": False}),
    ("POST", "/v1/users/{other}/tokens", {}),
    ("DELETE", "/v1/users/{other}/tokens/1", None),
    ("PUT", "/v1/defaults", dict.fromkeys(LIMITS, 5)),
]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "staff"])
@pytest.mark.parametrize("method, path, body", ADMINISTRATION)
def test_administration_is_for_staff(service, person, role, method, path, body):
    answer = service.by_role(role).client.ask(method, path.format(other=person.uuid), body)
    assert is_problem(answer, 403)
    assert service.nobody.ask(method, path.format(other=person.uuid), body).status == 401
    assert person.client.get(USAGE).status == 200


@pytest.mark.parametrize("role", ["user", "service"])
@pytest.mark.parametrize("path", ["/v1/users", "/v1/users/{other}"])
def test_the_directory_is_not_for_everybody(service, person, role, path):
    assert is_problem(service.by_role(role).client.get(path.format(other=person.uuid)), 403)


def test_a_token_is_shown_once_and_says_when_it_ends(service, person):
    issued = service.issue_token(person, expires_in=3600)
    assert issued["user"].replace("-", "") == person.hex
    assert issued["expires_at"]
    assert service.nobody.get(USAGE, Authorization=f"Token {issued['token']}").status == 200
    for path in (f"/v1/users/{person.uuid}", "/v1/users", f"/v1/events?user={person.uuid}"):
        assert issued["token"] not in service.admin.get(path).body.decode()


@pytest.mark.parametrize(
    "terms", [{"expires_in": 0}, {"expires_in": -1}, {"expires_in": "soon"}, {"expires_in": 1.5}, []]
)
def test_a_token_with_bad_terms_is_not_issued(service, person, terms):
    assert is_problem(service.admin.post(f"/v1/users/{person.uuid}/tokens", terms), 400)


def test_a_token_is_revoked_once(service, person):
    issued = service.issue_token(person)
    path = f"/v1/users/{person.uuid}/tokens/{issued['token_id']}"
    assert service.admin.ask("DELETE", path).gist == (204, b"")
    assert service.nobody.get(USAGE, Authorization=f"Token {issued['token']}").status == 401
    assert service.admin.ask("DELETE", path).status in (204, 404)


def test_a_patch_changes_only_the_limits_it_names(service, person):
    path = f"/v1/users/{person.uuid}/limits"
    steps = [
        ({"daily_limit": 1, "weekly_limit": 2, "monthly_limit": 3}, (1, 2, 3)),
        ({"weekly_limit": 20}, (1, 20, 3)),
        ({"daily_limit": None}, (None, 20, 3)),
        ({}, (None, 20, 3)),
        ({"monthly_limit": -1, "daily_limit": LARGEST_LIMIT}, (LARGEST_LIMIT, 20, -1)),
    ]
    for body, limits in steps:
        assert service.support.client.ask("PATCH", path, body).status == 200
        assert service.limits(person) == limits


@pytest.mark.parametrize("value", [-2, LARGEST_LIMIT + 1, 1.5, True, "many", [], {}])
def test_a_bad_limit_is_a_problem_that_names_it(service, person, value):
    answer = service.staff.client.ask(
        "PATCH", f"/v1/users/{person.uuid}/limits", {"daily_limit": 5, "weekly_limit": value}
    )
    assert is_problem(answer, 400)
    assert b"weekly_limit" in answer.body
    assert service.limits(person) == (None, None, None)


@pytest.mark.parametrize(
    "role, status", [("user", 403), ("service", 403), ("auditor", 403), ("support", 200), ("staff", 200)]
)
def test_limits_are_for_support_and_staff(service, person, role, status):
    answer = service.by_role(role).client.ask("PATCH", f"/v1/users/{person.uuid}/limits", {"daily_limit": 5})
    assert answer.status == status


def test_defaults_are_put_as_a_whole(service):
    for limits in ((10, 20, 30), (0, -1, LARGEST_LIMIT), (-1, -1, -1)):
        service.set_defaults(*limits)
        assert service.admin.get("/v1/defaults").json.items() >= limit_members(*limits).items()


@pytest.mark.parametrize("missing", LIMITS)
def test_a_missing_default_is_refused(service, missing):
    body = {name: 7 for name in LIMITS if name != missing}
    assert is_problem(service.admin.ask("PUT", "/v1/defaults", body), 400)


@pytest.mark.parametrize("role, own, other", [
    ("user", 200, 403), ("service", 200, 200), ("support", 200, 200), ("staff", 200, 200), ("auditor", 200, 200),
])  # fmt: skip
def test_usage_is_read_by_role(service, person, role, own, other):
    reader = service.by_role(role)
    statuses = [
        reader.client.get(f"/v1/users/{name}/usage").status
        for name in (reader.uuid, reader.name, person.uuid, person.name)
    ]
    assert statuses == [own, own, other, other]
    assert service.nobody.get(f"/v1/users/{person.uuid}/usage").status == 401


def test_a_usage_document_shows_limits_use_and_holds(standing):
    standing.set_defaults(1000, -1, 5000)
    person = standing.register()
    standing.set_limits(person, 500, None, None)
    standing.spend(person, 120)
    assert hold(standing, person, 30).status == 201
    answer = standing.admin.get(f"/v1/users/{person.hex}/usage")
    document = answer.json
    assert answer["Content-Type"] == "application/json"
    assert (document["user"], document["time_zone"], document["week_start"]) == (person.uuid, "UTC", "monday")
    assert document["position"] == standing.position
    windows = document["windows"]
    assert list(windows) == list(PERIODS)
    assert [windows[period]["limit"] for period in PERIODS] == [500, -1, 5000]
    assert [windows[period]["own_limit"] for period in PERIODS] == [500, None, None]
    assert [windows[period]["used"] for period in PERIODS] == [120] * 3
    assert [windows[period]["reserved"] for period in PERIODS] == [30] * 3
    assert windows["weekly"]["remaining"] is None
    assert [windows[period]["start"] for period in PERIODS] == [
        f"2026-11-{day}T00:00:00+00:00" for day in ("20", "16", "01")
    ]
    ends = ["2026-11-21T00:00:00+00:00", "2026-11-23T00:00:00+00:00", "2026-12-01T00:00:00+00:00"]
    assert [windows[period]["end"] for period in PERIODS] == ends
    assert [windows[period]["reset_at"] for period in PERIODS] == ends


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_need_no_token(service, path, method):
    answer = service.nobody.ask(method, path)
    assert answer.status == 200
    if method == "GET":
        assert answer.json["status"] == "ok"


@pytest.mark.parametrize("method, path", [
    ("DELETE", "/v1/defaults"), ("PUT", "/v1/usage"), ("GET", "/v1/usage"), ("POST", "/v1/events"), ("DELETE", "/v1/users"),
])  # fmt: skip
def test_another_method_is_a_problem(service, method, path):
    answer = service.staff.client.ask(method, path)
    assert is_problem(answer, 405)
    assert answer["Allow"]

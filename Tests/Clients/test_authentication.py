"""Section 2 of the chat-quota contract: who is let in."""

import pytest

import contract
from contract import NOT_PROVIDED, SET_QUOTA, USAGE, detail

NO_CREDENTIALS = detail("Invalid token. No credentials provided.")
SPACES = detail("Invalid token. Token string should not contain spaces.")
INVALID = detail("Invalid token.")
INACTIVE = detail("User inactive or deleted.")
EXPIRED = detail("Token has expired.")

CALLS = pytest.mark.parametrize("method, path", [("GET", USAGE), ("POST", SET_QUOTA)])
KEYWORDS = pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN", "tOkEn", "Bearer", "bearer", "BEARER"])

REFUSED = [
    (None, NOT_PROVIDED),
    ("", NOT_PROVIDED),
    ("Basic dXNlcjpwYXNz", NOT_PROVIDED),
    ("Digest {token}", NOT_PROVIDED),
    ("{token}", NOT_PROVIDED),
    ("Tokens {token}", NOT_PROVIDED),
    ("Bearer unknown", NOT_PROVIDED),
    ("bearer 0123456789abcdef", NOT_PROVIDED),
    ("Bearer {token}x", NOT_PROVIDED),
    ("Token", NO_CREDENTIALS),
    ("token", NO_CREDENTIALS),
    ("Token   ", NO_CREDENTIALS),
    ("Token a b", SPACES),
    ("tOKEN a b c", SPACES),
    ("Token {token} {token}", SPACES),
    ("Token unknown", INVALID),
    ("TOKEN {token}x", INVALID),
    ("Token {upper}", INVALID),
]


@CALLS
@pytest.mark.parametrize("header, refusal", REFUSED)
def test_a_request_without_a_good_token_is_told_why(service, method, path, header, refusal):
    token = service.user.token
    upper = token.upper() if token.upper() != token else token.lower()
    headers = {} if header is None else {"Authorization": header.format(token=token, upper=upper)}
    assert service.nobody.ask(method, path, headers=headers).gist == (401, refusal)


@CALLS
def test_a_token_in_the_query_is_not_looked_at(service, method, path):
    answer = service.nobody.ask(method, f"{path}?x-auth-token={service.staff.token}")
    assert answer.gist == (401, NOT_PROVIDED)


@KEYWORDS
@pytest.mark.parametrize("spaces", [1, 2, 7])
def test_the_keyword_in_any_case_and_any_spaces_let_a_known_token_in(service, keyword, spaces):
    header = keyword + " " * spaces + service.user.token
    assert service.nobody.get(USAGE, Authorization=header).status == 200


@CALLS
@KEYWORDS
def test_deactivation_takes_effect_with_the_next_request(service, method, path, keyword):
    leaver = service.register("staff")
    header = {"Authorization": f"{keyword} {leaver.token}"}
    assert service.nobody.ask(method, path, b"{}", header | {"Content-Type": "application/json"}).status != 401
    service.deactivate(leaver)
    assert service.nobody.ask(method, path, headers=header).gist == (401, INACTIVE)


def test_a_token_is_good_until_its_lifetime_is_over(clocked):
    person = clocked.register(expires_in=3600)
    clocked.clock.set("2026-11-20 12:59:58")
    assert person.client.get(USAGE).status == 200
    clocked.clock.set("2026-11-20 13:00:02")
    for keyword in ("Token", "Bearer"):
        refused = clocked.nobody.get(USAGE, Authorization=f"{keyword} {person.token}")
        assert refused.gist == (401, EXPIRED)


def test_a_revoked_token_lets_nobody_in_while_the_other_one_does(service):
    person = service.register()
    second = service.issue_token(person)
    removed = service.admin.ask("DELETE", f"/v1/users/{person.uuid}/tokens/{second['token_id']}")
    assert removed.status == 204
    assert service.nobody.get(USAGE, Authorization=f"Token {second['token']}").status == 401
    assert person.client.get(USAGE).status == 200


@pytest.mark.parametrize("role", ["user", "support", "staff"])
@pytest.mark.parametrize(
    "method, path, body",
    [("GET", USAGE, None), ("HEAD", USAGE, None), ("POST", SET_QUOTA, b"{}"), ("POST", SET_QUOTA, b"broken")],
)
def test_impersonation_is_refused_and_never_answered_for_the_owner(service, role, method, path, body):
    headers = {"X-IMPERSONATED-USER-UUID": service.user.hex}
    if body:
        headers["Content-Type"] = "application/json"
    answer = service.by_role(role).client.ask(method, path, body, headers)
    assert answer.gist == (403, b"" if method == "HEAD" else contract.NO_IMPERSONATION)

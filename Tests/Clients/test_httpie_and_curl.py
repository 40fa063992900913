"""Section 1 of the chat-quota contract: HTTPie sends numbers as strings, curl -d sends a form."""

import json
import shutil
import subprocess

import pytest

import contract
from contract import SET_QUOTA, USAGE


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path, f"these tests need {name}"
    return path


def httpie(*arguments: str) -> subprocess.CompletedProcess:
    """Prints the body on standard output; a status of 4xx is exit code 4."""
    command = [tool("http"), "--ignore-stdin", "--check-status", "--body", "--pretty=none", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60)


def curl(*arguments: str) -> tuple[int, bytes]:
    """Status and body."""
    command = [tool("curl"), "--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}", *arguments]
    output = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    body, _, status = output.rpartition(b"\n")
    return int(status), body


def authorization(account) -> str:
    return f"Authorization:Token {account.token}"


def test_httpie_reads_usage(service):
    shown = httpie("GET", service.base + USAGE, authorization(service.user), f"user_uuid=={service.user.uuid}")
    assert (shown.returncode, shown.stdout) == (0, service.user.client.get(USAGE).body)


@pytest.mark.parametrize("style", ["--json", "--form"])
@pytest.mark.parametrize("fields, limits", [
    (["daily_limit=100", "weekly_limit= 500 ", "monthly_limit=1e3"], (100, 500, 1000)),
    (["daily_limit=-1", "monthly_limit=0"], (-1, None, 0)),
])  # fmt: skip
def test_httpies_strings_are_limits(service, person, style, fields, limits):
    done = httpie(
        style, "POST", service.base + SET_QUOTA, authorization(service.staff), f"user_uuid={person.uuid}", *fields
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert service.limits(person) == limits


def test_httpies_raw_json_works_as_well(service, person):
    done = httpie(
        "POST", service.base + SET_QUOTA, authorization(service.staff),
        f"user_uuid={person.uuid}", "daily_limit:=7", "weekly_limit:=null",
    )  # fmt: skip
    assert done.returncode == 0
    assert service.limits(person) == (7, None, None)


@pytest.mark.parametrize("arguments, body", [
    (["daily_limit=many"], contract.fields({"daily_limit": contract.INVALID_INTEGER})),
    (["daily_limit=1_000"], contract.fields({"daily_limit": contract.INVALID_INTEGER})),
    (["daily_limit="], contract.fields({"daily_limit": contract.INVALID_INTEGER})),
])  # fmt: skip
def test_httpie_shows_the_field_at_fault(service, person, arguments, body):
    refused = httpie(
        "POST", service.base + SET_QUOTA, authorization(service.staff), f"user_uuid={person.uuid}", *arguments
    )
    assert (refused.returncode, refused.stdout) == (4, body)


def test_httpies_multipart_is_refused(service, person):
    refused = httpie(
        "--multipart", "POST", service.base + SET_QUOTA, authorization(service.staff), f"user_uuid={person.uuid}"
    )
    assert refused.returncode == 4
    assert json.loads(refused.stdout)["detail"].startswith('Unsupported media type "multipart/form-data; boundary=')


def test_curl_sends_a_form_unless_told_otherwise(service, person):
    header = ["-H", f"Authorization: Token {service.staff.token}"]
    assert curl(*header, "-d", f"user_uuid={person.uuid}", "-d", "daily_limit=55", service.base + SET_QUOTA) == (
        200,
        b"",
    )
    assert service.limits(person) == (55, None, None)
    json_as_form = curl(*header, "-d", json.dumps({"user_uuid": person.uuid}), service.base + SET_QUOTA)
    assert json_as_form == (400, contract.fields({"user_uuid": contract.REQUIRED}))


@pytest.mark.parametrize("body, limits", [
    ('{"user_uuid":"%u","weekly_limit":66}', (None, 66, None)),
    ('{"user_uuid":"%u","weekly_limit":"66","monthly_limit":null}', (None, 66, None)),
])  # fmt: skip
def test_curl_sends_json_when_told_so(service, person, body, limits):
    answer = curl(
        "-H", f"Authorization: Bearer {service.staff.token}", "-H", "Content-Type: application/json",
        "--data", body.replace("%u", person.uuid), service.base + SET_QUOTA,
    )  # fmt: skip
    assert answer == (200, b"")
    assert service.limits(person) == limits


def test_curl_asks_for_the_head_only(service):
    status, head = curl("--head", "-H", f"Authorization: Token {service.user.token}", service.base + USAGE)
    lines = head.decode().splitlines()
    assert status == 200 and lines[0] == "HTTP/1.1 200 OK"
    assert f"content-length: {len(service.user.client.get(USAGE).body)}" in [line.lower() for line in lines]


def test_curl_may_wait_for_a_continue(service, person):
    body = json.dumps({"user_uuid": person.uuid, "daily_limit": 8, "padding": "p" * 50_000})
    answer = curl(
        "-H", f"Authorization: Token {service.staff.token}", "-H", "Content-Type: application/json",
        "-H", "Expect: 100-continue", "--data", body, service.base + SET_QUOTA,
    )  # fmt: skip
    assert answer == (200, b"")
    assert service.limits(person)[0] == 8

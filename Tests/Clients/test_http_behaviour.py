"""Section 6 of the chat-quota contract: order of the checks, methods, negotiation, origins, prefixes."""

import signal
import socket
import subprocess

import pytest

import contract
from contract import (
    NO_PERMISSION,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    NOT_PROVIDED,
    SET_QUOTA,
    USAGE,
    method_not_allowed,
    unsupported,
)
from service import exchange

OTHER = "/api/chat-quota/other/"
ROOT = "/api/chat-quota/"
JSON = {"Content-Type": "application/json"}

# (role or None, method, path, headers, body) and the answer; every row fails two checks or more, the first one answers.
TWO_FAILURES = {
    "unknown path, bad Accept, no token": (None, "GET", "/api/other/", {"Accept": "text/html"}, None, (404, NOT_FOUND)),
    "unknown path, bad method": ("user", "PUT", "/api/chat-quota/usage/deeper/", {}, None, (404, NOT_FOUND)),
    "bad format, no token": (None, "GET", f"{USAGE}?format=xml", {}, None, (404, NOT_FOUND)),
    "bad Accept, no token": (None, "GET", USAGE, {"Accept": "text/html"}, None, (406, NOT_ACCEPTABLE)),
    "bad Accept, bad method": ("user", "PUT", USAGE, {"Accept": "text/html"}, None, (406, NOT_ACCEPTABLE)),
    "bad Accept, no role": ("user", "POST", SET_QUOTA, {"Accept": "text/html"}, b"x", (406, NOT_ACCEPTABLE)),
    "bad Accept, bad type": ("staff", "POST", SET_QUOTA, {"Accept": "text/html", "Content-Type": "text/plain"}, b"x", (406, NOT_ACCEPTABLE)),
    "no token, bad method": (None, "DELETE", USAGE, {}, None, (401, NOT_PROVIDED)),
    "no token, method of the other path": (None, "GET", SET_QUOTA, {}, None, (401, NOT_PROVIDED)),
    "no token, bad type, broken body": (None, "POST", SET_QUOTA, {"Content-Type": "text/plain"}, b"{", (401, NOT_PROVIDED)),
    "bad method, no role": ("user", "GET", SET_QUOTA, {}, None, (405, method_not_allowed("GET"))),
    "bad method, bad type": ("user", "PUT", SET_QUOTA, {"Content-Type": "text/plain"}, b"{", (405, method_not_allowed("PUT"))),
    "bad method, foreign target": ("user", "POST", f"{USAGE}?user_uuid=x", JSON, b"{}", (405, method_not_allowed("POST"))),
    "no role, bad type": ("user", "POST", SET_QUOTA, {"Content-Type": "text/plain"}, b"x", (403, NO_PERMISSION)),
    "no role, no type": ("user", "POST", SET_QUOTA, {}, b"x", (403, NO_PERMISSION)),
    "no role, broken body": ("user", "POST", SET_QUOTA, JSON, b"{", (403, NO_PERMISSION)),
    "no role, field errors": ("user", "POST", SET_QUOTA, JSON, b"{}", (403, NO_PERMISSION)),
    "bad type, broken body": ("staff", "POST", SET_QUOTA, {"Content-Type": "text/json"}, b"{", (415, unsupported("text/json"))),
    "field error, unknown target": (
        "staff", "POST", SET_QUOTA, JSON, b'{"user_uuid":"00000000000000000000000000000000","daily_limit":[]}',
        (400, contract.fields({"daily_limit": contract.INVALID_INTEGER})),
    ),
}  # fmt: skip


@pytest.mark.parametrize("role, method, path, headers, body, answer", TWO_FAILURES.values(), ids=TWO_FAILURES)
def test_of_two_failures_the_earlier_check_answers(service, role, method, path, headers, body, answer):
    client = service.by_role(role).client if role else service.nobody
    assert client.ask(method, path, body, headers).gist == answer


def test_broken_json_with_an_unknown_target_is_a_parse_error(service):
    answer = service.staff.client.set_quota(b'{"user_uuid":"00000000000000000000000000000000","daily_limit":[}')
    assert answer.status == 400 and answer.json["detail"].startswith("JSON parse error - ")


NOT_ALLOWED = [
    *((method, USAGE) for method in ("POST", "PUT", "PATCH", "DELETE")),
    *((method, SET_QUOTA) for method in ("GET", "PUT", "PATCH", "DELETE")),
    *((method, path) for method in ("GET", "POST", "PUT", "PATCH", "DELETE") for path in (ROOT, OTHER)),
]


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("role", ["user", "support", "staff"])
@pytest.mark.parametrize("method, path", NOT_ALLOWED)
def test_another_method_is_named_in_the_refusal(service, role, method, path, slash):
    path = path.removesuffix("/") + slash
    assert service.by_role(role).client.ask(method, path).gist == (405, method_not_allowed(method))
    assert service.nobody.ask(method, path).gist == (401, NOT_PROVIDED)


@pytest.mark.parametrize("path", [SET_QUOTA, ROOT, OTHER])
def test_head_where_it_is_not_allowed_has_no_body_either(service, path):
    assert service.staff.client.ask("HEAD", path).gist == (405, b"")


@pytest.mark.parametrize("path", [
    "/", "/api", "/api/", "/api/chat-quotas/usage/", "/api/chat-quota/usage/more/", "/api/chat-quota/set_quota/more",
    "/api/chat-quota/a/b/", "/api/chat-quotausage/", "/nothing", "/API/chat-quota/usage/", "/x/api/chat-quota/usage/",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_an_unknown_path_is_not_found_with_or_without_a_token(service, path, method):
    for client in (service.nobody, service.staff.client):
        answer = client.ask(method, path)
        assert answer.gist == (404, NOT_FOUND)
        assert (answer["Allow"], answer["Content-Type"]) == (None, "application/json")


@pytest.mark.parametrize("query", ["", "?format=json", "?user_uuid={uuid}", "?user_uuid=x"])
def test_head_is_get_without_the_body(service, query):
    target = (USAGE + query).format(uuid=service.user.hex)
    get, head = (service.user.client.ask(method, target) for method in ("GET", "HEAD"))
    assert head.gist == (get.status, b"")
    for header in ("Content-Type", "Content-Length", "Allow"):
        assert head[header] == get[header]


def test_nothing_follows_the_headers_of_a_head_answer(service):
    request = (
        f"HEAD {USAGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {service.user.token}\r\n\r\n"
    )
    head, _, rest = exchange(service.base, request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and rest == b""


def test_head_without_a_token_is_refused_like_get(service):
    assert service.nobody.ask("HEAD", USAGE).gist == (401, b"")


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("path, name", [(USAGE, "Usage"), (SET_QUOTA, "Set quota")])
@pytest.mark.parametrize("role", ["user", "staff"])
def test_options_describes_the_path(service, path, name, role, slash):
    answer = service.by_role(role).client.ask("OPTIONS", path.removesuffix("/") + slash)
    assert answer.status == 200
    assert answer.json["name"] == name
    assert isinstance(answer.json["description"], str)
    assert answer.json["renders"] == ["application/json"]
    assert answer.json["parses"] == ["application/json", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize("path", [ROOT, OTHER])
def test_options_is_the_one_method_of_the_other_paths(service, path):
    assert service.user.client.ask("OPTIONS", path).status == 200


@pytest.mark.parametrize("path", [USAGE, SET_QUOTA, ROOT, OTHER])
def test_options_needs_a_token(service, path):
    assert service.nobody.ask("OPTIONS", path).gist == (401, NOT_PROVIDED)
    assert service.nobody.ask("OPTIONS", path, headers={"Origin": "http://a.test"}).gist == (401, NOT_PROVIDED)


@pytest.mark.parametrize("method, path", [("GET", USAGE), ("POST", SET_QUOTA)])
def test_the_final_slash_is_optional_and_never_redirected(service, method, path, person):
    body = contract.body({"user_uuid": person.uuid, "daily_limit": 6}) if method == "POST" else None
    with_slash, without = (
        service.staff.client.ask(method, spelling, body, JSON) for spelling in (path, path.removesuffix("/"))
    )
    assert with_slash.gist == without.gist
    assert with_slash.status == 200


def test_a_query_may_follow_without_a_final_slash(service):
    answer = service.user.client.get(f"{USAGE.removesuffix('/')}?user_uuid={service.user.hex}&format=json")
    assert answer.status == 200


@pytest.mark.parametrize("accept", [
    None, "*/*", "application/json", "application/*", "application/json; indent=4", "application/json;q=0",
    "text/html, application/json;q=0.1", "text/html,*/*;q=0.8", "application/json, */*;q=0.5",
    "application/json; charset=utf-8", "image/png , application/*;q=0.2",
])  # fmt: skip
def test_an_accept_that_covers_json_is_fine(service, accept):
    answer = service.user.client.ask("GET", USAGE, headers={"Accept": accept} if accept else {})
    assert answer.status == 200 and answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/*",
        "application/xml",
        "application/jsonl",
        "application/problem+json",
        "image/png, text/plain;q=0.5",
    ],
)
@pytest.mark.parametrize("method, path", [("GET", USAGE), ("POST", SET_QUOTA), ("OPTIONS", USAGE), ("PUT", OTHER)])
def test_an_accept_that_leaves_json_out_is_told_in_json(service, accept, method, path):
    assert service.staff.client.ask(method, path, headers={"Accept": accept}).gist == (406, NOT_ACCEPTABLE)


@pytest.mark.parametrize("query, status", [
    ("format=json", 200), ("format=xml&format=json", 200),
    ("format=xml", 404), ("format=api", 404), ("format=JSONP", 404), ("format=json&format=xml", 404),
])  # fmt: skip
@pytest.mark.parametrize("path", [USAGE, SET_QUOTA])
def test_json_is_the_only_format(service, path, query, status):
    if path == USAGE:
        answer = service.user.client.get(f"{path}?{query}")
    else:
        answer = service.staff.client.post(f"{path}?{query}", {"user_uuid": service.user.uuid})
    assert answer.status == status
    assert status == 200 or answer.body == NOT_FOUND


@pytest.mark.parametrize("content_type", [
    "application/json", "APPLICATION/JSON", "Application/Json;charset=UTF-8", "application/json ; a=b; c=\"d;e\"",
])  # fmt: skip
def test_json_may_be_announced_in_any_case_with_any_parameters(service, person, content_type):
    body = contract.body({"user_uuid": person.uuid, "daily_limit": 12})
    assert service.staff.client.set_quota(body, content_type).gist == (200, b"")
    assert service.limits(person)[0] == 12


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=utf-8"]
)
def test_a_form_may_be_announced_in_any_case_with_any_parameters(service, person, content_type):
    assert service.staff.client.set_quota(f"user_uuid={person.hex}&daily_limit=13".encode(), content_type).gist == (
        200,
        b"",
    )
    assert service.limits(person)[0] == 13


@pytest.mark.parametrize("content_type", [
    None, "text/plain", "text/plain; charset=utf-8", "TEXT/Plain", "multipart/form-data; boundary=x", "application/xml",
    "application/jsonl", "application/json-patch+json", "application/x-www-form-urlencodedx", "json", "application/*", "*/*",
])  # fmt: skip
def test_another_media_type_is_quoted_as_received(service, person, content_type):
    answer = service.staff.client.set_quota(contract.body({"user_uuid": person.uuid}), content_type)
    assert answer.gist == (415, unsupported(content_type or ""))


@pytest.mark.parametrize("content_type, quoted", [
    ('text/plain; name="a\\b"', 'text/plain; name="a\\b"'), ("text/plain;\tx", "text/plain;\tx"),
])  # fmt: skip
def test_a_quoted_media_type_is_escaped_as_json(service, content_type, quoted):
    assert service.staff.client.set_quota(b"{}", content_type).gist == (415, unsupported(quoted))


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }


HOMEPORT = "https://homeport.example"


@pytest.fixture(scope="module")
def browsed(start_shared):
    return start_shared("--allowed-origin", HOMEPORT, "--allowed-origin", "http://127.0.0.1:8080")


@pytest.mark.parametrize("path", [USAGE, SET_QUOTA])
@pytest.mark.parametrize("origin", [HOMEPORT, "http://127.0.0.1:8080"])
@pytest.mark.parametrize("extra", [{}, {"Accept": "text/html"}, {"Authorization": "Token unknown"}])
def test_a_preflight_of_an_allowed_origin_needs_no_token(browsed, path, origin, extra):
    answer = browsed.nobody.ask("OPTIONS", path, headers=preflight(origin) | extra)
    assert answer.gist == (200, b"")
    assert answer["Access-Control-Allow-Origin"] in (origin, "*")
    assert "authorization" in answer["Access-Control-Allow-Headers"].lower()
    assert "content-type" in answer["Access-Control-Allow-Headers"].lower()
    for method in ("GET", "POST"):
        assert method in answer["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", [USAGE, SET_QUOTA])
@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", HOMEPORT + ".evil.example", "http://homeport.example", "null"]
)
def test_a_preflight_of_another_origin_is_empty_and_allows_nothing(browsed, path, origin):
    answer = browsed.nobody.ask("OPTIONS", path, headers=preflight(origin))
    assert answer.gist == (200, b"")
    assert answer["Access-Control-Allow-Origin"] is None


def test_without_a_setting_no_origin_is_allowed(service):
    answer = service.nobody.ask("OPTIONS", USAGE, headers=preflight(HOMEPORT))
    assert answer.gist == (200, b"")
    assert answer["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("origin, allowed", [(HOMEPORT, True), ("https://elsewhere.example", False)])
def test_a_browser_may_read_answers_and_errors_of_an_allowed_origin_only(browsed, origin, allowed):
    answers = [
        browsed.user.client.get(USAGE, Origin=origin),
        browsed.nobody.get(USAGE, Origin=origin),
        browsed.user.client.get(SET_QUOTA, Origin=origin),
        browsed.user.client.post(SET_QUOTA, {}, Origin=origin),
    ]
    assert [answer.status for answer in answers] == [200, 401, 405, 403]
    for answer in answers:
        assert (answer["Access-Control-Allow-Origin"] in (origin, "*")) is allowed


def test_a_star_allows_every_origin(start):
    service = start("--allowed-origin", "*")
    answer = service.nobody.ask("OPTIONS", USAGE, headers=preflight("https://anywhere.example"))
    assert answer.gist == (200, b"")
    assert answer["Access-Control-Allow-Origin"] in ("*", "https://anywhere.example")


@pytest.mark.parametrize("prefix", ["/x", "/waldur/v2"])
def test_a_path_prefix_stands_in_front_of_both_urls(start, prefix):
    service = start("--path-prefix", prefix)
    token = {"Authorization": f"Token {service.store.admin['token']}"}
    user = service.store.admin["user"]
    usage = service.nobody.ask("GET", prefix + USAGE, headers=token)
    assert usage.status == 200 and usage["Allow"] == "GET, HEAD, OPTIONS"
    changed = service.nobody.ask("POST", prefix + SET_QUOTA, {"user_uuid": user, "daily_limit": 3}, token)
    assert changed.gist == (200, b"")
    assert service.nobody.ask("GET", prefix + USAGE.removesuffix("/"), headers=token).json["daily_limit"] == 3
    assert service.nobody.ask("GET", f"{prefix}/api/nothing/here/", headers=token).gist == (404, NOT_FOUND)


@pytest.mark.parametrize("language", ["de", "et,de;q=0.8", "*", "xx-invalid"])
def test_errors_are_english_for_every_reader(service, language):
    assert service.nobody.get(USAGE, Accept_Language=language).gist == (401, NOT_PROVIDED)


def test_one_connection_carries_many_requests(service):
    """Refusals included: an error about the request at hand says nothing about the next one."""
    requests = b"".join(
        f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {service.user.token}\r\n{last}\r\n".encode()
        for line, last in [
            (f"GET {USAGE}", ""),
            (f"PUT {USAGE}", "Content-Length: 0\r\n"),
            (f"GET {USAGE}?user_uuid=x", ""),
            ("GET /nothing", ""),
            (f"GET {USAGE}", "Connection: close\r\n"),
        ]
    )
    statuses = [part[:3] for part in exchange(service.base, requests).split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"405", b"403", b"404", b"200"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_health_says_what_may_be_asked(service, path, method):
    answer = service.nobody.ask(method, path)
    assert answer.status == 405 and answer["Allow"] == "GET, HEAD"


def test_an_error_has_the_title_of_its_status(service):
    erased = service.register()
    assert service.staff.client.ask("DELETE", f"/v1/users/{erased.uuid}").status == 200
    answer = service.staff.client.ask("PATCH", f"/v1/users/{erased.uuid}", {"active": True})
    assert (answer.status, answer.json["title"]) == (410, "Gone")


# ---- signals


def slow_client(server):
    """A connection with half a request line."""
    client = socket.create_connection(server.base.removeprefix("http://").rsplit(":", 1))
    client.sendall(b"GET /livez HT")
    return client


def test_signals_without_a_meaning_do_nothing(start):
    service = start()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        service.server.process.send_signal(number)
    assert service.nobody.get("/livez").status == 200
    assert service.server.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_stop_drains_and_waits_for_no_half_request(start, number):
    service = start()
    with slow_client(service.server):
        service.nobody.get("/livez")
        service.server.process.send_signal(number)
        assert service.server.process.wait(8) == 0


def test_a_second_signal_hurries(start):
    service = start()
    gateway = service.by_role("service")
    client = socket.create_connection(service.server.base.removeprefix("http://").rsplit(":", 1))
    with client:
        # A body on its way would be waited for.
        head = f"POST /v1/usage HTTP/1.1\r\nHost: h\r\nAuthorization: Token {gateway.token}\r\nContent-Length: 100\r\n\r\n"
        client.sendall(head.encode())
        service.nobody.get("/livez")
        service.server.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            service.server.process.wait(1)
        service.server.process.send_signal(signal.SIGTERM)
        assert service.server.process.wait(5) == 0

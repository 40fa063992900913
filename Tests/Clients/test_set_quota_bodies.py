"""Sections 4 and 6 of the chat-quota contract: bodies, members, targets, and what success looks like."""

import itertools
import uuid
from urllib.parse import unquote_to_bytes

import pytest

import contract
from contract import (
    INVALID_INTEGER,
    INVALID_UUID,
    LIMITS,
    NOT_NULL,
    REQUIRED,
    SET_QUOTA,
    TOO_LARGE,
    USAGE,
    USER_NOT_FOUND,
    fields,
)
from service import exchange
from spellings import MALFORMED, SPELLINGS, spelled

USER_REQUIRED = (400, fields({"user_uuid": REQUIRED}))
FORM = "application/x-www-form-urlencoded"


def not_a_dictionary(kind: str) -> bytes:
    return contract.body({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]})


@pytest.fixture(scope="module")
def known_numbers(service):
    """Users whose uuid is a small number, so that JSON numbers can name them."""
    return {number: service.register(uuid_text=str(uuid.UUID(int=number))) for number in (1, 5, 2**64 - 1)}


@pytest.mark.parametrize(
    "content_type", ["application/json", FORM, "text/plain", "multipart/form-data; boundary=x", "", None]
)
def test_an_empty_body_misses_the_user_whatever_its_type(service, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert service.staff.client.ask("POST", SET_QUOTA, None, headers).gist == USER_REQUIRED


def test_an_empty_chunked_body_misses_the_user_too(service):
    answer = exchange(service.base, (
        f"POST {SET_QUOTA} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {service.staff.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ).encode())  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(USER_REQUIRED[1])


def test_a_chunked_body_is_read_like_any_other(service, person):
    body = contract.body({"user_uuid": person.uuid, "daily_limit": 77})
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:1], body[1:20], body[20:]))
    answer = exchange(service.base, (
        f"POST {SET_QUOTA} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token {service.staff.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode() + chunks + b"0\r\n\r\n")  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert service.limits(person)[0] == 77


@pytest.mark.parametrize("body, refusal", [
    (b"{}", USER_REQUIRED[1]),
    (b" \r\n\t{ } \n", USER_REQUIRED[1]),
    (b'{"daily_usage":5}', USER_REQUIRED[1]),
    (b"null", contract.body({"non_field_errors": ["No data provided"]})),
    (b"[]", not_a_dictionary("list")),
    (b'[{"user_uuid":"x"}]', not_a_dictionary("list")),
    (b'""', not_a_dictionary("str")),
    (b'"user_uuid"', not_a_dictionary("str")),
    (b"0", not_a_dictionary("int")),
    (b"-17", not_a_dictionary("int")),
    (b"18446744073709551616", not_a_dictionary("int")),
    (b"1.0", not_a_dictionary("float")),
    (b"1e3", not_a_dictionary("float")),
    (b"true", not_a_dictionary("bool")),
    (b"false", not_a_dictionary("bool")),
])  # fmt: skip
def test_a_body_that_is_no_object_is_told_what_it_is(service, body, refusal):
    assert service.staff.client.set_quota(body).gist == (400, refusal)


BROKEN = {
    "spaces only": b"  \n",
    "open object": b"{",
    "open string": b'{"user_uuid":"',
    "trailing comma": b'{"user_uuid":"%u",}',
    "array's trailing comma": b"[1,]",
    "missing colon": b'{"user_uuid" "%u"}',
    "missing comma": b'{"user_uuid":"%u" "daily_limit":1}',
    "single quotes": b"{'user_uuid':'%u'}",
    "bare name": b'{user_uuid:"%u"}',
    "bare word": b"yes",
    "half a word": b"nul",
    "word in capitals": b"True",
    "comment": b'{"user_uuid":"%u"}/**/',
    "trailing text": b'{"user_uuid":"%u"} x',
    "two documents": b'{"user_uuid":"%u"}{}',
    "trailing NUL": b'{"user_uuid":"%u"}\0',
    "leading zeros": b'{"user_uuid":"%u","daily_limit":00}',
    "leading zero": b'{"user_uuid":"%u","daily_limit":01}',
    "negative leading zero": b'{"user_uuid":"%u","daily_limit":-01}',
    "plus": b'{"user_uuid":"%u","daily_limit":+1}',
    "no integer part": b'{"user_uuid":"%u","daily_limit":.5}',
    "no fraction": b'{"user_uuid":"%u","daily_limit":5.}',
    "no exponent": b'{"user_uuid":"%u","daily_limit":5e}',
    "lone minus": b'{"user_uuid":"%u","daily_limit":-}',
    "hexadecimal": b'{"user_uuid":"%u","daily_limit":0x10}',
    "NaN": b'{"user_uuid":"%u","daily_limit":NaN}',
    "Infinity": b'{"user_uuid":"%u","daily_limit":Infinity}',
    "negative Infinity": b'{"user_uuid":"%u","daily_limit":-Infinity}',
    "too large for a double": b'{"user_uuid":"%u","daily_limit":1e400}',
    "too small for a double": b'{"user_uuid":"%u","daily_limit":-1e400}',
    "huge exponent": b'{"user_uuid":"%u","daily_limit":1e999999999}',
    "5000 digits": b'{"user_uuid":"%u","daily_limit":' + b"1" * 5000 + b"}",
    "too large and unused": b'{"user_uuid":"%u","other":[1e400]}',
    "invalid UTF-8": b'{"user_uuid":"%u","other":"\xff"}',
    "cut UTF-8": b'{"user_uuid":"%u","other":"\xc3"}',
    "overlong UTF-8": b'{"user_uuid":"%u","other":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"user_uuid":"%u","other":"\xed\xa0\x80"}',
    "invalid UTF-8 in a name": b'{"user_uuid":"%u","\xfe":1}',
    "byte order mark": b'\xef\xbb\xbf{"user_uuid":"%u"}',
    "UTF-16": '{"user_uuid":"%u"}'.encode("utf-16"),
    "lone high surrogate": b'{"user_uuid":"%u","other":"\\ud800"}',
    "lone low surrogate": b'{"user_uuid":"%u","other":"\\udc00"}',
    "high surrogate and text": b'{"user_uuid":"%u","other":"\\ud800a"}',
    "two high surrogates": b'{"user_uuid":"%u","other":"\\ud800\\ud800"}',
    "swapped surrogates": b'{"user_uuid":"%u","other":"\\udc00\\ud800"}',
    "lone surrogate in a name": b'{"user_uuid":"%u","\\ud800":1}',
    "unknown escape": b'{"user_uuid":"%u","other":"\\x41"}',
    "short escape": b'{"user_uuid":"%u","other":"\\u12"}',
    "control character": b'{"user_uuid":"%u","other":"a\nb"}',
    "NUL in a string": b'{"user_uuid":"%u","other":"a\0b"}',
    "deep arrays": b'{"user_uuid":"%u","other":' + b"[" * 30000 + b"]" * 30000 + b"}",
    "deep objects": b'{"user_uuid":"%u","other":' + b'{"a":' * 10000 + b"1" + b"}" * 10000 + b"}",
    "deep and open": b"[" * 60000,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_no_json_is_a_parse_error(service, person, body):
    answer = service.staff.client.set_quota(body.replace(b"%u", person.uuid.encode()))
    assert answer.status == 400
    assert list(answer.json) == ["detail"]
    assert answer.json["detail"].startswith("JSON parse error - ")
    assert len(answer.json["detail"]) > len("JSON parse error - ")
    assert service.limits(person) == (None, None, None)


NUMBERS = [
    ("1", 1), ("true", 1), ("5", 5), ("18446744073709551615", 2**64 - 1),
    ('"00000000000000000000000000000005"', 5), ('"urn:uuid:00000000-0000-0000-0000-000000000001"', 1),
]  # fmt: skip


@pytest.mark.parametrize("literal, number", NUMBERS)
def test_a_number_or_true_names_the_user_with_that_uuid(service, known_numbers, literal, number):
    answer = service.staff.client.set_quota(
        b'{"user_uuid":%b,"daily_limit":%d}' % (literal.encode(), 40 + len(literal))
    )
    assert answer.gist == (200, b"")
    assert service.limits(known_numbers[number])[0] == 40 + len(literal)


@pytest.mark.parametrize("literal", ["0", "7", "false", "18446744073709551614", '"00000000000000000000000000000000"'])
def test_a_well_formed_but_unknown_user_is_not_found(service, known_numbers, literal):
    assert service.staff.client.set_quota(b'{"user_uuid":%b}' % literal.encode()).gist == (404, USER_NOT_FOUND)


INVALID_UUIDS = [
    '""', '"5"', '"None"', '"x"', '" "', "[]", "{}", '["%u"]', '{"uuid":"%u"}', "-1", "5.0", "5e0", "0.5", "1e3",
    "18446744073709551616", "340282366920938463463374607431768211455", "1" * 300, '"' + "a" * 33 + '"',
]  # fmt: skip


@pytest.mark.parametrize("literal", INVALID_UUIDS)
def test_anything_else_is_no_uuid(service, literal):
    body = b'{"user_uuid":%b}' % literal.replace("%u", service.user.uuid).encode()
    assert service.staff.client.set_quota(body).gist == (400, fields({"user_uuid": INVALID_UUID}))


def test_a_null_user_is_told_apart_from_a_missing_one(service):
    assert service.staff.client.set_quota(b'{"user_uuid":null}').gist == (400, fields({"user_uuid": NOT_NULL}))


@pytest.mark.parametrize("template", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_uuid_names_the_target(service, person, template):
    spelling = unquote_to_bytes(spelled(template, person.uuid)).decode()
    assert service.staff.client.set_quota({"user_uuid": spelling, "weekly_limit": 9}).gist == (200, b"")
    assert service.limits(person) == (None, 9, None)


@pytest.mark.parametrize(
    "template", [text for name, text in MALFORMED.items() if name not in ("no UTF-8", "plus for a space")]
)
def test_a_malformed_uuid_is_a_field_error_here(service, person, template):
    spelling = unquote_to_bytes(spelled(template, person.uuid)).decode()
    assert service.staff.client.set_quota({"user_uuid": spelling}).gist == (400, fields({"user_uuid": INVALID_UUID}))


def test_every_faulty_member_is_named_in_the_order_of_the_contract(service):
    faulty = b'{"monthly_limit":true,"daily_limit":"x","weekly_limit":1e20,"user_uuid":7.5}'
    assert service.staff.client.set_quota(faulty).gist == (400, fields({
        "user_uuid": INVALID_UUID, "daily_limit": INVALID_INTEGER, "weekly_limit": TOO_LARGE, "monthly_limit": INVALID_INTEGER,
    }))  # fmt: skip


@pytest.mark.parametrize(
    "user, message", [("", REQUIRED), ('"user_uuid":null,', NOT_NULL), ('"user_uuid":"x",', INVALID_UUID)]
)
def test_the_users_error_stands_before_the_limits_error(service, user, message):
    answer = service.staff.client.set_quota(f'{{{user}"monthly_limit":8.5}}'.encode())
    assert answer.gist == (400, fields({"user_uuid": message, "monthly_limit": INVALID_INTEGER}))


def test_field_errors_come_before_the_missing_target(service):
    stranger = str(uuid.uuid4())
    answer = service.staff.client.set_quota({"user_uuid": stranger, "daily_limit": "x"})
    assert answer.gist == (400, fields({"daily_limit": INVALID_INTEGER}))
    assert service.staff.client.set_quota({"user_uuid": stranger, "daily_limit": 1}).gist == (404, USER_NOT_FOUND)


@pytest.mark.parametrize("body, limits", [
    (b'{"user_uuid":"%u","daily_limit":1,"daily_limit":2}', (2, None, None)),
    (b'{"user_uuid":"x","user_uuid":"%u","daily_limit":3}', (3, None, None)),
    (b'{"daily_limit":4,"user_uuid":null,"user_uuid":"%u"}', (4, None, None)),
    (b'{"user_uuid":"%u","daily_limit":"x","daily_limit":5}', (5, None, None)),
    (b'{"user_uuid":"%u","daily_limit":6,"daily_limit":null}', (None, None, None)),
    (b'{"user_uuid":"%u","daily_limit":6,"daily_\\u006cimit":7}', (7, None, None)),
    (b'{"\\u0075ser_uuid":"%u","weekly_limit":8}', (None, 8, None)),
    (b'{"user_uuid":"%u","monthly_limit":9,"daily_usage":1,"other":[1,{"a":null}],"\\ud83d\\ude00":"\\ud83d\\ude00"}', (None, None, 9)),
    (' {"user_uuid" : "%u" ,\r\n\t"monthly_limit": 10, "Daily_limit": "x", "ключ": "значение"} '.encode(), (None, None, 10)),
    (b'{"user_uuid":"%u","daily_limit":11,"":{}}', (11, None, None)),
])  # fmt: skip
def test_the_last_duplicate_wins_and_unknown_members_are_ignored(service, person, body, limits):
    assert service.staff.client.set_quota(body.replace(b"%u", person.uuid.encode())).gist == (200, b"")
    assert service.limits(person) == limits


def test_a_last_duplicate_that_is_wrong_spoils_the_first(service, person):
    body = b'{"user_uuid":"%b","daily_limit":5,"daily_limit":"x"}' % person.uuid.encode()
    assert service.staff.client.set_quota(body).gist == (400, fields({"daily_limit": INVALID_INTEGER}))


@pytest.mark.parametrize("role", ["support", "staff"])
@pytest.mark.parametrize("oneself", [True, False])
def test_success_is_200_with_no_bytes_and_no_type(service, role, oneself):
    caller = service.by_role(role)
    target = caller if oneself else service.register()
    answer = caller.client.set_quota({"user_uuid": target.uuid, "daily_limit": 1000})
    assert answer.gist == (200, b"")
    assert (answer["Content-Length"], answer["Content-Type"]) == ("0", None)
    assert service.limits(target) == (1000, None, None)


def test_an_inactive_target_is_not_found(service):
    leaver = service.register()
    service.deactivate(leaver)
    assert service.staff.client.set_quota({"user_uuid": leaver.uuid}).gist == (404, USER_NOT_FOUND)


@pytest.mark.parametrize("role", ["user", "service", "auditor"])
@pytest.mark.parametrize("content_type, body", [
    ("application/json", b'{"user_uuid":"%u","daily_limit":5}'), ("application/json", b"broken"), ("application/json", None),
    ("text/plain", b"x"), (FORM, b"user_uuid=%u"),
])  # fmt: skip
def test_without_the_role_the_body_is_not_looked_at(service, role, content_type, body):
    caller = service.by_role(role)
    body = body and body.replace(b"%u", caller.uuid.encode())
    assert caller.client.ask("POST", SET_QUOTA, body, {"Content-Type": content_type}).gist == (
        403,
        contract.NO_PERMISSION,
    )
    assert service.limits(caller) == (None, None, None)


# What may stand for each limit, and what it leaves where 100/500/1000 stood before.
CHOICES = {"absent": None, "null": "null", "number": "2000"}
COMBINATIONS = list(itertools.product(CHOICES, repeat=3))


@pytest.fixture(scope="module", params=["default", "unchanged"])
def omitted_limits(request, start_shared):
    service = start_shared("--omitted-limits", request.param)
    return service, request.param, service.register()


@pytest.mark.parametrize("kind", ["application/json", FORM])
@pytest.mark.parametrize("choices", COMBINATIONS, ids="-".join)
def test_an_absent_limit_follows_the_setting_and_null_is_always_the_default(omitted_limits, kind, choices):
    service, mode, target = omitted_limits
    before = (100, 500, 1000)
    service.set_limits(target, *before)
    sent = {name: CHOICES[choice] for name, choice in zip(LIMITS, choices) if choice != "absent"}
    if kind == FORM:
        values = {name: value.replace("null", "") for name, value in sent.items()}
        body = "&".join([f"user_uuid={target.hex}", *(f"{name}={value}" for name, value in values.items())])
    else:
        body = (
            "{"
            + ",".join([f'"user_uuid":"{target.uuid}"', *(f'"{name}":{value}' for name, value in sent.items())])
            + "}"
        )
    assert service.staff.client.set_quota(body.encode(), kind).gist == (200, b"")
    outcome = {"absent": None if mode == "default" else ..., "null": None, "number": 2000}
    expected = tuple(
        old if outcome[choice] is ... else outcome[choice] for choice, old in zip(choices, before, strict=True)
    )
    assert service.limits(target) == expected


def test_a_form_carries_limits_as_text(service, person):
    form = f"user_uuid={person.hex}&daily_limit=+6+&weekly_limit=%2B7.0&monthly_limit=1e3".encode()
    assert service.staff.client.set_quota(form, FORM).gist == (200, b"")
    assert service.limits(person) == (6, 7, 1000)


@pytest.mark.parametrize("form, answer", [
    (b"", USER_REQUIRED),
    (b"daily_limit=5", USER_REQUIRED),
    (b'{"user_uuid":"%u","daily_limit":5}', USER_REQUIRED),
    (b"user_uuid=", (400, fields({"user_uuid": INVALID_UUID}))),
    (b"user_uuid", (400, fields({"user_uuid": INVALID_UUID}))),
    (b"user_uuid=%u&user_uuid=", (400, fields({"user_uuid": INVALID_UUID}))),
    (b"user_uuid=+%u", (400, fields({"user_uuid": INVALID_UUID}))),
    (b"user_uuid=5", (400, fields({"user_uuid": INVALID_UUID}))),
    (b"user_uuid=%u&daily_limit=x&monthly_limit=8.5", (400, fields({"daily_limit": INVALID_INTEGER, "monthly_limit": INVALID_INTEGER}))),
    (b"user_uuid=%u&daily_limit=true", (400, fields({"daily_limit": INVALID_INTEGER}))),
    (b"user_uuid=%u&daily_limit=null", (400, fields({"daily_limit": INVALID_INTEGER}))),
    (b"user_uuid=%u&daily_limit=+", (400, fields({"daily_limit": INVALID_INTEGER}))),
    (b"user_uuid=%u&daily_limit=%D9%A1", (400, fields({"daily_limit": INVALID_INTEGER}))),
    (b"user_uuid=%u&daily_limit=1e999999999", (400, fields({"daily_limit": TOO_LARGE}))),
    (b"user_uuid=%u&daily_limit=-2", (400, fields({"daily_limit": contract.TOO_SMALL}))),
    (b"user_uuid=%u&daily_limit=" + b"1" * 1001, (400, fields({"daily_limit": contract.TOO_LONG}))),
    (b"user_uuid=%u&daily_limit=" + b"%35" * 1001, (400, fields({"daily_limit": contract.TOO_LONG}))),
    (b"user_uuid=00000000000000000000000000000000", (404, USER_NOT_FOUND)),
])  # fmt: skip
def test_a_form_is_held_to_the_same_rules(service, person, form, answer):
    assert service.staff.client.set_quota(form.replace(b"%u", person.hex.encode()), FORM).gist == answer
    assert service.limits(person) == (None, None, None)


@pytest.mark.parametrize("form, limits", [
    (b"user_uuid=x&daily_limit=y&user_uuid=%u&daily_limit=3", (3, None, None)),
    (b"user_uuid=%u&daily_limit=3&daily_limit=", (None, None, None)),
    (b"user_uuid=%u&daily_limit=3&daily%5Flimit=4", (4, None, None)),
    (b"%75ser_uuid=%u&weekly_limit=%35%30", (None, 50, None)),
    (b"&user_uuid=%7B%u%7D&&other=1&monthly_limit=-1&", (None, None, -1)),
    (b"user_uuid=urn:uuid:%u&daily_limit&weekly_limit=0", (None, 0, None)),
])  # fmt: skip
def test_a_form_is_decoded_and_its_last_duplicate_wins(service, person, form, limits):
    assert service.staff.client.set_quota(form.replace(b"%u", person.hex.encode()), FORM).gist == (200, b"")
    assert service.limits(person) == limits


def padded(identity: str, length: int, kind: str) -> bytes:
    """A body of exactly that many bytes that sets the daily limit to its own last digits."""
    frame = {
        "member": '{"user_uuid":"%s","daily_limit":4711,"padding":"%s"}',
        "spaces": '{"user_uuid":"%s","daily_limit":4711%s}',
        FORM: "user_uuid=%s&daily_limit=4711&padding=%s",
    }[kind]
    filler = " " if kind == "spaces" else "p"
    return (frame % (identity, filler * (length - len(frame % (identity, ""))))).encode()


@pytest.mark.parametrize("kind", ["member", "spaces", FORM])
@pytest.mark.parametrize("length", [200, 4096, 16384, 65535, 65536])
def test_a_body_of_up_to_64_kib_is_read(service, person, kind, length):
    body = padded(person.uuid, length, kind)
    assert len(body) == length
    answer = service.staff.client.set_quota(body, FORM if kind == FORM else "application/json")
    assert answer.gist == (200, b"")
    assert service.limits(person) == (4711, None, None)


@pytest.mark.parametrize("length", [65537, 100_000])
def test_a_larger_body_is_read_or_refused_by_413(service, person, length):
    answer = service.staff.client.set_quota(padded(person.uuid, length, "member"))
    if answer.status == 200:
        assert service.limits(person) == (4711, None, None)
    else:
        assert answer.status == 413
        assert list(answer.json) == ["detail"]
        assert service.limits(person) == (None, None, None)


def test_a_body_announced_as_enormous_does_no_harm(service):
    head = (
        f"POST {SET_QUOTA} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {service.staff.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    )
    assert exchange(service.base, head.encode()).startswith(b"HTTP/1.1 4")
    assert service.user.client.get(USAGE).status == 200


def test_a_repeated_save_adds_nothing_to_the_history(service, person):
    service.set_limits(person, 1, 2, 3)
    position = service.position
    service.set_limits(person, 1, 2, 3)
    assert service.position == position

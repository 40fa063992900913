"""Section 4 of the chat-quota contract: what may stand for a limit, and what a refused one is told."""

import time

import pytest

from contract import INVALID_INTEGER, LARGEST_LIMIT, LIMITS, TOO_LARGE, TOO_LONG, TOO_SMALL, fields

ACCEPTED = {
    "8": 8,
    "0": 0,
    "-1": -1,
    "8.0": 8,
    "8.000": 8,
    "-1.0": -1,
    "1e3": 1000,
    "1E3": 1000,
    "1e+3": 1000,
    "1.5e1": 15,
    "150e-1": 15,
    "10.0e-1": 1,
    "-0": 0,
    "-0.0": 0,
    "0e5": 0,
    "0e999999999": 0,
    "0.000e-999999999": 0,
    "2147483647": 2**31 - 1,
    "2147483648": 2**31,
    "9007199254740991": LARGEST_LIMIT,
    "9007199254740991.0": LARGEST_LIMIT,
    "900719925474099.1e1": LARGEST_LIMIT,
    "90071992547409910e-1": LARGEST_LIMIT,
    '"5"': 5,
    '" 6 "': 6,
    '"  6"': 6,
    '"7.0"': 7,
    '"7."': 7,
    '"7.e1"': 70,
    '"1e3"': 1000,
    '"1E+3"': 1000,
    '"-1"': -1,
    '" -1.0 "': -1,
    '"+5"': 5,
    '"-0"': 0,
    '"00"': 0,
    '"007"': 7,
    '"1000000e-6"': 1,
    '"0.5e1"': 5,
    '"0e999999999"': 0,
    '"0.0e-999999999"': 0,
    '"\\u0035"': 5,
    '"9007199254740991"': LARGEST_LIMIT,
    '"' + "0" * 999 + '5"': 5,
    '"5.' + "0" * 998 + '"': 5,
    "5." + "0" * 3000: 5,
}
NO_INTEGER = [
    "8.5", "1e-1", "1e-400", "0.9999999999999999999999", "-1.5", "-1.0000000000000000000001",
    "9007199254740991.5", "9007199254740990.99999999999999999", "15e-1", "1.05e1", "1e-999999999",
    "true", "false", "[]", "[5]", "{}", '{"a":1}',
    '"8.5"', '"abc"', '""', '" "', '"true"', '"null"', '"None"', '"NaN"', '"Infinity"', '"-Infinity"',
    '"0x10"', '"0b1"', '"1_000"', '"1,000"', '"1 000"', '"- 1"', '"+-1"', '"--1"', '"+"', '"-"', '"."',
    '".5"', '".5e1"', '"5.."', '"1e"', '"e3"', '"1e3.0"', '"1e 3"', '"1e++3"', '"1e-999999999"',
    '"\\u0661\\u0662"', '"\u0663"', '"\uff15"', '"\u00b2"', '"5\\u00a0"', '"5\\u2003"', '"5\\u0000"', '"5\U0001f600"',
    '"' + "x" * 1000 + '"', '"' + "é" * 1000 + '"', '"' + "\U0001f600" * 1000 + '"',
]  # fmt: skip
BELOW = [
    "-2",
    "-2.0",
    "-1e1",
    "-9223372036854775808",
    "-1e300",
    '"-2"',
    '" -5 "',
    '"-1e999999999"',
    '"-' + "9" * 900 + '"',
]
ABOVE = [
    "9007199254740992", "9007199254740992.0", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "1e16", "1e20", "1e308", "1" + "0" * 300,
    '"9007199254740992"', '"9223372036854775808"', '"1e20"', '"1e400"', '"1e999999999"',
    '"1e99999999999999999999999999"', '"' + "9" * 1000 + '"',
]  # fmt: skip
OVERLONG = [
    '"' + "5" * 1001 + '"',
    '"' + " " * 1000 + '5"',
    '"' + "x" * 1001 + '"',
    '"' + "é" * 1001 + '"',
    '"' + "1" * 60000 + '"',
]

REFUSED = [
    (literal, message)
    for message, literals in [
        (INVALID_INTEGER, NO_INTEGER), (TOO_SMALL, BELOW), (TOO_LARGE, ABOVE), (TOO_LONG, OVERLONG),
    ]
    for literal in literals
]  # fmt: skip


def shortened(literal) -> str:
    text = str(literal)
    return text if len(text) <= 30 else f"{text[:12]}…({len(text)})"


def limits_body(identity: str, literals: dict[str, str]) -> bytes:
    members = [f'"user_uuid":"{identity}"', *(f'"{name}":{literal}' for name, literal in literals.items())]
    return ("{" + ",".join(members) + "}").encode()


@pytest.fixture(scope="module")
def target(service):
    return service.register()


@pytest.mark.parametrize("literal, value", ACCEPTED.items(), ids=shortened)
def test_an_integer_in_any_accepted_spelling_is_set(service, target, literal, value):
    answer = service.staff.client.set_quota(limits_body(target.uuid, dict.fromkeys(LIMITS, literal)))
    assert answer.gist == (200, b"")
    assert service.limits(target) == (value, value, value)


@pytest.mark.parametrize("literal, message", REFUSED, ids=shortened)
def test_anything_else_is_refused_for_every_member_and_changes_nothing(service, target, literal, message):
    service.set_limits(target, 100, 500, 1000)
    body = limits_body(target.uuid, {"daily_limit": literal})
    if len(body) < 20_000:
        body = limits_body(target.uuid, dict.fromkeys(LIMITS, literal))
    started = time.monotonic()
    answer = service.staff.client.set_quota(body)
    took = time.monotonic() - started
    assert answer.status == 400
    assert list(answer.json) == [name for name in LIMITS if name in body.decode()]
    assert answer.body == fields(dict.fromkeys(answer.json, message))
    assert took < 1, "the work must not grow with the size of the number"
    assert service.limits(target) == (100, 500, 1000)


@pytest.mark.parametrize("good", LIMITS)
def test_the_three_limits_change_together_or_not_at_all(service, target, good):
    service.set_limits(target, 100, 500, 1000)
    literals = {name: "1" if name == good else "8.5" for name in LIMITS}
    answer = service.staff.client.set_quota(limits_body(target.uuid, literals))
    assert answer.gist == (400, fields({name: INVALID_INTEGER for name in LIMITS if name != good}))
    assert service.limits(target) == (100, 500, 1000)


def test_each_member_gets_its_own_message_in_the_order_of_the_contract(service, target):
    literals = {"monthly_limit": '"' + "1" * 1001 + '"', "weekly_limit": "-2", "daily_limit": "1e20"}
    assert service.staff.client.set_quota(limits_body(target.uuid, literals)).gist == (
        400,
        fields({"daily_limit": TOO_LARGE, "weekly_limit": TOO_SMALL, "monthly_limit": TOO_LONG}),
    )


@pytest.mark.parametrize("literal", [*ACCEPTED, "null"], ids=shortened)
def test_an_accepted_limit_does_not_hide_its_neighbours_error(service, target, literal):
    answer = service.staff.client.set_quota(limits_body(target.uuid, {"daily_limit": literal, "monthly_limit": "true"}))
    assert answer.gist == (400, fields({"monthly_limit": INVALID_INTEGER}))

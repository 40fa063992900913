"""The chat-quota contract as values: paths, bodies, calendar, and what holds for every answer."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

USAGE = "/api/chat-quota/usage/"
SET_QUOTA = "/api/chat-quota/set_quota/"

PERIODS = ("daily", "weekly", "monthly")
LIMITS = ("daily_limit", "weekly_limit", "monthly_limit")
LARGEST_LIMIT = 2**53 - 1


def body(value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def detail(text: str) -> bytes:
    return body({"detail": text})


def fields(errors: dict[str, str]) -> bytes:
    """Field errors: one message a member, in the order given."""
    return body({name: [message] for name, message in errors.items()})


NOT_PROVIDED = detail("Authentication credentials were not provided.")
NOT_FOUND = detail("Not found.")
NOT_ACCEPTABLE = detail("Could not satisfy the request Accept header.")
ONLY_OWN_USAGE = detail("You can only view your own usage.")
NO_PERMISSION = detail("You do not have permission to perform this action.")
NO_IMPERSONATION = detail("Impersonation is not supported.")
USER_NOT_FOUND = detail("User not found.")

REQUIRED = "This field is required."
NOT_NULL = "This field may not be null."
INVALID_UUID = "Must be a valid UUID."
INVALID_INTEGER = "A valid integer is required."
TOO_LONG = "String value too large."
TOO_SMALL = "Ensure this value is greater than or equal to -1."
TOO_LARGE = f"Ensure this value is less than or equal to {LARGEST_LIMIT}."


def limit_members(daily, weekly, monthly) -> dict:
    """The three limits under their names, in the order of the contract."""
    return dict(zip(LIMITS, (daily, weekly, monthly), strict=True))


def method_not_allowed(method: str) -> bytes:
    return detail(f'Method "{method}" not allowed.')


def unsupported(media_type: str) -> bytes:
    return detail(f'Unsupported media type "{media_type}" in request.')


def exceeded(period: str) -> str:
    return f"{period.capitalize()} token limit exceeded."


def first_instant(day: date, zone: str) -> datetime:
    """The first instant of a local date: the earlier of two midnights, or the end of a gap over midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone), fold=0)
    return midnight.astimezone(UTC).astimezone(ZoneInfo(zone))


def window_dates(day: date, week_start: int = 0) -> dict[str, tuple[date, date]]:
    """First date of the day, week and month that hold `day`, and of the ones that follow."""
    monday = day - timedelta(days=(day.weekday() - week_start) % 7)
    first = day.replace(day=1)
    return {
        "daily": (day, day + timedelta(days=1)),
        "weekly": (monday, monday + timedelta(days=7)),
        "monthly": (first, (first + timedelta(days=31)).replace(day=1)),
    }


def resets(moment: datetime, zone: str = "UTC", week_start: int = 0) -> tuple[str, ...]:
    """The three reset times as the contract spells them."""
    dates = window_dates(moment.astimezone(ZoneInfo(zone)).date(), week_start)
    return tuple(first_instant(following, zone).isoformat() for _, following in dates.values())


def usage_document(reset_at, limits=(None, None, None), used=(0, 0, 0), defaults=(-1, -1, -1)) -> bytes:
    """The fifteen members of a usage answer, in order."""
    members = {}
    for period, limit, usage, default, reset in zip(PERIODS, limits, used, defaults, reset_at, strict=True):
        effective = default if limit is None else limit
        members |= {
            f"{period}_limit": limit,
            f"{period}_usage": usage,
            f"{period}_remaining": None if effective == -1 else max(0, effective - usage),
            f"{period}_reset_at": reset,
            f"{period}_system_default": default,
        }
    return body(members)


def allowed_methods(path: str) -> str | None:
    """The Allow header of a path, with or without its final slash; None where the path is unknown."""
    known = {"usage": "GET, HEAD, OPTIONS", "set_quota": "POST, OPTIONS", "": "GET, POST, OPTIONS"}
    if path.rstrip("/") == "/api/chat-quota":
        return known[""]
    if not path.startswith("/api/chat-quota/"):
        return None
    segment = path.removeprefix("/api/chat-quota/").removesuffix("/")
    return None if "/" in segment else known.get(segment, "GET, OPTIONS")


def check_every_answer(method: str, target: str, headers: dict[str, str], answer) -> None:
    """What the contract promises of every answer, whatever the test at hand asks for."""
    path = urlsplit(target).path
    assert answer.status < 500, answer.gist
    if not path.startswith("/api/"):
        return
    assert answer["WWW-Authenticate"] == ("Token" if answer.status == 401 else None)
    assert answer.status in (200, 400, 401, 403, 404, 405, 406, 413, 415), answer.gist
    if method != "HEAD":
        assert int(answer["Content-Length"]) == len(answer.body)
    if answer.body:
        assert answer["Content-Type"] == "application/json"
        assert isinstance(answer.json, dict)
    is_preflight = method == "OPTIONS" and "Access-Control-Request-Method" in headers
    if not is_preflight and answer.status != 413:
        assert answer["Allow"] == allowed_methods(path), f"{method} {path} {answer.status}"

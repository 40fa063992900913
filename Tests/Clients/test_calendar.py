"""Section 5 of the chat-quota contract: when a day, a week and a month begin, and what counts in them."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import contract
from contract import PERIODS, USAGE

# Zone, week start, moment in UTC, and the three reset times. Havana's second midnight is tested in 2025: the tz
# database of 2026 keeps Cuba on summer time through the winter of 2026, so 2026-11-01 has one midnight or two by release.
RESETS = [
    ("UTC", "monday", "2026-11-20 12:00:00", ("2026-11-21T00:00:00+00:00", "2026-11-23T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "monday", "2026-11-22 23:59:59.999999", ("2026-11-23T00:00:00+00:00", "2026-11-23T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "monday", "2026-11-23 00:00:00", ("2026-11-24T00:00:00+00:00", "2026-11-30T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "monday", "2026-11-30 23:59:59.999999", ("2026-12-01T00:00:00+00:00", "2026-12-07T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "monday", "2026-12-31 23:59:59.999999", ("2027-01-01T00:00:00+00:00", "2027-01-04T00:00:00+00:00", "2027-01-01T00:00:00+00:00")),
    ("UTC", "monday", "2027-01-01 00:00:00", ("2027-01-02T00:00:00+00:00", "2027-01-04T00:00:00+00:00", "2027-02-01T00:00:00+00:00")),
    ("UTC", "monday", "2027-02-28 10:00:00", ("2027-03-01T00:00:00+00:00", "2027-03-01T00:00:00+00:00", "2027-03-01T00:00:00+00:00")),
    ("UTC", "monday", "2028-02-28 10:00:00", ("2028-02-29T00:00:00+00:00", "2028-03-06T00:00:00+00:00", "2028-03-01T00:00:00+00:00")),
    ("UTC", "monday", "2028-02-29 10:00:00", ("2028-03-01T00:00:00+00:00", "2028-03-06T00:00:00+00:00", "2028-03-01T00:00:00+00:00")),
    ("UTC", "sunday", "2026-11-21 12:00:00", ("2026-11-22T00:00:00+00:00", "2026-11-22T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "sunday", "2026-11-22 00:00:00", ("2026-11-23T00:00:00+00:00", "2026-11-29T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("UTC", "saturday", "2026-11-20 12:00:00", ("2026-11-21T00:00:00+00:00", "2026-11-21T00:00:00+00:00", "2026-12-01T00:00:00+00:00")),
    ("Africa/Cairo", "monday", "2026-04-23 12:00:00", ("2026-04-24T01:00:00+03:00", "2026-04-27T00:00:00+03:00", "2026-05-01T00:00:00+03:00")),
    ("Africa/Cairo", "friday", "2026-04-23 21:59:59.999999", ("2026-04-24T01:00:00+03:00", "2026-04-24T01:00:00+03:00", "2026-05-01T00:00:00+03:00")),
    ("Africa/Cairo", "friday", "2026-04-23 22:00:00", ("2026-04-25T00:00:00+03:00", "2026-05-01T00:00:00+03:00", "2026-05-01T00:00:00+03:00")),
    ("America/Havana", "sunday", "2026-10-31 12:00:00", ("2026-11-01T00:00:00-04:00", "2026-11-01T00:00:00-04:00", "2026-11-01T00:00:00-04:00")),
    ("America/Havana", "monday", "2025-11-01 12:00:00", ("2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00", "2025-12-01T00:00:00-05:00")),
    ("America/Havana", "sunday", "2025-11-02 03:59:59.999999", ("2025-11-02T00:00:00-04:00", "2025-11-02T00:00:00-04:00", "2025-12-01T00:00:00-05:00")),
    ("America/Havana", "sunday", "2025-11-02 04:30:00", ("2025-11-03T00:00:00-05:00", "2025-11-09T00:00:00-05:00", "2025-12-01T00:00:00-05:00")),
    ("America/Havana", "sunday", "2025-11-02 05:30:00", ("2025-11-03T00:00:00-05:00", "2025-11-09T00:00:00-05:00", "2025-12-01T00:00:00-05:00")),
    ("Europe/Tallinn", "monday", "2026-10-24 21:00:00", ("2026-10-26T00:00:00+02:00", "2026-10-26T00:00:00+02:00", "2026-11-01T00:00:00+02:00")),
    ("Europe/Tallinn", "monday", "2026-10-24 20:59:59.999999", ("2026-10-25T00:00:00+03:00", "2026-10-26T00:00:00+02:00", "2026-11-01T00:00:00+02:00")),
    ("Asia/Kathmandu", "monday", "2026-11-20 18:15:00", ("2026-11-22T00:00:00+05:45", "2026-11-23T00:00:00+05:45", "2026-12-01T00:00:00+05:45")),
    ("America/St_Johns", "monday", "2026-12-01 03:29:59.999999", ("2026-12-01T00:00:00-03:30", "2026-12-07T00:00:00-03:30", "2026-12-01T00:00:00-03:30")),
    ("Pacific/Kiritimati", "monday", "2026-12-31 09:59:59.999999", ("2027-01-01T00:00:00+14:00", "2027-01-04T00:00:00+14:00", "2027-01-01T00:00:00+14:00")),
    ("Pacific/Pago_Pago", "monday", "2027-01-01 10:59:59.999999", ("2027-01-01T00:00:00-11:00", "2027-01-04T00:00:00-11:00", "2027-01-01T00:00:00-11:00")),
]  # fmt: skip


@pytest.mark.parametrize("zone, week_start, moment, reset_at", RESETS)
def test_the_next_periods_start_at_the_first_instant_of_a_local_date(start, zone, week_start, moment, reset_at):
    service = start("--time-zone", zone, "--week-start", week_start, at=moment)
    answer = service.admin.get(USAGE)
    assert answer.gist == (200, contract.usage_document(reset_at))


@pytest.mark.parametrize("time, day", [
    ("2026-11-18T00:00:00Z", "2026-11-18"),
    ("2026-11-18T23:59:59.999999Z", "2026-11-18"),
    ("2026-11-18T23:59:59.999999999Z", "2026-11-18"),
    ("2026-11-19T00:00:00.000000Z", "2026-11-19"),
    ("2026-11-18T23:30:00-01:00", "2026-11-19"),
    ("2026-11-19T01:00:00+02:00", "2026-11-18"),
    ("2026-11-19T05:44:59+05:45", "2026-11-18"),
])  # fmt: skip
def test_the_boundary_instant_belongs_to_the_new_period(standing, time, day):
    person = standing.register()
    standing.spend(person, 41, time=time)
    days = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    assert [standing.windows(person, each)["daily"]["used"] for each in days] == [
        41 if each == day else 0 for each in days
    ]


MOMENTS = [
    ("UTC", 0, "2026-11-20 12:00:00"),
    ("Africa/Cairo", 4, "2026-04-25 12:00:00"),
    ("America/Havana", 6, "2025-11-03 12:00:00"),
    ("Europe/Tallinn", 0, "2026-10-26 12:00:00"),
    ("Asia/Kathmandu", 5, "2026-12-01 12:00:00"),
]
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def random_history(seed: int, now: datetime) -> list[tuple[datetime, int]]:
    """Sixty spends of the last five weeks; every third one lies within two hours of a UTC midnight."""
    rng = random.Random(seed)
    history = []
    for number in range(60):
        moment = now - timedelta(seconds=rng.randrange(35 * 86400))
        if number % 3 == 0:
            midnight = moment.replace(hour=0, minute=0, second=0)
            moment = min(midnight + timedelta(seconds=rng.randrange(-7200, 7200)), now)
        history.append((moment, rng.randrange(1, 10_000)))
    return history


def sums(history, day: date, zone: str, week_start: int) -> tuple[int, ...]:
    """What the windows that hold `day` must show, straight from the contract's definition."""
    bounds = [
        tuple(contract.first_instant(edge, zone) for edge in edges)
        for edges in contract.window_dates(day, week_start).values()
    ]
    return tuple(sum(tokens for moment, tokens in history if start <= moment < end) for start, end in bounds)


@pytest.mark.parametrize("zone, week_start, moment", MOMENTS)
def test_a_window_holds_the_sum_of_its_own_records_also_after_the_calendar_changed(start, zone, week_start, moment):
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    history = random_history(len(zone), now)
    service = start(at=moment)
    person = service.register()
    for happened, tokens in history:
        service.spend(person, tokens, time=happened.isoformat())
    calendars = [("UTC", 0), (zone, week_start), (zone, (week_start + 3) % 7), ("UTC", 0)]
    for calendar_zone, first_day in calendars:
        service.restart("--time-zone", calendar_zone, "--week-start", DAYS[first_day])
        today = now.astimezone(ZoneInfo(calendar_zone)).date()
        assert service.used(person) == sums(history, today, calendar_zone, first_day), calendar_zone
        for age in range(0, 36, 5):
            day = today - timedelta(days=age)
            windows = service.windows(person, day)
            used = tuple(windows[period]["used"] for period in PERIODS)
            assert used == sums(history, day, calendar_zone, first_day), (calendar_zone, day)


@pytest.mark.parametrize("moment, offset", [("2026-10-24 21:00:00", "+03:00"), ("2026-10-25 21:59:59", "+02:00")])
def test_a_window_is_half_open_and_shows_the_offsets_of_its_own_edges(start, moment, offset):
    """The 25 hours of Europe/Tallinn's 2026-10-25."""
    service = start("--time-zone", "Europe/Tallinn", at=moment)
    daily = service.windows(service.user)["daily"]
    assert (daily["start"], daily["end"]) == ("2026-10-25T00:00:00+03:00", "2026-10-26T00:00:00+02:00")
    assert daily["reset_at"] == daily["end"]


@pytest.mark.parametrize("day", ["2026-02-29", "2026-13-01", "20261120", "yesterday", "", "2026-11-20T00:00:00Z"])
def test_a_date_that_does_not_exist_is_refused(service, day):
    answer = service.admin.get(f"/v1/users/{service.user.uuid}/usage?date={day}")
    assert answer.status in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"

"""`quotalog whatif`: real history under other limits, against a reckoning by hand."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from contract import PERIODS, window_dates
from service import Service
from test_holds import holder, new_id


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def windows(at: datetime) -> dict[str, date]:
    return {period: first for period, (first, _) in window_dates(at.date()).items()}


def reckon(events: list[dict], limits: dict, *, mode="hard", since=None, until=None, user=None) -> dict[str, dict]:
    """What the command should say, by walking through everything that ever happened."""
    used: dict[tuple, int] = {}
    refused: set[int] = set()
    found: dict[str, dict] = {}
    for event in events:
        counts = event["type"] == "tokens_spent" or event["type"] in ("hold_settled", "hold_drawn")
        at = moment(event["happened_at"])
        if not (counts or event["type"] == "usage_corrected") or (until and at >= until):
            continue
        if user and event["user"] != user:
            continue
        places = {period: (event["user"], period, first) for period, first in windows(at).items()}
        tokens = event["tokens"]
        if event["type"] == "usage_corrected":
            if event["corrected"] in refused:
                continue
            tokens -= event["old_tokens"]
        elif since is None or at >= since:
            user_found = found.setdefault(event["user"], {"calls": 0, "tokens": 0, "refused_calls": 0, "refused_tokens": 0})
            user_found["calls"] += 1
            user_found["tokens"] += tokens
            first = next((p for p in PERIODS if full(limits.get(p), used.get(places[p], 0), tokens, mode)), None)
            if first:
                refused.add(event["position"])
                user_found["refused_calls"] += 1
                user_found["refused_tokens"] += tokens
                state = {"limit": limits[first], "used": used.get(places[first], 0)}
                user_found.setdefault("first_refused", {"position": event["position"], "period": first} | state)
                continue
        for place in places.values():
            used[place] = used.get(place, 0) + tokens
    return found


def full(limit: int | None, used: int, tokens: int, mode: str) -> bool:
    return limit is not None and (used >= limit or (mode == "hard" and used + tokens > limit))


@pytest.fixture(scope="module")
def history(start_shared) -> Service:
    """Three people's spends, holds and corrections over eleven weeks, seeded, and sometimes late."""
    service = start_shared(at="2026-11-20 12:00:00")
    draw = random.Random(7)
    people = [service.register() for _ in range(3)]
    first = datetime(2026, 9, 5, tzinfo=UTC)
    for number in range(240):
        person = draw.choice(people)
        at = first + timedelta(seconds=draw.randint(0, 76 * 86400))
        service.spend(person, draw.choice([0, 1, draw.randint(1, 100)]), time=at.isoformat(), id=f"u-{number}")
        if number % 5 == 0:
            target = {"usage_id": f"u-{draw.randint(0, number)}", "tokens": draw.randint(0, 120), "id": new_id()}
            service.gateway.client.post("/v1/corrections", target)
        if number % 7 == 0:
            mine = holder(service, person)
            hold = mine.held(50)
            mine.settle(hold, draw.randint(0, 30), final=False)
            mine.settle(hold, draw.randint(0, 30))
    service.everything = service.events()
    return service


def what_if(service: Service, *arguments: str) -> dict[str, dict]:
    lines = service.store.run("whatif", *arguments, "--json").stdout.splitlines()
    found = {}
    for line in map(json.loads, lines):
        first = line.get("first_refused")
        if first:
            del first["at"]
        found[line.pop("user")] = line
    return found


CASES = [
    ({"daily": 50}, {}),
    ({"daily": 0}, {}),
    ({"weekly": 200}, {}),
    ({"monthly": 600}, {}),
    ({"daily": 90, "weekly": 250, "monthly": 700}, {}),
    ({"daily": 90, "weekly": 250, "monthly": 700}, {"mode": "soft"}),
    ({"daily": 50}, {"mode": "soft"}),
    ({"monthly": 600}, {"since": "2026-10-14"}),
    ({"weekly": 150}, {"since": "2026-10-14T13:30:00Z", "until": "2026-11-05T01:00:00Z"}),
    ({"daily": 60}, {"until": "2026-10-01"}),
    ({"weekly": 150, "monthly": 500}, {"since": "2026-09-30", "mode": "soft"}),
    ({"daily": 10**15}, {}),
]


@pytest.mark.parametrize("limits, terms", CASES)
@pytest.mark.parametrize("one", [False, True])
def test_a_replay_finds_what_a_reckoning_by_hand_finds(history, limits, terms, one):
    user = history.everything[-1]["user"] if one else None
    arguments = [word for name, value in (limits | terms).items() for word in (f"--{name}", str(value))]
    found = what_if(history, *arguments, *(["--user", user] if user else []))
    times = {name: moment(text if "T" in text else f"{text}T00:00:00Z") for name, text in terms.items() if name != "mode"}
    expected = reckon(history.everything, limits, mode=terms.get("mode", "hard"), user=user, **times)
    assert found == expected
    assert not limits.get("daily") == 50 or any(line["refused_calls"] for line in found.values())


def test_it_tells_who_loses_most_first_and_sums_up(history):
    expected = reckon(history.everything, {"daily": 50})
    lost = sorted((line["refused_tokens"] for line in expected.values()), reverse=True)
    lines = history.store.run("whatif", "--daily", "50").stdout.replace("\u202f", ",").splitlines()
    calls, tokens = (sum(line[name] for line in expected.values()) for name in ("calls", "tokens"))
    refused = sum(line["refused_calls"] for line in expected.values())
    assert lines[0] == (
        f"3 of 3 users would have been refused, {refused:,} of {calls:,} calls, "
        f"{sum(lost):,} of {tokens:,} tokens; at position {history.position}"
    )
    assert [f"{number:,} tokens" in line for number, line in zip(lost, lines[1:], strict=True)] == [True] * 3
    top = history.store.run("whatif", "--daily", "50", "--top", "1").stdout.splitlines()
    assert len(top) == 3 and top[-1] == "and 2 more (--top, --json)"


def test_a_replay_writes_nothing(history):
    position = history.position
    what_if(history, "--daily", "1")
    assert history.position == position


@pytest.mark.parametrize("arguments, code, words", [
    ((), 64, "at least one of --daily, --weekly, --monthly and --yearly"),
    (("--daily", "unlimited"), 64, "at least one of"),
    (("--daily", "-1"), 64, "--daily must be unlimited, or a number from 0 to 9007199254740991"),
    (("--weekly", "1.5"), 64, "--weekly must be"),
    (("--monthly", "9007199254740992"), 64, "--monthly must be"),
    (("--daily", "5", "--since", "x"), 64, "--since must be a date"),
    (("--daily", "5", "--until", "2026-13-01"), 64, "--until must be a date"),
    (("--daily", "5", "--mode", "shadow"), 64, "--mode must be hard or soft, not shadow"),
    (("--daily", "5", "--top", "0"), 64, "--top must be a number from 1"),
    (("--daily", "5", "--user", "nobody"), 65, "no user has this id or name"),
    (("--daily", "5", "more"), 64, "expected no arguments"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(history, arguments, code, words):
    result = history.store.try_run("whatif", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr and result.stderr.count("\n") == 1, result.stderr

"""`?as_of=`: what was answered while a position was the last one is answered whenever it is asked for again."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from service import Account, Answer, Service, Store
from sessions import Session
from test_evidence import Auditor
from test_holds import holder, new_id

START = "2026-10-28 12:00:00"
DATES = ("2026-10-28", "2026-10-31", "2026-11-01", "2026-11-02", "2026-12-24")


@dataclass
class Witness:
    """What a path answered when `position` was the last one, and nothing had happened since.

    Of a session the past also says its position, at the end.
    """

    path: str
    position: int
    body: bytes

    def asked(self, point: object) -> str:
        return f"{self.path}{'&' if '?' in self.path else '?'}as_of={quote(str(point), safe='')}"


@dataclass
class History:
    """A service, its people, and everything that has happened to them, by seed."""

    service: Service
    draw: random.Random
    people: list[Account] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    holds: list[tuple[Account, str]] = field(default_factory=list)
    spends: list[str] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    moments: list[tuple[str, list[Witness]]] = field(default_factory=list)
    minutes: int = 0

    @property
    def now(self) -> str:
        day, minute = divmod(12 * 60 + self.minutes, 24 * 60)
        day += 28
        return f"2026-{10 + (day > 31)}-{day if day <= 31 else day - 31:02d} {minute // 60:02d}:{minute % 60:02d}:00"

    @property
    def moment(self) -> str:
        return self.now.replace(" ", "T") + "Z"

    def step(self) -> None:
        """A minute to some hours later, some things happen, and everything that can be asked is."""
        self.minutes += self.draw.choice((1, 7, 60, 200))
        self.service.clock.set(self.now)
        for _ in range(self.draw.randint(1, 4)):
            self.draw.choice(
                (self.spend, self.spend, self.correct, self.hold, self.hold, self.end, self.end, self.limit, self.default, self.allow,
                 self.schedule, self.session, self.session, self.register)
            )()
        # An event of this minute, so that the answers are about this minute.
        self.service.spend(self.draw.choice(self.people), self.draw.randint(1, 9))
        self.look()

    def look(self) -> None:
        users = [f"/v1/users/{person.uuid}" for person in self.people]
        paths = [f"{user}/usage" for user in users] + [f"{user}/limits" for user in users]
        paths += [f"{self.draw.choice(users)}/usage?date={date}" for date in DATES]
        paths += ["/v1/defaults", *(f"/v1/sessions/{id}" for id in self.sessions)]
        # Time goes on in the service: what it ended by itself is waited for by asking until nothing happens.
        while True:
            position = self.service.position
            answers = [(path, self.service.admin.get(path)) for path in paths]
            if self.service.position == position:
                break
        last = self.service.admin.get(f"/v1/events?after={position - 1}").json["events"][0]
        assert last["recorded_at"].startswith(self.moment[:-1]), (last, self.now)
        found = [Witness(path, position, then(path, answer.body, position)) for path, answer in answers if answer.status == 200]
        self.witnesses += found
        self.moments.append((last["recorded_at"], found))

    def register(self) -> None:
        if len(self.people) < 6:
            self.people.append(self.service.register())

    def spend(self) -> None:
        self.spends.append(new_id())
        early = self.draw.choice((None, None, "2026-10-28T11:00:00Z", self.moment, "2026-10-30T23:59:59Z"))
        answer = self.service.try_spend(
            self.draw.choice(self.people), self.draw.randint(0, 500), id=self.spends[-1], time=early
        )
        assert answer.status in (201, 400), answer.gist
        if answer.status == 400:
            self.spends.pop()

    def correct(self) -> None:
        if self.spends:
            body = {"usage_id": self.draw.choice(self.spends), "tokens": self.draw.randint(0, 900), "id": new_id()}
            assert self.service.gateway.client.post("/v1/corrections", body).status == 201

    def hold(self) -> None:
        person = self.draw.choice(self.people)
        answer = holder(self.service, person).hold(self.draw.randint(1, 300), ttl_seconds=self.draw.choice((60, 3600, 86400)))
        if answer.status == 201:
            self.holds.append((person, answer.json["hold"]))

    def end(self) -> None:
        if not self.holds:
            return
        person, hold = self.draw.choice(self.holds)
        mine = holder(self.service, person)
        how = self.draw.randint(0, 3)
        if how == 0:
            mine.change(hold, "void")
        else:
            # A settled hold may have expired before: that is a history, too.
            mine.settle(hold, self.draw.randint(0, 200), final=how == 1)

    def limit(self) -> None:
        person, period = self.draw.choice(self.people), self.draw.choice(("daily", "weekly", "monthly"))
        body = {f"{period}_limit": self.draw.choice((None, -1, 500, 2000, 5000)),
                f"{period}_mode": self.draw.choice((None, "hard", "soft", "shadow"))}
        assert self.service.admin.ask("PATCH", f"/v1/users/{person.uuid}/limits", body).status == 200

    def default(self) -> None:
        self.service.set_defaults(*(self.draw.choice((-1, 1000, 9000)) for _ in range(3)))

    def allow(self) -> None:
        body = {"period": self.draw.choice(("daily", "weekly", "monthly")), "tokens": self.draw.randint(1, 99), "id": new_id()}
        answer = self.service.admin.post(f"/v1/users/{self.draw.choice(self.people).uuid}/allowances", body)
        assert answer.status in (201, 400, 409), answer.gist

    def schedule(self) -> None:
        now, self.minutes = self.minutes, self.minutes + self.draw.choice((5, 90, 900))
        body = {"daily_limit": self.draw.choice((None, 700, 1500)), "effective_at": self.moment, "id": new_id()}
        self.minutes = now
        path = f"/v1/users/{self.draw.choice(self.people).uuid}/limits"
        assert self.service.admin.ask("PATCH", path, body).status == 202

    def session(self) -> None:
        client = self.service.gateway.client
        if len(self.sessions) < 3 or self.draw.random() < 0.1:
            person = self.draw.choice(self.people)
            self.sessions.append(Session.begin(client, self.draw.choice((None, 2.5)), user=person.uuid).id)
            return
        session = Session(client, self.draw.choice(self.sessions))
        how = self.draw.randint(0, 5)
        if how == 0 and len(self.sessions) > 3:
            session.ask("DELETE")
        elif how == 1:
            session.patch({"session_limits": {"max_ai_credits": self.draw.randint(1, 9)}})
        elif how == 2:
            session.post("check", {})
        else:
            session.post("usage", {"usage_id": new_id(), "nano_aiu": self.draw.randint(1, 10**9)})


def then(path: str, body: bytes, position: int) -> bytes:
    """What the answer must be when it is asked for later."""
    return body[:-1] + f',"position":{position}}}'.encode() if "/sessions/" in path else body


def told(history: History, steps: int) -> History:
    history.people = [history.service.register() for _ in range(2)]
    for _ in range(steps):
        history.step()
    return history


@pytest.fixture(scope="module", params=[1, 2, 3])
def history(request, start_shared) -> History:
    return told(History(start_shared(at=START), random.Random(request.param)), 90)


def check(history: History) -> None:
    """Every answer that was given is given again."""
    auditor = Auditor(history.service.base, history.service.store.admin["token"])
    for witness in history.witnesses:
        answer = auditor.get(witness.asked(witness.position))
        assert answer.gist == (200, witness.body), (witness, answer.gist)


def test_what_was_answered_then_is_answered_now(history):
    assert len(history.witnesses) > 1000
    check(history)
    check(history)


def test_a_moment_is_as_good_as_the_position_that_was_the_last_one_then(history):
    auditor = Auditor(history.service.base, history.service.store.admin["token"])
    # The last moment may still get events.
    for moment, witnesses in history.moments[:-1]:
        for witness in witnesses:
            for spelling in (moment, moment.replace("Z", "+00:00")):
                answer = auditor.get(witness.asked(spelling))
                assert answer.gist == (200, witness.body), (moment, witness)


def test_the_answers_outlive_a_restart_and_a_rebuild(history):
    history.service.restart()
    check(history)
    assert history.service.server.stop() == 0
    history.service.store.run("rebuild")
    history.service.resume()
    check(history)
    # And a kill, after which the projection is folded again from where it was.
    history.step()
    history.service.server.kill()
    history.service.resume()
    check(history)


def usage_command(witness: Witness, point: object) -> list[str]:
    path, _, date = witness.path.partition("?date=")
    return ["usage", path.split("/")[3], "--as-of", str(point), "--json", *(["--date", date] if date else [])]


def test_the_command_says_the_same_beside_the_server_and_without(history):
    usages = [witness for witness in history.witnesses if "/usage" in witness.path]
    chosen = random.Random(5).sample(usages, 25)
    for _ in range(2):
        for witness in chosen:
            said = history.service.store.run(*usage_command(witness, witness.position)).stdout
            assert said.encode().strip() == witness.body.strip()
        if history.service.server.running:
            assert history.service.server.stop() == 0
    history.service.resume()


# Bad points, rights, existence


@pytest.fixture(scope="module")
def young(start_shared) -> Service:
    """A service with a user who has spent once."""
    service = start_shared()
    service.spend(service.user, 5)
    return service


def paths(service: Service) -> list[str]:
    user = f"/v1/users/{service.user.uuid}"
    return [f"{user}/usage", f"{user}/limits", "/v1/defaults"]


WRONG = [
    "", "x", "-1", "1.5", "1e3", " 5", "5 ", "0x10", "yesterday", "2026-11-20", "2026-11-20T21:00:00", "2026-13-20T21:00:00Z",
    "2026-11-20T25:00:00Z", "18446744073709551616", "+5", "٣", "1900-01-01T00:00:00Z", "2026-11-20T21:00:00Z ", "1" * 4000,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_point_is_refused_by_its_name(young, wrong):
    for path in paths(young):
        answer = young.admin.get(f"{path}?as_of={quote(wrong)}")
        assert answer.status in (400, 414, 431), (path, answer.gist)
        if answer.status == 400:
            assert answer.json["errors"][0]["member"] == "as_of" if "errors" in answer.json else answer.json["member"] == "as_of"


def test_a_position_that_nobody_has_written_is_beyond_the_end(young):
    for path, number in itertools.product(paths(young), (young.position + 1, 2**63, 2**64 - 1)):
        answer = young.admin.get(f"{path}?as_of={number}")
        assert (answer.status, answer.json["code"]) == (404, "beyond_end")
        assert "as_of" in answer.json["detail"] and answer.json["position"] == young.position


@pytest.mark.parametrize("moment", ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_future_has_no_answer(young, moment):
    for path in paths(young):
        answer = young.admin.get(f"{path}?as_of={moment}")
        assert answer.status == 400 and "as_of" in answer.json["detail"] and "Z or earlier" in answer.json["detail"]


def test_before_the_first_event_there_is_nobody(young):
    for point in ("0", "1970-01-01T00:00:00Z", "2001-01-01T00:00:00-05:00"):
        usage, limits, defaults = (young.admin.get(f"{path}?as_of={point}") for path in paths(young))
        assert (usage.status, limits.status) == (404, 404) and usage.json["code"] == "unknown_user"
        assert defaults.status == 200 and defaults.json["position"] == 0 and defaults.json["daily_limit"] == -1


def test_a_user_is_unknown_until_registered(young):
    before = young.position
    person = young.register()
    registered = max(event["position"] for event in young.events(type="user_registered"))
    assert registered > before
    for kind in ("usage", "limits"):
        path = f"/v1/users/{person.uuid}/{kind}?as_of="
        assert young.admin.get(f"{path}{registered - 1}").status == 404
        assert young.admin.get(f"{path}{registered}").status == 200
        by_name = young.admin.get(f"/v1/users/{person.name}/{kind}?as_of={registered}")
        assert by_name.body == young.admin.get(f"{path}{registered}").body


def test_a_deleted_session_exists_before_its_deletion(young):
    session = Session.begin(young.gateway.client, 2.5)
    begun = young.position
    document = session.ask("GET").body
    session.spend(1)
    spent = young.position
    assert session.ask("DELETE").status in (200, 204)
    get = young.gateway.client.get
    assert get(session.path).status == 404
    assert get(f"{session.path}?as_of={young.position}").status == 404
    assert get(f"{session.path}?as_of={begun}").body == then(session.path, document, begun)
    assert get(f"{session.path}?as_of={spent}").status == 200
    assert get(f"{session.path}?as_of={begun - 1}").status == 404
    again = Session.begin(young.gateway.client, 7, session_id=session.id)
    assert get(f"{session.path}?as_of={begun}").body == then(session.path, document, begun)
    head = young.position
    assert get(f"{session.path}?as_of={head}").body == then(session.path, again.ask("GET").body, head)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_session_names_a_wrong_point(young, wrong):
    session = Session.begin(young.gateway.client)
    answer = young.gateway.client.get(f"{session.path}?as_of={quote(wrong)}")
    assert answer.status in (400, 414, 431)
    if answer.status == 400:
        assert "as_of" in answer.json["error"]["message"], answer.gist


def test_a_session_of_the_future_is_beyond_the_end(young):
    session = Session.begin(young.gateway.client)
    answer = young.gateway.client.get(f"{session.path}?as_of={young.position + 9}")
    assert answer.status == 404 and "as_of" in answer.json["error"]["message"], answer.gist


def test_the_past_is_for_whom_the_present_is(young):
    point, stranger = young.position, young.register()
    clients = [young.nobody, stranger.client] + [
        young.by_role(role).client for role in ("user", "support", "service", "auditor", "staff")
    ]
    mine = Session.begin(young.user.client)
    for path in (*paths(young), mine.path):
        for client in clients:
            now, then = client.get(path), client.get(f"{path}?as_of={young.position}")
            assert now.status == then.status, (path, now.gist, then.gist)
            if now.status >= 400:
                assert now.body == then.body
    assert young.register().client.get(f"/v1/users/{young.user.uuid}/usage?as_of={point}").status in (403, 404)


def test_bad_points_end_the_command_with_a_sentence(young):
    store, user = young.store, young.user.uuid
    for point, code in (("x", 64), ("", 64), ("-1", 64), (str(young.position + 1), 65), ("2999-01-01T00:00:00Z", 65)):
        said = store.try_run("usage", user, "--as-of", point)
        assert said.returncode == code and "--as-of" in said.stderr and said.stdout == "", said
    unknown = store.try_run("usage", user, "--as-of", "0")
    assert unknown.returncode == 65 and "--as-of" in unknown.stderr, unknown


# Speed

BUSY_EVENTS = 10_000
LOG_EVENTS = 300_000


@pytest.fixture(scope="module")
def busy(tmp_path_factory) -> Iterator[Service]:
    """A log of hundreds of thousands of records, of which every thirtieth is the busy user's."""
    store = Store.create(tmp_path_factory.mktemp("busy"))
    each = LOG_EVENTS // BUSY_EVENTS
    for part in range(3):
        lines = (
            json.dumps({"id": f"b-{number}", "user": "busy" if number % each == 0 else f"other-{number % 97}", "tokens": 3})
            for number in range(part * LOG_EVENTS // 3, (part + 1) * LOG_EVENTS // 3)
        )
        store.run("append", "--register-unknown-users", input="\n".join(lines) + "\n")
    service = Service(store)
    try:
        yield service
    finally:
        service.close()


def test_a_busy_account_in_a_long_log_is_answered_about_at_once(busy):
    auditor = Auditor(busy.base, busy.store.admin["token"])
    head, draw = busy.position, random.Random(7)
    assert head > LOG_EVENTS
    taken = []
    for position in [head] + [draw.randint(200, head) for _ in range(300)]:
        begun = time.perf_counter()
        answer = auditor.get(f"/v1/users/busy/usage?as_of={position}")
        taken.append(time.perf_counter() - begun)
        assert answer.status == 200 and answer.json["windows"]["monthly"]["used"] <= 3 * BUSY_EVENTS
    print(f"median {1e3 * statistics.median(taken):.2f} ms, largest {1e3 * max(taken):.2f} ms")
    assert statistics.median(taken) < 0.02
    assert answer_at(auditor, head) == 3 * BUSY_EVENTS


def answer_at(auditor: Auditor, position: int) -> int:
    return json.loads(auditor.read(f"/v1/users/busy/usage?as_of={position}"))["windows"]["monthly"]["used"]

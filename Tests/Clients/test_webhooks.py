"""Webhooks: every event of the chosen types at least once and in order, signed, whatever fails on either side."""

import json
import os
import random
import statistics
import threading
import time
from contextlib import contextmanager

import pytest
import standardwebhooks

from receiver import SECRET, Receiver, Reply
from service import run, until

OTHER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def receiving(*arguments, **options):
    receiver = Receiver(*arguments, **options)
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def write(tmp_path):
    """Writes the configuration file and returns its path."""

    def write(*hooks, **members) -> str:
        path = tmp_path / "settings.json"
        path.write_text(json.dumps({"webhooks": list(hooks)} | members))
        return str(path)

    return write


@pytest.fixture
def serve(start, write):
    """Starts a service with these webhooks."""
    return lambda *hooks: start("--config", write(*hooks))


def crossings(service) -> list[dict]:
    return service.events(type="threshold_crossed")


def cross(service, times: int = 1) -> None:
    """Has new users pass the four thresholds of their day, one by one."""
    for _ in range(times):
        person = service.register()
        service.set_limits(person, 100, None, None)
        for tokens in (50, 30, 10, 10):
            service.spend(person, tokens)


def status(service, name: str = "ops") -> dict:
    answer = service.auditor.client.get("/v1/webhooks")
    assert answer.status == 200, answer.gist
    return next(hook for hook in answer.json["webhooks"] if hook["name"] == name)


def in_order(receiver) -> list[dict]:
    """What was taken without repetitions, which must repeat the first attempt in everything but time and signature."""
    first = {}
    for delivery in receiver.taken:
        delivery.verify(receiver.secret)
        assert first.setdefault(delivery.id, delivery).body == delivery.body
    events = [delivery.event for delivery in first.values()]
    positions = [event["position"] for event in events]
    assert positions == sorted(positions)
    return events


def test_crossed_thresholds_arrive_once_in_order_and_verify(serve, receiver):
    service = serve(receiver.hook())
    cross(service, times=3)
    expected = crossings(service)
    assert [event["percent"] for event in expected] == [50, 80, 90, 100] * 3
    until(lambda: len(receiver.taken) >= len(expected), "every event arrives")
    cross(service)
    until(lambda: len(receiver.taken) >= len(expected) + 4, "later events arrive")
    assert receiver.events == crossings(service)
    assert len(receiver.attempts) == len(receiver.taken)
    assert len({delivery.id for delivery in receiver.taken}) == len(receiver.taken)


def test_a_message_has_the_form_of_standard_webhooks(serve, receiver):
    service = serve(receiver.hook(url=receiver.url("/a/hook?key=1")))
    cross(service)
    until(lambda: receiver.taken, "an event arrives")
    delivery = receiver.taken[0]
    assert delivery.path == "/a/hook?key=1"
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"].startswith("quotalog")
    assert abs(int(delivery.headers["webhook-timestamp"]) - time.time()) < 60
    log, _, position = delivery.id.rpartition("-")
    assert int(position) == delivery.event["position"] and len(log) == 36
    lines = service.admin.get(f"/v1/events?after={int(position) - 1}&limit=1", Accept="application/jsonl")
    assert delivery.body == lines.body.rstrip(b"\n")


def test_another_secret_or_another_body_fails(serve, receiver):
    service = serve(receiver.hook())
    cross(service)
    until(lambda: receiver.taken, "an event arrives")
    delivery = receiver.taken[0]
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        delivery.verify(OTHER_SECRET)
    changed = delivery.body.replace(b'"percent":50', b'"percent":80')
    assert changed != delivery.body
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(changed, delivery.headers)


def test_each_webhook_gets_its_types(serve, receiver):
    with receiving(secret=OTHER_SECRET) as other:
        service = serve(
            receiver.hook(types=["limits_changed", "tokens_spent"]), other.hook("people", types=["user_registered"])
        )
        cross(service)
        service.register()
        until(lambda: len(receiver.taken) == 5 and len(other.taken) >= 2, "both get theirs")
        assert receiver.events == [
            event for event in service.events() if event["type"] in ("limits_changed", "tokens_spent")
        ]
        until(lambda: other.events == service.events(type="user_registered")[1:], "all but the one of init")


def test_a_new_webhook_begins_with_what_happens_from_then_on(start, write, receiver):
    service = start()
    cross(service)
    service.restart("--config", write(receiver.hook()))
    cross(service)
    until(lambda: len(receiver.taken) >= 4, "the new events arrive")
    assert receiver.events == crossings(service)[4:]


def test_a_restart_repeats_nothing_and_misses_nothing(start, write, receiver):
    service = start("--config", write(receiver.hook()))
    cross(service)
    until(lambda: len(receiver.taken) == 4, "the first events arrive")
    service.restart()
    cross(service)
    until(lambda: len(receiver.taken) >= 8, "the next events arrive")
    # While it is not configured events go on to happen.
    service.restart("--config", write())
    cross(service)
    service.restart("--config", write(receiver.hook()))
    until(lambda: len(receiver.taken) >= 12, "what happened meanwhile arrives")
    assert receiver.events == crossings(service)


def test_a_receiver_that_was_down_gets_everything(serve):
    with receiving() as gone:
        port = gone.port
        hook = gone.hook()
    service = serve(hook)
    cross(service)
    until(lambda: status(service)["failures"] >= 2, "attempts fail")
    found = status(service)
    assert found["pending"] and found["last_error"] == "The server could not be connected to."
    assert found["last_attempt_at"] is not None and found["position"] < found["head"]
    cross(service)
    with receiving(port=port) as receiver:
        until(lambda: len(receiver.taken) >= 8, "everything arrives")
        assert receiver.events == crossings(service)
        until(lambda: not status(service)["pending"], "nothing is left")
        found = status(service)
        assert (found["failures"], found["last_error"]) == (0, None)
        assert found["position"] == found["head"] == service.position


@pytest.mark.parametrize("refusal", [500, 404, 429, 302])
def test_an_event_is_repeated_until_it_is_taken(serve, refusal):
    def answer(delivery):
        return Reply(refusal, (("Location", "/elsewhere"),)) if len(receiver.attempts) <= 2 else 204

    with receiving(answer) as receiver:
        service = serve(receiver.hook())
        cross(service)
        until(lambda: len(receiver.taken) >= 4, "everything arrives")
        first, second, third, *_ = receiver.attempts
        assert first.id == second.id == third.id and first.body == second.body == third.body
        assert {delivery.path for delivery in receiver.attempts} == {"/hook"}
        assert second.arrived - first.arrived > 0.45 and third.arrived - second.arrived > 0.95
        for attempt in receiver.attempts:
            attempt.verify()
        assert receiver.events == crossings(service)
        assert len(receiver.attempts) == 6


def test_the_wait_that_a_receiver_asks_for_is_kept(serve):
    def answer(delivery):
        return Reply(503, (("Retry-After", "3"),)) if len(receiver.attempts) == 1 else 204

    with receiving(answer) as receiver:
        service = serve(receiver.hook())
        cross(service)
        until(lambda: len(receiver.taken) >= 4, "everything arrives")
        assert 2.9 < receiver.attempts[1].arrived - receiver.attempts[0].arrived < 8


def test_gone_ends_a_webhook_until_the_next_start(serve, receiver):
    with receiving(lambda _: 410) as gone:
        service = serve(gone.hook("gone"), receiver.hook())
        cross(service, times=2)
        until(lambda: len(receiver.taken) >= 8, "the other gets everything")
        assert receiver.events == crossings(service)
        assert len(gone.attempts) == 1
        assert status(service, "gone")["disabled"] and not status(service)["disabled"]
        assert service.server.complaints().count("410 Gone") == 1
        gone.answer = lambda _: 204
        service.restart()
        until(lambda: len(gone.taken) >= 8, "it gets everything after a restart")
        assert gone.events == crossings(service)


def test_a_killed_server_loses_nothing_and_repeats_little(start, write):
    holding, killed = threading.Event(), threading.Event()

    def answer(delivery):
        if holding.is_set():
            return 503
        # The third of the last four is taken, and the server never learns of it.
        if len(receiver.taken) == 10:
            service.server.process.kill()
            killed.set()
        return 204

    with receiving(answer) as receiver:
        service = start("--config", write(receiver.hook()))
        cross(service, times=2)
        until(lambda: len(receiver.taken) == 8, "the first events arrive")
        until(lambda: stored_position(service) >= receiver.taken[-1].event["position"], "their position is stored")
        holding.set()
        cross(service)
        holding.clear()
        until(killed.is_set, "the server is killed")
        service.server.kill()
        service.resume()
        cross(service)
        until(lambda: len(in_order(receiver)) >= 16, "everything arrives")
        assert in_order(receiver) == crossings(service)
        assert 1 <= len(receiver.taken) - 16 <= 3


def test_nothing_is_lost_whatever_fails(start, write):
    seed = int(os.environ.get("QUOTALOG_TEST_SEED") or random.randrange(1_000_000_000))
    chance = random.Random(seed)

    def answer(_):
        return chance.choices([204, 0, 500, 503], [17, 1, 1, 1])[0]

    with receiving(answer) as receiver:
        service = start("--config", write(receiver.hook(types=["threshold_crossed", "limits_changed"])))
        for _ in range(4):
            cross(service, times=2)
            expected = [event for event in service.events() if event["type"] in ("threshold_crossed", "limits_changed")]
            wanted = chance.randrange(len(expected) + 1)
            until(lambda: len(in_order(receiver)) >= wanted, f"{wanted} events arrive, seed {seed}", 60)
            service.server.kill()
            service.resume()
        until(lambda: len(in_order(receiver)) >= len(expected), f"everything arrives, seed {seed}", 60)
        assert in_order(receiver) == expected, f"seed {seed}"


def stored_position(service) -> int:
    lines = (service.store.path / "webhooks").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("ops ")).split()[1])


def test_a_slow_receiver_holds_up_nobody(serve, receiver):
    gate = threading.Event()
    with receiving(lambda _: (gate.wait(20), 204)[1]) as slow:
        service = serve(slow.hook("slow"), receiver.hook())
        times = []
        for _ in range(5):
            begun = time.monotonic()
            cross(service)
            times.append(time.monotonic() - begun)
        until(lambda: len(receiver.taken) == 20, "the other gets everything")
        assert len(slow.attempts) == 1 and not slow.taken
        assert statistics.median(times) < 2
        gate.set()
        until(lambda: len(slow.taken) >= 20, "the slow one gets everything, too")
        assert in_order(slow) == receiver.events == crossings(service)


def test_a_receiver_that_does_not_answer_is_asked_again(serve):
    gate = threading.Event()
    with receiving(lambda _: (gate.wait(30), 204)[1]) as receiver:
        service = serve(receiver.hook())
        cross(service)
        until(lambda: status(service)["failures"], "the attempt is given up")
        assert status(service)["last_error"] == "The server's answer took too long."
        gate.set()
        until(lambda: len(in_order(receiver)) == 4, "everything arrives")
        assert receiver.attempts[1].arrived - receiver.attempts[0].arrived > 10
        assert in_order(receiver) == crossings(service)


def test_an_answer_without_end_is_cut_off_and_counts(serve):
    with receiving(lambda _: Reply(200, body=b"x" * 10_000_000)) as receiver:
        service = serve(receiver.hook())
        cross(service)
        until(lambda: len(receiver.taken) >= 4, "everything arrives")
        assert receiver.events == crossings(service)


def test_a_stop_lets_the_attempt_end_that_is_under_way(start, write):
    gate = threading.Event()
    with receiving(lambda _: (gate.wait(20), 204)[1]) as receiver:
        service = start("--config", write(receiver.hook()))
        cross(service)
        until(lambda: receiver.attempts, "an attempt is under way")
        service.server.process.terminate()
        until(lambda: cannot_connect(service), "the server takes no more connections")
        gate.set()
        # Not told again: a second signal would not let it end.
        assert service.server.process.wait(20) == 0
        assert len(receiver.taken) == 1
        service.resume()
        until(lambda: len(receiver.taken) >= 4, "the others arrive")
        assert receiver.events == crossings(service)
        assert len(receiver.attempts) == 4


def cannot_connect(service) -> bool:
    try:
        service.nobody.get("/livez")
    except OSError:
        return True
    return False


def test_events_arrive_promptly(serve, receiver):
    service = serve(receiver.hook(types=["tokens_spent"]))
    person = service.register()
    delays = []
    for number in range(1, 21):
        service.spend(person, 1)
        receipt = time.monotonic()
        until(lambda: len(receiver.taken) == number, "the event arrives")
        delays.append(receiver.taken[-1].arrived - receipt)
    assert statistics.median(delays) < 0.2, delays


def test_what_interests_nobody_is_passed_over(serve, receiver):
    service = serve(receiver.hook(types=["calendar_changed", "user_deactivated"]))
    person = service.register()
    for batch in range(5):
        items = [{"id": f"{batch}-{number}", "user": person.uuid, "tokens": 1} for number in range(10_000)]
        assert service.gateway.client.post("/v1/usage", items).status in (200, 201, 207)
    until(lambda: not status(service)["pending"], "everything was looked at")
    service.deactivate(person)
    until(lambda: receiver.taken, "the one event arrives")
    assert receiver.events == service.events(type="user_deactivated")


def test_what_nobody_waited_for_arrives_too(serve, receiver):
    service = serve(receiver.hook(types=["hold_expired"]))
    person = service.register()
    hold = {"id": "h", "user": person.uuid, "estimate": 1, "ttl_seconds": 1}
    assert service.gateway.client.post("/v1/holds", hold).status == 201
    until(lambda: receiver.taken, "the expiry arrives")
    assert receiver.events == service.events(type="hold_expired")


def test_positions_that_cannot_be_stored_are_told_once_and_stored_later(serve, receiver):
    service = serve(receiver.hook())
    # What is written first is a file of this name.
    obstacle = service.store.path / "webhooks.new"
    obstacle.mkdir()
    cross(service)
    until(lambda: "cannot be stored" in service.server.complaints(), "somebody is told")
    cross(service)
    until(lambda: len(receiver.taken) == 8, "events arrive all the same")
    assert service.server.complaints().count("cannot be stored") == 1
    obstacle.rmdir()
    until(lambda: stored_position(service) >= receiver.taken[-1].event["position"], "the position is stored")
    assert receiver.events == crossings(service)


def test_a_damaged_file_of_positions_stops_the_start(start, write, receiver):
    service = start()
    service.close()
    (service.store.path / "webhooks").write_text("quotalog-webhooks 1\n")
    result = service.store.try_run("serve", "--listen", "127.0.0.1:0", "--config", write(receiver.hook()))
    assert result.returncode == 65
    assert "webhooks is no list of webhook positions" in result.stderr


def test_secrets_are_shown_nowhere(start, write, tmp_path):
    def refuse(_):
        return Reply(500, body=SECRET.encode())

    with receiving(refuse) as receiver:
        url = receiver.url("/hook?key=k3y").replace("//", "//me:p4ss@")
        file = tmp_path / "secret"
        file.write_text(OTHER_SECRET + "\n")
        settings = write(
            receiver.hook(url=url), {"name": "filed", "url": receiver.url(), "secret_file": str(file)}
        )
        shown = [run("serve", option, "--config", settings) for option in ("--print-config", "--check-config")]
        service = start("--config", settings)
        cross(service)
        until(lambda: status(service)["failures"] and status(service, "filed")["failures"], "attempts fail")
        assert status(service)["url"] == receiver.url("/…")
        answer = service.admin.get("/v1/webhooks")
        receiver.answer = lambda _: 410
        until(lambda: status(service)["disabled"], "the receiver has gone")
        receiver.attempts[0].verify(SECRET if receiver.attempts[0].path.endswith("k3y") else OTHER_SECRET)
        service.close()
        texts = [answer.body.decode(), service.server.complaints()]
        texts += [result.stdout + result.stderr for result in shown]
        texts += [(service.store.path / "webhooks").read_text()]
        for text in texts:
            for secret in (SECRET, OTHER_SECRET, "p4ss", "k3y"):
                assert secret.removeprefix("whsec_") not in text


def test_operators_see_how_webhooks_are_doing(serve, receiver):
    service = serve(receiver.hook(types=["threshold_crossed", "limits_changed"]))
    found = status(service)
    assert list(found) == [
        "name", "url", "types", "position", "head", "pending", "disabled", "last_attempt_at", "last_error", "failures",
    ]  # fmt: skip
    assert found["types"] == ["limits_changed", "threshold_crossed"]
    assert (found["last_attempt_at"], found["last_error"], found["failures"]) == (None, None, 0)
    assert service.user.client.get("/v1/webhooks").status == 403
    assert service.admin.ask("POST", "/v1/webhooks", {}).status == 405


def test_without_webhooks_there_is_nothing_to_see(service):
    assert service.admin.get("/v1/webhooks").json == {"webhooks": []}
    assert not (service.store.path / "webhooks").exists()


GOOD = {"name": "ops", "url": "http://127.0.0.1:1/", "secret": SECRET}

FAULTS = {
    "no list": ({}, "webhooks"),
    "null": (None, "webhooks"),
    "too many": ([GOOD | {"name": str(number)} for number in range(65)], "webhooks"),
    "no object": (["ops"], "webhooks[0]"),
    "unknown member": ([GOOD | {"urls": "x"}], "webhooks[0].urls"),
    "no name": ([{"url": GOOD["url"], "secret": SECRET}], "webhooks[0].name"),
    "bad name": ([GOOD | {"name": "a b"}], "webhooks[0].name"),
    "name twice": ([GOOD, GOOD], "webhooks[1].name"),
    "name of a number": ([GOOD | {"name": 1}], "webhooks[0].name"),
    "no URL": ([{"name": "ops", "secret": SECRET}], "webhooks[0].url"),
    "relative URL": ([GOOD | {"url": "/hook"}], "webhooks[0].url"),
    "other scheme": ([GOOD | {"url": "ftp://127.0.0.1/"}], "webhooks[0].url"),
    "no secret": ([{"name": "ops", "url": GOOD["url"]}], "webhooks[0].secret"),
    "two secrets": ([GOOD | {"secret_file": "x"}], "webhooks[0].secret"),
    "short secret": ([GOOD | {"secret": "whsec_c2VjcmV0"}], "webhooks[0].secret"),
    "secret without prefix": ([GOOD | {"secret": SECRET.removeprefix("whsec_")}], "webhooks[0].secret"),
    "no types": ([GOOD | {"types": []}], "webhooks[0].types"),
    "unknown type": ([GOOD | {"types": ["threshold_crossed", "nothing"]}], "webhooks[0].types"),
    "type of a number": ([GOOD | {"types": [51]}], "webhooks[0].types"),
    "types as text": ([GOOD | {"types": "threshold_crossed"}], "webhooks[0].types"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_member_and_rule(fault, tmp_path):
    webhooks, member = FAULTS[fault]
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"webhooks": webhooks}))
    result = run("serve", "--check-config", "--config", str(path))
    assert result.returncode == 65
    assert f"{member} in {path} " in result.stderr and len(result.stderr.splitlines()) == 1
    assert SECRET[6:] not in result.stderr and "c2VjcmV0" not in result.stderr


@pytest.mark.parametrize(
    ("content", "code", "rule"),
    [(None, 66, "cannot be read"), ("", 65, "must be whsec_"), (f"{SECRET}\n{SECRET}\n", 65, "must be whsec_")],
)
def test_a_fault_of_a_secret_file_names_it(content, code, rule, tmp_path, write):
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    hook = {"name": "ops", "url": "http://127.0.0.1:1/", "secret_file": str(file)}
    result = run("serve", "--check-config", "--config", write(hook))
    assert result.returncode == code
    assert "webhooks[0].secret_file in" in result.stderr and rule in result.stderr
    assert SECRET[6:] not in result.stderr

"""The gateway loop of Fixtures/gateway, killed wherever a gateway can be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from model import Endpoint, ask
from service import Account, Service, until

GATEWAY = Path(__file__).parents[2] / "Fixtures" / "gateway"
sys.path.insert(0, str(GATEWAY))

from gateway import Gateway, Journal, ModelFailed, Quotalog, QuotalogAway, Refused  # noqa: E402

ESTIMATE = 500
ANSWER = ask("the question", input=70, output=30)
"""A prompt whose call uses 100 tokens."""

KILLED_AT = """
import os, signal, sys
sys.path.insert(0, sys.argv.pop(1))
where, step = sys.argv.pop(1), sys.argv.pop(1)
import gateway

def die_at(name, after):
    if (where, step) == ("after" if after else "before", name):
        os.kill(os.getpid(), signal.SIGKILL)

def watched(kind, method, name_of):
    original = getattr(kind, method)
    def wrapper(self, *arguments):
        result = original(self, *arguments)
        die_at(name_of(*arguments), method != "write")
        return result
    setattr(kind, method, wrapper)

gateway.Gateway.__init__.__kwdefaults__.update(part_tokens=1, beat_seconds=0.01)
watched(gateway.Journal, "write", lambda call, step, body=None: step)
watched(gateway.Quotalog, "hold", lambda body: "hold")
watched(gateway.Quotalog, "change", lambda hold, action, body: "part" if body.get("final") is False else action)
sys.exit(gateway.main())
"""
"""The command, killed once a step stands in the journal (before it is taken), or once quotalog has confirmed it."""


@dataclass
class Setting:
    """A gateway's surroundings: its service, its model, its user, and its journal."""

    service: Service
    endpoint: Endpoint
    person: Account
    journal: Path

    def command(self, prompt: str, *options: str, estimate: int = ESTIMATE) -> list[str]:
        return [
            "--quotalog", self.service.base, "--token", self.service.gateway.token, "--model-url", self.endpoint.url,
            "--journal", str(self.journal), "--user", self.person.uuid, "--estimate", str(estimate), *options, prompt,
        ]  # fmt: skip

    def start(self, prompt: str, *options: str, **settings) -> subprocess.Popen:
        return popen([str(GATEWAY / "gateway.py"), *self.command(prompt, *options, **settings)])

    def run(self, prompt: str, *options: str, **settings) -> tuple[int, str, str]:
        process = self.start(prompt, *options, **settings)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def run_killed(self, where: str, step: str, prompt: str, *options: str) -> None:
        process = popen(["-c", KILLED_AT, str(GATEWAY), where, step, *self.command(prompt, *options)])
        _, err = process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL, (process.returncode, err)

    def gateway(self, **settings) -> Gateway:
        """The module, in this very process."""
        quotalog = Quotalog(self.service.base, self.service.gateway.token, patience_seconds=1)
        return Gateway(quotalog, self.endpoint.url, str(self.journal), **settings)

    def restart(self) -> None:
        """What a gateway does before its first call."""
        gateway = self.gateway()
        assert gateway.left_open == []
        gateway.close()

    @property
    def state(self) -> tuple[int, int]:
        """Tokens used today, and tokens held."""
        day = self.service.windows(self.person)["daily"]
        return day["used"], day["reserved"]

    def types(self) -> list[str]:
        return [event["type"] for event in self.service.events(user=self.person.uuid)]


def popen(arguments: list[str]) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def setting(service, person, endpoint, tmp_path) -> Setting:
    return Setting(service, endpoint, person, tmp_path / "journal.jsonl")


def request(prompt: str = ANSWER) -> dict:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


@pytest.mark.parametrize("options", [(), ("--no-stream",)])
def test_a_call_is_held_answered_and_settled(setting, options):
    assert setting.run(ANSWER, *options) == (0, "answer to the question – ✓ 🦜\n", "")
    assert setting.state == (100, 0)
    assert setting.types()[-2:] == ["spend_held", "hold_settled"]
    spend = setting.service.events(user=setting.person.uuid, type="hold_settled")[0]
    assert (spend["input_tokens"], spend["output_tokens"], spend["model"]) == (70, 30, "default")


def test_a_refusal_is_passed_on_unchanged_and_the_model_hears_nothing(setting):
    setting.service.set_limits(setting.person, 400, None, None)
    code, out, _ = setting.run(ANSWER)
    refusal = json.loads(out)
    assert (code, refusal["status"], refusal["body"]["detail"]) == (3, 409, "Daily token limit exceeded.")
    assert refusal["body"]["type"].endswith("#quota-exceeded")
    assert int(refusal["headers"]["Retry-After"]) > 0 and "RateLimit" in refusal["headers"]
    assert setting.endpoint.model.requests == [] and setting.state == (0, 0)
    setting.restart()
    assert setting.types().count("spend_refused") == 1


@pytest.mark.parametrize("where, step, used, is_asked", [
    ("before", "hold", 0, False),
    ("after", "hold", 0, False),
    ("before", "model", ESTIMATE, False),
    ("before", "settle", 100, True),
    ("after", "settle", 100, True),
    ("before", "end", 100, True),
])  # fmt: skip
@pytest.mark.parametrize("options", [(), ("--no-stream",)])
def test_killed_at_any_step_and_started_again_it_has_counted_once(setting, options, where, step, used, is_asked):
    setting.run_killed(where, step, ANSWER, *options)
    for _ in range(2):
        setting.restart()
        assert setting.state == (used, 0)
    assert len(setting.endpoint.model.requests) == is_asked
    ends = [kind for kind in setting.types() if kind in ("hold_settled", "hold_voided")]
    assert ends == ["hold_settled" if used else "hold_voided"]


@pytest.mark.parametrize("where, step", [("before", "void"), ("after", "void")])
def test_killed_while_it_voids_it_counts_nothing(setting, where, step):
    setting.run_killed(where, step, ask("no", status=500))
    setting.restart()
    assert setting.state == (0, 0)
    assert setting.types()[-2:] == ["spend_held", "hold_voided"]


def test_killed_in_the_middle_of_a_stream_it_counts_the_estimate(setting):
    process = setting.start(ask("slow", gate="middle"))
    setting.endpoint.model.wait_for("middle")
    assert setting.state == (0, ESTIMATE)
    process.kill()
    process.communicate()
    setting.restart()
    assert setting.state == (ESTIMATE, 0)
    setting.endpoint.model.open("middle")


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_at_a_part_it_counts_the_part_once_and_the_rest_of_the_estimate(setting, where):
    setting.run_killed(where, "part", ask("slow", gate="part"))
    for _ in range(2):
        setting.restart()
        assert setting.state == (ESTIMATE, 0)
    drawn = setting.service.events(user=setting.person.uuid, type="hold_drawn")
    assert len(drawn) == 1 and drawn[0]["tokens"] > 0
    setting.endpoint.model.open("part")


def test_parts_and_the_end_add_up_to_what_the_model_reported(setting):
    gateway = setting.gateway(part_tokens=1, beat_seconds=0.01)
    pieces = gateway.ask(setting.person.uuid, request(ask("x", input=70, output=30, gate="sum")), estimate=ESTIMATE)
    answer = next(pieces)
    until(lambda: setting.state[0] > 0, "a part was settled")
    setting.endpoint.model.open("sum")
    answer += "".join(pieces)
    assert answer == "answer to x – ✓ 🦜" and setting.state == (100, 0)
    gateway.close()


def test_a_long_call_extends_its_hold(setting):
    gateway = setting.gateway(ttl_seconds=1, beat_seconds=0.05)
    pieces = gateway.ask(setting.person.uuid, request(ask("x", input=70, output=30, gate="long")), estimate=ESTIMATE)
    next(pieces)
    until(lambda: setting.types().count("hold_extended") >= 4, "the hold was extended")
    assert setting.state == (0, ESTIMATE)
    setting.endpoint.model.open("long")
    list(pieces)
    assert setting.state == (100, 0) and "hold_expired" not in setting.types()
    gateway.close()


@pytest.mark.parametrize("prompt, used", [
    (ask("x", status=500), 0),
    (ask("x", cut=True), ESTIMATE),
    (ask("x", usage=False), ESTIMATE),
])  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_fails_costs_what_it_may_have_used(setting, prompt, used, stream):
    gateway = setting.gateway()
    pieces = gateway.ask(setting.person.uuid, request(prompt), estimate=ESTIMATE, stream=stream)
    if "usage" in prompt:
        list(pieces)
    else:
        with pytest.raises(ModelFailed):
            list(pieces)
    assert setting.state == (used, 0)
    gateway.close()


def test_a_model_that_is_not_there_costs_nothing(setting):
    setting.endpoint.close()
    code, _, err = setting.run(ANSWER)
    assert code == 1 and "model cannot be reached" in err
    assert setting.state == (0, 0) and setting.types()[-1] == "hold_voided"


def test_who_hears_no_more_pays_the_estimate(setting):
    gateway = setting.gateway()
    pieces = gateway.ask(setting.person.uuid, request(), estimate=ESTIMATE)
    next(pieces)
    pieces.close()
    assert setting.state == (ESTIMATE, 0)
    gateway.close()


def test_a_hold_that_is_wrong_is_told_and_forgotten(setting):
    code, _, err = setting.run(ANSWER, estimate=-3)
    assert code == 1 and "estimate" in err
    code, _, err = setting.run(ANSWER)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("option, value, code, words", [
    ("--token", "bad", 1, "unauthenticated"),
    ("--user", "nobody", 1, "no user has this id or name"),
    ("--session", "none", 1, "there is no such session"),
    ("--estimate", "0", 1, "estimate must be an integer from 1"),
    ("--quotalog", "nonsense", 2, "nonsense is no URL like http://127.0.0.1:8080"),
    ("--model-url", "ftp://x", 2, "ftp://x is no URL"),
    ("--journal", "/nowhere/journal", 1, "the journal cannot be used"),
])  # fmt: skip
def test_what_is_wrong_with_a_command_is_said_without_a_traceback(setting, option, value, code, words):
    status, out, err = setting.run(ANSWER, option, value)
    assert (status, out) == (code, "") and words in err and "Traceback" not in err
    assert setting.state == (0, 0)


def test_a_journal_belongs_to_one_gateway_and_a_torn_line_to_no_step(setting):
    gateway = setting.gateway()
    with pytest.raises(SystemExit, match="another gateway"):
        setting.gateway()
    gateway.journal.write("call", "hold", {"id": "x"})
    gateway.close()
    with setting.journal.open("a") as file:
        file.write('{"call": "call", "st')
    journal = Journal(str(setting.journal))
    assert journal.open_calls() == {"call": [("hold", {"id": "x"})]}
    journal.close()


@pytest.mark.parametrize("crash", [False, True])
def test_a_server_that_restarts_is_waited_for(start, endpoint, tmp_path, crash):
    service = start()
    setting = Setting(service, endpoint, service.user, tmp_path / "journal")
    port = service.base.rsplit(":", 1)[1]
    prompt = ask("the question", input=70, output=30, gate="restart")
    process = setting.start(prompt)
    endpoint.model.wait_for("restart")
    if crash:
        service.server.kill()
    else:
        assert service.server.stop() == 0
    endpoint.model.open("restart")
    time.sleep(0.3)
    service.resume("--listen", f"127.0.0.1:{port}")
    assert process.communicate(timeout=30)[1] == "" and process.returncode == 0
    assert setting.state == (100, 0)


def test_what_a_server_that_is_away_misses_is_said_by_the_next_start(start, endpoint, tmp_path):
    service = start()
    setting = Setting(service, endpoint, service.user, tmp_path / "journal")
    gateway = setting.gateway()
    pieces = gateway.ask(setting.person.uuid, request(ask("x", input=70, output=30, gate="away")), estimate=ESTIMATE)
    next(pieces)
    assert service.server.stop() == 0
    endpoint.model.open("away")
    with pytest.raises(QuotalogAway):
        list(pieces)
    service.resume()
    gateway.quotalog.url = service.base
    assert setting.state == (0, ESTIMATE)
    assert gateway.finish_open_calls() == [] and setting.state == (100, 0)
    gateway.close()


def test_ten_gateways_side_by_side_never_pass_the_limit(setting):
    setting.service.set_limits(setting.person, 1000, None, None)
    calls = []
    for number in range(10):
        own = Setting(setting.service, setting.endpoint, setting.person, setting.journal.with_name(f"journal-{number}"))
        calls.append(own.start(ask("many", input=200, output=50, gate="all"), estimate=250))
    until(lambda: sum(call.poll() is not None for call in calls) == 6, "six were refused")
    assert setting.state == (0, 1000)
    setting.endpoint.model.open("all")
    for call in calls:
        call.communicate(timeout=30)
    assert sorted(call.returncode for call in calls) == [0] * 4 + [3] * 6
    assert setting.state == (1000, 0)


def test_many_threads_share_one_gateway(setting):
    setting.service.set_limits(setting.person, 1000, None, None)
    gateway, refused = setting.gateway(), []

    def work() -> None:
        for _ in range(4):
            try:
                list(gateway.ask(setting.person.uuid, request(), estimate=100))
            except Refused as refusal:
                refused.append(refusal.status)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gateway.close()
    assert setting.state == (1000, 0) and refused == [409] * 10

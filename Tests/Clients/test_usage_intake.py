"""The native way in: usage in every body form, good and bad neighbours, and repeated requests."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

from contract import PERIODS
from service import Answer

JSON = "application/json"
LINES = "application/jsonl"
CLOUD_EVENT = "application/cloudevents+json"
CLOUD_EVENTS = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"


def post(service, body, content_type=JSON, role="service", **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return service.by_role(role).client.post("/v1/usage", raw, Content_Type=content_type, **headers)


def record(person, tokens=1, **members):
    return {"id": str(uuid.uuid4()), "user": person.uuid, "tokens": tokens} | members


def cloud_event(person, tokens: int, **attributes) -> CloudEvent:
    attributes = {
        "id": str(uuid.uuid4()),
        "source": "/gateways/one",
        "type": "io.quotalog.usage",
        "time": datetime(2024, 5, 17, 8, tzinfo=UTC),
        "datacontenttype": JSON,
    } | attributes
    return CloudEvent(attributes, {"user": person.uuid, "tokens": tokens})


def structured(event: CloudEvent) -> bytes:
    message = to_structured_event(event)
    assert message.headers["content-type"].startswith(CLOUD_EVENT)
    return message.body if isinstance(message.body, bytes) else message.body.encode()


def is_problem(answer, status: int) -> bool:
    return (
        (answer.status, answer["Content-Type"]) == (status, PROBLEM)
        and answer.json["status"] == status
        and {"type", "title", "detail"} <= answer.json.keys()
    )


def test_a_single_record_is_answered_with_a_receipt(service, person):
    usage = record(person, 17)
    answer = post(service, usage)
    assert answer.status == 201
    assert list(answer.json) == ["id", "position", "recorded_at", "replayed"]
    assert (answer.json["id"], answer.json["replayed"]) == (usage["id"], False)
    assert answer.json["position"] == service.position
    age = datetime.now(UTC) - datetime.fromisoformat(answer.json["recorded_at"])
    assert abs(age.total_seconds()) < 60 and answer.json["recorded_at"].endswith("Z")
    assert service.used(person) == (17, 17, 17)


COUNTS = [
    ({"tokens": 0}, 0),
    ({"tokens": 10}, 10),
    ({"input_tokens": 7}, 7),
    ({"output_tokens": 5}, 5),
    ({"input_tokens": 7, "output_tokens": 5}, 12),
    (
        {"input_tokens": 7, "output_tokens": 5, "cache_read_tokens": 6, "cache_write_tokens": 1, "reasoning_tokens": 4},
        12,
    ),
    ({"tokens": 10, "model": "a-model"}, 10),
    ({"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 5, "gen_ai.request.model": "a-model"}, 12),
    ({"gen_ai.usage.output_tokens": 5}, 5),
]


@pytest.mark.parametrize("members, counted", COUNTS)
def test_what_a_record_counts(service, person, members, counted):
    usage = {"id": str(uuid.uuid4()), "user": person.uuid} | members
    assert post(service, usage).status == 201
    assert service.used(person) == (counted,) * 3


@pytest.mark.parametrize("spelling", ["{uuid}", "{hex}", "{{{uuid}}}", "urn:uuid:{uuid}", "{name}"])
def test_a_user_may_be_named_by_any_spelling_or_by_name(service, person, spelling):
    user = spelling.format(uuid=person.uuid, hex=person.hex.upper(), name=person.name)
    assert post(service, record(person, 4, user=user)).status == 201
    assert service.used(person) == (4, 4, 4)


def many(content_type: str, person, amounts: list[int]) -> tuple[list[str], bytes]:
    """The ids and the body of several records in one request."""
    if content_type == CLOUD_EVENTS:
        events = [cloud_event(person, tokens) for tokens in amounts]
        return [event.get_id() for event in events], b"[" + b",".join(map(structured, events)) + b"]"
    records = [record(person, tokens) for tokens in amounts]
    encoded = [json.dumps(each).encode() for each in records]
    body = b"[" + b",".join(encoded) + b"]" if content_type == JSON else b"\n".join(encoded) + b"\n"
    return [each["id"] for each in records], body


@pytest.mark.parametrize("content_type", [JSON, LINES, "application/x-ndjson", CLOUD_EVENTS])
def test_several_records_are_answered_one_by_one(service, person, content_type):
    ids, body = many(content_type, person, [1, 20, 300])
    first, again = (post(service, body, content_type) for _ in range(2))
    assert (first.status, again.status) == (200, 200)
    assert [result["status"] for result in first.json["results"]] == [201, 201, 201]
    assert [result["status"] for result in again.json["results"]] == [200, 200, 200]
    for answer, replayed in ((first, False), (again, True)):
        results = answer.json["results"]
        assert [result["id"] for result in results] == ids
        assert {result["replayed"] for result in results} == {replayed}
    positions = [[result["position"] for result in answer.json["results"]] for answer in (first, again)]
    assert positions[0] == positions[1] == sorted(positions[0])
    assert first.json["position"] >= positions[0][-1]
    events = service.events(user=person.uuid, type="tokens_spent")
    assert [event["position"] for event in events] == positions[0]


def test_a_structured_cloud_event_is_a_single_record(service, person):
    event = cloud_event(person, 23)
    first, again = (post(service, structured(event), CLOUD_EVENT) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.json | {"replayed": True} == again.json
    [spent] = service.events(user=person.uuid, type="tokens_spent")
    assert spent["happened_at"].startswith("2024-05-17T08:00:00")


def test_an_empty_line_between_lines_is_no_record(service, person):
    lines = json.dumps(record(person)).encode() + b"\r\n\n" + json.dumps(record(person)).encode()
    answer = post(service, lines, LINES)
    assert answer.status == 200
    assert len(answer.json["results"]) == 2


BAD_MEMBERS = {
    "negative": {"tokens": -100},
    "a fraction": {"tokens": 1.5},
    "text": {"tokens": "many"},
    "true": {"tokens": True},
    "null": {"tokens": None},
    "beyond 63 bits": {"tokens": 2**63},
    "no count": {"tokens": ...},
    "negative part": {"tokens": ..., "input_tokens": -1, "output_tokens": 2},
    "sum beyond 63 bits": {"tokens": ..., "input_tokens": 2**63 - 1, "output_tokens": 1},
    "empty id": {"id": ""},
    "id of 256 bytes": {"id": "x" * 256},
    "id of 128 characters and 256 bytes": {"id": "é" * 128},
    "number as id": {"id": 17},
    "no id": {"id": ...},
    "no user": {"user": ...},
    "user as number": {"user": [1]},
    "no date": {"time": "yesterday"},
    "a month 13": {"time": "2026-13-01T00:00:00Z"},
    "no offset": {"time": "2024-05-17T12:00:00"},
    "a number as time": {"time": 1795000000},
}


@pytest.mark.parametrize("members", BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_a_bad_record_is_refused_and_nothing_is_kept(service, person, members):
    usage = {name: value for name, value in (record(person) | members).items() if value is not ...}
    position = service.position
    assert is_problem(post(service, usage), 400)
    assert service.position == position


@pytest.mark.parametrize("body, content_type, status", [
    (b"", JSON, 400), (b"{", JSON, 400), (b"17", JSON, 400), (b'"x"', JSON, 400), (b"null", JSON, 400),
    (b"\xff", JSON, 400), (b"{", CLOUD_EVENT, 400), (b"{}", CLOUD_EVENTS, 400), (b"[]", CLOUD_EVENT, 400),
    (b"{}", "text/plain", 415), (b"{}", "application/x-www-form-urlencoded", 415), (b"{}", "multipart/form-data; boundary=x", 415),
])  # fmt: skip
def test_a_body_of_the_wrong_form_is_a_problem(service, body, content_type, status):
    assert is_problem(post(service, body, content_type), status)


def test_a_bad_neighbour_harms_nobody(service, person):
    good = [record(person, 1), record(person, 20)]
    bad = [record(person, -5), record(person, 7, user=str(uuid.uuid4())), {"id": "incomplete"}, "no object"]
    answer = post(service, [good[0], *bad, good[1]])
    results = answer.json["results"]
    assert answer.status == 207
    assert [result["status"] for result in results] == [201, 400, 404, 400, 400, 201]
    assert [results[0]["id"], results[-1]["id"]] == [good[0]["id"], good[1]["id"]]
    for result in results[1:5]:
        assert result["error"]["status"] == result["status"]
        assert {"type", "title", "detail"} <= result["error"].keys()
    assert service.used(person) == (21, 21, 21)


def test_a_line_that_is_no_json_harms_no_other_line(service, person):
    lines = [json.dumps(record(person, 3)), "{broken", json.dumps(record(person, 40))]
    answer = post(service, "\n".join(lines).encode(), LINES)
    assert answer.status == 207
    assert [result["status"] for result in answer.json["results"]] == [201, 400, 201]
    assert service.used(person) == (43, 43, 43)


def test_a_repeat_inside_one_request_counts_once(service, person):
    usage = record(person, 6)
    answer = post(service, [usage, usage, usage | {"tokens": 7}])
    assert answer.status == 207
    assert [result["status"] for result in answer.json["results"]] == [201, 200, 409]
    assert service.used(person) == (6, 6, 6)


def test_a_repeat_is_answered_with_the_first_receipt(service, person):
    usage = record(person, 9, time="2024-05-17T10:00:00Z", model="m")
    first, again = (post(service, usage) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json | {"replayed": True}
    assert len(service.events(user=person.uuid, type="tokens_spent")) == 1


@pytest.mark.parametrize("member, other", [
    ("tokens", 10), ("user", "another"), ("time", "2024-05-17T10:00:01Z"), ("model", "n"),
])  # fmt: skip
def test_the_same_id_with_other_content_is_a_conflict_that_names_the_member(service, person, member, other):
    usage = record(person, 9, time="2024-05-17T10:00:00Z", model="m")
    first = post(service, usage)
    changed = usage | {member: service.user.uuid if other == "another" else other}
    conflict = post(service, changed)
    assert is_problem(conflict, 409)
    assert member in json.dumps(conflict.json)
    assert post(service, usage).json == first.json | {"replayed": True}


def test_a_repeat_is_known_after_a_restart_and_after_a_kill(start):
    service = start()
    person = service.user
    usage = record(person, 9, time="2024-05-17T10:00:00Z")
    first = post(service, usage)
    service.restart()
    assert post(service, usage).json == first.json | {"replayed": True}
    service.server.kill()
    service.resume()
    assert post(service, usage).json == first.json | {"replayed": True}
    assert post(service, usage | {"tokens": 10}).status == 409


def test_the_header_idempotency_key_stands_for_the_id(service, person):
    usage = {"user": person.uuid, "tokens": 3, "time": "2024-05-17T10:00:00Z"}
    key = f"key-{person.uuid}"
    first, again = (post(service, usage, Idempotency_Key=key) for _ in range(2))
    assert (first.status, first.json["id"], again.status) == (201, key, 200)
    by_member = post(service, usage | {"id": key})
    assert (by_member.status, by_member.json["replayed"]) == (200, True)


@pytest.mark.parametrize("id", ["x", "x" * 255, "é" * 127, 'with "quotes" and \\', "../../etc", "🙂", " a b "])
def test_an_id_is_any_text_of_1_to_255_bytes(service, person, id):
    unique = id if len(id) > 20 else f"{id}{person.hex[:12]}"
    answer = post(service, record(person, 2, id=unique))
    assert (answer.status, answer.json["id"]) == (201, unique)
    [event] = service.events(user=person.uuid, type="tokens_spent")
    assert event["request_id"] == unique


def test_an_unknown_user_is_a_problem(service):
    answer = post(service, record(service.user, user=str(uuid.uuid4())))
    assert is_problem(answer, 404)


def test_an_unknown_user_may_be_registered_on_first_sight(start):
    service = start("--register-unknown-users")
    stranger = str(uuid.uuid4())
    usage = {"id": "first", "user": stranger, "tokens": 5}
    assert service.gateway.client.post("/v1/usage", usage).status == 201
    document = service.admin.get(f"/v1/users/{stranger}/usage").json
    assert [document["windows"][period]["used"] for period in PERIODS] == [5, 5, 5]
    types = [event["type"] for event in service.events(user=stranger)]
    assert types == ["user_registered", "tokens_spent"]


@pytest.mark.parametrize("role, status", [
    ("service", 201), ("staff", 201), ("user", 403), ("support", 403), ("auditor", 403),
])  # fmt: skip
def test_recording_is_for_services_and_staff(service, person, role, status):
    answer = post(service, record(person, 8), role=role)
    assert answer.status == status
    assert status == 201 or is_problem(answer, 403)
    assert service.used(person)[0] == (8 if status == 201 else 0)


def test_without_a_token_nothing_is_recorded(service, person):
    assert service.nobody.post("/v1/usage", record(person)).status == 401
    assert service.used(person) == (0, 0, 0)


# ---- bodies that are large, or many


def own_memory(service) -> int:
    """The most bytes that the server has ever had to itself."""
    text = Path(f"/proc/{service.server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) << 10


MANY = 16_000_000
GREEDY = {
    "lines": (LINES, b"x\n" * (MANY // 2)),
    "numbers": (JSON, b"[" + b"1," * (MANY // 2) + b"1]"),
    "brackets": (JSON, b"[" + b"[]," * (MANY // 3) + b"1]"),
    "events": (CLOUD_EVENTS, b"[" + b"{}," * (MANY // 3) + b"{}]"),
}


def ask_patiently(service, body: bytes, content_type: str) -> Answer:
    """Asked by itself: a server may take its time, and 503 is no fault here."""
    url = urlsplit(service.base)
    connection = HTTPConnection(url.hostname, url.port, timeout=120)
    try:
        headers = {"Authorization": f"Token {service.gateway.token}", "Content-Type": content_type}
        connection.request("POST", "/v1/usage", body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("name", GREEDY)
def test_no_body_takes_more_memory_than_a_few_times_itself(start, name):
    content_type, body = GREEDY[name]
    service = start()
    post(service, record(service.register()))
    before = own_memory(service)
    answer = ask_patiently(service, body, content_type)
    taken = own_memory(service) - before
    assert taken < 12 * MANY, f"{taken >> 20} MiB, {taken / len(body):.1f} times the body"
    assert is_problem(answer, 413)


def test_a_batch_is_taken_as_a_whole_or_comes_again(start):
    service = start()
    person = service.register()
    batches = [[record(person) for _ in range(10_000)] for _ in range(12)]
    with ThreadPoolExecutor(len(batches)) as threads:
        answers = list(threads.map(lambda batch: ask_patiently(service, json.dumps(batch).encode(), JSON), batches))
    assert {answer.status for answer in answers} <= {200, 503}
    for batch, answer in zip(batches, answers):
        if answer.status == 503:
            assert answer["Retry-After"]
            answer = post(service, batch)
        assert answer.status == 200 and len(answer.json["results"]) == len(batch)
    assert service.used(person)[0] == 120_000


@pytest.mark.parametrize("members", [{"tokens": 2**53}, {"tokens": 2**63 - 1}, {"tokens": ..., "input_tokens": 2**53 - 1, "output_tokens": 1}])
def test_one_report_leaves_room_for_others(service, person, members):
    usage = record(person, **members)
    if usage["tokens"] is ...:
        del usage["tokens"]
    answer = post(service, usage)
    assert is_problem(answer, 400) and answer.json["member"] == "tokens"
    assert str(2**53 - 1) in answer.json["detail"]
    assert post(service, record(person, 2**53 - 1)).status == 201
    assert post(service, record(person, 1)).status == 201

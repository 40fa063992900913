"""Named consumers: places in the log that the service keeps for those who read it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from feed import Feed
from test_usage_intake import is_problem


@pytest.fixture
def auditor(service):
    return service.register("auditor").client


@pytest.fixture
def name(request) -> str:
    return request.node.name.replace("[", "-").replace("]", "")[:100]


def put(client, name: str, position: int | None = None, **members):
    return client.ask("PUT", f"/v1/consumers/{name}", ({} if position is None else {"position": position}) | members)


def test_a_new_consumer_begins_at_the_end_and_tells_its_lag(service, auditor, name, person):
    service.by_role("service")
    head = service.position
    made = put(auditor, name)
    assert made.status == 201
    assert list(made.json) == ["name", "position", "head", "lag", "owner", "updated_at"]
    assert (made.json["name"], made.json["position"], made.json["lag"]) == (name, head, 0)
    service.spend(person, 1)
    service.spend(person, 1)
    read = auditor.get(f"/v1/consumers/{name}").json
    assert (read["position"], read["head"], read["lag"]) == (head, head + 2, 2)
    assert read in auditor.get("/v1/consumers").json["consumers"]
    assert put(auditor, name).status == 200


def test_acknowledging_moves_on_and_back_only_when_that_is_meant(auditor, name):
    assert put(auditor, name, 2).status == 201
    assert put(auditor, name, 4).json["position"] == 4
    assert put(auditor, name, 4).status == 200
    back = put(auditor, name, 3)
    assert is_problem(back, 409) and (back.json["code"], back.json["position"]) == ("would_rewind", 4)
    assert put(auditor, name, 3, rewind=True).json["position"] == 3
    assert put(auditor, name, 0, rewind=True).json["position"] == 0


def test_nothing_beyond_the_end_is_acknowledged(service, auditor, name):
    refused = put(auditor, name, service.position + 1)
    assert is_problem(refused, 400) and refused.json["position"] == service.position
    assert is_problem(auditor.get(f"/v1/consumers/{name}"), 404)


def test_a_consumer_belongs_to_whoever_made_it(service, auditor, name):
    put(auditor, name, 2)
    other = service.register("auditor").client
    assert other.get(f"/v1/consumers/{name}").json["position"] == 2
    assert is_problem(put(other, name, 3), 403)
    assert is_problem(other.ask("DELETE", f"/v1/consumers/{name}"), 403)
    assert put(service.admin, name, 3).json["position"] == 3
    assert auditor.ask("DELETE", f"/v1/consumers/{name}").status == 204
    assert is_problem(auditor.get(f"/v1/consumers/{name}"), 404)
    assert is_problem(auditor.ask("DELETE", f"/v1/consumers/{name}"), 404)


@pytest.mark.parametrize("role, status", [("staff", 201), ("auditor", 201), ("user", 403), ("support", 403), ("service", 403)])
def test_consumers_are_for_staff_and_auditors(service, role, status):
    client = service.by_role(role).client
    assert put(client, f"of-{role}").status == status
    assert client.get("/v1/consumers").status == (403 if status == 403 else 200)
    assert service.nobody.get("/v1/consumers").status == 401


def test_a_stream_and_a_page_begin_where_the_consumer_stands(service, auditor, name, person):
    service.by_role("service")
    position = service.position
    put(auditor, name, position)
    service.spend(person, 1)
    service.spend(person, 2)
    page = auditor.get(f"/v1/events?consumer={name}").json
    assert [event["position"] for event in page["events"]] == [position + 1, position + 2]
    with Feed(auditor, f"consumer={name}") as feed:
        feed.wait(2)
    assert feed.events == page["events"]
    put(auditor, name, position + 1)
    with Feed(auditor, f"consumer={name}") as feed:
        assert feed.wait(1)[0]["position"] == position + 2
    with Feed(auditor, f"consumer={name}", last_id=position) as feed:
        assert feed.wait(1)[0]["position"] == position + 2
    put(auditor, name, 0, rewind=True)
    with Feed(auditor, f"consumer={name}", last_id=position) as feed:
        assert feed.wait(2)[0]["position"] == position + 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_every_acknowledged_place_is_there_after(start, end):
    service = start()
    person = service.user
    for _ in range(40):
        service.spend(person, 1)
    auditor = service.auditor
    acknowledged: dict[str, int] = {}

    def move_on(name: str) -> None:
        position = 0
        while True:
            position = position % 40 + 1
            try:
                answer = put(auditor.client, name, position, rewind=True)
            except (OSError, HTTPException):
                return
            if answer.status not in (200, 201):
                return
            acknowledged[name] = position

    with ThreadPoolExecutor(4) as pool:
        movers = [pool.submit(move_on, f"c{number}") for number in range(4)]
        threading.Event().wait(0.5)
        if end == "stop":
            assert service.server.stop() == 0
        else:
            service.server.kill()
        for mover in movers:
            mover.result()
    service.resume()
    found = {one["name"]: one["position"] for one in auditor.client.get("/v1/consumers").json["consumers"]}
    assert found.keys() == acknowledged.keys() and len(found) == 4
    for name, position in acknowledged.items():
        # The one that was under way may have been stored and not been answered.
        assert found[name] in (position, position % 40 + 1)
        if end == "stop":
            assert found[name] == position


def test_the_command_lists_them_with_and_without_a_server(start):
    service = start()
    put(service.auditor.client, "etl", 2)
    for _ in range(2):
        listed = [json.loads(line) for line in service.store.run("consumer", "list", "--json").stdout.splitlines()]
        assert [(one["name"], one["position"], one["lag"] > 0) for one in listed] == [("etl", 2, True)]
        assert "etl" in service.store.run("consumer", "list").stdout
        service.server.stop()


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "%C3%A4", "a" * 101, "a%0A"])
def test_a_name_that_is_none_is_refused(auditor, name):
    for answer in (put(auditor, name), auditor.get(f"/v1/consumers/{name}")):
        assert is_problem(answer, 400)


@pytest.mark.parametrize(
    "body",
    [{"position": -1}, {"position": 1.5}, {"position": "1"}, {"position": 2**63}, {"position": []},
     {"position": 1, "rewind": "yes"}, [], "x", 1, None],
)  # fmt: skip
def test_a_bad_body_changes_nothing(auditor, name, body):
    put(auditor, "steady", 2, rewind=True)
    answer = auditor.ask("PUT", "/v1/consumers/steady", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert is_problem(answer, 400)
    assert auditor.get("/v1/consumers/steady").json["position"] == 2
    auditor.ask("DELETE", "/v1/consumers/steady")


@pytest.mark.parametrize("query", ["consumer=x&after=1", "consumer=a%20b"])
def test_a_page_of_a_consumer_that_makes_no_sense_is_a_problem(auditor, query):
    put(auditor, "x")
    assert is_problem(auditor.get(f"/v1/events?{query}"), 400)
    assert is_problem(auditor.get(f"/v1/events/stream?{query}"), 400)
    assert is_problem(auditor.get("/v1/events?consumer=nobody"), 404)
    auditor.ask("DELETE", "/v1/consumers/x")


def test_there_are_a_thousand_at_most(start):
    service = start()
    client = service.auditor.client
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: put(client, f"c{number}").status, range(1001)))
    assert sorted(made) == [201] * 1000 + [409]
    listed = client.get("/v1/consumers").json["consumers"]
    assert [one["name"] for one in listed] == sorted(one["name"] for one in listed) and len(listed) == 1000


def test_a_file_that_makes_no_sense_stops_the_start(start):
    service = start()
    put(service.auditor.client, "etl", 2)
    assert service.server.stop() == 0
    file = service.store.path / "consumers"
    whole = file.read_text()
    file.write_text(whole.replace("etl 2", "etl two"))
    refused = service.store.try_run("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 65 and str(file) in refused.stderr
    file.write_text(whole)
    service.resume()
    assert service.auditor.client.get("/v1/consumers/etl").json["position"] == 2

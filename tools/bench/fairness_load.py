"""One client of the fairness part, as a process of its own: a job as JSON on standard input, its figures on standard output.

A *flood* keeps its connections full of requests, whatever comes back. A *pace* sends requests at a rate. A *witness* reports
usage and asks for it, each so many times a second, and tells how long every answer took from the moment when it was due.
"""

from __future__ import annotations

import base64
import json
import selectors
import socket
import sys
import time

PIECE = 65_536
STATUS = b"HTTP/1.1 "


class Connection:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.waiting = b""
        self.tail = b""

    def send(self) -> None:
        if self.waiting:
            self.waiting = self.waiting[self.socket.send(self.waiting) :]

    def receive(self) -> int:
        """Reads what is there: how many answers begin in it; -1 at the end."""
        data = self.socket.recv(1 << 20)
        if not data:
            return -1
        text = self.tail + data
        self.tail = text[-len(STATUS) + 1 :]
        return text.count(STATUS)


def load(job: dict) -> dict:
    """Requests on many connections until the time is over, as many as are taken or at a rate."""
    requests = [base64.b64decode(text) for text in job["requests"]]
    refill = [request * max(1, PIECE // len(request)) for request in requests]
    selector = selectors.DefaultSelector()

    def connect(index: int) -> None:
        connection = Connection(job["port"])
        connection.index = index
        events = selectors.EVENT_READ | (0 if job.get("rate") else selectors.EVENT_WRITE)
        selector.register(connection.socket, events, connection)

    for index in range(job["connections"]):
        connect(index)
    start = time.monotonic()
    answered = sent = 0
    while (now := time.monotonic()) < start + job["seconds"]:
        due = int((now - start) * job["rate"]) - sent if job.get("rate") else 0
        everybody = [key.data for key in selector.get_map().values()]
        for number in range(due):
            connection = everybody[(sent + number) % len(everybody)]
            connection.waiting += requests[(sent + number) % len(requests)]
            try:
                connection.send()
            except BlockingIOError:
                pass
        sent += due
        for key, events in selector.select(0.001 if job.get("rate") else 0.1):
            connection = key.data
            try:
                if events & selectors.EVENT_READ:
                    count = connection.receive()
                    answered += max(count, 0)
                    if count < 0:
                        raise ConnectionResetError
                if events & selectors.EVENT_WRITE:
                    if not connection.waiting:
                        connection.waiting = refill[connection.index % len(refill)]
                    connection.send()
            except BlockingIOError:
                pass
            except OSError:
                selector.unregister(connection.socket)
                connection.socket.close()
                connect(connection.index)
    return {"rate": answered / job["seconds"]}


def witness(job: dict) -> dict:
    """How many milliseconds each of the answers took."""
    link = socket.create_connection(("127.0.0.1", job["port"]))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = []
    start = time.monotonic()
    number = 0
    while (due := start + number / job["rate"]) < start + job["seconds"]:
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
        body = json.dumps({"id": f"{job['name']}-{number}", "user": job["user"], "tokens": 1}).encode()
        head = "POST /v1/usage" if number % 2 else f"GET /v1/users/{job['user']}/usage"
        body = body if number % 2 else b""
        link.sendall(
            f"{head} HTTP/1.1\r\nHost: h\r\nAuthorization: Token {job['token']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        text = b""
        while b"\r\n\r\n" not in text:
            text += link.recv(PIECE)
        head, _, rest = text.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise SystemExit(f"the witness was refused: {text[:300]!r}")
        length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
        while len(rest) < length:
            rest += link.recv(PIECE)
        took.append((time.monotonic() - due) * 1000)
        number += 1
    return {"milliseconds": took}


def main() -> None:
    job = json.load(sys.stdin)
    print(json.dumps(witness(job) if job["kind"] == "witness" else load(job)))


main()

"""A proxy between an unmodified SDK and the runtime that checks all it passes on, bytes unchanged."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

from journal import FrameReader, Journal


def quickly(client: socket.socket) -> bytes:
    """What a client sent. SDKs write header and body apart: acknowledged late, every call would take 40 ms."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    data = client.recv(65536)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return data


class Wiretap:
    """Listens on a free port; every connection gets a journal."""

    def __init__(self, runtime: str):
        host, port = runtime.rsplit(":", 1)
        self.runtime = (host, int(port))
        self.journals: list[Journal] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.runtime)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                journal = Journal()
                self.journals.append(journal)
                for pump in (self._upstream, self._downstream):
                    threading.Thread(target=pump, args=(client, server, journal), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, journal: Journal) -> None:
        reader = FrameReader()
        with contextlib.suppress(OSError):
            while data := quickly(client):
                for _, message in reader.feed(data):
                    journal.sent(message)
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _downstream(self, client: socket.socket, server: socket.socket, journal: Journal) -> None:
        reader = FrameReader()
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                try:
                    for body, message in reader.feed(data):
                        journal.received(body, message)
                except (AssertionError, json.JSONDecodeError) as fault:
                    journal.faults.append(f"framing: {fault}")
                client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def events(self, session: str) -> list[dict]:
        """The events of a session on whichever connections, in order of each."""
        return [event for journal in self.journals for event in journal.events(session)]

    @property
    def faults(self) -> list[str]:
        return [fault for journal in self.journals for fault in journal.faults]

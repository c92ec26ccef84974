"""A local Iterable without limits and without a memory for people: it counts subscribers and says that all is well.

Run as a program it prints its address and serves until it is stopped. It shares the machine with what is measured, so
it does as little as it can: a thread for each connection, no JSON parser for the bulk calls, one write for each answer.
"""
from __future__ import annotations

import json
import re
import socket
import threading

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BULK = (b"/api/lists/subscribe", b"/api/lists/unsubscribe")


class Sink:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lists: list[dict] = []
        self.counts = {"requests": 0, "subscribe": 0, "unsubscribe": 0}

    def serve(self, connection: socket.socket) -> None:
        """Answers requests until the client closes the connection."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer, filled = bytearray(1 << 20), 0
        with connection:
            while True:
                head = buffer.find(b"\r\n\r\n", 0, filled)
                if head >= 0:
                    length = LENGTH.search(buffer, 0, head)
                    body, end = head + 4, head + 4 + (int(length.group(1)) if length else 0)
                    if filled >= end:
                        connection.sendall(self.answer(buffer, body, end))
                        buffer[: filled - end] = buffer[end:filled]
                        filled -= end
                        continue
                    if end > len(buffer):
                        buffer.extend(bytes(end - len(buffer)))
                elif filled == len(buffer):
                    return  # no head is that long
                try:
                    received = connection.recv_into(memoryview(buffer)[filled:])
                except ConnectionError:
                    return
                if received == 0:
                    return
                filled += received

    def answer(self, buffer: bytearray, body: int, end: int) -> bytes:
        method, path = bytes(buffer[:buffer.index(b"\r")]).split(b" ")[:2]
        if path in BULK:
            # Every subscriber is an object, and so is the body itself; seeded identifiers have no braces.
            people = buffer.count(b"{", body, end) - 1
            with self.lock:
                self.counts["requests"] += 1
                self.counts["subscribe" if path == BULK[0] else "unsubscribe"] += people
            return response(b'{"successCount":%d,"failCount":0,"invalidEmails":[],"invalidUserIds":[]}' % people)
        with self.lock:
            return response(json.dumps(self.other(method, path, bytes(buffer[body:end]))).encode())

    def other(self, method: bytes, path: bytes, body: bytes) -> dict:
        """The rare calls: lists, and what was counted."""
        if path == b"/sink":
            return self.counts
        if path == b"/api/lists" and method == b"POST":
            number = len(self.lists) + 1
            self.lists.append({
                "id": number, "name": json.loads(body)["name"], "listType": "Standard", "createdAt": 1_700_000_000_000})
            return {"listId": number}
        return {"lists": self.lists}


def response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def main() -> None:
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=sink.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()

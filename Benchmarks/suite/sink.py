"""A local Iterable without limits and without a memory for records: it counts them and says that all is well.

Run as a program it prints its address and serves until it is stopped. It shares the machine with what is measured, so
it does as little as it can: a thread for each connection, no JSON parser for the bulk calls, one write for each answer.
Its argument is a JSON object: the fields of the profiles, with their types.
"""
from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CATALOGS = b"/api/catalogs/"
REASONS = {200: b"OK", 201: b"Created", 202: b"Accepted", 404: b"Not Found"}
SUCCESS = b'{"msg":"","code":"Success","params":{}}'
NOT_FOUND = {"msg": "Not found", "code": "NotFound", "params": {}}

# Of each bulk call: what is counted; what stands in the body once for each record, and how often besides. Every
# subscriber is an object, and so is the body itself; seeded identifiers have no braces. Documents of items have no
# objects within, and stand together in one.
BULK = {
    b"/api/lists/subscribe": ("subscribe", b"{", 1),
    b"/api/lists/unsubscribe": ("unsubscribe", b"{", 1),
    b"/api/users/bulkUpdate": ("update", b'"mergeNestedObjects":', 0),
    b"/api/events/trackBulk": ("track", b'"createNewFields":', 0),
}
PUT = ("put", b"{", 2)


class Sink:
    def __init__(self, fields: dict[str, str]) -> None:
        self.lock = threading.Lock()
        self.fields = fields
        self.lists: list[dict] = []
        self.catalogs: dict[str, dict[str, str]] = {}
        """The types of the fields of each."""
        self.arrivals: list[tuple[float, int]] = []
        """When events had arrived, in seconds since 1970, and how many until then."""
        self.counts = {"requests": 0, "subscribe": 0, "unsubscribe": 0, "update": 0, "track": 0, "put": 0}

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
            records = self.count(*BULK[path], buffer, body, end)
            return response(200, b'{"successCount":%d,"failCount":0,"invalidEmails":[],"invalidUserIds":[]}' % records)
        if method == b"POST" and path.startswith(CATALOGS) and path.endswith(b"/items"):
            self.count(*PUT, buffer, body, end)
            return response(202, SUCCESS)
        with self.lock:
            if path == b"/api/events/track":
                self.counts["requests"] += 1
                self.counts["track"] += 1
                return response(200, SUCCESS)
            status, answer = self.other(method, path, bytes(buffer[body:end]))
        return response(status, json.dumps(answer).encode())

    def count(self, what: str, mark: bytes, besides: int, buffer: bytearray, body: int, end: int) -> int:
        records = buffer.count(mark, body, end) - besides
        with self.lock:
            self.counts["requests"] += 1
            self.counts[what] += records
            if what == "track":
                self.arrivals.append((time.time(), self.counts[what]))
        return records

    def other(self, method: bytes, path: bytes, body: bytes) -> tuple[int, dict]:
        """The rare calls: lists, fields, catalogs, and what was counted."""
        if path == b"/sink":
            return 200, dict(self.counts)
        if path == b"/sink/arrivals":
            return 200, {"arrivals": self.arrivals}
        if path == b"/api/lists" and method == b"POST":
            number = len(self.lists) + 1
            self.lists.append({
                "id": number, "name": json.loads(body)["name"], "listType": "Standard", "createdAt": 1_700_000_000_000})
            return 200, {"listId": number}
        if path == b"/api/lists":
            return 200, {"lists": self.lists}
        if path == b"/api/users/getFields":
            return 200, {"fields": self.fields}
        if path.split(b"?")[0] == b"/api/catalogs":
            names = [{"name": name} for name in self.catalogs]
            return 200, enveloped({"catalogNames": names, "totalCatalogsCount": len(names)})
        if path.startswith(CATALOGS):
            name, _, rest = path.removeprefix(CATALOGS).decode().partition("/")
            return self.catalog(method, name, rest, body)
        return 404, NOT_FOUND

    def catalog(self, method: bytes, name: str, rest: str, body: bytes) -> tuple[int, dict]:
        """Makes a catalog; gives its fields types, and tells them."""
        if method == b"POST" and not rest:
            self.catalogs[name] = {}
            return 201, enveloped({"name": name})
        if name not in self.catalogs or rest != "fieldMappings":
            return 404, NOT_FOUND
        if method == b"PUT":
            for update in json.loads(body)["mappingsUpdates"]:
                self.catalogs[name][update["fieldName"]] = update["fieldType"]
            return 200, enveloped({})
        return 200, enveloped({"definedMappings": self.catalogs[name], "undefinedFields": []})


def enveloped(params: dict) -> dict:
    return {"msg": "", "code": "Success", "params": params}


def response(status: int, body: bytes) -> bytes:
    return (b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, REASONS[status], len(body), body))


def main() -> None:
    sink = Sink(json.loads(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=sink.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()

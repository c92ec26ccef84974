"""Posts events to a receiver over many connections that are kept: what stands in Iterable's place in the benchmarks.

Run as a program, with a JSON object as its argument (`Load` says what stands in it), it prints one: when the first request
went out and the last answer came on the monotonic clock, how many answers had which status, and how long answers took.
With a rate, requests are due at fixed moments, and what an answer took counts from there: a receiver that falls behind does
not make the load lighter, nor the numbers better.

With `persistent`, a connection that breaks is made again, and what had no answer on it is posted again until it is taken: as a
sender does whose receiver is killed.
"""
from __future__ import annotations

import itertools
import json
import selectors
import socket
import sys
import time
from collections import Counter

BODY = (
    '{"email":"user%d@example.com","userId":"u-%d","eventName":"%s","dataFields":{"campaignId":%d,"templateId":77,'
    '"messageId":"%032x","messageTypeId":3,"channelId":2,"workflowId":null,"experimentId":null,'
    '"createdAt":"2026-11-20 %02d:%02d:%02d +00:00","campaignName":"Weekly letter","labels":["weekly"],'
    '"url":"https://shop.example.com/products/%d?utm_source=letter","linkId":"%d","ip":"192.0.2.1",'
    '"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Safari/537.36",'
    '"userAgentDevice":"Other"}}')
NAMES = ["emailSend", "emailOpen", "emailClick", "emailOpen"]
PREPARED = 100_000
"""Bodies that are made before the first request, so that making them takes no time from the receiver beside it."""


def body(number: int) -> bytes:
    """The event of this number; no two are alike."""
    second = number // 50
    return (BODY % (
        number % 90_001, number % 90_001, NAMES[number % 4], number % 53, number, second // 3600 % 24, second // 60 % 60,
        second % 60, number % 401, number % 11)).encode()


class Load:
    def __init__(self, settings: dict) -> None:
        self.port: int = settings["port"]
        self.first: int = settings["first"]
        self.count: int = settings["count"]
        self.rate: float | None = settings.get("rate")
        """Requests a second; none: each connection posts again as soon as it has its answer."""
        self.connections: int = settings["connections"]
        self.head = (
            f"POST {settings['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: {settings['token']}\r\nContent-Length: ").encode()
        self.persistent: bool = settings.get("persistent", False)
        bodies = map(body, range(self.first, self.first + self.count))
        self.bodies = itertools.chain(list(itertools.islice(bodies, PREPARED)), bodies)
        self.sent = 0
        self.unanswered: list[bytes] = []
        """Bodies whose connection broke before an answer came."""
        self.posted: dict[socket.socket, bytes] = {}
        self.cut = 0
        """How many requests have had no answer."""
        self.answers: Counter[int] = Counter()
        self.times: list[float] = []
        self.selector = selectors.DefaultSelector()
        self.idle: list[socket.socket] = []
        self.received: dict[socket.socket, bytes] = {}

    def due(self, started: float) -> float:
        """When the next request is to go out."""
        return started + self.sent / self.rate if self.rate else 0

    @property
    def has_more(self) -> bool:
        return bool(self.unanswered) or self.sent < self.count

    def post(self, connection: socket.socket) -> None:
        """Posts what had no answer, or else the next event."""
        if self.unanswered:
            content = self.unanswered.pop()
        else:
            content = next(self.bodies)
            self.sent += 1
        self.posted[connection] = content
        try:
            connection.sendall(self.head + b"%d\r\n\r\n" % len(content) + content)
        except ConnectionError:
            self.replace(connection)

    def connect(self) -> None:
        ends = time.monotonic() + (60 if self.persistent else 0)
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port))
                break
            except ConnectionError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.02)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(connection, selectors.EVENT_READ)
        self.received[connection] = b""
        self.idle.append(connection)

    def replace(self, broken: socket.socket) -> None:
        """A connection has broken."""
        if not self.persistent:
            sys.exit("the receiver closed a connection")
        self.selector.unregister(broken)
        del self.received[broken]
        broken.close()
        if broken in self.idle:
            self.idle.remove(broken)
        if broken in self.posted:
            self.unanswered.append(self.posted.pop(broken))
            self.cut += 1
        self.connect()

    def read(self, connection: socket.socket) -> int | None:
        """The status of an answer that is complete now."""
        try:
            new = connection.recv(65_536)
        except ConnectionError:
            new = b""
        if not new:
            self.replace(connection)
            return None
        text = self.received[connection] + new
        end = text.find(b"\r\n\r\n")
        if end < 0 or len(text) < end + 4 + length(text[:end]):
            self.received[connection] = text
            return None
        self.received[connection] = b""
        return int(text[9:12])

    def run(self) -> dict:
        since: dict[socket.socket, float] = {}
        for _ in range(self.connections):
            self.connect()
        started = time.monotonic()
        answered = 0
        while answered < self.count:
            now = time.monotonic()
            while self.idle and self.has_more and self.due(started) <= now:
                connection = self.idle.pop()
                since[connection] = self.due(started) or now
                self.post(connection)
            wait = max(0.0, self.due(started) - now) if self.rate and self.idle and self.has_more else 30.0
            ready = self.selector.select(wait)
            if not ready and wait == 30.0:
                sys.exit("no answer within 30 s")
            for key, _ in ready:
                connection = key.fileobj
                status = self.read(connection) if connection in self.received else None
                if status is None:
                    continue
                self.answers[status] += 1
                if self.persistent and status == 503:
                    self.unanswered.append(self.posted.pop(connection))
                else:
                    del self.posted[connection]
                    answered += 1
                self.times.append(time.monotonic() - since[connection])
                self.idle.append(connection)
        return {
            "began": started, "ended": time.monotonic(), "answers": self.answers, "cut": self.cut,
            "milliseconds": [round(seconds * 1000, 1) for seconds in self.times] if self.rate else []}


def length(head: bytes) -> int:
    """Of the body of an answer."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


if __name__ == "__main__":
    print(json.dumps(Load(json.loads(sys.argv[1])).run()))

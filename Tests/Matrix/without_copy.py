"""A server that speaks PostgreSQL's protocol and has no COPY: PostgreSQL, behind a proxy that misspells the word."""
from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path


class WithoutCopy:
    """Listens on a Unix socket until it is stopped; one thread for each direction of each connection."""

    def __init__(self, server: Path, folder: Path, port: int):
        self.server = server
        folder.mkdir()
        self.folder, self.port = folder, port
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / f".s.PGSQL.{port}"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self) -> None:
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.server))
            threading.Thread(target=pass_on, args=(client, server, misspelled), daemon=True).start()
            threading.Thread(target=pass_on, args=(server, client, unchanged), daemon=True).start()


def pass_on(source: socket.socket, target: socket.socket, messages) -> None:
    """Until either side ends; then both do."""
    try:
        with source.makefile("rb") as stream:
            for message in messages(stream):
                target.sendall(message)
    except OSError:
        pass
    for each in (source, target):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def unchanged(stream):
    while piece := stream.read1(65536):
        yield piece


def misspelled(stream):
    """The messages of a client. The first has no type (documentation, "Message Formats"); COPY comes in a Parse or Query."""
    yield (length := stream.read(4)) + stream.read(struct.unpack("!I", length)[0] - 4 if length else 0)
    while kind := stream.read(1):
        length = stream.read(4)
        body = stream.read(struct.unpack("!I", length)[0] - 4)
        if kind == b"P":
            name, query = body.split(b"\0", 1)
            body = name + b"\0" + misspell(query)
        elif kind == b"Q":
            body = misspell(body)
        yield kind + length + body


def misspell(query: bytes) -> bytes:
    return b"XOPY" + query[4:] if query.startswith(b"COPY ") else query

"""The servers that take Iterable's place: the sink, which has no limits, and `rollcall sandbox`, which has."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from . import people
from .basics import fail, stop_at_exit


class Server:
    """A process that prints its address first."""

    def __init__(self, command: list[str | Path]):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        stop_at_exit(self.process)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not found:
            fail(f"{' '.join(map(str, command))} did not start: {line}")
        self.url = found.group()

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def processor_seconds(self) -> float:
        """Processor time that the server has used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SinkServer(Server):
    def __init__(self) -> None:
        fields = json.dumps({field.name: field.type for field in people.FIELDS})
        super().__init__([sys.executable, "-I", "-B", "-S", Path(__file__).with_name("sink.py"), fields])

    def counts(self) -> dict[str, int]:
        return self.get("/sink")

    def arrivals(self) -> list[tuple[float, int]]:
        """When events had arrived, in seconds since 1970, and how many until then."""
        return [(at, number) for at, number in self.get("/sink/arrivals")["arrivals"]]


class SandboxServer(Server):
    """With Iterable's limit of 5 subscribe requests a second, for an email project."""

    def __init__(self, binary: Path):
        super().__init__([binary, "sandbox", "--port", "0", "--project-type", "email", "--requests-per-second", "5"])

"""Delivery at Iterable's pace: 5 requests of 1000 a second, alone on the key, and while another client takes half."""
from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from dataclasses import dataclass

from .basics import fail, say
from .bench import Bench
from .rollcall import KEY, Rollcall
from .servers import SandboxServer
from .shops import fill_sqlite

LIMIT = 5.0
"""Requests a second that the sandbox admits, as Iterable does."""
BATCH = 1000
WINDOW = 10.0
"""Seconds that Rollcall is alone before the other client joins, and in which it must find its share then."""


@dataclass
class Answer:
    """One answer of the sandbox's log: seconds since the first, whose request, status."""

    time: float
    ours: bool
    status: int


class Neighbour:
    """Another client on the same key: half of the limit, evenly, whatever the answers are."""

    def __init__(self, url: str):
        self.host = url.removeprefix("http://")
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self) -> None:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        headers = {"Api-Key": KEY, "Content-Type": "application/json"}

        def post(path: str, body: dict) -> dict:
            connection.request("POST", path, json.dumps(body), headers)
            return json.loads(connection.getresponse().read())

        person = {"listId": post("/api/lists", {"name": "neighbour"})["listId"],
                  "subscribers": [{"email": "neighbour@example.com"}]}
        started, sent = time.monotonic(), 0
        while not self.done.wait(max(0.0, started + sent / (LIMIT / 2) - time.monotonic())):
            post("/api/lists/subscribe", person)
            sent += 1


def pace(bench: Bench) -> None:
    """Alone: the share of the limit that is used over 45 seconds. Not one 429."""
    requests = 225
    say(f"delivery at Iterable's pace, alone: {requests} requests, about {requests / LIMIT:.0f} s")
    answers, outcome = deliver(bench, requests, joins_after=None)
    passed = [answer for answer in answers if answer.ours and answer.status == 200]
    if len(passed) != requests:
        fail(f"the sandbox answered {len(passed)} requests instead of {requests}: {outcome}")
    share = (len(passed) - 1) / (passed[-1].time - passed[0].time) / LIMIT
    refused = outcome["requests"]["rate_limited"]
    bench.report.fixed.value("delivery alone, of Iterable's limit", f"{share:.1%}", ">= 99 %", share >= 0.99)
    bench.report.fixed.value("delivery alone, answers 429", str(refused), "none", refused == 0)


def pace_shared(bench: Bench) -> None:
    """With another client, who joins ten seconds after the first request and takes half of the limit."""
    requests = 300
    seconds = WINDOW + (requests - WINDOW * LIMIT) / (LIMIT / 2)
    say(f"delivery at Iterable's pace, shared: {requests} requests, about {seconds:.0f} s")
    answers, outcome = deliver(bench, requests, joins_after=WINDOW)
    joined = next(answer.time for answer in answers if not answer.ours and answer.status == 200)
    ours = [answer.time for answer in answers if answer.ours and answer.status == 200 and answer.time >= joined]
    converged = convergence([moment - joined for moment in ours])
    sent, refused = outcome["requests"]["sent"], outcome["requests"]["rate_limited"]
    later = [moment for moment in ours if moment >= joined + WINDOW]
    share = (len(later) - 1) / (later[-1] - later[0]) / (LIMIT / 2)
    shown = "never" if converged is None else f"{converged:.1f} s"
    bench.report.fixed.value(
        "delivery shared, until the half is found", shown, "<= 10 s", converged is not None and converged <= WINDOW)
    bench.report.fixed.value("delivery shared, of its half", f"{share:.1%}")
    bench.report.fixed.value(
        "delivery shared, answers 429", f"{refused / sent:.2%}", "<= 1 %", refused <= sent / 100,
        ours=f"{refused} of {sent} requests")


def convergence(times: list[float]) -> float | None:
    """The first of ten requests in a row that are as far apart as the half asks, give or take a quarter."""
    apart = 2 / LIMIT
    steady = [abs(later - earlier - apart) <= apart / 4 for earlier, later in zip(times, times[1:])]
    for place, moment in enumerate(times[:-9]):
        if all(steady[place:place + 9]):
            return moment
    return None


def deliver(bench: Bench, requests: int, joins_after: float | None) -> tuple[list[Answer], dict]:
    """A first sync of so many requests with the default limits: the sandbox's log, and the run's own account."""
    sandbox = SandboxServer(bench.rollcall.binary)
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / f"pace-{requests}", "email")
    fill_sqlite(rollcall.folder / "pace.sqlite", requests * BATCH)
    rollcall.configure(
        {"sqlite": {"type": "sqlite", "path": "pace.sqlite"}}, {"pace": ("sqlite", "people")}, sandbox.url, {})
    process = subprocess.Popen(
        rollcall.command("run", "pace", "--json"), env=rollcall.environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    neighbour = Neighbour(sandbox.url)
    try:
        if joins_after is not None:
            while process.poll() is None and not subscriptions(sandbox):
                time.sleep(0.1)
            time.sleep(joins_after)
            neighbour.thread.start()
        shown, _ = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    neighbour.done.set()
    if process.returncode != 0:
        fail(f"the run ended with {process.returncode}: {shown}")
    answers = subscriptions(sandbox)
    sandbox.process.terminate()
    sandbox.process.wait()
    return answers, json.loads(shown)


def subscriptions(sandbox: SandboxServer) -> list[Answer]:
    """What the sandbox answered to subscribe, oldest first. Its log tells our requests by their rows."""
    answers: list[Answer] = []
    first = None
    for entry in sandbox.get("/sandbox/requests")["requests"]:
        if entry["path"] != "/api/lists/subscribe":
            continue
        hours, minutes, seconds = entry["time"].split(":")
        moment = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        first = moment if first is None else first
        answers.append(Answer((moment - first) % 86400, entry["rowCount"] == BATCH, entry["status"]))
    return answers

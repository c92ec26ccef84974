"""What holds for long and under faults: a stream whose process is killed and whose Iterable is away, and a receiver that is killed.

These sections measure little and prove much; each takes minutes, so that they are run only when they are asked for.
"""
from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Callable

from .basics import fail, run, say, stop_at_exit
from .bench import Bench
from .postgres import uri
from .receivers import PATH, TOKEN, configured as receiving, receiving_port
from .records import postgres_warehouse
from .rollcall import Rollcall
from .servers import Server

RATE = 1_000
"""Rows a second."""
MINUTES = 10
OUTAGE = 60
"""Seconds in which Iterable gives no answer."""
TAKEOVER = 60
"""Seconds after which another process must stream at the latest."""
PATIENCE = 300
"""Seconds after the last commit in which all events must have come."""
POSTS, KILLS = 1_000_000, 50
CONNECTIONS, SENDERS = 100, 2


class Service:
    """`rollcall serve` on a free port."""

    def __init__(self, rollcall: Rollcall, name: str, *options: str) -> None:
        self.log = rollcall.folder / f"{name}.log"
        with open(self.log, "a") as file:
            self.process = subprocess.Popen(
                [*rollcall.command("serve", "--listen", "127.0.0.1:0", *options)], env=rollcall.environment, stderr=file,
                stdout=subprocess.DEVNULL, start_new_session=True)
        stop_at_exit(self.process)
        self.url = ""

    def lag(self) -> float | None:
        """Seconds by which the oldest row without an answer is behind; None: this process does not stream."""
        if not self.url:
            found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", self.log.read_text())
            if not found:
                return None
            self.url = found.group(1)
        try:
            with urllib.request.urlopen(self.url + "/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        found = re.search(r"^rollcall_stream_lag_seconds\{[^}]*\} ([0-9.e+-]+)", text, re.MULTILINE)
        return float(found.group(1)) if found else None


class Writer(threading.Thread):
    """Commits rows ten times a second, at an even rate."""

    def __init__(self, address: str, seconds: int) -> None:
        super().__init__(daemon=True)
        self.address, self.seconds = address, seconds
        self.rows = 0

    def run(self) -> None:
        client = subprocess.Popen(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True)
        stop_at_exit(client)
        began, each = time.monotonic(), RATE // 10
        for tick in range(self.seconds * 10):
            time.sleep(max(0, began + tick / 10 - time.monotonic()))
            client.stdin.write(
                f"INSERT INTO visits (id, person) SELECT n, 'p' || n % 5000 FROM generate_series({self.rows + 1}, "
                f"{self.rows + each}) n;\n\\echo done\n")
            client.stdin.flush()
            if client.stdout.readline() != "done\n":
                return
            self.rows += each
        client.stdin.close()
        client.wait(10)


def stream_faults(bench: Bench) -> None:
    """Two processes, one of which streams; it is killed after a third of the time, and after two thirds Iterable is away."""
    cluster, schema = bench.cluster, "rollcall_endurance"
    cluster.sql(
        "CREATE TABLE visits (id bigint PRIMARY KEY, person text, at timestamptz DEFAULT now(), "
        "loaded_at timestamptz DEFAULT clock_timestamp())", "CREATE INDEX ON visits (loaded_at)")
    sandbox = Server([bench.rollcall.binary, "sandbox", "--port", "0", "--project-type", "user_id"])
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / "endurance", "user_id")
    rollcall.write(
        {"warehouse": postgres_warehouse(bench, schema)},
        {"visits": {
            "kind": "events", "warehouse": "warehouse", "source": {"table": "visits"}, "key": "id",
            "mapping": {"user_id": "person"}, "event": {"name": {"value": "visit"}, "created_at": "at"},
            "start": "all", "cursor": {"column": "loaded_at"}, "stream": {"poll": "1s", "linger": "0s"},
            "guards": {"max_events": "off", "max_age": "off"}}},
        sandbox.url, {"events": {"requests_per_second": 10}, "settle_seconds": 30})
    services = [Service(rollcall, "first")]
    seconds = MINUTES * 60
    writer = Writer(cluster.uri, seconds)
    began = time.monotonic()
    writer.start()
    kill, outage = seconds / 3, seconds * 2 / 3
    lags: list[tuple[float, float | None]] = []
    killed_at = taken_over = None
    is_away = was_away = False
    at_kill = 0
    while time.monotonic() - began < seconds + PATIENCE:
        now = time.monotonic() - began
        if now > 10 and len(services) == 1:
            services.append(Service(rollcall, "second"))
        if now >= kill and killed_at is None:
            services[0].process.send_signal(signal.SIGKILL)
            killed_at, at_kill = now, arrived(sandbox)
            say(f"{now:4.0f} s: the process that streams is killed")
        if outage <= now < outage + OUTAGE and not is_away:
            sandbox.process.send_signal(signal.SIGSTOP)
            is_away = was_away = True
            say(f"{now:4.0f} s: Iterable gives no answer")
        if now >= outage + OUTAGE and is_away:
            sandbox.process.send_signal(signal.SIGCONT)
            is_away = False
            say(f"{now:4.0f} s: Iterable answers")
        known = [lag for lag in (service.lag() for service in services if service.process.poll() is None)
                 if lag is not None]
        lags.append((now, max(known, default=None)))
        if not is_away:
            count = arrived(sandbox)
            if killed_at is not None and taken_over is None and now > killed_at + 2 and count > at_kill:
                taken_over = now - killed_at
                say(f"{now:4.0f} s: another process streams")
            if was_away and not writer.is_alive() and count >= writer.rows:
                break
        time.sleep(1)
    judge(bench, sandbox, writer.rows, taken_over)
    say(chart(lags))
    services[-1].process.terminate()
    if services[-1].process.wait(60) != 0:
        fail(f"serve ended with an error: {services[-1].log.read_text()[-2000:]}")
    runs = cluster.sql(
        f"SELECT count(*), sum(c.planned), sum(c.succeeded), sum(c.failed), sum(c.not_attempted), sum(c.unknown) "
        f"FROM {schema}.sync_runs r JOIN {schema}.sync_run_counts c USING (run_id)").strip()
    say(f"rows of sync_runs, and their planned, succeeded, failed, not attempted, unknown: {runs}")
    cluster.sql("DROP TABLE visits", f"DROP SCHEMA {schema} CASCADE")
    sandbox.process.terminate()
    shutil.rmtree(rollcall.folder)


def arrived(sandbox: Server) -> int:
    """Events that are in Iterable."""
    return sandbox.get("/sandbox/state")["eventCount"]


def judge(bench: Bench, sandbox: Server, rows: int, taken_over: float | None) -> None:
    with urllib.request.urlopen(sandbox.url + "/sandbox/events", timeout=300) as answer:
        events = json.load(answer)["events"]
    ids = {event["id"] for event in events}
    if len(events) != rows or len(ids) != rows:
        fail(f"{rows:,} rows were committed; Iterable has {len(events):,} events with {len(ids):,} ids")
    report = bench.report.fixed
    report.value(f"stream, {RATE:,} rows/s for {MINUTES} min, with faults: events in Iterable", f"{len(events):,}",
                 f"= {rows:,} rows", True, "none is missing, none is there twice")
    if taken_over is None:
        fail("no other process has taken the stream over")
    report.value("another process streams after a kill", f"{taken_over:.0f} s", f"<= {TAKEOVER} s", taken_over <= TAKEOVER)


def chart(lags: list[tuple[float, float | None]]) -> str:
    """The largest lag of each ten seconds, as a bar."""
    lines, tens = ["lag of the oldest row without an answer, by ten seconds:"], {}
    for at, lag in lags:
        tens.setdefault(int(at) // 10 * 10, []).append(lag)
    for at, values in tens.items():
        known = [value for value in values if value is not None]
        top = max(known) if known else None
        lines.append(f"{at:5d} s " + ("no process streams" if top is None else f"{top:6.1f} s " + "#" * min(60, round(top))))
    return "\n".join(lines)


def receiver_kills_postgres(bench: Bench) -> None:
    schema = "rollcall_kills"
    kills(bench, "Postgres", {"type": "postgres", "url": uri(bench.folder), "state_schema": schema},
          lambda _: bench.cluster.sql(
              f"SELECT count(*), coalesce(sum(deliveries), 0) FROM {schema}.iterable_events").replace("|", " "))
    bench.cluster.sql(f"DROP SCHEMA {schema} CASCADE")


def receiver_kills_sqlite(bench: Bench) -> None:
    kills(bench, "SQLite", {"type": "sqlite", "path": "events.sqlite"}, lambda folder: run([
        "sqlite3", "-separator", " ", folder / "events.sqlite",
        "SELECT count(*), coalesce(sum(deliveries), 0) FROM rollcall_iterable_events"]))


def kills(bench: Bench, name: str, warehouse: dict, count: Callable[[Path], str]) -> None:
    """Posts a million events while the receiver is killed again and again."""
    assert bench.cluster
    events = min(POSTS, bench.records)
    rollcall = receiving(bench, f"kills-{name}", warehouse)
    service = Service(rollcall, "serve")
    port = receiving_port(service.process, service.log)
    text = rollcall.configuration.read_text()
    rollcall.configuration.write_text(text.replace('"receiver_listen": "127.0.0.1:0"', f'"receiver_listen": "127.0.0.1:{port}"'))
    say(f"{name}: {events:,} events, {KILLS} kills")
    began = time.monotonic()
    senders = [
        subprocess.Popen(
            [sys.executable, "-I", "-B", "-S", Path(__file__).with_name("sender.py"), json.dumps({
                "port": port, "path": PATH, "token": TOKEN, "first": number * (events // SENDERS),
                "count": events // SENDERS, "connections": CONNECTIONS, "persistent": True})],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        for number in range(SENDERS)]
    for sender in senders:
        stop_at_exit(sender)
    done = 0
    while any(sender.poll() is None for sender in senders):
        time.sleep(0.5)
        stored = int(count(rollcall.folder).split()[0])
        if done < KILLS and stored > (done + 1) * events / (KILLS + 1):
            service.process.send_signal(signal.SIGKILL)
            service.process.wait()
            done += 1
            service = Service(rollcall, "serve")
    results = [json.loads(sender.communicate()[0] or "{}") for sender in senders]
    seconds = time.monotonic() - began
    answered = sum(result.get("answers", {}).get("204", 0) for result in results)
    cut = sum(result.get("cut", 0) for result in results)
    service.process.terminate()
    service.process.wait(60)
    rows, deliveries = map(int, count(rollcall.folder).split())
    if answered != events or rows != events or not answered <= deliveries <= answered + cut:
        fail(f"{events:,} bodies, {answered:,} answers of 204, {cut:,} requests without an answer: "
             f"{rows:,} rows, {deliveries:,} deliveries; answers {[result.get('answers') for result in results]}")
    bench.report.records.value(
        f"receiver, {name}, {done} kills: rows", f"{rows:,}", f"= {events:,} bodies", True,
        f"{deliveries:,} deliveries for {answered:,} answers of 204 and {cut:,} requests without an answer; "
        f"{events / seconds:,.0f}/s")
    shutil.rmtree(rollcall.folder)

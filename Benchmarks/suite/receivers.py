"""Receivers: how fast what Iterable posts becomes durable, and how long an answer takes.

Every answer of 204 means that the event is committed to disk. The floor is the database's own client, which inserts the same rows,
500 a transaction, into a table with the same indexes. Rollcall, the database and the senders share the machine.
"""
from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .basics import fail, run, say, stop_at_exit
from .bench import Bench
from .postgres import uri
from .records import sqlite
from .rollcall import Rollcall
from .timing import Measured, Way, alternate, timed

EVENTS = 100_000
"""Posted in each turn, --records at most."""
SENDERS, CONNECTIONS = 2, 300
"""Processes that post, and the connections of each: more than one transaction takes."""
SECONDS = 20
"""How long half of the rate is kept up."""
TRANSACTION = 500
PATH, TOKEN = "/webhooks/bench", "bench:0123456789abcdef"
SLOWEST = 250
"""Milliseconds that 99 of 100 answers may take at half of the rate."""


class Receiver:
    """`rollcall serve` with one receiver, until it is stopped."""

    def __init__(self, rollcall: Rollcall) -> None:
        self.log = rollcall.folder / "serve.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*rollcall.command("serve", "--listen", "127.0.0.1:0")], env=rollcall.environment, stderr=log,
                stdout=subprocess.DEVNULL, start_new_session=True)
        stop_at_exit(self.process)
        self.port = receiving_port(self.process, self.log)

    def post(self, first: int, count: int, rate: float | None = None) -> tuple[float, list[float]]:
        """Posts events from several processes; the seconds from the first request to the last answer, and what each took."""
        each = count // SENDERS
        senders = [
            subprocess.Popen(
                [sys.executable, "-I", "-B", "-S", Path(__file__).with_name("sender.py"), json.dumps({
                    "port": self.port, "path": PATH, "token": TOKEN, "first": first + number * each, "count": each,
                    "connections": CONNECTIONS, "rate": rate and rate / SENDERS})],
                stdout=subprocess.PIPE, text=True, start_new_session=True)
            for number in range(SENDERS)]
        for sender in senders:
            stop_at_exit(sender)
        results = [json.loads(sender.communicate()[0] or "{}") for sender in senders]
        if any(result.get("answers") != {"204": each} for result in results):
            fail(f"not all of {count:,} events were taken: {[result.get('answers') for result in results]}; the log of "
                 f"serve: {self.log.read_text()[-2000:]}")
        seconds = max(result["ended"] for result in results) - min(result["began"] for result in results)
        return seconds, [value for result in results for value in result["milliseconds"]]

    def stop(self) -> None:
        self.process.terminate()
        if self.process.wait(60) != 0:
            fail(f"serve ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")


def receiving_port(process: subprocess.Popen, log: Path) -> int:
    """Waits until `serve` receives, as its log says."""
    for _ in range(600):
        found = re.search(r"receiving on http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found.group(1))
        if process.poll() is not None:
            break
        time.sleep(0.05)
    fail(f"serve does not receive; its log: {log.read_text()[-2000:]}")


@dataclass
class Place:
    """A database that receives, and the same one without Rollcall."""

    name: str
    rollcall: Rollcall
    floor_name: str
    count: Callable[[], tuple[int, int]]
    """Rows, and the sum of their deliveries."""
    reset: Callable[[], None]
    """No events are left."""
    prepare: Callable[[], None]
    """Makes the floor's table and statements from the events that are there."""
    empty: Callable[[], None]
    """Empties the floor's table."""
    floor: Callable[[], Measured]


def receivers_postgres(bench: Bench) -> None:
    cluster, schema = bench.cluster, "rollcall_receivers"
    rollcall = configured(bench, "receivers-postgres", {
        "type": "postgres", "url": uri(bench.folder), "state_schema": schema})
    statements, table = rollcall.folder / "floor.sql", f"{schema}.iterable_events"

    def prepare() -> None:
        cluster.sql("DROP SCHEMA IF EXISTS floor CASCADE", "CREATE SCHEMA floor",
                    f"CREATE TABLE floor.iterable_events (LIKE {table} INCLUDING ALL)")
        columns = cluster.sql(
            "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = 'iterable_events' "
            f"AND table_schema = '{schema}' ORDER BY ordinal_position").split()
        values = " || ', ' || ".join(f"quote_nullable({column})" for column in columns)
        rows = rollcall.folder / "rows.sql"
        timed(cluster.psql(
            f"SELECT 'INSERT INTO floor.iterable_events ({', '.join(columns)}) VALUES (' || {values} || ');' FROM {table}"),
            output=rows)
        transactions(rows, statements, "BEGIN;", "COMMIT;")

    compare(bench, Place(
        "Postgres", rollcall, "psql INSERT, 500 a transaction",
        lambda: numbers(cluster.sql(f"SELECT count(*) || ' ' || coalesce(sum(deliveries), 0) FROM {table}")),
        lambda: cluster.sql(f"TRUNCATE {table}", "CHECKPOINT"), prepare,
        lambda: cluster.sql("TRUNCATE floor.iterable_events", "CHECKPOINT"),
        lambda: timed(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", statements, cluster.uri])))
    cluster.sql("DROP SCHEMA floor CASCADE", f"DROP SCHEMA {schema} CASCADE")
    shutil.rmtree(rollcall.folder)


def receivers_sqlite(bench: Bench) -> None:
    rollcall = configured(bench, "receivers-sqlite", {"type": "sqlite", "path": "events.sqlite"})
    file, copy = rollcall.folder / "events.sqlite", rollcall.folder / "floor.sqlite"
    statements, table = rollcall.folder / "floor.sql", "rollcall_iterable_events"

    def prepare() -> None:
        schema = run(["sqlite3", file, f"SELECT sql || ';' FROM sqlite_schema WHERE tbl_name = '{table}' AND sql NOTNULL"])
        run(["sqlite3", copy, f"PRAGMA journal_mode = WAL; {schema}"])
        rows = rollcall.folder / "rows.sql"
        timed(["sqlite3", "-cmd", f".mode insert {table}", file, f"SELECT * FROM {table}"], output=rows)
        transactions(rows, statements, "BEGIN IMMEDIATE;", "COMMIT;", "PRAGMA synchronous = FULL;")

    def count() -> tuple[int, int]:
        return numbers(run(["sqlite3", file, f"SELECT count(*) || ' ' || coalesce(sum(deliveries), 0) FROM {table}"]))

    compare(bench, Place(
        "SQLite", rollcall, "sqlite3 INSERT, 500 a transaction", count, lambda: sqlite(file, f"DELETE FROM {table}"),
        prepare, lambda: sqlite(copy, f"DELETE FROM {table}"), lambda: timed(["sqlite3", copy], source=statements)))
    shutil.rmtree(rollcall.folder)


def configured(bench: Bench, name: str, warehouse: dict) -> Rollcall:
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / name, "email")
    rollcall.environment["WEBHOOK_TOKEN"] = TOKEN
    if warehouse["type"] == "sqlite":
        run(["sqlite3", rollcall.folder / warehouse["path"], "PRAGMA journal_mode = WAL"])
    rollcall.configuration.write_text(json.dumps({
        "warehouses": {"warehouse": warehouse},
        "receivers": {"bench": {
            "type": "iterable", "path": PATH, "warehouse": "warehouse", "auth": {"basic": ["${WEBHOOK_TOKEN}"]}}},
        "server": {"receiver_listen": "127.0.0.1:0", "receiver_spool": {"path": str(rollcall.folder / "spool")}},
    }, indent=1))
    rollcall.time("migrate")
    return rollcall


def transactions(rows: Path, into: Path, begin: str, commit: str, first: str = "") -> None:
    """Statements, each in one line, grouped into transactions."""
    with open(rows) as lines, open(into, "w") as out:
        print(first, file=out)
        for number, line in enumerate(lines):
            if number % TRANSACTION == 0:
                print(commit if number else "", begin, sep="\n", file=out)
            out.write(line)
        print(commit, file=out)
    rows.unlink()


def numbers(text: str) -> tuple[int, int]:
    rows, deliveries = text.split()
    return int(rows), int(deliveries)


def compare(bench: Bench, place: Place) -> None:
    """The rate against the floor, and what answers take at half of it."""
    events = min(EVENTS, bench.records) // (SENDERS * TRANSACTION) * SENDERS * TRANSACTION
    say(f"{place.name}: {events:,} events")
    receiver = Receiver(place.rollcall)

    def ours() -> Measured:
        seconds, _ = receiver.post(0, events)
        if place.count() != (events, events):
            fail(f"{events:,} events were answered with 204, but (rows, deliveries) are {place.count()}")
        return Measured(seconds)

    ours()
    place.prepare()
    lowest, result = alternate(
        bench.runs, Way("floor", place.floor, place.empty), Way("received", ours, place.reset))
    what = f"receiver, {place.name}"
    bench.report.records.ratio(what, result, place.floor_name, lowest, 1.5, events)
    place.reset()
    rate = events / result.seconds / 2
    _, times = receiver.post(events, int(rate * SECONDS) // SENDERS * SENDERS, rate)
    receiver.stop()
    cuts = statistics.quantiles(times, n=100)
    bench.report.records.value(
        f"{what}: answers at half of that rate, p99", f"{cuts[98]:.0f} ms", f"<= {SLOWEST} ms", cuts[98] <= SLOWEST,
        f"p50 {cuts[49]:.0f} ms at {rate:,.0f}/s")

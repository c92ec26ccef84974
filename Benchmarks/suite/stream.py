"""Streams: how long it takes from the commit of a row to Iterable's answer, while rows keep coming.

A client commits rows ten times a second, at an even rate; the sink notes when events have arrived, and how many until then. Rows are
sent in the order in which they come, so the n-th event that arrives is taken for the n-th row. Rollcall sends at the pace that Iterable
allows, 10 requests a second. Database, client, Rollcall and sink share the machine.
"""
from __future__ import annotations

import bisect
import shutil
import statistics
import subprocess
import time

from .basics import fail, say, stop_at_exit
from .bench import Bench
from .records import postgres_warehouse
from .rollcall import Rollcall

RATES = (1_000, 5_000)
"""Rows a second."""
SECONDS = 30
"""How long each is kept up."""
COMMITS = 10
"""A second."""
POLL = 1
PATIENCE = 60
"""Seconds in which everything must have arrived."""


def stream(bench: Bench) -> None:
    cluster, schema = bench.cluster, "rollcall_stream"
    cluster.sql(
        "CREATE TABLE order_stream (id bigint PRIMARY KEY, email text, total double precision, "
        "created_at timestamptz DEFAULT now(), loaded_at timestamptz DEFAULT clock_timestamp())",
        "CREATE INDEX ON order_stream (loaded_at)")
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / "stream", "email")
    rollcall.write(
        {"warehouse": postgres_warehouse(bench, schema)},
        {"orders": {
            "kind": "events", "warehouse": "warehouse", "source": {"table": "order_stream"}, "key": "id",
            "mapping": {"email": "email"}, "event": {"name": {"value": "order_placed"}, "created_at": "created_at"},
            "fields": {"total": "total"}, "start": "all", "cursor": {"column": "loaded_at"},
            "stream": {"poll": f"{POLL}s", "linger": "0s"}, "guards": {"max_events": "off", "max_age": "off"}}},
        bench.sink.url, {"events": {"requests_per_second": 10}})
    log = rollcall.folder / "serve.log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            [*rollcall.command("serve", "--listen", "127.0.0.1:0")], env=rollcall.environment, stderr=file,
            stdout=subprocess.DEVNULL, start_new_session=True)
    stop_at_exit(process)
    count = 0
    for rate in RATES:
        say(f"{rate:,} rows a second for {SECONDS} s")
        before = bench.sink.counts()["track"]
        commits = write(cluster.uri, count, rate)
        count += rate * SECONDS
        arrivals = await_arrivals(bench, before, rate * SECONDS, log)
        measure(bench, rate, commits, arrivals)
    process.terminate()
    if process.wait(60) != 0:
        fail(f"serve ended with {process.returncode}: {log.read_text()[-2000:]}")
    cluster.sql("DROP TABLE order_stream", f"DROP SCHEMA {schema} CASCADE")
    shutil.rmtree(rollcall.folder)


def write(uri: str, first: int, rate: int) -> list[float]:
    """Commits rows at this rate; when each of them was committed."""
    client = subprocess.Popen(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True)
    stop_at_exit(client)
    each, commits, began = rate // COMMITS, [], time.time()
    for tick in range(SECONDS * COMMITS):
        time.sleep(max(0, began + tick / COMMITS - time.time()))
        start = first + tick * each
        client.stdin.write(
            f"INSERT INTO order_stream (id, email, total) SELECT n, 'p' || n % 100000 || '@example.com', n % 1000 "
            f"FROM generate_series({start + 1}, {start + each}) n;\n\\echo done\n")
        client.stdin.flush()
        if client.stdout.readline() != "done\n":
            fail("psql did not insert the rows")
        commits += [time.time()] * each
    client.stdin.close()
    client.wait(10)
    return commits


def await_arrivals(bench: Bench, before: int, count: int, log) -> list[tuple[float, int]]:
    """When events had arrived, and how many of these rows until then."""
    for _ in range(PATIENCE * 5):
        if bench.sink.counts()["track"] >= before + count:
            break
        time.sleep(0.2)
    else:
        fail(f"not all of {count:,} events have arrived; the log of serve: {log.read_text()[-2000:]}")
    arrived = [(at, number - before) for at, number in bench.sink.arrivals() if number > before]
    if arrived[-1][1] != count:
        fail(f"{arrived[-1][1]:,} events have arrived instead of {count:,}")
    return arrived


def measure(bench: Bench, rate: int, commits: list[float], arrivals: list[tuple[float, int]]) -> None:
    numbers = [number for _, number in arrivals]
    lags = [arrivals[bisect.bisect_left(numbers, place + 1)][0] - at for place, at in enumerate(commits)]
    cuts = statistics.quantiles(lags, n=100)
    limit = POLL + 1
    bench.report.fixed.value(
        f"stream, {rate:,} rows/s for {SECONDS} s: commit to answer, p95", f"{cuts[94]:.2f} s", f"< {limit} s",
        cuts[94] < limit, f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s")

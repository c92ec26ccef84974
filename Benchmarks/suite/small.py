"""What does not depend on the number of rows: runs with nothing to do, the start of the program, the simulation."""
from __future__ import annotations

from .audience import postgres_people
from .basics import say
from .bench import SMALL, Bench
from .timing import Way, alternate, timed

STARTS = 20
"""Counted runs of each: they are short."""


def small(bench: Bench) -> None:
    """A run without a change, audience of 1000, and `--help`: milliseconds from the prompt."""
    rollcall, with_sqlite, cluster = bench.rollcall, bench.small_sqlite, bench.cluster
    cluster.sql(f"CREATE TABLE small AS {postgres_people('1', str(SMALL))}", "VACUUM ANALYZE small")
    with_sqlite.time_run("small-sqlite", SMALL)
    rollcall.time_run("small-postgres", SMALL)
    sqlite, postgres, start = alternate(
        STARTS,
        Way("SQLite", lambda: with_sqlite.time_run("small-sqlite", 0)),
        Way("Postgres", lambda: rollcall.time_run("small-postgres", 0)),
        Way("--help", lambda: timed([rollcall.binary, "--help"])))
    for what, result, limit in [
        ("run without a change, 1,000 people, SQLite", sqlite, 150),
        ("run without a change, 1,000 people, Postgres", postgres, 150), ("--help", start, 30),
    ]:
        milliseconds = result.seconds * 1000
        bench.report.fixed.value(what, f"{milliseconds:.0f} ms", f"<= {limit} ms", milliseconds <= limit)


def simulation(bench: Bench) -> None:
    """50,000 simulated histories, as CI plays them."""
    if not bench.simulate.exists():
        say(f"simulation skipped: there is no {bench.simulate} (swift build -c release --product simulate)")
        return
    seconds = timed([bench.simulate, "--seeds", "50000", "--thorough"]).seconds
    bench.report.fixed.value("50,000 simulated histories", f"{seconds:.0f} s", "<= 120 s", seconds <= 120)

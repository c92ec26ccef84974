"""`read: changed` beside `read: all`: what a plan fetches, and how long it takes, after few rows have changed."""
from __future__ import annotations

import json
import shutil
from typing import NamedTuple

from .audience import postgres_people
from .basics import fail, run, say
from .bench import UNLIMITED, Bench
from .records import postgres_warehouse
from .rollcall import Rollcall
from .timing import Way, alternate

SYNC = "changing"


class Churn(NamedTuple):
    """A share of the rows, and what a plan that reads what changed may take of one that reads everything."""

    share: str
    every: int
    """One row in this number of rows changes."""
    bytes: float
    seconds: float


CHURNS = [Churn("0.01 %", 10_000, 0.04, 1.3), Churn("0.1 %", 1000, 0.2, 1.3)]


def read_changed(bench: Bench) -> None:
    """One list and one local cache of it, which two configurations read."""
    folder = bench.folder / "read-changed"
    changed, all_rows = configured(bench, folder, "changed"), configured(bench, folder, "all")
    all_rows.environment["ROLLCALL_CACHE_DIR"] = str(changed.cache)
    say(f"Postgres: {bench.rows:,} people, numbered")
    bench.cluster.sql(
        "CREATE TABLE changing (n bigserial, email text, user_id text)",
        f"INSERT INTO changing (email, user_id) {postgres_people('1', str(bench.rows))}", "VACUUM ANALYZE changing")
    changed.time_run(SYNC, bench.rows)
    changed.time_run(SYNC, 0)  # brings all rows with their buckets
    for churn in CHURNS:
        measure(bench, changed, all_rows, churn)
    bench.cluster.sql("DROP TABLE changing", "DROP SCHEMA rollcall_changing CASCADE")
    shutil.rmtree(folder)


def configured(bench: Bench, folder, read: str) -> Rollcall:
    rollcall = Rollcall(bench.rollcall.binary, folder / read, bench.rollcall.project_type)
    rollcall.write(
        {"postgres": postgres_warehouse(bench, "rollcall_changing")},
        {SYNC: {"warehouse": "postgres", "audience": {"table": "changing", "read": read}, "list": {"name": SYNC},
                "mapping": {column: column for column in rollcall.columns}}},
        bench.sink.url, UNLIMITED)
    return rollcall


def measure(bench: Bench, changed: Rollcall, all_rows: Rollcall, churn: Churn) -> None:
    """The plans in turn; then a run, so that what has changed is acknowledged."""
    number = bench.rows // churn.every
    bench.cluster.sql(
        f"UPDATE changing SET email = 'was-' || email, user_id = 'was-' || user_id WHERE n % {churn.every} = 0",
        "VACUUM ANALYZE changing", "VACUUM ANALYZE rollcall_changing.list_members", "CHECKPOINT")
    for rollcall in (changed, all_rows):
        rollcall.check_planned(SYNC, subscribe=number, unsubscribe=number)
    plan = ("plan", SYNC, "--rows", "0")
    ours, floor = alternate(
        bench.runs, Way("changed", lambda: changed.time(*plan)), Way("all", lambda: all_rows.time(*plan)))
    what = f"plan, read: changed, {churn.share} churn"
    bench.report.sized.ratio(what, ours, "plan, read: all", floor, churn.seconds)
    fetched, everything = read_bytes(changed, "changed"), read_bytes(all_rows, "all")
    share = fetched / everything
    bench.report.sized.value(
        "bytes fetched by it ÷ by read: all", f"{share:.3f}", f"<= {churn.bytes}", share <= churn.bytes,
        f"{fetched / 2**20:.1f} of {everything / 2**20:.1f} MiB")
    bench.report.sized.memory(what, ours.peak, bench.rows + number, each=None)
    changed.time_run(SYNC, number, number)


def read_bytes(rollcall: Rollcall, mode: str) -> int:
    shown = run(rollcall.command("plan", SYNC, "--format", "json", "--rows", "0"), env=rollcall.environment)
    read = json.loads(shown)["read"]
    if read["mode"] != mode:
        fail(f"the plan should have read {mode}, but: {read}")
    return read["bytes"]

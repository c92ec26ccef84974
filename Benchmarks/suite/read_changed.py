"""`read: changed` beside `read: all`: what a plan fetches, and how long it takes, after few rows have changed."""
from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NamedTuple

from . import people, users
from .audience import postgres_people
from .basics import fail, run, say
from .bench import UNLIMITED, Bench
from .records import postgres_warehouse
from .report import Group
from .rollcall import Rollcall
from .timing import Way, alternate


class Churn(NamedTuple):
    """A share of the rows, and what a plan that reads what changed may take of one that reads everything."""

    share: str
    every: int
    """One row in this number of rows changes."""
    bytes: float
    seconds: float


CHURNS = [Churn("0.01 %", 10_000, 0.04, 1.3), Churn("0.1 %", 1000, 0.2, 1.3)]


@dataclass
class Source:
    """A table, and a sync of it that two configurations read, over one local cache."""

    name: str
    """In the report."""
    sync: str
    part: str
    """Of the configuration, that says how rows are read."""
    settings: dict
    first: dict[str, int]
    """What the first run sends."""
    change: Callable[[int], str]
    """SQL that changes one row in so many."""
    changed: Callable[[int], dict[str, int]]
    """What a plan sends of so many rows that have changed."""
    rows: int
    bytes_each: int | None
    """What each row may need of memory; None: there is no target."""


def read_changed(bench: Bench) -> None:
    """A list. Rows that change get other identifiers."""
    say(f"Postgres: {bench.rows:,} people, numbered")
    bench.cluster.sql(
        "CREATE TABLE changing (n bigserial, email text, user_id text)",
        f"INSERT INTO changing (email, user_id) {postgres_people('1', str(bench.rows))}", "VACUUM ANALYZE changing")
    columns = bench.rollcall.columns
    compare(bench, bench.report.sized, Source(
        "plan", "changing", "audience",
        {"audience": {"table": "changing"}, "list": {"name": "changing"},
         "mapping": {column: column for column in columns}},
        {"subscribe": bench.rows},
        lambda every: f"UPDATE changing SET email = 'was-' || email, user_id = 'was-' || user_id WHERE n % {every} = 0",
        lambda number: {"subscribe": number, "unsubscribe": number}, bench.rows, None))
    bench.cluster.sql("DROP TABLE changing")


def read_changed_users(bench: Bench) -> None:
    """Users. Of rows that change, one field has another value."""
    say(f"Postgres: {bench.records:,} users")
    bench.cluster.sql(people.CREATE, f"INSERT INTO customers {people.postgres_customers(str(bench.records))}",
                      "VACUUM ANALYZE customers")
    settings = users.settings("postgres")
    del settings["warehouse"]
    compare(bench, bench.report.records, Source(
        "plan, users", "customers", "source", settings, {"update": bench.records},
        lambda every: f"UPDATE customers SET points = points + 1 WHERE id % {every} = 0",
        lambda number: {"update": number}, bench.records, None))
    bench.cluster.sql("DROP TABLE customers")


def compare(bench: Bench, table: Group, source: Source) -> None:
    folder = bench.folder / f"read-changed-{source.sync}"
    changed, all_rows = configured(bench, folder, source, "changed"), configured(bench, folder, source, "all")
    all_rows.environment["ROLLCALL_CACHE_DIR"] = str(changed.cache)
    changed.time_counted(source.sync, **source.first)
    changed.time_counted(source.sync, **dict.fromkeys(source.first, 0))  # brings all rows with their buckets
    for churn in CHURNS:
        measure(bench, table, source, changed, all_rows, churn)
    bench.cluster.sql(f"DROP SCHEMA rollcall_{source.sync} CASCADE")
    shutil.rmtree(folder)


def configured(bench: Bench, folder: Path, source: Source, read: str) -> Rollcall:
    rollcall = Rollcall(bench.rollcall.binary, folder / read, "email" if source.part == "source" else bench.rollcall.project_type)
    settings = source.settings | {source.part: {**source.settings[source.part], "read": read}}
    rollcall.write(
        {"postgres": postgres_warehouse(bench, f"rollcall_{source.sync}")},
        {source.sync: {"warehouse": "postgres", **settings}}, bench.sink.url, UNLIMITED)
    return rollcall


def measure(
    bench: Bench, table: Group, source: Source, changed: Rollcall, all_rows: Rollcall, churn: Churn
) -> None:
    """The plans in turn; then a run, so that what has changed is acknowledged."""
    number = source.rows // churn.every
    members = "list_members" if source.part == "audience" else "synced_records"
    name = source.settings[source.part]["table"]
    bench.cluster.sql(
        source.change(churn.every), f"VACUUM ANALYZE {name}", f"VACUUM ANALYZE rollcall_{source.sync}.{members}",
        "CHECKPOINT")
    for rollcall in (changed, all_rows):
        rollcall.check_planned(source.sync, **source.changed(number))
    plan = ("plan", source.sync, "--rows", "0")
    ours, floor = alternate(
        bench.runs, Way("changed", lambda: changed.time(*plan)), Way("all", lambda: all_rows.time(*plan)))
    what = f"{source.name}, read: changed, {churn.share} churn"
    table.ratio(what, ours, f"{source.name}, read: all", floor, churn.seconds)
    fetched, everything = read_bytes(changed, source, "changed"), read_bytes(all_rows, source, "all")
    share = fetched / everything
    table.value(
        "bytes of it ÷ of read: all", f"{share:.3f}", f"<= {churn.bytes}", share <= churn.bytes,
        f"{fetched / 2**20:.1f} of {everything / 2**20:.1f} MiB")
    table.memory(what, ours.peak, source.rows + number, source.bytes_each)
    changed.time_counted(source.sync, **source.changed(number))


def read_bytes(rollcall: Rollcall, source: Source, mode: str) -> int:
    shown = run(rollcall.command("plan", source.sync, "--format", "json", "--rows", "0"), env=rollcall.environment)
    read = json.loads(shown)["read"]
    if read["mode"] != mode:
        fail(f"the plan should have read {mode}, but: {read}")
    return read["bytes"]

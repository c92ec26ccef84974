"""What the sections of users, events and catalogs share: each has a separate configuration, for an email project.

The sink's counts prove that what a run says it has sent did arrive.
"""
from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .basics import fail
from .bench import UNLIMITED, Bench
from .first_sync import RUN_ID, FirstSync, compare
from .postgres import uri
from .rollcall import Rollcall
from .timing import Measured, Way, alternate, timed


def configured(bench: Bench, name: str, warehouses: dict, syncs: dict[str, dict]) -> Rollcall:
    """Rollcall in a separate folder, with the sink as its destination."""
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / name, "email")
    rollcall.write(warehouses, syncs, bench.sink.url, UNLIMITED)
    return rollcall


def postgres_warehouse(bench: Bench, schema: str) -> dict:
    return {"type": "postgres", "url": uri(bench.folder), "state_schema": schema}


def sqlite(file: Path, *statements: str) -> None:
    """Carries out statements in one transaction; writing it back must not fall into what is measured."""
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    os.sync()


def time_run(bench: Bench, rollcall: Rollcall, sync: str, **expected: int) -> tuple[Measured, dict]:
    """A run that must send exactly this, by operation; and what it has counted."""
    before = bench.sink.counts()
    measured, counts = rollcall.time_counted(sync, **expected)
    after = bench.sink.counts()
    arrived = {operation: after[operation] - before[operation] for operation in expected}
    if arrived != expected:
        fail(f"of the run of {sync}, {arrived} arrived instead of {expected}")
    return measured, counts


def compare_plan(
    bench: Bench, rollcall: Rollcall, sync: str, what: str, floor: Sequence[str | Path], floor_name: str, records: int,
    limit: float | None, bytes_each: int | None,
) -> None:
    """The plan, and the cheapest thing that reads the same rows, in turn."""
    lowest, result = alternate(
        bench.runs, Way("floor", lambda: timed(floor)),
        Way("plan", lambda: rollcall.time("plan", sync, "--rows", "0")))
    bench.report.records.ratio(what, result, floor_name, lowest, limit)
    bench.report.records.memory(what, result.peak, records, bytes_each)


@dataclass
class PostgresSource:
    """A table of the private cluster, and the sync of it."""

    name: str
    """In the report."""
    rollcall: Rollcall
    sync: str
    operation: str
    """What becomes of each record in a first sync."""
    schema: str
    """Of the state tables."""
    table: str
    columns: str
    """That the sync reads."""
    records: int
    bytes_each: int | None = None
    """What each record may need of memory; None: there is no target."""

    @property
    def copy(self) -> str:
        return f"COPY (SELECT {self.columns} FROM {self.table}) TO STDOUT (FORMAT binary)"


@dataclass
class Floor:
    """What psql copies into two tables shaped like the state's records and log, whose other columns fill themselves."""

    kind: str
    records: dict[str, str]
    """Columns of `synced_records`, with SQL for each."""
    logged: dict[str, str]
    """The same of `sync_log`."""


def first_sync(bench: Bench, source: PostgresSource, floor: Floor, limit: float | None) -> None:
    """The floor: psql copies the rows out; key, hash and object into one table; what the log says into another."""
    cluster = bench.cluster
    rows, records, log = (bench.folder / f"{part}.copy" for part in ("rows", "records", "log"))

    def reset() -> None:
        """As before the first run."""
        cluster.sql(f"DROP SCHEMA IF EXISTS {source.schema} CASCADE", "CHECKPOINT")

    def ours() -> Measured:
        return time_run(bench, source.rollcall, source.sync, **{source.operation: source.records})[0]

    def out(columns: str, file: Path) -> Measured:
        return timed(cluster.psql(
            f"COPY (SELECT {columns} FROM {source.table} r) TO STDOUT (FORMAT binary)"), output=file)

    def into(table: str, columns: dict[str, str], file: Path) -> Measured:
        return timed(cluster.psql(f"COPY floor.{table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"), source=file)

    def measure() -> Measured:
        parts = [out(source.columns, rows), into("records", floor.records, records), into("log", floor.logged, log)]
        return Measured(sum(part.seconds for part in parts))

    def empty() -> None:
        cluster.sql("TRUNCATE floor.records, floor.log", "CHECKPOINT")

    reset()
    prepare(bench, source, floor)
    # Hashes and objects are ready beforehand: psql could not make them, and the server's are dear.
    out(", ".join(floor.records.values()), records)
    out(", ".join(floor.logged.values()), log)
    sync = FirstSync(source.name, source.records, ours, reset, source.bytes_each)
    compare(bench, bench.report.records, sync, "psql COPY out, in, in", measure, empty, limit)
    cluster.sql("DROP SCHEMA floor CASCADE")
    for file in (rows, records, log):
        file.unlink()


def prepare(bench: Bench, source: PostgresSource, floor: Floor) -> None:
    """Two tables like Rollcall's own, indexes included.

    The first also has room for the objects, which Rollcall keeps in the outbox until they are acknowledged.
    """
    source.rollcall.time("migrate", "postgres")
    bench.cluster.sql(
        "DROP SCHEMA IF EXISTS floor CASCADE", "CREATE SCHEMA floor",
        f"CREATE TABLE floor.records (LIKE {source.schema}.synced_records INCLUDING ALL)",
        "ALTER TABLE floor.records ADD COLUMN payload bytea, ALTER sync_name SET DEFAULT 'bench', "
        f"ALTER kind SET DEFAULT '{floor.kind}', ALTER state SET DEFAULT 'synced', ALTER owned SET DEFAULT true, "
        f"ALTER since_run_id SET DEFAULT '{RUN_ID}', ALTER since SET DEFAULT now()",
        f"CREATE TABLE floor.log (LIKE {source.schema}.sync_log INCLUDING ALL)",
        f"ALTER TABLE floor.log ALTER run_id SET DEFAULT '{RUN_ID}', ALTER sync_name SET DEFAULT 'bench', "
        f"ALTER operation SET DEFAULT '{source.operation}', ALTER status SET DEFAULT 'succeeded', "
        "ALTER http_status SET DEFAULT 200, ALTER logged_at SET DEFAULT now()")


def plan(bench: Bench, source: PostgresSource, change: str, changing: int, limit: float | None) -> None:
    """With the records in place that a real run has sent, and a source that has changed by 0.1 % since."""
    bench.cluster.sql(
        change, f"VACUUM ANALYZE {source.table}", f"VACUUM ANALYZE {source.schema}.synced_records", "CHECKPOINT")
    source.rollcall.check_planned(source.sync, **{source.operation: changing})
    compare_plan(
        bench, source.rollcall, source.sync, f"plan, {source.name}", bench.cluster.psql(source.copy),
        "psql COPY binary", source.records, limit, source.bytes_each)

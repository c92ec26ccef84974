"""The first sync of everybody, to a sink without limits, beside the bulk writes that it cannot do without."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .bench import Bench
from .report import Group
from .shops import Shop
from .timing import Measured, Way, alternate, timed

RUN_ID = "00000000-0000-7000-8000-000000000000"


def first_sync_postgres(bench: Bench) -> None:
    """The floor: psql copies the rows out, and into two tables shaped like the snapshot and the log."""
    shop = bench.postgres
    cluster, rows, members = shop.cluster, bench.folder / "rows.copy", bench.folder / "members.copy"
    prepare_postgres_floor(bench)

    def out(columns: str, file: Path) -> Measured:
        query = f"COPY (SELECT {columns} FROM people) TO STDOUT (FORMAT binary)"
        return timed(cluster.psql(query), output=file)

    def into(table: str, columns: str, file: Path) -> Measured:
        return timed(cluster.psql(f"COPY floor.{table} ({columns}) FROM STDIN (FORMAT binary)"), source=file)

    # Fingerprints are ready beforehand: psql could not make them, and the server's are dear.
    out(f"gen_random_uuid(), {bench.columns}", members)

    def floor() -> Measured:
        parts = [out(bench.columns, rows), into("members", f"fingerprint, {bench.columns}", members),
                 into("log", bench.columns, rows)]
        return Measured(sum(part.seconds for part in parts))

    compare(bench, bench.report.sized, first_sync_of(shop, "Postgres"), "psql COPY out, in, in", floor,
            lambda: cluster.sql("TRUNCATE floor.members, floor.log", "CHECKPOINT"), limit=2.0)
    cluster.sql("DROP SCHEMA floor CASCADE")
    rows.unlink()
    members.unlink()


def prepare_postgres_floor(bench: Bench) -> None:
    """Two tables like Rollcall's own, indexes and checks included, whose other columns fill themselves."""
    shop = bench.postgres
    shop.reset()
    bench.rollcall.time("migrate", "postgres")
    shop.cluster.sql(
        "DROP SCHEMA IF EXISTS floor CASCADE", "CREATE SCHEMA floor",
        "CREATE TABLE floor.members (LIKE rollcall.list_members INCLUDING ALL)",
        "ALTER TABLE floor.members ALTER sync_name SET DEFAULT 'bench', ALTER list_id SET DEFAULT 1, "
        "ALTER state SET DEFAULT 'subscribed', "
        f"ALTER listed SET DEFAULT true, ALTER since_run_id SET DEFAULT '{RUN_ID}', ALTER since SET DEFAULT now()",
        "CREATE TABLE floor.log (LIKE rollcall.sync_log INCLUDING ALL)",
        f"ALTER TABLE floor.log ALTER run_id SET DEFAULT '{RUN_ID}', ALTER sync_name SET DEFAULT 'bench', "
        "ALTER operation SET DEFAULT 'subscribe', ALTER status SET DEFAULT 'succeeded', "
        "ALTER http_status SET DEFAULT 200, ALTER logged_at SET DEFAULT now()")


def first_sync_sqlite(bench: Bench) -> None:
    """The floor: the sqlite3 shell inserts the rows into two tables shaped like the snapshot and the log."""
    shop = bench.sqlite
    script, floor_file = bench.folder / "floor.sql", bench.folder / "floor.sqlite"
    script.write_text(sqlite_floor(bench))

    def floor() -> Measured:
        return timed(["sqlite3", "-bail", floor_file], source=script)

    def empty() -> None:
        """A copy of the warehouse as `migrate` leaves it, with the tables empty."""
        shop.reset()
        shop.rollcall.time("migrate", "sqlite")
        floor_file.unlink(missing_ok=True)
        shop.file.rename(floor_file)
        shop.reset()

    compare(bench, bench.report.sized, first_sync_of(shop, "SQLite"), "sqlite3 INSERT SELECT twice", floor, empty,
            limit=None)
    floor_file.unlink()


def sqlite_floor(bench: Bench) -> str:
    """Statements that fill the two tables of a warehouse in one transaction."""
    columns, now = bench.columns, "strftime('%Y-%m-%dT%H:%M:%fZ')"
    return (
        "BEGIN IMMEDIATE;\n"
        f"INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, state, listed, since_run_id, since, "
        f"{columns}) SELECT 'bench', 1, randomblob(16), 'subscribed', 1, '{RUN_ID}', {now}, {columns} FROM people;\n"
        f"INSERT INTO rollcall_sync_log (run_id, sync_name, operation, status, http_status, logged_at, {columns}) "
        f"SELECT '{RUN_ID}', 'bench', 'subscribe', 'succeeded', 200, {now}, {columns} FROM people;\n"
        "COMMIT;\n")


@dataclass
class FirstSync:
    """What is measured, and what must be put in place before each run of it."""

    name: str
    rows: int
    run: Callable[[], Measured]
    reset: Callable[[], None]
    bytes_each: int | None = 40
    """What each row may need of memory; None: there is no target."""


def first_sync_of(shop: Shop, name: str) -> FirstSync:
    return FirstSync(name, shop.rows, shop.first_sync, shop.reset)


def compare(
    bench: Bench, group: Group, sync: FirstSync, floor_name: str, floor: Callable[[], Measured],
    empty_floor: Callable[[], None], limit: float | None,
) -> None:
    """First syncs and floors in turn. Ours comes last, so that its snapshot can serve the plans."""
    sink, shares = bench.sink, []

    def ours() -> Measured:
        used = sink.processor_seconds()
        measured = sync.run()
        shares.append((sink.processor_seconds() - used) / measured.seconds)
        return measured

    others, result = alternate(
        bench.runs, Way("floor", floor, empty_floor), Way("first sync", ours, sync.reset))
    what = f"first sync, {sync.name}"
    group.ratio(what, result, floor_name, others, limit, records=sync.rows)
    group.memory(what, result.peak, sync.rows, sync.bytes_each)
    share = sorted(shares)[len(shares) // 2]
    group.value(f"the sink's share of a core, {sync.name}", f"{share:.1%}")

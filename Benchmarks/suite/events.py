"""Events with a cursor: runs that find 10,000 new rows in a table, and in one with a tenth of its rows.

What such a run costs should depend on the new rows, not on the table. Row n was loaded 60 ms after row n - 1, so that
every run reads the same: its 10,000 new rows, and those of the 15 minutes before (the overlap), which it has seen. The
first run (`start: now`) reads the whole table and counts as a sweep; the next sweep is due a day later, so that no
measured run is one. What each run has counted proves it.
"""
from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .audience import postgres_email, postgres_numbers, sqlite_email, sqlite_numbers
from .basics import fail, say
from .bench import Bench
from .first_sync import RUN_ID
from .people import choice
from .records import configured, postgres_warehouse, sqlite, time_run
from .timing import Measured, Way, alternate, timed

NEW = 10_000
STEP = 60
"""Milliseconds between two rows."""
OVERLAP = 15 * 60 * 1000
SEEN = OVERLAP // STEP + 1
"""Rows that are read again: the highest one and those of the overlap before it."""
START = 1_735_689_600_000
"""Row 0, 2025-01-01: in the past whenever this runs. Milliseconds since 1970."""
PERSON = "(n % 1000000 + 1)"

FIELDS = [
    # column, type in both databases, value of row n
    ("total", "double precision", "(n * 7 % 100000) / 100.0"),
    ("items", "bigint", "n % 9 + 1"),
    ("channel", "text", choice("n", ["shop", "web", "app"])),
    ("gift", "boolean", "n % 11 = 0"),
    ("coupon", "text", "CASE WHEN n % 4 = 0 THEN 'C-' || (n % 500) END"),
]
NAMES = [name for name, _, _ in FIELDS]
COLUMNS = ", ".join(["id", "email", "created_at", "loaded_at"] + NAMES)
"""What a sync reads, and a floor."""
VALUES = ", ".join(value for _, _, value in FIELDS)


@dataclass
class Table:
    """A table of orders, and the sync of it, which has the same name."""

    name: str
    rows: int
    """So far."""


class Orders:
    """A warehouse with two tables, of which the larger one has ten times the rows of the other."""

    name: str
    cursor: dict
    loaded_type: str
    floor_name: str
    target: float | None = None
    """Seconds that a run may take."""

    def __init__(self, bench: Bench, folder: str, warehouse: dict, rows: int):
        self.bench = bench
        self.small, self.large = Table("orders_small", rows // 10), Table("orders_large", rows)
        self.tables = [self.small, self.large]
        warehouses = {"warehouse": warehouse, **self.other_warehouses()}
        self.rollcall = configured(
            bench, folder, warehouses, {table.name: self.settings(table) for table in self.tables})
        self.fill()

    def other_warehouses(self) -> dict:
        return {}

    def settings(self, table: Table) -> dict:
        return {
            "kind": "events", "warehouse": "warehouse", "source": {"table": table.name}, "key": "id",
            "mapping": {"email": "email"}, "event": {"name": {"value": "order_placed"}, "created_at": "created_at"},
            "fields": {name: name for name in NAMES}, "start": "now",
            "cursor": {"column": "loaded_at", "sweep": "24h", **self.cursor},
            "guards": {"max_events": "off", "max_age": "off"}}

    def create(self, table: Table) -> str:
        fields = ", ".join(f"{name} {kind}" for name, kind, _ in FIELDS)
        return (f"CREATE TABLE {table.name} (id bigint, email text, created_at timestamptz, "
                f"loaded_at {self.loaded_type}, {fields})")

    def index(self, table: Table) -> str:
        return f"CREATE INDEX {table.name}_by_loaded_at ON {table.name} (loaded_at)"

    # Measuring

    def first_run(self, table: Table) -> None:
        """Nothing is sent; everything counts as seen."""
        measured, counts = time_run(self.bench, self.rollcall, table.name, track=0)
        self.check(table, counts, read=table.rows, unchanged=table.rows)
        group, rows = self.bench.report.records, f"{table.rows:,}"
        group.value(
            f"first run, {rows} events, {self.name}, once", f"{measured.seconds:.1f} s",
            ours=f"{table.rows / measured.seconds:,.0f}/s")
        group.memory(f"first run, {rows}, {self.name}", measured.peak, table.rows, each=None)

    def run(self, table: Table) -> Measured:
        """After `add`: reads the new rows and those of the overlap, and nothing else."""
        seen = min(SEEN, table.rows - NEW)
        measured, counts = time_run(self.bench, self.rollcall, table.name, track=NEW)
        self.check(table, counts, read=seen + NEW, unchanged=seen)
        return measured

    def check(self, table: Table, counts: dict, read: int, unchanged: int) -> None:
        if (counts["rows_read"], counts["unchanged"]) != (read, unchanged):
            fail(f"the run of {table.name} should have read {read} rows, {unchanged} seen before, but: {counts}")

    def add(self, table: Table) -> None:
        """New rows behind the others."""
        self.insert(table, table.rows + 1, table.rows + NEW)
        table.rows += NEW

    def window(self) -> int:
        """The first row of the larger table's last window."""
        return max(1, self.large.rows - NEW - SEEN + 1)

    def fill(self) -> None:
        raise NotImplementedError

    def insert(self, table: Table, first: int, last: int) -> None:
        raise NotImplementedError

    def floor(self) -> Measured:
        """Copies the last window out, and what must be known of its new rows into a table."""
        raise NotImplementedError

    def empty_floor(self) -> None:
        raise NotImplementedError


def compare(orders: Orders) -> None:
    bench, small, large = orders.bench, orders.small, orders.large
    sizes = {table.name: f"{table.rows:,}" for table in orders.tables}
    for table in orders.tables:
        say(f"first run of {sizes[table.name]} events")
        orders.first_run(table)
    floor, of_small, of_large = alternate(
        bench.runs,
        Way("floor", orders.floor, orders.empty_floor),
        Way(sizes[small.name], lambda: orders.run(small), lambda: orders.add(small)),
        Way(sizes[large.name], lambda: orders.run(large), lambda: orders.add(large)))
    group = bench.report.records
    for table, result in ((large, of_large), (small, of_small)):
        what = f"{NEW:,} new of {sizes[table.name]} events, {orders.name}"
        if table is large:
            group.ratio(what, result, f"{NEW:,} new of {sizes[small.name]}", of_small, limit=1.2)
        group.ratio(what, result, orders.floor_name, floor)
        if orders.target:
            group.value(what, f"{result.seconds:.2f} s", f"<= {orders.target} s", result.seconds <= orders.target)


class PostgresOrders(Orders):
    name = "Postgres"
    cursor = {"overlap": "15m"}
    loaded_type = "timestamptz"
    floor_name = "psql COPY out, in"
    target = 0.5

    def __init__(self, bench: Bench):
        self.cluster = bench.cluster
        self.events = bench.folder / "events.copy"
        super().__init__(bench, "events", postgres_warehouse(bench, "rollcall_events"), bench.records * 10)

    def fill(self) -> None:
        for table in self.tables:
            say(f"Postgres: {table.rows:,} events")
            self.cluster.sql(self.create(table))
            self.insert_rows(table, 1, table.rows)
            self.cluster.sql(self.index(table), f"VACUUM ANALYZE {table.name}", "CHECKPOINT")

    def insert_rows(self, table: Table, first: int, last: int) -> None:
        self.cluster.sql(
            f"INSERT INTO {table.name} SELECT n, {postgres_email(PERSON)}, {self.loaded('n')}, {self.loaded('n')}, "
            f"{VALUES} FROM {postgres_numbers(str(first), str(last))}")

    @staticmethod
    def loaded(n: str) -> str:
        return f"timestamptz '2025-01-01 00:00:00+00' + {n} * interval '{STEP} milliseconds'"

    def insert(self, table: Table, first: int, last: int) -> None:
        self.insert_rows(table, first, last)
        self.cluster.sql(
            f"VACUUM ANALYZE {table.name}, rollcall_events.seen_events, rollcall_events.sync_changes", "CHECKPOINT")

    def prepare_floor(self) -> None:
        """A table like Rollcall's own, indexes included, whose other columns fill themselves; keys, ids and hashes."""
        self.cluster.sql(
            "DROP SCHEMA IF EXISTS floor CASCADE", "CREATE SCHEMA floor",
            "CREATE TABLE floor.events (LIKE rollcall_events.seen_events INCLUDING ALL)",
            "ALTER TABLE floor.events ALTER sync_name SET DEFAULT 'bench', ALTER state SET DEFAULT 'sent', "
            f"ALTER run_id SET DEFAULT '{RUN_ID}', ALTER at SET DEFAULT now()")
        query = ("SELECT gen_random_uuid(), 'rc-' || md5(n::text) || '00000000', hashtextextended(n::text, 0), n "
                 f"FROM {postgres_numbers('1', str(NEW))}")
        timed(self.cluster.psql(f"COPY ({query}) TO STDOUT (FORMAT binary)"), output=self.events)

    def floor(self) -> Measured:
        window = f"SELECT {COLUMNS} FROM {self.large.name} WHERE loaded_at >= {self.loaded(str(self.window()))}"
        columns = "event_key, event_id, content, position"
        parts = [
            timed(self.cluster.psql(f"COPY ({window}) TO STDOUT (FORMAT binary)")),
            timed(self.cluster.psql(f"COPY floor.events ({columns}) FROM STDIN (FORMAT binary)"), source=self.events)]
        return Measured(sum(part.seconds for part in parts))

    def empty_floor(self) -> None:
        if not self.events.exists():
            self.prepare_floor()
        self.cluster.sql("TRUNCATE floor.events", "CHECKPOINT")


class SQLiteOrders(Orders):
    """With whole numbers as its cursor: of texts, SQLite would read a day before the overlap, as one moment may be
    written in several ways."""

    name = "SQLite"
    cursor = {"overlap": OVERLAP}
    loaded_type = "bigint"
    floor_name = "sqlite3 SELECT, INSERT"

    def __init__(self, bench: Bench):
        super().__init__(bench, "events-sqlite", {"type": "sqlite", "path": "orders.sqlite"}, bench.records)

    def other_warehouses(self) -> dict:
        return {"floor": {"type": "sqlite", "path": "floor.sqlite"}}

    @property
    def file(self) -> Path:
        return self.rollcall.folder / "orders.sqlite"

    @property
    def floor_file(self) -> Path:
        return self.rollcall.folder / "floor.sqlite"

    def fill(self) -> None:
        for table in self.tables:
            say(f"SQLite: {table.rows:,} events")
            sqlite(self.file, self.create(table), self.rows(table, 1, table.rows), self.index(table))
        # A sync begins only where every warehouse can say whether it has its state.
        self.prepare_floor()

    def rows(self, table: Table, first: int, last: int) -> str:
        created = f"datetime(({START} + n * {STEP}) / 1000, 'unixepoch')"
        return (f"INSERT INTO {table.name} {sqlite_numbers(str(first), str(last))} "
                f"SELECT n, {sqlite_email(PERSON)}, {created}, {START} + n * {STEP}, {VALUES} FROM numbers")

    def insert(self, table: Table, first: int, last: int) -> None:
        sqlite(self.file, self.rows(table, first, last))

    def prepare_floor(self) -> None:
        """A file with the state tables."""
        sqlite(self.floor_file, "CREATE TABLE unused (n)")
        self.rollcall.time("migrate", "floor")

    def floor(self) -> Measured:
        bound = START + self.window() * STEP
        first_new = START + (self.large.rows - NEW + 1) * STEP
        script = self.rollcall.folder / "floor.sql"
        script.write_text(
            f"ATTACH '{self.file}' AS shop;\n"
            f"SELECT {COLUMNS} FROM shop.{self.large.name} WHERE loaded_at >= {bound};\n"
            "BEGIN IMMEDIATE;\n"
            "INSERT INTO rollcall_seen_events (sync_name, event_key, event_id, content, state, run_id, at, position) "
            f"SELECT 'bench', randomblob(16), 'rc-' || hex(randomblob(20)), id, 'sent', '{RUN_ID}', "
            f"strftime('%Y-%m-%dT%H:%M:%fZ'), loaded_at FROM shop.{self.large.name} WHERE loaded_at >= {first_new};\n"
            "COMMIT;\n")
        return timed(["sqlite3", "-bail", self.floor_file], source=script)

    def empty_floor(self) -> None:
        sqlite(self.floor_file, "DELETE FROM rollcall_seen_events")


def events(bench: Bench) -> None:
    orders = PostgresOrders(bench)
    compare(orders)
    bench.cluster.sql(
        "DROP SCHEMA floor CASCADE", "DROP SCHEMA rollcall_events CASCADE", "DROP TABLE orders_large, orders_small")
    orders.events.unlink()


def events_sqlite(bench: Bench) -> None:
    orders = SQLiteOrders(bench)
    compare(orders)
    shutil.rmtree(orders.rollcall.folder)

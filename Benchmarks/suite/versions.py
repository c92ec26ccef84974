"""Two binaries of Rollcall in turn: first sync and plans of lists, the other one twice, for what chance alone makes."""
from __future__ import annotations

import sqlite3
from pathlib import Path

from .audience import LEAVERS, leaving, postgres_people, sqlite_people
from .basics import fail, say
from .bench import UNLIMITED_LISTS, Bench
from .postgres import uri
from .rollcall import Rollcall
from .shops import fill_sqlite
from .timing import Way, alternate


class Version:
    """A binary with a separate state, SQLite file and cache; all read the same people."""

    def __init__(self, bench: Bench, binary: Path, name: str):
        folder = bench.folder / name
        folder.mkdir()
        self.name, self.bench, self.cluster = name, bench, bench.cluster
        self.rollcall = Rollcall(binary, folder, bench.rollcall.project_type)
        self.file, self.schema = folder / "shop.sqlite", f"state_{name}"
        fill_sqlite(self.file, bench.rows)
        postgres = {"type": "postgres", "url": uri(bench.folder), "state_schema": self.schema}
        self.rollcall.configure(
            {"postgres": postgres, "sqlite": {"type": "sqlite", "path": "shop.sqlite"}},
            {f"postgres-{name}": ("postgres", "people"), f"sqlite-{name}": ("sqlite", "people")},
            bench.sink.url, UNLIMITED_LISTS)

    def forget(self) -> None:
        self.cluster.sql(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE", "CHECKPOINT")
        self.rollcall.forget_cache(f"postgres-{self.name}")

    def first_sync(self) -> Way:
        sync = f"postgres-{self.name}"
        return Way(self.name, lambda: self.rollcall.time_run(sync, self.bench.rows), self.forget)

    def plan(self, warehouse: str, *options: str) -> Way:
        sync = f"{warehouse}-{self.name}"
        return Way(self.name, lambda: self.rollcall.time("plan", sync, "--rows", "0", *options))


def versions(bench: Bench) -> None:
    if not bench.other:
        fail("the section versions needs --other BINARY, the binary to compare with")
    churn = leaving(bench.rows)
    bench.cluster.sql(
        "CREATE TABLE IF NOT EXISTS people (email text, user_id text)", "TRUNCATE people",
        f"INSERT INTO people {postgres_people('1', str(bench.rows))}", "VACUUM ANALYZE people")
    three = [Version(bench, bench.other, "other"), Version(bench, bench.rollcall.binary, "this"),
             Version(bench, bench.other, "again")]
    measure(bench, "first sync, Postgres", [version.first_sync() for version in three])
    for version in three:
        version.rollcall.time_run(f"sqlite-{version.name}", bench.rows)
        change_sqlite(version, bench.rows, churn)
    bench.cluster.sql(
        f"DELETE FROM people WHERE {LEAVERS}",
        f"INSERT INTO people {postgres_people(str(bench.rows + 1), str(bench.rows + churn))}", "VACUUM ANALYZE people",
        *[f"VACUUM ANALYZE {version.schema}.list_members" for version in three], "CHECKPOINT")
    for version in three:
        for warehouse in ("postgres", "sqlite"):
            version.rollcall.check_plan(f"{warehouse}-{version.name}", churn)
    measure(bench, "plan, Postgres, cached", [version.plan("postgres") for version in three])
    measure(bench, "plan, Postgres, no cache", [version.plan("postgres", "--no-cache") for version in three])
    measure(bench, "plan, SQLite, cached", [version.plan("sqlite") for version in three])


def change_sqlite(version: Version, rows: int, churn: int) -> None:
    import sqlite3

    database = sqlite3.connect(version.file)
    database.execute(f"DELETE FROM people WHERE {LEAVERS}")
    database.execute(f"INSERT INTO people {sqlite_people(str(rows + 1), str(rows + churn))}")
    database.commit()
    database.close()


def measure(bench: Bench, what: str, ways: list[Way]) -> None:
    say(f"  {what}")
    other, this, again = alternate(bench.runs, *ways)
    bench.report.sized.ratio(what, this, "the other binary", other, None)
    bench.report.sized.ratio(f"{what}, the other against itself", again, "the other binary", other, None)

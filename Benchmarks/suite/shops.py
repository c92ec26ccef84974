"""The two warehouses: filled with the audience, brought back to a first sync's start, changed by 0.1 %."""
from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from .audience import LEAVERS, leaving, postgres_people, sqlite_people
from .basics import say
from .postgres import Cluster
from .rollcall import Rollcall
from .timing import Measured


class Shop:
    """A warehouse with `rows` people and the sync `sync` that mirrors them."""

    sync: str

    def __init__(self, rollcall: Rollcall, rows: int):
        self.rollcall, self.rows, self.churn = rollcall, rows, leaving(rows)
        self.synced = self.churned = False
        self.only_sync: Measured | None = None
        """The first sync, where it was run once for its snapshot only."""

    def reset(self) -> None:
        """As before the first sync: everybody is in the audience, nobody on the snapshot, no cache."""
        self.restore()
        self.rollcall.forget_cache(self.sync)
        self.synced = self.churned = False

    def first_sync(self) -> Measured:
        measured = self.rollcall.time_run(self.sync, self.rows)
        self.synced = True
        return measured

    def change(self) -> None:
        """A snapshot in place, put there by a real sync, and an audience that has changed by 0.1 % since."""
        if self.churned:
            return
        if not self.synced:
            say(f"first sync of {self.sync}, for the snapshot")
            self.reset()
            self.only_sync = self.first_sync()
        self.let_people_leave_and_enter()
        self.churned = True
        self.rollcall.check_plan(self.sync, self.churn)

    def restore(self) -> None:
        raise NotImplementedError

    def let_people_leave_and_enter(self) -> None:
        raise NotImplementedError


class PostgresShop(Shop):
    sync = "bench-postgres"

    def __init__(self, rollcall: Rollcall, rows: int, cluster: Cluster):
        super().__init__(rollcall, rows)
        say(f"Postgres: {rows:,} people")
        self.cluster = cluster
        self.cluster.sql("CREATE TABLE people (email text, user_id text)")
        self.fill()

    def fill(self) -> None:
        self.cluster.sql(
            "TRUNCATE people", f"INSERT INTO people {postgres_people('1', str(self.rows))}", "VACUUM ANALYZE people")

    def restore(self) -> None:
        if self.churned:
            self.fill()
        self.cluster.sql("DROP SCHEMA IF EXISTS rollcall CASCADE", "CHECKPOINT")

    def let_people_leave_and_enter(self) -> None:
        self.cluster.sql(
            f"DELETE FROM people WHERE {LEAVERS}",
            f"INSERT INTO people {postgres_people(str(self.rows + 1), str(self.rows + self.churn))}",
            "VACUUM ANALYZE people", "VACUUM ANALYZE rollcall.list_members", "CHECKPOINT")


class SQLiteShop(Shop):
    sync = "bench-sqlite"

    def __init__(self, rollcall: Rollcall, rows: int):
        super().__init__(rollcall, rows)
        say(f"SQLite: {rows:,} people")
        self.file, self.untouched = rollcall.folder / "shop.sqlite", rollcall.folder / "untouched.sqlite"
        fill_sqlite(self.untouched, rows)
        self.restore()

    def restore(self) -> None:
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self.untouched, self.file)
        os.sync()  # writing it back must not fall into what is measured

    def let_people_leave_and_enter(self) -> None:
        database = sqlite3.connect(self.file)
        database.execute(f"DELETE FROM people WHERE {LEAVERS}")
        database.execute(f"INSERT INTO people {sqlite_people(str(self.rows + 1), str(self.rows + self.churn))}")
        database.commit()
        database.close()
        os.sync()


def fill_sqlite(file: Path, rows: int) -> None:
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("CREATE TABLE people (email TEXT, user_id TEXT)")
    database.execute(f"INSERT INTO people {sqlite_people('1', str(rows))}")
    database.commit()
    database.close()

"""One warehouse of each kind, with rows that come and go."""
from __future__ import annotations

import sqlite3
from pathlib import Path

from suite.postgres import Cluster

TABLES = [
    "CREATE TABLE people (number integer PRIMARY KEY, email text)",
    "CREATE TABLE orders (number integer PRIMARY KEY, email text)",
    "CREATE TABLE goods (number text PRIMARY KEY, price integer)",
]


class SQLiteDatabase:
    """A file; the state is beside the audience."""

    name = "sqlite"

    def __init__(self, folder: Path):
        self.file = folder / "shop.sqlite"
        self.settings = {"type": "sqlite", "path": str(self.file)}
        self.sql(*TABLES)

    def sql(self, *statements: str) -> list[list[str]]:
        """Carries out statements in one transaction; the rows of the last one, as texts."""
        database = sqlite3.connect(self.file, timeout=60)
        try:
            with database:
                rows: list = []
                for statement in statements:
                    rows = database.execute(statement).fetchall()
            return [["" if value is None else str(value) for value in row] for row in rows]
        finally:
            database.close()

    @staticmethod
    def state(table: str) -> str:
        return f"rollcall_{table}"

    days_ago = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3 days')"


class PostgresDatabase:
    """The schema rollcall of a private cluster."""

    name = "postgres"

    def __init__(self, folder: Path):
        self.cluster = Cluster(folder)
        self.settings = {"type": "postgres", "url": self.cluster.uri}
        self.sql(*TABLES)

    def sql(self, *statements: str) -> list[list[str]]:
        return [line.split("|") for line in self.cluster.sql(*statements).splitlines()]

    @staticmethod
    def state(table: str) -> str:
        return f"rollcall.{table}"

    days_ago = "now() - interval '3 days'"

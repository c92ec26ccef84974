"""The difference by SQL, in the warehouse: what somebody without Rollcall would write.

SQL compares the values as they stand; a plan normalises and validates them besides.
"""
from __future__ import annotations

import os
from typing import Callable

from .basics import fail
from .bench import Bench
from .shops import Shop
from .timing import Measured, Way, alternate, timed

MEMORY = {**os.environ, "PGOPTIONS": "-c work_mem=256MB"}


def sql_postgres(bench: Bench) -> None:
    shop, columns = bench.postgres, bench.rollcall.columns
    shop.change()
    snapshot = f"rollcall.list_members WHERE sync_name = '{shop.sync}'"
    queries = {
        "SQL EXCEPT, both directions": excepts(bench.columns, snapshot),
        "SQL NOT EXISTS, both directions": not_exists(columns, snapshot),
        "SQL FULL JOIN": [full_join(bench.columns, columns, snapshot)],
    }
    compare(bench, shop, "Postgres", queries, lambda statements: shop.cluster.psql(*statements))


def sql_sqlite(bench: Bench) -> None:
    """No FULL JOIN: SQLite 3.40 makes no index for it, and compares every row with every other."""
    shop = bench.sqlite
    shop.change()
    snapshot = f"rollcall_list_members WHERE sync_name = '{shop.sync}'"
    queries = {
        "SQL EXCEPT, both directions": excepts(bench.columns, snapshot),
        "SQL NOT IN, both directions": not_in(bench.columns, snapshot),
    }
    compare(bench, shop, "SQLite", queries, lambda statements: ["sqlite3", shop.file, "; ".join(statements)])


def excepts(columns: str, snapshot: str) -> list[str]:
    audience, members = f"SELECT {columns} FROM people", f"SELECT {columns} FROM {snapshot}"
    return [f"SELECT count(*) FROM ({one} EXCEPT {other}) AS difference"
            for one, other in ((audience, members), (members, audience))]


def not_exists(columns: list[str], snapshot: str) -> list[str]:
    same = " AND ".join(f"a.{column} = m.{column}" for column in columns)
    members = f"(SELECT {', '.join(columns)} FROM {snapshot})"
    return [f"SELECT count(*) FROM people a WHERE NOT EXISTS (SELECT FROM {members} m WHERE {same})",
            f"SELECT count(*) FROM {members} m WHERE NOT EXISTS (SELECT FROM people a WHERE {same})"]


def not_in(columns: str, snapshot: str) -> list[str]:
    return [f"SELECT count(*) FROM people WHERE ({columns}) NOT IN (SELECT {columns} FROM {snapshot})",
            f"SELECT count(*) FROM {snapshot} AND ({columns}) NOT IN (SELECT {columns} FROM people)"]


def full_join(columns: str, names: list[str], snapshot: str) -> str:
    same = " AND ".join(f"a.{column} = m.{column}" for column in names)
    return (f"SELECT count(*) FROM people a FULL JOIN (SELECT {columns} FROM {snapshot}) m ON {same} "
            f"WHERE a.{names[0]} IS NULL OR m.{names[0]} IS NULL")


def compare(
    bench: Bench, shop: Shop, name: str, queries: dict[str, list[str]], command: Callable[[list[str]], list],
) -> None:
    output = bench.folder / "difference"

    def query(statements: list[str]) -> Measured:
        measured = timed(command(statements), MEMORY, output=output)
        found = sum(map(int, output.read_text().split()))
        if found != 2 * shop.churn:
            fail(f"{statements} found {found} instead of {2 * shop.churn}")
        return measured

    def plan() -> Measured:
        return shop.rollcall.time("plan", shop.sync, "--rows", "0")

    ways = [Way(title, lambda statements=statements: query(statements)) for title, statements in queries.items()]
    ours, *others = alternate(bench.few_runs, Way("plan", plan), *ways)
    what = f"plan, {name}" + (", cached" if bench.rollcall.has_cache else "")
    for title, other in zip(queries, others):
        bench.report.sized.ratio(what, ours, title, other)

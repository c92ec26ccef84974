"""`plan` with a snapshot in place and 0.1 % churn, beside the cheapest thing that reads the same rows."""
from __future__ import annotations

from pathlib import Path

from .bench import Bench
from .shops import Shop
from .timing import Way, alternate, timed


def plan_postgres(bench: Bench) -> None:
    shop = bench.postgres
    shop.change()
    copy = shop.cluster.psql(f"COPY (SELECT {bench.columns} FROM people) TO STDOUT (FORMAT binary)")
    compare(bench, shop, "Postgres", copy, "psql COPY binary", cached=1.15, uncached=2.0)


def plan_sqlite(bench: Bench) -> None:
    shop = bench.sqlite
    shop.change()
    select = ["sqlite3", shop.file, f"SELECT {bench.columns} FROM people"]
    compare(bench, shop, "SQLite", select, "sqlite3 SELECT", cached=1.25, uncached=None)


def compare(
    bench: Bench, shop: Shop, name: str, floor: list[str | Path], floor_name: str, cached: float,
    uncached: float | None,
) -> None:
    """The plan with and without the cache of fingerprints, and the floor, in turn."""
    rollcall, members = shop.rollcall, shop.rows + shop.churn
    plan = ("plan", shop.sync, "--rows", "0")
    ways = [Way("floor", lambda: timed(floor))]
    if rollcall.has_cache:
        ways.append(Way("cached", lambda: rollcall.time(*plan)))
        ways.append(Way("no cache", lambda: rollcall.time(*plan, "--no-cache")))
    else:
        ways.append(Way("no cache", lambda: rollcall.time(*plan)))
    if shop.only_sync:  # the section that measures it well was left out
        once = shop.only_sync
        bench.report.sized.value(f"first sync, {name}, once", f"{once.seconds:.0f} s",
                                 ours=f"{shop.rows / once.seconds:,.0f}/s")
        bench.report.sized.memory(f"first sync, {name}", once.peak, shop.rows)
    lowest, *results = alternate(bench.runs, *ways)
    for way, result in zip(ways[1:], results):
        limit = cached if way.name == "cached" else uncached
        what = f"plan, {name}, {way.name}"
        bench.report.sized.ratio(what, result, floor_name, lowest, limit)
        bench.report.sized.memory(what, result.peak, members)

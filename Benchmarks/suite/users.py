"""Users: the first sync of everybody and the plan after 0.1 % of them have changed, each beside its floor."""
from __future__ import annotations

import shutil

from . import people
from .basics import say
from .bench import Bench
from .records import (
    Floor, PostgresSource, compare_plan, configured, first_sync, plan, postgres_warehouse, sqlite, time_run)

SYNC = "customers"
BYTES_EACH = 48
"""What each person may need of memory."""


def settings(warehouse: str) -> dict:
    return {
        "kind": "users", "warehouse": warehouse, "source": {"table": "customers"}, "key": "id",
        "mapping": {"email": "email"}, "fields": "all"}


def users_postgres(bench: Bench) -> None:
    """The fingerprint is a hash of the key, the content one of the values; the bits say which fields hold a value."""
    warehouses = {"postgres": postgres_warehouse(bench, "rollcall_users")}
    rollcall = configured(bench, "users", warehouses, {SYNC: settings("postgres")})
    records, cluster = bench.records, bench.cluster
    say(f"Postgres: {records:,} users")
    cluster.sql(people.CREATE, f"INSERT INTO customers {people.postgres_customers(str(records))}",
                "VACUUM ANALYZE customers")
    source = PostgresSource(
        "users, Postgres", rollcall, SYNC, "update", "rollcall_users", "customers", people.COLUMNS, records, BYTES_EACH)
    key = {"record_key": "id::text", "email": "email"}
    first_sync(bench, source, Floor(
        "users", {
            "fingerprint": "gen_random_uuid()", **key, "content": "hashtextextended(email, 0)",
            "values_held": r"'\xffff0f'::bytea", "payload": "convert_to(to_json(r)::text, 'UTF8')"}, key), limit=2.5)
    plan(bench, source, people.CHANGE, people.changing(records), limit=1.5)
    cluster.sql("DROP TABLE customers", "DROP SCHEMA rollcall_users CASCADE")


def users_sqlite(bench: Bench) -> None:
    """The first sync is run once, for what it leaves behind."""
    rollcall = configured(
        bench, "users-sqlite", {"sqlite": {"type": "sqlite", "path": "customers.sqlite"}}, {SYNC: settings("sqlite")})
    records, file = bench.records, rollcall.folder / "customers.sqlite"
    say(f"SQLite: {records:,} users")
    sqlite(file, people.CREATE, f"INSERT INTO customers {people.sqlite_customers(str(records))}")
    once, _ = time_run(bench, rollcall, SYNC, update=records)
    bench.report.records.value(
        "first sync, users, SQLite, once", f"{once.seconds:.0f} s", ours=f"{records / once.seconds:,.0f}/s")
    bench.report.records.memory("first sync, users, SQLite", once.peak, records, BYTES_EACH)
    sqlite(file, people.CHANGE)
    rollcall.check_planned(SYNC, update=people.changing(records))
    compare_plan(
        bench, rollcall, SYNC, "plan, users, SQLite", ["sqlite3", file, f"SELECT {people.COLUMNS} FROM customers"],
        "sqlite3 SELECT", records, limit=2.0, bytes_each=BYTES_EACH)
    shutil.rmtree(rollcall.folder)

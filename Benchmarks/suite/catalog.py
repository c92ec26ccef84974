"""A catalog of 100,000 items with ten fields: its first sync, and the plan after 0.1 % of the items have changed."""
from __future__ import annotations

from .audience import postgres_numbers
from .basics import say
from .bench import Bench
from .people import choice
from .records import Floor, PostgresSource, configured, first_sync, plan, postgres_warehouse

ITEMS = 100_000
SYNC = "products"
FIELDS = [
    # column, type, value of item n; none of them is an object in JSON, by which the sink counts
    ("title", "text", "'Product ' || n"),
    ("brand", "text", "'Brand ' || (n % 500)"),
    ("category", "text", choice("n", ["shoes", "shirts", "hats", "bags"])),
    ("description", "text", "'Made in ' || (n % 97) || ' steps, kept dry and sold within the year.'"),
    ("price", "double precision", "(n * 7 % 100000) / 100.0"),
    ("stock", "bigint", "n % 1000"),
    ("available", "boolean", "n % 9 > 0"),
    ("released", "date", "date '2020-01-01' + (n % 2000)::int"),
    ("updated_at", "timestamptz", "timestamptz '2025-01-01 00:00:00+00' + n * interval '1 second'"),
    ("tags", "text[]", "ARRAY['new', 'size-' || (n % 50)]"),
]
COLUMNS = ", ".join(["sku"] + [column for column, _, _ in FIELDS])


def catalog(bench: Bench) -> None:
    items = min(ITEMS, bench.records)
    settings = {
        "kind": "catalog", "warehouse": "postgres", "source": {"table": "products"}, "key": "sku",
        "catalog": {"name": "products", "create": True}, "mode": "mirror", "documents": "replace", "fields": "all"}
    rollcall = configured(
        bench, "catalog", {"postgres": postgres_warehouse(bench, "rollcall_catalog")}, {SYNC: settings})
    say(f"Postgres: {items:,} items")
    columns = ", ".join(f"{column} {kind}" for column, kind, _ in FIELDS)
    values = ", ".join(value for _, _, value in FIELDS)
    bench.cluster.sql(
        f"CREATE TABLE products (sku text, {columns})",
        f"INSERT INTO products SELECT 'sku-' || n, {values} FROM {postgres_numbers('1', str(items))}",
        "VACUUM ANALYZE products")
    source = PostgresSource(
        "catalog, Postgres", rollcall, SYNC, "put", "rollcall_catalog", "products", COLUMNS, items)
    key = {"record_key": "sku", "item_id": "sku"}
    first_sync(bench, source, Floor(
        "catalog", {
            "fingerprint": "gen_random_uuid()", **key, "content": "hashtextextended(sku, 0)",
            "payload": "convert_to(to_json(r)::text, 'UTF8')"}, key), limit=None)
    change = "UPDATE products SET stock = stock + 1 WHERE sku LIKE 'sku-%000'"
    plan(bench, source, change, items // 1000, limit=None)
    bench.cluster.sql("DROP TABLE products", "DROP SCHEMA rollcall_catalog CASCADE")

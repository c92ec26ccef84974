"""What is in Iterable after a first run, a run after 1 % has changed, and a run without a change: of each kind of record as many
as --records (300,000 at most), compared with the table by other means than Rollcall's.

The expected documents are made by the database with `json_build_object`, and read from the sandbox by its own calls.
"""
from __future__ import annotations

import http.client
import json
import subprocess
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Callable, Iterator

from . import catalog, people
from .audience import postgres_email, postgres_numbers
from .basics import fail, say
from .bench import Bench
from .postgres import Cluster
from .records import postgres_warehouse
from .rollcall import Rollcall
from .servers import Server

MOST = 300_000
SCHEMA = "rollcall_contents"
Documents = Iterator[tuple[str, object]]


@dataclass
class Kind:
    """One sync, its operation, what changes 1 % of its rows, and both sides of the comparison."""

    sync: str
    operation: str
    settings: dict
    change: list[str]
    """SQL."""
    changed: dict[str, int]
    """By operation."""
    expected: str
    """SQL: a key and a JSON document for each row."""
    found: Callable[[Server], Documents]


def contents(bench: Bench) -> None:
    count, cluster = min(MOST, bench.records), bench.cluster
    sandbox = Server([bench.rollcall.binary, "sandbox", "--port", "0", "--project-type", "email", "--no-read-limits"])
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / "contents", "email")
    kinds = [users(count), audience(count), orders(count), products(count)]
    rollcall.write(
        {"postgres": postgres_warehouse(bench, SCHEMA)},
        {kind.sync: {"warehouse": "postgres", **kind.settings} for kind in kinds}, sandbox.url, {})
    fill(cluster, count)
    for kind in kinds:
        say(f"{kind.sync}: {count:,} rows")
        run(bench, rollcall, sandbox, kind, "first run", {kind.operation: count}, count)
        cluster.sql(*kind.change)
        run(bench, rollcall, sandbox, kind, "1 % changed", kind.changed, count)
        run(bench, rollcall, sandbox, kind, "no change", {}, count)
    # This process grows here, and the memory of a command counts from that of the process that starts it.
    for kind in kinds:
        compare(bench, cluster, sandbox, kind)
    tables = ["customers", "members", "orders", "products"]
    cluster.sql(*[f"DROP TABLE {table}" for table in tables], f"DROP SCHEMA {SCHEMA} CASCADE")
    sandbox.process.terminate()


def run(
    bench: Bench, rollcall: Rollcall, sandbox: Server, kind: Kind, what: str, expected: dict[str, int], count: int,
) -> None:
    before = sandbox.get("/sandbox/state")["requestCount"]
    measured, counts = rollcall.time_counted(kind.sync, **expected)
    requests = sandbox.get("/sandbox/state")["requestCount"] - before
    sent = ", ".join(f"{number:,} {operation}" for operation, number in expected.items()) or "nothing sent"
    bench.report.records.value(
        f"{kind.sync}, {what}", f"{measured.seconds:.1f} s",
        ours=f"{counts['rows_read']:,} rows read; {sent}; {requests:,} requests; {measured.peak / 2**20:.0f} MiB")


def compare(bench: Bench, cluster: Cluster, sandbox: Server, kind: Kind) -> None:
    """Every document of one side is compared with that of the other. Iterable may have no others."""
    client = subprocess.Popen(
        ["psql", "-XqAt", "-F", "\t", "-c", kind.expected, cluster.uri], stdout=subprocess.PIPE, text=True)
    expected = {}
    for line in client.stdout:
        key, document = line.rstrip("\n").split("\t", 1)
        expected[key] = hash(canonical(json.loads(document)))
    if client.wait():
        fail(f"psql could not say what {kind.sync} should be")
    rows, others = len(expected), []
    for key, document in kind.found(sandbox):
        if expected.pop(key, None) != hash(canonical(document)):
            others.append((key, document))
    if expected or others:
        fail(f"{kind.sync}: {len(expected):,} rows are not in Iterable, such as {list(expected)[:3]}; "
             f"{len(others):,} documents there are others, such as {others[:2]}")
    bench.report.records.value(f"{kind.sync}: documents in Iterable", f"{rows:,}", "= the rows", True)


def canonical(document: object) -> str:
    """Numbers are compared as numbers: 3 and 3.0 are the same."""
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {name: plain(member) for name, member in value.items()}
        if isinstance(value, list):
            return [plain(member) for member in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return json.dumps(plain(document), sort_keys=True)


# The kinds

def time_as_sent(column: str) -> str:
    return f"to_char({column}, 'YYYY-MM-DD HH24:MI:SS +00:00')"


def object_of(fields: list[tuple[str, str]]) -> str:
    """SQL for a JSON object. A NULL is left out."""
    parts = []
    for name, kind in fields:
        value = name
        if kind == "date":
            value = f"to_char({name}, 'YYYY-MM-DD')"
        elif kind == "timestamp":
            value = time_as_sent(name)
        elif kind == "timestamptz":
            value = time_as_sent(f"{name} AT TIME ZONE 'UTC'")
        parts.append(f"'{name}', {value}")
    # A function takes 100 arguments at most.
    halves = [f"jsonb_build_object({', '.join(parts[at:at + 40])})" for at in range(0, len(parts), 40)]
    return f"jsonb_strip_nulls({' || '.join(halves)})"


def fill(cluster: Cluster, count: int) -> None:
    values = ", ".join(value for _, _, value in catalog.FIELDS)
    columns = ", ".join(f"{column} {kind}" for column, kind, _ in catalog.FIELDS)
    cluster.sql(
        people.CREATE, f"INSERT INTO customers {people.postgres_customers(str(count))}",
        "CREATE TABLE members AS SELECT id, email FROM customers",
        "CREATE TABLE orders (id bigint, email text, at timestamptz, loaded_at timestamptz, total double precision)",
        orders_sql(1, count),
        f"CREATE TABLE products (sku text, {columns})",
        f"INSERT INTO products SELECT 'sku-' || n, {values} FROM {postgres_numbers('1', str(count))}", "ANALYZE")


def users(count: int) -> Kind:
    return Kind(
        "customers", "update",
        {"kind": "users", "source": {"table": "customers"}, "key": "id", "mapping": {"email": "email"}, "fields": "all",
         "new_fields": "create"},
        ["UPDATE customers SET points = points + 1, preferences = '{\"size\": 1}', phone = '+1 555 ' || id WHERE id % 100 = 0"],
        {"update": count // 100},
        f"SELECT email, {object_of([(field.name, field.column) for field in people.FIELDS])} FROM customers",
        profiles)


def audience(count: int) -> Kind:
    each = count // 200
    return Kind(
        "members", "subscribe",
        {"audience": {"table": "members"}, "list": {"name": "Members"}, "mapping": {"email": "email"}},
        ["DELETE FROM members WHERE id % 200 = 0",
         f"INSERT INTO members SELECT n, {postgres_email('n')} FROM {postgres_numbers(str(count + 1), str(count + each))}"],
        {"subscribe": each, "unsubscribe": each}, "SELECT email, 'true' FROM members", members)


def orders(count: int) -> Kind:
    return Kind(
        "orders", "track",
        {"kind": "events", "source": {"table": "orders"}, "key": "id", "mapping": {"email": "email"},
         "event": {"name": {"value": "order_placed"}, "created_at": "at"}, "fields": {"total": "total", "number": "id"},
         "start": "all", "cursor": {"column": "loaded_at"}, "guards": {"max_events": "off", "max_age": "off"}},
        [orders_sql(count + 1, count + count // 100)], {"track": count // 100},
        "SELECT id, json_build_object('email', email, 'at', extract(epoch FROM at)::bigint, 'total', total) FROM orders",
        events)


def orders_sql(first: int, last: int) -> str:
    """Of people who have a profile."""
    return (
        f"INSERT INTO orders SELECT n, {postgres_email(f'(n % {min(first, 1000)} + 1)')}, "
        f"timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second', "
        f"timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second', (n * 7 % 10000) / 100.0 "
        f"FROM {postgres_numbers(str(first), str(last))}")


def products(count: int) -> Kind:
    gone = count // 200
    return Kind(
        "products", "put",
        {"kind": "catalog", "source": {"table": "products"}, "key": "sku", "catalog": {"name": "products", "create": True},
         "mode": "mirror", "documents": "replace", "fields": "all"},
        ["DELETE FROM products WHERE substr(sku, 5)::bigint % 200 = 0",
         "UPDATE products SET stock = stock + 1, tags = NULL WHERE substr(sku, 5)::bigint % 200 = 1"],
        {"put": gone, "delete": gone},
        f"SELECT sku, {object_of([(name, kind) for name, kind, _ in catalog.FIELDS])} FROM products", items)


# What is in Iterable

def lines(sandbox: Server, path: str) -> Iterator[str]:
    with urllib.request.urlopen(sandbox.url + path, timeout=300) as answer:
        for line in answer:
            yield line.decode().rstrip("\n")


def members(sandbox: Server) -> Documents:
    number = sandbox.get("/sandbox/state")["lists"][0]["id"]
    for line in lines(sandbox, f"/sandbox/lists/{number}/members"):
        yield line.split("\t")[0], True


def events(sandbox: Server) -> Documents:
    with urllib.request.urlopen(sandbox.url + "/sandbox/events", timeout=300) as answer:
        found = json.load(answer)["events"]
    for event in found:
        fields = event["dataFields"]
        yield str(fields["number"]), {"email": event["email"], "at": event["createdAt"], "total": fields["total"]}


def api(sandbox: Server) -> Callable[[str], dict]:
    """Over one connection."""
    connection = http.client.HTTPConnection(urllib.parse.urlparse(sandbox.url).netloc, timeout=60)

    def get(path: str) -> dict:
        connection.request("GET", path, headers={"Api-Key": "sandbox-key"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            fail(f"{path} answers {answer.status}: {body[:300]!r}")
        return json.loads(body)

    return get


def profiles(sandbox: Server) -> Documents:
    with urllib.request.urlopen(sandbox.url + "/sandbox/users", timeout=300) as answer:
        found = json.load(answer)["users"]
    for user in found:
        yield user["email"], user["dataFields"]


def items(sandbox: Server) -> Documents:
    get, page = api(sandbox), 1
    while True:
        params = get(f"/api/catalogs/products/items?page={page}&pageSize=1000")["params"]
        for item in params["catalogItemsWithProperties"]:
            yield item["itemId"], item["value"]
        if page * 1000 >= params["totalItemsCount"]:
            return
        page += 1

"""The rows of users: a key, an address and twenty fields; the same on every run and in both databases."""
from __future__ import annotations

from typing import NamedTuple, Sequence

from .audience import postgres_email, postgres_numbers, sqlite_email, sqlite_numbers


class Field(NamedTuple):
    """A column of the table and, under the same name, a field of the profiles."""

    name: str
    type: str
    """In Iterable."""
    column: str
    """The type in both databases; SQLite takes every word."""
    value: str
    """Of person n."""
    sqlite_value: str | None = None
    """Where SQLite says it in other words."""


def choice(number: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {place} THEN '{value}'" for place, value in enumerate(values))
    return f"CASE {number} % {len(values)} {cases} END"


FIRST_NAMES = ["Ann", "Ben", "Chloé", "David", "Émile", "Fatima", "Grace", "Hiro"]
CITIES = ["Berlin", "Bonn", "Lyon", "Nantes", "New York", "Seattle", "Leeds"]
COLOURS = choice("n", ["red", "green", "blue"])

FIELDS = [
    Field("first_name", "string", "text", choice("n", FIRST_NAMES)),
    Field("last_name", "string", "text", "'Customer' || (n % 9973)"),
    Field("city", "string", "text", choice("n / 7", CITIES)),
    Field("country", "string", "text", choice("n / 11", ["DE", "FR", "US", "GB"])),
    Field("language", "string", "text", choice("n", ["de", "en", "fr"])),
    Field("plan", "string", "text", choice("n / 3", ["free", "pro", "team"])),
    Field("phone", "string", "text", "CASE WHEN n % 5 > 0 THEN '+49 30 ' || n END"),
    Field("referrer", "string", "text", "'https://shop.example.com/campaigns/' || (n % 1000)"),
    Field("orders", "long", "bigint", "n % 40"),
    Field("points", "long", "bigint", "n * 37 % 100000"),
    Field("logins", "long", "bigint", "n % 365"),
    Field("loyalty_number", "long", "bigint", "5000000000 + n"),
    Field("lifetime_value", "double", "double precision", "(n * 7 % 1000000) / 100.0"),
    Field("average_order", "double", "double precision", "(n % 30000) / 100.0"),
    Field("score", "double", "double precision", "(n % 1000) / 1000.0"),
    Field("newsletter", "boolean", "boolean", "n % 3 = 0"),
    Field("active", "boolean", "boolean", "n % 10 > 0"),
    Field("birthday", "date", "date", "date '1950-01-01' + (n % 20000)::int",
          "date('1950-01-01', (n % 20000) || ' days')"),
    Field("last_order_at", "date", "timestamp",
          "CASE WHEN n % 7 > 0 THEN timestamp '2025-01-01' + (n % 31536000) * interval '1 second' END",
          "CASE WHEN n % 7 > 0 THEN datetime('2025-01-01', (n % 31536000) || ' seconds') END"),
    Field("preferences", "object", "jsonb",
          f"jsonb_build_object('colour', {COLOURS}, 'size', n % 50, 'topics', jsonb_build_array('news', 'offers'))",
          f"json_object('colour', {COLOURS}, 'size', n % 50, 'topics', json_array('news', 'offers'))"),
]

COLUMNS = ", ".join(["id", "email"] + [field.name for field in FIELDS])
"""What a sync of users reads, and a floor."""
CREATE = "CREATE TABLE customers (id bigint, email text, " + ", ".join(
    f"{field.name} {field.column}" for field in FIELDS) + ")"
CHANGE = "UPDATE customers SET points = points + 1 WHERE id % 1000 = 0"
"""Changes 0.1 % of the people, spread over the table."""


def postgres_customers(last: str) -> str:
    """A query for people 1 to `last`."""
    values = ", ".join(field.value for field in FIELDS)
    return f"SELECT n, {postgres_email('n')}, {values} FROM {postgres_numbers('1', last)}"


def sqlite_customers(last: str) -> str:
    """The same for SQLite."""
    values = ", ".join(field.sqlite_value or field.value for field in FIELDS)
    return f"{sqlite_numbers('1', last)} SELECT n, {sqlite_email('n')}, {values} FROM numbers"


def changing(records: int) -> int:
    """How many change. `records` is a multiple of 1000."""
    return records // 1000

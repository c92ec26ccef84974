"""The rows: the same on every run and in both databases, made by the databases themselves.

Person n has the address `<hash>.<n>@<domain>` and the userId `c-<n>`. The hash (n times Knuth's 2654435761, modulo
2^32) scatters the addresses, so that the order of the rows is not that of their values.
"""
from __future__ import annotations

DOMAINS = ["example.com", "example.org", "mail.example.net", "example.co.uk", "shop.example.de"]


def postgres_people(first: str, last: str) -> str:
    """A query for people `first` to `last`: email, user_id."""
    return f"SELECT {postgres_email('n')} AS email, 'c-' || n AS user_id FROM {postgres_numbers(first, last)}"


def postgres_email(n: str) -> str:
    """The address of person `n`, which is an expression of type bigint."""
    domains = ", ".join(f"'{domain}'" for domain in DOMAINS)
    return (f"lpad(to_hex(({n} * 2654435761) % 4294967296), 8, '0') || '.' || {n} || '@' "
            f"|| (ARRAY[{domains}])[1 + {n} % {len(DOMAINS)}]")


def postgres_numbers(first: str, last: str) -> str:
    """What stands behind FROM: the numbers n from `first` to `last`."""
    return f"generate_series({first}::bigint, {last}::bigint) AS n"


def sqlite_people(first: str, last: str) -> str:
    """The same for SQLite."""
    return f"{sqlite_numbers(first, last)} SELECT {sqlite_email('n')} AS email, 'c-' || n AS user_id FROM numbers"


def sqlite_email(n: str) -> str:
    domains = " ".join(f"WHEN {place} THEN '{domain}'" for place, domain in enumerate(DOMAINS))
    return f"printf('%08x.%d@', ({n} * 2654435761) % 4294967296, {n}) || CASE {n} % {len(DOMAINS)} {domains} END"


def sqlite_numbers(first: str, last: str) -> str:
    """What stands before SELECT: the table numbers with n from `first` to `last`."""
    return (f"WITH RECURSIVE numbers(n) AS "
            f"(SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})")


LEAVERS = "user_id LIKE 'c-%000'"
"""A condition: 0.1 % of the people, spread over the table."""


def leaving(rows: int) -> int:
    """How many leave; as many others enter. `rows` is a multiple of 1000."""
    return rows // 1000

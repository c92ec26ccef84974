"""Audiences of 3,000 people, and roles that read them."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

from servers import Postgres

PEOPLE = 3000
CHANGED = PEOPLE // 100
COLUMNS = "number int, email text, user_id text, name text"
PASSWORD = "a-password-of-the-matrix"


@dataclass
class Place:
    """Where a line is played, and what is expected there beside the story."""

    server: Postgres
    database: str
    url: str
    # What `audience` has in the configuration, and what reads the same rows as the superuser.
    audience: dict = field(default_factory=lambda: {"table": "people"})
    rows: str = "SELECT email, user_id FROM people"
    # Columns that are written into profiles beside the list.
    fields: tuple[str, ...] = ()
    # Keys of the warehouse beside type and url.
    warehouse: dict = field(default_factory=dict)
    people: int = PEOPLE
    # Whether state lives in a SQLite file beside it.
    is_only_read: bool = False
    # Called when rows have changed: returns when they can be read.
    await_change: Callable[[], None] = lambda: None
    # What `check` must say; what stands in its answers, and in those of `plan`, where the line must be refused.
    shown: tuple[str, ...] = ()
    refusal: str | None = None
    # What the server's log must have, or must not have, from statements of the role; needs ``logged``.
    traces: tuple[str, ...] = ()
    no_traces: tuple[str, ...] = ()
    # Versions beside the server's, for the report.
    also: str = ""

    def sql(self, *statements: str) -> str:
        return self.server.sql(self.database, *statements)

    @property
    def role(self) -> str:
        return self.database


def make(server: Postgres, database: str, word: str = "shop", encoding: str = "UTF8") -> Place:
    """A database with the table `people`, and a role of its name that reads it and owns a schema for state.

    `word` stands in the domain of each address and in each name; an encoding other than UTF8 is to hold it.
    """
    server.sql("postgres", f"CREATE DATABASE {database} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    server.sql("postgres", f"CREATE ROLE {database} LOGIN PASSWORD '{PASSWORD}'")
    place = Place(server, database, server.url(database, database))
    place.sql(f"CREATE TABLE people ({COLUMNS})", entering(1, PEOPLE, word), grants(place))
    return place


def grants(place: Place) -> str:
    return (f"CREATE SCHEMA rollcall AUTHORIZATION {place.role};"
            f" GRANT SELECT ON ALL TABLES IN SCHEMA public TO {place.role}")


def entering(first: int, last: int, word: str) -> str:
    return (f"INSERT INTO people (number, email, user_id, name) SELECT n, 'person-' || n || '@{word}.example.com', 'id-' || n,"
            f" '{word} ' || n FROM generate_series({first}, {last}) AS n")


def change(place: Place) -> None:
    """1 % of the people leave, and as many enter."""
    word = place.sql("SELECT split_part(name, ' ', 1) FROM people WHERE name IS NOT NULL LIMIT 1").strip()
    place.sql(f"DELETE FROM people WHERE number <= {CHANGED}", entering(PEOPLE + 1, PEOPLE + CHANGED, word))
    place.await_change()

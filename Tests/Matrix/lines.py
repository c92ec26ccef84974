"""The lines of the matrix. Each makes a place in a fresh database, mostly of the one server that they share."""
from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import places
from basics import Failed, Skipped, as_postgres, own_folder, run
from places import COLUMNS, Place
from programs import VERSIONS, find
from servers import RULES, Pooler, Postgres, await_answer
from tls import Certificates
from without_copy import WithoutCopy


@dataclass
class Lab:
    """What a line may use. What it starts is stopped by `ends` when the line is over."""

    folder: Path
    server: Postgres
    number: int
    ends: ExitStack

    def until_end(self, started):
        self.ends.callback(started.stop)
        return started

    def place(self, **options) -> Place:
        return places.make(self.server, f"line{self.number}", **options)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}{self.number}"


@dataclass
class Line:
    name: str
    make: Callable[[Lab], Place]
    # What is to come of it, for the report.
    outcome: str = "synced"


# MARK: Versions


def version(number: int) -> Line:
    def make(lab: Lab) -> Place:
        programs = find(number, lab.folder)
        server = lab.until_end(Postgres(programs, lab.path("server")))
        return places.make(server, f"line{lab.number}")

    return Line(f"PostgreSQL {number}", make)


# MARK: Poolers


def pooler(mode: str) -> Line:
    def make(lab: Lab) -> Place:
        place = lab.place()
        pooler = lab.until_end(Pooler(lab.server, lab.path("pooler"), mode, place.role))
        place.url = pooler.url(place.database, place.role)
        place.also = f"pgbouncer {pooler.version}"
        if mode == "statement":
            place.refusal = "statement mode"
        else:
            place.shown = ("pooler: one stands before the server",)
        return place

    return Line(f"pgbouncer, {mode} mode", make, "refused" if mode == "statement" else "synced")


# MARK: Roles


def setting(name: str, value: str) -> Line:
    def make(lab: Lab) -> Place:
        place = lab.place()
        place.sql(f"ALTER ROLE {place.role} SET {name} = {value}")
        if name == "search_path":
            place.audience = {"table": "public.people"}
        return place

    return Line(f"role with {name} = {value}", make)


def german(lab: Lab) -> Place:
    """Messages of the server in German, to the program too: nothing may depend on their text."""
    locales = own_folder(lab.path("locales"))
    try:
        run(["localedef", "-i", "de_DE", "-f", "UTF-8", locales / "de_DE.UTF-8"])
    except (Failed, FileNotFoundError):
        raise Skipped("the system cannot make the locale de_DE: apt-get install locales") from None
    server = lab.until_end(Postgres(lab.server.programs, lab.path("server"), environment={"LOCPATH": str(locales)}))
    place = places.make(server, f"line{lab.number}")
    place.sql(f"ALTER ROLE {place.role} SET lc_messages = 'de_DE.UTF-8'")
    return place


def policy(choice: str) -> Line:
    def make(lab: Lab) -> Place:
        place = lab.place()
        place.sql("ALTER TABLE people ENABLE ROW LEVEL SECURITY",
                  "CREATE POLICY most ON people USING (number > 0 AND number % 2 = 1 OR number <= 30 OR number > 3000)")
        place.warehouse = {"row_security": choice}
        if choice == "refuse":
            place.refusal = "row level security"
        place.rows = "SELECT email, user_id FROM people WHERE number % 2 = 1 OR number <= 30 OR number > 3000"
        place.people = int(place.sql(f"SELECT count(*) FROM ({place.rows}) AS shown"))
        return place

    return Line(f"row level security, row_security: {choice}", make, "refused" if choice == "refuse" else "synced")


# MARK: Values, and ways to connect


def encoding(name: str, word: str) -> Line:
    """Values outside ASCII in the domain of addresses, and in a field of profiles."""

    def make(lab: Lab) -> Place:
        place = lab.place(encoding=name, word=word)
        place.fields = ("name",)
        return place

    return Line(f"encoding {name}", make)


def password(lab: Lab) -> Place:
    place = lab.place()
    place.url = f"postgresql://{place.role}:{places.PASSWORD}@127.0.0.1:{lab.server.port}/{place.database}"
    return place


def certificates(lab: Lab) -> Place:
    """A server with a certificate for localhost, and a role that comes in by its own certificate only."""
    made = Certificates(lab.path("certificates"), role="certified")
    server = lab.until_end(Postgres(
        lab.server.programs, lab.path("server"), rules="hostssl all certified 127.0.0.1/32 cert\n" + RULES, ssl="on",
        ssl_cert_file=str(made.server), ssl_key_file=str(made.server_key), ssl_ca_file=str(made.authority)))
    place = places.make(server, "certified")
    place.url = (f"host=localhost hostaddr=127.0.0.1 port={server.port} dbname=certified user=certified"
                 f" sslmode=verify-full sslrootcert={made.authority} sslcert={made.client} sslkey={made.client_key}")
    return place


# MARK: Shapes


def partitions(lab: Lab) -> Place:
    place = lab.place()
    place.sql("ALTER TABLE people RENAME TO old",
              f"CREATE TABLE people ({COLUMNS}) PARTITION BY HASH (number)",
              *(f"CREATE TABLE people{n} PARTITION OF people FOR VALUES WITH (MODULUS 3, REMAINDER {n})" for n in range(3)),
              "INSERT INTO people SELECT * FROM old", f"GRANT SELECT ON people TO {place.role}")
    return place


def view(lab: Lab) -> Place:
    place = lab.place()
    place.sql("CREATE VIEW shown AS SELECT email, user_id FROM people", f"GRANT SELECT ON shown TO {place.role}")
    place.audience = {"table": "shown"}
    return place


def query(lab: Lab) -> Place:
    place = lab.place()
    place.audience = {"query": "SELECT email, user_id FROM people WHERE number > 0; -- all of them"}
    return place


def shards(lab: Lab) -> Place:
    """A partitioned table whose two partitions are tables of other databases, read over postgres_fdw."""
    place = lab.place()
    server = lab.server
    place.sql("CREATE EXTENSION postgres_fdw", "ALTER TABLE people RENAME TO old",
              f"CREATE TABLE people ({COLUMNS}) PARTITION BY HASH (number)")
    for n in range(2):
        shard = f"{place.database}shard{n}"
        server.sql("postgres", f"CREATE DATABASE {shard}")
        server.sql(shard, f"CREATE TABLE people ({COLUMNS})", f"GRANT SELECT ON people TO {place.role}")
        place.sql(f"CREATE SERVER shard{n} FOREIGN DATA WRAPPER postgres_fdw"
                  f" OPTIONS (host '{server.folder}', port '{server.port}', dbname '{shard}')",
                  f"CREATE USER MAPPING FOR postgres SERVER shard{n} OPTIONS (user 'postgres')",
                  f"CREATE USER MAPPING FOR {place.role} SERVER shard{n}"
                  f" OPTIONS (user '{place.role}', password_required 'false')",
                  f"CREATE FOREIGN TABLE people{n} PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER {n})"
                  f" SERVER shard{n} OPTIONS (table_name 'people')")
    place.sql("INSERT INTO people SELECT * FROM old",
              f"GRANT SELECT ON people, people0, people1 TO {place.role}")
    place.shown = ("foreign table people0",)
    return place


# MARK: Large tables, and what is gone around


def large(lab: Lab) -> Place:
    """A table of more than 9,000 pages, each of which has at most one row; the statements of the role are logged."""
    place = lab.place()
    place.sql("ALTER TABLE people ADD filler text", "ALTER TABLE people ALTER filler SET STORAGE PLAIN",
              "UPDATE people SET filler = repeat('x', 5000)",
              "INSERT INTO people SELECT -n, NULL, NULL, NULL, repeat('x', 5000) FROM generate_series(1, 6500) AS n",
              "DELETE FROM people WHERE number < 0", f"ALTER ROLE {place.role} SET log_statement = 'all'")
    pages = int(place.sql("SELECT pg_relation_size('people') / 8192"))
    assert pages > 9000, pages
    return place


def two_connections(lab: Lab) -> Place:
    place = large(lab)
    place.traces = ("SET TRANSACTION SNAPSHOT", "audience.ctid >=")
    return place


def revoked(*functions: str) -> Line:
    def make(lab: Lab) -> Place:
        place = large(lab)
        place.sql(*(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC" for function in functions))
        place.shown = ("over one connection",)
        place.no_traces = ("SET TRANSACTION SNAPSHOT", "audience.ctid >=")
        return place

    names = ", ".join(function.split("(")[0] for function in functions)
    return Line(f"the same without EXECUTE on {names}", make)


def without_copy(lab: Lab) -> Place:
    place = lab.place()
    proxy = lab.until_end(WithoutCopy(
        lab.server.folder / f".s.PGSQL.{lab.server.port}", lab.path("proxy"), lab.server.port))
    place.url = f"host={proxy.folder} port={proxy.port} dbname={place.database} user={place.role}"
    place.shown = ("COPY: the server has none",)
    return place


def standby(lab: Lab) -> tuple[Place, Postgres]:
    """A copy of the shared server that replays its changes. Nothing can be written there, and so no state kept."""
    place = lab.place()
    data = lab.path("copy")
    own_folder(data)
    run([lab.server.programs / "pg_basebackup", "-D", data / "data", "-X", "stream", "-c", "fast", "-R", "--no-sync",
         "-h", lab.server.folder, "-p", str(lab.server.port), "-U", "postgres"], cwd="/", **as_postgres())
    server = lab.until_end(Postgres(lab.server.programs, lab.path("server"), data / "data", max_connections="60"))
    place.url = server.url(place.database, place.role)
    return place, server


def standby_with_state(lab: Lab) -> Place:
    place, _ = standby(lab)
    place.refusal = "standby"
    return place


def standby_only_read(lab: Lab) -> Place:
    place, server = standby(lab)
    place.is_only_read = True
    place.shown = ("the server is a standby",)

    def await_change() -> None:
        position = lab.server.sql("postgres", "SELECT pg_current_wal_lsn()").strip()
        await_answer(server.program, server.psql(
            "postgres", f"SELECT 1 / (pg_last_wal_replay_lsn() >= '{position}')::int"))

    place.await_change = await_change
    return place


LINES = [
    *(version(number) for number in VERSIONS),
    *(pooler(mode) for mode in ("session", "transaction", "statement")),
    setting("statement_timeout", "'20s'"), setting("search_path", "pg_catalog"),
    setting("\"TimeZone\"", "'Asia/Kathmandu'"), setting("\"DateStyle\"", "'German'"), setting("bytea_output", "'escape'"),
    Line("role with lc_messages = 'de_DE.UTF-8'", german), setting("default_transaction_read_only", "on"),
    policy("apply"), policy("refuse"),
    encoding("UTF8", "山田"), encoding("LATIN1", "müller"), encoding("SQL_ASCII", "müller"), encoding("EUC_JP", "山田"),
    Line("password, scram-sha-256", password), Line("TLS, verify-full, client certificate", certificates),
    Line("partitioned table", partitions), Line("view", view), Line("query", query),
    Line("two shards over postgres_fdw as partitions", shards),
    Line("table over 9,000 pages, over two connections", two_connections),
    revoked("pg_export_snapshot()"),
    revoked("pg_relation_size(regclass, text)", "pg_lock_status()", "pg_show_all_settings()"),
    Line("without COPY", without_copy), Line("standby that is to keep the state", standby_with_state, "refused"),
    Line("standby that is only read, state in SQLite", standby_only_read),
]

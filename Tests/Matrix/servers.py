"""Servers that a line is played on: PostgreSQL, its databases, pgbouncer."""
from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from basics import Failed, Program, Skipped, as_postgres, free_port, give, own_folder, run

SETTINGS = {
    "listen_addresses": "127.0.0.1", "fsync": "off", "full_page_writes": "off", "autovacuum": "off",
    # A table is read over two connections up to a quarter of this.
    "shared_buffers": "384MB", "max_connections": "60", "wal_level": "replica",
}
RULES = """\
local   all         all                 trust
local   replication all                 trust
host    all         all       127.0.0.1/32 scram-sha-256
"""


class Postgres:
    """A private cluster on a Unix socket and a port of loopback; the superuser is postgres.

    `data` is a folder that a cluster is in already.
    """

    def __init__(
            self, programs: Path, folder: Path, data: Path | None = None, rules: str = RULES,
            environment: dict[str, str] | None = None, **settings: str):
        self.programs, self.folder, self.port = programs, own_folder(folder), free_port()
        self.data = data or folder / "data"
        if data is None:
            run([programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                 "--no-sync"], cwd="/", **as_postgres())
            give(self.data / "pg_hba.conf").write_text(rules)
        options = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(folder), **settings}
        self.program = Program(
            [programs / "postgres", "-D", self.data, *(f"--{name}={value}" for name, value in options.items())],
            folder / "log", signal.SIGINT, environment)
        await_answer(self.program, self.psql("postgres", "SELECT 1"))
        self.version = self.sql("postgres", "SHOW server_version").split()[0]

    def psql(self, database: str, *statements: str) -> list[str | Path]:
        parts = [part for statement in statements for part in ("-c", statement)]
        return ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *parts, self.url(database, "postgres")]

    def sql(self, database: str, *statements: str) -> str:
        """Carries out statements as the superuser, over the Unix socket; rows as lines, columns behind tabs."""
        command = self.psql(database, *statements)
        return run([*command[:2], "-F", "\t", *command[2:]], env={"PATH": "/usr/bin:/bin", "PGCLIENTENCODING": "UTF8",
                                                                  "PGOPTIONS": "-c client_min_messages=warning"})

    def url(self, database: str, role: str) -> str:
        return f"host={self.folder} port={self.port} dbname={database} user={role}"

    def stop(self) -> None:
        self.program.stop()


class Pooler:
    """pgbouncer before a cluster, on a Unix socket."""

    def __init__(self, server: Postgres, folder: Path, mode: str, role: str):
        binary = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if not binary:
            raise Skipped("there is no pgbouncer: apt-get install pgbouncer")
        self.folder, self.port = own_folder(folder), free_port()
        users = folder / "users"
        users.write_text(f'"{role}" ""\n')
        give(users)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={server.folder} port={server.port}\n[pgbouncer]\nlisten_addr =\n"
            f"listen_port = {self.port}\nunix_socket_dir = {folder}\nauth_type = trust\nauth_file = {users}\n"
            f"pool_mode = {mode}\ndefault_pool_size = 10\n")
        give(settings)
        self.program = Program([binary, settings], folder / "log", signal.SIGINT)
        self.version = run([binary, "--version"]).split()[1]
        for _ in range(100):
            if (folder / f".s.PGSQL.{self.port}").exists():
                return
            time.sleep(0.1)
        raise Failed(f"pgbouncer did not start: {self.program.said()[-500:]}")

    def url(self, database: str, role: str) -> str:
        return f"host={self.folder} port={self.port} dbname={database} user={role}"

    def stop(self) -> None:
        self.program.stop()


def await_answer(program: Program, question: list[str | Path]) -> None:
    for _ in range(300):
        if subprocess.run(question, capture_output=True).returncode == 0:
            return
        if program.process.poll() is not None:
            break
        time.sleep(0.1)
    raise Failed(f"the server did not start: {program.said()[-500:].strip()}")

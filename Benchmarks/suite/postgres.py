"""A PostgreSQL cluster of its own: on a Unix socket, in the temporary folder, stopped by its id."""
from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .basics import fail, run, stop_at_exit

# A quarter of the memory, as PostgreSQL's documentation has it ("Resource Consumption").
BUFFERS = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20
SETTINGS = [
    "listen_addresses=", f"shared_buffers={BUFFERS}MB", "max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off",
]


def programs() -> Path:
    """The folder with initdb and postgres: the newest version that is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if found:
        return Path(found[-1])
    on_path = shutil.which("initdb")
    if not on_path:
        fail("no PostgreSQL server programs under /usr/lib/postgresql/*/bin or on PATH (package postgresql)")
    return Path(on_path).parent


class Cluster:
    """Has its defaults but for SETTINGS: nothing that starts by itself may fall on one side of a comparison."""

    def __init__(self, folder: Path):
        self.programs = programs()
        self.folder = folder / "postgres"
        self.uri = uri(folder)
        self.folder.mkdir()
        self.identity: dict = {"cwd": self.folder}
        if os.geteuid() == 0:  # the server refuses to run as root
            self.become_postgres()
        data = self.folder / "data"
        run([self.programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"],
            **self.identity)
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        log = self.folder / "log"
        with open(log, "w") as file:
            self.server = subprocess.Popen(
                [self.programs / "postgres", "-D", data, "-k", self.folder, *settings],
                stdout=file, stderr=file, start_new_session=True, **self.identity)
        stop_at_exit(self.server, signal.SIGINT)  # a fast shutdown
        self.wait(log)

    def become_postgres(self) -> None:
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            fail("as root, the user postgres is needed to run the server (package postgresql)")
        os.chown(self.folder, account.pw_uid, account.pw_gid)
        self.identity |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def wait(self, log: Path) -> None:
        for _ in range(200):
            if subprocess.run(["psql", "-XqAtc", "SELECT 1", self.uri], capture_output=True).returncode == 0:
                return
            if self.server.poll() is not None:
                break
            time.sleep(0.1)
        fail(f"PostgreSQL did not start; its log: {log.read_text()[-2000:]}")

    def sql(self, *statements: str) -> str:
        """Carries out statements, each in a transaction of its own."""
        return run(self.psql("SET client_min_messages = warning", *statements))

    def psql(self, *statements: str) -> list[str]:
        """A command that carries out statements in one session and prints bare values."""
        arguments = [part for statement in statements for part in ("-c", statement)]
        return ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments, self.uri]


def uri(folder: Path) -> str:
    """Where the cluster of this folder is, or would be."""
    return f"postgresql:///postgres?host={folder / 'postgres'}&user=postgres"

"""What every part needs: the ends that a line of the matrix can come to, commands, and processes."""
from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Sequence

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from suite.basics import end_on_signals, stop_at_exit  # noqa: E402,F401 (after the path, and for the other modules)


class Failed(Exception):
    """Something is not as it should be; the text is the reason."""


class Skipped(Exception):
    """This machine lacks what the line needs; the text says what, and how to have it."""


def run(command: Sequence[str | Path], **options) -> str:
    """Runs a command that must succeed, and gives its standard output."""
    done = subprocess.run(list(command), capture_output=True, text=True, **options)
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        raise Failed(f"{shown[:300]} ended with {done.returncode}: {(done.stderr or done.stdout)[-1000:].strip()}")
    return done.stdout


def as_postgres() -> dict:
    """Options of subprocess for programs that refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        raise Failed("as root, the user postgres is needed to run servers (package postgresql)") from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def own_folder(folder: Path) -> Path:
    """Makes a folder for such a program."""
    folder.mkdir()
    identity = as_postgres()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    return folder


def give(file: Path, mode: int = 0o600) -> Path:
    """Gives a file to such a program."""
    file.chmod(mode)
    identity = as_postgres()
    if identity:
        os.chown(file, identity["user"], identity["group"])
    return file


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Program:
    """A server that runs until it is stopped, at the latest when the matrix ends."""

    def __init__(self, command: Sequence[str | Path], log: Path, end: int, environment: dict | None = None):
        self.log, self.end = log, end
        with open(log, "a") as file:
            self.process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", start_new_session=True,
                env={**os.environ, **(environment or {})}, **as_postgres())
        stop_at_exit(self.process, end)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.end)
            self.process.wait(60)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

"""The options, and the lines one after the other."""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from basics import ROOT, Failed, Skipped, end_on_signals
from lines import LINES, Lab, Line
from programs import find, version_of
from servers import Postgres
from story import Story

DESCRIPTION = """\
Plays one story on every server, pooler and role that Rollcall is to work with: check, plan, a first run of 3,000 people,
a run after 1 % of them has changed, and one after nothing has. Each line is ok, failed or skipped, with the reason.

Everything is made in a temporary folder and on loopback, and removed at the end. Versions of PostgreSQL come from
/usr/lib/postgresql, from PyPI, or from where PG13_BIN ... PG18_BIN say. All other lines are played on version 15.

  make matrix                                    with .build/release/rollcall
  ROLLCALL=.build/debug/rollcall scripts/matrix --only 'pgbouncer|TLS'
"""
SHARED = 15


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORDS", default="", help="lines whose name has one of these, separated by |")
    parser.add_argument("--list", action="store_true", help="say the lines and play none")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    words = [word.strip().lower() for word in chosen.only.split("|")]
    lines = [line for line in LINES if any(word in line.name.lower() for word in words)]
    if chosen.list:
        return print("\n".join(line.name for line in lines))
    binary = Path(os.environ.get("ROLLCALL", ROOT / ".build/release/rollcall")).resolve()
    if not os.access(binary, os.X_OK):
        sys.exit(f"matrix: there is no {binary}: run `make release` first, or name it with ROLLCALL")
    for program in ("psql", "openssl"):
        if not shutil.which(program):
            sys.exit(f"matrix: there is no {program}")
    end_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-matrix-"))
    folder.chmod(0o755)  # for the servers, which are another user's when we are root
    try:
        counts = play(binary, folder, lines)
    finally:
        print(folder) if chosen.keep else shutil.rmtree(folder, ignore_errors=True)
    print(f"{counts['ok']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


def play(binary: Path, folder: Path, lines: list[Line]) -> dict[str, int]:
    counts = {"ok": 0, "failed": 0, "skipped": 0}
    try:
        server = Postgres(find(SHARED, folder), folder / "shared")
    except (Failed, Skipped) as reason:
        sys.exit(f"matrix: {reason}")
    for number, line in enumerate(lines, 1):
        start = time.monotonic()
        with ExitStack() as ends:
            end, reason = outcome(binary, Lab(folder, server, number, ends), line)
        counts[end] += 1
        print(f"{end:<8}{line.name} ({time.monotonic() - start:.0f} s){reason}", flush=True)
    server.stop()
    return counts


def outcome(binary: Path, lab: Lab, line: Line) -> tuple[str, str]:
    try:
        place = line.make(lab)
        Story(binary, lab.path("line"), place).play()
        also = f", {place.also}" if place.also else ""
        return "ok", f": PostgreSQL {place.server.version}{also}, {line.outcome}"
    except Skipped as reason:
        return "skipped", f": {reason}"
    except (Failed, subprocess.SubprocessError) as reason:
        return "failed", f": {reason}"

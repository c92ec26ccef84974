"""The options, and the order of the parts."""
from __future__ import annotations

import argparse
import atexit
import random
import shutil
import tempfile
from pathlib import Path

from suite.basics import ROOT, end_on_signals, run, say

from . import rounds, serving, versions
from .databases import PostgresDatabase, SQLiteDatabase
from .scene import Scene


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/rolling-upgrade", description="Tries a rolling upgrade.")
    parser.add_argument("--old", type=Path, metavar="BINARY", help="the version before; built where it is not given")
    parser.add_argument("--new", type=Path, metavar="BINARY", default=ROOT / ".build/debug/rollcall", help="this version")
    parser.add_argument("--previous", metavar="REVISION", help="what --old is built from (default: the newest tag)")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="runs in turn on each warehouse (12)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of rows, kills and their moments (1)")
    options = parser.parse_args()
    end_on_signals()
    new = versions.given("new", options.new)
    old = versions.given("old", options.old) if options.old else versions.built(options.previous)
    for version in (old, new):
        say(f"{version.name}: {version.binary}, {run([version.binary, '--version']).strip()}")
    folder = Path(tempfile.mkdtemp(prefix="rollcall-upgrade-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the last that is done at the end: programs are stopped by then
    for kind in (SQLiteDatabase, PostgresDatabase):
        place = folder / kind.name
        place.mkdir()
        scene = Scene(kind(place), place, new, random.Random(options.seed))
        if rounds.upgrade(scene, old, new):
            rounds.alternate(scene, old, new, options.rounds)
            serving.share(scene, old, new)
    say("rolling-upgrade: all is well")

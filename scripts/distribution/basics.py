"""What every part needs: where things are, the version, the time of all files, and commands that must succeed."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, Sequence

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
BINARY = BUILD / "release" / "rollcall"


def fail(text: str) -> NoReturn:
    sys.exit(f"dist: {text}")


def run(command: Sequence[str | Path], **options) -> str:
    """Runs a command that must succeed, and gives its standard output."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, **options)
    except FileNotFoundError:
        fail(f"there is no program {command[0]}; on Debian or Ubuntu: sudo apt-get install dpkg-dev")
    if done.returncode != 0:
        fail(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def version() -> str:
    """The version in the source, which must be the binary's: a binary of before is not what is to be released."""
    source = ROOT / "Sources/RollcallCore/Model/ProgramVersion.swift"
    found = re.search(r'^package let rollcallVersion = "([^"]+)"$', source.read_text(), re.MULTILINE)
    if not found:
        fail(f"{source} has no line `package let rollcallVersion = \"...\"`")
    if not os.access(BINARY, os.X_OK):
        fail(f"there is no {BINARY}: run `make release` first")
    built = run([BINARY, "--version"]).strip()
    if built != found.group(1):
        fail(f"{BINARY} is version {built}, and the source {found.group(1)}: run `make release` first")
    return built


def time_of_files() -> int:
    """Seconds since 1970: SOURCE_DATE_EPOCH where it is set, else the time of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(run(["git", "-C", ROOT, "log", "-1", "--format=%ct"]))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)

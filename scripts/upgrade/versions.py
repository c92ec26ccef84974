"""The two binaries: given ones, or the version before, built from its revision."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from suite.basics import ROOT, fail, run, say


@dataclass(frozen=True)
class Version:
    name: str  # "old" or "new"
    binary: Path


def skip(reason: str) -> NoReturn:
    say(f"rolling-upgrade: skipped: {reason}")
    sys.exit(0)


def given(name: str, binary: Path) -> Version:
    if not os.access(binary, os.X_OK):
        fail(f"there is no program {binary}; build it, or name another one with --{name}")
    return Version(name, binary.resolve())


def built(revision: str | None) -> Version:
    """The version before, built in .build/previous/COMMIT, where the next call finds it."""
    chosen = revision or newest_tag()
    commit = run(["git", "-C", ROOT, "rev-parse", "--verify", f"{chosen}^{{commit}}"]).strip()
    folder = ROOT / ".build/previous" / commit
    binary = folder / ".build/debug/rollcall"
    if not binary.exists():
        say(f"building {chosen} in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", ROOT, "archive", commit], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        if (ROOT / "Package.resolved").exists():  # the same libraries, so that none is fetched
            shutil.copy(ROOT / "Package.resolved", folder)
        done = subprocess.run([os.environ.get("SWIFT", "swift"), "build", "--product", "rollcall"], cwd=folder)
        if done.returncode != 0:
            reason = f"{chosen} cannot be built with this machine's Swift"
            fail(reason) if revision else skip(reason)
    return Version("old", binary)


def newest_tag() -> str:
    """The newest tag before this commit; this commit's own is this version."""
    found = subprocess.run(
        ["git", "-C", ROOT, "describe", "--tags", "--abbrev=0", "HEAD^"], capture_output=True, text=True)
    if found.returncode != 0:
        skip("there is no tag before this commit, here at least. To try another version: make rolling-upgrade PREVIOUS=revision")
    return found.stdout.strip()

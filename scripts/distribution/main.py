"""The order of the steps."""
from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import platform
import tarfile
import tempfile
from pathlib import Path

from . import components, debian, sbom, tree
from .basics import ROOT, fail, time_of_files, version


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/dist", description="Makes the files of a release.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist", help="where to (default: dist)")
    folder = parser.parse_args().folder.resolve()
    if platform.system() != "Linux":
        fail("releases are made on Linux, for the architecture of the machine")
    os.umask(0o022)
    number, time = version(), time_of_files()
    parts = components.linked()
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("rollcall-*.tar.gz", "rollcall_*.deb", "rollcall-*.cdx.json", "SHA256SUMS"):
        for old in folder.glob(pattern):
            old.unlink()
    with tempfile.TemporaryDirectory(prefix="rollcall-dist-") as name:
        local = Path(name) / "local"
        tree.lay_out(local, number, time, parts)
        made = [
            archive(local, folder / f"rollcall-{number}-linux-{platform.machine()}.tar.gz", time),
            debian.package(local, Path(name), folder, number, time),
            sbom.write_document(folder / f"rollcall-{number}.cdx.json", number, time, parts),
        ]
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(made))
    (folder / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def archive(source: Path, target: Path, time: int) -> Path:
    """A tar file, sorted, with root as the owner and one time for all, in a folder of the archive's name."""
    name = target.name.removesuffix(".tar.gz")

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = time
        return entry

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(source, name, filter=plain)  # adds the entries of each folder in the order of their names
    target.write_bytes(gzip.compress(buffer.getvalue(), compresslevel=9, mtime=0))
    return target

"""The Debian package: the tree below /usr, a systemd unit that is not enabled, and what dpkg wants to know."""
from __future__ import annotations

import gzip
import os
import re
import shutil
from email.utils import formatdate
from pathlib import Path

from . import tree
from .basics import ROOT, fail, run, write

UNIT = "usr/lib/systemd/system/rollcall.service"
DESCRIPTION = """\
keeps Iterable equal to a warehouse
 Rollcall reads tables and queries in Postgres or SQLite, compares them with
 what it sent before, and sends exactly the difference to Iterable: who entered
 and left a list, fields of profiles, events, items of catalogs. State and logs
 are in the warehouse, to be queried with SQL.
 .
 "rollcall demo" shows it with nothing set up; "rollcall serve" runs schedules
 and has an API and a dashboard.
"""
COPYRIGHT = """\
Rollcall {version}

{own}

The program has libraries inside, whose licences and notices are in
/usr/share/doc/rollcall/NOTICES.txt. Most are under the Apache License 2.0,
which is in /usr/share/common-licenses/Apache-2.0 on Debian systems, too.
"""
UNLICENSED = "Copyright: the authors of Rollcall. Its source states no licence; all rights are reserved."
# Maintainer scripts: a service is not left running without its program, and systemd hears of the unit.
RELOAD = "if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi\n"
STOP = """\
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now rollcall.service >/dev/null || true
fi
"""
SCRIPTS = {"postinst": RELOAD, "prerm": STOP, "postrm": RELOAD}


def package(local: Path, scratch: Path, folder: Path, version: str, time: int) -> Path:
    """Builds rollcall_VERSION-1_ARCHITECTURE.deb in `folder` out of what would lie below /usr/local."""
    root = scratch / "deb"
    shutil.copytree(local, root / "usr")
    zsh = root / "usr" / tree.COMPLETIONS["zsh"]
    vendor = root / "usr/share/zsh/vendor-completions" / zsh.name
    vendor.parent.mkdir(parents=True)
    zsh.rename(vendor)
    zsh.parent.rmdir()
    compress(root / "usr" / tree.MANUAL)
    install_unit(root)
    documents = root / "usr" / tree.DOCUMENTS
    maintainer = maintained_by()
    changelog(documents, version, time, maintainer)
    licence = documents / "LICENSE"
    own = licence.read_text(encoding="utf-8").strip() if licence.exists() else UNLICENSED
    licence.unlink(missing_ok=True)
    write(documents / "copyright", COPYRIGHT.format(version=version, own=own))
    control(root, scratch, f"{version}-1", maintainer)
    architecture = run(["dpkg", "--print-architecture"]).strip()
    target = folder / f"rollcall_{version}-1_{architecture}.deb"
    set_times(root, time)
    run(["dpkg-deb", "--build", "--root-owner-group", "-Zxz", root, target], env={**os.environ, "SOURCE_DATE_EPOCH": str(time)})
    return target


def compress(file: Path) -> None:
    """As `gzip -9n`: without a name and a time."""
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), compresslevel=9, mtime=0))
    file.unlink()


def install_unit(root: Path) -> None:
    """The sample's unit, which names /usr/local."""
    sample = (ROOT / "samples/deploy/rollcall.service").read_text(encoding="utf-8")
    if sample.count("/usr/local/bin/rollcall") != 1:
        fail("samples/deploy/rollcall.service does not start /usr/local/bin/rollcall")
    unit = sample.replace("/usr/local/bin/rollcall", "/usr/bin/rollcall")
    write(root / UNIT, unit.replace("Documentation=man:systemd.exec(5)", "Documentation=man:rollcall(1)"))


def maintained_by() -> str:
    """DEBFULLNAME and DEBEMAIL, as Debian's tools have it, else the author of the last commit."""
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return f"{name} <{address}>" if name and address else run(["git", "-C", ROOT, "log", "-1", "--format=%an <%ae>"]).strip()


def changelog(documents: Path, version: str, time: int, maintainer: str) -> None:
    """Debian's changelog names the release; the project's own says what it brought."""
    shutil.copyfile(documents / "CHANGELOG.md", documents / "changelog")
    compress(documents / "changelog")
    write(documents / "changelog.Debian", f"""\
rollcall ({version}-1) stable; urgency=medium

  * Release {version}: see changelog.gz.

 -- {maintainer}  {formatdate(time)}
""")
    compress(documents / "changelog.Debian")


def control(root: Path, scratch: Path, version: str, maintainer: str) -> None:
    size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    write(root / "DEBIAN/control", f"""\
Package: rollcall
Version: {version}
Architecture: {run(["dpkg", "--print-architecture"]).strip()}
Maintainer: {maintainer}
Installed-Size: {(size + 1023) // 1024}
Depends: {libraries(root, scratch)}, ca-certificates, tzdata
Section: database
Priority: optional
Description: {DESCRIPTION}""")
    for name, script in SCRIPTS.items():
        write(root / "DEBIAN" / name, f"#!/bin/sh\nset -e\n{script}", mode=0o755)
    files = sorted(file for file in (root / "usr").rglob("*") if file.is_file())
    sums = run(["md5sum", *(file.relative_to(root) for file in files)], cwd=root)
    write(root / "DEBIAN/md5sums", sums)


def libraries(root: Path, scratch: Path) -> str:
    """The packages of the libraries that the binary is linked to, with the versions that its symbols need."""
    write(scratch / "debian/control", "Source: rollcall\n\nPackage: rollcall\nArchitecture: any\n")
    found = re.search(r"shlibs:Depends=(.*)", run(["dpkg-shlibdeps", "-O", root / "usr/bin/rollcall"], cwd=scratch))
    if not found:
        fail("dpkg-shlibdeps does not say which libraries the binary needs")
    return found.group(1)


def set_times(root: Path, time: int) -> None:
    for entry in [root, *root.rglob("*")]:
        os.utime(entry, (time, time))

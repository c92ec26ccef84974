"""What is installed, as it lies below /usr/local."""
from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

from . import manual
from .basics import BINARY, ROOT, run, write
from .components import Component

DOCUMENTS = "share/doc/rollcall"
MANUAL = "share/man/man1/rollcall.1"
# Where each shell looks for its script, which the program writes itself.
COMPLETIONS = {
    "bash": "share/bash-completion/completions/rollcall",
    "zsh": "share/zsh/site-functions/_rollcall",
    "fish": "share/fish/vendor_completions.d/rollcall.fish",
}


def lay_out(target: Path, version: str, time: int, parts: list[Component]) -> None:
    documents = target / DOCUMENTS
    documents.mkdir(parents=True)
    (target / "bin").mkdir()
    shutil.copyfile(BINARY, target / "bin/rollcall")
    (target / "bin/rollcall").chmod(0o755)
    for name in ("README.md", "CHANGELOG.md", "VERSIONING.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE"):
        if (ROOT / name).exists():
            copy(ROOT / name, documents / name)
    # In their places, so that the links between them hold; and only what git has, for a demo may have left its database there.
    for name in run(["git", "-C", ROOT, "ls-files", "docs", "samples", "migrations"]).splitlines():
        if Path(name).name != ".gitignore":
            copy(ROOT / name, documents / name)
    write(documents / "NOTICES.txt", notices(parts))
    for shell, place in COMPLETIONS.items():
        write(target / place, run([BINARY, "--generate-completion-script", shell]))
    date = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d")
    write(target / MANUAL, manual.page(json.loads(run([BINARY, "--experimental-dump-help"])), version, date))


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def notices(parts: list[Component]) -> str:
    """The licences of everything that the binary has inside; a text that several share stands once."""
    users: dict[str, list[str]] = {}
    for part in parts:
        for text in part.texts:
            users.setdefault(text, []).append(f"{part.name} {part.version}")
    rule = "=" * 78
    return "The rollcall binary has these libraries inside. Their licences and notices follow.\n" + "".join(
        f"\n{rule}\n{', '.join(names)}\n{rule}\n\n{text}\n" for text, names in users.items())

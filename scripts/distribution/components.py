"""Which packages the binary is made of: those of which the linker has taken a module, as Package.resolved pins them."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .basics import BUILD, ROOT, fail, run


@dataclass(frozen=True)
class Component:
    name: str
    version: str
    location: str  # of the repository
    revision: str | None  # of git
    licence: str  # SPDX expression
    texts: tuple[str, ...]  # the licence, and the notices that it asks to be passed on


def linked() -> list[Component]:
    """The Swift packages inside the binary, by name, and Swift's own libraries first."""
    pins = {pin["location"]: pin for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]}
    modules = linked_modules()
    found, unknown = [], set(modules)
    for location, pin in sorted(pins.items(), key=lambda each: each[1]["identity"]):
        checkout = BUILD / "checkouts" / Path(location).name.removesuffix(".git")
        ours = modules & own_modules(checkout)
        unknown -= ours
        if ours:
            found.append(component(pin["identity"], checkout, ours, location, pin["state"]))
    unknown -= {folder.name for folder in (ROOT / "Sources").iterdir()}
    if unknown:
        fail(f"no package of Package.resolved has the modules {', '.join(sorted(unknown))} that the binary is linked of")
    return [swift(), *found]


def linked_modules() -> set[str]:
    """The modules whose object files `swift build -c release` has handed to the linker."""
    lists = sorted(BUILD.glob("release/rollcall.product/Objects.LinkFileList"))
    if not lists:
        fail("there is no .build/release/rollcall.product/Objects.LinkFileList: run `make release` first")
    return set(re.findall(r"/release/([^/]+)\.build/", lists[0].read_text()))


def own_modules(checkout: Path) -> set[str]:
    """Names that a package's modules may have: of the targets in its manifest, and of the folders below Sources."""
    manifest = (checkout / "Package.swift").read_text(encoding="utf-8")
    folders = {entry.name for entry in (checkout / "Sources").glob("*") if entry.is_dir()}
    return folders | set(re.findall(r'\.(?:target|systemLibrary|macro)\(\s*name:\s*"([^"]+)"', manifest))


def component(name: str, checkout: Path, modules: set[str], location: str, state: dict) -> Component:
    """A package; its licence, notice, and the licences of what others wrote and its modules have inside."""
    files = ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE.txt", "NOTICE"]
    files += [f"Sources/{module}/{file}" for module in sorted(modules) for file in ("LICENSE", "LICENSE.txt")]
    texts = {file: read(checkout / file) for file in files if (checkout / file).is_file()}
    licences = {identifier(text, name) for file, text in texts.items() if "NOTICE" not in file}
    if not licences:
        fail(f"{checkout} has no licence")
    version = state.get("version") or state["revision"]
    return Component(name, version, location, state["revision"], " AND ".join(sorted(licences)), tuple(texts.values()))


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip("\n")


def swift() -> Component:
    """Swift's standard library and Foundation, which are linked statically."""
    described = run(["swift", "--version"])
    found = re.search(r"Swift version (\S+)", described)
    compiler = Path(run(["sh", "-c", "command -v swift"]).strip()).resolve()
    licence = compiler.parents[1] / "share/swift/LICENSE.txt"
    if not found or not licence.is_file():
        fail(f"{licence} and the version of Swift are not to be found: {described}")
    text = read(licence)
    return Component("swift", found.group(1), "https://github.com/swiftlang/swift.git", None, identifier(text, "swift"), (text,))


def identifier(text: str, name: str) -> str:
    """The SPDX expression of a licence's text."""
    if "Apache License" in text and "Version 2.0" in text:
        return "Apache-2.0 WITH Swift-exception" if "Runtime Library Exception" in text else "Apache-2.0"
    if "Permission is hereby granted, free of charge" in text:
        return "MIT"
    fail(f"the licence of {name} is none that scripts/distribution/components.py knows; add it there")

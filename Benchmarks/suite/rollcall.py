"""The binary that is measured, and its configuration."""
from __future__ import annotations

import json
import os
from pathlib import Path

from .basics import fail, run
from .timing import Measured, timed

KEY = "sandbox-key"


class Rollcall:
    """`rollcall` with a configuration of its own in the temporary folder.

    The configuration is JSON, which is YAML too.
    """

    def __init__(self, binary: Path, folder: Path, project_type: str):
        self.binary, self.folder, self.project_type = binary, folder, project_type
        if not os.access(binary, os.X_OK):
            fail(f"there is no {binary}: run `make release` first, or give --binary")
        self.version = run([binary, "--version"]).strip()
        self.has_cache = "--no-cache" in run([binary, "plan", "--help"])
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True)
        self.environment = {**os.environ, "ROLLCALL_CACHE_DIR": str(self.cache), "NO_COLOR": "1"}

    @property
    def columns(self) -> list[str]:
        """What the mapping reads."""
        return ["email", "user_id"] if self.project_type == "hybrid" else ["email"]

    def configure(self, warehouses: dict, audiences: dict[str, tuple[str, str]], url: str, limits: dict) -> None:
        """Writes a configuration of lists: for each sync the name of its warehouse and its table."""
        mapping = {column: column for column in self.columns}
        self.write(
            warehouses,
            {name: {"warehouse": warehouse, "audience": {"table": table}, "list": {"name": name}, "mapping": mapping}
             for name, (warehouse, table) in audiences.items()},
            url, limits)

    def write(self, warehouses: dict, syncs: dict[str, dict], url: str, limits: dict) -> None:
        """Writes a configuration, in which all syncs have one destination."""
        self.configuration.write_text(json.dumps({
            "warehouses": warehouses,
            "destinations": {"iterable": {
                "type": "iterable", "api_key": KEY, "project_type": self.project_type, "base_url": url,
                "limits": limits}},
            "syncs": {name: {"destination": "iterable", **settings} for name, settings in syncs.items()},
        }, indent=1))

    @property
    def configuration(self) -> Path:
        return self.folder / "rollcall.yaml"

    def command(self, *arguments: str) -> list[str | Path]:
        return [self.binary, *arguments, "--config", self.configuration]

    def time(self, *arguments: str) -> Measured:
        return timed(self.command(*arguments), self.environment)

    def time_run(self, sync: str, subscribe: int, unsubscribe: int = 0) -> Measured:
        """A run of a list that must do exactly this."""
        measured, _ = self.time_counted(sync, subscribe=subscribe, unsubscribe=unsubscribe)
        return measured

    def time_counted(self, sync: str, **expected: int) -> tuple[Measured, dict]:
        """A run that must succeed in exactly this, by operation; and what it has counted."""
        output = self.folder / "run.json"
        measured = timed(self.command("run", sync, "--json"), self.environment, output=output)
        outcome = json.loads(output.read_text())
        if without_zeros(outcome["counts"]["succeeded"]) != without_zeros(expected):
            fail(f"the run of {sync} should have done {expected}, but: {outcome}")
        return measured, outcome["counts"]

    def check_planned(self, sync: str, **expected: int) -> None:
        """The plan must find exactly this, by operation."""
        shown = run(self.command("plan", sync, "--format", "json", "--rows", "0"), env=self.environment)
        planned = json.loads(shown)["counts"]["planned"]
        if without_zeros(planned) != without_zeros(expected):
            fail(f"the plan of {sync} is {planned} instead of {expected}")

    def check_plan(self, sync: str, each_way: int) -> None:
        """The plan of a list must find exactly the people who entered and left."""
        self.check_planned(sync, subscribe=each_way, unsubscribe=each_way)
        if self.has_cache and not self.cached(sync):
            fail(f"the run of {sync} left no fingerprints in ROLLCALL_CACHE_DIR")

    def cached(self, sync: str) -> list[Path]:
        """The sync's files; other syncs' are in the same folder."""
        return list(self.cache.glob(f"{sync}-*.snapshot"))

    def forget_cache(self, sync: str) -> None:
        for file in self.cached(sync):
            file.unlink()


def without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {operation: number for operation, number in counts.items() if number}

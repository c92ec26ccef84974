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

    def configure(self, warehouses: dict, audiences: dict[str, tuple[str, str]], url: str, limits: dict,
                  file: str = "rollcall.yaml") -> None:
        """Writes a configuration: for each sync the name of its warehouse and its table."""
        mapping = {column: column for column in self.columns}
        (self.folder / file).write_text(json.dumps({
            "warehouses": warehouses,
            "destinations": {"iterable": {
                "type": "iterable", "api_key": KEY, "project_type": self.project_type, "base_url": url,
                "limits": limits}},
            "syncs": {
                name: {
                    "warehouse": warehouse, "destination": "iterable", "audience": {"table": table},
                    "list": {"name": name}, "mapping": mapping}
                for name, (warehouse, table) in audiences.items()},
        }, indent=1))

    def command(self, *arguments: str, file: str = "rollcall.yaml") -> list[str | Path]:
        return [self.binary, *arguments, "--config", self.folder / file]

    def time(self, *arguments: str) -> Measured:
        return timed(self.command(*arguments), self.environment)

    def time_run(self, sync: str, subscribe: int, unsubscribe: int = 0) -> Measured:
        """A run that must do exactly this."""
        output = self.folder / "run.json"
        measured = timed(self.command("run", sync, "--json"), self.environment, output=output)
        outcome = json.loads(output.read_text())
        expected = {"subscribe": subscribe, "unsubscribe": unsubscribe}
        if outcome["counts"]["succeeded"] != expected:
            fail(f"the run of {sync} should have done {expected}, but: {outcome}")
        return measured

    def check_plan(self, sync: str, each_way: int) -> None:
        """The plan must find exactly the people who entered and left."""
        shown = run(self.command("plan", sync, "--format", "json", "--rows", "0"), env=self.environment)
        planned = json.loads(shown)["counts"]["planned"]
        if planned != {"subscribe": each_way, "unsubscribe": each_way}:
            fail(f"the plan of {sync} is {planned} instead of {each_way} each way")
        if self.has_cache and not self.cached(sync):
            fail(f"the run of {sync} left no fingerprints in ROLLCALL_CACHE_DIR")

    def cached(self, sync: str) -> list[Path]:
        """The sync's files; other syncs' are in the same folder."""
        return list(self.cache.glob(f"{sync}-*.snapshot"))

    def forget_cache(self, sync: str) -> None:
        for file in self.cached(sync):
            file.unlink()

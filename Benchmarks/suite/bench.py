"""What the sections share; each part is started when a section first asks for it."""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .basics import say
from .postgres import Cluster, uri
from .report import Report
from .rollcall import Rollcall
from .servers import SinkServer
from .shops import PostgresShop, SQLiteShop, fill_sqlite

SMALL = 1000
"""People in the audience of the small runs."""
UNLIMITED_LISTS = {"requests_per_second": 1000, "concurrent_requests": 8}
"""What every version of Rollcall knows of the next one."""
UNLIMITED = {
    **UNLIMITED_LISTS, "users": {"requests_per_second": 500}, "events": {"requests_per_second": 1000},
    "catalog": {"requests_per_second": 1000},
}
"""For the sink: the highest rates that a configuration may have. Requests carry 1000 records, as they do by default."""


@dataclass
class Bench:
    rollcall: Rollcall
    folder: Path
    rows: int
    records: int
    runs: int
    drt_rows: int
    drt_folder: Path | None
    simulate: Path
    other: Path | None = None
    report: Report = field(default_factory=Report)

    @property
    def few_runs(self) -> int:
        """For the slow ways that have no target."""
        return min(self.runs, 3 if self.rows < 10_000_000 else 1)

    @property
    def columns(self) -> str:
        return ", ".join(self.rollcall.columns)

    @cached_property
    def sink(self) -> SinkServer:
        """The sink, and the configuration of lists from Postgres, which names it."""
        sink = SinkServer()
        address = uri(self.folder)
        postgres = {"type": "postgres", "url": address}
        self.rollcall.configure(
            {
                "postgres": postgres,
                "postgres-small": {**postgres, "state_schema": "rollcall_small"},
                "postgres-drt": {**postgres, "state_schema": "rollcall_drt"},
            },
            {
                PostgresShop.sync: ("postgres", "people"),
                "small-postgres": ("postgres-small", "small"),
                "drt": ("postgres-drt", "drt_people"),
            },
            sink.url, UNLIMITED)
        return sink

    @cached_property
    def cluster(self) -> Cluster:
        assert self.sink
        say("Postgres: a private cluster")
        return Cluster(self.folder)

    @cached_property
    def postgres(self) -> PostgresShop:
        return PostgresShop(self.rollcall, self.rows, self.cluster)

    @cached_property
    def sqlite(self) -> SQLiteShop:
        return SQLiteShop(self.with_sqlite("shop", SQLiteShop.sync), self.rows)

    @cached_property
    def small_sqlite(self) -> Rollcall:
        say(f"SQLite: {SMALL:,} people")
        rollcall = self.with_sqlite("small", "small-sqlite")
        fill_sqlite(rollcall.folder / "small.sqlite", SMALL)
        return rollcall

    def with_sqlite(self, name: str, sync: str) -> Rollcall:
        """Rollcall in a separate folder, with one list from a SQLite file of that name there. A sync that begins looks for an earlier
        state in all warehouses of its configuration, so that there may be none that a section does not make."""
        rollcall = Rollcall(self.rollcall.binary, self.folder / name, self.rollcall.project_type)
        rollcall.configure(
            {"sqlite": {"type": "sqlite", "path": f"{name}.sqlite"}}, {sync: ("sqlite", "people")}, self.sink.url, UNLIMITED)
        return rollcall

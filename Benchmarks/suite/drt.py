"""An open-source reverse-ETL tool: drt-core from PyPI, posting the same rows in batches of 1000 to the same sink.

What it does: streams a query from Postgres through a server-side cursor and posts templated JSON. What it does not do
for a REST destination: no difference (its `diff` strategy is for SQL destinations), so nobody is ever removed; no
validation; no record of who was sent. It runs in two modes here: `full` sends everybody in every run; `incremental`
sends whoever has a higher number than the last one sent, so it needs such a column, and sees only those who enter.

Its fastest documented setting: body_mode batch with 1000 records a request, no rate limit, and a batch_size of 50,000,
because each batch opens a new connection. The whole batch goes through the template at once.
"""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .audience import postgres_people
from .basics import fail, install_package, say
from .bench import Bench
from .timing import Measured, Way, alternate, timed

PACKAGE = "drt-core[postgres]==1.2.1"


def drt(bench: Bench) -> None:
    tool = install(bench.drt_folder or bench.folder / "drt-venv")
    if tool is None:
        return
    Comparison(bench, tool).measure()


def install(folder: Path) -> Path | None:
    """The tool's program, from a virtual environment; None, with a message, where it cannot be installed."""
    tool = folder / "bin" / "drt"
    if not tool.exists():
        trouble = install_package(PACKAGE, folder)
        if trouble:
            say(f"drt skipped: {PACKAGE} cannot be installed: {trouble}")
            return None
    return tool


class Comparison:
    """Rollcall and drt, both with `drt_rows` people in the table drt_people."""

    def __init__(self, bench: Bench, tool: Path):
        self.bench, self.tool = bench, tool
        self.rows, self.churn = bench.drt_rows, bench.drt_rows // 1000
        self.project = bench.folder / "drt"
        self.environment = {**os.environ, "HOME": str(self.project), "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
        self.turn = 0
        self.configure()

    def configure(self) -> None:
        names = {"email": "email", "user_id": '"userId"'}
        columns = ", ".join(f"{column} AS {names[column]}" for column in self.bench.rollcall.columns)
        keys = [names[column].strip('"') for column in self.bench.rollcall.columns]
        members = ", ".join(f'"{key}": {{{{ row.{key} | tojson_safe }}}}' for key in keys)
        every = '{"listId": 1, "subscribers": {{ rows | tojson_safe }}}'
        named = ('{"listId": 1, "subscribers": [{% for row in rows %}{' + members
                 + '}{{ "," if not loop.last }}{% endfor %}]}')
        cluster = self.bench.cluster
        files = {
            ".drt/profiles.yml": {"bench": {
                "type": "postgres", "host": str(cluster.folder), "dbname": "postgres", "user": "postgres"}},
            "drt_project.yml": {"name": "bench", "version": "0.1", "profile": "bench"},
            "syncs/full.yml": self.sync("full", f"SELECT {columns} FROM drt_people", every, {"mode": "full"}),
            "syncs/incremental.yml": self.sync(
                "incremental", f"SELECT number, {columns} FROM drt_people", named,
                {"mode": "incremental", "cursor_field": "number"}),
        }
        for name, content in files.items():
            file = self.project / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content))

    def sync(self, name: str, query: str, template: str, mode: dict) -> dict:
        return {
            "name": name, "model": query,
            "destination": {
                "type": "rest_api", "url": self.bench.sink.url + "/api/lists/subscribe", "method": "POST",
                "headers": {"Content-Type": "application/json", "Api-Key": "sandbox-key"},
                "body_mode": "batch", "batch_template": template, "max_records_per_request": 1000},
            "sync": {**mode, "batch_size": 50_000, "rate_limit": {"requests_per_second": 0}, "on_error": "fail"},
        }

    # Measuring

    def measure(self) -> None:
        bench, rows = self.bench, self.rows
        say(f"drt and Rollcall, {rows:,} people")
        ours, full = alternate(
            bench.few_runs, Way("Rollcall", lambda: bench.rollcall.time_run("drt", rows), self.start_anew),
            Way("drt", lambda: self.run("full", rows), self.start_anew))
        bench.report.sized.ratio(f"first sync, Postgres, {rows:,} people", ours, "drt, full", full, records=rows)
        self.start_anew()
        bench.rollcall.time_run("drt", rows)
        self.run("incremental", rows)
        changes = self.churn
        ours, full, incremental = alternate(
            bench.few_runs,
            Way("Rollcall", lambda: bench.rollcall.time_run("drt", changes, changes), self.change),
            Way("drt, full", lambda: self.run("full", rows)),
            Way("drt, incremental", lambda: self.run("incremental", changes)))
        what = f"run after 0.1 % churn, {rows:,} people"
        bench.report.sized.ratio(what, ours, "drt, full: sends everybody", full)
        bench.report.sized.ratio(what, ours, "drt, incremental: removes nobody", incremental)

    def run(self, sync: str, expected: int) -> Measured:
        before = self.bench.sink.counts()["subscribe"]
        measured = timed([self.tool, "run", "--select", sync, "--quiet"], self.environment, folder=self.project)
        sent = self.bench.sink.counts()["subscribe"] - before
        if sent != expected:
            fail(f"drt sent {sent} people instead of {expected}")
        return measured

    def start_anew(self) -> None:
        """Nobody was sent by either; the table has people 1 to `rows`."""
        self.turn = 0
        shutil.rmtree(self.project / ".drt" / "state", ignore_errors=True)
        for file in ("state.json", "watermarks.json", "history.json"):
            (self.project / ".drt" / file).unlink(missing_ok=True)
        self.bench.cluster.sql(
            "DROP SCHEMA IF EXISTS rollcall_drt CASCADE", "DROP TABLE IF EXISTS drt_people",
            "CREATE TABLE drt_people AS SELECT row_number() OVER () AS number, p.* FROM "
            f"({postgres_people('1', str(self.rows))}) p", "VACUUM ANALYZE drt_people", "CHECKPOINT")

    def change(self) -> None:
        """Another 0.1 % leave, as many enter, with higher numbers than anybody had."""
        self.turn += 1
        first = self.rows + (self.turn - 1) * self.churn + 1
        last = first + self.churn - 1
        self.bench.cluster.sql(
            f"DELETE FROM drt_people WHERE number <= {self.rows} AND number % 1000 = {self.turn}",
            f"INSERT INTO drt_people SELECT {first} - 1 + row_number() OVER (), p.* FROM "
            f"({postgres_people(str(first), str(last))}) p", "VACUUM ANALYZE drt_people",
            "VACUUM ANALYZE rollcall_drt.list_members", "CHECKPOINT")

"""What both versions share: a warehouse, a sandbox, a configuration, and what must be true of them after each step."""
from __future__ import annotations

import json
import os
import random
import subprocess
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from suite.basics import fail
from suite.servers import Server

from .databases import PostgresDatabase, SQLiteDatabase
from .versions import Version

KEY = "sandbox-key"
# Small requests, so that each run has many moments at which it can be killed.
LIMITS = {
    "requests_per_second": 1000, "subscribers_per_request": 5, "settle_seconds": 0.5,
    "events": {"records_per_request": 5, "requests_per_second": 1000},
    "catalog": {"records_per_request": 5, "requests_per_second": 1000},
}
SYNCS = ("members", "orders", "goods")


class Scene:
    def __init__(self, database: SQLiteDatabase | PostgresDatabase, folder: Path, new: Version, chance: random.Random):
        self.database, self.folder, self.chance = database, folder, chance
        # Each request takes a while, so that a kill finds it under way.
        self.sandbox = Server([new.binary, "sandbox", "--port", "0", "--no-read-limits", "--latency", "0.01"])
        self.environment = {**os.environ, "ROLLCALL_CACHE_DIR": str(folder / "cache"), "NO_COLOR": "1"}
        self.newest = 0
        self.change(enter=200, leave=0)
        self.configure()

    def configure(self) -> None:
        """One sync of each kind that keeps or sends; JSON is YAML too."""
        common = {"warehouse": "shop", "destination": "iterable"}
        # A daily tick, half a day away: none falls due by itself.
        daily = {"every": "24h", "at": f"{(datetime.now(timezone.utc).hour + 12) % 24:02d}:00"}
        guards = {"max_removals": "100%"}
        syncs = {
            "members": {"audience": {"table": "people"}, "list": {"name": "Members"}, "mapping": {"email": "email"},
                        "schedule": daily, "guards": guards},
            "orders": {"kind": "events", "source": {"table": "orders"}, "key": "number", "mapping": {"email": "email"},
                       "event": {"name": {"value": "ordered"}}, "fields": {"number": "number"}, "start": "all"},
            "goods": {"kind": "catalog", "source": {"table": "goods"}, "key": "number", "mode": "mirror", "fields": "all",
                      "catalog": {"name": "goods", "create": True}, "guards": guards},
        }
        self.configuration = self.folder / "rollcall.yaml"
        self.configuration.write_text(json.dumps({
            "warehouses": {"shop": self.database.settings},
            "destinations": {"iterable": {
                "type": "iterable", "api_key": KEY, "project_type": "hybrid", "base_url": self.sandbox.url, "limits": LIMITS}},
            "syncs": {name: {**common, **settings} for name, settings in syncs.items()},
        }, indent=1))

    # Running

    def command(self, version: Version, *arguments: str) -> list[str | Path]:
        return [version.binary, *arguments, "--config", self.configuration]

    def call(self, version: Version, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(version, *arguments), capture_output=True, text=True, env=self.environment, timeout=300)

    def succeed(self, version: Version, *arguments: str) -> str:
        done = self.call(version, *arguments)
        if done.returncode != 0:
            fail(f"{self.database.name}: rollcall {' '.join(arguments)} of the {version.name} version ended with "
                 f"{done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    # Rows

    def change(self, enter: int, leave: int) -> None:
        """People and goods come and go, as many orders are placed, prices change."""
        first, self.newest = self.newest + 1, self.newest + enter
        numbers = range(first, self.newest + 1)
        gone = self.chance.sample([row[0] for row in self.database.sql("SELECT number FROM people")], leave) if leave else []
        self.database.sql(
            f"DELETE FROM people WHERE number IN ({', '.join(gone) or '0'})",
            f"DELETE FROM goods WHERE number IN ({', '.join(map(repr, gone)) or repr('')})",
            f"UPDATE goods SET price = price + 1 WHERE length(number) = {self.chance.randint(1, 3)}",
            *(f"INSERT INTO people VALUES ({n}, 'p{n}@example.com')" for n in numbers),
            *(f"INSERT INTO orders VALUES ({n}, 'p{n}@example.com')" for n in numbers),
            *(f"INSERT INTO goods VALUES ('{n}', {n})" for n in numbers))

    # What must be true

    def prove_equal(self, moment: str) -> None:
        """Iterable has what the warehouse has, each event once, and no run is left open."""
        rows = self.database.sql
        self.compare(moment, "the list", {row[0] for row in rows("SELECT email FROM people")}, self.members())
        events = self.sandbox.get("/sandbox/events")["events"]
        sent = [str(event["dataFields"]["number"]) for event in events if event["eventName"] == "ordered"]
        if len(sent) != len(set(sent)):
            fail(f"{self.database.name}, {moment}: some events are in Iterable twice: {sorted(sent)}")
        self.compare(moment, "the events", {row[0] for row in rows("SELECT number FROM orders")}, set(sent))
        self.compare(moment, "the catalog", {tuple(row) for row in rows("SELECT number, price FROM goods")}, self.items())
        open_runs = rows(f"SELECT sync_name, status FROM {self.database.state('sync_runs')} "
                         "WHERE status IN ('queued', 'running', 'held')")
        if open_runs:
            fail(f"{self.database.name}, {moment}: runs are left open: {open_runs}")

    def compare(self, moment: str, what: str, expected: set, found: set) -> None:
        if expected != found:
            fail(f"{self.database.name}, {moment}: {what} should have {sorted(expected - found)[:10]}, "
                 f"and should not have {sorted(found - expected)[:10]}")

    def members(self) -> set[str]:
        lists = self.api("/api/lists")["lists"]
        number = next(each["id"] for each in lists if each["name"] == "Members")
        with urllib.request.urlopen(f"{self.sandbox.url}/sandbox/lists/{number}/members", timeout=60) as answer:
            return {line.split("\t")[0] for line in answer.read().decode().splitlines()}

    def items(self) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        page = 1
        while True:
            answer = self.api(f"/api/catalogs/goods/items?pageSize=1000&page={page}")["params"]
            found |= {(item["itemId"], str(item["value"]["price"])) for item in answer["catalogItemsWithProperties"]}
            if not answer.get("nextPageUrl"):
                return found
            page += 1

    def api(self, path: str) -> dict:
        request = urllib.request.Request(self.sandbox.url + path, headers={"Api-Key": KEY})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Asks until it is so, and fails when it never is."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                fail(f"{self.database.name}: {what}: not after {seconds:.0f} s")
            time.sleep(0.05)

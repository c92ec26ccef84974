"""The story that every line plays: check, plan, a first run, a run after 1 % has changed, and one after nothing has."""
from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from basics import Failed
from places import CHANGED, Place, change
from suite.servers import Server

SYNC = "members"
KEY = "sandbox-key"
FIRST, CHANGES, NOTHING = "the first run", "the run after a change", "the run after no change"


class Story:
    def __init__(self, binary: Path, folder: Path, place: Place):
        self.binary, self.folder, self.place = binary, folder, place
        folder.mkdir()
        self.logged = len(place.server.program.said())
        self.sandbox = Server(
            [binary, "sandbox", "--port", "0", "--project-type", "hybrid", "--api-key", KEY, "--no-read-limits"])
        # A clean environment: a PGHOST or PGOPTIONS of the caller would be the line's.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1", "SHOP_URL": place.url,
                            "ROLLCALL_CACHE_DIR": str(folder / "cache")}
        (folder / "rollcall.yaml").write_text(json.dumps(self.configuration(), indent=1))

    def configuration(self) -> dict:
        """JSON is YAML too."""
        place = self.place
        shop = {"type": "postgres", "url": "${SHOP_URL}", "wait_seconds": 20, **place.warehouse}
        warehouses = {"shop": shop}
        if place.is_only_read:
            shop["state"] = "keeper"
            state = self.folder / "keeper.sqlite"
            state.touch()
            warehouses["keeper"] = {"type": "sqlite", "path": str(state)}
        return {
            "warehouses": warehouses,
            "destinations": {"iterable": {
                "type": "iterable", "api_key": KEY, "project_type": "hybrid", "base_url": self.sandbox.url,
                "limits": {"requests_per_second": 500}}},
            "syncs": {SYNC: {
                "warehouse": "shop", "destination": "iterable", "audience": place.audience, "list": {"name": "Members"},
                "mapping": {"email": "email", "user_id": "user_id"},
                **({"fields": {name: name for name in place.fields}} if place.fields else {})}},
        }

    def play(self) -> None:
        try:
            if self.place.refusal:
                self.be_refused()
            else:
                self.go_through()
        finally:
            self.sandbox.process.terminate()
            self.sandbox.process.wait(60)

    def go_through(self) -> None:
        people = self.place.people
        for field in self.place.fields:
            self.iterable("users/update", {"email": "first@example.com", "dataFields": {field: "a text"}})
        self.check()
        planned = json.loads(self.rollcall("plan", SYNC, "--format", "json", "--rows", "0"))["counts"]["planned"]
        self.expect("plan", planned, subscribe=people)
        self.expect(FIRST, self.run(), subscribe=people)
        self.compare(FIRST)
        change(self.place)
        self.expect(CHANGES, self.run(), subscribe=CHANGED, unsubscribe=CHANGED)
        self.compare(CHANGES)
        self.expect(NOTHING, self.run())
        self.compare(NOTHING)
        self.compare_fields()
        self.look_at_log()

    # MARK: Steps

    def check(self) -> None:
        said = self.rollcall("check")
        for words in self.place.shown:
            if words not in said:
                raise Failed(f"check does not say “{words}”, but: {said}")

    def be_refused(self) -> None:
        for command in (["check"], ["run", SYNC]):
            done = self.call(*command)
            said = done.stdout + done.stderr
            if done.returncode == 0 or self.place.refusal not in said:
                raise Failed(f"{command[0]} was to say “{self.place.refusal}”, but ended with {done.returncode}: {said}")

    def run(self) -> dict:
        outcome = json.loads(self.rollcall("run", SYNC, "--json"))
        if outcome["status"] != "succeeded":
            raise Failed(f"a run has the status {outcome['status']}")
        return outcome["counts"]["succeeded"]

    def expect(self, step: str, counts: dict, **expected: int) -> None:
        found = {operation: number for operation, number in counts.items() if number}
        if found != expected:
            raise Failed(f"{step} has the counts {found} instead of {expected}")

    def compare(self, step: str) -> None:
        """The list has exactly the rows of the source."""
        rows = {as_sent(row) for row in self.place.sql(self.place.rows).splitlines()}
        members = set(self.members().splitlines())
        if rows != members:
            raise Failed(f"after {step} the list lacks {len(rows - members)} people and has {len(members - rows)} too many,"
                         f" such as {sorted(rows ^ members)[:2]}")

    def compare_fields(self) -> None:
        """Of one person, the last who entered."""
        for field in self.place.fields:
            row = self.place.sql(f"SELECT email, {field} FROM people ORDER BY number DESC LIMIT 1").splitlines()[0]
            email, value = as_sent(row).split("\t")
            user = self.iterable(f"users/getByEmail?email={urllib.parse.quote(email)}")["user"]
            if user["dataFields"].get(field) != value:
                raise Failed(f"{field} is {user['dataFields'].get(field)} in Iterable instead of {value}")

    def look_at_log(self) -> None:
        log = self.place.server.program.said()[self.logged:]
        for trace in self.place.traces:
            if trace not in log:
                raise Failed(f"no statement had {trace}")
        for trace in self.place.no_traces:
            if trace in log:
                raise Failed(f"a statement had {trace}")

    # MARK: Programs

    def call(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.binary, *arguments, "--config", self.folder / "rollcall.yaml"], capture_output=True, text=True,
            env=self.environment, cwd=self.folder, timeout=180)

    def rollcall(self, *arguments: str) -> str:
        done = self.call(*arguments)
        if done.returncode != 0:
            raise Failed(f"{arguments[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:].strip()}")
        return done.stdout

    def iterable(self, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(
            f"{self.sandbox.url}/api/{path}", headers={"Api-Key": KEY, "Content-Type": "application/json"},
            data=json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{path} was answered with {error.code}: {error.read().decode()}") from None

    def members(self) -> str:
        lists = self.sandbox.get("/sandbox/state")["lists"]
        number = next(each["id"] for each in lists if each["name"] == "Members")
        with urllib.request.urlopen(f"{self.sandbox.url}/sandbox/lists/{number}/members", timeout=60) as answer:
            return answer.read().decode()


def as_sent(row: str) -> str:
    """A row of the source as Iterable has it: the domain of an address in ASCII."""
    email, rest = row.split("\t", 1)
    name, domain = email.rsplit("@", 1)
    return f"{name}@{domain.encode('idna').decode()}\t{rest}"

"""The results: as text for a terminal, and as tables in docs/performance.md."""
from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from .basics import ROOT, fail, run, say
from .timing import Result

PAGE = ROOT / "docs" / "performance.md"


@dataclass
class Row:
    """One line. `value` is what the target speaks of: a ratio, or a number with its unit."""

    what: str
    value: str
    target: str = ""
    reached: bool | None = None
    ours: str = ""
    other: str = ""
    others: str = ""

    @property
    def verdict(self) -> str:
        return {None: "", True: "reached", False: "missed"}[self.reached]


class Group:
    """Rows that stand in one table."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def ratio(self, what: str, ours: Result, other: str, others: Result, limit: float | None = None,
              records: int | None = None) -> None:
        """Rollcall's median divided by that of the other. With `records`, their rates are shown too."""
        value = ours.seconds / others.seconds

        def shown(seconds: float) -> str:
            rate = f", {records / seconds:,.0f}/s" if records else ""
            return f"{seconds:.2f} s{rate}"

        self.rows.append(Row(
            what, f"{value:.2f}", f"<= {limit}" if limit else "", value <= limit if limit else None,
            shown(ours.seconds), other, shown(others.seconds)))
        say(f"{what}: {value:.2f} of {other}")

    def memory(self, what: str, peak: int, members: int, each: int | None = 40) -> None:
        """At most 64 MiB and this number of bytes for each member or record; None: there is no target."""
        shown = f"{peak / 2**20:.0f} MiB"
        if each is None:
            self.rows.append(Row(f"peak memory of {what}", shown))
            return
        allowed = 64 * 2**20 + each * members
        self.rows.append(Row(f"peak memory of {what}", shown, f"<= {allowed / 2**20:.0f} MiB", peak <= allowed))

    def value(self, what: str, value: str, target: str = "", reached: bool | None = None, ours: str = "") -> None:
        self.rows.append(Row(what, value, target, reached, ours))
        say(f"{what}: {value}")


class Report:
    """Rows in three groups: those that depend on --rows, those that depend on --records, and those that do not."""

    def __init__(self) -> None:
        self.sized, self.records, self.fixed = Group(), Group(), Group()

    @property
    def groups(self) -> list[Group]:
        return [self.sized, self.records, self.fixed]

    def text(self) -> str:
        """At most 80 columns: value, target and verdict, below them the two times."""
        lines = []
        for row in [row for group in self.groups for row in group.rows]:
            lines.append(f"{row.what:<46} {row.value:>10} {row.target:>12} {row.verdict:>8}".rstrip())
            if row.other:
                lines.append(f"    {row.ours}; {row.other}: {row.others}")
            elif row.ours:
                lines.append(f"    {row.ours}")
        return "\n".join(lines)

    # docs/performance.md

    def write(self, notes: dict[str, str]) -> None:
        """Puts each group of rows that was measured into its place of the page, below its note."""
        for place, group in zip(notes, self.groups):
            if group.rows:
                replace(place, f"{notes[place]}\n\n{table(group.rows)}")
        say(f"wrote {PAGE}")


def table(rows: list[Row]) -> str:
    lines = ["| measured | Rollcall | compared with | its time | ratio or value | target |",
             "|---|---|---|---|---:|---|"]
    for row in rows:
        target = row.target.replace("<=", "≤").replace(">=", "≥") + (f", {row.verdict}" if row.verdict else "")
        lines.append(f"| {row.what} | {row.ours} | {row.other} | {row.others} | {row.value} | {target} |")
    return "\n".join(lines)


def markers(place: str) -> tuple[str, str]:
    return f"<!-- bench {place}: begin -->", f"<!-- bench {place}: end -->"


def check_places(places: list[str]) -> None:
    """Before anything is measured: is there a place for what will be written?"""
    text = PAGE.read_text()
    for place in places:
        for marker in markers(place):
            if marker not in text:
                fail(f"{PAGE} has no line {marker}: add it where the table shall stand, or leave out --write")


def replace(place: str, text: str) -> None:
    begin, end = markers(place)
    head, rest = PAGE.read_text().split(begin, 1)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}")


def machine(postgres: Path) -> str:
    """Cores, processor, memory and versions, in a line."""
    model, memory = "unknown processor", ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        memory = f", {int(Path('/proc/meminfo').read_text().split()[1]) / 2**20:.0f} GiB of memory"
    except OSError:
        pass
    server = run([postgres / "postgres", "--version"]).split()[2]
    return (f"{len(os.sched_getaffinity(0))} cores of {model}{memory}; {platform.system()} {platform.release()}; "
            f"PostgreSQL {server}, SQLite {run(['sqlite3', '--version']).split()[0]}")


def today() -> str:
    return f"{datetime.date.today():%Y-%m-%d}"

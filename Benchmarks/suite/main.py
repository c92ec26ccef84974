"""The options, and the order of the sections."""
from __future__ import annotations

import argparse
import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Callable

from . import (
    catalog, contents, drt, endurance, events, first_sync, huge, pace, plans, read_changed, receivers, small, sql, stream, users,
    versions)
from .basics import ROOT, busy, end_on_signals, fail, say
from .bench import Bench
from .postgres import programs
from .report import check_places, machine, today
from .rollcall import Rollcall

DESCRIPTION = """\
Measures Rollcall beside the floors of the same machine, and beside other ways, and prints ratios.

Self-contained: a private PostgreSQL, SQLite files and local stand-ins for Iterable in a temporary folder, removed at
the end. The rows are the same on every run. Each ratio is that of the medians of alternating runs.

  Benchmarks/run                               everything with 1,000,000 rows and records, 5 runs of each
  Benchmarks/run --rows 10_000_000 --runs 5 --only first-sync,plan-postgres,plan-sqlite
  Benchmarks/run --hybrid                      people with email and userId
  Benchmarks/run --records 10_000 --only users-postgres,users-sqlite,events,events-sqlite,catalog
  Benchmarks/run --write                       also puts the tables into docs/performance.md

sections, in this order:
"""
SECTIONS: dict[str, tuple[Callable[[Bench], None], str]] = {
    "first-sync": (first_sync.first_sync_postgres, "first sync from Postgres, psql COPY out and into two tables"),
    "first-sync-sqlite": (first_sync.first_sync_sqlite, "first sync from SQLite, INSERT ... SELECT into two tables"),
    "plan-postgres": (plans.plan_postgres, "plan, 0.1 % churn, with and without cache; psql COPY"),
    "read-changed": (read_changed.read_changed, "plan with read: changed, 0.01 and 0.1 % churn; with read: all"),
    "read-changed-users": (read_changed.read_changed_users, "the same for users (--records)"),
    "plan-sqlite": (plans.plan_sqlite, "the same; sqlite3 SELECT"),
    "sql-postgres": (sql.sql_postgres, "plan; EXCEPT, NOT EXISTS, FULL JOIN"),
    "sql-sqlite": (sql.sql_sqlite, "plan; EXCEPT, FULL JOIN"),
    "users-postgres": (users.users_postgres, "users: first sync, plan with 0.1 % changed; psql COPY (--records)"),
    "users-sqlite": (users.users_sqlite, "users: plan; sqlite3 SELECT"),
    "events": (events.events, "10,000 new events in a table of ten times --records, and in one of a tenth of it"),
    "events-sqlite": (events.events_sqlite, "the same in a table of --records, and in one of a tenth of it"),
    "catalog": (catalog.catalog, "100,000 items, --records at most: first sync, plan; psql COPY"),
    "stream": (stream.stream, "1,000 and 5,000 rows a second: from commit to Iterable's answer (70 s)"),
    "receivers-postgres": (receivers.receivers_postgres, "100,000 events posted, --records at most; psql INSERT"),
    "receivers-sqlite": (receivers.receivers_sqlite, "the same; sqlite3 INSERT"),
    "drt": (drt.drt, "drt-core from PyPI: first sync, run after churn (--drt-rows)"),
    "small": (small.small, "a run without a change, --help"),
    "pace": (pace.pace, "delivery at 5 requests a second, alone (45 s)"),
    "pace-shared": (pace.pace_shared, "the same while another client takes half (110 s)"),
    "versions": (versions.versions, "first sync and plans of lists by two binaries in turn (with --other)"),
    "simulation": (small.simulation, "50,000 simulated histories, if the program is there"),
    "contents": (contents.contents, "300,000 records of each kind in the sandbox, compared with the table (only if asked for)"),
    "stream-faults": (endurance.stream_faults, "1,000 rows a second for ten minutes, a kill and an outage (only if asked for)"),
    "kills-postgres": (endurance.receiver_kills_postgres, "--records events posted, 50 kills (only if asked for)"),
    "kills-sqlite": (endurance.receiver_kills_sqlite, "the same (only if asked for)"),
    "huge": (huge.huge, "plan with a snapshot that SQL has put in place, for 100 M --rows (only if asked for)"),
}
LONG = ("contents", "stream-faults", "kills-postgres", "kills-sqlite", "huge")


def sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SECTIONS)}")
    return names


def number(text: str) -> int:
    value = int(text.replace(",", ""))
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def people(text: str) -> int:
    value = number(text)
    if value < 2000 or value % 1000:
        raise argparse.ArgumentTypeError("must be a multiple of 1000, 2000 or more: 0.1 % of it leaves and enters")
    return value


def records(text: str) -> int:
    value = number(text)
    if value < 10_000 or value % 1000:
        raise argparse.ArgumentTypeError("must be a multiple of 1000, 10,000 or more")
    return value


def read_options() -> argparse.Namespace:
    listed = "\n".join(f"  {name:<20}{what}" for name, (_, what) in SECTIONS.items())
    parser = argparse.ArgumentParser(
        description=DESCRIPTION + listed, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=people, default=1_000_000, help="people in the audience (1,000,000)")
    parser.add_argument("--records", type=records, default=1_000_000, help="users; events are ten times as many "
                        "(1,000,000)")
    parser.add_argument("--runs", type=number, default=5, help="counted runs of each (5); slow ways without a "
                        "target are run 3 times at most, once from 10 M rows on")
    parser.add_argument("--only", type=sections, help="some of the sections, separated by commas")
    parser.add_argument("--skip", type=sections, default=[], help="all sections but these")
    parser.add_argument("--hybrid", action="store_true", help="a hybrid project, email and userId mapped")
    parser.add_argument("--binary", type=Path, default=ROOT / ".build" / "release" / "rollcall")
    parser.add_argument("--other", type=Path, help="another binary, for the section versions")
    parser.add_argument("--simulate", type=Path, help="the simulation's program; beside the binary when left out")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made (10 M rows need about 25 GB)")
    parser.add_argument("--drt-rows", type=people, default=100_000, help="people for the section drt (100,000)")
    parser.add_argument("--drt-venv", type=Path, help="keep drt's virtual environment here, for the next time")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    options.sections = [name for name in SECTIONS if name in (options.only or SECTIONS) and name not in options.skip
                        and (options.only or name not in LONG) and (name != "versions" or options.other)]
    options.project_type = "hybrid" if options.hybrid else "email"
    return options


def prepare(options: argparse.Namespace) -> Bench:
    for program, package in (("psql", "postgresql-client"), ("sqlite3", "sqlite3")):
        if not shutil.which(program):
            fail(f"{program} is missing (package {package})")
    folder = Path(tempfile.mkdtemp(prefix="rollcall-bench-", dir=options.folder)).resolve()
    atexit.register(shutil.rmtree, folder, True)
    folder.chmod(0o755)  # the account of the database server looks in
    binary = options.binary.resolve()
    return Bench(
        Rollcall(binary, folder, options.project_type), folder, options.rows, options.records, options.runs,
        options.drt_rows, options.drt_venv and options.drt_venv.resolve(),
        (options.simulate or binary.with_name("simulate")).resolve(), options.other and options.other.resolve())


def main() -> None:
    options = read_options()
    end_on_signals()
    places = [f"{options.project_type} {options.rows}", f"records {options.records}", "pace and start"]
    if options.write:
        check_places(places)
    bench = prepare(options)
    say(f"Rollcall {bench.rollcall.version}, {bench.rows:,} rows, {options.project_type} project, "
        f"{bench.records:,} records, in {bench.folder}")
    share = busy()
    if share > 0.1:
        say(f"WARNING: other programs use {share:.0%} of this machine; the numbers will be wrong")
    for name in options.sections:
        say(f"[{name}]")
        SECTIONS[name][0](bench)
    print(bench.report.text())
    if options.write:
        here = machine(programs())
        head = f"{today()}, Rollcall {bench.rollcall.version}"
        bench.report.write({
            places[0]: f"{head}, {bench.rows:,} rows, {options.project_type} project, medians of {bench.runs} "
                       f"alternating runs.\n{here}.",
            places[1]: f"{head}, {bench.records:,} users, email project, medians of {bench.runs} alternating runs.\n"
                       f"{here}.",
            places[2]: f"{head}.\n{here}.",
        })

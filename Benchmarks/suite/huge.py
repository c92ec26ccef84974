"""`plan` of 100,000,000 people with the fingerprints cached, beside the cheapest thing that reads the same rows.

A first sync of that many would need 60 GB and forty minutes, and is not what is measured. So a thousand people are synced
by Rollcall, and SQL puts the others beside them into list_members, with the fingerprints of fingerprints.py; a run that
finds nothing to do proves that these are what Rollcall makes of the same people, and leaves the cache.
"""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .audience import LEAVERS, leaving, postgres_email, postgres_people
from .basics import fail, install_package, say
from .bench import UNLIMITED_LISTS, Bench
from .postgres import Cluster, uri
from .rollcall import Rollcall
from .timing import Way, alternate, timed

SYNC, SCHEMA = "huge", "rollcall_huge"
FIRST = 1000
"""People who are synced by Rollcall."""
BYTES_EACH = 400
"""Disk that each person needs: two tables, an index, and their sorting."""
LIMIT = 3_500_000_000
"""Bytes of memory for 100,000,000 people."""


def huge(bench: Bench) -> None:
    free, needed = shutil.disk_usage(bench.folder).free, bench.rows * BYTES_EACH
    if free < needed:
        fail(f"the section huge needs {needed / 1e9:.0f} GB in {bench.folder.parent}, where {free / 1e9:.0f} GB are free: "
             "name another place with --folder, or fewer people with --rows")
    trouble = install_package("numpy", bench.folder / "numpy")
    if trouble:
        fail(f"the section huge needs numpy, which cannot be installed: {trouble}")
    rollcall = prepare(bench)
    fill_snapshot(bench)
    fill_people(bench.cluster, bench.rows)
    say("a run that must find nothing to do")
    rollcall.time_run(SYNC, 0)
    churn = change(bench.cluster, bench.rows)
    rollcall.check_plan(SYNC, churn)
    measure(bench, rollcall, bench.rows + churn)
    bench.cluster.sql(f"DROP SCHEMA {SCHEMA} CASCADE", "DROP TABLE huge_people")


def prepare(bench: Bench) -> Rollcall:
    """A sync of the first thousand people, carried out."""
    bench.cluster.sql(
        "CREATE UNLOGGED TABLE huge_people (email text, user_id text)",
        f"INSERT INTO huge_people {postgres_people('1', str(FIRST))}")
    rollcall = Rollcall(bench.rollcall.binary, bench.folder / "huge", "email")
    rollcall.configure(
        {"postgres": {"type": "postgres", "url": uri(bench.folder), "state_schema": SCHEMA}},
        {SYNC: ("postgres", "huge_people")}, bench.sink.url, UNLIMITED_LISTS)
    rollcall.time_run(SYNC, FIRST)
    return rollcall


def fill_snapshot(bench: Bench) -> None:
    """Everybody in list_members, as if synced; Rollcall takes another generation for another content of the table."""
    cluster, members, last = bench.cluster, f"{SCHEMA}.list_members", str(bench.rows)
    key = cluster.sql(f"SELECT encode(fingerprint_key, 'hex') FROM {SCHEMA}.sync_state WHERE sync_name = '{SYNC}'").strip()
    say(f"fingerprints of {bench.rows:,} people")
    cluster.sql("CREATE UNLOGGED TABLE huge_fingerprints (number bigint, fingerprint uuid)")
    python, program = bench.folder / "numpy" / "bin" / "python", Path(__file__).with_name("fingerprints.py")
    maker = subprocess.Popen([python, "-B", program, key, "1", last], stdout=subprocess.PIPE)
    done = subprocess.run(
        cluster.psql("COPY huge_fingerprints FROM STDIN (FORMAT binary)"), stdin=maker.stdout, capture_output=True, text=True)
    if maker.wait() != 0 or done.returncode != 0:
        fail(f"the fingerprints could not be made: {done.stderr[-2000:]}")
    same = cluster.sql(
        f"SELECT count(*) FROM huge_fingerprints f JOIN {members} m ON m.fingerprint = f.fingerprint "
        f"AND m.email = {postgres_email('f.number')} WHERE f.number <= {FIRST}")
    if int(same) != FIRST:
        fail(f"fingerprints.py and Rollcall agree about {same.strip()} people only, of {FIRST}")
    say("snapshot")
    cluster.sql(
        f"ALTER TABLE {members} SET UNLOGGED", f"ALTER TABLE {members} DROP CONSTRAINT list_members_pkey",
        f"INSERT INTO {members} (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since) "
        f"SELECT m.sync_name, m.list_id, f.fingerprint, {postgres_email('f.number')}, m.state, m.listed, m.since_run_id, "
        f"m.since FROM huge_fingerprints f CROSS JOIN (SELECT * FROM {members} LIMIT 1) m WHERE f.number > {FIRST}",
        "DROP TABLE huge_fingerprints",
        f"SET maintenance_work_mem = '4GB'; ALTER TABLE {members} ADD PRIMARY KEY (sync_name, list_id, fingerprint)",
        f"UPDATE {SCHEMA}.sync_state SET generation = generation + 1", f"VACUUM ANALYZE {members}")


def fill_people(cluster: Cluster, rows: int) -> None:
    say("audience")
    cluster.sql(
        f"INSERT INTO huge_people {postgres_people(str(FIRST + 1), str(rows))}", "VACUUM ANALYZE huge_people", "CHECKPOINT")


def change(cluster: Cluster, rows: int) -> int:
    """0.1 % of the people leave, spread over the table, and as many others enter. How many each way."""
    say("churn")
    churn = leaving(rows)
    cluster.sql(
        f"DELETE FROM huge_people WHERE {LEAVERS}",
        f"INSERT INTO huge_people {postgres_people(str(rows + 1), str(rows + churn))}", "VACUUM ANALYZE huge_people",
        "CHECKPOINT")
    return churn


def measure(bench: Bench, rollcall: Rollcall, members: int) -> None:
    floor = bench.cluster.psql("COPY (SELECT email FROM huge_people) TO STDOUT (FORMAT binary)")
    lowest, result = alternate(
        bench.runs, Way("floor", lambda: timed(floor)), Way("plan", lambda: rollcall.time("plan", SYNC, "--rows", "0")))
    what = "plan, Postgres, cached, snapshot put in place by SQL"
    bench.report.sized.ratio(what, result, "psql COPY binary", lowest, 1.25)
    limit = LIMIT * members / 100_000_000
    bench.report.sized.value(
        f"peak memory of {what}", f"{result.peak / 1e9:.2f} GB", f"<= {limit / 1e9:.2f} GB", result.peak <= limit)

"""Runs of the two versions in turn, some of them killed; and what each says of the other's tables."""
from __future__ import annotations

import signal
import subprocess
import time

from suite.basics import fail, say

from .scene import Scene
from .versions import Version


def tables_version(scene: Scene) -> int:
    return int(scene.database.sql(f"SELECT max(version) FROM {scene.database.state('schema_migrations')}")[0][0])


def upgrade(scene: Scene, old: Version, new: Version) -> bool:
    """The old version makes the tables, and the new one upgrades them under it. Whether both can go on: a migration may ask that
    the old version be stopped, and the old version then refuses the tables."""
    scene.succeed(old, "migrate")
    known = tables_version(scene)
    scene.succeed(old, "run", "--all")
    scene.prove_equal("after the first run of the old version")
    scene.succeed(new, "migrate")
    found = tables_version(scene)
    said = scene.call(old, "check")
    if f"knows versions up to {known}" in said.stdout + said.stderr:
        oldest = scene.database.sql(
            f"SELECT compatible_from FROM {scene.database.state('schema_migrations')} ORDER BY version DESC LIMIT 1")[0][0]
        if int(oldest) <= known:
            fail(f"{scene.database.name}: the old version refuses tables of version {found}, which say {oldest} is enough")
        prove_untouched(scene, old)
        say(f"  {scene.database.name}: version {found} of the tables needs a stop: the old version refuses them, changes nothing")
        return False
    expected = f"version {found}" + (f", which works with this Rollcall's {known}" if found > known else "")
    if said.returncode != 0 or expected not in said.stdout:
        fail(f"{scene.database.name}: check of the old version should say \"{expected}\", but:\n{said.stdout}{said.stderr}")
    say(f"  {scene.database.name}: check of the old version says: {expected}")
    return True


def prove_untouched(scene: Scene, old: Version) -> None:
    """A version that refuses the tables runs nothing and sends nothing."""
    scene.change(enter=5, leave=5)
    before = scene.sandbox.get("/sandbox/state"), scene.database.sql(f"SELECT count(*) FROM {scene.database.state('sync_runs')}")
    done = scene.call(old, "run", "--all")
    after = scene.sandbox.get("/sandbox/state"), scene.database.sql(f"SELECT count(*) FROM {scene.database.state('sync_runs')}")
    if done.returncode != 1 or before != after:
        fail(f"{scene.database.name}: the old version should refuse to run, but ended with {done.returncode}: {done.stderr}")


def alternate(scene: Scene, old: Version, new: Version, rounds: int) -> None:
    """Each round, rows change and one version runs; half of the runs are killed, and the other version puts them right."""
    start = time.monotonic()
    scene.succeed(new, "run", "--all")
    scene.prove_equal("after the first run of the new version")
    scene.change(enter=20, leave=20)
    scene.succeed(new, "run", "--all")
    length = (time.monotonic() - start) / 2
    killed = 0
    for number in range(rounds):
        runner, other = (old, new) if number % 2 == 0 else (new, old)
        moment = f"round {number + 1} of {rounds}, the {runner.name} version"
        scene.change(enter=20, leave=20)
        if scene.chance.random() < 0.5:
            was_killed = kill(scene, runner, length * scene.chance.random())
            killed += was_killed
            moment += " killed" if was_killed else ""
            runner = other
        scene.succeed(runner, "run", "--all")
        scene.prove_equal(moment)
    say(f"  {scene.database.name}: {rounds} rounds in turn, {killed} killed: each put right by one run of the other version")


def kill(scene: Scene, version: Version, delay: float) -> bool:
    """Begins a run and ends it with SIGKILL after a while; whether it was still going on."""
    process = subprocess.Popen(
        scene.command(version, "run", "--all"), env=scene.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL

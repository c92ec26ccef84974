"""Two `rollcall serve` on one state, replaced one after the other by the other version, there and back."""
from __future__ import annotations

import signal
import socket
import subprocess
import urllib.error
import urllib.request

from suite.basics import fail, say, stop_at_exit

from .scene import SYNCS, Scene
from .versions import Version


class Serving:
    """A process that serves."""

    def __init__(self, scene: Scene, version: Version):
        self.scene, self.version = scene, version
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = scene.folder / f"serve-{port}.log"
        with open(self.log, "w") as file:
            self.process = subprocess.Popen(
                scene.command(version, "serve", "--listen", f"127.0.0.1:{port}"), env=scene.environment,
                stdout=file, stderr=file, start_new_session=True)
        stop_at_exit(self.process)

    def await_ready(self) -> None:
        self.scene.wait(f"serve of the {self.version.name} version is ready", self.is_ready)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            fail(f"serve of the {self.version.name} version ended with {self.process.returncode}:\n{self.log.read_text()}")
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=10):
                return True
        except OSError:
            return False

    def begin(self, sync: str) -> int:
        """Asks for a run: 202 if it has begun, 409 if another one is in the way."""
        request = urllib.request.Request(f"{self.url}/api/v1/syncs/{sync}/runs", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            if refusal.code != 409:
                fail(f"POST of a run of {sync} to the {self.version.name} version: {refusal.code} {refusal.read().decode()}")
            return 409

    def end(self, by: signal.Signals) -> None:
        self.process.send_signal(by)
        code = self.process.wait(120)
        if by == signal.SIGTERM and code != 0:
            fail(f"serve of the {self.version.name} version ended with {code} at SIGTERM:\n{self.log.read_text()}")


def share(scene: Scene, old: Version, new: Version) -> None:
    """Old and new, new and new, new and old, old and old, old and new: one is replaced while both are asked for runs."""
    note_schedule(scene, old)
    owe_ticks(scene)
    pair = [Serving(scene, old), Serving(scene, new)]
    prove_shared(scene, pair)
    killed = 0
    for place, version in ((0, new), (1, old), (0, old), (1, new)):
        scene.change(enter=40, leave=20)
        for sync in SYNCS:
            pair[scene.chance.randrange(2)].begin(sync)
        by = scene.chance.choice((signal.SIGKILL, signal.SIGTERM))
        killed += by == signal.SIGKILL
        pair[place].end(by)
        owe_ticks(scene)
        pair[place] = Serving(scene, version)
        prove_shared(scene, pair)
    for process in pair:
        process.end(signal.SIGTERM)
    say(f"  {scene.database.name}: two served, 4 replaced by the other version ({killed} killed); each tick accounted for once")


def note_schedule(scene: Scene, version: Version) -> None:
    """Ticks count from the moment at which a process first reads a schedule."""
    first = Serving(scene, version)
    state = scene.database.state("sync_state")
    question = f"SELECT 1 FROM {state} WHERE sync_name = 'members' AND ticked_through IS NOT NULL"
    scene.wait("the schedule is noted", lambda: bool(scene.database.sql(question)))
    first.end(signal.SIGTERM)


def prove_shared(scene: Scene, pair: list[Serving]) -> None:
    for process in pair:
        process.await_ready()
    moment = f"{pair[0].version.name} and {pair[1].version.name} beside each other"
    await_ticks(scene, moment)
    settle(scene, pair, moment)


def settle(scene: Scene, pair: list[Serving], moment: str) -> None:
    """Each process runs every sync once more; then Iterable must have what the warehouse has."""
    for process in pair:
        for sync in SYNCS:
            scene.wait(f"{moment}: {sync} can be run", lambda: process.begin(sync) == 202)
    scene.wait(f"{moment}: runs end", lambda: not open_runs(scene))
    scene.prove_equal(moment)


def open_runs(scene: Scene) -> list:
    return scene.database.sql(
        f"SELECT run_id FROM {scene.database.state('sync_runs')} WHERE status IN ('queued', 'running')")


def owe_ticks(scene: Scene) -> None:
    """Makes the schedule owe the ticks of three days to the next process that starts."""
    ticks, state = (scene.database.state(table) for table in ("schedule_ticks", "sync_state"))
    scene.database.sql(
        f"DELETE FROM {ticks}", f"UPDATE {state} SET ticked_through = {scene.database.days_ago} WHERE sync_name = 'members'")


def await_ticks(scene: Scene, moment: str) -> None:
    """Every tick has one row; the latest has one run, or found one in its way, and the others were missed."""
    ticks, runs = scene.database.state("schedule_ticks"), scene.database.state("sync_runs")

    def outcomes() -> list[str]:
        return [row[0] for row in scene.database.sql(f"SELECT outcome FROM {ticks} ORDER BY due_at")]

    scene.wait(f"{moment}: ticks are accounted for", lambda: len(outcomes()) >= 3 and "pending" not in outcomes())
    seen = outcomes()
    if seen[-1] not in ("ran", "skipped_running") or set(seen[:-1]) != {"missed"}:
        fail(f"{scene.database.name}, {moment}: the ticks should be missed but for the last: {seen}")
    its_runs = f"SELECT count(*) FROM {runs} r JOIN {ticks} t ON t.run_id = r.run_id WHERE t.outcome = 'ran'"
    if scene.database.sql(its_runs) != [[str(seen.count("ran"))]]:
        fail(f"{scene.database.name}, {moment}: the tick that ran should have one run")

"""Time and memory of whole processes, and medians of alternating runs."""
from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Mapping, Sequence

from .basics import fail, say


@dataclass
class Measured:
    """One run of a command: wall-clock seconds, peak resident memory in bytes."""

    seconds: float
    peak: int = 0


def timed(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None,
    source: Path | None = None, output: Path | None = None, folder: Path | None = None,
) -> Measured:
    """Runs a command from start to end; its output goes to `output`, or nowhere.

    Linux counts the memory of the process that starts a command as the command's least peak, so the benchmarks keep
    themselves small: rows are made by the databases, never collected here.
    """
    with open(source or os.devnull, "rb") as incoming, open(output or os.devnull, "wb") as outgoing:
        started = time.monotonic()
        child = subprocess.Popen(
            list(command), stdin=incoming, stdout=outgoing, stderr=subprocess.PIPE, env=environment, cwd=folder)
        try:
            errors = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        seconds = time.monotonic() - started
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        shown = " ".join(map(str, command))[:500]
        fail(f"{shown} ended with {child.returncode}\n{errors.decode(errors='replace')[-2000:]}")
    return Measured(seconds, usage.ru_maxrss * 1024)


@dataclass
class Way:
    """One way of doing a thing, and what must be put in place before each run of it."""

    name: str
    measure: Callable[[], Measured]
    before: Callable[[], None] | None = None


@dataclass
class Result:
    """All counted runs of one way."""

    runs: list[Measured] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def peak(self) -> int:
        return max(run.peak for run in self.runs)


def alternate(runs: int, *ways: Way) -> list[Result]:
    """Runs all ways in turn, `runs` times after one turn that is not counted. Results are in the order of the ways."""
    results = [Result() for _ in ways]
    for turn in range(runs + 1):
        shown = []
        for way, result in zip(ways, results):
            if way.before:
                way.before()
            measured = way.measure()
            shown.append(f"{way.name} {measured.seconds:.3f} s")
            if turn > 0:
                result.runs.append(measured)
        say(f"  {'warm-up' if turn == 0 else f'turn {turn}'}: " + ", ".join(shown))
    return results

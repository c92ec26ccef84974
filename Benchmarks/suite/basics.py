"""What every part needs: messages, commands, processes that are stopped at the end."""
from __future__ import annotations

import atexit
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn, Sequence

ROOT = Path(__file__).resolve().parents[2]


def say(text: str) -> None:
    """Progress; results go to standard output."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """Ends the program; what was started is stopped and removed on the way out."""
    sys.exit(f"{'/'.join(Path(sys.argv[0]).resolve().parts[-2:])}: {text}")


def run(command: Sequence[str | Path], **options) -> str:
    """Runs a command that must succeed, and gives its standard output."""
    done = subprocess.run(list(command), capture_output=True, text=True, **options)
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        fail(f"{shown[:500]} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def install_package(package: str, folder: Path) -> str | None:
    """Installs a package of PyPI into a virtual environment in `folder`; what went wrong, if anything did."""
    say(f"installing {package} into {folder}")
    for command in ([sys.executable, "-m", "venv", folder],
                    [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", package]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return (done.stderr or done.stdout).strip()[-500:]
    return None


def busy(seconds: float = 2) -> float:
    """How busy the machine is by itself, 0 to 1: whatever else runs spoils every number."""

    def now() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    idle, total = now()
    time.sleep(seconds)
    idle_later, total_later = now()
    return 1 - (idle_later - idle) / max(1, total_later - total)


def stop_at_exit(process: subprocess.Popen, number: int = signal.SIGTERM, patience: float = 60) -> None:
    """Stops a process by its id when the benchmarks end, however they end."""

    def stop() -> None:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    atexit.register(stop)


def end_on_signals() -> None:
    """Lets SIGTERM, SIGHUP and SIGINT end the program as an error would, so that everything is cleaned up."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    def end(number: int, _frame: object) -> None:
        for each in numbers:  # a second signal must not cut the cleaning short
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in numbers:
        signal.signal(number, end)

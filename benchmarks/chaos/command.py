"""Calls of the command line: in this process, or as the installed command."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

COMMAND = Path(sys.executable).with_name("gansearch")
CPU_LIMIT, WALL_LIMIT = 10.0, 300.0
"""Seconds of a call: of processor time, so that other work on the machine does not count, and of
the clock, for a call that waits."""
SLOW = {"export": 60.0, "report": 30.0}
"""Limits of commands that take longer on sound inputs: they trace networks, or draw charts."""
MEMORY_LIMIT = 1000
"""MiB of this process at its peak."""


class OverTimeError(BaseException):
    """A call that took longer than its limit; no handler of the product may catch it."""


@dataclass(frozen=True)
class Called:
    """What a call has come to."""

    code: int | None
    """Exit code; None if it ended in another way."""
    out: str
    err: str
    fault: str = ""
    """Traceback, or what else must never happen."""

    @property
    def answer(self) -> tuple[int | None, str]:
        """Exit code and stdout."""
        return self.code, self.out

    @property
    def told(self) -> bool:
        """True for a failure with a message."""
        return self.code in (1, 2) and bool(self.err.strip())

    def faults(self) -> list[str]:
        """Return a traceback, an undocumented exit code, or a failure without a message."""
        if self.fault:
            return [self.fault]
        if self.code not in (0, 1, 2):
            return [f"exit code {self.code}"]
        if "Traceback (most recent call last)" in self.out + self.err:
            return [f"a traceback in the output: {self.err[-300:]}"]
        if self.code and not (self.err + self.out).strip():
            return [f"exit code {self.code} without a word"]
        return []


@contextlib.contextmanager
def limited(seconds: float = CPU_LIMIT) -> Iterator[None]:
    """Raise OverTimeError in the body where it takes longer than the limits."""

    def stop(number: int, _: FrameType | None) -> None:
        raise OverTimeError(f"over {'processor' if number == signal.SIGPROF else 'clock'} time")

    before = [(s, signal.signal(s, stop)) for s in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WALL_LIMIT)
    try:
        yield
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        for number, handler in before:
            signal.signal(number, handler)


def call(*arguments: object) -> Called:
    """Run a command of gansearch in this process."""
    from gansearch.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: int | None = None
    fault = ""
    place = Path.cwd()
    try:
        seconds = SLOW.get(str(arguments[0]), CPU_LIMIT)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), limited(seconds):
            main([str(argument) for argument in arguments])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OverTimeError as late:
        fault = f"{arguments[0]}: {late}"
    except BaseException:
        fault = traceback.format_exc()[-1500:]
    os.chdir(place)
    return Called(code, out.getvalue(), err.getvalue(), fault)


def peak_memory() -> int:
    """Return the MiB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def isolate(work: Path) -> None:
    """Keep the user's own state folder out of the campaign."""
    os.environ["XDG_STATE_HOME"] = str(work / "state")
    os.environ["COLUMNS"] = "160"
    os.environ.pop("GANSEARCH_RUNS", None)


def finished_run(work: Path, changes: tuple[str, ...] = ("training.steps=40",)) -> Path:
    """Return a finished run of study.yaml, made once by the installed command."""
    import subprocess

    run = work / "finished"
    if not (run / "champion" / "bundle.json").is_file():
        study = Path(__file__).with_name("study.yaml")
        options = [part for change in changes for part in ("--set", change)]
        began = time.monotonic()
        subprocess.run(
            [COMMAND, "run", study, "--out", run, *options],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"made a finished run in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return run

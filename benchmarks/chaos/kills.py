"""Kills of a search at a random moment: nothing is lost, doubled or left over."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from command import COMMAND

from gansearch.ranking.pareto import objectives_of, pareto_front
from gansearch.storage.run_folder import DATABASE, STUDY, RunFolder
from gansearch.storage.trial_reader import read_certification, read_records
from gansearch.trial_record import TrialRecord

PATIENCE = 900
"""Seconds after which something hangs."""
PRUNED = ("search.sampler=shrink", "search.trials=8", "search.startup_trials=4")
"""Changes with which trials are paused at rungs and promoted."""
RESCUED = ("detectors=[{use: divergence, limit: 1.5, patience: 5}]",)
"""Change with which trials fail and get a second run."""
CHANGES = {"pause": PRUNED, "rescue": RESCUED}
"""Changes of the study by phase."""


def _exists(pattern: str) -> Callable[[Path], bool]:
    return lambda run: any(run.glob(pattern))


def _says(text: str) -> Callable[[Path], bool]:
    return lambda run: (run / "run.log").is_file() and text in (run / "run.log").read_text()


PHASES: dict[str, Callable[[Path], bool]] = {
    "start": lambda run: True,
    "search": _exists("trials/*/checkpoint.pt"),
    "pause": _says("paused"),
    "rescue": _exists("trials/*/rescue/*"),
    "certification": _exists("certification/*/*"),
    "export": lambda run: any(run.glob("*champion*")) or any(run.glob(".*champion*")),
}
"""When the random wait before the kill begins."""
WAITS = {"start": 4.0, "export": 0.2}
"""Seconds of the longest wait; 1 in the other phases."""
KILLS = ("driver", "term", "int twice", "hangup", "worker", "group")


class Kills:
    """Searches that are killed, compared with those that were not."""

    def __init__(self, work: Path, executor: str) -> None:
        self._work, self._executor = work / "kills", executor
        self._work.mkdir(exist_ok=True)
        self._fronts: dict[str, object] = {}

    def check(self, seed: int) -> tuple[str, list[str]]:
        """Kill a search, resume it until its end; return the kind, and what went wrong."""
        draw = random.Random(f"kills {seed}")
        phase, kind = list(PHASES)[seed % len(PHASES)], draw.choice(KILLS)
        workers = draw.choice([1, 2])
        run, log = self._work / f"run-{seed}", self._work / f"log-{seed}"
        shutil.rmtree(run, ignore_errors=True)
        log.unlink(missing_ok=True)
        driver = self._start(run, log, phase, workers)
        case = f"{kind} in {phase}, {workers} workers, {self._executor}"
        if not _wait_for(phase, driver, run):
            case += " (ended before)"
        else:
            time.sleep(draw.uniform(0, WAITS.get(phase, 1.0)))
        before = _ended(run)
        processes = _kill(kind, driver)
        wrong = []
        driver.wait(PATIENCE)
        if kind != "worker" and (left := _left_after(processes, 60)):
            wrong.append(f"{len(left)} processes outlived their driver: {left}")
        for _ in range(3):
            code = self._start(run, log, phase, workers).wait(PATIENCE)
            if code == 0:
                break
        else:
            wrong.append(f"resuming ends with {code}: {log.read_text()[-500:]}")
        return case, [*wrong, *self._compare(run, phase, workers, kind, before)]

    def _start(self, run: Path, log: Path, phase: str, workers: int) -> subprocess.Popen[bytes]:
        """Start the search, or go on with it, as the leader of a process group."""
        options = [part for change in CHANGES.get(phase, ()) for part in ("--set", change)]
        chosen = ["--executor", self._executor, "--workers", str(workers)]
        if (run / STUDY).is_file() and (run / DATABASE).is_file():
            arguments = ["resume", str(run), *chosen]
        else:
            study = str(Path(__file__).with_name("study.yaml"))
            arguments = ["run", study, "--out", str(run), *options, *chosen]
        # On one core a training is the same to the last bit, whatever it was interrupted by.
        cores = {max(os.sched_getaffinity(0))} if self._executor == "local" else None
        with log.open("ab") as output:
            process = subprocess.Popen(
                [COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        if cores:
            os.sched_setaffinity(process.pid, cores)
        return process

    def _compare(
        self, run: Path, phase: str, workers: int, kind: str, before: Sequence[dict[str, object]]
    ) -> list[str]:
        wrong = []
        after = _ended(run)
        wrong += [f"lost or changed: {one['key']}" for one in before if one not in after]
        keys = [str(one["key"]) for one in after]
        if len(set(keys)) != len(keys):
            wrong.append(f"doubled: {keys}")
        records = [*read_records(RunFolder.open(run)), *read_certification(RunFolder.open(run))]
        if unfinished := [r.number for r in records if r.state == "running"]:
            wrong.append(f"left running: {unfinished}")
        if "Traceback (most recent call last)" in (self._work / f"log-{run.name[4:]}").read_text():
            wrong.append("a traceback")
        if not (run / "champion" / "bundle.json").is_file():
            wrong.append("no champion")
        if workers == 1 and (front := _front(run)) != self._quiet_front(phase):
            wrong.append(f"another front: {front}")
        return wrong

    def _quiet_front(self, phase: str) -> object:
        """Return the front of the search that nobody disturbed, made once."""
        name = phase if phase in CHANGES else "plain"
        if name not in self._fronts:
            run, log = self._work / f"quiet-{name}", self._work / "log-quiet"
            if self._start(run, log, phase, 1).wait(PATIENCE):
                raise SystemExit(f"the quiet search failed: {log.read_text()[-1000:]}")
            self._fronts[name] = _front(run)
        return self._fronts[name]


def _wait_for(phase: str, driver: subprocess.Popen[bytes], run: Path) -> bool:
    """Wait until a phase has begun; return False if the search ended before."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if PHASES[phase](run):
            return driver.poll() is None
        if driver.poll() is not None:
            return False
        time.sleep(0.02)
    raise TimeoutError(f"{phase} has not begun within {PATIENCE} s")


def _kill(kind: str, driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Kill a search in a way; return the processes that must end with it."""
    try:
        processes = psutil.Process(driver.pid).children(recursive=True)
        if kind == "worker":
            workers = [process for process in processes if process.ppid() != driver.pid]
            if workers:
                random.Random(len(workers)).choice(workers).kill()
        elif kind == "group":
            os.killpg(driver.pid, signal.SIGKILL)
        elif kind == "int twice":
            os.killpg(driver.pid, signal.SIGINT)
            time.sleep(0.2)
            os.killpg(driver.pid, signal.SIGINT)
        else:
            number = {"driver": signal.SIGKILL, "term": signal.SIGTERM, "hangup": signal.SIGHUP}
            driver.send_signal(number[kind])
    except (psutil.NoSuchProcess, ProcessLookupError):
        return []
    return processes


def _left_after(processes: Sequence[psutil.Process], patience: float) -> list[str]:
    """Return the names of processes that have not ended in time."""
    _, alive = psutil.wait_procs(processes, patience)
    return [" ".join(process.cmdline())[:80] for process in alive if process.is_running()]


def _ended(run: Path) -> list[dict[str, object]]:
    """Return the trials and runs of the certification that have ended, with their figures."""
    if not (run / DATABASE).is_file():
        return []
    try:
        folder = RunFolder.open(run)
        records = [*read_records(folder), *read_certification(folder)]
    except Exception as error:  # the study is being made
        if any(words in str(error) for words in ("has not begun", "studies", "no such table")):
            return []
        raise
    return [_figures(record) for record in records if record.ended and record.state != "failed"]


def _figures(record: TrialRecord) -> dict[str, object]:
    return {
        "key": (record.certifies, record.seed, record.number),
        "identity": record.identity,
        "state": record.state,
        "verdict": record.verdict,
        "metrics": {k: v for k, v in record.metrics.items() if "latency" not in k},
        "signals": dict(record.signals),
    }


def _front(run: Path) -> object:
    """Return identity and figures, without latencies, of the trials on the front."""
    folder = RunFolder.open(run)
    records = read_records(folder)
    trials = pareto_front(records, objectives_of(folder.spec(), records)).trials
    return [(r.identity, {k: v for k, v in r.figures.items() if "lat" not in k}) for r in trials]

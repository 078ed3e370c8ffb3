"""Compare a search that is killed ten times with an uninterrupted one.

    python benchmarks/resume/kill.py [--kills 10] [--seed 0] [--out results.json]

Runs the installed command on study.yaml twice: once to its end, once with the driver killed
(SIGKILL, the driver alone) at random moments and started again each time. Checks that the two
runs agree bit for bit, that no trial recorded before a kill is lost or recorded twice, and that
workers end with their driver. Everything runs on one core, since training is bit-reproducible on
one thread. For Linux; about 6 minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psutil

from gansearch.ranking.pareto import objectives_of, pareto_front
from gansearch.storage.run_folder import DATABASE, STUDY, RunFolder
from gansearch.storage.trial_reader import read_records
from gansearch.trial_record import TrialRecord

SEARCH = Path(__file__).with_name("study.yaml")
TRIALS = 12
COMMAND = Path(sys.executable).with_name("gansearch")
LONGEST = 2.5
"""Longest life of a driver after its first trial began, in mean durations of a trial."""
SPARE = 2.0
"""Longest life in seconds after the second trial began; a faster search would end unkilled."""
PATIENCE = 60.0
"""Seconds after which a worker without a driver counts as an orphan for good."""


def start(run: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the search, or resume it where there is a run folder."""
    there = (run / STUDY).exists()
    arguments = ["resume", str(run)] if there else ["run", str(SEARCH), "--out", str(run)]
    with log.open("ab") as output:
        return subprocess.Popen([COMMAND, *arguments], stdout=output, stderr=output)


def finish(run: Path, log: Path) -> float:
    """Search to the end and return the seconds."""
    began = time.monotonic()
    if start(run, log).wait() != 0:
        sys.exit(f"the search failed:\n{log.read_text()}")
    return time.monotonic() - began


def begun(log: Path, said: int) -> int:
    """Count the trials that began since the log had `said` bytes."""
    return log.read_bytes()[said:].count(b" starts: ")


def live(
    driver: subprocess.Popen[bytes],
    log: Path,
    said: int,
    life: float,
    spare: float,
    *,
    from_start: bool,
) -> None:
    """Wait `life` seconds after the first trial or the start, or `spare` after the second trial."""
    now = time.monotonic()
    first, second = now if from_start else math.inf, math.inf
    while now < min(first + life, second + spare) and driver.poll() is None:
        time.sleep(0.01)
        now, trials = time.monotonic(), begun(log, said)
        first = min(first, now) if trials >= 1 else first
        second = min(second, now) if trials >= 2 else second


def kill(driver: subprocess.Popen[bytes]) -> dict[str, float]:
    """Kill a driver; return the seconds until its workers and all its processes were gone."""
    processes = psutil.Process(driver.pid).children(recursive=True)
    workers = [process for process in processes if process.ppid() != driver.pid]
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    since = time.monotonic()
    return {
        "workers": len(workers),
        "workers_gone_s": gone(workers, since),
        "all_gone_s": gone(processes, since),
    }


def gone(processes: Sequence[psutil.Process], since: float) -> float:
    """Wait for processes to end and return the seconds since `since`."""
    while alive := sum(map(at_work, processes)):
        if time.monotonic() - since > PATIENCE:
            sys.exit(f"{alive} processes outlived their driver by {PATIENCE:.0f} s")
        time.sleep(0.01)
    return round(time.monotonic() - since, 2)


def at_work(process: psutil.Process) -> bool:
    """Return True for a process that runs and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --------------------------------------------------------------------------------------------------
# Records


def records_of(run: Path) -> list[TrialRecord]:
    """Return all trials, or none where the study has not begun."""
    if not (run / DATABASE).exists():
        return []
    with closing(sqlite3.connect(run / DATABASE)) as connection:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        tables = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'studies'"
        ).fetchone()[0]
        studies = tables and connection.execute("SELECT count(*) FROM studies").fetchone()[0]
    if sound != "ok":
        sys.exit(f"the database is damaged: {sound}")
    return read_records(RunFolder.open(run)) if studies else []


def found(records: Sequence[TrialRecord]) -> list[dict[str, object]]:
    """Return the trials that ended, in order, without figures that depend on the clock."""
    return [
        {
            "identity": record.identity,
            "state": record.state,
            "verdict": None if record.verdict is None else record.verdict.to_json(),
            "metrics": dict(record.metrics),
            "sizes": dict(record.sizes),
            "signals": dict(record.signals),
            "steps": record.steps,
        }
        for record in records
        if record.ended
    ]


def front(run: Path) -> list[tuple[str, dict[str, float]]]:
    """Return identity and figures of the trials on the front."""
    records = records_of(run)
    objectives = objectives_of(RunFolder.open(run).spec(), records)
    trials = pareto_front(records, objectives).trials
    return [(record.identity, record.figures) for record in trials]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        report = compare(Path(folder), arguments.kills, random.Random(arguments.seed))
    print(json.dumps(report, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps({"seed": arguments.seed} | report, indent=1) + "\n")
    sys.exit(0 if all(report["checks"].values()) else 1)  # type: ignore[attr-defined]


def compare(folder: Path, kills: int, moments: random.Random) -> dict[str, object]:
    """Run the search without and with kills, and compare the two."""
    whole, killed, log = folder / "whole", folder / "killed", folder / "log"
    seconds = finish(whole, log)
    print(f"uninterrupted: {seconds:.0f} s", file=sys.stderr)
    rounds, kept = [], True
    before: list[TrialRecord] = []
    for number in range(kills):
        life, spare = moments.uniform(0, LONGEST * seconds / TRIALS), moments.uniform(0, SPARE)
        from_start = number % 4 == 3
        said = log.stat().st_size
        driver = start(killed, log)
        live(driver, log, said, life, spare, from_start=from_start)
        if driver.poll() is not None:
            break  # it finished before it could be killed
        killed_as = kill(driver)
        records = records_of(killed)
        kept &= found(records)[: len(found(before))] == found(before)
        before = records
        rounds.append(
            {
                "trials_begun": begun(log, said),
                "ended": sum(record.ended for record in records),
                "running": sum(record.state == "running" for record in records),
            }
            | killed_as
        )
        print(rounds[-1], file=sys.stderr)
    finish(killed, log)
    records, expected = records_of(killed), found(records_of(whole))
    kept &= found(records)[: len(found(before))] == found(before)
    identities = [str(one["identity"]) for one in found(records)]
    checks = {
        "all kills hit a running driver": len(rounds) == kills,
        "every trial recorded before a kill is still there": kept,
        "no candidate is recorded twice": len(identities) == len(expected),
        "no trial is left running": not any(record.state == "running" for record in records),
        "same candidates, states, verdicts, metrics and signals, bit for bit": found(records)
        == expected,
        "same front": front(killed) == front(whole),
    }
    return {
        "uninterrupted_s": round(seconds, 1),
        "trials": len(expected),
        "states": {
            state: sum(one["state"] == state for one in expected)
            for state in ("complete", "pruned", "failed")
        },
        "front": len(front(whole)),
        "kills": rounds,
        "checks": checks,
    }


if __name__ == "__main__":
    main()

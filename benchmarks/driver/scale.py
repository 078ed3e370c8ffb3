"""Number of slots that one driver can keep busy, measured with simulated trainings.

    python benchmarks/driver/scale.py [--samplers random tpe shrink] [--slots 100 1000]
        [--trials 10000] [--training 300] [--limit 540] [--work DIR] [--out results.json]

The driver, its feasibility check, pruner, samplers and SQLite are real; the trainings are
simulated. A clock runs with the driver's processor time, so that other work on the machine does
not count, and leaps to the next event whenever the driver has nothing to do. So it shows how long
the search would take on so many slots, and how much of that time they wait for the driver. A whole
training takes `--training` seconds of that clock and has four rungs. A run ends after `--limit`
real seconds; with `--work` the next one resumes it. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import psutil
import torch
from measure import outcome_of, prepared, study_of

from gansearch.execution.simulated import SimulatedExecutor, VirtualClock
from gansearch.messages import Job, Outcome
from gansearch.run import search_driver
from gansearch.search.listener import Listener
from gansearch.storage.database import SQLite
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rung, TrialRecord

STEPS = 1500
RUNGS = (100, 200, 500, 1000)


class DriverClock(VirtualClock):
    """A clock that runs with the driver's processor time, and leaps where the driver would wait."""

    def __init__(self) -> None:
        self._offset = -time.process_time()
        self.idle = 0.0
        """Seconds in which the driver had nothing to do."""

    def now(self) -> float:
        """Return the virtual seconds since the clock was made."""
        return time.process_time() + self._offset

    def advance(self, to: float) -> None:
        """Leap to a time in the future."""
        ahead = max(0.0, to - self.now())
        self._offset += ahead
        self.idle += ahead


def training_of(job: Job, seconds: float) -> Outcome:
    """Return the outcome of a job, with rungs that come ever nearer to its final quality."""
    outcome = outcome_of(job.candidate)
    final = outcome.metrics.get("mmd", 0.5)
    rungs = tuple(
        Rung(s, {"mmd": final * (1 + 3 * (1 - s / STEPS))}) for s in RUNGS if s < outcome.steps
    )
    return replace(outcome, rungs=rungs, seconds=seconds * outcome.steps / STEPS)


class Ledger(Listener):
    """Listener that records the state of the search after every tenth of its trials."""

    def __init__(self, clock: DriverClock, every: int) -> None:
        self.ended_trials = 0
        self.notes: list[dict[str, float]] = []
        self._clock, self._every, self._process = clock, every, psutil.Process()

    def _note(self) -> None:
        busy, memory = self._clock.now() - self._clock.idle, self._process.memory_info().rss / 2**20
        self.notes.append(
            {
                "trials": self.ended_trials,
                "busy_s": busy,
                "clock_s": self._clock.now(),
                "mb": memory,
            }
        )

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """Record the start of the search."""
        self.ended_trials = sum(record.ended for record in records)
        self._note()

    def ended(self, record: TrialRecord) -> None:
        """Count a trial."""
        if not record.ended:
            return  # a paused trial counts when it ends
        self.ended_trials += 1
        if self.ended_trials % self._every == 0:
            self._note()


def simulate(
    sampler: str, slots: int, trials: int, training: float, limit: float, work: Path
) -> dict[str, object]:
    """Search until the last trial or the limit; runs in a process of its own."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = study_of(sampler, trials)
    study, deadline = prepared(spec), time.monotonic() + limit
    folder = RunFolder.create(work / f"{sampler}-{slots}", spec)
    clock = DriverClock()
    database = SQLite(folder.path / DATABASE)
    with TrialStore.open(database, spec.name, spec.objectives) as store:
        executor = SimulatedExecutor(lambda job: training_of(job, training), slots, clock)
        ledger = Ledger(clock, max(1, trials // 10))
        search_driver(
            study, store, folder.trial, executor, ledger, lambda: time.monotonic() > deadline
        ).run()
    size = (folder.path / DATABASE).stat().st_size / 2**20
    busy = clock.now() - clock.idle
    return {
        "sampler": sampler,
        "slots": slots,
        "trials": ledger.ended_trials,
        "clock_s": round(clock.now(), 1),
        "driver_s": round(busy, 1),
        "slots_busy": round(executor.busy_seconds / slots / clock.now(), 3),
        "database_mb": round(size, 1),
        "blocks": [_block(before, after) for before, after in itertools.pairwise(ledger.notes)],
    }


def _block(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of a tenth of the trials."""
    ended = after["trials"] - before["trials"]
    return {
        "to_trial": after["trials"],
        "driver_ms_a_trial": round((after["busy_s"] - before["busy_s"]) / ended * 1e3, 1),
        "mb": round(after["mb"]),
    }


def _all(arguments: argparse.Namespace, work: Path) -> Iterator[dict[str, object]]:
    processes = multiprocessing.get_context("spawn")
    for sampler, slots in itertools.product(arguments.samplers, arguments.slots):
        with processes.Pool(1) as pool:
            task = (sampler, slots, arguments.trials, arguments.training, arguments.limit, work)
            result = pool.apply(simulate, task)
        print(json.dumps(result), flush=True)
        yield result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe", "shrink"])
    parser.add_argument("--slots", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument(
        "--training", type=float, default=300.0, help="Seconds that a whole training takes."
    )
    parser.add_argument(
        "--limit", type=float, default=540.0, help="Real seconds after which a run is ended."
    )
    parser.add_argument("--work", type=Path, help="Where the studies are kept for another time.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        results = list(_all(arguments, arguments.work or Path(temporary)))
    report = {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "training_s": arguments.training,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report | {"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()

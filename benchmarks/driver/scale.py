"""Simulate how many slots one driver can feed; trials take their time by a simulated clock.

    python benchmarks/driver/scale.py [--samplers random tpe shrink] [--slots 100 1000] [--trials 10000]
                                      [--training 300] [--limit 540] [--work DIR] [--out results.json]

The driver, its gate, pruner, samplers and SQLite are real; the trials are not. A clock runs as fast as the
driver works, counted in seconds of the processor, so that other work on the machine does not count. It leaps to
the next thing that happens in a slot whenever the driver has nothing to do. So it tells how long the search
would take on so many slots, and how much of that time they wait for the driver. A whole training takes
`--training` seconds of that clock, and asks at four rungs whether it may go on. A run ends after `--limit` real
seconds, however far it has come; with `--work` the next one goes on there. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
import psutil
import torch
from measure import outcome_of, prepared, study_of

from gansearch.candidate import Candidate
from gansearch.messages import AtRung, Ended, Event, Job, Outcome, Progress
from gansearch.run import search_of
from gansearch.signals import Remedy
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rung, TrialRecord

STEPS = 1500
RUNGS = (100, 200, 500, 1000)


class Clock:
    """Runs as the driver does, by its own seconds of a processor, and leaps where it would wait."""

    def __init__(self) -> None:
        self._leapt = -time.process_time()
        self.idle = 0.0
        """Seconds that the driver had nothing to do."""

    def now(self) -> float:
        """Seconds since it was made."""
        return time.process_time() + self._leapt

    def leap(self, to: float) -> None:
        """Be no earlier than then."""
        ahead = max(0.0, to - self.now())
        self._leapt += ahead
        self.idle += ahead


@dataclass
class Training:
    """A job as far as it is: at which of its rungs."""

    job: Job
    outcome: Outcome
    at: int = 0

    @property
    def step(self) -> int:
        """At which it has something to tell next."""
        return (
            self.outcome.rungs[self.at].step
            if self.at < len(self.outcome.rungs)
            else self.outcome.steps
        )


class VirtualSlots:
    """An executor that trains nothing, and takes its time for it."""

    def __init__(self, slots: int, clock: Clock, seconds: float) -> None:
        self.slots = slots
        self.trained = 0.0
        """Seconds that slots were busy."""
        self._clock, self._seconds_a_step = clock, seconds / STEPS
        self._running: dict[int, Training] = {}
        self._due: list[tuple[float, int]] = []

    def submit(self, job: Job) -> None:
        """Start a job."""
        self._running[job.trial] = Training(job, with_rungs(outcome_of(job.candidate)))
        self._go_on(job.trial, 0)

    def _go_on(self, trial: int, step: int) -> None:
        took = (self._running[trial].step - step) * self._seconds_a_step
        self.trained += took
        heapq.heappush(self._due, (self._clock.now() + took, trial))

    def events(self, timeout: float) -> Sequence[Event]:
        """What has happened by now, or what happens next."""
        if self._due:
            self._clock.leap(self._due[0][0])
        now, told = self._clock.now(), []
        while self._due and self._due[0][0] <= now:
            told.append(self._event(heapq.heappop(self._due)[1]))
        return told

    def _event(self, trial: int) -> Event:
        training = self._running[trial]
        rungs = training.outcome.rungs
        if training.at < len(rungs):
            return AtRung(trial, rungs[: training.at + 1])
        return Ended(trial, self._running.pop(trial).outcome)

    def answer(self, trial: int, *, go_on: bool) -> None:
        """Go on, or end there."""
        training = self._running[trial]
        step, training.at = training.step, training.at + 1
        if not go_on:
            there = training.outcome.rungs[: training.at]
            training.outcome = replace(training.outcome, rungs=there, steps=step, metrics={})
        self._go_on(trial, step)

    def stop(self, grace: float) -> None:
        """Forget them."""
        self._running.clear()
        self._due.clear()


def with_rungs(outcome: Outcome) -> Outcome:
    """The same with what it was worth on the way, each time nearer to its end."""
    final = outcome.metrics.get("mmd", 0.5)
    rungs = tuple(
        Rung(s, {"mmd": final * (1 + 3 * (1 - s / STEPS))}) for s in RUNGS if s < outcome.steps
    )
    return replace(outcome, rungs=rungs)


class Ledger:
    """Listens, and notes how far the search is whenever so many trials have ended."""

    def __init__(self, clock: Clock, every: int) -> None:
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
        """The search begins, or goes on."""
        self.ended_trials = sum(record.ended for record in records)
        self._note()

    def ended(self, record: TrialRecord) -> None:
        """A trial is over."""
        self.ended_trials += record.ended
        if self.ended_trials % self._every == 0:
            self._note()

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        """Nothing to note."""

    def progressed(self, progress: Progress) -> None:
        """Nothing to note."""

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        """Nothing to note."""

    def idle(self) -> None:
        """Nothing to note."""


def simulate(
    sampler: str, slots: int, trials: int, training: float, limit: float, work: Path
) -> dict[str, object]:
    """Run one search to its last trial or to the limit, in a process of its own."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = study_of(sampler, trials)
    study, deadline = prepared(spec), time.monotonic() + limit
    folder = RunFolder.create(work / f"{sampler}-{slots}", spec)
    clock = Clock()
    with TrialStore.open(folder.database, spec.name, spec.objectives) as store:
        executor, ledger = VirtualSlots(slots, clock, training), Ledger(clock, max(1, trials // 10))
        search_of(
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
        "slots_busy": round(executor.trained / slots / clock.now(), 3),
        "database_mb": round(size, 1),
        "blocks": [_block(before, after) for before, after in itertools.pairwise(ledger.notes)],
    }


def _block(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What a tenth of the trials cost."""
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
    told = {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "training_s": arguments.training,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(told | {"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()

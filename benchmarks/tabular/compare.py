"""Compare the cost of finding the front, and the smallest stable model, by our search and others.

    python benchmarks/tabular/compare.py [--seeds 30] [--only NAME ...] [--workers 2]
        [--table FILE ...] [--out FOLDER]

Each strategy (strategies.py) searches the table (replaying.py) with each seed until it has asked
for every candidate. Searches that are in searches.jsonl already are not repeated; comparison.md is
written from all searches in it. `asha` needs Ray: pip install "ray[tune]".
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from candidates import HERE, STUDY
from optuna.trial import Trial
from replaying import (
    TABLE,
    ReplayBayesianSearcher,
    ReplayExecutor,
    ReplaySearcher,
    Run,
    Table,
    aim_of,
    identities,
    load_study,
    sizes_of,
)
from strategies import STRATEGIES, Asha, NoPruner
from truth import Truth

from gansearch.execution.trial_runner import rung_steps
from gansearch.files import write_atomically
from gansearch.search.driver import Driver
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.search.listener import Listener
from gansearch.search.pruning import RungPruner
from gansearch.search.samplers import KINDS
from gansearch.search.smallest_model import SizeCeiling
from gansearch.search.tell_policy import TellPolicy
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

SEARCHES, COMPARISON = "searches.jsonl", "comparison.md"
SIZE = "generator_params"
SHARE = 0.95
"""Share of the whole table's hypervolume at which the front counts as found."""
BUDGETS = (0.25, 0.5, 1.0)
"""Shares of the seconds that training every candidate takes."""
RESAMPLES = 2000
FATES = ("done", "rung", "verdict", "end")
"""Fates of a candidate: complete, paused or stopped at a rung, stopped by a verdict, or not healthy
at its end."""


# --------------------------------------------------------------------------------------------------
# One search


@dataclass
class Trace(Listener):
    """Listener that records what a search has found, and at which cost."""

    truth: Truth
    executor: ReplayExecutor
    numbers: Mapping[str, int]
    done: list[Run] = field(default_factory=list)
    volumes: list[tuple[float, float, float]] = field(default_factory=list)
    """CPU seconds, those spent on runs that end badly, and the hypervolume found so far."""
    done_at: dict[int, float] = field(default_factory=dict)
    """CPU seconds until a candidate was complete, by its number."""
    fates: dict[int, str] = field(default_factory=dict)
    """Last fate of each candidate, by its number."""

    def ended(self, record: TrialRecord) -> None:
        """Record the state of the search."""
        number, spent = self.numbers[record.identity], self.executor.spent
        self.fates[number] = self._fate(record)
        if record.state == "complete":
            self.done.append(self.truth.table.first[number])
            self.volumes.append((spent.seconds, spent.failed, self.truth.volume(self.done)))
            self.done_at[number] = spent.seconds

    def _fate(self, record: TrialRecord) -> str:
        if record.state == "complete":
            return "done"
        if record.verdict is None or record.verdict.status == "healthy":
            return "rung"
        return "end" if record.steps == self.truth.table.first[0].steps[-1] else "verdict"

    def ended_by(self, fate: str) -> list[int]:
        """Return the candidates with this fate."""
        return sorted(number for number, other in self.fates.items() if other == fate)

    @property
    def worst(self) -> float:
        """MMD beyond which no candidate could be the smallest stable one."""
        return (1 + 3 * self.truth.tolerance) * self.truth.median_mmd(0)

    def summary(self) -> dict[str, Any]:
        """Return the results; times are shares of training every candidate, None for never."""
        truth, spent = self.truth, self.executor.spent
        total = truth.table.seconds
        never = (math.inf, spent.failed, 0.0)
        reached, failed, _ = next(
            (at for at in self.volumes if at[2] >= SHARE * truth.whole), never
        )
        runs = truth.table.first
        return {
            "to_front": _share(reached, total),
            "done_at": {
                str(n): _share(at, total)
                for n, at in self.done_at.items()
                if runs[n].final["mmd"] <= self.worst
            },
            "in_all": spent.seconds / total,
            "volume": self.volumes[-1][2] / truth.whole,
            "spent_on_failures": failed / min(reached, spent.seconds),
            "fates": {fate: len(self.ended_by(fate)) for fate in FATES},
            "of_the_front": {
                fate: [n for n in self.ended_by(fate) if n in truth.front] for fate in FATES
            },
            "end_well": {
                fate: sum(runs[n].ends_well for n in self.ended_by(fate)) for fate in FATES
            },
        }


def _share(seconds: float, total: float) -> float | None:
    return seconds / total if math.isfinite(seconds) else None


@cache
def loaded(tables: tuple[Path, ...], sampler: str, aim: str) -> tuple[Study, Truth]:
    """Read the study and the ground truth, once a process."""
    table = Table.read(tables)
    study = load_study(STUDY, table, [f"search.sampler={sampler}", f"search.aim={aim}"])
    return study, Truth(table, study.spec.certification.tolerance)


def search(tables: tuple[Path, ...], name: str, seed: int) -> dict[str, Any]:
    """Search the table with a strategy and a seed."""
    torch.set_num_threads(1)
    chosen = STRATEGIES[name]
    study, truth = loaded(tables, chosen.sampler, chosen.aim)
    spec = study.spec.model_copy(
        update={"search": study.spec.search.model_copy(update={"seed": seed})}
    )
    study = Study(spec, study.space, study.data, study.sizes)
    numbers, steps = identities(study.space, truth.table), truth.table.first[0].steps
    kind = KINDS[chosen.sampler]
    rungs: Sequence[int] = []
    pruner: NoPruner | Asha | RungPruner = NoPruner()
    if chosen.asha:
        rungs, pruner = steps[:-1], Asha(steps)
    elif chosen.prunes:
        rungs = rung_steps(spec.pruning.rungs, steps[-1])
        pruner = RungPruner(spec.pruning, study.objectives, {}, kind.promotes, aim_of(study))
    executor = ReplayExecutor(truth.table, numbers, rungs, chosen.watches)
    trace = Trace(truth, executor, numbers)
    store = TrialStore.in_memory(spec.name, spec.objectives)
    searcher = ReplayBayesianSearcher if chosen.sampler == "shrink" else ReplaySearcher
    feasibility = FeasibilityCheck(study.space, sizes_of(truth.table, numbers), {})
    Driver(
        searcher=searcher(study, store, truth.table),
        feasibility=SizeGate(study, trace) if chosen.size_gate else feasibility,
        executor=executor,
        pruner=pruner,  # type: ignore[arg-type]
        tell_policy=TellPolicy(spec.objectives, (), kind),
        store=store,
        folder_of=lambda number: _NoFolder(Path(str(number))),
        listener=trace,
    ).run()
    return {"strategy": name, "seed": seed} | trace.summary()


class SizeGate(FeasibilityCheck):
    """Reject candidates as large as a stable model, as if each trial were certified for free."""

    def __init__(self, study: Study, trace: Trace) -> None:
        super().__init__(study.space, sizes_of(trace.truth.table, trace.numbers), {})
        self._trace = trace

    def examine(self, trial: Trial) -> Feasibility:
        """Check a trial's candidate, with the smallest stable model so far as ceiling."""
        sizes = {
            run.sizes[SIZE]: run.number
            for run in self._trace.done
            if run.number in self._trace.truth.stable
        }
        self._ceiling = SizeCeiling(SIZE, min(sizes), sizes[min(sizes)]) if sizes else None
        return super().examine(trial)


class _NoFolder(TrialFolder):
    def write_json(self, name: str, record: Mapping[str, Any]) -> None:
        """Write nothing."""


# --------------------------------------------------------------------------------------------------
# All searches


def compared(searches: Sequence[Mapping[str, Any]], truth: Truth) -> str:
    """Return the page of all searches, as Markdown."""
    names = [name for name in STRATEGIES if any(one["strategy"] == name for one in searches)]
    of = {name: [one for one in searches if one["strategy"] == name] for name in names}
    smallest = truth.table.first[truth.smallest]
    lines = [
        "# Searches of the table",
        "",
        f"{len(truth.table.first)} candidates, {len(truth.front)} of them on the front; the "
        f"smallest stable one is number {smallest.number}, with "
        f"{smallest.sizes[SIZE]:,.0f} parameters. Seconds are recorded CPU seconds, "
        f"in per cent of training every candidate once ({truth.table.seconds / 3600:.2f} h); "
        "medians over the seeds, with 95 % intervals of the median (bootstrap). "
        "Written by compare.py.",
        "",
        f"| strategy | seeds | to {SHARE:.0%} of the hypervolume | to the smallest stable | "
        f"finds it within {', '.join(f'{budget:.0%}' for budget in BUDGETS)} | "
        f"of the seconds to the front, on runs that end badly |",
        "|---|---|---|---|---|---|",
        *(_row(name, of[name], truth.smallest) for name in names),
        "",
        "Candidates that were not complete at the end of the search, as a mean over the seeds. "
        "`shrink` only pauses a run at a rung, and may promote it later:",
        "",
        "| strategy | paused or stopped at a rung | of those on the front | stopped by a verdict | "
        "of those on the front | of those would end well | suspect or failed at their end | "
        "of those on the front | of those end well |",
        "|---|---|---|---|---|---|---|---|---|",
        *(
            _fates_row(name, of[name])
            for name in names
            if STRATEGIES[name].watches or STRATEGIES[name].prunes
        ),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, mine: Sequence[Mapping[str, Any]], smallest: int) -> str:
    found = [one["done_at"].get(str(smallest)) for one in mine]
    within = [
        sum(share is not None and share <= budget for share in found) / len(found)
        for budget in BUDGETS
    ]
    cells = [
        _median([one["to_front"] for one in mine]),
        _median(found),
        ", ".join(f"{share:.0%}" for share in within),
        f"{statistics.median(one['spent_on_failures'] for one in mine):.0%}",
    ]
    return f"| {name} | {len(mine)} | " + " | ".join(cells) + " |"


def _median(shares: Sequence[float | None]) -> str:
    """Format the median of shares and its interval in per cent; None counts as infinite."""
    values = np.array([math.inf if share is None else share for share in shares])
    draws = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975], method="nearest")
    return f"{_per_cent(float(np.median(values)))} ({_per_cent(low)} to {_per_cent(high)})"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else "never"


def _fates_row(name: str, mine: Sequence[Mapping[str, Any]]) -> str:
    counts = []
    for fate in FATES[1:]:
        counts += [
            [one["fates"][fate] for one in mine],
            [len(one["of_the_front"][fate]) for one in mine],
        ]
        counts += [[one["end_well"][fate] for one in mine]] if fate != "rung" else []
    return f"| {name} | " + " | ".join(f"{statistics.mean(column):.1f}" for column in counts) + " |"


def digest_of(table: Table) -> str:
    """Return a digest of the runs with the first seed, on which the searches were made."""
    seen = [
        [run.parameters, run.final, run.failure and run.failure.step]
        for run in table.first.values()
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", nargs="*", choices=[*STRATEGIES], default=[*STRATEGIES])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", type=Path, nargs="*", default=[TABLE])
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the workers
    tables, kept = tuple(options.table), options.out / SEARCHES
    _, truth = loaded(tables, "random", "front")
    digest = digest_of(truth.table)
    known = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    known = [one for one in known if one["table"] == digest]
    made = {(one["strategy"], one["seed"]) for one in known}
    jobs = [
        (name, seed)
        for seed in range(options.seeds)
        for name in options.only
        if (name, seed) not in made
    ]
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(search, tables, *job) for job in jobs]):
            known.append({"table": digest} | future.result())
            known.sort(key=lambda one: (one["seed"], [*STRATEGIES].index(one["strategy"])))
            write_atomically(kept, "".join(json.dumps(one) + "\n" for one in known).encode())
    page = compared(known, truth)
    write_atomically(options.out / COMPARISON, page.encode())
    print(page)


if __name__ == "__main__":
    main()

"""Race: our search and others on the tables, until each has found the front of median qualities.

    python benchmarks/tabular/race.py --table NAME [--seeds 30] [--only NAME ...] [--slots 1]
        [--workers 2] [--out searches.jsonl]

Each strategy (strategies.py) searches the table (replaying.py) with each seed; seed k sees the
runs that were trained with seed k modulo 3. A search ends when it has found 95 % of the front's
hypervolume and spent a quarter of the table's seconds. Searches that are in the file already are
not repeated; figures.py makes the page.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from peers import MOASHA, PeerSearch
from replaying import (
    SIZE,
    ReplayBayesianSearcher,
    ReplayExecutor,
    ReplaySearcher,
    Spent,
    Table,
    aim_of,
    by_identity,
    load_study,
    trials_of,
)
from strategies import STRATEGIES, NoPruner, Ours, Peer
from tables import SEEDS, TableFolder, table_argument
from truth import Truth

from gansearch.execution.trial_runner import rung_steps
from gansearch.files import write_atomically
from gansearch.search.driver import Driver
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.search.listener import Listener
from gansearch.search.pruning import RungPruner
from gansearch.search.samplers import KINDS
from gansearch.search.searcher import SamplerSearcher
from gansearch.search.tell_policy import TellPolicy
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

SEARCHES = "searches.jsonl"
SHARE = 0.95
"""Share of the hypervolume of the whole table at which the front counts as found."""
PRIOR_TRIALS = 40
"""Trials of another study that a search with a prior knows."""
BEGINNING = 0.25
"""Share of the table's seconds over which the shortfall of the hypervolume is averaged."""


class Clock(Protocol):
    """What a search has spent, and when it is."""

    spent: Spent
    now: float


@dataclass
class Trace(Listener):
    """What a search has found, and at which cost."""

    truth: Truth
    slots: int
    clock: Clock = field(init=False)
    numbers: Mapping[str, int] = field(init=False)
    """Numbers of the candidates by their identity."""
    done: list[int] = field(default_factory=list)
    """Candidates that were trained to a healthy end, in this order."""
    volumes: list[tuple[float, float, float]] = field(default_factory=list)
    """Seconds of all slots, seconds spent on runs that end badly, and the hypervolume so far."""
    given_up: set[int] = field(default_factory=set)
    """Candidates that a verdict has stopped, or a rung for good."""

    @property
    def seconds(self) -> float:
        """Seconds of all slots until now, busy or idle."""
        return self.clock.now * self.slots

    def trained(self, number: int) -> None:
        """Record that a candidate was trained to its end."""
        self.done.append(number)
        volume = self.truth.volume(self.done)
        self.volumes.append((self.seconds, self.clock.spent.failed, volume))

    def ended(self, record: TrialRecord) -> None:
        if record.state == "complete":
            self.trained(self.numbers[record.identity])
        elif record.state != "paused":
            self.given_up.add(self.numbers[record.identity])

    @property
    def is_over(self) -> bool:
        """True if the front is found and the beginning is over."""
        found = bool(self.volumes) and self.volumes[-1][2] >= SHARE
        return found and self.seconds >= BEGINNING * self.truth.table.seconds

    def summary(self) -> dict[str, Any]:
        """Return the results; seconds are shares of training every candidate once."""
        total = self.truth.table.seconds
        reached = next((at for at in self.volumes if at[2] >= SHARE), None)
        end, failed, _ = reached or (self.seconds, self.clock.spent.failed, 0.0)
        stable = [at for n, at in zip(self.done, self.volumes, strict=True) if n in self._stable]
        return {
            "found": reached is not None,
            "to_front": end / total,
            "to_smallest": stable[0][0] / total if stable else None,
            "failed": failed / min(end, self.clock.spent.seconds),
            "shortfall": self._shortfall(BEGINNING * total),
            "in_all": self.seconds / total,
            "tried": len(self.done) + len(self.given_up),
            "given_up": sorted(self.given_up & self.truth.front),
            "curve": [[round(at / total, 5), round(volume, 4)] for at, _, volume in self.volumes],
        }

    @property
    def _stable(self) -> frozenset[int]:
        """Stable candidates at most a quarter larger than the smallest one."""
        runs, smallest = self.truth.table.first, self.truth.smallest
        return frozenset(n for n in self.truth.stable if runs[n].size <= 1.25 * runs[smallest].size)

    def _shortfall(self, end: float) -> float:
        """Return the mean share of the hypervolume that was missing from 0 to `end` seconds."""
        missing, since, volume = 0.0, 0.0, 0.0
        for at, _, found in [*self.volumes, (end, 0.0, 1.0)]:
            missing += (min(at, end) - min(since, end)) * (1 - volume)
            since, volume = at, found
        return missing / end


@cache
def loaded(path: Path, changes: tuple[str, ...]) -> tuple[Study, Truth]:
    """Read the study and the ground truth, once a process."""
    folder = TableFolder(path)
    table = Table.of(folder)
    study = load_study(folder.study, table, changes)
    return study, Truth(table, study.spec.certification.tolerance)


def search(path: Path, name: str, seed: int, slots: int = 1) -> dict[str, Any]:
    """Search the table of a folder with a strategy and a seed."""
    torch.set_num_threads(1)
    chosen = STRATEGIES[name]
    if isinstance(chosen, Peer):
        study, truth = loaded(path, ())
        trace = Trace(truth, slots)
        _search_as_peer(chosen, study, trace, seed)
    else:
        study, truth = loaded(path, (f"search.sampler={chosen.sampler}",))
        trace = Trace(truth, slots)
        _search_as_ours(chosen, study, trace, seed, TableFolder(path))
    return {"strategy": name, "seed": seed, "slots": slots} | trace.summary()


def _search_as_peer(chosen: Peer, study: Study, trace: Trace, seed: int) -> None:
    table = trace.truth.table
    peer = PeerSearch(
        chosen.make(seed),
        study.space,
        table.seen(seed % SEEDS),
        slots=trace.slots,
        measuring=table.measuring,
        halving=MOASHA(table.first[0].steps) if chosen.halves else None,
    )
    trace.clock = peer
    peer.run(trace.trained, lambda: trace.is_over)


def _search_as_ours(
    chosen: Ours, study: Study, trace: Trace, seed: int, folder: TableFolder
) -> None:
    table, space = trace.truth.table, study.space
    spec = study.spec.model_copy(
        update={"search": study.spec.search.model_copy(update={"seed": seed})}
    )
    study = Study(spec, space, study.data, study.sizes)
    runs, kind = by_identity(space, table.seen(seed % SEEDS)), KINDS[chosen.sampler]
    pruner = RungPruner(spec.pruning, study.objectives, {}, kind.promotes, aim_of(study))
    rungs = rung_steps(spec.pruning.rungs, table.first[0].steps[-1]) if chosen.prunes else ()
    executor = ReplayExecutor(runs, table.measuring, rungs, trace.slots)
    trace.clock = executor
    trace.numbers = {identity: run.number for identity, run in runs.items()}
    store = TrialStore.in_memory(spec.name, spec.objectives)
    known: list[TrialRecord] = []
    if chosen.prior:
        assert folder.plan.prior is not None
        earlier = loaded(TableFolder.named(folder.plan.prior).path, ())[1].table
        rng = np.random.default_rng(seed) if chosen.shuffled else None
        known = trials_of(earlier, PRIOR_TRIALS, rng)
    searcher: SamplerSearcher
    if chosen.sampler == "shrink":
        searcher = ReplayBayesianSearcher(study, store, table, known)
    else:
        searcher = ReplaySearcher(study, store, table)
    sizes = {identity: {SIZE: run.size} for identity, run in runs.items()}
    Driver(
        searcher=searcher,
        feasibility=FeasibilityCheck(space, lambda candidate: sizes[candidate.identity], {}),
        executor=executor,
        pruner=pruner if chosen.prunes else NoPruner(),  # type: ignore[arg-type]
        tell_policy=TellPolicy(spec.objectives, (), kind),
        store=store,
        folder_of=lambda number: _NoFolder(Path(str(number))),
        listener=trace,
        stop=lambda: trace.is_over,
    ).run()


class _NoFolder(TrialFolder):
    def write_json(self, name: str, record: Mapping[str, Any]) -> None:
        """Write nothing."""


def digest_of(table: Table) -> str:
    """Return a digest of all runs, on which the searches were made."""
    seen = [
        [run.parameters, run.seed, run.final, run.failure and run.failure.step]
        for _, run in sorted(table.runs.items())
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def suited(folder: TableFolder) -> list[str]:
    """Return the strategies that can search a table: a prior needs another one of its space."""
    return [
        name
        for name, chosen in STRATEGIES.items()
        if folder.plan.prior or not (isinstance(chosen, Ours) and chosen.prior)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", nargs="*", choices=[*STRATEGIES], default=[])
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file; by default searches.jsonl of the table")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the workers
    path = options.table.path
    kept = options.out or path / SEARCHES
    digest = digest_of(loaded(path, ())[1].table)
    known = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    known = [one for one in known if one["table"] == digest]
    made = {(one["strategy"], one["seed"], one["slots"]) for one in known}
    jobs = [
        (name, seed, options.slots)
        for seed in range(options.seeds)
        for name in options.only or suited(options.table)
        if (name, seed, options.slots) not in made
    ]
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(search, path, *job) for job in jobs]):
            one = future.result()
            known.append({"table": digest} | one)
            known.sort(
                key=lambda one: (one["slots"], one["seed"], [*STRATEGIES].index(one["strategy"]))
            )
            write_atomically(kept, "".join(json.dumps(one) + "\n" for one in known).encode())
            print(
                f"{one['strategy']}, seed {one['seed']}, {one['slots']} slots: "
                f"{one['to_front']:.1%} of the seconds",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Cost of the driver per trial, with trainings that are simulated.

    python benchmarks/driver/measure.py [--sizes 100 1000 10000] [--rounds 30] [--work DIR]
        [--out results.json]

Everything is real but the training: the space of benchmarks/tabular/tables/fashion_dcgan, its sizes
counted, the run folder, SQLite, the samplers. Studies of 1,000 trials and more are not searched for
hours: the same driver first runs over a study in memory, which Optuna then copies into SQLite; the
figures are of the next rounds of a driver that resumes that. --work keeps the copies for another
time. About 8 minutes on a core, most of it copying.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import platform
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import optuna
import torch

from gansearch.candidate import Candidate
from gansearch.evaluation.counting import SizeCounter
from gansearch.execution.simulated import SimulatedExecutor
from gansearch.messages import Outcome
from gansearch.registry import Registry
from gansearch.run import search_driver
from gansearch.search.listener import Listener
from gansearch.search.samplers import KINDS
from gansearch.signals import HEALTHY, Verdict
from gansearch.storage.database import SQLite
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec
from gansearch.study.study import Study
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

STUDY = Path(__file__).parents[1] / "tabular" / "tables" / "fashion_dcgan" / "study.yaml"
SAMPLERS = ("tpe", "nsga2", "random")


def outcome_of(candidate: Candidate) -> Outcome:
    """Return the outcome of a candidate; a third of the random ones collapse."""
    generator, schedule = candidate.generator.model_dump(), candidate.schedule
    signals = {f"signal_{i}": schedule.generator_lr * i for i in range(20)}
    stamp = {"extractor": "0" * 64, "samples": 2000, "dataset": {"sha256": "0" * 64}, "threads": 1}
    if generator["latent"] == 1 or (generator["norm"] == "none" and generator["init_std"] > 0.1):
        verdict = Verdict(
            "mode-collapse", 1000, {"rule": "the samples cover little", "coverage": 0.001}, "stub"
        )
        return Outcome(verdict, 1000, 30.0, signals=signals, stamp=stamp)
    quality = 1 / generator["width"] + abs(schedule.generator_lr - 2e-3) + 0.1 / generator["latent"]
    metrics = dict.fromkeys(
        ("mmd", "fid", "coverage", "precision", "recall", "blur_ratio"), quality
    )
    return Outcome(HEALTHY, 1500, 45.0, metrics=metrics, signals=signals, stamp=stamp)


class Stopwatch(Listener):
    """Listener that records the times at which trials end."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def note(self) -> None:
        """Record the time."""
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """Record that the study is loaded."""
        self.note()

    def ended(self, record: TrialRecord) -> None:
        """Record the end of a round."""
        self.note()


def study_of(sampler: str, trials: int) -> StudySpec:
    """Return the study without its constraint: a rejected candidate would be a cheaper round."""
    changes = [
        "constraints.generator_params.max=1e9",
        f"search.sampler={sampler}",
        f"search.trials={trials}",
    ]
    return StudyDocument.read(STUDY, changes).spec()


def prepared(spec: StudySpec) -> Study:
    """Resolve the components of a study and load its data."""
    space = SearchSpace(spec, Registry())
    data = space.dataset.load()
    return Study(spec, space, data, SizeCounter(data.shape, space.metrics))


# --------------------------------------------------------------------------------------------------
# Studies of a size


def fill(sizes: Sequence[int], work: Path) -> dict[int, Path]:
    """Make databases with these numbers of random trials."""
    paths = {size: work / f"{size}.db" for size in sizes}
    if not all(path.exists() for path in paths.values()):
        known = _search_in_memory(study_of("random", max(sizes)))
        growing = work / "growing.db"
        growing.unlink(missing_ok=True)
        for size in sorted(sizes):
            _copy(known, growing, size)
            shutil.copy(growing, paths[size])
    return paths


def _search_in_memory(spec: StudySpec) -> optuna.Study:
    directions = [objective.direction for objective in spec.objectives]
    study = optuna.create_study(study_name=spec.name, directions=directions)
    with tempfile.TemporaryDirectory() as folder:
        store = TrialStore(study)
        search_driver(
            prepared(spec),
            store,
            RunFolder.create(Path(folder), spec).trial,
            SimulatedExecutor(lambda job: outcome_of(job.candidate)),
            Stopwatch(),
        ).run()
    return study


def _copy(known: optuna.Study, database: Path, size: int) -> None:
    """Add trials of a study in memory to one on disk until it has `size`."""
    spec = study_of("random", 1)
    store = TrialStore.open(SQLite(database), spec.name, spec.objectives)
    there = store.asked
    store._study.add_trials(known.get_trials(deepcopy=False)[there:size])
    assert store._engine is not None
    with closing(store._engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._engine.dispose()


def tell_to_nsga2(database: Path, population: int) -> None:
    """Mark trials as those of an NSGA-II search: generations, parents, failures as COMPLETE."""
    generation = KINDS["nsga2"].make(study_of("nsga2", 1).search, 0)
    assert isinstance(generation, optuna.samplers.NSGAIISampler)
    key, parents = generation._get_generation_key(), generation._get_parent_cache_key_prefix()
    with closing(sqlite3.connect(database)) as connection, connection:
        trials = [
            trial
            for (trial,) in connection.execute("SELECT trial_id FROM trials ORDER BY trial_id")
        ]
        failed = connection.execute("SELECT trial_id FROM trials WHERE state = 'PRUNED'").fetchall()
        values = [
            value
            for (trial,) in failed
            for value in ((trial, 0, 1e4, "FINITE"), (trial, 1, None, "INF_POS"))
        ]
        connection.executemany(
            "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)",
            values,
        )
        connection.execute("UPDATE trials SET state = 'COMPLETE' WHERE state = 'PRUNED'")
        connection.executemany(
            "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (?, ?, ?)",
            [(trial, key, str(i // population)) for i, trial in enumerate(trials)],
        )
        connection.executemany(
            "INSERT INTO study_system_attributes (study_id, key, value_json) VALUES (1, ?, ?)",
            [
                (f"{parents}{i // population}", json.dumps(trials[i - population : i]))
                for i in range(population, len(trials), population)
            ],
        )


# --------------------------------------------------------------------------------------------------
# Measuring


def measure(database: Path, sampler: str, size: int, rounds: int) -> dict[str, object]:
    """Resume a study of this size and time its next rounds; runs in a process of its own."""
    torch.set_num_threads(1)
    spec = study_of(sampler, size + rounds)
    study = prepared(spec)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create(Path(place), spec)
        shutil.copy(database, folder.path / DATABASE)
        if sampler == "nsga2":
            tell_to_nsga2(folder.path / DATABASE, spec.search.startup_trials)
        before = _peak_megabytes()
        begun = time.perf_counter()
        database_file = SQLite(folder.path / DATABASE)
        store = TrialStore.open(database_file, spec.name, spec.objectives)
        search_driver(
            study,
            store,
            folder.trial,
            SimulatedExecutor(lambda job: outcome_of(job.candidate)),
            watch,
        ).run()
    wall, cpu = (_rounds(times) for times in (watch.wall, watch.cpu))
    return {
        "sampler": sampler,
        "trials": size,
        "median_ms": round(statistics.median(wall), 1),
        "p90_ms": round(statistics.quantiles(wall, n=10)[-1], 1),
        "median_cpu_ms": round(statistics.median(cpu), 1),
        "open_s": round(watch.wall[0] - begun, 2),
        "peak_mb": round(_peak_megabytes()),
        "peak_mb_before": round(before),
    }


def _rounds(times: Sequence[float]) -> list[float]:
    """Return the milliseconds from each ending to the next."""
    return [(later - earlier) * 1e3 for earlier, later in itertools.pairwise(times)]


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--samplers", nargs="+", default=SAMPLERS, choices=SAMPLERS)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as temporary:
        results = list(_all(arguments, arguments.work or Path(temporary)))
    report = {
        "optuna": optuna.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "rounds": arguments.rounds,
        "results": results,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


def _all(arguments: argparse.Namespace, work: Path) -> Iterator[dict[str, object]]:
    work.mkdir(parents=True, exist_ok=True)
    processes = multiprocessing.get_context("spawn")
    databases = fill(arguments.sizes, work)
    for sampler in arguments.samplers:
        for size, database in databases.items():
            with processes.Pool(1) as pool:
                result = pool.apply(measure, (database, sampler, size, arguments.rounds))
            print(json.dumps(result), flush=True)
            yield result


if __name__ == "__main__":
    main()

"""Train every candidate of a table to its full length, and record what a search would see.

    python benchmarks/tabular/record.py --table NAME [--workers 2] [--contenders]
        [--only-first N] [--out FOLDER]

Nothing is stopped early: the verdicts of the study's detectors are recorded beside the final
metrics of the run. A run that is recorded already is not trained again, and the order is such that
any part of the recording has about the same share of each size. Each run is a file of one row;
pack.py merges them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import platform
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from candidates import candidate_of
from observing import ACTIVITIES, Meter, Onlooker, Rungs
from tables import SEEDS, Plan, TableFolder, table_argument
from torch import Tensor

import gansearch
from gansearch.diagnosis.detection import RunWatch
from gansearch.domains import Scalar
from gansearch.evaluation.extractors import detectors_extractor_for, extractor_for
from gansearch.evaluation.probe import Probe
from gansearch.execution.trial_runner import run_context
from gansearch.files import write_atomically
from gansearch.run_context import RunContext
from gansearch.signals import COLUMNS, Row
from gansearch.study.study import Study
from gansearch.training.loop import TrainedRun, train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import keep_freed_memory

CODE = (
    "training",
    "evaluation",
    "builtin",
    "candidate.py",
    "components",
    "layers",
    "diagnosis/detection.py",
    "signals.py",
)
"""Parts of the package on which a run's figures depend."""
CHANGE = pa.struct(
    {
        "step": pa.int32(),
        "verdict": pa.string(),
        "detector": pa.string(),
        "since": pa.int32(),
        "rule": pa.string(),
    }
)


@dataclass(frozen=True)
class Run:
    """One candidate with one seed."""

    number: int
    """Number of the candidate."""
    stratum: int
    seed: int
    parameters: Mapping[str, Scalar]

    @property
    def file(self) -> str:
        return f"{self.number:03d}-seed{self.seed}.parquet"


def runs_of(candidates: Path) -> list[Run]:
    """Return every run, those with the first seed before all others."""
    rows = [json.loads(line) for line in candidates.read_text().splitlines()]
    runs = [
        Run(row["number"], row["stratum"], seed, row["parameters"])
        for row in rows
        for seed in range(row["seeds"])
    ]
    return sorted(runs, key=lambda run: (run.seed, run.number))


@cache
def study_at(path: Path) -> Study:
    """Read the study, once a process."""
    return Study.load(path)


def record(run: Run, path: Path, out: Path, plan: Plan) -> str:
    """Train one run of a study and write its row; return a line to print."""
    torch.set_num_threads(1)
    keep_freed_memory()
    study, data = study_at(path), study_at(path).data
    spec = study.spec.training.in_steps(len(data.train.samples)).model_copy(
        update={
            "seed": run.seed,
            "device": "cpu",
            "precision": "fp32",
            "sample_every": 0,
            "checkpoint_every": 0,
        }
    )
    candidate = candidate_of(study.space, run.parameters)
    extractor = extractor_for(data, study.extractor)
    probe, meter = Probe(data, detectors_extractor_for(data, study.extractor)), Meter()
    context = run_context(candidate, data, spec, study.extractor)
    watch = Onlooker(study.space.detectors, context, meter)
    measuring = Rungs(plan, data, extractor, spec.eval_samples, meter)

    class Measuring(TrainingMonitor):
        probe_samples = probe.samples

        def on_probe(self, samples: Tensor) -> dict[str, float]:
            signals = probe(samples)
            meter.turn_to("training")
            return signals

        def before_step(self, step: int, networks: GANNetworks) -> None:
            measuring.before(step, networks)

    trained = train(candidate, data, spec, watch, Measuring())
    measuring.after(trained.steps, trained.networks)
    row: dict[str, Any] = {"number": run.number, "seed": run.seed, "stratum": run.stratum}
    row |= {
        "identity": candidate.identity,
        **run.parameters,
        "candidate": json.dumps(candidate.to_json()),
    }
    row |= {name: int(size) for name, size in study.sizes(candidate).items()}
    row |= {
        name: [measured[name] for measured in measuring.measured] for name in measuring.measured[0]
    }
    row |= watch.columns() | {
        "ends_well": ends_well(study, trained.steps, trained.rows[-1], context),
        "code": digest_of_code()[:16],
    }
    row |= _signals(trained)
    write(row, _stamp(study, plan.rungs), out / run.file)
    costs = ", ".join(f"{activity} {row[f'cpu_{activity}'][-1]:.1f}" for activity in ACTIVITIES)
    fate = "ends well" if row["ends_well"] else "ends badly"
    size, quality = row["generator_params"], row[plan.quality][-1]
    return (
        f"{run.file} {size:,} parameters, {plan.quality} {quality:.4g}, {fate}, failed at step "
        f"{watch.condemned}; CPU s: {costs}"
    )


def ends_well(study: Study, steps: int, last: Row, context: RunContext) -> bool:
    """Return True if detectors that see nothing but the last step find the run healthy."""
    watch = RunWatch(study.space.detectors, context)
    watch.observe(steps, last)
    return watch.conclude().status == "healthy"


def _signals(trained: TrainedRun) -> dict[str, list[float | None]]:
    """Return every signal at every step, by column; None where it was not measured."""
    columns = [name for name in COLUMNS if any(name in row for row in trained.rows)]
    return {f"signals.{name}": [row.get(name) for row in trained.rows] for name in columns}


def write(row: Mapping[str, Any], stamp: Mapping[str, Any], path: Path) -> None:
    """Write a run, and what it was made with, to a file."""
    schema = pa.schema(
        [(name, _type_of(name, value)) for name, value in row.items()],
        {"gansearch": json.dumps(stamp)},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row], schema), sink, compression="zstd")
    write_atomically(path, sink.getvalue().to_pybytes())


def _type_of(name: str, value: object) -> pa.DataType:
    if name in ("rung", "condemned"):
        return pa.list_(pa.int32()) if name == "rung" else pa.int32()
    if isinstance(value, list):
        return pa.list_(CHANGE if name == "timeline" else pa.float32())
    return {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}[type(value)]


@cache
def digest_of_code() -> str:
    """Return the sha256, in hexadecimal, of the source on which the figures depend."""
    package = Path(gansearch.__file__).parent
    files = [
        f
        for part in CODE
        for f in ([package / part] if part.endswith(".py") else (package / part).rglob("*.py"))
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _stamp(study: Study, rungs: Sequence[int]) -> dict[str, Any]:
    """Return everything else that the figures depend on."""
    extractor = extractor_for(study.data, study.extractor)
    return {
        "study": study.spec.resolved(),
        "rungs": list(rungs),
        "data": {"source": study.data.source, "sha256": study.data.digest},
        "extractor": {"name": extractor.name, "sha256": extractor.digest},
        "code": digest_of_code(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # only Linux has it
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {torch.backends.cpu.get_cpu_capability()}" if names else platform.machine()


def contenders(runs: Sequence[Run], out: Path, table: Path, plan: Plan) -> list[Run]:
    """Return the runs with further seeds of the candidates that may be on the front of medians.

    These are the ones that end well with the first seed, and are then no worse than `contends`
    times the best that is no larger. All others are too far away for luck to have hidden them.
    """
    columns = ["number", "seed", "generator_params", plan.quality, "ends_well"]
    files = [*([table] if table.exists() else []), *out.glob("*-seed0.parquet")]
    rows = [row for file in files for row in pq.read_table(file, columns=columns).to_pylist()]
    well = sorted(
        (row["generator_params"], row[plan.quality][-1], row["number"])
        for row in rows
        if row["seed"] == 0 and row["ends_well"]
    )
    best, chosen = math.inf, set()
    for _, quality, number in well:
        best = min(best, quality)
        if quality <= plan.contends * best:
            chosen.add(number)
    return [
        replace(run, seed=seed)
        for seed in range(1, SEEDS)
        for run in runs
        if run.seed == 0 and run.number in chosen
    ]


def lacking(runs: Sequence[Run], out: Path, table: Path) -> list[Run]:
    """Return the runs that have neither a file nor a row of the table."""
    packed = pq.read_table(table, columns=["number", "seed"]).to_pylist() if table.exists() else []
    known = {(row["number"], row["seed"]) for row in packed}
    return [
        run for run in runs if (run.number, run.seed) not in known and not (out / run.file).exists()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only-first", type=int, metavar="N", help="runs, instead of all")
    parser.add_argument(
        "--contenders",
        action="store_true",
        help="train those that may be on the front with further seeds, once the first is recorded",
    )
    parser.add_argument("--out", type=Path, help="folder; by default `runs` in the table's own")
    table_argument(parser)
    options = parser.parse_args()
    folder: TableFolder = options.table
    out = options.out or folder.runs
    out.mkdir(parents=True, exist_ok=True)
    runs = runs_of(folder.candidates)[: options.only_first]
    if options.contenders:
        runs += contenders(runs, out, folder.table, folder.plan)
    waiting = lacking(runs, out, folder.table)
    print(f"{len(waiting)} of {len(runs)} runs are to be trained", flush=True)
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        begun = [pool.submit(record, run, folder.study, out, folder.plan) for run in waiting]
        for done, future in enumerate(as_completed(begun), start=1):
            # One that fails does not keep the others from being recorded.
            print(f"{done}/{len(waiting)} {future.exception() or future.result()}", flush=True)
    sys.exit(any(future.exception() for future in begun))


if __name__ == "__main__":
    main()

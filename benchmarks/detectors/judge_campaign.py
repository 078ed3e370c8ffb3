"""Judge the runs that campaign.py kept, at full length and cut at 400 and 900 steps.

    python benchmarks/detectors/judge_campaign.py [--runs FOLDER] [--out campaign.json]

A run is cut in two ways: as the log of an interrupted run (`log`: judged as `gansearch diagnose`
does, with the looks that had been taken until then), and as a study of that many steps (`study`),
which has looks of its own. `labels.json` tells which runs are good by eye; limits were set on runs
of the seeds in `SETTING`, the others are for judging.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from campaign import STEPS
from pictures import SMALL

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.diagnosis.log_diagnosis import diagnose_log
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.probe import Probe
from gansearch.run_context import Calibration, RunContext
from gansearch.signals import FAILURES, Row

SETTING = (0, 1)
"""Seeds of the runs that limits may be set on."""
CUTS = (400, 900)
LOG_LOSSES = {"hinge": "hinge", "least-squares": "least-squares", "wasserstein": "wasserstein"}
DETECTORS = (Divergence(), ConvergenceFailure(), ModeCollapse())


@cache
def judges(name: str) -> tuple[Data, Probe, Calibration]:
    data = SMALL[name]()
    return data, Probe(data), calibration_of(data)


def with_looks(
    rows: Sequence[Row], figures: Mapping[int, Row], steps: int, length: int
) -> list[Row]:
    """Add to the first `length` rows the figures of the looks of a training of `steps` steps."""
    nearest = {
        step: figures[min(figures, key=lambda look: abs(look - step))]
        for step in range(1, length + 1)
        if ModeCollapse().probe_due(step, steps)
    }
    return [dict(row) | dict(nearest.get(i, {})) for i, row in enumerate(rows[:length], start=1)]


def study_verdict(rows: Sequence[Row], context: RunContext) -> tuple[str, int | None, str]:
    """Watch a run as the training loop does; the verdict, its step and its rule."""
    run = RunWatch(DETECTORS, context)
    for step, row in enumerate(rows, start=1):
        if run.observe(step, row).failed:
            break
    verdict = run.conclude()
    return verdict.status, verdict.step, str(verdict.evidence.get("rule", ""))


def judged(path: Path) -> dict[str, Any]:
    """Return one run's verdicts, and the figures of its last samples."""
    facts = json.loads(path.read_text())
    _, probe, calibration = judges(facts["data"])
    kept = np.load(path.with_suffix(".npz"))
    figures = {
        look: probe.figures(torch.from_numpy(kept[name])[: probe.samples])
        for look, name in zip(facts["looks"], kept.files, strict=True)
    }
    frame = pd.read_parquet(path.with_suffix(".parquet"))
    rows = [
        {str(name): value for name, value in row.items() if not math.isnan(value)}
        for row in frame.to_dict("records")
    ]
    loss = facts["loss"]

    def studied(steps: int) -> tuple[str, int | None, str]:
        context = RunContext(steps, calibration, loss, loss != "wasserstein")
        return study_verdict(with_looks(rows, figures, steps, steps), context)

    told = {name: facts[name] for name in ("data", "loss", "kind", "seed")}
    told = {"name": path.stem} | told
    told["verdict"], told["step"], told["rule"] = studied(STEPS)
    for cut in CUTS:
        log = list(enumerate(with_looks(rows, figures, STEPS, cut), start=1))
        told[f"log {cut}"] = diagnose_log(log, LOG_LOSSES.get(loss, "bce")).diagnosis.verdict.status
        told[f"study {cut}"] = studied(cut)[0]
    return told | {name: round(value, 4) for name, value in figures[max(figures)].items()}


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Count what was condemned and caught among labelled runs."""
    good = [run for run in runs if run["label"] == "good"]
    failed = [run for run in runs if run["label"] == "failed"]
    told: dict[str, Any] = {
        "good": len(good),
        "good condemned": sum(run["verdict"] in FAILURES for run in good),
        "good suspect": sum(run["verdict"] == "suspect" for run in good),
        "failed": len(failed),
        "failed caught": sum(run["verdict"] in FAILURES for run in failed),
        "failed suspect": sum(run["verdict"] == "suspect" for run in failed),
        "failed called healthy": sum(run["verdict"] == "healthy" for run in failed),
    }
    for cut in (f"{way} {length}" for length in CUTS for way in ("log", "study")):
        told[f"{cut}: good condemned"] = sum(run[cut] in FAILURES for run in good)
        told[f"{cut}: failed called healthy"] = sum(run[cut] == "healthy" for run in failed)
    return told


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=here / "campaign")
    parser.add_argument("--labels", type=Path, default=here / "labels.json")
    parser.add_argument("--out", type=Path, default=here / "campaign.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    labels = json.loads(options.labels.read_text()) if options.labels.is_file() else {}
    runs = [judged(path) for path in sorted(options.runs.glob("*.json"))]
    for run in runs:
        run["label"] = labels.get(run["name"])
    parts = {
        "setting": [run for run in runs if run["seed"] in SETTING],
        "judging": [run for run in runs if run["seed"] not in SETTING],
    }
    told = {"summary": {name: summary(part) for name, part in parts.items()}, "runs": runs}
    options.out.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told["summary"], indent=1))


if __name__ == "__main__":
    main()

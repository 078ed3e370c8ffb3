"""Judge the runs that campaign.py kept, at full length and cut at 400 and 900 steps.

    python benchmarks/detectors/judge_campaign.py [--runs FOLDER] [--out campaign.json]

A run is cut in two ways: as the log of an interrupted run (`log`: the detectors know neither its
length nor its data), and as a study of that many steps (`study`), which has looks of its own, taken
from the nearest kept samples.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pictures import PICTURES

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.probe import Probe
from gansearch.run_context import RunContext

SOUND = ("sound", "small")
USUAL_LOOKS = (500, 750, 1000, 1250, 1500)


def watch(
    rows: list[dict[str, float]], figures: dict[int, dict[str, float]], context: RunContext
) -> tuple[str, int | None]:
    """Replay signals with the figures of the looks that are due; the verdict and its step."""
    run = RunWatch([Divergence(), ConvergenceFailure(), ModeCollapse()], context)
    for step, row in enumerate(rows, start=1):
        due = step in USUAL_LOOKS if context.steps is None else run.probe_due(step)
        nearest = min(figures, key=lambda look: abs(look - step))
        if run.observe(step, row | (figures[nearest] if due else {})).failed:
            break
    verdict = run.conclude()
    return verdict.status, verdict.step


def judged(path: Path) -> dict[str, Any]:
    """One run's verdicts."""
    facts = json.loads(path.read_text())
    data = PICTURES[facts["data"]]()
    probe, calibration = Probe(data), calibration_of(data)
    kept = np.load(path.with_suffix(".npz"))
    figures = {
        look: probe.figures(torch.from_numpy(kept[name])[: probe.samples])
        for look, name in zip(facts["looks"], kept.files, strict=True)
    }
    frame = pd.read_parquet(path.with_suffix(".parquet"))
    rows = [
        {str(name): value for name, value in row.items() if not math.isnan(value)}
        for _, row in frame.iterrows()
    ]
    logits = facts["loss"] != "wasserstein"

    def context(steps: int | None) -> RunContext:
        return RunContext(steps, calibration, facts["loss"], logits)

    told: dict[str, Any] = {"name": path.stem, "kind": facts["kind"]}
    told["verdict"], told["step"] = watch(rows, figures, context(len(rows)))
    for cut in (400, 900):
        told[f"log {cut}"] = watch(rows[:cut], figures, RunContext())[0]
        told[f"study {cut}"] = watch(rows[:cut], figures, context(cut))[0]
    last = figures[max(figures)]
    return told | {name: round(value, 4) for name, value in last.items()}


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=here / "campaign")
    parser.add_argument("--out", type=Path, default=here / "campaign.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = [judged(path) for path in sorted(options.runs.glob("*.json"))]
    print(pd.DataFrame(runs).to_string(index=False))
    options.out.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()

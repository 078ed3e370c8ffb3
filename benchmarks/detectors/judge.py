"""Replay the recorded runs through the detectors; report which ones they stop, and when.

    python benchmarks/detectors/judge.py [--runs FOLDER] [--out results.json]

A run *ends healthy* when, at its full length, its samples cover at least 2 % of the test images, no
more than 8 % of their pairs are as near as 1 % of real pairs, and their distance to the test images
(MMD) is under 200, where an untrained generator has 298 and noise 291. That is judged on 2,000
samples, twice as many as the detectors see, after the last step.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.calibration import calibration_of
from gansearch.run_context import RunContext
from gansearch.signals import FAILURES

SMALL = 30_000


def judged(facts: dict[str, Any], signals: pd.DataFrame) -> dict[str, Any]:
    """One run with the verdict that it would have got, and whether it deserved it."""
    context = RunContext(len(signals), calibration_of(FashionMNIST().load()), "bce")
    watch = RunWatch([Divergence(), ConvergenceFailure(), ModeCollapse()], context)
    suspected = None
    for step, row in zip(signals.index, signals.to_dict("records"), strict=True):
        read = {str(name): value for name, value in row.items() if not math.isnan(value)}
        verdict = watch.observe(int(step), read)
        if verdict.status == "suspect" and suspected is None:
            suspected = step
        if verdict.failed:
            break
    verdict = watch.conclude()
    healthy = facts["coverage"] >= 0.02 and facts["duplicates"] <= 0.08 and facts["mmd"] < 200
    kept = ("name", "kind", "generator_params", "coverage", "duplicates", "mmd", "fid")
    return {
        **{key: facts[key] for key in kept},
        "ends_healthy": healthy,
        "verdict": verdict.status,
        "step": verdict.step,
        "first_suspect": suspected,
        "rule": verdict.evidence.get("rule"),
    }


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=here / "runs")
    parser.add_argument("--out", type=Path, default=here / "results.json")
    options = parser.parse_args()
    runs = pd.DataFrame(
        judged(json.loads(path.read_text()), pd.read_parquet(path.with_suffix(".parquet")))
        for path in sorted(options.runs.glob("*.json"))
    ).sort_values(["kind", "name"])
    runs["killed"] = runs.verdict.isin(FAILURES)
    must_fail = runs[runs.kind == "must-fail"]
    sound = runs[runs.ends_healthy]
    caught = must_fail[must_fail.killed]
    summary = {
        "runs": len(runs),
        "ends_healthy": len(sound),
        "ends_healthy_small": int((sound.generator_params < SMALL).sum()),
        "spiked": int((runs.kind == "spiked").sum()),
        "killed_though_it_ends_healthy": sorted(sound[sound.killed].name),
        "must_fail": len(must_fail),
        "must_fail_caught": len(caught),
        "must_fail_missed": sorted(must_fail[~must_fail.killed].name),
        "median_step_of_catching": median(caught.step) if len(caught) else None,
        "others_that_end_failed": int((~runs.ends_healthy & (runs.kind != "must-fail")).sum()),
        "others_that_end_failed_caught": int(
            (~runs.ends_healthy & (runs.kind != "must-fail") & runs.killed).sum()
        ),
        "ever_suspect_and_healthy_at_the_end": int((sound.first_suspect.notna()).sum()),
        "suspect_at_the_end_though_it_ends_healthy": sorted(sound[sound.verdict == "suspect"].name),
    }
    print(runs.drop(columns=["rule"]).to_string(index=False, float_format="{:.3f}".format))
    print(json.dumps(summary, indent=1))
    records = json.loads(runs.to_json(orient="records"))
    options.out.write_text(json.dumps({"summary": summary, "runs": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()

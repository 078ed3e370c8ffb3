"""Run our search and plain Optuna TPE side by side, on a core each, and compare their fronts.

    python benchmarks/live/measure.py [--minutes 15] [--seeds 3] [--runs FOLDER] [--out FOLDER]

Both search the study of benchmarks/tabular/tables/fashion_dcgan with real training. `ours` is the
study without the certification at its end; `tpe` trains each proposal of Optuna's multi-objective
TPE to its end, with no detectors and no rungs. The two run side by side, so that they have the same
minutes of the same machine. Seeds that have run folders already are not searched again. Writes
results.json and fronts.png.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from gansearch.files import write_atomically
from gansearch.ranking.pareto import hypervolume
from gansearch.report.palette import BLUE, ORANGE
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records

HERE = Path(__file__).parent
STUDY = HERE.parent / "tabular" / "tables" / "fashion_dcgan" / "study.yaml"
METRICS = "metrics=[fid, coverage, duplicates]"
SETTINGS: Mapping[str, Sequence[str]] = {
    "ours": [],
    "tpe": ["search.sampler=tpe", "search.startup_trials=8", "pruning.rungs=[]", "detectors=[]"],
}
COLOURS = {"ours": BLUE, "tpe": ORANGE}
SEED_STYLES = (("-", "o"), ("--", "s"), (":", "^"))
"""Line and marker by seed."""
COVERAGE, DUPLICATES = 0.02, 0.01
"""Limits of mode collapse: smallest coverage and largest share of near-duplicates."""
GRACE = 60
"""Seconds in which a search must have ended once it is asked to."""
Point = tuple[float, float]


def search(seed: int, minutes: float, runs: Path) -> None:
    """Run both searches with a seed, and stop both after these minutes."""
    cores = sorted(os.sched_getaffinity(0))
    begun = []
    for i, name in enumerate(SETTINGS):
        # The child inherits the core; the searches swap cores from seed to seed.
        os.sched_setaffinity(0, {cores[(i + seed) % len(cores)]})
        begun.append(subprocess.Popen(command(name, seed, runs), stdout=subprocess.DEVNULL))
    os.sched_setaffinity(0, cores)
    time.sleep(60 * minutes)
    for process in begun:
        process.send_signal(signal.SIGINT)
    for process in begun:
        process.wait(GRACE)


def command(name: str, seed: int, runs: Path) -> list[str]:
    """Return the command of a search."""
    settings = [
        f"search.seed={seed}",
        f"training.seed={seed}",
        "certification.at_end=false",
        METRICS,
        *SETTINGS[name],
    ]
    study = [
        "run",
        str(STUDY),
        "--out",
        str(runs / f"{name}-{seed}"),
        "--workers",
        "1",
        "--trials",
        "1000",
    ]
    program = str(Path(sys.executable).with_name("gansearch"))
    return [program, *study, *(part for one in settings for part in ("--set", one))]


def found(name: str, seed: int, runs: Path) -> dict[str, Any]:
    """Return the results of a search."""
    folder = RunFolder.open(runs / f"{name}-{seed}")
    records = read_records(folder)
    models = [
        {
            "trial": r.number,
            "generator_params": r.sizes["generator_params"],
            "mmd": r.metrics["mmd"],
        }
        | {
            "coverage": r.metrics["coverage"],
            "duplicates": r.metrics["duplicates"],
            "baseline": r.baseline,
        }
        for r in records
        if r.state == "complete"
    ]
    return {
        "strategy": name,
        "seed": seed,
        "begun": len(records),
        "steps": sum(r.steps for r in records),
        "models": models,
    }


def sound(one: Mapping[str, Any]) -> list[Point]:
    """Return size and MMD of the models without mode collapse, whatever their verdict."""
    models = [
        m for m in one["models"] if m["coverage"] >= COVERAGE and m["duplicates"] <= DUPLICATES
    ]
    return [(m["generator_params"], m["mmd"]) for m in models]


def front_of(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other one dominates, from the smallest up."""
    return sorted(
        p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)
    )


def summary(one: Mapping[str, Any], baseline: Point) -> dict[str, Any]:
    """Return the hypervolume of a search, and its smallest model within 10 % of the baseline."""
    points = sound(one)
    volume = hypervolume(
        [(math.log10(s), q) for s, q in points], (math.log10(baseline[0]), 2 * baseline[1])
    )
    as_good = [size for size, quality in points if quality <= 1.1 * baseline[1]]
    return {"hypervolume": volume, "smallest_within_10_percent": min(as_good, default=None)}


def baseline_of(results: Sequence[Mapping[str, Any]], seed: int) -> Point:
    """Return the baseline's size and MMD with a seed; both searches begin with it."""
    of_seed = [m for one in results if one["seed"] == seed for m in one["models"] if m["baseline"]]
    return of_seed[0]["generator_params"], of_seed[0]["mmd"]


def draw(results: Sequence[Mapping[str, Any]], path: Path, minutes: float) -> None:
    """Draw all fronts in one figure."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for one in results:
        points, colour = sound(one), COLOURS[one["strategy"]]
        front = front_of(points)
        sizes, qualities = zip(*points, strict=True)
        axes.scatter(sizes, qualities, s=8, color=colour, alpha=0.35, linewidths=0)
        name = {"ours": "gansearch", "tpe": "Optuna TPE"}[one["strategy"]]
        line, marker = SEED_STYLES[one["seed"] % len(SEED_STYLES)]
        axes.step(
            *zip(*front, strict=True),
            where="post",
            color=colour,
            linewidth=1.6,
            linestyle=line,
            marker=marker,
            ms=5,
            label=f"{name}, seed {one['seed']}",
        )
    axes.set(xscale="log", xlabel="parameters of the generator", ylabel="MMD (less is better)")
    axes.set_title(f"{minutes:g} minutes on one core each, side by side, three seeds", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(20, 200)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=HERE / "runs")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--draw", action="store_true", help="draw the recorded results again")
    options = parser.parse_args()
    if options.draw:
        report = json.loads((options.out / "results.json").read_text())
        draw(report["searches"], options.out / "fronts.png", report["minutes"])
        return
    results: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        if not (options.runs / f"ours-{seed}").exists():
            search(seed, options.minutes, options.runs)
        results += [found(name, seed, options.runs) for name in SETTINGS]
    for one in results:
        one |= summary(one, baseline_of(results, one["seed"]))
        print({key: value for key, value in one.items() if key != "models"})
    report = {"minutes": options.minutes, "searches": results}
    write_atomically(options.out / "results.json", json.dumps(report, indent=1).encode())
    draw(results, options.out / "fronts.png", options.minutes)


if __name__ == "__main__":
    main()

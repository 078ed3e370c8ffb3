"""Compare the recorded runs with PacGAN's Table 1.

    python benchmarks/modes/judge.py [--runs FOLDER] [--out results.json]

At every rung of training: mean and standard deviation over the seeds that reached it. *Within*
means that our mean number of modes is within two deviations of the published runs from their mean;
*errors apart* is the difference of both means in units of its standard error. Counts of runs whose
recordings are no longer in the folder are taken from the results written before.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

PUBLISHED: Mapping[tuple[str, int], Mapping[str, float]] = {
    ("ring", 1): {"modes": 6.3, "modes_error": 0.5, "high_quality": 98.2},
    ("ring", 2): {"modes": 7.9, "modes_error": 0.1},
    ("ring", 4): {"modes": 7.8, "modes_error": 0.1},
    ("grid", 1): {"modes": 17.3, "modes_error": 0.8, "high_quality": 94.8},
    ("grid", 2): {"modes": 23.8, "modes_error": 0.7},
    ("grid", 4): {"modes": 24.8, "modes_error": 0.2},
}
"""Means and standard errors after 400,000 steps, 10 seeds (Lin et al. 2018, Table 1).

Source: arXiv:1712.04086.

They cannot be standard deviations: that of ten whole numbers with a mean of 7.9 is 0.3 at least.
"""
PUBLISHED_SEEDS = 10
RUNGS = (
    1000,
    2000,
    3000,
    5000,
    10_000,
    20_000,
    30_000,
    40_000,
    50_000,
    100_000,
    200_000,
    300_000,
    400_000,
)
DEVIATIONS = 2.0
PLACE = ("recipe", "dataset", "packing", "seed", "step")
COLUMNS = (*PLACE, "modes", "high_quality")


def looks(folder: Path, results: Path) -> pd.DataFrame:
    """Return a row per count of each run: those of earlier results, and those recorded since."""
    known = json.loads(results.read_text())["looks"] if results.exists() else []
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    recorded = [
        [_value(run, look, column) for column in COLUMNS] for run in runs for look in run["looks"]
    ]
    table = pd.DataFrame(known + recorded, columns=list(COLUMNS)).drop_duplicates(
        list(PLACE), keep="last"
    )
    return table.sort_values(list(PLACE), ignore_index=True)


def _value(run: Mapping[str, Any], look: Mapping[str, Any], column: str) -> Any:
    if column == "recipe":
        return _recipe(run)
    return look[column] if column in look else run[column]


def _recipe(run: Mapping[str, Any]) -> str:
    return f"{run['recipe']}, simultaneous" if run.get("simultaneous") else run["recipe"]


def rung_by_rung(looks: pd.DataFrame) -> pd.DataFrame:
    """Return mean and deviation over the seeds, with the published figures."""
    table = (
        looks[looks.step.isin(RUNGS)]
        .groupby(["recipe", "dataset", "packing", "step"])
        .agg(
            seeds=("seed", "nunique"),
            modes=("modes", "mean"),
            modes_std=("modes", "std"),
            high_quality=("high_quality", "mean"),
            high_quality_std=("high_quality", "std"),
        )
        .reset_index()
    )
    # Only the published recipe is compared with the published figures.
    places = zip(table.recipe, table.dataset, table.packing, strict=True)
    published = [
        PUBLISHED[place[1:]] if place[0].startswith("published") else {} for place in places
    ]
    for column, figure in (
        ("modes", "modes"),
        ("error", "modes_error"),
        ("high_quality", "high_quality"),
    ):
        table[f"published_{column}"] = pd.Series(
            [figures.get(figure) for figures in published], dtype=float
        )
    distance = (table.modes - table.published_modes).abs()
    published_std = table.published_error * math.sqrt(PUBLISHED_SEEDS)
    table["within"] = (distance <= DEVIATIONS * published_std).where(distance.notna(), None)
    table["errors_apart"] = (
        distance / (table.published_error**2 + table.modes_std**2 / table.seeds) ** 0.5
    )
    return table.round(2)


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=here / "runs")
    parser.add_argument("--out", type=Path, default=here / "results.json")
    options = parser.parse_args()
    looked = looks(options.runs, options.out)
    table = rung_by_rung(looked)
    print(table.to_string(index=False, na_rep="-"))
    results = {
        "rungs": json.loads(table.to_json(orient="records")),
        "looks": looked.values.tolist(),
    }
    options.out.write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()

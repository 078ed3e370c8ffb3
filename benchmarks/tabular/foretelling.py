"""Measure how well the samples at a rung predict the end of a run.

    python benchmarks/tabular/foretelling.py --table NAME

Uses the runs of the table with the first seed; writes its foretelling.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from replaying import Run, Table
from scipy.stats import mannwhitneyu, spearmanr
from tables import table_argument

from gansearch.files import write_atomically
from gansearch.search.learning_curves import CHANCE_COVERAGE

PAGE = "foretelling.md"
SMALL = 4000
"""Parameters below which candidates are also analysed apart: they cover less and fail more."""

Array = NDArray[np.float64]


def page_of(runs: Sequence[Run]) -> str:
    """Return the page about these runs, as Markdown."""
    well = [run for run in runs if run.ends_well]
    small = [run for run in runs if run.size < SMALL]
    lines = [
        "# Prediction at rungs",
        "",
        f"{len(runs)} runs, of which {len(well)} end well. For these: the rank correlation of the "
        "MMD at a rung with the final one, and the standard deviation of the logarithm of its "
        "improvement. For all: the probability that a run that ends well covers more, has a lower "
        "MMD or fewer duplicates than one that fails; the same probability for the coverage among "
        f"the {len(small)} runs with fewer than {SMALL:,} parameters; and the standard deviations "
        "of the logarithm of the coverage. Written by foretelling.py.",
        "",
        "| step | rank correlation | improvement | coverage | MMD | duplicates "
        "| coverage, small ones | deviation, ending well | failing |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for i, step in enumerate(runs[0].steps[:-1]):
        now, last = np.log(_of(well, "mmd", i)), np.log(_of(well, "mmd", -1))
        cells = [spearmanr(now, last).statistic, np.std(now - last)]
        cells += [
            _chance(runs, "coverage", i),
            1 - _chance(runs, "mmd", i),
            1 - _chance(runs, "duplicates", i),
        ]
        cells += [_chance(small, "coverage", i), *_deviations(runs, i)]
        lines.append(f"| {step} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _of(runs: Sequence[Run], metric: str, rung: int) -> Array:
    return np.array([run.metrics[metric][rung] for run in runs])


def _split(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs that end well, and those that fail."""
    return [run for run in runs if run.ends_well], [run for run in runs if not run.ends_well]


def _chance(runs: Sequence[Run], metric: str, rung: int) -> float:
    """Return P(a run that ends well has a larger figure than a failed one); ties count half."""
    well, failing = (_of(part, metric, rung) for part in _split(runs))
    return float(mannwhitneyu(well, failing).statistic / (len(well) * len(failing)))


def _deviations(runs: Sequence[Run], rung: int) -> list[float]:
    """Return the std of log coverage of the runs that end well and of those that fail."""
    return [
        float(np.std(np.log(_of(part, "coverage", rung) + CHANCE_COVERAGE)))
        for part in _split(runs)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    folder = parser.parse_args().table
    page = page_of([*Table.of(folder).first.values()])
    write_atomically(folder.path / PAGE, page.encode())
    print(page)


if __name__ == "__main__":
    main()

"""Plot the time left that a search printed against the time that it really took from there.

    gansearch run STUDY > run.txt
    python benchmarks/remaining_time/plot.py run.txt [-o remaining_time.png]

Reads the lines of a search and of the certification after it, as they are printed to a file.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

LINE = re.compile(
    r"\[(?P<phase>certification, )?[^ ]+ (?:runs, )?(?P<elapsed>[\dhms]+)"
    r"(?:, about (?P<left>[\dhms]+) left)?\]"
)
TOLERANCE = 0.3


class Estimate(NamedTuple):
    """One printed line, in seconds."""

    elapsed: float
    left: float


def seconds(clock: str) -> int:
    """Convert a time such as `42s`, `7m05s` or `3h07m`.

    >>> seconds("7m05s")
    425
    """
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([hms])", clock))


def estimates(text: str) -> tuple[list[Estimate], float, float]:
    """Return the estimates, the seconds of the search, and those of search and certification.

    The clock of a certification starts again at 0, when the search has ended.
    """
    told: list[Estimate] = []
    searched = total = 0.0
    for line in filter(None, map(LINE.match, text.splitlines())):
        elapsed = float(seconds(line["elapsed"]))
        if line["phase"] is None:
            searched = elapsed
        else:
            elapsed += searched
        total = elapsed
        if line["left"]:
            told.append(Estimate(elapsed, seconds(line["left"])))
    return told, searched, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("-o", type=Path, default=Path("remaining_time.png"))
    options = parser.parse_args()
    told, searched, total = estimates(options.log.read_text(encoding="utf-8"))
    at, left = np.array(told).T
    truth = total - at
    counted = (at >= 120) & (truth > 0)
    within = np.abs(left - truth)[counted] <= TOLERANCE * truth[counted]
    print(
        f"{len(told)} lines over {total / 60:.1f} min, {searched / 60:.1f} min of them the search; "
        f"from the second minute on {within.mean():.0%} of {counted.sum()} within {TOLERANCE:.0%}"
    )

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    minutes = np.array([0, total]) / 60
    axes.fill_between(
        minutes,
        (1 - TOLERANCE) * minutes[::-1],
        (1 + TOLERANCE) * minutes[::-1],
        color="0.9",
        label=f"within {TOLERANCE:.0%}",
    )
    axes.plot(minutes, minutes[::-1], color="0.5", label="time really left")
    axes.step(at / 60, left / 60, where="post", color="C0", label="time left as printed")
    axes.axvline(searched / 60, color="0.5", linestyle=":", label="end of the search")
    axes.set(xlabel="minutes since the start", ylabel="minutes left", ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(options.o, dpi=120)


if __name__ == "__main__":
    main()

"""Make the page and the picture of the race from the searches that race.py has recorded.

    python benchmarks/tabular/figures.py     # seconds; writes race.md and race.png

A ratio is the geometric mean, over the seeds, of our seconds to the front over those of another
strategy. Its interval comes from a bootstrap of the seeds. A search that has tried everything
without finding the front counts with the seconds of the whole table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from race import BEGINNING, SEARCHES, SHARE, digest_of, loaded
from strategies import STRATEGIES
from tables import HERE, TableFolder

from gansearch.files import write_atomically

OURS = "ours"
RESAMPLES = 4000
LINES = {
    "ours": ("#b2182b", 2.2, "-"),
    "TPE with our rungs and verdicts": ("#2166ac", 1.6, "-"),
    "TPE": ("#4393c3", 1.2, "--"),
    "NSGA-II": ("#7fbf7b", 1.2, "--"),
    "GPSampler": ("#762a83", 1.2, "--"),
    "MO-ASHA": ("#bf812d", 1.2, ":"),
    "random": ("#878787", 1.2, ":"),
}
"""Colour, width and style of each curve."""

Array = NDArray[np.float64]
Search = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All searches of one table."""

    folder: TableFolder
    searches: Sequence[Search]

    @classmethod
    def of(cls, folder: TableFolder) -> Results:
        """Read the searches of a table as it is now."""
        path = folder.path / SEARCHES
        if not path.exists():
            return cls(folder, ())
        digest = digest_of(loaded(folder.path, ())[1].table)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return cls(folder, [row for row in rows if row["table"] == digest])

    def by_seed(self, strategy: str, slots: int = 1) -> dict[int, Search]:
        """Return the searches of a strategy by seed."""
        return {
            one["seed"]: one
            for one in self.searches
            if one["strategy"] == strategy and one["slots"] == slots
        }

    def strategies(self, slots: int = 1) -> list[str]:
        """Return the strategies that have searched the table."""
        return [name for name in STRATEGIES if self.by_seed(name, slots)]

    @cached_property
    def facts(self) -> str:
        """Return what the table holds, as a sentence."""
        _, truth = loaded(self.folder.path, ())
        table = truth.table
        failing = sum(not run.ends_well for run in table.runs.values()) / len(table.runs)
        lost = [n for n in truth.front if table.first[n].failure]
        return (
            f"{len(table.first)} candidates, {len(table.runs)} runs of which {failing:.0%} end "
            f"badly, {len(truth.front)} candidates on the front of medians, of which a verdict "
            f"stops {len(lost)}; {table.seconds / 3600:.2f} h to train every candidate once."
        )


def seconds(one: Search) -> float:
    """Return the seconds to the front, as a share of the table's; all of it where never found."""
    return float(one["to_front"] if one["found"] else max(1.0, one["in_all"]))


def log_ratios(ours: Mapping[int, Search], theirs: Mapping[int, Search]) -> Array:
    """Return the log ratios of the seconds, by seed."""
    common = sorted(ours.keys() & theirs.keys())
    return np.array([math.log(seconds(ours[s]) / seconds(theirs[s])) for s in common])


def interval(samples: Sequence[Array]) -> tuple[float, float, float]:
    """Return the exponential of the mean of several means, with its 95 % bootstrap interval.

    Args:
        samples: log ratios by seed, one array a table; each is resampled by itself.
    """
    draws = np.random.default_rng(0)
    means = np.zeros(RESAMPLES)
    for sample in samples:
        means += draws.choice(sample, (RESAMPLES, len(sample))).mean(axis=1) / len(samples)
    low, high = np.quantile(means, [0.025, 0.975])
    centre = float(np.mean([sample.mean() for sample in samples]))
    return math.exp(centre), math.exp(low), math.exp(high)


def ratio_text(samples: Sequence[Array]) -> str:
    """Format a ratio with its interval; a dash where there is nothing to compare."""
    if not samples or any(len(sample) == 0 for sample in samples):
        return "-"
    centre, low, high = interval(samples)
    return f"{centre:.2f} ({low:.2f} to {high:.2f})"


def page(results: Sequence[Results]) -> str:
    """Return the page, as Markdown."""
    reporting = [one for one in results if one.folder.plan.purpose == "reporting" and one.searches]
    lines = [
        "# The race",
        "",
        f"Seconds until {SHARE:.0%} of the hypervolume of median qualities are found. Written by "
        "figures.py from the searches of race.py; what is raced, and how, is in the "
        "[README](README.md).",
        "",
        "![Hypervolume found, by seconds](race.png)",
        "",
        "## Our seconds over those of others",
        "",
        "Geometric means over the seeds with 95 % intervals (bootstrap), one slot. "
        "`all`: over the tables for reporting, which the search was never tuned on.",
        "",
        *_ratios(results, reporting),
        "",
    ]
    lines += _slots(results)
    for one in results:
        if one.searches:
            lines += _table(one)
    return "\n".join(lines)


def _ratios(results: Sequence[Results], reporting: Sequence[Results]) -> Iterable[str]:
    shown = [one for one in results if one.searches]
    yield "| ours over | all | " + " | ".join(one.folder.name for one in shown) + " |"
    yield "|---" * (len(shown) + 2) + "|"
    for name in STRATEGIES:
        if name == OURS or not any(one.by_seed(name) for one in shown):
            continue
        by_table = {
            one.folder.name: log_ratios(one.by_seed(OURS), one.by_seed(name)) for one in shown
        }
        overall = [by_table[one.folder.name] for one in reporting]
        cells = [ratio_text(overall), *(ratio_text([sample]) for sample in by_table.values())]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _slots(results: Sequence[Results]) -> list[str]:
    """Return what several slots are worth to our search; nothing where none were raced."""
    rows = []
    for one in results:
        alone = [*one.by_seed(OURS).values()]
        for slots in sorted({search["slots"] for search in one.searches} - {1}):
            mine = [*one.by_seed(OURS, slots).values()]
            if not mine or not alone:
                continue
            pace = slots * np.mean([s["tried"] / s["in_all"] for s in mine])
            pace /= np.mean([s["tried"] / s["in_all"] for s in alone])
            at = np.linspace(0, BEGINNING, 251)
            found = curve(mine, at)[-1] / curve(alone, at)[-1]
            ratio = ratio_text([log_ratios(one.by_seed(OURS, slots), one.by_seed(OURS))])
            cells = [one.folder.name, slots, len(mine), f"{pace:.1f}", f"{found:.2f}", ratio]
            rows.append("| " + " | ".join(map(str, cells)) + " |")
    if not rows:
        return []
    return [
        "## Several slots",
        "",
        "Our search on several slots over the same on one: trials that ended by the hour of the "
        f"clock; hypervolume after {BEGINNING:.0%} of the table's seconds of all slots; seconds of "
        "all slots to the front.",
        "",
        "| table | slots | seeds | trials an hour | hypervolume | seconds to the front |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def _table(results: Results) -> list[str]:
    lines = [
        f"## {results.folder.name} ({results.folder.plan.purpose})",
        "",
        results.facts,
        "",
        "Seconds in per cent of the table's. Shortfall: the mean share of the hypervolume that is "
        f"missing over the first {BEGINNING:.0%} of the seconds.",
        "",
        "| strategy | slots | seeds | find the front | seconds, geometric mean | median | "
        "shortfall | seconds on failures | members of the front given up |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for slots in sorted({one["slots"] for one in results.searches}):
        for name in results.strategies(slots):
            mine = [*results.by_seed(name, slots).values()]
            spent = np.array([seconds(one) for one in mine])
            cells = [
                f"{np.mean([one['found'] for one in mine]):.0%}",
                f"{100 * math.exp(np.log(spent).mean()):.1f} %",
                f"{100 * np.median(spent):.1f} %",
                f"{np.mean([one['shortfall'] for one in mine]):.2f}",
                f"{np.mean([one['failed'] for one in mine]):.0%}",
                f"{sum(len(one['given_up']) for one in mine)}",
            ]
            lines.append(f"| {name} | {slots} | {len(mine)} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def curve(searches: Iterable[Search], at: Array) -> Array:
    """Return the mean hypervolume found until each share of the seconds."""
    curves = []
    for one in searches:
        times, volumes = np.array([[0.0, 0.0], *one["curve"]]).T
        curves.append(volumes[np.searchsorted(times, at, side="right") - 1])
    mean: Array = np.mean(curves, axis=0)
    return mean


def draw(results: Sequence[Results]) -> None:
    """Draw the mean hypervolume found over the seconds, a panel a table."""
    shown = [one for one in results if one.searches]
    figure, panels = plt.subplots(
        1, len(shown), figsize=(3.8 * len(shown), 3.8), sharey=True, squeeze=False
    )
    at = np.linspace(0, BEGINNING, 251)
    for panel, one in zip(panels[0], shown, strict=True):
        for name, (colour, width, style) in LINES.items():
            if mine := one.by_seed(name):
                panel.plot(
                    100 * at, curve(mine.values(), at), style, color=colour, lw=width, label=name
                )
        panel.set(title=f"{one.folder.name} ({one.folder.plan.purpose})", ylim=(0, 1))
        panel.set_xlabel("per cent of the table's seconds")
        panel.grid(alpha=0.25)
    panels[0][0].set_ylabel("hypervolume found, mean")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(HERE / "race.png", dpi=110)


def main() -> None:
    results = [Results.of(folder) for folder in TableFolder.all() if folder.table.exists()]
    text = page(results)
    write_atomically(HERE / "race.md", text.encode())
    draw(results)
    print(text)


if __name__ == "__main__":
    main()

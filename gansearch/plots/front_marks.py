"""Marks in the picture of a front.

A trial of the front is hollow while it is not certified, filled where it is stable, and crossed out
where it is unstable. Each method draws one kind of mark and returns its legend entries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm, Normalize

from gansearch.ranking.certificate import CertificateStatus, Quality
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.palette import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION
from gansearch.report.trial_counts import is_dominated
from gansearch.trial_record import TrialRecord

Legend = dict[str, Any]
"""Artists by label, as matplotlib's legend takes them."""
Places = tuple[list[float], list[float]]
CIRCLES: Mapping[CertificateStatus, str] = {
    "undecided": "not certified",
    "stable": "stable",
    "unstable": "unstable",
}
"""Legend of hollow, filled and crossed-out circles."""
BESIDE = "#555555"
"""Colour of the circle of a trial that is not on the front."""


@dataclass(frozen=True)
class Marks:
    """Marks of the trials of a run in the plane of two objectives."""

    run: RunSummary
    axes: Axes
    x: Objective
    y: Objective
    third: Objective | None = None
    """Objective that is shown in colours; the front is no line in the plane then."""

    def draw(self) -> Legend:
        """Draw all marks, from the background to the foreground."""
        knee, champion = self.run.knee, self.run.summary.champion
        return {
            **self._tolerance_band(),
            **self._dominated(),
            **self._healthy(),
            **self._front(),
            **self._circles(),
            **self._medians(),
            **self._ring("knee", knee, marker="D", s=330, edgecolors="#333333", linewidths=1.2),
            **self._ring("champion", champion, marker="o", s=190, edgecolors=GREEN, linewidths=2.4),
            **self._baseline(),
        }

    def place(self, record: TrialRecord) -> tuple[float, float]:
        """Return the position of a trial."""
        return self.x.value(record), self.y.value(record)

    def has_place(self, record: TrialRecord) -> bool:
        """Return True for a trial that was compared."""
        return any(record.number == other.number for other in self.run.front.healthy)

    def places(self) -> list[tuple[float, float]]:
        """Return the positions of all trials."""
        return [*map(self.place, self.run.front.healthy), *self._dominated_places()]

    def outline(self) -> list[tuple[float, float]]:
        """Return points on all that a label should not cover: trials, front line, seed ranges."""
        places = self.places()
        line = [] if self.third is not None else self.run.front.trials
        for (left, top), (right, bottom) in pairwise(map(self.place, line)):
            places += [(x, top) for x in _between(left, right)]
            places += [(right, y) for y in _between(top, bottom)]
        for size, quality in self._qualities():
            places += [(size, value) for value in _between(quality.low, quality.high)]
        return places

    def _places(self, records: Sequence[TrialRecord]) -> Places:
        return list(map(self.x.value, records)), list(map(self.y.value, records))

    def _tolerance_band(self) -> Legend:
        summary = self.run.summary
        threshold = summary.champion_threshold
        if threshold is None or self.y != summary.quality:
            return {}
        whose = f"the best, trial {threshold.trial}"
        if threshold is summary.thresholds.baseline:
            whose = "the baseline"
        edges = threshold.quality, threshold.value
        band = self.axes.axhspan(*edges, color=SKY, alpha=0.22, linewidth=0, zorder=1)
        return {f"within {self.run.tolerance:.0%} of {whose}": band}

    def _dominated(self) -> Legend:
        if not (places := self._dominated_places()):
            return {}
        sizes, qualities = zip(*places, strict=True)
        points = self.axes.scatter(sizes, qualities, s=9, color="0.76", zorder=2)
        return {"dominated or paused at a rung": points}

    def _dominated_places(self) -> list[tuple[float, float]]:
        """Return size and quality at the last rung of dominated and paused trials."""
        places = []
        for record in self.run.records:
            if record.rungs and (record.state == "paused" or is_dominated(record)):
                quality = record.rungs[-1].metrics.get(self.y.metric, math.nan)
                places.append((self.x.value(record), quality))
        return [place for place in places if all(map(math.isfinite, place))]

    def _healthy(self) -> Legend:
        """Draw healthy trials that are neither on the front nor certified."""
        front, certified = self.run.front, self.run.summary.certificates
        rest = [r for r in front.healthy if r not in front and r.number not in certified]
        if not rest:
            return {}
        style: dict[str, Any] = {"s": 28, "color": GREY, "alpha": 0.75, "linewidths": 0}
        return {"healthy": self.axes.scatter(*self._places(rest), zorder=3, **style)}

    def _front(self) -> Legend:
        if not self.run.front.trials or self.third is not None:
            return {}
        places = self._places(self.run.front.trials)
        line = self.axes.step(*places, where="post", color=BLUE, linewidth=1.6, zorder=3)[0]
        return {"front": line}

    def draw_third(self) -> PathCollection | None:
        """Draw a disc behind each trial of the front, in the colour of its third objective."""
        if self.third is None or not self.run.front.trials:
            return None
        values = list(map(self.third.value, self.run.front.trials))
        norm = LogNorm() if self.third.scale == "log10" and min(values) > 0 else Normalize()
        places = self._places(self.run.front.trials)
        style: dict[str, Any] = {"s": 210, "cmap": "viridis", "norm": norm, "linewidths": 0}
        return self.axes.scatter(*places, c=values, zorder=3.5, **style)

    def _circles(self) -> Legend:
        """Draw the trials of the front, and others with a certificate."""
        front, certified = self.run.front, self.run.summary.certificates
        beside = [r for r in front.healthy if r.number in certified and r not in front]
        by_status: dict[CertificateStatus, Any] = {}
        for record in (*beside, *front.trials):
            status: CertificateStatus = "undecided"
            if record.number in certified:
                status = certified[record.number].status
            colour, place = BLUE if record in front else BESIDE, self.place(record)
            fill = colour if status == "stable" else "white"
            style: dict[str, Any] = {"s": 42, "linewidths": 1.6, "zorder": 4}
            marks = self.axes.scatter(*place, edgecolors=colour, facecolors=fill, **style)
            if status == "unstable":
                style = {"s": 88, "linewidths": 1.8, "zorder": 5}
                cross = self.axes.scatter(*place, marker="x", color=VERMILION, **style)
                by_status[status] = marks, cross
            else:
                by_status[status] = marks
        return {label: by_status[name] for name, label in CIRCLES.items() if name in by_status}

    def _medians(self) -> Legend:
        """Draw median and range over fresh seeds, above the star so that it hides none."""
        if not (measured := self._qualities()):
            return {}
        sizes, qualities = zip(*measured, strict=True)
        medians = [quality.median for quality in qualities]
        below = [quality.median - quality.low for quality in qualities]
        above = [quality.high - quality.median for quality in qualities]
        style: dict[str, Any] = {"elinewidth": 1.0, "markersize": 8, "zorder": 6.5}
        bars = self.axes.errorbar(sizes, medians, [below, above], fmt="_", color="#222222", **style)
        return {"median and range of seeds": bars}

    def _qualities(self) -> list[tuple[float, Quality]]:
        """Return size and quality of certified trials, if the second axis is that quality."""
        if self.y != self.run.summary.quality:
            return []
        measured = []
        for record in self.run.front.healthy:
            certificate = self.run.summary.certificates.get(record.number)
            if certificate is not None and certificate.quality is not None:
                measured.append((self.x.value(record), certificate.quality))
        return measured

    def _baseline(self) -> Legend:
        baseline = self.run.summary.baseline
        if baseline is None or not self.has_place(baseline):
            return {}
        edge: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.7}
        star = self.axes.plot(
            *self.place(baseline),
            "*",
            color=ORANGE,
            linestyle="none",
            markersize=15,
            zorder=6,
            **edge,
        )
        return {"baseline": star[0]}

    def _ring(self, label: str, record: TrialRecord | None, **style: Any) -> Legend:
        if record is None or not self.has_place(record):
            return {}
        return {label: self.axes.scatter(*self.place(record), facecolors="none", zorder=7, **style)}


def _between(one: float, other: float, count: int = 40) -> list[float]:
    """Return closely spaced values between two."""
    spread = np.geomspace if one > 0 and other > 0 else np.linspace
    return list(spread(one, other, count))

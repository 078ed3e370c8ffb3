"""The marks in the picture of a front: how each kind of trial is drawn.

A trial of the front is hollow where nothing is proven of it, filled where fresh seeds have shown it
stable, and crossed out where they have shown it unstable. Each function draws one kind of mark, and
gives what the legend shows for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gansearch.plots.palette import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION
from gansearch.ranking.certificate import CertificateStatus, Quality
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.trial_counts import is_outdone
from gansearch.trial_record import TrialRecord

Legend = dict[str, Any]
"""By label an artist, or several that are drawn over each other, as matplotlib's legend takes them."""
Places = tuple[list[float], list[float]]
CIRCLES: Mapping[CertificateStatus, str] = {
    "undecided": "not certified",
    "stable": "stable",
    "unstable": "unstable",
}
"""What the legend calls hollow, filled and crossed-out circles."""
BESIDE = "#555555"
"""Colour of the circle of a trial that is not on the front."""


@dataclass(frozen=True)
class Marks:
    """Draws a survey's trials in the plane of two axes."""

    survey: RunSummary
    axes: Axes
    x: Objective
    y: Objective

    def draw(self) -> Legend:
        """All marks, from the background to what must be seen."""
        told = (
            self._tolerance_band()
            | self._outdone()
            | self._healthy()
            | self._front()
            | self._circles()
        )
        return told | self._medians() | self._knee() | self._champion() | self._baseline()

    def place(self, record: TrialRecord) -> tuple[float, float]:
        """Where a trial lies."""
        return self.x.value(record), self.y.value(record)

    def has_place(self, record: TrialRecord) -> bool:
        """Whether it is one of those that were compared."""
        return any(record.number == other.number for other in self.survey.front.healthy)

    def places(self) -> list[tuple[float, float]]:
        """Where all the trials lie."""
        return [*map(self.place, self.survey.front.healthy), *self._places_outdone()]

    def outline(self) -> list[tuple[float, float]]:
        """All that a label should not cover: the trials, the line of the front, the ranges of fresh seeds."""
        places = self.places()
        for (left, top), (right, bottom) in pairwise(map(self.place, self.survey.front.trials)):
            places += [(x, top) for x in _between(left, right)] + [
                (right, y) for y in _between(top, bottom)
            ]
        for size, quality in self._qualities():
            places += [(size, value) for value in _between(quality.low, quality.high)]
        return places

    def _places(self, records: Sequence[TrialRecord]) -> Places:
        return [self.x.value(record) for record in records], [
            self.y.value(record) for record in records
        ]

    def _tolerance_band(self) -> Legend:
        limits, ruling = self.survey.summary.thresholds, self.survey.summary.champion_threshold
        if ruling is None or self.y != self.survey.summary.quality:
            return {}
        whose = "the baseline" if ruling is limits.baseline else f"the best, trial {ruling.trial}"
        band = self.axes.axhspan(
            ruling.quality, ruling.value, color=SKY, alpha=0.22, linewidth=0, zorder=1
        )
        return {f"within {self.survey.tolerance:.0%} of {whose}": band}

    def _outdone(self) -> Legend:
        if not (places := self._places_outdone()):
            return {}
        sizes, qualities = zip(*places, strict=True)
        return {
            "given up at a rung": self.axes.scatter(sizes, qualities, s=9, color="0.76", zorder=2)
        }

    def _places_outdone(self) -> list[tuple[float, float]]:
        """Of trials given up at a rung: their size, and what they were worth there."""
        outdone = [record for record in self.survey.records if is_outdone(record) and record.rungs]
        places = [
            (self.x.value(r), r.rungs[-1].metrics.get(self.y.metric, math.nan)) for r in outdone
        ]
        return [place for place in places if all(map(math.isfinite, place))]

    def _healthy(self) -> Legend:
        """Those that are neither on the front nor certified."""
        certified = self.survey.summary.certificates
        rest = [
            r
            for r in self.survey.front.healthy
            if r not in self.survey.front and r.number not in certified
        ]
        if not rest:
            return {}
        return {
            "healthy": self.axes.scatter(
                *self._places(rest), s=28, color=GREY, alpha=0.75, linewidths=0, zorder=3
            )
        }

    def _front(self) -> Legend:
        if not self.survey.front.trials:
            return {}
        places = self._places(self.survey.front.trials)
        return {
            "front": self.axes.step(*places, where="post", color=BLUE, linewidth=1.6, zorder=3)[0]
        }

    def _circles(self) -> Legend:
        """The trials of the front, and beside it those that were certified or begun to be."""
        front, certified = self.survey.front, self.survey.summary.certificates
        beside = [
            record for record in front.healthy if record.number in certified and record not in front
        ]
        told = {self._status(record): self._circle(record) for record in (*beside, *front.trials)}
        return {label: told[status] for status, label in CIRCLES.items() if status in told}

    def _circle(self, record: TrialRecord) -> Any:
        status, colour = self._status(record), BLUE if record in self.survey.front else BESIDE
        kind: dict[str, Any] = {
            "edgecolors": colour,
            "facecolors": colour if status == "stable" else "white",
        }
        place = self.place(record)
        circle = self.axes.scatter(*place, s=42, linewidths=1.6, zorder=4, **kind)
        if status != "unstable":
            return circle
        return circle, self.axes.scatter(
            *place, s=88, marker="x", color=VERMILION, linewidths=1.8, zorder=5
        )

    def _status(self, record: TrialRecord) -> CertificateStatus:
        certificate = self.survey.summary.certificates.get(record.number)
        return "undecided" if certificate is None else certificate.status

    def _medians(self) -> Legend:
        """The median over fresh seeds and its interval, at the size of the candidate."""
        if not (measured := self._qualities()):
            return {}
        sizes, spans = zip(*measured, strict=True)
        reach = [[q.median - q.low for q in spans], [q.high - q.median for q in spans]]
        kind: dict[str, Any] = {
            "fmt": "_",
            "color": "#222222",
            "elinewidth": 1.0,
            "markersize": 8,
            "zorder": 3.5,
        }
        return {
            "median and range of seeds": self.axes.errorbar(
                sizes, [q.median for q in spans], reach, **kind
            )
        }

    def _qualities(self) -> list[tuple[float, Quality]]:
        """Sizes and qualities of the certified, where the picture is of their quality."""
        if self.y != self.survey.summary.quality:
            return []
        known = self.survey.summary.certificates
        measured = [
            (self.x.value(r), known[r.number].quality)
            for r in self.survey.front.healthy
            if r.number in known
        ]
        return [(size, quality) for size, quality in measured if quality is not None]

    def _baseline(self) -> Legend:
        baseline = self.survey.summary.baseline
        if baseline is None or not self.has_place(baseline):
            return {}
        star: dict[str, Any] = {
            "markeredgecolor": "black",
            "markeredgewidth": 0.7,
            "markersize": 17,
            "zorder": 6,
        }
        return {
            "baseline": self.axes.plot(
                *self.place(baseline), "*", color=ORANGE, linestyle="none", **star
            )[0]
        }

    def _knee(self) -> Legend:
        return self._ring(
            "knee", self.survey.knee, marker="D", s=130, edgecolors="#333333", linewidths=1.0
        )

    def _champion(self) -> Legend:
        champion = self.survey.summary.champion
        return self._ring("champion", champion, marker="o", s=190, edgecolors=GREEN, linewidths=2.4)

    def _ring(self, label: str, record: TrialRecord | None, **style: Any) -> Legend:
        if record is None or not self.has_place(record):
            return {}
        return {label: self.axes.scatter(*self.place(record), facecolors="none", zorder=7, **style)}


def _between(one: float, other: float, count: int = 40) -> list[float]:
    """Values from one to the other, close enough to each other to stand for a line."""
    spread = np.geomspace if one > 0 and other > 0 else np.linspace
    return list(spread(one, other, count))

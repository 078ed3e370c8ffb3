"""The picture of the front, and the front as a table of figures.

Colours are those of Okabe and Ito, which people with every kind of colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gansearch.ranking.front import Axis, Front
from gansearch.ranking.standing import Standing
from gansearch.report.numbers import figure, percent
from gansearch.report.survey import Survey
from gansearch.report.tally import condemned, verdict_name
from gansearch.report.trial_figures import trial_figures
from gansearch.storage.trials import TrialRecord

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#8A8A8A",
)
CONDEMNED_MARKS = {
    "convergence-failure": ("x", VERMILION),
    "mode-collapse": ("+", PURPLE),
    "diverged": ("1", "#333333"),
    "suspect": ("2", ORANGE),
    "failed": ("|", GREY),
}
WIDE_SPAN = 8.0
"""Largest over smallest value from which an axis is logarithmic."""


def front_figure(survey: Survey, title: str = "") -> Figure:
    """The first two axes of a front: every healthy trial, and beyond the bad edge those that were condemned."""
    front, standing = survey.front, survey.standing
    x, y = front.axes[:2]
    drawing = Figure(figsize=(8.4, 5.6), layout="constrained")
    axes, strip = _areas(drawing, y, condemned(survey.records), x)
    _scales(axes, front, x, y)
    _tolerance_band(axes, standing, y, survey.tolerance)
    rest = [record for record in front.healthy if record not in front]
    axes.scatter(*_points(rest, x, y), s=28, color=GREY, alpha=0.75, linewidths=0, label="healthy", zorder=3)
    axes.step(*_points(front.trials, x, y), where="post", color=BLUE, linewidth=1.6, zorder=3)
    axes.scatter(*_points(front.trials, x, y), s=42, color=BLUE, linewidths=0, label="on the front", zorder=4)
    _standing(axes, standing, front, x, y)
    axes.set_ylabel(_label(y))
    lowest, highest = (strip, axes) if strip is not None and y.direction == "maximize" else (axes, strip or axes)
    lowest.set_xlabel(_label(x))
    highest.set_title(title or _title(survey), loc="left", fontsize=10)
    drawing.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return drawing


def _title(survey: Survey) -> str:
    """What has been found, in one line."""
    standing = survey.standing
    found = standing.smallest_within_tolerance
    trained = len(survey.front.healthy) + len(condemned(survey.records))
    told = f"{survey.spec.name}: {len(survey.front.healthy)} of {trained} trials healthy"
    if found is None or found is standing.baseline or standing.quality is None:
        return told
    size = percent(standing.share_of_baseline(found))
    return f"{told}; {standing.quality.metric} within {survey.tolerance:.0%} of the baseline's at {size} of its size"


def front_frame(front: Front, standing: Standing) -> pd.DataFrame:
    """The front, a row a trial: figures, share of the baseline's size, last signals, searched parameters."""
    rows = [
        {
            "trial": record.number,
            **{axis.metric: axis.value(record) for axis in front.axes},
            "share_of_baseline": standing.share_of_baseline(record),
            **trial_figures(record),
            **record.parameters,
        }
        for record in front.trials
    ]
    return pd.DataFrame(rows)


def save_figure(drawing: Figure, path: Path) -> None:
    """Write a PNG or an SVG, as the path's ending says; the same figure gives the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "gansearch", "svg.fonttype": "none"}):
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
        drawing.savefig(path, dpi=150, metadata=metadata)


def _areas(drawing: Figure, y: Axis, failures: Sequence[TrialRecord], x: Axis) -> tuple[Axes, Axes | None]:
    """The axes of the front and, where there are any, of those without a quality: by size, a row a verdict."""
    found = [record for record in failures if x.metric in record.figures]
    names = [name for name in CONDEMNED_MARKS if any(verdict_name(record) == name for record in found)]
    if not names:
        axes = drawing.subplots()
        _tidy(axes)
        return axes, None
    shares = [0.05 * len(names), 1.0]
    if y.direction == "minimize":
        strip, axes = drawing.subplots(2, 1, sharex=True, height_ratios=shares)
    else:
        axes, strip = drawing.subplots(2, 1, sharex=True, height_ratios=shares[::-1])
    _tidy(axes)
    for row, name in enumerate(names):
        marker, colour = CONDEMNED_MARKS[name]
        sizes = [x.value(record) for record in found if verdict_name(record) == name]
        strip.plot(sizes, [row] * len(sizes), marker, color=colour, alpha=0.8, markersize=7, clip_on=False)
    strip.set_yticks(range(len(names)), names, fontsize=8)
    strip.set_ylim(-0.6, len(names) - 0.4)
    strip.tick_params(which="both", length=0)
    strip.grid(axis="x", color="0.92", linewidth=0.7)
    strip.spines[:].set_visible(False)
    return axes, strip


def _tidy(axes: Axes) -> None:
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _points(records: Sequence[TrialRecord], x: Axis, y: Axis) -> tuple[list[float], list[float]]:
    return [x.value(record) for record in records], [y.value(record) for record in records]


def _label(axis: Axis) -> str:
    return f"{axis.metric} ({'less' if axis.direction == 'minimize' else 'more'} is better)"


def _scales(axes: Axes, front: Front, x: Axis, y: Axis) -> None:
    """Sizes on a logarithmic scale, and whatever else spans a wide range; room for a label all around."""
    for axis, part in ((x, "x"), (y, "y")):
        values = [axis.value(record) for record in front.healthy]
        if values and min(values) > 0 and (axis.is_size or max(values) > WIDE_SPAN * min(values)):
            getattr(axes, f"set_{part}scale")("log")
            ticks = getattr(axes, f"{part}axis")
            ticks.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
            ticks.set_major_formatter(FuncFormatter(lambda value, _: figure(value, whole=value >= 1)))
            ticks.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.16)


def _tolerance_band(axes: Axes, standing: Standing, y: Axis, tolerance: float) -> None:
    if standing.smallest_within_tolerance is None or standing.baseline is None or y != standing.quality:
        return
    base = y.value(standing.baseline)
    label = f"within {tolerance:.0%} of the baseline"
    axes.axhspan(base, y.limit(base, tolerance), color=SKY, alpha=0.22, linewidth=0, label=label, zorder=1)


def _standing(axes: Axes, standing: Standing, front: Front, x: Axis, y: Axis) -> None:
    """The baseline as a star, and what the search has found, with its size in words."""
    healthy = {record.number for record in front.healthy}
    baseline, smallest = standing.baseline, standing.smallest_within_tolerance
    if baseline is not None and baseline.number in healthy:
        axes.plot(
            x.value(baseline),
            y.value(baseline),
            "*",
            color=ORANGE,
            markeredgecolor="black",
            markeredgewidth=0.7,
            markersize=17,
            label="baseline",
            linestyle="none",
            zorder=5,
        )
    if smallest is None or smallest.number not in healthy or x != standing.size or smallest is baseline:
        return
    place = (x.value(smallest), y.value(smallest))
    share = percent(standing.share_of_baseline(smallest))
    # On the better side of the front there is neither a trial nor a line; its corner has room for the words.
    across, up = axes.transAxes.inverted().transform(axes.transData.transform(place))
    cornered = across < 0.34
    offset = 0.13 if y.direction == "minimize" else -0.13
    corner = 0.07 if y.direction == "minimize" else 0.93
    axes.annotate(
        f"trial {smallest.number}: {figure(place[0])}\n{share} of the baseline's size",
        place,
        xytext=(0.015, corner) if cornered else (across - 0.03, min(0.93, max(0.07, up - offset))),
        textcoords="axes fraction",
        ha="left" if cornered else "right",
        va="center",
        fontsize=9,
        color=GREEN,
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        arrowprops={"arrowstyle": "-|>", "color": GREEN, "shrinkB": 6, "relpos": (0.3 if cornered else 0.9, 0.5)},
        zorder=6,
    )

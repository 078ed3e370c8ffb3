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

from gansearch.report.front import Axis, Front
from gansearch.report.numbers import figure, percent
from gansearch.report.standing import Standing
from gansearch.report.tally import condemned, verdict_name
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
LANE = 0.032
"""Share of the height that each kind of condemned trials takes at the edge."""
WIDE_SPAN = 8.0
"""Largest over smallest value from which an axis is logarithmic."""


def front_figure(title: str, records: Sequence[TrialRecord], front: Front, standing: Standing, tol: float) -> Figure:
    """The first two axes of a front: every healthy trial, and at the bad edge those that were condemned."""
    x, y = front.axes[:2]
    drawing = Figure(figsize=(8.4, 5.4), layout="constrained")
    axes = drawing.add_subplot()
    _scales(axes, front, x, y)
    _tolerance_band(axes, standing, y, tol)
    _condemned(axes, records, x, y)
    rest = [record for record in front.healthy if record not in front]
    axes.scatter(*_points(rest, x, y), s=26, color=GREY, alpha=0.7, linewidths=0, label="healthy", zorder=3)
    axes.step(*_points(front.trials, x, y), where="post", color=BLUE, linewidth=1.6, zorder=3)
    axes.scatter(*_points(front.trials, x, y), s=42, color=BLUE, linewidths=0, label="on the front", zorder=4)
    _standing(axes, standing, front, x, y)
    axes.set(xlabel=_label(x), ylabel=_label(y))
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    drawing.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)
    return drawing


def front_frame(front: Front, standing: Standing) -> pd.DataFrame:
    """The front, a row a trial: figures, share of the baseline's size, searched parameters."""
    rows = [
        {
            "trial": record.number,
            **{axis.metric: axis.value(record) for axis in front.axes},
            "share_of_baseline": standing.share_of_baseline(record),
            **record.figures,
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


def _points(records: Sequence[TrialRecord], x: Axis, y: Axis) -> tuple[list[float], list[float]]:
    return [x.value(record) for record in records], [y.value(record) for record in records]


def _label(axis: Axis) -> str:
    return f"{axis.metric} ({'less' if axis.direction == 'minimize' else 'more'} is better)"


def _scales(axes: Axes, front: Front, x: Axis, y: Axis) -> None:
    """Sizes on a logarithmic scale, and whatever else spans a wide range; room for labels all around."""
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


def _condemned(axes: Axes, records: Sequence[TrialRecord], x: Axis, y: Axis) -> None:
    """Trials without a quality, by size, in a lane a verdict along the edge where quality is worst."""
    found = [record for record in condemned(records) if x.metric in record.figures]
    names = [name for name in CONDEMNED_MARKS if any(verdict_name(record) == name for record in found)]
    for lane, name in enumerate(names):
        marker, colour = CONDEMNED_MARKS[name]
        sizes = [x.value(record) for record in found if verdict_name(record) == name]
        depth = LANE * (lane + 0.6)
        height = 1 - depth if y.direction == "minimize" else depth
        axes.plot(
            sizes,
            [height] * len(sizes),
            marker,
            color=colour,
            alpha=0.75,
            markersize=7,
            label=f"{name} ({len(sizes)})",
            transform=axes.get_xaxis_transform(),
        )


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
    size, share = x.value(smallest), standing.share_of_baseline(smallest)
    axes.annotate(
        f"trial {smallest.number}: {figure(size, whole=True)}\n{percent(share)} of the baseline",
        (size, y.value(smallest)),
        xytext=(0, -46) if y.direction == "minimize" else (0, 46),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=9,
        color=GREEN,
        fontweight="bold",
        arrowprops={"arrowstyle": "-|>", "color": GREEN, "shrinkB": 5},
        zorder=6,
    )

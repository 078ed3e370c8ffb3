"""The picture of the front, and the front as a table of figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gansearch.plots.front_marks import Marks
from gansearch.plots.labels import point_out
from gansearch.plots.palette import GREEN, GREY, ORANGE, PURPLE, VERMILION
from gansearch.ranking.pareto import Front, Objective
from gansearch.ranking.study_summary import RunSummary, StudySummary
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import condemned, count_outdone, verdict_name
from gansearch.report.trial_figures import trial_figures
from gansearch.trial_record import TrialRecord

CONDEMNED_MARKS = {
    "convergence-failure": ("x", VERMILION),
    "mode-collapse": ("+", PURPLE),
    "off-target": ("3", PURPLE),
    "diverged": ("1", "#333333"),
    "suspect": ("2", ORANGE),
    "unjudged": ("4", GREY),
    "failed": ("|", GREY),
}
WIDE_SPAN = 4.0
"""Largest over smallest value from which the axis of what is better the smaller is logarithmic."""

LEGEND_COLUMNS = 5
TITLE_WIDTH = 92
"""Characters of a line that the picture has room for."""


def front_figure(survey: RunSummary, title: str = "") -> Figure:
    """The first two axes of a front: every trial that has a place there, and beyond the bad edge the condemned."""
    x, y = survey.front.objectives[:2]
    drawing = Figure(figsize=(8.4, 5.6), layout="constrained")
    axes, strip = _areas(drawing, y, condemned(survey.records), x)
    marks = Marks(survey, axes, x, y)
    legend = marks.draw()
    _scales(axes, marks.places(), x, y)
    axes.set_ylabel(_label(y))
    lowest, highest = (
        (strip, axes) if strip is not None and y.direction == "maximize" else (axes, strip or axes)
    )
    lowest.set_xlabel(_label(x))
    highest.set_title(title or textwrap.fill(_title(survey), TITLE_WIDTH), loc="left", fontsize=10)
    columns = math.ceil(len(legend) / math.ceil(len(legend) / LEGEND_COLUMNS)) if legend else 1
    style: dict[str, Any] = {
        "frameon": False,
        "fontsize": 9,
        "markerscale": 0.8,
        "labelspacing": 0.6,
    }
    drawing.legend(
        legend.values(), legend.keys(), loc="outside lower center", ncols=columns, **style
    )
    _point_out_what_was_found(drawing, marks)
    return drawing


def _title(survey: RunSummary) -> str:
    """What has been found, in a sentence."""
    standing, healthy = survey.summary, len(survey.front.healthy)
    outdone = count_outdone(survey.records)
    told = f"{survey.spec.name}: {healthy} of {healthy + outdone + len(condemned(survey.records))} trials healthy"
    if outdone:
        told += f", {outdone} given up"
    found = standing.champion or standing.smallest_within_tolerance
    if found is None or found is standing.baseline or standing.quality is None:
        return told
    size = percent(standing.share_of_baseline(found))
    if found is standing.champion:
        return f"{told}; the champion has {size} of the baseline's size"
    return f"{told}; {standing.quality.metric} within {survey.tolerance:.0%} of the baseline's at {size} of its size"


def _point_out_what_was_found(drawing: Figure, marks: Marks) -> None:
    """The champion in words; before there is one, the smallest that is as good as the baseline by its one run."""
    standing = marks.survey.summary
    found = standing.champion or standing.smallest_within_tolerance
    if (
        found is None
        or not marks.has_place(found)
        or marks.x != standing.size
        or found is standing.baseline
    ):
        return
    certificate = standing.certificates.get(found.number)
    words = f"trial {found.number}: {figure(marks.x.value(found), whole=True)}"
    words += f"\n{percent(standing.share_of_baseline(found))} of the baseline's size"
    if found is standing.champion and certificate is not None:
        words = (
            f"champion, {words}\n{certificate.healthy} of {certificate.seeds} fresh seeds healthy"
        )
    drawing.draw_without_rendering()  # so that it is known how much room there is
    point_out(marks.axes, words, marks.place(found), marks.outline(), GREEN)


def front_frame(front: Front, standing: StudySummary) -> pd.DataFrame:
    """The front, a row a trial: figures, share of the baseline's size, certificate, last signals, parameters."""
    known = standing.certificates
    rows = [
        {
            "trial": record.number,
            **{axis.metric: axis.value(record) for axis in front.objectives},
            "share_of_baseline": standing.share_of_baseline(record),
            "certified": known[record.number].status if record.number in known else None,
            **trial_figures(record),
            **record.settings,
        }
        for record in front.trials
    ]
    return pd.DataFrame(rows)


def save_figure(drawing: Figure, path: Path) -> None:
    """Write a PNG or an SVG, as the path's ending says; the same figure gives the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "gansearch", "svg.fonttype": "none"}):
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
        drawing.savefig(path, dpi=150, metadata=metadata)


def _areas(
    drawing: Figure, y: Objective, failures: Sequence[TrialRecord], x: Objective
) -> tuple[Axes, Axes | None]:
    """The axes of the front and, where there are any, of those without a quality: by size, a row a verdict."""
    found = [record for record in failures if x.metric in record.figures]
    names = [
        name for name in CONDEMNED_MARKS if any(verdict_name(record) == name for record in found)
    ]
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
        strip.plot(
            sizes, [row] * len(sizes), marker, color=colour, alpha=0.8, markersize=7, clip_on=False
        )
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


def _label(axis: Objective) -> str:
    return f"{axis.metric} ({'less' if axis.direction == 'minimize' else 'more'} is better)"


def _scales(axes: Axes, places: Sequence[tuple[float, float]], x: Objective, y: Objective) -> None:
    """Sizes on a logarithmic scale, and what spans a wide range whose good end that shows larger; room for a label."""
    for axis, part, values in zip((x, y), "xy", zip(*places, strict=True), strict=False):
        wide = axis.direction == "minimize" and max(values) > WIDE_SPAN * min(values)
        if min(values) > 0 and (axis.is_size or wide):
            getattr(axes, f"set_{part}scale")("log")
            ticks = getattr(axes, f"{part}axis")
            ticks.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
            ticks.set_major_formatter(
                FuncFormatter(lambda value, _: figure(value, whole=value >= 1))
            )
            ticks.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.16)

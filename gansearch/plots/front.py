"""Picture of the front."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gansearch.plots.front_marks import Marks
from gansearch.plots.labels import point_out
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.formatting import figure, percent
from gansearch.report.palette import GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDE_SPAN
from gansearch.report.trial_counts import count_dominated, count_states, failed_trials, verdict_name
from gansearch.report.trial_figures import figure_warnings
from gansearch.trial_record import TrialRecord

FAILURE_MARKS = {
    "convergence-failure": ("x", VERMILION),
    "mode-collapse": ("+", PURPLE),
    "off-target": ("3", PURPLE),
    "diverged": ("1", "#333333"),
    "suspect": ("2", ORANGE),
    "unjudged": ("4", GREY),
    "failed": ("|", GREY),
}

LEGEND_COLUMNS = 5
TITLE_WIDTH = 92
"""Characters of a line of the title."""


def front_figure(run: RunSummary, title: str = "") -> Figure:
    """Draw a front over two of its objectives, with the failed trials in a strip beyond it.

    With more than two objectives these are the first size or cost and the first quality, and the
    next one is shown in colours.
    """
    x, y, *others = _axes(run)
    drawing = Figure(figsize=(8.4, 5.6), layout="constrained")
    axes, strip = _areas(drawing, y, failed_trials(run.records), x)
    marks = Marks(run, axes, x, y, next(iter(others), None))
    legend = marks.draw()
    if marks.third is not None and (colours := marks.draw_third()) is not None:
        around = [axes] if strip is None else [axes, strip]
        drawing.colorbar(colours, ax=around, label=_label(marks.third), pad=0.02, aspect=40)
    _scales(axes, marks.places(), x, y)
    axes.set_ylabel(_label(y))
    lowest, highest = axes, strip or axes
    if strip is not None and y.direction == "maximize":
        lowest, highest = strip, axes
    lowest.set_xlabel(_label(x))
    lines = [title or _title(run), *(f"Warning: {one}" for one in figure_warnings(run.records))]
    heading = "\n".join(textwrap.fill(line, TITLE_WIDTH) for line in lines)
    highest.set_title(heading, loc="left", fontsize=10)
    rows = max(1, math.ceil(len(legend) / LEGEND_COLUMNS))
    drawing.legend(
        legend.values(),
        legend.keys(),
        loc="outside lower center",
        ncols=max(1, math.ceil(len(legend) / rows)),
        frameon=False,
        fontsize=9,
        markerscale=0.8,
        labelspacing=0.6,
    )
    _point_out_what_was_found(drawing, marks)
    return drawing


def _axes(run: RunSummary) -> list[Objective]:
    """Return the objectives in the order in which they are drawn."""
    objectives = list(run.front.objectives)
    prices = [objective for objective in objectives if not objective.is_quality]
    qualities = [objective for objective in objectives if objective.is_quality]
    if len(objectives) == 2 or not prices or not qualities:
        return objectives
    chosen = [prices[0], qualities[0]]
    return chosen + [objective for objective in objectives if objective not in chosen]


def _title(run: RunSummary) -> str:
    """Return the result of the search in a sentence."""
    summary, healthy = run.summary, len(run.front.healthy)
    dominated = count_dominated(run.records)
    paused = count_states(run.records)["paused"]
    trained = healthy + dominated + paused + len(failed_trials(run.records))
    sentence = f"{run.spec.name}: {healthy} of {trained} trials healthy"
    if dominated:
        sentence += f", {dominated} dominated at a rung"
    if paused:
        sentence += f", {paused} paused"
    found = summary.champion or summary.smallest_within_tolerance
    if found is None or found is summary.baseline or summary.quality is None:
        return sentence
    size = percent(summary.share_of_baseline(found))
    if found is summary.champion:
        return f"{sentence}; the champion has {size} of the baseline's size{_smaller(run)}"
    limit = f"{summary.quality.metric} within {run.tolerance:.0%} of the {summary.held_against}'s"
    whose = "its" if summary.held_against == "baseline" else "the baseline's"
    return f"{sentence}; {limit} at {size} of {whose} size"


def _smaller(run: RunSummary) -> str:
    """Return why a stable trial that is smaller than the champion is not the champion."""
    summary = run.summary
    champion, quality = summary.champion, summary.quality
    if champion is None or quality is None:
        return ""
    stable = [
        record
        for record in run.front.healthy
        if (certificate := summary.certificates.get(record.number)) is not None
        and certificate.status == "stable"
        and summary.size.value(record) < summary.size.value(champion)
    ]
    if not stable:
        return ""
    numbers = ", ".join(str(record.number) for record in stable)
    verb = "is" if len(stable) == 1 else "are"
    return f" (trial {numbers} {verb} smaller and stable, but the median {quality.metric} is worse)"


def _point_out_what_was_found(drawing: Figure, marks: Marks) -> None:
    """Label the champion, or the smallest trial within tolerance if there is no champion yet."""
    summary = marks.run.summary
    found = summary.champion or summary.smallest_within_tolerance
    if found is None or found is summary.baseline or marks.x != summary.size:
        return
    if not marks.has_place(found):
        return
    words = f"trial {found.number}: {figure(marks.x.value(found), whole=True)}"
    words += f"\n{percent(summary.share_of_baseline(found))} of the baseline's size"
    certificate = summary.certificates.get(found.number)
    if found is summary.champion and certificate is not None:
        seeds = f"{certificate.healthy} of {certificate.seeds} fresh seeds healthy"
        words = f"champion, {words}\n{seeds}"
    drawing.draw_without_rendering()  # the label needs the layout
    point_out(marks.axes, words, marks.place(found), marks.outline(), GREEN)


def _areas(
    drawing: Figure, y: Objective, failures: Sequence[TrialRecord], x: Objective
) -> tuple[Axes, Axes | None]:
    """Return axes for the front and, if there are failures, a strip with one row per verdict."""
    found = [record for record in failures if x.metric in record.figures]
    verdicts = {verdict_name(record) for record in found}
    names = [name for name in FAILURE_MARKS if name in verdicts]
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
        marker, colour = FAILURE_MARKS[name]
        sizes = [x.value(record) for record in found if verdict_name(record) == name]
        style: dict[str, Any] = {"color": colour, "alpha": 0.8, "markersize": 7}
        strip.plot(sizes, [row] * len(sizes), marker, clip_on=False, **style)
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
    better = "less" if axis.direction == "minimize" else "more"
    return f"{axis.metric} ({better} is better)"


def _scales(axes: Axes, places: Sequence[tuple[float, float]], x: Objective, y: Objective) -> None:
    """Set logarithmic scales for sizes and wide ranges to be minimized, and margins for a label."""
    for axis, part, values in zip((x, y), "xy", zip(*places, strict=True), strict=False):
        low, high = min(values), max(values)
        wide = axis.direction == "minimize" and high > WIDE_SPAN * low
        if low <= 0 or not (axis.scale == "log10" or wide):
            continue
        digits = tuple(float(digit) for digit in range(1, 10))
        if high > 8 * low:  # more than about a decade: ticks at 1, 2 and 5 alone
            digits = (1.0, 2.0, 5.0)
        getattr(axes, f"set_{part}scale")("log")
        ticks = getattr(axes, f"{part}axis")
        ticks.set_major_locator(LogLocator(subs=digits, numticks=12))
        ticks.set_major_formatter(FuncFormatter(lambda value, _: figure(value, whole=value >= 1)))
        ticks.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.16)

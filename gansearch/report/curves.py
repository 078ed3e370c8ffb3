"""The signals of one trial, drawn over its steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gansearch.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION
from gansearch.signals import Verdict

SMOOTHING = 25
"""Steps over which a signal that is measured at every step is averaged."""


class Panel(NamedTuple):
    """Signals that share an axis, each with its colour, and a level to hold them against."""

    title: str
    signals: dict[str, str]
    level: tuple[float, str] | None = None


PANELS = (
    Panel("loss", {"d_loss_real": BLUE, "d_loss_fake": VERMILION, "d_loss": BLUE, "g_loss": GREEN}),
    Panel("D accuracy", {"d_acc_real": BLUE, "d_acc_fake": VERMILION}),
    Panel("dominance", {"dominance": PURPLE}, (2 * math.log(2), "balance")),
    Panel("pair ratio", {"pair_ratio": ORANGE}, (1.0, "as the data")),
    Panel("samples", {"coverage": GREEN, "duplicates": VERMILION}),
)


def curves_figure(title: str, signals: pd.DataFrame, verdict: Verdict | None) -> Figure:
    """What a trial's training told, a panel for each kind of signal that was measured.

    Args:
        title: above the panels.
        signals: a column `step` and one a signal, as the trial keeps them.
        verdict: whose step is marked, where it has one.
    """
    panels = [panel for panel in PANELS if any(_measured(signals, name) for name in panel.signals)]
    drawing = Figure(figsize=(8.4, 1.2 + 1.45 * len(panels)), layout="constrained")
    rows = drawing.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(rows, panels, strict=True):
        _draw(axes, panel, signals)
        if verdict is not None and verdict.step is not None:
            axes.axvline(verdict.step, color="black", linewidth=1.1, linestyle=(0, (4, 2)))
    if verdict is not None and verdict.step is not None:
        rows[0].annotate(
            f"{verdict.status} at {verdict.step}",
            (verdict.step, 1.02),
            xycoords=("data", "axes fraction"),
            ha="right" if verdict.step > signals["step"].mean() else "left",
            fontsize=8.5,
        )
    rows[-1].set_xlabel("step")
    drawing.suptitle(title, fontsize=11, ha="left", x=0.01)
    return drawing


def _measured(signals: pd.DataFrame, name: str) -> bool:
    return name in signals and bool(signals[name].notna().any())


def _draw(axes: Axes, panel: Panel, signals: pd.DataFrame) -> None:
    for name, colour in panel.signals.items():
        if not _measured(signals, name):
            continue
        known = signals.loc[signals[name].notna(), ["step", name]]
        if len(known) > 4 * SMOOTHING and len(known) > len(signals) / 2:
            axes.plot(known["step"], known[name], color=colour, linewidth=0.6, alpha=0.25)
            smooth = known[name].rolling(SMOOTHING, min_periods=1).mean()
            axes.plot(known["step"], smooth, color=colour, linewidth=1.5, label=name)
        else:
            axes.plot(known["step"], known[name], ".-", color=colour, linewidth=1.2, markersize=4, label=name)
    if panel.level is not None:
        height, meaning = panel.level
        axes.axhline(height, color=GREY, linewidth=0.9, linestyle=":", label=meaning)
    axes.set_ylabel(panel.title, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.93", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)

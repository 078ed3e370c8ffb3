"""The signals of one trial, drawn over its steps."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gansearch.report.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from gansearch.signals import COLUMNS, Verdict

SMOOTHING = 40
"""Steps of a run divided by the steps of the moving average."""
FAR = 30.0
"""Multiple of the stable band's upper end from which a loss gets a logarithmic scale."""
HEIGHT = 7.2
"""Largest height in inches: 1,080 pixels."""
STRIP = 0.5
"""Height of a strip of predictions as a share of a panel's."""


class Panel(NamedTuple):
    """Signals that share an axis, each with its colour, and what to hold them against."""

    title: str
    signals: dict[str, str]
    level: tuple[float, str] | None = None
    band: tuple[float, float] | None = None
    log: bool = False


# Ranges of a GAN with a cross-entropy loss that trains stably, by a rule of thumb (Brownlee, "A
# practical guide to GAN failure modes"); certified generators may lie outside of them.
ACCURACY = Panel("D accuracy", {"d_acc_real": BLUE, "d_acc_fake": VERMILION}, band=(0.7, 0.8))
LOSSES = (
    Panel(
        "D loss", {"d_loss_real": BLUE, "d_loss_fake": VERMILION, "d_loss": BLUE}, band=(0.5, 0.8)
    ),
    Panel("G loss", {"g_loss": GREEN}, band=(1.0, 2.0)),
)
PREDICTIONS = {"real": BLUE, "fake": VERMILION}
OTHERS = (
    Panel("dominance", {"dominance": PURPLE}, (2 * math.log(2), "balance")),
    Panel("pair ratio", {"pair_ratio": ORANGE}, (1.0, "as the data")),
    Panel("samples", {"coverage": GREEN, "duplicates": VERMILION}),
    Panel(
        "first layer's\ngradient",
        {"d_first_grad_norm": PURPLE, "g_first_grad_norm": GREEN},
        log=True,
    ),
)


class Strip(NamedTuple):
    """Histograms of the discriminator's predictions for one kind of samples."""

    kind: str
    predictions: pd.DataFrame


def curves_figure(
    title: str,
    signals: pd.DataFrame,
    verdict: Verdict | None,
    predictions: pd.DataFrame | None = None,
) -> Figure:
    """Draw the signals of a trial, a panel for each kind that was measured.

    Args:
        title: title above the panels.
        signals: a column `step` and one a signal. Signals of a loss or a detector come last.
        verdict: verdict, whose step is marked where it has one.
        predictions: histograms of the discriminator's predictions.
    """
    rows = _rows(signals, predictions)
    heights = [1.0 if isinstance(row, Panel) else STRIP for row in rows]
    drawing = Figure(figsize=(8.4, min(HEIGHT, 1.2 + 1.45 * sum(heights))), layout="constrained")
    panels = drawing.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, row in zip(panels, rows, strict=True):
        if isinstance(row, Panel):
            _draw_panel(axes, row, signals)
        else:
            _draw_strip(axes, row)
        axes.tick_params(labelsize=7.5)
        if verdict is not None and verdict.step is not None:
            axes.axvline(verdict.step, color="black", linewidth=1.1, linestyle=(0, (4, 2)))
    if verdict is not None and verdict.step is not None:
        is_late = verdict.step > signals["step"].mean()
        panels[0].annotate(
            f"{verdict.status} at {verdict.step}",
            (verdict.step, 1.02),
            xycoords=("data", "axes fraction"),
            ha="right" if is_late else "left",
            fontsize=8.5,
        )
    panels[-1].set(xlabel="step", xlim=(0, signals["step"].max()))
    drawing.align_ylabels()
    drawing.suptitle(title, fontsize=11, ha="left", x=0.01)
    return drawing


def _rows(signals: pd.DataFrame, predictions: pd.DataFrame | None) -> list[Panel | Strip]:
    """Return the rows to draw, from top to bottom."""
    losses = [*LOSSES, ACCURACY]
    if not _is_cross_entropy(signals):
        losses = [panel._replace(band=None) for panel in losses]
    elif "g_loss" in signals and signals["g_loss"].median() < 0:
        losses[1] = losses[1]._replace(band=None)  # the minimax loss of the generator
    own = [name for name in map(str, signals) if name not in {"step", "d_loss", *COLUMNS}]
    rest = [*OTHERS, *(Panel(name.replace("_", " "), {name: GREY}) for name in own)]
    strips = []
    if predictions is not None:
        strips = [Strip(kind, predictions) for kind in PREDICTIONS]
    above, below = (
        [panel for panel in panels if any(_measured(signals, name) for name in panel.signals)]
        for panels in (losses, rest)
    )
    return [*above, *strips, *below]


def _is_cross_entropy(signals: pd.DataFrame) -> bool:
    """Return True if the discriminator's loss is the cross-entropy of the stable band.

    Dominance is the cross-entropy of both kinds of samples, whatever loss the training uses.
    """
    if not {"d_loss_real", "d_loss_fake", "dominance"} <= {*signals}:
        return False
    loss, cross_entropy = signals["d_loss_real"] + signals["d_loss_fake"], signals["dominance"]
    apart = (loss - cross_entropy).abs() / (cross_entropy + 1e-6)
    return bool(apart.median() < 0.01)


def _measured(signals: pd.DataFrame, name: str) -> bool:
    return name in signals and bool(signals[name].notna().any())


def _draw_panel(axes: Axes, panel: Panel, signals: pd.DataFrame) -> None:
    for name, colour in panel.signals.items():
        if _measured(signals, name):
            _line(axes, signals.loc[signals[name].notna(), ["step", name]], len(signals), colour)
    if panel.band is not None:
        low, high = panel.band
        label = f"rule of thumb: {low:g} to {high:g}"
        axes.axhspan(low, high, color=SKY, alpha=0.18, linewidth=0, zorder=0, label=label)
    if panel.level is not None:
        height, meaning = panel.level
        axes.axhline(height, color=GREY, linewidth=0.9, linestyle=":", label=meaning)

    # Logarithmic if the panel asks for it, or if a loss is far above its band
    if panel.log:
        axes.set_yscale("log")
    elif panel.band is not None and max(map(abs, axes.get_ylim())) > FAR * panel.band[1]:
        axes.set_yscale("symlog", linthresh=10 ** math.ceil(math.log10(panel.band[1])))
        axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    elif panel.band is not None:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))

    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylabel(panel.title, fontsize=8)
    axes.grid(color="0.93", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7.5)


def _line(axes: Axes, known: pd.DataFrame, steps: int, colour: str) -> None:
    """Draw a signal: averaged if measured at nearly every step, else with its points."""
    name, window = known.columns[1], max(5, steps // SMOOTHING)
    if len(known) > 4 * window and len(known) > steps / 2:
        axes.plot(known["step"], known[name], color=colour, linewidth=0.6, alpha=0.25)
        smooth = known[name].rolling(window, min_periods=1, center=True).mean()
        axes.plot(known["step"], smooth, color=colour, linewidth=1.5, label=name)
    else:
        style: dict[str, Any] = {"color": colour, "linewidth": 1.2, "markersize": 4, "label": name}
        axes.plot(known["step"], known[name], ".-", **style)


def _draw_strip(axes: Axes, strip: Strip) -> None:
    """Draw the predictions of one kind of samples: a column a step, darker for a larger share."""
    kind, predictions = strip
    known = predictions[predictions["kind"] == kind].sort_values("step")
    counts = known[[name for name in map(str, known) if name.startswith("bin_")]].to_numpy(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # A histogram stands for the steps since the one before.
    across = np.concatenate([[0], known["step"].to_numpy()])
    up = np.linspace(0, 1, shares.shape[1] + 1)
    shades = LinearSegmentedColormap.from_list(kind, ["white", PREDICTIONS[kind]])
    axes.pcolormesh(across, up, shares.T, cmap=shades, norm=PowerNorm(0.5, 0, 1), rasterized=True)
    axes.set_ylabel(kind, fontsize=8)  # the legend says the rest; panels are low
    axes.set_yticks([0, 0.5, 1])
    note = f"D's predictions of {kind}:\nprobability of being real"
    axes.text(1.015, 0.5, note, transform=axes.transAxes, va="center", fontsize=8)

"""Room for a label in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import NDArray

Fractions = NDArray[np.float64]
"""Points (n, 2) in fractions of the axes, from the lower left to the upper right."""
EDGE = 0.015
"""Fraction of the axes between a label and their edge."""
GAP = np.array([0.03, 0.055])
"""Fractions of the axes, across and up, between a label and a mark."""
NEAR = 0.018
"""At which fraction of the axes from a mark an arrow strikes it."""
PLACES = 24
"""That are tried in each direction."""


def point_out(
    axes: Axes,
    words: str,
    place: tuple[float, float],
    marks: Sequence[tuple[float, float]],
    colour: str,
) -> None:
    """Write what a mark is, beside it where the words cover no other mark, with an arrow to it.

    Call it last: the limits of the axes must not change any more.

    Args:
        axes: those of the marks.
        words: one line or more.
        place: of the mark, in the axes' data.
        marks: places of all marks, in the axes' data.
        colour: of words and arrow.
    """
    target, others = _fractions(axes, [place])[0], _fractions(axes, marks)
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": 9,
        "fontweight": "bold",
        "color": colour,
    }
    x, y = _free_centre(_extent(axes, words, style), target, others)
    axes.annotate(
        words,
        place,
        xytext=(x, y),
        textcoords="axes fraction",
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.75,
        },
        arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkA": 2, "shrinkB": 9},
        zorder=8,
        **style,
    )


def _fractions(axes: Axes, places: Sequence[tuple[float, float]]) -> Fractions:
    data_to_fractions = axes.transData + axes.transAxes.inverted()
    return np.asarray(data_to_fractions.transform(np.reshape(places, (-1, 2))))


def _extent(axes: Axes, words: str, style: dict[str, Any]) -> Fractions:
    """Half the width and height of words, in fractions of the axes."""
    text = Text(0, 0, words, **{**style, "color": "none"})
    axes.add_artist(text)
    box = text.get_window_extent()
    text.remove()
    return np.array([box.width / axes.bbox.width, box.height / axes.bbox.height]) / 2


def _free_centre(half: Fractions, target: Fractions, marks: Fractions) -> Fractions:
    """The centre for a label: of the places where words and arrow cover the least, the nearest to the target."""
    grid = np.stack(
        np.meshgrid(*(np.linspace(EDGE + h, 1 - EDGE - h, PLACES) for h in half)), axis=-1
    ).reshape(-1, 2)
    covered = (np.abs(grid[:, None] - marks) < half + GAP).all(axis=-1).sum(axis=1)
    struck = _near_arrow(grid, target, marks).sum(axis=1)
    distance = np.linalg.norm(grid - target, axis=1)
    return np.asarray(grid[np.argmin(10 * covered + struck + distance)])


def _near_arrow(starts: Fractions, target: Fractions, marks: Fractions) -> NDArray[np.bool_]:
    """Which marks (columns) lie close to the way from each start (rows) to the target, and not at the target."""
    way = target - starts
    along = (
        np.einsum("smd,sd->sm", marks - starts[:, None], way)
        / np.maximum((way**2).sum(axis=1), 1e-9)[:, None]
    )
    nearest = starts[:, None] + np.clip(along, 0, 1)[..., None] * way[:, None]
    close = np.linalg.norm(nearest - marks, axis=-1) < NEAR
    return np.asarray(close & (np.linalg.norm(marks - target, axis=-1) > 2 * NEAR))

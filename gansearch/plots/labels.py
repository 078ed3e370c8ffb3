"""A label for a mark, placed where it covers no other mark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

EXPAND = (1.15, 1.35)
"""Size of the box, as multiples of the words' own, that must cover no mark."""
GRID = 60
"""Places that are compared, along each side of the axes."""


def point_out(
    axes: Axes,
    words: str,
    place: tuple[float, float],
    marks: Sequence[tuple[float, float]],
    colour: str,
) -> None:
    """Write words beside a mark with an arrow to it. Call it last: the limits must not change.

    They stand at the nearest place where they cover no mark, or as few as possible.

    Args:
        axes: axes with the marks.
        words: one line or more.
        place: position of the mark, in the axes' data.
        marks: positions of everything that the words should not cover, in the axes' data.
        colour: colour of words and arrow.
    """
    text = axes.annotate(
        words,
        xy=place,
        xytext=place,
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=colour,
        zorder=9,
        arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkB": 9},
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.75,
        },
    )
    text.set_in_layout(False)
    box, area = Text.get_window_extent(text), axes.bbox
    half = np.array([box.width, box.height]) / 2 * EXPAND
    across = np.linspace(area.x0 + half[0], area.x1 - half[0], GRID)
    up = np.linspace(area.y0 + half[1], area.y1 - half[1], GRID)
    centres = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 1, 2)
    mark, others = axes.transData.transform([place]), axes.transData.transform([place, *marks])
    covered = (np.abs(centres - others) <= half).all(axis=-1).sum(axis=1)
    distance = np.linalg.norm(centres - mark, axis=-1)[:, 0]
    best = np.lexsort((distance, covered))[0]
    x, y = axes.transData.inverted().transform(centres[best, 0])
    text.set_position((float(x), float(y)))

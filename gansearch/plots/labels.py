"""A label for a mark, placed by adjustText where it covers no other mark."""

from __future__ import annotations

from collections.abc import Sequence

from adjustText import adjust_text
from matplotlib.axes import Axes

EXPAND = (1.15, 1.35)
"""Size of the box, as multiples of the words' own, that must cover no mark."""

START = 0.15
"""Distance between the mark and the words before they are placed, as a share of the axes."""


def point_out(
    axes: Axes,
    words: str,
    place: tuple[float, float],
    marks: Sequence[tuple[float, float]],
    colour: str,
) -> None:
    """Write words beside a mark with an arrow to it. Call it last: the limits must not change.

    Args:
        axes: axes with the marks.
        words: one line or more.
        place: position of the mark, in the axes' data.
        marks: positions of everything that the words should not cover, in the axes' data.
        colour: colour of words and arrow.
    """
    # Off the mark and towards the centre, since adjustText finds no way out of a corner.
    across_share, up_share = (axes.transData + axes.transAxes.inverted()).transform(place)
    start = [share + (START if share < 0.5 else -START) for share in (across_share, up_share)]
    x, y = (axes.transAxes + axes.transData.inverted()).transform(start)
    text = axes.text(
        x,
        y,
        words,
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=colour,
        zorder=9,
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.75,
        },
    )
    across, up = zip(*marks, strict=True)
    adjust_text(
        [text],
        x=list(across),
        y=list(up),
        target_x=[place[0]],
        target_y=[place[1]],
        ax=axes,
        expand=EXPAND,
        max_move=None,
        iter_lim=500,
        arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkB": 9, "zorder": 9},
    )

"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from gansearch.files import replacing

DPI = 150


def save_figure(drawing: Figure, path: Path) -> None:
    """Write a PNG, SVG or PDF by the path's ending, in any case; equal figures give equal bytes."""
    kind = path.suffix.lower().removeprefix(".")
    metadata: dict[str, Any] = {}
    if kind == "svg":
        metadata = {"Date": None}
    elif kind == "pdf":
        metadata = {"CreationDate": None}
    with (
        matplotlib.rc_context({"svg.hashsalt": "gansearch", "svg.fonttype": "none"}),
        replacing(path) as new,
    ):
        drawing.savefig(new, format=kind, dpi=DPI, metadata=metadata)

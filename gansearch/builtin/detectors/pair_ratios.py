"""Progress of samples: `pair_ratio` over one window of steps and over the window before."""

from __future__ import annotations

import math
from collections import deque

from gansearch.signals import Row


class PairRatios:
    """The `pair_ratio` of the last two windows.

    Args:
        window: steps of a window.
        least: rise from window to window that counts as progress, at least.
        share: rise that counts as progress, relative to the earlier window.
    """

    def __init__(self, window: int, least: float, share: float) -> None:
        self.window = window
        self._least, self._share = least, share
        self._step = 0
        self._ratios: deque[tuple[int, float]] = deque()

    def add(self, step: int, row: Row) -> None:
        """Take the signals of the next step."""
        self._step = step
        if not math.isfinite(row.get("pair_ratio", math.nan)):
            return
        self._ratios.append((step, row["pair_ratio"]))
        while self._ratios[0][0] <= step - 2 * self.window:
            self._ratios.popleft()

    def progress(self) -> dict[str, float] | None:
        """Return the rise from window to window; None where one of them has no value."""
        turn = self._step - self.window
        before = [value for step, value in self._ratios if step <= turn]
        lately = [value for step, value in self._ratios if step > turn]
        if not before or not lately:
            return None
        last = lately[-max(1, len(lately) // 4) :]
        earlier = sum(before) / len(before)
        # A run that has just begun to recover shows it in the last quarter of its window.
        later = max(sum(lately) / len(lately), sum(last) / len(last))
        return {
            "pair_ratio_before": earlier,
            "pair_ratio": later,
            "risen": later - earlier,
            "needed": max(self._least, self._share * earlier),
        }

from __future__ import annotations

import math
from statistics import median
from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import Log, WholeLogDetector
from gansearch.signals import Verdict


class LostQuality(WholeLogDetector):
    """A distance to the data that was good and left for good."""

    reads: ClassVar[tuple[str, ...]] = ("fid|kid|mmd",)
    keeps: ClassVar[tuple[str, ...]] = ("fid", "kid", "mmd")

    factor: Annotated[float, Field(gt=1)] = 3.0
    """Multiple of the best distance beyond which quality is lost."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the way from the best distance to the worst that it must have gone back, too."""
    looks: Annotated[int, Field(ge=1)] = 3
    """Figures on end, up to the last one, that must be beyond."""

    def judge(self, log: Log) -> Verdict | None:
        for name in self.keeps:
            curve = [(s, row[name]) for s, row in log if math.isfinite(row.get(name, math.nan))]
            if len(curve) > 2 * self.looks and (verdict := self._judge_curve(name, curve)):
                return verdict
        return None

    def _judge_curve(self, name: str, curve: list[tuple[int, float]]) -> Verdict | None:
        # The second best: one lucky figure is no level that was held.
        best = sorted(value for _, value in curve)[1]
        at = next(i for i, (_, value) in enumerate(curve) if value <= best)
        worst = max((value for _, value in curve[:at]), default=best)
        limit = max(self.factor * max(best, 0.0), best + self.share * (worst - best))
        lost = len(curve)
        while lost and curve[lost - 1][1] > limit:
            lost -= 1
        if len(curve) - lost < self.looks or at > lost:
            return None
        later = median(value for _, value in curve[lost:])
        count = len(curve) - lost
        evidence = {
            "rule": f"{name} was {best:.4g}, and {later:.4g} in the last {count} figures",
            "best": best,
            "best_at": curve[at][0],
            "last": curve[-1][1],
        }
        return Verdict("suspect", curve[lost][0], evidence, "lost-quality")

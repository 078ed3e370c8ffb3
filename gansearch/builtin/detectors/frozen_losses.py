from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import LOSSES, Log, WholeLogDetector, known
from gansearch.signals import Verdict


class FrozenLosses(WholeLogDetector):
    """Both losses stay the same to the last digit until the end: nothing is learned any more."""

    reads: ClassVar[tuple[str, ...]] = ("d_loss|d_loss_real", "g_loss")
    keeps: ClassVar[tuple[str, ...]] = LOSSES

    rows: Annotated[int, Field(ge=3)] = 10
    """Rows at the end that must be the same; all of a log that has fewer."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of all rows that must be the same, if that is more."""
    healthy: tuple[float, float] = (0.3, 2.0)
    """Range within which losses of four digits or fewer may stand still in a sound run."""

    def judge(self, log: Log) -> Verdict | None:
        losses = known(log)
        if len(losses) < 5:
            return None
        start, d_loss, g_loss = losses[-1]
        same = 0
        for step, d, g in reversed(losses):
            if (d, g) != (d_loss, g_loss):
                break
            start, same = step, same + 1
        if same < max(min(self.rows, len(losses)), self.share * len(losses)):
            return None
        if all(self._may_rest(loss) for loss in (d_loss, g_loss)):
            return None
        evidence = {
            "rule": f"both losses are the same to the last digit in the last {same} rows",
            "d_loss": d_loss,
            "g_loss": g_loss,
            "frozen_since": start,
            "rows": len(losses),
        }
        return Verdict("convergence-failure", start, evidence, "frozen-losses")

    def _may_rest(self, loss: float) -> bool:
        low, high = self.healthy
        return low <= loss <= high and round(loss, 4) == loss

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import LOSSES, Log, WholeLogDetector
from gansearch.signals import Status, Verdict


class MissingLosses(WholeLogDetector):
    """The losses end while the log goes on: many writers leave NaN blank."""

    reads: ClassVar[tuple[str, ...]] = ("d_loss|d_loss_real|g_loss",)
    keeps: ClassVar[tuple[str, ...]] = LOSSES

    rows: Annotated[int, Field(ge=2)] = 3
    """Rows without any loss, at the end, from which a run is suspect."""
    certain: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of rows without any loss, at the end, from which it has diverged."""

    def judge(self, log: Log) -> Verdict | None:
        there = [i for i, (_, row) in enumerate(log) if row]
        if not there:
            return None
        gaps = [b - a - 1 for a, b in pairwise(there)]
        missing = len(log) - 1 - there[-1]
        if missing < max(self.rows, 3 * max(gaps, default=0)):
            return None
        status: Status = "diverged" if missing >= max(10, self.certain * len(log)) else "suspect"
        evidence = {
            "rule": f"the last {missing} of {len(log)} rows have no loss; NaN is often left blank",
            "last_loss": log[there[-1]][0],
        }
        return Verdict(status, log[there[-1] + 1][0], evidence, "missing-losses")

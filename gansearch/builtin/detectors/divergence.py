from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gansearch.components import Detector, Watch
from gansearch.signals import Row, Verdict

LOSSES = ("d_loss_real", "d_loss_fake", "g_loss")


class Divergence(Detector):
    """Losses, scores or gradients that left every sensible range, for long enough not to be a spike."""

    reads: ClassVar[tuple[str, ...]] = ("g_loss",)

    limit: Annotated[float, Field(gt=0)] = 100.0
    """Of the generator's loss and of the mean scores, in absolute value."""
    vanished: Annotated[float, Field(ge=0)] = 1e-5
    """Norm of the generator's gradient below which it learns nothing."""
    patience: Annotated[int, Field(ge=1)] = 50
    """Steps on end. The longest excursion seen of a run that recovered took 16, up to a loss of 826."""

    def watch(self) -> Watch:
        return _DivergenceWatch(self)


class _DivergenceWatch:
    def __init__(self, detector: Divergence) -> None:
        self.detector = detector
        self.beyond = 0
        self.vanished = 0

    def observe(self, step: int, row: Row) -> Verdict | None:
        if broken := {name: value for name in LOSSES if not math.isfinite(value := row.get(name, 0.0))}:
            return self._verdict(step, {"rule": "a loss is not finite"} | {k: repr(v) for k, v in broken.items()})
        # A critic's scores have no scale, and neither has the loss that is their mean.
        scored = ("g_loss", "d_logit_real", "d_logit_fake") if "dominance" in row or "d_acc_fake" in row else ()
        largest = max((abs(row[name]) for name in scored if name in row), default=0.0)
        self.beyond = self.beyond + 1 if largest > self.detector.limit else 0
        if "g_grad_norm" in row:
            self.vanished = self.vanished + 1 if row["g_grad_norm"] < self.detector.vanished else 0
        if self.beyond >= self.detector.patience:
            rule = f"the generator's loss or a mean score beyond {self.detector.limit:g} for {self.beyond} steps"
            return self._verdict(step, {"rule": rule, "largest": largest})
        if self.vanished >= self.detector.patience:
            rule = f"the generator's gradient below {self.detector.vanished:g} for {self.vanished} steps"
            return self._verdict(step, {"rule": rule, "g_grad_norm": row.get("g_grad_norm")})
        return None

    def conclude(self) -> Verdict | None:
        return None

    @staticmethod
    def _verdict(step: int, evidence: Mapping[str, Any]) -> Verdict:
        return Verdict("diverged", step, evidence, "divergence")

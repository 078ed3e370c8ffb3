from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import LOSSES
from gansearch.components import Detector, Watch
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict


class Divergence(Detector):
    """Losses, scores or gradients that left every sensible range, for long enough not to be a
    spike.

    Large scores alone are no divergence: thrown up by a spike they take a thousand steps to come
    down again, while the generator goes on learning. They are one where the discriminator wins with
    them, or where they are beyond all hope.
    """

    reads: ClassVar[tuple[str, ...]] = ("g_loss",)

    limit: Annotated[float, Field(gt=0)] = 100.0
    """Limit of the mean scores, or without them of the generator's loss, in absolute value, while
    the discriminator wins."""
    accuracy: Annotated[float, Field(gt=0, le=1)] = 0.98
    """Accuracy on the worse of real and generated samples, above which the discriminator wins."""
    hopeless: Annotated[float, Field(gt=0)] = 1e6
    """Limit of the same, whoever wins."""
    vanished: Annotated[float, Field(ge=0)] = 1e-5
    """Norm of the generator's gradient below which it learns nothing."""
    patience: Annotated[int, Field(ge=1)] = 50
    """Steps on end."""

    def watch(self, context: RunContext | None = None) -> Watch:
        return _DivergenceWatch(self)


class _DivergenceWatch:
    def __init__(self, detector: Divergence) -> None:
        self.detector = detector
        self.beyond = 0
        self.hopeless = 0
        self.vanished = 0

    def observe(self, step: int, row: Row) -> Verdict | None:
        if broken := {
            name: value for name in LOSSES if not math.isfinite(value := row.get(name, 0.0))
        }:
            return self._verdict(
                step, {"rule": "a loss is not finite"} | {k: repr(v) for k, v in broken.items()}
            )
        largest = self._largest(row)
        if "g_grad_norm" in row:
            self.vanished = self._on_end(self.vanished, row["g_grad_norm"] < self.detector.vanished)
        self.hopeless = self._on_end(self.hopeless, largest > self.detector.hopeless)
        self.beyond = self._on_end(
            self.beyond, largest > self.detector.limit and self._discriminator_wins(row)
        )
        for steps, limit in (
            (self.hopeless, self.detector.hopeless),
            (self.beyond, self.detector.limit),
        ):
            if steps >= self.detector.patience:
                rule = f"the generator's loss or a mean score beyond {limit:g} for {steps} steps"
                return self._verdict(step, {"rule": rule, "largest": largest})
        if self.vanished >= self.detector.patience:
            smallest = f"{self.detector.vanished:g}"
            rule = f"the generator's gradient below {smallest} for {self.vanished} steps"
            return self._verdict(step, {"rule": rule, "g_grad_norm": row.get("g_grad_norm")})
        return None

    def conclude(self) -> Verdict | None:
        return None

    def _largest(self, row: Row) -> float:
        """The larger mean score, in absolute value, or the generator's loss where scores are not
        known.

        Where they are, they tell all that its cross-entropy does, and a loss with other terms has a
        scale of its own: a distance of features begins at several hundred in runs that come out
        well. 0 for a critic, whose scores have no scale.
        """
        if "dominance" not in row and "d_acc_fake" not in row:
            return 0.0
        scores = [abs(row[name]) for name in ("d_logit_real", "d_logit_fake") if name in row]
        return max(scores, default=abs(row.get("g_loss", 0.0)))

    def _discriminator_wins(self, row: Row) -> bool:
        return min(row.get("d_acc_real", 1.0), row.get("d_acc_fake", 1.0)) > self.detector.accuracy

    @staticmethod
    def _on_end(count: int, condition: bool) -> int:
        return count + 1 if condition else 0

    @staticmethod
    def _verdict(step: int, evidence: Mapping[str, Any]) -> Verdict:
        return Verdict("diverged", step, evidence, "divergence")

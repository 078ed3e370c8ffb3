from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import (
    LOSSES,
    Log,
    WholeLogDetector,
    bin_medians,
    known,
)
from gansearch.signals import Verdict


class RunawayCritic(WholeLogDetector):
    """The loss of a critic that grows steadily until the end.

    A critic's loss has no scale, so its size says nothing; in a sound run it comes down to zero
    once the critic has learned, and does not grow all the time.
    """

    reads: ClassVar[tuple[str, ...]] = ("d_loss|d_loss_real", "g_loss")
    keeps: ClassVar[tuple[str, ...]] = LOSSES

    bins: Annotated[int, Field(ge=4)] = 10
    """Parts of the log whose medians are compared."""
    growth: Annotated[float, Field(gt=1)] = 5.0
    """Growth of the loss from the second part to the last one."""
    smallest: Annotated[float, Field(gt=0)] = 20.0
    """Loss, in absolute value, below which it is not held against a run."""

    def judge(self, log: Log) -> Verdict | None:
        losses = known(log)
        if len(losses) < self.bins:
            return None
        sizes = [abs(value) for value in bin_medians([d for _, d, _ in losses], self.bins)]
        rises = sum(b > a for a, b in pairwise(sizes[1:]))
        steady = rises >= len(sizes) - 3  # one exception
        if not steady or sizes[-1] < max(self.smallest, self.growth * sizes[1]):
            return None
        evidence = {
            "rule": "the critic's loss runs away steadily",
            "d_loss_early": losses[len(losses) // self.bins][1],
            "d_loss": losses[-1][1],
        }
        return Verdict("suspect", losses[len(losses) // self.bins][0], evidence, "runaway-critic")

from __future__ import annotations

from statistics import median
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import (
    ACCURACIES,
    LOSSES,
    Log,
    WholeLogDetector,
    mean_d_loss,
)
from gansearch.signals import Row, Status, Verdict


class LostDiscriminator(WholeLogDetector):
    """The discriminator no longer discriminates: it calls everything real or everything generated.

    Its cross-entropy is ln 2 where it only guesses; a loss that stays far above says that it is
    wrong with certainty, so that the generator is taught nothing. A start of that kind, and spikes,
    recover: only the end of the log counts. Of 210 sound runs none had a median above 0.71 over its
    last half (benchmarks/tabular).
    """

    reads: ClassVar[tuple[str, ...]] = ("d_loss|d_loss_real", "g_loss")
    keeps: ClassVar[tuple[str, ...]] = (*LOSSES, *ACCURACIES)

    limit: Annotated[float, Field(gt=0)] = 2.0
    """Discriminator's loss, in the median, above which it is worse than one that guesses."""
    summed: Annotated[float, Field(gt=0)] = 20.0
    """Loss above which a log may hold sums over batches, where the generator's loss is as large."""
    explosion: Annotated[float, Field(gt=0)] = 1000.0
    """Loss that is no cross-entropy's any more, where the generator's is less than a hundredth."""
    vanished: Annotated[float, Field(ge=0)] = 0.05
    """Generator's loss, in the median, below which it has won."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of all rows, from the end, that is judged."""
    rows: Annotated[int, Field(ge=3)] = 10
    """Rows at the end that are judged at the least."""

    def judge(self, log: Log) -> Verdict | None:
        rows = [(step, row) for step, row in log if mean_d_loss(row) is not None]
        if len(rows) < 3:
            return None
        end = rows[-max(min(self.rows, len(rows)), int(self.share * len(rows))) :]
        d_losses = [value for _, row in end if (value := mean_d_loss(row)) is not None]
        d_loss = median(d_losses)
        g_loss = median([row["g_loss"] for _, row in end if "g_loss" in row] or [1.0])
        mostly = sum(value > self.limit for value in d_losses) >= 0.8 * len(d_losses)
        if not d_loss > self.limit or not mostly:
            return None
        status, rule = self._rule(d_loss, g_loss, [row for _, row in end])
        if status == "healthy":
            return None
        evidence: dict[str, Any] = {"rule": rule, "d_loss": d_loss, "g_loss": g_loss}
        return Verdict(status, self._since(rows), evidence, "lost-discriminator")

    def _rule(self, d_loss: float, g_loss: float, end: list[Row]) -> tuple[Status, str]:
        told = f"the discriminator's loss is {d_loss:.3g} at the end, where guessing costs 0.69"
        if d_loss > self.explosion:
            exploded = f"the discriminator's loss is {d_loss:.3g} at the end"
            if d_loss > 100 * max(1.0, abs(g_loss)):
                return "diverged", exploded
            return "suspect", exploded
        if abs(g_loss) < self.vanished:
            return "convergence-failure", f"the generator wins and learns nothing more: {told}"
        if called := _called_the_same(end):
            return "convergence-failure", f"the discriminator calls everything {called}: {told}"
        if d_loss < self.summed or g_loss < d_loss / 4:
            return "suspect", told
        return "healthy", ""

    def _since(self, rows: list[tuple[int, Row]]) -> int:
        """Return the first step of the stretch at the end in which the loss is beyond the limit."""
        since, within = rows[-1][0], 0
        for step, row in reversed(rows):
            beyond = (mean_d_loss(row) or 0.0) > self.limit
            within = 0 if beyond else within + 1
            if within > 2:
                break
            since = step if beyond else since
        return since


def _called_the_same(rows: list[Row]) -> str | None:
    """Return what every sample is called, by accuracies or, without them, by both losses."""
    real = [row["d_acc_real"] for row in rows if "d_acc_real" in row]
    fake = [row["d_acc_fake"] for row in rows if "d_acc_fake" in row]
    if real and fake:
        high, low = median(real), median(fake)
        if min(high, low) < 0.05 and max(high, low) > 0.95:
            return "generated" if high < low else "real"
        return None
    pairs = [
        (r["d_loss_real"], r["d_loss_fake"]) for r in rows if {*r} >= {"d_loss_real", "d_loss_fake"}
    ]
    if not pairs:
        return None
    on_real, on_fake = (median(losses) for losses in zip(*pairs, strict=True))
    if min(on_real, on_fake) < 0.1:
        return "generated" if on_fake < on_real else "real"
    return None

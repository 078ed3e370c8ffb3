from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gansearch.builtin.detectors.whole_log import (
    ACCURACIES,
    LOSSES,
    Log,
    WholeLogDetector,
    bin_medians,
)
from gansearch.signals import Row, Status, Verdict, dominance_of


class LosingGenerator(WholeLogDetector):
    """The discriminator has won, judged by cross-entropy losses alone.

    Small generators lose for over a thousand steps and recover, so to lose is only suspicious. What
    condemns is a discriminator that is out of reach: of 320 runs with known quality
    (benchmarks/tabular, each cut at 400, 900 and 1,500 steps) hardly a sound one went so far.
    """

    reads: ClassVar[tuple[str, ...]] = ("d_loss|d_loss_real|dominance", "g_loss")
    keeps: ClassVar[tuple[str, ...]] = ("dominance", *LOSSES, *ACCURACIES, "pair_ratio")

    dominance: Annotated[float, Field(gt=0)] = 0.1
    """Loss on real and generated samples together below which the discriminator wins a row."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the rows of the last half that it must have won, and of those at the very end."""
    rows: Annotated[int, Field(ge=3)] = 10
    """Rows that condemn at the least; fewer make a run suspect."""
    out_of_reach: Annotated[float, Field(gt=0)] = 1.5e-3
    """Median over the last half that condemns. The lowest of 210 sound runs was 1.8e-3."""
    large: Annotated[float, Field(gt=0)] = 12.0
    """Generator's loss, in the median over the last half, that condemns; 210 sound runs: to 8.1."""
    both_won: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of rows with both losses near 0, which networks that learn together do not have."""

    def judge(self, log: Log) -> Verdict | None:
        rows = [(step, row) for step, row in log if dominance_of(row) is not None]
        if len(rows) < 3 or any("pair_ratio" in row for _, row in log):
            return None
        losses = [dominance_of(row) or 0.0 for _, row in rows]
        won = [self._won(loss, row) for loss, (_, row) in zip(losses, rows, strict=True)]
        half = won[len(won) // 2 :]
        end = won[-max(3, len(won) // 10) :]
        if sum(half) < self.share * len(half) or sum(end) < self.share * len(end):
            return self._falling_behind(rows, losses)
        g_losses = [row["g_loss"] for _, row in rows[len(rows) // 2 :] if "g_loss" in row]
        g_loss = median(g_losses) if g_losses else None
        d_loss = median(losses[len(losses) // 2 :])
        both = sum(
            w and row.get("g_loss", 1.0) < self.dominance
            for w, (_, row) in zip(won, rows, strict=True)
        )
        evidence: dict[str, Any] = {
            "rule": f"the discriminator has won {sum(won)} of the last {len(won)} rows",
            "dominance": d_loss,
            "g_loss": g_loss,
            "winning_since": self._since(rows, won),
            "share_of_rows_won": sum(won) / len(won),
            "note": "judged by losses alone: the log has no pair_ratio",
        }
        hopeless = (
            d_loss < self.out_of_reach
            or (g_loss is not None and g_loss > self.large)
            or both >= self.both_won * len(rows)
        )
        status: Status = "convergence-failure" if hopeless else "suspect"
        if len(rows) < self.rows:
            status = "suspect"
            evidence["note"] = f"{len(rows)} rows are few to judge by"
        step = rows[-1][0] if status == "convergence-failure" else evidence["winning_since"]
        return Verdict(status, step, evidence, "losing-generator")

    def _won(self, loss: float, row: Row) -> bool:
        accuracy = min(row.get("d_acc_real", 1.0), row.get("d_acc_fake", 1.0))
        return loss < self.dominance and accuracy > 0.9

    @staticmethod
    def _since(rows: Log, won: Sequence[bool]) -> int:
        """Return the first step from which most rows up to the end were won."""
        start, count = len(won) - 1, 0
        for i in range(len(won) - 1, -1, -1):
            count += won[i]
            if won[i] and count >= 0.85 * (len(won) - i):
                start = i
        return rows[start][0]

    def _falling_behind(self, rows: Log, losses: Sequence[float]) -> Verdict | None:
        """Suspect a log in which the discriminator gains and the generator loses all the time."""
        g_losses = [row["g_loss"] for _, row in rows if "g_loss" in row]
        if len(g_losses) != len(losses) or len(losses) < 6:
            return None
        d_curve, g_curve = bin_medians(losses, 20), bin_medians(g_losses, 20)
        if not (_share_falling(d_curve) >= 0.9 and _share_falling([-g for g in g_curve]) >= 0.9):
            return None
        if d_curve[-1] > 0.5 * d_curve[0] or g_curve[-1] < 1.5 * g_curve[0]:
            return None
        evidence = {
            "rule": "the discriminator's loss falls and the generator's rises from line to line",
            "d_loss": losses[-1],
            "g_loss": g_losses[-1],
            "rows": len(rows),
        }
        return Verdict("suspect", rows[0][0], evidence, "losing-generator")


def _share_falling(values: Sequence[float]) -> float:
    falls = [b < a for a, b in pairwise(values)]
    return sum(falls) / len(falls)

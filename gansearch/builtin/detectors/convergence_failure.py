from __future__ import annotations

import math
from collections import deque
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from gansearch.builtin.detectors.critic_watch import CriticWatch
from gansearch.builtin.detectors.pair_ratios import PairRatios
from gansearch.components import Detector, Watch
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict, dominance_of

USUAL_STEPS = 1500
"""Steps of the trainings on which the durations were set."""
SHORTEST = 100
"""Steps of a duration at least: in 50 steps 6 of 15 sound runs were dominated, in 100 two."""


class ConvergenceFailure(Detector):
    """The discriminator wins, stays ahead, and the generator makes no progress.

    Dominance alone is no failure: small generators are dominated for over a thousand steps and
    recover. It makes a run suspect; what condemns it is that its samples stop growing apart.

    The scores of a Wasserstein critic do not show who wins. Such a run fails where the critic's
    distance between real and generated samples no longer falls and the samples stand still.
    """

    reads: ClassVar[tuple[str, ...]] = (
        "dominance|d_loss|d_loss_real",
        "d_acc_real",
        "d_acc_fake",
        "pair_ratio",
    )

    dominance: Annotated[float, Field(gt=0)] = 0.1
    """Smoothed `dominance` signal below which the discriminator wins; 1.39 is balance."""
    accuracy: Annotated[float, Field(gt=0, le=1)] = 0.98
    """Smoothed accuracy, on the worse of real and generated samples, above which it wins."""
    patience: Annotated[int, Field(ge=1)] = 200
    """Steps of winning in a row that make a run suspect: with 50, 6 of 15 sound runs were flagged;
    with 200, none."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Share of the steps of both windows that must be won to condemn a run."""
    window: Annotated[int, Field(ge=10)] = 400
    """Steps of a window: the mean of `pair_ratio` over the last window is compared with the one
    before."""
    progress: Annotated[float, Field(ge=0)] = 0.01
    """Rise of `pair_ratio` from window to window that counts as progress, or `progress_share` of it
    if that is more."""
    progress_share: Annotated[float, Field(ge=0)] = 0.05
    """Rise relative to the earlier `pair_ratio` that counts as progress; see `progress`."""
    alive: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Coverage, where it is measured, from which a generator that loses counts as alive."""
    reprieve: Annotated[float, Field(ge=0, le=1)] = 0.015
    """Coverage, where it is measured, from which a run is condemned at its end and not before.

    Without it, nine of 81 condemned runs would have been stopped whose samples were no collapse in
    the end; with it none (benchmarks/tabular).
    """

    fallen: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share by which a critic's distance must fall from window to window to count as progress."""

    def watch(self, context: RunContext | None = None) -> Watch:
        context = context or RunContext()
        scaled = self.scaled(context.steps)
        ratios = PairRatios(scaled.window, self.progress, self.progress_share)
        if context.scores_are_logits:
            return _DominanceWatch(scaled, ratios)
        return CriticWatch(ratios, fallen=self.fallen, alive=self.alive, reprieve=self.reprieve)

    def scaled(self, steps: int | None) -> Self:
        """Return a detector whose durations are shares of a training that is shorter than usual.

        Below 1,500 steps, for which they are set, they shrink in proportion, to 100 steps at least:
        over fewer steps sound runs are dominated too.
        """
        if steps is None or steps >= USUAL_STEPS:
            return self
        durations = {"patience": self.patience, "window": self.window}
        scaled = {
            name: min(value, max(SHORTEST, round(value * steps / USUAL_STEPS)))
            for name, value in durations.items()
        }
        return self.model_copy(update=scaled)


class _DominanceWatch:
    def __init__(self, detector: ConvergenceFailure, ratios: PairRatios) -> None:
        self.detector = detector
        self.dominance = _Smoothed()
        self.accuracy = _Smoothed()
        self.winning_since: int | None = None
        self.winning_rows = 0  # on end, up to now
        self.winning_rows_in_all = 0
        self.rows = 0
        self.ratios = ratios
        self.lately: deque[bool] = deque(maxlen=2 * detector.window)
        self.coverage = 0.0
        self.failure: Verdict | None = None  # as of the last step, told at once or at the end

    def observe(self, step: int, row: Row) -> Verdict | None:
        self.coverage = row.get("coverage", self.coverage)
        self.ratios.add(step, row)
        if (dominance := dominance_of(row)) is None:
            return None
        self.rows += 1
        self.dominance.add(dominance)
        if "d_acc_real" in row and "d_acc_fake" in row:
            self.accuracy.add(min(row["d_acc_real"], row["d_acc_fake"]))
        self._count(step)
        hopeless = self._share_won() >= self.detector.share and self.coverage < self.detector.alive
        progress = (self.ratios.progress() if hopeless else None) or {}
        stuck = bool(progress) and progress["risen"] < progress["needed"]
        evidence = self._evidence() | progress
        self.failure = (
            Verdict("convergence-failure", step, evidence, "convergence-failure") if stuck else None
        )
        if self.failure and self.coverage < self.detector.reprieve:
            return self.failure
        if self.winning_rows >= self.detector.patience:
            return Verdict("suspect", self.winning_since, evidence, "convergence-failure")
        return None

    def conclude(self) -> Verdict | None:
        if self.failure:
            return self.failure
        if self.winning_rows >= self.detector.patience:
            return Verdict("suspect", self.winning_since, self._evidence(), "convergence-failure")
        return None

    def _count(self, step: int) -> None:
        winning = self.dominance.value < self.detector.dominance and (
            self.accuracy.empty or self.accuracy.value > self.detector.accuracy
        )
        self.lately.append(winning)
        if not winning:
            self.winning_since, self.winning_rows = None, 0
            return
        self.winning_since = step if self.winning_since is None else self.winning_since
        self.winning_rows += 1
        self.winning_rows_in_all += 1

    def _share_won(self) -> float:
        """Share of the steps of both windows; 0 before they are full.

        Held against its time of balance, a run that a spike threw back would seem to decline, so
        both windows must lie in its time of need.
        """
        full = len(self.lately) == self.lately.maxlen
        return sum(self.lately) / len(self.lately) if full else 0.0

    def _evidence(self) -> dict[str, Any]:
        accuracy = {} if self.accuracy.empty else {"accuracy": self.accuracy.value}
        return {
            "rule": f"the discriminator has won {sum(self.lately)} "
            f"of the last {len(self.lately)} steps",
            "dominance": self.dominance.value,
            **accuracy,
            "winning_since": self.winning_since,
            "share_of_steps_won": self.winning_rows_in_all / self.rows,
        }


class _Smoothed:
    """An exponential moving average with decay 0.9 that starts at its first value."""

    def __init__(self) -> None:
        self.value = math.nan

    @property
    def empty(self) -> bool:
        return math.isnan(self.value)

    def add(self, value: float) -> None:
        if math.isfinite(value):
            self.value = value if self.empty else 0.9 * self.value + 0.1 * value

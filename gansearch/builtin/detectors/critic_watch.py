"""Convergence failure of a Wasserstein critic's run, whose scores do not show who wins."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median

from gansearch.builtin.detectors.pair_ratios import PairRatios
from gansearch.signals import Row, Verdict


class CriticWatch:
    """Condemns a run whose distance to the data no longer falls while its samples stand still.

    The critic's estimate of the Wasserstein distance is its mean score of real samples less that of
    generated ones. It has no scale of its own, so it is held against itself: where the generator
    learns, it falls. Once a generator is as good as it gets it falls no more either, but then the
    samples cover some of the data.

    Args:
        ratios: progress of the samples.
        fallen: share by which the distance must fall from window to window.
        alive: coverage from which nothing is held against a run.
        reprieve: coverage from which a run is condemned at its end and not before.
    """

    def __init__(self, ratios: PairRatios, *, fallen: float, alive: float, reprieve: float) -> None:
        self._ratios = ratios
        self._fallen, self._alive, self._reprieve = fallen, alive, reprieve
        self._step = 0
        self._distances: deque[float] = deque(maxlen=2 * ratios.window)
        self._coverage: float | None = None
        self._failure: Verdict | None = None

    def observe(self, step: int, row: Row) -> Verdict | None:
        self._step = step
        self._coverage = row.get("coverage", self._coverage)
        self._ratios.add(step, row)
        distance = distance_of(row)
        if distance is None:
            return None
        self._distances.append(distance)
        self._failure = self._judge()
        at_once = (self._coverage or 0.0) < self._reprieve
        return self._failure if at_once else None

    def conclude(self) -> Verdict | None:
        return self._failure

    def _judge(self) -> Verdict | None:
        window = self._ratios.window
        if len(self._distances) < 2 * window:
            return None
        if self._coverage is None or self._coverage >= self._alive:
            return None
        samples = self._ratios.progress()
        if samples is None or samples["risen"] >= samples["needed"]:
            return None
        distances = list(self._distances)
        before = median(distances[:window])
        lately = median(distances[window:])
        if lately <= (1 - self._fallen) * before:
            return None
        evidence: Mapping[str, object] = {
            "rule": "the critic's distance no longer falls while the samples stand still",
            "distance_before": before,
            "distance": lately,
            "coverage": self._coverage,
            **samples,
        }
        return Verdict("convergence-failure", self._step, evidence, "convergence-failure")


def distance_of(row: Row) -> float | None:
    """Return a critic's estimate of the distance between real and generated samples.

    >>> distance_of({"d_logit_real": 3.0, "d_logit_fake": -1.5})
    4.5
    >>> distance_of({"d_loss_real": -3.0, "d_loss_fake": -1.5})
    4.5
    """
    if "d_logit_real" in row and "d_logit_fake" in row:
        return row["d_logit_real"] - row["d_logit_fake"]
    if "d_loss_real" in row and "d_loss_fake" in row:
        return -row["d_loss_real"] - row["d_loss_fake"]
    return -row["d_loss"] if "d_loss" in row else None

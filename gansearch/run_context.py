"""Facts that a detector may go by besides a run's signals: the data set's own figures, the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class SampleFigures(BaseModel):
    """Figures of one set of samples, as a run's samples are measured at a look."""

    model_config = ConfigDict(frozen=True)

    coverage: float
    duplicates: float | None = None
    """Share of pairs nearer than 99 % of the real pairs; None for points."""
    coarse_duplicates: float | None = None
    """Share of pairs that are near when averaged over an 8x8 grid; None for points."""
    spread: float | None = None
    """Median distance of pairs over that of real pairs; None for points."""
    levels: float | None = None
    """Distance of real images' grey levels to the nearest sample's, over that of real pairs, in the
    median; None for points."""
    mmd: float | None = None
    """Squared maximum mean discrepancy of features, times 1,000."""


class Calibration(BaseModel):
    """Figures of real samples and of trivial generators, measured before any training.

    Detectors take their limits from these, so that no limit is one of a particular data set.
    """

    model_config = ConfigDict(frozen=True)

    protocol: int
    data_sha256: str
    extractor: str
    extractor_sha256: str
    """Extractor of the study, by which the MMD and the spread of metrics are measured."""
    detectors_extractor: str = ""
    """Extractor by which coverage is measured at looks."""
    samples: int
    """Number of real samples that generated ones are compared with."""
    reference: str
    """Origin of these samples: `test`, or `test and training` where there are few test samples."""
    near: float | None = None
    """Root mean square difference that 1 % of real pairs do not exceed; None for points."""
    real: SampleFigures
    """Figures of training samples: what a perfect generator comes to."""
    trivial: Mapping[str, SampleFigures]
    """Figures of generators that must fail, by name."""
    real_mmd_std: float
    """Standard deviation of the MMD of real samples against others, times 1,000."""
    relative_spread: Mapping[str, float]
    """Relative standard deviation of metrics between two draws from one mediocre generator."""

    @property
    def coverage_limit(self) -> float:
        """Coverage below which samples are off target: above that of one picture and of noise."""
        trivial = [self.trivial[name].coverage for name in ("one", "noise") if name in self.trivial]
        return min(max(0.02, 1.5 * max(trivial, default=0.0)), self.real.coverage / 4)

    @property
    def real_duplicates(self) -> float:
        """Share of near pairs of real samples, in pixels or on the coarse grid; 1 % as a rule."""
        return max(self.real.duplicates or 0.0, self.real.coarse_duplicates or 0.0)

    def smallest_tolerance(self, metric: str) -> float:
        """Return the relative difference of a metric that two draws of one generator may show.

        Twice the standard deviation between draws; 0 for a metric of which it was not measured.
        """
        return 2 * self.relative_spread.get(metric, 0.0)


@dataclass(frozen=True)
class RunContext:
    """Facts about a run that its signals do not tell; all unknown for a log."""

    steps: int | None = None
    """Steps of the whole training."""
    calibration: Calibration | None = None
    loss: str | None = None
    """Name of the loss."""
    scores_are_logits: bool = True
    """False for a critic, whose scores have no zero and whose losses are no cross-entropy."""

"""Contenders: the trials of a search that may be compared, and the baseline that they are held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from gansearch.ranking.pareto import Objective, first_runs, healthy_trials
from gansearch.trial_record import TrialRecord

DEFAULT_SIZE = Objective("generator_params", "minimize", is_size=True)
"""What every trial is counted by, for a study whose objectives name no size."""


@dataclass(frozen=True)
class HealthyTrials:
    """The healthy candidates of a search, each by its first run."""

    size: Objective
    quality: Objective | None
    """The first objective that is no size; None where all of them are sizes."""
    baseline: TrialRecord | None
    """However it came out."""
    healthy: tuple[TrialRecord, ...]
    """From the smallest to the largest, of one size the best first."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], axes: Sequence[Objective]) -> Self:
        size = next((axis for axis in axes if axis.is_size), DEFAULT_SIZE)
        quality = next((axis for axis in axes if not axis.is_size), None)
        baseline = next(
            (record for record in records if record.baseline), None
        )
        healthy = first_runs(
            healthy_trials(records, [axis for axis in (size, quality) if axis is not None])
        )
        return cls(size, quality, baseline, tuple(_ordered(healthy, size, quality)))

    def __contains__(self, record: TrialRecord) -> bool:
        return any(record.number == other.number for other in self.healthy)

    @property
    def sound_baseline(self) -> TrialRecord | None:
        """The baseline, if it came out healthy."""
        return self.baseline if self.baseline is not None and self.baseline in self else None

    @property
    def best(self) -> TrialRecord | None:
        """That of the best quality, whatever its size; None without a healthy one, or without a quality."""
        return self.best_of(self.healthy)

    def best_of(self, records: Iterable[TrialRecord]) -> TrialRecord | None:
        """That of the best quality among some of them, of equals the smallest."""
        return (
            None
            if self.quality is None
            else next(iter(_ordered(records, self.quality, self.size)), None)
        )


def _ordered(
    records: Iterable[TrialRecord], by: Objective, then: Objective | None
) -> list[TrialRecord]:
    """From the best along one axis to the worst; of equals the best along the other first, then by number."""
    axes = [axis for axis in (by, then) if axis is not None]
    return sorted(
        records,
        key=lambda record: (*(axis.cost(axis.value(record)) for axis in axes), record.number),
    )

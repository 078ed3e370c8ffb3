"""Healthy trials of a search, and the baseline that they are held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from gansearch.ranking.pareto import Objective, first_runs, healthy_trials
from gansearch.trial_record import TrialRecord

SIZE_BAND = 0.10
"""Largest difference in size, as a share of the baseline's, that counts as the same size."""
DEFAULT_SIZE = Objective("generator_params", "minimize", is_size=True)
"""Size of a study whose objectives name none."""


@dataclass(frozen=True)
class HealthyTrials:
    """Healthy trials of a search, the first run of each candidate."""

    size: Objective
    """First objective that is a size, else the first cost, else the number of parameters."""
    quality: Objective | None
    """First objective that is neither a size nor a cost; None without one."""
    baseline: TrialRecord | None
    """Trial of the baseline, healthy or not."""
    healthy: tuple[TrialRecord, ...]
    """Healthy trials from the smallest to the largest; of equal sizes the best quality first."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], objectives: Sequence[Objective]) -> Self:
        """Select the healthy trials of a study and its baseline."""
        sizes = [objective for objective in objectives if objective.is_size]
        costs = [objective for objective in objectives if objective.is_cost]
        size = next(iter([*sizes, *costs]), DEFAULT_SIZE)
        quality = next((objective for objective in objectives if objective.is_quality), None)
        baseline = next((record for record in records if record.baseline), None)
        required = [size] if quality is None else [size, quality]
        healthy = first_runs(healthy_trials(records, required))
        return cls(size, quality, baseline, tuple(_ranked(healthy, required)))

    def __contains__(self, record: TrialRecord) -> bool:
        return any(record.number == other.number for other in self.healthy)

    @property
    def healthy_baseline(self) -> TrialRecord | None:
        """Baseline, or None where it is not healthy."""
        if self.baseline is None or self.baseline not in self:
            return None
        return self.baseline

    @property
    def best(self) -> TrialRecord | None:
        """Trial of the best quality at any size; None without a healthy trial or a quality."""
        return self.best_of(self.healthy)

    @property
    def tuned_baseline(self) -> TrialRecord | None:
        """Trial of the best quality at the baseline's size; the baseline need not be healthy."""
        if self.baseline is None:
            return None
        baseline = self.size.value(self.baseline)
        band = SIZE_BAND * abs(baseline)
        return self.best_of(r for r in self.healthy if abs(self.size.value(r) - baseline) <= band)

    @property
    def references(self) -> dict[str, TrialRecord]:
        """Models that a champion is compared with, by name; only those that are healthy."""
        named = {
            "baseline": self.healthy_baseline,
            "tuned_baseline": self.tuned_baseline,
            "best": self.best,
        }
        return {name: record for name, record in named.items() if record is not None}

    def best_of(self, records: Iterable[TrialRecord]) -> TrialRecord | None:
        """Return the trial of the best quality among `records`, the smallest one of equals."""
        if self.quality is None:
            return None
        return next(iter(_ranked(records, [self.quality, self.size])), None)


def _ranked(records: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """Sort trials by the objectives in their order, then by number; the best comes first."""
    return sorted(
        records,
        key=lambda record: (*(o.cost(o.value(record)) for o in objectives), record.number),
    )

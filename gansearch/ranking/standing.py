"""What a search has come to: the trials that a reader asks for first, held against the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from gansearch.ranking.front import Axis, axes_of, first_runs, healthy_trials
from gansearch.storage.trials import TrialRecord
from gansearch.study import StudySpec

SIZE_BAND = 0.10
"""Share of the baseline's size within which another candidate counts as being of the same size."""
DEFAULT_SIZE = Axis("generator_params", "minimize", is_size=True)
"""What every trial is counted by, for a study whose objectives name no size."""


@dataclass(frozen=True)
class Standing:
    """The trials that stand out.

    A generator of a few per cent of the size, with learning rates of its own, easily equals an
    untuned large one. So the record names the baseline as written *and* the best of its size.
    """

    size: Axis
    quality: Axis | None
    """The first objective that is no size; None where all of them are sizes."""
    baseline: TrialRecord | None = None
    smallest_within_tolerance: TrialRecord | None = None
    """Of all that are at most the tolerance worse than the baseline."""
    best_any_size: TrialRecord | None = None
    best_at_baseline_size: TrialRecord | None = None
    note: str = ""
    """Why there is nothing to stand on, where that is so."""

    def share_of_baseline(self, record: TrialRecord) -> float | None:
        """A trial's size as a share of the baseline's; None where either is unknown."""
        base = math.nan if self.baseline is None else self.size.value(self.baseline)
        share = self.size.value(record) / base if base else math.nan
        return share if math.isfinite(share) else None

    def named(self) -> dict[str, TrialRecord | None]:
        """The trials by what they stand for."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name.startswith(("best", "smallest", "base"))}


def standing_of(spec: StudySpec, records: Sequence[TrialRecord], axes: Sequence[Axis] | None = None) -> Standing:
    """How a study stands, by its own objectives or along other axes."""
    axes = axes_of(spec, records) if axes is None else axes
    size = next((axis for axis in axes if axis.is_size), DEFAULT_SIZE)
    quality = next((axis for axis in axes if not axis.is_size), None)
    baseline = next((r for r in reversed(records) if r.baseline and not r.retried), None)
    if quality is None:
        return Standing(size, None, baseline, note="all objectives are sizes, so there is no quality to hold")
    healthy = first_runs(healthy_trials(records, (size, quality)))
    best = _best(healthy, quality, size)
    if baseline is None or all(record.number != baseline.number for record in healthy):
        return Standing(size, quality, baseline, best_any_size=best, note=_why_no_baseline(baseline))
    limit = quality.cost(quality.limit(quality.value(baseline), spec.certification.tolerance))
    return Standing(
        size,
        quality,
        baseline,
        smallest_within_tolerance=_best([r for r in healthy if quality.cost(quality.value(r)) <= limit], size, quality),
        best_any_size=best,
        best_at_baseline_size=_best([r for r in healthy if _same_size(r, baseline, size)], quality, size),
    )


def standing_json(standing: Standing) -> dict[str, Any]:
    """Numbers, sizes and qualities of the trials that stand out."""
    told = {name: None if record is None else _told(standing, record) for name, record in standing.named().items()}
    return told | {"note": standing.note or None}


def _told(standing: Standing, record: TrialRecord) -> dict[str, Any]:
    axes = [standing.size] if standing.quality is None else [standing.size, standing.quality]
    return {
        "trial": record.number,
        "values": {axis.metric: axis.value(record) for axis in axes},
        "share_of_baseline": standing.share_of_baseline(record),
        "state": record.state,
        "verdict": record.verdict.status if record.verdict else None,
    }


def _best(records: Sequence[TrialRecord], by: Axis, then: Axis) -> TrialRecord | None:
    """The best along one axis; of equals the best along the other, then the first."""
    return min(records, key=lambda r: (by.cost(by.value(r)), then.cost(then.value(r)), r.number), default=None)


def _same_size(record: TrialRecord, baseline: TrialRecord, size: Axis) -> bool:
    base = size.value(baseline)
    return abs(size.value(record) - base) <= SIZE_BAND * abs(base)


def _why_no_baseline(baseline: TrialRecord | None) -> str:
    if baseline is None:
        return "the baseline has not been trained yet"
    if not baseline.ended:
        return f"the baseline, trial {baseline.number}, has not ended yet"
    verdict = baseline.verdict.status if baseline.verdict else None
    why = baseline.reason or (f"verdict {verdict}" if verdict else baseline.state)
    return f"the baseline, trial {baseline.number}, did not come out healthy: {why}"

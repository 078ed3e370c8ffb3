"""What a search is after that wants the smallest model within tolerance, and what is proven of it already."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import study_summary
from gansearch.ranking.tolerance import limits_of
from gansearch.search.learning_curves import cost
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class SizeCeiling:
    """A size that a candidate must be below to be worth a training."""

    metric: str
    value: float
    trial: int
    """The certified champion, whose size it is."""

    def refusal(self, sizes: Mapping[str, float]) -> str:
        """Why a candidate of these sizes is not trained; empty where it may be."""
        if sizes[self.metric] < self.value:
            return ""
        return (
            f"{self.metric} {sizes[self.metric]:,.0f} is no smaller than the {self.value:,.0f} of trial {self.trial}, "
            f"the certified champion"
        )


@dataclass(frozen=True)
class SmallestModelGoal:
    """The smallest model within the certification's tolerance."""

    spec: StudySpec
    axes: Sequence[Objective]
    ceiling: SizeCeiling | None = None
    """None while there is no certified champion."""
    disproved: frozenset[int] = frozenset()
    """Trials whose certification has failed."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        axes: Sequence[Objective],
        records: Sequence[TrialRecord],
        runs: Sequence[TrialRecord],
    ) -> Self:
        """From the trials of a search and the runs of its certification."""
        standing = study_summary(spec, records, axes, runs)
        champion, size = standing.champion, standing.size
        ceiling = (
            None
            if champion is None
            else SizeCeiling(size.metric, size.value(champion), champion.number)
        )
        failed = (
            number
            for number, certificate in standing.certificates.items()
            if certificate.out_of_reach
        )
        return cls(spec, axes, ceiling, frozenset(failed))

    def limit(self, records: Sequence[TrialRecord]) -> float | None:
        """The worst quality that is within tolerance; None without a healthy trial."""
        ruling = limits_of(self.spec, HealthyTrials.of(records, self.axes), {}).ruling(
            self.spec.certification
        )
        return None if ruling is None else ruling.value

    def to_beat(
        self, records: Sequence[TrialRecord], size: Objective, quality: Objective, limit: float
    ) -> float:
        """The smallest size that is as good as certain.

        One run within tolerance may have been lucky, and then the models between it and the next larger
        one are what the search should find. So it counts where it is better than the limit by as much
        as two seeds differ.
        """
        contenders = HealthyTrials.of(records, self.axes)
        certain = cost(quality, limit) - math.log1p(self.spec.pruning.noise)
        found = [
            size.value(record)
            for record in contenders.healthy
            if record.number not in self.disproved
            and cost(quality, quality.value(record)) <= certain
        ]
        baseline = [size.value(contenders.baseline)] if contenders.baseline else []
        proven = [self.ceiling.value] if self.ceiling else []
        return min([*found, *baseline, *proven], default=math.inf)

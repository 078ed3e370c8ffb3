"""A run surveyed: its trials, their front and how it stands, read once for whatever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gansearch.ranking.front import Axis, Front, axes_of, pareto_front
from gansearch.ranking.standing import Standing, standing_json, standing_of
from gansearch.storage.trials import TrialRecord
from gansearch.study import StudySpec


@dataclass(frozen=True)
class Survey:
    """Everything that a table, a picture or a page of a run is made from."""

    spec: StudySpec
    records: tuple[TrialRecord, ...]
    front: Front
    standing: Standing

    @classmethod
    def of(cls, spec: StudySpec, records: Sequence[TrialRecord], axes: Sequence[Axis] | None = None) -> Survey:
        """Compare a study's trials by its own objectives, or along other axes."""
        axes = axes_of(spec, records) if axes is None else axes
        return cls(spec, tuple(records), pareto_front(records, axes), standing_of(spec, records, axes))

    @property
    def tolerance(self) -> float:
        return self.spec.certification.tolerance

    def to_json(self) -> dict[str, Any]:
        """The contract of `pareto --json`. Nothing is certified yet, so there is no champion."""
        baseline = self.standing.baseline
        return {
            "study": self.spec.name,
            "objectives": [axis.to_json() for axis in self.front.axes],
            "baseline": None if baseline is None else self._entry(baseline) | {"state": baseline.state},
            "front": [self._entry(record) | {"certified": None} for record in self.front.trials],
            "champion": None,
            "hypervolume": self.front.hypervolume,
            "reference_point": self.front.reference,
            "standing": standing_json(self.standing),
        }

    def _entry(self, record: TrialRecord) -> dict[str, Any]:
        return {
            "trial": record.number,
            "values": {axis.metric: axis.value(record) for axis in self.front.axes},
            "candidate": dict(record.candidate),
            "verdict": record.verdict.status if record.verdict else None,
            "share_of_baseline": self.standing.share_of_baseline(record),
            "figures": record.figures,
            "identity": record.identity,
        }

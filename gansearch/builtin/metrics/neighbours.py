"""Metrics: precision, recall and coverage of generated samples (Naeem et al. 2020)."""

from __future__ import annotations

from typing import ClassVar, Literal

from gansearch.components import Evidence, SampleMetric


class _Neighbourhood(SampleMetric):
    direction: ClassVar[Literal["minimize", "maximize"]] = "maximize"
    figure: ClassVar[str]

    def measure(self, evidence: Evidence) -> float:
        return evidence.neighbourhoods[self.figure]


class Precision(_Neighbourhood):
    """Share of generated samples in the neighbourhood of a real one; can be 1 under collapse."""

    figure = "precision"


class Recall(_Neighbourhood):
    """Share of real samples in the neighbourhood of a generated one; high for varied noise."""

    figure = "recall"


class Coverage(_Neighbourhood):
    """Share of real samples whose own neighbourhood holds a generated one."""

    figure = "coverage"

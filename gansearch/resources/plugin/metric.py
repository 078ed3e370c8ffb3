"""A metric for gansearch."""

from __future__ import annotations

from typing import ClassVar, Literal

from gansearch.components import Evidence, SampleMetric


class Example(SampleMetric):
    """Difference between the mean brightness of real and of generated samples; 0 is right."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    def measure(self, evidence: Evidence) -> float:
        real, fake = evidence.real.float().mean(), evidence.fake.float().mean()
        return abs((real - fake).item())

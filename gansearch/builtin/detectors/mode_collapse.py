from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.components import Detector, Watch
from gansearch.signals import Row, Verdict


class ModeCollapse(Detector):
    """The generator says the same few things, or things that are nowhere near the data.

    Coverage after Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models".
    """

    reads: ClassVar[tuple[str, ...]] = ("coverage|duplicates",)

    coverage: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of real samples with a generated neighbour below which a run has collapsed."""
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of pairs of generated samples that are nearly the same above which a run has collapsed."""
    start: Annotated[int, Field(ge=1)] = 1000
    """First step at which samples are looked at: sound runs are poor before."""
    every: Annotated[int, Field(ge=1)] = 250
    """Steps between two looks."""

    def watch(self) -> Watch:
        return _SampleWatch(self)

    def probe_due(self, step: int) -> bool:
        return step >= self.start and (step - self.start) % self.every == 0


class _SampleWatch:
    def __init__(self, detector: ModeCollapse) -> None:
        self.detector = detector

    def observe(self, step: int, row: Row) -> Verdict | None:
        if step < self.detector.start:
            return None
        evidence = {name: row[name] for name in ("coverage", "duplicates") if name in row}
        if evidence.get("duplicates", 0.0) > self.detector.duplicates:
            rule = f"more than {self.detector.duplicates:.0%} of the pairs of samples are nearly the same"
        elif evidence.get("coverage", 1.0) < self.detector.coverage:
            rule = f"the samples cover less than {self.detector.coverage:.0%} of the data"
        else:
            return None
        return Verdict("mode-collapse", step, {"rule": rule, **evidence}, "mode-collapse")

    def conclude(self) -> Verdict | None:
        return None

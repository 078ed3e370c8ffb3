from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.components import Detector, Watch
from gansearch.signals import Row, Status, Verdict


class ModeCollapse(Detector):
    """The generator says the same few things, or things that are nowhere near the data.

    Coverage after Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models".
    """

    reads: ClassVar[tuple[str, ...]] = ("coverage|duplicates",)

    coverage: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of real samples with a generated neighbour below which a run has collapsed."""
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of pairs of generated samples that are nearly the same above which a run has collapsed."""
    hopeless: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of nearly equal pairs from which no run recovers: it is condemned at the first look."""
    start: Annotated[int, Field(ge=1)] = 500
    """First step at which samples are looked at."""
    grace: Annotated[int, Field(ge=0)] = 1000
    """Step before which a collapse that is not hopeless is not held against a run."""
    every: Annotated[int, Field(ge=1)] = 250
    """Steps between two looks."""
    looks: Annotated[int, Field(ge=1)] = 2
    """Looks on end at a collapse that condemn. A run thrown back by a spike was seen to recover after one."""
    recovering: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the last look's duplicates at or below which a look does not count: the run is on its way out."""

    def watch(self) -> Watch:
        return _SampleWatch(self)

    def probe_due(self, step: int) -> bool:
        return step >= self.start and (step - self.start) % self.every == 0


class _SampleWatch:
    def __init__(self, detector: ModeCollapse) -> None:
        self.detector = detector
        self.collapsed = 0
        self.duplicates = 0.0  # at the last look
        self.verdict: Verdict | None = None

    def observe(self, step: int, row: Row) -> Verdict | None:
        evidence = {name: row[name] for name in ("coverage", "duplicates") if name in row}
        if not evidence or step < self.detector.start:
            return self.verdict
        self.verdict = self._look(step, evidence)
        return self.verdict

    def conclude(self) -> Verdict | None:
        return self.verdict

    def _look(self, step: int, evidence: Mapping[str, float]) -> Verdict | None:
        """The verdict as of one look at the samples."""
        duplicates, coverage = evidence.get("duplicates", 0.0), evidence.get("coverage", 1.0)
        recovers = 0 < duplicates <= self.detector.recovering * self.duplicates
        self.duplicates = duplicates
        if duplicates > self.detector.duplicates:
            rule = f"{duplicates:.1%} of the pairs of samples are nearly the same"
        elif coverage < self.detector.coverage:
            rule = f"the samples cover {coverage:.1%} of the data"
        else:
            self.collapsed = 0
            return None
        if duplicates > self.detector.hopeless:
            return Verdict("mode-collapse", step, {"rule": rule, **evidence}, "mode-collapse")
        if step < self.detector.grace:
            return None
        self.collapsed = max(1, self.collapsed if recovers else self.collapsed + 1)
        status: Status = "mode-collapse" if self.collapsed >= self.detector.looks else "suspect"
        return Verdict(
            status, step, {"rule": rule, "looks": self.collapsed, **evidence}, "mode-collapse"
        )

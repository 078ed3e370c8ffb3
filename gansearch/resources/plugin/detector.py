"""A detector for gansearch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gansearch.components import Detector, Watch
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict


class Example(Detector):
    """The generator's loss stays above a limit for many steps."""

    reads: ClassVar[tuple[str, ...]] = ("g_loss",)

    limit: Annotated[float, Field(gt=0)] = 20.0
    """Loss above which a step counts."""
    patience: Annotated[int, Field(ge=1)] = 100
    """Steps in a row that condemn a run."""

    def watch(self, context: RunContext | None = None) -> Watch:
        return LargeLoss(self)


class LargeLoss:
    """State of the detector over one run."""

    def __init__(self, detector: Example) -> None:
        self._detector = detector
        self._above = 0

    def observe(self, step: int, row: Row) -> Verdict | None:
        loss = row.get("g_loss")
        if loss is None:
            return None
        self._above = self._above + 1 if loss > self._detector.limit else 0
        if self._above < self._detector.patience:
            return Verdict("healthy")
        rule = f"the generator's loss is above {self._detector.limit:g} for {self._above} steps"
        return Verdict("convergence-failure", step, {"rule": rule, "g_loss": loss})

    def conclude(self) -> Verdict | None:
        return None

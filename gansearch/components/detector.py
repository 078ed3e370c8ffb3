"""Detectors: tests of a run's signals, each for one kind of failure."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Protocol

from gansearch.components.component import Component
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict


class Watch(Protocol):
    """State of one detector over one run."""

    def observe(self, step: int, row: Row) -> Verdict | None:
        """Take the signals of the next step; return the verdict as of this step, None for none."""

    def conclude(self) -> Verdict | None:
        """Return the verdict on a run that ends here: None for none.

        `unjudged` says that the run ended before the detector could look, so that nobody takes it
        for healthy.
        """


class Detector(Component):
    """A test of the signals of a run for one kind of failure, as early as it shows."""

    role: ClassVar[str] = "detector"
    reads: ClassVar[tuple[str, ...]]
    """Columns that the detector needs; of alternatives written `a|b`, one is enough."""

    @abstractmethod
    def watch(self, context: RunContext | None = None) -> Watch:
        """Return a fresh watch over one run; without a context, over a log."""

    def probe_due(self, step: int, steps: int | None) -> bool:
        """Return True if samples should be measured after this step of a training of `steps`.

        The next row then holds `coverage`, `duplicates`, `coarse_duplicates`, `spread` and
        `levels`.
        """
        return False

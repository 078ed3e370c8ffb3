"""Tracker: the one interface through which trials reach TensorBoard, MLflow, W&B and trackio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gansearch.signals import Row, Verdict
from gansearch.trial_record import State

SIGNALS, SAMPLES, FINAL = "signals", "samples", "final"
"""Prefixes of names in a tracker: signals of each step, pictures, figures of a trial's end."""


@dataclass(frozen=True)
class TrackedStep:
    """Signals of one step, and the picture of samples that was made there, if any."""

    step: int
    row: Row
    samples: Path | None = None


@dataclass(frozen=True)
class TrackedEnd:
    """End of a training, or its pause at a rung."""

    state: State
    verdict: Verdict | None
    step: int
    """Last step of the training."""
    reason: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Sizes and metrics."""

    @property
    def labels(self) -> dict[str, str]:
        """State, verdict and their reasons as texts by name; those that are known."""
        known = {"state": self.state, "reason": self.reason}
        if self.verdict is not None:
            rule = self.verdict.evidence.get("rule", "")
            step = "" if self.verdict.step is None else str(self.verdict.step)
            known |= {
                "verdict": self.verdict.status,
                "verdict_step": step,
                "detector": self.verdict.detector or "",
                "evidence": str(rule),
            }
        return {name: text for name, text in known.items() if text}


class Tracker(Protocol):
    """Experiment tracker with a run of its own for each training.

    Trainings are named `trial-0007`, `trial-0007-rescue` or `certification-0003`. Any method may
    raise any error; the search then goes on without this tracker.
    """

    def begin(self, name: str, settings: Mapping[str, Any]) -> int:
        """Open the run of a training, a new one or that of an earlier search.

        Args:
            name: name of the training.
            settings: searched settings of its candidate.

        Returns:
            The last step that the run already holds; 0 for none.
        """

    def log(self, name: str, steps: Sequence[TrackedStep]) -> None:
        """Add steps, each later than all before; only a picture may be of the last step again."""

    def end(self, name: str, end: TrackedEnd) -> None:
        """Add the end of a training; a paused one may go on."""

    def close(self) -> None:
        """Write out everything and close all runs."""

"""Detection: signals in, verdict out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansearch.components import Detector
from gansearch.signals import HEALTHY, Row, Verdict


class RunWatch:
    """A run under the eyes of several detectors; the most severe verdict counts, and a failure stays one."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = tuple(detectors)
        self._watches = [detector.watch() for detector in detectors]
        self.verdict = HEALTHY

    def observe(self, step: int, row: Row) -> Verdict:
        """Take the signals of the next step; steps count from 1."""
        if not self.verdict.failed:
            self.verdict = _severest(watch.observe(step, row) for watch in self._watches)
        return self.verdict

    def conclude(self) -> Verdict:
        """The verdict on a run that ends here."""
        if not self.verdict.failed:
            self.verdict = _severest(watch.conclude() for watch in self._watches)
        return self.verdict

    def probe_due(self, step: int) -> bool:
        """Whether some detector wants the generator's samples measured after this step."""
        return any(detector.probe_due(step) for detector in self._detectors)


@dataclass(frozen=True)
class Diagnosis:
    """What the detectors say of a finished log, and what they could not say."""

    verdict: Verdict
    rows: int
    unjudged: Mapping[str, Sequence[str]]
    """By detector, the columns that it missed."""

    def to_json(self) -> dict[str, Any]:
        return self.verdict.to_json() | {
            "rows": self.rows,
            "unjudged": {k: list(v) for k, v in self.unjudged.items()},
        }


def diagnose(log: Iterable[tuple[int, Row]], detectors: Mapping[str, Detector]) -> Diagnosis:
    """Hold the detectors against a whole log of (step, signals)."""
    watch = RunWatch(tuple(detectors.values()))
    seen: set[str] = set()
    rows = 0
    for step, row in log:
        watch.observe(step, row)
        seen.update(row)
        rows += 1
    missed = {
        name: [c for c in detector.reads if not seen & set(c.split("|"))]
        for name, detector in detectors.items()
    }
    return Diagnosis(
        watch.conclude(), rows, {name: columns for name, columns in missed.items() if columns}
    )


def _severest(verdicts: Iterable[Verdict | None]) -> Verdict:
    return max(
        (verdict or HEALTHY for verdict in verdicts),
        key=lambda verdict: verdict.severity,
        default=HEALTHY,
    )

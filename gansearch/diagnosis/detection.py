"""Detection: signals in, verdict out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansearch.components import Detector
from gansearch.errors import PluginError
from gansearch.run_context import RunContext
from gansearch.signals import HEALTHY, UNJUDGED, Row, Verdict


class RunWatch:
    """A run under the eyes of several detectors.

    The most severe verdict counts, and a failure stays one. A run is healthy once a detector had
    signals to judge and found nothing; it is `unjudged` where none had any, or where a detector
    says that the run ended before it could look.
    """

    def __init__(self, detectors: Sequence[Detector], context: RunContext | None = None) -> None:
        self._detectors = tuple(detectors)
        self._context = context or RunContext()
        self._watches = [detector.watch(self._context) for detector in detectors]
        self._unseen = [_columns(detector) for detector in detectors]
        self._judged = False
        self.verdict = UNJUDGED

    def observe(self, step: int, row: Row) -> Verdict:
        """Take the signals of the next step, counted from 1, and return the verdict as of now."""
        if self.verdict.failed:
            return self.verdict
        if not self._judged:
            self._judged = any(columns & row.keys() for columns in self._unseen)
        self.verdict = self._combined([watch.observe(step, row) for watch in self._watches])
        return self.verdict

    def conclude(self) -> Verdict:
        """Return the verdict on a run that ends here."""
        if not self.verdict.failed:
            self.verdict = self._combined([watch.conclude() for watch in self._watches])
        return self.verdict

    def probe_due(self, step: int) -> bool:
        """Tell whether a detector wants the generator's samples measured after this step."""
        steps = self._context.steps
        return any(detector.probe_due(step, steps) for detector in self._detectors)

    def _combined(self, verdicts: Sequence[Verdict | None]) -> Verdict:
        for detector, verdict in zip(self._detectors, verdicts, strict=True):
            if verdict is not None and not isinstance(verdict, Verdict):
                raise PluginError(
                    f"detector {type(detector).__name__} returned {type(verdict).__name__}; "
                    "`observe` and `conclude` must return a Verdict or None"
                )
        found = [verdict for verdict in verdicts if verdict is not None]
        worst = max(found, key=lambda verdict: verdict.severity, default=HEALTHY)
        if worst.severity > 0:
            return worst
        unjudged = [verdict for verdict in found if verdict.status == "unjudged"]
        if unjudged:
            return unjudged[0]
        return HEALTHY if self._judged else UNJUDGED


def _columns(detector: Detector) -> frozenset[str]:
    """Return the columns each of which gives a detector something to judge."""
    return frozenset(name for column in detector.reads for name in column.split("|"))


@dataclass(frozen=True)
class Diagnosis:
    """Verdict of the detectors on a finished log, and the columns that they missed."""

    verdict: Verdict
    rows: int
    unjudged: Mapping[str, Sequence[str]]
    """Missing columns by detector."""

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

"""Record of a trial: all that is known of one candidate's training, without storage or torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict

from gansearch.signals import Remedy, Verdict

State = Literal["running", "paused", "complete", "pruned", "failed"]
"""`running` also after its driver died: the next driver goes on with it. `paused` at a rung, with a
checkpoint, until it is promoted. `complete` and healthy, `pruned` for its verdict or at a rung, or
`failed` for a reason that says nothing of the candidate's training."""
FINAL: frozenset[State] = frozenset({"complete", "pruned", "failed"})


@dataclass(frozen=True)
class Rung:
    """Quality of a run at a step at which candidates are compared."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Attempt:
    """One of the two runs of a rescued trial; its verdict is None where it crashed."""

    verdict: Verdict | None
    steps: int
    seconds: float


@dataclass(frozen=True)
class Rescue:
    """A run that ended badly, and a second one from scratch with one of its remedies."""

    remedy: Remedy
    """Change of the candidate for the second run."""
    first: Attempt
    second: Attempt
    succeeded: bool
    """True if the second run is healthy; candidate and figures of the trial are then its own."""
    reason: str = ""
    """Cause of a crash or pruning of the second run."""

    def changed(self, parameter: str, value: Any) -> Any:
        """Return the value of a parameter such as `schedule.generator_lr` in the second run.

        Args:
            parameter: name in the study's storage; `schedule` alone names the component used.
            value: its value in the first run.
        """
        role, *path = parameter.split(".")
        return self.remedy.change.get(role, {}).get(path[-1] if path else "use", value)

    def to_json(self) -> dict[str, Any]:
        """Return the remedy with the verdicts and costs of both runs, for `show --json`."""
        first, second = (
            {
                "verdict": None if attempt.verdict is None else attempt.verdict.to_json(),
                "steps": attempt.steps,
                "seconds": attempt.seconds,
            }
            for attempt in (self.first, self.second)
        )
        outcome = {"succeeded": self.succeeded, "reason": self.reason}
        return self.remedy.to_json() | {"first": first, "second": second} | outcome


@dataclass(frozen=True)
class TrialRecord:
    """One candidate from its first step to its last, however often it was paused or interrupted.

    Fields that a trial does not have yet are empty.
    """

    # NaN and infinity, which a plugin's signals may hold, come back as they were stored.
    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")

    number: int
    state: State
    parameters: Mapping[str, Any]
    candidate: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""
    """Content hash of the candidate."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None
    remedies: tuple[Remedy, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    """Means over the last 100 steps."""
    rungs: tuple[Rung, ...] = ()
    """Quality at each rung reached so far."""
    kept_step: int | None = None
    """Step whose generator was kept and measured (`training.keep: best`); None for the last."""
    dominated_by: tuple[int, ...] = ()
    """Numbers of the trials compared with at the rung where this one was paused or pruned."""
    steps: int = 0
    seconds: float = 0.0
    stamp: Mapping[str, Any] = field(default_factory=dict)
    """Data, extractor, device and precision that the figures depend on."""
    reason: str = ""
    """Cause of a crash, a pause or a pruning."""
    baseline: bool = False
    given: bool = False
    """True for candidates that the study names outright: the baseline and the queue."""
    variation: bool = False
    """True for the baseline with one field changed, from a search of one field at a time."""
    certifies: int | None = None
    """In a certification: the trial of the search whose candidate is trained again."""
    seed: int | None = None
    """In a certification: the fresh seed."""
    rescue: Rescue | None = None

    @property
    def ended(self) -> bool:
        """True if nothing more will be trained under this number."""
        return self.state in FINAL

    @property
    def judged(self) -> bool:
        """True if the training came to a verdict, healthy or not."""
        return self.state in ("complete", "pruned") and not self.dominated_by

    @property
    def rescued(self) -> bool:
        """True if candidate and figures are those of a second run with a remedy."""
        return self.rescue is not None and self.rescue.succeeded

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters with the values that the figures belong to, a remedy's changes included."""
        if self.rescue is None or not self.rescued:
            return dict(self.parameters)
        return {name: self.rescue.changed(name, value) for name, value in self.parameters.items()}

    @property
    def figures(self) -> dict[str, float]:
        """Sizes and metrics together."""
        return {**self.sizes, **self.metrics}


@dataclass(frozen=True)
class Rejection:
    """A proposed candidate that was refused before training; it costs nothing and has no number."""

    parameters: Mapping[str, Any]
    reason: str
    repeats: int | None = None
    """Number of the trial that has the same candidate, where that is the reason."""

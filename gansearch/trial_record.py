"""Record of a trial: all that is known of one candidate's training, without storage or torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from gansearch.signals import Remedy, Verdict

State = Literal["complete", "pruned", "failed", "running", "waiting"]


@dataclass(frozen=True)
class Rung:
    """What a run's samples are worth at a step at which candidates are compared."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Attempt:
    """One of the two runs."""

    verdict: Verdict | None
    """None where it crashed."""
    steps: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        verdict = None if self.verdict is None else self.verdict.to_json()
        return {"verdict": verdict, "steps": self.steps, "seconds": self.seconds}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        verdict = None if told["verdict"] is None else Verdict.from_json(told["verdict"])
        return cls(verdict, told["steps"], told["seconds"])


@dataclass(frozen=True)
class Rescue:
    """Both stories of a trial that was rescued, or could not be."""

    remedy: Remedy
    """What the second run had otherwise."""
    first: Attempt
    second: Attempt
    succeeded: bool
    """Whether the second came out healthy, so that candidate and figures of the trial are its own."""
    reason: str = ""
    """Why the second has no figures, where it crashed or was given up at a rung."""

    def changed(self, parameter: str, value: Any) -> Any:
        """What the remedy makes of a parameter such as `schedule.generator_lr`, or `schedule` itself."""
        role, *path = parameter.split(".")
        return self.remedy.change.get(role, {}).get(path[-1] if path else "use", value)

    def to_json(self) -> dict[str, Any]:
        """The remedy's title, reason, source and change beside what came of them."""
        told = {"first": self.first.to_json(), "second": self.second.to_json()}
        return self.remedy.to_json() | told | {"succeeded": self.succeeded, "reason": self.reason}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        first, second = (Attempt.from_json(told[name]) for name in ("first", "second"))
        return cls(Remedy.from_json(told), first, second, told["succeeded"], told["reason"])


@dataclass(frozen=True)
class TrialRecord:
    """One trial as it stands in the storage; what a running one has not got is empty."""

    number: int
    state: State
    parameters: Mapping[str, Any]
    candidate: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""
    sizes: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None
    remedies: Sequence[Remedy] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    rungs: Sequence[Rung] = ()
    """What it was worth at each rung that it reached."""
    dominated_by: Sequence[int] = ()
    """Trials that it was held against at the rung at which it was given up."""
    steps: int = 0
    seconds: float = 0.0
    stamp: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """Why it was rejected before training, how it crashed, or why it was given up at a rung."""
    rejected: bool = False
    """Refused before training, so that it cost nothing."""
    retried: bool = False
    """Queued again as another trial: it was ended by something outside, or set aside at a rung and taken up."""
    baseline: bool = False
    given: bool = False
    """Named outright by the study: the baseline, or queued."""
    variation: bool = False
    """The baseline but for one field, from a search of one at a time."""
    retry_of: int | None = None
    continues: int | None = None
    """The trial that was set aside at a rung, and that this one takes up."""
    certifies: int | None = None
    """The trial of the search whose candidate this run proves, or not."""
    seed: int | None = None
    """With which it does."""
    rescue: Rescue | None = None
    """The two runs of a trial that got a second one."""

    @property
    def ended(self) -> bool:
        """Whether it says something of its candidate for good."""
        return self.state in ("complete", "pruned", "failed") and not self.retried

    @property
    def judged(self) -> bool:
        """Whether a training of its candidate has come to a verdict, healthy or not."""
        return self.state in ("complete", "pruned") and not (self.rejected or self.dominated_by)

    @property
    def rescued(self) -> bool:
        """Whether a remedy has made another candidate of it than its parameters give."""
        return self.rescue is not None and self.rescue.succeeded

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters with the values that the trial's figures are of, where a remedy has changed some."""
        if self.rescue is None or not self.rescued:
            return dict(self.parameters)
        return {name: self.rescue.changed(name, value) for name, value in self.parameters.items()}

    @property
    def figures(self) -> dict[str, float]:
        """Sizes and metrics together."""
        return {**self.sizes, **self.metrics}

    def to_json(self) -> dict[str, Any]:
        told = {
            k: getattr(self, k)
            for k in ("candidate", "identity", "sizes", "metrics", "signals", "steps")
        }
        told |= {k: getattr(self, k) for k in ("seconds", "stamp", "reason", "rejected", "retried")}
        told |= {"verdict": self.verdict.to_json() if self.verdict else None}
        told |= {"rungs": [(rung.step, dict(rung.metrics)) for rung in self.rungs]}
        told |= {"dominated_by": list(self.dominated_by)}
        told |= {"rescue": self.rescue.to_json() if self.rescue else None}
        return told | {
            "state": self.state,
            "remedies": [remedy.to_json() for remedy in self.remedies],
        }

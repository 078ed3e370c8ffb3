"""What a trial keeps of a rescue: a run that ended badly, and a second one with one of its remedies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gansearch.signals import Remedy, Verdict


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

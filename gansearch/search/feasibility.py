"""The gate: what is known of a candidate before it is trained, and what that alone refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.search.smallest_model import SizeCeiling
from gansearch.storage.trial_store import GIVEN
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import Bounds

SizeCounter = Callable[[Candidate], Mapping[str, float]]
"""Counts a candidate without training it. Raises ValueError where it cannot be built."""


@dataclass(frozen=True)
class Feasibility:
    """What the gate found out."""

    candidate: Candidate | None = None
    """None where its values do not go together."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    """By constraint, each violated where above 0."""
    refusal: str = ""
    """Why it is not trained, where that is so."""
    broken: bool = False
    """Whether a component raised what it should not: that says nothing of the candidate."""


class FeasibilityCheck:
    """Refuses candidates unseen."""

    def __init__(
        self,
        space: SearchSpace,
        sizes: SizeCounter,
        constraints: Mapping[str, Bounds],
        ceiling: SizeCeiling | None = None,
    ) -> None:
        """Put together what refuses.

        Args:
            space: what a candidate is drawn from.
            sizes: counts it.
            constraints: what the study allows.
            ceiling: what it must be smaller than, where the search is after the smallest one and has a champion.
        """
        self._space, self._sizes, self._constraints, self._ceiling = (
            space,
            sizes,
            constraints,
            ceiling,
        )

    def examine(self, trial: Trial) -> Feasibility:
        """Draw a trial's candidate, count it, and hold it against the study's constraints."""
        # What the study names outright it wants trained, whatever its size.
        return self._examined(
            lambda: self._space.draw(trial), bound=not trial.user_attrs.get(GIVEN)
        )

    def weigh(self, candidate: Candidate, *, bound: bool) -> Feasibility:
        """Do the same with a candidate that is drawn already; `bound` where the constraints refuse it."""
        return self._examined(lambda: candidate, bound=bound)

    def weigh_parameters(self, parameters: Mapping[str, Scalar]) -> Feasibility:
        """Do the same with a candidate that might be proposed."""
        return self._examined(lambda: self._space.candidate(parameters), bound=True)

    def _examined(self, draw: Callable[[], Candidate], *, bound: bool) -> Feasibility:
        try:
            candidate = draw()
            sizes = self._sizes(candidate)
        except (InvalidCandidateError, ValueError) as error:
            return Feasibility(violations={"invalid": 1.0}, refusal=str(error))
        except (
            Exception
        ) as error:  # a plugin may fail in any way; that costs its candidate and no other
            return Feasibility(refusal=f"raised: {type(error).__name__}: {error}", broken=True)
        violations = self._violations(sizes)
        over = [name for name, violation in violations.items() if bound and violation > 0]
        refusal = "; ".join(
            f"{name} {sizes[name]:,.0f} is outside the study's constraint" for name in over
        )
        if not refusal and bound and self._ceiling and (refusal := self._ceiling.refusal(sizes)):
            violations["invalid"] = 1.0
        return Feasibility(candidate, sizes, violations, refusal)

    def _violations(self, sizes: Mapping[str, float]) -> dict[str, float]:
        """By how much each constrained size is over its bounds, as a share of the bound."""
        return {
            name: bounds.violation(sizes[name]) / max(1.0, abs(bounds.max or bounds.min or 0.0))
            for name, bounds in self._constraints.items()
        }

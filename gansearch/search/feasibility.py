"""Feasibility: sizes and constraints of a candidate, checked before it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.global_state import preserved_global_state
from gansearch.search.smallest_model import SizeCeiling
from gansearch.storage.trial_attributes import GIVEN
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import Bounds

SizeCounter = Callable[[Candidate], Mapping[str, float]]
"""Function that counts a candidate without training it; raises ValueError if it cannot be built."""


@dataclass(frozen=True)
class Feasibility:
    """Result of a feasibility check."""

    candidate: Candidate | None = None
    """None where the drawn values are invalid together."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    """Violation by constraint; one above 0 is violated."""
    refusal: str = ""
    """Reason why the candidate is not trained; empty where it is."""
    broken: bool = False
    """True if a component raised an unexpected exception; it says nothing about the candidate."""


class FeasibilityCheck:
    """Check of candidates against the study's constraints, without training them."""

    def __init__(
        self,
        space: SearchSpace,
        sizes: SizeCounter,
        constraints: Mapping[str, Bounds],
        ceiling: SizeCeiling | None = None,
    ) -> None:
        """Set up the check.

        Args:
            space: the search space.
            sizes: the function that counts a candidate.
            constraints: the study's bounds, by size.
            ceiling: the size of the certified champion, in a search for the smallest model.
        """
        self._space, self._sizes = space, sizes
        self._constraints, self._ceiling = constraints, ceiling

    def examine(self, trial: Trial) -> Feasibility:
        """Draw a trial's candidate and check it; the study's own candidates may have any size."""
        constrained = not trial.user_attrs.get(GIVEN)
        return self._check(lambda: self._space.draw(trial), constrained=constrained)

    def check(self, candidate: Candidate, *, constrained: bool) -> Feasibility:
        """Check a candidate; unless `constrained`, violated constraints do not refuse it."""
        return self._check(lambda: candidate, constrained=constrained)

    def check_parameters(self, parameters: Mapping[str, Scalar]) -> Feasibility:
        """Check the candidate of these parameters."""
        return self._check(lambda: self._space.candidate(parameters), constrained=True)

    def _check(self, build: Callable[[], Candidate], *, constrained: bool) -> Feasibility:
        try:
            with preserved_global_state():
                candidate = build()
                sizes = self._sizes(candidate)
        except (InvalidCandidateError, ValueError) as error:
            return Feasibility(violations={"invalid": 1.0}, refusal=str(error))
        except Exception as error:  # a plugin may raise anything; it costs this candidate alone
            return Feasibility(refusal=f"raised: {type(error).__name__}: {error}", broken=True)
        # Violations are shares of the bound, so that those of different sizes compare.
        violations = {
            name: bounds.violation(sizes[name]) / max(1.0, abs(bounds.max or bounds.min or 0.0))
            for name, bounds in self._constraints.items()
        }
        refusal = ""
        if constrained:
            refusal = "; ".join(
                f"{name} {sizes[name]:,.0f} is outside the study's constraint"
                for name, violation in violations.items()
                if violation > 0
            )
            if not refusal and self._ceiling and (refusal := self._ceiling.refusal(sizes)):
                violations["invalid"] = 1.0
        return Feasibility(candidate, sizes, violations, refusal)

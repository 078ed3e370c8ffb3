"""Number of candidates in a search space."""

from __future__ import annotations

import math
from typing import NamedTuple

from gansearch.domains import Choices, Domain, IntRange
from gansearch.study.search_space import SearchSpace


class SpaceSize(NamedTuple):
    """Size of a search space."""

    combinations: int
    """Combinations of components, whole numbers, steps and choices."""
    continuous: int
    """Ranges of real numbers without a step, which every one of them has besides."""

    def __str__(self) -> str:
        """Return it in words.

        >>> str(SpaceSize(3456, 2))
        '3,456 combinations, and 2 continuous ranges'
        """
        counted = f"{self.combinations:,} combination{'s' if self.combinations != 1 else ''}"
        if not self.continuous:
            return counted
        return f"{counted}, and {self.continuous} continuous range{'s' * (self.continuous > 1)}"


def space_size(space: SearchSpace) -> SpaceSize:
    """Count the combinations of a space, also those that cannot be built or break a constraint.

    Where architectures differ in the number of continuous ranges, the largest is told.
    """
    combinations, continuous = 1, 0
    for options in space.options.values():
        counts = [[_count(domain) for domain in option.domains.values()] for option in options]
        combinations *= sum(math.prod(n for n in fields if n) for fields in counts)
        continuous += max(fields.count(0) for fields in counts)
    return SpaceSize(combinations, continuous)


def _count(domain: Domain) -> int:
    """Return the number of values of a domain; 0 for a continuous range."""
    if isinstance(domain, Choices):
        return len(domain.values)
    if isinstance(domain, IntRange):
        return (domain.high - domain.low) // domain.step + 1
    if domain.step is None:
        return 0 if domain.low < domain.high else 1
    return int((domain.high - domain.low) / domain.step) + 1

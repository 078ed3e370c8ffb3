"""Candidates as points of a unit cube, so that some are nearer to each other than others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gansearch.domains import Choices, Domain, FloatRange, IntRange, Scalar
from gansearch.search.surrogate import Array

MIDDLE = 0.5
"""Of a field that a candidate has not got, since it has another architecture."""
APART = 0.7
"""Of choices that are no numbers, each against every other: half a squared unit each way."""


class Encoding:
    """Turns the parameters of candidates into rows of numbers between 0 and 1."""

    def __init__(self, domains: Mapping[str, Domain]) -> None:
        self._domains = domains

    def __call__(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Candidates (N,) as rows (N, D)."""
        rows = [
            [number for name, domain in self._domains.items() for number in _coordinates(domain, candidate, name)]
            for candidate in candidates
        ]
        return np.array(rows, dtype=np.float64)


def _coordinates(domain: Domain, candidate: Mapping[str, Scalar], name: str) -> list[float]:
    known, value = name in candidate, candidate.get(name)
    if isinstance(domain, Choices):
        if _are_numbers(domain.values):
            ranks = sorted(domain.values)  # type: ignore[type-var]
            return [ranks.index(value) / max(1, len(ranks) - 1) if known else MIDDLE]
        return [APART * (known and value == choice) for choice in domain.values]
    return [_share(domain, value) if known and isinstance(value, (int, float)) else MIDDLE]


def _are_numbers(values: Sequence[Scalar]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _share(domain: IntRange | FloatRange, value: float) -> float:
    """How far along its range a value lies."""
    if domain.high == domain.low:
        return MIDDLE
    if domain.log:
        return math.log(value / domain.low) / math.log(domain.high / domain.low)
    return (value - domain.low) / (domain.high - domain.low)

"""Candidates as points of a unit cube, so that some are nearer to each other than others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from gansearch.domains import Choices, Domain, FloatRange, IntRange, Scalar
from gansearch.search.bayesian.gaussian_process import Array

MIDDLE = 0.5
"""Of a field that a candidate has not got, since it has another architecture."""
APART = 0.7
"""Of choices that are no numbers, each against every other: half a squared unit each way."""


ABSENT = object()
"""Stands for the value of a field that a candidate has not got."""


class Encoding:
    """Turns the parameters of candidates into rows of numbers between 0 and 1."""

    def __init__(self, domains: Mapping[str, Domain]) -> None:
        self._axes = {name: _axis_of(domain) for name, domain in domains.items()}

    def __call__(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Candidates (N,) as rows (N, D)."""
        rows = [
            [
                number
                for name, axis in self._axes.items()
                for number in axis(candidate.get(name, ABSENT))
            ]
            for candidate in candidates
        ]
        return np.array(rows, dtype=np.float64)


Coordinates = Callable[[object], Sequence[float]]
"""The coordinates of a field's value."""


def _axis_of(domain: Domain) -> Coordinates:
    """Whatever depends on the domain alone is found out once."""
    if not isinstance(domain, Choices):
        return partial(_along, domain)
    if _are_numbers(domain.values):
        ranks = sorted(domain.values)  # type: ignore[type-var]
        places: dict[object, Sequence[float]] = {
            rank: (i / max(1, len(ranks) - 1),) for i, rank in enumerate(ranks)
        }
        return (places | {ABSENT: (MIDDLE,)}).__getitem__
    corners: dict[object, Sequence[float]] = {
        value: tuple(APART * (value == choice) for choice in domain.values)
        for value in (*domain.values, ABSENT)
    }
    return corners.__getitem__


def _are_numbers(values: Sequence[Scalar]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _along(domain: IntRange | FloatRange, value: object) -> Sequence[float]:
    """How far along its range a value lies."""
    if not isinstance(value, (int, float)) or domain.high == domain.low:
        return (MIDDLE,)
    if domain.log:
        return (math.log(value / domain.low) / math.log(domain.high / domain.low),)
    return ((value - domain.low) / (domain.high - domain.low),)

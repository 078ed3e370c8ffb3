"""Inheritance: a candidate begins with weights of a larger one that came out healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gansearch.candidate import Candidate
from gansearch.components import ImageShape
from gansearch.ranking.pareto import Objective
from gansearch.registry import Registry
from gansearch.storage.trial_store import TrialRecord

if TYPE_CHECKING:
    from gansearch.training.inheritance import Shapes

SIZE = "generator_params"


class Parents:
    """Finds for a candidate the trial that it is cut out of.

    That is the smallest generator in which each of the candidate's tensors has its place: the same
    components and layers, none of them narrower. Of equals it is the one with the better quality.
    One of the same size is none: to go on with it would only be a longer training.
    """

    def __init__(self, images: ImageShape, axes: Sequence[Objective]) -> None:
        """Know the shape of the samples, and the study's objectives."""
        self._images, self._registry = images, Registry()
        self._qualities = [axis for axis in axes if not axis.is_size]
        self._known: dict[int, Shapes] = {}

    def find(
        self, record: TrialRecord, candidate: Candidate, healthy: Sequence[TrialRecord]
    ) -> int | None:
        """The number of the parent; None where there is none, and for what the study names outright.

        Args:
            record: of the trial that is to begin.
            candidate: of it.
            healthy: trials that came through.
        """
        if record.given or record.variation or record.certifies is not None:
            return None
        alike = [
            other
            for other in healthy
            if _alike(other, candidate) and other.sizes[SIZE] > record.sizes[SIZE]
        ]
        return next(
            (
                other.number
                for other in sorted(alike, key=self._rank)
                if self._fits(candidate, other)
            ),
            None,
        )

    def _rank(self, record: TrialRecord) -> tuple[float, ...]:
        return (
            record.sizes[SIZE],
            *(axis.cost(axis.value(record)) for axis in self._qualities),
            record.number,
        )

    def _fits(self, candidate: Candidate, parent: TrialRecord) -> bool:
        from gansearch.training.inheritance import (
            fits,  # here, since the driver knows nothing of torch
        )

        if parent.number not in self._known:
            self._known[parent.number] = self._shapes(
                Candidate.from_json(parent.candidate, self._registry)
            )
        return fits(self._shapes(candidate), self._known[parent.number])

    def _shapes(self, candidate: Candidate) -> Shapes:
        import torch

        from gansearch.training.inheritance import shapes_of

        with torch.device("meta"):
            return shapes_of(candidate.generator.build(self._images).state_dict())


def _alike(record: TrialRecord, candidate: Candidate) -> bool:
    """Whether both networks of a trial are built by the candidate's components."""
    told: Mapping[str, Mapping[str, object]] = record.candidate
    return all(told[role]["use"] == candidate.uses[role] for role in ("generator", "discriminator"))

"""Comparability of candidates that train on different data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gansearch.candidate import Candidate
from gansearch.components import Data, Dataset
from gansearch.errors import DataError


@dataclass(frozen=True)
class ComparableSizes:
    """Count candidates, and refuse one that would be judged by other samples than the baseline."""

    count: Callable[[Candidate], Mapping[str, float]]
    dataset: Dataset
    """Data set of the baseline."""
    data: Data
    """Samples of that data set."""

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        """Return the candidate's sizes.

        Raises:
            ValueError: when it cannot be built, or its data set differs in more than the training
                samples.
        """
        if candidate.dataset != self.dataset:
            self._compare(candidate.dataset)
        return self.count(candidate)

    def _compare(self, dataset: Dataset) -> None:
        try:
            data = dataset.load()
        except DataError as error:
            raise ValueError(f"cannot load its dataset: {error}") from None
        if data.shape != self.data.shape:
            own, wanted = (" x ".join(map(str, shape)) for shape in (data.shape, self.data.shape))
            raise ValueError(
                f"its samples are {own}, the baseline's {wanted}, so the two cannot be compared"
            )
        if not np.array_equal(data.test.samples, self.data.test.samples):
            raise ValueError(
                "its test samples are not the baseline's, so the two cannot be compared"
            )

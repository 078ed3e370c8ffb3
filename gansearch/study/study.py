"""A study made ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.errors import Problem, StudyError
from gansearch.evaluation.comparability import ComparableSizes
from gansearch.evaluation.counting import SizeCounter
from gansearch.evaluation.evidence import reference_size
from gansearch.registry import Registry
from gansearch.study.component_choices import component_problems
from gansearch.study.judging import judging_warnings
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec, missing_distributions
from gansearch.study.yaml_file import StudyDocument


@dataclass(frozen=True)
class Study:
    """A study that is ready to run: every name resolved, the data loaded, the baseline counted."""

    spec: StudySpec
    space: SearchSpace
    data: Data
    sizes: Callable[[Candidate], Mapping[str, float]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the data set, and of a study whose runs can hardly be judged."""
        steps = self.spec.training.in_steps(len(self.data.train.samples)).steps
        detectors = self.space.detectors
        judging = judging_warnings(detectors, steps, reference_size(self.data))
        return (*self.data.warnings, *judging)

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Study:
        """Read a study file and check all that can be checked without training.

        Raises:
            StudyError: with every mistake, located.
            DataError: when the data is missing or unreadable.
        """
        document = StudyDocument.read(path, overrides)
        registry = Registry()
        missing = missing_distributions(document.tree)
        try:
            spec = document.spec()
        except StudyError as error:
            # Components of what is not installed are unknown; that it is missing says it all.
            others = missing or component_problems(document.tree, registry)
            raise document.error([*error.problems, *others]) from None
        if missing:
            raise document.error(missing)
        try:
            space = SearchSpace(spec, registry)
        except StudyError as error:
            raise document.error(error.problems) from None
        data = space.dataset.load()
        sizes = ComparableSizes(SizeCounter(data.shape, space.metrics), space.dataset, data)
        try:
            sizes(space.baseline)
        except ValueError as error:
            raise document.error([Problem(("baseline",), f"cannot be built: {error}")]) from None
        return cls(_counted(spec, space), space, data, sizes)


def _counted(spec: StudySpec, space: SearchSpace) -> StudySpec:
    """The study with the number of its trials, where that depends on how many variations there are."""
    if spec.search.sampler != "one-at-a-time":
        return spec
    search = spec.search.model_copy(update={"trials": len(space.given(spec.search))})
    return spec.model_copy(update={"search": search})

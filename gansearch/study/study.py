"""A study that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gansearch.candidate import Candidate
from gansearch.components import Data, Extractor, SizeMetric
from gansearch.errors import DataError, Problem, StudyError
from gansearch.evaluation.comparability import ComparableSizes
from gansearch.evaluation.counting import SizeCounter
from gansearch.evaluation.evidence import reference_size
from gansearch.evaluation.extractors import choose_extractor, extractor_for
from gansearch.registry import Registry
from gansearch.study.component_choices import component_problems
from gansearch.study.data_identity import resolve_location
from gansearch.study.judging import judging_warnings
from gansearch.study.objective import Objective
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import ComponentNode, StudySpec, missing_distributions
from gansearch.study.yaml_file import StudyDocument


@dataclass(frozen=True)
class Study:
    """A study with its components resolved, its data loaded and its baseline counted."""

    spec: StudySpec
    space: SearchSpace
    data: Data
    sizes: Callable[[Candidate], Mapping[str, float]]
    """Count the sizes of a candidate on the meta device, by metric."""
    extractor: Extractor | None = None
    """Extractor that images are compared by; None for points, which are their own features."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the data set and the extractor, and of runs that can hardly be judged."""
        steps = self.spec.training.in_steps(len(self.data.train.samples)).steps
        detectors = self.space.detectors
        judging = judging_warnings(detectors, steps, reference_size(self.data))
        caution = self.extractor.caution if self.extractor is not None else ""
        return (*self.data.warnings, *judging, *filter(None, [caution]))

    @property
    def location(self) -> frozenset[str]:
        """Keys of the study that only name the place of a file, such as `dataset.root`."""
        dataset, extractor = self.space.dataset, self.extractor
        return frozenset(
            f"{component.role}.{field}"
            for component in (dataset, extractor)
            if component is not None
            for field in component.location
        )

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Study:
        """Read a study file and check everything that needs no training.

        Args:
            path: the study file.
            overrides: `key.path=value`, as after `--set`.

        Raises:
            StudyError: with every mistake, each at its place in the file.
            DataError: when the data is missing or unreadable.
        """
        document = StudyDocument.read(path, overrides)
        registry = Registry()
        resolve_location(document.tree, registry, path.absolute().parent)
        missing = missing_distributions(document.tree)
        try:
            spec = document.spec()
        except StudyError as error:
            # Components of a missing distribution are unknown, which its own problem explains.
            others = missing or component_problems(document.tree, registry)
            raise document.error([*error.problems, *others]) from None
        if missing:
            raise document.error(missing)
        try:
            space = SearchSpace(spec, registry)
        except StudyError as error:
            raise document.error(error.problems) from None
        data = space.dataset.load()
        if spec.training.augment and not data.is_image:
            problem = Problem(("training", "augment"), "is for pictures, and these data are points")
            raise document.error([problem])
        try:
            spec, extractor = _with_extractor(spec, space.extractor, data, registry)
        except DataError as error:
            raise document.error([Problem(("extractor",), str(error))]) from None
        sizes = ComparableSizes(SizeCounter(data.shape, space.metrics), space.dataset, data)
        try:
            sizes(space.baseline)
        except ValueError as error:
            raise document.error([Problem(("baseline",), f"cannot be built: {error}")]) from None
        if spec.search.sampler == "one-at-a-time":
            trials = len(space.given(spec.search))
            search = spec.search.model_copy(update={"trials": trials})
            spec = spec.model_copy(update={"search": search})
        return cls(spec, space, data, sizes, extractor)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """Objectives of the study, in its order."""
        return tuple(
            Objective(o.metric, o.direction, isinstance(self.space.metrics[o.metric], SizeMetric))
            for o in self.spec.objectives
        )


def _with_extractor(
    spec: StudySpec, extractor: Extractor | None, data: Data, registry: Registry
) -> tuple[StudySpec, Extractor | None]:
    """Return the study with its extractor, chosen for the data where the study names none.

    The choice becomes part of the study, so that no other extractor goes on with its run.

    Raises:
        DataError: when the extractor cannot be loaded for these data.
    """
    if not data.is_image:
        if extractor is not None:
            raise DataError("is for pictures, and these data are points, compared as they are")
        return spec, None
    if extractor is None:
        name, extractor = choose_extractor(data, registry)
        spec = spec.model_copy(update={"extractor": ComponentNode(use=name)})
    extractor_for(data, extractor)
    return spec, extractor

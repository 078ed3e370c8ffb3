"""A study that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gansearch.candidate import Candidate
from gansearch.components import CostMetric, Data, Extractor, SampleMetric, SizeMetric
from gansearch.errors import DataError, Problem, StudyError
from gansearch.evaluation.comparability import ComparableSizes
from gansearch.evaluation.evidence import reference_size
from gansearch.evaluation.extractors import choose_extractor, extractor_for
from gansearch.global_state import preserved_global_state
from gansearch.registry import Registry
from gansearch.study.checked_study import CheckedStudy
from gansearch.study.judging import count_looks, judging_warnings
from gansearch.study.objective import Objective
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import ComponentNode, StudySpec
from gansearch.study.teacher import Teacher, TeacherError

IN_FEATURES = frozenset({"feature", "mmd"})
"""Distillation terms that are computed from an extractor's features."""


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
    teacher: Teacher | None = None
    """Teacher that candidates learn from, if the study has one."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the data set and the extractor, and of runs that can hardly be judged."""
        steps = self.spec.training.in_steps(len(self.data.train.samples)).steps
        detectors = self.space.detectors
        judging = judging_warnings(detectors, steps, reference_size(self.data))
        caution = self.extractor.caution if self.extractor is not None else ""
        favour = ""
        if self.spec.teacher is not None and IN_FEATURES & self.spec.teacher.terms:
            favour = (
                "students learn on the features that metrics compare samples by, so these figures "
                "favour them over models without a teacher; judge them by another `extractor` too"
            )
        return (*self.data.warnings, *judging, *filter(None, [caution, favour]))

    @property
    def location(self) -> frozenset[str]:
        """Keys of the study that only name the place of a file, such as `dataset.root`.

        A teacher is known by the digest of its weights, wherever it lies.
        """
        dataset, extractor = self.space.dataset, self.extractor
        components = frozenset(
            f"{component.role}.{field}"
            for component in (dataset, extractor)
            if component is not None
            for field in component.location
        )
        return components | {"teacher.run", "teacher.trial", "teacher.bundle"}

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
        return cls.of(CheckedStudy.load(path, overrides))

    @classmethod
    def of(cls, checked: CheckedStudy) -> Study:
        """Load the data of a checked study, and check what depends on them.

        Raises:
            StudyError: with every mistake, each at its place in the file.
            DataError: when the data is missing or unreadable.
        """
        spec, space, document = checked.spec, checked.space, checked.document
        with preserved_global_state():
            data = space.dataset.load()
        problems = []
        if spec.training.augment and not data.is_image:
            message = "is for pictures, and these data are points"
            problems.append(Problem(("training", "augment"), message))
        if spec.training.keep == "best":
            steps = spec.training.in_steps(len(data.train.samples)).steps
            if message := _nothing_to_keep(space, spec, steps):
                problems.append(Problem(("training", "keep"), message))
        extractor = None
        try:
            spec, extractor = _with_extractor(spec, space.extractor, data, checked.registry)
        except DataError as error:
            problems.append(Problem(("extractor",), str(error)))
        else:
            problems += _teacher_problems(checked, data, extractor)
        try:
            with preserved_global_state():
                checked.baseline_sizes(data.shape)
        except StudyError as error:
            problems += error.problems
        if problems:
            raise document.error(problems)
        sizes = ComparableSizes(checked.count_sizes(data.shape), space.dataset, data)
        if spec.search.sampler == "one-at-a-time":
            trials = len(space.given(spec.search))
            search = spec.search.model_copy(update={"trials": trials})
            spec = spec.model_copy(update={"search": search})
        return cls(spec, space, data, sizes, extractor, checked.teacher)

    @property
    def kept_by(self) -> Objective | None:
        """First quality among the objectives, by which `training.keep: best` chooses."""
        return next((objective for objective in self.objectives if objective.is_quality), None)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """Objectives of the study, in its order."""
        return tuple(
            Objective(
                o.metric,
                o.direction,
                is_size=isinstance(self.space.metrics[o.metric], SizeMetric),
                is_cost=isinstance(self.space.metrics[o.metric], CostMetric),
            )
            for o in self.spec.objectives
        )


def _teacher_problems(
    checked: CheckedStudy, data: Data, extractor: Extractor | None
) -> list[Problem]:
    """List what prevents the study's teacher from teaching on these data."""
    teacher, spec = checked.teacher, checked.spec.teacher
    if teacher is None or spec is None:
        return []
    problems = []
    try:
        teacher.check_data(data)
    except TeacherError as error:
        problems.append(Problem(("teacher", spec.place), str(error)))
    terms = sorted(IN_FEATURES & spec.terms)
    if terms and not extractor_for(data, extractor).gives_gradients(data.shape):
        message = (
            f"{' and '.join(terms)} need gradients, which the extractor does not give; take "
            "pixel or adversarial, or name another `extractor`"
        )
        problems.append(Problem(("teacher", "distill"), message))
    return problems


def _nothing_to_keep(space: SearchSpace, spec: StudySpec, steps: int) -> str:
    """Return why no look of a training can be the best; empty if one can."""
    if not any(isinstance(space.metrics[o.metric], SampleMetric) for o in spec.objectives):
        return "best needs a quality among the objectives, such as mmd"
    if count_looks(space.detectors, steps) == 0:
        return "best needs a detector that looks at samples; add {use: mode-collapse} to detectors"
    return ""


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

"""A study whose file is checked, as far as that needs none of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gansearch.components import ImageShape
from gansearch.errors import Problem, StudyError
from gansearch.evaluation.counting import SizeCounter
from gansearch.registry import Registry
from gansearch.study.data_identity import resolve_location, resolve_prior, resolve_references
from gansearch.study.file_problems import component_problems
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec, missing_distributions
from gansearch.study.teacher import Teacher, TeacherError
from gansearch.study.teacher_files import load_teacher
from gansearch.study.yaml_file import StudyDocument


@dataclass(frozen=True)
class CheckedStudy:
    """A study file that is valid, with its components resolved and no data loaded."""

    document: StudyDocument
    spec: StudySpec
    space: SearchSpace
    registry: Registry
    teacher: Teacher | None = None
    """Teacher that candidates learn from, if the study has one."""

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Read a study file and check everything that needs neither data nor networks.

        Args:
            path: the study file.
            overrides: `key.path=value`, as after `--set`.

        Raises:
            StudyError: with every mistake, each at its place in the file.
        """
        document, registry = StudyDocument.read(path, overrides), Registry()
        document.tree = resolve_references(document.tree, document.folders)
        nowhere = resolve_location(document.tree, registry, document.folders)
        problems = missing_distributions(document.tree)
        is_complete = not problems
        problems += resolve_prior(document.tree, document.folders)
        spec, teacher = None, None
        try:
            spec = document.spec()
        except StudyError as error:
            problems += error.problems
            if is_complete:  # else components are unknown, which the missing plugin explains
                problems += component_problems(document.tree, registry)
        if spec is not None and spec.teacher is not None:
            place = spec.teacher.place
            try:
                teacher, resolved = load_teacher(spec.teacher, path)
                spec = spec.model_copy(update={"teacher": resolved})
            except TeacherError as error:
                problems.append(Problem(("teacher", error.key or place), str(error)))
        if spec is not None and is_complete:
            try:
                space = SearchSpace(spec, registry, teacher)
            except StudyError as error:
                problems += error.problems
        if problems or spec is None:
            raise document.error([*problems, *nowhere])
        return cls(document, spec, space, registry, teacher)

    def baseline_sizes(self, shape: ImageShape) -> Mapping[str, float]:
        """Count the networks of the baseline for samples of a shape.

        Raises:
            StudyError: when they cannot be built.
        """
        try:
            return self.count_sizes(shape)(self.space.baseline)
        except ValueError as error:
            raise self.document.error(
                [Problem(("baseline",), f"cannot be built: {error}")]
            ) from None

    def count_sizes(self, shape: ImageShape) -> SizeCounter:
        """Return the counter of candidates' sizes for samples of a shape."""
        return SizeCounter(shape, self.space.metrics)

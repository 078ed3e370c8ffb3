"""Search space: a value or a domain for each field of each component, and the candidates in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gansearch.candidate import CANDIDATE_ROLES, TEACHER, Candidate
from gansearch.components import (
    Component,
    CostMetric,
    Dataset,
    Detector,
    Metric,
    SampleMetric,
    SizeMetric,
)
from gansearch.domains import Choices, Domain, Scalar, Source
from gansearch.errors import Place, Problem, StudyError
from gansearch.registry import Registry
from gansearch.study.component_choices import (
    ComponentResolver,
    InvalidCandidateError,
    metric_places,
)
from gansearch.study.given_candidates import given_parameters, searched_parameters, usual_value
from gansearch.study.spec import ObjectiveSpec, SearchSpec, StudySpec

if TYPE_CHECKING:
    from gansearch.study.teacher import Teacher


class SearchSpace:
    """All candidates that a study may try, with its metrics, detectors and extractor.

    Candidates are drawn from a source, which suggests values like an Optuna trial, or made from
    parameters, which are values by the names that the study's storage has for them.
    """

    def __init__(self, spec: StudySpec, registry: Registry, teacher: Teacher | None = None) -> None:
        """Resolve the components that a study names.

        Args:
            spec: the study.
            registry: has the components.
            teacher: refuses candidates that it cannot teach.

        Raises:
            StudyError: with every mistake found.
        """
        resolver = ComponentResolver(registry)
        nodes = {role: getattr(spec, role) for role in CANDIDATE_ROLES} | {
            "dataset": (spec.dataset,)
        }
        self.options = {role: resolver.options(role, nodes[role]) for role in CANDIDATE_ROLES}
        if spec.teacher is not None:
            self.options[TEACHER] = (resolver.distillation(spec.teacher),)
        self._teacher = teacher
        self.detectors: tuple[Detector, ...] = resolver.detectors(spec.detectors)
        self.extractor = resolver.extractor(spec.extractor)
        self.metrics = resolver.metrics(metric_places(spec.resolved()))
        problems = resolver.problems
        problems += objective_problems(spec.objectives, spec.reference, spec.search, self.metrics)
        self.baseline_parameters, self.queued_parameters = given_parameters(
            spec.baseline, spec.queue, resolver.sound(self.options), problems
        )
        if problems:
            raise StudyError(problems)
        given: dict[Place, Mapping[str, Scalar]] = {("baseline",): self.baseline_parameters}
        given |= {("queue", i): queued for i, queued in enumerate(self.queued_parameters)}
        for place, parameters in given.items():
            try:
                self.candidate(parameters)
            except InvalidCandidateError as error:
                problems.append(Problem(place, str(error)))
        if problems:
            raise StudyError(problems)
        self.baseline = self.candidate(self.baseline_parameters)

    @property
    def dataset(self) -> Dataset:
        """Data set of the baseline; its sample shape and test samples serve all candidates."""
        return self.baseline.dataset

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """Domain of each searched parameter, by its name in the study's storage."""
        found: dict[str, Domain] = {}
        for role, options in self.options.items():
            if len(options) > 1:
                found[role] = Choices(*(option.use for option in options))
            for option in options:
                parameters = searched_parameters(role, option, alone=len(options) == 1)
                found |= {name: domain for name, _, domain in parameters}
        return found

    def candidate(self, parameters: Mapping[str, Scalar]) -> Candidate:
        """Make the candidate of these parameters.

        Raises:
            InvalidCandidateError: when its values cannot be combined.
        """
        return self.draw(_FixedSource(parameters))

    def draw(self, source: Source) -> Candidate:
        """Make the candidate that a source suggests.

        Raises:
            InvalidCandidateError: when its values cannot be combined.
        """
        components: dict[str, tuple[str, Component]] = {}
        for role, options in self.options.items():
            option = options[0]
            if len(options) > 1:
                use = source.suggest_categorical(role, tuple(o.use for o in options))
                option = next(o for o in options if o.use == use)
            parameters = searched_parameters(role, option, alone=len(options) == 1)
            drawn = {field: domain.draw(source, name) for name, field, domain in parameters}
            components[role] = (option.use, option.build(drawn))
        candidate = Candidate.of(components)
        if missing := candidate.missing_objectives():
            raise InvalidCandidateError(
                f"the schedule {candidate.uses['schedule']!r} needs a loss with the method "
                f"{' and '.join(missing)}, which {candidate.uses['loss']!r} does not have"
            )
        if self._teacher is not None and (refusal := self._teacher.refusal(candidate)):
            raise InvalidCandidateError(f"{self._teacher} cannot teach it: {refusal}")
        return candidate

    def given(self, search: SearchSpec) -> list[dict[str, Scalar]]:
        """Return the parameters of the candidates that need no sampler, in order.

        These are the baseline and the queue, and with `sampler: one-at-a-time` the variations of
        the baseline, up to `search.trials` candidates in all.
        """
        given = [self.baseline_parameters, *self.queued_parameters]
        if search.sampler != "one-at-a-time":
            return given
        room = None if search.limit is None else max(0, search.limit - len(given))
        return given + self.variations(search.grid_levels)[:room]

    def variations(self, levels: int) -> list[dict[str, Scalar]]:
        """Return the parameters of each candidate that differs from the baseline in one thing.

        That is one field, or the component of one role. Candidates that the study names itself are
        left out.

        Args:
            levels: number of values tried of a range.
        """
        given = [self.baseline_parameters, *self.queued_parameters]
        varied = (
            parameters for role in self.options for parameters in self._variations_of(role, levels)
        )
        return [parameters for parameters in varied if parameters not in given]

    def _variations_of(self, role: str, levels: int) -> Iterator[dict[str, Scalar]]:
        """Yield the variations of one role: its other components, then values of each field."""
        options, baseline = self.options[role], getattr(self.baseline, role)
        own = next(option for option in options if option.use == self.baseline.uses[role])
        other_roles = {
            name: value
            for name, value in self.baseline_parameters.items()
            if name.split(".")[0] != role
        }
        for option in options:
            if option is own:
                continue
            searched: dict[str, Scalar] = {}
            for name, field, domain in searched_parameters(role, option, alone=False):
                # The baseline's value of this field where it is legal
                kept = getattr(baseline, field, None)
                searched[name] = kept if domain.contains(kept) else usual_value(option, field)
            yield other_roles | {role: option.use} | searched
        for name, _, domain in searched_parameters(role, own, alone=len(options) == 1):
            for value in domain.levels(levels):
                yield self.baseline_parameters | {name: value}


@dataclass(frozen=True)
class _FixedSource:
    """Source that suggests given values."""

    values: Mapping[str, Scalar]

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> Any:
        return self.values[name]

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> Any:
        return self.values[name]

    def suggest_categorical(self, name: str, choices: object) -> Any:
        return self.values[name]


def objective_problems(
    objectives: Sequence[ObjectiveSpec],
    reference: Mapping[str, float],
    search: SearchSpec,
    metrics: Mapping[str, Metric],
) -> list[Problem]:
    """List the problems with sampler and reference that depend on which metrics are sizes."""
    problems = [
        Problem(
            ("reference", name),
            f"should be above 0, since it is compared by its logarithm, got {value:g}",
        )
        for name, value in reference.items()
        if isinstance(metrics.get(name), (SizeMetric, CostMetric)) and value <= 0
    ]
    if search.prior and search.sampler != "shrink":
        message = f"needs sampler: shrink, got {search.sampler}"
        problems.append(Problem(("search", "prior"), message))
    names = [objective.metric for objective in objectives]
    if search.sampler == "shrink" and all(name in metrics for name in names):
        kinds = [
            isinstance(metrics[name], SizeMetric) - isinstance(metrics[name], SampleMetric)
            for name in names
        ]
        if sorted(kinds) != [-1, 1]:
            message = "'shrink' needs two objectives, a size and a quality"
            problems.append(Problem(("search", "sampler"), message))
    return problems

"""The search space: for each field of each component a value or a domain, and candidates drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from gansearch.candidate import CANDIDATE_ROLES, Candidate
from gansearch.components import Component, Dataset, Detector, Metric, SizeMetric, check_field
from gansearch.domains import Choices, Domain, Scalar, Source
from gansearch.errors import Place, Problem, StudyError
from gansearch.registry import Registry, unknown
from gansearch.study.component_choices import InvalidCandidateError, Option, Reader, metrics_of
from gansearch.study.spec import GivenCandidate, SearchSpec, StudySpec
from gansearch.study.yaml_file import problems_of


class SearchSpace:
    """Every candidate that a study may try, with its metrics and detectors resolved."""

    def __init__(self, spec: StudySpec, registry: Registry) -> None:
        """Resolve a study's names.

        Raises:
            StudyError: with every mistake found.
        """
        reader = Reader(registry)
        nodes = {
            role: (spec.dataset,) if role == "dataset" else getattr(spec, role)
            for role in CANDIDATE_ROLES
        }
        self.options = {role: reader.options(role, nodes[role]) for role in CANDIDATE_ROLES}
        self.detectors: tuple[Detector, ...] = reader.components("detectors", spec.detectors)
        self.metrics = reader.metrics(metrics_of(spec.resolved()))
        reader.problems += _objective_problems(spec, self.metrics)
        reader.problems += _reference_problems(spec.reference, self.metrics)
        if reader.problems:
            raise StudyError(reader.problems)
        problems: list[Problem] = []
        self.baseline_parameters = _parameters_of(
            self.options, spec.baseline, ("baseline",), problems
        )
        self.queued_parameters = [
            _parameters_of(self.options, _varied(spec.baseline, node), ("queue", i), problems)
            for i, node in enumerate(spec.queue)
        ]
        if problems:
            raise StudyError(problems)
        self.baseline = self._given(self.baseline_parameters, ("baseline",))
        for i, parameters in enumerate(self.queued_parameters):
            self._given(parameters, ("queue", i))

    @property
    def dataset(self) -> Dataset:
        """The baseline's, whose shape of sample and whose test samples all candidates share."""
        return self.baseline.dataset

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """What is searched: the domain of each parameter, under its name in the study's storage."""
        found: dict[str, Domain] = {}
        for role, options in self.options.items():
            if len(options) > 1:
                found[role] = Choices(*(option.use for option in options))
            for option in options:
                found |= {
                    name: domain
                    for name, _, domain in _parameters(role, option, alone=len(options) == 1)
                }
        return found

    def _given(self, parameters: Mapping[str, Scalar], place: Place) -> Candidate:
        try:
            return self.candidate(parameters)
        except InvalidCandidateError as error:
            raise StudyError([Problem(place, str(error))]) from None

    def candidate(self, parameters: Mapping[str, Scalar]) -> Candidate:
        """The candidate of these parameters.

        Raises:
            InvalidCandidateError: when its values do not go together.
        """
        return self.draw(_Fixed(parameters))

    def draw(self, source: Source) -> Candidate:
        """The candidate that a source suggests.

        Raises:
            InvalidCandidateError: when its values do not go together.
        """
        parts: dict[str, tuple[str, Component]] = {}
        for role, options in self.options.items():
            option = options[0]
            if len(options) > 1:
                use = source.suggest_categorical(role, tuple(o.use for o in options))
                option = next(o for o in options if o.use == use)
            drawn = {
                field: domain.draw(source, name)
                for name, field, domain in _parameters(role, option, alone=len(options) == 1)
            }
            parts[role] = (option.use, option.build(drawn))
        candidate = Candidate.of(parts)
        if missing := candidate.missing_objectives():
            raise InvalidCandidateError(
                f"the schedule {candidate.uses['schedule']!r} asks the loss for {' and '.join(missing)}, "
                f"which {candidate.uses['loss']!r} does not have"
            )
        return candidate

    def given(self, search: SearchSpec) -> list[dict[str, Scalar]]:
        """The parameters of the candidates that need no sampler, in order.

        They are the baseline, those that the study names outright, and where it goes one at a time
        the baseline's variations, as many of them as it wants trials.
        """
        named = [self.baseline_parameters, *self.queued_parameters]
        if search.sampler != "one-at-a-time":
            return named
        room = None if search.limit is None else max(0, search.limit - len(named))
        return named + self.variations(search.levels)[:room]

    def variations(self, levels: int) -> list[dict[str, Scalar]]:
        """The parameters of every candidate that is the baseline but for one field or one architecture.

        A range gives so many values. What the study names outright is not among them.
        """
        named = [self.baseline_parameters, *self.queued_parameters]
        varied = (
            parameters for role in self.options for parameters in self._variations_of(role, levels)
        )
        return [parameters for parameters in varied if parameters not in named]

    def _variations_of(self, role: str, levels: int) -> Iterator[dict[str, Scalar]]:
        options, baseline = self.options[role], getattr(self.baseline, role)
        own = next(option for option in options if option.use == self.baseline.uses[role])
        others = {
            name: value
            for name, value in self.baseline_parameters.items()
            if name.split(".")[0] != role
        }
        for option in options:
            if option is not own:
                searched = _parameters(role, option, alone=False)
                yield (
                    others
                    | {role: option.use}
                    | {name: _like(baseline, option, field) for name, field, _ in searched}
                )
        for name, _, domain in _parameters(role, own, alone=len(options) == 1):
            for value in domain.levels(levels):
                yield self.baseline_parameters | {name: value}


def _parameters(role: str, option: Option, *, alone: bool) -> Iterator[tuple[str, str, Domain]]:
    """The parameters of an option: name in the study's storage, field, domain."""
    prefix = role if alone else f"{role}.{option.use}"
    for field, domain in option.domains.items():
        yield f"{prefix}.{field}", field, domain


def _like(baseline: Component, option: Option, field: str) -> Scalar:
    """What a searched field of another architecture has: the baseline's value, its own default, or any legal one."""
    domain = option.domains[field]
    wanted = [getattr(baseline, field, None), option.component.model_fields[field].default]
    return next((value for value in wanted if domain.contains(value)), domain.extremes()[0])


@dataclass(frozen=True)
class _Fixed:
    """A source that suggests what it was told."""

    values: Mapping[str, Scalar]

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> Any:
        return self.values[name]

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> Any:
        return self.values[name]

    def suggest_categorical(self, name: str, choices: object) -> Any:
        return self.values[name]


def _objective_problems(spec: StudySpec, metrics: Mapping[str, Metric]) -> list[Problem]:
    known = [
        isinstance(metrics[o.metric], SizeMetric) for o in spec.objectives if o.metric in metrics
    ]
    if (
        spec.search.sampler != "shrink"
        or len(known) < len(spec.objectives)
        or sorted(known) == [False, True]
    ):
        return []
    return [Problem(("search", "sampler"), "'shrink' needs two objectives, a size and a quality")]


def _reference_problems(
    reference: Mapping[str, float], metrics: Mapping[str, Metric]
) -> list[Problem]:
    return [
        Problem(
            ("reference", name),
            f"should be above 0, since sizes are compared by their logarithms, got {value:g}",
        )
        for name, value in reference.items()
        if isinstance(metrics.get(name), SizeMetric) and value <= 0
    ]


def _varied(baseline: GivenCandidate, node: GivenCandidate) -> GivenCandidate:
    """A queued candidate: the baseline, but for what is said otherwise."""
    return {
        **baseline,
        **{role: {**baseline.get(role, {}), **fields} for role, fields in node.items()},
    }


def _parameters_of(
    options: Mapping[str, tuple[Option, ...]],
    given: GivenCandidate,
    place: Place,
    problems: list[Problem],
) -> dict[str, Scalar]:
    """What a study's storage would hold for a given candidate."""
    for role in given:
        if role not in options:
            problems.append(Problem((*place, role), unknown("role", role, options)))
    parameters: dict[str, Scalar] = {}
    for role, choices in options.items():
        wanted = dict(given.get(role, {}))
        use = wanted.pop("use", choices[0].use)
        option = next((o for o in choices if o.use == use), None)
        if option is None:
            names = [o.use for o in choices]
            problems.append(
                Problem((*place, role, "use"), unknown(f"{role} of this study", str(use), names))
            )
            continue
        alone = len(choices) == 1
        if not alone:
            parameters[role] = option.use
        searched = dict.fromkeys(option.domains)
        for field in [*searched, *(field for field in wanted if field not in searched)]:
            value = wanted.get(
                field, getattr(option.component.model_fields.get(field), "default", None)
            )
            if problem := _refusal(option, field, value):
                problems.append(Problem((*place, role, field), problem))
            elif field in option.domains:
                name = f"{role}.{field}" if alone else f"{role}.{option.use}.{field}"
                parameters[name] = check_field(option.component, field, value)
    return parameters


def _refusal(option: Option, field: str, value: Any) -> str | None:
    """Why a given candidate cannot have this value, if it cannot."""
    if field not in option.component.model_fields:
        return unknown("field", field, option.component.model_fields)
    try:
        value = check_field(option.component, field, value)
    except ValidationError as error:
        return problems_of(error)[0].message
    if field in option.domains:
        domain = option.domains[field]
        return None if domain.contains(value) else f"{value!r} lies outside the searched {domain}"
    fixed = option.fixed.get(field, option.component.model_fields[field].default)
    return (
        None
        if value == fixed
        else f"is fixed at {fixed!r} by this study, so it cannot be {value!r}"
    )

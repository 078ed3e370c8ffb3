"""The search space: for each field of each component a value or a domain, and candidates drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gansearch.candidate import CANDIDATE_ROLES, Candidate
from gansearch.components import (
    Component,
    Dataset,
    Detector,
    Metric,
    SizeMetric,
    check_domain,
    check_field,
    is_whole,
)
from gansearch.document import problems_of
from gansearch.domains import Domain, Scalar, Source, is_domain_node, parse_domain
from gansearch.errors import DomainError, GansearchError, Place, PluginError, Problem, StudyError
from gansearch.registry import Registry, unknown
from gansearch.study import ComponentNode, GivenCandidate, StudySpec

Nodes = Sequence[ComponentNode | None]
"""Components as a study names them; None stands for one that could not be understood."""

SEARCHED_ROLES = ("generator", "discriminator", "loss", "schedule")


class InvalidCandidateError(GansearchError):
    """Values that are legal one by one and refused together."""


@dataclass(frozen=True)
class Option:
    """One architecture that a role can have: fixed fields, and domains for the others."""

    use: str
    component: type[Component]
    fixed: Mapping[str, Any]
    domains: Mapping[str, Domain]

    def build(self, drawn: Mapping[str, Any]) -> Component:
        try:
            return self.component(**self.fixed, **drawn)
        except ValidationError as error:
            reasons = "; ".join(map(str, problems_of(error, (self.use,))))
            raise InvalidCandidateError(reasons) from None


class SearchSpace:
    """Every candidate that a study may try, with its metrics and detectors resolved."""

    def __init__(self, spec: StudySpec, registry: Registry) -> None:
        """Resolve a study's names.

        Raises:
            StudyError: with every mistake found.
        """
        reader = _Reader(registry)
        datasets: tuple[Dataset, ...] = reader.components("dataset", (spec.dataset,))
        self.options = {role: reader.options(role, getattr(spec, role)) for role in SEARCHED_ROLES}
        self.detectors: tuple[Detector, ...] = reader.components("detectors", spec.detectors)
        self.metrics = reader.metrics(_metrics_of(spec.resolved()))
        if reader.problems:
            raise StudyError(reader.problems)
        self.dataset = datasets[0]
        self._uses = {"dataset": spec.dataset.use}
        problems: list[Problem] = []
        self.baseline_parameters = _parameters_of(self.options, spec.baseline, ("baseline",), problems)
        self.queued_parameters = [
            _parameters_of(self.options, _varied(spec.baseline, node), ("queue", i), problems)
            for i, node in enumerate(spec.queue)
        ]
        if problems:
            raise StudyError(problems)
        self.baseline = self._given(self.baseline_parameters, ("baseline",))
        for i, parameters in enumerate(self.queued_parameters):
            self._given(parameters, ("queue", i))

    def _given(self, parameters: Mapping[str, Scalar], place: Place) -> Candidate:
        try:
            return self.draw(_Fixed(parameters))
        except InvalidCandidateError as error:
            raise StudyError([Problem(place, str(error))]) from None

    def draw(self, source: Source) -> Candidate:
        """The candidate that a source suggests.

        Raises:
            InvalidCandidateError: when its values do not go together.
        """
        parts: dict[str, tuple[str, Component]] = {"dataset": (self._uses["dataset"], self.dataset)}
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
        return Candidate.of({role: parts[role] for role in CANDIDATE_ROLES})


def _parameters(role: str, option: Option, *, alone: bool) -> Iterator[tuple[str, str, Domain]]:
    """The parameters of an option: name in the study's storage, field, domain."""
    prefix = role if alone else f"{role}.{option.use}"
    for field, domain in option.domains.items():
        yield f"{prefix}.{field}", field, domain


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


class _Reader:
    """Turns nodes of a study into options and components, collecting what is wrong with them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.problems: list[Problem] = []

    def options(self, role: str, nodes: Nodes) -> tuple[Option, ...]:
        options: list[Option] = []
        for i, node in enumerate(nodes):
            if node is None:
                continue
            if node.use in (option.use for option in options):
                self.problems.append(Problem((role, i, "use"), f"{node.use!r} is listed a second time"))
            elif (component := self._load(role, node.use, (role, i, "use"))) is not None:
                fixed, domains = self._fields(component, node, (role, i))
                options.append(Option(node.use, component, fixed, domains))
        return tuple(options)

    def components(self, key: str, nodes: Nodes) -> tuple[Any, ...]:
        """Components whose fields are all fixed."""
        built: list[Component] = []
        for i, node in enumerate(nodes):
            if node is None or (component := self._load(key.removesuffix("s"), node.use, (key, i, "use"))) is None:
                continue
            try:
                built.append(component.model_validate(node.fields))
            except ValidationError as error:
                self.problems += problems_of(error, (key, i))
        return tuple(built)

    def metrics(self, asked: Mapping[str, Place]) -> dict[str, Metric]:
        """The metrics of these names, each asked for at a place."""
        metrics: dict[str, Metric] = {}
        for name, place in asked.items():
            component = self._load("metric", name, place)
            if component is None:
                continue
            metrics[name] = component()  # type: ignore[assignment]
            if place[0] == "constraints" and not isinstance(metrics[name], SizeMetric):
                self.problems.append(Problem(place, "only a size, which is known before training, can be constrained"))
        return metrics

    def _load(self, role: str, name: str, place: Place) -> type[Component] | None:
        try:
            return self.registry.load(role, name)
        except PluginError as error:
            self.problems.append(Problem(place, str(error)))
            return None

    def _fields(
        self, component: type[Component], node: ComponentNode, place: Place
    ) -> tuple[dict[str, Any], dict[str, Domain]]:
        fixed: dict[str, Any] = {}
        domains: dict[str, Domain] = dict(component.domains()) if node.search else {}
        for name, value in node.fields.items():
            if name not in component.model_fields:
                message = unknown("field", name, component.model_fields)
                self.problems.append(Problem((*place, name), message))
                continue
            domains.pop(name, None)
            try:
                if is_domain_node(value):
                    domains[name] = parse_domain(value, whole=is_whole(component, name))
                    check_domain(component, name, domains[name])
                else:
                    fixed[name] = check_field(component, name, value)
            except DomainError as error:
                self.problems.append(Problem((*place, name), str(error)))
            except ValidationError as error:
                self.problems += problems_of(error, (*place, name))
        return fixed, domains


def component_problems(tree: object, registry: Registry) -> list[Problem]:
    """What is wrong with the components of a study that is wrong in other places too.

    Looks at whatever can be understood of a tree that is no `StudySpec`.
    """
    if not isinstance(tree, Mapping):
        return []
    reader = _Reader(registry)
    for role in SEARCHED_ROLES:
        reader.options(role, _legible(tree.get(role)))
    for key in ("dataset", "detectors"):
        reader.components(key, _legible(tree.get(key)))
    reader.metrics(_metrics_of(tree))
    return reader.problems


def _legible(nodes: object) -> Nodes:
    """The nodes that name a component, and None in the place of others."""
    legible: list[ComponentNode | None] = []
    for node in nodes if isinstance(nodes, list) else [nodes]:
        try:
            legible.append(ComponentNode.model_validate(node))
        except ValidationError:
            legible.append(None)
    return tuple(legible)


def _metrics_of(tree: Mapping[str, Any]) -> dict[str, Place]:
    """The metrics that a study names, each with a place where it does; a constraint's place comes first."""
    asked: dict[str, Place] = {}
    for i, name in enumerate(_entries(tree, "metrics")):
        asked[name] = ("metrics", i)
    for i, objective in enumerate(_entries(tree, "objectives")):
        if isinstance(objective, Mapping):
            asked[objective.get("metric", "")] = ("objectives", i, "metric")
    constraints = tree.get("constraints")
    asked |= {name: ("constraints", name) for name in (constraints if isinstance(constraints, Mapping) else ())}
    return {name: place for name, place in asked.items() if isinstance(name, str) and name}


def _entries(tree: Mapping[str, Any], key: str) -> list[Any]:
    entries = tree.get(key)
    return entries if isinstance(entries, list) else []


def _varied(baseline: GivenCandidate, node: GivenCandidate) -> GivenCandidate:
    """A queued candidate: the baseline, but for what is said otherwise."""
    return {**baseline, **{role: {**baseline.get(role, {}), **fields} for role, fields in node.items()}}


def _parameters_of(
    options: Mapping[str, tuple[Option, ...]], given: GivenCandidate, place: Place, problems: list[Problem]
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
            problems.append(Problem((*place, role, "use"), unknown(f"{role} of this study", str(use), names)))
            continue
        alone = len(choices) == 1
        if not alone:
            parameters[role] = option.use
        searched = dict.fromkeys(option.domains)
        for field in [*searched, *(field for field in wanted if field not in searched)]:
            value = wanted.get(field, getattr(option.component.model_fields.get(field), "default", None))
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
    return None if value == fixed else f"is fixed at {fixed!r} by this study, so it cannot be {value!r}"

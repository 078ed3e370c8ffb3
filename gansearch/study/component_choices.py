"""Components of a study: names and fields in, components and domains out, mistakes collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from gansearch.components import (
    Component,
    Distillation,
    Extractor,
    Metric,
    SizeMetric,
    check_domain,
    check_field,
    is_whole,
)
from gansearch.domains import Choices, Domain, Scalar, is_domain_node, parse_domain
from gansearch.errors import DomainError, GansearchError, Place, PluginError, Problem
from gansearch.near_names import near_names
from gansearch.registry import Registry, unknown
from gansearch.study.findings import problems_of
from gansearch.study.foreign_domains import as_yaml, translated_domain
from gansearch.study.spec import ComponentNode, TeacherSpec

DOMAIN_FORMS = (
    "a value, {low: 8, high: 64}, {low: 0.001, high: 0.1, log: true} or {choices: [a, b]}"
)
"""Values and domains that a field can have, told for a node that is neither."""

Nodes = Sequence[ComponentNode | None]
"""Components as a study names them; None in place of an invalid one, so that positions hold."""


class InvalidCandidateError(GansearchError):
    """Values that are legal one by one and cannot be combined."""


@dataclass(frozen=True)
class Option:
    """One component that a role can have: fixed fields, and domains of the searched ones."""

    use: str
    component: type[Component]
    fixed: Mapping[str, Any]
    domains: Mapping[str, Domain]

    def build(self, drawn: Mapping[str, Any]) -> Component:
        """Make the component from values of its searched fields.

        Raises:
            InvalidCandidateError: when the values cannot be combined.
        """
        try:
            return self.component(**self.fixed, **drawn)
        except ValidationError as error:
            reasons = "; ".join(map(str, problems_of(error, (self.use,))))
            raise InvalidCandidateError(reasons) from None


class ComponentResolver:
    """Resolver of a study's component nodes that collects every problem with them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.problems: list[Problem] = []

    def options(self, role: str, nodes: Nodes) -> tuple[Option, ...]:
        """Resolve the components that a candidate can have in a role."""
        options: list[Option] = []
        for i, node in enumerate(nodes):
            if node is None:
                continue
            place: Place = (role,) if role == "dataset" else (role, i)
            if node.use in (option.use for option in options):
                self.problems.append(Problem((*place, "use"), f"{node.use!r} is listed twice"))
            elif (component := self._load(role, node.use, (*place, "use"))) is not None:
                options.append(self._option(component, node, place))
        return tuple(options)

    def distillation(self, spec: TeacherSpec) -> Option:
        """Resolve how candidates learn from the study's teacher."""
        fields = spec.model_dump(include={"distill", "weight"}) | {"sha256": spec.sha256 or ""}
        node = ComponentNode(use="distillation", **fields)
        return self._option(Distillation, node, ("teacher",))

    def _option(self, component: type[Component], node: ComponentNode, place: Place) -> Option:
        """Split the fields of a node into values and domains, and validate them."""
        problems_before = len(self.problems)
        fixed: dict[str, Any] = {}
        domains: dict[str, Domain] = dict(component.domains()) if node.search else {}
        for name, value in node.fields.items():
            if name not in component.model_fields:
                self.problems.append(_unknown_field(component, name, value, place))
                continue
            domains.pop(name, None)
            try:
                if is_domain_node(value):
                    domains[name] = _field_domain(component, name, value)
                else:
                    fixed[name] = check_field(component, name, value)
            except DomainError as error:
                fix = _translation(component, name, value)
                self.problems.append(Problem((*place, name), str(error), fix=fix))
            except ValidationError as error:
                fix = _translation(component, name, value)
                found = problems_of(error, (*place, name))
                if fix or isinstance(value, (list, Mapping)):
                    message = f"{value!r} is neither a value of this field nor a domain"
                    found = [Problem((*place, name), message, fix=fix or DOMAIN_FORMS)]
                self.problems += found
        if not domains and len(self.problems) == problems_before:
            try:  # rules over several fields, such as a field that is missing
                component.model_validate(fixed)
            except ValidationError as error:
                self.problems += problems_of(error, place)
        return Option(node.use, component, fixed, domains)

    def sound(self, options: Mapping[str, tuple[Option, ...]]) -> dict[str, tuple[Option, ...]]:
        """Return the roles with components of which no problem is known."""
        broken = {problem.where[0] for problem in self.problems}
        return {role: found for role, found in options.items() if found and role not in broken}

    def detectors(self, nodes: Nodes) -> tuple[Any, ...]:
        """Make the detectors, whose fields are all fixed."""
        made = (
            self._fixed("detector", node, ("detectors", i))
            for i, node in enumerate(nodes)
            if node is not None
        )
        return tuple(detector for detector in made if detector is not None)

    def extractor(self, node: ComponentNode | None) -> Extractor | None:
        """Make the extractor, whose fields are all fixed; None where the study names none."""
        made: Any = None if node is None else self._fixed("extractor", node, ("extractor",))
        return cast(Extractor | None, made)

    def _fixed(self, role: str, node: ComponentNode, place: Place) -> Component | None:
        """Make a component from a node without domains; None where it has problems."""
        component = self._load(role, node.use, (*place, "use"))
        if component is None:
            return None
        try:
            return component.model_validate(node.fields)
        except ValidationError as error:
            self.problems += problems_of(error, place, component)
            return None

    def metrics(self, places: Mapping[str, Place]) -> dict[str, Metric]:
        """Make the metrics of these names, each named at a place of the study."""
        metrics: dict[str, Metric] = {}
        for name, place in places.items():
            component = self._load("metric", name, place)
            if component is None:
                continue
            metrics[name] = component()  # type: ignore[assignment]
            if place[0] == "constraints" and not isinstance(metrics[name], SizeMetric):
                message = "only a size, which is known before training, can be constrained"
                self.problems.append(Problem(place, message))
        return metrics

    def _load(self, role: str, name: str, place: Place) -> type[Component] | None:
        try:
            return self.registry.load(role, name)
        except PluginError as error:
            near = near_names(name, self.registry.names(role))
            fix = ""
            if near and near[0] != name:
                fix = f"{place[-1]}: {near[0]}" if place[-1] in ("use", "metric") else near[0]
            self.problems.append(Problem(place, str(error), fix=fix))
            return None


def _field_domain(component: type[Component], name: str, node: Mapping[str, Any]) -> Domain:
    """Parse the domain of a field, with choices as the field stores them.

    Raises:
        DomainError: when it is malformed, or holds a value that the field refuses.
    """
    domain = parse_domain(node, whole=is_whole(component, name))
    check_domain(component, name, domain)
    if isinstance(domain, Choices):  # YAML 1.1 reads 1e-3 as a string
        stored = [check_field(component, name, value) for value in domain.values]
        if all(isinstance(value, Scalar) for value in stored):
            return Choices(*stored)
    return domain


def _translation(component: type[Component], name: str, value: object) -> str:
    """Return the line for a domain in another tool's notation; empty where it is none."""
    domain = translated_domain(value, whole=is_whole(component, name))
    try:
        if is_domain_node(domain):
            assert isinstance(domain, Mapping)
            _field_domain(component, name, domain)
        elif domain is None:
            return ""
        else:
            check_field(component, name, domain)
    except (DomainError, ValidationError):
        return ""
    return f"{name}: {as_yaml(domain)}"


def _unknown_field(component: type[Component], name: str, value: object, place: Place) -> Problem:
    message = unknown("field", name, component.model_fields)
    near = near_names(name, component.model_fields)
    fix = ""
    if near:
        written = as_yaml(value)
        if not is_domain_node(value) and (line := _translation(component, near[0], value)):
            written = line.partition(": ")[2]
        fix = f"{near[0]}: {written}"
    return Problem((*place, name), message, fix=fix)


def metric_places(tree: Mapping[str, Any]) -> dict[str, Place]:
    """Return the metrics that a study names, each with a place where it does.

    A metric that is constrained has the place of its constraint.
    """
    metrics, objectives = tree.get("metrics"), tree.get("objectives")
    constraints = tree.get("constraints")
    places: dict[Any, Place] = {}
    if isinstance(metrics, list):
        places |= {name: ("metrics", i) for i, name in enumerate(metrics) if _is_name(name)}
    if isinstance(objectives, list):
        for i, objective in enumerate(objectives):
            if isinstance(objective, Mapping) and _is_name(name := objective.get("metric")):
                places[name] = ("objectives", i, "metric")
            elif _is_name(objective):
                places[objective] = ("objectives", i)
    if isinstance(constraints, Mapping):
        places |= {name: ("constraints", name) for name in constraints if _is_name(name)}
    return places


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name)

"""Reading the components of a study: names and fields in, options and components out, mistakes collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gansearch.candidate import CANDIDATE_ROLES
from gansearch.components import Component, Metric, SizeMetric, check_domain, check_field, is_whole
from gansearch.domains import Domain, is_domain_node, parse_domain
from gansearch.errors import DomainError, GansearchError, Place, PluginError, Problem
from gansearch.registry import Registry, unknown
from gansearch.study.spec import ComponentNode
from gansearch.study.yaml_file import problems_of

Nodes = Sequence[ComponentNode | None]
"""Components as a study names them; None stands for one that could not be understood."""


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


class Reader:
    """Turns nodes of a study into options and components, collecting what is wrong with them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.problems: list[Problem] = []

    def options(self, role: str, nodes: Nodes) -> tuple[Option, ...]:
        options: list[Option] = []
        for i, node in enumerate(nodes):
            if node is None:
                continue
            place: Place = (role,) if role == "dataset" else (role, i)
            if node.use in (option.use for option in options):
                self.problems.append(
                    Problem((*place, "use"), f"{node.use!r} is listed a second time")
                )
            elif (component := self._load(role, node.use, (*place, "use"))) is not None:
                options.append(self._option(component, node, place))
        return tuple(options)

    def _option(self, component: type[Component], node: ComponentNode, place: Place) -> Option:
        known = len(self.problems)
        option = Option(node.use, component, *self._fields(component, node, place))
        if not option.domains and len(self.problems) == known:
            try:
                component.model_validate(option.fixed)
            except (
                ValidationError
            ) as error:  # what only shows in the whole, such as a field that is missing
                self.problems += problems_of(error, place)
        return option

    def components(self, key: str, nodes: Nodes) -> tuple[Any, ...]:
        """Components whose fields are all fixed."""
        built: list[Component] = []
        for i, node in enumerate(nodes):
            if (
                node is None
                or (component := self._load(key.removesuffix("s"), node.use, (key, i, "use")))
                is None
            ):
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
                self.problems.append(
                    Problem(
                        place, "only a size, which is known before training, can be constrained"
                    )
                )
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
    reader = Reader(registry)
    for role in CANDIDATE_ROLES:
        reader.options(role, _legible(tree.get(role)))
    reader.components("detectors", _legible(tree.get("detectors")))
    reader.metrics(metrics_of(tree))
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


def metrics_of(tree: Mapping[str, Any]) -> dict[str, Place]:
    """The metrics that a study names, each with a place where it does; a constraint's place comes first."""
    asked: dict[str, Place] = {}
    for i, name in enumerate(_entries(tree, "metrics")):
        asked[name] = ("metrics", i)
    for i, objective in enumerate(_entries(tree, "objectives")):
        if isinstance(objective, Mapping):
            asked[objective.get("metric", "")] = ("objectives", i, "metric")
    constraints = tree.get("constraints")
    asked |= {
        name: ("constraints", name)
        for name in (constraints if isinstance(constraints, Mapping) else ())
    }
    return {name: place for name, place in asked.items() if isinstance(name, str) and name}


def _entries(tree: Mapping[str, Any], key: str) -> list[Any]:
    entries = tree.get(key)
    return entries if isinstance(entries, list) else []

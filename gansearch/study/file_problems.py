"""Problems of a study file that is not valid, in everything that does not depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gansearch.candidate import CANDIDATE_ROLES
from gansearch.components import is_whole
from gansearch.errors import Problem
from gansearch.near_names import near_names
from gansearch.registry import Registry
from gansearch.study.component_choices import ComponentResolver, Nodes, Option, metric_places
from gansearch.study.foreign_domains import as_yaml, translated_domain
from gansearch.study.given_candidates import given_parameters
from gansearch.study.search_space import objective_problems
from gansearch.study.spec import (
    ComponentNode,
    ExecutorSpec,
    GivenCandidate,
    ObjectiveSpec,
    SearchSpec,
    TrainingSpec,
    data_parallel_problems,
)

SWEEPS = ("parameters", "params", "search_space", "space", "hyperparameters")
"""Keys under which other tools list what is searched."""


def component_problems(tree: object, registry: Registry) -> list[Problem]:
    """List the problems with the valid parts of a study that is no valid `StudySpec`.

    Args:
        tree: the content of the study file.
        registry: gives the components.
    """
    if not isinstance(tree, Mapping):
        return []
    resolver = ComponentResolver(registry)
    options = {
        role: resolver.options(role, _valid_nodes(tree.get(role))) for role in CANDIDATE_ROLES
    }
    resolver.detectors(_valid_nodes(tree.get("detectors")))
    resolver.extractor(*_valid_nodes([tree.get("extractor")]))
    metrics = resolver.metrics(metric_places(tree))
    problems = resolver.problems
    problems += _sweep_problems(tree, options)

    # Parts that are compared with each other, each where it is valid by itself
    baseline = _valid(GivenCandidate, tree.get("baseline", {}))
    queue = _valid(tuple[GivenCandidate, ...], tree.get("queue", ()))
    invalid = {role for role in CANDIDATE_ROLES if None in _valid_nodes(tree.get(role))}
    sound = {role: one for role, one in resolver.sound(options).items() if role not in invalid}
    if baseline is not None:
        given_parameters(baseline, queue or (), sound, problems)
    objectives = _valid(tuple[ObjectiveSpec, ...], tree.get("objectives"))
    reference = _valid(dict[str, float], tree.get("reference", {}))
    search = _valid(SearchSpec, tree.get("search", {}))
    if objectives and reference is not None and search is not None:
        problems += objective_problems(objectives, reference, search, metrics)
    executor = _valid(ExecutorSpec, tree.get("executor", {}))
    training = _valid(TrainingSpec, tree.get("training", {}))
    if executor is not None and training is not None:
        problems += data_parallel_problems(executor, training)
    return problems


def _sweep_problems(
    tree: Mapping[str, Any], options: Mapping[str, tuple[Option, ...]]
) -> list[Problem]:
    """Say for each parameter of a sweep, as other tools list them, where a study has its domain."""
    problems = []
    for key in SWEEPS:
        parameters = tree.get(key)
        for name, value in parameters.items() if isinstance(parameters, Mapping) else ():
            if home := _field_of_parameter(name, options):
                role, option, field = home
                domain = translated_domain(value, whole=is_whole(option.component, field))
                node = tree[role] if isinstance(tree[role], Mapping) else {"use": option.use}
                fix = as_yaml({**node, field: value if domain is None else domain})
                message = f"belongs to the field {field} of the {role}"
                problems.append(Problem((key, name), message, fix=f"{role}: {fix}"))
    return problems


def _field_of_parameter(
    name: str, options: Mapping[str, tuple[Option, ...]]
) -> tuple[str, Option, str] | None:
    """Return role, component and field that a sweep's `width` or `generator.width` names."""
    named_role, _, field = name.rpartition(".")
    for role, found in options.items():
        if named_role not in ("", role) or len(found) != 1:
            continue
        if near := near_names(field, found[0].component.model_fields):
            return role, found[0], near[0]
    return None


def _valid_nodes(nodes: object) -> Nodes:
    """Parse component nodes; None in place of an invalid one."""
    listed = nodes if isinstance(nodes, list) else [nodes]
    return [_valid(ComponentNode, node) for node in listed]


def _valid(kind: Any, part: object) -> Any:
    """Return a part of a study as its type; None where it is invalid."""
    try:
        return TypeAdapter(kind).validate_python(part)
    except ValidationError:
        return None

"""Candidates that a study names itself: the baseline and the queue, as parameters of the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gansearch.candidate import CANDIDATE_ROLES
from gansearch.components import check_field, is_whole
from gansearch.domains import Domain, Scalar, domain_node
from gansearch.errors import Place, Problem
from gansearch.near_names import near_names
from gansearch.registry import unknown
from gansearch.study.component_choices import Option
from gansearch.study.findings import problems_of
from gansearch.study.foreign_domains import as_yaml
from gansearch.study.spec import GivenCandidate

Options = Mapping[str, tuple[Option, ...]]
"""Components to choose among, by role."""


def searched_parameters(
    role: str, option: Option, *, alone: bool
) -> Iterator[tuple[str, str, Domain]]:
    """Yield name in the storage, field and domain of each parameter of a component.

    Args:
        role: of the component.
        option: the component with its domains.
        alone: True where the role has no other component; names are then `role.field`, else
            `role.use.field`.
    """
    prefix = role if alone else f"{role}.{option.use}"
    for field, domain in option.domains.items():
        yield f"{prefix}.{field}", field, domain


def given_parameters(
    given: GivenCandidate,
    queue: Sequence[GivenCandidate],
    options: Options,
    problems: list[Problem],
) -> tuple[dict[str, Scalar], list[dict[str, Scalar]]]:
    """Return the parameters of the baseline and of each queued candidate.

    Args:
        given: the baseline as the study has it.
        queue: the candidates after it, each as its differences from the baseline.
        options: components by role; a role that is left out is not checked.
        problems: gets every field that does not fit the search space.
    """
    baseline = _parameters(options, given, ("baseline",), problems)
    queued = []
    for i, change in enumerate(queue):
        changed = {role: {**given.get(role, {}), **fields} for role, fields in change.items()}
        found: list[Problem] = []
        queued.append(_parameters(options, {**given, **changed}, ("queue", i), found))
        problems += [problem for problem in found if problem.where[2] in change]
    return baseline, queued


def usual_value(option: Option, field: str) -> Scalar:
    """Return the value that a field has in a candidate which does not name it.

    That is its default where this is searched. Else it is the largest whole number that is
    searched, since smaller models are held against this one, or the number that is nearest to the
    default, or the first choice.
    """
    domain, known = option.domains[field], option.component.model_fields[field]
    if not known.is_required() and domain.contains(known.default):
        default: Scalar = known.default
        return default
    values = domain.extremes()
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) < len(values):
        return values[0]
    if is_whole(option.component, field) or not isinstance(known.default, (int, float)):
        return max(numbers)
    return min(numbers, key=lambda number: abs(number - known.default))


def _parameters(
    options: Options, given: GivenCandidate, place: Place, problems: list[Problem]
) -> dict[str, Scalar]:
    """Convert a given candidate to parameters, with defaults for fields that are not given."""
    for role in given:
        if role not in (*CANDIDATE_ROLES, *options):
            problems.append(Problem((*place, role), unknown("role", role, CANDIDATE_ROLES)))
    parameters: dict[str, Scalar] = {}
    for role, choices in options.items():
        values = dict(given.get(role, {}))
        use = values.pop("use", choices[0].use)
        option = next((o for o in choices if o.use == use), None)
        if option is None:
            message = unknown(f"{role} of this study", str(use), [o.use for o in choices])
            problems.append(Problem((*place, role, "use"), message))
            continue
        if len(choices) > 1:
            parameters[role] = option.use
        names = {
            field: name
            for name, field, _ in searched_parameters(role, option, alone=len(choices) == 1)
        }
        for field in dict.fromkeys([*names, *values]):
            value = values[field] if field in values else usual_value(option, field)
            if refusal := _refusal(option, field, value):
                fix = _fix(option, field, value)
                problems.append(Problem((*place, role, field), refusal, fix=fix))
            elif field in names:
                parameters[names[field]] = check_field(option.component, field, value)
    return parameters


def _fix(option: Option, field: str, value: Any) -> str:
    """Return the line that mends a refused value; empty where it is not clear."""
    near = near_names(field, option.component.model_fields)
    if field in option.domains:
        return f"{field}: {as_yaml(usual_value(option, field))}"
    if field not in option.component.model_fields and near:
        return f"{near[0]}: {as_yaml(value)}"
    return ""


def _refusal(option: Option, field: str, value: Any) -> str | None:
    """Return the reason why a given candidate cannot have this value, or None where it can."""
    if field not in option.component.model_fields:
        return unknown("field", field, option.component.model_fields)
    try:
        value = check_field(option.component, field, value)
    except ValidationError as error:
        return problems_of(error)[0].message
    if field in option.domains:
        domain = option.domains[field]
        if not domain.contains(value):
            return f"{value!r} is outside the searched {as_yaml(domain_node(domain))}"
        return None
    fixed = option.fixed.get(field, option.component.model_fields[field].default)
    if value != fixed:
        return f"is fixed at {fixed!r} by this study, so it cannot be {value!r}"
    return None

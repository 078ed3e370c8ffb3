"""Candidates that a study names itself: the baseline and the queue, as parameters of the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from gansearch.components import check_field
from gansearch.domains import Domain, Scalar
from gansearch.errors import Place, Problem, StudyError
from gansearch.registry import unknown
from gansearch.study.component_choices import Option
from gansearch.study.spec import GivenCandidate, StudySpec
from gansearch.study.yaml_file import problems_of

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
    spec: StudySpec, options: Options
) -> tuple[dict[str, Scalar], list[dict[str, Scalar]]]:
    """Return the parameters of the baseline and of each queued candidate.

    Raises:
        StudyError: with every field that does not fit the search space.
    """
    problems: list[Problem] = []
    baseline = _parameters(options, spec.baseline, ("baseline",), problems)
    queued = []
    for i, change in enumerate(spec.queue):
        changed = {
            role: {**spec.baseline.get(role, {}), **fields} for role, fields in change.items()
        }
        given = {**spec.baseline, **changed}
        queued.append(_parameters(options, given, ("queue", i), problems))
    if problems:
        raise StudyError(problems)
    return baseline, queued


def _parameters(
    options: Options, given: GivenCandidate, place: Place, problems: list[Problem]
) -> dict[str, Scalar]:
    """Convert a given candidate to parameters, with defaults for fields that are not given."""
    for role in given:
        if role not in options:
            problems.append(Problem((*place, role), unknown("role", role, options)))
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
            known = option.component.model_fields.get(field)
            value = values.get(field, getattr(known, "default", None))
            if refusal := _refusal(option, field, value):
                problems.append(Problem((*place, role, field), refusal))
            elif field in names:
                parameters[names[field]] = check_field(option.component, field, value)
    return parameters


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
            return f"{value!r} is outside the searched {domain}"
        return None
    fixed = option.fixed.get(field, option.component.model_fields[field].default)
    if value != fixed:
        return f"is fixed at {fixed!r} by this study, so it cannot be {value!r}"
    return None

"""Findings of pydantic about a study, as problems that say what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from gansearch.errors import Place, Problem
from gansearch.study.mending import (
    Mending,
    mend_choice,
    mend_missing,
    mend_name,
    mend_number,
    mend_section,
    mend_unknown_key,
)
from gansearch.study.urls import masked


def problems_of(
    error: ValidationError,
    prefix: Place = (),
    model: type[BaseModel] | None = None,
    tree: object = None,
) -> list[Problem]:
    """Convert the findings of pydantic to problems with rule and value.

    Args:
        error: raised by a model or a field.
        prefix: place in the study of what was validated.
        model: the model that raised it, whose keys are listed where one is unknown.
        tree: the whole study as written.
    """
    problems = []
    for found in error.errors():
        where = prefix + tuple(found["loc"])
        message, fix = _mending(found, where, model, tree)
        problems.append(Problem(where, message, fix=fix))
    return problems


def _mending(found: Any, where: Place, model: type[BaseModel] | None, tree: object) -> Mending:
    """Return the rule that was broken with the value, and what to write instead."""
    place, value = tuple(found["loc"]), found["input"]
    key = str(where[-1]) if where else ""
    match found["type"]:
        case "extra_forbidden":
            return mend_unknown_key(place, value, _keys(place[:-1], model), tree)
        case "missing":
            return mend_missing(where, value)
        case "literal_error":
            return mend_choice(key, value, found["ctx"]["expected"])
        case "model_type" | "model_attributes_type" | "mapping_type" if place:
            return mend_section(key, value)
    message = str(found["msg"]).removeprefix("Value error, ")
    if isinstance(value, (str, int, float, bool, type(None))):
        message += f", got {masked(repr(value))}"
    fix = ""
    if found["type"] in ("int_parsing", "int_from_float"):
        fix = mend_number(key, value)
    elif place == ("name",) and found["type"] in ("string_pattern_mismatch", "string_type"):
        fix = mend_name(value)
    elif where == ("training", "device") and str(value).casefold().startswith("gpu"):
        fix = "device: cuda"
    return Mending(message[0].lower() + message[1:], fix)


def _keys(section: Sequence[str | int], model: type[BaseModel] | None) -> Sequence[str]:
    """Return the keys of a section of a model, or none where they are not known."""
    for key in section:
        field = model.model_fields.get(str(key)) if model else None
        kind = field.annotation if field else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return tuple(model.model_fields) if model else ()

"""`gansearch schema`: the study file's JSON schema, with the components that are installed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gansearch.cli.output import print_json
from gansearch.components import Component
from gansearch.errors import PluginError
from gansearch.registry import Registry

CHOSEN = ("generator", "discriminator", "loss", "schedule")
"""Roles for which a study may list several components to choose among."""
SEARCHED = ("dataset", *CHOSEN)
"""Roles whose fields a study may search."""
KEYS = {"detector": "detectors"} | {role: role for role in SEARCHED}
"""The key of a study file that names components of a role."""
DOMAIN: dict[str, Any] = {
    "description": "Values to search: a range, or a list of choices.",
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "low": {"type": "number"},
                "high": {"type": "number"},
                "step": {"type": "number", "exclusiveMinimum": 0},
                "log": {"type": "boolean"},
            },
            "required": ["low", "high"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"choices": {"type": "array", "minItems": 1}},
            "required": ["choices"],
            "additionalProperties": False,
        },
    ],
}


def print_schema() -> None:
    """Print the JSON schema of study files, for editors: `gansearch schema > study.schema.json`."""
    print_json(study_schema(Registry()))


def study_schema(registry: Registry) -> dict[str, Any]:
    """The schema of a study whose components are those of a registry."""
    from gansearch.study.spec import StudySpec

    tree = StudySpec.model_json_schema()
    definitions, properties = tree["$defs"], tree["properties"]
    definitions["Domain"] = DOMAIN
    for role, key in KEYS.items():
        names = []
        for name, component in _loadable(registry, role):
            names.append(f"{role}.{name}")
            definitions[names[-1]] = _component(
                name, component, definitions, searched=role in SEARCHED
            )
        one = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
        several = {"type": "array", "items": one, "minItems": 1}
        kept = {k: v for k, v in properties[key].items() if k in ("description", "default")}
        properties[key] = kept | (
            several if role == "detector" else {"anyOf": [one, several]} if role in CHOSEN else one
        )
    metrics = {"enum": [name for name, _ in _loadable(registry, "metric")]}
    definitions["ObjectiveSpec"]["properties"]["metric"] |= metrics
    properties["metrics"]["items"] |= metrics
    properties["constraints"]["propertyNames"] = metrics
    definitions.pop("ComponentNode", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | tree


def _loadable(registry: Registry, role: str) -> Iterator[tuple[str, type[Component]]]:
    """The components of a role that can be had; `plugins list` names the others."""
    for name in registry.names(role):
        try:
            yield name, registry.load(role, name)
        except PluginError:
            continue


def _component(
    name: str, component: type[Component], definitions: dict[str, Any], *, searched: bool
) -> dict[str, Any]:
    """The node of one component: `use`, and its fields, each a value or, where it is searched, a domain."""
    model = component.model_json_schema(ref_template=f"#/$defs/{component.role}.{name}.{{model}}")
    for inner, definition in model.get("$defs", {}).items():
        definitions[f"{component.role}.{name}.{inner}"] = definition
    fields: dict[str, Any] = {"use": {"const": name, "description": component.summary()}}
    if searched:
        fields["search"] = {
            "type": "boolean",
            "description": "Search every field that has a domain of its own.",
        }
    for field, told in model.get("properties", {}).items():
        fields[field] = {"anyOf": [told, {"$ref": "#/$defs/Domain"}]} if searched else told
    required = (
        [] if component.role in CHOSEN else model.get("required", [])
    )  # there `search` may supply them
    return {
        "type": "object",
        "description": component.summary(),
        "properties": fields,
        "required": ["use", *required],
        "additionalProperties": False,
    }

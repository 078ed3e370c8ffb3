"""JSON schema of study files, with the components that are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gansearch.components import Component, Distillation
from gansearch.errors import PluginError
from gansearch.registry import Registry
from gansearch.study.spec import StudySpec

ID = "urn:gansearch:study"
CHOSEN = ("generator", "discriminator", "loss", "schedule")
"""Roles for which a study may list several components to choose among."""
SEARCHED = ("dataset", *CHOSEN)
"""Roles with fields that a study may search."""
KEYS = {"detector": "detectors", "extractor": "extractor"} | {role: role for role in SEARCHED}
"""Key of a study file by the role whose components it names."""

RANGE: dict[str, Any] = {
    "description": "Range of values to search.",
    "type": "object",
    "properties": {
        "low": {"type": "number", "description": "Smallest value."},
        "high": {"type": "number", "description": "Largest value."},
        "step": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Distance between two values, counted from `low`.",
        },
        "log": {
            "type": "boolean",
            "description": "Draw values evenly on a logarithmic scale; takes no step.",
        },
    },
    "required": ["low", "high"],
    "additionalProperties": False,
}
CHOICES: dict[str, Any] = {
    "description": "List of values to choose among.",
    "type": "object",
    "properties": {
        "choices": {"type": "array", "minItems": 1, "description": "Values to choose among."}
    },
    "required": ["choices"],
    "additionalProperties": False,
}
DOMAIN: dict[str, Any] = {
    "description": "Values to search: a range, or a list of choices.",
    "anyOf": [RANGE, CHOICES],
}


OF_FILE: dict[str, Any] = {
    "description": "Component of a Python file beside the study, with its fields.",
    "type": "object",
    "properties": {
        "use": {
            "type": "string",
            "pattern": r"\.py:[A-Za-z_]\w*(#[0-9a-f]{16})?$",
            "description": "File and class, such as ./mine.py:TinyGenerator.",
        }
    },
    "required": ["use"],
}


def study_schema(registry: Registry) -> dict[str, Any]:
    """Make the JSON schema (draft 2020-12) of a study that uses the components of a registry.

    Components that cannot be loaded are left out; `gansearch plugins list` names them.
    """
    schema = StudySpec.model_json_schema()
    definitions, properties = schema["$defs"], schema["properties"]
    definitions.pop("ComponentNode")
    definitions["Domain"], definitions["ComponentOfFile"] = DOMAIN, OF_FILE
    for role, key in KEYS.items():
        names = []
        for name, component in _loadable(registry, role):
            names.append(f"{role}.{name}")
            definitions[names[-1]] = _component_schema(name, component, definitions)
        alone = {
            "enum": [name.partition(".")[2] for name in names],
            "description": f"Name of a {role}, with its defaults.",
        }
        one = {"anyOf": [*({"$ref": f"#/$defs/{name}"} for name in names), alone]}
        one["anyOf"].append({"$ref": "#/$defs/ComponentOfFile"})
        several = {"type": "array", "items": one, "minItems": 1}
        kept = {k: v for k, v in properties[key].items() if k in ("description", "default")}
        if role == "detector":
            properties[key] = kept | several
        elif role in CHOSEN:
            properties[key] = kept | {"anyOf": [one, several]}
        elif role == "extractor":
            properties[key] = kept | {"anyOf": [one, {"type": "null"}]}
        else:
            properties[key] = kept | one
    distillation = Distillation.model_json_schema()["properties"]
    for field in ("distill", "weight"):
        described = {k: distillation[field].pop(k) for k in ("description", "default")}
        own = {"anyOf": [distillation[field], {"$ref": "#/$defs/Domain"}]}
        definitions["TeacherSpec"]["properties"][field] = described | own
    metrics = {"enum": [name for name, _ in _loadable(registry, "metric")]}
    definitions["ObjectiveSpec"]["properties"]["metric"] |= metrics
    definitions["ObjectiveSpec"]["required"] = ["metric"]
    by_name = metrics | {"description": "Name of a metric, in the direction that it has."}
    properties["objectives"]["items"] = {"anyOf": [properties["objectives"]["items"], by_name]}
    properties["metrics"]["items"] |= metrics
    properties["constraints"]["propertyNames"] = metrics
    properties["extends"] = {
        "type": "string",
        "description": "Path of a study file that gives everything that this one does not say.",
    }
    required = schema.pop("required")
    schema["anyOf"] = [{"required": required}, {"required": ["extends", "name"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID} | schema


def _loadable(registry: Registry, role: str) -> Iterator[tuple[str, type[Component]]]:
    for name in registry.names(role):
        try:
            yield name, registry.load(role, name)
        except PluginError:
            continue


def _component_schema(
    name: str, component: type[Component], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Make the schema of a component's node: `use` and its fields, each a value or a domain.

    Models that its fields refer to are added to the definitions.
    """
    role = component.role
    model = component.model_json_schema(ref_template=f"#/$defs/{role}.{name}.{{model}}")
    for inner, definition in model.get("$defs", {}).items():
        definitions[f"{role}.{name}.{inner}"] = definition
    properties: dict[str, Any] = {"use": {"const": name, "description": component.summary()}}
    if role in SEARCHED:
        properties["search"] = {
            "type": "boolean",
            "description": "Search every field that has a domain of its own and is not given here.",
        }
    for field, schema in model.get("properties", {}).items():
        if role not in SEARCHED:
            properties[field] = schema
            continue
        described = {k: schema.pop(k) for k in ("description", "default") if k in schema}
        properties[field] = described | {"anyOf": [schema, {"$ref": "#/$defs/Domain"}]}
    # A field without a default is not required where `search: true` may give it a value.
    required = [] if role in CHOSEN else model.get("required", [])
    return {
        "type": "object",
        "description": component.summary(),
        "properties": properties,
        "required": ["use", *required],
        "additionalProperties": False,
    }

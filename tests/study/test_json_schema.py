from collections.abc import Iterator
from typing import Any

import pytest

from gansearch.registry import Registry
from gansearch.study.json_schema import ID, study_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return study_schema(Registry())


def properties(node: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of a schema with its path."""
    if isinstance(node, dict):
        found = node.get("properties", {})
        for name, own in found.items():
            yield f"{place}.{name}", own
            yield from properties(own, f"{place}.{name}")
        for key, part in node.items():
            if key != "properties":
                yield from properties(part, f"{place}/{key}")
    elif isinstance(node, list):
        for part in node:
            yield from properties(part, place)


def test_every_key_and_every_field_is_described(schema):
    undescribed = [place for place, own in properties(schema) if not own.get("description")]
    assert undescribed == []


def test_a_description_is_the_docstring_under_the_field(schema):
    kernel = schema["$defs"]["generator.dcgan"]["properties"]["kernel"]
    assert kernel["description"] == "Side of the kernels."


def test_the_schema_has_an_absolute_id(schema):
    assert schema["$id"] == ID and ":" in ID


def test_metrics_are_chosen_from_the_installed_ones(schema):
    assert schema["properties"]["metrics"]["items"]["enum"] == Registry().names("metric")


def test_only_fields_of_searched_roles_take_a_domain(schema):
    definitions = schema["$defs"]
    domain = {"$ref": "#/$defs/Domain"}
    assert domain in definitions["schedule.alternating"]["properties"]["generator_lr"]["anyOf"]
    detector = definitions["detector.divergence"]["properties"]
    assert all(domain not in own.get("anyOf", []) for own in detector.values())

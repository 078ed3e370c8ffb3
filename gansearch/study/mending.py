"""Corrections of a study file, where a mistake shows what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gansearch.errors import Place
from gansearch.near_names import near_names
from gansearch.registry import Registry, unknown
from gansearch.study.foreign_domains import as_yaml

ROLE_OF_KEY = {
    "dataset": "dataset",
    "generator": "generator",
    "discriminator": "discriminator",
    "loss": "loss",
    "schedule": "schedule",
    "detectors": "detector",
    "extractor": "extractor",
}
"""Role of the components that a key of a study file names."""
USE = ("type", "name", "class", "kind", "model", "arch", "architecture", "component", "_target_")
"""Keys that name a component in the files of other tools."""
MISSING = {
    "name": "name: my-study",
    "dataset": "dataset: {use: folder, root: pictures, height: 64, width: 64}",
    "generator": "generator: {use: upconv, width: {low: 8, high: 128, step: 8}}",
    "discriminator": "discriminator: {use: downconv, width: 32}",
    "loss": "loss: {use: bce}",
    "schedule": "schedule: {use: alternating}",
    "objectives": "objectives: [{metric: generator_params, direction: minimize}, "
    "{metric: mmd, direction: minimize}]",
}
"""Usual lines for keys that a study needs."""
BELONGS = {
    "epochs": "training",
    "steps": "training",
    "batch_size": "training",
    "seed": "training",
    "precision": "training",
    "device": "training",
    "augment": "training",
    "trials": "search",
    "sampler": "search",
    "timeout": "search",
    "workers": "executor",
    "rungs": "pruning",
    "seeds": "certification",
    "tolerance": "certification",
}
"""Section of keys that are often written at the top of a file."""
SHORT: Mapping[str, tuple[tuple[type, str], ...]] = {
    "training": ((int, "{steps: %s}"),),
    "search": ((int, "{trials: %s}"), (str, "{sampler: %s}")),
    "executor": ((int, "{workers: %s}"), (str, "{use: %s}")),
    "certification": ((bool, "{at_end: %s}"), (int, "{seeds: %s, required: %s}")),
    "pruning": ((bool, "{rungs: []}"), (type(None), "{rungs: []}")),
}
"""Sections by the single value that stands in place of one."""


LONGEST = 80
"""Characters of a value up to which a line with the right key is proposed."""


class Mending(NamedTuple):
    """A message, and the YAML that mends the mistake; empty where that is not clear."""

    message: str
    fix: str = ""


def mend_missing(place: Place, node: object) -> Mending:
    """Say what to write for a key that is missing from `node`."""
    *above, key = place
    if key == "use" and above and isinstance(node, Mapping):
        return _mend_component(str(above[0]), node)
    if not above and str(key) in MISSING:
        return Mending("is missing", MISSING[str(key)])
    return Mending("is missing")


def _mend_component(key: str, node: Mapping[str, Any]) -> Mending:
    """Say how a component is named."""
    role = ROLE_OF_KEY.get(key, key)
    names = Registry().names(role)
    message = f"is missing: the name of a {role} (available: {', '.join(names)})"
    for other in USE:
        if isinstance(named := node.get(other), str):
            near = near_names(named.rsplit(".", 1)[-1], names)
            return Mending(message, f"use: {near[0]}" if near else "")
    if len(node) == 1:  # as in `generator: {dcgan: {width: 64}}`
        ((name, fields),) = node.items()
        near = near_names(str(name), names)
        if near and isinstance(fields, Mapping | None):
            return Mending(message, f"{key}: {as_yaml({'use': near[0], **(fields or {})})}")
    return Mending(message)


def mend_unknown_key(place: Place, value: object, keys: Sequence[str], tree: object) -> Mending:
    """Say what to write for a key that a section does not have."""
    *above, key = map(str, place)
    message = unknown("key", key, keys)
    if above or not isinstance(tree, Mapping):
        return Mending(message, _renamed(key, value, keys))
    section = tree.get
    if key == "metric" and isinstance(value, Mapping) and "name" in value:
        near = near_names(str(value["name"]), Registry().names("metric"))
        direction = "maximize" if str(value.get("goal", "")).startswith("max") else "minimize"
        goal = as_yaml({"metric": near[0] if near else value["name"], "direction": direction})
        fix = f"objectives: [{{metric: generator_params, direction: minimize}}, {goal}]"
        return Mending("names an objective, as a sweep's file has it", fix)
    for name in (key, *near_names(key, BELONGS)):
        if name in BELONGS and not near_names(key, keys):
            home = BELONGS[name]
            given = {}
            if isinstance(section(home), Mapping):
                other = {"steps": "epochs", "epochs": "steps"}.get(name)
                given = {k: v for k, v in section(home, {}).items() if k != other}
            if name == "sampler" and isinstance(value, str):
                value = (near_names(value, ("shrink", "tpe", "nsga2", "random")) or [value])[0]
            fix = f"{home}: {as_yaml({**given, name: value})}"
            return Mending(f"belongs to the section {home}", fix)
    return Mending(message, _renamed(key, value, keys))


def _renamed(key: str, value: object, keys: Sequence[str]) -> str:
    """Return `search: {trials: 4}` for a key that is nearly one of these with a short value."""
    near = near_names(key, keys)
    written = as_yaml(value)
    return f"{near[0]}: {written}" if near and len(written) <= LONGEST else ""


def mend_choice(key: str, value: object, allowed: str) -> Mending:
    """Say what to write for a value that is not among those allowed, a list in quotes."""
    names = re.findall(r"'([^']*)'", allowed)
    message = f"should be {allowed}, got {value!r}"
    if value in (True, False) and ("none" in names or "on" in names):  # YAML reads no as false
        return Mending(message, f'{key}: "{"on" if value else "none"}"')
    if isinstance(value, str) and (near := near_names(value, names)):
        hint = f"; did you mean {' or '.join(map(repr, near))}?"
        return Mending(message + hint, f"{key}: {near[0]}")
    return Mending(message)


def mend_section(key: str, value: object) -> Mending:
    """Say what to write for a single value in place of a section of keys."""
    for kind, form in SHORT.get(key, ()):
        if type(value) is kind:
            text = as_yaml(value)
            return Mending(
                f"should be a section of keys, got {value!r}",
                f"{key}: {form.replace('%s', text)}",
            )
    return Mending("should be a section of keys")


def mend_number(key: str, value: object) -> str:
    """Return `key: 1500` for a whole number that is written otherwise, as 1e3 or 1,500."""
    try:
        number = float(str(value).replace(",", "").replace("_", "").replace(" ", ""))
    except ValueError:
        return ""
    is_whole = number.is_integer() and not isinstance(value, bool)
    return f"{key}: {int(number)}" if is_whole else ""


def mend_name(value: object) -> str:
    """Return `name: two-words` for a name with characters that a folder should not have.

    >>> mend_name("two words")
    'name: two-words'
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(value)).strip("-._")[:100]
    return f"name: {name}" if name else "name: my-study"

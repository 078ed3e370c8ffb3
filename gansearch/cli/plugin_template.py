"""Files of a new plugin: a distribution of one component that passes its contract tests."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files

from gansearch.registry import GROUP_OF_ROLE

TEMPLATES = files("gansearch").joinpath("resources", "plugin")
CONTRACTS = {role: f"{role.capitalize()}Contract" for role in GROUP_OF_ROLE}
PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{distribution}"
version = "0.1.0"
description = "A {role} for gansearch"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["gansearch>=0.1"]

[project.optional-dependencies]
test = ["gansearch[test]"]

[project.entry-points."{group}"]
{name} = "{module}:{cls}"

[tool.setuptools]
py-modules = ["{module}"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""
README = """\
# {distribution}

A {role} for gansearch, `{name}`.

```sh
gansearch plugins check .     # runs its contract tests, and says what fails
pip install --editable .      # from then on every study may use it
```

{usage}
"""
TEST = '''\
"""Contract of the {role} `{name}`: what gansearch asks of every {role}."""

import pytest
from {module} import {cls}

from gansearch.testing import {contract}


class Test{cls}({contract}):
    @pytest.fixture
    def component(self) -> {cls}:
        return {cls}()
'''
USAGE = {
    "metric": "In a study: `metrics: [{name}]`, or an objective `{{metric: {name}}}`.",
    "detector": "In a study: `detectors: [{{use: divergence}}, {{use: {name}}}]`.",
    "dataset": "In a study: `dataset: {{use: {name}}}`.",
    "extractor": "In a study: `extractor: {{use: {name}}}`.",
}
SEARCHED = "In a study: `{role}: {{use: {name}, search: true}}` searches every field with a domain."


def is_plugin_name(name: str) -> bool:
    """Return True for a name such as `tiny-unet`, of which a module can be named."""
    module = name.replace("-", "_")
    return re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is not None and not keyword.iskeyword(
        module
    )


def plugin_files(name: str, role: str) -> dict[str, str]:
    """Return the files of a plugin by their path.

    Args:
        name: of the component, such as `tiny-unet`.
        role: of the component.
    """
    words = {
        "name": name,
        "role": role,
        "distribution": f"gansearch-{name}",
        "module": f"gansearch_{name.replace('-', '_')}",
        "cls": "".join(part.capitalize() for part in name.split("-")),
        "group": GROUP_OF_ROLE[role],
        "contract": CONTRACTS[role],
    }
    words["usage"] = USAGE.get(role, SEARCHED).format(**words)
    source = TEMPLATES.joinpath(f"{role}.py").read_text(encoding="utf-8")
    return {
        "pyproject.toml": PYPROJECT.format(**words),
        "README.md": README.format(**words),
        f"{words['module']}.py": re.sub(r"\bExample\b", words["cls"], source),
        "tests/test_contract.py": TEST.format(**words),
    }

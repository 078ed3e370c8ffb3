"""Entry points, pinned versions, and the layers that imports have to keep."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import resolve_name
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gansearch.components import ROLES
from gansearch.registry import GROUP_OF_ROLE

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
COMPONENTS = [
    EntryPoint(name, value, group)
    for group, points in PROJECT["entry-points"].items()
    for name, value in points.items()
]

OWNERS = {
    "psycopg": {"storage"},
    "pytest": {"testing"},
    "rich": {"cli", "report"},
    "typer": {"cli"},
}


@pytest.mark.parametrize("point", COMPONENTS, ids=lambda point: f"{point.group}.{point.name}")
def test_an_entry_point_is_a_documented_component_of_its_group(point):
    role_of_group = {group: role for role, group in GROUP_OF_ROLE.items()}
    component = point.load()
    assert issubclass(component, ROLES[role_of_group[point.group]])
    assert vars(component).get("__doc__"), f"{point.value} lacks a docstring"


def test_the_command_can_be_called():
    module, function = PROJECT["scripts"]["gansearch"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


def required():
    """Every dependency and extra; not the extras of gansearch that an extra takes in."""
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    requirements = map(Requirement, [*PROJECT["dependencies"], *extras])
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("requirement", required(), ids=str)
def test_the_constraints_pin_a_requirement_once_and_within_its_range(requirement):
    name = canonicalize_name(requirement.name)
    (pin,) = (pin for pin in pins() if canonicalize_name(pin.name) == name)
    (exact,) = pin.specifier
    assert exact.operator == "=="
    assert requirement.specifier.contains(exact.version)


def test_the_constraints_name_no_package_twice_and_no_place_or_build_to_take_it_from():
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert sorted(set(names)) == sorted(names)
    assert [str(pin) for pin in pins() if pin.url or "+" in str(pin) or pin.extras] == []


@cache
def imports():
    """Each import, inside functions and for type checkers too, as (place, module, imported)."""
    found = []
    for path in sorted((ROOT / "gansearch").rglob("*.py")):
        place = path.relative_to(ROOT)
        package = ".".join(place.parent.parts)
        for node in ast.walk(ast.parse(path.read_bytes())):
            found += [
                (f"{place}:{node.lineno}", _module(place), name)
                for name in _imported(node, package)
            ]
    return found


def _imported(node, package):
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            source = (
                resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module
            )
            return [f"{source}.{alias.name}" for alias in node.names]
    return []


def _module(place):
    """Return the top-level module or package of gansearch that a file belongs to."""
    return place.with_suffix("").parts[1]


def test_the_layers_of_pyproject_hold_and_no_imports_form_a_circle():
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    check = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_every_module_has_a_layer():
    modules = {path.with_suffix("").name for path in (ROOT / "gansearch").glob("*.py")}
    packages = {path.parent.name for path in (ROOT / "gansearch").glob("*/__init__.py")}
    (layers,) = (contract for contract in CONTRACTS if contract["type"] == "layers")
    layered = {
        module.strip().removeprefix("gansearch.")
        for row in layers["layers"]
        for module in row.split("|")
    }
    assert layered == (modules | packages) - {"__init__"}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_only_where_it_belongs(library):
    users = [(place, own) for place, own, name in imports() if name.split(".")[0] == library]
    assert [place for place, own in users if own not in OWNERS[library]] == []


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("gansearch.search.driver", {"torch", "rich", "ray"}),
        ("gansearch.execution.executor", {"torch", "ray"}),
        ("gansearch.execution.worker", {"torch", "optuna", "ray"}),
        ("gansearch.training.loop", {"optuna", "rich", "ray"}),
    ],
)
def test_a_module_loads_nothing_of_what_is_not_its_own(module, strangers):
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert strangers.isdisjoint(loaded.split())


def test_the_driver_imports_no_torch_inside_its_functions_either():
    names = [
        name for place, _, name in imports() if place.startswith("gansearch/search/driver.py:")
    ]
    assert names
    assert [name for name in names if name.split(".")[0] == "torch"] == []


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_the_dockerfile_copies_files_that_exist_and_installs_extras_that_exist():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [
        word for line in re.findall(r"^COPY (.*)", text, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert len(sources) >= 5 and [one for one in sources if not (ROOT / one).exists()] == []
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', text)
    assert {*extras.split(",")} <= PROJECT["optional-dependencies"].keys()

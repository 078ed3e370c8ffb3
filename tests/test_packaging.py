"""What pyproject.toml and constraints.txt promise, and who may import whom."""

import ast
import importlib
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import resolve_name
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gansearch.components import ROLES
from gansearch.registry import GROUP_OF_ROLE

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPONENTS = [
    EntryPoint(name, value, group)
    for group, points in PROJECT["entry-points"].items()
    for name, value in points.items()
]

# From top to bottom; a module imports from its own row and from those below it.
ROWS = (
    {"cli"},
    {"loading", "run"},
    {"search"},
    {"report"},
    {"ranking"},
    {"storage"},
    {"evaluation"},
    {"training"},
    {"detection", "remedies"},
    {"candidate", "document", "options", "registry", "space", "study", "trial"},
    {"builtin"},
    {"components", "urls", "domains", "errors", "files", "signals", "storage_path"},
)
ROW = {name: i for i, row in enumerate(ROWS) for name in row}
CONTRACT_TESTS = "testing"  # sees all that it tests; nothing sees it
SCRIPTS = "resources"  # made the files beside them; no part of the program

OWNERS = {
    "optuna": {"search", "storage"},
    "psycopg": {"storage"},
    "pytest": {CONTRACT_TESTS},
    "ray": {"search"},
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
    """Each import of the package, inside functions and for type checkers too, as (place, module,
    what)."""
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
    """What a file of gansearch/ belongs to: the name of a top-level module or package."""
    return place.with_suffix("").parts[1]


def inner_imports():
    """The imports of gansearch by itself, as (place, module, imported module)."""
    return [
        (place, own, name.split(".")[1])
        for place, own, name in imports()
        if name.startswith("gansearch.")
    ]


def test_every_module_has_a_row():
    modules = {_module(path.relative_to(ROOT)) for path in (ROOT / "gansearch").rglob("*.py")}
    assert modules - {"__init__"} == {*ROW, CONTRACT_TESTS, SCRIPTS}


def test_a_module_imports_only_from_its_row_and_those_below():
    above = [
        (place, other)
        for place, own, other in inner_imports()
        if ROW.get(other, 99) < ROW.get(own, 0)
    ]
    assert above == []


def test_the_search_does_not_report():
    assert [
        place for place, own, other in inner_imports() if (own, other) == ("search", "report")
    ] == []


def test_the_contract_tests_see_all_but_the_command_line_and_nothing_sees_them():
    seen = [
        (place, other)
        for place, own, other in inner_imports()
        if own == CONTRACT_TESTS and other == "cli"
    ]
    seeing = [(place, other) for place, own, other in inner_imports() if other == CONTRACT_TESTS]
    assert seen + seeing == []


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

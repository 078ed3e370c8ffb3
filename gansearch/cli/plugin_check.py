"""Check of a plugin: its components are loaded, and the contract tests of their roles are run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from gansearch.cli.plugin_template import CONTRACTS
from gansearch.component_file import components_of_file
from gansearch.errors import GansearchError, PluginError
from gansearch.registry import GROUP_OF_ROLE, check_component
from gansearch.study.findings import problems_of

TEST = """\
import sys

import pytest

from gansearch import testing
from gansearch.component_file import load_from_file

sys.path.insert(0, {folder!r})


class TestComponent(testing.{contract}):
    @pytest.fixture
    def component(self):
        {load}
        return component()
"""


@dataclass
class CheckedComponent:
    """A component of a plugin, and what its contract tests say of it."""

    role: str
    name: str
    passed: list[str] = field(default_factory=list)
    """Contract tests that pass, in words."""
    failed: dict[str, str] = field(default_factory=dict)
    """Contract tests that fail, in words, each with its reason."""


def check_plugin(path: Path) -> list[CheckedComponent]:
    """Check the components of a distribution's folder or of a Python file.

    Raises:
        GansearchError: when there are none, or pytest is missing.
    """
    if find_spec("pytest") is None:
        raise GansearchError('contract tests need pytest: pip install "gansearch[test]"')
    found = [*(_of_file(path) if path.suffix == ".py" else _of_distribution(path))]
    if not found:
        groups = ", ".join(GROUP_OF_ROLE.values())
        raise GansearchError(
            f"{path} has no component: no class of a role, no entry point of {groups}"
        )
    return found


def _of_file(path: Path) -> Iterator[CheckedComponent]:
    """Check every component that a Python file defines."""
    for use, component in components_of_file(path).items():
        load = f"component = load_from_file({use!r})"
        yield _checked(component.role, component.__name__, component, str(path.parent), load)


def _of_distribution(folder: Path) -> Iterator[CheckedComponent]:
    """Check every component that the entry points of a distribution's folder name."""
    file = folder / "pyproject.toml"
    try:
        groups = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["entry-points"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise GansearchError(f"{file} has no entry points that can be read: {error!r}") from None
    source = folder / "src" if (folder / "src").is_dir() else folder
    place = str(source.absolute())
    sys.path.insert(0, place)
    try:
        for role, group in GROUP_OF_ROLE.items():
            for name, value in groups.get(group, {}).items():
                yield _of_entry_point(role, name, value, place)
    finally:
        sys.path.remove(place)


def _of_entry_point(role: str, name: str, value: str, place: str) -> CheckedComponent:
    module, _, attribute = value.partition(":")
    try:
        loaded = getattr(import_module(module), attribute)
    except Exception as error:  # a plugin may fail in any way
        reason = f"{value} cannot be loaded: {type(error).__name__}: {error}"
        return CheckedComponent(role, name, failed={"can be loaded": reason})
    load = f"from {module} import {attribute} as component"
    return _checked(role, name, loaded, place, load)


def _checked(role: str, name: str, loaded: Any, place: str, load: str) -> CheckedComponent:
    """Check a class, and run the contract tests of its role on it."""
    checked = CheckedComponent(role, name)
    try:
        component = check_component(role, f"the {role} {name!r}", loaded.__name__, loaded)
        component()
    except PluginError as error:
        checked.failed["can be loaded"] = str(error)
    except ValidationError as error:
        reasons = "; ".join(map(str, problems_of(error)))
        checked.failed["has a default for every field"] = reasons
    else:
        _run_contract(checked, place, load)
    return checked


def _run_contract(checked: CheckedComponent, place: str, load: str) -> None:
    """Run the contract tests in a process of their own, and take what they say."""
    with TemporaryDirectory(prefix="gansearch-") as folder:
        test, report = Path(folder, "test_contract.py"), Path(folder, "report.xml")
        contract = CONTRACTS[checked.role]
        test.write_text(TEST.format(folder=place, contract=contract, load=load), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", str(test), f"--junit-xml={report}"]
        options = ["-p", "no:cacheprovider", "--rootdir", folder, "-c", "/dev/null"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=folder)
        if not report.exists():
            checked.failed["contract tests can be run"] = done.stdout + done.stderr
            return
        for case in ElementTree.parse(report).iter("testcase"):
            words = case.attrib["name"].removeprefix("test_").replace("_", " ")
            wrong = [*case.iter("failure"), *case.iter("error")]
            if wrong:
                checked.failed[words] = wrong[0].attrib.get("message", "").strip()
            elif not [*case.iter("skipped")]:
                checked.passed.append(words)

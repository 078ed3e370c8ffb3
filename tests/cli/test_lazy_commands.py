import inspect
import os
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest
import typer

from gansearch.cli.commands import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_the_first_line_of_its_docstring(name):
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        assert found.info.help == COMMANDS[name].help
    else:
        assert inspect.getdoc(found).splitlines()[0] == COMMANDS[name].help


def test_the_package_is_a_program():
    told = subprocess.run(
        [sys.executable, "-m", "gansearch", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("gansearch ")


def test_a_terminal_without_utf_8_does_not_end_a_command(run):
    told = subprocess.run(
        [sys.executable, "-m", "gansearch", "pareto", run],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert (told.returncode, told.stderr) == (0, b"")


def test_verbose_and_quiet_exclude_each_other(call, run):
    assert call("resume", run, "-v", "-q")[0] == 2


def test_windows_is_refused_with_words(call, monkeypatch):
    monkeypatch.setattr("gansearch.cli.commands.sys", SimpleNamespace(platform="win32"))
    code, _, err = call("doctor")
    assert code == 1
    assert "does not run on Windows itself" in err and "wsl --install" in err
    assert call("--help")[0] == 0

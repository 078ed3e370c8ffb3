import json
import subprocess
import sys
from typing import get_args

import pytest
import typer.main

from gansearch.cli import app
from gansearch.cli.commands import COMMANDS, load_command
from gansearch.cli.completion import COMPLETERS, MARK, TABLE, table_of
from gansearch.components import ROLES
from gansearch.storage import run_mark
from gansearch.study.spec import TrackerName


@pytest.fixture
def complete(monkeypatch, capsys):
    """Return a function from a line, as typed so far, to what bash is offered for its last word."""

    def completions(line):
        words = line.split()
        place = len(words) if line.endswith(" ") else len(words) - 1
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(place))
        monkeypatch.setenv("_GANSEARCH_COMPLETE", "complete_bash")
        with pytest.raises(SystemExit):
            typer.main.get_command(app).main(prog_name="gansearch")
        return capsys.readouterr().out.split()

    return completions


def test_the_table_is_that_of_the_commands():
    commands = table_of({name: load_command(name) for name in COMMANDS})
    assert json.loads(TABLE.read_text()) == commands, "run: python tools/completion_table.py"


def test_the_completers_are_of_arguments_and_options_that_exist():
    words = TABLE.read_text()
    assert [key for key in COMPLETERS if f'"{key}"' not in words] == []


def test_values_that_are_listed_for_completion_are_those_that_exist():
    assert list(COMPLETERS["--role"](None, "")) == [*ROLES]
    assert list(COMPLETERS["--track"](None, "")) == [*get_args(TrackerName)]
    assert MARK == run_mark.MARK


def test_commands_and_options_are_completed(complete):
    assert complete("gansearch ru") == ["run", "runs"]
    assert complete("gansearch run --t") == ["--trials", "--timeout", "--track"]
    assert complete("gansearch plugins ") == ["list", "new", "check"]


def test_runs_and_their_trials_are_completed(complete, run, monkeypatch, tmp_path):
    monkeypatch.setenv("GANSEARCH_RUNS", str(tmp_path / "runs"))
    assert complete("gansearch status s") == ["shrink"]
    assert complete("gansearch status x") == []
    assert complete("gansearch show shrink 1") == ["1", "10"]
    assert complete(f"gansearch certify {run} --trial 7") == ["7"]


def test_studies_and_their_folders_are_completed(complete, tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    for name in ("studies/cats.yaml", "studies/notes.txt", "stone.yml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert complete("gansearch run st") == ["stone.yml", "studies/"]
    assert complete("gansearch validate studies/") == ["studies/cats.yaml"]


def test_components_are_completed(complete):
    assert complete("gansearch new a.yaml --dataset ring") == ["ring-2d"]
    assert "hinge" in complete("gansearch diagnose log.csv --loss ")
    assert complete("gansearch pareto a --x generator_pa") == ["generator_params"]


def test_completion_and_help_do_not_wait_for_torch():
    heavy = "{'torch', 'optuna', 'pandas', 'numpy'}"
    code = (
        "import os, sys\n"
        "from gansearch.cli import main\n"
        "for arguments in ['--help'], []:\n"
        "    try:\n"
        "        main(arguments)\n"
        "    except SystemExit:\n"
        "        pass\n"
        "    os.environ |= {'_GANSEARCH_COMPLETE': 'complete_bash', 'COMP_CWORD': '2',\n"
        "                   'COMP_WORDS': 'gansearch certify '}\n"
        f"sys.exit(str({heavy} & sys.modules.keys() or 0))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr == "0\n"
    assert "Exit codes:" in ended.stdout and "GANSEARCH_RUNS" in ended.stdout

"""A study that is run from a script without a main guard, as in a notebook."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
from pathlib import Path

from gansearch.run import run_study
from gansearch.study.study import Study


class Listener:
    def __getattr__(self, name):
        return lambda *arguments: None


print("started")
study = Study.load(Path("tiny.yaml"), ["search.trials=2", "executor.workers=1"])
run_study(study, Path("run"), Listener())
"""


def test_the_workers_do_not_run_the_script_again(study_text, tmp_path):
    (tmp_path / "tiny.yaml").write_text(study_text)
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "started\n", ended.stderr
    command = [Path(sys.executable).with_name("gansearch"), "status", "run", "--json"]
    status = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(status.stdout)["trials"]["complete"] == 2

"""The commands of docs/howto/new_user.md, with nothing but the wheel."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from PIL import Image

from gansearch.storage.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "new_user.md").read_text(encoding="utf-8")
(TRANSCRIPT,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
SHORT = {"new": ["--budget", "2m"], "run": ["--timeout", "30s"]}
"""Options that replace the times of the page."""


def steps():
    """Yield each command of the transcript with the lines that it printed."""
    for part in re.split(r"^\$ ", TRANSCRIPT, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield shlex.split(command), lines


def shape(line):
    """Return a line without its numbers and times, which differ from machine to machine."""
    return re.sub(r"[\d.,]+( ?[hms]\b)?", "#", line.strip())


@pytest.fixture
def fresh(tmp_path):
    """Folder of an environment with the wheel, whose dependencies are those of this one."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "wheel", ROOT], check=True
    )
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    own = [tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*own, *(tmp_path / "wheel").glob("*.whl")], check=True)
    return tmp_path / "venv"


def test_the_transcript_goes_from_pictures_to_a_search_in_two_commands():
    assert [command[:2] for command, _ in steps()] == [["gansearch", "new"], ["gansearch", "run"]]


@pytest.mark.campaign
def test_the_commands_of_the_transcript_do_what_they_show(fresh, tmp_path, fashion):
    home = tmp_path / "home"
    (home / "pictures").mkdir(parents=True)
    for i, picture in enumerate(fashion.train.samples[:2000, 0]):
        Image.fromarray(picture).save(home / "pictures" / f"{i:04d}.png")
    environment = os.environ | {"PATH": f"{fresh / 'bin'}:{os.environ['PATH']}", "COLUMNS": "100"}
    environment.pop("PYTHONPATH", None)
    for (program, name, *words), shown in steps():
        words = words[: words.index(SHORT[name][0])] if SHORT[name][0] in words else words
        done = subprocess.run(
            [fresh / "bin" / program, name, *words, *SHORT[name]],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed = {shape(line) for line in done.stdout.splitlines()}
        expected = {
            shape(line)
            for line in shown
            if line.startswith(("pictures:", "data:", "warning:", "next:"))
        }
        assert expected <= printed, done.stdout
    assert (home / "clothes.yaml").is_file()
    assert RunFolder.open(home / "runs" / "clothes").has_begun

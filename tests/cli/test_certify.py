"""`gansearch certify`, and the certification with which a search ends."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_certification

COMMAND = Path(sys.executable).with_name("gansearch")
PATIENCE = 120
"""Seconds after which something hangs."""
SETTINGS = "certification={seeds: 2, required: 2, tolerance: 9, at_end: true}"
"""Whatever comes out healthy twice is good enough, so that a test trains little."""


# The search itself is another process, whose champion is exported with all its files.
pytestmark = pytest.mark.usefixtures("without_onnx")


@pytest.fixture
def study(study_text, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(study_text)
    return path


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Return a function that runs a search with a certification by the installed command; it gives
    the output and the run folder."""
    folder = tmp_path_factory.mktemp("certified")
    told = []

    def search(text):
        if not told:
            (folder / "tiny.yaml").write_text(text)
            arguments = [COMMAND, "run", "tiny.yaml", "--trials", "2", "--set", SETTINGS]
            told.append(subprocess.run(arguments, cwd=folder, capture_output=True, text=True))
        return told[0], folder / "runs" / "tiny"

    return search


@pytest.fixture
def certified(searched, study_text, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(searched(study_text)[1], tmp_path / "runs" / "tiny")


def runs(folder):
    return [
        (run.certifies, run.seed) for run in read_certification(RunFolder.open(folder)) if run.ended
    ]


def test_a_search_ends_with_a_certification(searched, study_text):
    told, folder = searched(study_text)
    assert (told.returncode, told.stderr) == (0, "")
    assert (
        len(
            re.findall(
                r"^\[certification, \d runs, .*\] trial \d, seed \d: healthy", told.stdout, re.M
            )
        )
        == 4
    )
    assert "The champion is trial 1: generator_params" in " ".join(told.stdout.split())
    assert sorted(runs(folder)) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert len(list((folder / "certification").glob("*/verdict.json"))) == 4
    assert json.loads((folder / "champion" / "bundle.json").read_text())["trial"] == 1


def test_what_is_certified_already_is_told_without_training(certified, call):
    code, out, _ = call("certify", certified, "--json")
    told = json.loads(out)
    assert (code, told["champion"], told["certification"]["seeds"]) == (0, 1, 2)
    assert [entry["trial"] for entry in told["candidates"]] == [1, 0]
    assert told["candidates"][0]["certified"]["stable"] is True
    assert len(runs(certified)) == 4


def test_the_front_the_status_and_the_trial_tell_it_too(certified, call):
    front = json.loads(call("pareto", certified, "--json")[1])
    assert front["champion"]["trial"] == 1
    status = json.loads(call("status", certified, "--json")[1])
    assert (status["steps_trained"], status["certification"]["steps_trained"]) == (40, 80)
    assert status["certification"]["stable"] == [0, 1]
    assert json.loads(call("show", certified, 1, "--json")[1])["certified"]["healthy"] == 2
    assert "The champion is trial 1" in call("status", certified)[1]


def test_more_seeds_for_one_trial_go_on_where_it_was_and_are_kept_in_the_study(certified, call):
    code, out, _ = call("certify", certified, "--trial", 1, "--seeds", 4, "--required", 3)
    assert (code, len(re.findall(r"\] trial 1, seed 3: healthy", out))) == (0, 1)
    assert sorted(runs(certified)) == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3)]
    rules = RunFolder.open(certified).spec().certification
    assert (rules.seeds, rules.required) == (4, 3)


@pytest.mark.parametrize(
    ("command", "options", "goes_on"),
    [
        (
            "certify",
            ["--seeds", "4", "--required", "4", "--trial", "0"],
            "certify {folder} --trial 0",
        ),
        ("run", ["--trials", "2", "--set", SETTINGS.replace("2", "4")], "resume {folder}"),
    ],
)
@pytest.mark.campaign
def test_a_certification_that_is_stopped_is_resumable(
    certified, study, call, command, options, goes_on
):
    place = [certified] if command == "certify" else [study, "--out", certified]
    process = subprocess.Popen(
        [COMMAND, command, *place, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any("trial 0, seed" in line for line in process.stdout)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (143, "")
    go_on = goes_on.format(folder=certified)
    assert out.endswith(f"stopped; go on with: gansearch {go_on}\n")
    before = runs(certified)
    assert call(*go_on.split())[0] == 0
    assert runs(certified)[: len(before)] == before
    assert [seed for trial, seed in sorted(runs(certified)) if trial == 0] == [1, 2, 3, 4]


def test_fresh_forgets_the_certification_too(certified, study, call):
    assert call("run", study, "--out", certified, "--fresh", "--trials", 1)[0] == 0
    left = [(certified / name).exists() for name in ("certification", "champion", "exports")]
    assert (runs(certified), left) == ([], [False] * 3)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--trial", "7"], 1, "there is no trial 7 to certify; there are 0 to 1"),
        (["--trial", "0", "--all"], 2, "takes the place of --trial"),
        (["--seeds", "2", "--required", "3"], 2, "required (3) must not exceed seeds (2)"),
        (["--seeds", "0"], 2, "--seeds"),
    ],
)
def test_what_cannot_be_done_is_refused(certified, call, options, code, message):
    got, _, err = call("certify", certified, *options)
    assert (got, "Traceback" in err) == (code, False)
    assert message in " ".join(re.sub(r"[│╭╰─╮╯]", " ", err).split())


def test_a_folder_in_which_another_is_at_work_is_refused(certified, call):
    with RunFolder.open(certified).locked():
        code, _, err = call("certify", certified)
    assert (code, err) == (1, f"another gansearch process is at work in {certified}\n")

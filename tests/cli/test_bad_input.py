"""Mistakes, broken plugins and candidates that misbehave: each is told clearly, and costs nothing
but itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records

COMMAND = Path(sys.executable).with_name("gansearch")


@pytest.fixture
def write(tmp_path):
    """Writes a study file."""

    def write(text):
        (tmp_path / "study.yaml").write_text(dedent(text).lstrip())
        return tmp_path / "study.yaml"

    return write


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a distribution of one module, found as if it were installed, here and in child
    processes."""
    place = tmp_path / "site"
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", str(place))

    def install(distribution, name, module, text):
        information = place / f"{distribution.replace('-', '_')}-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(
            f"[gansearch.generators]\n{name} = {module}:Plugin\n"
        )
        (place / f"{module}.py").write_text(dedent(text))

    return install


# ------------------------------------------------------------------ the study file

TEN_MISTAKES = """
name: two words
dataset: {use: ring-2d, samples: -5}
generator:
  use: dense
  widht: 64
  width: {low: 64, high: 8}
  latent: {choices: [0, 2]}
discriminator: {use: dense}
loss: {use: bcee}
schedule: {use: alternating}
training: {steps: many}
objectives:
  - {metric: generator_params, direction: smaller}
  - {metric: sliced_waserstein, direction: minimize}
serach: {trials: 4}
"""


@pytest.mark.parametrize("command", [("run", "--check"), ("validate",), ("summary",)])
def test_ten_mistakes_get_ten_located_messages_at_once(call, write, command):
    study = write(TEN_MISTAKES)
    code, out, err = call(command[0], study, *command[1:])
    assert (code, out) == (2, "")
    told = [line.removeprefix(f"{study}:").split(": ", 2) for line in err.splitlines()]
    assert [place for place, _, _ in told] == [
        "1:1", "2:25", "5:3", "6:3", "7:3", "9:8", "11:12", "13:32", "14:6", "15:1"
    ]  # fmt: skip
    for (_, where, message), (field, words) in zip(told, EXPECTED, strict=True):
        assert where == field
        assert words in message


EXPECTED = [
    ("name", "should match pattern"),
    ("dataset.samples", "greater than"),
    ("generator.widht", "unknown field 'widht'; did you mean 'width'"),
    ("generator.width", "low must not exceed high"),
    ("generator.latent", "holds 0, which the field refuses"),
    ("loss.use", "unknown loss 'bcee'; did you mean 'bce'"),
    ("training.steps", "valid integer"),
    ("objectives.0.direction", "'minimize' or 'maximize', got 'smaller'"),
    ("objectives.1.metric", "did you mean 'sliced_wasserstein'"),
    ("serach", "unknown key"),
]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "invalid YAML"),
        ("name: a\nname: b\n", "2:1: name: duplicate key"),
        ("a: &x 1\nb: *x\n", "2:4: invalid YAML: aliases are not allowed"),
        ("- 1\n", ":1:1"),
        ("", ":1:1"),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_its_place(call, write, text, message):
    code, _, err = call("run", write(text), "--check")
    assert (code, message in err, "Traceback" in err) == (2, True, False)


# ------------------------------------------------------------------ data

PICTURES = """
name: pictures
dataset: {{use: folder, root: "{root}"}}
generator: {{use: upconv}}
discriminator: {{use: downconv}}
loss: {{use: bce}}
schedule: {{use: alternating}}
objectives: [{{metric: generator_params, direction: minimize}}]
"""


def damaged(folder):
    for i in range(4):
        (folder / f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: folder.rmdir(),
        lambda folder: None,
        lambda folder: (folder.rmdir(), folder.touch()),
        damaged,
    ],
    ids=["missing", "empty", "a file", "damaged pictures"],
)
def test_a_data_folder_that_cannot_be_read_is_named(call, write, tmp_path, spoil):
    folder = tmp_path / "faces"
    folder.mkdir()
    spoil(folder)
    code, out, err = call("run", write(PICTURES.format(root=folder)), "--out", tmp_path / "run")
    assert (code, out, err.startswith(f"{folder} "), "Traceback" in err) == (1, "", True, False)
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------ plugins

GOOD = """
from gansearch.builtin.generators.dense import DenseGenerator

class Plugin(DenseGenerator):
    "A generator of somebody else's."
"""


def test_a_broken_plugin_is_named_and_the_rest_stays_usable(call, write, install, study_text):
    install("hapless", "cubist", "hapless", "import no_such_library")
    code, _, err = call("run", write(study_text.replace("use: dense", "use: cubist", 1)), "--check")
    assert code == 2
    assert "study.yaml:4:3: " in err and "the generator 'cubist' of hapless cannot be loaded" in err
    assert "No module named 'no_such_library'" in err and "Traceback" not in err
    assert call("run", write(study_text), "--check")[0] == 0
    assert "no_such_library" in call("plugins", "list", "--json")[1]


def test_two_plugins_of_one_name_are_refused_naming_both(call, write, install, study_text):
    install("mine", "cubist", "mine", GOOD)
    install("yours", "cubist", "yours", GOOD)
    code, _, err = call("run", write(study_text.replace("use: dense", "use: cubist", 1)), "--check")
    assert code == 2
    assert (
        "the generator 'cubist' is offered by" in err
        and "mine (mine:Plugin)" in err
        and "yours (yours:P" in err
    )
    assert call("run", write(study_text), "--check")[0] == 0


def test_a_plugin_of_a_distribution_is_used_by_its_name(call, write, install, study_text):
    install("mine", "cubist", "mine_alone", GOOD)
    assert call("run", write(study_text.replace("use: dense", "use: cubist", 1)), "--check")[0] == 0


# ------------------------------------------------------------------ candidates

MISBEHAVING = """
import multiprocessing
import os
import time
from pathlib import Path
from typing import Literal

import torch

from gansearch.builtin.generators.dense import DenseGenerator


class Plugin(DenseGenerator):
    "Misbehaves where it is trained, not where it is counted."

    fault: Literal["none", "raises", "exhausts memory", "waits"] = "none"

    def build(self, images):
        if multiprocessing.parent_process() is not None:
            if self.fault == "raises":
                raise ZeroDivisionError("this one\\nalways raises")
            if self.fault == "exhausts memory":
                torch.empty(2**50)
            if self.fault == "waits":
                Path(os.environ["WAITING"], str(os.getpid())).touch()
                time.sleep(600)
        return super().build(images)
"""


@pytest.mark.campaign
def test_candidates_that_misbehave_cost_themselves_alone(write, install, study_text, tmp_path):
    install("unruly", "unruly", "unruly", MISBEHAVING)
    faults = ["raises", "exhausts memory", "waits"]
    searched = f"use: unruly\n  fault: {{choices: [none, {', '.join(faults)}]}}\n"
    text = study_text.replace("use: dense\n", searched)
    text += "queue:\n" + "".join(f"  - {{generator: {{fault: {fault}}}}}\n" for fault in faults)
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    with (tmp_path / "told").open("w") as told:
        driver = subprocess.Popen(
            [
                COMMAND,
                "run",
                write(text),
                "--out",
                tmp_path / "run",
                "--trials",
                "4",
                "--workers",
                "2",
            ],
            env=os.environ | {"WAITING": str(waiting)},
            stdout=told,
            stderr=told,
        )
    while driver.poll() is None:
        for process in waiting.iterdir():
            process.unlink()
            os.kill(int(process.name), signal.SIGKILL)
        time.sleep(0.05)
    told = (tmp_path / "told").read_text()
    assert driver.returncode == 0, told
    assert "Traceback" not in told and "\nalways raises" not in told
    for line in (
        "trial 0 complete: healthy",
        "trial 1 failed: raised: ZeroDivisionError: this one",
        "trial 2 failed: out-of-memory: RuntimeError: ",
        "trial 3 is trained again: died: its process was ended by SIGKILL",
        "trial 3 failed: died: its process was ended by SIGKILL",
    ):
        assert line in told
    states = [record.state for record in read_records(RunFolder.open(tmp_path / "run"))]
    assert states == ["complete", "failed", "failed", "failed"]

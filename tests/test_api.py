"""The Python interface, from a test, from a script without a main guard, and from a notebook."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gansearch
from gansearch.errors import GansearchError, RunFolderError, StudyError
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.frames import trials_frame
from gansearch.study.spec import StudySpec

SCRIPT = """
import gansearch

print("started")
study = gansearch.load_study("tiny.yaml", {"search.trials": 2, "executor.workers": 1})
for name in ("first", "second"):
    run = gansearch.run_study(study, name, progress=False)
    print(name, run.trials()["state"].value_counts().to_dict())
"""


@pytest.fixture
def study_file(study_text, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(study_text)
    return path


@pytest.fixture
def small(study_file):
    return gansearch.load_study(study_file, {"search.trials": 2, "executor.workers": 1})


def test_a_study_is_loaded_with_changes(study_file):
    changes = {"schedule.generator_lr": 1e-5, "generator.width": {"low": 32, "high": 64}}
    study = gansearch.load_study(str(study_file), changes)
    assert study.spec.schedule[0].fields["generator_lr"] == 1e-5
    assert study.spec.generator[0].fields["width"] == {"low": 32, "high": 64}


def test_a_wrong_study_says_where(study_file):
    with pytest.raises(StudyError, match=r"tiny\.yaml:\d+:\d+: training\.steps"):
        gansearch.load_study(study_file, {"training.steps": -1})


@pytest.fixture(scope="module")
def certified(study_text, tmp_path_factory):
    """A run of two trials, both trained again with fresh seeds."""
    folder = tmp_path_factory.mktemp("certified")
    (folder / "tiny.yaml").write_text(study_text)
    seeds = {"certification.seeds": 2, "certification.required": 1}
    study = gansearch.load_study(
        folder / "tiny.yaml",
        {"search.trials": 2, "executor.workers": 1, "trackers": ["tensorboard"]} | seeds,
    )
    with pytest.MonkeyPatch.context() as patch:  # the champion's ONNX file takes seconds
        patch.setattr("gansearch.export.onnx_file.find_spec", lambda name: None)
        return gansearch.run_study(study, folder / "run", certify=True, progress=False)


def test_two_searches_after_each_other_in_one_process(small, tmp_path, capfd):
    runs = [gansearch.run_study(small, tmp_path / name) for name in ("first", "second")]
    for run in runs:
        assert run.trials()["state"].tolist() == ["complete", "complete"]
        assert run.champion is None
    assert runs[0].trials()["identity"].tolist() == runs[1].trials()["identity"].tolist()
    assert capfd.readouterr().out.count("trial 1 starts") == 2


def test_the_same_call_continues_a_run(study_file, tmp_path):
    for count in (1, 2):
        changes = {"search.trials": count, "executor.workers": 1}
        study = gansearch.load_study(study_file, changes)
        run = gansearch.run_study(study, tmp_path / "run", progress=False)
        assert run.trials().index.tolist() == list(range(count))


def test_a_run_has_frames_of_its_trials_front_and_signals(certified):
    trials, front = certified.trials(), certified.front()
    assert isinstance(certified.study, StudySpec)
    assert {"verdict", "generator_params", "coverage", "generator.width"} <= {*trials}
    assert trials["baseline"].tolist() == [True, False]
    assert sorted(front.index) == trials.index[trials["on_front"]].tolist()
    signals = certified.signals()
    assert signals.groupby("trial")["step"].max().to_dict() == {0: 20, 1: 20}
    losses = certified.trial(1).signals()["g_loss"].tolist()
    assert certified.signals(1)["g_loss"].tolist() == losses
    with pytest.raises(RunFolderError, match="has no trial 7; it has 0 to 1"):
        certified.signals(7)


def test_a_tracker_has_the_signals_of_every_training(certified):
    from gansearch.diagnosis.loss_log.tensorboard import read_events

    place = certified.folder.tracking / "tensorboard"
    assert {path.name for path in place.iterdir()} >= {
        "trial-0000",
        "trial-0001",
        "certification-0000",
    }
    for number in (0, 1):
        cells = read_events(place / f"trial-{number:04d}", {}).cells
        losses = [float(cell) for cell in cells["signals/g_loss"]]
        assert losses == certified.signals(number)["g_loss"].tolist()


def test_the_generator_of_a_champion_makes_samples(certified):
    champion = certified.champion
    assert champion.certificate.status == "stable"
    generator = champion.generator()
    samples = generator.sample(generator.draw_latents(5, seed=0))
    assert samples.shape == (5, 2, 1, 1) and samples.dtype == np.float32
    assert [path.name for path in champion.samples()] == ["step-000020.png"]
    again = gansearch.open_run(certified.path)
    assert again.best.number == champion.number
    assert again.trials().loc[champion.number, "certified"] == "stable"


def test_without_a_healthy_trial_there_is_no_best_one(pictures):
    with sqlite3.connect(pictures.path / "study.db") as database:
        database.execute("DELETE FROM trial_user_attributes")
    run = gansearch.open_run(pictures.path)
    assert run.champion is None and run.front().empty and run.trials().empty
    with pytest.raises(GansearchError, match=r"no trial of .* is healthy yet"):
        _ = run.best


def test_a_run_is_opened_by_the_name_of_its_study(pictures, monkeypatch):
    monkeypatch.chdir(pictures.path.parent)
    (pictures.path.parent / "runs").mkdir()
    pictures.path.rename(pictures.path.parent / "runs" / "odd")
    assert gansearch.open_run("odd").path == Path("runs/odd").absolute()
    with pytest.raises(RunFolderError, match="there is no run 'other'"):
        gansearch.open_run("other")


def test_the_frame_of_trials_shows_failures_too(study, trial):
    failed = RunSummary.of(study(), [trial(0, 100, None, "diverged")])
    frame = trials_frame(failed).set_index("trial")
    assert frame.loc[0, ["verdict", "verdict_step", "on_front"]].tolist() == [
        "diverged",
        600,
        False,
    ]
    assert trials_frame(RunSummary.of(study(), [])).empty


def test_a_script_without_a_main_guard_searches_twice(study_file):
    (study_file.parent / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    ended = subprocess.run(command, cwd=study_file.parent, capture_output=True, text=True)
    assert ended.stdout.splitlines() == [
        "started",
        "first {'complete': 2}",
        "second {'complete': 2}",
    ], ended.stderr


@pytest.mark.campaign
def test_a_notebook_searches_twice_and_shows_frames(study_file):
    nbformat = pytest.importorskip("nbformat", reason="nbclient and ipykernel are not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    first, second, third = [nbformat.v4.new_code_cell(code) for code in NOTEBOOK]
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[first, second, third], metadata=kernel)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(study_file.parent)}}
    ).execute()
    printed = "".join(output.get("text", "") for output in first.outputs)
    assert "trial 1 complete" in printed
    assert all(output.output_type == "stream" for output in first.outputs)
    assert "text/html" in second.outputs[0]["data"]
    assert json.loads(third.outputs[0]["text"]) == [[2, 2], [5, 2, 1, 1]]


NOTEBOOK = (
    """
import gansearch
study = gansearch.load_study("tiny.yaml", {"search.trials": 2, "executor.workers": 1})
run = gansearch.run_study(study, "first")
""",
    "run.trials()",
    """
import json
other = gansearch.run_study(study, "second", progress=False)
generator = other.best.generator()
samples = generator.sample(generator.draw_latents(5, seed=0))
print(json.dumps([[len(run.trials()), len(other.trials())], list(samples.shape)]))
""",
)


def test_the_package_names_what_it_exports():
    assert gansearch.run_study is gansearch.api.run_study
    with pytest.raises(AttributeError, match="has no attribute 'runs'"):
        _ = gansearch.runs
    assert Path(gansearch.__file__).name == "__init__.py"

"""A study of students from its file to the card of its champion, by the commands."""

import json
import pickle
import shutil

import pytest
from support.damage import flip_bit
from support.teachers import edit_json, runner_of

from gansearch.diagnosis.remedies import applied
from gansearch.execution.worker import pickle_task
from gansearch.messages import Job
from gansearch.signals import Remedy
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_certification, read_records
from gansearch.storage.weights import load_weights, save_weights
from gansearch.study.study import Study

CERTIFIES = "certification={seeds: 2, required: 2, tolerance: 9, at_end: true}"
"""Whatever comes out healthy twice is good enough, so that a test trains little."""

pytestmark = pytest.mark.usefixtures("without_onnx")


@pytest.fixture
def place(recorded_teacher, tmp_path):
    return shutil.copytree(recorded_teacher, tmp_path / "place")


def test_students_are_searched_certified_and_resumed_with_one_teacher(call, place):
    run = place / "run"
    student = place / "student.yaml"
    settings = ["--set", CERTIFIES, "--set", "executor.workers=1", "-q"]
    code, _, err = call("run", student, "--out", run, "--trials", "1", *settings)
    assert code == 0, err
    sums = (place / "wide/trials/0000/generator.safetensors.sha256").read_text()
    sha256 = sums.split()[0]

    # The certification trained its runs with the same teacher
    folder = RunFolder.open(run)
    runs = [*read_records(folder), *read_certification(folder)]
    assert len(runs) == 3
    assert {record.candidate["teacher"]["sha256"] for record in runs} == {sha256}
    assert {record.stamp["teacher"]["sha256"] for record in runs} == {sha256}
    assert folder.spec().teacher.sha256 == sha256

    # Whose student it is
    whose = "student of trial 0 of wide, a generator of 322 parameters"
    assert whose in " ".join(call("show", run, "0")[1].split())
    assert json.loads(call("show", run, "0", "--json")[1])["stamp"]["teacher"]["study"] == "wide"
    assert whose in (run / "champion/README.md").read_text()
    assert call("report", run)[0] == 0
    assert whose in (run / "report.html").read_text()

    # A changed teacher is refused
    weights = load_weights(place / "wide/trials/0000/generator.safetensors")
    changed = {name: value + 1 for name, value in weights.items()}
    save_weights(changed, place / "wide/trials/0000/generator.safetensors")
    code, _, err = call("run", student, "--out", run, "--trials", "1", *settings)
    assert code == 1
    assert f"teacher.sha256: {sha256} -> " in err

    # The run folder has what it needs
    shutil.rmtree(place / "wide")
    code, _, err = call("resume", run, "--trials", "1", "-q")
    assert code == 0, err
    copy = run / "teacher/generator.safetensors"
    copy.write_bytes(copy.read_bytes()[:-1] + b"x")
    code, _, err = call("resume", run, "--trials", "1", "-q")
    assert code == 2
    assert f"{copy} is damaged: it does not match its SHA-256" in err


def test_the_teacher_is_told_by_validate(call, place):
    told = call("validate", place / "student.yaml")[1]
    assert "teacher: trial 0 of wide, 322 parameters" in told


def test_a_worker_gets_the_teacher_by_value(place, tmp_path):
    study = Study.load(place / "student.yaml", ["teacher.distill=adversarial"])
    shutil.rmtree(place / "wide")
    task = pickle_task(runner_of(study), Job(0, study.space.baseline, tmp_path))
    runner, job = pickle.loads(task)
    assert runner.teacher.weights == study.teacher.weights
    assert runner.teacher.discriminator_weights == study.teacher.discriminator_weights
    assert job.candidate == study.space.baseline


def test_a_rescue_keeps_the_teacher(place):
    baseline = Study.load(place / "student.yaml").space.baseline
    remedy = Remedy("a penalty", "it lost", "a paper", {"loss": {"r1": 1.0}})
    rescued = applied(baseline, remedy)
    assert (rescued.loss.r1, rescued.teacher) == (1.0, baseline.teacher)


def test_a_strangers_study_lists_its_teacher_among_what_it_uses(place):
    from gansearch.cli.trust import outside_of

    assert f"teacher.run: {place / 'wide'}" in outside_of(Study.load(place / "student.yaml").spec)


def test_fresh_removes_the_copy_of_the_teacher(place):
    study = Study.load(place / "student.yaml")
    folder = RunFolder.create(place / "run", study.spec)
    folder.write_study(study.spec)
    folder.keep_teacher(study.teacher.files())
    assert (place / "run/teacher/teacher.json").is_file()
    folder.remove_trials()
    assert not (place / "run/teacher").exists()


def test_a_damaged_record_of_the_copy_is_told(call, place):
    study = Study.load(place / "student.yaml")
    folder = RunFolder.create(place / "run", study.spec)
    folder.write_study(study.spec)
    folder.keep_teacher(study.teacher.files())
    edit_json(folder.path / "teacher/teacher.json", sha256=3)
    code, _, err = call("validate", folder.study_file)
    assert code == 2 and "teacher.json is damaged" in err


def test_a_flipped_bit_in_the_record_of_the_copy_is_told(call, place):
    study = Study.load(place / "student.yaml")
    folder = RunFolder.create(place / "run", study.spec)
    folder.write_study(study.spec)
    folder.keep_teacher(study.teacher.files())
    record = folder.path / "teacher/teacher.json"
    flip_bit(record, record.read_text().index('"latent": 4') + len('"latent": '))
    code, _, err = call("validate", folder.study_file)
    assert code == 2 and "teacher.json is damaged: it does not match its digest" in err

"""A trained teacher of points, and a study of its students."""

import json
from pathlib import Path

import pytest

from gansearch.execution.trial_runner import TrialRunner
from gansearch.files import DIGEST
from gansearch.messages import Job
from gansearch.storage.run_folder import RunFolder
from gansearch.study.data_identity import DataIdentity
from gansearch.study.study import Study
from support.stubs import RecordingChannel

TEACHER = """
name: wide
dataset: {use: ring-2d, samples: 400, test_samples: 200}
generator: {use: dense, output: none, layers: 1, width: 32, latent: 4}
discriminator: {use: dense, width: 16, layers: 1}
loss: {use: bce}
schedule: {use: alternating, generator_lr: 2.0e-3, discriminator_lr: 2.0e-3}
training: {steps: 60, batch_size: 32, precision: fp32, eval_samples: 100, sample_every: 0}
objectives: [generator_params, sliced_wasserstein]
detectors: [{use: divergence}]
search: {sampler: random, trials: 1}
certification: {at_end: false}
"""
STUDENT = """
name: narrow
extends: teacher.yaml
generator: {use: dense, output: none, layers: 1, width: 8, latent: 4}
training: {steps: 20, checkpoint_every: 10}
teacher: {run: wide, trial: 0, distill: pixel, weight: 0.5}
"""


def record_teacher(folder: Path) -> RunFolder:
    """Train trial 0 of a study in this process, and keep it as the driver and its worker do."""
    study_file = folder / "teacher.yaml"
    study_file.write_text(TEACHER)
    study = Study.load(study_file)
    run = RunFolder.create(folder / "wide", study.spec)
    run.write_study(study.spec, DataIdentity.of(study.data))
    candidate = study.space.baseline
    files = run.trial(0)
    files.write_json("candidate.json", candidate.to_json())
    runner = TrialRunner(study.spec.training, study.space.detectors, study.space.metrics)
    outcome = runner(Job(0, candidate, files.path), RecordingChannel())
    assert not outcome.verdict.failed
    return run


@pytest.fixture(scope="session")
def recorded_teacher(tmp_path_factory) -> Path:
    """Folder with teacher.yaml, its run `wide`, and student.yaml."""
    folder = tmp_path_factory.mktemp("teacher")
    record_teacher(folder)
    (folder / "student.yaml").write_text(STUDENT)
    return folder


def runner_of(study: Study) -> TrialRunner:
    """Return the runner that trains a study's candidates."""
    return TrialRunner(
        study.spec.training,
        study.space.detectors,
        study.space.metrics,
        extractor=study.extractor,
        teacher=study.teacher,
    )


def edit_json(path: Path, **values: object) -> None:
    """Change values of a JSON file, which then has no digest."""
    tree = json.loads(path.read_text())
    tree.pop(DIGEST, None)
    path.write_text(json.dumps(tree | values))

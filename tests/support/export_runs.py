"""Run folders with trained generators, and their bundles."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from optuna.samplers import RandomSampler
from PIL import Image

from gansearch.candidate import Candidate
from gansearch.export.trial_choice import summary_of
from gansearch.export.writer import export_trial
from gansearch.registry import Registry
from gansearch.signals import Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.sample_images import save_samples
from gansearch.storage.trial_attributes import BASELINE, CERTIFIES, SEED, certification_name
from gansearch.storage.trial_folder import CANDIDATE, DATA, GENERATOR
from gansearch.storage.trial_store import TrialStore
from gansearch.storage.weights import save_weights
from gansearch.study.data_identity import DataIdentity
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

STUDY = """
name: odd
dataset: DATASET
generator: GENERATOR
discriminator: {use: dcgan}
loss: {use: bce}
schedule: {use: alternating}
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: mmd, direction: minimize}
storage: null
"""
STAMP = {
    "version": 2,
    "samples": 2000,
    "reference": "test",
    "extractor": {"name": "lenet", "sha256": "ab" * 32},
    "dataset": {"source": "pictures <i>of</i> | us", "sha256": "cd" * 32},
    "device": "cpu",
    "threads": 1,
    "latency_repeats": 20,
}


def record_run(path, generator, dataset="{use: fashion-mnist}"):
    """Write a run of one healthy trial as the driver and its worker do."""
    text = STUDY.replace("DATASET", dataset).replace("GENERATOR", generator)
    spec = StudyDocument.parse(text).spec()
    folder = RunFolder.create(path, spec)
    parts = {
        role: {"use": node.use, **node.fields}
        for role, node in (
            ("dataset", spec.dataset),
            ("generator", spec.generator[0]),
            ("discriminator", spec.discriminator[0]),
            ("loss", spec.loss[0]),
            ("schedule", spec.schedule[0]),
        )
    }
    candidate = Candidate.from_json(parts, Registry())
    data = candidate.dataset.load()
    folder.write_study(spec, DataIdentity.of(data))
    torch.manual_seed(0)
    network = candidate.generator.build(data.shape)
    with torch.no_grad():
        for value in [*network.parameters(), *network.buffers()]:
            if value.is_floating_point():
                value.add_(torch.rand_like(value) * 0.1)
    size = sum(weight.numel() for weight in network.parameters())
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives) as store:
        store.enqueue({}, **{BASELINE: True})
        asked = store.ask(RandomSampler())
        record = TrialRecord(
            0,
            "complete",
            {},
            candidate=candidate.to_json(),
            identity=candidate.identity,
            sizes={"generator_params": size, "generator_macs": 1000},
            verdict=Verdict("healthy"),
            metrics={"mmd": 40.0, "latency_ms_1": 0.5, "latency_ms_64": 9.0},
            steps=20,
            stamp=STAMP,
            baseline=True,
        )
        store.tell(asked, record, [size, 40.0], {"failure": 0.0, "invalid": 0.0})
    files = folder.trial(0)
    files.write_json(CANDIDATE, candidate.to_json())
    files.write_json(DATA, data.format.to_json())
    save_weights(network.state_dict(), files.path / GENERATOR)
    if candidate.generator.feeds_on == "samples":
        inputs = data.to_range(torch.from_numpy(data.test.samples[:8]))
        with torch.no_grad():
            made = network.eval()(inputs)
        save_samples(made, data, files.sample_path(20), reconstructed=True)
    return folder


def certify(folder, qualities):
    """Add runs with fresh seeds for trial 0."""
    spec = folder.spec()
    database = database_of(folder.path, None)
    with TrialStore.open(database, certification_name(spec.name), spec.objectives) as store:
        for seed, mmd in enumerate(qualities, start=1):
            store.enqueue({}, **{CERTIFIES: 0, SEED: seed})
            asked = store.ask(RandomSampler())
            record = TrialRecord(
                seed - 1,
                "complete",
                {},
                verdict=Verdict("healthy"),
                metrics={"mmd": mmd},
                steps=20,
                certifies=0,
                seed=seed,
            )
            store.tell(asked, record, [1000, mmd], {"failure": 0.0})


def exported(folder, target):
    """Export trial 0."""
    run = summary_of(folder)
    return export_trial(folder, run.records[0], run, target)


@pytest.fixture(scope="session")
def recorded_pictures(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    record_run(path, "{use: dcgan, width: 4, levels: 2, latent: 6}")
    return path


@pytest.fixture
def pictures(recorded_pictures, tmp_path) -> RunFolder:
    """A run over grey pictures."""
    return RunFolder.open(shutil.copytree(recorded_pictures, tmp_path / "run"))


@pytest.fixture(scope="session")
def made_bundle(recorded_pictures, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("bundles") / "bundle"
    exported(RunFolder.open(recorded_pictures), target)
    return target


@pytest.fixture
def bundle(made_bundle, tmp_path) -> Path:
    """The bundle of that run."""
    return shutil.copytree(made_bundle, tmp_path / "bundle")


@pytest.fixture
def colour_folder(tmp_path) -> Path:
    """A folder of small colour pictures."""
    folder = tmp_path / "colours"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def without_onnx(monkeypatch) -> None:
    """Take away the packages that ONNX needs, whose export takes seconds."""
    monkeypatch.setattr("gansearch.export.onnx_file.find_spec", lambda name: None)

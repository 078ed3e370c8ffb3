import os
import textwrap

import pytest
import torch
from hypothesis import settings
from support.browser import browser
from support.by_hand import study, trial
from support.export_runs import (
    bundle,
    colour_folder,
    made_bundle,
    pictures,
    recorded_pictures,
    without_onnx,
)
from support.object_store import object_store
from support.postgres import database, server
from support.teachers import recorded_teacher

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.datasets.points import Grid2D, Ring2D
from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.study.yaml_file import StudyDocument

__all__ = [
    "browser",
    "bundle",
    "colour_folder",
    "database",
    "made_bundle",
    "object_store",
    "pictures",
    "recorded_pictures",
    "recorded_teacher",
    "server",
    "study",
    "trial",
    "without_onnx",
]

torch.set_num_threads(1)

# A property holds however long a busy machine takes for an example.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# What decides on the width and the colours of tables. Readline, loaded by pytest where several
# processes test, notes 80 columns here for all commands.
for name in (
    "COLUMNS",
    "LINES",
    "TERMINAL_WIDTH",
    "FORCE_COLOR",
    "PY_COLORS",
    "NO_COLOR",
    "GITHUB_ACTIONS",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
):
    os.environ.pop(name, None)

STUDY = """
name: tiny
dataset: {use: ring-2d, samples: 400, test_samples: 200}
generator:
  use: dense
  output: none
  layers: 1
  width: {low: 8, high: 64, step: 8}
  latent: {choices: [2, 8]}
discriminator: {use: dense, width: 16, layers: 1}
loss: {use: bce}
schedule:
  use: alternating
  generator_lr: {low: 1.0e-4, high: 1.0e-2, log: true}
training:
  steps: 20
  batch_size: 16
  precision: fp32
  eval_samples: 100
  sample_every: 0
  checkpoint_every: 10
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: sliced_wasserstein, direction: minimize}
metrics: [coverage, modes]
# After 20 steps samples are nowhere near the data; these trials are judged by their losses.
detectors: [{use: divergence}]
baseline: {generator: {width: 64, latent: 8}}
search: {sampler: tpe, trials: 4, startup_trials: 2}
certification: {at_end: false}
"""


@pytest.fixture(scope="session")
def study_text() -> str:
    """A whole study that trains in a fraction of a second a trial."""
    return textwrap.dedent(STUDY).lstrip()


@pytest.fixture
def make_spec(study_text):
    """A spec from the tiny study with `key.path=value` overrides."""
    return lambda *overrides: StudyDocument.parse(study_text, "tiny.yaml", overrides).spec()


@pytest.fixture
def make_space(make_spec):
    return lambda *overrides: SearchSpace(make_spec(*overrides), Registry())


@pytest.fixture(scope="session")
def fashion():
    return FashionMNIST().load()


@pytest.fixture(scope="session")
def ring():
    return Ring2D(samples=1000, test_samples=500).load()


@pytest.fixture(scope="session")
def grid():
    return Grid2D(samples=1000, test_samples=500).load()


@pytest.fixture
def as_generated():
    """Return a function from stored samples (N, C, H, W) to the output of a generator of them."""

    def convert(data, samples):
        samples = torch.as_tensor(samples)
        if not data.is_image:
            return samples
        low, high = data.value_range
        return samples.float() / 255 * (high - low) + low

    return convert


@pytest.fixture
def certified(trial):
    """Five trials and the runs of their certification: 1 is stable, 2 unstable, 3 under way, 0 and
    4 never tried."""
    records = [
        trial(0, 1000, 5.0),
        trial(1, 500, 5.1),
        trial(2, 100, 5.3),
        trial(3, 50, 6.0),
        trial(4, 10, 7.0),
    ]
    outcomes = {1: [5.0, 5.2, 5.1, 5.4], 2: [5.3, None, None], 3: [6.1]}

    def run(certified, seed, quality):
        size, verdict = (
            records[certified].sizes["generator_params"],
            "diverged" if quality is None else "healthy",
        )
        return trial(seed, size, quality, verdict, certifies=certified, seed=seed)

    return records, [
        run(n, seed, value)
        for n, values in outcomes.items()
        for seed, value in enumerate(values, 1)
    ]

import textwrap

import pytest
import torch
from support.object_store import object_store
from support.postgres import database, server

from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.study.yaml_file import StudyDocument

__all__ = ["database", "object_store", "server"]

torch.set_num_threads(1)

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
training: {steps: 20, batch_size: 16, precision: fp32, judged_samples: 100, sample_every: 0, checkpoint_every: 10}
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: sliced_wasserstein, direction: minimize}
metrics: [coverage, modes]
baseline: {generator: {width: 64, latent: 8}}
search: {sampler: tpe, trials: 4, startup_trials: 2}
certification: {at_end: false}
"""


@pytest.fixture
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

import math
from dataclasses import replace

import pytest
import torch
from gansearch_ae_gan.metrics import InputOutputRelation, OutputDiversity, ReconstructionError

from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.testing import sample_data

METRICS = (ReconstructionError(), OutputDiversity(), InputOutputRelation())


@pytest.fixture
def measure():
    """Return the three metrics of outputs (N, 1, 28, 28) in [0, 1], for inputs of noise."""
    data = replace(sample_data(), value_range=(0.0, 1.0))
    inputs = torch.from_numpy(data.test.samples) / 255

    def measure(outputs_of):
        evidence = TrainedEvidence(data, outputs_of(inputs), reconstructed=True)
        return [metric.measure(evidence) for metric in METRICS]

    return measure


def test_a_perfect_autoencoder_has_no_error_and_full_diversity(measure):
    assert measure(lambda inputs: inputs) == [0.0, 1.0, 1.0]


def test_identical_outputs_have_no_diversity_and_one_match_by_chance(
    measure,
):
    error, diversity, relation = measure(lambda inputs: inputs[:1].expand_as(inputs))
    assert (diversity, relation) == (0.0, 1 / 64)
    assert error == pytest.approx(2 / 12, rel=0.05)  # two variances of the evenly distributed


def test_outputs_of_other_inputs_are_diverse_and_unrelated(measure):
    _, diversity, relation = measure(lambda inputs: inputs.roll(1, 0))
    assert diversity == pytest.approx(1.0)
    assert relation == 0.0


def test_a_blur_keeps_the_relation_and_loses_diversity(measure):
    _, diversity, relation = measure(lambda inputs: 0.5 + 0.2 * (inputs - 0.5))
    assert diversity == pytest.approx(0.2, abs=0.01)
    assert relation == 1.0


def test_a_generator_of_latents_has_no_inputs_to_be_compared_with():
    evidence = TrainedEvidence(sample_data(), torch.zeros(64, 1, 28, 28))
    assert all(math.isnan(metric.measure(evidence)) for metric in METRICS)

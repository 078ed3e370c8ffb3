from types import SimpleNamespace

import pytest
import torch

from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.feature_matching import FeatureMatching, feature_distance


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    notes = {}
    return SimpleNamespace(
        step=5,
        steps=20,
        real_features=torch.randn(8, 3),
        fake_features=torch.randn(8, 3, requires_grad=True),
        fake_scores=torch.randn(8, requires_grad=True),
        notes=notes,
        note=lambda name, value: notes.update({name: value}),
    )


def test_the_distance_is_between_means_and_not_between_samples(inputs):
    inputs.fake_features = inputs.real_features.flip(0)
    assert feature_distance(inputs).item() == pytest.approx(0, abs=1e-12)


def test_without_the_adversarial_term_the_scores_get_no_gradient(inputs):
    FeatureMatching(adversarial=0).generate(inputs).backward()
    assert inputs.fake_scores.grad is None
    assert inputs.fake_features.grad is not None


def test_the_loss_is_the_weighted_sum_of_both_terms(inputs):
    mixed = FeatureMatching(weight=2.0, adversarial=0.5).generate(inputs)
    assert torch.isclose(mixed, 2.0 * feature_distance(inputs) + 0.5 * BCE().generate(inputs))


def test_with_a_ramp_the_adversarial_term_dominates_first(inputs):
    loss = FeatureMatching(weight=1.0, ramp=0.5)
    distance, adversarial = feature_distance(inputs), BCE().generate(inputs)
    assert torch.isclose(
        loss.generate(inputs), 0.5 * distance + adversarial
    )  # step 5 of a ramp of 10
    inputs.step = 15
    assert torch.isclose(loss.generate(inputs), distance + adversarial)


def test_the_distance_is_recorded_among_the_signals(inputs):
    FeatureMatching().generate(inputs)
    assert inputs.notes["feature_distance"] == feature_distance(inputs)

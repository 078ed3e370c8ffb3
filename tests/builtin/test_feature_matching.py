from types import SimpleNamespace

import pytest
import torch

from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.feature_matching import FeatureMatching, feature_distance


@pytest.fixture
def scene():
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


def test_the_distance_is_between_means_and_not_between_samples(scene):
    scene.fake_features = scene.real_features.flip(0)
    assert feature_distance(scene).item() == pytest.approx(0, abs=1e-12)


def test_alone_it_does_not_ask_the_discriminators_opinion(scene):
    FeatureMatching(adversarial=0).generate(scene).backward()
    assert scene.fake_scores.grad is None
    assert scene.fake_features.grad is not None


def test_mixed_it_is_the_weighted_sum(scene):
    mixed = FeatureMatching(weight=2.0, adversarial=0.5).generate(scene)
    assert torch.isclose(mixed, 2.0 * feature_distance(scene) + 0.5 * BCE().generate(scene))


def test_on_a_ramp_the_discriminators_term_dominates_first(scene):
    loss = FeatureMatching(weight=1.0, ramp=0.5)
    distance, fooling = feature_distance(scene), BCE().generate(scene)
    assert torch.isclose(loss.generate(scene), 0.5 * distance + fooling)  # step 5 of a ramp of 10
    scene.step = 15
    assert torch.isclose(loss.generate(scene), distance + fooling)


def test_the_distance_is_told_among_the_signals(scene):
    FeatureMatching().generate(scene)
    assert scene.notes["feature_distance"] == feature_distance(scene)

"""What a loss sees of a step, with real networks on points in the plane."""

from dataclasses import replace

import pytest
import torch
from support.variants import Echo
from torch import nn

from gansearch.components import Phase
from gansearch.errors import GansearchError
from gansearch.training.batches import BatchSampler
from gansearch.training.loss_inputs import BatchLossInputs, Stage
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import Recorder

DISCRIMINATE, GENERATE = Phase("discriminator", "discriminate"), Phase("generator", "generate")


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


@pytest.fixture
def make_stage():
    def make(candidate):
        data = candidate.dataset.load()
        players = GANNetworks(candidate, data.shape, torch.device("cpu"), "fp32")
        return Stage(
            players, BatchSampler(data, torch.device("cpu")), Recorder(), batch_size=16, steps=20
        )

    return make


@pytest.fixture
def autoencoder(candidate):
    return replace(candidate, generator=Echo())


def test_features_are_what_the_discriminators_last_layer_was_given(candidate, make_stage):
    scene = BatchLossInputs(make_stage(candidate), DISCRIMINATE, 1)
    last = [layer for layer in scene.discriminator.modules() if isinstance(layer, nn.Linear)][-1]
    assert scene.real_features.shape == (16, last.in_features)
    assert torch.allclose(last(scene.real_features).flatten(), scene.real_scores)


def test_the_generator_can_learn_from_features(candidate, make_stage):
    scene = BatchLossInputs(make_stage(candidate), GENERATE, 1)
    scene.fake_features.sum().backward()
    assert all(weight.grad is not None for weight in scene.generator.parameters())


def test_a_discriminator_without_layers_has_no_features(candidate, make_stage):
    stage = make_stage(candidate)
    stage.players.discriminator.shared = nn.Sequential(nn.AvgPool2d(1), nn.Flatten(0))
    with pytest.raises(GansearchError, match="no features to match"):
        _ = BatchLossInputs(stage, GENERATE, 1).fake_features


def test_an_autoencoder_is_given_the_real_samples(autoencoder, make_stage):
    scene = BatchLossInputs(make_stage(autoencoder), DISCRIMINATE, 1)
    assert scene.inputs is scene.real
    assert torch.equal(scene.fake, scene.generator(scene.real))


def test_what_the_discriminator_scored_is_handed_down_with_its_inputs(autoencoder, make_stage):
    stage = make_stage(autoencoder)
    first = BatchLossInputs(stage, DISCRIMINATE, 1, for_both=True)
    _ = first.fake_scores
    second = BatchLossInputs(stage, GENERATE, 1, handed_down=first.left_over())
    assert second.fake is first.fake
    assert second.inputs is first.real
    assert second.real is first.real


def test_mixed_batches_share_the_statistics_of_a_norm(candidate, make_stage):
    normed = replace(
        candidate, discriminator=candidate.discriminator.model_copy(update={"norm": "batch"})
    )
    stage = make_stage(normed)
    apart, mixed = (
        BatchLossInputs(stage, replace(DISCRIMINATE, mixed=mixed), 1) for mixed in (False, True)
    )
    together = torch.cat([mixed.real_scores, mixed.fake_scores])
    assert torch.equal(together, stage.players.judge(torch.cat([mixed.real, mixed.fake]))[0])
    assert not torch.allclose(mixed.real_scores, stage.players.judge(mixed.real)[0])
    assert torch.equal(apart.real_scores, stage.players.judge(apart.real)[0])


def test_without_a_norm_it_makes_no_difference_whether_batches_are_mixed(candidate, make_stage):
    scene = BatchLossInputs(make_stage(candidate), replace(DISCRIMINATE, mixed=True), 1)
    # Scores below 1: 16 products, added in another order for another batch: 16 * 2**-23 = 2e-6.
    assert torch.allclose(scene.fake_scores, scene._players.judge(scene.fake)[0], atol=2e-6)


def test_a_note_is_a_signal_of_the_step(candidate, make_stage):
    stage = make_stage(candidate)
    BatchLossInputs(stage, GENERATE, 1).note("reconstruction", torch.tensor(0.5))
    stage.recorder.keep(1, stage.recorder.close_step())
    assert stage.recorder.read() == [{"reconstruction": 0.5}]


def test_predictions_are_probabilities_of_what_the_loss_looked_at(candidate, make_stage):
    scene = BatchLossInputs(make_stage(candidate), DISCRIMINATE, 1)
    _ = scene.real_scores
    predictions = scene.predictions(candidate.loss)
    assert list(predictions) == ["real"]
    assert torch.equal(predictions["real"], torch.sigmoid(scene.real_scores))

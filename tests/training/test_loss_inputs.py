"""Inputs of a loss, with real networks on points in the plane."""

from dataclasses import replace

import pytest
import torch
from support.variants import Echo
from torch import nn

from gansearch.builtin.losses.relativistic import Relativistic
from gansearch.components import Phase
from gansearch.errors import GansearchError
from gansearch.training.batches import BatchSampler
from gansearch.training.loss_inputs import BatchLossInputs, StepContext
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import Recorder

DISCRIMINATE, GENERATE = Phase("discriminator", "discriminate"), Phase("generator", "generate")


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


@pytest.fixture
def make_context():
    def make(candidate):
        data = candidate.dataset.load()
        networks = GANNetworks(candidate, data.shape, torch.device("cpu"), "fp32")
        return StepContext(
            networks, BatchSampler(data, torch.device("cpu")), Recorder(), batch_size=16, steps=20
        )

    return make


@pytest.fixture
def autoencoder(candidate):
    return replace(candidate, generator=Echo())


def test_features_are_the_inputs_of_the_discriminators_last_layer(candidate, make_context):
    inputs = BatchLossInputs(make_context(candidate), DISCRIMINATE, 1)
    last = [layer for layer in inputs.discriminator.modules() if isinstance(layer, nn.Linear)][-1]
    assert inputs.real_features.shape == (16, last.in_features)
    assert torch.allclose(last(inputs.real_features).flatten(), inputs.real_scores)


def test_gradients_reach_the_generator_through_features(candidate, make_context):
    inputs = BatchLossInputs(make_context(candidate), GENERATE, 1)
    inputs.fake_features.sum().backward()
    assert all(weight.grad is not None for weight in inputs.generator.parameters())


def test_a_discriminator_without_layers_has_no_features(candidate, make_context):
    context = make_context(candidate)
    context.networks.discriminator.shared = nn.Sequential(nn.AvgPool2d(1), nn.Flatten(0))
    with pytest.raises(GansearchError, match="this discriminator has none"):
        _ = BatchLossInputs(context, GENERATE, 1).fake_features


def test_an_autoencoder_generates_from_the_real_samples(autoencoder, make_context):
    inputs = BatchLossInputs(make_context(autoencoder), DISCRIMINATE, 1)
    assert inputs.inputs is inputs.real
    assert torch.equal(inputs.fake, inputs.generator(inputs.real))


def test_the_generator_reuses_the_samples_that_the_discriminator_scored(autoencoder, make_context):
    context = make_context(autoencoder)
    first = BatchLossInputs(context, DISCRIMINATE, 1, keep_graph=True)
    _ = first.fake_scores
    second = BatchLossInputs(context, GENERATE, 1, reused=first.reusable())
    assert second.fake is first.fake
    assert second.inputs is first.real
    assert second.real is first.real


def test_mixed_batches_share_the_statistics_of_a_norm(candidate, make_context):
    normed = replace(
        candidate, discriminator=candidate.discriminator.model_copy(update={"norm": "batch"})
    )
    context = make_context(normed)
    apart, mixed = (
        BatchLossInputs(context, replace(DISCRIMINATE, mixed=mixed), 1) for mixed in (False, True)
    )
    together = torch.cat([mixed.real_scores, mixed.fake_scores])
    assert torch.equal(
        together, context.networks.discriminate(torch.cat([mixed.real, mixed.fake]))[0]
    )
    assert not torch.allclose(mixed.real_scores, context.networks.discriminate(mixed.real)[0])
    assert torch.equal(apart.real_scores, context.networks.discriminate(apart.real)[0])


def test_without_a_norm_mixed_batches_give_the_same_scores(candidate, make_context):
    context = make_context(candidate)
    inputs = BatchLossInputs(context, replace(DISCRIMINATE, mixed=True), 1)
    # Scores below 1: 16 products, added in another order for another batch: 16 * 2**-23 = 2e-6.
    alone = context.networks.discriminate(inputs.fake)
    assert torch.allclose(inputs.fake_scores, alone.scores, atol=2e-6)


def test_a_noted_value_is_a_signal_of_the_step(candidate, make_context):
    context = make_context(candidate)
    BatchLossInputs(context, GENERATE, 1).note("reconstruction", torch.tensor(0.5))
    context.recorder.keep(1, context.recorder.end_step())
    assert context.recorder.read() == [{"reconstruction": 0.5}]


def test_predictions_are_probabilities_of_the_samples_that_the_loss_scored(candidate, make_context):
    inputs = BatchLossInputs(make_context(candidate), DISCRIMINATE, 1)
    _ = inputs.real_scores
    predictions = inputs.predictions(candidate.loss)
    assert list(predictions) == ["real"]
    assert torch.equal(predictions["real"], torch.sigmoid(inputs.real_scores))


def test_signals_of_a_relativistic_loss_are_of_differences_between_paired_scores(
    candidate, make_context
):
    inputs = BatchLossInputs(make_context(candidate), DISCRIMINATE, 1)
    loss = Relativistic()
    loss.discriminate(inputs)
    differences = inputs.real_scores - inputs.fake_scores
    right = (differences > 0).float().mean()
    signals = inputs.discriminator_signals(loss)
    assert torch.isclose(signals["d_logit_real"], differences.mean())
    assert torch.isclose(signals["d_logit_fake"], -differences.mean())
    assert signals["d_acc_real"] == right
    assert signals["d_acc_fake"] == right
    assert torch.isclose(signals["d_loss_real"], signals["d_loss_fake"])
    assert torch.allclose(inputs.predictions(loss)["real"], torch.sigmoid(differences))

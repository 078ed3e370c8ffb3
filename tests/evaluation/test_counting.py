from dataclasses import replace

import pytest
import torch
from torch import nn

from gansearch.components import Generator
from gansearch.evaluation.counting import (
    SizeCounter,
    count_forward,
    count_parameters,
)


class LooksAtValues(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs) if inputs.sum().item() else inputs


class Peeking(Generator):
    """A network that has no pass on the meta device."""

    latent: int = 2

    def build(self, images):
        return LooksAtValues(2, 2)


def test_every_candidate_is_counted_by_what_it_costs(make_space):
    space = make_space()
    sizes = SizeCounter(space.dataset.load().shape, {})(space.baseline)
    generator = space.baseline.generator.build(space.dataset.load().shape)
    assert (
        sizes["generator_params"] == sizes["generator_trainable"] + sizes["generator_non_trainable"]
    )
    assert sizes["generator_bytes"] == sum(
        t.numel() * t.element_size() for t in generator.state_dict().values()
    )
    assert sizes["generator_macs"] == sum(p.numel() for p in generator.parameters() if p.ndim == 2)
    assert sizes["discriminator_macs"] > 0


def test_a_network_without_a_pass_on_the_meta_device_is_counted_by_its_parameters(make_space):
    space = make_space()
    sizes = SizeCounter(space.dataset.load().shape, {})(
        replace(space.baseline, generator=Peeking())
    )
    assert sizes["generator_params"] == 6
    assert "generator_macs" not in sizes


def block():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_running_statistics_count_as_keras_counts_them():
    counts = count_parameters(block())
    assert counts == (3 * 4 + 4 + 2 * 4 + 2 * 4, 3 * 4 + 4 + 2 * 4)
    assert counts.non_trainable == 8


def test_a_frozen_network_has_no_trainable_parameters():
    frozen = block().requires_grad_(False)
    assert count_parameters(frozen) == (32, 0)


def test_the_vectors_of_a_spectral_norm_are_not_trainable():
    normed = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))
    assert count_parameters(normed) == (12 + 4 + 3 + 4, 12 + 4)


def test_a_tensor_that_two_layers_share_is_counted_once():
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, layer)).total == 12


def test_children_can_be_left_out():
    assert count_parameters(block(), recurse=False) == (0, 0)


def test_the_meta_device_counts_the_same():
    with torch.device("meta"):
        there = block()
    assert count_parameters(there) == count_parameters(block())


def test_macs_of_a_dense_layer_are_its_weights():
    assert count_forward(nn.Linear(10, 7), torch.empty(1, 10)).macs == 70


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_macs_of_a_transposed_convolution_are_counted_from_its_input(device):
    with torch.device(device):
        layer = nn.ConvTranspose2d(8, 4, kernel_size=4, stride=2, padding=1)
        assert count_forward(layer, torch.empty(1, 8, 7, 7)).macs == 8 * 4 * 4 * 4 * 7 * 7


class Doubling(nn.Module):
    """A layer that needs its input until its end."""

    def forward(self, inputs):
        return torch.cat([inputs, inputs.relu()], dim=1)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_peak_memory_is_that_of_the_tensors_that_are_needed_at_once(device):
    with torch.device(device):
        network = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 1000), nn.ReLU())
        inputs = torch.empty(1, 4)
        weights = 4 * 10 + 10 + 10 * 1000 + 1000
        # The last layer has 1,000 values before and 1,000 after it; the hidden ones are freed.
        assert count_forward(network, inputs).peak_bytes == 4 * (weights + 4 + 2 * 1000)
        assert count_forward(Doubling(), inputs).peak_bytes == 4 * (4 + 4 + 8)
    assert network.training

import pytest
import torch
from torch import nn

from gansearch.builtin.metrics.sizes import (
    DiscriminatorMACs,
    DiscriminatorParams,
    GeneratorBytes,
    GeneratorMACs,
    GeneratorParams,
    count_macs,
    count_parameters,
)


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


def test_the_conv_gan_of_a_keras_summary_has_its_totals():
    with torch.device("meta"):
        generator = nn.Sequential(
            nn.Unflatten(1, (128, 7, 7)),
            *(nn.ConvTranspose2d(128, 56, 2, 2), nn.LeakyReLU(), nn.BatchNorm2d(56)),
            *(nn.ConvTranspose2d(56, 112, 2, 2), nn.LeakyReLU(), nn.BatchNorm2d(112)),
            nn.Conv2d(112, 1, 1),
        )
    assert count_parameters(generator) == (54_713, 54_377)
    assert GeneratorParams().count(generator, block(), torch.empty(1, 6272)) == 54_713
    assert DiscriminatorParams().count(generator, block(), torch.empty(1, 6272)) == 32


def test_macs_of_a_dense_layer_are_its_weights():
    assert count_macs(nn.Linear(10, 7), torch.empty(1, 10)) == 70


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_macs_of_a_transposed_convolution_are_counted_from_its_input(device):
    with torch.device(device):
        layer = nn.ConvTranspose2d(8, 4, kernel_size=4, stride=2, padding=1)
        assert count_macs(layer, torch.empty(1, 8, 7, 7)) == 8 * 4 * 4 * 4 * 7 * 7


def test_counting_leaves_a_generator_as_it_was():
    with torch.device("meta"):
        generator = block()
    assert GeneratorMACs().count(generator, nn.Identity(), torch.empty(1, 3, device="meta")) == 12
    assert generator.training


def test_bytes_are_those_of_weights_and_running_statistics_in_fp32():
    with torch.device("meta"):
        generator = block()
    counter = 8  # num_batches_tracked is one whole number of 64 bits
    assert GeneratorBytes().count(generator, nn.Identity(), torch.empty(1, 3)) == 32 * 4 + counter


def test_macs_of_the_discriminator_are_those_of_one_generated_sample():
    with torch.device("meta"):
        generator, discriminator, latents = nn.Linear(3, 5), nn.Linear(5, 1), torch.empty(1, 3)
    assert DiscriminatorMACs().count(generator, discriminator, latents) == 5

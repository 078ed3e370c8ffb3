import torch
from torch import nn

from gansearch.builtin.metrics.sizes import (
    DiscriminatorMACs,
    DiscriminatorParams,
    GeneratorBytes,
    GeneratorMACs,
    GeneratorParams,
)
from gansearch.evaluation.counting import count_parameters


def block():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


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

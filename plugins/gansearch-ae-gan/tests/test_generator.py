import pytest
import torch
from gansearch_ae_gan.generator import Autoencoder

from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.components import ImageShape
from gansearch.evaluation.counting import count_forward, count_parameters


def test_the_decoder_weighs_as_much_as_the_dcgan_that_it_resembles():
    network = Autoencoder(latent=16, width=8, levels=2).build(ImageShape(1, 28, 28))
    half = next(i for i, layer in enumerate(network) if isinstance(layer, torch.nn.ConvTranspose2d))
    dcgan = DCGANGenerator(latent=16, width=8, levels=2).build(ImageShape(1, 28, 28))
    assert count_parameters(network[half:]) == count_parameters(dcgan)
    decoded = count_forward(network[half:], torch.zeros(1, 16, 1, 1))
    assert decoded.macs == count_forward(dcgan, torch.zeros(1, 16)).macs


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 9])
def test_every_kernel_gives_samples_of_the_size_that_it_was_fed(kernel):
    samples = torch.randn(2, 3, 13, 20)
    assert (
        Autoencoder(width=2, levels=3, kernel=kernel).build(ImageShape(3, 13, 20))(samples).shape
        == samples.shape
    )


def test_all_of_a_sample_passes_through_the_bottleneck():
    widths = []
    network = Autoencoder(latent=3, width=2).build(ImageShape(1, 28, 28))
    for layer in network:
        layer.register_forward_hook(lambda layer, given, result: widths.append(result[0].numel()))
    network(torch.randn(2, 1, 28, 28))
    assert min(widths) == 3

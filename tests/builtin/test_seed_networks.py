"""The networks of the documents that the project grew from, to the last parameter."""

import pytest
import torch

from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.discriminators.downconv import DownConv
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.builtin.generators.upconv import UpConv
from gansearch.components import ImageShape
from gansearch.evaluation.counting import count_parameters

FACES, FASHION = ImageShape(3, 80, 80), ImageShape(1, 28, 28)
TUTORIAL = {"norm": "none", "activation": "leaky_relu"}
COURSEWORK = {"norm": "batch", "activation": "leaky_relu", "order": "activation-norm"}


@pytest.mark.parametrize(
    ("network", "shape", "total", "trainable"),
    [
        (UpConv(**TUTORIAL), FACES, 1_381_891, 1_381_891),
        (UpConv(width=100, **TUTORIAL), FACES, 900_403, 900_403),
        (UpConv(width=100, layers=2, **TUTORIAL), FACES, 580_203, 580_203),
        (DenseGenerator(output="leaky_relu", **COURSEWORK), FASHION, 1_493_520, 1_489_936),
        (DenseDiscriminator(**COURSEWORK), FASHION, 1_467_393, 1_463_809),
        (
            UpConv(
                latent=6272,
                stem="reshape",
                stem_width=128,
                width=56,
                growth=2,
                layers=2,
                kernel=2,
                head_kernel=1,
                output="none",
                **COURSEWORK,
            ),
            FASHION,
            54_713,
            54_377,
        ),
        (
            DownConv(width=32, growth=2, layers=2, padding="valid", **COURSEWORK),
            FASHION,
            53_505,
            53_313,
        ),
        (DCGANGenerator(width=32, latent=64, levels=2), FASHION, 234_177 + 192, 234_177),
        (DCGANGenerator(width=4, latent=16, levels=2), FASHION, 6_873 + 24, 6_873),
    ],
)
def test_a_network_has_the_parameters_that_its_document_gives(network, shape, total, trainable):
    with torch.device("meta"):
        counts = count_parameters(network.build(shape))
    assert (counts.total, counts.trainable) == (total, trainable)


def test_two_wide_strides_are_the_tutorials_transposed_convolutions():
    with torch.device("meta"):
        network = UpConv(width=100, layers=2, **TUTORIAL).build(FACES)
    layers = [layer for layer in network if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert [(layer.kernel_size, layer.stride, layer.padding) for layer in layers] == 2 * [
        ((4, 4), (4, 4), (0, 0))
    ]


@pytest.mark.parametrize("side", [28, 32, 64, 80])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_a_dcgan_of_any_depth_fits_images_of_any_size(levels, channels, side):
    images = ImageShape(channels, side, side)
    with torch.device("meta"):
        generator = DCGANGenerator(width=2, latent=4, levels=levels).build(images)
        assert generator(torch.empty(2, 4)).shape == (2, *images)
        if side >= 2**levels + 2**levels // 2:
            discriminator = DCGANDiscriminator(width=2, layers=levels).build(images)
            assert discriminator(torch.empty(2, *images)).shape == (2,)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("layers", [1, 2, 3, 4, 5])
def test_up_convolutions_reach_the_images_size_whatever_their_kernel(layers, kernel):
    network = UpConv(width=2, latent=4, layers=layers, kernel=kernel).build(FASHION)
    assert network(torch.zeros(2, 4)).shape == (2, *FASHION)


def test_a_latent_that_does_not_fill_the_map_is_refused():
    with pytest.raises(ValueError, match="needs a latent of 128 x 7 x 7, got 100"):
        UpConv(stem="reshape", layers=2).build(FASHION)


def test_a_discriminator_that_shrinks_the_image_to_nothing_is_refused():
    with pytest.raises(ValueError, match="leave nothing of the image"):
        DownConv(layers=6, padding="valid").build(FASHION)


def test_spectral_norm_bounds_every_weight():
    network = DownConv(width=4, spectral_norm=True).build(FASHION)
    for _ in range(30):  # each pass is one power iteration
        network(torch.randn(2, *FASHION))
    for layer in network:
        if hasattr(layer, "weight"):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.2


@pytest.mark.parametrize(
    ("init", "std"), [("normal", 0.02), ("normal", 0.2), ("xavier", 0.02), ("orthogonal", 0.02)]
)
def test_weights_are_drawn_by_the_scheme_that_the_field_names(init, std):
    torch.manual_seed(0)
    weight = (
        DenseGenerator(init=init, init_std=std, width=256, latent=256, layers=1)
        .build(FASHION)[0]
        .weight
    )
    match init:
        case "normal":
            assert weight.std().item() == pytest.approx(std, rel=0.05)
        case "xavier":
            assert weight.abs().max().item() <= (6 / 512) ** 0.5
        case "orthogonal":
            torch.testing.assert_close(weight @ weight.T, torch.eye(256), atol=1e-5, rtol=0)

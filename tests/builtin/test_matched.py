import pytest
import torch

from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.discriminators.matched import count_weights
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.components import ImageShape

SHAPE = ImageShape(1, 28, 28)


@pytest.mark.parametrize("ratio", [0.3, 0.5, 2.0])
@pytest.mark.parametrize(
    "discriminator", [DCGANDiscriminator(layers=2, norm="none"), DenseDiscriminator(layers=1)]
)
def test_a_ratio_gives_the_width_whose_weights_come_nearest(discriminator, ratio):
    generator = DCGANGenerator(levels=2, width=16).build(SHAPE)
    asked = discriminator.model_copy(update={"weight_ratio": ratio})
    found = asked.matched(generator, SHAPE)
    wanted = ratio * count_weights(generator)
    errors = [
        abs(count_weights(found.model_copy(update={"width": width}).build(SHAPE)) - wanted)
        for width in (found.width - 1, found.width, found.width + 1)
    ]
    assert errors[1] == min(errors)
    assert abs(errors[1] / wanted) < 0.15


def test_without_a_ratio_the_width_stands():
    discriminator = DCGANDiscriminator(width=8)
    assert discriminator.matched(torch.nn.Linear(2, 2), SHAPE) is discriminator


def test_no_narrower_than_one_filter():
    generator = torch.nn.Linear(1, 1)
    found = DCGANDiscriminator(layers=2, weight_ratio=0.01).matched(generator, SHAPE)
    assert found.width == 1

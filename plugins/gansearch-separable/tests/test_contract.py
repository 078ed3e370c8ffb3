from typing import ClassVar

import pytest
from gansearch_separable import SeparableDiscriminator, SeparableGenerator, separable
from torch import nn

from gansearch.components import ImageShape
from gansearch.testing import DiscriminatorContract, GeneratorContract

ANY_SIZE = (ImageShape(1, 28, 28), ImageShape(3, 25, 31))


class TestSeparableGenerator(GeneratorContract):
    shapes: ClassVar = ANY_SIZE

    @pytest.fixture
    def component(self):
        return SeparableGenerator()


class TestSeparableDiscriminator(DiscriminatorContract):
    shapes: ClassVar = ANY_SIZE

    @pytest.fixture
    def component(self):
        return SeparableDiscriminator()


def test_a_separable_convolution_has_the_weights_that_the_papers_count():
    layers = nn.ModuleList(separable(32, 64, kernel=3))
    weights = sum(layer.weight.numel() for layer in layers)
    assert weights == 3 * 3 * 32 + 32 * 64

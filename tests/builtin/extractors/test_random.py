import torch

from gansearch.builtin.extractors.random import Random
from gansearch.components import ImageShape

GREY = ImageShape(1, 28, 28)


def test_random_features_are_the_same_whatever_the_random_state_and_differ_by_seed():
    torch.manual_seed(1)
    first = Random().load(GREY).digest
    torch.manual_seed(2)
    assert Random().load(GREY).digest == first != Random(seed=1).load(GREY).digest


def test_it_suits_every_image_and_no_points(fashion, ring):
    assert Random.suits(fashion) and not Random.suits(ring)

import numpy as np
import pytest
import torch

from gansearch.components import Data, Split
from gansearch.training.batches import BatchSampler


def sampler(count=10, **fields):
    pixels = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1) * 25
    return BatchSampler(
        Data(Split(pixels), Split(pixels), "steps", "0", **fields), torch.device("cpu")
    )


def test_an_epoch_draws_every_sample_once():
    samples = sampler()
    drawn = torch.cat([samples.draw(5), samples.draw(5)])
    assert len(drawn.unique()) == 10


def test_pixels_are_scaled_to_the_range_of_the_data():
    assert sampler(11).draw(11).min() == -1.0
    assert sampler(11, value_range=(0.0, 1.0)).draw(11).max().item() == pytest.approx(250 / 255)


def test_a_batch_may_be_larger_than_the_data():
    assert sampler(4).draw(10).shape == (10, 1, 1, 1)


def test_a_sampler_continues_from_its_saved_state():
    first, second = sampler(), sampler()
    first.draw(3)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.draw(7), second.draw(7))

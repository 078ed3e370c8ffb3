from dataclasses import replace

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


def test_flipped_data_are_mirrored_half_of_the_time():
    pixels = np.zeros((400, 1, 4, 4), np.uint8)
    pixels[..., 0] = 255
    split = Split(pixels)
    plain = Data(split, split, "edges", "0" * 64)
    left, right = (
        [float(sample[0, 0, side]) for sample in BatchSampler(data, torch.device("cpu")).draw(400)]
        for data, side in ((plain, 0), (replace(plain, flip=True), 3))
    )
    assert left == [1.0] * 400
    assert 150 < right.count(1.0) < 250


def test_samples_that_are_mapped_from_a_file_are_drawn_as_those_in_memory(tmp_path):
    pixels = np.arange(64, dtype=np.uint8).reshape(16, 1, 2, 2)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="c")
    drawn = []
    for samples in (pixels, mapped):
        torch.manual_seed(0)
        split = Split(samples)
        drawn.append(BatchSampler(Data(split, split, "x", "0" * 64), torch.device("cpu")).draw(5))
    assert torch.equal(*drawn)

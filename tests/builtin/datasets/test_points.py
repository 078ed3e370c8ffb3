import numpy as np
import pytest

from gansearch.builtin.datasets.points import Grid2D, Ring2D


def test_the_ring_is_pacgans():
    data = Ring2D(samples=4000).load()
    assert data.modes.shape == (8, 2)
    assert np.allclose(np.linalg.norm(data.modes, axis=1), 1)
    assert data.mode_std == 0.01
    assert not data.is_image


def test_the_grid_is_pacgans():
    data = Grid2D(samples=4000).load()
    assert {tuple(mode) for mode in data.modes} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }
    assert data.mode_std == 0.05


@pytest.mark.parametrize("mixture", [Ring2D(samples=5000), Grid2D(samples=5000)])
def test_points_scatter_about_their_modes_as_promised(mixture):
    data = mixture.load()
    offsets = data.train.samples[:, :, 0, 0] - data.modes[data.train.labels]
    assert data.train.samples.shape == (5000, 2, 1, 1) and data.train.samples.dtype == np.float32
    assert offsets.std() == pytest.approx(mixture.sigma, rel=0.05)
    assert set(data.train.labels) == set(range(len(data.modes)))


def test_the_draw_depends_on_the_seed_alone():
    first, again, other = (
        Ring2D(samples=100, seed=seed, test_samples=10 + n) for n, seed in enumerate((1, 1, 2))
    )
    assert np.array_equal(first.load().train.samples, again.load().train.samples)
    assert not np.array_equal(first.load().train.samples, other.load().train.samples)


def test_a_limit_takes_training_points_away_and_no_test_point():
    whole, few = Ring2D(samples=100).load(), Ring2D(samples=100, limit=30).load()
    assert (
        np.array_equal(few.train.samples, whole.train.samples[:30]) and len(few.train.labels) == 30
    )
    assert np.array_equal(few.test.samples, whole.test.samples)


def test_training_and_test_points_differ():
    data = Ring2D(samples=50, test_samples=50).load()
    assert not np.array_equal(data.train.samples, data.test.samples)

import math

import pytest
import torch

from gansearch.evaluation.distances import (
    frechet_distance,
    gaussian_bandwidth,
    kid,
    mmd,
    sliced_wasserstein,
)


def gaussian(count, seed, dims=4):
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed))


def test_frechet_distance_of_known_gaussians():
    real, fake = gaussian(20_000, 0), gaussian(20_000, 1)
    # Means 3 apart, and standard deviations of 1 and 2 in each of four dimensions: 9 + 4 (2 - 1)^2.
    assert frechet_distance(real, 2 * fake + torch.tensor([3.0, 0, 0, 0])) == pytest.approx(
        13, rel=0.02
    )


def test_frechet_distance_takes_correlation_into_account():
    x = gaussian(20_000, 0, dims=2)
    mixing = torch.tensor([[1.0, 0.0], [0.8, 0.6]])  # a covariance of 0.8
    # 2 + 2 - 2 tr(sqrt(C)), and C has the eigenvalues 1.8 and 0.2.
    expected = 4 - 2 * (math.sqrt(1.8) + math.sqrt(0.2))
    assert frechet_distance(x, gaussian(20_000, 1, dims=2) @ mixing.T) == pytest.approx(
        expected, abs=0.02
    )


def test_frechet_distance_to_a_collapsed_generator_is_finite():
    real = gaussian(2000, 0)
    assert frechet_distance(real, torch.zeros(2000, 4)) == pytest.approx(4, rel=0.1)


def test_frechet_distance_to_itself_is_zero():
    assert frechet_distance(gaussian(100, 0), gaussian(100, 0)) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_points_on_a_line():
    assert frechet_distance(torch.zeros(5, 1), torch.ones(5, 1)) == pytest.approx(1)


def test_distances_of_what_is_no_number_are_no_numbers():
    real, broken = gaussian(50, 0), torch.full((50, 4), math.nan)
    assert math.isnan(frechet_distance(real, broken))
    assert math.isnan(mmd(real, broken, 1.0))
    assert math.isnan(sliced_wasserstein(real, broken, 8))


@pytest.mark.parametrize("distance", [lambda x, y: mmd(x, y, 2.0), kid])
def test_the_unbiased_estimates_scatter_about_zero_for_one_distribution(distance):
    estimates = [distance(gaussian(200, seed), gaussian(200, 50 + seed)) for seed in range(30)]
    mean, spread = torch.tensor(estimates).mean(), torch.tensor(estimates).std()
    assert min(estimates) < 0 < max(estimates)
    assert abs(mean) < 3 * spread / math.sqrt(30)


def test_mmd_of_far_apart_points_is_two_kernels_at_their_own():
    same = torch.zeros(10, 2)
    assert mmd(same, same + 1000, 1.0) == pytest.approx(2)


def test_the_bandwidth_is_the_root_mean_square_distance():
    features = gaussian(300, 0)
    distances = torch.pdist(features)
    assert gaussian_bandwidth(features) == pytest.approx(
        float(distances.square().mean().sqrt()), rel=1e-4
    )


def test_kid_does_not_hang_on_the_scale_of_the_features():
    real, fake = gaussian(100, 0), gaussian(100, 1) + 1
    assert kid(10 * real, 10 * fake) == pytest.approx(kid(real, fake))


def test_sliced_wasserstein_of_a_shift_is_its_mean_projection():
    real = gaussian(300, 0, dims=2)
    # In the plane a shift of 1 projects onto 2 / pi on average.
    assert sliced_wasserstein(real, real + torch.tensor([1.0, 0.0]), 4000) == pytest.approx(
        2 / math.pi, rel=0.03
    )


def test_sliced_wasserstein_takes_the_same_directions_each_time():
    real, fake = gaussian(50, 0), gaussian(50, 1)
    assert sliced_wasserstein(real, fake, 16) == sliced_wasserstein(real, fake, 16)

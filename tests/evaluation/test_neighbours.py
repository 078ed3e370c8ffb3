import math

import pytest
import torch

from gansearch.evaluation.neighbours import coverage, prdc, radii


def gaussian(count, seed, dims=8):
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed))


def test_coverage_of_one_distribution_by_itself_is_as_theory_has_it():
    count, k = 1000, 5
    expected = 1 - math.prod((count - i) / (2 * count - i) for i in range(1, k + 1))
    measured = [
        prdc(gaussian(count, seed), gaussian(count, 100 + seed))["coverage"] for seed in range(4)
    ]
    assert sum(measured) / 4 == pytest.approx(expected, abs=0.01)


def test_the_four_figures_by_hand():
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    fake = torch.tensor([[0.5], [1.5], [100.0], [101.0]])
    # With k = 1 real points reach 1, 1, 1 and 8 far, generated ones 1, 1, 1 and 1.
    assert prdc(real, fake, k=1) == {
        "precision": 0.5,
        "recall": 0.75,
        "density": 1.0,
        "coverage": 0.75,
    }


def test_collapse_onto_one_real_sample_is_precise_and_covers_nothing():
    real = gaussian(500, 0)
    figures = prdc(real, real[:1].repeat(500, 1))
    assert figures["precision"] == 1
    assert figures["recall"] == 0
    assert figures["coverage"] < 0.05


def test_diverse_junk_fools_recall_alone():
    figures = prdc(gaussian(500, 0), 3 * gaussian(500, 1))
    assert figures["recall"] > 0.9
    assert figures["precision"] < 0.1


def test_coverage_alone_agrees_with_the_four():
    real, fake = gaussian(200, 0), gaussian(200, 1) + 1
    assert coverage(real, radii(real), fake) == prdc(real, fake)["coverage"]


def test_fewer_neighbours_than_k_reach_to_the_farthest():
    assert radii(torch.tensor([[0.0], [1.0], [4.0]])).tolist() == [4, 3, 4]


def test_a_single_sample_has_no_neighbourhood():
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        radii(torch.zeros(1, 3))


def test_features_that_are_not_numbers_cover_nothing():
    figures = prdc(gaussian(20, 0), torch.full((20, 8), math.nan))
    assert set(figures.values()) == {0.0}

import numpy as np
import pytest

from gansearch.search import surrogate
from gansearch.search.surrogate import GaussianProcess, Settings, fit_settings

SETTINGS = Settings(np.array([0.5, 0.5]), 1.0, 0.02)


@pytest.fixture
def draws():
    """60 points of a plane, and a height that depends on the first coordinate alone."""
    inputs = np.random.default_rng(0).random((60, 2))
    return inputs, np.sin(6 * inputs[:, 0])


def test_it_passes_through_what_it_was_told(draws):
    inputs, targets = draws
    means, deviations = GaussianProcess(inputs, targets, SETTINGS).predict(inputs)
    assert means == pytest.approx(targets, abs=0.02)
    assert deviations.max() < 0.05


def test_far_from_all_that_it_knows_it_expects_the_mean_and_is_unsure(draws):
    inputs, targets = draws
    means, deviations = GaussianProcess(inputs, targets, SETTINGS).predict(np.array([[50.0, 50.0]]))
    assert means == pytest.approx([targets.mean()])
    assert deviations == pytest.approx([targets.std()], rel=0.01)


def test_it_learns_which_input_matters(draws):
    settings = fit_settings(*draws)
    assert settings.scales[1] > 4 * settings.scales[0]


def test_it_learns_how_much_is_noise(draws):
    inputs, targets = draws
    noisy = targets + np.random.default_rng(1).normal(0, 0.5 * targets.std(), len(targets))
    assert fit_settings(inputs, targets).noise < 0.05
    assert fit_settings(inputs, noisy).noise == pytest.approx(0.45, abs=0.15)


def test_the_gradient_of_the_likelihood_is_that_of_its_differences(draws):
    inputs, targets = draws
    squares = (inputs[:, None] - inputs[None]) ** 2
    standard = (targets - targets.mean()) / targets.std()
    at = np.array([-0.3, 0.2, 0.1, -1.0])
    _, gradient = surrogate._cost(at, squares, standard)
    for i, step in enumerate(np.eye(4) * 1e-6):
        higher, lower = (surrogate._cost(at + sign * step, squares, standard)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((higher - lower) / 2e-6, rel=1e-4)


def test_it_foretells_what_it_has_not_seen(draws):
    inputs, targets = draws
    process = GaussianProcess(inputs[:40], targets[:40], fit_settings(inputs[:40], targets[:40]))
    means, _ = process.predict(inputs[40:])
    assert np.abs(means - targets[40:]).max() < 0.1

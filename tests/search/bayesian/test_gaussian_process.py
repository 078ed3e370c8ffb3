import numpy as np
import pytest

from gansearch.search.bayesian import gaussian_process
from gansearch.search.bayesian.gaussian_process import GaussianProcess, Settings, fit_settings

SETTINGS = Settings(np.array([0.5, 0.5]), 1.0, 0.02)
CERTAIN = np.zeros(60)


@pytest.fixture
def draws():
    """60 points of a plane, and a height that depends on the first coordinate alone."""
    inputs = np.random.default_rng(0).random((60, 2))
    return inputs, np.sin(6 * inputs[:, 0])


def test_it_passes_through_what_it_was_told(draws):
    inputs, targets = draws
    means, deviations = GaussianProcess(inputs, targets, CERTAIN, SETTINGS).predict(inputs)
    assert means == pytest.approx(targets, abs=0.02)
    assert deviations.max() < 0.05


def test_far_from_all_that_it_knows_it_expects_the_mean_and_is_unsure(draws):
    inputs, targets = draws
    means, deviations = GaussianProcess(inputs, targets, CERTAIN, SETTINGS).predict(
        np.array([[50.0, 50.0]])
    )
    assert means == pytest.approx([targets.mean()])
    assert deviations == pytest.approx([targets.std()], rel=0.01)


def test_it_learns_which_input_matters(draws):
    settings = fit_settings(*draws, CERTAIN, noise=0.1)
    assert settings.scales[1] > 4 * settings.scales[0]


def test_it_learns_how_much_is_noise(draws):
    inputs, targets = draws
    noisy = targets + np.random.default_rng(1).normal(0, 0.5 * targets.std(), len(targets))
    learned = [fit_settings(inputs, seen, CERTAIN, noise=0.2).noise for seen in (targets, noisy)]
    assert learned[0] < 0.1
    assert learned[1] == pytest.approx(0.4, abs=0.1)


def test_a_few_trials_without_a_pattern_are_not_all_taken_for_noise():
    """Or else nothing would be expected of any candidate."""
    random = np.random.default_rng(0)
    for _ in range(20):
        inputs, targets = random.random((8, 6)), random.normal(0.0, 0.3, 8)
        process = GaussianProcess(
            inputs, targets, np.zeros(8), fit_settings(inputs, targets, np.zeros(8), noise=0.12)
        )
        _, deviations = process.predict(random.random((50, 6)))
        assert np.median(deviations) > 0.1


def test_what_is_doubtful_counts_for_less():
    inputs, targets = np.array([[0.2, 0.5], [0.2, 0.5], [0.8, 0.5]]), np.array([0.0, 1.0, 0.5])
    doubtful = GaussianProcess(inputs, targets, np.array([0.0, 2.0, 0.0]), SETTINGS)
    assert doubtful.predict(inputs[:1])[0] < 0.1


def test_the_gradient_of_the_likelihood_is_that_of_its_differences(draws):
    inputs, targets = draws
    squares = (inputs[:, None] - inputs[None]) ** 2
    known = (
        squares,
        (targets - targets.mean()) / targets.std(),
        np.linspace(0, 0.5, 60),
        np.array([-0.4, -0.4, 0, -2]),
    )
    at = np.array([-0.3, 0.2, 0.1, -1.0])
    _, gradient = gaussian_process._cost(at, *known)
    for i, step in enumerate(np.eye(4) * 1e-6):
        higher, lower = (gaussian_process._cost(at + sign * step, *known)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((higher - lower) / 2e-6, rel=1e-4)


def test_it_foretells_what_it_has_not_seen(draws):
    inputs, targets = draws
    known = (inputs[:40], targets[:40], CERTAIN[:40])
    process = GaussianProcess(*known, fit_settings(*known, noise=0.05))
    means, _ = process.predict(inputs[40:])
    assert np.abs(means - targets[40:]).max() < 0.1

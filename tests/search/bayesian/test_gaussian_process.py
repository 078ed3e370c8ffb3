import numpy as np
import pytest

from gansearch.search.bayesian import gaussian_process
from gansearch.search.bayesian.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)

HYPERPARAMETERS = Hyperparameters(np.array([0.5, 0.5]), signal_std=1.0, noise_std=0.02)
EXACT = np.zeros(60)


@pytest.fixture
def observations():
    """60 points of a plane, and a height that depends on the first coordinate alone."""
    inputs = np.random.default_rng(0).random((60, 2))
    return inputs, np.sin(6 * inputs[:, 0])


def test_the_posterior_mean_passes_through_the_observations(observations):
    inputs, targets = observations
    means, stds = GaussianProcess(inputs, targets, EXACT, HYPERPARAMETERS).predict(inputs)
    assert means == pytest.approx(targets, abs=0.02)
    assert stds.max() < 0.05


def test_far_from_all_observations_the_posterior_is_the_prior(observations):
    inputs, targets = observations
    process = GaussianProcess(inputs, targets, EXACT, HYPERPARAMETERS)
    means, stds = process.predict(np.array([[50.0, 50.0]]))
    assert means == pytest.approx([targets.mean()])
    assert stds == pytest.approx([targets.std()], rel=0.01)


def test_an_irrelevant_input_gets_a_long_length_scale(observations):
    length_scales = fit_hyperparameters(*observations, EXACT, noise_std=0.1).length_scales
    assert length_scales[1] > 4 * length_scales[0]


def test_the_fit_finds_the_observation_noise(observations):
    inputs, targets = observations
    noisy = targets + np.random.default_rng(1).normal(0, 0.5 * targets.std(), len(targets))
    fitted = [
        fit_hyperparameters(inputs, values, EXACT, noise_std=0.2).noise_std
        for values in (targets, noisy)
    ]
    assert fitted[0] < 0.1
    assert fitted[1] == pytest.approx(0.4, abs=0.1)


def test_a_few_trials_without_a_pattern_are_not_all_taken_for_noise():
    """Otherwise nothing would be expected of any candidate."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        known = (rng.random((8, 6)), rng.normal(0.0, 0.3, 8), np.zeros(8))
        process = GaussianProcess(*known, fit_hyperparameters(*known, noise_std=0.12))
        _, stds = process.predict(rng.random((50, 6)))
        assert np.median(stds) > 0.1


def test_an_uncertain_observation_weighs_less():
    inputs, targets = np.array([[0.2, 0.5], [0.2, 0.5], [0.8, 0.5]]), np.array([0.0, 1.0, 0.5])
    process = GaussianProcess(inputs, targets, np.array([0.0, 2.0, 0.0]), HYPERPARAMETERS)
    assert process.predict(inputs[:1])[0] < 0.1


def test_the_gradient_of_the_posterior_agrees_with_finite_differences(observations):
    inputs, targets = observations
    known = (
        (inputs[:, None] - inputs[None]) ** 2,
        (targets - targets.mean()) / targets.std(),
        np.linspace(0, 0.5, 60),
        np.array([-0.4, -0.4, 0, -2]),
    )
    log_params = np.array([-0.3, 0.2, 0.1, -1.0])

    def loss(at):
        return gaussian_process._negative_log_posterior(at, *known)[0]

    _, gradient = gaussian_process._negative_log_posterior(log_params, *known)
    for i, step in enumerate(np.eye(4) * 1e-6):
        difference = loss(log_params + step) - loss(log_params - step)
        assert gradient[i] == pytest.approx(difference / 2e-6, rel=1e-4)


def test_a_fitted_process_predicts_held_out_points(observations):
    inputs, targets = observations
    known = (inputs[:40], targets[:40], EXACT[:40])
    process = GaussianProcess(*known, fit_hyperparameters(*known, noise_std=0.05))
    means, _ = process.predict(inputs[40:])
    assert np.abs(means - targets[40:]).max() < 0.1


def test_what_is_believed_leaves_the_means_and_takes_the_doubt_nearby(observations):
    inputs, targets = observations
    process = GaussianProcess(inputs[:8], targets[:8], EXACT[:8], HYPERPARAMETERS)
    new, elsewhere = inputs[30:31], np.array([[5.0, 5.0]])
    believing = process.believing(new)
    assert believing.predict(inputs)[0] == pytest.approx(process.predict(inputs)[0])
    assert believing.predict(new)[1] < 0.1 * process.predict(new)[1]
    assert believing.predict(elsewhere)[1] == pytest.approx(process.predict(elsewhere)[1])

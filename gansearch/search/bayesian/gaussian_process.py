"""A Gaussian process: what is to be expected of a candidate, by those that have been tried.

Matern 5/2 with a length scale for each input, after Rasmussen and Williams 2006, "Gaussian Processes
for Machine Learning", chapters 2 and 5. Optuna has one of its own, which it keeps to itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

Array = NDArray[np.float64]

SCALES = (0.05, 10.0)
"""Shortest and longest length scale; every input runs from 0 to 1."""
NOISES, USUAL_NOISES = (0.02, 1.0), (0.05, 0.8)
"""Smallest and largest standard deviation of the noise, learned and thought, of targets whose own is 1."""
PRIOR = 0.7
"""Deviation of the logarithm of a length scale from the usual one: a mild preference for few inputs that matter."""
SIGNAL_PRIOR, NOISE_PRIOR = 0.3, 0.25
"""Deviations of the logarithms of signal and noise from 1 and from what is known of the noise.

Without them, a few trials that show no pattern are all taken for noise, and then nothing is expected of any
candidate. On random parts of the table of benchmarks/tabular, 15 trials foretold the others with a negative
log likelihood of 0.95 without and 0.02 with them, and 60 with -0.37 and -0.71.
"""
ITERATIONS = 60


@dataclass(frozen=True)
class Settings:
    """What is learned before the process itself, for targets of mean 0 and deviation 1."""

    scales: Array
    """Length scales (D,)."""
    signal: float
    """Standard deviation of what is behind the noise."""
    noise: float
    """Standard deviation."""


class GaussianProcess:
    """Fitted to inputs (N, D) within [0, 1] and targets (N,).

    Some targets may be less certain than others: by deviations (N,) that come on top of the noise.
    """

    def __init__(self, inputs: Array, targets: Array, doubts: Array, settings: Settings) -> None:
        self._inputs, self._settings = inputs, settings
        self._mean, self._deviation = float(targets.mean()), float(targets.std()) or 1.0
        noise = settings.noise**2 + (doubts / self._deviation) ** 2
        covariance = _covariance(inputs, inputs, settings) + np.diag(noise)
        self._factor = cho_factor(covariance, lower=True)
        self._weights = cho_solve(self._factor, (targets - self._mean) / self._deviation)

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (M,) of what is behind the noise, at inputs (M, D)."""
        across = _covariance(inputs, self._inputs, self._settings)
        explained = np.einsum("mn,nm->m", across, cho_solve(self._factor, across.T))
        variance = np.clip(self._settings.signal**2 - explained, 1e-10, None)
        return self._mean + self._deviation * (across @ self._weights), self._deviation * np.sqrt(
            variance
        )


def fit_settings(inputs: Array, targets: Array, doubts: Array, noise: float) -> Settings:
    """The settings that are likeliest, given targets (N,) at inputs (N, D).

    Args:
        inputs: where they are.
        targets: what was seen there.
        doubts: deviations (N,) by which some are less certain.
        noise: deviation by which all of them are thought to be uncertain.
    """
    deviation = float(targets.std()) or 1.0
    standard, squares = (
        (targets - targets.mean()) / deviation,
        (inputs[:, None, :] - inputs[None, :, :]) ** 2,
    )
    usual = np.full(inputs.shape[1] + 2, _usual(inputs.shape[1]))
    usual[-2:] = 0.0, np.clip(math.log(noise / deviation), *np.log(USUAL_NOISES))
    bounds = [*[np.log(SCALES)] * inputs.shape[1], (-2.0, 2.0), np.log(NOISES)]
    known = (squares, standard, (doubts / deviation) ** 2, usual)
    found = minimize(
        _cost, usual, known, "L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": ITERATIONS}
    )
    logarithms = np.exp(found.x)
    return Settings(logarithms[:-2], float(logarithms[-2]), float(logarithms[-1]))


def _cost(
    logarithms: Array, squares: Array, targets: Array, doubts: Array, usual: Array
) -> tuple[float, Array]:
    """Negative log posterior of the logarithms of scales, signal and noise, and its gradient.

    Args:
        logarithms: (D + 2,).
        squares: squared differences of the inputs (N, N, D).
        targets: (N,), of mean 0 and deviation 1.
        doubts: variances (N,) that some of them have on top.
        usual: logarithms (D + 2,) that are the likeliest beforehand.
    """
    scales, signal, noise = (
        np.exp(logarithms[:-2]),
        np.exp(2 * logarithms[-2]),
        np.exp(2 * logarithms[-1]),
    )
    scaled = squares / scales**2
    distance = np.sqrt(5.0 * scaled.sum(-1))
    kernel = signal * (1 + distance + distance**2 / 3) * np.exp(-distance)
    factor = cho_factor(kernel + noise * np.eye(len(targets)) + np.diag(doubts), lower=True)
    weights = cho_solve(factor, targets)
    # The derivative by a setting is tr(slope dK), equation 5.9.
    slope = (cho_solve(factor, np.eye(len(targets))) - np.outer(weights, weights)) / 2
    by_scale = np.einsum(
        "ij,ijd->d", slope * signal * (5 / 3) * (1 + distance) * np.exp(-distance), scaled
    )
    widths = np.array([*[PRIOR] * len(scales), SIGNAL_PRIOR, NOISE_PRIOR])
    prior = (logarithms - usual) / widths
    slopes = np.concatenate([by_scale, [2 * np.sum(slope * kernel), 2 * noise * np.trace(slope)]])
    gradient: Array = slopes + prior / widths
    cost = targets @ weights / 2 + np.sum(np.log(np.diag(factor[0]))) + prior @ prior / 2
    return float(cost), gradient


def _usual(inputs: int) -> float:
    """The logarithm of a usual length scale: distances grow with the number of inputs, and so must it.

    Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions".
    """
    return 0.5 * math.log(inputs) - 0.7


def _covariance(one: Array, other: Array, settings: Settings) -> Array:
    scaled = (one[:, None, :] - other[None, :, :]) / settings.scales
    distance = np.sqrt(5.0 * (scaled**2).sum(-1))
    covariance: Array = settings.signal**2 * (1 + distance + distance**2 / 3) * np.exp(-distance)
    return covariance

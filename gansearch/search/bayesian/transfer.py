"""Gaussian process with the posterior means of earlier studies as mean functions.

| symbol | code | meaning |
|---|---|---|
| X (N, D), y (N,) | `inputs`, `targets` | observations of this study |
| m_k(x) | `EarlierMean` | posterior mean of the earlier study k, less the mean of its targets |
| b | `SHARES` | share of m_k that is taken over |
| H = (k, b) | row of `shares` | y - b m_k is a Gaussian process; H_0 takes nothing over |
| P(H) | `probability` | 1/2 for H_0, the rest in equal parts |
| s | `scale` | standard deviation of y - b m_k, shrunk to the spread of the earlier targets |
| p(y, X, H) | `log_density` | density of y under H, with s plugged in and the mean estimated |
| w | `weights` | P(H, y, X), proportional to P(H) p(y, X, H) |

The prediction is the mixture of all hypotheses, so no threshold decides when an earlier study is
dropped: its weight falls as fast as it predicts worse than nothing. Sources: Hoeting et al. 1999,
"Bayesian Model Averaging: A Tutorial"; Feurer et al. 2018, "Practical Transfer Learning for
Bayesian Optimization", for one process an earlier study instead of one for all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gansearch.search.bayesian.gaussian_process import (
    NOISE_STD,
    Array,
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
    usual_log_length_scale,
)

SHARES = (0.5, 1.0)
"""Shares of an earlier study's mean that are tried besides 0."""
PROBABILITY_OF_NONE = 0.5
"""Probability, before any trial, that the earlier studies say nothing of this one."""
SCALE_OBSERVATIONS = 2
"""Number of observations that the spread of the earlier targets counts as much as."""


class EarlierMean:
    """Posterior mean of a Gaussian process of an earlier study, less the mean of its targets.

    Qualities differ from data set to data set, so only the differences within a study are kept.
    """

    def __init__(
        self,
        inputs: Array,
        targets: Array,
        observation_std: Array,
        noise_std: float,
        columns: Sequence[int],
    ) -> None:
        """Fit a process.

        Args:
            inputs: observed points (N, D) within [0, 1].
            targets: observed values (N,), not all the same.
            observation_std: standard deviation (N,) of single observations on top of the noise.
            noise_std: prior mean of the noise, in units of the targets.
            columns: inputs that the earlier study has varied; the others have no effect.
        """
        self._columns = list(columns)
        known = inputs[:, self._columns]
        hyperparameters = fit_hyperparameters(known, targets, observation_std, noise_std)
        self._process = GaussianProcess(known, targets, observation_std, hyperparameters)
        self._mean, self.std = float(targets.mean()), float(targets.std())

    def __call__(self, inputs: Array) -> Array:
        """Return the means (M,) at inputs (M, D)."""
        means: Array = self._process.predict(inputs[:, self._columns])[0] - self._mean
        return means


@dataclass(frozen=True)
class PriorMeans:
    """Mean functions that earlier studies give the two processes of the surrogate."""

    cost: tuple[EarlierMean, ...] = ()
    health: tuple[EarlierMean, ...] = ()


class AveragedProcess:
    """Average of Gaussian processes that take over a share of an earlier study's mean, or nothing.

    It predicts from the first observation on, with hyperparameters of None.
    """

    def __init__(
        self,
        inputs: Array,
        targets: Array,
        observation_std: Array,
        hyperparameters: Hyperparameters | None,
        noise_std: float,
        means: Sequence[EarlierMean],
    ) -> None:
        """Weigh the hypotheses.

        Args:
            inputs: observed points (N, D) within [0, 1].
            targets: observed values (N,).
            observation_std: standard deviation (N,) of single observations on top of the noise.
            hyperparameters: fitted to the targets; None if there are too few of them.
            noise_std: standard deviation of the noise, in units of the targets.
            means: mean functions of the earlier studies.
        """
        self._means = means
        self._shares = np.vstack([np.zeros(len(means)), *(b * np.eye(len(means)) for b in SHARES)])
        others = len(self._shares) - 1
        probability = [PROBABILITY_OF_NONE, *[(1 - PROBABILITY_OF_NONE) / others] * others]
        if hyperparameters is None:
            length_scale = math.exp(usual_log_length_scale(inputs.shape[1]))
            hyperparameters = Hyperparameters(np.full(inputs.shape[1], length_scale), 1.0, 0.0)
        else:
            noise_std = hyperparameters.noise_std * (float(targets.std()) or 1.0)
        spread = math.sqrt(np.mean([mean.std**2 for mean in means]))
        self._processes = []
        log_weights = np.log(probability)
        for i, taken in enumerate(self._taken(inputs)):
            residuals = targets - taken
            squares = SCALE_OBSERVATIONS * spread**2 + len(targets) * float(residuals.var())
            scale = math.sqrt(squares / (SCALE_OBSERVATIONS + len(targets) - 1))
            noise = min(NOISE_STD[1], max(NOISE_STD[0], noise_std / scale))
            scaled = replace(hyperparameters, noise_std=noise)
            process = GaussianProcess(inputs, residuals, observation_std, scaled, scale)
            # One degree of freedom is spent on the mean.
            log_weights[i] += process.log_density - (len(targets) - 1) * math.log(scale)
            self._processes.append(process)
        weights = np.exp(log_weights - log_weights.max())
        self.weights: Array = weights / weights.sum()
        """Posterior probability of each hypothesis; the first one takes nothing over."""

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Return means and standard deviations (M,) of the mixture at inputs (M, D)."""
        predictions = [process.predict(inputs) for process in self._processes]
        means, stds = (np.stack(parts) for parts in zip(*predictions, strict=True))
        means += self._taken(inputs)
        average = self.weights @ means
        variance = self.weights @ (stds**2 + (means - average) ** 2)
        return average, np.sqrt(variance)

    def believing(self, inputs: Array) -> AveragedProcess:
        """Return the average after the predictions of each process at inputs (M, D) came true."""
        result = copy.copy(self)
        result._processes = [process.believing(inputs) for process in self._processes]
        return result

    def _taken(self, inputs: Array) -> Array:
        """Return what each hypothesis takes over (H, M) at inputs (M, D)."""
        taken: Array = self._shares @ np.stack([mean(inputs) for mean in self._means])
        return taken

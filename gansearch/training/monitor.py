"""Training monitor: what the loop calls while it trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from gansearch.messages import Decision
from gansearch.signals import Row, Verdict
from gansearch.training.networks import GANNetworks
from gansearch.trial_record import Rung


class TrainingMonitor:
    """Base class of monitors, whose methods do nothing.

    If several ranks train a candidate, only `before_step` is called on all of them. The others are
    called on rank 0, and what they return, or a `StoppedError` that they raise, reaches every rank.
    """

    probe_samples: int = 1000
    """Number of samples that `on_probe` and `measure_look` are given."""
    rungs: frozenset[int] = frozenset()
    """Steps after which the run is compared with others."""
    rung_samples: int = 2000
    """Number of samples that `measure_rung` is given."""

    def before_step(self, step: int, networks: GANNetworks) -> None:
        """Change the networks or their optimizers before a step, as an experiment may need.

        With `training.graphs` it may change tensors in place and the optimizers' settings, and
        nothing else.
        """

    def on_probe(self, samples: Tensor) -> Mapping[str, float]:
        """Return signals of samples (N, C, H, W), at the steps that a detector asks for."""
        return {}

    def measure_look(self, samples: Tensor) -> float:
        """Return the cost of samples (N, C, H, W), less being better, where the best is kept.

        NaN says that it cannot be measured.
        """
        return math.nan

    def on_samples(self, step: int, samples: Tensor) -> None:
        """Take samples of always the same inputs, at the study's `sample_every` and at the end."""

    def on_progress(self, step: int, rows: Sequence[Row], verdict: Verdict) -> None:
        """Take the signals up to a step, whenever they have been read and the run goes on.

        Args:
            step: the step.
            rows: signals of the steps that were read now, the last of them of this step.
            verdict: the verdict so far.

        Raises:
            StoppedError: to stop the training; the loop writes a checkpoint first.
        """

    def measure_rung(
        self, samples: Tensor, inputs: Tensor, generator: nn.Module
    ) -> Mapping[str, float]:
        """Return the metrics of samples (N, C, H, W) at a rung, and the costs of the generator.

        Args:
            samples: what the evaluated generator made of the inputs.
            inputs: its inputs (N, ...).
            generator: the evaluated generator, in training mode; leave it so.
        """
        return {}

    def on_rung(self, rungs: Sequence[Rung]) -> Decision:
        """Return the decision about a run that has reached these rungs; it is at the last one.

        Raises:
            StoppedError: to stop the training; the loop writes a checkpoint first.
        """
        return Decision.CONTINUE

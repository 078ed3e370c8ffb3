"""Estimate of the GPU memory that a training needs at its peak, made without the GPU.

Some steps and samples of the candidate run on torch's `meta` device, where tensors have shapes and
no memory, while a dispatch mode adds up the memory that they would have. What it cannot see is
added in `memory.py`: workspaces of libraries, gaps between tensors, and the CUDA context.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import torch

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.evaluation.live_memory import LiveMemory
from gansearch.study.spec import StepsSpec
from gansearch.training.augmentation import augment
from gansearch.training.batches import BatchSampler
from gansearch.training.loop import SHOWN_SAMPLES
from gansearch.training.loss_inputs import StepContext
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import Precision
from gansearch.training.recorder import Recorder, mean_pair_distance
from gansearch.training.steps import EagerSteps, StepPlan

BLOCK = 512
"""Bytes to a multiple of which torch's CUDA allocator rounds a tensor (kMinBlockSize)."""
SMALL = 2**20
"""Bytes up to which that allocator serves a tensor from its pool of small ones (kSmallSize)."""
REPEATS = 2
"""Steps of each kind: from the second on there are gradients of the step before."""


class MemoryEstimate(NamedTuple):
    """Bytes at the peak, by pool of torch's CUDA allocator."""

    small: int
    """Bytes of tensors of up to 1 MiB."""
    large: int
    """Bytes of larger tensors."""

    @property
    def total(self) -> int:
        return self.small + self.large


class PeakMemory(LiveMemory):  # type: ignore[no-untyped-call]
    """Peak of the live memory of a device, in the blocks of torch's CUDA allocator."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._held = {"small": 0, "large": 0}
        self.peak = MemoryEstimate(0, 0)

    def changed(self, size: int, sign: int) -> None:
        block = -(-size // BLOCK) * BLOCK
        self._held["small" if block <= SMALL else "large"] += sign * block
        self.peak = MemoryEstimate(
            max(self._held["small"], self.peak.small), max(self._held["large"], self.peak.large)
        )


def estimate_memory(
    candidate: Candidate, data: Data, training: StepsSpec, precision: Precision
) -> MemoryEstimate | None:
    """Estimate the memory of a training; None if a component reads values of tensors.

    The meta device knows no autocast. So the estimate for bf16 is an upper bound: the peak in fp32,
    whose activations are twice as large, and a copy in bf16 of every weight and its gradient.
    """
    device = torch.device("meta")
    # A plugin may raise anything here; if the candidate itself is broken, its training will tell.
    with suppress(Exception), PeakMemory(device) as memory, device:
        networks = dry_run(candidate, data, training, device)
        small, large = memory.peak
        if precision == "bf16":
            weights = [*networks.generator.parameters, *networks.discriminator.parameters]
            large += sum(2 * torch.bfloat16.itemsize * weight.numel() for weight in weights)
        return MemoryEstimate(small, large)
    return None


def dry_run(
    candidate: Candidate, data: Data, training: StepsSpec, device: torch.device
) -> GANNetworks:
    """Run each kind of step and the sampling of a training in fp32, for the memory they take."""
    networks = GANNetworks(
        candidate, data.shape, device, "fp32", memory_format=training.memory_format
    )
    augment(networks.discriminator, training.augment, data)
    for network in (networks.generator, networks.discriminator):
        if "betas" not in network.optimizer.defaults:
            continue  # RMSprop creates its state anywhere
        for parameter in network.parameters:
            # Fused Adam would not create its state on the meta device.
            network.optimizer.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
    batches = BatchSampler(data, device)
    shown_inputs = networks.evaluation_inputs(SHOWN_SAMPLES, batches)
    real_distance = mean_pair_distance(batches.draw(min(len(batches), 512)))
    context = StepContext(networks, batches, Recorder(), training.batch_size, training.steps)
    steps = EagerSteps(context, candidate.loss, real_distance)
    # Each combination of updates in the training, with all measurements
    phases = candidate.schedule.phases(steps_per_epoch=training.steps_per_epoch(len(batches)))
    updates = (StepPlan.at(step, phases, 0).updates for step in range(1, training.steps + 1))
    for combination in dict.fromkeys(updates):
        for _ in range(REPEATS):
            steps.run(1, StepPlan(combination, predictions=True, pair_ratio=True))
    networks.sample(shown_inputs)
    networks.sample(networks.evaluation_inputs(training.eval_samples, batches))
    return networks

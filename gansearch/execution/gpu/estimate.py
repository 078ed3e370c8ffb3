"""Footprint: how many bytes of a device a candidate's training takes at its peak, counted without the device.

The candidate takes some steps and is sampled on torch's `meta` device, where tensors have shapes and no memory,
while a mark follows the memory that they would have. What it cannot see is added by `training.device_memory`:
scratch memory of a device's libraries, gaps between tensors, and what a device takes for the process itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.study.spec import StepsSpec
from gansearch.training.augmentation import augment
from gansearch.training.batches import BatchSampler
from gansearch.training.loop import SHOWN
from gansearch.training.loss_inputs import Stage
from gansearch.training.networks import GANNetworks, TrainableNetwork
from gansearch.training.precision import Precision
from gansearch.training.recorder import Recorder, mean_pair_distance
from gansearch.training.steps import Due, EagerSteps

GRANULE = 512
"""Bytes to a multiple of which torch's CUDA allocator rounds every tensor (kMinBlockSize of its source)."""
SMALL = 2**20
"""Bytes up to which that allocator serves a tensor from a pool of its own (kSmallSize)."""
REPEATS = 2
"""Steps of each kind: only from the second one on are there gradients of the step before."""


class Footprint(NamedTuple):
    """Bytes of a device at the peak, by the pool from which torch's CUDA allocator serves them."""

    small: int
    """Of tensors of up to 1 MiB."""
    large: int

    @property
    def total(self) -> int:
        return self.small + self.large


class HighWater(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the live memory of a device, and keeps its peak, while it is entered.

    It sees what operators are given and what they give back, each storage once and for as long as anything holds it;
    not what a kernel allocates for itself.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device = device
        self._live: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._held = {"small": 0, "large": 0}
        self.peak = Footprint(0, 0)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operator, and take note of all that lives afterwards."""
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, made)):
            if isinstance(leaf, Tensor) and leaf.device.type == self._device.type:
                self._see(leaf.untyped_storage())
        self.peak = Footprint(
            *(max(self._held[pool], peak) for pool, peak in self.peak._asdict().items())
        )
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._live:
            return
        size = -(-storage.nbytes() // GRANULE) * GRANULE
        pool = "small" if size <= SMALL else "large"
        self._held[pool] += size

        def forget(_: object) -> None:
            self._held[pool] -= size
            del self._live[key]

        self._live[key] = weakref.ref(storage, forget)


def footprint(
    candidate: Candidate, data: Data, training: StepsSpec, precision: Precision
) -> Footprint | None:
    """What a training takes; None where a component asks for values, which are not there to be had.

    In bf16 the peak is that of fp32, whose activations are twice as large, and beside it a copy in bf16 of every
    weight, with its gradient: an upper bound, since autocast knows no meta device.
    """
    device = torch.device("meta")
    # A plugin may fail in any way here; should the candidate itself be broken, its training will tell.
    with suppress(Exception), HighWater(device) as water, device:
        players = rehearse(candidate, data, training, device)
        small, large = water.peak
        return Footprint(small, large + (_bytes_in_bf16(players) if precision == "bf16" else 0))
    return None


def rehearse(
    candidate: Candidate, data: Data, training: StepsSpec, device: torch.device
) -> GANNetworks:
    """Do in fp32 on a device what takes memory in a training, as its loop does it: every kind of step, and samples."""
    players = GANNetworks(candidate, data.shape, device, "fp32", layout=training.memory_format)
    augment(players.discriminator, training.augment, data)
    feed = BatchSampler(data, device)
    for learner in (players.generator, players.discriminator):
        _give_moments(learner)
    shown_inputs = players.test_inputs(SHOWN, feed)
    real_distance = mean_pair_distance(feed.draw(min(len(feed), 512)))
    stage = Stage(players, feed, Recorder(), training.batch_size, training.steps)
    steps = EagerSteps(stage, candidate.loss, real_distance)
    for due in _kinds_of_steps(candidate, training, len(feed)):
        for _ in range(REPEATS):
            steps.take(1, due)
    players.sample(shown_inputs)
    players.sample(players.test_inputs(training.eval_samples, feed))
    return players


def _kinds_of_steps(candidate: Candidate, training: StepsSpec, samples: int) -> list[Due]:
    """What is due at a step, for every step that differs in its updates; all that is looked at is due with them."""
    phases = candidate.schedule.phases(steps_per_epoch=training.steps_per_epoch(samples))
    kinds = dict.fromkeys(Due.at(step, phases, 0).phases for step in range(1, training.steps + 1))
    return [Due(updates, predictions=True, pair_ratio=True) for updates in kinds]


def _give_moments(learner: TrainableNetwork) -> None:
    """Give Adam its moments before its first step; its fused form would not make them on the meta device."""
    for parameter in learner.parameters:
        learner.optimizer.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }


def _bytes_in_bf16(players: GANNetworks) -> int:
    """Of a copy of all weights in bf16, and of its gradient."""
    weights = [*players.generator.parameters, *players.discriminator.parameters]
    return sum(2 * torch.bfloat16.itemsize * weight.numel() for weight in weights)

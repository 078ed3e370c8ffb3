"""Snapshots of a training's state, and the comparison of replayed steps with eager ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gansearch.training.batches import BatchSampler
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import StepSignals

NOISE_FACTOR = 10.0
"""Allowed distance of a replayed step from an eager one, in distances between two eager ones."""
MIN_TOLERANCE = 1e-4
"""Allowed distance in any case, as a share of what the steps changed."""


class Snapshot:
    """Copy of all state that a step changes."""

    def __init__(self, networks: GANNetworks, batches: BatchSampler) -> None:
        self._networks, self._batches = networks, batches
        self._live = networks.tensors()
        self.tensors = [tensor.clone() for tensor in self._live]
        self._order = batches.state_dict()
        self._rng = torch.get_rng_state()
        device = networks.device
        self._device_rng = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        """Restore the state in place, since a captured step knows its tensors by address."""
        for live, saved in zip(self._live, self.tensors, strict=True):
            live.copy_(saved)
        self._batches.load_state_dict(self._order)
        torch.set_rng_state(self._rng)
        if self._device_rng is not None:
            torch.cuda.set_rng_state(self._device_rng, self._networks.device)

    def draws_as(self, other: Snapshot) -> bool:
        """Return True if the next random numbers and samples equal those of the other."""
        own, others = (
            [state._rng, state._device_rng, state._order["order"]] for state in (self, other)
        )
        return all(a is b is None or torch.equal(a, b) for a, b in zip(own, others, strict=True))


class StepsResult(NamedTuple):
    """State and signals after some steps."""

    snapshot: Snapshot
    signals: Sequence[StepSignals]

    def tensors(self) -> list[Tensor]:
        """Return the tensors of the state and the signals."""
        signals: list[Tensor] = []
        for step in self.signals:
            signals += [*step.row.values(), *(counts for _, counts in step.counts)]
        return [*self.snapshot.tensors, *signals]


def replay_matches(
    before: Snapshot, eager: StepsResult, repeated: StepsResult, replayed: StepsResult
) -> bool:
    """Return True if replayed steps equal eager ones up to the rounding noise of eager ones.

    Kernels that add by atomic operations round in another order each time, and Adam makes whole
    steps of gradients that are nothing but rounding. So the L2 distance of each tensor is compared
    with that between two eager results and, as those may be equal by chance, with what the steps
    changed: a capture that omits or repeats an operation differs by as much as that. Random
    numbers and samples must be exactly the same.
    """
    expected = eager.tensors()
    zeros = [torch.zeros_like(value) for value in expected[len(before.tensors) :]]
    noise = _distances(repeated.tensors(), expected)
    change = _distances([*before.tensors, *zeros], expected)
    allowed = NOISE_FACTOR * noise + MIN_TOLERANCE * change
    close = _distances(replayed.tensors(), expected) <= allowed
    return replayed.snapshot.draws_as(eager.snapshot) and bool(close.all())


def _distances(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Return the L2 distance (len,), float64, between each pair of tensors."""
    return torch.stack(
        [
            torch.linalg.vector_norm(tensor.double() - other.double())
            for tensor, other in zip(tensors, others, strict=True)
        ]
    )

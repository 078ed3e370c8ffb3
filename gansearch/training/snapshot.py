"""The state of a training at one moment: to go back to, and to be held against another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gansearch.training.batches import BatchSampler
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import Signals

NOISE = 10.0
"""Times as far from an eager step as a second one is, a replayed one may be."""
FLOOR = 1e-4
"""Share of what the steps changed by which a replayed one may differ in any case."""


class Snapshot:
    """All that a step changes, as it was."""

    def __init__(self, players: GANNetworks, feed: BatchSampler) -> None:
        self._players, self._feed = players, feed
        self._live = players.tensors()
        self.tensors = [tensor.clone() for tensor in self._live]
        self._order = feed.state_dict()
        self._generator = torch.get_rng_state()
        device = players.device
        self._device_generator = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def put_back(self) -> None:
        """Make it the present. Tensors are changed in place, since a recording knows them by their addresses."""
        for live, kept in zip(self._live, self.tensors, strict=True):
            live.copy_(kept)
        self._feed.load_state_dict(self._order)
        torch.set_rng_state(self._generator)
        if self._device_generator is not None:
            torch.cuda.set_rng_state(self._device_generator, self._players.device)

    def draws_as(self, other: Snapshot) -> bool:
        """Whether the next random numbers and samples are the other's."""
        mine, theirs = (
            [moment._generator, moment._device_generator, moment._order["order"]]
            for moment in (self, other)
        )
        return all(a is b is None or torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


class Outcome(NamedTuple):
    """What came of some steps."""

    moment: Snapshot
    signals: Sequence[Signals]

    def tensors(self) -> list[Tensor]:
        """State and signals."""
        told = [
            value
            for one in self.signals
            for value in [*one.row.values(), *(counts for _, counts in one.counts)]
        ]
        return [*self.moment.tensors, *told]


def agree(before: Snapshot, eager: Outcome, again: Outcome, replayed: Outcome) -> bool:
    """Whether replayed steps came to what eager ones do.

    They need not come to the same bits where eager ones do not: a kernel that adds by atomic operations rounds in
    another order each time, and Adam makes whole steps of gradients that are nothing but rounding. So each tensor's
    distance (L2) is held against that between two eager outcomes; and since those may have come out the same by
    chance, against what the steps changed. A recording that leaves anything out, or repeats it, differs by as much as
    that. Random numbers and samples must be exactly as far.
    """
    start = [
        *before.tensors,
        *(torch.zeros_like(value) for value in eager.tensors()[len(before.tensors) :]),
    ]
    allowed = NOISE * _distances(again.tensors(), eager.tensors()) + FLOOR * _distances(
        start, eager.tensors()
    )
    close = _distances(replayed.tensors(), eager.tensors()) <= allowed
    return replayed.moment.draws_as(eager.moment) and bool(close.all())


def _distances(ones: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """The L2 distance (len,), float64, of each tensor to its counterpart."""
    pairs = zip(ones, others, strict=True)
    return torch.stack(
        [torch.linalg.vector_norm(one.double() - other.double()) for one, other in pairs]
    )

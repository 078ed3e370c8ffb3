"""A network that several ranks run, each on its share of a batch, with the norms of the whole batch."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansearch.errors import GansearchError
from gansearch.layers import Pack
from gansearch.training.distributed import Group, Ranks, stacked


def shared(network: nn.Module, ranks: Ranks) -> nn.Module:
    """A module that gives for a batch what the network would, with every rank running a part of it.

    Raises:
        GansearchError: when the network has a norm whose statistics cannot be shared.
    """
    if not isinstance(ranks, Group):
        return network
    for layer in network.modules():
        _share_statistics(layer)
    return SharedNetwork(network, ranks)


class SharedNetwork(nn.Module):
    """Runs a network on this rank's share of a batch and gathers what all ranks made of theirs."""

    def __init__(self, network: nn.Module, ranks: Group) -> None:
        super().__init__()
        self.network = network
        self._ranks = ranks
        self._pack = max(
            (layer.packing for layer in network.modules() if isinstance(layer, Pack)), default=1
        )

    def forward(self, batch: Tensor) -> Tensor:
        """What the network gives for a batch (N, ...): (N, ...), or (N // m, ...) where it packs m samples.

        Raises:
            GansearchError: when there are not enough samples for all ranks, or packs that no `Pack` makes.
        """
        rows = len(batch) // self._pack
        if self.network.training and rows < self._ranks.size:
            size = self._ranks.size
            raise GansearchError(
                f"{size} processes cannot share {len(batch)} samples in packs of {self._pack}"
            )
        share = self._ranks.share(batch, self._pack)
        with _own_numbers(self._ranks.rank, batch.device):
            made: Tensor = self.network(share)
        if len(made) != len(share) // self._pack:
            raise GansearchError(
                f"the network gives {len(made)} rows for {len(share)} samples; one that judges several together can be "
                "shared by several processes only where gansearch.layers.Pack puts them together"
            )
        return self._ranks.gathered(made, rows)


@contextmanager
def _own_numbers(rank: int, device: torch.device) -> Iterator[None]:
    """Let a network draw random numbers, for dropout say, that no other rank draws.

    They follow from the numbers that all ranks draw alike, and leave those as they are.
    """
    devices = [device] if device.type == "cuda" else []
    common = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]
    with torch.random.fork_rng(devices):
        torch.manual_seed(zlib.crc32(b"".join(state.numpy().tobytes() for state in common)) + rank)
        yield


def _share_statistics(layer: nn.Module) -> None:
    """Make a BatchNorm one over the shares of all ranks; its weights, statistics and hooks stay."""
    if not isinstance(layer, _BatchNorm) or isinstance(layer, SharedBatchNorm):
        return
    if type(layer) not in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
        name = type(layer).__name__
        raise GansearchError(
            f"{name} is no plain BatchNorm, so several processes cannot share its statistics"
        )
    layer.__class__ = SharedBatchNorm


class SharedBatchNorm(_BatchNorm):
    """BatchNorm with the statistics of all ranks' shares; as torch's SyncBatchNorm, which knows no CPU."""

    def forward(self, samples: Tensor) -> Tensor:
        """Normalise samples (N, C, ...)."""
        if not self.training:
            return super().forward(samples)
        values = samples.to(torch.promote_types(samples.dtype, torch.float32))
        mean, variance, count = _statistics(values)
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps)
        scale = scale * self.weight if self.affine else scale
        shift = self.bias - mean * scale if self.affine else -mean * scale
        shape = (1, -1, *[1] * (samples.ndim - 2))
        return torch.addcmul(shift.view(shape), values, scale.view(shape)).to(samples.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Let the running statistics follow; `variance` is the unbiased one."""
        if (
            self.running_mean is None
            or self.running_var is None
            or self.num_batches_tracked is None
        ):
            return
        self.num_batches_tracked += 1
        momentum = (
            self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        )
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take any; it has been built for what it gets."""


def _statistics(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,) and biased variance (C,) over all but the channels of all ranks' values (N, C, ...), and how many."""
    variance, mean = torch.var_mean(values, [0, *range(2, values.ndim)], correction=0)
    count = torch.full_like(mean, values.numel() / len(mean))
    counts, means, variances = stacked(torch.stack([count, mean, variance])).unbind(1)
    weights = counts / counts.sum(0)
    whole = (weights * means).sum(0)
    # As Chan et al. 1979 put the variances of parts together: the difference of squares would lose digits.
    return whole, (weights * (variances + (means - whole).square())).sum(0), counts.sum(0)

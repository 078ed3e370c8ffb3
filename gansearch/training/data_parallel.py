"""Data-parallel networks: each rank runs a shard of a batch, with the norms of all of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansearch.errors import GansearchError
from gansearch.layers import Pack
from gansearch.training.distributed import ProcessGroup, Ranks, stack_ranks


def shared(network: nn.Module, ranks: Ranks) -> nn.Module:
    """Return a module equal to the network of which every rank runs a shard of the batch.

    Raises:
        GansearchError: if the statistics of a norm cannot be shared.
    """
    if not isinstance(ranks, ProcessGroup):
        return network
    for layer in network.modules():
        if not isinstance(layer, _BatchNorm) or isinstance(layer, SharedBatchNorm):
            continue
        if type(layer) not in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            raise GansearchError(
                f"several processes cannot share the statistics of {type(layer).__name__}, only "
                "those of BatchNorm1d, 2d and 3d; set `executor.workers_per_candidate` to 1"
            )
        layer.__class__ = SharedBatchNorm  # its weights, statistics and hooks stay
    return SharedNetwork(network, ranks)


class SharedNetwork(nn.Module):
    """Network that runs this rank's shard of a batch and gathers the results of all ranks."""

    def __init__(self, network: nn.Module, ranks: ProcessGroup) -> None:
        super().__init__()
        self.network = network
        self._ranks = ranks
        self._packing = max(
            (layer.packing for layer in network.modules() if isinstance(layer, Pack)), default=1
        )

    def forward(self, batch: Tensor) -> Tensor:
        """Return the output (N, ...) of a batch (N, ...); with packs of m samples (N // m, ...).

        Raises:
            GansearchError: if there are fewer packs than ranks, or packs that no `Pack` makes.
        """
        rows, size = len(batch) // self._packing, self._ranks.size
        if self.network.training and rows < size:
            raise GansearchError(
                f"{size} processes cannot share {len(batch)} samples in packs of {self._packing}; "
                "raise `training.batch_size` or lower `executor.workers_per_candidate`"
            )
        shard = self._ranks.shard(batch, self._packing)
        with _own_random_numbers(self._ranks.rank, batch.device):
            output: Tensor = self.network(shard)
        if len(output) != len(shard) // self._packing:
            raise GansearchError(
                f"the network returns {len(output)} rows for {len(shard)} samples; several "
                "processes can share one that packs samples if gansearch.layers.Pack packs them"
            )
        return self._ranks.gather(output, rows)


@contextmanager
def _own_random_numbers(rank: int, device: torch.device) -> Iterator[None]:
    """Let a network draw random numbers of this rank's own, for dropout for example.

    They follow from the state that all ranks have in common, and leave that state as it is.
    """
    devices = [device] if device.type == "cuda" else []
    common = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]
    with torch.random.fork_rng(devices):
        torch.manual_seed(zlib.crc32(b"".join(state.numpy().tobytes() for state in common)) + rank)
        yield


class SharedBatchNorm(_BatchNorm):
    """BatchNorm with the statistics of all ranks; torch's SyncBatchNorm does not run on a CPU."""

    def forward(self, samples: Tensor) -> Tensor:
        """Normalise samples (N, C, ...)."""
        if not self.training:
            return super().forward(samples)
        values = samples.to(torch.promote_types(samples.dtype, torch.float32))
        mean, variance, count = _statistics(values)
        self._update_running(mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps)
        scale = scale * self.weight if self.affine else scale
        shift = self.bias - mean * scale if self.affine else -mean * scale
        shape = (1, -1, *[1] * (samples.ndim - 2))
        return torch.addcmul(shift.view(shape), values, scale.view(shape)).to(samples.dtype)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics; `variance` is unbiased."""
        batches = self.num_batches_tracked
        if self.running_mean is None or self.running_var is None or batches is None:
            return
        batches += 1
        momentum = self.momentum if self.momentum is not None else 1 / float(batches)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any input: the network was built for its own."""


def _statistics(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean (C,), biased variance (C,) and count over all ranks' values (N, C, ...)."""
    variance, mean = torch.var_mean(values, [0, *range(2, values.ndim)], correction=0)
    count = torch.full_like(mean, values.numel() / len(mean))
    counts, means, variances = stack_ranks(torch.stack([count, mean, variance])).unbind(1)
    weights = counts / counts.sum(0)
    total_mean = (weights * means).sum(0)
    # Parts are combined as in Chan et al. 1979: the difference of squares would lose digits.
    total_variance = (weights * (variances + (means - total_mean).square())).sum(0)
    return total_mean, total_variance, counts.sum(0)

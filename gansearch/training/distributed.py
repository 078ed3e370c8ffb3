"""Ranks: the processes that train one candidate together.

All ranks draw the same batches and latents from equally seeded generators and compute the same
losses, of the whole batch; only the networks' work is split, by `training.data_parallel`. The
operators between the two are conjugate, each the other's backward: one takes a rank's shard of a
batch, the other gathers the results of all ranks (Shoeybi et al. 2019, "Megatron-LM",
arXiv:1909.08053, section 3). Both can be differentiated twice, as gradient penalties need.

The gradient with respect to a shard is `size` times that of one process. So the mean of the ranks'
gradients is that of the whole batch, and a loss term on the weights themselves counts once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import Function, FunctionCtx

from gansearch.messages import PeerLostError, Rank, StoppedError

T = TypeVar("T")
P = ParamSpec("P")

CONNECT_TIMEOUT = timedelta(seconds=120)
"""Time within which all ranks must have connected."""
POLL_SECONDS = 0.1
"""Pause between two looks into the store."""
OPERATION_TIMEOUT = timedelta(days=365)
"""Timeout of collective operations, in effect none: a rank waits as long as rank 0 measures or the
driver decides. The process that started the ranks ends all of them when one dies or hangs."""


class Ranks:
    """Single process, to which every operation is the identity."""

    rank, size = 0, 1

    def broadcast(self, value: T) -> T:
        """Return rank 0's value."""
        return value

    def on_rank_zero(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function on rank 0 alone; return its result, or raise its StoppedError, on all."""
        return function(*args, **kwargs)

    def average_gradients(self, gradients: Sequence[Tensor]) -> None:
        """Set each gradient to the mean over the ranks."""

    def gather(self, shard: Tensor, rows: int) -> Tensor:
        """Return all `rows` rows of a batch, of which `shard` (n, ...) are this rank's."""
        return shard

    @contextmanager
    def in_turn(self, resource: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Enter rank by rank in the order of the resources' names; exit after all have.

        The common order prevents a deadlock of candidates whose ranks wait for each other's
        resources. `waiting` is called several times a second; its exceptions end the wait.
        """
        yield


SINGLE = Ranks()


class ProcessGroup(Ranks):
    """Several processes, connected by torch.distributed."""

    def __init__(self, rank: Rank, store: Any) -> None:
        self.rank, self.size = rank.rank, rank.size
        self._store = store

    def broadcast(self, value: T) -> T:
        box = [value]
        with _peer_errors():
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def on_rank_zero(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        results: list[T] = []
        if self.rank == 0:
            with suppress(StoppedError):
                results.append(function(*args, **kwargs))
        results = self.broadcast(results)
        if not results:
            raise StoppedError
        return results[0]

    def average_gradients(self, gradients: Sequence[Tensor]) -> None:
        # One message a step: these networks end their backward before a second one would pay.
        flat = _sum(torch.cat([gradient.flatten() for gradient in gradients])) / self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, parts, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def gather(self, shard: Tensor, rows: int) -> Tensor:
        batch: Tensor = _Gather.apply(shard, self.shard_sizes(rows))  # type: ignore[no-untyped-call]
        return batch

    @contextmanager
    def in_turn(self, resource: str, waiting: Callable[[], None]) -> Iterator[None]:
        # Through the store: NCCL's own barriers would take memory on the GPUs that are waited for.
        with _peer_errors():
            self._store.set(f"resource/{self.rank}", resource)
        resources = [self._wait_for(f"resource/{rank}", waiting) for rank in range(self.size)]
        turns = sorted(range(self.size), key=lambda rank: (resources[rank], rank))
        for rank in turns[: turns.index(self.rank)]:
            self._wait_for(f"done/{rank}", waiting)
        yield
        with _peer_errors():
            self._store.set(f"done/{self.rank}", "")
        for rank in turns:
            self._wait_for(f"done/{rank}", waiting)

    def _wait_for(self, key: str, waiting: Callable[[], None]) -> bytes:
        """Return the value that another rank writes into the store, as soon as it is there."""
        while True:
            with _peer_errors():
                if self._store.check([key]):
                    value: bytes = self._store.get(key)
                    return value
            waiting()
            time.sleep(POLL_SECONDS)

    def shard(self, batch: Tensor, unit: int = 1) -> Tensor:
        """Return this rank's rows (n, ...) of a batch (N, ...), in whole units of so many rows."""
        part: Tensor = _Shard.apply(batch, self.shard_sizes(len(batch), unit))  # type: ignore[no-untyped-call]
        return part

    def shard_sizes(self, rows: int, unit: int = 1) -> list[int]:
        """Return the number of rows of each rank; the last one also takes an incomplete unit."""
        units, extra = divmod(rows // unit, self.size)
        sizes = [unit * (units + (rank < extra)) for rank in range(self.size)]
        sizes[-1] += rows % unit
        return sizes


@contextmanager
def process_group(rank: Rank, device: torch.device) -> Iterator[Ranks]:
    """Connect to the other ranks of a candidate; exit when all have come to the end.

    Raises:
        PeerLostError: if another rank is gone.
    """
    if rank.size == 1:
        yield SINGLE
        return
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    for library in ("GLOO", "NCCL"):
        # By default they listen on the network.
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", loopback)
    backend = "nccl" if device.type == "cuda" else "gloo"
    with _peer_errors():
        # Rank 0 serves the store, on a socket bound by the process that started the ranks.
        store = dist.TCPStore(  # type: ignore[attr-defined]
            "127.0.0.1",
            rank.port,
            rank.size,
            is_master=rank.rank == 0,
            timeout=CONNECT_TIMEOUT,
            wait_for_workers=False,
            master_listen_fd=None if rank.listener is None else rank.listener.detach(),
        )
        dist.init_process_group(
            backend, store=store, rank=rank.rank, world_size=rank.size, timeout=OPERATION_TIMEOUT
        )
    yield ProcessGroup(rank, store)
    with _peer_errors():
        dist.barrier()
    dist.destroy_process_group()


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Raise PeerLostError for a RuntimeError, as which torch.distributed reports every failure."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(f"lost the connection to the other ranks: {error}") from error


def _sum(tensor: Tensor) -> Tensor:
    with _peer_errors():
        dist.all_reduce(tensor)
    return tensor


def stack_ranks(own: Tensor) -> Tensor:
    """Return every rank's tensor (...) as (size, ...), differentiable any number of times."""
    rows = [
        own if rank == dist.get_rank() else torch.zeros_like(own)
        for rank in range(dist.get_world_size())
    ]
    stacked: Tensor = _Sum.apply(torch.stack(rows))  # type: ignore[no-untyped-call]
    return stacked


class _Shard(Function):
    """Operator from a batch to this rank's rows of it."""

    @staticmethod
    def forward(ctx: Any, batch: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        part: Tensor = torch.split(batch, sizes)[dist.get_rank()]
        return part.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradients[0] / len(ctx.sizes), ctx.sizes), None  # type: ignore[no-untyped-call]


class _Gather(Function):
    """Operator from the ranks' rows to the batch."""

    @staticmethod
    def forward(ctx: Any, shard: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        # all_gather takes tensors of one size.
        padded = shard.new_zeros(max(sizes), *shard.shape[1:])
        padded[: len(shard)] = shard
        parts = [torch.empty_like(padded) for _ in sizes]
        with _peer_errors():
            dist.all_gather(parts, padded)
        return torch.cat([part[:rows] for part, rows in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Shard.apply(gradients[0], ctx.sizes) * len(ctx.sizes), None  # type: ignore[no-untyped-call]


class _Sum(Function):
    """Sum over the ranks; every rank's use of it adds to the gradient of each."""

    @staticmethod
    def forward(ctx: FunctionCtx, own: Tensor) -> Tensor:
        return _sum(own.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return total

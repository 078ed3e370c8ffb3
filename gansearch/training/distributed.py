"""The ranks that train one candidate together, and how they talk.

Each rank is a process. All of them draw the same batches and latents from the same seeded generators and
compute the same losses, of the whole batch; only the networks are shared out, as `training.sharing` does. What
crosses the line between the two is a conjugate pair of operators, each the other's backward: one takes a rank's
share of a batch, the other gathers what all ranks made of theirs (Shoeybi et al. 2019, "Megatron-LM",
arXiv:1909.08053, section 3). Both can be differentiated twice, as penalties on gradients need.

The gradient with respect to a share is `size` times what it is in one process, so that the mean of the ranks'
gradients is the whole batch's, and a term that a loss computes from the weights themselves counts once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import Function, FunctionCtx

from gansearch.messages import PeerLostError, Rank

T = TypeVar("T")
P = ParamSpec("P")

CONNECT = timedelta(seconds=120)
"""Within which all ranks have to be there."""
POLL = 0.1
"""Seconds between two looks at what another rank may have told."""
FOR_EVER = timedelta(days=365)
"""A rank may wait as long for the first one's metrics, or the driver's word, as these take; who started the ranks
sees one that dies, or keeps silent, and ends all of them."""


class Ranks:
    """One process, to which every operation is the identity."""

    rank, size = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this is the rank that talks to the driver, measures and writes."""
        return self.rank == 0

    def agreed(self, value: T) -> T:
        """The first rank's value."""
        return value

    def once(self, function: Callable[P, T]) -> Callable[P, T]:
        """A function that the first rank runs alone; all get what it gives."""

        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.agreed(function(*args, **kwargs) if self.leads else None)  # type: ignore[return-value]

        return run

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Set each gradient to the mean of all ranks'."""

    def gathered(self, part: Tensor, rows: int) -> Tensor:
        """All `rows` rows of a batch, of which `part` (n, ...) are those of this rank's share."""
        return part

    @contextmanager
    def in_turn(self, place: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Do something rank by rank, in the order of the places that they name; the end waits for all of them.

        Ranks of several candidates that wait for each other's places cannot block one another so. `waiting` is
        called several times a second meanwhile; what it raises ends the waiting.
        """
        yield


ALONE = Ranks()


class Group(Ranks):
    """Several processes."""

    def __init__(self, seat: Rank, store: Any) -> None:
        self.rank, self.size = seat.rank, seat.size
        self._store = store

    def agreed(self, value: T) -> T:
        box = [value]
        with _talking():
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def average(self, gradients: Sequence[Tensor]) -> None:
        # One message a step: networks this small are through with their backward before a second would pay.
        flat = _sum(torch.cat([gradient.flatten() for gradient in gradients])) / self.size
        for gradient, own in zip(
            gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(own.view_as(gradient))

    def gathered(self, part: Tensor, rows: int) -> Tensor:
        whole: Tensor = _Gather.apply(part, self.shares(rows))  # type: ignore[no-untyped-call]
        return whole

    @contextmanager
    def in_turn(self, place: str, waiting: Callable[[], None]) -> Iterator[None]:
        # By the store, since NCCL's own ways of waiting would take memory on the very GPUs that are waited for.
        with _talking():
            self._store.set(f"place/{self.rank}", place)
        places = [self._told(f"place/{rank}", waiting) for rank in range(self.size)]
        turns = sorted(range(self.size), key=lambda rank: (places[rank], rank))
        for rank in turns[: turns.index(self.rank)]:
            self._told(f"done/{rank}", waiting)
        yield
        with _talking():
            self._store.set(f"done/{self.rank}", "")
        for rank in turns:
            self._told(f"done/{rank}", waiting)

    def _told(self, key: str, waiting: Callable[[], None]) -> bytes:
        """What a rank has left in the store, as soon as it is there."""
        with _talking():
            there = self._store.check([key])
        while not there:
            waiting()
            time.sleep(POLL)
            with _talking():
                there = self._store.check([key])
        with _talking():
            value: bytes = self._store.get(key)
        return value

    def share(self, batch: Tensor, unit: int = 1) -> Tensor:
        """The rank's share (n, ...) of a batch (N, ...), in whole units of so many rows."""
        part: Tensor = _Share.apply(batch, self.shares(len(batch), unit))  # type: ignore[no-untyped-call]
        return part

    def shares(self, rows: int, unit: int = 1) -> list[int]:
        """How many of so many rows each rank takes; the last one takes those that fill no unit, too."""
        whole, over = divmod(rows // unit, self.size)
        shares = [unit * (whole + (rank < over)) for rank in range(self.size)]
        shares[-1] += rows % unit
        return shares


@contextmanager
def joined(seat: Rank, device: torch.device) -> Iterator[Ranks]:
    """Be one of the ranks of a candidate; the end waits for all of them.

    Raises:
        PeerLostError: when another one is not there.
    """
    if seat.size == 1:
        yield ALONE
        return
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(
            f"{library}_SOCKET_IFNAME", loopback
        )  # or else they would listen to the network
    with _talking():
        backend = "nccl" if device.type == "cuda" else "gloo"
        store = _store(seat)
        dist.init_process_group(
            backend, store=store, rank=seat.rank, world_size=seat.size, timeout=FOR_EVER
        )
    yield Group(seat, store)
    with _talking():
        dist.barrier()
    dist.destroy_process_group()


def _store(seat: Rank) -> Any:
    """Where the ranks tell each other their addresses; the first one serves it, at a socket bound by who started it."""
    return dist.TCPStore(  # type: ignore[attr-defined]
        "127.0.0.1",
        seat.port,
        seat.size,
        is_master=seat.rank == 0,
        timeout=CONNECT,
        wait_for_workers=False,
        master_listen_fd=None if seat.listener is None else seat.listener.detach(),
    )


@contextmanager
def _talking() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # as all of torch.distributed's are
        raise PeerLostError(f"the processes of this candidate lost each other: {error}") from error


def _sum(tensor: Tensor) -> Tensor:
    with _talking():
        dist.all_reduce(tensor)
    return tensor


def stacked(own: Tensor) -> Tensor:
    """Every rank's tensor (...), as (size, ...); differentiable, as often as one likes."""
    rows = [
        own if rank == dist.get_rank() else torch.zeros_like(own)
        for rank in range(dist.get_world_size())
    ]
    whole: Tensor = _Sum.apply(torch.stack(rows))  # type: ignore[no-untyped-call]
    return whole


class _Share(Function):
    """A rank's share of a batch."""

    @staticmethod
    def forward(ctx: Any, batch: Tensor, shares: list[int]) -> Tensor:
        ctx.shares = shares
        part: Tensor = torch.split(batch, shares)[dist.get_rank()]
        return part.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradients[0] / len(ctx.shares), ctx.shares), None  # type: ignore[no-untyped-call]


class _Gather(Function):
    """A batch of all ranks' shares."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, shares: list[int]) -> Tensor:
        ctx.shares = shares
        # What is gathered must be of one size.
        padded = part.new_zeros(max(shares), *part.shape[1:])
        padded[: len(part)] = part
        parts = [torch.empty_like(padded) for _ in shares]
        with _talking():
            dist.all_gather(parts, padded)
        return torch.cat([one[:rows] for one, rows in zip(parts, shares, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Share.apply(gradients[0], ctx.shares) * len(ctx.shares), None  # type: ignore[no-untyped-call]


class _Sum(Function):
    """The sum of all ranks' tensors; what each does with it adds to every one's gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, own: Tensor) -> Tensor:
        return _sum(own.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return whole

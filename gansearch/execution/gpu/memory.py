"""A device's memory, which several processes share: what there is of it, and how one makes a part of it its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from gansearch.execution.gpu.estimate import SMALL, Footprint

# None of these three was measured: there was no GPU to do it on. A trial's stamp tells what was counted and what
# was taken, which is how to put them right.
CONTEXT = 512 * 2**20
"""Bytes that CUDA is assumed to take for a process itself, beside its tensors: the context, and loaded kernels."""
SCRATCH = 256 * 2**20
"""Bytes of a process's tensors that are assumed to be scratch memory: of cuBLAS, of cuDNN, and of the metrics."""
GAPS = 1.2
"""Times as much as is counted that the allocator is assumed to need, since it cannot fill every gap between tensors."""
SEGMENT = 2 * 2**20
"""Bytes in multiples of which torch's CUDA allocator asks for memory (kSmallBuffer, kRoundLarge of its source)."""


class DeviceMemory(Protocol):
    """What a candidate that shares a device has to know of its memory, and to do with it."""

    name: str
    """The same in all processes of a machine, and of no other device there."""
    total: int
    """Bytes."""

    def free(self) -> int:
        """Bytes that no process has taken."""

    def take(self, claim: Footprint, *, capped: bool) -> bool:
        """Make so much this process's own, for its tensors to come, and the most that it may take where it is capped.

        False where it was not to be had.
        """

    def taken(self) -> Mapping[str, int]:
        """What this process's tensors have really taken, as figures of a trial's stamp."""


def memory_of(device: torch.device) -> DeviceMemory | None:
    """The memory of a GPU; None for a CPU, whose memory the system shares out."""
    return CudaMemory(device) if device.type == "cuda" else None


def claim_of(counted: Footprint) -> Footprint:
    """What to take for a training that was counted, where others are on the device too."""
    return Footprint(_segments(GAPS * counted.small), _segments(GAPS * counted.large + SCRATCH))


def _segments(size: float) -> int:
    return -int(-size // SEGMENT) * SEGMENT


class CudaMemory:
    """That of a GPU. It has not run yet: there was no machine with one."""

    def __init__(self, device: torch.device) -> None:
        properties = torch.cuda.get_device_properties(device)
        self.name = str(properties.uuid)
        self.total = properties.total_memory
        self._device = device

    def free(self) -> int:
        return torch.cuda.mem_get_info(self._device)[0]

    def take(self, claim: Footprint, *, capped: bool) -> bool:
        # A segment more, so that what is taken here is below the cap however that is rounded.
        share = min(1.0, (claim.total + SEGMENT) / self.total) if capped else 1.0
        torch.cuda.set_per_process_memory_fraction(share, self._device)
        try:
            # Freed again at once they stay this process's own, those of up to 1 MiB in a pool of their own.
            sizes = [SMALL] * -(-claim.small // SMALL) + [claim.large] * bool(claim.large)
            blocks = [torch.empty(size, dtype=torch.uint8, device=self._device) for size in sizes]
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return False
        del blocks
        torch.cuda.reset_peak_memory_stats(self._device)
        return True

    def taken(self) -> Mapping[str, int]:
        return {
            "peak_gpu_memory_bytes": torch.cuda.max_memory_allocated(self._device),
            "reserved_gpu_memory_bytes": torch.cuda.max_memory_reserved(self._device),
        }

"""Memory of a device that several processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from gansearch.execution.gpu.estimate import SMALL, MemoryEstimate

# These three are assumptions, not measured: there was no GPU to do it on. A trial's stamp has the
# estimate and the memory in use, from which they can be corrected.
CUDA_CONTEXT = 512 * 2**20
"""Bytes that CUDA is assumed to take for a process itself: its context and the loaded kernels."""
WORKSPACE = 256 * 2**20
"""Bytes that cuBLAS, cuDNN and the metrics are assumed to take."""
FRAGMENTATION = 1.2
"""Assumed ratio of the allocator's memory to its tensors, since gaps between them stay empty."""
SEGMENT = 2 * 2**20
"""Unit of torch's CUDA allocator in bytes (kSmallBuffer, kRoundLarge of its source)."""


class DeviceMemory(Protocol):
    """Memory of a device, as admission needs it."""

    name: str
    """Name that is the same in all processes of a machine and that no other device has."""
    total: int
    """Size in bytes."""

    def free(self) -> int:
        """Return the bytes that no process has reserved."""

    def reserve(self, size: MemoryEstimate, *, capped: bool) -> bool:
        """Reserve memory for this process's tensors; return False if there is too little.

        If `capped`, the process can allocate no more than that.
        """

    def usage(self) -> Mapping[str, int]:
        """Return the peak of this process's tensors and of its allocator, for the trial's stamp."""


def memory_of(device: torch.device) -> DeviceMemory | None:
    """Return the memory of a GPU; None for a CPU, whose memory the system manages."""
    return CudaMemory(device) if device.type == "cuda" else None


def with_reserves(estimate: MemoryEstimate) -> MemoryEstimate:
    """Return the memory to reserve for an estimate on a device that others use too."""
    return MemoryEstimate(
        _whole_segments(FRAGMENTATION * estimate.small),
        _whole_segments(FRAGMENTATION * estimate.large + WORKSPACE),
    )


def _whole_segments(size: float) -> int:
    return -int(-size // SEGMENT) * SEGMENT


class CudaMemory:
    """Memory of a CUDA device. It has not run on a GPU yet."""

    def __init__(self, device: torch.device) -> None:
        properties = torch.cuda.get_device_properties(device)
        self.name = str(properties.uuid)
        self.total = properties.total_memory
        self._device = device

    def free(self) -> int:
        return torch.cuda.mem_get_info(self._device)[0]

    def reserve(self, size: MemoryEstimate, *, capped: bool) -> bool:
        # One segment more, so that the blocks below stay under the cap however it is rounded.
        share = min(1.0, (size.total + SEGMENT) / self.total) if capped else 1.0
        torch.cuda.set_per_process_memory_fraction(share, self._device)
        try:
            # The allocator keeps freed blocks, those of up to 1 MiB in a pool of their own.
            sizes = [SMALL] * -(-size.small // SMALL) + [size.large] * bool(size.large)
            blocks = [torch.empty(n, dtype=torch.uint8, device=self._device) for n in sizes]
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return False
        del blocks
        torch.cuda.reset_peak_memory_stats(self._device)
        return True

    def usage(self) -> Mapping[str, int]:
        return {
            "peak_gpu_memory_bytes": torch.cuda.max_memory_allocated(self._device),
            "reserved_gpu_memory_bytes": torch.cuda.max_memory_reserved(self._device),
        }

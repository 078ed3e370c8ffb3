"""Device, number format, memory layout and allocator of a training.

Speed and quality of each choice are measured in benchmarks/train_step.
"""

from __future__ import annotations

import ctypes
import platform
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

Precision = Literal["fp32", "bf16"]
MemoryFormat = Literal["channels_last", "contiguous"]
_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


def choose_device(requested: str) -> torch.device:
    """Return the requested device; `auto` is CUDA where there is one, else the CPU."""
    if requested == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(requested)


def choose_precision(requested: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """Return the requested format; `auto` is bf16 where matrix units make it faster, else fp32.

    A processor with AVX512-BF16 alone converts back and forth and ends at 0.9 times the speed.
    """
    if requested != "auto":
        return requested
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if torch.cpu.get_capabilities().get("amx_bf16", False) else "fp32"


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which networks run; losses and optimizers stay in fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def to_device(network: nn.Module, device: torch.device, memory_format: MemoryFormat) -> nn.Module:
    """Move a network to a device, its weights in a memory format that convolutions then use."""
    return network.to(device, memory_format=_FORMATS[memory_format])  # type: ignore[call-overload, no-any-return]


def keep_freed_memory() -> bool:
    """Make this process keep freed memory for later tensors; return True if it can.

    By default glibc returns large blocks to the kernel, and each step pays for their pages again.
    """
    return _set_allocator(max_mapped_blocks=0, trim_threshold=2**31 - 1)


def give_back_freed_memory() -> bool:
    """Undo `keep_freed_memory`, after training, when tensors of other sizes follow."""
    done = _set_allocator(max_mapped_blocks=65536, trim_threshold=128 * 1024)
    return done and bool(ctypes.CDLL(None).malloc_trim(0))


def _set_allocator(*, max_mapped_blocks: int, trim_threshold: int) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_mmap_max = -1, -4  # as malloc.h names them
    return bool(
        mallopt(m_mmap_max, max_mapped_blocks) and mallopt(m_trim_threshold, trim_threshold)
    )

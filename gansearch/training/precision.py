"""What makes a step fast without making it worse: number format, memory layout, allocator.

Measured in benchmarks/train_step.
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


def choose_device(asked: str) -> torch.device:
    """The device that `auto` means here, or the one asked for."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(asked)


def choose_precision(asked: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """The format that `auto` means on a device: bf16 where matrix units make it faster, else fp32.

    A processor with AVX512-BF16 alone converts back and forth and ends at 0.9 times the speed.
    """
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if torch.cpu.get_capabilities().get("amx_bf16", False) else "fp32"


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Where networks run; losses and optimizers stay in fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def arrange(network: nn.Module, device: torch.device, layout: MemoryFormat) -> nn.Module:
    """Move a network to its device; its convolutions run in the layout of their weights."""
    return network.to(device, memory_format=_FORMATS[layout])  # type: ignore[call-overload, no-any-return]


def keep_freed_memory() -> bool:
    """Make this process keep the memory that tensors give back, for the next step's; True where it could.

    By default glibc returns every large block to the kernel, and each step pays for its pages again.
    """
    return _set_allocator(largest_number_of_blocks=0, trim_threshold=2**31 - 1)


def give_back_freed_memory() -> bool:
    """Undo `keep_freed_memory`, when the steps are done and work of another shape comes."""
    done = _set_allocator(largest_number_of_blocks=65536, trim_threshold=128 * 1024)
    return done and bool(ctypes.CDLL(None).malloc_trim(0))


def _set_allocator(*, largest_number_of_blocks: int, trim_threshold: int) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_mmap_max = -1, -4  # as malloc.h names them
    return bool(
        mallopt(m_mmap_max, largest_number_of_blocks) and mallopt(m_trim_threshold, trim_threshold)
    )

"""Limits of a container's processors and memory, as Linux control groups (version 2) set them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cores_allowed(root: Path = ROOT, own: Path = OWN) -> float | None:
    """Return the number of cores whose time this process may use; None without a limit."""
    limits = []
    for group in _groups(root, own):
        with suppress(OSError, ValueError):
            quota, period = (group / "cpu.max").read_text().split()
            limits.append(int(quota) / int(period))  # `max` is no number
    return min(limits, default=None)


def memory_left(root: Path = ROOT, own: Path = OWN) -> int | None:
    """Return the bytes that this process may still take; None without a limit."""
    left = []
    for group in _groups(root, own):
        with suppress(OSError, ValueError):
            limit = int((group / "memory.max").read_text())
            left.append(max(0, limit - int((group / "memory.current").read_text())))
    return min(left, default=None)


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the control group of this process and those around it."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::/"):
                group = root / line.removeprefix("0::/")
                yield from (group, *(parent for parent in group.parents if root in parent.parents))
    yield root

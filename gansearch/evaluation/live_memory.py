"""Memory of tensors while they are alive, on any device and also on torch's meta device."""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Dispatch mode that follows the storages of a device from their first use until they die.

    It sees the arguments and results of operators, each storage once and for as long as anything
    holds it, but not what a kernel allocates internally.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device = device
        self._live: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    @abstractmethod
    def changed(self, size: int, sign: int) -> None:
        """Take note of a storage of so many bytes that is alive now (1) or no more (-1)."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operator and follow all tensors that it takes and returns."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            if isinstance(leaf, Tensor):
                self.follow(leaf)
        return result

    def follow(self, tensor: Tensor) -> None:
        """Follow the storage of a tensor, which its views share."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._live or tensor.device.type != self._device.type:
            return

        def forget(_: object) -> None:
            del self._live[key]
            self.changed(size, -1)

        self._live[key] = weakref.ref(storage, forget)
        self.changed(size, 1)


class PeakBytes(LiveMemory):  # type: ignore[no-untyped-call]
    """Largest number of bytes that are alive at once."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._now = self.peak = 0

    def changed(self, size: int, sign: int) -> None:
        self._now += sign * size
        self.peak = max(self.peak, self._now)

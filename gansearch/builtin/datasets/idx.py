"""The idx format: a typed array with a header of its shape (http://yann.lecun.com/exdb/mnist/)."""

from __future__ import annotations

import gzip
import lzma
import math
import zlib
from importlib.resources.abc import Traversable
from typing import IO, cast

import numpy as np

from gansearch.errors import DataError

UINT8 = 0x08
"""Type code of arrays of bytes, the only ones that are read."""
LARGEST_ARRAY = 256 * 2**20
"""Largest array in bytes; the largest official file of Fashion-MNIST has 47 million."""

_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)


def read_idx(source: Traversable, *, dimensions: int) -> np.ndarray:
    """Read an array of bytes from an idx file, plain or compressed (`.gz`, `.xz`).

    It unpacks at most `LARGEST_ARRAY` bytes. The header must state the exact size.

    Raises:
        DataError: for a file that is missing, damaged, of another type or another rank.
    """
    try:
        with source.open("rb") as stored, _decompressed(stored, source.name) as stream:
            return _read_array(stream, source.name, dimensions)
    except _DAMAGE as error:
        raise DataError(f"{source.name} cannot be read: {error}") from None


def _decompressed(stored: IO[bytes], name: str) -> IO[bytes]:
    if name.endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stored))
    if name.endswith(".xz"):
        return cast(IO[bytes], lzma.LZMAFile(stored))
    return stored


def _read_array(stream: IO[bytes], name: str, dimensions: int) -> np.ndarray:
    """Read the header and then exactly the bytes that it promises."""
    magic = stream.read(4)
    wanted = bytes((0, 0, UINT8, dimensions))
    if magic != wanted:
        raise DataError(
            f"{name} is no idx file of bytes in {dimensions} dimensions: it starts with "
            f"{magic!r}, not {wanted!r}"
        )
    header = stream.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise DataError(f"{name} ends within its header")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    size = math.prod(shape)
    if size > LARGEST_ARRAY:
        raise DataError(
            f"{name} claims {size} bytes of shape {shape}; at most {LARGEST_ARRAY} are read"
        )
    content = stream.read(size)
    if len(content) < size:
        raise DataError(
            f"{name} ends after {len(content)} of the {size} bytes that its header promises"
        )
    if stream.read(1):
        raise DataError(f"{name} goes on after the {size} bytes that its header promises")
    # A copy, because a view of bytes is read-only and PyTorch warns of those.
    return np.frombuffer(content, np.uint8).reshape(shape).copy()


def write_idx(array: np.ndarray) -> bytes:
    """Return the content of an idx file that holds an array of bytes."""
    header = bytes((0, 0, UINT8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8, casting="safe").tobytes()

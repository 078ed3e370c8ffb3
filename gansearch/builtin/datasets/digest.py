"""Digests of samples in memory."""

from __future__ import annotations

import hashlib

import numpy as np


def samples_digest(*arrays: np.ndarray) -> str:
    """Return the sha256, in hexadecimal, of the shape, type and bytes of each array."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def sample_hashes(samples: np.ndarray) -> list[bytes]:
    """Return 16 bytes for each sample (N, ...); equal samples have equal ones."""
    return [
        hashlib.blake2b(np.ascontiguousarray(sample).data, digest_size=16).digest()
        for sample in samples
    ]

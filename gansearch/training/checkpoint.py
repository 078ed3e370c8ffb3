"""Checkpoints of a run in training: written whole or not at all, and refused when damaged."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from gansearch.files import write_atomically

NAME = "checkpoint.pt"
DIGEST_BYTES = 32


def save(state: dict[str, Any], folder: Path) -> None:
    """Write a state with its SHA-256 in front; a crash leaves the previous file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    write_atomically(folder / NAME, hashlib.sha256(content).digest() + content)


def load(folder: Path) -> dict[str, Any] | None:
    """Return the state saved last; None if there is none or it is damaged.

    torch itself does not notice a flipped bit, so the digest decides.
    """
    try:
        raw = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    digest, content = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
    return state

"""Checkpoints of a run in training: written whole or not at all, and refused when damaged."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from gansearch.files import with_digest, without_digest, write_atomically

NAME = "checkpoint.pt"


def save(state: dict[str, Any], folder: Path) -> None:
    """Write a state with its SHA-256 in front; a crash leaves the previous file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(folder / NAME, with_digest(buffer.getvalue()))


def load(folder: Path) -> dict[str, Any] | None:
    """Return the state saved last; None if there is none or it is damaged."""
    try:
        content = without_digest((folder / NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
    return state

"""Weights of a trained generator as safetensors, with their SHA-256 in a file beside them.

safetensors itself does not notice a flipped bit. The second file has the format of `sha256sum`, so
that `sha256sum -c generator.safetensors.sha256` checks the weights without gansearch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name and their checksum; a crash in between is detected as damage."""
    # Contiguous copies, since safetensors has neither memory formats nor shared storage.
    content = safetensors.torch.save(
        {name: value.detach().cpu().clone().contiguous() for name, value in weights.items()}
    )
    write_atomically(path, content)
    checksum = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    write_atomically(_checksum_file(path), checksum.encode())


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors by name, on the CPU.

    Raises:
        RunFolderError: if they are damaged.
    """
    try:
        content, checksum = path.read_bytes(), _checksum_file(path).read_text(encoding="utf-8")
        if checksum.split()[:1] == [hashlib.sha256(content).hexdigest()]:
            return safetensors.torch.load(content)
    except (OSError, UnicodeDecodeError, SafetensorError) as error:
        raise RunFolderError(f"cannot read {path}: {error}") from None
    raise RunFolderError(f"{path} is damaged: it does not match {_checksum_file(path).name}")


def _checksum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")

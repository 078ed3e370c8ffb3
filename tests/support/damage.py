"""Damage of files, as a disk does it."""

from pathlib import Path


def flip_bit(path: Path, place: int) -> None:
    """Flip the lowest bit of a byte, so that a digit stays a digit."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

"""Damage that a command has met, told once it has shown what is sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Damaged(Protocol):
    """Run folder that notes its damage while it is read."""

    @property
    def damage(self) -> Iterable[str]: ...


opened: list[Damaged] = []
"""Run folders that the command has opened."""


def damage_message() -> str:
    """Return the damage of all run folders that were opened; empty if there is none."""
    found = list(dict.fromkeys(line for folder in opened for line in folder.damage))
    return "\n".join([*found, "what is damaged was left out"]) if found else ""

"""Identity of a study's data: their content, whatever their location."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from gansearch.components import Data
from gansearch.errors import PluginError
from gansearch.registry import Registry
from gansearch.study.spec import StudySpec


class DataIdentity(BaseModel):
    """Data that a run's trials were trained and tested on."""

    model_config = ConfigDict(frozen=True)

    digest: str
    """sha256 of all samples, in hexadecimal."""
    train: int
    test: int
    source: str

    @classmethod
    def of(cls, data: Data) -> Self:
        """Return the identity of loaded data."""
        return cls(
            digest=data.digest,
            train=len(data.train.samples),
            test=len(data.test.samples),
            source=data.source,
        )

    def __str__(self) -> str:
        return f"{self.source}, sha256 {self.digest[:12]}"


def identity_differences(
    old: StudySpec, new: StudySpec, location: Collection[str] = ()
) -> list[str]:
    """Return the differences between two studies that make their results incomparable.

    Fields of the dataset that are its `location` may differ: a run compares the data themselves.
    """
    places = {f"dataset.{field}" for field in location}
    return [line for line in old.differences(new) if line.partition(":")[0] not in places]


def resolve_location(tree: object, registry: Registry, beside: Path) -> None:
    """Make relative paths of a study's dataset absolute, in place.

    They count from the working folder or, where there is nothing of that name, from the folder of
    the study file, so that a run can go on from elsewhere. Others are left to the dataset to
    refuse.
    """
    node = tree.get("dataset") if isinstance(tree, dict) else None
    if not isinstance(node, dict) or not isinstance(node.get("use"), str):
        return
    try:
        location = getattr(registry.load("dataset", node["use"]), "location", ())
    except PluginError:  # reported with the study's other problems
        return
    for field in location:
        given = node.get(field)
        if not isinstance(given, str) or "\0" in given:
            continue
        path = Path(given).expanduser()
        for base in (Path.cwd(), beside):
            if os.path.exists(base / path):
                node[field] = os.path.abspath(base / path)
                break

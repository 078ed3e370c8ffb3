"""Identity of a study's data: their content, whatever their location."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from gansearch.component_file import is_file_reference, located_reference
from gansearch.components import Data
from gansearch.environment_variables import runs_folder
from gansearch.errors import PluginError, Problem
from gansearch.near_names import did_you_mean
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

    Args:
        old: the study of a run.
        new: the study that it shall go on as.
        location: keys that only name a place, such as `dataset.root`, and may differ: a run
            compares the data themselves.
    """
    return [line for line in old.differences(new) if line.partition(":")[0] not in location]


def resolve_references(tree: object, folders: Sequence[Path]) -> object:
    """Return a study whose components of files, `./mine.py:Tiny`, have paths and hashes.

    Relative paths count from the folders of the study files, or else from the working folder.
    """
    if isinstance(tree, dict):
        return {key: resolve_references(part, folders) for key, part in tree.items()}
    if isinstance(tree, list):
        return [resolve_references(part, folders) for part in tree]
    if isinstance(tree, str) and is_file_reference(tree):
        return located_reference(tree, [*folders, Path.cwd()])
    return tree


def resolve_location(tree: object, registry: Registry, folders: Sequence[Path]) -> list[Problem]:
    """Make relative paths of a study's dataset, extractor and teacher absolute, in place.

    They count from the working folder or, where there is nothing of that name, from the folders of
    the study files, so that a run can go on from elsewhere.

    Returns:
        Places that do not exist, to be told beside a study's other problems.
    """
    problems: list[Problem] = []
    teacher = tree.get("teacher") if isinstance(tree, dict) else None
    if isinstance(teacher, dict):
        # A teacher that is not there any more need not be: its run folder may have a copy.
        _resolve_paths(teacher, ("run", "bundle"), [Path.cwd(), *folders])
    for role in ("dataset", "extractor"):
        node = tree.get(role) if isinstance(tree, dict) else None
        if not isinstance(node, dict) or not isinstance(node.get("use"), str):
            continue
        with suppress(PluginError):  # reported with the study's other problems
            component = registry.load(role, node["use"])
            location: Collection[str] = getattr(component, "location", ())
            for field in _resolve_paths(node, location, [Path.cwd(), *folders]):
                message = f"there is no {node[field]!r}, here or beside the study file"
                problems.append(Problem((role, field), message))
    return problems


def resolve_prior(tree: object, folders: Sequence[Path]) -> list[Problem]:
    """Make the paths of the runs of `search.prior` absolute, in place.

    A run may be named by its study, in the folder of the runs. A run that has begun keeps what it
    has learned from earlier runs, so those of the study in a run folder need not be there any more.

    Returns:
        Places that are no run folders.
    """
    search = tree.get("search") if isinstance(tree, dict) else None
    runs = search.get("prior") if isinstance(search, dict) else None
    if not isinstance(runs, list):
        return []  # what is wrong with it is reported with the study's other problems
    places = [Path.cwd(), runs_folder(), *folders]
    problems = []
    for i, given in enumerate(runs):
        if not isinstance(given, str) or "\0" in given:
            continue
        run = Path(given).expanduser()
        found = next((base / run for base in places if (base / run).is_dir()), None)
        if found is not None:
            runs[i] = os.path.abspath(found)
        if any((folder / "prior.json").is_file() for folder in folders):
            continue
        place = ("search", "prior", i)
        if runs[i] in runs[:i]:
            problems.append(Problem(place, f"names {given!r} twice"))
        elif found is None:
            siblings = [one for base in places for one in _folders_in((base / run).parent)]
            message = (
                f"there is no run {given!r}, here, in {runs_folder()} or beside the study file"
            )
            problems.append(Problem(place, message + did_you_mean(run.name, siblings)))
        elif not ((found / "gansearch.json").is_file() and (found / "study.yaml").is_file()):
            message = f"{found} is not a run folder: it has no gansearch.json or no study.yaml"
            problems.append(Problem(place, message))
    return problems


def _folders_in(place: Path) -> list[str]:
    try:
        return [entry.name for entry in place.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _resolve_paths(
    node: dict[str, Any], fields: Collection[str], folders: Sequence[Path]
) -> list[str]:
    """Make the paths among these fields absolute; return the fields that lead nowhere."""
    missing = []
    for field in fields:
        given = node.get(field)
        if not isinstance(given, str) or "\0" in given:
            continue
        path = Path(given).expanduser()
        found = next((base / path for base in folders if os.path.exists(base / path)), None)
        if found is None:
            missing.append(field)
        else:
            node[field] = os.path.abspath(found)
    return missing

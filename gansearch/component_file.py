"""Components of a file beside a study: `use: ./mine.py:TinyGenerator`.

A study keeps the absolute path with a hash of the file's content,
`/home/me/mine.py:TinyGenerator#3f2a90c1d4e5b6a7`, so that a run is never continued with other code.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from gansearch.components import ROLES, Component
from gansearch.errors import PluginError
from gansearch.near_names import did_you_mean

REFERENCE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)(#(?P<digest>[0-9a-f]{16}))?", re.S)


def is_file_reference(use: object) -> bool:
    """Return True for a text such as `./mine.py:TinyGenerator`."""
    return isinstance(use, str) and REFERENCE.fullmatch(use) is not None


def file_references(tree: object) -> Iterator[str]:
    """Yield the references in a tree of mappings, lists and scalars, such as a study file's.

    >>> list(file_references({"generator": [{"use": "dcgan"}, {"use": "./mine.py:Tiny"}]}))
    ['./mine.py:Tiny']
    """
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, str):
        if is_file_reference(tree):
            yield tree
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from file_references(part)


def located_reference(use: str, folders: Sequence[Path]) -> str:
    """Return a reference with the absolute path of its file and the hash of its content.

    One that has a hash keeps it. One whose file is nowhere is returned as it is.

    Args:
        use: the reference as written.
        folders: folders from which a relative path may count, the first that has the file.
    """
    path, name, digest = _parts(use)
    for folder in folders:
        found = Path(os.path.abspath(folder / Path(path).expanduser()))
        if found.is_file():
            return f"{found}:{name}#{digest or _digest(found.read_bytes())}"
    return use


def content_reference(use: str) -> str:
    """Return what a reference stands for wherever its file lies: class and hash; a name as it is.

    >>> content_reference("/home/me/mine.py:Tiny#3f2a90c1d4e5b6a7"), content_reference("dcgan")
    ('Tiny#3f2a90c1d4e5b6a7', 'dcgan')
    """
    if not is_file_reference(use):
        return use
    _, name, digest = _parts(use)
    return f"{name}#{digest}"


def load_from_file(use: str) -> Any:
    """Import the file of a reference and return what it has under the name.

    Raises:
        PluginError: when the file is missing, has changed, cannot be imported, or lacks the name.
    """
    path, name, digest = _parts(use)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from None
    found = _digest(content)
    if digest and digest != found:
        raise PluginError(
            f"{path} has changed since the run began (hash {digest}, now {found}): restore it, "
            "or give the study another name"
        )
    module = _module(Path(path), content, found)
    if not hasattr(module, name):
        classes = [*_components_in(module)]
        listed = f" (it has: {', '.join(classes)})" if classes else ""
        raise PluginError(f"{path} has no {name!r}{did_you_mean(name, classes)}{listed}")
    return getattr(module, name)


def components_of_file(path: Path) -> dict[str, type[Component]]:
    """Return the components that a file defines, by their reference.

    Raises:
        PluginError: when the file cannot be read or imported.
    """
    path = path.absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from None
    digest = _digest(content)
    found = _components_in(_module(path, content, digest))
    return {f"{path}:{name}#{digest}": one for name, one in found.items()}


def _module(path: Path, content: bytes, digest: str) -> ModuleType:
    """Import a file once for each content, as a module that no other process knows."""
    place = _digest(str(path).encode())
    name = f"gansearch_file_{place}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # pydantic looks there for the types of annotations
    try:
        # Not by a loader of importlib, which may take an older version from __pycache__
        exec(compile(content, str(path), "exec"), vars(module))
    except Exception as error:  # a file may fail in any way; it is named, and the rest goes on
        del sys.modules[name]
        raise PluginError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    for class_name, one in _components_in(module).items():
        one.__reduce__ = _reduce_as(f"{path}:{class_name}#{digest}")  # type: ignore[method-assign]
    return module


def _reduce_as(use: str) -> Any:
    """Return a `__reduce__` by which another process imports the file before it unpickles."""

    def reduce(self: Component) -> tuple[Any, ...]:
        return _component_of, (use, self.model_dump())

    return reduce


def _component_of(use: str, fields: dict[str, Any]) -> Component:
    component: Component = load_from_file(use).model_validate(fields)
    return component


def _components_in(module: ModuleType) -> dict[str, type[Component]]:
    """Return the components that a module itself defines, by name."""
    found: dict[str, type[Component]] = {}
    for name, one in vars(module).items():
        if not (isinstance(one, type) and issubclass(one, Component)):
            continue
        if one.__module__ == module.__name__ and getattr(one, "role", None) in ROLES:
            found[name] = one
    return found


def _parts(use: str) -> tuple[str, str, str]:
    match = REFERENCE.fullmatch(use)
    assert match is not None, f"{use!r} is a reference to a file"
    return match["path"], match["name"], match["digest"] or ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]

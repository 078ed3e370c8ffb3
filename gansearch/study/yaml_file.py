"""A study file: YAML in, `StudySpec` out, every mistake with its line and column."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from gansearch.candidate import CANDIDATE_ROLES
from gansearch.domains import is_domain_node
from gansearch.errors import Place, Problem, StudyError
from gansearch.near_names import near_names
from gansearch.study.findings import problems_of
from gansearch.study.mending import mend_name
from gansearch.study.spec import StudySpec, data_parallel_problems
from gansearch.study.yaml_tree import MOST_LEVELS, Positions, build_tree, shortened

LARGEST_FILE = 1_000_000
"""Bytes above which a file is not read, since no study is as large."""
EXTENDS = "extends"
"""Key of a file that takes everything that it does not say from another study file."""
COMPONENTS = (*CANDIDATE_ROLES, "extractor")
"""Keys under which a text is the name of a component."""


class StudyDocument:
    """A study file as written: its tree, and the position of each part.

    >>> StudyDocument.parse("training: {steps: 20}", overrides=["training.steps=30"]).tree
    {'training': {'steps': 30}}
    """

    def __init__(
        self, tree: object, positions: Positions, source: str, problems: Sequence[Problem] = ()
    ) -> None:
        self.tree = tree
        self.source = source
        self.problems = tuple(problems)
        """Mistakes besides which the rest of the file can be checked, such as a duplicate key."""
        self._positions = positions

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Parse a file and those that it extends.

        Args:
            path: the file.
            overrides: `key.path=value` as on the command line.

        Raises:
            StudyError: when a file is missing, too large or invalid YAML, or has aliases.
        """
        document = cls._read(path, ())
        return document._overridden(overrides)

    @classmethod
    def parse(cls, text: str, source: str = "study", overrides: Sequence[str] = ()) -> Self:
        """Parse the text of a study file that extends none; see `read`."""
        tree, positions, problems = build_tree(text, source)
        return cls(tree, positions, source, problems)._overridden(overrides)

    @classmethod
    def _read(cls, path: Path, extending: tuple[Path, ...]) -> Self:
        """Read a file, and under it the one that it extends; `extending` are those above it."""
        try:
            # A pipe of the shell, as in `run <(generate)`, ends; other special files may not.
            kind = path.stat().st_mode
            piped = stat.S_ISFIFO(kind) and path.parts[:2] == ("/", "dev")
            if not (stat.S_ISREG(kind) or piped):
                raise StudyError([Problem((), "cannot be read: it is no file")], str(path))
            with path.open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
            if len(content) > LARGEST_FILE:
                raise StudyError([Problem((), f"larger than {LARGEST_FILE} bytes")], str(path))
            text = content.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError([Problem((), f"cannot be read: {error}")], str(path)) from None
        document = cls.parse(text, str(path))
        tree = document.tree
        if not isinstance(tree, dict) or EXTENDS not in tree:
            return document
        named, above = tree.pop(EXTENDS), (*extending, path.resolve())
        if not isinstance(named, str):
            message = f"should be the path of a study file, got {named!r}"
            raise document.error([Problem((EXTENDS,), message)])
        other = path.parent / Path(named).expanduser()
        if other.resolve() in above:
            raise document.error([Problem((EXTENDS,), f"{named} extends this file in turn")])
        if not other.is_file():
            near = near_names(other.name, (one.name for one in other.parent.glob("*.y*ml")))
            fix = f"{EXTENDS}: {Path(named).with_name(near[0])}" if near else ""
            problem = Problem((EXTENDS,), f"there is no file {other}", fix=fix)
            raise document.error([problem])
        return document._extending(cls._read(other, above), path)

    def _extending(self, base: Self, path: Path) -> Self:
        """Return this document with everything of another that it does not say itself."""
        problems = [*base.problems, *self.problems]
        if isinstance(self.tree, dict) and "name" not in self.tree:
            message = "is missing: a study that extends another has a name of its own"
            problems.append(self._located(Problem(("name",), message, fix=mend_name(path.stem))))
        replaced: list[Place] = []
        tree = _merged(base.tree, self.tree, (), replaced)
        kept = {
            place: position
            for place, position in base._positions.items()
            if not any(place[: len(part)] == part for part in replaced)
        }
        return type(self)(tree, kept | dict(self._positions), self.source, problems)

    def _overridden(self, overrides: Sequence[str]) -> Self:
        """Set values of the tree in place, each given as `key.path=value`."""
        problems: list[Problem] = []
        for override in overrides:
            try:
                _override(self.tree, override)
            except StudyError as error:
                problems += error.problems
        if problems:
            raise StudyError(problems, "--set")
        return self

    @property
    def folders(self) -> list[Path]:
        """Folders of the file and of those that it extends."""
        sources = dict.fromkeys([self.source, *(p.source for p in self._positions.values())])
        return [Path(source).absolute().parent for source in sources]

    def spec(self) -> StudySpec:
        """Validate the tree without its components, which the search space validates.

        Raises:
            StudyError: with every mistake found.
        """
        problems = [*self.problems]
        try:
            spec = StudySpec.model_validate(self.tree)
        except ValidationError as error:
            problems += problems_of(error, model=StudySpec, tree=self.tree)
        else:
            problems += data_parallel_problems(spec.executor, spec.training)
        if problems:
            raise self.error(problems)
        return spec

    def error(self, problems: Sequence[Problem]) -> StudyError:
        """Return the problems as an error, each with its position in its file."""
        located = {(p.where, p.message): self._located(p) for p in problems}
        return StudyError(
            sorted(
                located.values(),
                key=lambda p: (p.source != self.source, p.source, p.line or 0, p.column or 0),
            ),
            self.source,
        )

    def _located(self, problem: Problem) -> Problem:
        if problem.line is not None:
            return problem
        # A single architecture stands in the file without the list that validation puts around it.
        without_list = tuple(part for part in problem.where if part != 0)
        if problem.where not in self._positions and problem.where[:2] not in self._positions:
            problem = replace(problem, where=without_list)
        problem = self._without_key(problem)
        place = problem.where
        while place and place not in self._positions:
            place = without_list if place == problem.where != without_list else place[:-1]
        line, column, source = self._positions.get(place, (1, 1, self.source))
        return replace(problem, line=line, column=column, source=source)

    def _without_key(self, problem: Problem) -> Problem:
        """Return a problem of `loss.use` or `objectives.1.metric` where a name stands alone."""
        *above, key = problem.where or ("",)
        node = self.tree
        for part in above:
            if isinstance(node, dict):
                node = node.get(part)
            else:
                is_item = isinstance(node, list) and isinstance(part, int) and part < len(node)
                node = node[part] if is_item else None  # type: ignore[index]
        if key not in ("use", "metric") or not isinstance(node, str):
            return problem
        fix = problem.fix.removeprefix(f"{key}: ")
        if fix and isinstance(above[-1], str):
            fix = f"{above[-1]}: {fix}"
        return replace(problem, where=tuple(above), fix=fix)


def _merged(base: Any, own: Any, place: Place, replaced: list[Place]) -> Any:
    """Return `own` with the keys of `base` that it does not have; note what it replaces."""
    if place and place[-1] in COMPONENTS and isinstance(base, str) and isinstance(own, dict):
        base = {"use": base}
    merges = isinstance(base, dict) and isinstance(own, dict)
    # A domain stands alone, and so does another component than that of the extended study.
    if not merges or is_domain_node(own) or own.get("use", base.get("use")) != base.get("use"):
        replaced.append(place)
        return own
    if place == ("training",) and {"steps", "epochs"} & own.keys():
        base = {key: value for key, value in base.items() if key not in ("steps", "epochs")}
    inner = {
        key: _merged(base[key], value, (*place, key), replaced) if key in base else value
        for key, value in own.items()
    }
    return base | inner


def _override(tree: object, override: str) -> None:
    """Set one value of a tree in place, from `key.path=value`."""
    path, separator, text = override.partition("=")
    if not separator or not path:
        message = f"an override is written key=value, got {shortened(override)}"
        raise StudyError([Problem((), message)], "--set")
    *parents, last = path.split(".")
    if len(parents) >= MOST_LEVELS:
        message = f"a study has at most {MOST_LEVELS} levels of nesting"
        raise StudyError([Problem((), message)], "--set")
    node = tree
    for i, key in enumerate(parents):
        if isinstance(node, dict):
            if i == 0 and key in COMPONENTS and isinstance(node.get(key), str):
                node[key] = {"use": node[key]}
            node = node.setdefault(key, {})
        elif isinstance(node, list) and (index := _index(key, node)) is not None:
            node = node[index]
        else:
            raise StudyError([Problem((), f"{'.'.join(parents[:i])} has no {key!r}")], "--set")
    document = StudyDocument.parse(text or "null", "--set")
    if document.problems:
        raise document.error(document.problems)
    value = document.tree
    if isinstance(node, dict):
        node[last] = value
    elif isinstance(node, list) and (index := _index(last, node)) is not None:
        node[index] = value
    else:
        raise StudyError([Problem((), f"{'.'.join(parents)} has no {last!r}")], "--set")


def _index(key: str, items: Sequence[object]) -> int | None:
    """Return the index that a key of an override names; None where there is none."""
    names = {str(i): i for i in range(len(items))}
    return names.get(key)

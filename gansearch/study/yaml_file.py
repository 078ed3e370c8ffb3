"""A study file: YAML in, `StudySpec` out, every mistake with its line and column."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ValidationError

from gansearch.errors import Place, Problem, StudyError
from gansearch.registry import unknown
from gansearch.study.spec import StudySpec, data_parallel_problems
from gansearch.study.urls import masked

LARGEST_FILE = 1_000_000
"""Bytes above which a file is not read, since no study is as large."""
MOST_PARTS, MOST_LEVELS = 50_000, 50
"""Values of a file, and levels of nesting, above which it is not parsed: that takes 3 s."""
LARGEST_NUMBER = 2**63
"""Whole numbers beyond 64 bits fit into no database, nor into a tensor."""

Positions = Mapping[Place, tuple[int, int]]
"""Line and column, from 1, at which each part of a file begins."""


class StudyDocument:
    """A study file as written: its tree, and the position of each part.

    >>> StudyDocument.parse("training: {steps: 20}", overrides=["training.steps=30"]).tree
    {'training': {'steps': 30}}
    """

    def __init__(self, tree: object, positions: Positions, source: str) -> None:
        self.tree = tree
        self.source = source
        self._positions = positions

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Parse a file; `overrides` are `key.path=value` as on the command line.

        Raises:
            StudyError: when it is missing, too large or invalid YAML, or has duplicate keys or
                aliases.
        """
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
        return cls.parse(text, str(path), overrides)

    @classmethod
    def parse(cls, text: str, source: str = "study", overrides: Sequence[str] = ()) -> Self:
        """Parse the text of a study file; see `read`."""
        problems: list[Problem] = []
        positions: dict[Place, tuple[int, int]] = {}
        try:
            _check_structure(text)
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            tree = _construct(root, (), positions, problems) if root is not None else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = Problem((), f"invalid YAML: {error.problem}", line, column)
            raise StudyError([problem], source) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise StudyError([Problem((), f"invalid YAML: {error}", 1, 1)], source) from None
        if problems:
            raise StudyError(problems, source)
        for override in overrides:
            _override(tree, override)
        return cls(tree, positions, source)

    def spec(self) -> StudySpec:
        """Validate the tree without its components, which the search space validates.

        Raises:
            StudyError: with every mistake found.
        """
        try:
            spec = StudySpec.model_validate(self.tree)
        except ValidationError as error:
            raise self.error(problems_of(error, model=StudySpec)) from None
        if problems := data_parallel_problems(spec):
            raise self.error(problems)
        return spec

    def error(self, problems: Sequence[Problem]) -> StudyError:
        """Return the problems as an error, each with its position in the file."""
        located = {(p.where, p.message): self._located(p) for p in problems}
        return StudyError(
            sorted(located.values(), key=lambda p: (p.line or 0, p.column or 0)), self.source
        )

    def _located(self, problem: Problem) -> Problem:
        # A single architecture stands in the file without the list that validation puts around it.
        without_list = tuple(part for part in problem.where if part != 0)
        for where in (problem.where, without_list):
            if where in self._positions:
                return Problem(where, problem.message, *self._positions[where])
        parent = without_list
        while parent and parent not in self._positions:
            parent = parent[:-1]
        return Problem(problem.where, problem.message, *self._positions.get(parent, (1, 1)))


def problems_of(
    error: ValidationError, prefix: Place = (), model: type[BaseModel] | None = None
) -> list[Problem]:
    """Convert the findings of pydantic to problems with rule and value.

    Args:
        error: raised by a model or a field.
        prefix: place in the study of what was validated.
        model: the model that raised it, whose keys are listed where one is unknown.
    """
    return [Problem(prefix + tuple(found["loc"]), _rule(found, model)) for found in error.errors()]


def _rule(found: Any, model: type[BaseModel] | None) -> str:
    if found["type"] == "extra_forbidden":
        *section, key = found["loc"]
        return unknown("key", str(key), _keys(section, model))
    if found["type"] == "missing":
        return "is missing"
    message = str(found["msg"]).removeprefix("Value error, ")
    if isinstance(found["input"], (str, int, float, bool, type(None))):
        message += f", got {masked(repr(found['input']))}"
    return message[0].lower() + message[1:]


def _keys(section: Sequence[str | int], model: type[BaseModel] | None) -> Sequence[str]:
    """Return the keys of a section of a model, or none where they are not known."""
    for key in section:
        field = model.model_fields.get(str(key)) if model else None
        kind = field.annotation if field else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return tuple(model.model_fields) if model else ()


def _check_structure(text: str) -> None:
    """Refuse what is no study or takes long to build, before anything is built.

    Raises:
        MarkedYAMLError: for aliases, and for too many or too deeply nested values.
    """
    parts = level = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        problem = None
        parts += isinstance(event, yaml.NodeEvent)
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases are not allowed in a study"
        elif parts > MOST_PARTS:
            problem = f"a study has at most {MOST_PARTS:,} values"
        elif level > MOST_LEVELS:
            problem = f"a study has at most {MOST_LEVELS} levels of nesting"
        if problem is not None:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _construct(
    node: yaml.Node, place: Place, positions: dict[Place, tuple[int, int]], problems: list[Problem]
) -> Any:
    """Build plain data from a node and record the position of each part."""
    positions.setdefault(place, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(item, (*place, i), positions, problems) for i, item in enumerate(node.value)
        ]
    if not isinstance(node, yaml.MappingNode):
        return _construct_scalar(node, place, problems)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(place, "a key must be a string", line, column))
            continue
        key = _construct_scalar(key_node, place, problems)
        if not isinstance(key, str):
            problems.append(Problem(place, f"a key must be a string, got {key!r}", line, column))
            continue
        if key in mapping:
            problems.append(Problem((*place, key), "duplicate key", line, column))
            continue
        positions[(*place, key)] = (line, column)
        mapping[key] = _construct(value_node, (*place, key), positions, problems)
    return mapping


def _construct_scalar(node: yaml.Node, place: Place, problems: list[Problem]) -> Any:
    """Build a value; one that YAML's own rules cannot build is a problem at its place."""
    try:
        value = yaml.SafeLoader("").construct_object(node, deep=True)
    except yaml.YAMLError:
        raise
    except Exception as error:  # PyYAML lets through what int(), float() and datetime() raise
        kind = node.tag.rpartition(":")[2]
        message = f"cannot be read as {kind}: {str(error) or type(error).__name__}"
        problems.append(_problem_at(node, place, f"{message}, got {_shortened(node.value)}"))
        return None
    if isinstance(value, int) and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
        message = f"should be a number of at most 64 bits, got {_shortened(node.value)}"
        problems.append(_problem_at(node, place, message))
        return None
    # Dates have no place in a study, and would not survive its JSON.
    return value if isinstance(value, (str, int, float, bool, type(None))) else node.value


def _problem_at(node: yaml.Node, place: Place, message: str) -> Problem:
    return Problem(place, message, node.start_mark.line + 1, node.start_mark.column + 1)


def _shortened(text: str) -> str:
    return masked(repr(text if len(text) <= 60 else f"{text[:57]}..."))


def _override(tree: object, override: str) -> None:
    """Set one value of a tree in place, from `key.path=value`."""
    path, separator, text = override.partition("=")
    if not separator or not path:
        message = f"an override is written key=value, got {_shortened(override)}"
        raise StudyError([Problem((), message)], "--set")
    *parents, last = path.split(".")
    if len(parents) >= MOST_LEVELS:
        message = f"a study has at most {MOST_LEVELS} levels of nesting"
        raise StudyError([Problem((), message)], "--set")
    node = tree
    for i, key in enumerate(parents):
        if isinstance(node, dict):
            node = node.setdefault(key, {})
        elif isinstance(node, list) and (index := _index(key, node)) is not None:
            node = node[index]
        else:
            raise StudyError([Problem((), f"{'.'.join(parents[:i])} has no {key!r}")], "--set")
    value = StudyDocument.parse(text or "null", "--set").tree
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

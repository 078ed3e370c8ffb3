"""A YAML text as plain data, with the line and column of each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from gansearch.errors import Place, Problem, StudyError
from gansearch.study.urls import masked

MOST_PARTS, MOST_LEVELS = 50_000, 50
"""Values of a file, and levels of nesting, above which it is not parsed: that takes 3 s."""
LARGEST_NUMBER = 2**63
"""Whole numbers beyond 64 bits fit into no database, nor into a tensor."""


class Position(NamedTuple):
    """Place at which a part of a study begins."""

    line: int
    """Line, from 1."""
    column: int
    """Column, from 1."""
    source: str
    """Path of the file."""


Positions = Mapping[Place, Position]


def build_tree(text: str, source: str) -> tuple[Any, Positions, list[Problem]]:
    """Return the content of a study file, where each part begins, and mistakes.

    The rest of the file can be checked besides these mistakes, such as a duplicate key.

    Args:
        text: content of the file.
        source: path of the file.

    Raises:
        StudyError: when it is invalid YAML, or has aliases, or too many or too deep values.
    """
    positions: dict[Place, Position] = {}
    problems: list[Problem] = []
    try:
        _check_structure(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = {} if root is None else _Builder(source, positions, problems).construct(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = Problem((), f"invalid YAML: {error.problem}", line, column)
        raise StudyError([problem], source) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise StudyError([Problem((), f"invalid YAML: {error}", 1, 1)], source) from None
    return tree, positions, problems


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


class _Builder(NamedTuple):
    """Builder of plain data from the nodes of a file, which notes where each part begins."""

    source: str
    positions: dict[Place, Position]
    problems: list[Problem]

    def construct(self, node: yaml.Node, place: Place) -> Any:
        """Return a node as plain data."""
        self.positions.setdefault(place, self._position(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.construct(item, (*place, i)) for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._scalar(node, place)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            position = self._position(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, place, "a key must be a string")
                continue
            key = self._scalar(key_node, place)
            if not isinstance(key, str):
                self._refuse(key_node, place, f"a key must be a string, got {key!r}")
                continue
            if key in mapping:
                self._refuse(key_node, (*place, key), "duplicate key")
                continue
            self.positions[(*place, key)] = position
            mapping[key] = self.construct(value_node, (*place, key))
        return mapping

    def _position(self, node: yaml.Node) -> Position:
        return Position(node.start_mark.line + 1, node.start_mark.column + 1, self.source)

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        """Build a value; one that YAML's own rules cannot build is a problem at its place."""
        try:
            value = yaml.SafeLoader("").construct_object(node, deep=True)
        except yaml.YAMLError:
            raise
        except Exception as error:  # PyYAML lets through what int(), float() and datetime() raise
            kind = node.tag.rpartition(":")[2]
            message = f"cannot be read as {kind}: {str(error) or type(error).__name__}"
            self._refuse(node, place, f"{message}, got {shortened(node.value)}")
            return None
        if isinstance(value, int) and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
            message = f"should be a number of at most 64 bits, got {shortened(node.value)}"
            self._refuse(node, place, message)
            return None
        # Dates have no place in a study, and would not survive its JSON.
        return value if isinstance(value, (str, int, float, bool, type(None))) else node.value

    def _refuse(self, node: yaml.Node, place: Place, message: str) -> None:
        position = self._position(node)
        self.problems.append(Problem(place, message, *position[:2], source=self.source))


def shortened(text: str) -> str:
    """Return a text in quotes, without its end if it is long, and without a password."""
    return masked(repr(text if len(text) <= 60 else f"{text[:57]}..."))

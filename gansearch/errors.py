"""Errors that a user can mend; each is shown as its message alone, without a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class GansearchError(Exception):
    """Base of every error whose message is meant for the user."""


class DomainError(GansearchError):
    """A search domain that is malformed, or that holds values its field refuses."""


class ComponentError(GansearchError):
    """A component class that lacks what its role requires."""


class PluginError(GansearchError):
    """A component that cannot be loaded: unknown, broken, or offered by two distributions."""


class DataError(GansearchError):
    """Data that is missing or unreadable."""


class RunFolderError(GansearchError):
    """A run folder that is missing, locked, damaged, or of another study."""


class FileTransferError(GansearchError):
    """A storage for file transfer that cannot be used."""


class MachineError(GansearchError):
    """A lack of disk space or descriptors, or a disk that cannot be written."""


class LogError(GansearchError):
    """A loss log that cannot be read."""


Place = tuple[str | int, ...]
"""Path of a part of a study: the keys and indices that lead to it."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a study file, with its path and, if known, its position and its correction.

    >>> str(Problem(("training", "steps"), "should be at least 1, got 0"))
    'training.steps: should be at least 1, got 0'
    """

    where: Place
    message: str
    line: int | None = None
    column: int | None = None
    fix: str = ""
    """YAML that mends it, written in place of the key that it begins with."""
    source: str = ""
    """File that it stands in, where that is not the one that was read."""

    def __str__(self) -> str:
        path = ".".join(map(str, self.where))
        message = f"{self.message}; write: {self.fix}" if self.fix else self.message
        return f"{path}: {message}" if path else message


class StudyError(GansearchError):
    """All the mistakes of a study file at once, each as `file:line:column: path: message`."""

    def __init__(self, problems: Sequence[Problem], source: str = "study") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(self._located(problem) for problem in self.problems))

    def _located(self, problem: Problem) -> str:
        place = problem.source or self.source
        if problem.line is not None:
            place += f":{problem.line}:{problem.column}"
        return f"{place}: {problem}"

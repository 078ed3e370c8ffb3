"""Printing: tables for people, JSON for programs, and the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.logging import RichHandler
from rich.segment import Segment

from gansearch.errors import GansearchError
from gansearch.report.formatting import escape_controls, finite

WIDE = 200
"""Columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the study, such as training.steps=100; may be repeated.",
    ),
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Print each decision with its reason.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors and the result.")]


class SafeConsole(Console):
    """Console that shows control characters in what it prints instead of sending them.

    Names of columns, studies and files may come from anybody, and a terminal obeys what they hold.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable, their text without control characters."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                yield Segment(escape_controls(segment.text), segment.style)
            else:
                yield segment


def echo(text: str, *, err: bool = False) -> None:
    """Print a line without control characters."""
    typer.echo(escape_controls(text), err=err)


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal or COLUMNS, else wide enough for whole tables.

    Args:
        stderr: print there, where a program reads JSON from stdout.
    """
    out = SafeConsole(highlight=False, stderr=stderr)
    if not out.is_terminal and "COLUMNS" not in out._environ:
        out.width = WIDE
    return out


def line_console() -> Console:
    """Return a console for lines of text, in a notebook too, where rich would print HTML."""
    return SafeConsole(highlight=False, force_jupyter=False)


def quiet_console() -> Console:
    """Return a console that prints nothing."""
    return Console(quiet=True, force_terminal=False)


def print_log(out: Console, *, verbose: bool, quiet: bool) -> None:
    """Print the log of the `gansearch` loggers: warnings, from INFO up if verbose, or errors alone.

    Raises:
        typer.BadParameter: when verbose and quiet are both given.
    """
    if verbose and quiet:
        raise typer.BadParameter("-v and -q exclude each other", param_hint="-v, -q")
    handler = RichHandler(console=out, show_path=False, log_time_format="%H:%M:%S")
    logger = logging.getLogger("gansearch")
    for old in [one for one in logger.handlers if isinstance(one, RichHandler)]:
        logger.removeHandler(old)
    level = logging.WARNING
    if verbose:
        level = logging.INFO
    elif quiet:
        level = logging.ERROR
    handler.setLevel(level)
    logger.setLevel(min(logging.INFO, logger.level or logging.INFO))
    logger.addHandler(handler)


def print_json(record: Mapping[str, Any]) -> None:
    """Print strict JSON, in which a number that is not finite becomes null."""
    typer.echo(json.dumps(finite(dict(record)), indent=2, allow_nan=False))


def output_path(path: Path, endings: tuple[str, ...]) -> Path:
    """Return the path given with `-o`, refused unless its ending, in any case, is one of these."""
    if path.suffix.lower() not in endings:
        message = f"the file's ending must be one of {', '.join(endings)}, got {str(path)!r}"
        raise typer.BadParameter(message, param_hint="-o")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise GansearchError(f"there is no folder {folder} to write {path.name} into")
    return path

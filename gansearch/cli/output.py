"""Printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gansearch.errors import GansearchError

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change the study, such as training.steps=100."
    ),
]


def console(*, stderr: bool = False) -> Console:
    """Where tables go, as wide as the terminal or COLUMNS; stderr where stdout is for the program that reads JSON."""
    from rich.console import Console

    return Console(highlight=False, stderr=stderr)


def print_json(record: Mapping[str, Any]) -> None:
    """Print strict JSON, in which a number that is not finite becomes null."""
    from gansearch.report.formatting import finite

    typer.echo(json.dumps(finite(dict(record)), indent=2, allow_nan=False))


def output_path(path: Path, endings: tuple[str, ...]) -> Path:
    """A path that `-o` named, refused unless its ending says a format that we write."""
    if path.suffix not in endings:
        message = f"the file's ending must be one of {', '.join(endings)}, got {str(path)!r}"
        raise typer.BadParameter(message, param_hint="-o")
    if not path.absolute().parent.is_dir():
        raise GansearchError(
            f"there is no folder {path.absolute().parent} to write {path.name} into"
        )
    return path

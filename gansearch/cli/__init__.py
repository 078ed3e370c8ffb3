"""The command line: parses arguments, prints, and exits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, TextIO

import typer

import gansearch
from gansearch.cli.commands import LazyGroup
from gansearch.errors import GansearchError, StudyError

FAILURE, WRONG_STUDY = 1, 2

app = typer.Typer(
    name="gansearch",
    cls=LazyGroup,
    help="Find the smallest stable GAN for your data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gansearch {gansearch.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: with 0, 1 for a failure, 2 for wrong usage or a wrong study."""
    for stream in (sys.stdout, sys.stderr):
        _replace_unprintable(stream)
    try:
        app(args=None if arguments is None else list(arguments), prog_name="gansearch")
    except GansearchError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG_STUDY if isinstance(error, StudyError) else FAILURE)


def _replace_unprintable(stream: TextIO) -> None:
    """Print `?` for characters that the terminal's encoding lacks, instead of failing."""
    if hasattr(stream, "reconfigure"):  # pytest and notebooks put streams without it here
        stream.reconfigure(errors="replace")

"""The command line: parses arguments, prints, and exits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

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
    # Print `?` for characters that the terminal's encoding lacks, instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # pytest and notebooks put other streams here
            stream.reconfigure(errors="replace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="gansearch")
    except GansearchError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG_STUDY if isinstance(error, StudyError) else FAILURE)

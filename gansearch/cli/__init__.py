"""The command line: parses arguments, prints, and exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import gansearch
from gansearch import environment_variables as variables
from gansearch.cli.commands import LazyGroup
from gansearch.cli.damage import damage_message, opened
from gansearch.errors import GansearchError, StudyError
from gansearch.report.formatting import escape_controls

SUCCESS, FAILURE, WRONG_STUDY = 0, 1, 2

app = typer.Typer(
    name="gansearch",
    cls=LazyGroup,
    help="Find the smallest stable GAN for your data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        f"Exit codes: {SUCCESS} success; {FAILURE} a failure, such as a search in which every "
        f"trial failed; {WRONG_STUDY} wrong usage or a wrong study; 130 and 143 after SIGINT and "
        "SIGTERM, the study left resumable.\n\n"
        f"Environment: {variables.RUNS}, the folder of the runs instead of ./runs; "
        f"{variables.WORKERS} and {variables.STORAGE}, defaults of --workers and --storage; "
        "NO_COLOR and COLUMNS, as everywhere."
    ),
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
    opened.clear()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="gansearch")
    except SystemExit as ended:
        if not ended.code and (message := damage_message()):
            _fail(message, FAILURE)
        raise
    except GansearchError as error:
        _fail(str(error), WRONG_STUDY if isinstance(error, StudyError) else FAILURE)
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(FAILURE)
    except OSError as error:
        _fail(_system_message(error), FAILURE)
    except MemoryError:
        _fail("not enough memory", FAILURE)


def _system_message(error: OSError) -> str:
    """Return the system's message with the file, and what is free where that is the cause."""
    # Here and not at the top, since it imports what `--help` has no need of.
    from gansearch.files import MACHINE_ERRORS, free_space

    place = f"{error.filename}: " if error.filename else ""
    free = ""
    if error.errno in MACHINE_ERRORS:
        free = free_space(Path(error.filename or ".").absolute().parent)
    return "; ".join(filter(None, [f"{place}{error.strerror or error}", free]))


def _fail(message: str, code: int) -> NoReturn:
    """Print a message and exit; where nothing can be printed, exit all the same."""
    with suppress(OSError, ValueError):
        print(escape_controls(message), file=sys.stderr, flush=True)
    sys.exit(code)

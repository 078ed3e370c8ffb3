"""The command line: it prints and exits, which nothing else does.

Whatever is slow to import is imported inside the command that needs it, so that help comes at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gansearch.cli.certify import certify
from gansearch.cli.changes import show_changes
from gansearch.cli.data import app as data_commands
from gansearch.cli.diagnose import diagnose_log
from gansearch.cli.pareto import show_pareto
from gansearch.cli.plugins import app as plugins_commands
from gansearch.cli.run import resume, run
from gansearch.cli.runs import show, status
from gansearch.cli.sample import sample
from gansearch.cli.schema import print_schema
from gansearch.cli.studies import summary, validate
from gansearch.errors import GansearchError, StudyError

FAILURE, WRONG_STUDY = 1, 2

app = typer.Typer(
    name="gansearch",
    help="Find the smallest stable GAN for your data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run)
app.command("resume")(resume)
app.command("certify")(certify)
app.command("status")(status)
app.command("show")(show)
app.command("sample")(sample)
app.command("pareto")(show_pareto)
app.command("changes")(show_changes)
app.command("summary")(summary)
app.command("validate")(validate)
app.command("schema")(print_schema)
app.command("diagnose")(diagnose_log)
app.add_typer(data_commands, name="data")
app.add_typer(plugins_commands, name="plugins")


def _version(wanted: bool) -> None:
    if wanted:
        from gansearch import __version__

        typer.echo(f"gansearch {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: with 0, 1 for a failure, 2 for wrong usage or a wrong study."""
    try:
        app(args=None if arguments is None else list(arguments))
    except GansearchError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG_STUDY if isinstance(error, StudyError) else FAILURE)

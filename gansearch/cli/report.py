"""`gansearch report`: a run as one HTML file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.output import echo, output_path
from gansearch.cli.run_lookup import Run, find_run, relative
from gansearch.errors import GansearchError
from gansearch.files import write_atomically


def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="An .html file; by default report.html in the run folder.",
        ),
    ] = None,
) -> None:
    """Write a run as one HTML file: its champion, front, samples, failures and every trial."""
    if missing := [name for name in ("jinja2", "vl_convert") if find_spec(name) is None]:
        raise GansearchError(
            f"a report needs {' and '.join(missing)}; pip install 'gansearch[report]'"
        )
    from gansearch.export.report.page import report_html

    folder = find_run(run)
    path = folder.path / "report.html" if output is None else output_path(output, (".html",))
    write_atomically(path, report_html(folder).encode())
    echo(f"wrote {relative(path)}", err=True)

"""`gansearch dashboard`: a run in the browser, also while it searches."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from gansearch.cli.run_lookup import Run, find_run
from gansearch.errors import GansearchError

PORT = 8080


def dashboard(
    run: Run,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = PORT,
    notes: Annotated[
        bool,
        typer.Option("--notes", help="Let notes be written; they are kept in notes.json."),
    ] = False,
) -> None:
    """Show a run in the browser, also during the search: trials, samples, curves and verdicts.

    It is served to this machine only, and nothing can be changed from it. Ctrl-C ends it.
    """
    if find_spec("optuna_dashboard") is None:
        raise GansearchError(
            "the dashboard needs optuna-dashboard; pip install 'gansearch[dashboard]'"
        )
    from gansearch.dashboard.server import HOST, dashboard_server

    with dashboard_server(find_run(run), port, notes=notes) as server:
        typer.echo(f"http://{HOST}:{server.server_port}/ (Ctrl-C ends it)", err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("", err=True)

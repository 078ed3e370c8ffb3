"""`gansearch plugins`."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, console, print_json
from gansearch.registry import Listing, Registry

app = typer.Typer(add_completion=False, help="List the installed components.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("list")
def list_plugins(json: Json = False) -> None:
    """List every component by role, with its distribution; broken ones with the reason."""
    listings = list(Registry().listings())
    if json:
        print_json({"plugins": [asdict(listing) for listing in listings]})
        return
    by_source: dict[str, list[Listing]] = {}
    for listing in listings:
        by_source.setdefault(f"{listing.distribution} {listing.version}", []).append(listing)
    # Our own components come first, the others by name.
    for source in sorted(by_source, key=lambda name: (not name.startswith("gansearch "), name)):
        console().print(f"[bold]{source}[/]", _table(by_source[source]), "", sep="\n")


def _table(listings: list[Listing]) -> Table:
    """Return a table of one distribution's components."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    shown = None
    for listing in listings:
        what = escape(listing.summary)
        if listing.refused:
            what = f"[red]refused:[/] {escape(listing.refused)}"
        table.add_row("" if listing.role == shown else listing.role, listing.name, what)
        shown = listing.role
    return table

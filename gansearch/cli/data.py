"""`gansearch data`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, console, print_json
from gansearch.errors import DataError
from gansearch.registry import Registry, unknown

app = typer.Typer(help="List and download data sets.", no_args_is_help=True)

FASHION_MNIST = "fashion-mnist"
FETCHABLE = (FASHION_MNIST,)


class Found(NamedTuple):
    """A data set and its source."""

    name: str
    source: str
    """Source of the data with the default fields; empty where something is missing."""
    needs: str
    """Fields that a study must give, or the reason why the data is not there."""
    summary: str


@app.command("list")
def list_data(json: Json = False) -> None:
    """List the data sets with their sources."""
    found = list(_found())
    if json:
        print_json({"datasets": [one._asdict() for one in found]})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("dataset", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("what", overflow="fold")
    for one in found:
        place = escape(one.source) if one.source else f"[yellow]{escape(one.needs)}[/]"
        table.add_row(one.name, place, escape(one.summary))
    console().print(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(FETCHABLE)}.")],
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to keep it in, in place of the cache."),
    ] = None,
) -> None:
    """Download a data set into the user's cache and check its files."""
    # Imported here: it needs requests, which takes longer than the list.
    from gansearch.builtin.datasets.fetch import fetch_fashion_mnist

    if name not in FETCHABLE:
        raise DataError(unknown("data set to fetch", name, FETCHABLE))
    typer.echo(f"{name} is in {fetch_fashion_mnist(root)}")


def _found() -> Iterator[Found]:
    registry = Registry()
    for listing in registry.listings():
        if listing.role != "dataset":
            continue
        if listing.refused:
            yield Found(listing.name, "", f"refused: {listing.refused}", "")
            continue
        component = registry.load("dataset", listing.name)
        yield _looked_up(listing.name, component, listing.summary, {})
        if listing.name == FASHION_MNIST:
            yield _looked_up(
                f"{listing.name} (images: full)", component, listing.summary, {"images": "full"}
            )


def _looked_up(name: str, component: type, summary: str, fields: dict[str, str]) -> Found:
    """Load a data set to find out whether it is there."""
    missing = [field for field, told in component.model_fields.items() if told.is_required()]  # type: ignore[attr-defined]
    if missing:
        return Found(name, "", f"needs {', '.join(missing)}", summary)
    try:
        return Found(name, component(**fields).load().source, "", summary)
    except DataError as error:
        return Found(name, "", str(error), summary)

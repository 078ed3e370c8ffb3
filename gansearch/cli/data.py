"""`gansearch data`: list datasets, and download those that can be fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.builtin.datasets.fetch import fetch_fashion_mnist
from gansearch.cli.output import Json, console, echo, print_json
from gansearch.errors import DataError
from gansearch.registry import Registry, unknown

app = typer.Typer(add_completion=False, help="List and download data sets.", no_args_is_help=True)

FASHION_MNIST = "fashion-mnist"
FETCHABLE = (FASHION_MNIST,)


class DatasetRow(NamedTuple):
    """A dataset, and the place where it was found."""

    name: str
    source: str
    """Source of the data that its defaults give; empty where something is missing."""
    needs: str
    """Fields that a study has to give, or what a user has to do, to use it."""
    summary: str


@app.command("list")
def list_data(json: Json = False) -> None:
    """List the datasets, and the place where each is found."""
    found = list(_rows())
    if json:
        print_json({"datasets": [one._asdict() for one in found]})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("dataset", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("what", overflow="fold")
    for one in found:
        place = escape(one.source)
        if not one.source:
            place = f"[yellow]{escape(one.needs)}[/]"
        table.add_row(one.name, place, escape(one.summary))
    console().print(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(FETCHABLE)}.")],
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to store it in, instead of the user's cache."),
    ] = None,
) -> None:
    """Download a dataset into the user's cache, and check its files."""
    if name not in FETCHABLE:
        raise DataError(unknown("data set to fetch", name, FETCHABLE))
    echo(f"{name} is in {fetch_fashion_mnist(root)}")


def _rows() -> Iterator[DatasetRow]:
    registry = Registry()
    for listing in registry.listings():
        if listing.role != "dataset":
            continue
        if listing.refused:
            yield DatasetRow(listing.name, "", f"refused: {listing.refused}", "")
            continue
        component = registry.load("dataset", listing.name)
        yield _row(listing.name, component, listing.summary, {})
        if listing.name == FASHION_MNIST:
            name = f"{listing.name} (images: full)"
            yield _row(name, component, listing.summary, {"images": "full"})


def _row(name: str, component: type, summary: str, fields: dict[str, str]) -> DatasetRow:
    """Load a dataset to see if it is there."""
    fields_of = component.model_fields  # type: ignore[attr-defined]
    missing = [name for name, field in fields_of.items() if field.is_required()]
    if missing:
        return DatasetRow(name, "", f"needs {', '.join(missing)}", summary)
    try:
        return DatasetRow(name, component(**fields).load().source, "", summary)
    except DataError as error:
        return DatasetRow(name, "", str(error), summary)

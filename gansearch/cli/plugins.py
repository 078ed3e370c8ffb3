"""`gansearch plugins`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.plugin_check import check_plugin
from gansearch.cli.plugin_template import is_plugin_name, plugin_files
from gansearch.components import ROLES
from gansearch.errors import GansearchError
from gansearch.registry import Listing, Registry, unknown

app = typer.Typer(
    add_completion=False, help="List, write and check components.", no_args_is_help=True
)


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
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        shown = None
        for listing in by_source[source]:
            what = escape(listing.summary)
            if listing.refused:
                what = f"[red]refused:[/] {escape(listing.refused)}"
            table.add_row("" if listing.role == shown else listing.role, listing.name, what)
            shown = listing.role
        console().print(f"[bold]{source}[/]", table, "", sep="\n")


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the component, such as tiny-unet.")
    ],
    role: Annotated[str, typer.Option(metavar="ROLE", help=f"One of: {', '.join(ROLES)}.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write; by default gansearch-NAME.")
    ] = None,
) -> None:
    """Write a distribution with one component, which passes its contract tests at once."""
    if role not in ROLES:
        raise typer.BadParameter(unknown("role", role, ROLES), param_hint="--role")
    if not is_plugin_name(name):
        message = f"should be lower-case words with dashes, such as tiny-unet, got {name!r}"
        raise typer.BadParameter(message, param_hint="NAME")
    folder = out or Path(f"gansearch-{name}")
    if folder.exists() and any(folder.iterdir()):
        raise GansearchError(f"{folder} exists and is not empty; name another one with --out")
    for path, text in plugin_files(name, role).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        typer.echo(f"wrote {folder / path}")
    typer.echo(f"next: gansearch plugins check {folder}; pip install --editable {folder}")


@app.command()
def check(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder of a distribution, or a Python file.")
    ],
    json: Json = False,
) -> None:
    """Load the components of a plugin, run their contract tests, and say in words what fails."""
    if not path.exists():
        raise GansearchError(f"there is no {path}")
    found = check_plugin(path)
    if json:
        print_json({"plugin": str(path), "components": [asdict(one) for one in found]})
    else:
        out = console()
        for one in found:
            out.print(f"[bold]{one.role} {escape(one.name)}[/]")
            for words in one.passed:
                out.print(f"[green]passed[/] {words}")
            for words, reason in one.failed.items():
                out.print(f"[red]failed[/] {words}: {escape(reason)}")
    if any(one.failed for one in found):
        raise typer.Exit(1)

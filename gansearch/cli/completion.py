"""Completion in the shell: stand-ins of the commands, and the values that arguments may have.

A shell waits for every completion, and importing a command means importing torch, which takes
seconds. So completion works on `resources/completion.json`, a table of all commands with their
arguments and options. `python tools/completion_table.py` writes it from the commands themselves.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer

from gansearch.environment_variables import runs_folder

TABLE = Path(__file__).parents[1] / "resources" / "completion.json"
MARK = "gansearch.json"
"""File by which a run folder is known; equal to that of `gansearch.storage.run_mark`."""
STUDY_ENDINGS = (".yaml", ".yml")

Completer = Callable[[typer.Context, str], Iterator[str]]


def _runs(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the runs by name; a path is left to the shell."""
    for mark in sorted(runs_folder().glob(f"*/{MARK}")):
        if mark.parent.name.startswith(incomplete):
            yield mark.parent.name


def _trials(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the numbers of the trials of the run that stands before on the line."""
    # The context knows no arguments after `--trial`, whose value is what is completed.
    words = [os.environ.get(name, "") for name in ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")]
    for word in " ".join(words).split():
        for folder in (Path(word), runs_folder() / word):
            if (folder / MARK).is_file():
                names = [one.name for one in (folder / "trials").glob("*") if one.name.isdigit()]
                yield from filter(_begins(incomplete), map(str, sorted(map(int, names))))
                return


def _begins(incomplete: str) -> Callable[[str], bool]:
    return lambda value: value.startswith(incomplete)


def _studies(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield study files, and folders in which there may be some."""
    folder = Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)
    for path in sorted(folder.glob("*")):
        shown = str(path) + "/" * path.is_dir()
        is_study = path.suffix.lower() in STUDY_ENDINGS or path.is_dir()
        if is_study and shown.startswith(incomplete) and not path.name.startswith("."):
            yield shown


def _components(group: str) -> Completer:
    """Return the completer of the components that distributions offer in a group."""

    def names(ctx: typer.Context, incomplete: str) -> Iterator[str]:
        offered = {point.name for point in entry_points(group=f"gansearch.{group}")}
        yield from filter(_begins(incomplete), sorted(offered))

    return names


def _one_of(*values: str) -> Completer:
    def matching(ctx: typer.Context, incomplete: str) -> Iterator[str]:
        yield from filter(_begins(incomplete), values)

    return matching


COMPLETERS: Mapping[str, Completer] = {
    "RUN": _runs,
    "RUN RUN...": _runs,
    "RUN|BUNDLE": _runs,
    "--import": _runs,
    "STUDY": _studies,
    "TRIAL": _trials,
    "--trial": _trials,
    "--dataset": _components("datasets"),
    "--loss": _components("losses"),
    "--x": _components("metrics"),
    "--y": _components("metrics"),
    "--role": _one_of(
        "generator",
        "discriminator",
        "loss",
        "schedule",
        "dataset",
        "metric",
        "detector",
        "extractor",
    ),
    "--executor": _one_of("local", "ray"),
    "--workers": _one_of("auto", "1", "2", "4", "8"),
    "--track": _one_of("tensorboard", "mlflow", "wandb", "trackio"),
}
"""Completers by the metavar of an argument, or by an option."""


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def stand_in(name: str) -> Any:
    """Return a command with the arguments and options of the real one, and nothing behind them."""
    entry = _table()[name]
    app = typer.Typer(add_completion=False)
    if "commands" not in entry:
        app.command(name)(_function(entry["parameters"]))
        return typer.main.get_command(app)
    app.callback()(lambda: None)
    for inner, part in entry["commands"].items():
        app.command(inner, help=part["help"])(_function(part["parameters"]))
    return typer.main.get_command(app)


def _function(parameters: list[dict[str, Any]]) -> Callable[..., None]:
    """Return a function that Typer makes a command with these parameters of."""

    def command(**_: object) -> None: ...

    made = []
    for one in parameters:
        options, metavar = one.get("options", []), one.get("metavar")
        completer = COMPLETERS.get(str(options[-1] if options else metavar))
        kind: Any = bool if one.get("flag") else str
        if one.get("many"):
            kind = list[str]
        declared: Any
        if options:
            declared = typer.Option(*options, help=one["help"], autocompletion=completer)
        else:
            declared = typer.Argument(metavar=metavar, autocompletion=completer)
        annotation = Annotated[kind | None, declared]
        default = False if kind is bool else None
        made.append(
            inspect.Parameter(
                one["name"],
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=annotation,
            )
        )
    command.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in made}
    return command


def table_of(commands: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of commands, each as Typer made it."""
    return {name: _entry(command) for name, command in commands.items()}


def _entry(command: Any) -> dict[str, Any]:
    if inner := getattr(command, "commands", None):
        return {"commands": {name: _entry(one) for name, one in inner.items()}}
    parameters = []
    for one in command.params:
        entry: dict[str, Any] = {"name": one.name}
        if one.param_type_name == "option":
            entry |= {"options": [*one.opts, *one.secondary_opts], "help": one.help or ""}
        if one.metavar:
            entry["metavar"] = one.metavar
        if getattr(one, "is_flag", False):
            entry["flag"] = True
        if one.nargs == -1 or getattr(one, "multiple", False):
            entry["many"] = True
        parameters.append(entry)
    return {"help": (command.help or "").partition("\n")[0], "parameters": parameters}

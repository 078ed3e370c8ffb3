"""The commands, each imported only when it runs, so that `gansearch --help` starts fast."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from gansearch.errors import GansearchError


class Entry(NamedTuple):
    """Place of a command, and its line in `gansearch --help`."""

    place: str
    """`module:name` of a function, or of a Typer application with commands of its own."""
    help: str


COMMANDS = {
    "new": Entry(
        "gansearch.cli.new:new",
        "Write a first study for your pictures, with a budget that is measured on this machine.",
    ),
    "doctor": Entry(
        "gansearch.cli.doctor:doctor",
        "Show what this machine and this installation have, what is missing, and how to get it.",
    ),
    "run": Entry(
        "gansearch.cli.run:run", "Search for small stable GANs, or continue an earlier search."
    ),
    "resume": Entry("gansearch.cli.run:resume", "Continue a study that was stopped."),
    "certify": Entry(
        "gansearch.cli.certify:certify",
        "Train candidates again with fresh seeds, until one is stable and good enough.",
    ),
    "runs": Entry(
        "gansearch.cli.runs:list_runs",
        "List the runs of a folder: trials by state, the champion, and when each was last at work.",
    ),
    "trust": Entry(
        "gansearch.cli.trust:trust",
        "Trust a run folder that was made elsewhere, or whose study.yaml was edited.",
    ),
    "status": Entry(
        "gansearch.cli.status:status", "Count the trials of a run by state and verdict."
    ),
    "show": Entry(
        "gansearch.cli.show:show", "Show all trials of a run in a table, or one in full."
    ),
    "sample": Entry(
        "gansearch.cli.sample:sample",
        "Draw samples of a trained generator, or walks along dimensions of its latent.",
    ),
    "export": Entry(
        "gansearch.cli.export:export",
        "Write a trained generator as a bundle: weights, ONNX, plain PyTorch and a model card.",
    ),
    "pareto": Entry(
        "gansearch.cli.pareto:show_pareto", "Show the Pareto front of the healthy trials."
    ),
    "report": Entry(
        "gansearch.cli.report:report",
        "Write a run as one HTML file: its champion, front, samples, failures and every trial.",
    ),
    "dashboard": Entry(
        "gansearch.cli.dashboard:dashboard",
        "Show a run in the browser, also during the search: trials, samples, curves and verdicts.",
    ),
    "compare": Entry(
        "gansearch.cli.compare:compare",
        "Show runs side by side: counts, cost, champion, and whether their qualities compare.",
    ),
    "changes": Entry(
        "gansearch.cli.changes:show_changes",
        "Group the trials by their changes to the baseline, or say which parameters matter.",
    ),
    "summary": Entry(
        "gansearch.cli.studies:summary", "Show the layers and totals of the baseline's networks."
    ),
    "validate": Entry(
        "gansearch.cli.studies:validate",
        "Check a study file, its data and its baseline, and calibrate the detectors on the data.",
    ),
    "schema": Entry(
        "gansearch.cli.schema:print_schema", "Print the JSON schema of study files, for editors."
    ),
    "diagnose": Entry(
        "gansearch.cli.diagnose:diagnose_log",
        "Judge a training by its loss log: verdict, step, evidence, and what to try next.",
    ),
    "data": Entry("gansearch.cli.data:app", "List and download data sets."),
    "plugins": Entry("gansearch.cli.plugins:app", "List, write and check components."),
}


def load_command(name: str) -> TyperCommand | TyperGroup:
    """Import a command of the table.

    Raises:
        GansearchError: on Windows, whose Python lacks the processes that candidates are trained in.
    """
    if sys.platform == "win32":
        raise GansearchError(
            "gansearch does not run on Windows itself: it trains candidates in processes forked "
            "from a server, which Python has on Linux and macOS only. Use the Windows Subsystem "
            "for Linux (wsl --install), or the container of the Dockerfile."
        )
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name)(found)
        found = app
    command = typer.main.get_command(found)
    command.name = name
    return command  # type: ignore[return-value]  # Typer makes no others


class LazyGroup(TyperGroup):
    """Group of `COMMANDS`: help reads the table; only running a command imports its module."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(COMMANDS)

    def get_command(  # type: ignore[override]
        self, ctx: typer.Context, cmd_name: str
    ) -> TyperCommand | None:
        """Return a stand-in with the command's name and help."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].help)

    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, TyperCommand | TyperGroup | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if found is None:
            return name, None, rest
        if ctx.resilient_parsing:  # a shell completes a line
            from gansearch.cli.completion import stand_in

            return name, stand_in(str(name)), rest
        return name, load_command(str(name)), rest

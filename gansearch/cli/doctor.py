"""`gansearch doctor`: what this machine and this installation have, and what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from typing import Any

import psutil
import torch
from rich.markup import escape
from rich.table import Table

import gansearch
from gansearch.cli.output import Json, console, print_json
from gansearch.cli.study_check import gigabytes
from gansearch.components import Extractor
from gansearch.execution.local import LocalResources, count_cores
from gansearch.registry import Registry
from gansearch.training.precision import choose_device, choose_precision
from gansearch.user_folders import cache_folder

FOR_DEVELOPERS = ("dev", "test")
IMAGENET = "pip install plugins/gansearch-imagenet, from the source of gansearch"
EXTRA = re.compile(r"^([A-Za-z0-9._-]+).*extra == ['\"]([a-z0-9-]+)['\"]")


def doctor(json: Json = False) -> None:
    """Show what this machine and this installation have, what is missing, and how to get it."""
    found = {
        "gansearch": gansearch.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.release()} on {platform.machine()}",
        **_machine(),
        "plugins": _plugins(),
        "extractors": _extractors(),
        "extras": _extras(),
    }
    if json:
        print_json(found)
        return
    out, table = console(), Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _lines(found):
        table.add_row(name, text)
    out.print(table)


def _machine() -> dict[str, Any]:
    """Return device, precision, workers, memory and disk."""
    device = choose_device("auto")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    resources = LocalResources.divide("auto", len(gpus))
    return {
        "device": device.type,
        "gpus": gpus,
        "cores": count_cores(),
        "precision": choose_precision("auto", device),
        "workers": resources.candidates,
        "threads": resources.threads,
        "memory_bytes": psutil.virtual_memory().total,
        "free_memory_bytes": psutil.virtual_memory().available,
        "free_disk_bytes": shutil.disk_usage(Path.cwd()).free,
        "cache": str(cache_folder()),
    }


def _plugins() -> list[dict[str, Any]]:
    """Return the distributions that bring components, with those that were refused."""
    found: dict[str, dict[str, Any]] = {}
    for listing in Registry().listings():
        source = {"version": listing.version, "components": 0, "refused": []}
        plugin = found.setdefault(listing.distribution, {"name": listing.distribution} | source)
        if listing.refused:
            plugin["refused"].append(f"{listing.role} {listing.name}: {listing.refused}")
        else:
            plugin["components"] += 1
    return list(found.values())


def _extractors() -> list[dict[str, Any]]:
    """Return the extractors that can be loaded."""
    registry = Registry()
    listings = [one for one in registry.listings() if one.role == "extractor" and not one.refused]
    found = []
    for listing in listings:
        component = registry.load("extractor", listing.name)
        assert issubclass(component, Extractor)
        found.append(
            {"name": listing.name, "summary": listing.summary, "caution": component.caution or None}
        )
    return found


def _extras() -> list[dict[str, Any]]:
    """Return the optional parts of this distribution, each with what it lacks."""
    needs: dict[str, list[str]] = {}
    for requirement in requires("gansearch") or []:
        if (match := EXTRA.match(requirement)) and match[2] not in FOR_DEVELOPERS:
            needs.setdefault(match[2], []).append(match[1])
    return [
        {
            "name": extra,
            "missing": (missing := [name for name in names if not _is_installed(name)]),
            "command": f'pip install "gansearch[{extra}]"' if missing else None,
        }
        for extra, names in sorted(needs.items())
    ]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was found as lines of a name and a rich text."""
    device = ", ".join(found["gpus"]) or f"{found['cores']} cores, no GPU"
    lines = [
        ("gansearch", f"{found['gansearch']}, Python {found['python']}, torch {found['torch']}"),
        ("system", f"{found['system']}, {escape(sys.executable)}"),
        ("device", f"{escape(device)}; precision {found['precision']}"),
        ("workers", f"{found['workers']} candidates at a time, {found['threads']} threads each"),
        (
            "memory",
            f"{gigabytes(found['free_memory_bytes'])} free of {gigabytes(found['memory_bytes'])}",
        ),
        ("disk", f"{gigabytes(found['free_disk_bytes'])} free here; cache {found['cache']}"),
    ]
    for plugin in found["plugins"]:
        counted = f"{plugin['components']} component{'s' if plugin['components'] != 1 else ''}"
        lines.append(("plugin", f"{plugin['name']} {plugin['version']}: {counted}"))
        lines += [("", f"[red]refused:[/] {escape(why)}") for why in plugin["refused"]]
    for extractor in found["extractors"]:
        lines.append(("extractor", f"{extractor['name']}: {escape(extractor['summary'])}"))
    if "imagenet" not in [extractor["name"] for extractor in found["extractors"]]:
        lines.append(("", f"[yellow]missing:[/] imagenet, for colour pictures; {IMAGENET}"))
    for extra in found["extras"]:
        text = "[green]there[/]"
        if extra["missing"]:
            lacks = ", ".join(extra["missing"])
            text = f"[yellow]missing:[/] {lacks}; {escape(extra['command'])}"
        lines.append((f"extra {extra['name']}", text))
    return lines

"""Pages of the reference that are written from the code: commands, study file, components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gansearch.cli import app
from gansearch.cli.commands import COMMANDS, load_command
from gansearch.registry import GROUP_OF_ROLE, Registry
from gansearch.study.json_schema import study_schema


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    for name, text in {"commands": commands_page(), "study": study_page()}.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def commands_page() -> str:
    """Return the help of every command as Markdown."""
    parts = ["# Commands", str(app.info.epilog)]
    for name in COMMANDS:
        command = load_command(name)
        inner = getattr(command, "commands", None) or {"": command}
        for word, one in inner.items():
            parts += _command(f"gansearch {name} {word}".strip(), one)
    return "\n\n".join(parts) + "\n"


def _command(title: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([title, *(one.metavar or one.name.upper() for one in arguments)])
    parts = [f"## {title}", (command.help or "").strip(), f"```text\n{usage} [OPTIONS]\n```"]
    rows = [
        (f"`{', '.join(one.opts) if one in options else one.metavar or one.name}`", one.help or "")
        for one in (*arguments, *options)
    ]
    return [*parts, _table(("", ""), rows)]


def study_page() -> str:
    """Return the keys of a study file and the fields of all components as Markdown."""
    schema = study_schema(Registry())
    definitions = schema["$defs"]
    parts = [
        "# The study file",
        "Keys with their defaults. An editor that knows JSON Schema completes and checks them: "
        "`gansearch schema > study.schema.json`. Domains to search are written "
        "`{low: 8, high: 64, step: 8}`, `{low: 1.0e-4, high: 1.0e-2, log: true}` or "
        "`{choices: [8, 16]}`.",
        "## Keys",
        _fields(schema["properties"], definitions),
    ]
    sections = [name for name in definitions if name.endswith("Spec") or name == "Bounds"]
    for name in sections:
        key = _keys(schema["properties"], name)
        parts += [f"## {key or name}", definitions[name].get("description", "")]
        parts += [_fields(definitions[name]["properties"], definitions)]
    for role in GROUP_OF_ROLE:
        found = [
            name for name in definitions if name.startswith(f"{role}.") and name.count(".") == 1
        ]
        if found:
            parts.append(f"## Components: {role}")
        for name in found:
            parts += [f"### {name.partition('.')[2]}", definitions[name]["description"]]
            fields = {k: v for k, v in definitions[name]["properties"].items() if k != "use"}
            parts += [_fields(fields, definitions)] if fields else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _keys(properties: dict[str, Any], section: str) -> str:
    """Return the key of the study whose section has this definition."""
    for key, value in properties.items():
        if f"'#/$defs/{section}'" in str(value):
            return key
    return ""


def _fields(properties: dict[str, Any], definitions: dict[str, Any]) -> str:
    rows = []
    for name, one in properties.items():
        default = (
            f"`{one['default']!r}`" if "default" in one and len(str(one["default"])) < 60 else ""
        )
        rows.append((f"`{name}`", default, one.get("description", "")))
    return _table(("key", "default", ""), rows)


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)

"""JSON logs: an object per line, a list of objects, or lists by name, as in Keras' history."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gansearch.diagnosis.loss_log.raw import ColumnCollector, RawColumns
from gansearch.diagnosis.loss_log.tensorboard import curve_name

DEPTH = 6
"""Levels of nested objects whose names are joined."""


def read_json(text: str, path: Path, mapping: Mapping[str, str]) -> RawColumns | None:
    """Read a JSON log; return None where the text is no JSON.

    Nested names are joined by `/`; of an object with a `mean` the mean is the value. A broken line,
    such as the last one of a training that was killed, is left out.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return None
    whole = _whole(text)

    # TensorBoard's curve: a list of [wall time, step, value]
    if isinstance(whole, list) and whole:
        head = whole[:100]
        if all(isinstance(p, list) and len(p) == 3 and _is_number(p[1]) for p in head):
            name = curve_name(path)
            cells = {"step": [point[1] for point in whole], name: [point[2] for point in whole]}
            return RawColumns("TensorBoard JSON of one curve", list(cells), cells, step="step")

    # Lists by name, as Keras keeps its history
    collector = ColumnCollector(path, mapping)
    if isinstance(whole, dict) and (lists := _lists(whole)):
        length = max(map(len, lists.values()))
        for i in range(length):
            collector.add({k: v[i] for k, v in lists.items() if i < len(v)})
        return collector.columns("JSON lists by name")

    # One object a row
    broken = 0
    for entry in whole if isinstance(whole, list) else _lines(text):
        if isinstance(entry, dict):
            collector.add(dict(_flat(entry)))
        else:
            broken += 1
    if broken > collector.rows:
        return None
    notes = [f"{broken} lines that are no JSON objects left out"] if broken else []
    return collector.columns("JSON", notes)


def _whole(text: str) -> Any:
    """Parse a text that is one JSON value; return None where there is a value per line."""
    start = text.lstrip("\ufeff \t\r\n")
    line, _, rest = start.partition("\n")
    try:
        value = json.loads(line)
        if rest.strip() or (isinstance(value, dict) and not _lists(value)):
            return None
        return value
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(start)
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> Iterator[Any]:
    for line in io.StringIO(text.lstrip("\ufeff")):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _lists(record: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the lists of a history; an empty dict where none has two values."""
    if isinstance(inner := record.get("history"), dict):
        record = inner
    lists = {k: v for k, v in record.items() if isinstance(v, list)}
    return lists if max(map(len, lists.values()), default=0) > 1 else {}


def _flat(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the values of nested objects under joined names."""
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and "mean" in value:
            yield name, value["mean"]
        elif isinstance(value, dict) and depth < DEPTH:
            yield from _flat(value, f"{name}/", depth + 1)
        elif isinstance(value, list):
            yield name, next((item for item in value if _is_number(item)), None)
        elif not isinstance(value, dict):
            yield name, value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

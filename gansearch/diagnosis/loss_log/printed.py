"""Lines that a training script has printed: names followed by numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

from gansearch.diagnosis.loss_log.cells import NUMBER
from gansearch.diagnosis.loss_log.names import plain, signal_of, step_rank
from gansearch.diagnosis.loss_log.raw import ColumnCollector, RawColumns

_WORD = r"[A-Za-z_][\w./]*(?:\([\w()]*\))?"
_PAIR = re.compile(
    rf"(?P<name>{_WORD}(?:[ -]{{1,3}}{_WORD}){{0,3}})[\"'\])]?"
    r"(?P<mark>\s*(?::|=|->)\s*|\s+)(?:tensor\(|array\(|np\.float\d+\(|[\[(])?"
    rf"(?P<value>{NUMBER}|n/a|none|null)(?P<percent>\s?%)?(?![\w])",
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")
LONGEST_LINE = 20_000


def read_printed(text: str, path: Path, mapping: Mapping[str, str]) -> RawColumns | None:
    """Read printed lines; return None where none of them names a signal.

    Consecutive lines with different names are one row.
    """
    collector = ColumnCollector(path, mapping)
    mapped = {*mapping.values()}
    lines = used = 0
    row: dict[str, object] = {}
    for line in io.StringIO(text, newline=None):  # \r too: a progress bar begins its line again
        lines += 1
        found = _pairs(_ESCAPES.sub(" ", line[:LONGEST_LINE]), mapped)
        if not found:
            continue
        used += 1
        if row.keys() & found.keys() and _has_signal(row, mapped):
            collector.add(row)
            row = {}
        row |= found
    if _has_signal(row, mapped):
        collector.add(row)
    if not collector.rows or not any(_has_signal({n: 0}, mapped) for n in collector.names):
        return None
    notes = [f"numbers found behind names in {used} of {lines} lines"]
    return collector.columns("printed lines", notes)


def _pairs(line: str, mapped: set[str]) -> dict[str, object]:
    """Return the values of a line by name; of two values of one name the first counts."""
    found: dict[str, object] = {}
    last = None
    for match in _PAIR.finditer(line):
        name = _known_name(match["name"].strip(), mapped, bool(match["mark"].strip()))
        if name is None:
            if last == "d_loss" and plain(match["name"]) in ("acc", "accuracy", "binaryaccuracy"):
                name = "d_acc"
            else:
                continue
        last = signal_of(name)
        value = match["value"] + ("%" if match["percent"] else "")
        found.setdefault(name, value)
    return found


def _known_name(name: str, mapped: set[str], marked: bool) -> str | None:
    """Return the longest end of a name that is mapped, a signal or a counter."""
    words = name.split()
    for start in range(len(words)):
        end = " ".join(words[start:]).strip("-. ")
        if end in mapped:
            return end
        if (signal_of(end) or step_rank(end) is not None) and (marked or len(end) > 1):
            return end
    return None


def _has_signal(row: Mapping[str, object], mapped: set[str]) -> bool:
    return any(name in mapped or signal_of(name) for name in row)

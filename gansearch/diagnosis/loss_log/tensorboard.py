"""TensorBoard: files of one curve each, and event files where `tensorboard` is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gansearch.diagnosis.loss_log.names import plain
from gansearch.diagnosis.loss_log.raw import ColumnCollector, RawColumns
from gansearch.diagnosis.loss_log.source import MAX_BYTES
from gansearch.diagnosis.loss_log.tables import TENSORBOARD
from gansearch.errors import LogError

MAX_POINTS = 200_000
"""Most points of one curve that are kept of an event file; of more a random sample is drawn."""


def curve_name(path: Path) -> str:
    """Return the tag of a curve from the name of its file.

    >>> curve_name(Path("run-dcgan-tag-Loss_D.csv")), curve_name(Path("tb_d.csv.gz"))
    ('Loss_D', 'tb_d')
    """
    stem = re.sub(r"(\.(csv|json|txt|gz|xz|bz2|zip))+$", "", path.name, flags=re.IGNORECASE)
    return re.split(r"(?:^|[-_.])tag[-_]", stem)[-1]


def as_curve(raw: RawColumns, path: Path) -> RawColumns:
    """Name the column `Value` of a downloaded curve after its file."""
    by_name = {plain(name): name for name in raw.names}
    if not by_name.keys() >= {*TENSORBOARD}:
        return raw
    name, step = curve_name(path), by_name["step"]
    cells = {step: raw.cells[step], name: raw.cells[by_name["value"]]}
    return RawColumns("TensorBoard CSV of one curve", list(cells), cells, raw.notes, step=step)


def is_event_file(path: Path, raw: bytes) -> bool:
    """Return True for an event file of TensorBoard."""
    return "tfevents" in path.name or b"brain.Event:" in raw[:64]


def read_events(path: Path, mapping: Mapping[str, str]) -> RawColumns:
    """Read the scalars of an event file, or of the event files in a folder.

    Raises:
        LogError: where `tensorboard` is not installed, or the file holds no scalars.
    """
    try:  # of an optional extra
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        raise LogError(
            f"{path} is an event file; to read it, install the extra: "
            "pip install 'gansearch[tensorboard]', or download its curves as CSV in TensorBoard"
        ) from None
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    if sum(file.stat().st_size for file in files) > MAX_BYTES:
        raise LogError(f"{path} holds more than {MAX_BYTES >> 20} MiB; download its curves as CSV")
    events = EventAccumulator(
        str(path), size_guidance={"scalars": MAX_POINTS, "tensors": MAX_POINTS}
    )
    events.Reload()
    rows: dict[int, dict[str, object]] = {}
    tags = events.Tags()
    for tag in tags["scalars"]:
        for event in events.Scalars(tag):
            rows.setdefault(event.step, {})[tag] = event.value
    for tag in tags["tensors"]:
        _add_tensors(rows, tag, events.Tensors(tag))
    if not rows:
        raise LogError(f"{path} holds no scalars")
    collector = ColumnCollector(path, mapping)
    for step in sorted(rows):
        collector.add({"step": step} | rows[step])
    raw = collector.columns("TensorBoard event file")
    raw.step = "step"
    return raw


def _add_tensors(rows: dict[int, dict[str, object]], tag: str, points: Iterable[Any]) -> None:
    """Add scalars that TensorFlow 2 has written as tensors of one number."""
    from tensorboard.util.tensor_util import make_ndarray  # of an optional extra

    for point in points:
        proto = point.tensor_proto
        values = make_ndarray(proto) if proto.dtype in (1, 2) else None  # float and double
        if values is not None and values.size == 1:
            rows.setdefault(point.step, {})[tag] = float(values.reshape(-1)[0])

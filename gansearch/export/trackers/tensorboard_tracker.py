"""TensorBoard: an event file for each training, in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from gansearch.export.trackers.tracker import FINAL, SAMPLES, SIGNALS, TrackedEnd, TrackedStep


class TensorBoardTracker:
    """Writer of event files, without TensorFlow or torch."""

    def __init__(self, folder: Path) -> None:
        """Write below this folder, for `tensorboard --logdir`."""
        self._folder = folder
        self._writers: dict[str, EventFileWriter] = {}

    def begin(self, name: str, settings: Mapping[str, Any]) -> int:
        """Open a new event file beside those of earlier searches."""
        place, last = self._folder / name, 0
        for path in sorted(place.glob("*tfevents*")):
            for event in LegacyEventFileLoader(str(path)).Load():
                if any(value.tag.startswith(SIGNALS) for value in event.summary.value):
                    last = max(last, event.step)
        if name not in self._writers:
            self._writers[name] = EventFileWriter(str(place))
            lines = [f"    {key}: {value}" for key, value in settings.items()]
            self._add(name, last, [_text("settings", "\n".join(lines))])
        return last

    def log(self, name: str, steps: Sequence[TrackedStep]) -> None:
        """Add scalars and pictures."""
        for step in steps:
            values = [
                Summary.Value(tag=f"{SIGNALS}/{signal}", simple_value=value)
                for signal, value in step.row.items()
            ]
            if step.samples is not None:
                values.append(_picture(step.samples))
            self._add(name, step.step, values)
        self._writers[name].flush()

    def end(self, name: str, end: TrackedEnd) -> None:
        """Add the figures as scalars, state and verdict as text."""
        values = [_text(label, text) for label, text in end.labels.items()]
        values += [
            Summary.Value(tag=f"{FINAL}/{figure}", simple_value=value)
            for figure, value in end.figures.items()
        ]
        self._add(name, end.step, values)
        self._writers.pop(name).close()

    def close(self) -> None:
        """Close all event files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _add(self, name: str, step: int, values: list[Summary.Value]) -> None:
        now = time.time()  # noqa: TID251  a time of the day
        event = Event(wall_time=now, step=step, summary=Summary(value=values))
        self._writers[name].add_event(event)


def _picture(path: Path) -> Summary.Value:
    with Image.open(path) as picture:
        (width, height), channels = picture.size, len(picture.getbands())
    image = Summary.Image(
        height=height,
        width=width,
        colorspace=channels,
        encoded_image_string=path.read_bytes(),
    )
    return Summary.Value(tag=SAMPLES, image=image)


def _text(tag: str, text: str) -> Summary.Value:
    """Return a text as TensorBoard's text plugin reads it; Markdown."""
    content = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    plugin = SummaryMetadata.PluginData(plugin_name="text")
    return Summary.Value(tag=tag, tensor=content, metadata=SummaryMetadata(plugin_data=plugin))

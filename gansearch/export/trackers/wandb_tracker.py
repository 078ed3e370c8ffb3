"""Weights & Biases, and trackio, which has the same interface: a run for each training."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any, Literal

from gansearch.export.trackers.tracker import FINAL, SAMPLES, SIGNALS, TrackedEnd, TrackedStep

STEP = "training_step"
"""Name of the step, by which W&B's charts can be drawn and a resumed run is continued."""


class WandbTracker:
    """Runs of W&B or trackio, one for each training, several at a time."""

    def __init__(
        self, module: Literal["wandb", "trackio"], study: str, identity: str, folder: str
    ) -> None:
        """Import the library.

        Args:
            module: the library.
            study: name of the study and of its project.
            identity: random text that tells runs of one study in several folders apart.
            folder: folder for the files of W&B.
        """
        self._library: Any = import_module(module)
        self._project, self._identity = study, identity
        self._runs: dict[str, Any] = {}
        self._last: dict[str, int] = {}
        # Each library has arguments of its own besides those that both know.
        self._own: dict[str, Any] = {"embed": False, "auto_log_cpu": False, "auto_log_gpu": False}
        if module == "wandb":
            settings = self._library.Settings(silent=True)  # several lines for each training
            self._own = {"reinit": "create_new", "dir": folder, "settings": settings}

    def begin(self, name: str, settings: Mapping[str, Any]) -> int:
        """Open a run, or the one of an earlier search where the library can tell it."""
        if name in self._runs:
            return self._last[name]
        own = dict(self._own)
        if self._library.__name__ == "wandb":
            own |= {"id": f"{self._identity}-{name}", "name": name}
        else:
            own["name"] = f"{self._identity}-{name}"  # by which trackio tells runs apart
        # In a context of its own, since trackio ends the run that it opened before in this one.
        with redirect_stdout(StringIO()):  # where trackio prints how to see each run
            run = contextvars.copy_context().run(
                self._library.init,
                project=self._project,
                group=self._identity,
                config=dict(settings),
                resume="allow",
                **own,
            )
        self._runs[name] = run
        # W&B knows the summary of a run on its server; offline, and in trackio, steps of an
        # interrupted training are written again.
        summary = getattr(run, "summary", None)
        self._last[name] = int(summary.get(STEP, 0)) if summary is not None else 0
        return self._last[name]

    def log(self, name: str, steps: Sequence[TrackedStep]) -> None:
        """Add signals and pictures."""
        run = self._runs[name]
        for step in steps:
            values: dict[str, Any] = {f"{SIGNALS}/{key}": value for key, value in step.row.items()}
            if step.samples is not None:
                values[SAMPLES] = self._library.Image(str(step.samples))
            self._last[name] = max(self._last[name], step.step)
            run.log(values | {STEP: step.step}, step=self._last[name])

    def end(self, name: str, end: TrackedEnd) -> None:
        """Add figures, state and verdict, and end the run; a paused one stays open."""
        run, step = self._runs[name], max(end.step, self._last[name])
        figures: dict[str, Any] = {f"{FINAL}/{key}": value for key, value in end.figures.items()}
        run.log(figures | end.labels, step=step)
        if end.state != "paused":
            self._finish(name)

    def close(self) -> None:
        """End all runs."""
        for name in [*self._runs]:
            self._finish(name)

    def _finish(self, name: str) -> None:
        with redirect_stdout(StringIO()):
            self._runs.pop(name).finish()

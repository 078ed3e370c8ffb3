"""MLflow: a run for each training, in the experiment of the study's name."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from gansearch.export.trackers.tracker import FINAL, SAMPLES, SIGNALS, TrackedEnd, TrackedStep

FOLDER, TRAINING = "gansearch.run", "gansearch.training"
"""Tags of a run: identity of the run folder, and name of the training."""
MAX_METRICS, MAX_PARAMS, MAX_TAG = 1000, 100, 5000
"""Most metrics and parameters of a batch, and characters of a tag, that MLflow takes."""
PARAM_LENGTH = 500
"""Characters of a parameter's value that every store of MLflow takes."""


class MLflowTracker:
    """Client of the server at MLFLOW_TRACKING_URI, or else of a database in the run folder."""

    def __init__(self, study: str, identity: str, uri: str, artifacts: Path | None) -> None:
        """Open or create the experiment.

        Args:
            study: name of the study and its experiment.
            identity: random text that tells runs of one study in several folders apart.
            uri: tracking URI.
            artifacts: folder of the pictures where the experiment is new; None as the server says.
        """
        self._client, self._identity = MlflowClient(uri), identity
        self._runs: dict[str, str] = {}
        known = self._client.get_experiment_by_name(study)
        if known is not None:
            self._experiment = known.experiment_id
            return
        place = None if artifacts is None else artifacts.absolute().as_uri()
        self._experiment = self._client.create_experiment(study, artifact_location=place)

    def begin(self, name: str, settings: Mapping[str, Any]) -> int:
        """Open the run of an earlier search by its tags, or create one."""
        query = f"tags.`{FOLDER}` = '{self._identity}' and tags.`{TRAINING}` = '{name}'"
        found = self._client.search_runs([self._experiment], query, max_results=1)
        if found:
            run = found[0]
            self._client.update_run(run.info.run_id, status="RUNNING")
        else:
            tags = {FOLDER: self._identity, TRAINING: name}
            run = self._client.create_run(self._experiment, tags=tags, run_name=name)
            items = list(settings.items())
            for i in range(0, len(items), MAX_PARAMS):
                part = items[i : i + MAX_PARAMS]
                params = [Param(key, str(value)[:PARAM_LENGTH]) for key, value in part]
                self._client.log_batch(run.info.run_id, params=params)
        self._runs[name] = run.info.run_id
        logged = [key for key in run.data.metrics if key.startswith(f"{SIGNALS}/")]
        histories = (self._client.get_metric_history(run.info.run_id, key) for key in logged)
        return max((metric.step for history in histories for metric in history), default=0)

    def log(self, name: str, steps: Sequence[TrackedStep]) -> None:
        """Add signals as metrics, and pictures as artifacts."""
        now = round(time.time() * 1000)  # noqa: TID251  a time of the day
        metrics = [
            Metric(f"{SIGNALS}/{signal}", value, now, step.step)
            for step in steps
            for signal, value in step.row.items()
        ]
        for i in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(self._runs[name], metrics[i : i + MAX_METRICS])
        for step in steps:
            if step.samples is not None:
                self._client.log_artifact(self._runs[name], str(step.samples), SAMPLES)

    def end(self, name: str, end: TrackedEnd) -> None:
        """Add figures as metrics, state and verdict as tags, and end the run."""
        now = round(time.time() * 1000)  # noqa: TID251  a time of the day
        run = self._runs.pop(name)
        metrics = [
            Metric(f"{FINAL}/{figure}", value, now, end.step)
            for figure, value in end.figures.items()
        ]
        tags = [RunTag(label, text[:MAX_TAG]) for label, text in end.labels.items()]
        self._client.log_batch(run, metrics, tags=tags)
        status = {"complete": "FINISHED", "paused": "SCHEDULED"}.get(end.state, "FAILED")
        self._client.set_terminated(run, status)

    def close(self) -> None:
        """Mark trainings that an interrupted search left as killed; a resumed one goes on."""
        for run in self._runs.values():
            self._client.set_terminated(run, "KILLED")
        self._runs.clear()

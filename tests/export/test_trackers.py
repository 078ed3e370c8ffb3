"""What trackers hold after a run, read back by their own libraries, offline."""

import json
import logging
import math
import struct
from dataclasses import replace

import pytest
from PIL import Image

from gansearch.errors import GansearchError
from gansearch.export.trackers.listener import TrackerListener
from gansearch.export.trackers.opening import tracker_listeners
from gansearch.messages import Progress
from gansearch.signals import Remedy, Verdict
from gansearch.storage.run_folder import RunFolder
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import Attempt, Rescue

HEALTHY = Verdict("healthy")
COLLAPSED = Verdict("mode-collapse", 9, {"rule": "few samples"}, "mode-collapse")
REMEDY = Remedy("another rate", "it collapsed", "a paper", {"schedule": {"generator_lr": 1e-4}})


def rows(count, offset=0.0):
    """Signals of steps; coverage is measured at every fifth, and one loss is not a number."""
    made = [{"g_loss": step / 4 + offset, "d_loss_real": 0.5} for step in range(1, count + 1)]
    for row in made[4::5]:
        row["coverage"] = 0.25
    made[2]["d_loss_real"] = math.nan
    return made


def write(files, made, *pictures):
    """Write what a worker leaves at the end of a training."""
    files.write_signals(made)
    for step in pictures:
        Image.new("L", (8, 8), step).save(files.sample_path(step))


@pytest.fixture
def folder(study_text, tmp_path):
    spec = StudyDocument.parse(study_text).spec()
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    return folder


@pytest.fixture
def tracked(folder, trial, monkeypatch):
    """Pass three trainings to a tracker: 0 is healthy, 1 is paused and promoted by a later search,
    2 collapses and is rescued in vain. Signals come live, except the last steps and those of 2."""

    def track(name):
        spec = folder.spec().model_copy(update={"trackers": (name,)})
        folder.write_study(spec)
        first, second, third = (trial(n, 100 - n, 0.5, state="running") for n in range(3))
        with tracker_listeners(folder, "trial", folder.trial) as (listener,):
            listener.began([], 2)
            listener.started(first)
            listener.started(second)
            made = rows(10)
            write(folder.trial(0), made, 5, 10)
            listener.progressed(Progress(0, 5, 10, 1.0, made[4], HEALTHY, made[:5]))
            listener.progressed(Progress(1, 5, 10, 1.0, made[4], HEALTHY, made[:5]))
            listener.ended(replace(first, state="complete", verdict=HEALTHY, steps=10))
            write(folder.trial(1), made[:5], 5)
            listener.ended(replace(second, state="paused", verdict=HEALTHY, steps=5))
        with tracker_listeners(folder, "trial", folder.trial) as (listener,):
            listener.started(replace(second, steps=5))
            write(folder.trial(1), made, 5, 10)
            listener.progressed(Progress(1, 8, 10, 1.0, made[7], HEALTHY, made[5:8]))
            listener.ended(replace(second, state="complete", verdict=HEALTHY, steps=10))
            listener.started(third)
            write(folder.trial(2), rows(9), 9)
            collapsed = replace(third, state="pruned", verdict=COLLAPSED, steps=9)
            listener.rescuing(collapsed, REMEDY)
            write(folder.trial(2).rescue, rows(4, offset=100))
            attempts = Attempt(COLLAPSED, 9, 1.0), Attempt(Verdict("diverged", 4), 4, 1.0)
            listener.ended(replace(collapsed, rescue=Rescue(REMEDY, *attempts, succeeded=False)))
        return folder.tracking

    for variable in ("MLFLOW_TRACKING_URI", "WANDB_API_KEY", "TRACKIO_SPACE_ID"):
        monkeypatch.delenv(variable, raising=False)
    return track


NAMES = ("trial-0000", "trial-0001", "trial-0002", "trial-0002-rescue")
VERDICTS = ("healthy", "healthy", "mode-collapse", "diverged")
LOSSES = {
    name: [step / 4 + 100 * (name == NAMES[3]) for step in range(1, count + 1)]
    for name, count in zip(NAMES, (10, 10, 9, 4), strict=True)
}
COVERAGE = {NAMES[0]: [5, 10], NAMES[1]: [5, 10], NAMES[2]: [5], NAMES[3]: []}
PICTURES = {NAMES[0]: [5, 10], NAMES[1]: [5, 10], NAMES[2]: [9], NAMES[3]: []}


def test_tensorboard_holds_every_signal_sample_and_verdict(tracked):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    place = tracked("tensorboard") / "tensorboard"
    assert sorted(path.name for path in place.iterdir()) == sorted(NAMES)
    for name, verdict in zip(NAMES, VERDICTS, strict=True):
        events = EventAccumulator(str(place / name), size_guidance={"scalars": 0, "images": 0})
        events.Reload()
        losses = events.Scalars("signals/g_loss")
        assert [event.step for event in losses] == list(range(1, len(LOSSES[name]) + 1))
        assert [event.value for event in losses] == LOSSES[name]
        assert math.isnan(events.Scalars("signals/d_loss_real")[2].value)
        measured = events.Scalars("signals/coverage") if COVERAGE[name] else []
        assert [event.step for event in measured] == COVERAGE[name]
        shown = events.Images("samples") if PICTURES[name] else []
        assert [(event.step, event.width) for event in shown] == [(n, 8) for n in PICTURES[name]]
        (told,) = events.Tensors("verdict")[-1:]
        assert make_ndarray(told.tensor_proto).item().decode() == verdict
    assert events.Tags()["scalars"] == ["signals/g_loss", "signals/d_loss_real"]


@pytest.mark.filterwarnings("ignore:The ``noload``")  # MLflow, of SQLAlchemy 2.1
def test_mlflow_holds_every_signal_sample_and_verdict(tracked):
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    from mlflow.tracking import MlflowClient

    place = tracked("mlflow")
    client = MlflowClient(f"sqlite:///{place / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert sorted(runs) == sorted(NAMES)
    for name, verdict in zip(NAMES, VERDICTS, strict=True):
        key = runs[name].info.run_id
        losses = client.get_metric_history(key, "signals/g_loss")
        steps = sorted((metric.step, metric.value) for metric in losses)
        assert steps == list(enumerate(LOSSES[name], start=1))
        real = client.get_metric_history(key, "signals/d_loss_real")
        assert [metric.step for metric in real if math.isnan(metric.value)] == [3]
        measured = client.get_metric_history(key, "signals/coverage")
        assert sorted(metric.step for metric in measured) == COVERAGE[name]
        pictures = sorted(file.path for file in client.list_artifacts(key, "samples"))
        assert pictures == [f"samples/step-{step:06d}.png" for step in PICTURES[name]]
        assert runs[name].data.tags["verdict"] == verdict
    first = runs["trial-0000"].data
    assert first.params["schedule.generator_lr"] == "0.001"
    assert first.metrics["final/generator_params"] == 100
    statuses = [runs[name].info.status for name in NAMES]
    assert statuses == ["FINISHED", "FINISHED", "FAILED", "FAILED"]


def log_records(content, header=7, block=1 << 15):
    """Yield the records of a file in LevelDB's log format, as W&B writes it offline."""
    at, parts = header, b""
    while at + 7 <= len(content):
        if block - at % block < 7:  # what is left of a block is padding
            at += block - at % block
            continue
        _, size, kind = struct.unpack("<IHB", content[at : at + 7])
        parts += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def test_wandb_holds_every_signal_sample_and_verdict_offline(tracked, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    place = tracked("wandb") / "wandb"
    seen = {name: {} for name in NAMES}
    for file in sorted(place.glob("offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime):
        name = ""
        for content in log_records(file.read_bytes()):
            record = Record.FromString(content)
            if record.HasField("run"):
                name = record.run.display_name
            for item in record.history.item:
                key = item.key or "/".join(item.nested_key)
                at = record.history.step.num
                seen[name].setdefault(key, {})[at] = json.loads(item.value_json)
    for name, verdict in zip(NAMES, VERDICTS, strict=True):
        values = seen[name]
        assert list(values["signals/g_loss"].items()) == list(enumerate(LOSSES[name], start=1))
        assert sorted(values.get("signals/coverage", {})) == COVERAGE[name]
        assert sorted(values.get("samples/path", {})) == PICTURES[name], sorted(values)
        assert list(values["verdict"].values())[-1] == verdict
    assert list(seen["trial-0000"]["final/generator_params"].values()) == [100]
    assert len([*place.glob("offline-run-*/files/media/images/*.png")]) >= 5


def test_trackio_holds_every_signal_sample_and_verdict(tracked, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("trackio", reason="trackio is not installed")
    from trackio.sqlite_storage import SQLiteStorage

    tracked("trackio")
    runs = {name.partition("-")[2]: name for name in SQLiteStorage.get_runs("tiny")}
    assert sorted(runs) == sorted(NAMES)
    for name, verdict in zip(NAMES, VERDICTS, strict=True):
        logs = SQLiteStorage.get_logs("tiny", runs[name])

        def values(key, logs=logs):
            return {log["step"]: log[key] for log in logs if key in log}

        assert sorted(values("signals/g_loss").items()) == list(enumerate(LOSSES[name], start=1))
        assert sorted(values("signals/coverage")) == COVERAGE[name]
        assert sorted(values("samples")) == PICTURES[name]
        assert list(values("verdict").values())[-1] == verdict


def test_a_missing_library_is_named_before_the_search(folder, monkeypatch):
    monkeypatch.setattr("gansearch.export.trackers.opening.find_spec", lambda name: None)
    folder.write_study(folder.spec().model_copy(update={"trackers": ("mlflow",)}))
    message = r"trackers: mlflow is not installed; pip install 'gansearch\[mlflow\]'"
    opening = tracker_listeners(folder, "trial", folder.trial)
    with pytest.raises(GansearchError, match=message), opening:
        pass


class Full:
    """A tracker whose disk is full."""

    def begin(self, name, settings):
        return 0

    def log(self, name, steps):
        raise OSError("no space left on device")


def test_a_tracker_that_fails_does_not_end_the_search(folder, trial, caplog):
    listener = TrackerListener(Full(), "trial", folder.trial)
    record = trial(0, 100, 0.5, state="running")
    listener.started(record)
    with caplog.at_level(logging.WARNING):
        listener.progressed(Progress(0, 3, 9, 1.0, {}, HEALTHY, rows(3)))
        listener.progressed(Progress(0, 6, 9, 1.0, {}, HEALTHY, rows(3)))
        listener.ended(record)
        listener.close()
    (told,) = caplog.messages
    assert told == (
        "the search goes on without Full, which failed: OSError: no space left on device"
    )

"""A finished study in a run folder, written through the store as the driver writes it."""

import math
import shutil
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler

from gansearch.cli import main
from gansearch.signals import Remedy, Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import BASELINE, CERTIFIES, SEED, certification_name
from gansearch.storage.trial_folder import CANDIDATE, VERDICT
from gansearch.storage.trial_store import TrialStore
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

STUDY = """
name: shrink
dataset: {use: fashion-mnist}
generator:
  use: dcgan
  levels: 2
  width: {low: 1, high: 32, log: true}
  norm: {choices: [batch, none]}
discriminator: {use: dcgan, layers: 2, width: 16, norm: none}
loss: {use: bce}
schedule: {use: alternating, generator_lr: {low: 1.0e-4, high: 4.0e-3, log: true}}
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: mmd, direction: minimize}
baseline: {generator: {width: 32}}
search: {sampler: random, trials: 12}
certification: {tolerance_reference: baseline}
"""

HEALTHY = Verdict("healthy")
CONDEMNED = Verdict(
    "convergence-failure",
    600,
    {
        "rule": "the discriminator has won for 412 steps on end",
        "dominance": 0.0123,
        "accuracy": 1.0,
    },
    "convergence-failure",
)
COLLAPSED = Verdict(
    "mode-collapse",
    1000,
    {"rule": "the samples cover less than 2% of the data", "coverage": 0.001},
    "mode-collapse",
)
DIVERGED = Verdict(
    "diverged",
    51,
    {"rule": "the generator's loss or a mean score beyond 100 for 50 steps", "largest": 8e16},
    "divergence",
)

LOWER_RATE = Remedy(
    "halve the generator's learning rate",
    "its loss jumped by 120%",
    "a paper",
    {"schedule": {"generator_lr": 5e-5}},
)

# width, generator_params, learning rate, verdict, mmd, fid, coverage; the first is the baseline
TRIALS = [
    (32, 234_177, 2e-4, HEALTHY, 0.0520, 134.0, 0.186),
    (16, 108_897, 2e-3, HEALTHY, 0.0305, 81.0, 0.354),
    (8, 52_401, 1e-3, HEALTHY, 0.0398, 107.0, 0.261),
    (4, 25_689, 1e-3, HEALTHY, 0.0610, 153.0, 0.191),
    (32, 234_177, 1e-3, HEALTHY, 0.0330, 84.0, 0.330),
    (1, 1_290, 1e-3, COLLAPSED, None, None, None),
    (2, 3_309, 2e-3, HEALTHY, 0.0625, 158.0, 0.159),
    (4, 6_873, 2e-3, HEALTHY, 0.0540, 128.0, 0.212),
    (6, 10_693, 4e-3, DIVERGED, None, None, None),
    (2, 3_100, 1e-4, CONDEMNED, None, None, None),
    (6, 10_693, 2e-3, HEALTHY, 0.0569, 142.0, 0.159),
]


@pytest.fixture
def call(capsys):
    """Run a command; gives exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return stop.value.code or 0, told.out, told.err

    return run


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    """The run folder of a study of eleven trials, one more that crashed, and one still running."""
    return shutil.copytree(recorded, tmp_path / "runs" / "shrink")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `run` copies, since writing it takes a second."""
    spec = StudyDocument.parse(STUDY).spec()
    folder = RunFolder.create(tmp_path_factory.mktemp("recorded"), spec)
    folder.write_study(spec)
    database = database_of(folder.path, None)
    store = TrialStore.open(database, spec.name, spec.objectives)
    for number, (width, size, rate, verdict, *figures) in enumerate(TRIALS):
        parameters = {
            "generator.width": width,
            "generator.norm": "batch",
            "schedule.generator_lr": rate,
        }
        store.enqueue(parameters, **({BASELINE: True} if number == 0 else {}))
        trial = store.ask(RandomSampler())
        candidate = {
            "generator": {"use": "dcgan", "width": width, "norm": "batch", "levels": 2},
            "schedule": {"use": "alternating", "generator_lr": rate},
        }
        record = TrialRecord(
            number,
            "pruned" if verdict.failed else "complete",
            parameters,
            candidate=candidate,
            identity=f"{number:016x}",
            sizes={
                "generator_params": size,
                "generator_trainable": size - 64,
                "discriminator_params": 10_081,
            },
            verdict=verdict,
            metrics={"latency_ms_1": width / 10}
            | (
                {}
                if verdict.failed
                else dict(zip(("mmd", "fid", "coverage"), figures, strict=True))
            ),
            signals={"d_loss_real": 0.41, "d_loss_fake": 0.44, "g_loss": 1.7, "pair_ratio": 0.83},
            remedies=(LOWER_RATE,) if verdict is CONDEMNED else (),
            steps=verdict.step or 1500,
            seconds=41.5,
            stamp={"device": "cpu", "samples": 2000},
            baseline=number == 0,
        )
        values = (
            None if verdict.failed else [record.figures["generator_params"], record.figures["mmd"]]
        )
        store.tell(trial, record, values, {"failure": float(verdict.failed), "invalid": 0.0})
        _write_files(folder, record)
    _crash_one(store, spec, len(TRIALS))
    parameters = {"generator.width": 3, "generator.norm": "none", "schedule.generator_lr": 1e-3}
    store.enqueue(parameters)
    store.begin(store.ask(RandomSampler()), TrialRecord(-1, "running", parameters))
    return folder.path


@pytest.fixture
def certified(run: Path, recorded_certified: Path) -> Path:
    """The same run after trial 7 has come out healthy with four fresh seeds, and trial 6 with
    one."""
    for file in recorded_certified.glob("study.db*"):
        shutil.copyfile(file, run / file.name)
    return run


@pytest.fixture(scope="session")
def recorded_certified(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose database `certified` copies."""
    place = tmp_path_factory.mktemp("certified") / "shrink"
    folder = RunFolder.open(shutil.copytree(recorded, place))
    spec = folder.spec()
    store = TrialStore.open(
        database_of(folder.path, None), certification_name(spec.name), spec.objectives
    )
    for number, (trial, seed, mmd) in enumerate(
        [(7, 1, 0.05), (7, 2, 0.055), (7, 3, 0.06), (7, 4, 0.052), (6, 1, 0.07)]
    ):
        store.enqueue({}, **{CERTIFIES: trial, SEED: seed})
        asked = store.ask(RandomSampler())
        record = TrialRecord(
            number,
            "complete",
            {},
            metrics={"mmd": mmd},
            verdict=HEALTHY,
            steps=1500,
            certifies=trial,
            seed=seed,
        )
        store.tell(asked, record, [6873, mmd], {"failure": 0.0})
    return folder.path


def _crash_one(store, spec, number):
    store.enqueue({"generator.width": 20, "generator.norm": "none", "schedule.generator_lr": 1e-3})
    trial = store.ask(RandomSampler())
    record = TrialRecord(
        number, "failed", {}, sizes={"generator_params": 130_000}, reason="raised: boom"
    )
    store.tell(trial, record, None, {"failure": 1.0, "invalid": 0.0})


def _write_files(folder, record):
    trial = folder.trial(record.number)
    trial.write_json(CANDIDATE, record.candidate)
    trial.write_json(VERDICT, record.verdict.to_json())
    rows = []
    for step in range(1, record.steps + 1):
        swing = math.sin(step / 3) * 0.15 + math.sin(step * 1.7) * 0.1
        row = {
            "d_loss_real": 0.5 + swing,
            "d_loss_fake": 0.55 - swing,
            "g_loss": 1.5 + swing + step / 2000,
        }
        row |= {
            "d_acc_real": 0.8 + swing / 3,
            "d_acc_fake": 0.78 - swing / 3,
            "dominance": 1.05 + swing,
        }
        if step % 10 == 0:
            row["pair_ratio"] = 0.9 * (1 - math.exp(-step / 400))
        if step >= 1000 and step % 250 == 0:
            row |= {"coverage": record.metrics.get("coverage", 0.001), "duplicates": 0.0}
        rows.append(row)
    trial.write_signals(rows)

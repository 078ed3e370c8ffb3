"""Candidates that several real processes train together: what comes of them, and of a process that fails."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import psutil
import pytest
import torch
from support.looks import LooksEvery
from support.stubs import OUTCOME, Phone

from gansearch.diagnosis.detection import RunWatch
from gansearch.execution.trial_runner import TrialRunner
from gansearch.execution.worker import is_ending, start_server, task_of
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, listen
from gansearch.messages import AtRung, Job, Progress
from gansearch.registry import Registry
from gansearch.signals import HEALTHY
from gansearch.storage.run_folder import GENERATOR
from gansearch.study.spec import StepsSpec
from gansearch.training import checkpoint
from gansearch.training.distributed import ALONE, joined
from gansearch.training.loop import train

SIGKILLED = "its process was ended by SIGKILL, as the system does when memory runs out"


@pytest.fixture
def together():
    """Has so many processes do a job; gives how it ends. They stop where `stops` says so of a message."""

    def run(evaluate, job, size=2, stops=lambda message: False, heartbeat_timeout=60.0):
        start_server(1)
        team = WorkerGroup(
            task_of(evaluate, job), WorkerLimits(1, heartbeat_timeout, size), "together"
        )
        try:
            while True:
                for message in listen({0: team}, 1.0)[0]:
                    if is_ending(message):
                        return message
                    if stops(message):
                        team.say(None)
                        team.end(60.0)
                        return None
                    if isinstance(message, AtRung):
                        team.say(True)
        finally:
            team.end(0.0)

    return run


# --------------------------------------------------------------------------------------------------
# What comes of it


@pytest.fixture
def judge(make_spec, make_space):
    """Trains and judges as a study does; steps are told one by one."""
    spec, space = make_spec("training.signals_every=1", "training.steps=12"), make_space()
    detectors = (LooksEvery(first=4, between=4),)
    return TrialRunner(spec.training, detectors, space.metrics, ["sliced_wasserstein"], [0.5])


def figures(outcome):
    """What an outcome says, but for what depends on the machine's pace."""
    metrics = {
        name: value for name, value in outcome.metrics.items() if not name.startswith("latency")
    }
    return {**metrics, **outcome.signals, **outcome.rungs[0].metrics}


def test_two_processes_come_to_what_one_comes_to(judge, make_space, tmp_path, together):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = judge(Job(0, make_space().baseline, tmp_path / "one"), Phone())
    two = together(judge, Job(0, make_space().baseline, tmp_path / "two"))
    assert (two.verdict, two.steps, two.stamp["workers"]) == (one.verdict, one.steps, 2)
    assert figures(two) == pytest.approx(figures(one), rel=1e-3, nan_ok=True)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    }


SAME = {
    "no norm": [],
    "norms": ["generator.norm=batch", "discriminator.norm=batch"],
    "norms that see both": [
        "generator.norm=batch",
        "discriminator.norm=batch",
        "schedule.mixed_batches=true",
    ],
    "gradient penalty": ["loss={use: wasserstein-gp}", "discriminator.norm=batch"],
    "spectral norm": ["discriminator.spectral_norm=true"],
    "packs in shares of unequal size": ["discriminator.packing=4", "training.batch_size=12"],
    "feature matching": ["loss={use: feature-matching}", "discriminator.packing=2"],
    "average": ["schedule.generator_ema=0.9", "generator.norm=batch"],
}


@dataclass(frozen=True)
class Compares:
    """An `Evaluate` that trains each of the job's candidates alone and with the others, in double precision."""

    trainings: Mapping[str, StepsSpec]

    def __call__(self, job, line):
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double
        with joined(job.seat, torch.device("cpu")) as ranks:
            apart = {
                name: self._apart(candidate, name, ranks)
                for name, candidate in job.candidate.items()
            }
        return replace(OUTCOME, metrics=apart)

    def _apart(self, candidate, name, ranks):
        """The largest difference of any gradient, weight or statistic, or of a signal."""
        data, training = candidate.dataset.load(), self.trainings[name]
        one, all_of_them = (
            train(candidate, data, training, RunWatch(()), ranks=r) for r in (ALONE, ranks)
        )
        pairs = [*zip(_tensors(one), _tensors(all_of_them), strict=True)]
        pairs += [
            (torch.tensor([*a.values()]), torch.tensor([*b.values()]))
            for a, b in zip(one.rows, all_of_them.rows, strict=True)
        ]
        return max(float((a - b).abs().max()) for a, b in pairs)


def _tensors(run):
    networks = [
        run.players.judged,
        run.players.generator.network,
        run.players.discriminator.network,
    ]
    gradients = [p.grad for network in networks for p in network.parameters() if p.grad is not None]
    return [
        *gradients,
        *(tensor for network in networks for tensor in network.state_dict().values()),
    ]


@pytest.mark.parametrize("size", [2, 3])
def test_whatever_is_shared_out_gradients_weights_and_signals_are_those_of_one_process(
    make_spec, make_space, tmp_path, together, size
):
    steps = ("training.steps=3", "discriminator.layers=2")
    trainings = {
        name: make_spec(*steps, *change).training.in_steps(400) for name, change in SAME.items()
    }
    candidates = {name: make_space(*steps, *change).baseline for name, change in SAME.items()}
    outcome = together(Compares(trainings), Job(0, candidates, tmp_path), size)
    assert {name: apart for name, apart in outcome.metrics.items() if apart > 1e-10} == {}
    assert outcome.metrics.keys() == SAME.keys()


@pytest.mark.parametrize(("first", "then"), [(1, 2), (2, 1), (2, 3)])
def test_a_stopped_run_goes_on_with_other_processes_as_if_nothing_had_been(
    judge, make_space, tmp_path, together, first, then
):
    for name in ("whole", "stopped", "resumed"):
        (tmp_path / name).mkdir()
    candidate = make_space().baseline
    whole = judge(Job(0, candidate, tmp_path / "whole"), Phone())
    at_five = lambda message: isinstance(message, Progress) and message.step == 5  # noqa: E731
    assert together(judge, Job(0, candidate, tmp_path / "stopped"), first, stops=at_five) is None
    resumed = together(
        judge, Job(0, candidate, tmp_path / "resumed", resume_from=tmp_path / "stopped"), then
    )
    assert resumed.steps == whole.steps
    assert figures(resumed) == pytest.approx(figures(whole), rel=1e-3, nan_ok=True)
    networks = [checkpoint.load(tmp_path / name, GENERATOR) for name in ("whole", "resumed")]
    assert networks[0].keys() == networks[1].keys()
    assert all(
        torch.allclose(networks[0][key], networks[1][key], rtol=1e-3, atol=1e-5)
        for key in networks[0]
    )


def test_all_processes_end_at_the_step_at_which_a_detector_condemns_the_run(
    make_spec, make_space, tmp_path, together
):
    vanishing = Registry().load("detector", "divergence")(vanished=1e9, patience=1)
    judge = TrialRunner(make_spec().training, [vanishing], {})
    outcome = together(judge, Job(0, make_space().baseline, tmp_path))
    assert outcome.verdict.status == "diverged"
    assert outcome.verdict == judge(Job(0, make_space().baseline, tmp_path), Phone()).verdict


# --------------------------------------------------------------------------------------------------
# What comes of a process that fails


@dataclass(frozen=True)
class Fails:
    """An `Evaluate` whose processes do nothing but agree, until one of them fails."""

    rank: int
    how: str

    def __call__(self, job, line):
        (job.folder / str(job.seat.rank)).write_text(str(os.getpid()))
        with joined(job.seat, torch.device("cpu")) as ranks:
            for step in count():
                ranks.agreed(step)
                line.progress(Progress(0, step, 0, 0.0, {}, HEALTHY))
                if step == 3 and ranks.rank == self.rank:
                    self._fail()
        return OUTCOME

    def _fail(self):
        match self.how:
            case "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raises":
                raise ValueError("no such thing")
            case "hangs":
                time.sleep(600)


@pytest.mark.parametrize(
    ("rank", "how", "crash"),
    [
        (0, "is killed", ("died", f"rank 0: {SIGKILLED}")),
        (1, "is killed", ("died", f"rank 1: {SIGKILLED}")),
        (0, "raises", ("raised", "rank 0: ValueError: no such thing")),
        (1, "raises", ("raised", "rank 1: ValueError: no such thing")),
        (1, "hangs", ("died", "no word for 5 s")),
    ],
)
def test_a_process_that_fails_is_named_and_ends_all_of_its_candidate(
    tmp_path, together, rank, how, crash
):
    ending = together(Fails(rank, how), Job(0, "fails", tmp_path), 3, heartbeat_timeout=5.0)
    assert (ending.kind, ending.message) == crash
    assert [
        path.name for path in tmp_path.iterdir() if psutil.pid_exists(int(path.read_text()))
    ] == []


def test_samples_too_few_for_every_process_are_refused(make_spec, make_space, tmp_path, together):
    overrides = ("training.batch_size=2", "schedule.half_batches=true")
    judge = TrialRunner(make_spec(*overrides).training, (), {})
    crash = together(judge, Job(0, make_space(*overrides).baseline, Path(tmp_path)))
    assert crash.message.endswith(
        "GansearchError: 2 processes cannot share 1 samples in packs of 1"
    )

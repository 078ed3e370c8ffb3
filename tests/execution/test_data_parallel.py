"""Candidates that several real processes train together, and processes that fail."""

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
from support.stubs import OUTCOME, RecordingChannel

from gansearch.diagnosis.detection import RunWatch
from gansearch.execution.trial_runner import TrialRunner
from gansearch.execution.worker import is_ending, pickle_task, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import AtRung, Decision, Job, Progress
from gansearch.registry import Registry
from gansearch.signals import HEALTHY
from gansearch.storage.trial_folder import GENERATOR
from gansearch.storage.weights import load_weights
from gansearch.study.spec import StepsSpec
from gansearch.training.distributed import SINGLE, process_group
from gansearch.training.loop import train

SIGKILLED = "its process was ended by SIGKILL, as the system does when memory runs out"


@pytest.fixture
def together():
    """Run a job in several processes and return its ending; stop it at a message that `stops`."""

    def run(evaluate, job, size=2, stops=lambda message: False, heartbeat_timeout=60.0):
        start_forkserver(1)
        group = WorkerGroup(
            pickle_task(evaluate, job), WorkerLimits(1, heartbeat_timeout, size), "together"
        )
        try:
            while True:
                for message in receive_all({0: group}, 1.0)[0]:
                    if is_ending(message):
                        return message
                    if stops(message):
                        group.send(None)
                        group.end(60.0)
                        return None
                    if isinstance(message, AtRung):
                        group.send(Decision.CONTINUE)
        finally:
            group.end(0.0)

    return run


# --------------------------------------------------------------------------------------------------
# Equality with one process


@pytest.fixture
def runner(make_spec, make_space):
    """Trial runner that reports every step."""
    spec, space = make_spec("training.signals_every=1", "training.steps=12"), make_space()
    detectors = (LooksEvery(first=4, between=4),)
    return TrialRunner(spec.training, detectors, space.metrics, ["sliced_wasserstein"], [0.5])


COUNTS = ("d_acc_real", "d_acc_fake", "coverage", "duplicates", "modes")
"""Figures that count samples on one side of a threshold."""


def assert_close(outcome, expected):
    """Compare all figures but latencies between runs that add floats in different orders.

    A sum over 64 weights and 16 samples differs by at most (64 + 16) * 2**-23, about 1e-5 relative,
    which makes 1e-4 over 12 steps; Adam divides by gradients that nearly cancel: 10 times that.
    A count may differ by one sample of 100 on the other side of its threshold, or by one mode.
    """
    own, other = (
        {**one.metrics, **one.signals, **one.rungs[0].metrics} for one in (outcome, expected)
    )
    assert own.keys() == other.keys()
    for name in own.keys() - {"latency_ms_1", "latency_ms_64"}:
        slack = {"rel": 1e-3}
        if name in COUNTS:
            slack = {"abs": 1 if name == "modes" else 0.01}
        assert own[name] == pytest.approx(other[name], nan_ok=True, **slack), name


def test_two_processes_give_the_figures_of_one(runner, make_space, tmp_path, together):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = runner(Job(0, make_space().baseline, tmp_path / "one"), RecordingChannel())
    two = together(runner, Job(0, make_space().baseline, tmp_path / "two"))
    assert (two.verdict, two.steps, two.stamp["workers"]) == (one.verdict, one.steps, 2)
    assert_close(two, one)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    }


SAME = {
    "no norm": [],
    "norms": ["generator.norm=batch", "discriminator.norm=batch"],
    "norms over real and generated samples": [
        "generator.norm=batch",
        "discriminator.norm=batch",
        "schedule.mixed_batches=true",
    ],
    "gradient penalty": ["loss={use: wasserstein-gp}", "discriminator.norm=batch"],
    "spectral norm": ["discriminator.spectral_norm=true"],
    "packs in shards of unequal size": ["discriminator.packing=4", "training.batch_size=12"],
    "feature matching": ["loss={use: feature-matching}", "discriminator.packing=2"],
    "EMA": ["schedule.generator_ema=0.9", "generator.norm=batch"],
}


@dataclass(frozen=True)
class Compares:
    """Train each of the job's candidates in one process and in all, in float64."""

    trainings: Mapping[str, StepsSpec]

    def __call__(self, job, channel):
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double
        with process_group(job.rank, torch.device("cpu")) as ranks:
            differences = {
                name: self._difference(candidate, name, ranks)
                for name, candidate in job.candidate.items()
            }
        return replace(OUTCOME, metrics=differences)

    def _difference(self, candidate, name, ranks):
        """Return the largest difference of any gradient, weight, statistic or signal."""
        data, training = candidate.dataset.load(), self.trainings[name]
        one, all_of_them = (
            train(candidate, data, training, RunWatch(()), ranks=r) for r in (SINGLE, ranks)
        )
        pairs = [*zip(_tensors(one), _tensors(all_of_them), strict=True)]
        pairs += [
            (torch.tensor([*a.values()]), torch.tensor([*b.values()]))
            for a, b in zip(one.rows, all_of_them.rows, strict=True)
        ]
        return max(float((a - b).abs().max()) for a, b in pairs)


def _tensors(run):
    networks = [
        run.networks.evaluated_generator,
        run.networks.generator.network,
        run.networks.discriminator.network,
    ]
    gradients = [p.grad for network in networks for p in network.parameters() if p.grad is not None]
    return [
        *gradients,
        *(tensor for network in networks for tensor in network.state_dict().values()),
    ]


@pytest.mark.parametrize("size", [2, pytest.param(3, marks=pytest.mark.campaign)])
def test_gradients_weights_and_signals_equal_those_of_one_process(
    make_spec, make_space, tmp_path, together, size
):
    steps = ("training.steps=3", "discriminator.layers=2")
    trainings = {
        name: make_spec(*steps, *change).training.in_steps(400) for name, change in SAME.items()
    }
    candidates = {name: make_space(*steps, *change).baseline for name, change in SAME.items()}
    outcome = together(Compares(trainings), Job(0, candidates, tmp_path), size)
    # In float64 a sum of 1e4 terms is exact to 1e4 * 2**-52 = 2e-12; Adam makes more of it.
    assert {name: value for name, value in outcome.metrics.items() if value > 1e-10} == {}
    assert outcome.metrics.keys() == SAME.keys()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (1, 2),
        pytest.param(2, 1, marks=pytest.mark.campaign),
        pytest.param(2, 3, marks=pytest.mark.campaign),
    ],
)
def test_a_stopped_run_resumes_with_another_number_of_processes(
    runner, make_space, tmp_path, together, first, then
):
    for name in ("whole", "stopped", "resumed"):
        (tmp_path / name).mkdir()
    candidate = make_space().baseline
    whole = runner(Job(0, candidate, tmp_path / "whole"), RecordingChannel())
    at_five = lambda message: isinstance(message, Progress) and message.step == 5  # noqa: E731
    assert together(runner, Job(0, candidate, tmp_path / "stopped"), first, stops=at_five) is None
    resumed = together(
        runner, Job(0, candidate, tmp_path / "resumed", resume_from=tmp_path / "stopped"), then
    )
    assert resumed.steps == whole.steps
    assert_close(resumed, whole)
    networks = [load_weights(tmp_path / name / GENERATOR) for name in ("whole", "resumed")]
    assert networks[0].keys() == networks[1].keys()
    # As in `assert_close`; a weight near zero may be off by 5% of one of Adam's steps of 2e-4.
    assert all(
        torch.allclose(networks[0][key], networks[1][key], rtol=1e-3, atol=1e-5)
        for key in networks[0]
    )


def test_all_processes_end_at_the_step_at_which_a_detector_condemns_the_run(
    make_spec, make_space, tmp_path, together
):
    vanishing = Registry().load("detector", "divergence")(vanished=1e9, patience=1)
    runner = TrialRunner(make_spec().training, [vanishing], {})
    outcome = together(runner, Job(0, make_space().baseline, tmp_path))
    expected = runner(Job(0, make_space().baseline, tmp_path), RecordingChannel()).verdict
    assert outcome.verdict.status == "diverged"
    assert replace(outcome.verdict, evidence={}) == replace(expected, evidence={})
    numbers, words = split_evidence(outcome.verdict)
    expected_numbers, expected_words = split_evidence(expected)
    assert words == expected_words
    # Signals of one step: sums over 64 weights and 16 samples, added in another order in float32.
    assert numbers == pytest.approx(expected_numbers, rel=(64 + 16) * 2**-23)


def split_evidence(verdict):
    """The evidence that is a number, and the rest."""
    numbers = {k: v for k, v in verdict.evidence.items() if isinstance(v, (int, float))}
    return numbers, {k: v for k, v in verdict.evidence.items() if k not in numbers}


# --------------------------------------------------------------------------------------------------
# Failing processes


@dataclass(frozen=True)
class Fails:
    """Evaluation whose ranks only broadcast, until one of them fails."""

    rank: int
    how: str

    def __call__(self, job, channel):
        (job.folder / str(job.rank.rank)).write_text(str(os.getpid()))
        with process_group(job.rank, torch.device("cpu")) as ranks:
            for step in count():
                ranks.broadcast(step)
                channel.progress(Progress(0, step, 0, 0.0, {}, HEALTHY))
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
        pytest.param(1, "is killed", ("died", f"rank 1: {SIGKILLED}"), marks=pytest.mark.campaign),
        pytest.param(
            0,
            "raises",
            ("raised", "rank 0: ValueError: no such thing"),
            marks=pytest.mark.campaign,
        ),
        (1, "raises", ("raised", "rank 1: ValueError: no such thing")),
        (1, "hangs", ("died", "no heartbeat for 5 s")),
    ],
)
def test_a_failing_process_is_named_and_ends_all_others_of_its_candidate(
    tmp_path, together, rank, how, crash
):
    ending = together(Fails(rank, how), Job(0, "fails", tmp_path), 3, heartbeat_timeout=5.0)
    assert (ending.kind, ending.message) == crash
    assert [
        path.name for path in tmp_path.iterdir() if psutil.pid_exists(int(path.read_text()))
    ] == []


def test_a_batch_with_fewer_samples_than_processes_is_refused(
    make_spec, make_space, tmp_path, together
):
    overrides = ("training.batch_size=2", "schedule.half_batches=true")
    runner = TrialRunner(make_spec(*overrides).training, (), {})
    crash = together(runner, Job(0, make_space(*overrides).baseline, Path(tmp_path)))
    assert "2 processes cannot share 1 samples in packs of 1; raise" in crash.message

"""`training.keep: best`: the generator of the best look is the one that is kept."""

import math

import pytest
import torch
from support.looks import LooksOnly
from support.variants import variant

from gansearch.builtin.schedules.alternating import Alternating
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import Decision, StoppedError
from gansearch.run_context import RunContext
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor


class Costs(TrainingMonitor):
    """A monitor that is told what each look costs, and keeps what it is shown."""

    probe_samples = 50
    rung_samples = 50

    def __init__(self, *costs, stop_at=None, rungs=(), decision=Decision.CONTINUE):
        self.costs, self.seen, self.shown = iter(costs), [], []
        self.stop_at, self.rungs, self.decision = stop_at, frozenset(rungs), decision

    def measure_look(self, samples):
        self.seen.append(samples)
        return next(self.costs)

    def on_samples(self, step, samples):
        self.shown.append((step, samples))

    def on_progress(self, step, rows, verdict):
        if step == self.stop_at:
            raise StoppedError

    def on_rung(self, rungs):
        return self.decision


@pytest.fixture
def run(make_spec, make_space):
    """Return a function that trains the tiny study's baseline for 20 steps."""

    def run(monitor, keep="best", schedule=None, detector=None, **options):
        training = make_spec("training.signals_every=5").training
        training = training.model_copy(update={"keep": keep})
        candidate = make_space().baseline
        if schedule is not None:
            candidate = variant(candidate, schedule=schedule)
        watch = RunWatch([detector or LooksOnly()], RunContext(training.steps))
        return train(candidate, candidate.dataset.load(), training, watch, monitor, **options)

    return run


class Reading(Costs):
    """Costs that also reads the evaluated generator's weights after a step."""

    def before_step(self, step, networks):
        if step == 11:
            self.weights = flat(networks.evaluated_generator)


def flat(network):
    return torch.cat([value.flatten().clone() for value in network.state_dict().values()])


def kept(trained):
    return flat(trained.networks.evaluated_generator)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_generator_of_the_best_look_is_kept(run, ema):
    monitor = Reading(3.0, 1.0, 2.0, 1.0)
    trained = run(monitor, schedule=Alternating(generator_ema=ema))
    assert trained.kept_step == 10  # the earlier of two that are as good
    assert torch.equal(kept(trained), monitor.weights)
    assert trained.steps == 20


def test_the_last_picture_is_of_the_generator_that_is_kept(run):
    monitor, last = Costs(1.0, 2.0, 2.0, 2.0), Costs()
    run(monitor)
    run(last, keep="last")
    (step, best_samples), (_, last_samples) = monitor.shown[-1], last.shown[-1]
    assert step == 20
    assert not torch.equal(best_samples, last_samples)


def test_the_last_step_is_a_look_too(run):
    trained = run(Costs(4.0, 3.0, 2.0, 1.0))
    assert (trained.kept_step, list(trained.looks.costs)) == (20, [5, 10, 15, 20])


def test_a_look_that_cannot_be_measured_is_never_the_best(run):
    assert run(Costs(math.nan, 2.0, math.nan, 3.0)).kept_step == 10
    assert run(Costs(*[math.nan] * 4)).kept_step is None


def test_measuring_looks_changes_no_step_of_the_training(run):
    best, last = run(Costs(4.0, 3.0, 2.0, 1.0)), run(Costs(), keep="last")
    assert best.rows == last.rows
    assert torch.equal(kept(best), kept(last))
    assert last.kept_step is None


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_resumed_run_still_has_its_best_look(run, tmp_path, ema):
    schedule = Alternating(generator_ema=ema)
    with pytest.raises(StoppedError):
        run(Costs(1.0, 2.0, 3.0, stop_at=15), schedule=schedule, folder=tmp_path)
    resumed = run(Costs(4.0), schedule=schedule, resume_from=tmp_path)
    whole = run(Costs(1.0, 2.0, 3.0, 4.0), schedule=schedule)
    assert resumed.kept_step == whole.kept_step == 5
    assert torch.equal(kept(resumed), kept(whole))
    assert resumed.looks.costs == whole.looks.costs
    assert resumed.rows == whole.rows


def test_a_condemned_run_keeps_what_condemned_it(run):
    always = LooksOnly(vanished=1e9, patience=12)
    trained = run(Costs(1.0, 2.0, 3.0, 4.0), detector=always)
    assert trained.verdict.failed
    assert trained.kept_step is None


def test_a_paused_run_keeps_the_generator_that_was_measured_at_the_rung(run, tmp_path):
    monitor = Reading(1.0, 2.0, rungs=[12], decision=Decision.PAUSE)
    trained = run(monitor, folder=tmp_path)
    assert (trained.steps, trained.kept_step, trained.looks.best) == (12, None, 5)
    promoted = run(Costs(3.0, 4.0), resume_from=tmp_path)
    assert promoted.kept_step == 5

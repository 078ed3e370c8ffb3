import json
import tempfile

import pytest
import torch
from support.looks import LooksOnly
from support.pretend import PretendMemory
from support.stubs import RecordingChannel

from gansearch.builtin.detectors.divergence import Divergence
from gansearch.components import CostMetric
from gansearch.execution import trial_runner
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import Job, StoppedError
from gansearch.signals import Remedy
from gansearch.storage.trial_folder import VERDICT
from gansearch.study.objective import Objective


def test_a_condemned_trial_has_remedies(make_spec, make_space, tmp_path):
    runner = TrialRunner(make_spec().training, [Divergence(vanished=1e9, patience=1)], {})
    outcome = runner(
        Job(0, make_space("schedule.generator_lr=0.9").baseline, tmp_path), RecordingChannel()
    )
    kept = json.loads((tmp_path / VERDICT).read_text())
    assert kept["verdict"] == "diverged"
    assert tuple(map(Remedy.from_json, kept["remedies"])) == outcome.remedies
    assert outcome.remedies[1].because == "generator_lr was 0.9"


def evaluated(space, training, folder, detectors=()):
    metrics = {name: metric for name, metric in space.metrics.items() if name == "modes"}
    return TrialRunner(training, detectors, metrics)(
        Job(0, space.baseline, folder), RecordingChannel()
    )


def test_every_trial_measures_its_generators_latency(make_spec, make_space, tmp_path):
    outcome = evaluated(make_space(), make_spec().training, tmp_path)
    assert outcome.metrics["latency_ms_1"] > 0
    assert outcome.metrics["latency_ms_64"] > 0
    assert (
        outcome.stamp["device"],
        outcome.stamp["threads"],
        outcome.stamp["latency_repeats"],
    ) == ("cpu", 1, 20)
    assert outcome.stamp["graphs"] == "not used: not asked for"


def test_points_have_no_blur_ratio(make_spec, make_space, tmp_path):
    assert "blur_ratio" not in evaluated(make_space(), make_spec().training, tmp_path).metrics


def test_a_condemned_trial_has_no_metrics_of_the_study(make_spec, make_space, tmp_path):
    outcome = evaluated(
        make_space(), make_spec().training, tmp_path, [Divergence(vanished=1e9, patience=1)]
    )
    assert outcome.verdict.failed
    assert set(outcome.metrics) == {"latency_ms_1", "latency_ms_64"}


def test_a_trial_sends_a_heartbeat_before_each_metric(make_spec, make_space, tmp_path):
    channel, space = RecordingChannel(), make_space()
    TrialRunner(make_spec().training, (), space.metrics)(Job(0, space.baseline, tmp_path), channel)
    assert channel.heartbeats >= len({"blur_ratio", "sliced_wasserstein", "coverage", "modes"})


def trained(make_spec, make_space, folder, *overrides):
    """Return the outcome of a study's baseline and the steps of its progress."""
    spec, space = make_spec(*overrides), make_space(*overrides)
    channel = RecordingChannel()
    outcome = TrialRunner(spec.training, (), {})(Job(0, space.baseline, folder), channel)
    return outcome, {progress.steps for progress in channel.progresses}


def test_an_epoch_is_one_of_the_candidates_own_training_samples(make_spec, make_space, tmp_path):
    epochs = (
        "training={epochs: 3, batch_size: 100, eval_samples: 100, signals_every: 1, "
        "sample_every: 2 epochs}"
    )
    outcome, told = trained(make_spec, make_space, tmp_path / "all", epochs)
    assert (outcome.steps, told) == (12, {12})
    few, told = trained(make_spec, make_space, tmp_path / "few", epochs, "dataset.limit=200")
    assert (few.steps, told) == (6, {6})


def test_samples_are_saved_every_so_many_epochs_and_at_the_end(make_spec, make_space, tmp_path):
    epochs = "training={epochs: 3, batch_size: 100, eval_samples: 100, sample_every: 2 epochs}"
    trained(make_spec, make_space, tmp_path, epochs)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == [
        "step-000008.png",
        "step-000012.png",
    ]


def at_rungs(make_spec, make_space, folder, channel=None, **job):
    """Run 40 steps with rungs after 10 and 20 of them."""
    training = make_spec("training={steps: 40, eval_samples: 100}").training
    space = make_space()
    runner = TrialRunner(training, (), space.metrics, ["sliced_wasserstein"], [0.25, 0.5])
    return runner(Job(0, space.baseline, folder, **job), channel or RecordingChannel())


def test_a_run_is_measured_at_its_rungs(make_spec, make_space, tmp_path):
    channel = RecordingChannel()
    outcome = at_rungs(make_spec, make_space, tmp_path, channel)
    assert [rung.step for rung in outcome.rungs] == [10, 20]
    assert list(outcome.rungs) == channel.rungs
    assert all(rung.metrics.keys() == {"coverage", "sliced_wasserstein"} for rung in outcome.rungs)
    assert all(0 <= rung.metrics["coverage"] <= 1 for rung in outcome.rungs)
    assert outcome.steps == 40


def test_a_run_that_ends_at_a_rung_has_no_metrics(make_spec, make_space, tmp_path):
    outcome = at_rungs(make_spec, make_space, tmp_path, RecordingChannel(pauses_at=20))
    assert (outcome.steps, len(outcome.rungs)) == (20, 2)
    assert outcome.metrics == {}


def test_rungs_do_not_change_the_training(make_spec, make_space, tmp_path):
    compared = at_rungs(make_spec, make_space, tmp_path / "compared")
    training = make_spec("training={steps: 40, eval_samples: 100}").training
    space = make_space()
    alone = TrialRunner(training, (), space.metrics)(
        Job(0, space.baseline, tmp_path / "alone"), RecordingChannel()
    )
    assert compared.signals == alone.signals
    assert compared.metrics["sliced_wasserstein"] == alone.metrics["sliced_wasserstein"]


def test_a_job_may_have_a_seed_of_its_own(make_spec, make_space, tmp_path):
    seeds = [None, 0, 1]
    outcomes = [at_rungs(make_spec, make_space, tmp_path / str(seed), seed=seed) for seed in seeds]
    studys, same, other = (outcome.signals["g_loss"] for outcome in outcomes)
    assert studys == same != other


def test_a_run_stopped_at_a_rung_asks_there_again(make_spec, make_space, tmp_path):
    class Stops(RecordingChannel):
        def at_rung(self, at_rung):
            super().at_rung(at_rung)
            raise StoppedError

    first = Stops()
    with pytest.raises(StoppedError):
        at_rungs(make_spec, make_space, tmp_path, first)
    again = RecordingChannel()
    outcome = at_rungs(make_spec, make_space, tmp_path / "again", again, resume_from=tmp_path)
    assert again.rungs[0] == first.rungs[0]
    assert [rung.step for rung in outcome.rungs] == [10, 20]


@pytest.fixture
def on_gpu(make_spec, make_space, tmp_path, monkeypatch):
    """Train the study's baseline with a simulated GPU memory; the tensors are on the CPU."""

    def evaluated_on(memory, **job):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(trial_runner, "memory_of", lambda device: memory)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return TrialRunner(make_spec().training, (), {})(
            Job(0, make_space().baseline, folder, **job), RecordingChannel()
        )

    return evaluated_on


def test_a_trial_on_a_gpu_is_stamped_with_estimated_and_used_memory(on_gpu, tmp_path):
    stamp = on_gpu(PretendMemory(tmp_path)).stamp
    assert stamp["estimated_gpu_memory_bytes"] > 0
    assert (stamp["peak_gpu_memory_bytes"], stamp["reserved_gpu_memory_bytes"]) == (1, 2)


def test_the_memory_estimate_does_not_change_the_training(on_gpu, tmp_path):
    estimated, plain = on_gpu(PretendMemory(tmp_path)), on_gpu(None)
    assert estimated.signals == plain.signals
    assert "estimated_gpu_memory_bytes" not in plain.stamp


def test_a_trial_shares_its_gpu_unless_it_runs_alone(on_gpu, tmp_path):
    shared, own = PretendMemory(tmp_path), PretendMemory(tmp_path, name="another")
    on_gpu(shared)
    on_gpu(own, alone=True)
    assert (shared.capped, own.capped) == (True, False)


def test_a_candidate_without_an_estimate_runs_alone(on_gpu, tmp_path, monkeypatch):
    class Unreserved(PretendMemory):
        def reserve(self, size, *, capped):
            raise AssertionError("there is no estimate to reserve")

    monkeypatch.setattr(trial_runner, "estimate_memory", lambda *candidate: None)
    assert "estimated_gpu_memory_bytes" not in on_gpu(Unreserved(tmp_path)).stamp


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_estimate_is_close_to_the_memory_in_use(make_spec, make_space, tmp_path):
    spec, space = make_spec("training.device=cuda"), make_space()
    stamp = TrialRunner(spec.training, (), {})(
        Job(0, space.baseline, tmp_path), RecordingChannel()
    ).stamp
    assert 0 < stamp["estimated_gpu_memory_bytes"] <= 2 * stamp["peak_gpu_memory_bytes"]
    assert stamp["peak_gpu_memory_bytes"] <= stamp["reserved_gpu_memory_bytes"]


def test_the_best_look_is_kept_measured_and_told(make_spec, make_space, tmp_path):
    training = make_spec("training={steps: 40, eval_samples: 100, keep: best}").training
    space = make_space()
    runner = TrialRunner(
        training,
        [LooksOnly()],
        space.metrics,
        kept_by=Objective("sliced_wasserstein", "minimize"),
    )
    outcome = runner(Job(0, space.baseline, tmp_path), RecordingChannel())
    looks = {name: value for name, value in outcome.stamp["looks"].items() if name != "metric"}
    assert list(looks) == [f"step {step}" for step in range(5, 41, 5)]
    assert outcome.kept_step == int(min(looks, key=looks.get).removeprefix("step "))
    assert outcome.metrics["sliced_wasserstein"] > 0


def test_an_objective_that_is_a_latency_is_measured_at_rungs_too(make_spec, make_space, tmp_path):
    objectives = "objectives=[generator_params, latency_ms_64, sliced_wasserstein]"
    spec = make_spec(objectives, "training={steps: 40, eval_samples: 100}")
    space, channel = make_space(objectives), RecordingChannel()
    compared = ["latency_ms_64", "sliced_wasserstein"]
    runner = TrialRunner(spec.training, (), space.metrics, compared, [0.5])
    outcome = runner(Job(0, space.baseline, tmp_path), channel)
    (rung,) = channel.rungs
    assert rung.metrics.keys() == {"coverage", "latency_ms_64", "sliced_wasserstein"}
    assert rung.metrics["latency_ms_64"] > 0
    assert outcome.metrics["latency_ms_64"] > 0


class Weight(CostMetric):
    """A cost of a plugin's own."""

    def measure(self, generator, inputs):
        return float(len(inputs) * sum(value.numel() for value in generator.parameters()))


def test_a_cost_of_a_plugin_is_measured_on_64_inputs_and_named_as_one(
    make_spec, make_space, tmp_path
):
    space = make_space()
    runner = TrialRunner(make_spec().training, (), {"weight": Weight()})
    outcome = runner(Job(0, space.baseline, tmp_path), RecordingChannel())
    network = space.baseline.generator.build(space.dataset.load().shape)
    assert outcome.metrics["weight"] == 64 * sum(p.numel() for p in network.parameters())
    assert outcome.stamp["costs"] == ["weight"]

import json

from gansearch.builtin.detectors.divergence import Divergence
from gansearch.search.evaluate import TrainAndJudge
from gansearch.signals import Remedy
from gansearch.storage.run_folder import VERDICT
from gansearch.trial import Job


def test_a_condemned_trial_is_told_what_to_try_next(make_spec, make_space, tmp_path):
    judge = TrainAndJudge(make_spec().training, [Divergence(vanished=1e9, patience=1)], {})
    outcome = judge(Job(0, make_space("schedule.generator_lr=0.9").baseline, tmp_path), lambda progress: None)
    kept = json.loads((tmp_path / VERDICT).read_text())
    assert kept["verdict"] == "diverged"
    assert tuple(map(Remedy.from_json, kept["remedies"])) == outcome.remedies
    assert outcome.remedies[1].because == "generator_lr was 0.9"


def judged(space, training, folder, detectors=()):
    metrics = {name: metric for name, metric in space.metrics.items() if name == "modes"}
    return TrainAndJudge(training, detectors, metrics)(Job(0, space.baseline, folder), lambda progress: None)


def test_every_trial_tells_how_long_its_generator_takes(make_spec, make_space, tmp_path):
    outcome = judged(make_space(), make_spec().training, tmp_path)
    assert outcome.metrics["latency_ms_1"] > 0
    assert outcome.metrics["latency_ms_64"] > 0
    assert (outcome.stamp["device"], outcome.stamp["threads"], outcome.stamp["latency_repeats"]) == ("cpu", 1, 20)


def test_points_have_no_blur(make_spec, make_space, tmp_path):
    assert "blur_ratio" not in judged(make_space(), make_spec().training, tmp_path).metrics


def test_a_condemned_trial_is_measured_by_what_every_trial_has_alone(make_spec, make_space, tmp_path):
    outcome = judged(make_space(), make_spec().training, tmp_path, [Divergence(vanished=1e9, patience=1)])
    assert outcome.verdict.failed
    assert set(outcome.metrics) == {"latency_ms_1", "latency_ms_64"}


def trained(make_spec, make_space, folder, *overrides):
    """The outcome of a study's baseline, and the steps that its progress told of."""
    spec, space = make_spec(*overrides), make_space(*overrides)
    told = []
    outcome = TrainAndJudge(spec.training, (), {})(Job(0, space.baseline, folder), told.append)
    return outcome, {progress.steps for progress in told}


def test_epochs_are_those_of_the_candidates_own_training_samples(make_spec, make_space, tmp_path):
    epochs = "training={epochs: 3, batch_size: 100, judged_samples: 100, read_every: 1, sample_every: 2 epochs}"
    outcome, told = trained(make_spec, make_space, tmp_path / "all", epochs)
    assert (outcome.steps, told) == (12, {12})
    few, told = trained(make_spec, make_space, tmp_path / "few", epochs, "dataset.limit=200")
    assert (few.steps, told) == (6, {6})


def test_samples_are_kept_every_so_many_epochs_and_at_the_end(make_spec, make_space, tmp_path):
    epochs = "training={epochs: 3, batch_size: 100, judged_samples: 100, sample_every: 2 epochs}"
    trained(make_spec, make_space, tmp_path, epochs)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["step-000008.png", "step-000012.png"]

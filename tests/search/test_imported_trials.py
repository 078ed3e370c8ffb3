"""A study that takes over the trials of another run."""

import pytest
from support.stubs import Audience, InlineExecutor, healthy

from gansearch.errors import RunFolderError
from gansearch.evaluation.counting import SizeCounter
from gansearch.messages import Outcome
from gansearch.run import Study, import_run, search_driver
from gansearch.signals import Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.data_identity import DataIdentity

WIDER = (
    "generator.width={low: 4, high: 128, step: 4}",
    "generator.latent={choices: [2, 8, 16]}",
    "name=wider",
)


@pytest.fixture
def of(make_spec, make_space):
    """Return a function that makes the tiny study with overrides."""

    def make(*overrides):
        space = make_space(*overrides)
        data = space.dataset.load()
        return Study(make_spec(*overrides), space, data, SizeCounter(data.shape, space.metrics))

    return make


@pytest.fixture
def source(search, of, tmp_path):
    """Run folder of four trials: two healthy ones beside the baseline, and a failed one."""

    def train(job):
        if job.trial == 3:
            return Outcome(Verdict("mode-collapse", 12, {}, "mode-collapse"), 12, 0.1)
        outcome = healthy(job)
        coverage = 1 / job.candidate.generator.width
        metrics = dict(outcome.metrics) | {"coverage": coverage}
        return Outcome(outcome.verdict, 20, 0.1, metrics=metrics)

    search(InlineExecutor(train))
    folder = RunFolder(tmp_path / "run")
    study = of()
    folder.write_study(study.spec, DataIdentity.of(study.data))
    (folder.trial(1).path).mkdir(parents=True, exist_ok=True)
    (folder.trial(1).path / "checkpoint.pt").write_text("large")
    return folder


def opened(folder, study):
    return TrialStore.open(database_of(folder, None), study.spec.name, study.spec.objectives)


def records(folder, study):
    with opened(folder, study) as store:
        return store.records()


def go_on(folder, study):
    """Search with the driver, in the folder; gives the numbers of the trials that were trained."""
    executor = InlineExecutor()
    with opened(folder, study) as store:
        search_driver(study, store, RunFolder(folder).trial, executor, Audience()).run()
    return [job.trial for job in executor.jobs]


def test_a_wider_space_takes_over_the_trials_and_trains_only_the_others(source, of, tmp_path):
    wider, place = of(*WIDER, "search.trials=6"), tmp_path / "wider"
    report = import_run(wider, place, source)
    assert report.taken == [(0, 0), (1, 1), (2, 2), (3, 3)]
    there, here = records(source.path, of()), records(place, wider)
    assert [(r.state, r.identity, r.metrics, r.steps) for r in here] == [
        (r.state, r.identity, r.metrics, r.steps) for r in there
    ]
    assert [r.number for r in here if r.baseline] == [0]
    assert go_on(place, wider) == [4, 5]


def test_the_differences_are_told(source, of, tmp_path):
    lines = import_run(of(*WIDER), tmp_path / "wider", source).lines()
    assert "generator.0.width.high: 64 -> 128" in lines
    assert lines[0] == f"imported 4 trials of {source.path}"


def test_another_objective_is_taken_from_what_was_measured(source, of, tmp_path):
    three = of("name=three", "objectives=[generator_params, sliced_wasserstein, coverage]")
    import_run(three, tmp_path / "three", source)
    healthy_ones = [r for r in records(tmp_path / "three", three) if r.state == "complete"]
    assert len(healthy_ones) == 3
    for record in healthy_ones:
        assert {"generator_params", "sliced_wasserstein", "coverage"} <= record.figures.keys()


def test_an_objective_that_was_not_measured_is_named(source, of, tmp_path):
    other = of("name=other", "objectives=[generator_params, fid]")
    with pytest.raises(RunFolderError, match="fid was not measured there"):
        import_run(other, tmp_path / "other", source)


def test_a_narrower_space_leaves_out_what_is_outside(source, of, tmp_path):
    narrow = of("name=narrow", "generator.width={choices: [64]}", "generator.latent=8")
    report = import_run(narrow, tmp_path / "narrow", source)
    assert report.left["outside this search space"] + len(report.taken) == 4
    assert report.taken[0] == (0, 0)


def test_imported_twice_is_imported_once(source, of, tmp_path):
    wider = of(*WIDER)
    import_run(wider, tmp_path / "wider", source)
    again = import_run(wider, tmp_path / "wider", source)
    assert again.taken == [] and again.left == {"trained here already": 4}


def test_files_are_copied_and_checkpoints_are_not(source, of, tmp_path):
    import_run(of(*WIDER), tmp_path / "wider", source)
    names = {path.name for path in RunFolder(tmp_path / "wider").trial(1).path.iterdir()}
    assert "candidate.json" in names and "checkpoint.pt" not in names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.steps=30", "training.steps: 20 -> 30"),
        ("dataset.samples=500", "dataset.samples: 400 -> 500"),
        ("detectors=[{use: mode-collapse}]", "detectors.0.use: divergence -> mode-collapse"),
    ],
)
def test_figures_that_do_not_compare_are_refused(source, of, tmp_path, change, message):
    with pytest.raises(RunFolderError, match=message):
        import_run(of("name=other", change), tmp_path / "other", source)


def test_another_baseline_is_refused_before_the_first_trial(source, of, tmp_path):
    other = of("name=other", "baseline.generator.width=56")
    with pytest.raises(RunFolderError, match="must be trial 0"):
        import_run(other, tmp_path / "other", source)

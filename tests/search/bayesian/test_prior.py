"""A search that begins with what earlier runs have shown, with everything real but the training."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from support.stubs import Audience, InlineExecutor, KilledError

from gansearch.errors import RunFolderError
from gansearch.messages import Outcome
from gansearch.ranking.pareto import pareto_front
from gansearch.run import keep_prior, search_driver
from gansearch.search.bayesian import candidate_pool
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.candidate_pool import random_parameters
from gansearch.search.bayesian.prior import Prior, study_prior
from gansearch.search.bayesian.surrogate import (
    Encodings,
    Surrogate,
    SurrogateHyperparameters,
    TrainingSet,
)
from gansearch.signals import HEALTHY, Verdict
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.study import Study
from gansearch.trial_record import Rung, TrialRecord

SPACE = (
    "search={sampler: shrink, startup_trials: 4, trials: 9}",
    "pruning.rungs=[]",
    "schedule.generator_lr={low: 1.0e-5, high: 1.0e-1, log: true}",
    "schedule.discriminator_lr={low: 1.0e-5, high: 1.0e-1, log: true}",
)
FAILED = Verdict("mode-collapse", 12, {}, "mode-collapse")
SEEDS = range(4)
REFERENCE = {"generator_params": 2600, "sliced_wasserstein": 6}


def quality(parameters):
    """Better the nearer the learning rates are to the best ones; None where the run fails."""
    off = math.hypot(
        math.log10(parameters["schedule.generator_lr"] / 1e-3),
        math.log10(parameters["schedule.discriminator_lr"] / 3e-4),
    )
    return math.exp(off) * (1 + 8 / parameters["generator.width"]) if off <= 2 else None


def trained(job):
    schedule = job.candidate.schedule
    found = quality(
        {
            "schedule.generator_lr": schedule.generator_lr,
            "schedule.discriminator_lr": schedule.discriminator_lr,
            "generator.width": job.candidate.generator.width,
        }
    )
    if found is None:
        return Outcome(FAILED, steps=12, seconds=0.1)
    return Outcome(HEALTHY, steps=20, seconds=0.1, metrics={"sliced_wasserstein": found})


class Unwritten(TrialFolder):
    """Folder of a trial that keeps nothing."""

    def write_json(self, name, record):
        pass


@pytest.fixture
def study_of(make_spec, make_space, monkeypatch):
    """Return a function that makes the tiny study with a wider space, with pools of 24."""
    monkeypatch.setattr(candidate_pool, "RANDOM_CANDIDATES", 12)
    monkeypatch.setattr(candidate_pool, "NEIGHBOURS", 12)

    def sizes(candidate):
        return {"generator_params": 40.0 * candidate.generator.width}

    def make(*overrides):
        space = make_space(*SPACE, *overrides)
        return Study(make_spec(*SPACE, *overrides), space, space.dataset.load(), sizes)

    return make


def record(number, parameters, found, **fields):
    """A trial of an earlier run, failed without a quality."""
    ended = {"state": "complete", "verdict": HEALTHY, "metrics": {"sliced_wasserstein": found}}
    if found is None:
        ended = {"state": "pruned", "verdict": FAILED}
    sizes = {"generator_params": 40.0 * parameters.get("generator.width", 8)}
    return TrialRecord(number, parameters=parameters, sizes=sizes, **ended | fields)


def earlier(study, count=24):
    """Trials of random candidates on data whose qualities are ten times as large."""
    drawn = [
        random_parameters(study.space, np.random.default_rng(number)) for number in range(count)
    ]
    return [
        record(number, parameters, found and 10 * found)
        for number, parameters in enumerate(drawn)
        for found in [quality(parameters)]
    ]


def shuffled(records, seed):
    """Trials that have ended as others of them did."""
    order = np.random.default_rng(seed).permutation(len(records))
    return [
        replace(records[other], number=one.number, parameters=one.parameters, sizes=one.sizes)
        for one, other in zip(records, order, strict=True)
    ]


def prior_of(study, records):
    return Prior.of({"earlier": records}, Goal.of(study.spec, study.objectives), study.space)


def searched(study, prior=None, store=None, dies_after=None):
    """Return the trials of a search that keeps nothing on disk."""
    store = store or TrialStore.in_memory(study.spec.name, study.spec.objectives)
    executor = InlineExecutor(trained, dies_after=dies_after)
    search_driver(
        study, store, lambda n: Unwritten("trial"), executor, Audience(), prior=prior
    ).run()
    return store.records()


def volumes(study, seed, prior=None):
    """Return the hypervolume of a search after each trial."""
    search = study.spec.search.model_copy(update={"seed": seed})
    seeded = replace(study, spec=study.spec.model_copy(update={"search": search}))
    records = searched(seeded, prior)
    return [
        pareto_front(records[: n + 1], study.objectives, REFERENCE).hypervolume
        for n in range(len(records))
    ]


def test_a_prior_of_other_data_finds_the_front_in_fewer_trials(study_of):
    study = study_of()
    prior = prior_of(study, earlier(study))
    with_prior, without = (
        np.mean([volumes(study, seed, p) for seed in SEEDS], axis=0) for p in (prior, None)
    )
    assert with_prior[5] > 1.1 * without[8]


def test_a_killed_search_with_a_prior_continues_as_an_uninterrupted_one(study_of, tmp_path):
    study = study_of()
    prior = prior_of(study, earlier(study))
    store = TrialStore.in_memory(study.spec.name, study.spec.objectives)
    with pytest.raises(KilledError):
        searched(study, prior, store, dies_after=5)
    (tmp_path / "prior.json").write_bytes(prior.dumped())
    kept = Prior.load(tmp_path / "prior.json", study.space.domains)
    assert kept == prior
    resumed = searched(study, kept, store)
    assert [one.parameters for one in resumed] == [one.parameters for one in searched(study, prior)]


def test_a_shuffled_prior_loses_its_weight_and_a_helpful_one_gains_it(study_of):
    study = study_of()
    encodings, goal = Encodings.of(study.space.domains), Goal.of(study.spec, study.objectives)
    own = [
        record(number, parameters, quality(parameters))
        for number in range(100, 120)
        for parameters in [random_parameters(study.space, np.random.default_rng(number))]
    ]
    training = TrainingSet.of(own, goal)
    hyperparameters = SurrogateHyperparameters.of(training, encodings)

    def weight(records):
        means = prior_of(study, records).means(Encodings.of(study.space.domains), 0.13)
        return Surrogate(training, hyperparameters, encodings, means).prior_weight

    records = earlier(study)
    assert weight(records) > 0.9
    assert np.mean([weight(shuffled(records, seed)) for seed in range(6)]) < 0.4


def test_a_trial_counts_by_the_values_of_its_candidate(study_of):
    study = study_of("generator.latent=8")
    candidate = {
        "generator": {"use": "dense", "width": 20, "latent": 3},
        "schedule": {"use": "alternating", "generator_lr": 1e-3},
    }
    (trial,) = prior_of(study, [record(0, {}, 5.0, candidate=candidate)]).runs[0].trials
    assert trial.parameters == {"generator.width": 20, "schedule.generator_lr": 1e-3}
    assert trial.cost.value == pytest.approx(math.log(5.0))


def test_trials_outside_the_search_space_are_left_out(study_of):
    study = study_of()
    inside = {"use": "dense", "width": 16, "latent": 8}
    candidates = [
        {"generator": inside},
        {"generator": inside | {"width": 128}},
        {"generator": inside | {"latent": 3}},
        {"generator": {"use": "upconv", "width": 16}},
    ]
    records = [
        record(number, {}, 5.0, candidate=candidate) for number, candidate in enumerate(candidates)
    ]
    (run,) = prior_of(study, records).runs
    assert [trial.number for trial in run.trials] == [0] and run.recorded == 4


def test_a_paused_trial_counts_with_its_forecast(study_of):
    study = study_of()
    rungs = (Rung(5, {"sliced_wasserstein": 8.0}),)
    at = {"generator.width": 16}
    healthy = [record(number, at, 4.0, rungs=rungs) for number in range(2)]
    pausing = {"state": "paused", "metrics": {}, "verdict": None, "dominated_by": (0,)}
    pruned = pausing | {"state": "pruned"}
    records = [
        *healthy,
        record(2, at, 0.0, rungs=rungs, **pausing),
        record(3, at, 0.0, rungs=rungs, **pruned),
    ]
    trials = prior_of(study, records).runs[0].trials
    assert [trial.cost.value for trial in trials[2:]] == pytest.approx([math.log(4.0)] * 2)
    assert all(trial.cost.std > 0 for trial in trials[2:])


def test_a_run_of_another_metric_tells_of_the_health_alone(study_of):
    study = study_of("objectives=[generator_params, fid]")
    prior = prior_of(study, earlier(study))
    (run,) = prior.runs
    means = prior.means(Encodings.of(study.space.domains), 0.13)
    assert (len(means.cost), len(means.health)) == (0, 1)
    assert "0 with fid, so that only their health counts" in run.line(study.space.domains, "fid")


def test_what_a_run_knows_and_lacks_is_told(study_of):
    study = study_of()
    records = [
        record(n, {"generator.width": 8 * n + 8, "generator.latent": 8}, 5.0) for n in (0, 1)
    ]
    (run,) = prior_of(study, records).runs
    assert run.line(study.space.domains, "mmd") == (
        "earlier: 2 of 2 trials are of this search space, 2 with mmd, so that only their health "
        "counts; knows generator.width; lacks generator.latent, schedule.generator_lr, "
        "schedule.discriminator_lr"
    )


@pytest.fixture
def kept(search, study_of, make_spec, tmp_path):
    """A study with a prior, the earlier run, and the new run folder that has kept the prior."""
    search(InlineExecutor(), "search={sampler: random, trials: 3}", folder="earlier")
    run = tmp_path / "earlier"
    study = study_of("name=later", f"search.prior=[{run}]")
    folder = RunFolder.create(tmp_path / "later", study.spec)
    return study, run, folder, keep_prior(study, folder)


def test_a_run_folder_keeps_the_prior_by_which_it_began(kept):
    study, run, folder, prior = kept
    assert len(prior.runs[0].trials) == 3
    shutil.rmtree(run)
    assert study_prior(study, folder) == prior
    assert "3 of 3 trials are of this search space" in (folder.path / "run.log").read_text()


def test_a_damaged_or_lost_prior_is_named(kept):
    study, _, folder, _ = kept
    path = folder.path / "prior.json"
    path.write_text(path.read_text().replace('"recorded": 3', '"recorded": 5'))
    with pytest.raises(
        RunFolderError, match=r"prior.json is damaged: it does not match its digest"
    ):
        study_prior(study, folder)
    path.unlink()
    (folder.path / "study.db").touch()
    with pytest.raises(RunFolderError, match=r"has no prior.json, by which its search began"):
        study_prior(study, folder)


def test_a_run_that_tells_nothing_is_refused(kept, study_of):
    _, run, _, _ = kept
    narrow = "generator={use: dense, width: 4, latent: {low: 100, high: 200}}"
    other = study_of(narrow, "baseline={}", f"search.prior=[{run}]")
    with pytest.raises(RunFolderError, match=r"search.prior.0: .* 0 of 3 trials .* leave it out"):
        study_prior(other)

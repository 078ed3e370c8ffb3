from dataclasses import replace

import pytest
from support.stubs import Audience, InlineExecutor, KilledError

from gansearch.errors import GansearchError
from gansearch.evaluation.counting import SizeCounter
from gansearch.messages import Crash, Outcome
from gansearch.ranking.study_summary import study_summary
from gansearch.ranking.tolerance import fresh_seeds
from gansearch.run import Study, certification_driver
from gansearch.search.certification_plan import CertificationPlan, Choice, chosen
from gansearch.signals import HEALTHY, Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import certification_name
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import TrialRecord

COLLAPSED = Outcome(
    Verdict("mode-collapse", 12, {"coverage": 0.0}, "mode-collapse"), steps=12, seconds=0.1
)
BASELINE = 64


def came_out(quality):
    """The outcome of a run of this quality; None stands for one that failed."""
    return (
        COLLAPSED
        if quality is None
        else Outcome(HEALTHY, 20, 0.1, metrics={"sliced_wasserstein": quality})
    )


def width(job):
    return job.candidate.generator.width


@pytest.fixture
def searched(search):
    """Searches these widths, the baseline's first, each of a quality of its own."""

    def run(qualities, *overrides):
        queue = ", ".join(
            f"{{generator: {{width: {width}}}}}" for width in qualities if width != BASELINE
        )
        settings = (f"queue=[{queue}]", f"search.trials={len(qualities)}", *overrides)
        search(InlineExecutor(lambda job: came_out(qualities[width(job)])), *settings)
        return settings

    return run


@pytest.fixture
def certify(make_spec, make_space, tmp_path):
    """Certifies in the folder of a search; gives how the study stands, and what was trained, as
    (width, seed)."""

    def run(settings, seeds, *overrides, choice=None, stop=lambda: False, **executor):
        spec, space = make_spec(*settings, *overrides), make_space(*settings, *overrides)
        folder = RunFolder.create(tmp_path / "run", spec)
        database = database_of(folder.path, spec.storage)
        records = TrialStore.read(database, spec.name).records()
        data = space.dataset.load()
        study = Study(spec, space, data, SizeCounter(data.shape, space.metrics))
        plan = CertificationPlan(spec, records, study.objectives, choice or Choice())
        store = TrialStore.open(database, certification_name(spec.name), spec.objectives)
        executor = InlineExecutor(lambda job: seeds(width(job), job.seed), **executor)
        run.jobs = executor.jobs
        folder_of = folder.certification_run
        certification_driver(study, plan, store, folder_of, executor, Audience(), stop).run()
        run.runs = store.records()
        return study_summary(spec, records, runs=run.runs), [
            (width(job), job.seed) for job in executor.jobs
        ]

    return run


def change_candidates(monkeypatch, **fields):
    """Have the trials of the search keep another schedule than their parameters give, as a rescue
    does."""
    records = TrialStore.records

    def changed(record):
        candidate = dict(record.candidate)
        return replace(record, candidate=candidate | {"schedule": candidate["schedule"] | fields})

    monkeypatch.setattr(
        TrialStore,
        "records",
        lambda store: [changed(r) if r.candidate else r for r in records(store)],
    )


def always(qualities):
    """Every seed of a width has its quality."""
    return lambda width, seed: came_out(qualities[width])


THREE = {BASELINE: 5.0, 8: 9.0, 16: 5.2}


def test_a_candidate_passes_at_the_fourth_healthy_seed(searched, certify):
    standing, trained = certify(searched(THREE), always(THREE), choice=Choice((2,)))
    assert trained == [(16, 1), (16, 2), (16, 3), (16, 4)]
    told = standing.certificates[2]
    assert (told.status, told.healthy, told.seeds) == ("stable", 4, 4)
    assert round(told.rate_low, 3) == 0.473


def test_a_candidate_can_no_longer_pass_after_two_failures(searched, certify):
    standing, trained = certify(searched(THREE), always({16: None}), choice=Choice((2,)))
    assert trained == [(16, 1), (16, 2)]
    told = standing.certificates[2]
    assert (told.status, told.healthy, told.seeds, told.rate_low, told.quality) == (
        "unstable",
        0,
        2,
        0.0,
        None,
    )


def test_one_failure_costs_one_more_seed(searched, certify):
    fails_once = lambda width, seed: came_out(None if seed == 2 else 5.0)  # noqa: E731
    standing, trained = certify(searched(THREE), fails_once, choice=Choice((2,)))
    assert [seed for _, seed in trained] == [1, 2, 3, 4, 5]
    assert (standing.certificates[2].status, standing.certificates[2].healthy) == ("stable", 4)


def test_the_baseline_comes_first_then_candidates_from_the_smallest_up_to_the_champion(
    searched, certify
):
    qualities = {BASELINE: 5.0, 8: 5.6, 16: 5.4, 24: 5.2, 32: 5.1}
    fails = always(qualities | {8: None})
    standing, trained = certify(searched(qualities), fails)
    assert list(dict.fromkeys(width for width, _ in trained)) == [BASELINE, 8, 16]
    assert standing.champion.parameters["generator.width"] == 16


def test_what_is_hopelessly_worse_in_the_search_is_not_worth_a_seed(searched, certify):
    _, trained = certify(searched(THREE), always(THREE))
    assert 8 not in {width for width, _ in trained}


def test_a_candidate_that_is_too_weak_stops_when_more_than_half_of_what_it_needs_is(
    searched, certify
):
    standing, trained = certify(searched(THREE), always(THREE | {16: 5.6}))
    assert [seed for width, seed in trained if width == 16] == [1, 2, 3]
    told = standing.certificates[2]
    assert (told.status, told.within_tolerance, told.out_of_reach) == ("undecided", False, True)


def test_where_nothing_on_the_front_passes_the_others_are_tried_upward(searched, certify):
    qualities = {BASELINE: 5.0, 8: 4.9, 16: 5.2, 24: 5.1}
    standing, trained = certify(searched(qualities), always(qualities | {8: None, 16: None}))
    assert list(dict.fromkeys(width for width, _ in trained)) == [BASELINE, 8, 16, 24]
    assert standing.champion.parameters["generator.width"] == 24


def test_where_nothing_smaller_passes_the_baseline_is_its_own_champion(searched, certify):
    standing, _ = certify(searched(THREE), always(THREE | {16: None}))
    assert standing.champion is not None and standing.champion.baseline


def test_the_limit_is_the_median_of_the_baselines_fresh_seeds(searched, certify):
    by_seed = {1: 4.0, 2: 6.0, 3: 6.2, 4: 7.0}
    lucky = lambda width, seed: came_out(by_seed[seed] if width == BASELINE else 6.5)  # noqa: E731
    standing, _ = certify(searched(THREE), lucky)
    assert (standing.champion_threshold.quality, standing.champion_threshold.seeds) == (6.1, 4)
    assert standing.champion.parameters["generator.width"] == 16


def test_the_champion_is_held_against_the_best_or_the_baseline_and_both_are_certified(
    searched, certify
):
    qualities = {BASELINE: 5.0, 8: 5.2, 16: 3.2, 24: 3.0}
    settings = searched(qualities)
    first, trained = certify(
        settings, always(qualities), "certification.tolerance_reference=baseline"
    )
    assert first.champion.parameters["generator.width"] == 8
    assert [width for width, _ in trained] == 4 * [BASELINE] + 4 * [24] + 4 * [8]
    second, _ = certify(settings, always(qualities))
    assert second.champion.parameters["generator.width"] == 16
    told = second.certificates[1]
    assert (told.within_tolerance_of_baseline, told.within_tolerance_of_best) == (True, False)


def test_a_model_that_was_best_by_luck_sets_no_threshold(searched, certify):
    qualities = {BASELINE: 5.0, 8: 4.0, 16: 3.0}
    standing, _ = certify(searched(qualities), always(qualities | {8: 5.2, 16: 9.0}))
    assert (standing.champion_threshold.trial, standing.champion_threshold.quality) == (0, 5.0)
    assert standing.champion.parameters["generator.width"] == 8


def test_where_the_baseline_failed_the_best_model_takes_its_place(searched, certify):
    qualities = {BASELINE: None, 8: 3.2, 16: 3.0}
    standing, trained = certify(searched(qualities), always(qualities))
    assert list(dict.fromkeys(width for width, _ in trained)) == [16, 8]
    assert (standing.champion_threshold.trial, standing.thresholds.baseline) == (2, None)
    assert standing.champion.parameters["generator.width"] == 8


def test_without_a_healthy_trial_nothing_is_trained(searched, certify):
    standing, trained = certify(searched({BASELINE: None, 8: None}), always({}))
    assert (trained, standing.champion) == ([], None)


def test_without_a_quality_the_smallest_stable_one_is_the_champion(searched, certify):
    settings = (
        *searched(THREE, sizes := "objectives=[{metric: generator_params, direction: minimize}]"),
        sizes,
    )
    standing, trained = certify(settings, always(THREE))
    assert trained == [(8, 1), (8, 2), (8, 3), (8, 4)]
    assert standing.champion.parameters["generator.width"] == 8


def test_the_whole_front_is_certified_to_its_decisions(searched, certify):
    qualities = {BASELINE: 5.0, 8: 9.0, 16: 5.2}
    standing, trained = certify(
        searched(qualities), always(qualities), choice=Choice(whole_front=True)
    )
    assert {width for width, _ in trained} == {BASELINE, 8, 16}
    assert {told.status for told in standing.certificates.values()} == {"stable"}
    assert standing.champion.parameters["generator.width"] == 16


@pytest.mark.parametrize("slots", [2, 3, 8])
def test_no_more_seeds_run_side_by_side_than_could_be_needed(searched, certify, slots):
    _, trained = certify(searched(THREE), always(THREE), choice=Choice((2,)), slots=slots)
    assert [seed for _, seed in trained] == [1, 2, 3, 4]


@pytest.mark.parametrize("slots", [1, 3])
def test_the_next_candidate_waits_for_the_one_before(searched, certify, slots):
    _, trained = certify(
        searched({BASELINE: 5.0, 8: 5.3, 16: 5.2}), always({BASELINE: 5.0, 8: 5.3}), slots=slots
    )
    assert {width for width, _ in trained} == {BASELINE, 8}


@pytest.mark.parametrize("lives", [[0, 1], [5, 1, 3]])
def test_after_a_killed_driver_no_seed_that_ended_is_trained_again(searched, certify, lives):
    qualities = {BASELINE: 5.0, 8: 5.6, 16: 5.4, 24: 5.2}
    settings, outcome = searched(qualities), always(qualities | {8: None})
    ended = []
    for life in lives:
        with pytest.raises(KilledError):
            certify(settings, outcome, dies_after=life)
        ended += [(width(job), job.seed) for job in certify.jobs]
    standing, rest = certify(settings, outcome)
    in_one_go = [
        *((BASELINE, s) for s in (1, 2, 3, 4)),
        (8, 1),
        (8, 2),
        *((16, s) for s in (1, 2, 3, 4)),
    ]
    assert sorted({*ended, *rest}) == sorted(in_one_go)
    done = [(run.certifies, run.seed) for run in certify.runs if run.ended]
    assert len(done) == len(set(done)) == len(in_one_go)
    assert standing.champion.parameters["generator.width"] == 16


def test_a_stop_leaves_it_resumable(searched, certify):
    settings = searched(THREE)
    _, before = certify(settings, always(THREE), stop=lambda: len(certify.jobs) == 2)
    standing, after = certify(settings, always(THREE))
    assert before + after == [
        *((BASELINE, seed) for seed in (1, 2, 3, 4)),
        *((16, seed) for seed in (1, 2, 3, 4)),
    ]
    assert len(before) == 2
    assert standing.champion.parameters["generator.width"] == 16


def test_a_run_whose_process_died_gets_another_try_before_it_counts_as_failed(searched, certify):
    dies = lambda width, seed: Crash("died", "SIGKILL") if seed == 1 else came_out(5.0)  # noqa: E731
    standing, trained = certify(searched(THREE), dies, choice=Choice((2,)))
    assert [seed for _, seed in trained] == [1, 1, 2, 3, 4, 5]
    assert (standing.certificates[2].healthy, standing.certificates[2].seeds) == (4, 5)


def test_more_seeds_on_a_later_call_go_on_where_it_was(searched, certify):
    settings = searched(THREE)
    certify(settings, always(THREE), choice=Choice((2,)))
    more = ("certification.seeds=8", "certification.required=7")
    standing, trained = certify(settings, always(THREE), *more, choice=Choice((2,)))
    assert [seed for _, seed in trained] == [5, 6, 7]
    assert (standing.certificates[2].status, standing.certificates[2].healthy) == ("stable", 7)


def test_runs_have_a_folder_of_their_own(searched, certify, tmp_path):
    certify(searched(THREE), always(THREE), choice=Choice((2,)))
    assert [job.folder for job in certify.jobs] == [
        tmp_path / "run" / "certification" / f"{n:04d}" for n in range(4)
    ]


def test_what_is_certified_is_the_candidate_of_the_trial_not_that_of_its_parameters(
    searched, certify, monkeypatch
):
    settings = searched(THREE)
    change_candidates(monkeypatch, discriminator_lr=5e-5)
    certify(settings, always(THREE), choice=Choice((2,)))
    assert {job.candidate.schedule.discriminator_lr for job in certify.jobs} == {5e-5}


def test_a_candidate_that_cannot_be_built_any_more_is_said_so_and_fails_no_seed(
    searched, certify, monkeypatch
):
    settings = searched(THREE)
    change_candidates(monkeypatch, no_such_field=1)
    with pytest.raises(GansearchError, match="the candidate of trial 2 cannot be built any more: "):
        certify(settings, always(THREE), choice=Choice((2,)))


def test_no_fresh_seed_is_that_of_the_search(make_spec):
    spec = make_spec("training.seed=7", "certification={seeds: 40, required: 30}")
    assert len(set(fresh_seeds(spec))) == 40
    assert 7 not in fresh_seeds(spec)
    assert fresh_seeds(make_spec("training.seed=2147483647"))[:2] == [0, 1]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (9, "there is no trial 9 to certify; there are 0 to 2"),
        (1, "trial 1 cannot be certified, since it was not trained to its end: expected to end"),
        (2, "trial 2 cannot be certified, since it was not trained to its end: it is running"),
        (3, "there is no trial 3 to certify; there are 0 to 2"),
    ],
)
def test_a_trial_that_cannot_be_certified_is_refused(number, message):
    candidate = {"loss": {"use": "bce"}}
    records = [
        TrialRecord(0, "complete", {}, candidate),
        TrialRecord(1, "paused", {}, candidate, reason="expected to end at 90"),
        TrialRecord(2, "running", {}),
    ]
    assert chosen([0], records) == Choice((0,))
    with pytest.raises(GansearchError, match=message):
        chosen([0, number], records)


def test_a_study_that_searches_nothing_certifies_its_baseline_whatever_dies(search, certify):
    settings = (
        "generator.width=64",
        "generator.latent=8",
        "schedule.generator_lr=2.0e-4",
        "search.trials=1",
    )
    search(InlineExecutor(lambda job: came_out(5.0)), *settings)
    dies = lambda width, seed: Crash("died", "SIGKILL") if seed == 2 else came_out(5.0)  # noqa: E731
    standing, trained = certify(settings, dies)
    assert [seed for _, seed in trained] == [1, 2, 2, 3, 4, 5]
    assert standing.champion.baseline

import pytest

from gansearch.ranking.certificate import certificates_of, lower_bound, status_of
from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import study_summary
from gansearch.ranking.tolerance import limits_of, outcomes_of

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")


@pytest.fixture
def run(trial):
    """A run of a trial's candidate with a fresh seed; None stands for one that failed."""
    numbers = iter(range(1000))

    def make(certifies, seed, quality, **fields):
        verdict = "healthy" if quality is not None else "mode-collapse"
        known = {"certifies": certifies, "seed": seed, "baseline": False}
        return trial(next(numbers), 1, quality, verdict, **known | fields)

    return make


@pytest.fixture
def certificate(study, trial, run):
    """The certificate of trial 1 whose seeds came out so, beside a baseline of quality 5."""

    def of(*qualities, **fields):
        runs = [run(1, seed, quality, **fields) for seed, quality in enumerate(qualities, start=1)]
        return certificates_of(
            study(), [trial(0, 1000, 5.0), trial(1, 50, 5.2)], runs, [SIZE, MMD]
        )[1]

    return of


@pytest.mark.parametrize(
    ("healthy", "seeds", "bound"),
    # Clopper and Pearson's tables for 95 %: 0.05 ** (1 / n) where all are healthy.
    [
        (4, 4, 0.4729),
        (5, 5, 0.5493),
        (4, 5, 0.3426),
        (1, 1, 0.05),
        (3, 5, 0.1893),
        (0, 2, 0.0),
        (0, 0, 0.0),
    ],
)
def test_the_lower_bound_of_the_rate_is_that_of_the_tables(healthy, seeds, bound):
    assert lower_bound(healthy, seeds, 0.95) == pytest.approx(bound, abs=1e-4)


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_the_bound_is_above_the_rate_no_more_often_than_told_though_the_test_stops_early(rate):
    """By all sequences of five seeds, each tested until four are healthy or two have failed."""
    wrong = 0.0
    for sequence in range(2**5):
        seeds = [bool(sequence >> i & 1) for i in range(5)]
        n = next(n for n in range(1, 6) if sum(seeds[:n]) == 4 or n - sum(seeds[:n]) == 2)
        probability = rate ** sum(seeds) * (1 - rate) ** (5 - sum(seeds))
        wrong += probability * (lower_bound(sum(seeds[:n]), n, 0.95) > rate)
    assert wrong <= 0.05


@pytest.mark.parametrize(
    ("healthy", "failed", "status"),
    [
        (4, 0, "stable"),
        (4, 1, "stable"),
        (3, 1, "undecided"),
        (0, 1, "undecided"),
        (0, 2, "unstable"),
        (3, 2, "unstable"),
    ],
)
def test_four_of_five_are_required(healthy, failed, status):
    assert status_of(healthy, failed, required=4, allowed=5) == status


def test_quality_is_a_median_with_its_range_over_the_healthy_seeds(certificate):
    told = certificate(5.0, None, 6.0, 5.25, 5.5)
    assert (told.quality.median, told.quality.low, told.quality.high) == (5.375, 5.0, 6.0)
    assert (told.healthy, told.seeds, told.status) == (4, 5, "stable")


def test_a_crash_counts_as_a_seed_that_did_not_come_out_healthy(certificate):
    told = certificate(None, None, state="failed")
    assert (told.healthy, told.seeds, told.status) == (0, 2, "unstable")


def test_an_attempt_that_is_tried_again_counts_nothing(study, trial, run):
    runs = [
        run(1, 1, None, state="failed", retried=True),
        run(1, 1, 5.0),
        run(1, 2, None, state="running"),
    ]
    told = certificates_of(study(), [trial(0, 1000, 5.0), trial(1, 50, 5.2)], runs, [SIZE, MMD])[1]
    assert (told.seeds, told.runs) == (1, (1,))


def test_only_as_many_seeds_count_as_the_study_allows_now(study, trial, run):
    runs = [run(1, seed, 5.0 if seed < 6 else None) for seed in range(1, 9)]
    told = certificates_of(study(), [trial(0, 1000, 5.0), trial(1, 50, 5.2)], runs, [SIZE, MMD])[1]
    assert (told.healthy, told.seeds, told.allowed) == (5, 5, 5)


@pytest.mark.parametrize(("quality", "within"), [(5.5, True), (5.51, False)])
def test_the_median_is_held_against_the_baselines_by_the_tolerance(certificate, quality, within):
    told = certificate(quality, quality, quality, quality)
    assert (told.within_tolerance, told.passes, told.out_of_reach) == (within, within, not within)


def test_more_is_better_where_the_objective_says_so(study, trial, run):
    coverage = Objective("coverage", "maximize")
    records = [trial(0, 1000, 0.3, metric="coverage"), trial(1, 50, 0.2, metric="coverage")]
    runs = [run(1, seed, 0.28, metric="coverage") for seed in (1, 2, 3, 4)]
    assert certificates_of(study("coverage", "maximize"), records, runs, [SIZE, coverage])[1].passes


def test_a_limit_is_of_one_run_until_the_baseline_is_trained_on_all_that_a_candidate_needs(
    study, trial, run
):
    records = [trial(0, 1000, 5.0), trial(1, 50, 5.2)]

    def limit(*qualities):
        runs = [run(0, seed, quality) for seed, quality in enumerate(qualities, start=1)]
        spec = study()
        return limits_of(
            spec, HealthyTrials.of(records, [SIZE, MMD]), outcomes_of(spec, runs)
        ).baseline

    assert (limit(6.0, 6.0, 6.0).quality, limit(6.0, 6.0, 6.0).seeds) == (5.0, 0)
    assert (limit(6.0, 6.2, None, 7.0).quality, limit(6.0, 6.2, None, 7.0).seeds) == (6.2, 3)
    assert limit(6.0, 6.2, None, 7.0, 9.0).quality == 6.2, "later seeds do not move it"
    assert limit(None, None, None, None).quality == 5.0, (
        "without any healthy one the run of the search stands"
    )


def test_the_contract_of_json(certificate):
    told = certificate(5.0, 5.0, 5.0, 5.0).to_json()
    assert {
        "status",
        "stable",
        "seeds",
        "healthy",
        "required",
        "allowed",
        "rate_low",
        "quality",
    } <= told.keys()
    assert (told["stable"], told["within_tolerance"], told["quality"]["median"]) == (
        True,
        True,
        5.0,
    )


def test_the_champion_is_the_smallest_that_is_stable_and_good_enough(study, trial, run):
    records = [
        trial(0, 1000, 5.0),
        trial(1, 50, 5.2),
        trial(2, 40, 5.0),
        trial(3, 30, 5.1),
        trial(4, 90, 5.0),
    ]
    outcomes = {1: [5.0] * 4, 2: [9.0] * 4, 3: [5.0, None, None], 4: [5.0] * 4}
    runs = [
        run(n, seed, q)
        for n, qualities in outcomes.items()
        for seed, q in enumerate(qualities, start=1)
    ]
    assert study_summary(study(), records, runs=runs).champion.number == 1


def test_a_trial_that_failed_in_the_search_is_no_champion_however_its_seeds_come_out(
    study, trial, run
):
    records = [trial(0, 1000, 5.0), trial(1, 50, None, "mode-collapse")]
    standing = study_summary(study(), records, runs=[run(1, seed, 5.0) for seed in (1, 2, 3, 4)])
    assert standing.certificates[1].status == "stable"
    assert standing.champion is None


def test_without_runs_there_is_no_certificate_and_no_champion(study, trial):
    standing = study_summary(study(), [trial(0, 1000, 5.0)])
    assert (dict(standing.certificates), standing.champion) == ({}, None)

import pytest
from support.calibrations import calibration

from gansearch.ranking.certificate import certificate_status, certificates_of, lower_bound
from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import study_summary
from gansearch.ranking.tolerance import ended_runs, quality_thresholds

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
    """The certificate of trial 1 with these qualities by seed, beside a baseline of quality 5."""

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
def test_the_bound_exceeds_the_rate_as_rarely_as_stated_although_the_test_stops_early(rate):
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
    assert certificate_status(healthy, failed, required=4, allowed=5) == status


def test_the_quality_is_the_median_and_range_over_the_healthy_seeds(certificate):
    result = certificate(5.0, None, 6.0, 5.25, 5.5)
    assert (result.quality.median, result.quality.low, result.quality.high) == (5.375, 5.0, 6.0)
    assert (result.healthy, result.seeds, result.status) == (4, 5, "stable")


def test_a_crash_counts_as_a_failed_seed(certificate):
    result = certificate(None, None, state="failed")
    assert (result.healthy, result.seeds, result.status) == (0, 2, "unstable")


def test_a_run_that_has_not_ended_does_not_count(study, trial, run):
    records = [trial(0, 1000, 5.0), trial(1, 50, 5.2)]
    runs = [run(1, 1, 5.0), run(1, 2, None, state="running"), run(1, 3, None, state="paused")]
    result = certificates_of(study(), records, runs, [SIZE, MMD])[1]
    assert (result.seeds, result.runs) == (1, (0,))


def test_only_as_many_seeds_count_as_the_study_allows_now(study, trial, run):
    runs = [run(1, seed, 5.0 if seed < 6 else None) for seed in range(1, 9)]
    result = certificates_of(study(), [trial(0, 1000, 5.0), trial(1, 50, 5.2)], runs, [SIZE, MMD])[
        1
    ]
    assert (result.healthy, result.seeds, result.allowed) == (5, 5, 5)


@pytest.mark.parametrize(("quality", "within"), [(5.5, True), (5.51, False)])
def test_the_median_is_compared_with_the_baselines_within_the_tolerance(
    certificate, quality, within
):
    result = certificate(quality, quality, quality, quality)
    assert (result.within_tolerance, result.passes, result.out_of_reach) == (
        within,
        within,
        not within,
    )


@pytest.mark.parametrize(("quality", "within"), [(6.0, True), (6.1, False)])
def test_the_tolerance_is_never_smaller_than_the_spread_between_two_draws(
    study, trial, run, quality, within
):
    stamp = {"calibration": calibration(relative_spread={"mmd": 0.1}).model_dump(mode="json")}
    records = [trial(0, 1000, 5.0, stamp=stamp), trial(1, 50, 5.2)]
    runs = [run(1, seed, quality) for seed in (1, 2, 3, 4)]
    result = certificates_of(study(), records, runs, [SIZE, MMD])[1]
    assert (result.passes, result.tolerance) == (within, 0.2)


def test_more_is_better_where_the_objective_says_so(study, trial, run):
    coverage = Objective("coverage", "maximize")
    records = [trial(0, 1000, 0.3, metric="coverage"), trial(1, 50, 0.2, metric="coverage")]
    runs = [run(1, seed, 0.28, metric="coverage") for seed in (1, 2, 3, 4)]
    assert certificates_of(study("coverage", "maximize"), records, runs, [SIZE, coverage])[1].passes


def test_a_threshold_is_of_one_run_until_the_baseline_has_all_required_seeds(study, trial, run):
    records = [trial(0, 1000, 5.0), trial(1, 50, 5.2)]

    def limit(*qualities):
        runs = [run(0, seed, quality) for seed, quality in enumerate(qualities, start=1)]
        spec = study()
        return quality_thresholds(
            spec, HealthyTrials.of(records, [SIZE, MMD]), ended_runs(spec, runs)
        ).baseline

    assert (limit(6.0, 6.0, 6.0).quality, limit(6.0, 6.0, 6.0).seeds) == (5.0, 0)
    assert (limit(6.0, 6.2, None, 7.0).quality, limit(6.0, 6.2, None, 7.0).seeds) == (6.2, 3)
    assert limit(6.0, 6.2, None, 7.0, 9.0).quality == 6.2, "later seeds do not move it"
    assert limit(None, None, None, None).quality == 5.0, (
        "without any healthy one the run of the search stands"
    )


def test_the_json_has_the_keys_of_the_contract(certificate):
    result = certificate(5.0, 5.0, 5.0, 5.0).to_json()
    assert {
        "status",
        "stable",
        "seeds",
        "healthy",
        "required",
        "allowed",
        "rate_low",
        "quality",
    } <= result.keys()
    assert (result["stable"], result["within_tolerance"], result["quality"]["median"]) == (
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


def test_a_trial_that_failed_in_the_search_is_no_champion_even_if_its_seeds_are_stable(
    study, trial, run
):
    records = [trial(0, 1000, 5.0), trial(1, 50, None, "mode-collapse")]
    summary = study_summary(study(), records, runs=[run(1, seed, 5.0) for seed in (1, 2, 3, 4)])
    assert summary.certificates[1].status == "stable"
    assert summary.champion is None


def test_without_runs_there_is_no_certificate_and_no_champion(study, trial):
    summary = study_summary(study(), [trial(0, 1000, 5.0)])
    assert (dict(summary.certificates), summary.champion) == ({}, None)

from support.calibrations import calibration

from gansearch.report.certificates import certification_json

OUTCOMES = {0: [5.0] * 4, 1: [5.1, 5.2, 5.3, 5.4], 2: [5.0, None, None], 3: [9.0, 9.0, 9.0]}


def test_the_champion_is_named_in_one_sentence(certification):
    assert certification(OUTCOMES).conclusion() == (
        "The champion is trial 1: generator_params 50, 5.0% of the baseline's; "
        "4 of 4 fresh seeds healthy (so at least 47% of all seeds, at 95% confidence); "
        "median mmd 5.25."
    )


def test_the_baseline_may_be_the_champion(certification):
    told = certification({0: [5.0] * 4}).conclusion()
    assert told.startswith(
        "The champion is the baseline itself, trial 0: generator_params 1,000; 4 of 4"
    )


def test_the_conclusion_says_why_there_is_no_champion(certification, trial):
    failed = [trial(0, 1000, None, "diverged")]
    assert (
        certification({}, failed).conclusion()
        == "No trial is healthy, so there is nothing to certify."
    )
    assert certification({}).conclusion() == "Nothing is certified yet."
    nobody = certification({1: [None, None], 2: [9.0] * 4}).conclusion()
    assert nobody == (
        "There is no champion: 1 of 2 candidates turned out stable, "
        "and none of these is as good as the baseline, trial 0."
    )


def test_a_tolerance_raised_to_the_spread_between_draws_is_told(certification, trial):
    stamp = {"calibration": calibration(relative_spread={"mmd": 0.07}).model_dump(mode="json")}
    records = [trial(0, 1000, 5.0, stamp=stamp), trial(1, 50, 5.2)]
    raised = certification({1: [5.5, 5.6, 5.7, 5.8]}, records)
    assert next(iter(raised.notes())) == (
        "the study's tolerance of 10% is raised to 14.0%: "
        "so much mmd may differ between two draws from one generator"
    )
    assert certification_json(raised)["thresholds"]["champion"]["tolerance"] == 0.14
    assert certification_json(raised)["candidates"][0]["certified"]["tolerance"] == 0.14
    assert "raised" not in "".join(certification({1: [5.5] * 4}).notes())


def test_both_thresholds_are_shown_with_their_source(certification):
    baseline, best, *_ = certification(OUTCOMES).notes()
    assert baseline == (
        "as ★: mmd ≤ 5.5, within 10% of the baseline, trial 0 (5, median of 4 fresh seeds); "
        "so must the champion be"
    )
    assert best == (
        "as ▲: mmd ≤ 3.3, within 10% of the best model, trial 3 (3, by its one run in the search)"
    )


def test_what_the_champion_saves_is_told_against_each_reference_with_medians(certification, trial):
    records = [trial(0, 1000, 5.0), trial(1, 950, 3.2), trial(2, 60, 3.0), trial(3, 50, 3.1)]
    outcomes = {0: [5.0] * 4, 1: [3.2] * 4, 2: [4.0] * 4, 3: [3.1, 3.2, 3.4, 3.5]}
    found = certification(outcomes, records, reference="best")
    assert list(found.savings()) == [
        "beside the baseline as written, trial 0 (generator_params 1,000, mmd 5, median of 4 fresh "
        "seeds): 5.0% of its size, median mmd -34%",
        "beside the best of the baseline's size and the best of any size, trial 1 "
        "(generator_params 950, mmd 3.2, median of 4 fresh seeds): 5.3% of its size, "
        "median mmd +3.1%",
    ]
    assert "trial 3" in found.conclusion()
    assert certification_json(found)["savings"][1]["references"] == ("tuned_baseline", "best")


def test_a_failed_baseline_is_noted(certification, trial):
    records = [trial(0, 1000, None, "diverged"), trial(1, 50, 5.2)]
    assert next(certification({1: [5.0]}, records).notes()) == (
        "the baseline, trial 0, is not healthy: verdict diverged, "
        "so the champion is held against the best model"
    )


def test_json_holds_every_seed(certification):
    told = certification_json(certification(OUTCOMES))
    assert (told["champion"], told["steps_trained"]) == (1, 1400)
    seeds = told["candidates"][0]["seeds"]
    assert [(seed["seed"], seed["verdict"], seed["quality"]) for seed in seeds] == [
        (1, "healthy", 5.0), (2, "mode-collapse", None), (3, "mode-collapse", None)
    ]  # fmt: skip

import pytest
from rich.console import Console
from support.calibrations import calibration

from gansearch.report.certificates import (
    CertificatesTable,
    Certification,
    certification_json,
    certified_line,
)


@pytest.fixture
def certification(study, trial):
    """A certification, from the qualities of the seeds by trial; None is a failed seed."""

    def of(outcomes, records=None):
        records = records or [
            trial(0, 1000, 5.0),
            trial(1, 50, 5.2),
            trial(2, 40, 5.0),
            trial(3, 60, 3.0),
        ]
        runs = []
        for number, qualities in outcomes.items():
            for seed, quality in enumerate(qualities, start=1):
                verdict = "healthy" if quality is not None else "mode-collapse"
                known = {"certifies": number, "seed": seed, "baseline": False, "steps": 100}
                runs.append(trial(len(runs), 1, quality, verdict, **known))
        return Certification.of(study(), records, runs)

    return of


def shown(certification):
    console = Console(width=140, color_system=None)
    with console.capture() as capture:
        console.print(CertificatesTable(certification))
    return capture.get()


def row(told, trial):
    return next(line.split() for line in told.splitlines() if line.split()[:1] == [str(trial)])


OUTCOMES = {0: [5.0] * 4, 1: [5.1, 5.2, 5.3, 5.4], 2: [5.0, None, None], 3: [9.0, 9.0, 9.0]}


def test_the_table_has_a_row_a_candidate_from_the_smallest(certification):
    told = shown(certification(OUTCOMES))
    assert [line.split()[0] for line in told.splitlines()[1:5]] == ["2", "1", "3", "0"]
    assert " ".join(row(told, 1)) == "1 50 5.0% 4 of 4 ≥ 47% 5.25 (5.1 to 5.4) yes no stable"
    assert row(told, 2)[-1] == "unstable"
    assert " ".join(row(told, 3)[-2:]) == "too weak"


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
    baseline, best = certification(OUTCOMES).notes()
    assert baseline == (
        "as ★: mmd ≤ 5.5, within 10% of the baseline, trial 0 (5, median of 4 fresh seeds); "
        "so must the champion be"
    )
    assert best == (
        "as ▲: mmd ≤ 3.3, within 10% of the best model, trial 3 (3, by its one run in the search)"
    )


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


def test_a_certificate_in_a_line(certification):
    told = certification(OUTCOMES).summary.certificates[1]
    assert certified_line(told) == (
        "stable, 4 of 4 fresh seeds healthy, at least 47% of all seeds at 95% confidence, "
        "median quality 5.25 (5.1 to 5.4)"
    )

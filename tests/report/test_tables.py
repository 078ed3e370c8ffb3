import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.by_hand import STAMP

from gansearch.ranking.study_summary import RunSummary
from gansearch.report.certificates import Certification
from gansearch.report.certificates_table import CertificatesTable
from gansearch.report.changes import Changes, ChangesTable
from gansearch.report.formatting import figure, percent
from gansearch.report.tables import FrontTable, varied
from gansearch.report.trial_counts import (
    count_dominated,
    count_lines,
    count_states,
    count_verdicts,
    failed_trials,
    failures_table,
    status_json,
    verdict_name,
)
from gansearch.report.trials_table import TrialsTable


def printed(renderable, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


@pytest.fixture
def summary(study, trial):
    return RunSummary.of(
        study(), [trial(0, 234_177, 5.0), trial(1, 6_873, 5.2), trial(2, 52_401, 3.0)]
    )


def test_a_wide_terminal_gets_a_column_a_parameter(summary):
    heading, smallest, *_ = printed(FrontTable(summary), 100).splitlines()
    assert heading.split() == [
        "trial",
        "generator_params",
        "of",
        "★",
        "mmd",
        "step",
        "down",
        "width",
    ]
    assert smallest.split() == ["1", "◆", "6,873", "2.9%", "5.2", "-87%", "+73%", "1"]


def test_a_narrow_terminal_gets_a_second_table_for_the_parameters(study, trial):
    many = {f"generator.quantity_{i}": 0 for i in range(5)}
    records = [trial(n, 100 - n, n + 1.0, parameters={k: n for k in many}) for n in range(2)]
    lines = printed(FrontTable(RunSummary.of(study(), records)), 80).splitlines()
    assert lines[0].split()[-2:] == ["step", "down"]
    assert lines[4].split() == ["trial", *(f"quantity_{i}" for i in range(5))]
    assert max(map(len, lines)) <= 80


def test_certificates_are_shown_as_healthy_seeds_of_those_trained(study, certified):
    records, runs = certified
    lines = printed(FrontTable(RunSummary.of(study(), records, runs=runs)), 120).splitlines()
    column = lines[0].index("certified")
    assert [line[column : column + 9].strip() for line in lines[1:6]] == [
        "-",
        "1/1 …",
        "1/3 ✗",
        "4/4 ✓",
        "-",
    ]
    assert "♛ champion: trial 1" in lines


def test_without_certificates_there_is_no_column_for_them(summary):
    assert "certified" not in printed(FrontTable(summary), 100)


def test_a_certified_trial_beside_the_front_is_shown_too(study, certified, trial):
    records, runs = certified
    records = [*records, trial(5, 99, 5.0)]
    assert [
        record.number for record in FrontTable(RunSummary.of(study(), records, runs=runs)).rows()
    ] == [4, 3, 5, 2, 1, 0]


def test_a_step_down_within_the_noise_of_two_seeds_is_marked(study, trial):
    spec = study()
    pruning = spec.pruning.model_copy(update={"noise": 0.12, "margin": 2.0})
    records = [trial(0, 1000, 5.0), trial(1, 550, 5.3), trial(2, 50, 9.0)]
    lines = printed(
        FrontTable(RunSummary.of(spec.model_copy(update={"pruning": pruning}), records)), 100
    ).splitlines()
    assert [line.split()[-3:-1] for line in lines[1:3]] == [["-91%", "+70%"], ["-45%", "≈+6.0%"]]
    assert any(line.endswith("≈ mmd within the noise of two seeds (24%)") for line in lines)


def test_the_knee_is_marked_and_the_hypervolumes_reference_named(study, trial):
    records = [trial(0, 10_000, 1.0), trial(1, 1_000, 1.2), trial(2, 10, 1.9)]
    lines = printed(FrontTable(RunSummary.of(study(), records)), 120).splitlines()
    assert "∠ knee of the front: trial 1" in lines
    corner = "generator_params 10,000 in decades and mmd 2 (reference point of the baseline)"
    assert f"hypervolume: 1, measured from {corner}" in lines


def test_a_reference_that_moves_says_so(study, trial):
    records = [trial(0, 10_000, None, "diverged"), trial(1, 1_000, 1.2)]
    told = printed(FrontTable(RunSummary.of(study(), records)), 200)
    assert "(reference point of the worst healthy trial, which moves while the study grows)" in told


def test_a_narrow_terminal_gets_a_table_for_what_was_measured_besides(study, certified):
    records, runs = certified
    measured = {f"quantity_{i}": 1234.5 for i in range(3)}
    records = [replace(record, metrics={**record.metrics, **measured}) for record in records]
    lines = printed(FrontTable(RunSummary.of(study(), records, runs=runs)), 80).splitlines()
    assert lines[0].split()[-1] == "certified"
    assert lines[7].split() == ["trial", "quantity_0", "quantity_1", "quantity_2", "width"]
    assert "…" not in "".join(lines[6:13])
    assert max(map(len, lines)) <= 80


def test_trials_that_stand_out_beside_the_front_are_shown_too(summary):
    assert [record.number for record in FrontTable(summary).rows()] == [1, 2, 0]
    assert "Dim trials are not on the front." in printed(FrontTable(summary), 100)


def test_only_parameters_that_differ_are_shown_by_their_shortest_name(trial):
    rows = [
        trial(
            0,
            1,
            1.0,
            parameters={
                "generator.width": 1,
                "discriminator.width": 2,
                "generator.latent": n,
                "loss": "x",
            },
        )
        for n in (8, 16)
    ]
    assert varied(rows) == {"latent": "generator.latent"}


def test_failed_trials_are_listed_with_verdict_step_and_rule(trial):
    records = [
        trial(0, 10, 1.0),
        trial(1, 5_000, None, "mode-collapse"),
        trial(2, 7, None, state="failed", reason="[x]"),
    ]
    out = printed(failures_table(failed_trials(records)), 100).splitlines()
    assert out[1].split() == ["1", "5,000", "mode-collapse", "600", "told", "mode-collapse"]
    assert out[2].split() == ["2", "7", "failed", "-", "[x]"]


def test_every_trial_is_counted_in_one_state(trial):
    records = [
        trial(0, 1, 1.0),
        trial(1, 1, None, "diverged"),
        trial(2, 1, None, verdict="healthy", state="running"),
        trial(3, 1, None, state="paused", dominated_by=(0,)),
    ]
    counts = count_states(records)
    assert counts == {"complete": 1, "pruned": 1, "failed": 0, "paused": 1, "running": 1}
    assert count_lines(records[:2]) == [
        "1 complete, 1 pruned",
        "[green]1 healthy[/], [bright_red]1 diverged[/]",
    ]


def test_a_dominated_trial_is_neither_healthy_nor_failed(trial):
    dominated = trial(1, 1, None, state="pruned", dominated_by=(0,))
    records = [trial(0, 1, 1.0), dominated, trial(2, 1, None, "diverged")]
    assert [record.number for record in failed_trials(records)] == [2]
    assert (count_states(records)["pruned"], count_dominated(records)) == (2, 1)
    assert count_verdicts(records)["healthy"] == 1
    assert count_lines(records)[0] == "1 complete, 2 pruned (1 dominated at a rung)"


def test_a_trial_that_collapsed_at_the_rung_where_it_was_dominated_has_failed(trial):
    record = trial(1, 1, None, "mode-collapse", dominated_by=(0,))
    assert (failed_trials([record]), verdict_name(record)) == ([record], "mode-collapse")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0294, "2.9%"), (0.0997, "10%"), (0.465, "46%"), (1.0, "100%"), (0.0, "0%"), (None, "-")],
)
def test_shares_are_shown_to_two_digits(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.03049, "0.0305"), (4009.3, "4,009"), (None, "-"), (8e16, "8e+16")]
)
def test_figures_are_shown_to_three_digits(value, text):
    assert figure(value) == text


def test_a_paused_trial_has_no_verdict_and_is_not_pruned(trial):
    paused = trial(1, 1, None, "healthy", state="paused", dominated_by=(0,), steps=100)
    counts = status_json("s", [trial(0, 100, 5.0, steps=1500), paused], rejected=3)
    assert counts["trials"] == {"complete": 1, "pruned": 0, "failed": 0, "paused": 1, "running": 0}
    assert (counts["dominated"], counts["rejected"], counts["verdicts"]["healthy"]) == (0, 3, 1)
    assert counts["steps_trained"] == 1600
    assert verdict_name(paused) == "paused"


def test_the_warning_of_an_extractor_stands_under_every_table_of_its_figures(study, certified):
    (record, *others), runs = certified
    warned = [replace(record, stamp=STAMP), *others]
    certification = Certification.of(study(), warned, [replace(run, stamp=STAMP) for run in runs])
    for table in (
        FrontTable(RunSummary.of(study(), warned)),
        TrialsTable(warned),
        ChangesTable(Changes.of(study(), warned)),
        CertificatesTable(certification),
    ):
        assert "Warning: rough figures." in printed(table, 100)
    assert "Warning" not in printed(FrontTable(RunSummary.of(study(), others)), 100)

from io import StringIO

import pytest
from rich.console import Console

from gansearch.report.formatting import compact
from gansearch.report.trials_table import TrialsTable

SIZES = {
    "generator_trainable": 1_381_891,
    "generator_non_trainable": 2_384,
    "generator_macs": 621_000_000,
}
SIZES |= {"generator_bytes": 5_527_564}
METRICS = {"mmd": 195.4, "blur_ratio": 0.0698, "latency_ms_1": 12.3, "latency_ms_64": 1_210.0}
SIGNALS = {
    "d_loss_real": 0.0757,
    "d_loss_fake": 0.062,
    "d_acc_real": 0.983,
    "d_acc_fake": 0.985,
    "g_loss": 3969.6,
}


@pytest.fixture
def write(trial):
    records = [
        trial(0, 0, None, sizes=SIZES, metrics=METRICS, signals=SIGNALS),
        trial(10, 0, None, "convergence-failure", sizes=SIZES, metrics=METRICS, signals=SIGNALS),
        trial(11, 0, None, verdict="healthy", state="failed"),
        trial(12, 0, None, verdict="healthy", state="running"),
    ]

    def written(width):
        out = StringIO()
        Console(file=out, width=width).print(TrialsTable(records, ["mmd"]))
        return out.getvalue().splitlines()

    return written


def test_a_face_gans_figures_fit_into_120_columns_on_a_line_a_trial(write):
    _, _, first, second = write(120)[:4]
    assert first.split() == [
        *("0", "healthy", "-", "1,381,891", "2,384", "621M", "5,528", "12.3", "1,210"),
        *("195", "0.0698", "0.0757", "0.062", "0.983", "0.985", "3,970"),
    ]
    assert second.split()[:3] == ["10", "convergence-failure", "600"]


def test_a_narrow_terminal_has_costs_and_training_in_a_table_each(write):
    lines = write(80)
    assert [line.split()[:2] for line in lines if line.split()[:2] == ["0", "healthy"]] == [
        ["0", "healthy"]
    ] * 2
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0"), (999, "999"), (1_234, "1.23k"), (551_936, "552k"), (999_900, "1.00M")],
)
def test_a_count_is_written_to_three_digits(count, written):
    assert compact(count) == written


def test_a_trial_given_up_at_a_rung_is_called_neither_healthy_nor_failed(trial):
    out = StringIO()
    Console(file=out, width=200).print(
        TrialsTable([trial(1, 9, None, state="pruned", dominated_by=(0,))])
    )
    assert out.getvalue().splitlines()[2].split()[:2] == ["1", "dominated"]

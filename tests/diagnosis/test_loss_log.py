import math

import pandas as pd
import pytest

from gansearch.diagnosis.loss_log import parse_map, read_log
from gansearch.errors import LogError
from gansearch.storage.run_folder import TrialFolder


@pytest.fixture
def log(tmp_path):
    """Write a log and read it."""

    def read(text, name="log.csv", **names):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_log(path, names)

    return read


def test_an_empty_cell_was_not_measured(log):
    assert log("step,g_loss,pair_ratio\n1,0.7,\n2,,0.5\n") == [
        (1, {"g_loss": 0.7}),
        (2, {"pair_ratio": 0.5}),
    ]


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "Infinity"])
def test_a_word_for_no_number_is_a_value_that_went_wrong(log, word):
    ((_, row),) = log(f"g_loss\n{word}\n")
    assert not math.isfinite(row["g_loss"])


def test_rows_are_counted_where_there_is_no_step(log):
    assert [step for step, _ in log("g_loss\n0.5\n0.6\n")] == [1, 2]


@pytest.mark.parametrize(("real", "fake"), [("80%", "0%"), ("80", "0"), ("0.8", "0")])
def test_accuracies_come_in_percent_or_as_shares(log, real, fake):
    ((_, row),) = log(f"d_acc_real,d_acc_fake\n{real},{fake}\n")
    assert row == {"d_acc_real": 0.8, "d_acc_fake": 0.0}


def test_one_per_cent_is_known_by_the_other_column(log):
    assert log("d_acc_real,d_acc_fake\n1,100\n")[0][1] == {"d_acc_real": 0.01, "d_acc_fake": 1.0}


def test_an_accuracy_beyond_all_of_them_is_refused(log):
    with pytest.raises(LogError, match=r"must lie in 0..1 or 0..100 %, got 50 to 120"):
        log("d_acc_real\n50\n120\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_separated_as_the_header_shows(log, delimiter):
    assert log(f"step{delimiter} g_loss\n3{delimiter} 0.5\n") == [(3, {"g_loss": 0.5})]


def test_a_byte_order_mark_is_no_part_of_a_name(log):
    assert log("\ufeffg_loss\n0.5\n") == [(1, {"g_loss": 0.5})]


def test_columns_go_by_other_names_where_they_are_mapped(log):
    assert log("epoch,gen\n7,0.5\n", step="epoch", g_loss="gen") == [(7, {"g_loss": 0.5})]


def test_one_column_may_stand_for_two(log):
    told = log("d\n0.5\n", d_loss_real="d", d_loss_fake="d")
    assert told == [(1, {"d_loss_real": 0.5, "d_loss_fake": 0.5})]


def test_other_columns_need_not_be_numbers(log):
    assert log("g_loss,note\n0.5,spike\n") == [(1, {"g_loss": 0.5})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,2\n",
            r"no column that can be judged. It has a, b; readable are .*--map g_loss=theirs",
        ),
        ("", "cannot be read as CSV"),
        ("step,g_loss\n1,0,5\n2,0,6\n", "its rows have more cells than its header has names"),
        ("step,g_loss\n1,0\n2,0,6\n", "Expected 2 fields in line 3, saw 3"),
        ("step,g_loss\n", "holds no rows below its header"),
        ("g_loss\nhigh\n", "row 1: g_loss must be a number, got 'high'"),
        ("step,g_loss\n2,1\n1,1\n", "row 2: steps must rise, got 1 after 2"),
        ("step,g_loss\n2,1\n2,1\n", "row 2: steps must rise, got 2 after 2"),
        ("step,g_loss\n1.5,1\n", "row 1: a step must be a whole number, got '1.5'"),
        ("step,g_loss\n,1\n", "row 1: a step must be a whole number, got ''"),
        ("step,g_loss\nnan,1\n", "row 1: a step must be a whole number, got 'nan'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(log, text, message):
    with pytest.raises(LogError, match=message):
        log(text)


def test_a_mapped_column_must_be_there(log):
    with pytest.raises(
        LogError,
        match="g_loss is mapped to a column that is not there: unknown one 'gem'; did you mean",
    ):
        log("gen\n1\n", g_loss="gem")


@pytest.mark.parametrize("name", ["log.csv", "signals.parquet"])
def test_a_file_that_is_not_there_is_a_log_error(tmp_path, name):
    with pytest.raises(LogError, match="cannot be read as"):
        read_log(tmp_path / name)


@pytest.mark.parametrize("name", ["log.csv", "signals.parquet"])
def test_bytes_that_are_no_log_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff\xfe\x00PNG\x00\n\x00")
    with pytest.raises(LogError, match="cannot be read as"):
        read_log(tmp_path / name)


def test_a_trials_own_signals_are_read(tmp_path):
    TrialFolder(tmp_path).write_signals([{"g_loss": 0.5}, {"g_loss": 0.25, "pair_ratio": 0.75}])
    assert read_log(tmp_path / "signals.parquet") == [
        (1, {"g_loss": 0.5}),
        (2, {"g_loss": 0.25, "pair_ratio": 0.75}),
    ]


def test_infinity_survives_parquet(tmp_path):
    pd.DataFrame({"step": [1], "g_loss": [math.inf]}).to_parquet(tmp_path / "signals.parquet")
    assert read_log(tmp_path / "signals.parquet") == [(1, {"g_loss": math.inf})]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["g_loss"], "mapped as ours=theirs, got 'g_loss'"),
        (["gloss=x"], "unknown signal 'gloss'; did you mean 'g_loss'"),
        (["g_loss=x", "g_loss=y"], "g_loss is mapped twice, to 'x' and to 'y'"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(pairs, message):
    with pytest.raises(LogError, match=message):
        parse_map(pairs)

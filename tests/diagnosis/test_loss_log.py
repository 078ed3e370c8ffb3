import bz2
import gzip
import io
import json
import lzma
import math
import zipfile
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorboard.summary as tensorflow_summary
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.tensorboard import SummaryWriter

from gansearch.diagnosis.loss_log import parse_map, read_log, read_logs
from gansearch.diagnosis.loss_log.source import MAX_BYTES
from gansearch.errors import LogError
from gansearch.storage.trial_folder import TrialFolder


@pytest.fixture
def log(tmp_path):
    """Write a log and read it."""

    def read(text, name="log.csv", **names):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_log(path, names)

    return read


ROW = [(3, {"d_loss": 0.25, "g_loss": 1.5})]
NAMES = [
    ("step", "d_loss", "g_loss"),
    ("Epoch", "D_Loss", "G_Loss"),
    ("iteration", "errD", "errG"),
    ("Step", "Discriminator Loss", "Generator Loss"),
    ("global_step", "train/lossD", "train/lossG"),
    ("_step", "quick-fox-3 - d_loss", "quick-fox-3 - gan_loss"),
    ("iters", "loss_disc", "loss_gen"),
]
SIGNALS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "d_loss": st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
            "g_loss": st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
        },
    ),
    min_size=1,
    max_size=20,
)


@given(
    SIGNALS,
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    st.sampled_from(NAMES),
    st.sampled_from(["", "NA", "None", "n/a", "-"]),
)
def test_a_table_in_any_dialect_is_read_back(
    tmp_path_factory, rows, delimiter, comma, encoding, names, blank
):
    mark = "," if comma and delimiter != "," else "."

    def cell(row, name):
        return repr(row[name]).replace(".", mark) if name in row else blank

    lines = [delimiter.join(names)] + [
        delimiter.join([str(step), cell(row, "d_loss"), cell(row, "g_loss")])
        for step, row in enumerate(rows, start=1)
    ]
    path = tmp_path_factory.mktemp("log") / "log.txt"
    path.write_bytes("\n".join(lines).encode(encoding))
    assert read_log(path) == list(enumerate(rows, start=1))


def test_blanks_within_names_do_not_separate_them(log):
    text = "_step\tfox-3 - d_loss\tfox-3 - gan_loss\n1\t0.5\t\n"
    assert log(text) == [(1, {"d_loss": 0.5})]


def test_an_empty_cell_was_not_measured(log):
    assert log("step,g_loss,pair_ratio\n1,0.7,\n2,,0.5\n") == [
        (1, {"g_loss": 0.7}),
        (2, {"pair_ratio": 0.5}),
    ]


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "Infinity", "1.#QNAN"])
def test_a_word_for_no_number_is_a_value_that_went_wrong(log, word):
    ((_, row),) = log(f"g_loss\n{word}\n")
    assert not math.isfinite(row["g_loss"])


@pytest.mark.parametrize(
    "cell", ["tensor(0.25, device='cuda:0')", "[0.25, 1.0]", "np.float32(0.25)", "array([0.25])"]
)
def test_the_number_in_a_cell_is_found(log, cell):
    assert log(f'step,d_loss,g_loss\n3,"{cell}",1.5\n') == ROW


def test_rows_are_counted_where_there_is_no_step(log):
    assert [step for step, _ in log("g_loss\n0.5\n0.6\n")] == [1, 2]


@pytest.mark.parametrize(("real", "fake"), [("80%", "0%"), ("80", "0"), ("0.8", "0")])
def test_accuracies_come_in_percent_or_as_shares(log, real, fake):
    ((_, row),) = log(f"d_acc_real,d_acc_fake\n{real},{fake}\n")
    assert row == {"d_acc_real": 0.8, "d_acc_fake": 0.0}


def test_an_accuracy_beyond_all_of_them_is_refused(log):
    with pytest.raises(LogError, match=r"must lie in 0..1 or 0..100 %, got 50 to 120"):
        log("d_acc_real\n50\n120\n")


@pytest.mark.parametrize(
    "line",
    [
        "[Epoch 3/200] [D loss: 0.25, acc.: 71.0%] [G loss: 1.5]",
        "3 [D loss: 0.25] [G loss: 1.5]",
        "[0/25][3/40] Loss_D: 0.25 Loss_G: 1.5 D(x): 0.99 D(G(z)): 0.0002 / 0.0004",
        "Step 3: 10%|#  | 3/100 [00:01<00:09, 9.5it/s, D_loss=0.25, G_loss=1.5]",
        "100/100 [====] - 5s 50ms/step - d_loss: 0.25 - g_loss: 1.5",
        "{'d_loss': 0.25, 'g_loss': tensor(1.5)}",
        "Discriminator loss: 0.25\nGenerator loss: 1.5",
    ],
)
def test_numbers_behind_names_in_printed_lines_are_read(log, line):
    ((_, row),) = log(line, "out.log")
    assert (row["d_loss"], row["g_loss"]) == (0.25, 1.5)


@pytest.mark.parametrize(
    "text",
    [
        '{"step": 3, "d_loss": 0.25, "g_loss": 1.5}\n{"step": 4, "d_l',
        '{"step": 3, "Loss/D/loss": {"num": 9, "mean": 0.25}, "Loss/G/loss": {"mean": 1.5}}\n',
        '[{"step": 3, "d_loss": 0.25,\n "g_loss": 1.5}]',
        "step,tag,value\n3,d_loss,0.25\n3,g_loss,1.5\n",
        "| step | d_loss | g_loss |\n|---|---|---|\n| 3 | 0.25 | 1.5 |\n",
        "A title\n\nstep;D loss;G loss\n3;0,25;1,5\n",
        "# step d_loss g_loss\n3 0.25 1.5\n",
        "step,d_loss,g_loss\n3,0.25,1.5\nstep,d_loss,g_loss\n",
    ],
)
def test_logs_of_other_kinds_are_read(log, text):
    assert log(text) == ROW


def _zip(raw):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("logs/log.csv", raw)
    return file.getvalue()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, _zip])
def test_a_compressed_log_is_known_by_its_content(log, compress):
    assert log(compress(b"step,d_loss,g_loss\n3,0.25,1.5\n")) == ROW


def test_a_log_that_unpacks_to_more_than_the_limit_is_refused(log):
    with pytest.raises(LogError, match="holds more than 256 MiB; thin it out"):
        log(gzip.compress(bytes(MAX_BYTES + 1)))


def test_the_curves_of_tensorboard_are_joined_by_step(tmp_path):
    for tag, value in (("Loss_D", 0.25), ("Loss_G", 1.5)):
        path = tmp_path / f"run-x-tag-{tag}.csv"
        path.write_text(f"Wall time,Step,Value\n1700000000.5,3,{value}\n")
    assert read_logs(sorted(tmp_path.iterdir())).rows == ROW


def _torch_writer(folder):
    return SummaryWriter(str(folder))


def _tensorflow_2_writer(folder):
    return tensorflow_summary.Writer(tensorflow_summary.DirectoryOutput(str(folder)))


@pytest.mark.parametrize("writer", [_torch_writer, _tensorflow_2_writer])
def test_event_files_are_read_by_folder_and_by_name(tmp_path, writer):
    events = writer(tmp_path)
    for step in (1, 2):
        events.add_scalar("Loss/D", step / 4, step)
        events.add_scalar("Loss/G", step / 2, step)
    events.close()
    (file,) = tmp_path.iterdir()
    rows = [(1, {"d_loss": 0.25, "g_loss": 0.5}), (2, {"d_loss": 0.5, "g_loss": 1.0})]
    assert read_log(tmp_path) == read_log(file) == rows


def test_an_event_file_without_scalars_is_refused(tmp_path):
    _torch_writer(tmp_path).close()
    with pytest.raises(LogError, match="holds no scalars"):
        read_log(tmp_path)


def test_sparse_rows_of_one_step_are_merged(log):
    assert log("d_loss,g_loss,step\n0.25,,3\n,1.5,3\n") == ROW


def test_rows_after_a_restart_replace_those_that_they_repeat(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,g_loss\n1,1\n2,2\n3,3\n2,20\n3,30\n")
    read = read_logs([path])
    assert read.rows == [(1, {"g_loss": 1.0}), (2, {"g_loss": 20.0}), (3, {"g_loss": 30.0})]
    assert "went on from an earlier step" in read.sources[0]["notes"][0]


def test_a_counter_of_batches_within_an_epoch_is_no_step(log):
    text = "epoch,batch,g_loss\n" + "".join(f"{i // 5},{i % 5},{i}\n" for i in range(40))
    assert [step for step, _ in log(text)] == list(range(1, 41))


def test_nan_between_numbers_again_and_again_was_not_measured(log):
    read = log("step,g_loss\n" + "".join(f"{i},{'nan' if i % 2 else 1.0}\n" for i in range(20)))
    assert all(math.isfinite(value) for _, row in read for value in row.values())


def test_columns_of_validation_and_of_extremes_are_not_taken(log):
    text = "step,val_d_loss,d_loss,d_loss__MIN,g_loss\n3,9,0.25,8,1.5\n"
    assert log(text) == ROW


def test_columns_go_by_other_names_where_they_are_mapped(log):
    assert log("epoch,gen\n7,0.5\n", step="epoch", g_loss="gen") == [(7, {"g_loss": 0.5})]


def test_one_column_may_stand_for_two(log):
    read = log("d\n0.5\n", d_loss_real="d", d_loss_fake="d")
    assert read == [(1, {"d_loss_real": 0.5, "d_loss_fake": 0.5})]


def test_a_last_row_that_is_cut_off_does_not_cost_the_log(log):
    assert log("step,g_loss\n1,0.5\n2,0.6e-\n") == [(1, {"g_loss": 0.5}), (2, {})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"no column that can be judged. It has a, b; .*--map g_loss=theirs"),
        ("step,Disc Verlust\n1,2\n", r"Perhaps: --map 'd_loss=Disc Verlust'"),
        ("", "is empty"),
        ("0.5,0.7\n0.5,0.7\n", "has no header: its first line holds numbers"),
        ("step,g_loss\n1,0,5\n2,0,6\n", "its rows have more cells than its header has names"),
        ("step,g_loss\n", "holds no rows below its header"),
        ("g_loss\nhigh\n", "row 1: g_loss must be a number, got 'high'"),
        (b"\x89PNG\x00\x01\x02", "it is no text"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
)
def test_logs_that_cannot_be_read_are_refused_with_a_reason(log, text, message):
    with pytest.raises(LogError, match=message):
        log(text)


def test_a_mapped_column_must_be_there(log):
    with pytest.raises(LogError, match="'gem'; did you mean --map g_loss=gen"):
        log("gen\n1\n", g_loss="gem")


def test_a_file_that_is_not_there_is_a_log_error(tmp_path):
    with pytest.raises(LogError, match="cannot be read"):
        read_log(tmp_path / "log.csv")


def test_a_trials_own_signals_are_read(tmp_path):
    TrialFolder(tmp_path).write_signals([{"g_loss": 0.5}, {"g_loss": 0.25, "pair_ratio": 0.75}])
    assert read_log(tmp_path / "signals.parquet") == [
        (1, {"g_loss": 0.5}),
        (2, {"g_loss": 0.25, "pair_ratio": 0.75}),
    ]


def test_infinity_survives_parquet(tmp_path):
    pd.DataFrame({"step": [1], "g_loss": [math.inf]}).to_parquet(tmp_path / "signals.parquet")
    assert read_log(tmp_path / "signals.parquet") == [(1, {"g_loss": math.inf})]


def test_lists_by_name_are_a_history(log):
    history = {"d_loss": [0.5, 0.25], "g_loss": [1.0, 1.5]}
    assert [row for _, row in log(json.dumps(history))] == [
        {"d_loss": 0.5, "g_loss": 1.0},
        {"d_loss": 0.25, "g_loss": 1.5},
    ]


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


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2**30], pa.date32()),
        pa.array([[1.0], [2.0]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([b"1", b"2"]),
    ],
)
def test_a_signal_of_an_odd_type_is_named_and_other_columns_are_left_out(tmp_path, column):
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"step": [1, 2], "g_loss": column}), path)
    with pytest.raises(LogError, match=r"its column g_loss holds .*, not numbers"):
        read_log(path)
    pq.write_table(pa.table({"when": column, "g_loss": [0.5, 0.6]}), path)
    assert read_log(path) == [(1, {"g_loss": 0.5}), (2, {"g_loss": 0.6})]


def test_decimals_and_dictionaries_of_parquet_are_numbers(tmp_path):
    path = tmp_path / "log.parquet"
    losses = pa.array([Decimal("0.5"), Decimal("0.75")])
    pq.write_table(pa.table({"g_loss": losses, "d_loss": losses.dictionary_encode()}), path)
    assert read_log(path)[1] == (2, {"g_loss": 0.75, "d_loss": 0.75})


def test_a_column_that_comes_twice_is_read_once_or_refused(tmp_path):
    path = tmp_path / "log.parquet"
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["g_loss", "g_loss"])
    pq.write_table(table, path)
    try:
        assert len(read_log(path)) == 1
    except LogError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("width", [100_000, 300])
def test_a_table_of_many_columns_is_read_by_its_signals(tmp_path, width):
    names = ["g_loss", *(f"extra_{i}" for i in range(width))]
    text = "\n".join(",".join(row) for row in (names, ["0.5"] * (width + 1)))
    (tmp_path / "log.csv").write_text(text)
    assert read_log(tmp_path / "log.csv") == [(1, {"g_loss": 0.5})]


def test_a_log_of_too_many_values_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gansearch.diagnosis.loss_log.raw.MAX_CELLS", 5)
    (tmp_path / "log.csv").write_text("g_loss,d_loss\n" + "1,2\n" * 3)
    with pytest.raises(LogError, match=r"more than 5 values in 2 columns"):
        read_log(tmp_path / "log.csv")

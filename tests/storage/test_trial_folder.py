import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.damage import flip_bit

from gansearch.errors import RunFolderError
from gansearch.storage import trial_folder
from gansearch.storage.trial_folder import PREDICTIONS, SAMPLES, SIGNALS, VERDICT, TrialFolder


@pytest.fixture
def files(tmp_path):
    return TrialFolder(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        {"g_loss": [0.5]},
        {"step": [1], "g_loss": ["high"]},
        {"step": [1], "g_loss": [[0.5]]},
        {"step": ["first"]},
    ],
)
def test_a_table_that_no_run_writes_is_damage(files, columns):
    for name, read in ((SIGNALS, files.signals), (PREDICTIONS, files.predictions)):
        pq.write_table(pa.table(columns), files.path / name)
        with pytest.raises(RunFolderError, match=f"{name} is damaged: "):
            read()


def test_a_small_file_of_too_many_values_is_not_read(files, monkeypatch):
    files.write_signals([{"g_loss": 0.0}] * 100)
    monkeypatch.setattr(trial_folder, "MOST_VALUES", 100)
    with pytest.raises(RunFolderError, match="it holds more than 100 values"):
        files.signals()


def test_a_flipped_bit_anywhere_in_a_table_is_damage_or_harmless(files):
    files.write_predictions([(10, "real", [3, 0, 1]), (10, "fake", [0, 2, 2])])
    sound, path = files.predictions(), files.path / PREDICTIONS
    content, told = path.read_bytes(), []
    names = [found.end() - 3 for found in re.finditer(b"bin_01", content)]
    for place in (*names, *range(0, len(content), 11)):
        flip_bit(path, place)
        try:
            assert files.predictions().equals(sound)
        except RunFolderError as error:
            told.append(str(error))
        path.write_bytes(content)
    assert any("it does not match its digest" in message for message in told[: len(names)])
    assert len(told) > 50


def test_rows_for_trackers_are_checked_too(files):
    files.write_signals([{"g_loss": 1.5}, {"d_loss": 2.5}])
    assert files.signal_rows() == [{"g_loss": 1.5}, {"d_loss": 2.5}]
    (files.path / SIGNALS).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(RunFolderError, match="is damaged"):
        files.signal_rows()


def test_a_verdict_with_another_remedy_is_damage(files):
    files.write_json(VERDICT, {"verdict": "healthy", "remedies": [{"title": "a"}]})
    path = files.path / VERDICT
    assert files.verdict() == {"verdict": "healthy", "remedies": [{"title": "a"}]}
    path.write_text(path.read_text().replace('"a"', '"b"'))
    with pytest.raises(RunFolderError, match="does not match its digest"):
        files.verdict()


def test_pictures_of_other_names_are_not_samples(files):
    path = files.sample_path(20)
    for name in (path.name, "holiday.png", "step-.png", f"step-{'9' * 5000}.png"[:200]):
        (path.parent / name).touch()
    assert files.sample_grids() == [path] and path.parent.name == SAMPLES

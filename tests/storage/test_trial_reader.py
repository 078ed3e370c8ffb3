import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from optuna.samplers import RandomSampler

from gansearch.errors import RunFolderError
from gansearch.signals import HEALTHY
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_attributes import certification_name, dump_record
from gansearch.storage.trial_reader import count_rejections, read_certification, read_records
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rejection, TrialRecord


@pytest.fixture
def folder(make_spec, tmp_path):
    """A run folder whose study has not begun."""
    spec = make_spec()
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    return folder


@pytest.fixture
def searched(folder):
    """A run folder with a complete, a paused and a running trial and a rejected candidate."""
    spec = folder.spec()
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives) as store:
        for state in ("complete", "paused", "running"):
            trial = store.ask(RandomSampler())
            record = TrialRecord(-1, "running", {"generator.width": 8}, metrics={"mmd": 0.1})
            record = replace(store.begin(trial, record), state=state, verdict=HEALTHY)
            if state == "complete":
                store.tell(trial, record, [1.0, 2.0], {"failure": 0.0})
            else:
                store.update(trial, record)
        rejection = Rejection({}, "too large")
        store.tell(store.ask(RandomSampler()), rejection, None, {"failure": 1.0})
    return folder


def test_trials_are_read_as_the_store_reads_them(searched):
    records = read_records(searched)
    store = TrialStore.read(database_of(searched.path, None), searched.spec().name)
    assert records == store.records()
    assert [record.state for record in records] == ["complete", "paused", "running"]
    assert count_rejections(searched) == len(store.rejections()) == 1


def test_the_runs_of_a_certification_are_read_apart(searched):
    assert read_certification(searched) == []
    spec = searched.spec()
    name = certification_name(spec.name)
    with TrialStore.open(database_of(searched.path, None), name, spec.objectives) as store:
        trial = store.ask(RandomSampler())
        store.begin(trial, TrialRecord(-1, "running", {}, certifies=0, seed=1))
        assert read_certification(searched) == store.records()
    assert len(read_records(searched)) == 3


def test_trials_are_read_without_importing_optuna(searched):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gansearch.storage.run_folder import RunFolder\n"
        "from gansearch.storage.trial_reader import read_records\n"
        "print(len(read_records(RunFolder.open(Path(sys.argv[1])))), 'optuna' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(searched.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "False"]


def test_a_study_that_has_not_begun_is_reported(folder):
    with pytest.raises(RunFolderError, match=r"study\.db does not exist: the study has not begun"):
        read_records(folder)


def test_a_damaged_file_is_reported_with_its_path(searched):
    (searched.path / DATABASE).write_bytes(b"no database at all" * 100)
    with pytest.raises(RunFolderError, match=r"run/study\.db cannot be read: "):
        read_records(searched)


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder.path / DATABASE)) as connection, connection:
        connection.execute(statement, values)


def test_a_damaged_record_is_named_and_left_out(searched):
    change(
        searched,
        "UPDATE trial_user_attributes SET value_json = replace(value_json, 'paused', 'complete')",
    )
    assert [record.number for record in read_records(searched)] == [0, 2]
    (damage,) = searched.damage
    assert "study.db: the record of trial 1 is damaged" in damage


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE trial_user_attributes SET key = 'recorc' WHERE trial_id = 1", "row 1 is missing"),
        ("UPDATE trial_user_attributes SET key = 'rejecteD' WHERE trial_id = 4", "row 4"),
        ("UPDATE trial_user_attributes SET trial_id = 9 WHERE trial_id = 1", "row 1 is missing"),
        ("UPDATE trials SET study_id = 9 WHERE trial_id = 1", "row 1 is missing"),
        ("DELETE FROM trials WHERE trial_id = 2", "trials are missing: 1"),
    ],
)
def test_a_missing_record_is_noticed(searched, statement, message):
    change(searched, statement)
    read_records(searched)
    assert message in "\n".join(searched.damage)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE studies SET study_name = 'tinx'", "holds the studies 'tinx', not 'tiny'"),
        ("UPDATE trial_user_attributes SET value_json = '{'", "cannot be read"),
        ("UPDATE trial_user_attributes SET value_json = x'ff'", "cannot be read"),
        ("DROP TABLE trials", "cannot be read"),
    ],
)
def test_a_damaged_database_is_refused(searched, statement, message):
    change(searched, statement)
    with pytest.raises(RunFolderError, match=rf"study\.db.*{message}"):
        read_records(searched)


def test_a_record_of_a_stranger_may_have_any_number(searched):
    records = read_records(searched)
    with closing(sqlite3.connect(searched.path / DATABASE)) as connection, connection:
        stored = json.dumps(dump_record(replace(records[0], number=10**15)))
        connection.execute(
            "UPDATE trial_user_attributes SET value_json = ? WHERE key = 'record' AND trial_id = 1",
            (stored,),
        )
    folder = RunFolder.open(searched.path)
    assert 10**15 in [record.number for record in read_records(folder)]
    assert any("trials are missing: 0, 3, 4, 5, 6, ..." in line for line in folder.damage)


def test_a_sound_run_has_no_damage(searched):
    read_records(searched)
    count_rejections(searched)
    assert searched.damage == []

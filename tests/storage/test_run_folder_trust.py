"""Run folders that are not the user's own, and files in a run folder that no run has made."""

import json
import shutil
from pathlib import Path

import pytest

from gansearch.errors import RunFolderError
from gansearch.storage.database import database_of, reading_database
from gansearch.storage.run_folder import LOG, STUDY, RunFolder
from gansearch.storage.run_mark import MARK
from gansearch.storage.trial_folder import CANDIDATE
from gansearch.storage.trial_store import TrialStore, forget_run


@pytest.fixture
def folder(tmp_path, make_spec):
    """A run folder with one trial's file."""
    spec = make_spec()
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    folder.trial(0).write_json(CANDIDATE, {})
    return folder


@pytest.fixture
def foreign(folder, tmp_path, monkeypatch):
    """The same folder, for a user who has not made it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another user"))
    return RunFolder.open(folder.path)


def test_a_folder_with_a_study_of_the_users_own_is_no_run_folder(tmp_path, make_spec):
    project = tmp_path / "project"
    project.mkdir()
    (project / STUDY).write_text("# mine\n")
    for use in (RunFolder.open, lambda path: RunFolder.create(path, make_spec())):
        with pytest.raises(RunFolderError, match=r"not a run folder: it has no gansearch.json"):
            use(project)
    lock = RunFolder(project).locked()
    with pytest.raises(RunFolderError, match=r"holds files.*study\.yaml"), lock:
        pass
    assert [path.name for path in project.iterdir()] == [STUDY]


def test_an_empty_folder_becomes_a_run_folder(tmp_path, make_spec):
    with RunFolder(tmp_path).locked():
        folder = RunFolder.create(tmp_path, make_spec())
        folder.write_study(make_spec())
    assert RunFolder.open(tmp_path).is_trusted


def test_fresh_keeps_what_no_run_has_made(folder, tmp_path):
    trials = folder.path / "trials"
    for mine in (trials / "notes.txt", trials / "0000" / "notes.txt", folder.path / "notes.txt"):
        mine.write_text("mine")
    (trials / "0001").symlink_to(tmp_path)
    (folder.path / LOG).touch()
    with folder.locked():
        forget_run(folder, None)
    left = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*")}
    assert left == {
        MARK, "lock", "notes.txt", "trials", "trials/0000", "trials/0001", "trials/notes.txt",
        "trials/0000/notes.txt",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["lock", "run.log", "study.db", "study.db-wal", "trials"])
def test_a_link_at_the_top_is_not_followed(folder, tmp_path, name):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path = folder.path / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(precious)
    with pytest.raises(RunFolderError, match=f"{name} is a link"):
        RunFolder.open(folder.path)
    with pytest.raises(RunFolderError, match=f"{name} is a link"), folder.locked():
        pass
    assert precious.read_text() == "mine"


def test_a_link_in_a_trial_is_not_followed(folder, tmp_path):
    (folder.path / "trials" / "0000" / "samples").symlink_to(tmp_path)
    with pytest.raises(RunFolderError, match="samples is a link"):
        folder.trial(0)


def test_a_study_that_was_changed_is_told_and_can_be_trusted(folder):
    text = (folder.path / STUDY).read_text()
    (folder.path / STUDY).write_text(text.replace("steps: 20", "steps: 30"))
    opened = RunFolder.open(folder.path)
    with pytest.raises(RunFolderError, match=r"study\.yaml is not as the run has written it"):
        opened.spec()
    assert not opened.is_trusted
    opened.trust()
    assert (opened.is_trusted, opened.spec().training.steps) == (True, 30)


def test_a_killed_write_of_the_study_leaves_a_folder_that_can_be_read(folder, make_spec):
    text = (folder.path / STUDY).read_bytes()
    folder.write_study(make_spec("search.trials=9"))
    (folder.path / STUDY).write_bytes(text)  # as if killed between the mark and the study
    assert RunFolder.open(folder.path).spec().name == "tiny"


def test_a_damaged_mark_is_named(folder):
    (folder.path / MARK).write_text("{")
    with pytest.raises(RunFolderError, match=r"gansearch\.json is damaged"):
        RunFolder.open(folder.path)


def test_another_users_run_is_readable_but_not_trusted(foreign):
    assert (foreign.spec().name, foreign.is_trusted) == ("tiny", False)
    foreign.trust()
    assert foreign.is_trusted


def test_a_class_of_a_file_that_a_strangers_run_names_is_not_imported(foreign, make_spec, tmp_path):
    (tmp_path / "theirs.py").write_text("raise SystemExit('imported')\n")
    foreign.write_study(make_spec(f"generator={{use: {tmp_path}/theirs.py:Tiny}}"))
    shutil.rmtree(foreign.path.parent / "of another user")
    with pytest.raises(RunFolderError, match=r"theirs\.py:Tiny.*not made here.*gansearch trust"):
        RunFolder.open(foreign.path).spec()


def test_the_database_of_a_strangers_run_is_not_connected_to(foreign, make_spec):
    foreign.write_study(make_spec("storage=postgresql://me:secret@nowhere.invalid/studies"))
    (Path(foreign.path) / STUDY).touch()
    assert foreign.is_trusted
    shutil.rmtree(foreign.path.parent / "of another user")
    with pytest.raises(RunFolderError, match=r"not made here.*postgresql://me@nowhere.invalid"):
        reading_database(foreign)


@pytest.mark.parametrize("name", ["a?b", "100%", "{x}", "a#b", "a b", "été", "%41", "a'b;c"])
def test_any_name_of_a_folder_holds_its_own_database(tmp_path, make_spec, name):
    spec = make_spec()
    folder = RunFolder.create(tmp_path / name, spec)
    folder.write_study(spec)
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives):
        pass
    assert (folder.path / "study.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert TrialStore.read(database_of(folder.path, None), spec.name).records() == []


@pytest.mark.parametrize(
    "names",
    [["..", ".", "", "a\0b", 3, None, "../outside", "folder"], {"..": 1}, "..", "[" * 100_000],
)
def test_a_manifest_of_a_stranger_removes_only_files_of_its_bundle(folder, tmp_path, names):
    (tmp_path / "outside").write_text("mine")
    (folder.champion / "folder").mkdir(parents=True)
    content = names if names == "[" * 100_000 else json.dumps({"files": names})
    (folder.champion / "bundle.json").write_text(content)
    with folder.locked():
        folder.remove_trials()
    assert (tmp_path / "outside").read_text() == "mine"
    assert (folder.champion / "folder").is_dir()

import pytest
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from gansearch.errors import RunFolderError
from gansearch.signals import Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_mirror import TrialMirror, note_of
from gansearch.storage.trial_store import TrialStore
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import Rejection, TrialRecord


@pytest.fixture
def folder(study_text, tmp_path):
    spec = StudyDocument.parse(study_text).spec()
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    return folder


def test_a_trial_is_shown_as_soon_as_the_driver_has_written_it(folder, monkeypatch):
    monkeypatch.setattr("gansearch.storage.trial_mirror.FRESH", -1.0)
    spec = folder.spec()
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives) as store:
        refused = store.ask(RandomSampler())
        store.tell(refused, Rejection({}, "too large"), None, {})
        trial = store.ask(RandomSampler())
        running = store.begin(trial, TrialRecord(-1, "running", {"generator.width": 8}))
        mirror = TrialMirror(folder, lambda files: {})
        (shown,) = mirror.get_all_trials(1)
        assert (shown.number, shown.state) == (0, TrialState.RUNNING)
        ended = TrialRecord(0, "complete", running.parameters, verdict=Verdict("healthy"))
        store.tell(trial, ended, [10, 0.5], {"failure": 0.0})
        (shown,) = mirror.get_all_trials(1)
        assert (shown.state, shown.values) == (TrialState.COMPLETE, [10, 0.5])
        assert shown.user_attrs["verdict"] == "healthy"
        assert mirror.get_all_trials(1, states=[TrialState.RUNNING]) == []


def test_a_mirror_is_not_written_to(folder):
    spec = folder.spec()
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives):
        mirror = TrialMirror(folder, lambda files: {})
        for write in (
            lambda: mirror.delete_study(1),
            lambda: mirror.create_new_trial(1),
            lambda: mirror.set_study_user_attr(1, "a", 1),
            lambda: mirror.set_study_system_attr(1, "dashboard:note_ver", 1),
            lambda: mirror.set_trial_state_values(1, TrialState.FAIL),
            lambda: mirror.create_new_study([StudyDirection.MINIMIZE]),
        ):
            with pytest.raises(PermissionError, match="written by its driver alone"):
                write()
        with pytest.raises(KeyError, match="no trial with id 7"):
            mirror.get_trial(7)


def test_a_text_of_a_plugin_is_no_markdown(trial):
    text = note_of(trial(1, 10, None, "diverged", reason="<script>|\n![x](http://evil)"))
    assert "Reason: \\<script\\>\\| !\\[x\\](http://evil)" in text


@pytest.mark.parametrize("content", ["{", "[]", '{"1": 3}', "[" * 100_000])
def test_damaged_notes_are_noted_and_not_written_over(folder, content):
    notes = folder.path / "notes.json"
    notes.write_text(content)
    spec = folder.spec()
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives):
        mirror = TrialMirror(folder, lambda files: {}, notes)
        assert mirror.get_study_system_attrs(1)["study:metric_names"]
        assert any("notes.json is damaged" in line for line in folder.damage)
        with pytest.raises(RunFolderError, match=r"notes\.json is damaged"):
            mirror.set_study_system_attr(1, "dashboard:note", "new")
    assert notes.read_text() == content

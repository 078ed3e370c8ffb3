import pytest

from gansearch.storage.run_folder import RunFolder


@pytest.fixture
def foreign(tmp_path, make_spec, monkeypatch):
    """A run folder of somebody else that names a cluster."""
    spec = make_spec("executor={use: ray, address: nowhere.invalid:1}")
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another user"))
    return folder


@pytest.mark.parametrize("command", ["resume", "certify"])
def test_nothing_that_a_strangers_run_names_is_used_unasked(call, foreign, command):
    code, out, err = call(command, foreign.path)
    assert (code, out, "--trust" in err) == (1, "", True)
    assert "executor.use: ray" in err and "executor.address: nowhere.invalid:1" in err


def test_a_run_is_trusted_by_a_command(call, foreign):
    code, out, _ = call("trust", foreign.path)
    assert (code, "executor.address: nowhere.invalid:1" in out) == (0, True)
    assert foreign.is_trusted


def test_control_characters_of_others_are_shown_as_text(call, tmp_path):
    (tmp_path / "log.csv").write_text("\x1b]0;owned\x07,\u202ex\n1,2\n")
    _, out, err = call("diagnose", tmp_path / "log.csv")
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert r"\x1b]0;owned\x07" in out + err

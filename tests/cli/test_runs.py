import json
import os
import shutil
from pathlib import Path

import pytest


def test_runs_are_listed_with_their_trials_and_champion(call, certified):
    code, out, _ = call("runs", certified.parent)
    assert code == 0
    (row,) = [line for line in out.splitlines() if "shrink" in line]
    assert "12 of 12" in row and "trial 7: 6,873 (2.9%)" in row


def test_runs_as_json(call, certified):
    (run,) = json.loads(call("runs", certified.parent, "--json")[1])["runs"]
    assert (run["study"], run["healthy"], run["trials"]["running"]) == ("shrink", 8, 1)
    assert run["champion"]["trial"] == 7


def test_a_damaged_run_is_listed_with_the_reason(call, run):
    shutil.copytree(run, run.parent / "damaged")
    (run.parent / "damaged" / "study.yaml").write_text("name: [")
    code, out, _ = call("runs", run.parent)
    assert (
        code == 0 and "not as the run has written it" in " ".join(out.split()) and "12 of 12" in out
    )


def test_a_folder_without_runs_says_so(call, tmp_path):
    assert "holds no runs yet" in call("runs", tmp_path)[1]
    code, _, err = call("runs", tmp_path / "none")
    assert (code, "there is no folder" in err) == (1, True)


def test_runs_are_looked_up_in_the_folder_that_the_environment_names(
    call, run, monkeypatch, tmp_path
):
    monkeypatch.setenv("GANSEARCH_RUNS", str(run.parent))
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("runs", "--json")
    assert code == 0 and [Path(row["run"]) for row in json.loads(out)["runs"]] == [run]
    assert call("status", run.name)[0] == 0


@pytest.mark.parametrize("seconds", [-(2**40), 2**40, 2**33])
def test_a_run_whose_files_are_of_an_absurd_time_is_listed(call, run, seconds):
    for name in ("study.yaml", "study.db"):
        try:
            os.utime(run / name, (seconds, seconds))
        except (OverflowError, OSError):
            pytest.skip("this file system has no such time")
    code, out, err = call("runs", run.parent, "--json")
    assert (code, err, len(json.loads(out)["runs"])) == (0, "", 1)

import json

import pytest
from PIL import Image
from support.records import replace_in_records

from gansearch.storage.run_folder import RunFolder


def test_status_counts_by_state_and_verdict(call, run):
    told = json.loads(call("status", run, "--json")[1])
    assert told["study"] == "shrink"
    assert told["trials"] == {
        "complete": 8, "pruned": 3, "failed": 1, "running": 1, "paused": 0,
    }  # fmt: skip
    assert told["rejected"] == 0
    assert told["verdicts"] == {
        "healthy": 8, "suspect": 0, "convergence-failure": 1, "mode-collapse": 1, "off-target": 0,
        "diverged": 1, "unjudged": 0,
    }  # fmt: skip
    assert told["steps_trained"] == 8 * 1500 + 1000 + 51 + 600


def test_status_for_people_says_why_trials_were_condemned(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    out = call("status", run)[1]
    assert "8 complete, 3 pruned, 1 failed, 1 running" in out
    assert "the samples cover less than 2% of the data" in out


def test_a_study_name_is_looked_up_under_runs(call, run, monkeypatch):
    monkeypatch.chdir(run.parents[1])
    assert json.loads(call("status", "shrink", "--json")[1])["study"] == "shrink"


def test_an_unknown_run_names_both_places(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("status", "nope")
    assert code == 1
    assert f"neither {tmp_path / 'nope'} nor {tmp_path / 'runs' / 'nope'} exists" in err


def test_a_folder_that_is_no_run_is_refused(call, tmp_path):
    code, _, err = call("status", tmp_path)
    assert (code, err) == (1, f"{tmp_path} is not a run folder: it has no gansearch.json\n")


def test_a_run_that_has_not_begun_is_refused(call, run):
    (run / "study.db").unlink()
    code, _, err = call("status", run)
    assert code == 1
    assert "the study has not begun" in err


def test_show_as_json_tells_all_of_a_trial(call, run):
    told = json.loads(call("show", run, 9, "--json")[1])
    assert (told["trial"], told["state"], told["baseline"]) == (9, "pruned", False)
    assert told["verdict"]["verdict"] == "convergence-failure"
    assert told["parameters"]["generator.width"] == 2
    assert told["files"]["signals"] == "signals.parquet"


def test_show_for_people_tells_evidence_and_sizes(call, run):
    out = call("show", run, 8)[1]
    assert "trial 8  pruned  diverged at step 51" in out
    assert "largest: 8e+16" in out


def test_show_tells_what_to_try_next(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    told = json.loads(call("show", run, 9, "--json")[1])["remedies"]
    assert told[0]["change"] == {"schedule": {"generator_lr": 5e-05}}
    out = call("show", run, 9)[1]
    assert "what to try next" in out and "set schedule: {generator_lr: 5.0e-05}" in out
    assert "what to try next" not in call("show", run, 0)[1]


def test_show_draws_a_trials_curves(call, run, tmp_path):
    code, _, err = call("show", run, 9, "-o", tmp_path / "curves.svg")
    assert (code, err) == (0, f"wrote {tmp_path / 'curves.svg'}\n")
    drawn = (tmp_path / "curves.svg").read_text()
    assert "convergence-failure at 600" in drawn and "pair_ratio" in drawn


def test_show_draws_nothing_of_a_trial_without_signals(call, run, tmp_path):
    code, _, err = call("show", run, 11, "-o", tmp_path / "curves.png")
    assert (code, err) == (1, "trial 11 has kept no signals, so there is nothing to draw\n")


def test_an_unknown_trial_is_refused(call, run):
    code, _, err = call("show", run, 99)
    assert (code, err) == (1, f"{run} has no trial 99; it has 0 to 12\n")


def test_no_trial_number_is_wrong_usage(call, run):
    assert call("show", run, "nine")[0] == 2


def test_show_without_a_trial_lists_all_of_them(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    rows = [line.split()[:3] for line in call("show", run)[1].splitlines()]
    assert ["0", "healthy", "-"] in rows
    assert ["8", "diverged", "51"] in rows
    assert ["11", "failed", "-"] in rows
    assert ["12", "running", "-"] in rows


def test_the_list_has_the_searched_values(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    first, second, *rows = call("show", run)[1].splitlines()
    assert first.split()[:4] == ["at", "G", "G", "schedule"]
    assert second.split()[3:6] == ["width", "norm", "generator_lr"]
    assert rows[1].split()[:6] == ["1", "healthy", "-", "16", "batch", "0.002"]


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        ("mmd", [1, 4, 2, 0, 7, 10, 3, 6]),
        ("coverage", [1, 4, 2, 7, 3, 0, 6, 10]),  # best first: the largest
        ("generator_params", [5, 9, 6, 7, 8, 10, 3, 2, 1, 11, 0, 4]),
        ("generator.width", [5, 6, 9, 12, 3, 7, 8, 10, 2, 1, 0, 4]),
        ("verdict", [9, 8, 0, 1, 2, 3, 4, 6, 7, 10, 5]),
    ],
)
def test_the_list_is_sorted_by_a_column_with_unknown_ones_last(call, run, column, numbers):
    told = json.loads(call("show", run, "--sort", column, "--json")[1])["trials"]
    order = [trial["trial"] for trial in told]
    assert [number for number in order if number in numbers] == numbers
    assert sorted(order) == list(range(13))
    if column == "mmd":
        assert order[: len(numbers)] == numbers


def test_an_unknown_column_names_the_near_one(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, _, err = call("show", run, "--sort", "mmmd")
    assert code == 2 and "unknown column 'mmmd'; did you mean 'mmd'?" in err
    assert call("show", run, 3, "--sort", "mmd")[0] == 2


def test_paused_trials_are_listed_where_one_asks(call, run):
    assert replace_in_records(run, "running", "paused") == 1
    shown = call("show", run)[1]
    assert "1 paused at a rung and left out; --paused lists them too" in shown
    assert not any(line.split()[:1] == ["12"] for line in shown.splitlines())
    shown = call("show", run, "--paused")[1]
    assert any(line.split()[:2] == ["12", "paused"] for line in shown.splitlines())
    assert len(json.loads(call("show", run, "--json")[1])["trials"]) == 13


def test_the_list_of_all_trials_as_json_has_their_figures(call, run):
    told = json.loads(call("show", run, "--json")[1])
    assert (told["study"], len(told["trials"])) == ("shrink", 13)
    worst = told["trials"][8]
    assert (worst["verdict"], worst["step"], worst["generator_trainable"]) == (
        "diverged",
        51,
        10_693 - 64,
    )
    assert (worst["d_loss_real"], worst["g_loss"]) == (0.41, 1.7)


def test_show_animates_how_a_trials_samples_grew(call, run, tmp_path):
    for step in (100, 200):
        Image.new("L", (20, 20), step).save(RunFolder.open(run).trial(3).sample_path(step))
    assert call("show", run, 3, "-o", tmp_path / "evolution.gif")[0] == 0
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 2


def test_nothing_is_animated_of_a_trial_without_pictures(call, run, tmp_path):
    code, _, err = call("show", run, 9, "-o", tmp_path / "evolution.gif")
    assert (code, err) == (
        1,
        "the trial has kept no pictures of its samples, so there is nothing to draw\n",
    )


def test_a_picture_of_all_trials_at_once_is_wrong_usage(call, run, tmp_path):
    assert call("show", run, "-o", tmp_path / "curves.png")[0] == 2

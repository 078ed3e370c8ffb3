import json

import pandas as pd
import pytest


def test_what_fresh_seeds_have_shown_is_told_of_the_front_and_the_champion(call, certified):
    told = json.loads(call("pareto", certified, "--json")[1])
    entries = {entry["trial"]: entry for entry in told["front"]}
    assert entries[7]["certified"]["status"] == "stable"
    assert entries[7]["certified"]["quality"] == {"median": 0.0535, "low": 0.05, "high": 0.06}
    assert (entries[6]["certified"]["status"], entries[2]["certified"]) == ("undecided", None)
    assert told["champion"] == entries[7]


def test_the_front_tells_its_knee_its_steps_down_and_its_reference(call, run):
    told = json.loads(call("pareto", run, "--json")[1])
    assert told["knee"] == 7
    assert told["front"][-1]["step_down"] is None
    assert told["front"][-2]["step_down"] == {
        "from": 1,
        "size": pytest.approx(52_401 / 108_897 - 1),
        "quality": pytest.approx(398 / 305 - 1),
        "within_noise": False,
    }  # fmt: skip
    assert (told["reference_point"], told["reference_of"]) == ([234_177, 0.104], "baseline")
    assert told["hypervolume_scale"] == {"generator_params": "log10", "mmd": "linear"}


def test_the_table_and_the_picture_show_what_is_certified(call, certified, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    (line,) = [
        line
        for line in call("pareto", certified)[1].splitlines()
        if line.split()[:2] == ["7", "♛◆∠"]
    ]
    assert "4/4 ✓" in line
    call("pareto", certified, "-o", tmp_path / "front.svg")
    assert "champion, trial 7" in (tmp_path / "front.svg").read_text()


def test_the_front_as_json_keeps_its_contract(call, run):
    told = json.loads(call("pareto", run, "--json")[1])
    assert [entry["trial"] for entry in told["front"]] == [6, 7, 2, 1]
    assert [axis["metric"] for axis in told["objectives"]] == ["generator_params", "mmd"]
    assert told["front"][0]["values"] == {"generator_params": 3309, "mmd": 0.0625}
    assert {entry["verdict"] for entry in told["front"]} == {"healthy"}
    assert [entry["certified"] for entry in told["front"]] == [None] * 4
    assert told["champion"] is None
    assert told["baseline"]["trial"] == 0
    assert told["hypervolume"] > 0


def test_the_standing_is_told_against_the_baseline(call, run):
    standing = json.loads(call("pareto", run, "--json")[1])["summary"]
    entries = {
        name: entry
        for name, entry in standing.items()
        if isinstance(entry, dict) and "trial" in entry
    }
    assert {name: entry["trial"] for name, entry in entries.items()} == {
        "baseline": 0,
        "smallest_within_tolerance": 7,
        "best_any_size": 1,
        "best_at_baseline_size": 4,
    }
    assert standing["smallest_within_tolerance"]["share_of_baseline"] == pytest.approx(
        6873 / 234177
    )


def test_the_table_marks_what_stands_out(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = call("pareto", run)[1].splitlines()
    (smallest,) = [line for line in lines if line.split()[:2] == ["7", "◆∠"]]
    assert "6,873" in smallest and "2.9%" in smallest


@pytest.mark.parametrize(("name", "start"), [("front.png", b"\x89PNG"), ("front.svg", b"<?xml")])
def test_the_front_is_drawn(call, run, tmp_path, name, start):
    assert call("pareto", run, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_front_is_written_as_csv(call, run, tmp_path):
    call("pareto", run, "-o", tmp_path / "front.csv")
    frame = pd.read_csv(tmp_path / "front.csv")
    assert frame["trial"].tolist() == [6, 7, 2, 1]
    assert frame["generator.width"].tolist() == [2, 4, 8, 16]


def test_other_axes_make_another_front(call, run):
    told = json.loads(call("pareto", run, "--y", "coverage", "--json")[1])
    assert told["objectives"][1] == {
        "metric": "coverage",
        "direction": "maximize",
        "size": False,
        "cost": False,
    }
    assert [entry["trial"] for entry in told["front"]] == [6, 7, 2, 1]


def test_an_axis_that_was_never_measured_is_refused(call, run):
    code, _, err = call("pareto", run, "--y", "coverag")
    assert code == 1
    assert "unknown metric 'coverag'; did you mean 'coverage'" in err


def test_two_equal_axes_are_wrong_usage(call, run):
    assert call("pareto", run, "--x", "mmd")[0] == 2


def test_an_unknown_format_is_wrong_usage(call, run, tmp_path):
    code, _, err = call("pareto", run, "-o", tmp_path / "front.jpg")
    assert code == 2
    assert ".pdf" in err and ".csv" in err


def test_a_folder_that_is_missing_is_named(call, run, tmp_path):
    code, _, err = call("pareto", run, "-o", tmp_path / "none" / "front.png")
    assert (code, err) == (1, f"there is no folder {tmp_path / 'none'} to write front.png into\n")


def test_latency_can_take_the_place_of_the_size(call, run):
    told = json.loads(call("pareto", run, "--x", "latency_ms_1", "--json")[1])
    assert told["objectives"][0] == {
        "metric": "latency_ms_1",
        "direction": "minimize",
        "size": True,
        "cost": True,
    }
    assert told["summary"]["smallest_within_tolerance"]["share_of_baseline"] == 4 / 32

import json


def test_changes_tells_what_each_change_to_the_baseline_did(call, run):
    code, out, _ = call("changes", run)
    assert code == 0
    assert "generator.width, schedule.generator_lr" in " ".join(out.split())
    assert "The baseline is healthy. What makes it fail:" in " ".join(out.split())


def test_changes_gives_programs_the_same(call, run):
    told = json.loads(call("changes", run, "--json")[1])
    groups = {tuple(change["fields"]): change for change in told["changes"]}
    assert (told["baseline"]["trial"], told["quality"], told["mending"]) == (0, "mmd", [])
    assert groups["schedule.generator_lr",]["trials"][0]["values"] == {
        "schedule.generator_lr": 1e-3
    }
    assert groups["generator.width", "schedule.generator_lr"]["failed"] == 3


def test_changes_of_what_is_no_run_is_refused(call, tmp_path):
    code, _, err = call("changes", tmp_path)
    assert code == 1 and "is not a run folder" in err

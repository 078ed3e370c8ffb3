import json

import numpy as np
import pytest
from optuna.samplers import RandomSampler

from gansearch.signals import Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import TrialRecord


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


@pytest.fixture
def varied(study, tmp_path):
    """A search of twelve healthy trials, each of which differs from the baseline in three fields;
    only the width decides on the quality."""
    spec = study()
    folder = RunFolder.create(tmp_path / "varied", spec)
    folder.write_study(spec)
    rng = np.random.default_rng(0)
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives) as store:
        for number in range(13):
            values = {
                "width": 64 if number == 0 else 4 * number,
                "rate": 1e-3 if number == 0 else float(rng.uniform(1e-4, 4e-3)),
                "batch": 64 if number == 0 else int(rng.integers(4, 60)),
            }
            names = ["generator.width", "schedule.generator_lr", "discriminator.width"]
            store.enqueue(dict(zip(names, values.values(), strict=True)))
            asked = store.ask(RandomSampler())
            asked.suggest_int("generator.width", 4, 64)
            asked.suggest_float("schedule.generator_lr", 1e-4, 4e-3)
            asked.suggest_int("discriminator.width", 4, 64)
            mmd = 100.0 - values["width"]
            record = TrialRecord(
                number,
                "complete",
                asked.params,
                candidate={
                    "generator": {"use": "dcgan", "width": values["width"]},
                    "schedule": {"use": "alternating", "generator_lr": values["rate"]},
                    "discriminator": {"use": "dcgan", "width": values["batch"]},
                },
                identity=f"{number:016x}",
                sizes={"generator_params": 100 * values["width"]},
                verdict=Verdict("healthy"),
                metrics={"mmd": mmd},
                steps=1500,
                baseline=number == 0,
            )
            store.tell(asked, record, [100 * values["width"], mmd], {"failure": 0.0})
    return folder.path


def test_a_search_that_varies_everything_is_told_by_importances(call, varied):
    code, out, err = call("changes", varied)
    assert code == 0, err
    assert "Most trials differ from the baseline in more than two fields" in out
    rows = [line.split() for line in out.splitlines() if "%" in line]
    assert rows[0][0] == "generator.width"
    assert rows[0][2:5] == ["44", "to", "64"]  # in the best quarter: the widest
    told = json.loads(call("changes", varied, "--json")[1])["importances"]
    assert max(told, key=told.get) == "generator.width"

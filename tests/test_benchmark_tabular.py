import importlib
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.stubs import RecordingChannel

from gansearch.builtin.detectors import mode_collapse
from gansearch.candidate import Candidate
from gansearch.diagnosis.detection import RunWatch
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import Job
from gansearch.registry import Registry
from gansearch.run import Study
from gansearch.signals import FAILURES
from gansearch.training.loop import train

SCRIPTS = Path(__file__).parents[1] / "benchmarks" / "tabular"
# Looks at every tenth step, and condemns whatever does not cover all of the data.
WATCHED = "detectors: [{use: mode-collapse, coverage: 1.0, looks: 1, grace: 0, start: 0.5}]\n"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """Lets the benchmark's scripts be imported as they import each other."""
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setattr(mode_collapse, "FEWEST_FOR_FIRST", 10)
    monkeypatch.setattr(mode_collapse, "FEWEST_STEPS", 10)
    yield
    for name in ("candidates", "observing", "pack", "record", "rehear", "tables"):
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path):
    """A table of the baseline, with three seeds, and a candidate of each of two strata."""
    plan = "purpose: reporting\nsmallest: 50\nwanted: [1, 1]\nrepeated: [0, 0]\n"
    plan += "rungs: [10, 20]\nmetrics: [mmd, coverage, duplicates]\n"
    (tmp_path / "plan.yaml").write_text(plan)
    return importlib.import_module("tables").TableFolder(tmp_path)


@pytest.fixture
def study_path(folder, study_text):
    path = folder.study
    text = study_text.replace("  steps: 20\n", "  device: cpu\n  steps: 20\n")
    text += "constraints: {generator_params: {max: 1000}}\n"
    path.write_text(text.replace("detectors: [{use: divergence}]\n", WATCHED))
    return path


@pytest.fixture
def candidates_path(folder, study_path):
    rows = importlib.import_module("candidates").choose(Study.load(study_path), folder.plan)
    folder.candidates.write_text("\n".join(json.dumps(row) for row in rows))
    return folder.candidates


@pytest.fixture
def runs(candidates_path):
    return importlib.import_module("record").runs_of(candidates_path)


@pytest.fixture
def recorded(tmp_path, folder, study_path):
    """Records a run and gives its row."""

    def record(run):
        importlib.import_module("record").record(run, study_path, tmp_path, folder.plan)
        return pd.read_parquet(tmp_path / run.file).iloc[0]

    return record


def test_the_studys_own_candidates_come_first_and_every_stratum_gets_its_share(candidates_path):
    rows = [json.loads(line) for line in candidates_path.read_text().splitlines()]
    assert [(row["number"], row["stratum"], row["seeds"]) for row in rows] == [
        (0, -1, 3),
        (1, 0, 1),
        (2, 1, 1),
    ]
    assert 50 <= rows[1]["generator_params"] < 224 <= rows[2]["generator_params"] <= 1000


def test_the_first_seed_of_all_goes_before_the_others(runs):
    assert [run.file for run in runs] == [
        "000-seed0.parquet",
        "001-seed0.parquet",
        "002-seed0.parquet",
        "000-seed1.parquet",
        "000-seed2.parquet",
    ]


def test_to_observe_a_run_leaves_no_trace_in_it(recorded, runs, study_path):
    row, study = recorded(runs[1]), Study.load(study_path)
    candidate = Candidate.from_json(json.loads(row.candidate), Registry())
    alone = train(candidate, study.data, study.spec.training.in_steps(400), RunWatch([]))
    assert row["signals.g_loss"] == pytest.approx(
        [signals["g_loss"] for signals in alone.rows], rel=1e-6
    )


def test_the_last_rung_is_what_a_study_would_report(recorded, runs, study_path, tmp_path):
    row, study = recorded(runs[1]), Study.load(study_path)
    candidate = Candidate.from_json(json.loads(row.candidate), Registry())
    judge = TrialRunner(study.spec.training, (), study.space.metrics)
    outcome = judge(Job(0, candidate, tmp_path), RecordingChannel())
    assert row["coverage"][-1] == pytest.approx(outcome.metrics["coverage"])
    assert list(row["rung"]) == [10, 20]


def test_a_run_goes_on_after_it_is_condemned_and_it_is_known_when_it_was(recorded, runs):
    row = recorded(runs[0])
    assert row.condemned == 10
    change = next(change for change in row.timeline if change["verdict"] in FAILURES)
    assert (change["step"], change["verdict"]) == (10, row.verdict_at_end)
    assert "cover" in change["rule"]
    assert len(row["signals.g_loss"]) == 20
    assert row.verdict_at_end in FAILURES


def test_other_detectors_are_heard_on_what_was_recorded_without_training_it_again(
    recorded, runs, study_path, tmp_path
):
    before, rehear = recorded(runs[0]), importlib.import_module("rehear")
    command = ["--runs", str(tmp_path), "--study", str(study_path)]
    rehear.main(command)
    same = pd.read_parquet(tmp_path / runs[0].file).iloc[0]
    assert (same.condemned, list(same.timeline)) == (before.condemned, list(before.timeline))
    study_path.write_text(study_path.read_text().replace("looks: 1", "looks: 2"))
    rehear.main(command)
    after = pd.read_parquet(tmp_path / runs[0].file).iloc[0]
    assert (after.condemned, after.mmd[-1]) == (20, before.mmd[-1])


def test_a_run_that_is_recorded_is_not_trained_again(recorded, runs, tmp_path):
    recorded(runs[1])
    lacking = importlib.import_module("record").lacking(runs, tmp_path, tmp_path / "table.parquet")
    assert lacking == [runs[0], *runs[2:]]


def test_a_run_that_the_table_has_already_stays_in_it_and_is_not_trained_again(
    recorded, runs, tmp_path
):
    pack, record = importlib.import_module("pack"), importlib.import_module("record")
    pack_into = [
        "--table",
        str(tmp_path),
        "--runs",
        str(tmp_path),
        "--out",
        str(tmp_path),
        "--every",
        "5",
    ]
    recorded(runs[1])
    pack.main(pack_into)
    (tmp_path / runs[1].file).unlink()
    recorded(runs[0])
    pack.main(pack_into)
    assert list(pd.read_parquet(tmp_path / "table.parquet").number) == [0, 1]
    assert record.lacking(runs, tmp_path, tmp_path / "table.parquet") == runs[2:]


def test_a_part_of_the_runs_makes_a_table_that_says_how_many_they_are(
    recorded, runs, tmp_path, candidates_path, folder
):
    recorded(runs[0])
    recorded(runs[3])
    pack = importlib.import_module("pack")
    pack.main(
        ["--table", str(tmp_path), "--runs", str(tmp_path), "--out", str(tmp_path), "--every", "5"]
    )
    table = pd.read_parquet(tmp_path / "table.parquet")
    assert list(zip(table.number, table.seed, strict=True)) == [(0, 0), (0, 1)]
    assert list(table["signals.step"][0]) == [5, 10, 15, 20]
    assert list(pd.isna(table["signals.coverage"][0])) == [True, False, True, False]
    assert "1 of 3 candidates, 2 runs" in (tmp_path / "datasheet.md").read_text()


def test_the_candidates_of_every_table_are_what_its_study_still_searches():
    candidates, tables = importlib.import_module("candidates"), importlib.import_module("tables")
    folders = tables.TableFolder.all()
    assert len(folders) >= 2
    for folder in folders:
        rows = [json.loads(line) for line in folder.candidates.read_text().splitlines()]
        space = Study.load(folder.study).space
        assert len(rows) >= 100
        for row in rows[:20]:
            candidate = candidates.candidate_of(space, row["parameters"])
            assert candidates.parameters_of(space, candidate) == row["parameters"]


def test_those_that_may_be_on_the_front_get_the_other_seeds(recorded, runs, folder, tmp_path):
    record = importlib.import_module("record")
    alone = runs[:3]
    for run in alone:
        row = recorded(run)
        row["ends_well"], row["mmd"] = run.number != 1, [1.0, 100.0 - 30 * run.number]
        table = pd.DataFrame([row])
        table.to_parquet(tmp_path / run.file)
    # By size: 1 has failed, 2 is the best, 0 is the largest and 2.5 times as bad.
    again = record.contenders(alone, tmp_path, folder.table, folder.plan)
    assert [(run.number, run.seed) for run in again] == [(2, 1), (2, 2)]

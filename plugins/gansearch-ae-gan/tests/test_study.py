"""The study that comes with the plugin, from end to end, at a budget of two steps a candidate."""

import json
import subprocess
import sys
from pathlib import Path

STUDY = Path(__file__).parents[3] / "studies" / "ae_gan.yaml"
COMMAND = Path(sys.executable).with_name("gansearch")
TINY = {"training.steps": 2, "training.batch_size": 8, "dataset.limit": 16, "generator.width": 2, "search.trials": 7}


def test_the_study_trains_every_candidate_that_it_names(tmp_path):
    changes = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]
    told = subprocess.run(
        [COMMAND, "run", STUDY, "--workers", "1", "--out", tmp_path, *changes], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    verdicts = [json.loads((tmp_path / f"trials/{trial:04}/verdict.json").read_text()) for trial in range(7)]
    assert {verdict["verdict"] for verdict in verdicts} == {"healthy"}

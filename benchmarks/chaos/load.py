"""A search of 10,000 trials: memory and descriptors of its driver, seconds of its readers, size."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from command import COMMAND

TRIALS = int(os.environ.get("CHAOS_TRIALS", "10000"))
DRIVER_MB, STATUS_S, PARETO_S = 700, 2.0, 5.0
"""Goals, for 10,000 trials: MiB of the driver, seconds of processor time of the two commands."""


class Load:
    """The search, with trainings that are simulated and everything else real."""

    def __init__(self, work: Path) -> None:
        self._run = work / "load"

    def check(self, seed: int) -> tuple[str, list[str]]:
        """Search in a process of its own, then read the run; return figures and broken goals."""
        with tempfile.TemporaryDirectory() as place:
            figures = Path(place) / "figures.json"
            script = [sys.executable, __file__, str(self._run), str(seed), str(figures)]
            subprocess.run(script, check=True)
            found = json.loads(figures.read_text())
        found["size_mb"] = round(
            sum(path.stat().st_size for path in self._run.rglob("*") if path.is_file()) / 2**20, 1
        )
        for name in ("status", "pareto"):
            before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run(
                [COMMAND, name, self._run, "--json"], check=True, stdout=subprocess.DEVNULL
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found |= {f"{name}_cpu_s": round(cpu, 2)}
            found |= {f"{name}_s": round(time.monotonic() - since, 2)}
        wrong = []
        if found["trials"] != TRIALS:
            wrong.append(f"{found['trials']} of {TRIALS} trials")
        if found["driver_mb"] > DRIVER_MB:
            wrong.append(f"the driver takes {found['driver_mb']} MiB")
        if found["descriptors_end"] > found["descriptors_first"]:
            wrong.append("descriptors grow")
        if found["status_cpu_s"] > STATUS_S or found["pareto_cpu_s"] > PARETO_S:
            wrong.append("status or pareto takes too long")
        return json.dumps(found), wrong


def search(run: Path, seed: int) -> dict[str, float]:
    """Search to the end, or go on; return what the driver took."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "driver"))
    import torch

    from gansearch.execution.simulated import SimulatedExecutor
    from gansearch.run import search_driver
    from gansearch.search.listener import Listener
    from gansearch.storage.database import SQLite
    from gansearch.storage.run_folder import DATABASE, RunFolder
    from gansearch.storage.trial_store import TrialStore
    from gansearch.trial_record import TrialRecord

    measure: Any = import_module("measure")  # of benchmarks/driver
    descriptors: list[int] = []

    class Watch(Listener):
        """Listener that counts open descriptors after each trial."""

        def ended(self, record: TrialRecord) -> None:
            descriptors.append(len(os.listdir("/proc/self/fd")))

    torch.set_num_threads(1)
    spec = measure.study_of("random", TRIALS)
    folder = RunFolder.create(run, spec)
    folder.write_study(spec)
    with TrialStore.open(SQLite(run / DATABASE), spec.name, spec.objectives) as store:
        executor = SimulatedExecutor(lambda job: measure.outcome_of(job.candidate), 2)
        search_driver(measure.prepared(spec), store, folder.trial, executor, Watch()).run()
        trials = sum(record.ended for record in store.records())
    return {
        "trials": trials,
        "driver_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "driver_cpu_s": round(time.process_time(), 1),
        "descriptors_first": descriptors[0],
        "descriptors_end": max(descriptors),
    }


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(search(Path(sys.argv[1]), int(sys.argv[2]))))

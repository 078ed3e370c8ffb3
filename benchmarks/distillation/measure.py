"""Measure a small generator with and without a teacher, each with the same seeds.

    python benchmarks/distillation/measure.py OUT [--seeds 3] [--steps 600] [--only SEED]

The teacher is trained in OUT/teacher first. Each run leaves a JSON file in OUT, and what is there
already is not trained again, so that the same command goes on after an interruption. With `--only`
several processes can each train the runs of another seed, once there is a teacher.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from scipy.stats import t

from gansearch.api import run_study
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import AtRung, Decision, Job, Progress
from gansearch.study.study import Study

HERE = Path(__file__).parent
TERMS: dict[str, dict[str, object]] = {
    "no teacher": {},
    **{
        term: {"distill": term, "weight": 0.5}
        for term in ("pixel", "feature", "mmd", "adversarial")
    },
}
"""Section `teacher` by the name of the variant, without the place of the teacher."""
METRICS = ("mmd", "fid", "kid", "sliced_wasserstein", "coverage")
CONFIDENCE = 0.95
Run = dict[str, Any]
"""Verdict, steps, seconds and metrics of a run."""


class Quiet:
    """Channel to nobody."""

    def progress(self, progress: Progress) -> None:
        pass

    def at_rung(self, at_rung: AtRung) -> Decision:
        return Decision.CONTINUE

    def heartbeat(self) -> None:
        pass

    def waiting(self) -> None:
        pass


@dataclass(frozen=True)
class Measured:
    """Runs of the benchmark in a folder."""

    out: Path
    seeds: int
    steps: int

    def record(self, only: int | None) -> None:
        """Train what is missing, seed by seed, so that an interrupted benchmark compares all."""
        teacher = self.out / "teacher"
        if only is None:
            run_study(HERE / "teacher.yaml", teacher, progress=False)
        for seed in range(1, self.seeds + 1) if only is None else [only]:
            for name, section in TERMS.items():
                place = self._place(name, seed)
                if not place.is_file():
                    where = {"run": str(teacher), "trial": 0} if section else {}
                    place.write_text(json.dumps(self._trained(name, seed, section | where)))
                    print(name, seed, flush=True)

    def _trained(self, name: str, seed: int, section: dict[str, object]) -> Run:
        changes = [f"training.steps={self.steps}"]
        if section:
            changes.append(f"teacher={json.dumps(section)}")
        study = Study.load(HERE / "student.yaml", changes)
        space = study.space
        runner = TrialRunner(
            study.spec.training,
            space.detectors,
            space.metrics,
            extractor=study.extractor,
            teacher=study.teacher,
        )
        folder = self.out / "runs" / f"{name.replace(' ', '-')}-{seed}"
        outcome = runner(Job(0, space.baseline, folder, seed=seed), Quiet())
        return {
            "verdict": outcome.verdict.status,
            "seconds": outcome.seconds,
            "steps": outcome.steps,
            "metrics": dict(outcome.metrics),
        }

    def _place(self, name: str, seed: int) -> Path:
        return self.out / f"{name.replace(' ', '-')}-{seed}.json"

    def table(self) -> Iterator[str]:
        """Yield the figures by variant, and the difference in MMD to training without a teacher."""
        yield "| variant | healthy | " + " | ".join(METRICS) + " | mmd minus that of no teacher |"
        yield "|---" * (len(METRICS) + 3) + "|"
        for name in TERMS:
            runs = self._runs(name)
            healthy = {seed: run for seed, run in runs.items() if run["verdict"] == "healthy"}
            cells = [name, f"{len(healthy)} of {len(runs)}"]
            for metric in METRICS:
                values = [run["metrics"][metric] for run in healthy.values()]
                cells.append(f"{mean(values):.4g}" if values else "-")
            cells.append(self._difference(healthy) if name != "no teacher" else "-")
            yield "| " + " | ".join(cells) + " |"

    def _difference(self, healthy: dict[int, Run]) -> str:
        """Return the mean difference of pairs of one seed, with its confidence interval."""
        others = self._runs("no teacher")
        pairs = [
            run["metrics"]["mmd"] - others[seed]["metrics"]["mmd"]
            for seed, run in healthy.items()
            if seed in others and others[seed]["verdict"] == "healthy"
        ]
        if len(pairs) < 2:
            return "-"
        half = t.ppf((1 + CONFIDENCE) / 2, len(pairs) - 1) * stdev(pairs) / len(pairs) ** 0.5
        return f"{mean(pairs):+.1f} ± {half:.1f} ({len(pairs)} pairs)"

    def _runs(self, name: str) -> dict[int, Run]:
        """Return the runs of a variant that have ended, by seed."""
        places = {seed: self._place(name, seed) for seed in range(1, self.seeds + 1)}
        return {s: json.loads(place.read_text()) for s, place in places.items() if place.is_file()}


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", type=int, metavar="SEED")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measured = Measured(arguments.out, arguments.seeds, arguments.steps)
    measured.record(arguments.only)
    print("\n".join(measured.table()))


if __name__ == "__main__":
    main()

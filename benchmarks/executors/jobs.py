"""Jobs that train nothing, in a module of their own, since the workers of Ray cannot import a script."""

from __future__ import annotations

import time

from gansearch.messages import AtRung, Channel, Job, Outcome, Progress
from gansearch.signals import HEALTHY
from gansearch.trial_record import Rung

TIMES = {"nothing": 0, "tell": 1000, "ask": 100}
"""How often a job of each kind does what it does."""
SIGNALS = {f"signal_{i}": float(i) for i in range(20)}
"""As many as a training tells."""


def evaluate(job: Job, line: Channel) -> Outcome:
    """Do what the job's candidate names; the seconds are those that it took in the worker."""
    kind = str(job.candidate)
    before = time.perf_counter()
    for step in range(TIMES[kind]):
        if kind == "tell":
            line.progress(Progress(job.trial, step, TIMES[kind], 1.0, SIGNALS, HEALTHY))
        else:
            line.at_rung(AtRung(job.trial, (Rung(step, {"mmd": 1.0}),)))
    return Outcome(HEALTHY, TIMES[kind], time.perf_counter() - before)

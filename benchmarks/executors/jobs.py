"""Jobs that train nothing; a module of their own, since workers do not import the main script."""

from __future__ import annotations

import time

from gansearch.messages import AtRung, Channel, Job, Outcome, Progress
from gansearch.signals import HEALTHY
from gansearch.trial_record import Rung

TIMES = {"nothing": 0, "tell": 1000, "ask": 100}
"""Number of messages of a job, by kind."""
SIGNALS = {f"signal_{i}": float(i) for i in range(20)}
"""Signals of a progress report, as many as a training has."""


def evaluate(job: Job, channel: Channel) -> Outcome:
    """Send messages of the kind that the job's candidate names; return the seconds it took."""
    kind = str(job.candidate)
    before = time.perf_counter()
    for step in range(TIMES[kind]):
        if kind == "tell":
            channel.progress(Progress(job.trial, step, TIMES[kind], 1.0, SIGNALS, HEALTHY))
        else:
            channel.at_rung(AtRung(job.trial, (Rung(step, {"mmd": 1.0}),)))
    return Outcome(HEALTHY, TIMES[kind], time.perf_counter() - before)
